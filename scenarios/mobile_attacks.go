package scenarios

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/office"
	"countersign/scenarios/stage"
)

// mobileAttacks are the attacks on the flow: on identities and devices, on rules and keys, on tokens, on addresses, and on the wipe.
func mobileAttacks() []Scenario {
	return slices.Concat(identityAttacks(), deviceAttacks(), ruleAttacks(), copiedTokenAttacks(), sealAttacks(), lostDeviceAttacks(), addressAttacks(), messageAttacks(), wipeAttacks())
}

// mobileAttack is an attack on the mobile flow. One that level core leaves open is marked so by the caller.
func mobileAttack(name, title, text string, breaks stage.Invariant, guards []catalog.ID, play func(*office.Stage)) Scenario {
	return attackOn(flowMobile, name, title, text, breaks, guards, inOffice(func(st *office.Stage, _ catalog.Level) { play(st) }))
}

// aliceWorks is Alice, who enrols and opens the app, and is left alone.
func aliceWorks(st *office.Stage) *office.Loot {
	loot := st.Steals(st.Alice)
	st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened))
	return loot
}

// besideHer is a rogue who acts when Alice has opened the app, and has copied what passed.
func besideHer(r *office.Rogue, act func(*office.Rogue)) {
	r.Plays(func(r *office.Rogue) {
		r.Wait(later)
		act(r)
	})
}

// identityAttacks want a token in somebody else's name.
func identityAttacks() []Scenario {
	return []Scenario{
		mobileAttack("guessed-device-number", "A device number read off a label",
			"Mallory knows the app, Alice's user name, and the number that is printed on her telephone. At core these three are all that there is to know: she gets a token and reads what Alice keeps. At hardened the bare authentication ID proves nothing.",
			office.Possession, []catalog.ID{"MO-AS-23"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.ShowsWith(st.CRM, "Bearer "+m.AuthenticatesWith(office.IDOf(st.Alice), nil).AccessToken, nil)
				})
			}).openAtCore(),
		mobileAttack("proof-by-another-key", "Alice's number, Mallory's key",
			"Mallory sends Alice's authentication ID with a proof that is right in itself, by a key of her own. At hardened it is not the key that was registered with the device number. At core nobody looks at proofs.",
			office.Possession, []catalog.ID{"MO-AS-25"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.Shows(st.CRM, m.Authenticates(office.IDOf(st.Alice)).AccessToken) })
			}).openAtCore(),
		mobileAttack("public-key-alone", "Alice's public key and no private one",
			"Mallory has seen a proof of Alice's device and names the public key in it in a proof of her own, which she has to sign with another. At hardened the signature does not fit.",
			office.Possession, []catalog.ID{"MO-AS-24"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					proof := office.Proof{Method: http.MethodPost, Target: st.Server.Issuer + "/authentication", JWK: loot.PublicKey()}
					m.AuthenticatesWith(office.IDOf(st.Alice), m.Proves(proof))
				})
			}).openAtCore(),
		mobileAttack("authentication-replayed", "A recorded authentication",
			"Mallory has recorded Alice's authentication request at a gateway where TLS ends, and sends it again at once. At hardened a proof counts once.",
			office.Possession, []catalog.ID{"MO-AS-28"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.Replays(loot.Authentication) })
			}).openAtCore(),
		mobileAttack("authentication-replayed-later", "A recorded authentication, when it is forgotten",
			"Mallory waits for two minutes, until the authorization server has forgotten which proofs were used. At hardened a proof is good for one minute only.",
			office.Possession, []catalog.ID{"MO-AS-27"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.Wait(2 * time.Minute)
					m.Replays(loot.Authentication)
				})
			}).openAtCore(),
		mobileAttack("proof-from-a-business-system", "The proof that a business system was shown",
			"Whoever runs the customer register uses at the authorization server the proof that Alice's app has shown there. At hardened it names another method and another URL.",
			office.Possession, []catalog.ID{"MO-AS-26"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.AuthenticatesWith(office.IDOf(st.Alice), http.Header{"Dpop": loot.Resource.Header["Dpop"]})
				})
			}).openAtCore(),
		mobileAttack("unregistered-device", "A device that is in the rules and nowhere else",
			"The rules give a tablet to Alice that she has not enrolled yet. Mallory names its number. It is not registered, and gets no token, at core already.",
			office.Rights, []catalog.ID{"MO-AS-07"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					id := office.ID{AppID: office.Stock, DeviceID: "device-alice.tablet", UserName: "alice"}
					m.Shows(st.ERP, m.Authenticates(id).AccessToken)
				})
			}),
		mobileAttack("another-user-on-the-own-device", "Alice's name from Clive's device",
			"Clive has a registered device and gives Alice's user name with it. The rules give the device to Clive, and nobody else gets a token there.",
			office.Rights, []catalog.ID{"MO-AS-05"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Clive, func(c *office.Rogue) {
					c.Registers(office.Registration{})
					c.Authenticates(office.ID{AppID: office.FieldSales, DeviceID: c.DeviceID, UserName: "alice"})
				})
			}),
		mobileAttack("app-without-right", "An app that Clive may not use",
			"Clive may use the app of the customer register, and asks for a token for that of the stock. The rules do not list him there, and the authorization server gives none.",
			office.Rights, []catalog.ID{"MO-AS-04"}, func(st *office.Stage) {
				st.Clive.Plays(func(c *office.Rogue) {
					c.Registers(office.Registration{})
					c.Shows(st.ERP, c.Authenticates(office.ID{AppID: office.Stock, DeviceID: c.DeviceID, UserName: c.UserName}).AccessToken)
				})
			}),
		mobileAttack("refusal-tells-why", "Finding out what is wrong",
			"Mallory tries authentication IDs and sorts out by the refusals which users there are, what they may use, and which devices are registered. At hardened all refusals are alike.",
			office.NoOracle, []catalog.ID{"MO-AS-29"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.Authenticates(office.ID{AppID: "games", DeviceID: st.Alice.DeviceID, UserName: "alice"})
					m.Authenticates(office.ID{AppID: office.Stock, DeviceID: st.Bob.DeviceID, UserName: "bob"})
					m.Authenticates(office.ID{AppID: office.FieldSales, DeviceID: st.Bob.DeviceID, UserName: "bob"})
				})
			}).openAtCore(),
	}
}

