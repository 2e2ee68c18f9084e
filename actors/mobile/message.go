package mobile

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
)

// The types of tokens in the header, and what goes with a message (profile sections 4.3 to 4.5).
const (
	sealedType   = "sealed+jwt"
	addressType  = "address+jwt"
	eventType    = "secevent+jwt"
	messageType  = "application/secevent+jwt" // RFC 8935 section 2.1
	wipeEvent    = "urn:countersign:mobile:wipe"
	addressEvent = "urn:countersign:mobile:address"
)

// The token types of an authentication answer, and the schemes of a resource request.
const (
	schemeDPoP   = "DPoP"
	schemeBearer = "Bearer"
)

// confirmation binds a token to the key of that thumbprint (RFC 7800 section 3.1, RFC 9449 section 6.1).
type confirmation struct {
	Thumbprint string `json:"jkt"`
}

// boundTo is the confirmation of a key; nil when there is no key.
func boundTo(thumbprint string) *confirmation {
	if thumbprint == "" {
		return nil
	}
	return &confirmation{thumbprint}
}

// sealedClaims are the claims in a sealed token (profile section 4.3). Times are seconds since 1970.
type sealedClaims struct {
	Issuer       string        `json:"iss"`
	Audience     string        `json:"aud"` // the system's ID
	Subject      string        `json:"sub,omitempty"`
	AppID        string        `json:"appid"`
	DeviceID     string        `json:"deviceid"`
	Confirmation *confirmation `json:"cnf,omitempty"`
	ID           string        `json:"jti"`
	Token        string        `json:"token"`
	IssuedAt     int64         `json:"iat"`
	Expires      int64         `json:"exp"`
}

// addressClaims are the claims of a signed address (profile section 4.4).
type addressClaims struct {
	Issuer       string `json:"iss"`
	Audience     string `json:"aud"` // the appid
	Subject      string `json:"sub"` // the deviceid
	SystemID     string `json:"system_id"`
	Address      string `json:"address"`
	RulesVersion int64  `json:"rules_version"`
	TokenHash    string `json:"ath,omitempty"`
	IssuedAt     int64  `json:"iat"`
	Expires      int64  `json:"exp"`
}

// eventClaims are the claims of a message, a security event token (RFC 8417 section 2.2; profile section 4.5).
type eventClaims struct {
	Issuer       string         `json:"iss"`
	IssuedAt     int64          `json:"iat"`
	ID           string         `json:"jti"`
	Audience     string         `json:"aud"` // the deviceid
	Confirmation *confirmation  `json:"cnf,omitempty"`
	RulesVersion int64          `json:"rules_version,omitempty"` // of an address message
	Events       map[string]any `json:"events"`
}

// systemAddress is what an address message tells.
type systemAddress struct {
	SystemID string `json:"system_id"`
	Address  string `json:"address"`
}

// hashOf is the hash of an access token, as `ath` (RFC 9449 section 4.2).
func hashOf(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// unsecured makes a compact JWS without a signature (RFC 7515 appendix A.5).
func unsecured(header map[string]any, payload []byte) (string, error) {
	whole := map[string]any{"alg": "none"}
	maps.Copy(whole, header)
	raw, err := json.Marshal(whole)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(raw) + "." + encode(payload) + ".", nil
}
