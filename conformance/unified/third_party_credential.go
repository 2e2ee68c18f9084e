package unified

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/conformance"
)

// UN-TP-15: the credential is dead, and not only forgotten by the browser.
func (t *thirdPartyTest) logoutEndsTheCredential() {
	g := t.guest(t.p)
	g.leaving()
	cookies := g.cookies()
	t.belongs(t.resourceWith(cookies...), g.who, "a resource request with all cookies of a login")
	g.leavesHere()
	g.goes("after a logout here")
	t.Refused(t.resourceWith(cookies...), "a resource request with the cookies of a login that was logged out", http.StatusForbidden)
	t.welcome(t.p, g.who)
}

// UN-TP-16
func (t *thirdPartyTest) logoutEndsNothingElsewhere() {
	g := t.guest(t.p)
	g.leaving()
	same, other := t.welcome(t.p, g.who), t.guest(t.p)
	mark := t.Mark()
	resp := g.leavesHere()
	if strings.HasPrefix(resp.Location(), t.p.in("logout")) {
		t.FailAt(resp.Exchange, "a logout that leads nobody to the platform's logout endpoint", "a redirect there")
	}
	g.goes("after a logout here")
	same.stays("in another browser of a user who has logged out here")
	other.stays("of a user, after another has logged out here")
	for _, e := range t.Since(mark) {
		if e.endpoint != atMetadata {
			t.FailAt(e.exchange, "nothing sent to the platform at a logout here", e.String())
		}
	}
}

// UN-TP-17
func (t *thirdPartyTest) linkToThePlatformsLogout() {
	for _, p := range []*platform{t.p, t.q} {
		home := t.guest(p).homePage()
		if !slices.ContainsFunc(links(home), p.isLeft) {
			t.FailAt(home.Exchange, "a link on the home page to "+p.in("logout")+"?client_id="+p.clientID, "none")
		}
	}
}

// isLeft reports whether a URL is that of the platform's logout, in the third-party platform's name.
func (p *platform) isLeft(to string) bool {
	endpoint, query, _ := strings.Cut(to, "?")
	values, err := url.ParseQuery(query)
	return err == nil && endpoint == p.in("logout") && slices.Equal(values["client_id"], []string{p.clientID})
}

// later lets the bound of a confirmation pass.
func (t *thirdPartyTest) later() {
	past := t.bound() + 2*time.Second
	if t.lifetime() <= past {
		t.Skip("a login credential, which lives for %s, ends before the bound of %s has passed", t.lifetime(), t.bound())
	}
	t.Advance(past)
}

// confirmed wants a status request about the user since a mark, before the answer that came.
func (g guest) confirmed(mark int, resp *conformance.Response, what string) {
	asked := g.asked(atStatus, mark, resp, what)
	g.rightRequest(asked)
	generation, _ := asked.payload.whole("generation")
	if asked.payload["sub"] != g.who.sub || generation != g.who.generation {
		g.FailAt(asked.exchange, fmt.Sprintf("a status request for the sub %q and the generation %d", g.who.sub, g.who.generation),
			fmt.Sprintf("sub %s and generation %s", shown(asked.payload["sub"]), shown(asked.payload["generation"])))
	}
}

// UN-TP-46
func (t *thirdPartyTest) loginConfirmedWithinTheBound() {
	g := t.guest(t.p)
	visitor := t.guest(t.p)
	const first = "a resource request when the bound has passed"
	t.later()
	mark := t.Mark()
	resp := g.asks()
	g.confirmed(mark, resp, first)
	t.belongs(resp, g.who, first+" and the platform says active")

	mark = t.Mark()
	g.stays("just after a confirmation")
	if asked := t.platforms.at(atStatus, mark); len(asked) > 0 {
		t.FailAt(asked[0].exchange, "no status request just after a confirmation", asked[0].String())
	}

	mark = t.Mark()
	visitor.confirmed(mark, visitor.homePage(), "a request for the home page when the bound has passed")

	g = t.guest(t.p)
	second := t.welcome(t.p, g.who)
	t.later()
	t.p.errs(atStatus, slip{change: func(m message) message { return m.with("active", false) }})
	mark = t.Mark()
	resp = g.asks()
	g.confirmed(mark, resp, "another resource request when the bound has passed")
	t.Refused(resp, "a resource request when the bound has passed and the platform says that the login is not active", http.StatusForbidden, "login_required")
	t.Behave()
	g.goes("after the platform has said once that the login is not active")
	second.goes("in the user's other browser, after the platform has said that the login is not active")
	t.unconfirmable()
	t.boundWithoutEnd()
}

// documentKept is for how long a third-party platform may keep the document of a platform.
const documentKept = 60 * time.Second

// boundWithoutEnd wants a platform's bound of more than an hour taken for an hour.
func (t *thirdPartyTest) boundWithoutEnd() {
	const longest = time.Hour
	if t.lifetime() <= longest+minute || !t.Passes(documentKept+time.Second) {
		return
	}
	t.q.errs(atMetadata, slip{document: func(d members) { d["logout_bound"] = 1_000_000 }})
	g := t.guest(t.q)
	if t.Passes(longest + 2*time.Second) {
		mark := t.Mark()
		g.confirmed(mark, g.asks(), "a resource request an hour after a login, where the platform announces a longer bound")
	}
	t.Behave()
}

