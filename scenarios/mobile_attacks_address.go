package scenarios

import (
	"maps"
	"net/http"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/office"
	"countersign/sim"
)

// addressAttacks send an app elsewhere. They sit at a gateway where TLS ends, or listen where there is none.
func addressAttacks() []Scenario {
	opens := func(st *office.Stage) { st.Alice.Goes(office.Enrols(office.Enrolled), office.Does(startsAnyway)) }
	return []Scenario{
		mobileAttack("address-substituted", "Another address beside the signed one",
			"Mallory runs a gateway before the authorization server and puts her own address into the answer. The signed one stays as it is. At hardened the app compares the two, and uses neither. At core it brings her the token.",
			office.AtHome, []catalog.ID{"MO-AP-21"}, func(st *office.Stage) {
				st.OnAnswers(st.Alice, office.LegAuthentication, func(said map[string]any) { said["system_address"] = st.Mallory.Address() })
				opens(st)
			}).openAtCore(),
		mobileAttack("signature-stripped", "The signed address left out",
			"Mallory puts her address in and leaves the signed one out. At hardened an answer without it is not used.",
			office.AtHome, []catalog.ID{"MO-AP-17"}, func(st *office.Stage) {
				st.OnAnswers(st.Alice, office.LegAuthentication, func(said map[string]any) {
					said["system_address"] = st.Mallory.Address()
					delete(said, "signed_address")
				})
				opens(st)
			}).openAtCore(),
		mobileAttack("signature-forged", "An address that Mallory has signed",
			"Mallory puts her address in, and signs it with a key of her own under the name of the authorization server's. At hardened the app trusts the keys that came with it.",
			office.AtHome, []catalog.ID{"MO-AP-18"}, func(st *office.Stage) {
				st.OnAnswers(st.Alice, office.LegAuthentication, func(said map[string]any) {
					said["system_address"] = st.Mallory.Address()
					if signed, ok := said["signed_address"].(string); ok {
						said["signed_address"] = st.Mallory.Resigns(signed, st.Mallory.Address())
					}
				})
				opens(st)
			}).openAtCore(),
		mobileAttack("address-of-another-app", "The address of another app, rightly signed",
			"Clive has asked for a token for the stock, and with it has got the address of the stock, signed for him. The gateway puts that into Alice's answer. At hardened it names another app and another device, and the hash of another token. At core the stock is shown a token for the customer register.",
			office.AtHome, []catalog.ID{"MO-AP-19", "MO-AP-20"}, func(st *office.Stage) {
				office.Grants("clive", office.Stock)(&st.Server.Rules)
				var other office.Grant
				st.Clive.Plays(func(c *office.Rogue) {
					c.Registers(office.Registration{})
					other = c.Authenticates(office.ID{AppID: office.Stock, DeviceID: c.DeviceID, UserName: c.UserName})
				})
				st.OnAnswers(st.Alice, office.LegAuthentication, func(said map[string]any) {
					said["system_id"], said["system_address"] = other.SystemID, other.Address
					if other.SignedAddress != "" {
						said["signed_address"] = other.SignedAddress
					}
				})
				st.Alice.Goes(office.Waits(later), office.Enrols(office.Enrolled), office.Does(startsAnyway))
			}).openAtCore(),
		mobileAttack("old-answer-replayed", "An answer from before the move",
			"The customer register has moved, and Mallory has the old address by now. Alice's app knows the new one. The gateway gives it an answer from before, whole and rightly signed. At hardened its version is lower than the one that the app has seen.",
			office.NoWayBack, []catalog.ID{"MO-AP-32"}, func(st *office.Stage) {
				moved := st.NewAddress(st.CRM, "crm.new")
				var old map[string]any
				replays := false
				st.OnAnswers(st.Alice, office.LegAuthentication, func(said map[string]any) {
					if old == nil {
						old = maps.Clone(said)
					}
					if replays {
						clear(said)
						maps.Copy(said, old)
					}
				})
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					a.Changes("the customer register has another address", office.Moves(moved))
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.StartsAfresh(office.Opened),
					office.Does(func(u *office.User) { replays = true }), office.Does(func(u *office.User) { u.StartsAfresh() }))
			}).openAtCore(),
		mobileAttack("redirected", "A redirect with the token",
			"Mallory has found an open redirect before the customer register, and has the app sent on to her own address. At hardened a redirect is not followed: it is not signed.",
			office.AtHome, []catalog.ID{"MO-AP-23"}, func(st *office.Stage) {
				st.Instead(st.CRM.Host, office.LegResource, func() (sim.Message, bool) {
					return sim.Message{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {st.Mallory.Address()}}}, true
				})
				opens(st)
			}).openAtCore(),
		mobileAttack("binding-taken-away", "A bound token called a bearer token",
			"The gateway writes Bearer where the authorization server has written DPoP, to have the app show its token without a proof. At hardened the app takes no other kind; at core there is no other than Bearer.",
			office.Proved, []catalog.ID{"MO-AP-22"}, func(st *office.Stage) {
				st.OnAnswers(st.Alice, office.LegAuthentication, func(said map[string]any) { said["token_type"] = "Bearer" })
				opens(st)
			}).openAtCore(),
		mobileAttack("token-read-by-an-eavesdropper", "A token read by an eavesdropper",
			"A careless operator has given the authorization server a URL without TLS, and the app was delivered with it. Mallory listens in the same wireless network, and shows the token that she has read to the customer register. At hardened the app sends nothing there: neither password nor token is to be read.",
			office.UnderTLS, []catalog.ID{"MO-AP-36"}, func(st *office.Stage) {
				st.Server.Issuer = "http://authorization"
				read := st.NewLetter("what Mallory has read")
				st.OnTheWire(func(_ *sim.World, m sim.Message) sim.Verdict {
					if g := office.ReadGrant(m.Body); g.AccessToken != "" {
						read.Send(g.AccessToken)
					}
					return sim.Verdict{}
				})
				st.Mallory.Plays(func(m *office.Rogue) {
					if accessToken, came := read.Await(); came {
						m.Note("has read a token")
						m.ShowsWith(st.CRM, "Bearer "+accessToken, nil)
					}
				})
				st.Alice.Plays(func(u *office.User) {
					u.Enrols()
					u.Starts()
				})
			}).openAtCore(),
		mobileAttack("insatiable-system", "A business system that refuses everything",
			"Whatever token it is shown, the customer register wants another. At hardened a start ends after four authentications and eight accesses at most.",
			office.BoundedStart, []catalog.ID{"MO-AP-33"}, func(st *office.Stage) {
				st.Instead(st.CRM.Host, office.LegResource, func() (sim.Message, bool) {
					return sim.Message{Status: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {`DPoP error="invalid_token"`}}}, true
				})
				opens(st)
			}).openAtCore(),
	}
}

