package reference

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"countersign/actors/live"
	"countersign/conformance"
	"countersign/conformance/redact"
)

// OnLoopback gives a check a reference of its own, on real connections at free ports of the loopback interface.
func (r Reference) OnLoopback(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
	flow, err := flowOf(c)
	if err != nil {
		return nil, conformance.Target{}, err
	}
	stage, setup := &conformance.Stage{}, flow.Setup()
	var aliases []redact.Name
	for _, a := range setup.Addresses() {
		if *a.Origin, err = stage.Listen(a.Party, "127.0.0.1:0"); err != nil {
			stage.Close()
			return nil, conformance.Target{}, err
		}
		aliases = append(aliases, redact.Name{Origin: *a.Origin, As: "http://" + a.Party})
	}
	world := &live.World{Seed: &r.Seed}
	server, base, err := r.serve(flow, c, world, setup)
	if err != nil {
		stage.Close()
		return nil, conformance.Target{}, err
	}
	harness := &live.World{Seed: &r.Seed}
	wire := &conformance.Wire{
		Context: ctx, Stage: stage, Limit: flow.PatienceWith(c.Role), Random: harness.Env("harness/"+c.Name(), r.guards()).Entropy("check"),
		Clock:   func(d time.Duration) (time.Time, error) { return world.Advance(d), nil },
		Aliases: append(aliases, redact.Name{Origin: base, As: "http://" + string(c.Role)}),
		OnClose: func() {
			_ = server.Close()
			world.Close()
			stage.Close()
		},
	}
	return wire, conformance.Target{URL: base, Setup: setup, Run: r.run()}, nil
}

func (r Reference) serve(flow conformance.Flow, c conformance.Check, world *live.World, setup conformance.Setup) (*http.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("the reference cannot listen on loopback: %w", err)
	}
	base := "http://" + l.Addr().String()
	handler, err := r.cast(flow.Name, part{role: c.Role, env: world.Env(string(c.Role), r.guards()), base: base, setup: setup, advance: world.Advance})
	if err != nil {
		_ = l.Close()
		return nil, "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(l) }() // ends with Close
	return server, base, nil
}
