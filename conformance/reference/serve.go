package reference

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	cast "countersign/actors/bidirectional"
	"countersign/actors/live"
	"countersign/actors/password"
	"countersign/conformance"
	"countersign/conformance/catalog"
)

// Live runs the reference for people: all its parties, or one role of it alone.
type Live struct {
	Flow   conformance.Flow
	Level  catalog.Level
	Defect string
	// PortA and PortB are loopback ports; 0 takes a free one.
	PortA, PortB int
	// Role, if set, is run alone at PortA, with the values of section 8 of the profile.
	Role catalog.Role
	// State, if set, is the folder in which the authentication platform of the unified flow keeps what has to survive, also a kill.
	State string
	// Tell is given what a person should read, a line at a time.
	Tell func(line string)
	// Ready, if set, is given the origins once they answer.
	Ready func(origins ...string)
}

// Serve runs until ctx ends. It returns nil then, and an error when it cannot start or a server breaks.
func (l Live) Serve(ctx context.Context) error {
	defect, err := FindDefect(l.Defect)
	if err != nil {
		return err
	}
	r := Reference{Level: l.Level, Defect: defect}
	world := &live.World{}
	defer world.Close()
	if l.Role != "" {
		return l.serveRole(ctx, r, world)
	}
	return companies()[l.Flow.Name].serve(l, ctx, r, world)
}

func (l Live) serveRole(ctx context.Context, r Reference, world *live.World) error {
	role := l.Role
	if role == "client" {
		role = catalog.ClientInitiating
	}
	listener, origin, err := listen(l.PortA)
	if err != nil {
		return err
	}
	handler, err := r.cast(l.Flow.Name, part{role: role, env: world.Env(string(role), r.guards()), base: origin, setup: l.Flow.Setup(), advance: world.Advance})
	if err != nil {
		_ = listener.Close()
		return err
	}
	l.Tell(fmt.Sprintf("%s at %s; put it under test with: countersign check --target %s", l.Role, origin, origin))
	return l.run(ctx, []net.Listener{listener}, []http.Handler{handler}, origin)
}

// place is one of the two sites.
type place struct {
	name, client   string
	user, password string
	titles         []string
}

func places() [2]place {
	return [2]place{
		{"Lantern Video", "lantern-video", "alice", "lantern-alice", []string{"Harbour at dawn (4 min)", "How to mend a bicycle (11 min)", "Grandmother's garden (2 min)"}},
		{"Wren Microblog", "wren-microblog", "alicia", "wren-alicia", []string{"Rain again. The tomatoes are happy.", "New bicycle chain, new me.", "Reading about authorization. Send tea."}},
	}
}

func (l Live) serveSites(ctx context.Context, r Reference, world *live.World) error {
	first, originA, err := listen(l.PortA)
	if err != nil {
		return err
	}
	second, originB, err := listen(l.PortB)
	if err != nil {
		_ = first.Close()
		return err
	}
	both, origins := places(), [2]string{originA, originB}
	var handlers []http.Handler
	for here := range both {
		handler, err := r.site(world, both, origins, here)
		if err != nil {
			return errors.Join(err, first.Close(), second.Close())
		}
		handlers = append(handlers, handler)
	}
	for i, p := range both {
		l.Tell(fmt.Sprintf("%-15s %s   user name %s, password %s", p.name, origins[i], p.user, p.password))
	}
	l.Tell("Open either in a browser and connect it with the other. Interrupt to stop.")
	return l.run(ctx, []net.Listener{first, second}, handlers, originA, originB)
}

// site assembles one of the two sites whole, on one origin.
func (r Reference) site(world *live.World, both [2]place, origins [2]string, here int) (http.Handler, error) {
	there := 1 - here
	own, peer := both[here], both[there]
	secret := func(client, at int) string { return both[client].client + "-at-" + both[at].client }
	hash, err := password.Cost{}.Hash(own.password, world.Env(own.client, r.guards()).Entropy("accounts"))
	if err != nil {
		return nil, err
	}
	collection := cast.Collection{Owner: own.user}
	for i, title := range own.titles {
		collection.Resources = append(collection.Resources, cast.Resource{ID: fmt.Sprint(i + 1), Title: title})
	}
	return cast.SiteSettings{
		Env: world.Env(own.client, r.guards()), Origin: origins[here], Name: own.name,
		Clients: []cast.ClientRegistration{
			{ID: own.client, Secret: secret(here, here), Name: own.name, Callback: origins[here] + "/callback"},
			{ID: peer.client, Secret: secret(there, here), Name: peer.name, Callback: origins[there] + "/callback"},
		},
		Users: []cast.Account{{Username: own.user, Password: hash}}, Resources: []cast.Collection{collection},
		HandoverKey: own.client + "-handover", ClientID: own.client,
		Peers: []cast.Peer{{Name: peer.name, Issuer: origins[there], Secret: secret(here, there), ClientID: peer.client, PeerSecret: secret(there, here)}},
	}.Site().Handler(), nil
}

func listen(port int) (net.Listener, string, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, "", &PortError{Port: port, Err: err}
	}
	return l, "http://" + l.Addr().String(), nil
}

// PortError says that a port cannot be had.
type PortError struct {
	Port int
	Err  error
}

func (e *PortError) Error() string {
	return fmt.Sprintf("loopback port %d cannot be had: %v; choose another with --port-a and --port-b", e.Port, e.Err)
}

// Unwrap gives the cause.
func (e *PortError) Unwrap() error { return e.Err }

func (l Live) run(ctx context.Context, listeners []net.Listener, handlers []http.Handler, origins ...string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var servers []*http.Server
	for i := range listeners {
		server := &http.Server{Handler: handlers[i], ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, server)
		go func() {
			if err := server.Serve(listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				stop(err)
			}
		}()
	}
	if l.Ready != nil {
		l.Ready(origins...)
	}
	<-ctx.Done()
	for _, server := range servers {
		_ = server.Close()
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
