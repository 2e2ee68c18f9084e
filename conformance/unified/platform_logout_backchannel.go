package unified

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// logoutEvent is the member that makes a token a logout token: section 4.7 of the profile.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// claims reads the claims of a logout token, whose signature is the matter of UN-PL-88.
func (t *test) claims(r told) members {
	raw, err := jose.Payload(r.logoutToken)
	var read judge.Members
	if err == nil {
		read, err = judge.ReadMembers(raw)
	}
	if err != nil {
		t.FailAt(r.exchange, "a logout_token that is a JWS in compact serialization with a JSON object", fmt.Sprint(err))
	}
	return members(read)
}

// UN-PL-87: a token for each task, at once and not in batches.
func backChannelLogoutSent(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.backChannel()
	all := t.visits(2, x.site)
	for i, v := range all {
		v.leave()
		r := x.flushed(i+1, 0, "a logout token within a second of a logout")
		t.rightClaims(r, x.site, v)
	}
	x.quiet(t.idleTime(), len(all), "when a token was taken for each logout")
}

// rightClaims wants those of section 4.7 of the profile.
func (t *test) rightClaims(r told, of site, v visit) {
	c := t.claims(r)
	for _, m := range []struct{ name, want string }{{"iss", t.issuer()}, {"aud", of.id}, {"sub", v.person.sub}} {
		if c[m.name] != m.want {
			t.FailAt(r.exchange, fmt.Sprintf("a logout token with %s %q", m.name, m.want), shown(c[m.name]))
		}
	}
	if c.text("jti") == "" {
		t.FailAt(r.exchange, "a logout token with the string jti", shown(c["jti"]))
	}
	for _, name := range []string{"iat", "exp"} {
		if _, ok := c.whole(name); !ok {
			t.FailAt(r.exchange, "a logout token with the whole number "+name, shown(c[name]))
		}
	}
	if generation, _ := c.whole("generation"); generation != v.person.generation {
		t.FailAt(r.exchange, fmt.Sprintf("a logout token with the generation that ended, %d", v.person.generation), shown(c["generation"]))
	}
	if c.object("events").object(logoutEvent) == nil {
		t.FailAt(r.exchange, fmt.Sprintf("a logout token whose events has the member %s, an object", logoutEvent), "events is "+shown(c["events"]))
	}
}

// UN-PL-88: whoever reads jwks_uri can tell a logout token from a forged one.
func logoutTokenSigned(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.backChannel()
	v := t.visit(t.own(), x.site)
	for n := 1; n <= 2; n++ {
		v.leave()
		r := x.flushed(n, 0, "a logout token within a second of a logout")
		header, err := jose.Header(r.logoutToken)
		if err != nil {
			t.FailAt(r.exchange, "a logout_token that is a JWS in compact serialization", err.Error())
		}
		for _, m := range [][2]string{{"alg", "ES256"}, {"typ", "logout+jwt"}} {
			if header[m[0]] != m[1] {
				t.FailAt(r.exchange, fmt.Sprintf("a logout token whose header has %s %s", m[0], m[1]), shown(header[m[0]]))
			}
		}
		if _, _, err := jose.Verify(r.logoutToken, t.published(r, header["kid"])); err != nil {
			t.FailAt(r.exchange, "a logout token signed with the key of jwks_uri that its kid names", err.Error())
		}
		v = v.again(x.site)
	}
}

// published is the key of jwks_uri that a logout token names.
func (t *test) published(r told, kid any) *ecdsa.PublicKey {
	req, err := http.NewRequest(http.MethodGet, t.document.Named("jwks_uri", t.metadata.JWKSURI), nil)
	if err != nil {
		t.FailAt(t.document.Exchange, "metadata whose endpoints are URLs", err.Error())
	}
	resp := t.Do("third-party-platform", req)
	t.Accepted(resp, "the JWK set")
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(resp.Body, &set); err != nil {
		t.FailAt(resp.Exchange, "a JWK set", err.Error())
	}
	i := slices.IndexFunc(set.Keys, func(k map[string]any) bool { return kid != nil && k["kid"] == kid })
	if i < 0 {
		t.FailAt(r.exchange, "a logout token whose kid names a key of jwks_uri", "kid "+shown(kid))
	}
	jwk := set.Keys[i]
	if jwk["use"] != nil && jwk["use"] != "sig" || jwk["kty"] != "EC" || jwk["crv"] != "P-256" {
		t.FailAt(resp.Exchange, "a key with kty EC, crv P-256 and use sig", fmt.Sprintf("kty %s, crv %s, use %s", shown(jwk["kty"]), shown(jwk["crv"]), shown(jwk["use"])))
	}
	if jwk["d"] != nil {
		t.FailAt(resp.Exchange, "public keys in the JWK set", "a private one")
	}
	key, err := jose.PublicKey(jwk)
	if err != nil {
		t.FailAt(resp.Exchange, "a public key of the curve P-256", err.Error())
	}
	return key
}

