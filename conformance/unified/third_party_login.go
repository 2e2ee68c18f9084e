package unified

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/conformance"
)

// UN-TP-01
func (t *thirdPartyTest) namesItsEndpoints() {
	t.OfType(t.document.Response, "the metadata document", "application/json")
	var all members
	if err := json.Unmarshal(t.document.Body, &all); err != nil {
		t.FailAt(t.document.Exchange, "metadata that are a JSON object", err.Error())
	}
	for _, m := range [][2]string{{"profile", "unified@1"}, {"client_id", t.p.clientID}} {
		if all[m[0]] != m[1] {
			t.FailAt(t.document.Exchange, fmt.Sprintf("metadata with %s %q", m[0], m[1]), fmt.Sprintf("%s is %s", m[0], shown(all[m[0]])))
		}
	}
	for _, name := range []string{"access_endpoint", "callback_endpoint", "home_endpoint", "resource_endpoint"} {
		t.namesURL(all, name)
	}
	for _, name := range []string{"batch_logout_endpoint", "user_logout_endpoint", "backchannel_logout_endpoint"} {
		if all[name] != nil {
			t.namesURL(all, name)
		}
	}
}

func (t *thirdPartyTest) namesURL(all members, name string) {
	u, err := url.Parse(all.text(name))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		t.FailAt(t.document.Exchange, "metadata whose "+name+" is a URL", name+" is "+shown(all[name]))
	}
}

// UN-TP-02: the platform that is meant asks the user, also one who is logged in here.
func (t *thirdPartyTest) accessSentOnToThePlatform() {
	c := t.newCaller()
	for _, p := range []*platform{t.p, t.q} {
		t.asksTheUser(c.begins(p), "an access request")
	}
	c.enters(t.p, t.newPerson())
	t.asksTheUser(c.begins(t.p), "an access request of a browser with a login credential")
}

func (t *thirdPartyTest) asksTheUser(a attempt, what string) {
	for _, m := range [][2]string{{"response_type", "code"}, {"client_id", a.at.clientID}, {"redirect_uri", t.callbackEndpoint()}} {
		if got := a.query[m[0]]; len(got) != 1 || got[0] != m[1] {
			t.FailAt(a.asked.Exchange, fmt.Sprintf("an authorization request with %s=%q after %s", m[0], m[1], what), fmt.Sprintf("%s is %q", m[0], got))
		}
	}
}

// UN-TP-03
func (t *thirdPartyTest) codeExchangedForAPassToken() {
	for _, p := range []*platform{t.p, t.q} {
		c, mark := t.newCaller(), t.Mark()
		a := c.begins(p)
		says, g := a.approved(t.newPerson())
		resp := c.calls(says)
		e := t.asked(atToken, mark, resp, "a callback with a code")
		if e.at != p || e.problem != "" {
			t.FailAt(e.exchange, "a pass-token request to "+p.name+" with the communication key of the two", e.String())
		}
		for _, m := range [][2]string{{"grant_type", "authorization_code"}, {"code", g.code}} {
			if got := e.payload[m[0]]; got != m[1] {
				t.FailAt(e.exchange, fmt.Sprintf("a pass-token request with %s %q", m[0], m[1]), fmt.Sprintf("%s is %s", m[0], shown(got)))
			}
		}
		t.redirected(resp, "a callback with a code that the platform takes")
	}
}

// UN-TP-04
func (t *thirdPartyTest) passTokenCarriedToThePlatform() {
	c, who, mark := t.newCaller(), t.newPerson(), t.Mark()
	a := c.begins(t.p)
	says, g := a.approved(who)
	resp := c.calls(says)
	e := t.asked(atAuthentication, mark, resp, "a callback with a code that was exchanged")
	if e.at != t.p || e.problem != "" {
		t.FailAt(e.exchange, "an authentication request to "+t.p.name+" with the communication key of the two", e.String())
	}
	if passToken := t.passTokenOf(g); e.payload["pass_token"] != passToken {
		t.FailAt(e.exchange, fmt.Sprintf("an authentication request with pass_token %q, as the platform gave it", passToken), "pass_token is "+shown(e.payload["pass_token"]))
	}
	c.isIn(who, "after the login")
}

// UN-TP-05
func (t *thirdPartyTest) credentialForTheUser() {
	first, second := t.newCaller(), t.newCaller()
	one, two := t.newPerson(), t.newPerson()
	t.describes(first.enters(t.p, one), one)
	t.describes(second.enters(t.p, two), two)
	first.isIn(one, "after the login of another user in another browser")
	t.describes(first.enters(t.p, two), two)
	first.isIn(two, "after the login of another user in the same browser")
	second.isIn(two, "after another login of the same user in another browser")
}

// describes wants the resource to say what the platform said.
func (t *thirdPartyTest) describes(e entry, who person) {
	if e.resource.Nickname != who.nickname || e.resource.Picture != who.picture {
		t.Fail(fmt.Sprintf("the resource of the user with nickname %q and picture %q", who.nickname, who.picture), fmt.Sprintf("nickname %q and picture %q", e.resource.Nickname, e.resource.Picture))
	}
}

