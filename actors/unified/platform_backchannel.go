package unified

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/actors/secret"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// logoutTokenLifetime is from iat to exp (profile section 4.7).
const logoutTokenLifetime = 120 * time.Second

// logoutEvent is the member of events that makes a logout token one (OpenID Connect Back-Channel Logout 1.0 section 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutToken is the claims of a logout token.
type logoutToken struct {
	Issuer     string                    `json:"iss"`
	Audience   string                    `json:"aud"`
	Sub        string                    `json:"sub"`
	Issued     int64                     `json:"iat"`
	Expires    int64                     `json:"exp"`
	ID         string                    `json:"jti"`
	Events     map[string]map[string]any `json:"events,omitempty"`
	Generation int64                     `json:"generation"`
}

// sendLogoutToken posts a new logout token for a task (profile section 4.7).
func (p *Platform) sendLogoutToken(to receiver, t task) outcome {
	signed, err := p.logoutToken(to, t)
	if err != nil {
		return outcome{}
	}
	delivered, asked := p.postLogoutToken(to.BackchannelLogoutURI, signed)
	// OpenID Connect Back-Channel Logout 1.0 section 2.5 lets a platform try again; the profile has it do so
	if delivered || !p.Guards.On("UN-PL-90") {
		return outcome{done: all([]task{t})}
	}
	return outcome{retryAfter: asked}
}

// logoutToken makes the token of one try.
func (p *Platform) logoutToken(to receiver, t task) (string, error) {
	id, err := secret.Unguessable(p.Entropy("logout token IDs"))
	if err != nil {
		return "", err
	}
	now := p.Clock.Now()
	// OpenID Connect Back-Channel Logout 1.0 section 2.6: a jti that was taken is refused, also in a token that was sent again
	if !p.Guards.On("UN-PL-89") {
		id, now = t.ID, t.Since
	}
	claims := logoutToken{
		Issuer: p.Issuer, Audience: to.clientID, Sub: t.Sub, ID: id, Generation: t.Generation,
		Issued: now.Unix(), Expires: now.Add(logoutTokenLifetime).Unix(),
	}
	// OpenID Connect Back-Channel Logout 1.0 section 2.4
	if p.Guards.On("UN-PL-87") {
		claims.Events = map[string]map[string]any{logoutEvent: {}}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := p.signer()
	if err != nil {
		return "", err
	}
	// OpenID Connect Back-Channel Logout 1.0 section 2.6; RFC 8725 section 3.1
	if !p.Guards.On("UN-PL-88") {
		if signer, err = token.NewSigner(p.Entropy("keys that nobody publishes"), signer.ID); err != nil {
			return "", err
		}
	}
	return signer.Sign(map[string]any{"typ": "logout+jwt"}, payload)
}

// postLogoutToken reports whether a logout token was taken, and else how long the third-party platform wants to be left alone.
func (p *Platform) postLogoutToken(target, signed string) (delivered bool, asked time.Duration) {
	request, err := http.NewRequest(http.MethodPost, target, strings.NewReader(url.Values{"logout_token": {signed}}.Encode()))
	if err != nil {
		return false, 0
	}
	request.Header.Set("Content-Type", wire.FormType)
	response, err := bounded(p.HTTP).Do(request)
	if err != nil {
		return false, 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, wire.MaxBody)) // so that the connection can be used again
	delivered = response.StatusCode == http.StatusOK || response.StatusCode == http.StatusNoContent
	return delivered, retryAfter(response.Header)
}
