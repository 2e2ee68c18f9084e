package scenarios

import (
	"encoding/binary"
	"net/http"
	"slices"
	"time"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/scenarios/till"
	"countersign/sim"
)

// offlineAttacks are the attacks on the flow: by strangers before an honest till, by dishonest tills, on the second link, and on passwords.
func offlineAttacks() []Scenario {
	return slices.Concat(strangerAttacks(), serialAttacks(), tillAttacks(), secondLinkAttacks(), passwordAttacks(), thiefAttacks())
}

// offlineAttack is an attack on the offline flow. One that level core leaves open is marked so by the caller.
func offlineAttack(name, title, text string, breaks stage.Invariant, guards []catalog.ID, play func(*till.Stage)) Scenario {
	return attackOn(flowOffline, name, title, text, breaks, guards, onTill(func(st *till.Stage, _ catalog.Level) { play(st) }))
}

// meanwhile is when an attacker begins whose victim is not to be there any more.
const meanwhile = 5 * time.Second

// strangerAttacks come from somebody with a handset of her own, before an honest till.
func strangerAttacks() []Scenario {
	// inAlicesName applies in the name of Alice's handset, and countersigns in some way.
	inAlicesName := func(sign func(m *till.Attacker, c cast.Countersign) []byte) func(*till.Stage) {
		return func(st *till.Stage) {
			st.Mallory.Plays(func(m *till.Attacker) {
				m.Note("applies in the name of Alice's handset")
				v := m.Visit(st.One)
				if i, read := till.ReadInformation(v.Applies(till.Encode(m.Application(st.Alice.Handset, st.One, little).Fields()))); read {
					v.Countersigns(sign(m, cast.Countersign{Information: i}))
				}
			})
		}
	}
	// ownHandset has Mallory's handset sign something else than the information; another is the information of an application before.
	ownHandset := func(change func(c *cast.Countersign, another cast.Information)) func(*till.Stage) {
		return func(st *till.Stage) {
			st.Mallory.Plays(func(m *till.Attacker) {
				another, _ := till.ReadInformation(m.Visit(st.One).Applies(till.Encode(m.Application(till.MallorysHandset, st.One, little).Fields())))
				v := m.Visit(st.One)
				i, read := till.ReadInformation(v.Applies(till.Encode(m.Application(till.MallorysHandset, st.One, more).Fields())))
				if !read {
					return
				}
				c := cast.Countersign{Information: i}
				change(&c, another)
				m.Note("signs something else than the information")
				v.Countersigns(till.Sign(till.MallorysHandset, till.MallorysHandset, c))
			})
		}
	}
	return []Scenario{
		offlineAttack("signature-of-another", "Signed with another handset's key",
			"Mallory applies in the name of Alice's handset, which anybody can, and countersigns with the key of her own. The signature is good and is not Alice's; it is compared with the key of the handset that applied, at core already.",
			till.Confirmed, []catalog.ID{"OF-SS-08"}, inAlicesName(func(_ *till.Attacker, c cast.Countersign) []byte {
				return till.Sign(till.MallorysHandset, c.Handset, c)
			})),
		offlineAttack("no-signature", "A signature of zeros",
			"Mallory applies in the name of Alice's handset and countersigns with sixty-four zeros. The server verifies signatures, at core already.",
			till.Confirmed, []catalog.ID{"OF-SS-07"}, inAlicesName(func(_ *till.Attacker, c cast.Countersign) []byte {
				signed := till.Sign(till.MallorysHandset, c.Handset, c)
				clear(signed[len(signed)-64:])
				return signed
			})),
		offlineAttack("own-amount", "A countersign for less",
			"Mallory's handset is her own, and does what she wants: it countersigns one cent where nine euros were applied for. The server compares the amount, at core already.",
			till.Countersigned, []catalog.ID{"OF-SS-10"}, ownHandset(func(c *cast.Countersign, _ cast.Information) { c.Amount = 1 })),
		offlineAttack("own-challenge", "A countersign for the application before",
			"Mallory's handset countersigns with the challenge of an application that she made before. The server compares the challenge, at core already.",
			till.Countersigned, []catalog.ID{"OF-SS-09"}, ownHandset(func(c *cast.Countersign, another cast.Information) { c.Challenge = another.Challenge })),
		offlineAttack("own-device", "A countersign for another device",
			"Mallory's handset countersigns for the second till what was applied for at the first, so that she can say later that she never was there. The server compares the device, at core already.",
			till.Countersigned, []catalog.ID{"OF-SS-11"}, ownHandset(func(c *cast.Countersign, _ cast.Information) { c.Device = "till-2" })),
		offlineAttack("own-end", "A countersign with another end",
			"Mallory's handset countersigns that the challenge had ended long ago, so that she can deny it later. At hardened every field is compared; at core the end is not among them.",
			till.WholeCountersigned, []catalog.ID{"OF-SS-43"}, ownHandset(func(c *cast.Countersign, _ cast.Information) { c.ExpiresAt = 1 })).openAtCore(),
		offlineAttack("replay", "A countersign replayed",
			"Mallory has heard how Alice bought a coffee. She applies in Alice's name for another one, and answers with Alice's old countersign. The server has judged these very bytes and gives their result again; at hardened the till sees that it is about another serial and another challenge. At core the server answers nothing about a serial that it has judged, and what was not answered is not approved.",
			till.ServersVerdict, []catalog.ID{"OF-VD-19", "OF-VD-20"}, func(st *till.Stage) {
				loot := st.Mallory.ListensTo(st.Alice)
				st.Alice.Goes(till.Buys(st.One, little, till.Approved))
				st.Mallory.Plays(func(m *till.Attacker) {
					m.Wait(meanwhile)
					m.Note("applies in the name of Alice's handset, and replays her countersign")
					v := m.Visit(st.One)
					v.Applies(till.Encode(m.Application(st.Alice.Handset, st.One, little).Fields()))
					v.Countersigns(loot.Messages[nearfield.Countersign])
				})
			}),
		offlineAttack("replayed-exchange", "A whole exchange replayed",
			"Mallory sends Alice's application again in a session of her own while Alice looks at the amount, and gets the same information. When Alice has been served, Mallory sends her countersign too, and the server gives the same result. At hardened the till approves one serial once. At core the server takes no application a second time.",
			till.Once, []catalog.ID{"OF-VD-23"}, func(st *till.Stage) {
				loot := st.Mallory.ListensTo(st.Alice)
				st.Alice.Ponders = 10 * time.Second
				st.Alice.Goes(till.Buys(st.One, little, till.Approved))
				st.Mallory.Plays(func(m *till.Attacker) {
					m.Wait(meanwhile)
					v := m.Visit(st.One)
					v.Applies(loot.Messages[nearfield.Application])
					m.Wait(3 * meanwhile)
					m.Note("sends what she has heard of Alice's countersign")
					v.Countersigns(loot.Messages[nearfield.Countersign])
				})
			}),
		offlineAttack("injected-fragment", "A fragment put in between",
			"Alice's application goes in two frames, since the label on the till asks for short ones. Mallory jams the second, acknowledges it herself, and sends the till one of her own, which says another amount. The till cannot tell, and the server makes information of it; at hardened the handset sees that this is not what Alice applied for. At core nobody compares, and Alice says yes.",
			till.Amount, []catalog.ID{"OF-HS-17"}, injectFragment).openAtCore(),
		offlineAttack("foreign-page", "A page that says yes",
			"While Alice looks at the amount, a page of Mallory's in the browser of the same device posts a yes to the handset, under the number that the confirmation would have if they were counted. At hardened confirmations cannot be guessed, and the handset takes a yes in no form that a foreign page can send.",
			till.Confirmed, []catalog.ID{"OF-HS-23", "OF-HS-34"}, func(st *till.Stage) {
				st.Alice.Ponders = 2 * meanwhile
				st.Alice.Plays(func(u *till.User) {
					u.Meanwhile(func() {
						u.Wait(meanwhile)
						u.Note("a foreign page posts a yes")
						u.Page("/confirmation/1", `{"decision":"approve"}`)
					})
					u.Orders(till.Order{At: st.One, Amount: little, Denies: true})
				})
			}).openAtCore(),
		offlineAttack("not-the-device", "An application in a device's name",
			"Mallory asks the server for information in the name of the first till, from anywhere. At hardened a device shows its secret; at core whoever names a device is taken for it.",
			till.OwnName, []catalog.ID{"OF-SS-24"}, func(st *till.Stage) {
				st.Mallory.Plays(func(m *till.Attacker) {
					st.Tells(m.Host, nil, till.LegApplication, till.Encode(m.Application(st.Alice.Handset, st.One, little).Fields()))
				})
			}).openAtCore(),
		offlineAttack("used-up-by-a-stranger", "A serial used up by a stranger",
			"Mallory hears Alice's serial, and sends the server a countersign of rubbish for it from anywhere. Were it judged, Alice's own would come too late. At hardened only a device with its secret has anything judged.",
			till.NotUsedUp, []catalog.ID{"OF-SS-25"}, func(st *till.Stage) { useUp(st, nil) }).openAtCore(),
	}
}

