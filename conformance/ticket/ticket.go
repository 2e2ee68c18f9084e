package ticket

import (
	_ "embed"
	"slices"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
)

// Flow is the ticket flow as the harness knows it.
func Flow() conformance.Flow {
	return conformance.Flow{
		Name: "ticket", Profile: "ticket@1", WellKnown: wellKnown,
		Signs: []conformance.Sign{
			{Member: "authentication_endpoint", Roles: []catalog.Role{catalog.AccountServer}},
			{Member: "resource_endpoint", Roles: []catalog.Role{catalog.AppServer}},
			{Member: "use_endpoint", Roles: []catalog.Role{catalog.Terminal}},
		},
		Checks:      slices.Concat(accountServerChecks(), appServerChecks(), terminalChecks()), // in the order of the catalogue
		Setup:       func() conformance.Setup { s := Default(); return &s },
		SetupSchema: setupSchema,
		Patience: map[catalog.Role]time.Duration{
			catalog.AppServer: 10 * time.Second, // it answers within 4 s, tries included: profile, section 5.2
			catalog.Terminal:  65 * time.Second, // a use ends after 60 s: profile, section 6.1
		},
	}
}

//go:embed setup.schema.json
var setupSchema []byte

// test is a session with a target of this flow.
type test struct {
	judge.Judge
	Setup
	metadata metadata
	// document is the answer that the metadata were read from.
	document judge.Document
}

// metadata is section 3 of the profile, as the target serves it.
type metadata struct {
	Profile                  string `json:"profile"`
	Issuer                   string `json:"issuer"`
	RegistrationEndpoint     string `json:"registration_endpoint"`
	AuthenticationEndpoint   string `json:"authentication_endpoint"`
	RefreshEndpoint          string `json:"refresh_endpoint"`
	VerificationEndpoint     string `json:"verification_endpoint"`
	RevocationEndpoint       string `json:"revocation_endpoint"`
	AuthorizationKeyLifetime int    `json:"authorization_key_lifetime"`
	RefreshKeyLifetime       int    `json:"refresh_key_lifetime"`
	RefreshGrace             int    `json:"refresh_grace"`
	AppID                    string `json:"app_id"`
	ResourceEndpoint         string `json:"resource_endpoint"`
	UseEndpoint              string `json:"use_endpoint"`
	LogoutEndpoint           string `json:"logout_endpoint"`
	TestClockEndpoint        string `json:"test_clock_endpoint"`
}

const wellKnown = "/.well-known/ticket-accounts"

// against makes a check's function out of one that wants the setup and the target's metadata.
func against(f func(*test)) func(*conformance.Session) {
	return func(s *conformance.Session) {
		t := &test{Judge: judge.Judge{Session: s}, Setup: judge.SetupOf[Setup](s)}
		if len(t.Apps) < 2 {
			s.Broken("the setup names %d apps, not two: complete it by section 8 of the profile", len(t.Apps))
		}
		t.document = t.Discover(wellKnown, &t.metadata)
		f(t)
	}
}
