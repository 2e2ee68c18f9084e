package unified

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance"
)

// UN-PL-01: the document says whose it is, where everything lies and how long things live. What level hardened adds is judged where it is there.
func metadataNamesTheEndpoints(t *test) {
	m, at := t.metadata, t.document.Exchange
	t.OfType(t.document.Response, "the metadata document", jsonType)
	if m.Profile != "unified@1" {
		t.FailAt(at, `metadata with the profile "unified@1"`, fmt.Sprintf("profile %q", m.Profile))
	}
	if m.Issuer != t.Base() {
		t.FailAt(at, fmt.Sprintf("metadata whose issuer is the URL that was asked, %q", t.Base()), fmt.Sprintf("issuer %q", m.Issuer))
	}
	for _, e := range [][2]string{
		{"portal_endpoint", m.PortalEndpoint}, {"authorization_endpoint", m.AuthorizationEndpoint}, {"logout_endpoint", m.LogoutEndpoint},
		{"token_endpoint", m.TokenEndpoint}, {"authentication_endpoint", m.AuthenticationEndpoint},
		{"registration_endpoint", m.RegistrationEndpoint}, {"review_endpoint", m.ReviewEndpoint}, {"key_endpoint", m.KeyEndpoint},
		{"status_endpoint", m.StatusEndpoint}, {"jwks_uri", m.JWKSURI},
	} {
		hardened := e[0] == "status_endpoint" || e[0] == "jwks_uri"
		if u, err := url.Parse(e[1]); (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") && (e[1] != "" || !hardened) {
			t.FailAt(at, "metadata whose "+e[0]+" is a URL", fmt.Sprintf("%q", e[1]))
		}
	}
	for _, n := range []struct {
		name             string
		got, least, most int64
	}{
		{"code_lifetime", m.CodeLifetime, 1, 600}, {"pass_token_lifetime", m.PassTokenLifetime, 1, 600}, {"message_window", m.MessageWindow, 300, 300},
		{"batch_limit", int64(m.BatchLimit), 2, 1000},
	} {
		if n.got < n.least || n.got > n.most {
			t.FailAt(at, fmt.Sprintf("metadata whose %s is a whole number from %d to %d", n.name, n.least, n.most), fmt.Sprint(n.got))
		}
	}
	const hour = 3600
	if m.LogoutBound < 0 || m.LogoutBound > hour {
		t.FailAt(at, fmt.Sprintf("metadata whose logout_bound is a whole number up to %d", hour), fmt.Sprint(m.LogoutBound))
	}
	t.keyOverlap()
	t.idleTime()
	if m.BatchMaxWait != 0 {
		t.maxWait()
	}
	for _, list := range []struct {
		name      string
		got, want []string
	}{
		{"code_challenge_methods_supported", m.CodeChallengeMethodsSupported, []string{"S256"}},
		{"backchannel_logout_signing_alg_values_supported", m.BackchannelLogoutSigningAlgValuesSupported, []string{"ES256"}},
	} {
		if list.got != nil && !slices.Equal(list.got, list.want) {
			t.FailAt(at, fmt.Sprintf("metadata whose %s is %q", list.name, list.want), fmt.Sprintf("%q", list.got))
		}
	}
}

// programCall is a request to an endpoint that a program calls, which has to be refused.
type programCall struct {
	what   string
	req    *http.Request
	status int
}

// UN-PL-30: programs can tell one refusal from another.
func platformRefusalsAreMachineReadable(t *test) {
	t.enter(t.browser(), t.alice(), t.siteA())
	var answers []*conformance.Response
	for _, c := range slices.Concat(t.badMessages(), t.badOperations(), t.badOperators(), t.badMethods()) {
		resp := t.Do("third-party-platform", c.req)
		t.ExpectStatus(resp, c.what, c.status)
		if c.status == http.StatusUnauthorized {
			t.challenged(resp, c.what)
		}
		answers = append(answers, resp)
	}
	t.MachineReadable(answers...)
}

