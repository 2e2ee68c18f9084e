package mobile

import (
	_ "embed"
	"slices"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
)

// Flow is the mobile flow as the harness knows it.
func Flow() conformance.Flow {
	return conformance.Flow{
		Name: "mobile", Profile: "mobile@1", WellKnown: wellKnown,
		Signs: []conformance.Sign{
			{Member: "authentication_endpoint", Roles: []catalog.Role{catalog.AuthorizationServer}},
			{Member: "resource_endpoint", Roles: []catalog.Role{catalog.BusinessSystem}},
			{Member: "start_endpoint", Roles: []catalog.Role{catalog.MobileApp}},
		},
		Checks:      slices.Concat(authorizationServerChecks(), businessSystemChecks(), mobileAppChecks()), // in the order of the catalogue
		Setup:       func() conformance.Setup { s := Default(); return &s },
		SetupSchema: setupSchema,
		Patience: map[catalog.Role]time.Duration{
			catalog.BusinessSystem: 8 * time.Second,  // it waits 5 s at most for the authorization server: profile, section 5.1
			catalog.MobileApp:      35 * time.Second, // a start ends within 30 s: profile, section 6.2
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
	document judge.Document
}

// metadata is section 3 of the profile, as the target serves it.
type metadata struct {
	Profile                     string `json:"profile"`
	Issuer                      string `json:"issuer"`
	AuthenticationEndpoint      string `json:"authentication_endpoint"`
	RegistrationEndpoint        string `json:"registration_endpoint"`
	DeregistrationEndpoint      string `json:"deregistration_endpoint"`
	WipeAcknowledgementEndpoint string `json:"wipe_acknowledgement_endpoint"`
	SharedTokenEndpoint         string `json:"shared_token_endpoint"`
	RulesEndpoint               string `json:"rules_endpoint"`
	SealingKeysEndpoint         string `json:"sealing_keys_endpoint"`
	KeyRotationEndpoint         string `json:"key_rotation_endpoint"`
	RulesAuditEndpoint          string `json:"rules_audit_endpoint"`
	JWKSURI                     string `json:"jwks_uri"`
	AccessTokenLifetime         int64  `json:"access_token_lifetime"`
	ProofWindow                 int64  `json:"proof_window"`
	ResourceEndpoint            string `json:"resource_endpoint"`
	SystemID                    string `json:"system_id"`
	StartEndpoint               string `json:"start_endpoint"`
	EnrolmentEndpoint           string `json:"enrolment_endpoint"`
	HoldingsEndpoint            string `json:"holdings_endpoint"`
	NotificationEndpoint        string `json:"notification_endpoint"`
	AppID                       string `json:"appid"`
	DeviceID                    string `json:"deviceid"`
}

const wellKnown = "/.well-known/mobile-access"

// against makes a check's function out of one that wants the setup and the target's metadata.
func against(f func(*test)) func(*conformance.Session) {
	return func(s *conformance.Session) {
		t := &test{Judge: judge.Judge{Session: s}, Setup: judge.SetupOf[Setup](s)}
		t.document = t.Discover(wellKnown, &t.metadata)
		f(t)
	}
}
