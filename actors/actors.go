// Package actors says what every actor is given by the world that it lives in, so that it cannot tell a simulated world from the real one.
package actors

import (
	"io"
	"net/http"
	"time"

	"countersign/actors/guard"
	"countersign/actors/store"
)

// Clock is an actor's only source of time.
type Clock interface {
	Now() time.Time
	Sleep(time.Duration)
}

// Env is what an actor is given. All fields but Guards are required.
type Env struct {
	Clock Clock
	// Entropy gives the random stream for one purpose; streams of different purposes do not touch each other.
	Entropy func(purpose string) io.Reader
	// HTTP reaches the other actors. It follows no redirects and keeps no cookies.
	HTTP *http.Client
	// Store keeps what has to survive a crash.
	Store store.Store
	// Go runs background work that may block; name is for traces.
	Go     func(name string, work func())
	Guards guard.Set
}
