package scenarios

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	cast "countersign/actors/ticket"
	"countersign/conformance/catalog"
	"countersign/scenarios/accounts"
	"countersign/scenarios/stage"
)

const flowTicket = "ticket"

// onAccounts sets the stage of the flow, and gives the cast its parts.
func onAccounts(play func(*accounts.Stage, catalog.Level)) func(stage.Setting) *stage.Stage {
	return func(s stage.Setting) *stage.Stage {
		st := accounts.New(s)
		play(st, s.Level)
		return st.Stage
	}
}

// ticket is the flow as it is meant to go.
func ticket() []Scenario {
	happy := func(name, title, text string, play func(*accounts.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "ticket/" + name, Flow: flowTicket, Kind: Happy, Title: title, Text: text, play: onAccounts(play)}
	}
	return slices.Concat([]Scenario{
		happy("happy", "A user registers and opens an app",
			"Alice's terminal has no ticket. It registers her at the account server, authenticates for the app and stores the ticket; the app asks the account server about the pair that it is shown, and gives the resource. The next time the stored ticket is enough.",
			func(st *accounts.Stage, _ catalog.Level) {
				goes(st, st.Alice, registers(st.One, cast.GotResource), leavesOpen(st.One, cast.GotResource))
			}),
		happy("stored-ticket", "With a stored ticket and without one",
			"Before each resource request the terminal looks for a stored ticket. There is none at first: with nobody there to type it asks for a login, and with the password it authenticates. From then on the ticket is there, and no password is sent any more though Alice would type it.",
			func(st *accounts.Stage, _ catalog.Level) {
				sent := st.Count(st.Alice.Host, accounts.LegAuthentication)
				goes(st, st.Alice, leavesOpen(st.One, cast.LoginRequired), registers(st.One, cast.GotResource), opens(st.One, cast.GotResource), leavesOpen(st.One, cast.GotResource))
				st.Hope("the password is sent once to authenticate", func() bool { return *sent == 1 })
			}),
		happy("several-apps", "One account for several apps",
			"Alice registers while she opens the first app, and her account opens the second one too. Each app has a ticket of its own, and the later authentication leaves the earlier ticket as it is.",
			func(st *accounts.Stage, _ catalog.Level) {
				goes(st, st.Alice, registers(st.One, cast.GotResource), opens(st.Two, cast.GotResource), waits(time.Minute),
					leavesOpen(st.One, cast.GotResource), leavesOpen(st.Two, cast.GotResource))
			}),
		happy("several-devices", "One account on several devices",
			"Alice uses one app on a telephone and on a tablet. Each has a ticket of its own. She logs out on the telephone, and the tablet goes on; its ticket is refreshed by itself.",
			func(st *accounts.Stage, _ catalog.Level) {
				tablet := st.NewDevice(st.Alice, "tablet")
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(time.Minute), logsOut(st.One, cast.LoggedOut), leavesOpen(st.One, cast.LoginRequired))
				goes(st, tablet, waits(10*time.Second), opens(st.One, cast.GotResource), waits(15*time.Minute), leavesOpen(st.One, cast.GotResource))
			}),
		happy("two-users", "Two users at once",
			"Alice and Bob register and open both apps in the same moments. Their requests cross at every host, and neither gets the other's tickets or resources.",
			func(st *accounts.Stage, _ catalog.Level) {
				goes(st, st.Alice, registers(st.One, cast.GotResource), opens(st.Two, cast.GotResource))
				goes(st, st.Bob, registers(st.Two, cast.GotResource), opens(st.One, cast.GotResource))
			}),
		happy("refresh", "The authorization key expires",
			"A quarter of an hour after Alice has registered the authorization key is over. The app says so with a ticket error indication, the terminal refreshes with the refresh key, and Alice need not be there. At core keys do not expire, and nothing has to be refreshed.",
			func(st *accounts.Stage, level catalog.Level) {
				refreshed := st.Count(st.Alice.Host, accounts.LegRefresh)
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(15*time.Minute), leavesOpen(st.One, cast.GotResource))
				st.Hope("the ticket is refreshed at hardened", func() bool { return *refreshed == at(level, 0, 1) })
			}),
		happy("ticket-error", "A ticket error indication, and then a refresh",
			"The account server does not confirm a ticket that is still young. The terminal refreshes it: the new ticket has the same user ID, a new authorization key and a new refresh key, takes the place of the old one, and opens the app.",
			func(st *accounts.Stage, _ catalog.Level) {
				refreshed := st.Count(st.Alice.Host, accounts.LegRefresh)
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed).Once()
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(time.Minute), happens(doubt.Begin), leavesOpen(st.One, cast.GotResource), leavesOpen(st.One, cast.GotResource))
				st.Hope("one refresh is enough", func() bool { return *refreshed == 1 })
			}),
		happy("re-authentication", "A ticket error indication, and then the password",
			"The account server confirms neither the ticket nor its refresh key. The terminal throws the ticket away: with nobody there it asks for a login; with Alice there it authenticates anew, and the app opens.",
			func(st *accounts.Stage, _ catalog.Level) {
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed).Once()
				refusal := st.Server.Override(accounts.LegRefresh, http.StatusBadRequest, `{"error":"invalid_grant","error_description":"not valid any more"}`).Once()
				both := happens(func() { doubt.Begin(); refusal.Begin() })
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(time.Minute), both, leavesOpen(st.One, cast.LoginRequired), opens(st.One, cast.GotResource),
					waits(time.Minute), both, opens(st.One, cast.GotResource))
			}),
		happy("key-rotation", "Five refreshes, one after the other",
			"Alice opens the app every quarter of an hour. Each time the ticket is refreshed: five tickets in one family, each with keys that there never were before. At core the first ticket is good for ever.",
			func(st *accounts.Stage, level catalog.Level) {
				refreshed := st.Count(st.Alice.Host, accounts.LegRefresh)
				steps := []step{registers(st.One, cast.GotResource)}
				for range 5 {
					steps = append(steps, waits(15*time.Minute), leavesOpen(st.One, cast.GotResource))
				}
				goes(st, st.Alice, steps...)
				st.Hope("each is refreshed at hardened", func() bool { return *refreshed == at(level, 0, 5) })
			}),
		happy("two-uses-at-once", "Two uses of one ticket at once",
			"The authorization key is over when two programs on Alice's terminal open the app in the same moment. Both get a ticket error indication; one of them refreshes, the other waits for it and goes on with the new ticket.",
			func(st *accounts.Stage, level catalog.Level) {
				refreshed := st.Count(st.Alice.Host, accounts.LegRefresh)
				var beside cast.Outcome
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(15*time.Minute),
					happens(func() { st.Alice.Meanwhile(func() { beside = st.Alice.LeavesOpen(st.One) }) }), leavesOpen(st.One, cast.GotResource))
				st.Hope("the other use gets the resource too", func() bool { return beside == cast.GotResource })
				st.Hope("one of them refreshes at hardened", func() bool { return *refreshed == at(level, 0, 1) })
			}),
		happy("confirmation-kept", "A confirmation is kept for half a minute",
			"The account server says for how long its confirmation may be kept, and within that time the app does not ask again. After that it does. At core nothing is said, and the app asks each time.",
			func(st *accounts.Stage, level catalog.Level) {
				asked := st.Count(st.One.Host, accounts.LegVerification)
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(10*time.Second), leavesOpen(st.One, cast.GotResource), waits(time.Minute), leavesOpen(st.One, cast.GotResource))
				st.Hope("the app asks each time at core, and twice at hardened", func() bool { return *asked == at(level, 3, 2) })
			}),
	}, ticketRefusals())
}