// injectFragment has Mallory put another fragment in the place of the last one of Alice's application.
func injectFragment(st *till.Stage) {
	label := st.One.Label()
	label.FrameSize = 64
	var first []byte
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		f, framed := st.Frame(&m)
		if !framed || m.Kind != sim.Request || m.From != st.Alice.Host.Name() || f.Type != nearfield.Data || f.Message != nearfield.Application {
			return sim.Verdict{}
		}
		if f.Index == 0 {
			first = f.Payload
			return sim.Verdict{}
		}
		tail, fits := otherAmount(first)
		if !fits {
			return sim.Verdict{}
		}
		st.Injects(till.Heard{Frame: f, Handset: m.From, Device: m.To}, nearfield.Frame{Type: nearfield.Data, Message: f.Message, Index: f.Index, Count: f.Count, Payload: tail})
		ack := nearfield.Frame{Type: nearfield.Ack, Session: f.Session, Message: f.Message, Index: f.Index}
		return sim.Verdict{Answer: &sim.Message{Header: http.Header{"Content-Type": {nearfield.FrameType}}, Body: ack.Bytes()}}
	}))
	st.Alice.Plays(func(u *till.User) { u.Orders(till.Order{At: st.One, Label: label, Amount: little}) })
}

// otherAmount is how an application goes on whose first fragment ends before its amount, with an amount of the attacker's.
func otherAmount(first []byte) (tail []byte, fits bool) {
	if len(first) == 0 {
		return nil, false
	}
	// The first fragment ends with the initial byte of the amount, which says how many bytes follow (RFC 8949 section 3).
	switch first[len(first)-1] {
	case 0x19:
		tail = binary.BigEndian.AppendUint16(nil, more)
	case 0x1b:
		tail = binary.BigEndian.AppendUint64(nil, more)
	default:
		return nil, false
	}
	return append(tail, 7, 0x63, 'E', 'U', 'R'), true
}

