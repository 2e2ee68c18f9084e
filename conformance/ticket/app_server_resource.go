package ticket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// newPair is one of which the app server has not heard.
func (t *appTest) newPair() pair { return pair{t.Fresh("u", 9), t.Random(18)} }

func (t *appTest) resourceEndpoint() string {
	return t.document.Named("resource_endpoint", t.metadata.ResourceEndpoint)
}

// get sends a resource request with an Authorization header; empty for none.
func (t *appTest) get(endpoint, authorization string) *conformance.Response {
	req, err := http.NewRequest(http.MethodGet, endpoint, nil)
	if err != nil {
		t.FailAt(t.document.Exchange, "metadata whose resource_endpoint is a URL", fmt.Sprintf("%q: %v", endpoint, err))
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	return t.Do("terminal", req)
}

// header is how a pair is shown, section 5.1 of the profile.
func (p pair) header() string {
	return fmt.Sprintf(`Ticket user_id="%s", authorization_key="%s"`, p.userID, p.authorizationKey)
}

// show sends a resource request with a pair.
func (t *appTest) show(p pair) *conformance.Response { return t.get(t.resourceEndpoint(), p.header()) }

// opens ends the check as failed unless the pair brings the resource.
func (t *appTest) opens(p pair, what string) *conformance.Response {
	resp := t.show(p)
	t.Accepted(resp, "a resource request with "+what)
	return resp
}

// ticketError ends the check as failed unless the answer is a ticket error indication without a resource.
func (t *appTest) ticketError(resp *conformance.Response, what string) {
	t.Refused(resp, what, http.StatusUnauthorized, "invalid_token")
	if !invalidToken.MatchString(strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")) {
		t.FailAt(resp.Exchange, `WWW-Authenticate: Ticket error="invalid_token" for `+what, fmt.Sprintf("WWW-Authenticate %q", resp.Header.Values("WWW-Authenticate")))
	}
	t.noResource(resp, what)
}

// invalidToken is a challenge of the scheme Ticket with that error, among others and beside other parameters.
var invalidToken = regexp.MustCompile(`(?i)(?:^|,)\s*Ticket\s(?:[^"]|"[^"]*")*?\berror\s*=\s*"?invalid_token\b`)

func (t *appTest) noResource(resp *conformance.Response, what string) {
	if member(resp, "resources") != nil || member(resp, "owner") != nil {
		t.FailAt(resp.Exchange, "no resource for "+what, judge.Describe(resp)+" and a resource")
	}
}

// asksAbout ends the check as failed unless what has been asked since a mark was about exactly this pair.
func (t *appTest) asksAbout(p pair, mark int, resp *conformance.Response, what string) {
	since := t.accounts.asked()[mark:]
	if len(since) == 0 {
		t.FailAt(resp.Exchange, "a verification request before the answer to "+what, "none")
	}
	for _, a := range since {
		if a.problem != "" {
			t.FailAt(a.exchange, "a verification request as in section 4.4 of the profile", a.problem)
		}
		if a.pair != p {
			t.FailAt(a.exchange, fmt.Sprintf("a verification of user_id %q and authorization_key %q, as they stand in the resource request", p.userID, p.authorizationKey), fmt.Sprintf("user_id %q and authorization_key %q", a.userID, a.authorizationKey))
		}
	}
}

// mark is the number of verification requests so far.
func (t *appTest) mark() int { return len(t.accounts.asked()) }

// TI-AP-01: whoever the account server confirms gets what is theirs, however the header is written.
func (t *appTest) resourceAfterConfirmation() {
	for _, form := range []string{
		`Ticket user_id="%[1]s", authorization_key="%[2]s"`,
		`ticket authorization_key="%[2]s", user_id="%[1]s"`,
		`TICKET User_ID=%[1]s, Authorization_Key=%[2]s, colour="blue"`,
	} {
		p := t.newPair()
		t.accounts.behave(t.confirms(p, 0))
		header := fmt.Sprintf(form, p.userID, p.authorizationKey)
		mark, what := t.mark(), "a resource request with Authorization: "+header
		resp := t.get(t.resourceEndpoint(), header)
		t.Accepted(resp, what+", which the account server confirms")
		t.asksAbout(p, mark, resp, what)
		t.belongsTo(resp, p.userID, "the answer to "+what)
	}
}

// belongsTo ends the check as failed unless the answer has the resources of a user of this app.
func (t *appTest) belongsTo(resp *conformance.Response, userID, what string) {
	t.OfType(resp, what, "application/json")
	for _, want := range [][2]string{{"owner", userID}, {"app_id", t.one().ID}} {
		if got := t.text(resp, want[0], what); got != want[1] {
			t.FailAt(resp.Exchange, fmt.Sprintf("%s with %s %q", what, want[0], want[1]), fmt.Sprintf("%s %q", want[0], got))
		}
	}
	var list []json.RawMessage
	if err := json.Unmarshal(member(resp, "resources"), &list); err != nil || len(list) == 0 {
		t.FailAt(resp.Exchange, what+" with resources, a list of one or more", found("resources", member(resp, "resources")))
	}
}

// TI-AP-02: without confirmation there is no resource, and the terminal learns why.
func (t *appTest) ticketErrorOnDenial() {
	p := t.newPair()
	t.accounts.behave(t.confirms(p, 0))
	t.opens(p, "a pair that the account server confirms, as a control")
	for _, other := range []pair{t.newPair(), {p.userID, t.Random(18)}, {t.Fresh("u", 9), p.authorizationKey}} {
		t.ticketError(t.show(other), "a resource request with a pair that the account server denies")
	}
	denied := t.newPair()
	t.accounts.behave(always(t.confirmation(denied, t.Env.Now().Unix()+600, 0).with("active", false)))
	t.ticketError(t.show(denied), "a resource request with a pair that the account server denies beside other members")
}

// TI-AP-03: a ticket counts only in the Authorization header.
func (t *appTest) noResourceWithoutATicket() {
	p := t.newPair()
	t.accounts.behave(t.confirms(p, 0))
	t.opens(p, "a ticket, as a control")
	query := url.Values{"user_id": {p.userID}, "authorization_key": {p.authorizationKey}}.Encode()
	inQuery := t.resourceEndpoint() + separator(t.resourceEndpoint()) + query
	for _, c := range []struct{ what, endpoint, authorization string }{
		{"without Authorization", t.resourceEndpoint(), ""},
		{"with the ticket in the query", inQuery, ""},
		{"with the ticket as a header's value in the query", t.resourceEndpoint() + separator(t.resourceEndpoint()) + url.Values{"ticket": {p.header()}, "Authorization": {p.header()}}.Encode(), ""},
		{"with a key of the scheme Bearer", t.resourceEndpoint(), "Bearer " + p.authorizationKey},
		{"with the parameters of a ticket and the scheme Tickets", t.resourceEndpoint(), "Tickets" + strings.TrimPrefix(p.header(), "Ticket")},
		{"with another scheme and the ticket in the query", inQuery, "Bearer " + p.authorizationKey},
	} {
		mark, what := t.mark(), "a resource request "+c.what
		resp := t.get(c.endpoint, c.authorization)
		t.Refused(resp, what, http.StatusUnauthorized, "ticket_required")
		challenge := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
		if !challenged(resp, "Ticket") || strings.Contains(strings.ToLower(challenge), "error") {
			t.FailAt(resp.Exchange, "WWW-Authenticate: Ticket, without error, for "+what, fmt.Sprintf("WWW-Authenticate %q", challenge))
		}
		t.noResource(resp, what)
		if asked := t.accounts.asked(); len(asked) > mark {
			t.FailAt(asked[mark].exchange, "no verification request for "+what, fmt.Sprintf("%d verification requests", len(asked)-mark))
		}
	}
}

// TI-AP-04: each verification request says and proves who asks.
func (t *appTest) authenticatesAtVerification() {
	p := t.newPair()
	t.accounts.behave(t.confirms(p, 0))
	t.opens(p, "a pair that the account server confirms")
	t.show(t.newPair())
	asked := t.accounts.asked()
	t.Expect(len(asked) >= 2, "a verification request for each of two pairs", fmt.Sprintf("%d verification requests", len(asked)))
	for _, a := range asked {
		if a.app != t.one().ID || a.secret != t.one().Secret {
			actual := "no HTTP Basic credentials"
			if a.app != "" {
				actual = fmt.Sprintf("the identifier %q with another secret or none", a.app)
			}
			t.FailAt(a.exchange, fmt.Sprintf("a verification request with HTTP Basic, %s and its secret", t.one().ID), actual)
		}
	}
}

// TI-AP-08: when nobody can say whether a ticket is good, the terminal is told to come back.
func (t *appTest) outageIsNoTicketError() {
	p := t.newPair()
	t.accounts.behave(t.confirms(p, 0))
	t.opens(p, "a pair that the account server confirms, as a control")
	elsewhere := strings.TrimSuffix(t.Issuer, "/") + "/elsewhere"
	const slow, documentKept = 6 * time.Second, 300 * time.Second // profile, section 3
	for _, c := range []struct {
		what string
		conduct
	}{
		{"with 500", conduct{status: http.StatusInternalServerError, raw: `{"active": true}`}},
		{"with 503", conduct{status: http.StatusServiceUnavailable, raw: `{"active": false}`}},
		{"with 401", conduct{status: http.StatusUnauthorized, raw: `{"error": "invalid_client", "error_description": "Who asks?"}`}},
		{"with 400", conduct{status: http.StatusBadRequest, raw: `{"active": false}`}},
		{"with 302", conduct{status: http.StatusFound, location: elsewhere, raw: `{}`}},
		{"with 204", conduct{status: http.StatusNoContent}},
		{"with no JSON", conduct{status: http.StatusOK, raw: "active"}},
		{"with an empty object", conduct{status: http.StatusOK, raw: "{}"}},
		{"with a list", conduct{status: http.StatusOK, raw: "[]"}},
		{"with an active that is a string", conduct{status: http.StatusOK, raw: `{"active": "true"}`}},
		{"by breaking the connection", conduct{broken: true}},
		{"not within 6 s", conduct{silent: slow, broken: true}},
	} {
		p := t.newPair()
		mark := t.mark()
		t.accounts.behave(c.conduct)
		what := "a resource request while the account server answers " + c.what
		t.comeBack(t.showInTime(p, what), what)
		if n := t.mark() - mark; n < 1 || n > 2 {
			t.Fail("one or two verification requests for "+what, fmt.Sprintf("%d", n))
		}
		t.accounts.behave(t.confirms(p, 0))
		t.opens(p, "the same pair after the outage")
	}
	if t.Passes(documentKept + time.Second) {
		p, what := t.newPair(), "a resource request while the account server's metadata do not come within 6 s"
		t.accounts.behave(conduct{withheld: slow, silent: slow, broken: true}) // also for who asks under the document of before
		// Whether the app server reads the document again before then is left open.
		t.Advance(t.comeBack(t.showInTime(p, what), what))
		t.accounts.behave(t.confirms(p, 0))
		t.opens(p, "the same pair after that outage")
	}
}

// showInTime sends a resource request that has to be answered before a terminal gives up: within 4 s, by section 5.2 of the profile.
func (t *appTest) showInTime(p pair, what string) *conformance.Response {
	const terminalPatience = 5 * time.Second
	asked := t.Env.Now()
	resp := t.show(p)
	if took := t.Env.Now().Sub(asked); took >= terminalPatience {
		t.FailAt(resp.Exchange, "an answer within 4 s to "+what+", tries included: a terminal waits for 5 s", fmt.Sprintf("one after %.1f s", took.Seconds()))
	}
	return resp
}

// comeBack ends the check as failed unless the answer is 503 with a time, no resource and no ticket error. It returns the time.
func (t *appTest) comeBack(resp *conformance.Response, what string) time.Duration {
	t.Refused(resp, what, http.StatusServiceUnavailable, "temporarily_unavailable")
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 10 {
		t.FailAt(resp.Exchange, "status 503 with Retry-After, 1 to 10 whole seconds, for "+what, fmt.Sprintf("Retry-After %q", resp.Header.Get("Retry-After")))
	}
	t.noResource(resp, what)
	return time.Duration(seconds) * time.Second
}

// TI-AP-09: a confirmation of something else is none.
func (t *appTest) answerAboutThisUserAndApp() {
	p := t.newPair()
	t.accounts.behave(t.confirms(p, 0))
	t.opens(p, "a pair that the account server confirms, as a control")
	for _, c := range []struct{ what, name, value string }{
		{"another user_id", "user_id", t.Fresh("u", 9)},
		{"another app_id", "app_id", t.two().ID},
		{"no user_id", "user_id", ""},
		{"no app_id", "app_id", ""},
	} {
		p := t.newPair()
		body := t.confirmation(p, t.Env.Now().Unix()+600, 0).with(c.name, c.value)
		if c.value == "" {
			delete(body, c.name)
		}
		t.accounts.behave(always(body))
		t.ticketError(t.show(p), "a resource request while the account server confirms with "+c.what)
	}
}

// TI-AP-10: no cache keeps a resource.
func (t *appTest) resourcesNotStored() {
	p := t.newPair()
	t.accounts.behave(t.confirms(p, 30))
	t.NotStored(t.opens(p, "a pair that the account server confirms"), "a resource")
	t.NotStored(t.opens(p, "a pair that the account server has confirmed for 30 s"), "a resource for a pair whose confirmation may be kept")
}
