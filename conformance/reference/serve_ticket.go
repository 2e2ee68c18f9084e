package reference

import (
	"fmt"
	"net/http"
	"time"

	cast "countersign/actors/ticket"
)

// ticket assembles a terminal, an account server and two apps.
func (v venue) ticket() ([]http.Handler, error) {
	// Short, so that a person sees a ticket refreshed.
	const keyLifetime = time.Minute
	terminal, issuer := v.origins[0], v.origins[1]
	apps := []struct{ id, secret, base, title string }{
		{"lantern-video", "lantern-secret", v.origins[2], "Harbour at dawn (4 min)"},
		{"wren-microblog", "wren-secret", v.origins[3], "Rain again. The tomatoes are happy."},
	}
	accounts := &cast.AccountServer{Env: v.env("account-server"), Issuer: issuer, AuthorizationKeyLifetime: keyLifetime}
	device := &cast.Terminal{Env: v.env("terminal"), BaseURL: terminal, Issuer: issuer}
	var servers []http.Handler
	for _, a := range apps {
		accounts.Apps = append(accounts.Apps, cast.App{ID: a.id, Secret: a.secret})
		device.Apps = append(device.Apps, cast.AppAddress{ID: a.id, BaseURL: a.base})
		servers = append(servers, (&cast.AppServer{
			Env: v.env(a.id), BaseURL: a.base, ID: a.id, Issuer: issuer, Secret: a.secret, Together: true,
			Resources: func(string) []cast.Resource { return []cast.Resource{{ID: "1", Title: a.title}} },
		}).Handler())
	}
	v.Tell(fmt.Sprintf("%-15s %s", "terminal", terminal))
	v.Tell(fmt.Sprintf("%-15s %s   an authorization key lives for %s", "account server", issuer, keyLifetime))
	for _, a := range apps {
		v.Tell(fmt.Sprintf("%-15s %s", a.id, a.base))
	}
	v.Tell("Open the terminal in a browser, register, and open the two apps. Interrupt to stop.")
	return append([]http.Handler{device.Handler(), accounts.Handler()}, servers...), nil
}
