package scenarios

import (
	"net/http"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/office"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// copiedTokenAttacks use a token where it does not belong.
func copiedTokenAttacks() []Scenario {
	return []Scenario{
		mobileAttack("token-as-bearer", "A copied token without a proof",
			"Mallory has copied Alice's token from a gateway's log, and shows it to the customer register under the scheme Bearer. At core that is all that anybody does. At hardened a bound token is no bearer token.",
			office.OwnDevice, []catalog.ID{"MO-BS-17"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.ShowsWith(st.CRM, "Bearer "+loot.Token(), nil) })
			}).openAtCore(),
		mobileAttack("token-on-another-device", "A copied token on another device",
			"Mallory shows Alice's token with a proof by a key of her own. At hardened it is not the key that the token is bound to.",
			office.OwnDevice, []catalog.ID{"MO-BS-18"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.Shows(st.CRM, loot.Token()) })
			}).openAtCore(),
		mobileAttack("token-with-a-public-key", "A copied token and Alice's public key",
			"Mallory makes a proof that names Alice's public key and that she cannot sign with it. At hardened the signature is compared.",
			office.OwnDevice, []catalog.ID{"MO-BS-19"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.ShowsWith(st.CRM, "DPoP "+loot.Token(), m.Proves(office.Proof{Method: http.MethodGet, Target: st.CRM.Address(), Token: loot.Token(), JWK: loot.PublicKey()}))
				})
			}).openAtCore(),
		mobileAttack("request-replayed", "A recorded request",
			"Mallory has recorded Alice's request at a gateway where TLS ends, token and proof and all, and sends it again at once. At hardened a proof counts once.",
			office.OwnDevice, []catalog.ID{"MO-BS-23"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) { m.Replays(loot.Resource) })
			}).openAtCore(),
		mobileAttack("request-replayed-later", "A recorded request, when it is forgotten",
			"Mallory waits for two minutes, until the customer register has forgotten which proofs were used; the token lives for five. At hardened a proof is good for one minute only.",
			office.OwnDevice, []catalog.ID{"MO-BS-22"}, func(st *office.Stage) {
				loot := aliceWorks(st)
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.Wait(2 * time.Minute)
					m.Replays(loot.Resource)
				})
			}).openAtCore(),
		mobileAttack("token-at-another-system", "A token for one system shown at another",
			"A careless operator has given both business systems one sealing key, and whoever runs the customer register shows what Alice's app has shown there to the stock. At hardened the stock sees that the token is for another system and the proof for another URL, and the authorization server shares the token with the other system only. At core the token opens.",
			office.Audience, []catalog.ID{"MO-BS-12", "MO-BS-20", "MO-AS-40"}, func(st *office.Stage) {
				st.ShareSealingKey()
				loot := st.Steals(st.Alice)
				st.TakeOver(st.CRM.Host, func(h *sim.Host) http.Handler {
					mux := http.NewServeMux()
					mux.HandleFunc("/resource", func(w http.ResponseWriter, _ *http.Request) {
						st.Note(h, "shows the token to the stock")
						st.ShowFrom(st.CRM, st.ERP, loot.Resource)
						stage.WriteJSON(w, http.StatusInternalServerError, map[string]string{"error": "out_of_order"})
					})
					mux.HandleFunc(office.WellKnown, func(w http.ResponseWriter, _ *http.Request) {
						stage.WriteJSON(w, http.StatusOK, map[string]string{"resource_endpoint": st.CRM.Address()})
					})
					st.LearnLegs(h, office.WellKnown, mux, nil)
					return mux
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.AccessRefused))
			}).openAtCore(),
		mobileAttack("expired-token", "A token after its time",
			"Clive keeps a token that lives for five minutes for ten, and shows it again with a fresh proof. At hardened the business system judges the time in the token, and the authorization server does not share it any more. At core tokens do not end.",
			office.Expiry, []catalog.ID{"MO-BS-15", "MO-AS-38"}, func(st *office.Stage) {
				st.Clive.Plays(func(c *office.Rogue) {
					c.Registers(office.Registration{})
					g := c.Authenticates(c.Own())
					c.Shows(st.CRM, g.AccessToken)
					c.Wait(10 * time.Minute)
					c.Shows(st.CRM, g.AccessToken)
				})
			}).openAtCore(),
	}
}

