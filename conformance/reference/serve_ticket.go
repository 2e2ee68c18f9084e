package reference

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"countersign/actors/live"
	cast "countersign/actors/ticket"
)

// serveTicket runs a terminal, at PortA, an account server, at PortB, and two apps.
func (l Live) serveTicket(ctx context.Context, r Reference, world *live.World) error {
	// Short, so that a person sees a ticket refreshed.
	const keyLifetime = time.Minute
	var listeners []net.Listener
	var origins []string
	for _, port := range []int{l.PortA, l.PortB, 0, 0} {
		listener, origin, err := listen(port)
		if err != nil {
			for _, open := range listeners {
				err = errors.Join(err, open.Close())
			}
			return err
		}
		listeners, origins = append(listeners, listener), append(origins, origin)
	}
	terminal, issuer := origins[0], origins[1]
	apps := []struct{ id, secret, base, title string }{
		{"lantern-video", "lantern-secret", origins[2], "Harbour at dawn (4 min)"},
		{"wren-microblog", "wren-secret", origins[3], "Rain again. The tomatoes are happy."},
	}
	accounts := &cast.AccountServer{Env: world.Env("account-server", r.guards()), Issuer: issuer, AuthorizationKeyLifetime: keyLifetime}
	device := &cast.Terminal{Env: world.Env("terminal", r.guards()), BaseURL: terminal, Issuer: issuer}
	var servers []http.Handler
	for _, a := range apps {
		accounts.Apps = append(accounts.Apps, cast.App{ID: a.id, Secret: a.secret})
		device.Apps = append(device.Apps, cast.AppAddress{ID: a.id, BaseURL: a.base})
		servers = append(servers, (&cast.AppServer{
			Env: world.Env(a.id, r.guards()), BaseURL: a.base, ID: a.id, Issuer: issuer, Secret: a.secret,
			Resources: func(string) []cast.Resource { return []cast.Resource{{ID: "1", Title: a.title}} },
		}).Handler())
	}
	l.Tell(fmt.Sprintf("%-15s %s", "terminal", terminal))
	l.Tell(fmt.Sprintf("%-15s %s   an authorization key lives for %s", "account server", issuer, keyLifetime))
	for _, a := range apps {
		l.Tell(fmt.Sprintf("%-15s %s", a.id, a.base))
	}
	l.Tell("Open the terminal in a browser, register, and open the two apps. Interrupt to stop.")
	return l.run(ctx, listeners, append([]http.Handler{device.Handler(), accounts.Handler()}, servers...), origins...)
}