// challenged wants a 401 to be that of RFC 7617.
func (t *test) challenged(resp *conformance.Response, what string) {
	t.Refused(resp, what, http.StatusUnauthorized, "invalid_client")
	if scheme, _, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " "); !strings.EqualFold(scheme, "Basic") {
		t.FailAt(resp.Exchange, what+": status 401 with WWW-Authenticate: Basic", fmt.Sprintf("WWW-Authenticate %q", resp.Header.Get("WWW-Authenticate")))
	}
}

// badMessages are what the endpoints for sealed messages refuse.
func (t *test) badMessages() []programCall {
	const bad = http.StatusBadRequest
	l := t.newLogin(t.siteA())
	l.code, l.passToken = t.Random(18), t.Random(18)
	sealed := func(endpoint string, m message) *http.Request { return t.posting(endpoint, joseType, t.sealed(m)) }
	code, pass := t.passTokenRequest(l), t.authenticationRequest(l)
	calls := []programCall{
		{"a pass-token request with an unknown code", sealed(t.tokenEndpoint(), code), bad},
		{"a pass-token request without code", sealed(t.tokenEndpoint(), t.passTokenRequest(l).with("code", nil)), bad},
		{"a pass-token request whose code is a number", sealed(t.tokenEndpoint(), t.passTokenRequest(l).with("code", 7)), bad},
		{"a pass-token request of another grant_type", sealed(t.tokenEndpoint(), t.passTokenRequest(l).with("grant_type", "password")), bad},
		{"a pass-token request with code twice", t.posting(t.tokenEndpoint(), joseType, t.sealedTwice(t.passTokenRequest(l), "code")), bad},
		{"a pass-token request whose code has half a character", sealed(t.tokenEndpoint(), t.passTokenRequest(l).with("code", json.RawMessage(half))), bad},
		{"a body that is no sealed message", t.posting(t.tokenEndpoint(), joseType, "no message"), bad},
		{"an authentication request with an unknown pass token", sealed(t.authenticationEndpoint(), pass), bad},
		{"an authentication request under an unknown key", sealed(t.authenticationEndpoint(), t.authenticationRequest(l).headed("kid", t.Random(12))), bad},
	}
	if t.metadata.StatusEndpoint != "" {
		calls = append(calls, programCall{"a status request without sub", sealed(t.statusEndpoint(), t.statusRequest(t.siteA(), "x", 1).with("sub", nil)), bad})
	}
	return calls
}

// sealedTwice is the body of a message whose payload has one member twice.
func (t *test) sealedTwice(m message, name string) string {
	text, err := m.plain()
	if err != nil {
		t.Broken("a payload cannot be written: %v", err)
	}
	return t.sealedText(m, fmt.Sprintf(`{%q:%q,%s`, name, t.Random(18), text[1:]))
}

// half is a JSON text with half of a surrogate pair.
const half = `"\ud83d"`

