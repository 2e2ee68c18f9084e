package offline

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"time"

	"countersign/actors/wire"
)

// Profile is the wire profile that the package speaks.
const Profile = "offline@1"

// wellKnown is where the metadata lies under a role's URL (profile section 3, after RFC 8414).
const wellKnown = "/.well-known/offline-authorization"

// Metadata is the document that says where endpoints lie. A role names the members that it knows.
type Metadata struct {
	Profile string `json:"profile"`
	Issuer  string `json:"issuer"`

	ApplicationEndpoint  string `json:"application_endpoint,omitempty"`
	VerificationEndpoint string `json:"verification_endpoint,omitempty"`
	PasswordEndpoint     string `json:"password_endpoint,omitempty"`
	ChallengeLifetime    int64  `json:"challenge_lifetime,omitempty"` // whole seconds
	Keys                 []JWK  `json:"keys,omitempty"`

	NearFieldEndpoint   string   `json:"near_field_endpoint,omitempty"`
	NearFieldProfile    string   `json:"near_field_profile,omitempty"`
	NearFieldFrameSize  int      `json:"near_field_frame_size,omitempty"` // bytes
	NearFieldMediaTypes []string `json:"near_field_media_types,omitempty"`
	Device              string   `json:"device,omitempty"`

	StartEndpoint           string `json:"start_endpoint,omitempty"`
	PasswordSettingEndpoint string `json:"password_setting_endpoint,omitempty"`
	Handset                 string `json:"handset,omitempty"`

	TestClockEndpoint string `json:"test_clock_endpoint,omitempty"`
}

// JWK is a public signing key in the metadata (RFC 8037 section 2).
type JWK struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"` // base64url without padding
	ID    string `json:"kid"`
	Use   string `json:"use"`
}

// jwk writes a key for the metadata.
func jwk(id string, key ed25519.PublicKey) JWK {
	return JWK{Type: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(key), ID: id, Use: "sig"}
}

// publish serves the document of a role that lies under base, and its test clock if it has one.
func publish(mux *http.ServeMux, base string, document Metadata, advance func(time.Duration) time.Time) {
	wire.Publish(mux, base, wellKnown, advance, func(testClock string) any {
		document.Profile, document.TestClockEndpoint = Profile, testClock
		return document
	})
}
