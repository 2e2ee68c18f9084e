package scenarios

import (
	"strings"
	"time"

	"countersign/actors/nearfield"
	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/scenarios/till"
	"countersign/sim"
)

// offlineRoles are the hosts that something can happen to: service server, verification device and handset.
func offlineRoles() []string { return []string{"server", "till.one", "alice"} }

// offlineFaults is every mishap for every role and for the air between handset and till, clocks that are far off, and what else the air does.
func offlineFaults() []Scenario {
	const applying, verifying = 200 * time.Millisecond, 20400 * time.Millisecond
	mishaps := stage.Mishaps(applying, verifying)
	all := mishapsOf(flowOffline, offlineRoles(), mishaps, map[string]string{
		"loss":        "A frame that is not answered and a request to the server are sent again; at core whoever waits gives up, and Alice begins anew.",
		"delay":       "A frame whose answer takes longer than two seconds is sent again. Its repetition is acknowledged and changes nothing.",
		"duplicate":   "A second application or countersign of the same bytes gets the same answer, and a second frame the same acknowledgement.",
		"reorder":     "Every frame waits for its answer, so that little comes of it.",
		"partition":   "Whoever cannot be reached is given up after some tries. The till decides nothing without the server.",
		"slow":        "That is longer than a handset listens, and shorter than a till waits for the server.",
		"stalled":     "What was asked has been done all the same. Alice begins anew, with a serial of its own.",
		"half-open":   "Applications are taken that nobody hears of, and each of them uses up one serial and nothing else.",
		"crash":       "That is while Alice applies. A till that is up again goes on with what it had stored.",
		"crash-late":  "That is while the countersign is verified. A serial that was judged stays judged; the same countersign gets the same result.",
		"skew-ahead":  "The server judges the end of a challenge by its own clock, and the handset allows two minutes for the difference.",
		"skew-behind": "The server judges the end of a challenge by its own clock, and the handset allows two minutes for the difference.",
	}, till.NoLockOut, onTill(endureTill))
	all = append(all, airMishaps(mishaps)...)
	fault := func(name, title, text string, plan []sim.Fault, play func(*till.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "offline/fault/" + name, Flow: flowOffline, Kind: Fault, Title: title, Text: text, Faults: plan, play: onTill(play)}
	}
	for _, role := range offlineRoles() {
		ends := func(level catalog.Level) till.Outcome {
			if role == "till.one" {
				return till.Approved
			}
			return at(level, till.Approved, till.Outcome("information_rejected"))
		}
		all = append(all, fault("skew-beyond-"+role, "The clock of "+role+" is beyond all measure",
			"The clock of "+role+" is two days ahead. At hardened a handset refuses to sign what ends two days before or after its own time, and says so. A device has no use for the time: it reads none of the messages by it.",
			stage.Plan("skew:"+role+"=48h"), func(st *till.Stage, level catalog.Level) {
				st.Alice.Goes(till.Buys(st.One, little, ends(level)))
			}))
	}
	return append(all,
		fault("noisy-air", "Noise on the air",
			"By sound, with three bits in ten thousand turned over: one long frame in seven arrives damaged. At hardened a frame whose checksum is wrong is no frame; it is sent again, and Alice is served. At core the frames go as they come, by NFC; a damaged one may end the business, and never in anything that she did not apply for.",
			nil, func(st *till.Stage, level catalog.Level) {
				if level != catalog.Core {
					st.Over("acoustic")
				}
				st.Noise(st.Alice, st.One, 0.0003)
				st.Alice.Goes(till.Buys(st.One, little, at(level, "", till.Approved)))
			}),
		fault("damaged-frame", "One bit there and one bit back",
			"One bit of the frame with Alice's application is turned over on its way, and one bit of the first frame with the information. At hardened neither is believed: the checksum is wrong, and the frame is sent again. At core both may be believed, and what comes of it is luck: here no field that Alice cares about is touched.",
			nil, func(st *till.Stage, level catalog.Level) {
				damagedOn := map[sim.Kind]bool{}
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					f, framed := st.Frame(&m)
					if !framed || damagedOn[m.Kind] || f.Type != nearfield.Data || f.Message > nearfield.Information {
						return sim.Verdict{}
					}
					damagedOn[m.Kind] = true
					damaged := m.Clone()
					damaged.Body[nearfield.Overhead+2] ^= 1 // within the serial, or the headers of the envelope
					return sim.Verdict{Replace: &damaged}
				}))
				st.Alice.Goes(till.Buys(st.One, little, at(level, "", till.Approved)))
			}),
		fault("jammed", "The air is jammed",
			"Somebody jams the air from the second frame on. The handset sends it eight times at hardened and once at core, and says that the link failed. The next minute Alice is served.",
			nil, func(st *till.Stage, _ catalog.Level) {
				jammed := true
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					return sim.Verdict{Drop: jammed && m.To == st.One.Host.Name() && m.From == st.Alice.Host.Name() && m.Kind == sim.Request}
				}))
				st.Alice.Goes(till.Buys(st.One, little, "link_failed"), till.Waits(time.Minute), till.Does(func(*till.User) { jammed = false }), till.Buys(st.One, little, till.Approved))
			}),
		fault("injected-frames", "Somebody talks across",
			"Whenever Alice's handset sends a frame, somebody near sends some of their own in her session: one that is no frame, and one of a message that a handset does not send; and at hardened, when the first part of a message is there, one that says that it has two hundred. The till answers none of them, and nothing of hers changes.",
			nil, func(st *till.Stage, level catalog.Level) {
				st.Over("ble")
				st.Listen(func(h till.Heard) {
					switch {
					case h.Handset != st.Alice.Host.Name() || h.Message%2 == 1:
					case h.Type == nearfield.Data:
						st.Injects(h, nearfield.Frame{Type: 9, Message: h.Message})
						st.Injects(h, nearfield.Frame{Type: nearfield.Data, Message: nearfield.Decision, Count: 1, Payload: []byte("approved")})
					case h.Type == nearfield.Ack && h.Index == 0 && level != catalog.Core:
						st.Injects(h, nearfield.Frame{Type: nearfield.Data, Message: h.Message, Index: 1, Count: 200, Payload: []byte("more")})
					}
				})
				st.Alice.Goes(till.Buys(st.One, little, till.Approved))
			}),
		fault("result-lost", "The result is lost",
			"The server has verified Alice's countersign, and its answer does not arrive. At hardened the till asks again with the same bytes, gets the same result, and approves. At core one try is all, or the server says that this serial was judged: the till does not approve, and Alice begins anew.",
			nil, func(st *till.Stage, level catalog.Level) {
				lost := false
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if lost || m.Kind != sim.Response || st.Leg(&m) != till.LegVerification {
						return sim.Verdict{}
					}
					lost = true
					return sim.Verdict{Drop: true}
				}))
				st.Alice.Goes(till.Buys(st.One, little, at(level, till.Refused, till.Approved)), till.Buys(st.One, little, till.Approved))
			}),
		fault("acknowledgement-lost", "An acknowledgement is lost",
			"The till has all of Alice's countersign, and its acknowledgement does not arrive. At hardened the handset sends the frame again; the till acknowledges it again, and does not ask the server a second time. At core the handset gives up, though the till may have approved.",
			nil, func(st *till.Stage, level catalog.Level) {
				lost := false
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					f, framed := st.Frame(&m)
					if lost || !framed || m.Kind != sim.Response || f.Type != nearfield.Ack || f.Message != nearfield.Countersign {
						return sim.Verdict{}
					}
					lost = true
					return sim.Verdict{Drop: true}
				}))
				asked := st.Count(st.One.Host, till.LegVerification)
				st.Alice.Goes(till.Buys(st.One, little, at(level, till.Outcome("link_failed"), till.Approved)))
				st.Hope("the server is asked once", func() bool { return *asked == 1 })
			}),
		fault("information-lost", "The information to be signed is lost",
			"The server has taken Alice's application, and its answer does not arrive. The till sends the same application again. At hardened it gets the same information; at core the serial is used, and Alice begins anew.",
			nil, func(st *till.Stage, level catalog.Level) {
				lost := false
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if lost || m.Kind != sim.Response || st.Leg(&m) != till.LegApplication || !strings.HasPrefix(m.URL, st.Server.Issuer) {
						return sim.Verdict{}
					}
					lost = true
					return sim.Verdict{Drop: true}
				}))
				st.Alice.Goes(till.Buys(st.One, little, at(level, till.Outcome("serial_used"), till.Approved)), till.Buys(st.One, little, till.Approved))
			}),
		fault("metadata-lost", "The server's metadata are lost",
			"Alice is the first customer of the day. The till asks where the server's endpoints are, and the answer does not arrive. At hardened it asks again, and Alice notices nothing. At core it asks once, and she begins anew.",
			nil, func(st *till.Stage, level catalog.Level) {
				lost := false
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if lost || m.Kind != sim.Response || m.To != st.One.Host.Name() || !strings.HasSuffix(m.URL, till.WellKnown) {
						return sim.Verdict{}
					}
					lost = true
					return sim.Verdict{Drop: true}
				}))
				st.Alice.Goes(till.Buys(st.One, little, at(level, till.Outcome("server_unreachable"), till.Approved)), till.Buys(st.One, little, till.Approved))
			}),
		fault("password-answer-lost", "The answer to a new password is lost",
			"Alice sets a new offline password, and the server's answer does not arrive. The handset keeps what it had, the server has something else, and no password fits. She is told that it failed, sets it once more, and it fits.",
			nil, func(st *till.Stage, level catalog.Level) {
				lost := false
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if lost || m.Kind != sim.Response || st.Leg(&m) != till.LegPassword {
						return sim.Verdict{}
					}
					lost = true
					return sim.Verdict{Drop: true}
				}))
				st.Alice.Goes(till.SetsPassword("server_refused"), till.SetsPassword(till.Set), till.Buys(st.One, lot, till.Approved))
			}),
		Scenario{
			Name: "offline/fault/everything", Flow: flowOffline, Kind: Fault, Title: "A bad day",
			Text: "For a minute and a half messages everywhere get lost, are late, come twice and in another order, while the server crashes twice and a till once. Alice and Bob try at both tills until they are served, with their passwords.",
			Faults: stage.Plan("loss:*>*@0s+90s=0.05", "delay:*>*@0s+90s=0s-300ms", "duplicate:*>*@0s+90s=0.1", "reorder:*>*@0s+90s=0.1",
				"skew:server=40s", "skew:alice=-50s", "crash:server@300ms+3s", "crash:server@21s+3s", "crash:till.one@20s+3s"),
			Invariant: till.NoLockOut.Text, breaks: till.NoLockOut,
			play: onTill(func(st *till.Stage, level catalog.Level) {
				endureTill(st, level)
				enduringAt(st, st.Bob, st.Two)
			}),
		},
	)
}