// useUp has rubbish judged under Alice's serial while she looks at the amount, in the name of a device, nil for none.
func useUp(st *till.Stage, as *till.Rogue) {
	loot := st.Mallory.ListensTo(st.Alice)
	st.Alice.Ponders = 2 * meanwhile
	st.Alice.Plays(func(u *till.User) { u.Buys(st.One, little) })
	st.Mallory.Plays(func(m *till.Attacker) {
		m.Wait(meanwhile)
		i, read := till.ReadInformation(loot.Messages[nearfield.Information])
		if !read {
			return
		}
		m.Note("has rubbish judged under Alice's serial")
		rubbish := till.Sign(till.MallorysHandset, i.Handset, cast.Countersign{Information: i})
		if as == nil {
			st.Tells(m.Host, nil, till.LegVerification, rubbish)
			return
		}
		st.Tells(as.Host, as.Till, till.LegVerification, rubbish)
	})
}

// serialAttacks are on the numbers by which businesses go.
func serialAttacks() []Scenario {
	return []Scenario{
		offlineAttack("serial-collision", "A serial used a second time",
			"Mallory applies for a coffee, and then for a dearer one under the same serial, so that one countersign might stand for either. The server knows its serials for good, at core already.",
			till.OneSerial, []catalog.ID{"OF-SS-19"}, func(st *till.Stage) {
				st.Mallory.Plays(func(m *till.Attacker) {
					a := m.Application(till.MallorysHandset, st.One, little)
					m.Visit(st.One).Applies(till.Encode(a.Fields()))
					a.Amount = more
					m.Visit(st.One).Applies(till.Encode(a.Fields()))
				})
			}),
		offlineAttack("serial-at-two-tills", "One serial at two tills at once",
			"Mallory and an accomplice apply at two tills in the same moment, under one serial. At hardened one transaction looks the serial up and takes it; where it is looked up first and taken later both tills get information under one number.",
			till.SerialRace, []catalog.ID{"OF-SS-31"}, func(st *till.Stage) {
				st.Mallory.Plays(func(m *till.Attacker) {
					a := m.Application(till.MallorysHandset, st.One, little)
					warmUp(m, st.One, st.Two)
					b := a
					b.Device = st.Two.ID
					one, two := m.Visit(st.One), m.Visit(st.Two)
					m.Meanwhile(func() { two.Applies(till.Encode(b.Fields())) })
					one.Applies(till.Encode(a.Fields()))
				})
			}).openAtCore(),
		offlineAttack("guessed-serial", "A serial taken before its owner takes it",
			"Mallory has heard the serial of Alice's last coffee, and finds that they are counted. She applies under the next ones before Alice does, whose applications are refused as known. At hardened serials are random.",
			till.OwnSerial, []catalog.ID{"OF-HS-29"}, takeNextSerials).openAtCore(),
	}
}

