package ticket

import (
	"fmt"
	"net/http"
	"strings"
)

// TI-TE-12
func (t *terminalTest) refusesWrongTickets() {
	app, stranger := t.apps[0], t.apps[1]
	for _, wrong := range []struct {
		what   string
		forged func(map[string]any)
	}{
		{"for another app", func(m map[string]any) { m["app_id"] = stranger.appID }},
		{"without refresh_key", func(m map[string]any) { delete(m, "refresh_key") }},
		{"without authorization_key", func(m map[string]any) { delete(m, "authorization_key") }},
	} {
		who := t.resident()
		when := "after an authentication that brought a ticket " + wrong.what
		t.misbehave(fault{party: t.accounts, endpoint: "authentication", forged: wrong.forged})
		e := t.do(use{who: who, app: app, there: true})
		t.Behave()
		t.first(e, t.accounts, "authentication", "with no ticket stored")
		t.none(e, app, "resource", when)
		t.endsWith(e, "refused", when)
		e = t.do(use{who: who, app: app})
		t.none(e, app, "resource", when)
		t.endsWith(e, "login_required", when)
		t.settle(who, app)
	}
	other := t.resident()
	foreign := t.settle(other, app).userID
	for _, wrong := range []struct {
		what   string
		forged func(map[string]any, *heldTicket)
	}{
		{"for another user", func(m map[string]any, _ *heldTicket) { m["user_id"] = foreign }},
		{"for another app", func(m map[string]any, _ *heldTicket) { m["app_id"] = stranger.appID }},
		{"with the refresh_key of before", func(m map[string]any, held *heldTicket) { m["refresh_key"] = held.refreshKey }},
		{"with the authorization_key of before", func(m map[string]any, held *heldTicket) { m["authorization_key"] = held.authorizationKey }},
	} {
		who := t.resident()
		held := t.settle(who, app)
		t.expire(held)
		when := "after a refresh that brought a ticket " + wrong.what
		t.misbehave(fault{party: t.accounts, endpoint: "refresh", forged: func(m map[string]any) { wrong.forged(m, held) }})
		e := t.do(use{who: who, app: app})
		t.Behave()
		t.refreshed(e, held, onTicketError)
		for _, r := range app.at("resource", e.mark) {
			t.shows(r, held, "and never with another ticket "+when)
		}
		t.endsWith(e, "refused", when)
		e = t.do(use{who: who, app: app})
		t.shows(t.first(e, app, "resource", "at the next use "+when), held, "at the next use "+when+", which is not stored")
		t.refreshed(e, held, "at the next use "+when)
		t.getsResource(e, "at the next use "+when)
	}
}

// TI-TE-13
func (t *terminalTest) followsNoRedirect() {
	app, two := t.apps[0], t.apps[1]
	t.settle(t.resident(), app)
	for _, c := range []struct {
		at       *party
		endpoint string
		outcome  string
		stored   bool // a ticket is
		expired  bool
		register bool
	}{
		{at: t.accounts, endpoint: "registration", outcome: "registration_refused", register: true},
		{at: t.accounts, endpoint: "authentication", outcome: "authentication_refused"},
		{at: t.accounts, endpoint: "refresh", outcome: "refused", stored: true, expired: true},
		{at: app, endpoint: "resource", outcome: "refused", stored: true},
		{at: t.accounts, endpoint: strings.TrimPrefix(wellKnown, "/"), outcome: "unavailable"},
		{at: app, endpoint: strings.TrimPrefix(wellKnown, "/"), outcome: "unavailable", stored: true},
	} {
		for _, elsewhere := range []*party{c.at, two} {
			u := use{who: t.newcomer(), app: app, there: true, register: c.register}
			if !c.register {
				t.open(u.who)
			}
			if c.stored {
				held := t.settle(u.who, app)
				if c.expired {
					t.expire(held)
				}
			}
			location := elsewhere.in("elsewhere/" + c.endpoint)
			t.misbehave(fault{party: c.at, endpoint: c.endpoint, status: http.StatusTemporaryRedirect, location: location})
			e := t.do(u)
			t.Behave()
			when := fmt.Sprintf("when /%s of %s is redirected to %s", c.endpoint, c.at.name, elsewhere.name)
			t.notFollowed(e.mark, when)
			t.first(e, c.at, c.endpoint, "before it is redirected")
			t.endsWith(e, c.outcome, when)
		}
	}
	t.logoutRedirected()
}

// notFollowed fails the check when a request has come to where a redirect led.
func (t *terminalTest) notFollowed(mark int, when string) {
	for _, r := range t.Since(mark) {
		if strings.HasPrefix(r.endpoint, "elsewhere/") {
			t.FailAt(r.exchange, "no request to where a redirect leads, "+when, r.line+" at "+r.party.name)
		}
	}
}

// logoutRedirected is the part of TI-TE-13 for terminals that have a logout, which is TI-TE-15's business.
func (t *terminalTest) logoutRedirected() {
	if t.metadata.LogoutEndpoint == "" {
		return
	}
	who, app := t.resident(), t.apps[0]
	t.settle(who, app)
	t.misbehave(fault{party: t.accounts, endpoint: "revocation", status: http.StatusTemporaryRedirect, location: t.apps[1].in("elsewhere/revocation")})
	e := t.logout(who, app)
	t.Behave()
	t.notFollowed(e.mark, "when the revocation endpoint is redirected")
}

// logout is section 6.3, to its end.
func (t *terminalTest) logout(who person, app *party) ended {
	mark := t.Mark()
	resp := t.Do("user-terminal", t.post(t.document.Named("logout_endpoint", t.metadata.LogoutEndpoint), map[string]any{"app_id": app.appID, "user_name": who.name}))
	what := "a logout from " + app.appID
	t.ExpectStatus(resp, what, http.StatusOK)
	outcome, _ := t.outcomeOf(resp, what)
	return ended{use: use{who: who, app: app}, outcome: outcome, exchange: resp.Exchange, mark: mark}
}

// TI-TE-15
func (t *terminalTest) logsOut() {
	who, app := t.resident(), t.apps[0]
	held := t.settle(who, app)
	e := t.logout(who, app)
	sent := t.accounts.at("revocation", e.mark)
	if len(sent) == 0 {
		t.FailAt(e.exchange, "a revocation request to the account server at logout", fmt.Sprintf("none, and the outcome %q", e.outcome))
	}
	t.carries(sent[0], "user_id", held.userID, "at logout")
	t.carries(sent[0], "refresh_key", held.refreshKey, "at logout")
	if !t.revoked(held) {
		t.FailAt(sent[0].exchange, "a revocation request that ends the ticket's family", sent[0].String())
	}
	t.loggedOut(e, "logged_out", "")
	t.loggedOut(t.logout(who, app), "logged_out", " without a ticket")

	t.settle(who, app)
	t.misbehave(fault{party: t.accounts, endpoint: "revocation", status: http.StatusServiceUnavailable, retryAfter: "1"})
	e = t.logout(who, app)
	t.Behave()
	t.loggedOut(e, "unavailable", " whose revocation the account server answered with 503")
}

// loggedOut fails the check unless the logout ended with the outcome, and the ticket is gone.
func (t *terminalTest) loggedOut(e ended, outcome, how string) {
	if e.outcome != outcome {
		t.FailAt(e.exchange, fmt.Sprintf("the outcome %q of a logout%s", outcome, how), fmt.Sprintf("the outcome %q", e.outcome))
	}
	next := t.do(use{who: e.use.who, app: e.use.app})
	t.none(next, next.use.app, "resource", "after a logout"+how)
	t.endsWith(next, "login_required", "after a logout"+how)
}
