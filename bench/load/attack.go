package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"countersign/bench/load/lean"
)

// Attacker plays a script over a bounded number of connections. Prepare it, attack with it as often as you like, and clean up.
type Attacker struct {
	Script Script
	// Connections bounds how many journeys are under way, each over a connection of its own to every host that it meets; 0 means 64.
	Connections int
	// Limit bounds one exchange; 0 means 10 s.
	Limit time.Duration
	// Drain is for how long, after the last journey was to begin, those that still wait for a connection may begin; what waits then is dropped. 0 means Limit.
	Drain time.Duration
	// TLS is what connections over TLS are opened with.
	TLS *tls.Config
	// Progress, if set, is told what came of each second.
	Progress func(Second)
	// Sleep waits until a journey is due; nil: on a thread of its own, to some microseconds.
	Sleep func(time.Duration)

	seats []*Seat
}

// Defaults of an Attacker.
const (
	DefaultConnections = 64
	DefaultLimit       = 10 * time.Second
)

// grain is the shortest sleep: journeys that are due within it are let go together when the last of them is due. To wake up for each would cost more than it tells.
const grain = 50 * time.Microsecond

// PrepareError says that what journeys need could not be made at the target.
type PrepareError struct{ Err error }

func (e *PrepareError) Error() string {
	return "the users and tokens for the load could not be made at the target: " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *PrepareError) Unwrap() error { return e.Err }

// Unreachable reports whether the target did not answer at all.
func (e *PrepareError) Unreachable() bool {
	var none *lean.Error
	return errors.As(e.Err, &none)
}

func (a *Attacker) limit() time.Duration {
	if a.Limit > 0 {
		return a.Limit
	}
	return DefaultLimit
}

// Prepare makes what the journeys need. The error is a *PrepareError, or that of the context.
func (a *Attacker) Prepare(ctx context.Context) error {
	n := a.Connections
	if n <= 0 {
		n = DefaultConnections
	}
	for number := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := &Seat{Number: number, names: a.Script.Legs(), limit: a.limit(), tls: a.TLS}
		a.seats = append(a.seats, s)
		if err := a.Script.Prepare(ctx, s); err != nil {
			return &PrepareError{err}
		}
	}
	return nil
}

// CleanError says that something of what was made for the load is left at the target.
type CleanError struct{ Err error }

func (e *CleanError) Error() string {
	return "what was made for the load could not all be taken away at the target: " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *CleanError) Unwrap() error { return e.Err }

// Clean takes away what was made at the target and closes the connections. The error is a *CleanError.
func (a *Attacker) Clean() error {
	var first error
	for _, s := range a.seats {
		if err := a.Script.Clean(s); err != nil && first == nil {
			first = &CleanError{err}
		}
		s.close()
	}
	a.seats = nil
	return first
}

// BrokenError says that the harness itself broke while it played a journey.
type BrokenError struct{ Err error }

func (e *BrokenError) Error() string {
	return fmt.Sprintf("the harness broke in a journey: %v", e.Err)
}

// Unwrap gives the cause.
func (e *BrokenError) Unwrap() error { return e.Err }

// Attack plays the journeys of a pacer and records them. It returns when all have ended or were dropped. The error is that of the context, for a run that
// was stopped, of Pacer.Check, or a *BrokenError.
func (a *Attacker) Attack(ctx context.Context, p Pacer, r *Recorder) error {
	if err := p.Check(); err != nil {
		return err
	}
	r.begin(a.Script.Legs(), p, a.opened())
	ended, watched, waiting := make(chan struct{}), make(chan struct{}), new(atomic.Int64)
	go func() {
		defer close(watched)
		a.watch(r, waiting, ended)
	}()
	left, broke := a.journeys(ctx, p, r, func(n int) { waiting.Store(int64(n)) })
	stopped := ctx.Err()
	if stopped == nil && broke == nil {
		for n := p.Journeys() - left; n < p.Journeys(); n++ {
			r.drop(p.At(n))
		}
		waiting.Store(0)
		if h, ok := a.Script.(Host); ok {
			r.strange(h.Unanswered())
		}
	}
	close(ended)
	<-watched
	switch {
	case stopped != nil:
		return stopped
	case broke != nil:
		return &BrokenError{broke}
	}
	r.end(a.opened())
	return nil
}

func (a *Attacker) opened() int {
	n := 0
	for _, s := range a.seats {
		n += s.opened()
	}
	return n
}

// journeys plays them all, and gives how many never began. The error is that of a script, where the harness broke.
func (a *Attacker) journeys(ctx context.Context, p Pacer, r *Recorder, waiting func(int)) (left int, err error) {
	if looping && a.Sleep == nil {
		return a.loop(ctx, p, r, waiting)
	}
	return a.crowd(ctx, p, r, waiting)
}

// journey plays one.
func (a *Attacker) journey(s *Seat, p Pacer, n int, r *Recorder) error {
	due := p.At(n)
	s.Journey, s.recorder, s.since, s.measured = n, r, due, due >= r.WarmUp
	r.start(r.now()-due, s.measured)
	err := a.Script.Play(s)
	if broke := r.finish(due, r.now(), s.measured, err); broke {
		return err
	}
	return nil
}

// drainTime is how long what waits may still begin after the last journey was due.
func (a *Attacker) drainTime() time.Duration {
	if a.Drain > 0 {
		return a.Drain
	}
	return a.limit()
}

// watch closes a second of the record every second, until the run has ended.
func (a *Attacker) watch(r *Recorder, waiting *atomic.Int64, ended <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var last bool
		select {
		case <-tick.C:
		case <-ended:
			last = true
		}
		second := r.second(int(waiting.Load()))
		if a.Progress != nil {
			a.Progress(second)
		}
		if last {
			return
		}
	}
}
