package unified

import (
	_ "embed"
	"slices"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
)

// Flow is the unified flow as the harness knows it.
func Flow() conformance.Flow {
	return conformance.Flow{
		Name: "unified", Profile: "unified@1", WellKnown: wellKnown,
		Signs: []conformance.Sign{
			{Member: "token_endpoint", Roles: []catalog.Role{catalog.Platform}},
			{Member: "access_endpoint", Roles: []catalog.Role{catalog.ThirdPartyPlatform}},
		},
		Checks:      slices.Concat(platformChecks(), platformLogoutChecks(), thirdPartyChecks()), // in the order of the catalogue
		Setup:       func() conformance.Setup { s := Default(); return &s },
		SetupSchema: setupSchema,
		// A third-party platform may work on a batch for 10 s before it answers: section 5.3 of the profile.
		Patience: map[catalog.Role]time.Duration{catalog.ThirdPartyPlatform: 15 * time.Second},
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
	Profile                                    string   `json:"profile"`
	Issuer                                     string   `json:"issuer"`
	PortalEndpoint                             string   `json:"portal_endpoint"`
	AuthorizationEndpoint                      string   `json:"authorization_endpoint"`
	LogoutEndpoint                             string   `json:"logout_endpoint"`
	TokenEndpoint                              string   `json:"token_endpoint"`
	AuthenticationEndpoint                     string   `json:"authentication_endpoint"`
	StatusEndpoint                             string   `json:"status_endpoint"`
	RegistrationEndpoint                       string   `json:"registration_endpoint"`
	ReviewEndpoint                             string   `json:"review_endpoint"`
	KeyEndpoint                                string   `json:"key_endpoint"`
	CodeChallengeMethodsSupported              []string `json:"code_challenge_methods_supported"`
	AuthorizationResponseIssParameterSupported bool     `json:"authorization_response_iss_parameter_supported"`
	BackchannelLogoutSupported                 bool     `json:"backchannel_logout_supported"`
	JWKSURI                                    string   `json:"jwks_uri"`
	BackchannelLogoutSigningAlgValuesSupported []string `json:"backchannel_logout_signing_alg_values_supported"`
	CodeLifetime                               int64    `json:"code_lifetime"`
	PassTokenLifetime                          int64    `json:"pass_token_lifetime"`
	MessageWindow                              int64    `json:"message_window"`
	KeyOverlap                                 int64    `json:"key_overlap"`
	BatchLimit                                 int      `json:"batch_limit"`
	BatchIdleTime                              int64    `json:"batch_idle_time"`
	BatchMaxWait                               int64    `json:"batch_max_wait"`
	LogoutBound                                int64    `json:"logout_bound"`
	ClientID                                   string   `json:"client_id"`
	AccessEndpoint                             string   `json:"access_endpoint"`
	CallbackEndpoint                           string   `json:"callback_endpoint"`
	HomeEndpoint                               string   `json:"home_endpoint"`
	ResourceEndpoint                           string   `json:"resource_endpoint"`
	BatchLogoutEndpoint                        string   `json:"batch_logout_endpoint"`
	UserLogoutEndpoint                         string   `json:"user_logout_endpoint"`
	BackchannelLogoutEndpoint                  string   `json:"backchannel_logout_endpoint"`
	CredentialLifetime                         int64    `json:"credential_lifetime"`
}

const wellKnown = "/.well-known/unified-login"

// against makes a check's function out of one that wants the setup and the target's metadata.
func against(f func(*test)) func(*conformance.Session) {
	return func(s *conformance.Session) {
		t := &test{Judge: judge.Judge{Session: s}, Setup: judge.SetupOf[Setup](s)}
		t.document = t.Discover(wellKnown, &t.metadata)
		f(t)
	}
}
