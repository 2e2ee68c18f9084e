package unified

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// UN-TP-56
func (t *thirdPartyTest) backChannelLogoutEndsCredentials() {
	t.backChannelEndpoint()
	older, other := t.guest(t.p), t.guest(t.p)
	newer := t.welcome(t.p, older.who.in(2))
	atQ := t.welcome(t.q, older.who)
	t.controlToken(t.p, t.logoutClaims(t.p, older.who), "a logout token for generation 1")
	older.goes("of generation 1, after a logout token for generation 1")
	newer.stays("of generation 2, after a logout token for generation 1")
	other.stays("of another user, after a logout token")
	atQ.stays("of another platform's user of the same sub, after a logout token")

	everywhere := t.welcome(t.p, older.who.in(7))
	t.controlToken(t.p, t.logoutClaims(t.p, older.who).with("generation", nil), "a logout token without generation")
	newer.goes("of generation 2, after a logout token without generation")
	everywhere.goes("of generation 7, after a logout token without generation")
	atQ.stays("of another platform's user of the same sub, after a logout token without generation")
	t.controlToken(t.q, t.logoutClaims(t.q, atQ.who).with("aud", []string{t.q.clientID + "-other", t.q.clientID}), "a logout token of another platform, for several receivers")
	atQ.goes("after a logout token of its platform")
}

// controlToken wants a right token taken.
func (t *thirdPartyTest) controlToken(p *platform, claims members, what string) {
	resp := t.tells(p, t.logoutToken(p, nil, claims))
	if resp.Status != http.StatusOK && resp.Status != http.StatusNoContent {
		t.FailAt(resp.Exchange, "status 200 or 204 for "+what, judge.Describe(resp))
	}
	t.NotStored(resp, "the answer to "+what)
}

// wanted is the user whom tokens name that are to be refused; a right one is taken first, as a control.
func (t *thirdPartyTest) wanted() guest {
	t.backChannelEndpoint()
	g := t.guest(t.p)
	t.controlToken(t.p, t.logoutClaims(t.p, g.who), "a right logout token, as a control")
	g.goes("after a right logout token, as a control")
	return t.welcome(t.p, g.who.in(2))
}

// outlives wants a token refused, and the user to stay.
func (g guest) outlives(logoutToken, what string) {
	g.refusedToken(g.tells(g.p, logoutToken), what)
	g.stays("after a logout token " + what)
}

// UN-TP-57
func (t *thirdPartyTest) signatureOfALogoutTokenVerified() {
	g := t.wanted()
	typ := members{"typ": "logout+jwt"}
	kid := members{"typ": "logout+jwt", "kid": t.p.signer.ID}
	claims := func() []byte { return t.text(t.logoutClaims(t.p, g.who)) }
	unsecured, err := jose.Unsecured(kid, claims())
	if err != nil {
		t.Broken("an unsecured token cannot be made: %v", err)
	}
	g.outlives(unsecured, "with alg none")
	g.outlives(strings.TrimSuffix(unsecured, ".")+"."+strings.Split(t.logoutToken(t.p, nil, t.logoutClaims(t.p, g.who)), ".")[2], "with alg none and a signature")

	jwk, err := json.Marshal(t.p.signer.JWK())
	if err != nil {
		t.Broken("a key cannot be written: %v", err)
	}
	g.outlives(t.authenticated(kid, claims(), jwk), "with alg HS256, under the platform's public key")
	g.outlives(t.authenticated(kid, claims(), t.p.line().key.Secret), "with alg HS256, under the communication key")
	g.outlives(t.authenticated(members{"typ": "logout+jwt", "kid": t.p.line().key.ID}, claims(), t.p.line().key.Secret), "with alg HS256, under the communication key and its kid")

	stranger, err := jose.NewSigner(t.mint, t.p.signer.ID)
	if err != nil {
		t.Broken("no key to be had: %v", err)
	}
	sign := func(as jose.Signer, header members) string {
		compact, err := as.Sign(header, claims())
		if err != nil {
			t.Broken("a logout token cannot be signed: %v", err)
		}
		return compact
	}
	g.outlives(sign(stranger, typ), "signed with a key that is not the platform's, under the kid of one that is")
	g.outlives(sign(stranger, members{"typ": "logout+jwt", "jwk": stranger.JWK()}), "signed with a key that it brings in its header")
	stranger.ID = "unheard-of-" + t.Random(6)
	g.outlives(sign(stranger, typ), "signed with a key that is not the platform's, under a kid of its own")
	g.outlives(sign(t.q.signer, typ), "signed with the key of another platform")

	parts := strings.Split(t.logoutToken(t.p, nil, t.logoutClaims(t.p, t.newPerson())), ".")
	parts[1] = jose.Encode(claims())
	g.outlives(strings.Join(parts, "."), "with the signature of another token")
	t.controlToken(t.p, t.logoutClaims(t.p, g.who), "the right logout token")
	g.goes("after the right logout token")
}

