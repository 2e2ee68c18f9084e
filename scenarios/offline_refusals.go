package scenarios

import (
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/till"
)

// offlineRefusals is where somebody or something says no, and the next try comes out right.
func offlineRefusals() []Scenario {
	refusal := func(name, title, text string, play func(*till.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "offline/" + name, Flow: flowOffline, Kind: Refusal, Title: title, Text: text, play: onTill(play)}
	}
	return []Scenario{
		refusal("user-denies", "The user says no",
			"Alice sees the amount and says no. Nothing is signed, nothing is sent, and the till waits in vain. The next application is not concerned.",
			func(st *till.Stage, _ catalog.Level) {
				asked := st.Count(st.One.Host, till.LegVerification)
				st.Alice.Goes(till.Orders(till.Order{At: st.One, Amount: little, Denies: true}, till.Cancelled))
				st.Hope("the server is asked to verify nothing", func() bool { return *asked == 0 })
			}),
		refusal("wrong-password", "A wrong password, then the right one",
			"Alice mistypes her offline password. The server does not verify, and tells neither the till nor anybody else why. She begins anew with the right one.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.SetsPassword(till.Set), till.Orders(till.Order{At: st.One, Amount: lot, Types: "mistyped"}, till.Refused), till.Buys(st.One, lot, till.Approved))
			}),
		refusal("password-locked", "Five wrong passwords",
			"Alice mistypes her password five times. At hardened the server locks it, the right one included, while small amounts go on; with the password of her account she sets it anew. At core nobody counts.",
			func(st *till.Stage, level catalog.Level) {
				steps := []till.Step{till.SetsPassword(till.Set)}
				for range 5 {
					steps = append(steps, till.Orders(till.Order{At: st.One, Amount: lot, Types: "mistyped"}, till.Refused))
				}
				st.Alice.Goes(append(steps, till.Buys(st.One, lot, at(level, till.Approved, till.Refused)), till.Buys(st.One, little, till.Approved),
					till.SetsPassword(till.Set), till.Buys(st.One, lot, till.Approved))...)
			}),
		refusal("right-one-between", "A right password between wrong ones",
			"Alice mistypes her password four times, gets it right, and mistypes it four times again. The right one begins the count anew, and the password is not locked.",
			func(st *till.Stage, _ catalog.Level) {
				steps := []till.Step{till.SetsPassword(till.Set)}
				for range 2 {
					for range 4 {
						steps = append(steps, till.Orders(till.Order{At: st.One, Amount: lot, Types: "mistyped"}, till.Refused))
					}
					steps = append(steps, till.Buys(st.One, lot, till.Approved))
				}
				st.Alice.Goes(steps...)
			}),
		refusal("password-not-set", "No password was set",
			"Alice wants something that needs the offline password, and has none. The server gives no information to be signed. A small amount goes through, and the large one when she has set a password.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.Buys(st.One, lot, "password_not_set"), till.Buys(st.One, little, till.Approved), till.SetsPassword(till.Set), till.Buys(st.One, lot, till.Approved))
			}),
		refusal("password-not-needed", "A password that nobody asked for",
			"Alice types her password for a small coffee. The handset puts no proof into the countersign: passwords are not to be drawn out by small sums.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.SetsPassword(till.Set), till.Orders(till.Order{At: st.One, Amount: little, Types: st.Alice.Password}, till.Approved))
			}),
		{
			Name: "offline/password-changed", Flow: flowOffline, Kind: Refusal, Title: "A new password",
			Text:      "Alice sets another offline password, and forgets it when she types: it is the old one. At hardened that is not good any more. The document does not say so: at core the server may keep it beside the new one.",
			Invariant: till.OldPassword.Text, breaks: till.OldPassword, open: true,
			play: onTill(func(st *till.Stage, level catalog.Level) {
				old := st.Alice.Password
				st.Alice.Goes(till.SetsPassword(till.Set), till.Buys(st.One, lot, till.Approved),
					till.Does(func(u *till.User) { u.Password = "another password of alice" }), till.SetsPassword(till.Set), till.Buys(st.One, lot, till.Approved),
					till.Orders(till.Order{At: st.One, Amount: lot, Types: old}, at(level, till.Approved, till.Refused)))
			}),
		},
		refusal("wrong-account-password", "The wrong account password",
			"Alice wants to set an offline password and mistypes the password of her account. At hardened the server refuses, and nothing is set. At core it may take anybody's word.",
			func(st *till.Stage, level catalog.Level) {
				right := st.Alice.AccountPassword
				types := func(p string) till.Step { return till.Does(func(u *till.User) { u.AccountPassword = p }) }
				st.Alice.Goes(types("mistyped"), till.SetsPassword(at(level, till.Set, "server_refused")), types(right), till.SetsPassword(till.Set), till.Buys(st.One, lot, till.Approved))
			}),
		refusal("unknown-handset", "A handset that is not enrolled",
			"The server does not know Alice's handset and gives it nothing to sign. Bob, whom it knows, is served at the same till.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Unknown = true
				st.Alice.Goes(till.Buys(st.One, little, "unknown_handset"))
				st.Bob.Goes(till.Buys(st.One, little, till.Approved))
			}),
		refusal("unknown-service", "A service that there is not",
			"Alice wants something that the server has never heard of. No threshold applies to it, and so it is refused.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.Orders(till.Order{At: st.One, Service: "yacht", Amount: little}, "unknown_service"), till.Buys(st.One, little, till.Approved))
			}),
		refusal("another-label", "The wrong label on the till",
			"Somebody has stuck the label of the second till onto the first. Alice's handset applies to the second till, and the first one hears it. At hardened it refuses what is not for itself. At core it may send the application in its own name, and Alice's coffee is paid at a till whose label she has not read.",
			func(st *till.Stage, level catalog.Level) {
				label := st.One.Label()
				label.Device = st.Two.ID
				order := till.Order{At: st.One, Amount: little, Label: label}
				if level == catalog.Core {
					st.Alice.Goes(till.Orders(order, ""))
					return
				}
				st.Alice.Goes(till.Orders(order, "access_denied"), till.Buys(st.One, little, till.Approved))
			}),
		refusal("thinks-too-long", "The user thinks for too long",
			"Alice looks at the amount for two minutes before she says yes. At hardened the challenge has expired by then, the till has forgotten her, and she begins anew; at core it lives for ever.",
			func(st *till.Stage, level catalog.Level) {
				ponders := func(d time.Duration) till.Step { return till.Does(func(u *till.User) { u.Ponders = d }) }
				st.Alice.Goes(ponders(100*time.Second), till.Buys(st.One, little, at(level, till.Approved, till.Refused)),
					ponders(3*time.Minute), till.Buys(st.One, little, at(level, till.Approved, "link_failed")),
					ponders(11*time.Minute), till.Buys(st.One, little, "unknown_confirmation"),
					ponders(20*time.Second), till.Buys(st.One, little, till.Approved))
			}),
		refusal("confirmed-twice", "The user presses yes twice",
			"Alice presses yes a second time when her coffee has been approved. The handset says that this was confirmed, and signs nothing. At core it may sign again, and the server refuses a serial that it has judged.",
			func(st *till.Stage, level catalog.Level) {
				verified := st.Count(st.One.Host, till.LegVerification)
				st.Alice.Goes(till.Orders(till.Order{At: st.One, Amount: little, Twice: true}, at(level, till.Approved, "confirmation_used")))
				st.Hope("the server is asked once", func() bool { return *verified == 1 })
			}),
		refusal("server-away", "The server cannot be reached",
			"The server is down when Alice applies. The till says so after a few tries, and decides nothing by itself. When the server is back she is served.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.Does(func(*till.User) { st.Server.Host.Crash(2 * time.Minute) }), till.Buys(st.One, little, "server_unreachable"),
					till.Waits(3*time.Minute), till.Buys(st.One, little, till.Approved))
			}),
		refusal("server-away-later", "The server cannot be reached for the result",
			"The server goes down while Alice looks at the amount. The till has her countersign and no result: it does not approve. When the server is back she begins anew.",
			func(st *till.Stage, _ catalog.Level) {
				ponders := func(d time.Duration) till.Step { return till.Does(func(u *till.User) { u.Ponders = d }) }
				st.Alice.Goes(ponders(10*time.Second), till.Does(func(u *till.User) {
					u.Meanwhile(func() {
						u.Wait(5 * time.Second)
						st.Server.Host.Crash(2 * time.Minute)
					})
				}), till.Buys(st.One, little, till.Refused), ponders(0), till.Waits(3*time.Minute), till.Buys(st.One, little, till.Approved))
			}),
		refusal("another-server", "Metadata of another server",
			"The document under the server's URL names another issuer. At hardened the till and the handset use nothing of it, and send neither application nor password key anywhere; at core they take it.",
			func(st *till.Stage, level catalog.Level) {
				st.Server.Publish("issuer", "https://server.example")
				st.Alice.Goes(till.SetsPassword(at(level, till.Set, "server_refused")), till.Buys(st.One, little, at(level, till.Approved, "server_unreachable")))
			}),
	}
}