// warmUp lets tills learn where the server's endpoints are, so that what follows is as fast at one as at the other.
func warmUp(m *till.Attacker, at ...*till.Till) {
	for _, t := range at {
		m.Visit(t).Applies(till.Encode(m.Application(till.MallorysHandset, t, little).Fields()))
	}
	m.Wait(time.Second)
}

func takeNextSerials(st *till.Stage) {
	loot := st.Mallory.ListensTo(st.Alice)
	taken := st.NewLetter("the word that the next serials are taken")
	st.Alice.Plays(func(u *till.User) {
		u.Buys(st.One, little)
		taken.Await()
		if ended := u.Buys(st.One, little); ended == "serial_used" {
			st.Breach(till.OwnSerial, "alice's serial was used up before she came")
		}
	})
	st.Mallory.Plays(func(m *till.Attacker) {
		m.Wait(meanwhile)
		a, err := cast.ParseApplication(loot.Messages[nearfield.Application], cast.Core())
		for range 3 {
			if err != nil {
				break
			}
			a.Serial = slices.Clone(a.Serial)
			a.Serial[len(a.Serial)-1]++
			a.Amount = more
			a.Device = st.Two.ID
			m.Visit(st.Two).Applies(till.Encode(a.Fields()))
		}
		taken.Send("")
	})
}

