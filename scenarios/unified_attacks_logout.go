package scenarios

import (
	"net/http"
	"net/url"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/portal"
	"countersign/sim"
)

// registrationAttacks move the paths on which codes travel.
func registrationAttacks() []Scenario {
	return []Scenario{
		unifiedAttack("unreviewed-path", "A path that nobody has reviewed",
			"Mallory has come by Olga's password, and asks for another callback path for the mail site. Then she lures Alice to a request that names it. Before a review it changes nothing, at core already.",
			portal.ReviewedPaths, []catalog.ID{"UN-PL-19"}, func(st *portal.Stage) {
				movePath(st, func(m *portal.Attacker) { st.AsksChange(m.Host, portal.Olga, st.Mail, "mail", attackersPath) })
			}),
		unifiedAttack("review-without-the-right", "A review without the right to it",
			"As before, and Mallory, who is an operator and may not review, approves in her own name what she asked for in Olga's. Only who has the right reviews, at core already.",
			portal.ReviewedPaths, []catalog.ID{"UN-PL-20"}, func(st *portal.Stage) {
				movePath(st, func(m *portal.Attacker) {
					st.Approves(m.Host, m.Name, st.AsksChange(m.Host, portal.Olga, st.Mail, "mail", attackersPath))
				})
			}),
		unifiedAttack("path-reviewed-by-its-requester", "A path reviewed by who asked for it",
			"As before, but Olga may review, and so Mallory approves her own request in Olga's name. At hardened a request is reviewed by somebody else; at core the right to review is enough.",
			portal.ReviewedPaths, []catalog.ID{"UN-PL-70"}, func(st *portal.Stage) {
				movePath(st, func(m *portal.Attacker) {
					st.Approves(m.Host, portal.Olga, st.AsksChange(m.Host, portal.Olga, st.Mail, "mail", attackersPath))
				})
			}).openAtCore(),
		unifiedAttack("path-asked-for-by-a-stranger", "A path of one site asked for by another's operator",
			"Mallory is an operator herself, and asks for another callback path for the mail site, which is Olga's. Rene has many requests to review that day and looks at none. At hardened only the owner may ask; at core anybody.",
			portal.ReviewedPaths, []catalog.ID{"UN-PL-71"}, func(st *portal.Stage) {
				movePath(st, func(m *portal.Attacker) {
					st.Approves(m.Host, portal.Rene, st.AsksChange(m.Host, st.Mallory.Name, st.Mail, "mail", attackersPath))
				})
			}).openAtCore(),
		unifiedAttack("open-redirect", "A path that only begins like the registered one",
			"At the mail site users may have pages of their own, and Mallory's lies below the callback path. She lures Alice to a request with that path. At hardened paths are compared byte for byte; at core the beginning is enough, and the code lands on Mallory's page.",
			portal.ReviewedPaths, []catalog.ID{"UN-PL-31"}, func(st *portal.Stage) {
				const page = "/callback-of-mallory"
				st.Mail.Pages = map[string]http.HandlerFunc{page: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }}
				st.Alice.Plays(func(u *portal.User) {
					u.LogsIn()
					u.Note("follows a link of Mallory's")
					u.Opens(st.AuthorizationURL(st.Mail, st.Mail.Base+page, "a-state-of-the-attacker-s", madeUpChallenge))
				})
			}).openAtCore(),
		unifiedAttack("redirect-with-the-password", "A redirect that repeats the password",
			"Alice logs in on the way to the mail site. A redirect with 307 has her browser send the form on to where it leads, with the password in it. At hardened it is 303; at core it may be any.",
			portal.PasswordAtHome, []catalog.ID{"UN-PL-48"}, func(st *portal.Stage) {
				st.Alice.Plays(func(u *portal.User) { u.Opens(st.Mail.AccessURI()) })
			}).openAtCore(),
		unifiedAttack("key-of-another-site", "The key of another site",
			"Mallory is an operator and asks for a communication key of the mail site, which is Olga's. At hardened only the owner gets one; at core she could speak as the mail site from then on.",
			portal.OwnKeys, []catalog.ID{"UN-PL-72"}, func(st *portal.Stage) {
				st.Operated()
				st.Mallory.Plays(func(m *portal.Attacker) {
					m.Note("asks for a communication key of the mail site")
					st.Operate(m.Host, m.Name, "/key", map[string]string{"client_id": st.Mail.ID})
				})
			}).openAtCore(),
	}
}

