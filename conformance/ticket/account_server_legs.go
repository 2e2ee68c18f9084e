package ticket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// one and two are the apps registered at the account server under test.
func (t *test) one() AppSetup { return t.Apps[0] }
func (t *test) two() AppSetup { return t.Apps[1] }

// members are those of a JSON object.
type members map[string]any

// with is a copy in which one member is another.
func (m members) with(name string, value any) members {
	other := maps.Clone(m)
	other[name] = value
	return other
}

// request makes a POST with a JSON body.
func (t *test) request(endpoint string, body members) *http.Request {
	text, err := json.Marshal(body)
	if err != nil {
		t.Broken("a body cannot be written: %v", err)
	}
	return t.rawRequest(endpoint, "application/json", text)
}

// rawRequest makes a POST with any body.
func (t *test) rawRequest(endpoint, mediaType string, body []byte) *http.Request {
	req, err := http.NewRequest(http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		t.FailAt(t.document.Exchange, "metadata whose endpoints are URLs", fmt.Sprintf("%q: %v", endpoint, err))
	}
	req.Header.Set("Content-Type", mediaType)
	return req
}

// The endpoints of the account server under test.
func (t *test) registrationEndpoint() string {
	return t.document.Named("registration_endpoint", t.metadata.RegistrationEndpoint)
}

func (t *test) authenticationEndpoint() string {
	return t.document.Named("authentication_endpoint", t.metadata.AuthenticationEndpoint)
}

func (t *test) refreshEndpoint() string {
	return t.document.Named("refresh_endpoint", t.metadata.RefreshEndpoint)
}

func (t *test) verificationEndpoint() string {
	return t.document.Named("verification_endpoint", t.metadata.VerificationEndpoint)
}

func (t *test) revocationEndpoint() string {
	return t.document.Named("revocation_endpoint", t.metadata.RevocationEndpoint)
}

// account is one that the harness has registered.
type account struct{ name, password, id string }

// wrong is the account as somebody sees it who does not know the password.
func (a account) wrong() account {
	a.password = "not-" + a.password
	return a
}

// stranger is an account that nobody has registered.
func (t *test) stranger() account {
	return account{name: strings.ToLower(t.Fresh("t", 12)), password: t.Random(12)}
}

// registration is section 4.1 of the profile.
func (t *test) registration(a account) members {
	return members{"user_name": a.name, "password": a.password}
}

// register sends a registration.
func (t *test) register(a account) *conformance.Response {
	return t.Do("terminal", t.request(t.registrationEndpoint(), t.registration(a)))
}

// registered reads the answer to a registration, which has to be a success.
func (t *test) registered(a account, resp *conformance.Response) account {
	t.ExpectStatus(resp, "the registration of a free name", http.StatusCreated)
	a.id = t.text(resp, "user_id", "the answer to a registration")
	if t.metadata.RevocationEndpoint != "" {
		t.After(func() error { // ends its tickets: nothing takes the account itself away
			_, err := t.Try("terminal", t.request(t.metadata.RevocationEndpoint, t.registration(a)))
			return err
		})
	}
	return a
}

// newAccount registers a new name.
func (t *test) newAccount() account {
	a := t.stranger()
	return t.registered(a, t.register(a))
}

// issued is a ticket as the harness got it.
type issued struct {
	userID, appID, authorizationKey, refreshKey string
	// app is the one that it was asked for.
	app    AppSetup
	answer *conformance.Response
}

// authentication is section 4.2 of the profile.
func (t *test) authentication(a account, app AppSetup) members {
	return members{"user_name": a.name, "password": a.password, "app_id": app.ID}
}

// authenticate sends an authentication.
func (t *test) authenticate(a account, app AppSetup) *conformance.Response {
	return t.Do("terminal", t.request(t.authenticationEndpoint(), t.authentication(a, app)))
}

// ticket authenticates and gets a ticket.
func (t *test) ticket(a account, app AppSetup) issued {
	return t.issuedBy(t.authenticate(a, app), app, "an authentication with the right password")
}

// issuedBy reads an answer with a ticket. That it is right in every part is the matter of the checks that ask for it.
func (t *test) issuedBy(resp *conformance.Response, app AppSetup, what string) issued {
	t.Accepted(resp, what)
	var body struct {
		UserID           string `json:"user_id"`
		AppID            string `json:"app_id"`
		AuthorizationKey string `json:"authorization_key"`
		RefreshKey       string `json:"refresh_key"`
	}
	if err := json.Unmarshal(resp.Body, &body); err != nil {
		t.FailAt(resp.Exchange, "a ticket, as a JSON object, for "+what, err.Error())
	}
	return issued{body.UserID, body.AppID, body.AuthorizationKey, body.RefreshKey, app, resp}
}

// refreshing is section 4.3 of the profile. An empty requestID is left out.
func (t *test) refreshing(k issued, requestID string) members {
	m := members{"user_id": k.userID, "refresh_key": k.refreshKey}
	if requestID != "" {
		m["request_id"] = requestID
	}
	return m
}

