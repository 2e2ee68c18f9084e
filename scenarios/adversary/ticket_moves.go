package adversary

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/scenarios/accounts"
	"countersign/sim"
)

// move gives the attacker what every endpoint of the flow takes.
func (st *accountsWorld) move() {
	switch {
	case st.scene == "likely-passwords":
		st.d.May(st.atNames()...)
	case st.scene == "mixed-up-answers":
		st.d.May(st.asProxy()...)
	case st.hers() && !st.plain():
		st.d.May(st.atAccounts()...)
		st.d.May(st.atApp()...)
		st.d.May(st.asApp()...)
	}
	if st.scene == "slow-clock" {
		st.d.May(st.atTheEnd())
	}
}

// atNames are tries to get into Alice's account, or to find out that there is one.
func (st *accountsWorld) atNames() []Move {
	m := st.Mallory
	there := func([]Term) bool { return st.opened }
	wrong := func(name string) { m.Authenticate(name, "password made up", st.One) }
	return []Move{
		{
			Name: "registers Alice's user name with a password of Mallory's, and opens the first app,", Fits: there,
			Send: func([]Term) {
				m.Register(st.Alice.UserName, accounts.Password)
				st.readAs(accounts.Password)
			},
		},
		{Name: "authenticates in Alice's name with a password made up", Fits: there, Send: func([]Term) { wrong(st.Alice.UserName) }},
		{
			Name: "compares how Alice's name and one that nobody has are refused", Fits: there,
			Send: func([]Term) {
				wrong(st.Alice.UserName)
				wrong("nobody")
			},
		},
		{
			Name: "tries twelve likely passwords of Alice's, the last of them right,", Fits: there,
			Send: func([]Term) {
				for range 11 {
					wrong(st.Alice.UserName)
				}
				st.readAs(st.Alice.Password)
			},
		},
		{
			Name: "revokes Alice's tickets with a password made up", Fits: there,
			Send: func([]Term) {
				m.PostJSON(st.Server.Issuer+"/revocation", map[string]string{"user_name": st.Alice.UserName, "password": "password made up"}, nil)
			},
		},
	}
}

// readAs reads what is Alice's with a password, if that brings a ticket.
func (st *accountsWorld) readAs(password string) {
	if t, got := st.Mallory.Authenticate(st.Alice.UserName, password, st.One); got {
		st.Mallory.Show(st.One, t)
	}
}

// atAccounts are the legs of the account server that anybody can ask.
func (st *accountsWorld) atAccounts() []Move {
	m := st.Mallory
	refresh := func(t []Term, request string) {
		if line, got := m.Refresh(accounts.Ticket{UserID: t[0].Value, RefreshKey: t[1].Value}, request); got && line.AppID == st.One.ID {
			m.Show(st.One, line)
		}
	}
	return []Move{
		{
			Name: "refreshes, and shows what comes of it,", Slots: []string{userID, refreshKey},
			Send: func(t []Term) { refresh(t, "request-of-a-thief-who-has-the-key") },
		},
		{ // which a server has to take too (profile section 4.3)
			Name: "refreshes without a request_id, and shows what comes of it,", Slots: []string{userID, refreshKey},
			Send: func(t []Term) { refresh(t, "") },
		},
		{
			Name: "repeats a refresh", Slots: []string{userID, refreshKey, requestID},
			Send: func(t []Term) { refresh(t, t[2].Value) },
		},
		{
			Name: "revokes", Slots: []string{userID, refreshKey}, Fits: st.notStolen,
			Send: func(t []Term) {
				m.PostJSON(st.Server.Issuer+"/revocation", map[string]string{"user_id": t[0].Value, "refresh_key": t[1].Value}, nil)
			},
		},
		{
			Name: "asks whether a pair is good,", Slots: []string{userID, authorizationKey},
			Send: func(t []Term) { m.Verify(pairOf(t)) },
		},
		{
			Name: "gets a ticket for an app that nobody has registered",
			Send: func([]Term) { m.Authenticate(m.Name, accounts.Password, &accounts.App{ID: "app-nobody"}) },
		},
	}
}

// notStolen lets pass what ends nothing of Alice's by a theft that is given.
func (st *accountsWorld) notStolen(t []Term) bool { return !st.stolen() || t[1].Value == madeUpKey }

// atApp are requests for resources of the first app.
func (st *accountsWorld) atApp() []Move {
	m, one, two := st.Mallory, st.One.Host.Name(), st.Two.Host.Name()
	return []Move{
		{
			Name: "shows at " + one, Slots: []string{userID, authorizationKey},
			Send: func(t []Term) { m.Show(st.One, pairOf(t)) },
		},
		{
			Name: "opens " + one + " by a link", Slots: []string{userID, authorizationKey}, Fits: st.ofMallory,
			Link: func(t []Term) Link {
				return Link{Target: st.One.Base + "/resource?" + url.Values{"user_id": {t[0].Value}, "authorization_key": {t[1].Value}}.Encode()}
			},
		},
		{
			Name: "counts on from the key of a new ticket of Mallory's, beside", Slots: []string{userID},
			Send: func(t []Term) { st.countOn(t[0].Value) },
		},
		{
			Name: "has an open redirect of " + one + " lead to " + two + ", once,", Fits: func([]Term) bool { return st.diverted == nil },
			Send: func([]Term) {
				st.d.prepared("that an open redirect of " + one + " leads to " + two)
				st.diverted = st.onceFrom(st.One, func(answer sim.Message) sim.Message {
					answer.Status, answer.Body = http.StatusTemporaryRedirect, nil
					answer.Header = http.Header{"Location": {st.Two.Base + "/collect"}}
					return answer
				})
			},
		},
	}
}