// at chooses by level.
func at[T any](level catalog.Level, core, hardened T) T {
	if level == catalog.Core {
		return core
	}
	return hardened
}

// step is one thing that a user does at a terminal.
type step struct {
	text string
	does func(*accounts.User) cast.Outcome
	ends cast.Outcome // empty for what has no outcome
}

func registers(app *accounts.App, ends cast.Outcome) step {
	return step{"registers and opens " + app.ID, func(u *accounts.User) cast.Outcome { return u.Registers(app) }, ends}
}

func opens(app *accounts.App, ends cast.Outcome) step {
	return step{"opens " + app.ID, func(u *accounts.User) cast.Outcome { return u.Opens(app) }, ends}
}

func mistypes(app *accounts.App, ends cast.Outcome) step {
	return step{"opens " + app.ID + " with a wrong password", func(u *accounts.User) cast.Outcome { return u.Types("mistyped", app) }, ends}
}

func leavesOpen(app *accounts.App, ends cast.Outcome) step {
	return step{"leaves the terminal to open " + app.ID, func(u *accounts.User) cast.Outcome { return u.LeavesOpen(app) }, ends}
}

func logsOut(app *accounts.App, ends cast.Outcome) step {
	return step{"logs out of " + app.ID, func(u *accounts.User) cast.Outcome { return u.LogsOut(app) }, ends}
}

func signsOutEverywhere() step {
	return step{"signs out everywhere", func(u *accounts.User) cast.Outcome {
		if u.SignsOutEverywhere() != http.StatusOK {
			return cast.Refused
		}
		return cast.LoggedOut
	}, cast.LoggedOut}
}

func waits(d time.Duration) step {
	return happening(func(u *accounts.User) { u.Wait(d) })
}

func happens(what func()) step {
	return happening(func(*accounts.User) { what() })
}

func happening(what func(*accounts.User)) step {
	return step{does: func(u *accounts.User) cast.Outcome {
		what(u)
		return ""
	}}
}

// goes lets a user do one thing after the other, and hopes that each ends as it is to end.
func goes(st *accounts.Stage, u *accounts.User, steps ...step) {
	ended := make([]cast.Outcome, len(steps))
	u.Plays(func(u *accounts.User) {
		for i, s := range steps {
			ended[i] = s.does(u)
		}
	})
	for i, s := range steps {
		if s.ends != "" {
			st.Hope(fmt.Sprintf("%s %s (step %d), and it ends with: %s", u.Name, s.text, i+1, s.ends), func() bool { return ended[i] == s.ends })
		}
	}
}

// unconfirmed is how the account server says that a pair is not valid.
const unconfirmed = `{"active":false}`
