package scenarios

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	cast "countersign/actors/ticket"
	"countersign/conformance/catalog"
	"countersign/scenarios/accounts"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// ticketAttacks are the attacks on the flow: on accounts and their passwords, on tickets in other hands, and on the terminal.
func ticketAttacks() []Scenario {
	return slices.Concat(accountAttacks(), ticketMisuse(), refreshAttacks(), terminalAttacks())
}

// ticketAttack is an attack on the ticket flow. One that level core leaves open is marked so by the caller.
func ticketAttack(name, title, text string, breaks stage.Invariant, guards []catalog.ID, play func(*accounts.Stage)) Scenario {
	return attackOn(flowTicket, name, title, text, breaks, guards, onAccounts(func(st *accounts.Stage, _ catalog.Level) { play(st) }))
}

// later is when an attacker comes whose victim has gone through the first uses.
const later = 2 * time.Second

// outlast is longer than any confirmation is kept.
const outlast = 3 * time.Minute

// accountAttacks go for the account itself.
func accountAttacks() []Scenario {
	return []Scenario{
		ticketAttack("known-user-name", "A ticket for a user name alone",
			"Mallory knows Alice's user name, and authenticates with a password made up. The password is compared, at core already.",
			accounts.OwnTickets, []catalog.ID{"TI-AM-04"}, func(st *accounts.Stage) { guessPassword(st, 1) }),
		ticketAttack("password-guesses", "Passwords tried one after the other",
			"Mallory has a list of passwords, and Alice's is the twelfth on it. At hardened the tenth wrong one throttles the name; at core she may try for ever.",
			accounts.OwnTickets, []catalog.ID{"TI-AM-22"}, func(st *accounts.Stage) { guessPassword(st, 12) }).openAtCore(),
		ticketAttack("user-enumeration", "Finding out who has an account",
			"Mallory has a list of names and a password made up, and sorts out the names that are worth guessing at by how they are refused. At hardened nothing tells them apart.",
			accounts.NoEnumeration, []catalog.ID{"TI-AM-21"}, func(st *accounts.Stage) {
				goes(st, st.Alice, registers(st.One, cast.GotResource))
				st.Mallory.Plays(func(m *accounts.Attacker) {
					m.Wait(later)
					for _, name := range []string{"alice", "nobody", "noone"} {
						m.Authenticate(name, "password made up", st.One)
					}
				})
			}).openAtCore(),
		ticketAttack("registration-takeover", "A user name registered again",
			"Mallory registers Alice's user name with a password of her own. At hardened the name is taken, whatever the password. At core the second registration sets the password anew, and Alice's account is Mallory's.",
			accounts.Takeover, []catalog.ID{"TI-AM-20"}, func(st *accounts.Stage) {
				goes(st, st.Alice, registers(st.One, cast.GotResource))
				st.Mallory.Plays(func(m *accounts.Attacker) {
					m.Wait(later)
					m.Note("registers Alice's user name")
					m.Register(st.Alice.UserName, accounts.Password)
					readWith(m, st.Alice.UserName, accounts.Password, st.One)
				})
			}).openAtCore(),
		ticketAttack("verification-oracle", "The verification endpoint as an oracle",
			"Mallory has found a list of keys in an old log, and asks the account server which of them are any good. At hardened it answers apps only, who authenticate; at core anybody may ask.",
			accounts.NoOracle, []catalog.ID{"TI-AM-12"}, func(st *accounts.Stage) {
				loot := st.Steal(st.Alice, st.One)
				goes(st, st.Alice, registers(st.One, cast.GotResource))
				st.Mallory.Plays(func(m *accounts.Attacker) {
					m.Wait(later)
					m.Note("asks whether a key that she has found is any good")
					m.Verify(accounts.Ticket{UserID: loot.Ticket.UserID, AuthorizationKey: "made-up"})
					m.Verify(loot.Ticket)
				})
			}).openAtCore(),
		ticketAttack("denial-tells-why", "A denial that tells why",
			"The second app is dishonest and has come by the key of a ticket for the first one. It asks about it in its own name. The account server does not confirm it; at hardened it does not say either that the key is good elsewhere. At core the ticket is confirmed to any app.",
			accounts.NoOracle, []catalog.ID{"TI-AM-13"}, func(st *accounts.Stage) {
				loot := st.Steal(st.Alice, st.One)
				goes(st, st.Alice, registers(st.One, cast.GotResource))
				st.TakeOver(st.Two.Host, func(h *sim.Host) http.Handler {
					h.Go("ask", func() {
						h.Clock().Sleep(later)
						st.Note(h, "asks about a ticket for %s", st.One.ID)
						st.VerifyAs(st.Two, loot.Ticket)
					})
					return nil
				})
			}).openAtCore(),
	}
}