const (
	attackersPath   = "https://mallory/callback"
	madeUpChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// movePath has Mallory try to move the callback path of the mail site, and lure Alice there.
func movePath(st *portal.Stage, asks func(*portal.Attacker)) {
	st.Operated()
	moved := st.NewLetter("a link, from Mallory to Alice")
	st.Mallory.Plays(func(m *portal.Attacker) {
		m.Note("asks for another callback path of the mail site")
		asks(m)
		moved.Send(st.AuthorizationURL(st.Mail, attackersPath, "a-state-of-the-attacker-s", madeUpChallenge))
	})
	st.Alice.Plays(func(u *portal.User) {
		u.LogsIn()
		if link, came := moved.Await(); came {
			u.Note("follows a link of Mallory's")
			u.Opens(link)
		}
	})
}

// logoutAttacks log out people who do not want that.
func logoutAttacks() []Scenario {
	return []Scenario{
		unifiedAttack("mass-logout", "A batch request that is not sealed",
			"Mallory sends the mail site a batch request in the platform's name, in plain JSON, that logs everybody out whom she can think of. At hardened a message that is not sealed is none; at core the seal may be left out, and who leaves it out needs no key.",
			portal.StaysLoggedIn, []catalog.ID{"UN-TP-34"}, func(st *portal.Stage) {
				st.Bob.Goes(portal.Enters(st.Mail, portal.In))
				whileIn(st, st.Mail, func(m *portal.Attacker) {
					m.Wait(later)
					m.Note("logs everybody out in the platform's name")
					m.ForgeBatch(st.Mail, "alice", "bob")
				})
			}).openAtCore(),
		unifiedAttack("mass-logout-by-another-platform", "A batch request of another platform",
			"The mail site is registered at a second platform, which is dishonest and sends a batch that names Alice's number. It is sealed as it should be, but a platform logs out its own users only. At core the number alone counts.",
			portal.StaysLoggedIn, []catalog.ID{"UN-TP-31"}, func(st *portal.Stage) {
				rival := st.NewRival()
				whileIn(st, st.Mail, func(m *portal.Attacker) {
					m.Note("has the rival platform log Alice out")
					rival.Host.Go("log out the users of another platform", func() { rival.SendBatch("alice") })
				})
			}).openAtCore(),
		unifiedAttack("replayed-batch", "A batch request sent again",
			"Alice logs out and in again. Mallory has copied the sealed batch behind a proxy where TLS ends, and sends it once more. At hardened a message is taken once, and it names the generation that has ended, to which the new login does not belong. At core the new login ends.",
			portal.StaysLoggedIn, []catalog.ID{"UN-TP-37", "UN-TP-43"}, func(st *portal.Stage) { replayBatch(st, time.Second) }).openAtCore(),
		unifiedAttack("batch-replayed-late", "A batch request sent again when it is forgotten",
			"As before, but Mallory waits until the mail site has forgotten the message. Then it is too old.",
			portal.StaysLoggedIn, []catalog.ID{"UN-TP-38", "UN-TP-43"}, func(st *portal.Stage) { replayBatch(st, 15*time.Minute) }).openAtCore(),
		unifiedAttack("forged-logout-token", "A logout token that the platform did not sign",
			"Mallory makes a logout token for Alice, with the key ID of the platform and a signature of her own, and sends it to the shop. It verifies the signature by the keys that the platform publishes. At core there are no logout tokens.",
			portal.StaysLoggedIn, []catalog.ID{"UN-TP-57"}, func(st *portal.Stage) {
				whileIn(st, st.Shop, func(m *portal.Attacker) { m.ForgeLogoutToken(st.Shop, "a-key-of-the-platform", "alice") })
			}),
		unifiedAttack("replayed-logout-token", "A logout token sent again",
			"Alice logs out and in again, and Mallory sends the shop the logout token once more, three minutes later. It has been taken before, it is over, and it ends logins of the old generation only. At core there are no logout tokens.",
			portal.StaysLoggedIn, []catalog.ID{"UN-TP-60", "UN-TP-61", "UN-TP-43"}, func(st *portal.Stage) {
				var copied []byte
				st.Copy(portal.LegBackChannel, func(m sim.Message) { copied = m.Body })
				st.Mallory.Plays(func(m *portal.Attacker) {
					m.Wait(4 * time.Minute)
					m.Note("sends the logout token again")
					form, err := url.ParseQuery(string(copied))
					if err == nil {
						m.Post(st.Shop.Base+"/back-channel-logout", form)
					}
				})
				st.Alice.Goes(portal.Enters(st.Shop, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled), portal.Enters(st.Shop, portal.In), portal.Waits(5*time.Minute-30*time.Second),
					portal.Does(func(u *portal.User) { u.Looks(st.Shop) }))
			}),
		unifiedAttack("logout-by-a-picture", "Logged out by a picture",
			"A page of Mallory's holds a picture whose address is the platform's logout page. Opening it ends nothing, at core either.",
			portal.StaysLoggedIn, []catalog.ID{"UN-PL-51"}, func(st *portal.Stage) {
				forgeLogout(st, st.Platform.Issuer+"/logout", true)
			}),
		unifiedAttack("logout-by-a-form", "Logged out by a form of another page",
			"A page of Mallory's sends the platform's logout form in Alice's browser. At hardened the cookie stays behind, and the form lacks what the platform's own page has; at core Alice is logged out everywhere.",
			portal.StaysLoggedIn, []catalog.ID{"UN-PL-51", "UN-PL-55"}, func(st *portal.Stage) {
				forgeLogout(st, st.Platform.Issuer+"/logout", false)
			}).openAtCore(),
		unifiedAttack("logout-at-a-site-by-a-form", "Logged out at a site by a form of another page",
			"A page of Mallory's sends the mail site's own logout form in Alice's browser. At hardened the cookie stays behind, and the form lacks what the mail site's own page has; at core Alice is out there.",
			portal.StaysLoggedIn, []catalog.ID{"UN-TP-50", "UN-TP-52"}, func(st *portal.Stage) {
				forgeLogout(st, st.Mail.Base+"/leave", false)
			}).openAtCore(),
	}
}

// whileIn is Alice, who enters a site and looks at it again after Mallory has done something.
func whileIn(st *portal.Stage, t *portal.ThirdParty, does func(*portal.Attacker)) {
	in, done := st.NewLetter("word that Alice is in"), st.NewLetter("word that it is done")
	st.Alice.Plays(func(u *portal.User) {
		u.Enters(t)
		in.Send("")
		done.Await()
		u.Looks(t)
	})
	st.Mallory.Plays(func(m *portal.Attacker) {
		in.Await()
		does(m)
		m.Wait(time.Second)
		done.Send("")
	})
}

// replayBatch sends the batch of Alice's logout again after a while, when she is in again.
func replayBatch(st *portal.Stage, after time.Duration) {
	var copied []byte
	st.Copy(portal.LegBatch, func(m sim.Message) {
		if copied == nil {
			copied = m.Body
		}
	})
	back := st.NewLetter("word that Alice is in again")
	st.Mallory.Plays(func(m *portal.Attacker) {
		back.Await()
		m.Wait(after)
		m.Note("sends the batch again")
		m.Replay(st.Mail.LogoutURI(), copied)
	})
	st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled), portal.Enters(st.Mail, portal.In), portal.Does(func(u *portal.User) {
		back.Send("")
		u.Wait(after + 10*time.Second)
		u.Looks(st.Mail)
	}))
}

