package specs_test

import (
	"net/http"

	. "github.com/onsi/ginkgo/v2"

	"countersign/actors/bidirectional"
	"countersign/actors/guard"
	"countersign/actors/live"
	"countersign/actors/password"
	"countersign/actors/ticket"
	setups "countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/specs"
	ticketsetup "countersign/conformance/ticket"
)

// What a vendor writes: one function for each of his handlers, which heeds the site, and one call. The reference stands here for the vendor's implementation.
// The suite of this package is green when all these specs are.
var _ = specs.Register(
	specs.Target{Flow: "ticket", Roles: []catalog.Role{catalog.AppServer}, Handler: appServer},
	specs.Target{Flow: "ticket", Roles: []catalog.Role{catalog.AccountServer}, Level: catalog.Core, Handler: accountServer},
	specs.Target{Name: "our notes service", Flow: "bidirectional@1", Roles: []catalog.Role{catalog.ResourceServer}, Only: []string{"BI-RS-0"}, Handler: resourceServer},
)

func appServer(site specs.Site) (http.Handler, error) {
	world := &live.World{}
	DeferCleanup(world.Close)
	own := site.Setup.(*ticketsetup.Setup).Apps[0]
	return (&ticket.AppServer{
		Env: world.Env("app-server", guard.Set{}), BaseURL: site.Base, ID: own.ID, Secret: own.Secret, Issuer: site.At("account-server"), TestClock: world.Advance,
	}).Handler(), nil
}

func accountServer(site specs.Site) (http.Handler, error) {
	world := &live.World{}
	DeferCleanup(world.Close)
	var apps []ticket.App
	for _, a := range site.Setup.(*ticketsetup.Setup).Apps {
		apps = append(apps, ticket.App{ID: a.ID, Secret: a.Secret})
	}
	return (&ticket.AccountServer{
		Env: world.Env("account-server", guard.Set{Level: catalog.Core}), Issuer: site.Base, Apps: apps, Passwords: password.Cheapest(), TestClock: world.Advance,
	}).Handler(), nil
}

func resourceServer(site specs.Site) (http.Handler, error) {
	world := &live.World{}
	DeferCleanup(world.Close)
	setup := site.Setup.(*setups.Setup)
	server := &bidirectional.ResourceServer{
		Env: world.Env("resource-server", guard.Set{}), BaseURL: site.Base, Issuer: setup.OwnIssuer, HandoverKey: setup.HandoverKey, TestClock: world.Advance,
	}
	for _, c := range setup.Clients {
		server.Clients = append(server.Clients, bidirectional.ClientRegistration{ID: c.ID, Secret: c.Secret, Name: c.Name, Callback: c.Callback})
	}
	for _, u := range setup.Users {
		server.Resources = append(server.Resources, bidirectional.Collection{Owner: u.Name, Resources: []bidirectional.Resource{{ID: "1", Title: "Notes of " + u.Name}}})
	}
	return server.Handler(), nil
}