// guessPassword tries passwords for Alice's account; the last of several is right.
func guessPassword(st *accounts.Stage, tries int) {
	goes(st, st.Alice, registers(st.One, cast.GotResource))
	st.Mallory.Plays(func(m *accounts.Attacker) {
		m.Wait(later)
		for i := range tries {
			word := "password number " + strconv.Itoa(i)
			if i > 0 && i == tries-1 {
				word = st.Alice.Password
			}
			readWith(m, st.Alice.UserName, word, st.One)
		}
	})
}

// readWith authenticates and reads, if that brings a ticket.
func readWith(m *accounts.Attacker, name, password string, app *accounts.App) {
	if t, got := m.Authenticate(name, password, app); got {
		m.Note("has a ticket for the account of " + name)
		m.Show(app, t)
	}
}

// ticketMisuse uses pairs where they do not belong.
func ticketMisuse() []Scenario {
	return []Scenario{
		ticketAttack("ticket-at-another-app", "A ticket for one app shown at another",
			"The second app is dishonest, and shows Alice's ticket for it to the first. At hardened the account server compares the app that asks with the app that the ticket is for, and so does the app that is asked for a resource. At core a ticket that any app was shown opens them all.",
			accounts.Audience, []catalog.ID{"TI-AM-11", "TI-AP-09"}, func(st *accounts.Stage) {
				loot := st.Steal(st.Alice, st.Two)
				st.TakeOver(st.Two.Host, servingApp(st, st.Two, func(w http.ResponseWriter, _ *http.Request) {
					st.Note(st.Two.Host, "shows the ticket to %s", st.One.ID)
					st.ShowFrom(st.Two, st.One, loot.Ticket)
					stage.WriteJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "temporarily_unavailable"})
				}))
				goes(st, st.Alice, registers(st.Two, cast.Unavailable))
			}).openAtCore(),
		ticketAttack("made-up-ticket", "A ticket made up",
			"Mallory knows Alice's user ID and makes up an authorization key. The app gives nothing before the account server has confirmed the pair.",
			accounts.Secrecy, []catalog.ID{"TI-AP-02"}, func(st *accounts.Stage) {
				besideAlice(st, func(m *accounts.Attacker, alice accounts.Ticket) {
					m.Show(st.One, accounts.Ticket{UserID: alice.UserID, AuthorizationKey: "made-up-made-up-made-up"})
				})
			}),
		ticketAttack("user-id-swapped", "Another user ID beside a valid key",
			"Mallory has a ticket of her own, and puts Alice's user ID beside her authorization key. The account server looks at both, at core already; at hardened the app looks too whom the answer is about.",
			accounts.Secrecy, []catalog.ID{"TI-AM-07", "TI-AP-09"}, func(st *accounts.Stage) {
				besideAlice(st, func(m *accounts.Attacker, alice accounts.Ticket) {
					own := m.OwnTicket(st.One)
					m.Note("puts Alice's user ID beside her own key")
					m.Show(st.One, accounts.Ticket{UserID: alice.UserID, AuthorizationKey: own.AuthorizationKey})
				})
			}),
		ticketAttack("user-id-swapped-in-the-cache", "Another user ID beside a key that was confirmed",
			"As before, but Mallory first shows her own ticket as it is, so that the app keeps the confirmation. What is kept holds for the whole pair. At core nothing is kept.",
			accounts.Secrecy, []catalog.ID{"TI-AP-07"}, func(st *accounts.Stage) {
				besideAlice(st, func(m *accounts.Attacker, alice accounts.Ticket) {
					own := m.OwnTicket(st.One)
					m.Show(st.One, own)
					m.Note("puts Alice's user ID beside her own key, which the app has seen confirmed")
					m.Show(st.One, accounts.Ticket{UserID: alice.UserID, AuthorizationKey: own.AuthorizationKey})
				})
			}),
		ticketAttack("confirmation-of-another", "The confirmation of another pair",
			"A proxy before the account server mixes up answers, and Mallory has found out how to have the app's question about a pair that she made up answered with the confirmation of her own. At hardened the app looks whom and which app the answer is about; at core it looks at the word active only.",
			accounts.Secrecy, []catalog.ID{"TI-AP-09"}, func(st *accounts.Stage) {
				besideAlice(st, func(m *accounts.Attacker, alice accounts.Ticket) {
					own := m.OwnTicket(st.One)
					onAnswer(st, accounts.LegVerification, "false", func(answer sim.Message) sim.Verdict {
						answer = answer.Clone()
						answer.Body = fmt.Appendf(nil, `{"active":true,"user_id":%q,"app_id":%q}`, own.UserID, own.AppID)
						return sim.Verdict{Replace: &answer}
					})
					m.Note("makes up a pair and has the question about it answered with her own confirmation")
					m.Show(st.One, accounts.Ticket{UserID: alice.UserID, AuthorizationKey: "made-up-made-up-made-up"})
				})
			}).openAtCore(),
		ticketAttack("guessed-key", "An authorization key guessed from another",
			"Mallory gets a ticket just before Alice and takes her authorization key for a number: Alice's is one of the next. At hardened keys are random; at core they may be counted.",
			accounts.Secrecy, []catalog.ID{"TI-AM-23"}, func(st *accounts.Stage) {
				besideAlice(st, func(m *accounts.Attacker, alice accounts.Ticket) {
					own := m.OwnTicket(st.One)
					begins, number, _ := strings.Cut(own.AuthorizationKey, "-")
					n, err := strconv.Atoi(number)
					if err != nil {
						m.Note("sees no order in the keys")
						return
					}
					for _, next := range []int{n - 1, n - 2, n + 1, n + 2} {
						m.Show(st.One, accounts.Ticket{UserID: alice.UserID, AuthorizationKey: begins + "-" + strconv.Itoa(next)})
					}
				})
			}).openAtCore(),
		ticketAttack("key-from-an-old-log", "An authorization key out of an old log",
			"Somebody has copied Alice's authorization key, and shows it two hours later. At hardened it was good for ten minutes; at core it is good for ever.",
			accounts.Expiry, []catalog.ID{"TI-AM-14"}, func(st *accounts.Stage) {
				withCopy(st, nil, func(m *accounts.Attacker, loot accounts.Ticket) {
					m.Wait(2 * time.Hour)
					m.Show(st.One, loot)
				})
			}).openAtCore(),
		ticketAttack("lost-device", "A device that was lost",
			"A thief has Alice's telephone, and with it a copy of her ticket. She ends all tickets with her password, and three minutes later the thief shows it. At core revocation is answered and changes nothing.",
			accounts.Revocation, []catalog.ID{"TI-AM-25"}, func(st *accounts.Stage) {
				withCopy(st, []step{signsOutEverywhere()}, func(m *accounts.Attacker, loot accounts.Ticket) {
					m.Wait(outlast)
					m.Show(st.One, loot)
				})
			}).openAtCore(),
		ticketAttack("cached-approval", "A confirmation used after the revocation",
			"As the lost device, but the thief has just shown the ticket, and the app has kept the confirmation. It may do so for half a minute. An app that keeps it for an hour goes on serving the thief. At core nothing is kept, and nothing revoked.",
			accounts.Revocation, []catalog.ID{"TI-AP-05"}, func(st *accounts.Stage) {
				withCopy(st, []step{waits(later), leavesOpen(st.One, cast.GotResource), signsOutEverywhere()}, func(m *accounts.Attacker, loot accounts.Ticket) {
					m.Wait(outlast)
					m.Show(st.One, loot)
				})
			}).openAtCore(),
		ticketAttack("copy-of-a-logged-out-ticket", "A copy of a ticket from which the user has logged out",
			"Alice logs out on a borrowed terminal whose owner has copied her ticket. At hardened logging out ends the ticket at the account server too. At core the terminal only throws its own copy away.",
			accounts.LoggedOut, []catalog.ID{"TI-TE-15"}, func(st *accounts.Stage) {
				withCopy(st, []step{logsOut(st.One, cast.LoggedOut)}, func(m *accounts.Attacker, loot accounts.Ticket) {
					m.Wait(outlast)
					m.Show(st.One, loot)
				})
			}).openAtCore(),
		ticketAttack("link-with-a-ticket", "A link that holds a ticket",
			"Mallory sends Alice a link to the first app with a ticket of Mallory's own in the URL. An app that takes tickets from there would show Alice what is Mallory's as if it were hers, and every ticket so used would end up in logs. It takes them from the header only, at core already.",
			accounts.OwnAccount, []catalog.ID{"TI-AP-03"}, func(st *accounts.Stage) {
				bait := st.NewLetter("a link for the victim")
				st.Mallory.Plays(func(m *accounts.Attacker) {
					own := m.OwnTicket(st.One)
					bait.Send(st.One.Base + "/resource?" + url.Values{"user_id": {own.UserID}, "authorization_key": {own.AuthorizationKey}}.Encode())
				})
				goes(st, st.Alice, registers(st.One, cast.GotResource), happening(func(u *accounts.User) {
					if link, came := bait.Await(); came {
						u.Follow(link)
					}
				}))
			}),
		ticketAttack("shared-cache", "A cache on the way",
			"Between the terminals and the first app stands a cache that keeps what nobody has forbidden it to keep, by its address. Alice opens the app, and then Bob does: without the word no-store he is shown what is hers.",
			accounts.OwnAccount, []catalog.ID{"TI-AP-10"}, func(st *accounts.Stage) {
				st.CacheBefore(st.One)
				st.Alice.Plays(func(u *accounts.User) { u.Registers(st.One) })
				st.Bob.Plays(func(u *accounts.User) {
					u.Wait(later)
					u.Registers(st.One)
				})
			}).openAtCore(),
	}
}

