package reference

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/actors"
	"countersign/actors/store"
	"countersign/conformance"
	"countersign/conformance/redact"
	"countersign/sim"
)

// The addresses in the simulated world are loopback's, so that plain HTTP is as legal as it is on real connections.
const targetHost = "127.0.0.1:8790"

// InWorld gives a check a reference of its own in a simulated world: the same bytes for the same seed, and expiry without waiting.
func (r Reference) InWorld(_ context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
	flow, err := flowOf(c)
	if err != nil {
		return nil, conformance.Target{}, err
	}
	w := &inWorld{world: sim.New(sim.Config{
		Seed: r.Seed, Timeout: flow.PatienceWith(c.Role), Horizon: 40 * 24 * time.Hour,
		Stall: 2 * time.Minute, // of real time: a machine that many share is slow, and that is no fault of a check's
	}), played: map[string]http.Handler{}}
	setup := flow.Setup()
	var broken error
	w.target = w.world.Host(targetHost, func(h *sim.Host) http.Handler {
		handler, err := r.cast(flow.Name, part{role: c.Role, env: r.env(h), base: "http://" + targetHost, setup: setup})
		if err != nil {
			broken = err
			return nil
		}
		return handler
	})
	w.broken = &broken
	for _, a := range setup.Addresses() {
		w.world.Host(strings.TrimPrefix(*a.Origin, "http://"), func(*sim.Host) http.Handler { return w.party(a.Party) })
	}
	w.harness = w.world.Host("harness", nil)
	return w, conformance.Target{URL: "http://" + targetHost, Setup: setup, Run: r.run()}, nil
}

// env makes a simulated host the surroundings of an actor.
func (r Reference) env(h *sim.Host) actors.Env {
	return actors.Env{
		Clock: h.Clock(), Entropy: func(purpose string) io.Reader { return h.Entropy(r.strain + purpose) }, HTTP: h.Client(), Within: h.ClientWithin, Go: h.Go, Guards: r.guards(),
		Store: h.Durable("store", func() any { return &store.Memory{} }).(store.Store),
	}
}

// inWorld is the Env of checks in a simulated world.
type inWorld struct {
	world           *sim.World
	target, harness *sim.Host
	played          map[string]http.Handler
	broken          *error
}

func (w *inWorld) party(name string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if h := w.played[name]; h != nil {
			h.ServeHTTP(rw, r)
			return
		}
		rw.WriteHeader(http.StatusNoContent)
	})
}

func (w *inWorld) HTTP() *http.Client { return w.harness.Client() }

func (w *inWorld) Play(party string, h http.Handler) error {
	w.played[party] = h
	return nil
}

func (w *inWorld) Now() time.Time { return w.harness.Clock().Now() }

func (w *inWorld) Advance(d time.Duration) error {
	w.harness.Clock().Sleep(d)
	return nil
}

func (w *inWorld) Await(limit time.Duration, done func() bool) bool {
	const beat = 20 * time.Millisecond
	for ; limit > 0 && !done(); limit -= beat {
		w.harness.Clock().Sleep(beat)
	}
	return done()
}

func (w *inWorld) Together(functions ...func()) {
	running := len(functions)
	for _, f := range functions {
		w.harness.Go("beside the check", func() {
			f()
			running--
		})
	}
	for running > 0 {
		w.harness.Clock().Sleep(time.Millisecond)
	}
}

func (w *inWorld) Entropy() io.Reader { return w.harness.Entropy("check") }

func (w *inWorld) Within(check func()) error {
	w.harness.Go("check", func() {
		check()
		w.target.Crash(-1) // whatever the target would still do later has nothing to do with this check
	})
	if err := w.world.Run(); err != nil {
		return fmt.Errorf("the simulated world broke: %w", err)
	}
	return *w.broken
}

func (w *inWorld) Names() []redact.Name {
	return []redact.Name{{Origin: "http://" + targetHost, As: "http://target"}}
}

func (w *inWorld) Close() { w.world.Close() }
