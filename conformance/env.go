package conformance

import (
	"errors"
	"io"
	"net/http"
	"time"

	"countersign/conformance/redact"
)

// ErrNoClock is returned by Env.Advance when the target's time can neither be moved nor be waited for.
var ErrNoClock = errors.New("the target offers no test clock and its lifetime is too long to wait for")

// Env is where a check takes place: on real connections, or inside a simulated world.
type Env interface {
	// HTTP reaches the target. It follows no redirects, keeps no cookies, and gives up on an exchange in time.
	HTTP() *http.Client
	// Play makes the harness answer as a party, at that party's address, until Close.
	Play(party string, h http.Handler) error
	// Now is the target's time, as far as it is known.
	Now() time.Time
	// Advance lets the target's time pass; ErrNoClock if it cannot.
	Advance(time.Duration) error
	// Await waits until done reports true, or for limit at the most, and gives done's last answer.
	Await(limit time.Duration, done func() bool) bool
	// Together runs functions at the same time and returns when all have ended. They must not end the check.
	Together(...func())
	// Entropy is the harness's random stream for this check.
	Entropy() io.Reader
	// Within runs a check in these surroundings and returns when it has ended.
	Within(check func()) error
	// Names are the origins that reports call by name because they change from run to run.
	Names() []redact.Name
	Close()
}