// newRequestID is what a terminal makes for each refresh key.
func (t *test) newRequestID() string { return t.Random(24) }

// refresh sends a refresh.
func (t *test) refresh(k issued, requestID string) *conformance.Response {
	return t.Do("terminal", t.request(t.refreshEndpoint(), t.refreshing(k, requestID)))
}

// successor refreshes and gets a ticket.
func (t *test) successor(k issued, requestID, what string) issued {
	return t.issuedBy(t.refresh(k, requestID), k.app, what)
}

// refreshRefused ends the check as failed unless a refresh is refused.
func (t *test) refreshRefused(k issued, requestID, what string) {
	t.Refused(t.refresh(k, requestID), what, http.StatusBadRequest, "invalid_grant")
}

// verification is section 4.4 of the profile.
func (t *test) verification(k issued, by AppSetup) *http.Request {
	req := t.request(t.verificationEndpoint(), members{"user_id": k.userID, "authorization_key": k.authorizationKey})
	req.SetBasicAuth(by.ID, by.Secret)
	return req
}

// verify sends a verification in the name of an app.
func (t *test) verify(k issued, by AppSetup) *conformance.Response {
	return t.Do(by.ID, t.verification(k, by))
}

// active reads what a verification says.
func (t *test) active(resp *conformance.Response, what string) bool {
	t.Accepted(resp, "the verification of "+what)
	var body struct {
		Active *bool `json:"active"`
	}
	if err := json.Unmarshal(resp.Body, &body); err != nil || body.Active == nil {
		t.FailAt(resp.Exchange, "a JSON object with active, true or false, for the verification of "+what, judge.Describe(resp)+" without it")
	}
	return *body.Active
}

// confirmed ends the check as failed unless the ticket verifies at its app.
func (t *test) confirmed(k issued, what string) *conformance.Response {
	resp := t.verify(k, k.app)
	if !t.active(resp, what) {
		t.FailAt(resp.Exchange, "active true for "+what, "active false")
	}
	return resp
}

// denied ends the check as failed unless the pair does not verify at the ticket's app.
func (t *test) denied(k issued, what string) *conformance.Response { return t.deniedTo(k.app, k, what) }

func (t *test) deniedTo(app AppSetup, k issued, what string) *conformance.Response {
	resp := t.verify(k, app)
	if t.active(resp, what) {
		t.FailAt(resp.Exchange, "active false for "+what, "active true")
	}
	return resp
}

// dead ends the check as failed unless a ticket neither verifies nor refreshes any more.
func (t *test) dead(k issued, what string) {
	t.denied(k, what)
	t.refreshRefused(k, t.newRequestID(), "a refresh with "+what)
}

// alive ends the check as failed unless a ticket verifies and refreshes. It is used up by that.
func (t *test) alive(k issued, what string) issued {
	t.confirmed(k, what)
	return t.successor(k, t.newRequestID(), "a refresh with "+what)
}

// revoke sends what section 4.5 of the profile describes.
func (t *test) revoke(m members) *conformance.Response {
	return t.Do("terminal", t.request(t.revocationEndpoint(), m))
}

// logout revokes by refresh key.
func (t *test) logout(k issued) *conformance.Response {
	return t.revoke(members{"user_id": k.userID, "refresh_key": k.refreshKey})
}

// member reads a member of a JSON object; nil where there is none.
func member(resp *conformance.Response, name string) json.RawMessage {
	var body map[string]json.RawMessage
	if json.Unmarshal(resp.Body, &body) != nil {
		return nil
	}
	return body[name]
}

// text reads a string that has to be there and not empty.
func (t *test) text(resp *conformance.Response, name, what string) string {
	var s string
	raw := member(resp, name)
	if raw == nil || json.Unmarshal(raw, &s) != nil || s == "" {
		t.FailAt(resp.Exchange, fmt.Sprintf("%s: a JSON object with the string %s", what, name), found(name, raw))
	}
	return s
}

// seconds reads a whole number that has to be there.
func (t *test) seconds(resp *conformance.Response, name, what string) int64 {
	raw := member(resp, name)
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		t.FailAt(resp.Exchange, fmt.Sprintf("%s: a JSON object with the whole number %s", what, name), found(name, raw))
	}
	return n
}

func found(name string, raw json.RawMessage) string {
	if raw == nil {
		return "no " + name
	}
	return fmt.Sprintf("%s is %s", name, raw)
}

// lifetime reads a number of seconds that a ticket states.
func (t *test) lifetime(k issued, name string) time.Duration {
	return time.Duration(t.seconds(k.answer, name, "a ticket")) * time.Second
}

// grace is refresh_grace of the metadata, or what holds where it is left out.
func (t *test) grace() time.Duration {
	if t.metadata.RefreshGrace > 0 {
		return time.Duration(t.metadata.RefreshGrace) * time.Second
	}
	return 60 * time.Second
}

// changed is a text with its first character another, of the same alphabet.
func changed(text string) string {
	if strings.HasPrefix(text, "A") {
		return "B" + text[1:]
	}
	return "A" + text[min(1, len(text)):]
}