// secondLinkAttacks come from somebody between the till and the server.
func secondLinkAttacks() []Scenario {
	// forging has Mallory apply in Alice's name at a till and sign with her own key, and puts a result of her choice in the place of the server's.
	forging := func(st *till.Stage, amount uint64, result func(i cast.Information) []byte) {
		var asked cast.Information
		armed := false
		st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
			if !armed || m.Kind != sim.Response || m.To != st.One.Host.Name() || st.Leg(&m) != till.LegVerification {
				return sim.Verdict{}
			}
			forged := m.Clone()
			forged.Status, forged.Body = 200, result(asked)
			forged.Header.Set("Content-Type", `application/cose; cose-type="cose-sign1"`)
			return sim.Verdict{Replace: &forged}
		}))
		st.Mallory.Plays(func(m *till.Attacker) {
			m.Wait(meanwhile)
			armed = true
			v := m.Visit(st.One)
			read := false
			if asked, read = till.ReadInformation(v.Applies(till.Encode(m.Application(st.Alice.Handset, st.One, amount).Fields()))); read {
				m.Note("countersigns with her own key, and has the result forged")
				v.Countersigns(till.Sign(till.MallorysHandset, st.Alice.Handset, cast.Countersign{Information: asked}))
			}
		})
	}
	// recording keeps the last result that the server gave a till.
	recording := func(st *till.Stage, at *till.Till) func(cast.Information) []byte {
		var recorded []byte
		st.Overhear(st.Server.Host, till.LegVerification, func(answer sim.Message) {
			if answer.To == at.Host.Name() && till.Approves(answer.Body) {
				recorded = answer.Body
			}
		})
		return func(cast.Information) []byte { return recorded }
	}
	return []Scenario{
		offlineAttack("forged-result", "A result forged on the second link",
			"Mallory sits between the till and the server, where a careless operator ends TLS. She applies in Alice's name, signs with a key of her own, and turns the server's no into a yes that she has signed herself. At hardened the till verifies the result under the server's key; at core it believes the line.",
			till.ServersVerdict, []catalog.ID{"OF-VD-17"}, func(st *till.Stage) { forging(st, little, till.ForgeResult) }).openAtCore(),
		offlineAttack("recorded-result", "A result recorded on the second link",
			"As before, but the yes is the server's own: Mallory has recorded it when Alice bought a coffee for the same amount at the same till. At hardened it names another serial and another challenge.",
			till.ServersVerdict, []catalog.ID{"OF-VD-19", "OF-VD-20"}, func(st *till.Stage) {
				st.Alice.Goes(till.Buys(st.One, little, till.Approved))
				forging(st, little, recording(st, st.One))
			}).openAtCore(),
		offlineAttack("result-of-another-till", "A result for another till",
			"The recorded yes is one that the server gave the second till, where Alice bought. At hardened the first till sees that it is not the one that is meant, nor the serial, nor the challenge.",
			till.ServersVerdict, []catalog.ID{"OF-VD-19", "OF-VD-20", "OF-VD-21"}, func(st *till.Stage) {
				st.Alice.Goes(till.Buys(st.Two, little, till.Approved))
				forging(st, little, recording(st, st.Two))
			}).openAtCore(),
		offlineAttack("result-for-less", "A result for a smaller amount",
			"The recorded yes is for a coffee, and Mallory wants more than that. At hardened the till compares the amount, besides serial and challenge.",
			till.ServersVerdict, []catalog.ID{"OF-VD-19", "OF-VD-20", "OF-VD-22"}, func(st *till.Stage) {
				st.Alice.Goes(till.Buys(st.One, little, till.Approved))
				forging(st, more, recording(st, st.One))
			}).openAtCore(),
		offlineAttack("no-line", "The line to the server cut",
			"Mallory cuts the line between the till and the server when she has countersigned with a key of her own. A till that approves what it cannot have verified would serve her. No result, no approval, at core already.",
			till.Verdict, []catalog.ID{"OF-VD-07"}, func(st *till.Stage) {
				cut := false
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					return sim.Verdict{Drop: cut && m.Kind == sim.Request && m.From == st.One.Host.Name()}
				}))
				st.Mallory.Plays(func(m *till.Attacker) {
					v := m.Visit(st.One)
					i, _ := till.ReadInformation(v.Applies(till.Encode(m.Application(st.Alice.Handset, st.One, little).Fields())))
					cut = true
					v.Countersigns(till.Sign(till.MallorysHandset, st.Alice.Handset, cast.Countersign{Information: i}))
				})
			}),
		offlineAttack("verification-in-the-clear", "An endpoint without TLS",
			"The server's metadata name an http URL for verification, by mistake or by a dishonest hand. At hardened the till does not send its secret there, and Alice is refused; at core everybody on the line reads it.",
			till.DeviceUnderTLS, []catalog.ID{"OF-VD-32"}, func(st *till.Stage) {
				st.Server.Publish("verification_endpoint", "http://server/verification")
				st.Alice.Plays(func(u *till.User) { u.Buys(st.One, little) })
			}).openAtCore(),
		offlineAttack("password-in-the-clear", "A password set without TLS",
			"The metadata name an http URL for passwords. At hardened Alice's handset sends neither the password of her account nor the key there.",
			till.AccountUnderTLS, []catalog.ID{"OF-HS-36"}, func(st *till.Stage) {
				st.Server.Publish("password_endpoint", "http://server/password")
				st.Alice.Enrols()
				st.Alice.Plays(func(u *till.User) { u.SetsPassword() })
			}).openAtCore(),
		offlineAttack("another-servers-document", "Metadata that name another server",
			"A dishonest hand has changed the metadata under the server's URL: they name an issuer and endpoints of Mallory's. At hardened the till compares the issuer with the URL that it asked, and sends nothing there; at core its secret goes to Mallory.",
			till.SecretsAtHome, []catalog.ID{"OF-VD-25"}, func(st *till.Stage) {
				st.Server.Publish("issuer", "https://mallory")
				st.Server.Publish("application_endpoint", "https://mallory/application")
				st.TakeOver(st.Mallory.Host, till.Swallows)
				st.Alice.Plays(func(u *till.User) { u.Buys(st.One, little) })
			}).openAtCore(),
	}
}
