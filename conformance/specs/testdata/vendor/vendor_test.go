// Package vendor_test is a vendor's suite in many conditions, of which each run of it takes one.
package vendor_test

import (
	"errors"
	"flag"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/live"
	"countersign/actors/password"
	"countersign/actors/ticket"
	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/specs"
	setups "countersign/conformance/ticket"
)

var (
	condition = flag.String("condition", "", "name of what the suite is to show")
	url       = flag.String("url", "", "where a target runs")
	file      = flag.String("file", "", "a countersign.yaml")
)

func TestVendor(t *testing.T) {
	RegisterFailHandler(Fail)
	targets, ok := conditions()[*condition]
	if !ok {
		t.Fatalf("there is no condition %q", *condition)
	}
	specs.Register(targets...)
	RunSpecs(t, "Vendor")
}

func conditions() map[string][]specs.Target {
	app := specs.Target{Flow: "ticket", Roles: []catalog.Role{catalog.AppServer}, Handler: appServer()}
	with := func(change func(*specs.Target)) []specs.Target {
		changed := app
		change(&changed)
		return []specs.Target{changed}
	}
	quick := []string{"TI-AP-01", "TI-AP-02", "TI-AP-03", "TI-AP-10"}
	march := []config.ExpectedFailure{{ID: "TI-AP-10", Reason: "the cache is rebuilt in March"}}
	return map[string][]specs.Target{
		"conformant":           with(func(*specs.Target) {}),
		"quick":                with(func(t *specs.Target) { t.Only = quick }),
		"another app's ticket": with(func(t *specs.Target) { t.Only, t.Handler = append(quick, "TI-AP-09"), appServer("TI-AP-09") }),
		"two targets": {
			{Name: "first", Flow: "ticket", Roles: app.Roles, Only: quick, Handler: appServer()},
			{Name: "second", Flow: "ticket", Roles: app.Roles, Only: quick, Handler: appServer("TI-AP-10")},
		},
		"core account server": {{
			Flow: "ticket", Roles: []catalog.Role{catalog.AccountServer}, Level: catalog.Core, Handler: accountServer(),
		}},
		"should": {{Flow: "ticket", Roles: []catalog.Role{catalog.Terminal}, Only: []string{"TI-TE-15"}, Handler: terminal("TI-TE-15")}},

		"at a URL":  {{URL: *url, File: *file, Only: quick}},
		"by a file": {{File: *file, Only: quick, Handler: appServer()}},

		"no target":       {},
		"no flow":         with(func(t *specs.Target) { t.Flow = "" }),
		"unknown flow":    with(func(t *specs.Target) { t.Flow = "tickets" }),
		"no role":         with(func(t *specs.Target) { t.Roles = nil }),
		"other role":      with(func(t *specs.Target) { t.Roles = []catalog.Role{"oauth-server"} }),
		"no such check":   with(func(t *specs.Target) { t.Only = []string{"TI-AP-99"} }),
		"nothing to test": with(func(t *specs.Target) { t.Handler = nil }),
		"two sources":     with(func(t *specs.Target) { t.URL = "http://127.0.0.1:9" }),
		"expects what is not chosen": with(func(t *specs.Target) {
			t.Only, t.ExpectedFailures = quick, []config.ExpectedFailure{{ID: "TI-AP-09", Reason: "it is not looked at"}}
		}),

		"no handler": with(func(t *specs.Target) {
			t.Handler = func(specs.Site) (http.Handler, error) { return nil, errors.New("the database is away") }
		}),
		"nil handler": with(func(t *specs.Target) {
			t.Handler = func(specs.Site) (http.Handler, error) { return nil, nil }
		}),
		"expected to fail":    with(func(t *specs.Target) { t.Only, t.Handler, t.ExpectedFailures = quick, appServer("TI-AP-10"), march }),
		"passes unexpectedly": with(func(t *specs.Target) { t.Only, t.ExpectedFailures = quick, march }),
		"broken harness":      with(func(t *specs.Target) { t.Only, t.Setup = []string{"TI-AP-01"}, noApps }),
		"cannot wait": {{
			Flow: "ticket", Roles: []catalog.Role{catalog.AccountServer}, Only: []string{"TI-AM-14"}, MaxWait: time.Second, Handler: accountServer(),
		}},
	}
}

// appServer makes app servers that lack some guards.
func appServer(lifted ...catalog.ID) func(specs.Site) (http.Handler, error) {
	return func(site specs.Site) (http.Handler, error) {
		world := &live.World{}
		DeferCleanup(world.Close)
		return (&ticket.AppServer{
			Env: world.Env("app-server", guard.Set{Lifted: lifted}), BaseURL: site.Base, ID: "app-one", Secret: "secret-of-app-one",
			Issuer: site.At("account-server"), TestClock: world.Advance,
		}).Handler(), nil
	}
}

// accountServer makes account servers without a test clock.
func accountServer() func(specs.Site) (http.Handler, error) {
	return func(site specs.Site) (http.Handler, error) {
		world := &live.World{}
		DeferCleanup(world.Close)
		apps := []ticket.App{{ID: "app-one", Secret: "secret-of-app-one"}, {ID: "app-two", Secret: "secret-of-app-two"}}
		return (&ticket.AccountServer{Env: world.Env("account-server", guard.Set{}), Issuer: site.Base, Apps: apps, Passwords: password.Cheapest()}).Handler(), nil
	}
}

// terminal makes terminals that lack some guards.
func terminal(lifted ...catalog.ID) func(specs.Site) (http.Handler, error) {
	return func(site specs.Site) (http.Handler, error) {
		world := &live.World{}
		DeferCleanup(world.Close)
		apps := []ticket.AppAddress{{ID: "app-one", BaseURL: site.At("app-one")}, {ID: "app-two", BaseURL: site.At("app-two")}}
		return (&ticket.Terminal{
			Env: world.Env("terminal", guard.Set{Lifted: lifted}), BaseURL: site.Base, Issuer: site.At("account-server"), Apps: apps, TestClock: world.Advance,
		}).Handler(), nil
	}
}

// noApps is a setup that the checks cannot work with.
func noApps() conformance.Setup {
	s := setups.Default()
	s.Apps = nil
	return &s
}
