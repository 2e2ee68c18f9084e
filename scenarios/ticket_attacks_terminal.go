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

// refreshAttacks use a refresh key that was copied from Alice's terminal.
func refreshAttacks() []Scenario {
	return []Scenario{
		ticketAttack("stolen-refresh-key", "A stolen refresh key, used before its owner uses it",
			"A thief has copied Alice's refresh key and refreshes. When Alice's terminal comes with the same key, that is reuse: at hardened the whole family ends, the thief's ticket with it, and Alice authenticates anew. At core her key is refused and the thief goes on.",
			accounts.ReuseEnds, []catalog.ID{"TI-AM-16"}, func(st *accounts.Stage) {
				stolen := st.NewLetter("the word that the thief has refreshed")
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed).Once()
				await := happens(func() { stolen.Await() })
				loot, owner := st.Steal(st.Alice, st.One), st.NewLetter("the word that the owner has come")
				var copied accounts.Ticket
				goes(st, st.Alice, registers(st.One, cast.GotResource), happens(func() { copied = loot.Ticket }), await, waits(time.Minute), happens(doubt.Begin),
					opens(st.One, cast.GotResource), happens(func() { owner.Send("") }))
				st.Mallory.Plays(func(m *accounts.Attacker) {
					m.Wait(later)
					m.Note("refreshes with the key that she has copied")
					line, got := m.Refresh(copied, thiefsRequest)
					stolen.Send("")
					if _, came := owner.Await(); got && came {
						m.Wait(outlast)
						m.Note("goes on with her own line of tickets")
						m.Show(st.One, line)
						m.Refresh(line, thiefsRequest+"-again")
					}
				})
			}).openAtCore(),
		ticketAttack("refresh-race", "A stolen refresh key, raced with its owner",
			"A thief and Alice's terminal refresh with the same key in the same moment, with different request_ids. One transaction judges the key and uses it up: one of them gets a ticket, the other is reuse, and the family ends. Where the key is judged first and used up later, both get one.",
			accounts.OneLineage, []catalog.ID{"TI-AM-19"}, func(st *accounts.Stage) {
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed).Once()
				loot, now := st.Steal(st.Alice, st.One), st.NewLetter("the word that the owner refreshes")
				var copied accounts.Ticket
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if m.Kind == sim.Request && m.From == st.Alice.Host.Name() && st.Leg(&m) == accounts.LegRefresh {
						now.Send("")
					}
					return sim.Verdict{}
				}))
				goes(st, st.Alice, registers(st.One, cast.GotResource), happens(func() { copied = loot.Ticket }), waits(time.Minute), happens(doubt.Begin), opens(st.One, cast.GotResource))
				st.Mallory.Plays(func(m *accounts.Attacker) {
					if _, came := now.Await(); came {
						m.Note("refreshes in the same moment as the owner")
						if line, got := m.Refresh(copied, thiefsRequest); got {
							m.Wait(outlast)
							m.Show(st.One, line)
						}
					}
				})
			}).openAtCore(),
		ticketAttack("key-that-was-replaced", "An authorization key after the refresh",
			"A thief has copied Alice's authorization key. Her terminal refreshes the ticket, and the old key ends with that. At core it goes on beside the new one.",
			accounts.Replaced, []catalog.ID{"TI-AM-15"}, func(st *accounts.Stage) {
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed).Once()
				withCopy(st, []step{waits(time.Minute), happens(doubt.Begin), leavesOpen(st.One, cast.GotResource)}, func(m *accounts.Attacker, loot accounts.Ticket) {
					m.Wait(outlast)
					m.Show(st.One, loot)
				})
			}).openAtCore(),
		ticketAttack("recorded-refresh", "A refresh request that was recorded",
			"Somebody has a record of Alice's last refresh, refresh key and request_id, and sends it again an hour later. The answer is given again for a minute only, in case it was lost. At core a used key is refused at once.",
			accounts.KeysAtHome, []catalog.ID{"TI-AM-18"}, func(st *accounts.Stage) {
				loot := st.Steal(st.Alice, st.One)
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed).Once()
				var recorded accounts.Ticket
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if m.Kind == sim.Request && m.From == st.Alice.Host.Name() && st.Leg(&m) == accounts.LegRefresh {
						recorded = loot.Ticket
					}
					return sim.Verdict{}
				}))
				goes(st, st.Alice, registers(st.One, cast.GotResource), waits(time.Minute), happens(doubt.Begin), leavesOpen(st.One, cast.GotResource))
				st.Mallory.Plays(func(m *accounts.Attacker) {
					m.Wait(time.Hour)
					m.Note("sends the recorded refresh request again")
					m.Refresh(recorded, recorded.RequestID)
				})
			}),
		ticketAttack("refresh-key-of-another", "A refresh key beside the wrong user ID",
			"Mallory has come by a refresh key and does not know whose it is. She presents it beside her own user ID. The pair does not fit and is refused, at core already, and Alice's key stays usable.",
			accounts.KeysAtHome, []catalog.ID{"TI-AM-09"}, func(st *accounts.Stage) {
				withCopy(st, nil, func(m *accounts.Attacker, loot accounts.Ticket) {
					own := m.OwnTicket(st.One)
					m.Refresh(accounts.Ticket{UserID: own.UserID, RefreshKey: loot.RefreshKey}, thiefsRequest)
				})
			}),
	}
}

