package reference

import (
	"net/http"

	"countersign/actors/password"
	cast "countersign/actors/ticket"
	"countersign/conformance/catalog"
	"countersign/conformance/ticket"
)

// castTicket plays the roles of the ticket flow.
func castTicket(p part) (http.Handler, error) {
	setup := p.setup.(*ticket.Setup)
	switch p.role {
	case catalog.AccountServer:
		apps := make([]cast.App, 0, len(setup.Apps))
		for _, a := range setup.Apps {
			apps = append(apps, cast.App{ID: a.ID, Secret: a.Secret})
		}
		// Passwords are hashed at the least cost: they live for one check and guard nothing.
		return (&cast.AccountServer{Env: p.env, Issuer: p.base, Apps: apps, Passwords: password.Cheapest(), TestClock: p.advance}).Handler(), nil
	case catalog.AppServer:
		own := setup.Apps[0]
		return (&cast.AppServer{Env: p.env, BaseURL: p.base, ID: own.ID, Issuer: setup.Issuer, Secret: own.Secret, Together: p.live(), TestClock: p.advance}).Handler(), nil
	case catalog.Terminal:
		apps := make([]cast.AppAddress, 0, len(setup.Apps))
		for _, a := range setup.Apps {
			apps = append(apps, cast.AppAddress{ID: a.ID, BaseURL: a.BaseURL})
		}
		return (&cast.Terminal{Env: p.env, BaseURL: p.base, Issuer: setup.Issuer, Apps: apps, TestClock: p.advance}).Handler(), nil
	}
	return nil, &UnknownRoleError{Role: p.role}
}
