package bidirectional

import (
	_ "embed"
	"slices"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
)

// Flow is the bidirectional flow as the harness knows it.
func Flow() conformance.Flow {
	both := []catalog.Role{catalog.ClientInitiating, catalog.ClientReceiving}
	const clientTries = 35 * time.Second // a client may try for 30 s before it answers: profile, section 6.2
	return conformance.Flow{
		Name: "bidirectional", Profile: "bidirectional@1", WellKnown: wellKnown,
		Signs: []conformance.Sign{
			{Member: "temporary_credential_endpoint", Roles: []catalog.Role{catalog.OAuthServer}},
			{Member: "token_handover_endpoint", Roles: []catalog.Role{catalog.ResourceServer}},
			{Member: "start_endpoint", Roles: both},
		},
		Checks:      slices.Concat(oauthServerChecks(), resourceServerChecks(), clientChecks()), // in the order of the catalogue
		Setup:       func() conformance.Setup { s := Default(); return &s },
		SetupSchema: setupSchema,
		Patience:    map[catalog.Role]time.Duration{both[0]: clientTries, both[1]: clientTries},
	}
}

//go:embed setup.schema.json
var setupSchema []byte

// test is a session with a target of this flow.
type test struct {
	judge.Judge
	Setup
	metadata metadata
	document judge.Document
}

// metadata is section 3 of the profile, as the target serves it.
type metadata struct {
	Profile                     string   `json:"profile"`
	Issuer                      string   `json:"issuer"`
	TemporaryCredentialEndpoint string   `json:"temporary_credential_endpoint"`
	AuthorizationEndpoint       string   `json:"authorization_endpoint"`
	TokenEndpoint               string   `json:"token_endpoint"`
	RevocationEndpoint          string   `json:"revocation_endpoint"`
	SignatureMethods            []string `json:"signature_methods_supported"`
	TemporaryCredentialLifetime int      `json:"temporary_credential_lifetime"`
	AccessTokenLifetime         int      `json:"access_token_lifetime"`
	TimestampWindow             int      `json:"timestamp_window"`
	ResourceEndpoint            string   `json:"resource_endpoint"`
	TokenHandoverEndpoint       string   `json:"token_handover_endpoint"`
	ClientID                    string   `json:"client_id"`
	StartEndpoint               string   `json:"start_endpoint"`
	CallbackEndpoint            string   `json:"callback_endpoint"`
	DelegationEndpoint          string   `json:"delegation_endpoint"`
	TestClockEndpoint           string   `json:"test_clock_endpoint"`
}

const wellKnown = "/.well-known/bidirectional-authorization"

// against makes a check's function out of one that wants the setup and the target's metadata.
func against(f func(*test)) func(*conformance.Session) {
	return func(s *conformance.Session) {
		t := &test{Judge: judge.Judge{Session: s}, Setup: judge.SetupOf[Setup](s)}
		if len(t.Clients) < 3 || len(t.Users) < 2 {
			s.Broken("the setup names %d clients and %d users, not three and two: complete it by section 8 of the profile", len(t.Clients), len(t.Users))
		}
		if s.Check.Role == catalog.OAuthServer {
			t.acknowledgeHandovers()
		}
		t.document = t.Discover(wellKnown, &t.metadata)
		f(t)
	}
}
