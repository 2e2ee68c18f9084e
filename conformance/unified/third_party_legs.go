package unified

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/judge"
)

func (t *thirdPartyTest) accessEndpoint() string {
	return t.document.Named("access_endpoint", t.metadata.AccessEndpoint)
}

func (t *thirdPartyTest) callbackEndpoint() string {
	return t.document.Named("callback_endpoint", t.metadata.CallbackEndpoint)
}

func (t *thirdPartyTest) homeEndpoint() string {
	return t.document.Named("home_endpoint", t.metadata.HomeEndpoint)
}

func (t *thirdPartyTest) resourceEndpoint() string {
	return t.document.Named("resource_endpoint", t.metadata.ResourceEndpoint)
}

// caller is a user's browser at the third-party platform under test.
type caller struct {
	*thirdPartyTest
	in *conformance.Browser
	// given are the cookies that it was ever given, the latest value of each: what a thief would have.
	given map[string]*http.Cookie
}

// newCaller is a browser with no cookies.
func (t *thirdPartyTest) newCaller() *caller {
	return &caller{thirdPartyTest: t, in: t.browser(), given: map[string]*http.Cookie{}}
}

func (c *caller) visit(address string) *conformance.Response { return c.keep(c.in.Open(address)) }

func (c *caller) keep(resp *conformance.Response) *conformance.Response {
	for _, cookie := range cookiesOf(resp) {
		c.given[cookie.Name] = cookie
	}
	return resp
}

// cookiesOf are those that an answer gives, not those that it takes away.
func cookiesOf(resp *conformance.Response) []*http.Cookie {
	return slices.DeleteFunc((&http.Response{Header: resp.Header}).Cookies(), func(c *http.Cookie) bool { return c.Value == "" || c.MaxAge < 0 })
}

// cookies are all that it was ever given, by name.
func (c *caller) cookies() []*http.Cookie {
	var all []*http.Cookie
	for _, name := range slices.Sorted(maps.Keys(c.given)) {
		all = append(all, c.given[name])
	}
	return all
}

// bearing makes a request with those cookies and no others.
func (t *thirdPartyTest) bearing(req *http.Request, cookies ...*http.Cookie) *http.Request {
	for _, c := range cookies {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value, Quoted: c.Quoted})
	}
	return req
}

// get makes a GET.
func (t *thirdPartyTest) get(address string) *http.Request {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.FailAt(t.document.Exchange, "metadata whose endpoints are URLs", fmt.Sprintf("%q: %v", address, err))
	}
	return req
}

// resourceWith asks for the resource with those cookies and no others.
func (t *thirdPartyTest) resourceWith(cookies ...*http.Cookie) *conformance.Response {
	return t.Do("user-agent", t.bearing(t.get(t.resourceEndpoint()), cookies...))
}

// attempt is a login that a browser has begun.
type attempt struct {
	by *caller
	at *platform
	// asked is the answer to the access request, query that of the authorization request that it leads to.
	asked *conformance.Response
	query url.Values
}

// accessURL is where a login at a platform begins; the first one needs no name.
func (t *thirdPartyTest) accessURL(p *platform) string {
	if p == t.p {
		return t.accessEndpoint()
	}
	return t.withQuery(t.accessEndpoint(), url.Values{"iss": {p.issuer}})
}

// begins opens the access endpoint, and reads the authorization request.
func (c *caller) begins(p *platform) attempt {
	resp := c.visit(c.accessURL(p))
	to := c.redirected(resp, "an access request")
	if !strings.HasPrefix(to.String(), p.in("authorization")+"?") {
		c.FailAt(resp.Exchange, "a redirect to "+p.in("authorization")+" after an access request", judge.Describe(resp))
	}
	return attempt{by: c, at: p, asked: resp, query: to.Query()}
}

// approved has the user approve at the platform, and gives what the callback is to say.
func (a attempt) approved(who person) (url.Values, *grant) {
	g := a.at.approve(who)
	says := url.Values{"code": {g.code}, "iss": {a.at.issuer}}
	if a.query.Has("state") {
		says.Set("state", a.query.Get("state"))
	}
	return says, g
}

// calls comes to the callback endpoint.
func (c *caller) calls(says url.Values) *conformance.Response {
	return c.visit(c.withQuery(c.callbackEndpoint(), says))
}

// entry is a login that has succeeded.
type entry struct {
	attempt
	*grant
	says     url.Values
	answer   *conformance.Response // to the callback
	resource resource
}

// enters is a whole login, which has to succeed.
func (c *caller) enters(p *platform, who person) entry {
	return c.begins(p).ends(who)
}

// ends is the rest of the login.
func (a attempt) ends(who person) entry {
	says, g := a.approved(who)
	e := entry{attempt: a, grant: g, says: says, answer: a.by.calls(says)}
	a.by.redirected(e.answer, "a callback with a code that the platform takes")
	e.resource = a.by.isIn(who, "after the login")
	return e
}

