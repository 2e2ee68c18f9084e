package mobile

import (
	"net/http"
	"time"

	"countersign/actors/wire"
)

// Profile is the wire profile that the package speaks.
const Profile = "mobile@1"

// wellKnown is where the metadata lies under a role's URL (profile section 3, after RFC 8414).
const wellKnown = "/.well-known/mobile-access"

// Metadata is the document that says where endpoints lie. A role names the members that it knows.
type Metadata struct {
	Profile string `json:"profile"`
	Issuer  string `json:"issuer"`

	AuthenticationEndpoint      string `json:"authentication_endpoint,omitempty"`
	RegistrationEndpoint        string `json:"registration_endpoint,omitempty"`
	DeregistrationEndpoint      string `json:"deregistration_endpoint,omitempty"`
	WipeAcknowledgementEndpoint string `json:"wipe_acknowledgement_endpoint,omitempty"`
	SharedTokenEndpoint         string `json:"shared_token_endpoint,omitempty"`
	RulesEndpoint               string `json:"rules_endpoint,omitempty"`
	RulesAuditEndpoint          string `json:"rules_audit_endpoint,omitempty"`
	SealingKeysEndpoint         string `json:"sealing_keys_endpoint,omitempty"`
	KeyRotationEndpoint         string `json:"key_rotation_endpoint,omitempty"`
	JWKSURI                     string `json:"jwks_uri,omitempty"`
	AccessTokenLifetime         int64  `json:"access_token_lifetime,omitempty"` // seconds
	ProofWindow                 int64  `json:"proof_window,omitempty"`          // seconds

	ResourceEndpoint string `json:"resource_endpoint,omitempty"`
	SystemID         string `json:"system_id,omitempty"`

	StartEndpoint        string `json:"start_endpoint,omitempty"`
	EnrolmentEndpoint    string `json:"enrolment_endpoint,omitempty"`
	HoldingsEndpoint     string `json:"holdings_endpoint,omitempty"`
	NotificationEndpoint string `json:"notification_endpoint,omitempty"`
	AppID                string `json:"appid,omitempty"`
	DeviceID             string `json:"deviceid,omitempty"`

	TestClockEndpoint string `json:"test_clock_endpoint,omitempty"`
}

// publish serves the document of a role that lies under base, and its test clock if it has one.
func publish(mux *http.ServeMux, base string, document Metadata, advance func(time.Duration) time.Time) {
	wire.Publish(mux, base, wellKnown, advance, func(testClock string) any {
		document.Profile, document.TestClockEndpoint = Profile, testClock
		return document
	})
}