// startsAnyway opens the app, whatever comes of it.
func startsAnyway(u *office.User) { u.Starts() }

// the events of messages (profile section 4.5)
const (
	wipeEvent    = "urn:countersign:mobile:wipe"
	addressEvent = "urn:countersign:mobile:address"
)

// messageAttacks send a device messages that are not for it, or not from the authorization server.
func messageAttacks() []Scenario {
	return []Scenario{
		mobileAttack("forged-address-message", "A new address from Mallory",
			"Mallory sends Alice's telephone a message with her own address, as if the customer register had moved. At hardened messages are signed. At core there are none about addresses, and the app does nothing.",
			office.AtHome, []catalog.ID{"MO-AP-25"}, func(st *office.Stage) {
				loot := aliceIsBackLater(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.Pushes(st.Alice, m.Forges(st.Alice, loot.PublicKey(), addressEvent, map[string]string{"system_id": "crm", "address": m.Address()}))
				})
			}),
		mobileAttack("old-address-message", "An old message about an address",
			"The customer register has moved twice, and Mallory, who has the address in between by now, sends the message about it again. At hardened its version is lower than the one that the app has taken.",
			office.NoWayBack, []catalog.ID{"MO-AP-32"}, func(st *office.Stage) {
				second, third := st.NewAddress(st.CRM, "crm.second"), st.NewAddress(st.CRM, "crm.third")
				loot := aliceIsBackLater(st)
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(later)
					a.Changes("the customer register moves", office.Moves(second))
					a.Wait(later)
					old := loot.Message
					a.Changes("the customer register moves again", office.Moves(third))
					st.Mallory.Host.Go("again", func() {
						st.Mallory.Wait(later)
						st.Mallory.Pushes(st.Alice, old)
					})
				})
			}),
		mobileAttack("forged-wipe", "A wipe from Mallory",
			"Mallory sends Alice's telephone a wipe message of her own making. At hardened messages are signed; at core a device cannot tell a wipe from a prank.",
			office.NotWiped, []catalog.ID{"MO-AP-25"}, func(st *office.Stage) {
				loot := aliceIsBackLater(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.Pushes(st.Alice, m.Forges(st.Alice, loot.PublicKey(), wipeEvent, map[string]string{}))
				})
			}).openAtCore(),
		mobileAttack("wipe-of-another-device", "The wipe of another device",
			"Clive deregisters his own device and plays the wipe message that he gets to Alice's telephone. At hardened it is for his device and his key.",
			office.NotWiped, []catalog.ID{"MO-AP-26"}, func(st *office.Stage) {
				st.Curtain(2 * time.Minute)
				aliceIsBackLater(st)
				got := st.Gets(st.Clive)
				besideHer(st.Clive, func(c *office.Rogue) {
					c.Registers(office.Registration{})
					c.Deregisters(c.UserName, c.Password, c.DeviceID)
					c.Wait(later)
					c.Pushes(st.Alice, got.Message)
				})
			}).openAtCore(),
		mobileAttack("old-wipe-replayed", "An old wipe for a device in use again",
			"Alice's telephone was lost, wiped, found and enrolled anew. Mallory has recorded the wipe message, and sends it again. At hardened the app knows it, reports once more that it was done, and deletes nothing.",
			office.NotWiped, []catalog.ID{"MO-AP-27"}, func(st *office.Stage) {
				loot := st.Steals(st.Alice)
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Deregisters(st.Alice, office.Pending), office.Waits(20*time.Second),
					office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.Does(startsAnyway))
				st.Mallory.Plays(func(m *office.Rogue) {
					m.Wait(30 * time.Second)
					m.Pushes(st.Alice, loot.Message)
				})
			}).openAtCore(),
	}
}

