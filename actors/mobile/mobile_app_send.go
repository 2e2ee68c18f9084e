package mobile

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/actors/secret"
)

// unsafeError says that nothing is sent to a URL because others could read it.
type unsafeError struct{ url string }

func (e *unsafeError) Error() string {
	return fmt.Sprintf("%s is neither on TLS nor on loopback: let it be published under https", e.url)
}

// send sends a request of the app. Every request goes through here.
func (m *MobileApp) send(c call, limit time.Duration) (reply, error) {
	// description of the fourth embodiment: safe in transit; RFC 6750 section 5.3
	if m.Guards.Forbids("MO-AP-36", !isSafeURL(c.url)) {
		return reply{}, &unsafeError{c.url}
	}
	return c.do(m.Env, limit)
}

// discover reads the authorization server's metadata (profile section 3).
func (m *MobileApp) discover(limit time.Duration) (server Metadata, err error) {
	answer, err := m.send(call{method: http.MethodGet, url: m.Issuer + wellKnown}, limit)
	if err != nil || answer.status != http.StatusOK || json.Unmarshal(answer.body, &server) != nil {
		return server, ended(codeUnreachable, "the authorization server's metadata cannot be read")
	}
	// RFC 8414 section 3.3
	if m.Guards.Forbids("MO-AP-24", server.Issuer != m.Issuer) {
		return server, ended(codeAnswerRefused, "the metadata are those of another authorization server")
	}
	return server, nil
}

// tell sends the authorization server a JSON object, with a proof by the device key.
func (m *MobileApp) tell(endpoint string, object any, limit time.Duration) (reply, error) {
	c, err := callWith(endpoint, object)
	if err != nil {
		return reply{}, err
	}
	// RFC 9449 section 5; closes claim 1
	if m.Guards.On("MO-AP-13") {
		if c.proof, err = m.proof(c.method, c.url, ""); err != nil {
			return reply{}, err
		}
	}
	return m.send(c, limit)
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