// UN-TP-06
func (t *thirdPartyTest) noCredentialWithoutThePlatformsYes() {
	who := t.newPerson()
	t.newCaller().enters(t.p, who)
	for _, f := range []struct {
		endpoint, what string
		slip           slip
	}{
		{atToken, "refuses the code with 400 invalid_grant", slip{status: http.StatusBadRequest, code: "invalid_grant"}},
		{atToken, "answers the pass-token request with 500", slip{status: http.StatusInternalServerError}},
		{atToken, "gives no answer to the pass-token request", slip{lost: true}},
		{atAuthentication, "refuses the pass token with 400 invalid_token", slip{status: http.StatusBadRequest, code: "invalid_token"}},
		{atAuthentication, "answers the authentication request with 503", slip{status: http.StatusServiceUnavailable}},
		{atAuthentication, "gives no answer to the authentication request", slip{lost: true}},
	} {
		c, mark := t.newCaller(), t.Mark()
		says, _ := c.begins(t.p).approved(who)
		t.p.errs(f.endpoint, f.slip)
		resp := c.calls(says)
		t.Behave()
		what := "a callback after which the platform " + f.what
		t.asked(f.endpoint, mark, resp, what)
		c.turnedAway(resp, what, http.StatusBadGateway, http.StatusForbidden)
	}
	c := t.newCaller()
	says, _ := c.begins(t.p).approved(who)
	says.Set("code", t.Random(18))
	c.turnedAway(c.calls(says), "a callback with a code that the platform did not give", http.StatusBadGateway, http.StatusForbidden)
}

// UN-TP-07
func (t *thirdPartyTest) refusalByTheUser() {
	who := t.newPerson()
	t.newCaller().enters(t.p, who)
	for _, code := range []string{"access_denied", "invalid_request", "server_error"} {
		c := t.newCaller()
		says, _ := c.begins(t.p).approved(who)
		says.Del("code")
		says.Set("error", code)
		t.refusedByUser(c, says, "a callback with error="+code)
	}
	c := t.newCaller()
	says, _ := c.begins(t.p).approved(who)
	says.Set("error", "access_denied")
	t.refusedByUser(c, says, "a callback with error=access_denied beside a code")
}

func (t *thirdPartyTest) refusedByUser(c *caller, says url.Values, what string) {
	mark := t.Mark()
	resp := c.calls(says)
	t.unasked(mark, what)
	c.turnedAway(resp, what, http.StatusForbidden)
}

// UN-TP-08
func (t *thirdPartyTest) laterLoginsFindTheAccount() {
	who := t.newPerson()
	c := t.newCaller()
	account := c.enters(t.p, who).resource.Account
	renamed := who
	renamed.nickname, renamed.picture = "Another "+who.nickname, "https://pictures.example/another.png"
	for _, later := range []struct {
		in   *caller
		who  person
		what string
	}{
		{c, who, "another login of the user in the same browser"},
		{t.newCaller(), who, "another login of the user in another browser"},
		{t.newCaller(), renamed, "a login of the user under another nickname and picture"},
		{t.newCaller(), who.in(2), "a login of the user after a logout"},
	} {
		e := later.in.enters(t.p, later.who)
		if e.resource.Account != account {
			t.Fail(fmt.Sprintf("the account %q, as at the first login, for %s", account, later.what), fmt.Sprintf("the account %q", e.resource.Account))
		}
	}
}

// UN-TP-09
func (t *thirdPartyTest) anotherSubIsAnotherAccount() {
	who := t.newPerson()
	first := t.newCaller()
	accounts := map[string]string{first.enters(t.p, who).resource.Account: who.sub}
	for _, sub := range []string{"u-" + t.Random(9), strings.ToUpper(who.sub), who.sub + " ", who.sub[:len(who.sub)-1]} {
		other := who
		other.sub = sub
		account := t.newCaller().enters(t.p, other).resource.Account
		if taken, known := accounts[account]; known {
			t.Fail(fmt.Sprintf("another account for the sub %q than for %q, whose nickname and picture are the same", sub, taken), fmt.Sprintf("the account %q for both", account))
		}
		accounts[account] = sub
	}
	first.isIn(who, "after logins of users with the same nickname")
}

// UN-TP-10
func (t *thirdPartyTest) noResourceWithoutACredential() {
	c := t.newCaller()
	c.enters(t.p, t.newPerson())
	cookies := c.cookies()
	t.Accepted(t.resourceWith(cookies...), "a resource request with all cookies of a login")
	t.loginRequired(t.resourceWith(), "without a cookie")
	stranger := t.newCaller()
	stranger.begins(t.p)
	t.loginRequired(stranger.asks(), "of a browser that has begun a login and not ended it")
	invented := inventions(cookies, func(string) string { return t.Random(18) })
	t.loginRequired(t.resourceWith(invented...), "with cookies whose values are made up")
	altered := inventions(cookies, func(value string) string { return another(value[:1]) + value[1:] })
	t.loginRequired(t.resourceWith(altered...), "with cookies whose values have another first character")
}

// another is a different character of the alphabet of tokens.
func another(character string) string {
	if character == "A" {
		return "B"
	}
	return "A"
}

// inventions are cookies of the same names with other values.
func inventions(cookies []*http.Cookie, value func(string) string) (others []*http.Cookie) {
	for _, c := range cookies {
		others = append(others, &http.Cookie{Name: c.Name, Value: value(c.Value)})
	}
	return others
}

func (t *thirdPartyTest) loginRequired(resp *conformance.Response, how string) {
	t.Refused(resp, "a resource request "+how, http.StatusForbidden, "login_required")
}

// UN-TP-11
func (t *thirdPartyTest) dataPassThePlatformBy() {
	c, who := t.newCaller(), t.newPerson()
	c.enters(t.p, who)
	mark := t.Mark()
	read := func(when string) {
		resp := c.asks()
		if found := t.Since(mark); len(found) > 0 {
			t.FailAt(found[0].exchange, "no request to the platform for a resource request "+when, found[0].String())
		}
		t.belongs(resp, who, "a resource request "+when)
	}
	read("just after the login")
	read("for the second time")
	if within := min(t.bound(), t.lifetime()) / 2; within > time.Second && t.Passes(within) {
		read(fmt.Sprintf("%s after the login, the bound being %s", within, t.bound()))
	}
	read("for the last time")
}
