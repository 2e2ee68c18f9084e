package ticket

import (
	"net/http"
	"time"

	"countersign/actors/wire"
)

// Profile is the wire profile that the package speaks.
const Profile = "ticket@1"

// wellKnown is where the metadata lies under a role's URL (profile section 3, after RFC 8414).
const wellKnown = "/.well-known/ticket-accounts"

// Metadata is the document that says where endpoints lie. A role names the members that it knows.
type Metadata struct {
	Profile string `json:"profile"`
	Issuer  string `json:"issuer"`

	RegistrationEndpoint   string `json:"registration_endpoint,omitempty"`
	AuthenticationEndpoint string `json:"authentication_endpoint,omitempty"`
	RefreshEndpoint        string `json:"refresh_endpoint,omitempty"`
	VerificationEndpoint   string `json:"verification_endpoint,omitempty"`
	RevocationEndpoint     string `json:"revocation_endpoint,omitempty"`
	// Lifetimes and grace are whole seconds.
	AuthorizationKeyLifetime int64 `json:"authorization_key_lifetime,omitempty"`
	RefreshKeyLifetime       int64 `json:"refresh_key_lifetime,omitempty"`
	RefreshGrace             int64 `json:"refresh_grace,omitempty"`

	AppID            string `json:"app_id,omitempty"`
	ResourceEndpoint string `json:"resource_endpoint,omitempty"`

	UseEndpoint    string `json:"use_endpoint,omitempty"`
	LogoutEndpoint string `json:"logout_endpoint,omitempty"`

	TestClockEndpoint string `json:"test_clock_endpoint,omitempty"`
}

// publish serves the document of a role that lies under base, and its test clock if it has one.
func publish(mux *http.ServeMux, base string, document Metadata, advance func(time.Duration) time.Time) {
	wire.Publish(mux, base, wellKnown, advance, func(testClock string) any {
		document.Profile, document.TestClockEndpoint = Profile, testClock
		return document
	})
}
