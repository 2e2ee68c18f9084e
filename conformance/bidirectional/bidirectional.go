package bidirectional

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
		Checks:      Checks(),
		Setup:       func() conformance.Setup { s := Default(); return &s },
		SetupSchema: setupSchema,
		Patience:    map[catalog.Role]time.Duration{both[0]: clientTries, both[1]: clientTries},
	}
}

// Checks returns every check of the flow, in the order of the catalogue.
func Checks() []conformance.Check {
	return slices.Concat(oauthServerChecks(), resourceServerChecks(), clientChecks())
}

//go:embed setup.schema.json
var setupSchema []byte

// test is a session with a target of this flow.
type test struct {
	judge.Judge
	Setup
	metadata metadata
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
		setup, ok := s.Target.Setup.(*Setup)
		if !ok {
			s.Broken("the target has no setup of the bidirectional flow")
		}
		if len(setup.Clients) < 3 || len(setup.Users) < 2 {
			s.Broken("the setup names %d clients and %d users, not three and two: complete it by section 8 of the profile", len(setup.Clients), len(setup.Users))
		}
		t := &test{Judge: judge.Judge{Session: s}, Setup: *setup}
		t.discover()
		f(t)
	}
}

// discover reads the target's metadata. That it is right in every part is BI-OS-01's business.
func (t *test) discover() {
	req, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(t.Target.URL, "/")+wellKnown, nil)
	if err != nil {
		t.Broken("the target's URL %q cannot be asked: %v", t.Target.URL, err)
	}
	resp := t.Do("harness", req)
	t.ExpectStatus(resp, "the metadata document", http.StatusOK)
	if !utf8.Valid(resp.Body) {
		t.FailAt(resp.Exchange, "metadata in UTF-8", "bytes that are no UTF-8")
	}
	if err := json.Unmarshal(resp.Body, &t.metadata); err != nil {
		t.FailAt(resp.Exchange, "metadata that is a JSON object", fmt.Sprintf("%v", err))
	}
}
