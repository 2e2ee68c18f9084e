package scenarios

import (
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/portal"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// unifiedRoles are the hosts that something can happen to: platform, two third-party platforms and user agent.
func unifiedRoles() []string { return []string{"platform", "mail", "shop", "alice"} }

// unifiedFaults is every mishap for every role, clocks that are far off, and outages.
func unifiedFaults() []Scenario {
	const entering, telling = 200 * time.Millisecond, 5910 * time.Millisecond
	all := mishapsOf(flowUnified, unifiedRoles(), stage.Mishaps(entering, telling), map[string]string{
		"loss":        "Alice tries again where a page does not come. A code or pass token whose answer got lost is not sent again: she begins anew. Logout tasks are sent until they are done.",
		"delay":       "Nobody gives up so soon.",
		"duplicate":   "A callback is taken once, a sealed message is taken once, a logout makes its tasks once, and a task that comes twice is done both times.",
		"reorder":     "Every request waits for its answer, and a logout says by its generation which logins it ends, so that the order in which they come matters little.",
		"partition":   "Pages do not come and Alice tries again; what the platform has to tell waits in its queue.",
		"slow":        "That is slow, and soon enough for everybody.",
		"stalled":     "Whoever asks gives up after ten seconds, or Alice after thirty. What was asked has been done all the same.",
		"half-open":   "Sessions, codes and pass tokens come to be that nobody ever holds.",
		"crash":       "That is while Alice logs in.",
		"crash-late":  "That is when the batch is about to be sent, or is on its way. Tasks survive with the platform's store, and what was called done survives with that of a third-party platform.",
		"skew-ahead":  "Sealed messages may be five minutes off, and logout tokens last for two.",
		"skew-behind": "Sealed messages may be five minutes off, and logout tokens last for two.",
	}, portal.NoLockOut, onPortal(endurePortal))
	for _, role := range unifiedRoles() {
		all = append(all, Scenario{
			Name: "unified/fault/skew-beyond-" + role, Flow: flowUnified, Kind: Fault, Title: "The clock of " + role + " is beyond all measure",
			Text:   "The clock of " + role + " is two days ahead. At hardened sealed messages that are so far off are refused: where the platform's clock or a site's own is wrong, nobody gets in, and nobody is in by mistake. A browser's clock is nobody's concern. At core no message has a time.",
			Faults: stage.Plan("skew:" + role + "=48h"), play: onPortal(func(st *portal.Stage, level catalog.Level) { farOff(st, level, role) }),
			Invariant: portal.LoggedOutEverywhere.Text, breaks: portal.LoggedOutEverywhere,
		})
	}
	fault := func(name, title, text string, breaks stage.Invariant, play func(*portal.Stage, catalog.Level)) Scenario {
		return Scenario{
			Name: "unified/fault/" + name, Flow: flowUnified, Kind: Fault, Title: title, Text: text, play: onPortal(play),
			Invariant: breaks.Text, breaks: breaks,
		}
	}
	hardenedOnly := func(s Scenario) Scenario { return s.openAtCore() }
	return append(all,
		hardenedOnly(fault("site-down-for-an-hour", "A site is down for an hour",
			"The mail site goes down, and Alice logs out. She is answered at once, and the shop is told at once. The platform tries the mail site at growing intervals; when it is up again it asks about Alice's old login before it serves it, and the task arrives within five minutes. At core one try has to be enough, and the mail site serves on.",
			portal.LoggedOutEverywhere, func(st *portal.Stage, level catalog.Level) {
				sent := st.Flushes(st.Mail)
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Enters(st.Shop, portal.In), portal.Does(func(*portal.User) { st.Mail.Host.Crash(time.Hour) }),
					portal.LogsOut(portal.Out), portal.Waits(settled), portal.Looks(st.Shop, at(level, portal.In, portal.Refused)), portal.Looks(st.Mail, portal.Unavailable),
					portal.Waits(time.Hour), portal.Looks(st.Mail, at(level, portal.In, portal.Refused)), portal.Waits(10*time.Minute), portal.Looks(st.Mail, at(level, portal.In, portal.Refused)))
				st.Hope("the tries are few", func() bool { return len(*sent) <= 25 })
			})),
		hardenedOnly(fault("site-never-answers", "A site never answers a logout",
			"The mail site serves its users, and never answers a batch request. Alice logs out. Within the bound the mail site has to have its confirmation renewed, and learns that she is gone; the platform goes on trying, every five minutes at last. At core she stays logged in there.",
			portal.LoggedOutEverywhere, func(st *portal.Stage, level catalog.Level) {
				sent := st.Flushes(st.Mail)
				st.Mute(portal.LegBatch, st.Mail, func() bool { return true })
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Enters(st.Shop, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled), portal.Looks(st.Shop, at(level, portal.In, portal.Refused)),
					portal.Waits(beyondBound), portal.Looks(st.Mail, at(level, portal.In, portal.Refused)), portal.Waits(2*time.Hour), portal.Looks(st.Mail, at(level, portal.In, portal.Refused)),
					portal.Does(func(*portal.User) { st.Curtain() }))
				st.Hope("the tries grow apart", func() bool { return len(*sent) >= at(level, 1, 20) && len(*sent) <= 40 })
			})),
		fault("platform-away", "The platform is down for a quarter of an hour",
			"Alice is logged in at the mail site when the platform goes down. For five minutes nothing is different: data pass the platform by. Then the mail site cannot have its confirmation renewed and says that it cannot tell, which is no logout; when the platform is up again she goes on where she was. At core nobody asks.",
			portal.StaysLoggedIn, func(st *portal.Stage, level catalog.Level) {
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Does(func(*portal.User) { st.Platform.Host.Crash(15 * time.Minute) }), portal.Waits(4*time.Minute), portal.Reads(st.Mail, portal.In),
					portal.Waits(4*time.Minute), portal.Reads(st.Mail, at(level, portal.In, portal.Unavailable)), portal.Waits(10*time.Minute), portal.Reads(st.Mail, portal.In))
			}),
		fault("platform-down-after-logout", "The platform goes down after a logout",
			"Alice logs out, and the platform goes down before the batch is sent, for an hour. The mail site serves nobody whose login it cannot have confirmed, so that the bound holds without the platform; the batch arrives after the hour. At core the queue is gone with the crash.",
			portal.LoggedOutEverywhere, func(st *portal.Stage, level catalog.Level) {
				sent := st.Flushes(st.Mail)
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Waits(time.Second), portal.Does(func(*portal.User) { st.Platform.Host.Crash(time.Hour) }),
					portal.Waits(beyondBound), portal.Looks(st.Mail, at(level, portal.In, portal.Unavailable)), portal.Waits(time.Hour), portal.Looks(st.Mail, at(level, portal.In, portal.Refused)))
				st.Hope("the batch is sent when the platform is up again", func() bool { return len(*sent) == at(level, 0, 1) })
			}).openAtCore(),
		fault("batch-answer-lost", "The answer to a batch is lost",
			"The mail site logs Alice out, and its answer does not arrive. The platform sends the task once more, under the same number, and the mail site calls it done again. At core it is not sent again, and nothing is missing.",
			portal.NoLostTask, func(st *portal.Stage, level catalog.Level) {
				sent, lost := st.Flushes(st.Mail), false
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if lost || m.Kind != sim.Response || st.Leg(&m) != portal.LegBatch {
						return sim.Verdict{}
					}
					lost = true
					return sim.Verdict{Drop: true}
				}))
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled), portal.Looks(st.Mail, portal.Refused), portal.Waits(time.Minute))
				st.Hope("two requests at hardened", func() bool { return len(*sent) == at(level, 1, 2) })
			}).openAtCore(),
		fault("site-away-with-many-logouts", "Many logouts for a site that is away",
			"The mail site answers no batch for a minute while Alice logs in and out nine times at it; the limit count is four. When it is up again the tasks come in requests of four at most. At core the first try was the only one.",
			portal.NoLostTask, func(st *portal.Stage, level catalog.Level) {
				st.Platform.BatchLimit = 4
				sent, away := st.Flushes(st.Mail), false
				st.Mute(portal.LegBatch, st.Mail, func() bool { return away })
				inAndOut(st.Bob, st.Mail, 1, 30*time.Second)
				steps := []portal.Step{portal.Does(func(*portal.User) { away = true })}
				for range 9 {
					steps = append(steps, portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out))
				}
				st.Alice.Goes(append(steps, portal.Waits(time.Minute), portal.Does(func(*portal.User) { away = false }))...)
				st.Hope("all are told in the end", func() bool { return len(*sent) >= at(level, 1, 4) })
			}).openAtCore(),
		fault("logout-token-lost", "A logout token is lost",
			"The logout token for the shop does not arrive, nor do the next two. Each try has a new token, and the fourth is taken. At core there are none.",
			portal.NoLostTask, func(st *portal.Stage, level catalog.Level) {
				sent := st.Flushes(st.Shop)
				st.Mute(portal.LegBackChannel, st.Shop, func() bool { return len(*sent) < 4 })
				st.Alice.Goes(portal.Enters(st.Shop, portal.In), portal.LogsOut(portal.Out), portal.Waits(time.Minute), portal.Looks(st.Shop, at(level, portal.In, portal.Refused)))
				st.Hope("four tokens at hardened", func() bool { return len(*sent) == at(level, 0, 4) })
			}),
		fault("site-restarted-between", "A site is restarted after a logout",
			"The mail site has called Alice's logout done, and is restarted. It remembers what it said, and serves her old login no more.",
			portal.DoneIsDone, func(st *portal.Stage, _ catalog.Level) {
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled), portal.Does(func(*portal.User) { st.Mail.Host.Crash(time.Second) }),
					portal.Waits(2*time.Second), portal.Looks(st.Mail, portal.Refused))
			}),
		Scenario{
			Name: "unified/fault/everything", Flow: flowUnified, Kind: Fault, Title: "A bad day",
			Text: "For a minute and a half messages everywhere get lost, are late, come twice and in another order, while the platform crashes twice and two sites once. Alice with two devices and Bob try until they are in, and until they are out.",
			Faults: stage.Plan("loss:*>*@0s+90s=0.05", "delay:*>*@0s+90s=0s-300ms", "duplicate:*>*@0s+90s=0.1", "reorder:*>*@0s+90s=0.1",
				"skew:platform=40s", "skew:mail=-70s", "crash:platform@1300ms+3s", "crash:platform@12s+3s", "crash:mail@6s+3s", "crash:shop@9s+3s"),
			Invariant: portal.NoLockOut.Text, breaks: portal.NoLockOut,
			play: onPortal(func(st *portal.Stage, level catalog.Level) {
				phone := st.NewDevice(st.Alice, "phone")
				endurePortal(st, level)
				for _, u := range []*portal.User{phone, st.Bob} {
					through := false
					u.Plays(func(u *portal.User) {
						u.UntilIn(st.Shop, st.Mail)
						u.UntilOut()
						through = true
					})
					st.Hope(u.Name+" gets through", func() bool { return through })
				}
			}),
		},
	)
}

