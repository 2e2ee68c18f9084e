package unified

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// alice and bob are users whom no check logs out: many checks share them. A check that logs out takes own or a crowd.
func (t *test) alice() UserSetup { return t.user("alice", 0) }
func (t *test) bob() UserSetup   { return t.user("bob", 1) }

// own is the user of this check alone: user-07 for the requirement number 7.
func (t *test) own() UserSetup {
	id := string(t.Check.ID)
	number, err := strconv.Atoi(id[strings.LastIndex(id, "-")+1:])
	if err != nil {
		t.Broken("%s has no number", id)
	}
	return t.user("of the check", 1+number)
}

// crowd are the last n users of the setup: for checks that run alone.
func (t *test) crowd(n int) []UserSetup {
	if n > len(t.Users)/2 {
		t.Skip("it needs %d users, and the setup names %d in all", n, len(t.Users))
	}
	return t.Users[len(t.Users)-n:]
}

func (t *test) user(who string, i int) UserSetup {
	if i >= len(t.Users) {
		t.Broken("the setup names %d users, and the one %s would be number %d: complete it by section 8 of the profile", len(t.Users), who, i+1)
	}
	return t.Users[i]
}

// site is a third-party platform as the platform under test knows it.
type site struct {
	id, name                 string
	access, callback         string
	batchLogout, backChannel string // empty where there is none
	// keys are its communication keys, the newest last.
	keys []jose.Key
}

// newest is the key that it seals under.
func (s site) newest() jose.Key { return s.keys[len(s.keys)-1] }

// The third-party platforms of the setup: A and B with a batch logout path, C without any, D with back-channel logout.
func (t *test) siteA() site { return t.listed(0) }
func (t *test) siteB() site { return t.listed(1) }
func (t *test) siteC() site { return t.listed(2) }
func (t *test) siteD() site { return t.listed(3) }

func (t *test) listed(i int) site {
	if i >= len(t.ThirdParties) || len(t.ThirdParties[i].Keys) == 0 {
		t.Broken("the setup names no third-party platform number %d with a key: complete it by section 8 of the profile", i+1)
	}
	known := t.ThirdParties[i]
	s := site{id: known.ClientID, name: known.Name, access: known.AccessURI(), callback: known.CallbackURI(), batchLogout: known.LogoutURI(), backChannel: known.BackChannelLogoutURI()}
	for _, k := range known.Keys {
		secret, err := k.Secret()
		if err != nil {
			t.Broken("%v", err)
		}
		s.keys = append(s.keys, jose.Key{ID: k.ID, Secret: secret})
	}
	return s
}

// The endpoints of the platform under test.
func (t *test) portalEndpoint() string {
	return t.document.Named("portal_endpoint", t.metadata.PortalEndpoint)
}

func (t *test) authorizationEndpoint() string {
	return t.document.Named("authorization_endpoint", t.metadata.AuthorizationEndpoint)
}

func (t *test) logoutEndpoint() string {
	return t.document.Named("logout_endpoint", t.metadata.LogoutEndpoint)
}

func (t *test) tokenEndpoint() string {
	return t.document.Named("token_endpoint", t.metadata.TokenEndpoint)
}

func (t *test) authenticationEndpoint() string {
	return t.document.Named("authentication_endpoint", t.metadata.AuthenticationEndpoint)
}

func (t *test) statusEndpoint() string {
	return t.document.Named("status_endpoint", t.metadata.StatusEndpoint)
}

func (t *test) registrationEndpoint() string {
	return t.document.Named("registration_endpoint", t.metadata.RegistrationEndpoint)
}

func (t *test) reviewEndpoint() string {
	return t.document.Named("review_endpoint", t.metadata.ReviewEndpoint)
}

func (t *test) keyEndpoint() string { return t.document.Named("key_endpoint", t.metadata.KeyEndpoint) }

// browser is a user's browser with no cookies.
func (t *test) browser() *conformance.Browser {
	return &conformance.Browser{Session: t.Session, As: "user-agent"}
}

// page is a page of the platform that takes a decision, in a browser.
type page struct {
	*test
	what   string
	in     *conformance.Browser
	url    string
	answer *conformance.Response
	form   *conformance.Form
}

// open opens a page that has to offer the decision.
func (t *test) open(in *conformance.Browser, address, decision, what string) page {
	return t.shown(in, address, in.Open(address), decision, what)
}