// deviceAttacks register and deregister other people's devices.
func deviceAttacks() []Scenario {
	tablet := office.Registration{DeviceID: "device-alice.tablet", UserName: "alice"}
	return []Scenario{
		mobileAttack("registered-by-a-stranger", "A device registered with a password made up",
			"Mallory registers the number of Alice's new tablet before she does, with a password made up. It is compared, at core already.",
			office.OwnDevices, []catalog.ID{"MO-AS-17"}, func(st *office.Stage) {
				st.Mallory.Plays(func(m *office.Rogue) { guesses(m, tablet, 1, "") })
			}),
		mobileAttack("password-guessed", "Passwords tried at the registration",
			"Mallory has a list of passwords, and Alice's is the twelfth on it. At hardened the tenth wrong one ends all attempts under the name for ten minutes; at core she may try for ever.",
			office.OwnDevices, []catalog.ID{"MO-AS-32"}, func(st *office.Stage) {
				st.Mallory.Plays(func(m *office.Rogue) { guesses(m, tablet, 12, st.Alice.Password) })
			}).openAtCore(),
		mobileAttack("number-registered-again", "A registered number under another key",
			"Mallory has looked over Alice's shoulder and knows her password. She registers the number of Alice's telephone with a key of her own, to be Alice's telephone from then on. At hardened the number stays with the key that it has; at core the later registration counts.",
			office.KeyStays, []catalog.ID{"MO-AS-31"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.Registers(office.Registration{DeviceID: st.Alice.DeviceID, UserName: "alice", Password: st.Alice.Password})
					m.Shows(st.CRM, m.Authenticates(office.IDOf(st.Alice)).AccessToken)
				})
			}).openAtCore(),
		mobileAttack("deregistered-by-a-stranger", "A device deregistered with a password made up",
			"Mallory wants Alice's telephone wiped, and deregisters it with a password made up. It is compared, at core already.",
			office.OwnDeregistration, []catalog.ID{"MO-AS-20"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.Deregisters("alice", "made up", st.Alice.DeviceID) })
			}),
		mobileAttack("deregistration-guessed", "Passwords tried at the deregistration",
			"Mallory tries her list of passwords where devices are deregistered, which is as good as anywhere. At hardened these guesses are counted together with those at the registration.",
			office.OwnDeregistration, []catalog.ID{"MO-AS-32"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					for i := range 12 {
						word := "password number " + strconv.Itoa(i)
						if i == 11 {
							word = st.Alice.Password
						}
						m.Deregisters("alice", word, st.Alice.DeviceID)
					}
				})
			}).openAtCore(),
		mobileAttack("deregistration-tells-which", "Finding out which devices there are",
			"Mallory tries device numbers with a password made up, and sees by the answers which of them are registered. The answers are all alike.",
			office.NoOracle, []catalog.ID{"MO-AS-33"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					for _, id := range []string{st.Alice.DeviceID, "device-of-nobody"} {
						m.Deregisters("alice", "made up", id)
					}
				})
			}),
		mobileAttack("notification-in-the-clear", "A device that wants its messages in the clear",
			"Clive registers a notification endpoint without TLS, to have the authorization server post into a network where everybody listens. At hardened the registration is refused.",
			office.UnderTLS, []catalog.ID{"MO-AS-63"}, func(st *office.Stage) {
				st.Curtain(time.Minute)
				st.Clive.Plays(func(c *office.Rogue) {
					c.Registers(office.Registration{NotificationURI: "http://clive/notification"})
					c.Deregisters(c.UserName, c.Password, c.DeviceID)
				})
			}).openAtCore(),
	}
}

