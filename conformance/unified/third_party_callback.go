package unified

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// sixteen is how many values are needed to see their alphabet.
const sixteen = 16

// values of the profile's section 2: 128 bits, and 22 characters or more.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{22,}$`)

// unguessable wants values to be new, long enough and random.
func (t *thirdPartyTest) unguessable(what string, values []string, exchange int) {
	seen := map[string]bool{}
	for _, v := range values {
		if !tokenForm.MatchString(v) {
			t.FailAt(exchange, what+" of 22 or more characters of A-Z a-z 0-9 - _", fmt.Sprintf("%q", v))
		}
		if seen[v] {
			t.FailAt(exchange, what+" that is new each time", fmt.Sprintf("%q again", v))
		}
		seen[v] = true
	}
	const some = 126 // 128 bits, of which 16 values may not show all
	if bits := judge.RandomBits(values); bits < some {
		t.FailAt(exchange, what+" with 128 bits of randomness or more", fmt.Sprintf("at most %.0f bits vary among %d values", bits, len(values)))
	}
}

// UN-TP-21
func (t *thirdPartyTest) stateNewAndUnguessable() {
	var states []string
	last := 0
	one := t.newCaller()
	for i := range sixteen {
		c := one
		if i%4 > 0 { // some in one browser, most in browsers of their own
			c = t.newCaller()
		}
		a := c.begins(t.p)
		states, last = append(states, a.query.Get("state")), a.asked.Exchange
		if cookies := cookiesOf(a.asked); len(cookies) == 0 && c != one {
			t.FailAt(last, "a session cookie with the answer to an access request", "none")
		}
	}
	t.unguessable("a state", states, last)
}

// UN-TP-22
func (t *thirdPartyTest) callbackWithAnotherStateRefused() {
	who := t.newPerson()
	t.newCaller().enters(t.p, who)
	for _, w := range []struct {
		what   string
		change func(says url.Values)
	}{
		{"without state", func(v url.Values) { v.Del("state") }},
		{"with an empty state", func(v url.Values) { v.Set("state", "") }},
		{"with a state that is made up", func(v url.Values) { v.Set("state", t.Random(18)) }},
		{"with a state whose first character is another", func(v url.Values) { v.Set("state", another(v.Get("state")[:1])+v.Get("state")[1:]) }},
		{"with a state that goes on", func(v url.Values) { v.Set("state", v.Get("state")+"A") }},
	} {
		c := t.newCaller()
		a := c.begins(t.p)
		if a.query.Get("state") == "" {
			t.FailAt(a.asked.Exchange, "a state in the authorization request", "none")
		}
		says, _ := a.approved(who)
		w.change(says)
		t.strange(c, says, "a callback "+w.what)
	}
}

// strange wants a callback refused that belongs to no login.
func (t *thirdPartyTest) strange(c *caller, says url.Values, what string) {
	mark := t.Mark()
	resp := c.calls(says)
	t.unasked(mark, what)
	c.turnedAway(resp, what, http.StatusBadRequest, http.StatusForbidden)
}

// UN-TP-23
func (t *thirdPartyTest) callbackOfAnotherBrowserRefused() {
	who := t.newPerson()
	t.newCaller().enters(t.p, who)
	begun, bare := t.newCaller(), t.newCaller()
	begun.begins(t.p)
	for _, w := range []struct {
		in   *caller
		what string
	}{
		{begun, "in a browser that has begun another login"},
		{bare, "in a browser without cookies"},
	} {
		says, _ := t.newCaller().begins(t.p).approved(who)
		t.strange(w.in, says, "a callback "+w.what+", with the state of a login that another browser has begun")
	}
	in := t.newCaller()
	in.enters(t.p, who)
	other := t.newPerson()
	says, _ := t.newCaller().begins(t.p).approved(other)
	mark := t.Mark()
	const what = "a callback in a browser that is logged in, with the state of a login that another browser has begun"
	resp := in.calls(says)
	t.unasked(mark, what)
	t.ExpectStatus(resp, what, http.StatusBadRequest, http.StatusForbidden)
	in.isIn(who, "after "+what)
}