// authenticated is a token with an HMAC: RFC 7518 section 3.2.
func (t *thirdPartyTest) authenticated(header members, claims, key []byte) string {
	all, err := json.Marshal(header.with("alg", "HS256"))
	if err != nil {
		t.Broken("a header cannot be written: %v", err)
	}
	input := jose.Encode(all) + "." + jose.Encode(claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(input))
	return input + "." + jose.Encode(mac.Sum(nil))
}

// UN-TP-58
func (t *thirdPartyTest) logoutTokenForAnotherRefused() {
	g := t.wanted()
	atQ := t.welcome(t.q, g.who)
	claims := func() members { return t.logoutClaims(t.p, g.who) }
	for _, w := range []struct {
		what   string
		claims members
	}{
		{"whose aud is another third-party platform", claims().with("aud", t.p.clientID+"-other")},
		{"whose aud are other third-party platforms", claims().with("aud", []string{t.p.clientID + "-other", t.p.issuer})},
		{"without aud", claims().with("aud", nil)},
		{"whose iss is another platform than that of its key", claims().with("iss", t.q.issuer)},
		{"whose iss is nobody", claims().with("iss", "https://platform.example")},
		{"whose iss has a slash more", claims().with("iss", t.p.issuer+"/")},
		{"without iss", claims().with("iss", nil)},
	} {
		g.outlives(t.logoutToken(t.p, nil, w.claims), w.what)
		atQ.stays("of another platform, after a logout token " + w.what)
	}
	t.controlToken(t.p, claims(), "the right logout token")
	g.goes("after the right logout token")
}

// UN-TP-59
func (t *thirdPartyTest) logoutTokenHasTheEventAndNoNonce() {
	g := t.wanted()
	claims := func() members { return t.logoutClaims(t.p, g.who) }
	for _, w := range []struct {
		what   string
		header members
		claims members
	}{
		{"without events", nil, claims().with("events", nil)},
		{"with events that lack the logout", nil, claims().with("events", members{"http://schemas.openid.net/event/another": members{}})},
		{"with an event that is no object", nil, claims().with("events", members{logoutEvent: true})},
		{"with events that are a list", nil, claims().with("events", []string{logoutEvent})},
		{"with a nonce", nil, claims().with("nonce", t.Random(18))},
		{"without sub", nil, claims().with("sub", nil)},
		{"with the typ JWT", members{"typ": "JWT"}, claims()},
		{"without typ", members{"typ": nil}, claims()},
	} {
		g.outlives(t.logoutToken(t.p, w.header, w.claims), w.what)
	}
	t.controlToken(t.p, claims(), "the right logout token")
	g.goes("after the right logout token")
}

// UN-TP-60
func (t *thirdPartyTest) logoutTokenTakenOnce() {
	t.backChannelEndpoint()
	g, other := t.guest(t.p), t.guest(t.p)
	claims := t.logoutClaims(t.p, g.who)
	compact := t.logoutToken(t.p, nil, claims)
	resp := t.tells(t.p, compact)
	t.ExpectStatus(resp, "a right logout token", http.StatusOK, http.StatusNoContent)
	g.goes("after a logout token")
	again := t.welcome(t.p, g.who.in(2))
	again.outlives(compact, "that came before, byte for byte")
	other.outlives(t.logoutToken(t.p, nil, t.logoutClaims(t.p, other.who).with("jti", claims["jti"])), "with the jti of another, which came before")

	t.controlToken(t.p, t.logoutClaims(t.p, g.who.in(2)), "a logout token with a new jti")
	again.goes("after a logout token with a new jti")
	twice := t.logoutToken(t.p, nil, t.logoutClaims(t.p, other.who))
	taken := 0
	answers := t.TryTogether(t.p.name, t.telling(twice), t.telling(twice))
	for _, answer := range answers {
		if answer != nil && answer.Status < 300 {
			taken++
		}
	}
	t.Expect(taken == 1, "one of two equal logout tokens that come at once taken", fmt.Sprintf("%d", taken))
}

// UN-TP-61
func (t *thirdPartyTest) logoutTokenIsFresh() {
	g := t.wanted()
	dated := func(issued, expires time.Duration) members {
		now := t.Env.Now()
		return t.logoutClaims(t.p, g.who).with("iat", now.Add(issued).Unix()).with("exp", now.Add(expires).Unix())
	}
	for _, w := range []struct {
		what            string
		issued, expires time.Duration
	}{
		{"that is past its exp", -2 * minute, -minute},
		{"that is long past its exp", -24 * time.Hour, 2*minute - 24*time.Hour},
		{"whose iat is six minutes ago", -messageWindow - minute, minute},
		{"whose iat is six minutes from now", messageWindow + minute, messageWindow + 2*minute},
	} {
		g.outlives(t.logoutToken(t.p, nil, dated(w.issued, w.expires)), w.what)
	}
	old := t.logoutToken(t.p, nil, t.logoutClaims(t.p, g.who))
	t.controlToken(t.p, dated(-minute, minute), "a logout token of a minute ago")
	g.goes("after a logout token of a minute ago")
	if again := t.welcome(t.p, g.who.in(3)); t.Passes(3 * time.Minute) {
		again.outlives(old, "that was right three minutes ago")
	}
}
