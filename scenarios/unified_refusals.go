package scenarios

import (
	"net/http"
	"slices"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/portal"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// unifiedRefusals is where somebody or something says no.
func unifiedRefusals() []Scenario {
	refusal := func(name, title, text string, play func(*portal.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "unified/" + name, Flow: flowUnified, Kind: Refusal, Title: title, Text: text, play: onPortal(play)}
	}
	about := func(s Scenario, breaks stage.Invariant) Scenario {
		s.Invariant, s.breaks = breaks.Text, breaks
		return s
	}
	return []Scenario{
		refusal("refused-by-the-user", "A user refuses a site",
			"Alice refuses the mail site. It gets no code and logs nobody in; the shop is another matter, and later she thinks better of it.",
			func(st *portal.Stage, _ catalog.Level) {
				exchanged := st.Count(st.Mail.Host, portal.LegToken)
				refused := 0
				st.Alice.Goes(portal.Does(func(u *portal.User) { u.Refuses(st.Mail) }), portal.Enters(st.Mail, portal.Refused), portal.Enters(st.Shop, portal.In), portal.Looks(st.Mail, portal.Refused),
					portal.Does(func(u *portal.User) { refused = *exchanged; u.Refuses() }), portal.Enters(st.Mail, portal.In))
				st.Hope("the mail site asks for no pass token when it is refused", func() bool { return refused == 0 })
			}),
		refusal("wrong-password", "A wrong password",
			"Alice mistypes her password. There is no session and no code; the page comes again, and the right one is taken.",
			func(st *portal.Stage, _ catalog.Level) {
				st.Alice.Goes(portal.Mistypes(portal.Refused), portal.Looks(st.Mail, portal.Refused), portal.LogsIn(portal.In), portal.Enters(st.Mail, portal.In))
			}),
		refusal("throttled", "Too many wrong passwords",
			"Somebody tries ten wrong passwords under Alice's name. At hardened the right one is refused as well for ten minutes, in the same words, and then counts again; where she is logged in already she stays. At core nobody counts.",
			func(st *portal.Stage, level catalog.Level) {
				phone := st.NewDevice(st.Alice, "phone")
				phone.Goes(portal.Enters(st.Mail, portal.In), portal.Waits(time.Minute), portal.Looks(st.Mail, portal.In))
				steps := []portal.Step{portal.Waits(2 * time.Second)}
				for range 10 {
					steps = append(steps, portal.Mistypes(portal.Refused))
				}
				st.Alice.Goes(append(steps, portal.LogsIn(at(level, portal.In, portal.Refused)), portal.Waits(11*time.Minute), portal.LogsIn(portal.In))...)
			}),
		refusal("not-logged-in", "No login, no data",
			"Alice opens the mail site's home page and its data without a login, and gets neither. A login at the shop changes nothing about that.",
			func(st *portal.Stage, _ catalog.Level) {
				st.Alice.Goes(portal.Looks(st.Mail, portal.Refused), portal.Reads(st.Mail, portal.Refused), portal.Enters(st.Shop, portal.In), portal.Reads(st.Mail, portal.Refused))
			}),
		refusal("already-logged-out", "The logout page without a session",
			"Alice logs out twice. The second time there is nobody to log out, and no further request goes to the mail site.",
			func(st *portal.Stage, _ catalog.Level) {
				sent := st.Flushes(st.Mail)
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.LogsOut(portal.Out), portal.Waits(settled))
				st.Hope("one request with one task is sent", func() bool { return len(*sent) == 1 && (*sent)[0].Tasks == 1 })
			}),
		refusal("never-entered", "A site that was never entered is not told",
			"Alice opens the page that asks about the mail site and refuses, and enters the shop. When she logs out nothing goes to the mail site, which knows nothing of her.",
			func(st *portal.Stage, _ catalog.Level) {
				sent := st.Flushes(st.Mail)
				st.Alice.Refuses(st.Mail)
				st.Alice.Goes(portal.Enters(st.Mail, portal.Refused), portal.Enters(st.Shop, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled))
				st.Hope("the mail site gets no request", func() bool { return len(*sent) == 0 })
			}),
		about(refusal("login-expires", "A login lasts eight hours",
			"Alice leaves the mail site open overnight. In the morning it is over, though she never logged out, and she enters again. At core nothing limits a login.",
			func(st *portal.Stage, level catalog.Level) {
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Waits(4*time.Hour), portal.Looks(st.Mail, portal.In), portal.Waits(5*time.Hour),
					portal.Looks(st.Mail, at(level, portal.In, portal.Refused)), portal.Enters(st.Mail, portal.In))
			}).openAtCore(), portal.Expiry),
		about(refusal("login-overtaken-by-logout", "A logout overtakes a login",
			"Alice enters the mail site a second time on her telephone while she logs out on the laptop. The platform has named her when she logs out, and its answer is slow: the batch is there first. At hardened the mail site remembers which generation has ended, and the login ends before it began. At core she is logged in after having been logged out.",
			func(st *portal.Stage, level catalog.Level) {
				phone := st.NewDevice(st.Alice, "phone")
				named := 0
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if m.Kind != sim.Response || m.Status != http.StatusOK || st.Leg(&m) != portal.LegAuthentication {
						return sim.Verdict{}
					}
					named++
					return sim.Verdict{Delay: time.Duration(named-1) * 8 * time.Second}
				}))
				phone.Goes(portal.Enters(st.Mail, portal.In), portal.Enters(st.Mail, at(level, portal.In, portal.Refused)), portal.Looks(st.Mail, at(level, portal.In, portal.Refused)))
				st.Alice.Goes(portal.LogsIn(portal.In), portal.Waits(time.Second), portal.LogsOut(portal.Out))
			}).openAtCore(), portal.DoneIsDone),
		refusal("logout-before-the-exchange", "A logout between code and pass token",
			"Alice's browser is slow to bring the code to the mail site, and meanwhile she logs out on the laptop. At hardened the code is void, and the mail site lets nobody in. At core codes outlive a logout, and the login is one of the time after it.",
			func(st *portal.Stage, level catalog.Level) {
				phone := st.NewDevice(st.Alice, "phone")
				st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
					if m.Kind == sim.Request && st.Leg(&m) == portal.LegCallback {
						return sim.Verdict{Delay: 8 * time.Second}
					}
					return sim.Verdict{}
				}))
				phone.Goes(portal.Enters(st.Mail, at(level, portal.In, portal.Refused)))
				st.Alice.Goes(portal.LogsIn(portal.In), portal.Waits(time.Second), portal.LogsOut(portal.Out))
			}),
		refusal("login-beside-logout", "A login and a logout in the same moment",
			"Alice enters two sites on her telephone while she logs out on the laptop, and which comes first is a matter of milliseconds. Each login ends or is new, never half: six minutes later she is in where the platform counts her as logged in, and nowhere else. At core a login may outlive the logout.",
			func(st *portal.Stage, _ catalog.Level) {
				phone := st.NewDevice(st.Alice, "phone")
				phone.Goes(portal.LogsIn(portal.In), portal.Does(func(u *portal.User) {
					u.Enters(st.Mail)
					u.Enters(st.Shop)
					u.Wait(beyondBound)
					u.Looks(st.Mail)
					u.Looks(st.Shop)
				}))
				st.Alice.Goes(portal.LogsIn(portal.In), portal.Waits(150*time.Millisecond), portal.LogsOut(portal.Out))
			}),
		refusal("login-after-logout", "A new login before the old logout is through",
			"Alice logs out and at once in again, and only then the batch comes to the mail site. At hardened it names the generation that ended and spares the new login; at core the old logout ends the new login.",
			func(st *portal.Stage, level catalog.Level) {
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Enters(st.Mail, portal.In), portal.Waits(settled),
					portal.Looks(st.Mail, at(level, portal.Refused, portal.In)))
			}),
		refusal("batch-under-another-key", "A batch under a key of another site",
			"The wiki is dishonest. It seals a batch request with its own communication key, once under its own key ID and once under that of the mail site, and sends it there to log Alice and Bob out. Neither opens.",
			func(st *portal.Stage, _ catalog.Level) {
				wiki := st.TurnDishonest(st.Wiki)
				var got []int
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Does(func(u *portal.User) {
					wiki.Host.Go("send forged batches", func() {
						got = append(got, wiki.SendBatch(st.Mail, "tp-wiki-1", "alice", "bob"), wiki.SendBatch(st.Mail, "tp-mail-1", "alice", "bob"))
					})
				}), portal.Waits(time.Second), portal.Looks(st.Mail, portal.In))
				st.Hope("both are refused with 400", func() bool { return slices.Equal(got, []int{400, 400}) })
			}),
	}
}