// thiefsRequest is a request_id of the thief's own.
const thiefsRequest = "request-of-a-thief-who-has-the-key"

// terminalAttacks go for what the terminal sends, to whom, and how often.
func terminalAttacks() []Scenario {
	return []Scenario{
		ticketAttack("curious-app", "An app that takes all it can get",
			"The second app is dishonest and looks for a refresh key in what it is shown, to renew the ticket for itself. A terminal shows an app the pair and nothing else, at core already.",
			accounts.KeysAtHome, []catalog.ID{"TI-TE-05"}, func(st *accounts.Stage) {
				st.TakeOver(st.Two.Host, servingApp(st, st.Two, func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.Header.Get("Authorization"), "refresh_key") {
						st.Note(st.Two.Host, "has a refresh key of the user's")
					}
					stage.WriteJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "temporarily_unavailable"})
				}))
				goes(st, st.Alice, registers(st.Two, cast.Unavailable))
			}),
		ticketAttack("ticket-redirected", "An app that redirects with the ticket",
			"The first app has an open redirect at its resource endpoint, and somebody has made it lead to the second one, which collects. A terminal that follows sends the ticket along. At hardened it follows no redirect, of anybody.",
			accounts.KeysAtHome, []catalog.ID{"TI-TE-13"}, func(st *accounts.Stage) {
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if m.Kind == sim.Request && st.Leg(&m) == accounts.LegResource && m.To == st.One.Host.Name() {
						return sim.Verdict{Answer: &sim.Message{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {st.Two.Base + "/collect"}}}}
					}
					return sim.Verdict{}
				}))
				st.Alice.Plays(func(u *accounts.User) { u.Registers(st.One) })
			}).openAtCore(),
		ticketAttack("password-in-the-clear", "An authentication without TLS",
			"The account server publishes its authentication endpoint without TLS, and somebody listens. At hardened the terminal sends no password there; at core it sends it on any connection.",
			accounts.UnderTLS, []catalog.ID{"TI-TE-14"}, func(st *accounts.Stage) {
				st.Server.Publish("authentication_endpoint", "http://accounts/authentication")
				st.Alice.Plays(func(u *accounts.User) { u.Registers(st.One) })
			}).openAtCore(),
		ticketAttack("password-led-astray", "Metadata without TLS, written anew",
			"Alice's terminal and the apps know the account server under a URL without TLS. What its metadata name lies under TLS, but somebody on the way has written a page of the second app's into them, which is dishonest: there her password goes, well encrypted. At hardened the terminal does not even ask; at core it believes what comes.",
			accounts.KeysAtHome, []catalog.ID{"TI-TE-14"}, func(st *accounts.Stage) {
				leadAstray(st, accounts.LegAuthentication)
				st.Alice.Plays(func(u *accounts.User) { u.Registers(st.One) })
			}).openAtCore(),
		ticketAttack("verification-led-astray", "Metadata without TLS, written anew for an app",
			"As before, but what leads to a page of the attacker's is the verification endpoint. The first app sends its secret there and every pair that it is shown, Alice's and one that Mallory made up, and who answers may confirm what it likes. At hardened an app does not even ask for such metadata; at core it believes what comes.",
			accounts.KeysAtHome, []catalog.ID{"TI-AP-11"}, func(st *accounts.Stage) {
				leadAstray(st, accounts.LegVerification)
				st.Alice.Plays(func(u *accounts.User) { u.Registers(st.One) })
				st.Mallory.Plays(func(m *accounts.Attacker) {
					m.Show(st.One, accounts.Ticket{UserID: "whoever", AuthorizationKey: "made-up-made-up-made-up"})
				})
			}).openAtCore(),
		ticketAttack("ticket-of-another-user", "Another user's ticket in the answer",
			"A proxy before the account server mixes up answers, and Mallory has found out how to have Alice's terminal get a ticket of Mallory's in answer to its refresh. From then on Alice would work in Mallory's account and leave her data there. At hardened the terminal takes no ticket of another user; at core it looks at the keys only.",
			accounts.OwnAccount, []catalog.ID{"TI-TE-12"}, func(st *accounts.Stage) {
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed).Once()
				var own accounts.Ticket
				onAnswer(st, accounts.LegRefresh, "authorization_key", func(m sim.Message) sim.Verdict {
					m = m.Clone()
					m.Body = own.Written()
					return sim.Verdict{Replace: &m}
				})
				st.Mallory.Plays(func(m *accounts.Attacker) { own = m.OwnTicket(st.One) })
				st.Alice.Plays(func(u *accounts.User) {
					u.Registers(st.One)
					u.Wait(time.Minute)
					doubt.Begin()
					u.LeavesOpen(st.One)
				})
			}).openAtCore(),
		ticketAttack("insatiable-app", "An app that takes no ticket",
			"The first app is dishonest and answers ten tickets, one after the other, with a ticket error indication, so that the terminals of its users refresh and refresh. At hardened one use refreshes once; at core nothing bounds it.",
			accounts.BoundedUse, []catalog.ID{"TI-TE-09"}, func(st *accounts.Stage) {
				refused := 0
				st.TakeOver(st.One.Host, servingApp(st, st.One, func(w http.ResponseWriter, _ *http.Request) {
					if refused++; refused > 10 {
						stage.WriteJSON(w, http.StatusForbidden, map[string]string{"error": "enough"})
						return
					}
					w.Header().Set("WWW-Authenticate", `Ticket error="invalid_token"`)
					stage.WriteJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
				}))
				st.Alice.Plays(func(u *accounts.User) { u.Registers(st.One) })
			}).openAtCore(),
		ticketAttack("refresh-storm", "A refresh storm after an outage",
			"The account server is overloaded: it verifies, and answers no refresh. Programs on Alice's terminal open the app every second. At hardened the terminal tries three times and then leaves the account server alone for half a minute; at core every use tries again at once, and all terminals together keep the server down.",
			accounts.NoStorm, []catalog.ID{"TI-TE-11"}, func(st *accounts.Stage) {
				doubt := st.Server.Override(accounts.LegVerification, http.StatusOK, unconfirmed)
				away := st.Server.Override(accounts.LegRefresh, http.StatusServiceUnavailable, `{"error":"temporarily_unavailable","error_description":"overloaded"}`)
				steps := []step{registers(st.One, cast.GotResource), waits(time.Minute), happens(func() { doubt.Begin(); away.Begin() })}
				for range 5 {
					steps = append(steps, leavesOpen(st.One, cast.Unavailable), waits(time.Second))
				}
				goes(st, st.Alice, steps...)
			}).openAtCore(),
	}
}

// leadAstray has everybody know the account server under a URL without TLS, where somebody writes into its metadata that an endpoint is a page of the second app's.
func leadAstray(st *accounts.Stage, leg string) {
	st.Server.WithoutTLS()
	st.TakeOver(st.Two.Host, servingApp(st, st.Two, func(w http.ResponseWriter, _ *http.Request) {
		stage.WriteJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "temporarily_unavailable"})
	}))
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) (v sim.Verdict) {
		if m.Kind != sim.Response || m.Secure || m.Status != http.StatusOK || m.From != st.Server.Host.Name() {
			return v
		}
		changed := m.Clone()
		changed.Body = []byte(strings.Replace(string(m.Body), "https://accounts/"+leg, st.Two.Base+"/"+leg, 1))
		v.Replace = &changed
		return v
	}))
}
