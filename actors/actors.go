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

// Env is what an actor is given. All fields but Within and Guards are required.
type Env struct {
	Clock Clock
	// Entropy gives the random stream for one purpose; streams of different purposes do not touch each other.
	Entropy func(purpose string) io.Reader
	// HTTP reaches the other actors. It follows no redirects and keeps no cookies.
	HTTP *http.Client
	// Within gives HTTP with a limit on each exchange, in the time of the actor's world. Where it is nil the limit is in real time.
	Within func(limit time.Duration) *http.Client
	// Store keeps what has to survive a crash.
	Store store.Store
	// Go runs background work that may block; name is for traces.
	Go     func(name string, work func())
	Guards guard.Set
}

// Client is HTTP with a limit on each exchange; where nothing is left of it, an exchange ends at once. One that has no limit of its own, and no Within, is
// not held to any.
func (e Env) Client(limit time.Duration) *http.Client {
	limit = max(limit, time.Nanosecond) // to an http.Client less is no limit
	if e.Within != nil {
		return e.Within(limit)
	}
	bounded := *e.HTTP
	bounded.Timeout = min(bounded.Timeout, limit)
	return &bounded
}