// sealAttacks go for the seal of a token.
func sealAttacks() []Scenario {
	return []Scenario{
		mobileAttack("bits-turned-over", "Bits of a ciphertext turned over",
			"Clive knows what stands in his own token, up to the name. He turns over those bits of the ciphertext that make clive into alice. The tag does not fit any more, at core already; at hardened the business system would also see that the shared token is another user's.",
			office.Secrecy, []catalog.ID{"MO-BS-04", "MO-BS-27"}, func(st *office.Stage) {
				st.Clive.Plays(func(c *office.Rogue) {
					c.Registers(office.Registration{})
					c.Note("makes Alice's token of his own")
					c.Shows(st.CRM, c.Turns(c.Authenticates(c.Own()).AccessToken, "alice"))
				})
			}),
		mobileAttack("resealed-token", "A copied token, sealed anew",
			"Mallory has stolen the sealing key of the customer register, and has copied Alice's token. She opens it and seals it anew, bound to a key of her own, with which she makes a right proof. At hardened the authorization server shares with the token the key that it bound it to, and the customer register compares. At core nobody asks for a key.",
			office.Secrecy, []catalog.ID{"MO-BS-37"}, func(st *office.Stage) {
				loot, key := aliceWorks(st), st.CRM.SealingKey()
				besideHer(st.Mallory, func(m *office.Rogue) {
					m.Note("binds Alice's token to her own key")
					m.Shows(st.CRM, m.Reseals(loot.Token(), key))
				})
			}).openAtCore(),
		mobileAttack("vector-used-twice", "One initialization vector for two tokens",
			"Clive has a device with a long number, so that he knows a long beginning of what stands in his token. Where Alice's token is sealed with the same initialization vector, he lays both over each other and reads what is secret in hers. At hardened every token has a vector of its own.",
			office.Sealed, []catalog.ID{"MO-AS-37"}, func(st *office.Stage) {
				c := st.Clive
				c.HasLongNumber()
				loot := aliceWorks(st)
				besideHer(c, func(c *office.Rogue) {
					c.Registers(office.Registration{})
					if id, value := c.Unseals(c.Authenticates(c.Own()).AccessToken, loot.Token()); value != "" {
						c.Note("reads what is in Alice's token")
						c.Tells(id, value)
					}
				})
			}).openAtCore(),
	}
}

// lostDeviceAttacks are those of the finder of Alice's telephone, who keeps the wipe away from it for two minutes and opens the app.
func lostDeviceAttacks() []Scenario {
	return []Scenario{
		mobileAttack("stale-download", "A download that is older than the deregistration",
			"Alice has deregistered her lost telephone, and the finder opens the app a minute later with the token that is in it. At hardened the business system may use a download for half a minute at most, and asks again. At core it asks each time.",
			office.Deregistered, []catalog.ID{"MO-BS-26"}, func(st *office.Stage) { finderOpens(st, nil) }),
		mobileAttack("token-of-a-lost-device", "The token in a lost device",
			"Mallory has found the device after Alice deregistered it, and shows the token that was on it. The authorization server shares no token of a deregistered device any more, and the finder is refused.",
			office.Deregistered, []catalog.ID{"MO-AS-19"}, func(st *office.Stage) { finderOpens(st, nil) }),
		mobileAttack("nothing-to-compare", "A token that nobody shares",
			"The token in the lost telephone still opens under the sealing key. The business system finds nothing to compare it with, and does not open.",
			office.Deregistered, []catalog.ID{"MO-BS-05"}, func(st *office.Stage) { finderOpens(st, nil) }),
		mobileAttack("line-disturbed", "The line to the authorization server disturbed",
			"The finder disturbs the line between business system and authorization server, so that nobody can tell that the token is dead. What cannot be compared opens nothing.",
			office.Deregistered, []catalog.ID{"MO-BS-10"}, func(st *office.Stage) {
				disturbed := false
				st.Instead(st.Server.Host, office.LegDownload, func() (sim.Message, bool) {
					return sim.Message{Status: http.StatusBadGateway}, disturbed
				})
				finderOpens(st, func() { disturbed = true })
			}),
		mobileAttack("lost-device-asks-anew", "A lost device asks for a new token",
			"The finder lets the app fetch a new token. The device number is deregistered, and gets none, at core already.",
			office.Rights, []catalog.ID{"MO-AS-18"}, func(st *office.Stage) {
				tablet := st.NewTablet()
				st.Alice.Plays(func(u *office.User) {
					if u.Holds().Enrolled {
						return
					}
					u.Enrols()
					u.Starts()
					u.Wait(time.Minute)
					u.StartsAfresh()
				})
				away := true
				st.Loses(requests, office.LegMessage, func(sim.Message) bool { return away })
				tablet.Goes(office.Waits(10*time.Second), office.Deregisters(st.Alice, office.Pending), office.Waits(2*time.Minute), office.Does(func(*office.User) { away = false }))
			}),
	}
}

// finderOpens is the finder of Alice's telephone, who keeps the authorization server away from it and opens the app; before that something may happen.
func finderOpens(st *office.Stage, before func()) {
	tablet := st.NewTablet()
	keptAway := false
	phone, server := st.Alice.Host.Name(), st.Server.Host.Name()
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		between := m.From == phone && m.To == server || m.From == server && m.To == phone
		return sim.Verdict{Drop: keptAway && between}
	}))
	st.Alice.Plays(func(u *office.User) {
		u.Enrols()
		u.Starts()
		u.Wait(8 * time.Second)
		keptAway = true
		u.Wait(time.Minute)
		if before != nil {
			before()
		}
		u.Note("is opened by its finder")
		u.Starts()
		u.Wait(time.Minute)
		keptAway = false
	})
	tablet.Goes(office.Waits(10*time.Second), office.Deregisters(st.Alice, office.Pending))
}