// resource is section 5.2 of the profile.
type resource struct {
	Sub      string            `json:"sub"`
	Nickname string            `json:"nickname"`
	Picture  string            `json:"picture"`
	Account  string            `json:"account"`
	Data     []json.RawMessage `json:"data"`
}

// asks asks for the resource.
func (c *caller) asks() *conformance.Response { return c.keep(c.in.Open(c.resourceEndpoint())) }

// isIn wants the resource to be the user's.
func (c *caller) isIn(who person, when string) resource {
	resp := c.asks()
	return c.belongs(resp, who, "a resource request "+when)
}

// belongs wants an answer to a resource request to be the user's.
func (t *thirdPartyTest) belongs(resp *conformance.Response, who person, what string) resource {
	t.Accepted(resp, what)
	var r resource
	if err := json.Unmarshal(resp.Body, &r); err != nil {
		t.FailAt(resp.Exchange, "a JSON object with sub, nickname, picture, account and data for "+what, err.Error())
	}
	if r.Sub != who.sub {
		t.FailAt(resp.Exchange, fmt.Sprintf("the resource of %s for %s", who.sub, what), fmt.Sprintf("sub %q", r.Sub))
	}
	if r.Account == "" {
		t.FailAt(resp.Exchange, "the string account for "+what, "none")
	}
	return r
}

// isOut wants the resource refused.
func (c *caller) isOut(when string) *conformance.Response {
	resp := c.asks()
	c.Refused(resp, "a resource request "+when, http.StatusForbidden)
	return resp
}

// turnedAway wants a callback to be answered with one of the statuses, and to give no login.
func (c *caller) turnedAway(resp *conformance.Response, what string, statuses ...int) {
	c.ExpectStatus(resp, what, statuses...)
	c.isOut("after " + what)
	// What the callback gave is no credential either.
	if cookies := cookiesOf(resp); len(cookies) > 0 {
		c.Refused(c.resourceWith(cookies...), "a resource request with the cookies that were given with the answer to "+what, http.StatusForbidden)
	}
}

// unasked wants that since the mark no code and no pass token was sent to any platform.
func (t *thirdPartyTest) unasked(mark int, what string) {
	for _, endpoint := range []string{atToken, atAuthentication} {
		if found := t.platforms.at(endpoint, mark); len(found) > 0 {
			t.FailAt(found[0].exchange, "no "+messageTo(endpoint)+" request after "+what, found[0].String())
		}
	}
}

// asked wants a request to an endpoint since a mark, and gives the first.
func (t *thirdPartyTest) asked(endpoint string, mark int, resp *conformance.Response, what string) enquiry {
	found := t.platforms.at(endpoint, mark)
	if len(found) == 0 {
		t.FailAt(resp.Exchange, requestTo(endpoint)+" to the platform for "+what, "none, and "+judge.Describe(resp))
	}
	return found[0]
}

// askedOnce wants exactly one request to an endpoint since a mark.
func (t *thirdPartyTest) askedOnce(endpoint string, mark int, resp *conformance.Response, what string) enquiry {
	first := t.asked(endpoint, mark, resp, what)
	if found := t.platforms.at(endpoint, mark); len(found) > 1 {
		t.FailAt(found[1].exchange, "no more than "+requestTo(endpoint)+" for "+what, fmt.Sprintf("%d", len(found)))
	}
	return first
}

// homePage opens the home page, which has to be there.
func (c *caller) homePage() *conformance.Response {
	resp := c.visit(c.homeEndpoint())
	c.Accepted(resp, "the home page with a login credential")
	c.OfType(resp, "the home page", "text/html")
	return resp
}

// leaving is the home page's form that logs out here; without the endpoint the check has nothing to judge.
func (c *caller) leaving() *conformance.Form {
	if c.metadata.UserLogoutEndpoint == "" {
		c.Skip("it offers no logout of its own: its metadata name no user_logout_endpoint")
	}
	home := c.homePage()
	form := home.Form(c.homeEndpoint())
	if form == nil || form.Method != "post" || form.Action != c.metadata.UserLogoutEndpoint {
		c.FailAt(home.Exchange, "a form on the home page with method post and the user_logout_endpoint as action", "none")
	}
	if !slices.Contains(form.Buttons, [2]string{"decision", "logout"}) {
		c.FailAt(home.Exchange, "a button decision=logout on the home page", fmt.Sprintf("buttons %q", form.Buttons))
	}
	form.Values.Set("decision", "logout")
	return form
}

// leavesHere logs out here.
func (c *caller) leavesHere() *conformance.Response {
	form := c.leaving()
	resp := c.keep(c.in.Post(form.Action, form.Values))
	if resp.Status != http.StatusOK && resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
		c.FailAt(resp.Exchange, "status 200 with a page, or 303, for a logout at the third-party platform", judge.Describe(resp))
	}
	return resp
}
