package scenarios

import (
	"net/http"
	"strings"
	"time"

	cast "countersign/actors/ticket"
	"countersign/conformance/catalog"
	"countersign/scenarios/accounts"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// ticketRoles are the hosts that something can happen to: account server, app server and terminal.
func ticketRoles() []string { return []string{"accounts", "app.one", "alice"} }

// shortKeys is a lifetime of authorization keys for which a refresh comes while something is amiss.
const shortKeys = 15 * time.Second

// ticketFaults is every mishap for every role, clocks that are far off, and outages of some legs.
func ticketFaults() []Scenario {
	const registering, refreshing = 200 * time.Millisecond, 20400 * time.Millisecond
	all := mishapsOf(flowTicket, ticketRoles(), stage.Mishaps(registering, refreshing), map[string]string{
		"loss":        "Whoever waits gives up after five seconds and tries again; a lost answer to a refresh is given once more.",
		"delay":       "Nobody gives up so soon.",
		"duplicate":   "A second registration is refused, a second verification changes nothing, and a second refresh with the same request_id gets the same ticket.",
		"reorder":     "Every request waits for its answer, so that little comes of it.",
		"partition":   "Terminal and app give up after three tries, and the ticket stays for the next use.",
		"slow":        "That is just in time for whoever asks once, and too late for an app that has to ask twice before it answers.",
		"stalled":     "What was asked has been done all the same: the name is registered, the ticket exists and nobody holds it, and a new try must not stumble over them.",
		"half-open":   "Tickets are issued that never reach their terminal.",
		"crash":       "That is while Alice registers. What it keeps in its store has to be enough for the next try.",
		"crash-late":  "That is while the ticket is refreshed. A terminal that is up again repeats the refresh as it was.",
		"skew-ahead":  "The lifetimes of keys are judged by the account server's clock alone, so that nothing comes of it.",
		"skew-behind": "The lifetimes of keys are judged by the account server's clock alone, so that nothing comes of it.",
	}, accounts.NoLockOut, onAccounts(endure))
	for _, role := range ticketRoles() {
		all = append(all, Scenario{
			Name: "ticket/fault/skew-beyond-" + role, Flow: flowTicket, Kind: Fault, Title: "The clock of " + role + " is beyond all measure",
			Text:   "The clock of " + role + " is two days ahead. No message says at what time it was sent, and nobody judges another's moments by a clock of his own but an app that may keep a confirmation, which then keeps none or keeps it as long as ever.",
			Faults: stage.Plan("skew:" + role + "=48h"), play: onAccounts(endure), Invariant: accounts.NoLockOut.Text, breaks: accounts.NoLockOut,
		})
	}
	fault := func(name, title, text string, play func(*accounts.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "ticket/fault/" + name, Flow: flowTicket, Kind: Fault, Title: title, Text: text, play: onAccounts(play)}
	}
	return append(all,
		fault("refresh-answer-lost", "The answer to a refresh is lost",
			"The account server refreshes Alice's ticket, and the answer does not arrive. The terminal asks again with the same request_id and gets the same ticket once more: nobody has to type. At core a used refresh key is refused, and Alice authenticates anew.",
			func(st *accounts.Stage, level catalog.Level) {
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed).Once()
				onAnswer(st, accounts.LegRefresh, "authorization_key", func(sim.Message) sim.Verdict { return sim.Verdict{Drop: true} })
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(time.Minute), happens(doubt.Begin),
					leavesOpen(st.One, at(level, cast.LoginRequired, cast.GotResource)), opens(st.One, cast.GotResource))
			}),
		fault("refresh-answer-lost-in-a-crash", "The terminal crashes while it refreshes",
			"The terminal crashes before the answer to its refresh arrives. It had stored the request_id before it asked; up again, it repeats the refresh as it was, and Alice need not type. At core she has to.",
			func(st *accounts.Stage, level catalog.Level) {
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed)
				onAnswer(st, accounts.LegRefresh, "authorization_key", func(sim.Message) sim.Verdict {
					doubt.End()
					doubt.Once().Begin() // the old ticket is no good after the crash either
					st.Alice.Host.Crash(2 * time.Second)
					return sim.Verdict{}
				})
				begun, alone, last := false, cast.Outcome(""), cast.Outcome("")
				st.Alice.Plays(func(u *accounts.User) {
					if !begun {
						begun = true
						u.Registers(st.One)
						u.Wait(time.Minute)
						doubt.Begin()
					}
					alone = u.LeavesOpen(st.One)
					last = u.Opens(st.One)
				})
				st.Hope("the refresh that is repeated after the crash is enough at hardened", func() bool { return alone == at(level, cast.LoginRequired, cast.GotResource) })
				st.Hope("the app opens in the end", func() bool { return last == cast.GotResource })
			}),
		fault("refresh-away", "The account server verifies and does not refresh",
			"The refresh endpoint is out of order for two minutes when Alice's ticket is over. Her terminal opens the app every five seconds. At hardened it tries three times and then leaves the account server alone for half a minute; the ticket stays, and when the endpoint is back it is refreshed with nobody there. At core nothing bounds the tries.",
			func(st *accounts.Stage, level catalog.Level) {
				st.Server.KeyLifetime = shortKeys
				asked := st.Count(st.Alice.Host, accounts.LegRefresh)
				away := st.Server.Override(accounts.LegRefresh, http.StatusServiceUnavailable, `{"error":"temporarily_unavailable","error_description":"out of order"}`)
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed)
				steps := []step{registers(st.One, cast.GotResource), waits(time.Minute), happens(func() { away.Begin(); doubt.Begin() })}
				for range 8 {
					steps = append(steps, leavesOpen(st.One, cast.Unavailable), waits(5*time.Second))
				}
				steps = append(steps, happens(func() { away.End(); doubt.Once() }), waits(time.Minute), leavesOpen(st.One, cast.GotResource))
				goes(st, st.Alice, steps...)
				st.Hope("the tries are bounded at hardened", func() bool { return (*asked <= 10) == (level != catalog.Core) })
			}),
		fault("verification-away", "The account server cannot be asked for a while",
			"The verification endpoint is out of order. For half a minute a confirmation that the app has kept is enough; then the app says that it cannot tell, which is no ticket error indication, and nothing is refreshed. When the endpoint is back the app opens. At core nothing is kept, and the terminal may take the outage for an invalid ticket.",
			func(st *accounts.Stage, level catalog.Level) {
				refreshed := st.Count(st.Alice.Host, accounts.LegRefresh)
				away := st.Server.Override(accounts.LegVerification, http.StatusServiceUnavailable, `{"error":"temporarily_unavailable","error_description":"out of order"}`)
				steps := []step{registers(st.One, cast.GotResource), happens(away.Begin), waits(10 * time.Second)}
				if level != catalog.Core {
					steps = append(steps, leavesOpen(st.One, cast.GotResource), waits(time.Minute), leavesOpen(st.One, cast.Unavailable))
				}
				goes(st, st.Alice, append(steps, happens(away.End), opens(st.One, cast.GotResource))...)
				st.Hope("nothing is refreshed", func() bool { return *refreshed == 0 })
			}),
		fault("outage", "The account server is down for two minutes",
			"The account server crashes when Alice's ticket is about to end and is up again after two minutes. Meanwhile her terminal finds nobody; then the stored ticket is refreshed without her. Accounts and tickets have survived in the store.",
			func(st *accounts.Stage, _ catalog.Level) {
				st.Server.KeyLifetime = shortKeys
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(10*time.Second), happens(func() { st.Server.Host.Crash(2 * time.Minute) }),
					leavesOpen(st.One, cast.Unavailable), waits(30*time.Second), leavesOpen(st.One, cast.Unavailable), waits(2*time.Minute), leavesOpen(st.One, cast.GotResource))
			}),
		Scenario{
			Name: "ticket/fault/everything", Flow: flowTicket, Kind: Fault, Title: "A bad day",
			Text: "For a minute and a half messages everywhere get lost, are late, come twice and in another order, while the account server crashes twice and an app once. Alice with two devices and Bob try until their apps open.",
			Faults: stage.Plan("loss:*>*@0s+90s=0.05", "delay:*>*@0s+90s=0s-300ms", "duplicate:*>*@0s+90s=0.1", "reorder:*>*@0s+90s=0.1",
				"skew:accounts=40s", "skew:app.one=-70s", "crash:accounts@300ms+3s", "crash:accounts@21s+3s", "crash:app.one@20s+3s"),
			Invariant: accounts.NoLockOut.Text, breaks: accounts.NoLockOut,
			play: onAccounts(func(st *accounts.Stage, level catalog.Level) {
				tablet := st.NewDevice(st.Alice, "tablet")
				endure(st, level)
				for _, u := range []*accounts.User{tablet, st.Bob} {
					enduring(st, u, st.Two)
				}
			}),
		},
	)
}

// endure is a user who opens an app until it comes, and once more when the authorization key is over.
func endure(st *accounts.Stage, _ catalog.Level) {
	st.Server.KeyLifetime = shortKeys
	enduring(st, st.Alice, st.One)
}

func enduring(st *accounts.Stage, u *accounts.User, app *accounts.App) {
	through := false
	u.Plays(func(u *accounts.User) {
		u.UntilServed(app)
		u.Wait(20 * time.Second)
		u.UntilServed(app)
		through = true
	})
	st.Hope(u.Name+" gets through", func() bool { return through })
}

// onAnswer says what happens to the first answer on a leg that has status 200 and holds a word.
func onAnswer(st *accounts.Stage, leg, word string, happens func(sim.Message) sim.Verdict) {
	seen := false
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if seen || m.Kind != sim.Response || m.Status != http.StatusOK || st.Leg(&m) != leg || !strings.Contains(string(m.Body), word) {
			return sim.Verdict{}
		}
		seen = true
		return happens(m)
	}))
}