// aliceIsBackLater is Alice, who opens the app, and opens it again after half a minute.
func aliceIsBackLater(st *office.Stage) *office.Loot {
	loot := st.Steals(st.Alice)
	st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(30*time.Second), office.Does(startsAnyway))
	return loot
}

// wipeAttacks are those of the finder of a lost device, who wants to keep what is on it.
func wipeAttacks() []Scenario {
	return []Scenario{
		mobileAttack("wipe-swallowed", "A wipe message that somebody else answers",
			"The finder has put Alice's telephone behind a relay of his own, which answers the wipe message with 202 in its place and drops it. At hardened that is not the acknowledgement: the message comes again and again, and gets through when the relay has gone.",
			office.WipeArrives, []catalog.ID{"MO-AS-49"}, func(st *office.Stage) {
				relay := true
				st.Instead(st.Alice.Host, office.LegMessage, func() (sim.Message, bool) { return sim.Message{Status: http.StatusAccepted}, relay })
				finderSearches(st, func(*office.User) { relay = false })
			}).openAtCore(),
		mobileAttack("wipe-held-back", "A wipe message that never arrives",
			"The finder lets no message through to Alice's telephone, and then opens the app, which asks the authorization server. At hardened the refusal brings the wipe message with it. At core the app is refused, and what it holds stays.",
			office.WipeArrives, []catalog.ID{"MO-AS-53"}, func(st *office.Stage) {
				st.Curtain(10 * time.Minute)
				st.Loses(requests, office.LegMessage, anyMessage)
				finderSearches(st, func(u *office.User) { u.StartsAfresh() })
			}).openAtCore(),
		mobileAttack("called-off-by-a-registration", "A wipe called off by a registration",
			"The finder knows Alice's password, holds the messages back, and enrols the telephone again before it is wiped. At hardened there is no way around an open wipe. At core the registration calls it off.",
			office.WipeArrives, []catalog.ID{"MO-AS-54"}, func(st *office.Stage) {
				held := true
				st.Loses(requests, office.LegMessage, func(sim.Message) bool { return held })
				finderSearches(st, func(u *office.User) {
					u.Enrols()
					held = false
				})
			}).openAtCore(),
		mobileAttack("acknowledged-by-the-finder", "A wipe reported by somebody else",
			"The finder holds Alice's telephone back from the network, reads the wipe message at his relay, and reports with a proof by his own key that it is done. At hardened the report has to be by the device's key.",
			office.HonestReport, []catalog.ID{"MO-AS-51"}, func(st *office.Stage) {
				held := true
				loot := st.Steals(st.Alice)
				st.Loses(requests, office.LegMessage, func(sim.Message) bool { return held })
				st.Mallory.Plays(func(m *office.Rogue) {
					m.Wait(30 * time.Second)
					m.Acknowledges(st.Alice.DeviceID, loot.Message)
				})
				finderSearches(st, func(*office.User) { held = false })
			}).openAtCore(),
	}
}

// finderSearches is the finder of Alice's telephone, who does something a minute after she has deregistered it, and looks into it three minutes later.
func finderSearches(st *office.Stage, does func(*office.User)) {
	tablet := st.NewTablet()
	st.Alice.Plays(func(u *office.User) {
		u.Enrols()
		u.Starts()
		u.Wait(70 * time.Second)
		does(u)
		u.Wait(3 * time.Minute)
		u.Finds()
	})
	tablet.Goes(office.Waits(10*time.Second), office.Deregisters(st.Alice, office.Pending))
}
