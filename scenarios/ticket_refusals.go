package scenarios

import (
	"net/http"
	"time"

	cast "countersign/actors/ticket"
	"countersign/conformance/catalog"
	"countersign/scenarios/accounts"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// ticketRefusals are the refusals that the ticket flow has to bear.
func ticketRefusals() []Scenario {
	refusal := func(name, title, text string, play func(*accounts.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "ticket/" + name, Flow: flowTicket, Kind: Refusal, Title: title, Text: text, play: onAccounts(play)}
	}
	return []Scenario{
		refusal("wrong-password", "A wrong password, then the right one",
			"Alice mistypes her password when she opens the second app. No ticket comes of it, and nothing is stored. With the right password the app opens, and the ticket for the first app was never touched.",
			func(st *accounts.Stage, _ catalog.Level) {
				goes(st, st.Alice, registers(st.One, cast.GotResource), mistypes(st.Two, cast.AuthenticationRefused), leavesOpen(st.Two, cast.LoginRequired),
					opens(st.Two, cast.GotResource), leavesOpen(st.One, cast.GotResource))
			}),
		refusal("nobody-of-that-name", "A user name that nobody has",
			"Bob opens an app and types a password without having registered. The account server refuses; then he registers, and the app opens.",
			func(st *accounts.Stage, _ catalog.Level) {
				goes(st, st.Bob, opens(st.One, cast.AuthenticationRefused), registers(st.One, cast.GotResource))
			}),
		{
			Name: "ticket/name-taken", Flow: flowTicket, Kind: Refusal, Title: "A user name that is taken",
			Text:      "Bob wants to be called alice as well, with a password of his own. At hardened the registration is refused, and so is his password; Alice's account stays hers. The document does not say so: at core Bob gets it.",
			Invariant: accounts.Takeover.Text, breaks: accounts.Takeover, open: true,
			play: onAccounts(func(st *accounts.Stage, level catalog.Level) {
				wants := happening(func(u *accounts.User) { takeName(st, u, st.Alice.UserName) })
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(time.Minute), opens(st.Two, at(level, cast.AuthenticationRefused, cast.GotResource)))
				goes(st, st.Bob, waits(10*time.Second), wants)
			}),
		},
		refusal("password-too-short", "A password that is too short",
			"Bob registers with a password of five letters. The account server refuses, the terminal tells him, and authenticates nobody. He chooses a longer one.",
			func(st *accounts.Stage, _ catalog.Level) {
				sent := st.Count(st.Bob.Host, accounts.LegAuthentication)
				long := st.Bob.Password
				chooses := func(password string) step { return happening(func(u *accounts.User) { u.Password = password }) }
				goes(st, st.Bob, chooses("short"), registers(st.One, cast.RegistrationRefused), chooses(long), registers(st.One, cast.GotResource))
				st.Hope("the password is sent once to authenticate", func() bool { return *sent == 1 })
			}),
		refusal("throttled", "Ten wrong passwords",
			"Alice mistypes her password ten times. At hardened her name is throttled, the right password included, while the ticket for the other app goes on; ten minutes later she gets in. At core nobody counts.",
			func(st *accounts.Stage, level catalog.Level) {
				steps := []step{registers(st.One, cast.GotResource)}
				for range 10 {
					steps = append(steps, mistypes(st.Two, cast.AuthenticationRefused))
				}
				steps = append(steps, opens(st.Two, at(level, cast.GotResource, cast.Unavailable)), leavesOpen(st.One, cast.GotResource),
					waits(10*time.Minute), opens(st.Two, cast.GotResource))
				goes(st, st.Alice, steps...)
			}),
		refusal("unknown-app", "An app that is not registered",
			"The second app is not registered at the account server, which gives no ticket for it. The first one is not concerned.",
			func(st *accounts.Stage, _ catalog.Level) {
				st.Two.Unknown = true
				goes(st, st.Alice, registers(st.One, cast.GotResource), opens(st.Two, cast.AuthenticationRefused), leavesOpen(st.One, cast.GotResource))
			}),
		refusal("app-refuses", "An app that does not want this user",
			"The first app answers every ticket with 403. That is no ticket error indication: the terminal neither refreshes nor authenticates anew, and keeps the ticket.",
			func(st *accounts.Stage, _ catalog.Level) {
				st.TakeOver(st.One.Host, servingApp(st, st.One, func(w http.ResponseWriter, _ *http.Request) {
					stage.WriteJSON(w, http.StatusForbidden, map[string]string{"error": "not_welcome", "error_description": "this app is not for you"})
				}))
				sent := st.Count(st.Alice.Host, accounts.LegRefresh)
				goes(st, st.Alice, registers(st.One, cast.Refused), leavesOpen(st.One, cast.Refused), opens(st.Two, cast.GotResource))
				st.Hope("nothing is refreshed", func() bool { return *sent == 0 })
			}),
		refusal("another-account-server", "Metadata of another account server",
			"The document under the account server's URL names another issuer. The terminal uses nothing of it, and sends no password anywhere.",
			func(st *accounts.Stage, _ catalog.Level) {
				st.Server.Publish("issuer", "https://accounts.example")
				sent := st.Count(st.Alice.Host, accounts.LegRegistration)
				goes(st, st.Alice, registers(st.One, cast.Unavailable))
				st.Hope("no password is sent", func() bool { return *sent == 0 })
			}),
		refusal("app-of-another-name", "An app that says it is another",
			"The first app publishes the identifier of the second one. A ticket for it would be for the other app: the terminal does not ask for one.",
			func(st *accounts.Stage, _ catalog.Level) {
				st.One.Publish("app_id", st.Two.ID)
				sent := st.Count(st.Alice.Host, accounts.LegAuthentication)
				goes(st, st.Alice, registers(st.One, cast.Unavailable))
				st.Hope("no ticket is asked for", func() bool { return *sent == 0 })
			}),
		refusal("refresh-key-expires", "The refresh key expires",
			"Alice does not touch her terminal for forty days, and refresh keys live for thirty. At hardened the terminal asks her to log in, and the old ticket is thrown away; at core keys are good for ever.",
			func(st *accounts.Stage, level catalog.Level) {
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(40*24*time.Hour),
					leavesOpen(st.One, at(level, cast.GotResource, cast.LoginRequired)), opens(st.One, cast.GotResource))
			}),
		refusal("logout", "A user logs out",
			"Alice logs out of one app. The terminal has thrown the ticket away and asks for a login when she comes back; the other app is as it was.",
			func(st *accounts.Stage, _ catalog.Level) {
				goes(st, st.Alice, registers(st.One, cast.GotResource), opens(st.Two, cast.GotResource), logsOut(st.One, cast.LoggedOut),
					leavesOpen(st.One, cast.LoginRequired), leavesOpen(st.Two, cast.GotResource), opens(st.One, cast.GotResource), logsOut(st.One, cast.LoggedOut), logsOut(st.One, cast.LoggedOut))
			}),
		{
			Name: "ticket/revocation", Flow: flowTicket, Kind: Refusal, Title: "A user signs out everywhere",
			Text:      "Alice has left her telephone on a train. With her password she ends all tickets from the tablet; the telephone asks for a login from then on, and a new authentication is not hindered. The document has no revocation: at core the telephone goes on.",
			Invariant: accounts.Revocation.Text, breaks: accounts.Revocation, open: true,
			play: onAccounts(func(st *accounts.Stage, level catalog.Level) {
				tablet := st.NewDevice(st.Alice, "tablet")
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(10*time.Minute), leavesOpen(st.One, at(level, cast.GotResource, cast.LoginRequired)))
				goes(st, tablet, waits(time.Minute), signsOutEverywhere(), opens(st.One, cast.GotResource), waits(10*time.Minute), leavesOpen(st.One, cast.GotResource))
			}),
		},
	}
}

// takeName registers a name that is not the user's own, with the user's own password, from the user's terminal.
func takeName(st *accounts.Stage, u *accounts.User, name string) {
	u.Note("registers the name " + name)
	status := st.Register(u.Host, name, u.Password)
	st.Note(u.Host, "the account server answers %d", status)
}

// servingApp boots a dishonest app, which publishes what the honest one publishes and answers resource requests in its own way.
func servingApp(st *accounts.Stage, app *accounts.App, resource http.HandlerFunc) sim.Boot {
	return func(h *sim.Host) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("/resource", resource)
		mux.HandleFunc(accounts.WellKnown, func(w http.ResponseWriter, _ *http.Request) {
			stage.WriteJSON(w, http.StatusOK, app.Document())
		})
		st.LearnLegs(h, accounts.WellKnown, mux, nil)
		return mux
	}
}
