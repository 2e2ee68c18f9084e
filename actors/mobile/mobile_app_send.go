package mobile

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/secret"
)

// unsafeError says that nothing is sent to a URL because others could read it.
type unsafeError struct{ url string }

func (e *unsafeError) Error() string {
	return fmt.Sprintf("%s is neither on TLS nor on loopback: let it be published under https", e.url)
}

// send sends a request of the app. Every request goes through here.
func (m *MobileApp) send(c outbound.Call, limit time.Duration) (outbound.Reply, error) {
	// description of the fourth embodiment: safe in transit; RFC 6750 section 5.3
	if m.Guards.Forbids("MO-AP-36", !isSafeURL(c.URL)) {
		return outbound.Reply{}, &unsafeError{c.URL}
	}
	return c.Do(m.Env, limit)
}

// discover reads the authorization server's metadata (profile section 3).
func (m *MobileApp) discover(limit time.Duration) (server Metadata, err error) {
	answer, err := m.send(outbound.Call{Method: http.MethodGet, URL: m.Issuer + wellKnown}, limit)
	if err != nil || answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &server) != nil {
		return server, ended(codeUnreachable, "the authorization server's metadata cannot be read")
	}
	// RFC 8414 section 3.3
	if m.Guards.Forbids("MO-AP-24", server.Issuer != m.Issuer) {
		return server, ended(codeAnswerRefused, "the metadata are those of another authorization server")
	}
	return server, nil
}

// tell sends the authorization server a JSON object, with a proof by the device key.
func (m *MobileApp) tell(endpoint string, object any, limit time.Duration) (outbound.Reply, error) {
	c := outbound.Call{Method: http.MethodPost, URL: endpoint, Object: object}
	// RFC 9449 section 5; closes claim 1
	if m.Guards.On("MO-AP-13") {
		if err := m.prove(&c, ""); err != nil {
			return outbound.Reply{}, err
		}
	}
	return m.send(c, limit)
}

// prove adds a proof by the device key to a request.
func (m *MobileApp) prove(c *outbound.Call, accessToken string) error {
	proof, err := m.proof(c.Method, c.URL, accessToken)
	c.Header = http.Header{http.CanonicalHeaderKey(proofHeader): {proof}}
	return err
}

// proof makes a proof by the device key (profile section 2.1); accessToken is the one that it goes with, empty for none.
func (m *MobileApp) proof(method, url, accessToken string) (string, error) {
	device, err := m.deviceKey()
	if err != nil {
		return "", err
	}
	target, _, _ := strings.Cut(url, "?")
	target, _, _ = strings.Cut(target, "#")
	claims := proofClaims{Method: method, Target: target, IssuedAt: m.Clock.Now().Unix()}
	if claims.ID, err = secret.Unguessable(m.Entropy("proof identifiers")); err != nil {
		return "", err
	}
	// RFC 9449 section 4.2: every proof is another
	if !m.Guards.On("MO-AP-15") {
		claims.ID = "proof-of-" + strings.Repeat("x", 16)
	}
	// RFC 9449 section 7.1
	if accessToken != "" && m.Guards.On("MO-AP-14") {
		claims.TokenHash = hashOf(accessToken)
	}
	jwk := device.JWK()
	// RFC 9449 section 4.2; RFC 7517 section 9.2
	if !m.Guards.On("MO-AP-16") {
		private, err := device.Key.Bytes()
		if err != nil {
			return "", err
		}
		jwk["d"] = base64.RawURLEncoding.EncodeToString(private)
	}
	return claims.sign(device, jwk)
}