// shown reads a page with a decision out of an answer.
func (t *test) shown(in *conformance.Browser, address string, answer *conformance.Response, decision, what string) page {
	p := page{test: t, what: what, in: in, url: address, answer: answer, form: answer.Form(address)}
	if answer.Status != http.StatusOK || p.form == nil || p.form.Method != "post" {
		t.FailAt(answer.Exchange, "status 200 and a form with method post for "+what, judge.Describe(answer))
	}
	if !slices.Contains(p.form.Buttons, [2]string{"decision", decision}) {
		t.FailAt(answer.Exchange, fmt.Sprintf("%s: a submit button decision=%s", what, decision), fmt.Sprintf("buttons %q", p.form.Buttons))
	}
	return p
}

// asksPassword reports whether the page has an input of type password.
func (p page) asksPassword() bool { return p.form.Types["password"] == "password" }

// filled is what the form sends when the user has pressed a button; user name and password go where the page asks for them.
func (p page) filled(as UserSetup, decision string) url.Values {
	values := maps.Clone(p.form.Values) // none of whose lists is changed
	if p.asksPassword() {
		values.Set("username", as.Name)
		values.Set("password", as.Password)
	}
	values.Set("decision", decision)
	return values
}

// press sends the form.
func (p page) press(as UserSetup, decision string) *conformance.Response {
	return p.in.Post(p.form.Action, p.filled(as, decision))
}

// redirected wants a redirect after a form, and gives where it leads.
func (t *test) redirected(resp *conformance.Response, what string) *url.URL {
	if resp.Status/100 != 3 || resp.Location() == "" {
		t.FailAt(resp.Exchange, "a redirect after "+what, judge.Describe(resp))
	}
	to, err := url.Parse(resp.Location())
	if err != nil {
		t.FailAt(resp.Exchange, "a redirect to a URL after "+what, fmt.Sprintf("Location %q", resp.Location()))
	}
	return to
}

// loginPage opens the portal without a session.
func (t *test) loginPage(in *conformance.Browser) page {
	return t.open(in, t.portalEndpoint(), "login", "the portal without a session")
}

// logIn logs a user in at the portal.
func (t *test) logIn(in *conformance.Browser, as UserSetup) {
	t.redirected(t.loginPage(in).press(as, "login"), "the right user name and password at the portal")
}

// login is one login at a third-party platform that the harness plays, from the authorization request on.
type login struct {
	site
	// query is that of the authorization request; verifier is what its challenge was made of.
	query           url.Values
	state, verifier string
	// code, passToken and person come as the login goes on.
	code, passToken string
	person          person
}

// person is the user information.
type person struct {
	sub, nickname, picture string
	// generation is 0 where the answer has none.
	generation int64
}

// newLogin begins a login: section 4.4 of the profile.
func (t *test) newLogin(at site) login {
	l := login{site: at, state: t.Random(18), verifier: t.Random(36)}
	sum := sha256.Sum256([]byte(l.verifier))
	l.query = url.Values{
		"response_type": {"code"}, "client_id": {at.id}, "redirect_uri": {at.callback}, "state": {l.state},
		"code_challenge": {jose.Encode(sum[:])}, "code_challenge_method": {"S256"},
	}
	return l
}

// authorizationURL is where a third-party platform sends the browser. The endpoint may have a query of its own.
func (t *test) authorizationURL(query url.Values) string {
	return t.withQuery(t.authorizationEndpoint(), query)
}

func (t *test) withQuery(endpoint string, query url.Values) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		t.FailAt(t.document.Exchange, "metadata whose endpoints are URLs", err.Error())
	}
	all := u.Query()
	maps.Copy(all, query)
	u.RawQuery = all.Encode()
	return u.String()
}

// authorizationPage opens the page that asks the user.
func (t *test) authorizationPage(in *conformance.Browser, l login) page {
	return t.open(in, t.authorizationURL(l.query), "approve", "the authorization page")
}

// approve has the user approve, and takes the code at the callback path.
func (t *test) approve(in *conformance.Browser, as UserSetup, l login) login {
	return t.coded(t.authorizationPage(in, l).press(as, "approve"), l)
}

