package twosites

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"countersign/actors/oauth1"
	"countersign/sim"
)

// SignedParameter is a parameter of the Authorization header of a signed request; empty where there is none.
func SignedParameter(m sim.Message, name string) string {
	_, rest, _ := strings.Cut(m.Header.Get("Authorization"), name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

// ShownSecret is the client secret in a request by PLAINTEXT (RFC 5849 section 3.4.4), and that of its token; both are empty in any other.
func ShownSecret(m sim.Message) (client, token string) {
	if SignedParameter(m, "oauth_signature_method") != string(oauth1.Plaintext) {
		return "", ""
	}
	client, token, _ = strings.Cut(SignedParameter(m, "oauth_signature"), "&")
	return client, token
}

// SignAnew has whoever sits on a host sign a request that shows its secrets by another method, so that a server which refuses PLAINTEXT notices
// nothing. It returns the client secret too, which is empty where nothing is shown and nothing signed.
func SignAnew(by *sim.Host, m sim.Message) (signed sim.Message, clientSecret string) {
	clientSecret, tokenSecret := ShownSecret(m)
	r, err := http.NewRequest(m.Method, m.URL, bytes.NewReader(m.Body))
	if clientSecret == "" || err != nil {
		return m, ""
	}
	r.Header.Set("Content-Type", m.Header.Get("Content-Type"))
	signer := oauth1.Signer{
		ConsumerKey: SignedParameter(m, "oauth_consumer_key"), ClientSecret: clientSecret, TokenSecret: tokenSecret, Token: SignedParameter(m, "oauth_token"),
		Now: by.Clock().Now, Entropy: by.Entropy("nonces"),
	}
	var extra []oauth1.Param
	for _, name := range []string{"oauth_callback", "oauth_verifier"} {
		if v := SignedParameter(m, name); v != "" {
			extra = append(extra, oauth1.Param{Name: name, Value: v})
		}
	}
	if signer.Sign(r, extra...) != nil {
		return m, ""
	}
	signed = m.Clone()
	signed.Header.Set("Authorization", r.Header.Get("Authorization"))
	return signed, clientSecret
}