// unconfirmable wants a login at a platform without status endpoint refused when the bound has passed, and not ended for good.
func (t *thirdPartyTest) unconfirmable() {
	g := t.guest(t.q)
	past := max(t.bound(), documentKept) + 2*time.Second
	if t.lifetime() <= past || !t.Passes(past) {
		return // the login ends of itself before, or time cannot pass
	}
	t.q.errs(atMetadata, slip{document: func(d members) { delete(d, "status_endpoint") }})
	g.goes("when the bound has passed and the platform names no status_endpoint")
	t.Behave()
	t.welcome(t.q, g.who).stays("of the same generation, after the platform has named no status_endpoint for a while")
}

// UN-TP-47
func (t *thirdPartyTest) noConfirmationNoResource() {
	cases := []struct {
		what string
		slip slip
	}{
		{"is answered with 500", slip{status: http.StatusInternalServerError}},
		{"is answered with 503", slip{status: http.StatusServiceUnavailable}},
		{"is answered with 400", slip{status: http.StatusBadRequest, code: "invalid_client"}},
		{"stays without an answer", slip{lost: true}},
		{"is answered in plain JSON", slip{plain: jsonType}},
		{"is answered without active", slip{change: func(m message) message { return m.with("active", nil) }}},
		{"is answered with an active that is a string", slip{change: func(m message) message { return m.with("active", "true") }}},
		{"is answered with the answer to another request", slip{change: func(m message) message { return m.with("in_reply_to", "another-request-altogether") }}},
	}
	var guests []guest // one bound passes for all of them, where their logins outlive what follows
	if t.lifetime() > t.bound()+10*time.Minute {
		for range cases {
			guests = append(guests, t.guest(t.p))
		}
		t.later()
	}
	for i, s := range cases {
		if len(guests) <= i {
			guests = append(guests, t.guest(t.p))
			t.later()
		}
		g, mark := guests[i], t.Mark()
		t.p.errs(atStatus, s.slip)
		resp := g.asks()
		t.Behave()
		what := "a resource request whose status request " + s.what
		if len(t.platforms.at(atStatus, mark)) == 0 {
			t.FailAt(resp.Exchange, "a status request for a resource request when the bound has passed", "none")
		}
		t.Refused(resp, what, http.StatusServiceUnavailable, "temporarily_unavailable")
		wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil || wait < 0 {
			t.FailAt(resp.Exchange, "Retry-After, in whole seconds, for "+what, fmt.Sprintf("%q", resp.Header.Get("Retry-After")))
		}
		t.Advance(time.Duration(wait) * time.Second)
		g.stays("when the platform answers again")
	}
}

// UN-TP-48
func (t *thirdPartyTest) credentialExpires() {
	lifetime := time.Duration(t.metadata.CredentialLifetime) * time.Second
	if lifetime <= 0 || lifetime > 24*time.Hour {
		t.FailAt(t.document.Exchange, "metadata with credential_lifetime, 1 to 86400 whole seconds", fmt.Sprintf("credential_lifetime is %d", t.metadata.CredentialLifetime))
	}
	g := t.guest(t.p)
	t.Advance(lifetime / 2)
	g.stays("after half of its credential_lifetime")
	t.Advance(lifetime - lifetime/2 + 2*time.Second)
	resp := g.asks()
	t.Refused(resp, "a resource request with a login credential older than credential_lifetime", http.StatusForbidden, "login_required")
	t.Refused(t.resourceWith(g.cookies()...), "a resource request with the cookies of a login older than credential_lifetime", http.StatusForbidden)
}

// credentialOf is the cookie of a login that opens the resource by itself; all that the callback gave where several are needed.
func (t *thirdPartyTest) credentialOf(e entry) []*http.Cookie {
	given := cookiesOf(e.answer)
	for _, c := range given {
		if t.resourceWith(c).Status == http.StatusOK {
			return []*http.Cookie{c}
		}
	}
	if len(given) == 0 {
		t.FailAt(e.answer.Exchange, "a login credential as a cookie in the answer to the callback", "no cookie")
	}
	return given
}

// UN-TP-49
func (t *thirdPartyTest) credentialNewAndUnguessable() {
	var values []string
	last := 0
	who, one := t.newPerson(), t.newCaller()
	for i := range sixteen {
		c := one
		if i%4 > 0 { // the others come again in the same browser, with the credential from before
			c = t.newCaller()
		}
		e := c.enters(t.p, who)
		var value string
		for _, cookie := range t.credentialOf(e) {
			value += cookie.Value
		}
		values, last = append(values, value), e.answer.Exchange
	}
	t.unguessable("a login credential", values, last)

	c := t.newCaller()
	a := c.begins(t.p)
	says, _ := a.approved(who)
	planted := inventions(one.cookies(), func(string) string { return t.Random(18) })
	// The session's own cookies stay as they are; all others are planted.
	planted = slices.DeleteFunc(planted, func(p *http.Cookie) bool { return c.given[p.Name] != nil })
	resp := t.Do("user-agent", t.bearing(t.get(t.withQuery(t.callbackEndpoint(), says)), append(c.cookies(), planted...)...))
	t.redirected(resp, "a callback with a code that the platform takes")
	for _, p := range planted {
		t.Refused(t.resourceWith(p), "a resource request with a cookie that the browser brought to the login", http.StatusForbidden)
	}
}