// endurePortal is a user who enters all sites until she is in, logs out until she is out, finds all doors closed once the bound has passed, and comes back.
func endurePortal(st *portal.Stage, level catalog.Level) {
	through := false
	closed := map[string]portal.Outcome{}
	st.Alice.Plays(func(u *portal.User) {
		u.UntilIn(st.Mail, st.Shop, st.Wiki)
		u.UntilOut()
		u.Wait(beyondBound)
		for _, t := range []*portal.ThirdParty{st.Mail, st.Shop, st.Wiki} {
			closed[t.ID] = u.Looks(t)
		}
		u.UntilIn(st.Mail)
		u.UntilOut()
		through = true
	})
	st.Hope("alice gets through", func() bool { return through })
	if level == catalog.Core {
		return
	}
	for _, t := range []*portal.ThirdParty{st.Mail, st.Shop, st.Wiki} {
		st.Hope(t.ID+" refuses her after the logout", func() bool { return closed[t.ID] == portal.Refused })
	}
}

// farOff is a user in a world where one clock is days off.
func farOff(st *portal.Stage, level catalog.Level, role string) {
	mail, shop := portal.In, portal.In
	if level != catalog.Core {
		if role == "platform" || role == "mail" {
			mail = portal.Refused
		}
		if role == "platform" || role == "shop" {
			shop = portal.Refused
		}
	}
	st.Alice.Goes(portal.LogsIn(portal.In), portal.Enters(st.Mail, mail), portal.Enters(st.Shop, shop), portal.LogsOut(portal.Out), portal.Waits(beyondBound))
}