// besideAlice lets Mallory do something when Alice, whose user ID she knows, has a ticket for the first app.
func besideAlice(st *accounts.Stage, does func(m *accounts.Attacker, alice accounts.Ticket)) {
	loot := st.Steal(st.Alice, st.One) // no more than the user ID is used, which is no secret
	goes(st, st.Alice, registers(st.One, cast.GotResource))
	st.Mallory.Plays(func(m *accounts.Attacker) {
		m.Wait(later)
		does(m, accounts.Ticket{UserID: loot.Ticket.UserID})
	})
}

// withCopy lets Mallory do something with a copy of the ticket that Alice got first, when Alice has gone through some steps.
func withCopy(st *accounts.Stage, then []step, does func(m *accounts.Attacker, loot accounts.Ticket)) {
	loot := st.Steal(st.Alice, st.One)
	done := st.NewLetter("the word that Alice has done what she wanted")
	var copied accounts.Ticket
	steps := append([]step{registers(st.One, cast.GotResource), happens(func() { copied = loot.Ticket })}, then...)
	goes(st, st.Alice, append(steps, happens(func() { done.Send("") }))...)
	st.Mallory.Plays(func(m *accounts.Attacker) {
		if _, came := done.Await(); came {
			m.Note("has a copy of Alice's ticket")
			does(m, copied)
		}
	})
}