// guesses tries passwords at the registration; the last of several may be right. With a device she goes on to read.
func guesses(m *office.Rogue, r office.Registration, tries int, right string) {
	for i := range tries {
		r.Password = "password number " + strconv.Itoa(i)
		if right != "" && i == tries-1 {
			r.Password = right
		}
		if m.Registers(r).Status == http.StatusOK {
			m.Note("has a device in the name of " + r.UserName)
		}
	}
}

// ruleAttacks are about rules, about what belongs to one system alone, and about those who work too hard.
func ruleAttacks() []Scenario {
	return []Scenario{
		mobileAttack("rules-by-a-stranger", "Rules without an administrator",
			"Mallory sends rules of her own. At hardened only administrators may; the document does not say how the server knows them, and at core it asks nobody.",
			office.OwnRules, []catalog.ID{"MO-AS-55"}, func(st *office.Stage) {
				st.Mallory.Plays(func(m *office.Rogue) {
					rules := office.FirstRules()
					office.Grants("mallory", office.Stock)(&rules)
					m.PutsRules(rules)
				})
			}).openAtCore(),
		mobileAttack("rule-change-race", "A request between two versions of the rules",
			"The customer register moves, and somebody else gets the old address. Alice's app authenticates again and again in the moments of the change. Each answer agrees in right, system and address with the version that it names, and none takes the right from the new rules and the address from the old.",
			office.OneVersion, []catalog.ID{"MO-AS-58"}, func(st *office.Stage) {
				moved := st.NewAddress(st.CRM, "crm.new")
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(later)
					for _, to := range []*office.System{moved, st.CRM, moved} {
						a.Changes("the customer register has another address", office.Moves(to))
					}
				})
				steps := []office.Step{office.Enrols(office.Enrolled), office.Waits(later - 300*time.Millisecond)}
				for range 6 {
					steps = append(steps, office.StartsAfresh("")) // one by rules that a message has overtaken is refused by the app
				}
				st.Alice.Goes(append(steps, office.Waits(time.Second), office.StartsAfresh(office.Opened))...)
			}),
		mobileAttack("dismissed-in-the-new-rules", "A token under rules that have been replaced",
			"Clive is dismissed: Ann takes his right away. The next time that he asks, the new rules judge him, at core already.",
			office.InForce, []catalog.ID{"MO-AS-14"}, func(st *office.Stage) {
				dismissClive(st, func(c *office.Rogue, _ string) { c.Authenticates(c.Own()) })
			}),
		mobileAttack("dismissed-with-a-live-token", "A token that outlives the right",
			"Clive has got a token just before he was dismissed, and goes on with it. At hardened the authorization server shares no token any more that the rules do not cover; at core it is good until it expires.",
			office.Withdrawn, []catalog.ID{"MO-AS-59"}, func(st *office.Stage) {
				dismissClive(st, func(c *office.Rogue, accessToken string) {
					c.Wait(time.Minute)
					c.Shows(st.CRM, accessToken)
				})
			}).openAtCore(),
		mobileAttack("guessed-token-identifier", "A shared token by its number",
			"Mallory asks for shared tokens in the name of the customer register, whose secret she does not know, and counts up. At hardened the secret is compared, and identifiers cannot be guessed.",
			office.OwnRecords, []catalog.ID{"MO-AS-36", "MO-AS-39"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.Downloads(st.CRM, "made up", "1") })
			}).openAtCore(),
		mobileAttack("tokens-of-another-system", "One system's secret, another's tokens",
			"Mallory has broken into the stock and has its secret. She asks in its name for tokens of the customer register. At hardened a system gets its own tokens only, and cannot guess what others are called; at core the authorization server shares with any.",
			office.OwnRecords, []catalog.ID{"MO-AS-36", "MO-AS-40"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.Downloads(st.ERP, st.ERP.SecretOf(), "1") })
			}).openAtCore(),
		mobileAttack("keys-of-another-system", "One system's secret, another's sealing key",
			"Mallory has broken into the stock and reads the sealing keys in its name. She gets the key of the stock, and no other. At core no keys are served at all.",
			office.AtHome, []catalog.ID{"MO-AS-42"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.ReadsKeys(st.ERP, st.ERP.SecretOf()) })
			}),
		mobileAttack("made-up-key-names", "A flood of unknown keys",
			"Mallory shows the customer register thirty tokens, each under a key name that nobody has heard of. At hardened it looks for them at the authorization server once a second at most. At core it does not look at all.",
			office.NoStorm, []catalog.ID{"MO-BS-31"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					for i := range 30 {
						m.Shows(st.CRM, m.MakesUp("made-up-"+strconv.Itoa(i)))
					}
				})
			}),
		mobileAttack("garbage", "A flood of garbage",
			"Mallory shows the customer register tokens that do not open, to have it flood the authorization server. At hardened nothing is downloaded for what does not open.",
			office.NoGarbage, []catalog.ID{"MO-BS-32"}, func(st *office.Stage) {
				aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					for range 5 {
						m.Shows(st.CRM, m.MakesUp("crm-1"))
					}
				})
			}).openAtCore(),
	}
}

// dismissClive takes Clive's right away when he has a token, and then lets him act.
func dismissClive(st *office.Stage, act func(c *office.Rogue, accessToken string)) {
	dismissed := st.NewLetter("Clive's dismissal")
	got := st.NewLetter("word that Clive has a token")
	st.Ann.Plays(func(a *office.Administrator) {
		got.Await()
		a.Changes("Clive may not use the app", office.Withdraws("clive", office.FieldSales))
		dismissed.Send("")
	})
	st.Clive.Plays(func(c *office.Rogue) {
		c.Registers(office.Registration{})
		g := c.Authenticates(c.Own())
		got.Send("")
		dismissed.Await()
		act(c, g.AccessToken)
	})
}
