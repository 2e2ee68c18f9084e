package bidirectional

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// own, peer and third are the clients that the OAuth server under test knows: that of its own site, that of the peer, that of a stranger.
func (t *test) own() ClientSetup   { return t.Clients[0] }
func (t *test) peer() ClientSetup  { return t.Clients[1] }
func (t *test) third() ClientSetup { return t.Clients[2] }

// alice and bob are the users registered at the target.
func (t *test) alice() UserSetup { return t.Users[0] }
func (t *test) bob() UserSetup   { return t.Users[1] }

// signedBy is a client's part of a signing key.
func signedBy(c ClientSetup) credentials { return credentials{client: c.ID, clientSecret: c.Secret} }

// issued is a temporary credential (steps 1 to 3) or an access token (step 7) as the harness got it.
type issued struct {
	token, secret string
	lifetime      time.Duration // as announced; 0 where that cannot be read
	values        url.Values
	answer        *conformance.Response
}

// issuedBy reads a form-encoded answer with status 200. That it is right in every part is the matter of the checks that ask for it.
func (t *test) issuedBy(resp *conformance.Response, what string) issued {
	t.Accepted(resp, what)
	values, err := url.ParseQuery(strings.TrimSpace(string(resp.Body)))
	if err != nil || values.Get("oauth_token") == "" {
		t.FailAt(resp.Exchange, "status 200 and an oauth_token, form-encoded, for "+what, judge.Describe(resp)+" without an oauth_token")
	}
	seconds, err := strconv.Atoi(values.Get("expires_in"))
	if err != nil {
		seconds = 0
	}
	return issued{values.Get("oauth_token"), values.Get("oauth_token_secret"), time.Duration(seconds) * time.Second, values, resp}
}

// temporaryCredentialRequest is steps 1 and 2. No delegate: none is named.
func (t *test) temporaryCredentialRequest(client ClientSetup, delegate string) request {
	r := request{
		method: http.MethodPost, url: t.document.Named("temporary_credential_endpoint", t.metadata.TemporaryCredentialEndpoint),
		by: signedBy(client), oauth: []param{{"oauth_callback", client.Callback}},
	}
	if delegate != "" {
		r.form = url.Values{"delegate": {delegate}}
	}
	return r
}

// temporaryCredential asks for a temporary credential and gets it.
func (t *test) temporaryCredential(client ClientSetup, delegate string) issued {
	return t.issuedBy(t.send(t.temporaryCredentialRequest(client, delegate)), "the temporary credential request of "+client.ID)
}

// tokenRequest is step 7. An empty verifier is left out.
func (t *test) tokenRequest(client ClientSetup, temporary issued, verifier string) request {
	r := request{method: http.MethodPost, url: t.document.Named("token_endpoint", t.metadata.TokenEndpoint), by: signedBy(client)}
	r.by.token, r.by.tokenSecret = temporary.token, temporary.secret
	if verifier != "" {
		r.oauth = []param{{"oauth_verifier", verifier}}
	}
	return r
}

// exchange makes an access token of a temporary credential and its verifier.
func (t *test) exchange(client ClientSetup, temporary issued, verifier string) issued {
	i := t.issuedBy(t.send(t.tokenRequest(client, temporary, verifier)), "the token request of "+client.ID+" with the verifier that the user's consent gave")
	if t.metadata.RevocationEndpoint != "" {
		t.after(t.revocation(client, i.token))
	}
	return i
}

// revocation is section 4.5 of the profile.
func (t *test) revocation(client ClientSetup, token string) request {
	return request{
		method: http.MethodPost, url: t.document.Named("revocation_endpoint", t.metadata.RevocationEndpoint),
		by: signedBy(client), form: url.Values{"token": {token}},
	}
}

// terminal is a user's browser with no cookies.
func (t *test) terminal() *conformance.Browser { return &conformance.Browser{Session: t.Session} }

