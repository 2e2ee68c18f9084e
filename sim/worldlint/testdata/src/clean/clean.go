// Package clean has nothing to report.
package clean

import (
	"io"
	"net/http"
	"time"
)

type clock interface {
	Now() time.Time
	Sleep(time.Duration)
}

// Actor gets from outside what it may use.
type Actor struct {
	Clock   clock
	Entropy io.Reader
	Client  *http.Client
}

func (a Actor) wait(until time.Time) {
	for a.Clock.Now().Before(until) {
		a.Clock.Sleep(time.Second)
	}
}