// forgeLogout has a page of Mallory's open or send something in Alice's browser.
func forgeLogout(st *portal.Stage, target string, picture bool) {
	st.Alice.Plays(func(u *portal.User) {
		u.Enters(st.Mail)
		u.Note("opens a page of Mallory's")
		if picture {
			u.FollowsOnly(target)
		} else if _, err := u.Browser.Post("https://mallory/", target, url.Values{"decision": {"logout"}}); err != nil {
			u.Note("the page of Mallory's leads nowhere: " + err.Error())
		}
		u.Looks(st.Mail)
		if u.FollowsOnly(st.Shop.AccessURI()) != portal.In {
			st.Breach(portal.StaysLoggedIn, u.Name+" is logged out at the platform and did not want that")
		}
	})
}

// queueAttacks keep a logout from arriving.
func queueAttacks() []Scenario {
	return []Scenario{
		unifiedAttack("task-dropped-in-a-crash", "A logout lost in a crash",
			"Alice logs out, is told that she is out, and a second later Mallory, who has found out how, brings the platform down. At hardened the tasks were on its disk before the answer, and are sent when it is up again; at core they were in its memory.",
			portal.NoLostTask, []catalog.ID{"UN-PL-82"}, func(st *portal.Stage) {
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Does(func(u *portal.User) {
					u.Wait(time.Second)
					st.Note(st.Mallory.Host, "brings the platform down")
					st.Platform.Host.Crash(2 * time.Second)
				}), portal.Waits(time.Minute))
			}).openAtCore(),
		unifiedAttack("trickle-starvation", "A trickle that holds a queue off",
			"Alice logs out. Mallory goes in and out at the mail site every three seconds, so that its queue is never idle and never full, and a session that she has stolen stays good. At hardened no task waits for longer than half a minute; at core as long as Mallory likes.",
			portal.BoundedWait, []catalog.ID{"UN-PL-74"}, func(st *portal.Stage) {
				st.Mallory.Plays(func(m *portal.Attacker) {
					for range 15 {
						m.Enters(st.Mail)
						m.LogsOut()
						m.Wait(3 * time.Second)
					}
				})
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out))
			}).openAtCore(),
		unifiedAttack("slow-site", "One slow site delays the others",
			"The mail site lets batch requests wait in vain, and one for Bob is under way. Alice logs out, who was at the gallery and never at the mail site. At hardened each queue goes its own pace; at core hers may wait until the mail site has had its time.",
			portal.OthersUndelayed, []catalog.ID{"UN-PL-81"}, func(st *portal.Stage) {
				gallery := st.NewThirdParty("gallery", portal.Batches)
				st.Platform.BatchMaxWait = 6 * time.Second
				st.Mute(portal.LegBatch, st.Mail, func() bool { return st.World.Now() < 40*time.Second })
				st.Bob.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out))
				st.Alice.Goes(portal.Waits(time.Second), portal.Enters(gallery, portal.In), portal.LogsOut(portal.Out))
			}).openAtCore(),
	}
}