// UN-TP-24
func (t *thirdPartyTest) callbackTakenOnce() {
	c, who := t.newCaller(), t.newPerson()
	e := c.enters(t.p, who)
	const again = "a callback that arrives again"
	mark := t.Mark()
	resp := c.calls(e.says)
	t.unasked(mark, again)
	t.ExpectStatus(resp, again, http.StatusBadRequest, http.StatusForbidden)

	for _, name := range []string{"code", "iss"} {
		twice := t.newCaller()
		says, _ := twice.begins(t.p).approved(who)
		changed := maps.Clone(says)
		changed[name] = []string{says.Get(name), says.Get(name)}
		t.ExpectStatus(twice.calls(changed), "a callback with "+name+" twice", http.StatusBadRequest)
		t.strange(twice, says, "a right callback after one that had "+name+" twice")
	}

	second := t.newCaller()
	says, _ := second.begins(t.p).approved(who)
	address := t.withQuery(t.callbackEndpoint(), says)
	mark = t.Mark()
	answers := t.TryTogether("user-agent", t.bearing(t.get(address), second.cookies()...), t.bearing(t.get(address), second.cookies()...))
	for _, answer := range answers {
		if answer == nil {
			t.Fail("answers to two equal callbacks at once", "none to one of them")
		}
	}
	t.askedOnce(atToken, mark, answers[0], "two equal callbacks at once")
}

// UN-TP-25
func (t *thirdPartyTest) codeSentOnce() {
	who := t.newPerson()
	t.newCaller().enters(t.p, who)
	either := []int{http.StatusBadGateway, http.StatusForbidden}
	for _, f := range []struct {
		endpoint, what string
		slip           slip
		statuses       []int
	}{
		{atToken, "whose pass-token request stays without an answer", slip{lost: true}, []int{http.StatusBadGateway}},
		{atToken, "whose pass-token request is answered with 503", slip{status: http.StatusServiceUnavailable}, either},
		{atToken, "whose pass-token request is answered with 500", slip{status: http.StatusInternalServerError}, either},
		{atAuthentication, "whose authentication request stays without an answer", slip{lost: true}, either},
		{atAuthentication, "whose authentication request is answered with 503", slip{status: http.StatusServiceUnavailable}, either},
	} {
		c, mark := t.newCaller(), t.Mark()
		says, _ := c.begins(t.p).approved(who)
		t.p.errs(f.endpoint, f.slip)
		what := "a callback " + f.what
		resp := c.calls(says)
		t.askedOnce(atToken, mark, resp, what)
		if f.endpoint == atAuthentication {
			t.askedOnce(atAuthentication, mark, resp, what)
		}
		c.turnedAway(resp, what, f.statuses...)
		t.Behave()
		c.calls(says)
		t.askedOnce(atToken, mark, resp, what+", which arrives again")
	}
}

// UN-TP-26
func (t *thirdPartyTest) challengeInEveryRequest() {
	challenges := map[string]bool{}
	c := t.newCaller()
	for i := range 6 {
		if i == 3 {
			c = t.newCaller()
		}
		a := c.begins([]*platform{t.p, t.q}[i%2])
		challenge := a.query.Get("code_challenge")
		if raw, err := jose.Decode(challenge); err != nil || len(raw) != sha256.Size {
			t.FailAt(a.asked.Exchange, "a code_challenge of 43 characters, the base64url of 32 bytes, in the authorization request", fmt.Sprintf("%q", challenge))
		}
		if method := a.query.Get("code_challenge_method"); method != "S256" {
			t.FailAt(a.asked.Exchange, "code_challenge_method=S256 in the authorization request", fmt.Sprintf("%q", method))
		}
		if challenges[challenge] {
			t.FailAt(a.asked.Exchange, "another code_challenge in each authorization request", fmt.Sprintf("%q again", challenge))
		}
		challenges[challenge] = true
	}
}

