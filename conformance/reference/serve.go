package reference

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"countersign/actors"
	"countersign/actors/live"
	"countersign/actors/store"
	"countersign/actors/store/bolt"
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
	// Setup, if set, has the values for the one role, in place of those of section 8 of the profile.
	Setup conformance.Setup
	// State, if set, is the folder, which has to exist, in which the authentication platform of the unified flow, or the one role, keeps what has to survive, also a kill.
	State string
	// Server, if set, is what all parties are served over TLS with.
	Server *tls.Config
	// Client is how parties reach others over https; nil trusts whom the machine trusts.
	Client *tls.Config
	// Tell is given what a person should read, a line at a time.
	Tell func(line string)
	// Ready, if set, is given the origins once they answer.
	Ready func(origins ...string)
}

// Serve runs until ctx ends. It returns nil then, and an error when it cannot start or a server breaks.
func (l Live) Serve(ctx context.Context) (failure error) {
	defect, err := FindDefect(l.Defect)
	if err != nil {
		return err
	}
	r := Reference{Level: l.Level, Defect: defect}
	world := &live.World{TLS: l.Client}
	defer world.Close()
	v := venue{Live: l, reference: r, world: world}
	assemble, parties := companies()[l.Flow.Name].assemble, companies()[l.Flow.Name].parties
	if l.Role != "" {
		assemble, parties = venue.role, 1
	}
	listeners, err := v.listen(parties)
	if err != nil {
		return err
	}
	if l.State != "" {
		file, err := bolt.Open(filepath.Join(l.State, l.Flow.Name+".db"))
		if err != nil {
			return errors.Join(err, closeAll(listeners))
		}
		v.store = file
		// The background work ends with the world, before its file is closed.
		defer func() {
			world.Close()
			failure = errors.Join(failure, file.Close())
		}()
	}
	handlers, err := assemble(v)
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	return l.run(ctx, listeners, handlers, v.origins...)
}

// venue is where parties are served, each at an origin of its own.
type venue struct {
	Live
	reference Reference
	world     *live.World
	origins   []string
	store     store.Store // for what has to survive; nil where nothing does
}

// env is what an actor of the reference is given.
func (v venue) env(actor string) actors.Env { return v.world.Env(actor, v.reference.guards()) }

// lasting is env with the store that survives, where there is one.
func (v venue) lasting(actor string) actors.Env {
	env := v.env(actor)
	if v.store != nil {
		env.Store = v.store
	}
	return env
}

// role assembles one role of the flow alone.
func (v venue) role() ([]http.Handler, error) {
	role, origin, setup := v.Role, v.origins[0], v.Setup
	if role == "client" {
		role = catalog.ClientInitiating
	}
	if setup == nil {
		setup = v.Flow.Setup()
	}
	handler, err := v.reference.cast(v.Flow.Name, part{role: role, env: v.lasting(string(role)), base: origin, setup: setup, advance: v.world.Advance})
	if v.Server != nil { // who checks it needs to know more than the origin
		v.Tell(fmt.Sprintf("%s at %s", v.Role, origin))
	} else {
		v.Tell(fmt.Sprintf("%s at %s; put it under test with: countersign check --target %s", v.Role, origin, origin))
	}
	return []http.Handler{handler}, err
}

// listen takes PortA, PortB and free ports, as many as there are parties, or none.
func (v *venue) listen(parties int) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, port := range append([]int{v.PortA, v.PortB}, make([]int, parties)...)[:parties] {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return nil, errors.Join(&PortError{Port: port, Err: err}, closeAll(listeners))
		}
		scheme := "http"
		if v.Server != nil {
			scheme = "https"
		}
		listeners, v.origins = append(listeners, l), append(v.origins, scheme+"://"+l.Addr().String())
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) error {
	var err error
	for _, open := range listeners {
		err = errors.Join(err, open.Close())
	}
	return err
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
		server := &http.Server{Handler: handlers[i], ReadHeaderTimeout: 10 * time.Second, TLSConfig: l.Server.Clone()}
		serve := server.Serve
		if l.Server != nil {
			serve = func(plain net.Listener) error { return server.ServeTLS(plain, "", "") } // with the certificates of TLSConfig
		}
		servers = append(servers, server)
		go func() {
			if err := serve(listeners[i]); !errors.Is(err, http.ErrServerClosed) {
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