// authorizationURL is where step 4 sends the terminal. An empty client is left out.
func (t *test) authorizationURL(token, client string, more url.Values) string {
	u, err := url.Parse(t.document.Named("authorization_endpoint", t.metadata.AuthorizationEndpoint))
	if err != nil {
		t.Fail("an authorization_endpoint that is a URL", err.Error())
	}
	query := u.Query()
	maps.Copy(query, more)
	query.Set("oauth_token", token)
	if client != "" {
		query.Set("client_id", client)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// page is the authorization page in a terminal.
type page struct {
	terminal *conformance.Browser
	url      string
	answer   *conformance.Response
	form     *conformance.Form
}

// open opens the authorization page and gets it, with all that a user needs.
func (t *test) open(terminal *conformance.Browser, token, client string) page {
	return t.openWith(terminal, token, client, nil)
}

// openWith is open with further parameters in the page's URL.
func (t *test) openWith(terminal *conformance.Browser, token, client string, more url.Values) page {
	p := page{terminal: terminal, url: t.authorizationURL(token, client, more)}
	p.answer = terminal.Open(p.url)
	p.form = judge.PasswordForm(p.answer, p.url)
	if p.answer.Status != http.StatusOK || p.form == nil {
		t.FailAt(p.answer.Exchange, "status 200 and a form with a password input for the authorization page", judge.Describe(p.answer))
	}
	if kind, ok := p.form.Types["username"]; !ok || kind != "" && kind != "text" {
		t.FailAt(p.answer.Exchange, "the authorization page: a text input named username", fmt.Sprintf("inputs %v", p.form.Types))
	}
	for _, decision := range []string{"approve", "deny"} {
		if !p.offers(decision) {
			t.FailAt(p.answer.Exchange, "the authorization page: a submit button decision="+decision, fmt.Sprintf("buttons %q", p.form.Buttons))
		}
	}
	if p.form.Method != "post" {
		t.FailAt(p.answer.Exchange, "the authorization page: a form with method post", fmt.Sprintf("method %q", p.form.Method))
	}
	return p
}

func (p page) offers(decision string) bool {
	for _, b := range p.form.Buttons {
		if b == [2]string{"decision", decision} {
			return true
		}
	}
	return false
}

// filled is what the form sends when the user has filled it in and pressed a button.
func (p page) filled(user UserSetup, decision string) url.Values {
	values := maps.Clone(p.form.Values)
	values.Set("username", user.Name)
	values.Set("password", user.Password)
	values.Set("decision", decision)
	return values
}

// approve and deny are step 5.
func (p page) approve(user UserSetup) *conformance.Response {
	return p.terminal.Post(p.form.Action, p.filled(user, "approve"))
}

func (p page) deny() *conformance.Response {
	return p.terminal.Post(p.form.Action, p.filled(UserSetup{}, "deny"))
}

// redirected reads the query of the URL that the terminal is sent to. What status it is sent with is the matter of BI-OS-30.
func (t *test) redirected(resp *conformance.Response, what string) url.Values {
	u, err := url.Parse(resp.Location())
	if resp.Status/100 != 3 || resp.Location() == "" || err != nil {
		t.FailAt(resp.Exchange, "a redirect to the client's callback after "+what, judge.Describe(resp))
	}
	return u.Query()
}

// verifier is step 6.
func (t *test) verifier(resp *conformance.Response, what string) string {
	v := t.redirected(resp, what).Get("oauth_verifier")
	if v == "" {
		t.FailAt(resp.Exchange, "a redirect with an oauth_verifier after "+what, judge.Describe(resp))
	}
	return v
}

// consent is steps 4 to 6 in a terminal of their own: the user approves, and the verifier comes.
func (t *test) consent(temporary issued, client ClientSetup, user UserSetup) string {
	return t.verifier(t.open(t.terminal(), temporary.token, client.ID).approve(user), user.Name+"'s consent")
}

// approved asks for a temporary credential and lets the user approve it, nothing rewritten.
func (t *test) approved(client ClientSetup, user UserSetup) (issued, string) {
	temporary := t.temporaryCredential(client, "")
	return temporary, t.consent(temporary, client, user)
}

// rewritten is approved for a credential that the peer got from the own client and rewrote to itself (step 10).
func (t *test) rewritten(user UserSetup) (issued, string) {
	temporary := t.temporaryCredential(t.own(), t.peer().ID)
	return temporary, t.consent(temporary, t.peer(), user)
}

// sentTo ends the check as failed unless the terminal is sent to the client's registered callback, and gives the query.
func (t *test) sentTo(resp *conformance.Response, client ClientSetup, what string) url.Values {
	query := t.redirected(resp, what)
	callback, err := url.Parse(client.Callback)
	if err != nil {
		t.Broken("the callback %q of %s is no URL: %v", client.Callback, client.ID, err)
	}
	location, _, _ := strings.Cut(resp.Location(), "?")
	registered, _, _ := strings.Cut(client.Callback, "?")
	kept := true
	preset := callback.Query()
	for _, name := range slices.Sorted(maps.Keys(preset)) {
		kept = kept && slices.Equal(query[name], preset[name])
	}
	if location != registered || !kept {
		t.FailAt(resp.Exchange, fmt.Sprintf("a redirect to %s after %s", client.Callback, what), judge.Describe(resp))
	}
	return query
}

// notSentOn ends the check as failed when the terminal is sent anywhere, or the status is none of those that the profile names.
func (t *test) notSentOn(resp *conformance.Response, what string, status int) {
	if resp.Status != status || resp.Location() != "" {
		t.FailAt(resp.Exchange, fmt.Sprintf("status %d and no redirect for %s", status, what), judge.Describe(resp))
	}
}

// turnedAway ends the check as failed unless an authorization request gives status 400, no redirect and no form.
func (t *test) turnedAway(resp *conformance.Response, what string) {
	if resp.Status != http.StatusBadRequest || resp.Location() != "" || resp.Form("") != nil {
		t.FailAt(resp.Exchange, "status 400, no redirect and no form for "+what, judge.Describe(resp))
	}
}

// outlive lets the lifetime that was announced with a credential pass; seconds is the one that the metadata announces.
func (t *test) outlive(i issued, seconds int) {
	lifetime := i.lifetime
	if lifetime <= 0 {
		lifetime = time.Duration(seconds) * time.Second
	}
	if lifetime <= 0 {
		t.FailAt(i.answer.Exchange, "a lifetime announced in expires_in or in the metadata", "none")
	}
	t.Advance(lifetime + 2*time.Second)
}
