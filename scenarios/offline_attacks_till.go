package scenarios

import (
	"time"

	cast "countersign/actors/offline"
	"countersign/conformance/catalog"
	"countersign/scenarios/till"
)

// buysLittle is a user who does not look closely, before a dishonest till.
func buysLittle(st *till.Stage) { st.Alice.Plays(func(u *till.User) { u.Buys(st.One, little) }) }

// tillAttacks come from dishonest tills.
func tillAttacks() []Scenario {
	return []Scenario{
		offlineAttack("amount-raised", "The till raises the amount",
			"Alice applies for a coffee, and the till tells the server of three. The server makes information of that, and signs it. At hardened the handset compares it with what Alice applied for. At core it does not, and Alice does not look.",
			till.Amount, []catalog.ID{"OF-HS-17"}, func(st *till.Stage) {
				r := st.Rogue(st.One)
				r.Informs = func(application []byte) []byte {
					r.Note("tells the server of another amount")
					return r.Applies(till.Changed(application, func(a *cast.Application) { a.Amount = more }))
				}
				buysLittle(st)
			}).openAtCore(),
		offlineAttack("amount-swapped-back", "The till raises the amount and hides it",
			"As before, but the till puts Alice's own amount back into the information, which breaks the server's signature. At hardened the handset does not sign what the server has not made. At core it does, and it is the server that sees another amount than its own, and does not verify.",
			till.ServersOnly, []catalog.ID{"OF-HS-13"}, func(st *till.Stage) {
				r := st.Rogue(st.One)
				r.Informs = func(application []byte) []byte {
					r.Note("tells the server of another amount, and Alice of hers")
					return changedInformation(r.Applies(till.Changed(application, func(a *cast.Application) { a.Amount = more })), func(i *cast.Information) { i.Amount = little })
				}
				buysLittle(st)
			}).openAtCore(),
		offlineAttack("challenge-of-the-device", "The till chooses the challenge",
			"The till does not ask the server. It makes information of its own, with a challenge that it likes, under the server's name. At hardened the handset verifies the server's signature under a pinned key; at core it signs whatever it is given.",
			till.ServersOnly, []catalog.ID{"OF-HS-13"}, func(st *till.Stage) {
				r := st.Rogue(st.One)
				r.Informs = func(application []byte) []byte {
					a, err := cast.ParseApplication(application, cast.Core())
					if err != nil {
						return nil
					}
					r.Note("makes information of its own")
					now := uint64(st.One.Host.Clock().Now().Unix())
					return till.Forge(cast.Information{
						Application: a, Level: 1, Challenge: make([]byte, 32), IssuedAt: now, ExpiresAt: now + 60, Issuer: st.Server.Issuer,
					})
				}
				buysLittle(st)
			}).openAtCore(),
		offlineAttack("another-serial", "The till applies under another serial",
			"The till applies in Alice's name under a serial of its own, beside the one that her handset made, and gives her the information for that. At hardened the handset signs nothing but what goes by its own serial; at core one yes of hers may stand for what the till will say it was.",
			till.SameSerial, []catalog.ID{"OF-HS-15"}, func(st *till.Stage) {
				r := st.Rogue(st.One)
				r.Informs = func(application []byte) []byte {
					r.Note("applies under a serial of its own")
					return r.Applies(till.Changed(application, func(a *cast.Application) { a.Serial = st.Mallory.Random(16) }))
				}
				buysLittle(st)
			}).openAtCore(),
		offlineAttack("another-handset", "The till applies for another handset",
			"The till puts Mallory's handset into Alice's application, and gives Alice the information for that. At hardened her handset signs nothing in another's name; at core it does, and the server does not verify, since the signature is not Mallory's.",
			till.SameHandset, []catalog.ID{"OF-HS-18"}, func(st *till.Stage) {
				r := st.Rogue(st.One)
				r.Informs = func(application []byte) []byte {
					r.Note("applies for Mallory's handset")
					return r.Applies(till.Changed(application, func(a *cast.Application) { a.Handset = till.MallorysHandset }))
				}
				buysLittle(st)
			}).openAtCore(),
		offlineAttack("relay", "Relayed to a distant till",
			"Alice stands before a dishonest till, whose accomplice stands before an honest one far away and wants something there. They pass frames on as they are. At hardened the distant till refuses an application that names another, and Alice's handset refuses information that does. At core both look away, and Alice pays at a till that she has never seen.",
			till.Device, []catalog.ID{"OF-HS-16", "OF-VD-28"}, func(st *till.Stage) { relay(st, func(application []byte) []byte { return application }) }).openAtCore(),
		offlineAttack("relay-rewritten", "Relayed to a distant till under its own name",
			"As before, but the accomplices put the distant till's name into the application. To that till everything is in order; the handset knows what stands on the label before Alice.",
			till.Device, []catalog.ID{"OF-HS-16"}, func(st *till.Stage) {
				relay(st, func(application []byte) []byte {
					return till.Changed(application, func(a *cast.Application) { a.Device = st.Two.ID })
				})
			}).openAtCore(),
		offlineAttack("in-another-devices-name", "Information in another till's name",
			"The second till is dishonest and asks the server for information that names the first, so that whoever stands there could sign it. At hardened a device applies for itself only.",
			till.OwnName, []catalog.ID{"OF-SS-26"}, func(st *till.Stage) {
				r := st.Rogue(st.Two)
				st.Mallory.Plays(func(m *till.Attacker) {
					m.Note("has the second till apply in the first one's name")
					st.Tells(r.Host, r.Till, till.LegApplication, till.Encode(m.Application(st.Alice.Handset, st.One, little).Fields()))
				})
			}).openAtCore(),
		offlineAttack("used-up-by-another-till", "A serial used up by another till",
			"The second till is dishonest. It hears of Alice's serial while she looks at the amount, and has rubbish judged under it, so that her own countersign comes too late. At hardened a serial is judged for the device that applied, and for no other.",
			till.NotUsedUp, []catalog.ID{"OF-SS-27"}, func(st *till.Stage) { useUp(st, st.Rogue(st.Two)) }).openAtCore(),
		offlineAttack("downgrade", "The till takes the password out",
			"Alice wants something that needs her password, and the till would like to do without. It writes level 1 into the information, which breaks the server's signature. At hardened the handset does not sign that, and the server would not verify at another level than it has asked for. At core neither looks, and the large amount passes.",
			till.ServersOnly, []catalog.ID{"OF-HS-13"}, func(st *till.Stage) {
				r := st.Rogue(st.One)
				r.Informs = func(application []byte) []byte {
					r.Note("writes level 1 into the information")
					return changedInformation(r.Applies(application), func(i *cast.Information) { i.Level, i.SealKey = 1, nil })
				}
				st.Alice.Enrols()
				st.Alice.Plays(func(u *till.User) {
					u.SetsPassword()
					u.Orders(till.Order{At: st.One, Amount: lot, Forgets: true})
				})
			}).openAtCore(),
		offlineAttack("kept-back", "A countersign kept back",
			"The till tells Alice that it did not work, keeps her countersign, and cashes it half an hour later. At hardened the challenge has long expired. At core it never does.",
			till.Expiry, []catalog.ID{"OF-SS-33"}, keepBack).openAtCore(),
		offlineAttack("kept-back-with-a-long-challenge", "A countersign kept back, and a server that gives an hour",
			"As before. A server that gives challenges an hour to live would verify it; a handset at hardened does not sign what lives for so long.",
			till.Expiry, []catalog.ID{"OF-HS-19", "OF-SS-34"}, keepBack).openAtCore(),
		offlineAttack("false-approval", "The till says approved",
			"The till keeps Alice's countersign for itself and tells her that it was approved, so that she goes away content. At hardened her handset wants the server's own word, and says that it does not know.",
			till.TrueOutcome, []catalog.ID{"OF-HS-33"}, func(st *till.Stage) {
				r := st.Rogue(st.One)
				r.Decides = func(countersign []byte) []byte {
					r.Note("approves without having asked")
					return till.FalseApproval(countersign)
				}
				buysLittle(st)
			}).openAtCore(),
	}
}

