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
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/redact"
)

// OnLoopback gives a check a reference of its own, on real connections at free ports of the loopback interface.
func (r Reference) OnLoopback(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
	stage := &conformance.Stage{}
	setup := bidirectional.Default()
	var err error
	if setup.OwnIssuer, err = stage.Listen("site-a", "127.0.0.1:0"); err == nil {
		setup.PeerIssuer, err = stage.Listen("site-b", "127.0.0.1:0")
	}
	if err != nil {
		stage.Close()
		return nil, conformance.Target{}, err
	}
	world := &live.World{Seed: &r.Seed}
	server, base, err := r.serve(c, world, setup)
	if err != nil {
		stage.Close()
		return nil, conformance.Target{}, err
	}
	harness := &live.World{Seed: &r.Seed}
	wire := &conformance.Wire{
		Context: ctx, Stage: stage, Limit: limit(c.Role), Random: harness.Env("harness/"+c.Name(), r.guards()).Entropy("check"),
		Clock: func(d time.Duration) (time.Time, error) { return world.Advance(d), nil },
		Aliases: []redact.Name{
			{Origin: base, As: "http://" + string(c.Role)}, {Origin: setup.OwnIssuer, As: "http://site-a"}, {Origin: setup.PeerIssuer, As: "http://site-b"},
		},
		OnClose: func() {
			_ = server.Close()
			world.Close()
			stage.Close()
		},
	}
	return wire, conformance.Target{URL: base, Setup: setup}, nil
}

func (r Reference) serve(c conformance.Check, world *live.World, setup bidirectional.Setup) (*http.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("the reference cannot listen on loopback: %w", err)
	}
	base := "http://" + l.Addr().String()
	handler, err := r.role(c.Role, world.Env(string(c.Role), r.guards()), base, setup, world.Advance)
	if err != nil {
		_ = l.Close()
		return nil, "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(l) }() // ends with Close
	return server, base, nil
}

// limit is how long one exchange with a role may take: a client may try for 30 s before it answers (profile, section 6.2).
func limit(role catalog.Role) time.Duration {
	if role == catalog.ClientInitiating || role == catalog.ClientReceiving {
		return 35 * time.Second
	}
	return 10 * time.Second
}
