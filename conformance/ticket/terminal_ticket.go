package ticket

import (
	"fmt"
	"net/http"
	"strings"
)

// TI-TE-01
func (t *terminalTest) authenticatesWithoutTicket() {
	for _, app := range []*party{t.apps[1], t.apps[0]} { // a name each, so that no use meets the other's ticket
		const when = "with no ticket stored"
		who := t.resident()
		e := t.do(use{who: who, app: app, there: true})
		asked := t.first(e, t.accounts, "authentication", when)
		t.carries(asked, "user_name", who.name, when)
		t.carries(asked, "password", who.password, when)
		t.carries(asked, "app_id", app.appID, when)
		held := t.latest(who, app)
		if held == nil {
			t.FailAt(asked.exchange, "an authentication request that brings a ticket", asked.String())
		}
		t.shows(t.first(e, app, "resource", "after the authentication"), held, "after the authentication")
		t.getsResource(e, when)
	}
}

// TI-TE-02
func (t *terminalTest) usesStoredTicket() {
	who, app := t.resident(), t.apps[0]
	held := t.settle(who, app)
	const when = "with a ticket stored"
	for _, u := range []use{
		{who: who, app: app, there: true},
		{who: who, app: app, there: true, register: true},
		{who: who, app: app},
	} {
		e := t.do(u)
		t.none(e, t.accounts, "registration", when)
		t.none(e, t.accounts, "authentication", when)
		t.shows(t.first(e, app, "resource", when), held, when)
		t.getsResource(e, when)
	}
}

// TI-TE-03
func (t *terminalTest) registersWhenWanted() {
	app := t.apps[0]
	fresh := t.newcomer()
	e := t.do(use{who: fresh, app: app, there: true, register: true})
	t.registered(e, "under a free name")
	t.getsResource(e, "under a free name")

	known := t.resident()
	e = t.do(use{who: known, app: app, there: true, register: true})
	t.registered(e, "under a name that is taken")
	t.getsResource(e, "under a name that is taken, with the right password")

	refused := t.newcomer()
	t.misbehave(fault{party: t.accounts, endpoint: "registration", status: http.StatusForbidden})
	e = t.do(use{who: refused, app: app, there: true, register: true})
	t.first(e, t.accounts, "registration", "with no ticket stored")
	t.none(e, t.accounts, "authentication", "after the registration was refused with 403")
	t.endsWith(e, "registration_refused", "after the registration was refused with 403")
	t.Behave()

	unasked := t.resident()
	e = t.do(use{who: unasked, app: app, there: true})
	t.none(e, t.accounts, "registration", "without register")
	t.getsResource(e, "without register")
}

// registered fails the check unless the use has sent a registration, and an authentication after it.
func (t *terminalTest) registered(e ended, when string) {
	r := t.first(e, t.accounts, "registration", when)
	t.carries(r, "user_name", e.use.who.name, when)
	t.carries(r, "password", e.use.who.password, when)
	authentication := t.first(e, t.accounts, "authentication", "after the registration "+when)
	if authentication.exchange < r.exchange {
		t.FailAt(authentication.exchange, "the registration before the authentication in "+e.use.String()+" "+when, "the authentication first")
	}
}

// TI-TE-04
func (t *terminalTest) keepsTicketsApart() {
	one, two := t.apps[0], t.apps[1]
	who, other := t.resident(), t.resident()
	mark := t.Mark()
	for _, u := range []use{
		{who: who, app: one, there: true},
		{who: who, app: two, there: true},
		{who: other, app: one, there: true},
		{who: who, app: one},
		{who: who, app: two},
		{who: other, app: one},
	} {
		e := t.do(u)
		when := "after other uses of other apps and by another user"
		t.ownTicketOnly(e, when)
		held := t.latest(u.who, u.app)
		if held == nil {
			t.FailAt(e.exchange, fmt.Sprintf("an authentication for %s in %s, for which no ticket was stored", u.app.appID, u), "none for this app and user")
		}
		t.shows(t.first(e, u.app, "resource", when), held, when)
		t.getsResource(e, when)
	}
	for i, app := range t.apps {
		stranger := t.latest(who, t.apps[1-i])
		for _, r := range t.Since(mark) {
			if r.party == app && (strings.Contains(r.text, stranger.authorizationKey) || strings.Contains(r.text, stranger.refreshKey)) {
				t.FailAt(r.exchange, fmt.Sprintf("nothing of the ticket for %s sent to %s", stranger.appID, app.appID), "a key of that ticket in "+r.String())
			}
		}
	}
}

// ownTicketOnly fails the check when the use showed its app the ticket of another app or user.
func (t *terminalTest) ownTicketOnly(e ended, when string) {
	own := t.userID(e.use.who)
	for _, r := range e.use.app.at("resource", e.mark) {
		for _, held := range t.given() {
			if r.pair.authorizationKey == held.authorizationKey && (held.appID != e.use.app.appID || held.userID != own) {
				t.FailAt(r.exchange, fmt.Sprintf("a resource request to %s with the ticket of %s for that app in %s %s", e.use.app.name, own, e.use, when),
					fmt.Sprintf("the ticket of %s for %s", held.userID, held.appID))
			}
		}
	}
}

// TI-TE-05
func (t *terminalTest) showsThePairOnly() {
	who, app := t.resident(), t.apps[0]
	held := t.settle(who, app)
	t.expire(held)
	e := t.do(use{who: who, app: app, there: true})
	t.first(e, app, "resource", "with a ticket stored")
	t.do(use{who: who, app: app, there: true})
	for _, r := range app.at("resource", 0) {
		if r.problem != "" {
			t.FailAt(r.exchange, "a GET with Authorization: Ticket, and user_id and authorization_key in it", r.String())
		}
	}
	secrets := [][2]string{{"the password", who.password}}
	for _, given := range t.given() {
		secrets = append(secrets, [2]string{"a refresh key", given.refreshKey})
	}
	for _, r := range t.Since(0) {
		for _, secret := range secrets {
			if r.party != t.accounts && discloses(r.text, secret[1]) {
				t.FailAt(r.exchange, "user_id and authorization_key sent to an app, and nothing else of the ticket, nor the password", secret[0]+" in "+r.line+" at "+r.party.name)
			}
		}
	}
}