// coded reads the code out of the answer to an approval.
func (t *test) coded(resp *conformance.Response, l login) login {
	to := t.redirected(resp, "the user's approval")
	l.code = to.Query().Get("code")
	if l.code == "" || !strings.HasPrefix(to.String(), l.callback) {
		t.FailAt(resp.Exchange, "a redirect to the callback path with a code after the user's approval", judge.Describe(resp))
	}
	return l
}

// lineOf is the line from a third-party platform to the platform under test.
func (t *test) lineOf(s site) line {
	return line{from: s.id, to: t.issuer(), key: s.newest()}
}

// issuer is the platform's; that it is right is the matter of another requirement.
func (t *test) issuer() string { return t.document.Named("issuer", t.metadata.Issuer) }

// passTokenRequest is section 4.5 of the profile.
func (t *test) passTokenRequest(l login) message {
	return t.request(t.lineOf(l.site), "pass-token-request", members{
		"grant_type": "authorization_code", "code": l.code, "redirect_uri": l.callback, "code_verifier": l.verifier,
	})
}

// authenticationRequest is section 4.5 of the profile.
func (t *test) authenticationRequest(l login) message {
	return t.request(t.lineOf(l.site), "authentication-request", members{"pass_token": l.passToken})
}

// statusRequest is section 4.5 of the profile.
func (t *test) statusRequest(s site, sub string, generation int64) message {
	return t.request(t.lineOf(s), "status-request", members{"sub": sub, "generation": generation})
}

// askPassToken, askUser and askStatus send the requests.
func (t *test) askPassToken(m message) *conformance.Response {
	return t.send(m.from, t.tokenEndpoint(), m)
}

func (t *test) askUser(m message) *conformance.Response {
	return t.send(m.from, t.authenticationEndpoint(), m)
}

func (t *test) askStatus(m message) *conformance.Response {
	return t.send(m.from, t.statusEndpoint(), m)
}

// exchange takes the pass token for a code.
func (t *test) exchange(l login) login {
	m := t.passTokenRequest(l)
	resp := t.askPassToken(m)
	what := "the pass-token request with a code that the user's approval gave"
	l.passToken = t.member(resp, t.opens(resp, m, what), "pass_token", "the answer to "+what)
	return l
}

// authenticate takes the user information for a pass token.
func (t *test) authenticate(l login) login {
	m := t.authenticationRequest(l)
	resp := t.askUser(m)
	what := "the authentication request with a pass token that was just given"
	l.person = t.personIn(resp, t.opens(resp, m, what), "the answer to "+what)
	return l
}

// personIn reads user information.
func (t *test) personIn(resp *conformance.Response, o opened, what string) person {
	p := person{sub: t.member(resp, o, "sub", what), nickname: o.payload.text("nickname"), picture: o.payload.text("picture")}
	p.generation, _ = o.payload.whole("generation")
	return p
}

// enter is the whole login at a third-party platform, in a browser that has a session or gets one by it.
func (t *test) enter(in *conformance.Browser, as UserSetup, at site) login {
	return t.authenticate(t.exchange(t.approve(in, as, t.newLogin(at))))
}

// active is what the platform says to a status request, which has to be answered.
func (t *test) active(s site, sub string, generation int64, what string) bool {
	m := t.statusRequest(s, sub, generation)
	resp := t.askStatus(m)
	o := t.opens(resp, m, "the status request for "+what)
	said, ok := o.payload["active"].(bool)
	if !ok {
		t.FailAt(resp.Exchange, "active, true or false, for "+what, "active is "+shown(o.payload["active"]))
	}
	return said
}

// logoutPage opens the page that asks whether to log out. A third-party platform's link names it; empty for none.
func (t *test) logoutPage(in *conformance.Browser, from string) page {
	query := url.Values{}
	if from != "" {
		query.Set("client_id", from)
	}
	return t.open(in, t.withQuery(t.logoutEndpoint(), query), "logout", "the logout page within a session")
}

// logOut logs the user out in a browser.
func (t *test) logOut(in *conformance.Browser) *conformance.Response {
	return t.leaves(t.logoutPage(in, ""))
}

// leaves presses the button of a logout page.
func (t *test) leaves(p page) *conformance.Response {
	resp := p.press(UserSetup{}, "logout")
	if resp.Status != http.StatusOK && resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
		t.FailAt(resp.Exchange, "status 200 with a page, or 303 to the portal, for a logout", judge.Describe(resp))
	}
	return resp
}