// changedInformation puts something else into information, and leaves the signature, which then does not hold.
func changedInformation(message []byte, change func(*cast.Information)) []byte {
	i, read := till.ReadInformation(message)
	if !read {
		return message
	}
	change(&i)
	return till.Forge(i)
}

// relay joins Alice, before a dishonest till, with an honest till far away.
func relay(st *till.Stage, rewritten func([]byte) []byte) {
	r := st.Rogue(st.One)
	var far *till.Visit
	r.Informs = func(application []byte) []byte {
		r.Note("passes everything on to an accomplice at the second till")
		far = st.Mallory.Visit(st.Two)
		return far.Applies(rewritten(application))
	}
	r.Decides = func(countersign []byte) []byte { return far.Countersigns(countersign) }
	buysLittle(st)
}

// keepBack has the first till cash Alice's countersign half an hour late.
func keepBack(st *till.Stage) {
	r := st.Rogue(st.One)
	kept := st.NewLetter("a countersign to be cashed later")
	r.Decides = func(countersign []byte) []byte {
		kept.Send(string(countersign))
		return r.Refuses(countersign)
	}
	buysLittle(st)
	st.Mallory.Plays(func(m *till.Attacker) {
		if countersign, came := kept.Await(); came {
			m.Wait(30 * time.Minute)
			m.Note("has the till cash the countersign that it kept back")
			r.Verifies([]byte(countersign))
		}
	})
}