// badOperations are what the endpoints for operators refuse.
func (t *test) badOperations() []programCall {
	const bad, denied = http.StatusBadRequest, http.StatusForbidden
	register, review, key := t.registrationEndpoint(), t.reviewEndpoint(), t.keyEndpoint()
	s := t.newSite()
	pending, _ := t.submit(s)
	decided, _ := t.submit(t.newSite())
	t.approveRequest(decided)
	by := func(who OperatorSetup, endpoint string, body members) *http.Request {
		return t.byOperator(who, endpoint, body)
	}
	asking := func(who OperatorSetup, id string) *http.Request {
		return by(who, t.withQuery(register, url.Values{"request_id": {id}}), nil)
	}
	empty := t.posting(register, jsonType, "")
	empty.SetBasicAuth(t.olga().Name, t.olga().Password)
	return []programCall{
		{"a registration without callback_uri", by(t.olga(), register, s.registration().with("callback_uri", nil)), bad},
		{"a registration whose client_name has half a character", by(t.olga(), register, s.registration().with("client_name", json.RawMessage(half))), bad},
		{"a registration with half a character in an unknown member", by(t.olga(), register, s.registration().with("colour", json.RawMessage(half))), bad},
		{"a registration without client_name", by(t.olga(), register, s.registration().with("client_name", nil)), bad},
		{"a registration with a client_name of 81 characters", by(t.olga(), register, s.registration().with("client_name", strings.Repeat("x", 81))), bad},
		{"a registration with both logout paths", by(t.olga(), register, s.withBatchLogout().withBackChannel().registration()), bad},
		{"a registration without a body", empty, bad},
		{"a question after an unknown request_id", asking(t.olga(), t.Random(12)), http.StatusNotFound},
		{"a question after the request of another by one who may not review", asking(t.victor(), pending), http.StatusNotFound},
		{"a review of an unknown request_id", by(t.rene(), review, members{"request_id": t.Random(12), "decision": "approve"}), http.StatusNotFound},
		{"a review that decides neither to approve nor to reject", by(t.rene(), review, members{"request_id": pending, "decision": "later"}), bad},
		{"a review without request_id", by(t.rene(), review, members{"decision": "approve"}), bad},
		{"a review of a request that has been decided", by(t.rene(), review, members{"request_id": decided, "decision": "reject"}), http.StatusConflict},
		{"a review by one who may not", by(t.victor(), review, members{"request_id": pending, "decision": "approve"}), denied},
		{"a key request for an unknown client_id", by(t.olga(), key, members{"client_id": t.Random(12)}), denied},
		{"a key request without client_id", by(t.olga(), key, members{}), bad},
		{"a key request whose client_id is a number", by(t.olga(), key, members{"client_id": 7}), bad},
	}
}

// badOperators are requests of nobody, or of somebody who is no operator.
func (t *test) badOperators() []programCall {
	wrong := t.olga()
	wrong.Password = "not-" + wrong.Password
	calls := []programCall{
		{"a registration by nobody", t.byOperator(t.olga(), t.registrationEndpoint(), t.newSite().registration()), http.StatusUnauthorized},
		{"a look at the requests for review by nobody", t.byOperator(t.rene(), t.reviewEndpoint(), nil), http.StatusUnauthorized},
		{"a key request by nobody", t.byOperator(t.olga(), t.keyEndpoint(), members{"client_id": t.siteA().id}), http.StatusUnauthorized},
	}
	for _, c := range calls {
		c.req.Header.Del("Authorization")
	}
	for _, c := range []struct {
		what string
		who  OperatorSetup
	}{
		{"by an operator with a wrong password", wrong}, {"by a user who is no operator", OperatorSetup{Name: t.alice().Name, Password: t.alice().Password}},
		{"by an operator that nobody is", OperatorSetup{Name: t.Fresh("nobody", 6), Password: t.olga().Password}},
	} {
		calls = append(calls,
			programCall{"a registration " + c.what, t.byOperator(c.who, t.registrationEndpoint(), t.newSite().registration()), http.StatusUnauthorized},
			programCall{"a key request " + c.what, t.byOperator(c.who, t.keyEndpoint(), members{"client_id": t.siteA().id}), http.StatusUnauthorized},
		)
	}
	return calls
}

// badMethods are requests with a method that the endpoint does not have.
func (t *test) badMethods() []programCall {
	var calls []programCall
	for _, c := range []struct{ method, name, endpoint string }{
		{http.MethodGet, "token_endpoint", t.tokenEndpoint()}, {http.MethodPut, "authentication_endpoint", t.authenticationEndpoint()},
		{http.MethodDelete, "registration_endpoint", t.registrationEndpoint()}, {http.MethodPut, "review_endpoint", t.reviewEndpoint()},
		{http.MethodGet, "key_endpoint", t.keyEndpoint()},
	} {
		req := t.byOperator(t.olga(), c.endpoint, nil)
		req.Method = c.method
		calls = append(calls, programCall{c.method + " at the " + c.name, req, http.StatusMethodNotAllowed})
	}
	return calls
}
