package scenarios

import (
	"net/http"
	"strings"
	"time"

	cast "countersign/actors/mobile"
	"countersign/conformance/catalog"
	"countersign/scenarios/office"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// mobileRoles are the hosts that something can happen to: authorization server, business system and device.
func mobileRoles() []string { return []string{"authorization", "crm", "alice"} }

// shortTokens is a lifetime of tokens for which an authentication comes while something is amiss.
const shortTokens = 15 * time.Second

// mobileFaults is every mishap for every role, clocks that are far off, and what can go wrong with a wipe and with an address.
func mobileFaults() []Scenario {
	const enrolling, renewing = 200 * time.Millisecond, 20400 * time.Millisecond
	var mishaps []stage.Mishap
	for _, m := range stage.Mishaps(enrolling, renewing) {
		if !strings.HasPrefix(m.Name, "skew") {
			mishaps = append(mishaps, m)
		}
	}
	all := mishapsOf(flowMobile, mobileRoles(), mishaps, map[string]string{
		"loss":       "Whoever waits gives up after five seconds, and a start tries again by itself for half a minute; each try has a new proof.",
		"delay":      "Business systems and apps wait for five seconds, which is enough for most exchanges and too little for some.",
		"duplicate":  "At hardened the second copy of a request is refused, as its proof was used; the first one has done its work.",
		"reorder":    "Every request waits for its answer, so that little comes of it.",
		"partition":  "A start ends after half a minute at most, and the next one finds everything as it was.",
		"slow":       "That is in time for whoever asks once, and too late for a business system that has to ask for metadata, keys and token.",
		"stalled":    "What was asked has been done all the same: the device is registered, tokens are given that nobody holds, and a new try must not stumble over them.",
		"half-open":  "Tokens are given that never reach their device.",
		"crash":      "That is about when Alice enrols. What it keeps in its store has to be enough for the next try.",
		"crash-late": "That is when the token is renewed. Registrations, rules and tokens outlive it.",
	}, office.NoLockOut, inOffice(endureAtWork))
	for _, role := range mobileRoles() {
		all = append(all, skewOf(role, "ahead", "fast", "a minute and a half ahead", "1m30s"), skewOf(role, "behind", "slow", "a minute and a half behind", "-1m30s"), skewFarBeyond(role))
	}
	all = append(all, wipeFaults()...)
	return append(all, Scenario{
		Name: "mobile/fault/everything", Flow: flowMobile, Kind: Fault, Title: "A bad day at the office",
		Text: "For a minute and a half messages everywhere get lost, are late, come twice and in another order, clocks are off by as much as a proof allows, and the authorization server and the business system crash. Alice with two devices and Bob try until their apps open. Meanwhile the rules change.",
		Faults: stage.Plan("loss:*>*@0s+90s=0.05", "delay:*>*@0s+90s=0s-300ms", "duplicate:*>*@0s+90s=0.1", "reorder:*>*@0s+90s=0.1",
			"skew:authorization=20s", "skew:crm=-25s", "crash:authorization@300ms+3s", "crash:authorization@21s+3s", "crash:crm@20s+3s"),
		Invariant: office.NoLockOut.Text, breaks: office.NoLockOut,
		play: inOffice(func(st *office.Stage, level catalog.Level) {
			endureAtWork(st, level)
			for _, u := range []*office.User{st.NewTablet(), st.Bob} {
				keepsWorking(st, u)
			}
			st.Ann.Plays(func(a *office.Administrator) {
				for range 10 {
					a.Wait(7 * time.Second)
					a.Changes("nothing but the version", func(*cast.Rules) {})
				}
			})
		}),
	})
}

// endureAtWork is a user who opens the app until it opens, and once more when the token is over.
func endureAtWork(st *office.Stage, _ catalog.Level) {
	st.Server.TokenLifetime = shortTokens
	keepsWorking(st, st.Alice)
}

func keepsWorking(st *office.Stage, u *office.User) {
	through := false
	u.Plays(func(u *office.User) {
		u.UntilOpened()
		u.Wait(20 * time.Second)
		u.UntilOpened()
		through = true
	})
	st.Hope(u.Name+" gets through", func() bool { return through })
}

// skewOf is a clock that is off by more than a proof may be, until somebody sets it right.
func skewOf(role, name, how, words, skew string) Scenario {
	return Scenario{
		Name: "mobile/fault/skew-" + name + "-" + role, Flow: flowMobile, Kind: Fault, Title: "The clock of " + role + " is " + how,
		Text:      "The clock of " + role + " is " + words + ", and a proof may be a minute off. At hardened every proof that passes between two clocks that differ is refused, until the clock is set right after a minute. At core nobody looks at times.",
		Faults:    stage.Plan("skew:" + role + "@0s+1m=" + skew),
		Invariant: office.NoLockOut.Text, breaks: office.NoLockOut, play: inOffice(endureAtWork),
	}
}

// skewFarBeyond is a clock that nobody sets right: what judges a proof by it says so, and nothing worse happens.
func skewFarBeyond(role string) Scenario {
	return Scenario{
		Name: "mobile/fault/skew-beyond-" + role, Flow: flowMobile, Kind: Fault, Title: "The clock of " + role + " is beyond all measure",
		Text:   "The clock of " + role + " is two days ahead, and stays so. At hardened the app is told each time that its proof was not made now; no token is used, and none is asked for without end. At core nobody looks at times.",
		Faults: stage.Plan("skew:" + role + "=48h"), Invariant: office.BoundedStart.Text, breaks: office.BoundedStart,
		play: inOffice(func(st *office.Stage, level catalog.Level) {
			if level == catalog.Core {
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened))
				return
			}
			refused := st.CountRefusals("invalid_dpop_proof")
			if role == "crm" {
				// here the token, too, is past its time
				refused = st.CountRefusals("invalid_token")
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.AccessRefused))
			} else {
				st.Alice.Goes(office.Enrols(office.RegistrationRefused), office.Starts(office.NotEnrolled))
			}
			st.Hope("the refusal says what is wrong", func() bool { return *refused > 0 })
		}),
	}
}

