package bidirectional

// Profile is the wire profile that the package speaks.
const Profile = "bidirectional@1"

// wellKnown is where the metadata lies under a role's URL (profile section 3, after RFC 8414).
const wellKnown = "/.well-known/bidirectional-authorization"

// Metadata is the document that says where a site's endpoints lie. A role names the members that it knows.
type Metadata struct {
	Profile string `json:"profile"`
	Issuer  string `json:"issuer"`

	TemporaryCredentialEndpoint string   `json:"temporary_credential_endpoint,omitempty"`
	AuthorizationEndpoint       string   `json:"authorization_endpoint,omitempty"`
	TokenEndpoint               string   `json:"token_endpoint,omitempty"`
	RevocationEndpoint          string   `json:"revocation_endpoint,omitempty"`
	SignatureMethodsSupported   []string `json:"signature_methods_supported,omitempty"`
	// Lifetimes and window are whole seconds.
	TemporaryCredentialLifetime int64 `json:"temporary_credential_lifetime,omitempty"`
	AccessTokenLifetime         int64 `json:"access_token_lifetime,omitempty"`
	TimestampWindow             int64 `json:"timestamp_window,omitempty"`

	ResourceEndpoint      string `json:"resource_endpoint,omitempty"`
	TokenHandoverEndpoint string `json:"token_handover_endpoint,omitempty"`

	ClientID           string `json:"client_id,omitempty"`
	StartEndpoint      string `json:"start_endpoint,omitempty"`
	CallbackEndpoint   string `json:"callback_endpoint,omitempty"`
	DelegationEndpoint string `json:"delegation_endpoint,omitempty"`

	TestClockEndpoint string `json:"test_clock_endpoint,omitempty"`
}
