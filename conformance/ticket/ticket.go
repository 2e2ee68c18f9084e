package ticket

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

// Flow is the ticket flow as the harness knows it.
func Flow() conformance.Flow {
	return conformance.Flow{
		Name: "ticket", Profile: "ticket@1", WellKnown: wellKnown,
		Signs: []conformance.Sign{
			{Member: "authentication_endpoint", Roles: []catalog.Role{catalog.AccountServer}},
			{Member: "resource_endpoint", Roles: []catalog.Role{catalog.AppServer}},
			{Member: "use_endpoint", Roles: []catalog.Role{catalog.Terminal}},
		},
		Checks:      Checks(),
		Setup:       func() conformance.Setup { s := Default(); return &s },
		SetupSchema: setupSchema,
		Patience: map[catalog.Role]time.Duration{
			catalog.AppServer: 10 * time.Second, // it answers within 4 s, tries included: profile, section 5.2
			catalog.Terminal:  65 * time.Second, // a use ends after 60 s: profile, section 6.1
		},
	}
}

// Checks returns every check of the flow, in the order of the catalogue.
func Checks() []conformance.Check {
	return slices.Concat(accountServerChecks(), appServerChecks(), terminalChecks())
}

//go:embed setup.schema.json
var setupSchema []byte

// test is a session with a target of this flow.
type test struct {
	judge.Judge
	Setup
	metadata metadata
	// document is the answer that the metadata were read from.
	document *conformance.Response
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
}

const wellKnown = "/.well-known/ticket-accounts"

// against makes a check's function out of one that wants the setup and the target's metadata.
func against(f func(*test)) func(*conformance.Session) {
	return func(s *conformance.Session) {
		setup, ok := s.Target.Setup.(*Setup)
		if !ok {
			s.Broken("the target has no setup of the ticket flow")
		}
		if len(setup.Apps) < 2 {
			s.Broken("the setup names %d apps, not two: complete it by section 8 of the profile", len(setup.Apps))
		}
		t := &test{Judge: judge.Judge{Session: s}, Setup: *setup}
		t.discover()
		f(t)
	}
}

// base is the URL under which the target's metadata document lies.
func (t *test) base() string { return strings.TrimSuffix(t.Target.URL, "/") }

// discover reads the target's metadata. That an account server's are right in every part is TI-AM-01's business.
func (t *test) discover() {
	req, err := http.NewRequest(http.MethodGet, t.base()+wellKnown, nil)
	if err != nil {
		t.Broken("the target's URL %q cannot be asked: %v", t.Target.URL, err)
	}
	t.document = t.Do("harness", req)
	t.ExpectStatus(t.document, "the metadata document", http.StatusOK)
	if !utf8.Valid(t.document.Body) {
		t.FailAt(t.document.Exchange, "metadata in UTF-8", "bytes that are no UTF-8")
	}
	if err := json.Unmarshal(t.document.Body, &t.metadata); err != nil {
		t.FailAt(t.document.Exchange, "metadata that is a JSON object", fmt.Sprintf("%v", err))
	}
}

// named is an endpoint of the metadata.
func (t *test) named(member, endpoint string) string {
	if endpoint == "" {
		t.FailAt(t.document.Exchange, "metadata that names the "+member, "no "+member+" in the metadata")
	}
	return endpoint
}