// airMishaps are the mishaps of links, on the air between Alice's handset and the till and nowhere else.
func airMishaps(mishaps []stage.Mishap) []Scenario {
	air := strings.NewReplacer("%s>*", "alice>till.one", "*>%s", "till.one>alice")
	text := map[string]string{
		"loss":      "For the first minute three in ten frames do not arrive, there and back. A frame without an answer is sent again at hardened; at core Alice begins anew until she gets through.",
		"delay":     "For the first minute every frame takes up to two seconds longer, there and back. Many answers come when nobody waits for them any more, and the frame has been sent again.",
		"duplicate": "For the first minute half of all frames arrive twice, there and back. The second one is acknowledged, and changes nothing.",
		"reorder":   "For the first minute half of all frames are overtaken by later ones. Fragments are put together in the order of their index.",
		"partition": "After a fifth of a second Alice has walked away from the till, and is back twenty seconds later. What was under way is lost with the link, and she begins anew.",
	}
	title := map[string]string{
		"loss": "Frames get lost", "delay": "Frames are late", "duplicate": "Frames arrive twice", "reorder": "Frames overtake each other", "partition": "The handset is out of reach",
	}
	var all []Scenario
	for _, m := range mishaps {
		if text[m.Name] == "" {
			continue
		}
		var spelled []string
		for _, f := range m.At("%s") {
			spelled = append(spelled, air.Replace(f.String()))
		}
		all = append(all, Scenario{
			Name: "offline/fault/" + m.Name + "-near-field", Flow: flowOffline, Kind: Fault, Title: title[m.Name], Text: text[m.Name],
			Faults: stage.Plan(spelled...), play: onTill(endureTill), Invariant: till.NoLockOut.Text, breaks: till.NoLockOut,
		})
	}
	return all
}

// endureTill is a user who buys until she is served, and twenty seconds later once more.
func endureTill(st *till.Stage, _ catalog.Level) { enduringAt(st, st.Alice, st.One) }

func enduringAt(st *till.Stage, u *till.User, at *till.Till) {
	through := false
	u.Enrols()
	u.Plays(func(u *till.User) {
		u.UntilServed(at, little)
		u.UntilSet()
		u.Wait(19700 * time.Millisecond)
		u.UntilServed(at, lot)
		through = true
	})
	st.Hope(u.Name+" gets through", func() bool { return through })
}