// UN-PL-89: a logout token is for now, is used once, and cannot pass for an ID token.
func logoutTokenFresh(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.backChannel()
	v := t.visit(t.own(), x.site)
	x.behave(conduct{status: http.StatusServiceUnavailable})
	v.leave()
	seen := map[string]bool{}
	for n := 1; n <= 4; n++ {
		var wait time.Duration
		if n > 1 {
			wait = longest(waitAfter(n - 1))
		}
		if n == 3 {
			x.behave(conduct{})
		}
		if n == 4 {
			v.again(x.site).leave()
			wait = 0
		}
		r := x.flushed(n, wait, fmt.Sprintf("logout token number %d", n))
		c := t.claims(r)
		for _, name := range []string{"nonce", "sid"} {
			if _, there := c[name]; there {
				t.FailAt(r.exchange, "a logout token without "+name, fmt.Sprintf("%s is %s", name, shown(c[name])))
			}
		}
		id := c.text("jti")
		if id == "" || seen[id] {
			t.FailAt(r.exchange, "a logout token with a new jti, also when it is another try", "jti "+shown(c["jti"]))
		}
		seen[id] = true
		iat, there := c.whole("iat")
		exp, thereToo := c.whole("exp")
		// The two clocks may be some seconds apart.
		if away := r.at.Sub(time.Unix(iat, 0)).Abs(); !there || away > 5*time.Second {
			t.FailAt(r.exchange, "a logout token whose iat is the time at which it is sent", "iat "+shown(c["iat"]))
		}
		if !thereToo || exp <= iat || exp-iat > 120 {
			t.FailAt(r.exchange, "a logout token whose exp is at most 120 s after iat", fmt.Sprintf("iat %s and exp %s", shown(c["iat"]), shown(c["exp"])))
		}
	}
}

// UN-PL-90: a token that was not taken is followed by others, further and further apart, until one is.
func failedBackChannelLogoutTriedAgain(t *test) {
	s := t.playSites()
	defer s.release()
	all := []failing{
		{s.backChannel(), "status 500", conduct{status: http.StatusInternalServerError}},
		{s.backChannel(), "status 400", conduct{status: http.StatusBadRequest}},
		{s.backChannel(), "status 202", conduct{accepted: true}},
		{s.backChannel(), "a redirect", conduct{status: http.StatusTemporaryRedirect, header: [2]string{"Location", t.Registering + "/elsewhere"}}},
		{s.backChannel(), "a connection that broke", conduct{broken: true}},
	}
	var entered []site
	for _, f := range all {
		f.behave(f.as)
		entered = append(entered, f.site)
	}
	v := t.visit(t.own(), entered...)
	v.leave()
	for _, f := range all {
		f.flushed(1, 0, "a logout token within a second of a logout")
	}
	for n := 2; n <= 4; n++ {
		wait := waitAfter(n - 1)
		s.waits(wait, n-1, players(all)...)
		for i, f := range all {
			if n == 4 { // either takes the token
				f.behave(conduct{status: []int{http.StatusOK, http.StatusNoContent}[i%2]})
			}
		}
		s.comes(wait, n, players(all)...)
		for _, f := range all {
			r := f.flushed(n, 0, fmt.Sprintf("try %d, after %s", n, f.what))
			t.rightClaims(r, f.site, v)
		}
	}
	s.quiet(longest(waitAfter(4)), 4, "when the token was answered with 200 or 204", players(all)...)
}
