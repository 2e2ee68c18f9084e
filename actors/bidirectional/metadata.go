package bidirectional

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"countersign/actors/oauth1"
)

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

// ServeHTTP gives the document.
func (m Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		wrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	body, err := json.Marshal(m)
	if err != nil {
		refuse(w, err, false)
		return
	}
	answer{http.StatusOK, jsonType, string(body)}.write(w)
}

// testClock is the test clock endpoint (profile section 9).
type testClock func(time.Duration) time.Time

func (advance testClock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wrongMethod(w, http.MethodPost)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	whole, err := strconv.ParseUint(r.PostFormValue("advance"), 10, 31)
	if err != nil {
		refuse(w, oauth1.Refuse(oauth1.ParameterRejected, "advance", "advance is no whole number of seconds"), false)
		return
	}
	now := advance(time.Duration(whole) * time.Second)
	told, err := jsonAnswer(map[string]int64{"now": now.Unix()})
	if err != nil {
		refuse(w, err, false)
		return
	}
	told.write(w)
}
