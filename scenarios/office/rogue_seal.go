package office

import (
	"encoding/json"

	cast "countersign/actors/mobile"
	"countersign/conformance/jose"
)

// Remakes opens a token with a sealing key, changes what is in it, and seals it anew. It is empty when the key does not open the token.
func (r *Rogue) Remakes(accessToken string, key jose.Key, change func(header, claims map[string]any)) string {
	header, payload, err := jose.Open(accessToken, key.Secret)
	if err != nil {
		return ""
	}
	claims := members(payload)
	change(header, claims)
	text, err := json.Marshal(claims)
	if err != nil {
		return ""
	}
	made, err := jose.Seal(r.Host.Entropy("resealed tokens"), key, header, text)
	if err != nil {
		return ""
	}
	return made
}

// Identifier is what a token is called at the authorization server; empty when the sealing key does not open it.
func Identifier(accessToken string, key jose.Key) string {
	_, payload, err := jose.Open(accessToken, key.Secret)
	if err != nil {
		return ""
	}
	id, _ := members(payload)["jti"].(string)
	return id
}

// Metadata are those of an authorization server of the rogue's own, which says who it is.
func (r *Rogue) Metadata() cast.Metadata {
	own := "https://" + r.Name
	return cast.Metadata{
		Profile: cast.Profile, Issuer: own, RegistrationEndpoint: own + "/registration", AuthenticationEndpoint: own + "/authentication",
		DeregistrationEndpoint: own + "/deregistration", WipeAcknowledgementEndpoint: own + "/wipe-acknowledgement", SharedTokenEndpoint: own + "/shared-token",
	}
}