var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// UN-TP-27: two logins are under way in one browser, and end in the other order.
func (t *thirdPartyTest) verifierSentWithTheCode() {
	c := t.newCaller()
	one, two := c.begins(t.p), c.begins(t.p)
	for _, a := range []attempt{two, one, t.newCaller().begins(t.q)} {
		mark := t.Mark()
		says, _ := a.approved(t.newPerson())
		resp := a.by.calls(says)
		e := t.askedOnce(atToken, mark, resp, "a callback with a code")
		verifier := e.payload.text("code_verifier")
		sum := sha256.Sum256([]byte(verifier))
		if challenge := a.query.Get("code_challenge"); jose.Encode(sum[:]) != challenge || !verifierForm.MatchString(verifier) {
			t.FailAt(e.exchange, fmt.Sprintf("a pass-token request with the code_verifier of the challenge %q", challenge), "code_verifier is "+shown(e.payload["code_verifier"]))
		}
		if sent := a.query.Get("redirect_uri"); e.payload["redirect_uri"] != sent {
			t.FailAt(e.exchange, fmt.Sprintf("a pass-token request with redirect_uri %q, as in the authorization request", sent), "redirect_uri is "+shown(e.payload["redirect_uri"]))
		}
		t.redirected(resp, "a callback with a code that the platform takes")
	}
}

// UN-TP-28
func (t *thirdPartyTest) issuerOfTheCallbackCompared() {
	who := t.newPerson()
	for _, p := range []*platform{t.p, t.q} {
		t.newCaller().enters(p, who)
	}
	for _, w := range []struct {
		what   string
		begun  *platform
		issuer []string
	}{
		{"without iss", t.p, nil},
		{"with an empty iss", t.p, []string{""}},
		{"with the iss of another platform", t.p, []string{t.q.issuer}},
		{"with the iss of the first platform in a login that was begun with the second", t.q, []string{t.p.issuer}},
		{"with the iss of nobody", t.p, []string{"https://platform.example"}},
		{"with an iss that has a slash more", t.p, []string{t.p.issuer + "/"}},
		{"with iss twice", t.p, []string{t.p.issuer, t.q.issuer}},
	} {
		c := t.newCaller()
		says, _ := c.begins(w.begun).approved(who)
		delete(says, "iss")
		if w.issuer != nil {
			says["iss"] = w.issuer
		}
		t.strange(c, says, "a callback "+w.what)
	}
}

// UN-TP-29
func (t *thirdPartyTest) issuerOfTheMetadataCompared() {
	c := t.newCaller()
	for _, p := range []*platform{t.p, t.q} {
		c.begins(p)
	}
	for range 2 {
		mark := t.Mark()
		resp := c.visit(t.accessURL(t.r))
		const what = "an access request for a platform whose metadata name another as issuer"
		if read := t.platforms.at(atMetadata, mark); len(read) > 0 && read[0].at != t.r {
			t.FailAt(read[0].exchange, "the metadata of "+t.r.name+" read for "+what, read[0].String())
		}
		t.noWayOn(resp, what)
	}
}

// noWayOn wants an access request refused with 502.
func (t *thirdPartyTest) noWayOn(resp *conformance.Response, what string) {
	if resp.Status != http.StatusBadGateway || resp.Location() != "" {
		t.FailAt(resp.Exchange, "status 502 and no redirect for "+what, judge.Describe(resp))
	}
}

// UN-TP-30
func (t *thirdPartyTest) accountOfIssuerAndSub() {
	atP, atQ, who := t.newCaller(), t.newCaller(), t.newPerson()
	one := atP.enters(t.p, who).resource.Account
	two := atQ.enters(t.q, who).resource.Account
	if one == two {
		t.Fail("another account for a sub of one platform than for the same sub of another platform", fmt.Sprintf("the account %q for both", one))
	}
	for _, again := range []struct {
		at      *platform
		account string
	}{{t.p, one}, {t.q, two}} {
		if account := t.newCaller().enters(again.at, who).resource.Account; account != again.account {
			t.Fail(fmt.Sprintf("the account %q at another login at %s", again.account, again.at.name), fmt.Sprintf("the account %q", account))
		}
	}
}
