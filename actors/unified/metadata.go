package unified

import (
	"net/http"
	"time"

	"countersign/actors/wire"
)

// Profile is the wire profile that the package speaks.
const Profile = "unified@1"

// wellKnown is where the metadata lies under a role's URL (profile section 3, after RFC 8414).
const wellKnown = "/.well-known/unified-login"

// Metadata is the document that says where endpoints lie. A role names the members that it knows. Times are whole seconds.
type Metadata struct {
	Profile string `json:"profile"`

	Issuer                 string `json:"issuer,omitempty"`
	PortalEndpoint         string `json:"portal_endpoint,omitempty"`
	AuthorizationEndpoint  string `json:"authorization_endpoint,omitempty"`
	LogoutEndpoint         string `json:"logout_endpoint,omitempty"`
	TokenEndpoint          string `json:"token_endpoint,omitempty"`
	AuthenticationEndpoint string `json:"authentication_endpoint,omitempty"`
	StatusEndpoint         string `json:"status_endpoint,omitempty"`
	RegistrationEndpoint   string `json:"registration_endpoint,omitempty"`
	ReviewEndpoint         string `json:"review_endpoint,omitempty"`
	KeyEndpoint            string `json:"key_endpoint,omitempty"`
	JWKSURI                string `json:"jwks_uri,omitempty"`

	CodeChallengeMethodsSupported     []string `json:"code_challenge_methods_supported,omitempty"`
	AuthorizationResponseIssSupported bool     `json:"authorization_response_iss_parameter_supported,omitempty"`
	BackchannelLogoutSupported        bool     `json:"backchannel_logout_supported,omitempty"`
	BackchannelLogoutSigningSupported []string `json:"backchannel_logout_signing_alg_values_supported,omitempty"`

	CodeLifetime      int64 `json:"code_lifetime,omitempty"`
	PassTokenLifetime int64 `json:"pass_token_lifetime,omitempty"`
	MessageWindow     int64 `json:"message_window,omitempty"`
	KeyOverlap        int64 `json:"key_overlap,omitempty"`
	BatchLimit        int64 `json:"batch_limit,omitempty"`
	BatchIdleTime     int64 `json:"batch_idle_time,omitempty"`
	BatchMaxWait      int64 `json:"batch_max_wait,omitempty"`
	LogoutBound       int64 `json:"logout_bound,omitempty"`

	ClientID                  string `json:"client_id,omitempty"`
	AccessEndpoint            string `json:"access_endpoint,omitempty"`
	CallbackEndpoint          string `json:"callback_endpoint,omitempty"`
	HomeEndpoint              string `json:"home_endpoint,omitempty"`
	ResourceEndpoint          string `json:"resource_endpoint,omitempty"`
	BatchLogoutEndpoint       string `json:"batch_logout_endpoint,omitempty"`
	UserLogoutEndpoint        string `json:"user_logout_endpoint,omitempty"`
	BackchannelLogoutEndpoint string `json:"backchannel_logout_endpoint,omitempty"`
	CredentialLifetime        int64  `json:"credential_lifetime,omitempty"`

	TestClockEndpoint string `json:"test_clock_endpoint,omitempty"`
}

// publish serves the document of a role that lies under base, and its test clock if it has one.
func publish(mux *http.ServeMux, base string, document Metadata, advance func(time.Duration) time.Time) {
	wire.Publish(mux, base, wellKnown, advance, func(testClock string) any {
		document.Profile, document.TestClockEndpoint = Profile, testClock
		return document
	})
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