// atTheEnd shows Alice's ticket so late that the confirmation is still kept when the key has ended, by a clock that is behind.
func (st *accountsWorld) atTheEnd() Move {
	const before, after = 10 * time.Second, 30 * time.Second
	m := st.Mallory
	left := func() time.Duration { return st.copiedAt.Add(keyLifetime - before).Sub(m.Host.Clock().Now()) }
	return Move{
		Name: "shows at " + st.One.Host.Name() + ", ten seconds before its key ends and half a minute after,", Slots: []string{userID, authorizationKey},
		Fits: func(t []Term) bool {
			return st.copied && t[0].Value != st.own.UserID && t[1].Value != st.own.AuthorizationKey && t[1].Value != madeUpKey && left() > 0
		},
		Send: func(t []Term) {
			m.Wait(left())
			m.Show(st.One, pairOf(t))
			m.Wait(before + after)
			m.Show(st.One, pairOf(t))
		},
	}
}

// ofMallory lets pass Mallory's own pair: who is lured with another gives away nothing that Mallory has not.
func (st *accountsWorld) ofMallory(t []Term) bool {
	return t[0].Value == st.own.UserID && t[1].Value == st.own.AuthorizationKey
}

// countOn shows the keys before and after one of Mallory's, where keys are numbers.
func (st *accountsWorld) countOn(user string) {
	m := st.Mallory
	fresh, _ := m.Authenticate(m.Name, accounts.Password, st.One)
	begins, number, _ := strings.Cut(fresh.AuthorizationKey, "-")
	n, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	const reach = 8
	for next := n - reach; next <= n+reach; next++ {
		m.Show(st.One, accounts.Ticket{UserID: user, AuthorizationKey: fmt.Sprintf("%s-%d", begins, next)})
	}
}

// asApp is what the second app can do, which is Mallory's.
func (st *accountsWorld) asApp() []Move {
	two := st.Two.Host.Name()
	return []Move{
		{
			Name: "asks as " + two + " about", Slots: []string{userID, authorizationKey},
			Fits: func(t []Term) bool { return !st.ofMallory(t) },
			Send: func(t []Term) { st.VerifyAs(st.Two, pairOf(t)) },
		},
		{
			Name: "has " + two + " take no ticket", Fits: func([]Term) bool { return st.diverted == nil },
			Send: func([]Term) {
				st.diverted = st.insatiable()
				st.d.prepared("that " + two + " takes no ticket")
			},
		},
	}
}

// prepared takes down that something goes otherwise from now on: worlds in which it does are not like others.
func (d *Director) prepared(what string) {
	d.Know(Term{Type: arrangement, Name: what, Value: what})
}

// insatiable has the second app answer ten tickets with a ticket error indication.
func (st *accountsWorld) insatiable() func(sim.Message) *sim.Message {
	refused := 0
	return func(answer sim.Message) *sim.Message {
		if answer.From != st.Two.Host.Name() || refused == 10 {
			return nil
		}
		refused++
		answer.Status, answer.Body = http.StatusUnauthorized, []byte(`{"error":"invalid_token","error_description":"not this one"}`)
		answer.Header = http.Header{"Content-Type": {"application/json"}, "Www-Authenticate": {`Ticket error="invalid_token"`}}
		return &answer
	}
}

// onceFrom changes the next answer of an app with a resource.
func (st *accountsWorld) onceFrom(app *accounts.App, change func(sim.Message) sim.Message) func(sim.Message) *sim.Message {
	done := false
	return func(answer sim.Message) *sim.Message {
		if done || answer.From != app.Host.Name() || answer.Status != http.StatusOK {
			return nil
		}
		done = true
		changed := change(answer)
		return &changed
	}
}

// asProxy is what a proxy can be made to do that mixes up answers of the account server.
func (st *accountsWorld) asProxy() []Move {
	instead := func(of string, body func() []byte) func(string, sim.Message) *sim.Message {
		return func(leg string, answer sim.Message) *sim.Message {
			if leg != of || answer.Status != http.StatusOK {
				return nil
			}
			answer.Body = body()
			return &answer
		}
	}
	return []Move{
		{
			Name: "makes up a key, shows it, and has the question about it answered with the confirmation of Mallory's own, beside", Slots: []string{userID},
			Fits: func(t []Term) bool { return t[0].Value != st.own.UserID },
			Send: func(t []Term) {
				st.mixes = instead(accounts.LegVerification, func() []byte {
					return fmt.Appendf(nil, `{"active":true,"user_id":%q,"app_id":%q}`, st.own.UserID, st.own.AppID)
				})
				st.Mallory.Show(st.One, accounts.Ticket{UserID: t[0].Value, AuthorizationKey: madeUpKey})
				st.mixes = nil
			},
		},
		{
			Name: "has the next refresh of another answered with Mallory's own ticket", Fits: func([]Term) bool { return st.mixes == nil },
			Send: func([]Term) {
				st.mixes = instead(accounts.LegRefresh, st.own.Written)
				st.d.prepared("that the next refresh of another is answered with Mallory's own ticket")
			},
		},
	}
}

func pairOf(t []Term) accounts.Ticket {
	return accounts.Ticket{UserID: t[0].Value, AuthorizationKey: t[1].Value}
}