// wipeFaults is what can go wrong with a wipe, and with a new address.
func wipeFaults() []Scenario {
	fault := func(name, title, text string, breaks stage.Invariant, play func(*office.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "mobile/fault/" + name, Flow: flowMobile, Kind: Fault, Title: title, Text: text, Invariant: breaks.Text, breaks: breaks, play: inOffice(play)}
	}
	return []Scenario{
		fault("wipe-message-lost", "The wipe message is lost, again and again",
			"Alice's lost telephone is in a cellar when she deregisters it, and the first five wipe messages do not arrive. The authorization server tries again, after one, two, four, eight and sixteen seconds, and then the message gets through.",
			office.WipeArrives, func(st *office.Stage, level catalog.Level) {
				left := 5
				st.Loses(requests, office.LegMessage, func(sim.Message) bool { left--; return left >= 0 })
				losesHerPhone(st, level, nil)
			}),
		fault("wipe-answer-lost", "The answer to the wipe message is lost",
			"The telephone is wiped and reports it, and its answer to the message does not arrive. The message comes once more; the app answers 202 and deletes nothing anew.",
			office.WipeArrives, func(st *office.Stage, level catalog.Level) {
				left := 1
				st.Loses(responses, office.LegMessage, func(sim.Message) bool { left--; return left >= 0 })
				losesHerPhone(st, level, nil)
			}),
		fault("acknowledgement-lost", "The acknowledgement of the wipe is lost",
			"The telephone is wiped, and two of its acknowledgements do not arrive. At hardened it sends them again until one is answered. At core it sends one, and the authorization server takes the 202 for it.",
			office.WipeArrives, func(st *office.Stage, level catalog.Level) {
				left := 2
				st.Loses(requests, office.LegAcknowledgement, func(sim.Message) bool { left--; return left >= 0 })
				losesHerPhone(st, level, nil)
			}),
		fault("wipe-across-a-restart", "The authorization server crashes while it wipes",
			"The wipe message does not get through, and the authorization server crashes. It has kept the message in its store, goes on when it is up again, and the telephone is wiped.",
			office.WipeArrives, func(st *office.Stage, level catalog.Level) {
				away := true
				st.Loses(requests, office.LegMessage, func(sim.Message) bool { return away })
				losesHerPhone(st, level, func() {
					st.Server.Host.Crash(10 * time.Second)
					away = false
				})
			}),
		fault("wipe-in-a-crash", "The device crashes while it is wiped",
			"The telephone crashes as soon as its acknowledgement has left it. The data had been deleted before: up again, there are none.",
			office.Wiped, func(st *office.Stage, level catalog.Level) {
				crashed := false
				st.Loses(requests, office.LegAcknowledgement, func(sim.Message) bool {
					if !crashed {
						crashed = true
						st.Alice.Host.Crash(2 * time.Second)
					}
					return false
				})
				losesHerPhone(st, level, nil)
			}),
		fault("device-off-for-hours", "The lost device is off for two hours",
			"The telephone is off when Alice deregisters it, and comes back two hours later. Every half minute the authorization server has tried, and the first try that reaches it wipes it.",
			office.WipeArrives, func(st *office.Stage, level catalog.Level) {
				tablet := st.NewTablet()
				done := false
				st.Alice.Plays(func(u *office.User) {
					if !u.Holds().Enrolled && !done {
						u.Enrols()
						u.Starts()
						done = true
						u.Host.Crash(2 * time.Hour)
					}
					u.Wait(time.Minute)
					u.Finds()
				})
				last := office.Outcome("")
				tablet.Plays(func(u *office.User) {
					u.Wait(10 * time.Second)
					u.Deregisters(st.Alice)
					u.Wait(3 * time.Hour)
					last = u.Deregisters(st.Alice)
				})
				st.Hope("the wipe is acknowledged in the end at hardened", func() bool { return last == at(level, office.Pending, office.Acknowledged) })
			}),
		fault("address-message-lost", "The message with the new address is lost",
			"The customer register moves, and the first messages about it do not arrive. The authorization server tries again, and within a few seconds Alice's app knows. At core there are no such messages, and the old address has to go on for as long as tokens live.",
			office.NoWayBack, func(st *office.Stage, level catalog.Level) {
				moved := st.NewAddress(st.CRM, "crm.new")
				asked := st.Count(moved.Host, office.LegDownload)
				left := 3
				st.Loses(requests, office.LegMessage, func(sim.Message) bool { left--; return left >= 0 })
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					a.Changes("the customer register has another address", office.Moves(moved))
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(2*time.Minute), office.Starts(office.Opened))
				st.Hope("the app is told at hardened", func() bool { return *asked == at(level, 0, 1) })
			}),
		fault("addresses-overtake", "Two new addresses overtake each other",
			"The customer register moves twice, and the message about the first move is late: it arrives after that about the second. The version in it is lower than the one that the app has taken, and the app stays where it is.",
			office.NoWayBack, func(st *office.Stage, level catalog.Level) {
				second, third := st.NewAddress(st.CRM, "crm.second"), st.NewAddress(st.CRM, "crm.third")
				asked := st.Count(third.Host, office.LegDownload)
				first := true
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if !first || m.Kind != sim.Request || st.Leg(&m) != office.LegMessage {
						return sim.Verdict{}
					}
					first = false
					return sim.Verdict{Delay: 5 * time.Second}
				}))
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					a.Changes("the customer register moves", office.Moves(second))
					a.Wait(2 * time.Second)
					a.Changes("the customer register moves again", office.Moves(third))
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(time.Minute), office.Starts(office.Opened))
				st.Hope("the app goes to the last address at hardened", func() bool { return *asked == at(level, 0, 1) })
			}),
		fault("authorization-server-away", "The authorization server is down for a minute",
			"The authorization server crashes while Alice works. For five seconds the business system has a download to go by; then it says that it cannot tell now, and opens to nobody. When the authorization server is back the next request is served. At core nothing is kept, and the business system may stay closed for an hour.",
			office.NoLockOut, func(st *office.Stage, level catalog.Level) {
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Does(func(*office.User) { st.Server.Host.Crash(time.Minute) }), office.Waits(time.Second),
					office.Starts(at(level, office.AccessRefused, office.Opened)), office.Waits(10*time.Second), office.Starts(office.AccessRefused),
					office.Waits(at(level, time.Hour, time.Minute)), office.Starts(office.Opened))
			}),
		fault("answers-of-no-use", "The authorization server answers with errors",
			"For ten seconds a broken front answers every download with 500. Business systems open to nobody meanwhile, remember nothing of it, and serve the next request after it. At core they may stay closed for an hour.",
			office.NoLockOut, func(st *office.Stage, level catalog.Level) {
				broken := true
				st.Instead(st.Server.Host, office.LegDownload, func() (sim.Message, bool) { return sim.Message{Status: http.StatusInternalServerError}, broken })
				ends := office.AccessRefused
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(ends), office.Waits(10*time.Second), office.Does(func(*office.User) { broken = false }),
					office.Waits(at(level, time.Hour, 0)), office.Starts(office.Opened))
			}),
	}
}

// losesHerPhone is Alice, who deregisters her telephone from her tablet; afterwards something may happen. In the end its finder looks what it holds.
func losesHerPhone(st *office.Stage, level catalog.Level, afterwards func()) {
	tablet := st.NewTablet()
	enrolled, looked := false, false
	st.Alice.Plays(func(u *office.User) {
		if !enrolled {
			u.Enrols()
			u.Starts()
			enrolled = true
		}
		u.Wait(3 * time.Minute)
		u.Finds()
		looked = true
	})
	var first, last office.Outcome
	tablet.Plays(func(u *office.User) {
		u.Wait(10 * time.Second)
		first = u.Deregisters(st.Alice)
		if afterwards != nil {
			u.Wait(5 * time.Second)
			afterwards()
		}
		u.Wait(4 * time.Minute)
		last = u.Deregisters(st.Alice)
	})
	st.Hope("the wipe is pending first, and acknowledged in the end at hardened", func() bool {
		return first == office.Pending && last == at(level, office.Pending, office.Acknowledged)
	})
	st.Hope("the finder looks", func() bool { return looked })
}
