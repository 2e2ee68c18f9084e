package scenarios

import (
	"slices"
	"strings"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/portal"
	"countersign/scenarios/stage"
	"countersign/sim"
)

const flowUnified = "unified"

// onPortal sets the stage of the flow, and gives the cast its parts.
func onPortal(play func(*portal.Stage, catalog.Level)) func(stage.Setting) *stage.Stage {
	return func(s stage.Setting) *stage.Stage {
		st := portal.New(s)
		play(st, s.Level)
		return st.Stage
	}
}

// settled is when all requests of a logout are through that nothing hinders.
const settled = 10 * time.Second

// beyondBound is when a logout has to have taken effect, whatever is down.
const beyondBound = portal.LogoutBound + time.Minute

// unified is the flow as it is meant to go.
func unified() []Scenario {
	happy := func(name, title, text string, play func(*portal.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "unified/" + name, Flow: flowUnified, Kind: Happy, Title: title, Text: text, play: onPortal(play)}
	}
	return slices.Concat([]Scenario{
		happy("happy", "One login for three sites, and one logout",
			"Alice logs in at the platform and enters three third-party platforms from its portal; each asks the platform who she is and gives her a login credential of its own. She logs out once, at the platform. The mail site gets a batch request and the shop a logout token. The wiki takes neither, and asks the platform itself when its confirmation is too old. At core the shop and the wiki are not told.",
			func(st *portal.Stage, level catalog.Level) {
				still := at(level, portal.In, portal.Refused)
				st.Alice.Goes(portal.LogsIn(portal.In), portal.Enters(st.Mail, portal.In), portal.Enters(st.Shop, portal.In), portal.Enters(st.Wiki, portal.In),
					portal.Reads(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Follows(st.Platform.Issuer+"/portal", portal.LoginPage), portal.Waits(settled),
					portal.Looks(st.Mail, portal.Refused), portal.Looks(st.Shop, still), portal.Waits(beyondBound), portal.Looks(st.Wiki, still))
			}),
		happy("straight-to-a-site", "Login on the way to a site",
			"Alice opens the mail site without having logged in. The platform shows the page that asks for user name, password and decision in one; after it she is logged in at the platform too, and the shop asks for her decision only.",
			func(st *portal.Stage, _ catalog.Level) {
				typed := 0
				st.Copy(portal.LegAuthorization, func(m sim.Message) {
					if strings.Contains(string(m.Body), "password=p") {
						typed++
					}
				})
				st.Alice.Goes(portal.Opens(st.Mail.AccessURI(), portal.In), portal.Opens(st.Shop.AccessURI(), portal.In))
				st.Hope("the password is typed once", func() bool { return typed == 1 })
			}),
		happy("known-again", "The second login finds the account of the first",
			"Alice comes back to the mail site after a logout. It knows her by the unique number that the platform names, and she finds what she kept there. Bob, who came in between, has an account of his own.",
			func(st *portal.Stage, _ catalog.Level) {
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled), portal.Looks(st.Mail, portal.Refused), portal.Enters(st.Mail, portal.In))
				st.Bob.Goes(portal.Waits(2*time.Second), portal.Enters(st.Mail, portal.In), portal.Waits(20*time.Second), portal.Reads(st.Mail, portal.In))
			}),
		happy("two-users", "Two users at once",
			"Alice and Bob enter the same sites in the same moments. Alice logs out, and Bob stays where he is: the batch names her alone.",
			func(st *portal.Stage, _ catalog.Level) {
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Enters(st.Shop, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled), portal.Looks(st.Mail, portal.Refused))
				st.Bob.Goes(portal.Enters(st.Mail, portal.In), portal.Enters(st.Shop, portal.In), portal.Waits(20*time.Second), portal.Looks(st.Mail, portal.In), portal.Looks(st.Shop, portal.In))
			}),
		happy("two-devices", "One user in two browsers",
			"Alice is logged in on a telephone and on a laptop. She logs out on the laptop, and both are out, at the platform and at the mail site. At core the session of the telephone at the platform goes on.",
			func(st *portal.Stage, level catalog.Level) {
				phone := st.NewDevice(st.Alice, "phone")
				phone.Goes(portal.Enters(st.Mail, portal.In), portal.Waits(20*time.Second), portal.Looks(st.Mail, portal.Refused), portal.Follows(st.Mail.AccessURI(), at(level, portal.In, portal.LoginPage)))
				st.Alice.Goes(portal.Waits(2*time.Second), portal.Enters(st.Mail, portal.In), portal.LogsOut(portal.Out), portal.Waits(settled), portal.Looks(st.Mail, portal.Refused))
			}),
		happy("leave-one-site", "Logout at one site only",
			"Alice leaves the mail site with its own button. She is out there, in this browser, and nowhere else: the shop goes on, her telephone too, the platform is not told, and she enters the mail site again without a password.",
			func(st *portal.Stage, _ catalog.Level) {
				phone := st.NewDevice(st.Alice, "phone")
				phone.Goes(portal.Enters(st.Mail, portal.In), portal.Waits(20*time.Second), portal.Looks(st.Mail, portal.In))
				typed := st.Count(st.Alice.Host, portal.LegLogout)
				st.Alice.Goes(portal.Waits(2*time.Second), portal.Enters(st.Mail, portal.In), portal.Enters(st.Shop, portal.In), portal.Leaves(st.Mail, portal.Out), portal.Looks(st.Mail, portal.Refused),
					portal.Looks(st.Shop, portal.In), portal.Enters(st.Mail, portal.In))
				st.Hope("nobody logs out at the platform", func() bool { return *typed == 0 })
			}),
		happy("leave-by-the-platform", "A site that offers no logout of its own",
			"The wiki has no logout. Its page has a link to the platform's, which logs Alice out there and everywhere else.",
			func(st *portal.Stage, level catalog.Level) {
				st.Wiki.NoUserLogout = true
				st.Alice.Goes(portal.Enters(st.Wiki, portal.In), portal.Enters(st.Mail, portal.In), portal.LogsOutFrom(st.Wiki, portal.Out), portal.Waits(settled), portal.Looks(st.Mail, portal.Refused),
					portal.Waits(beyondBound), portal.Looks(st.Wiki, at(level, portal.In, portal.Refused)))
			}),
		happy("flush-at-limit", "A queue that is full",
			"The limit count is three. When the third logout has come the queue is flushed, and nobody waits for the idle time of a minute.",
			func(st *portal.Stage, _ catalog.Level) {
				st.Platform.BatchLimit, st.Platform.BatchIdleTime, st.Platform.BatchMaxWait = 3, time.Minute, 2*time.Minute
				sent := st.Flushes(st.Mail)
				inAndOut(st.Alice, st.Mail, 2, 0)
				inAndOut(st.Bob, st.Mail, 1, 0)
				st.Hope("one request has all three", func() bool {
					return len(*sent) == 1 && (*sent)[0].Tasks == 3 && (*sent)[0].At < 10*time.Second
				})
			}),
		happy("flush-at-idle-time", "A queue to which nothing comes any more",
			"Alice and Bob log out one after the other. Five seconds after the second logout, and not before, one request has both.",
			func(st *portal.Stage, _ catalog.Level) {
				sent := st.Flushes(st.Mail)
				inAndOut(st.Alice, st.Mail, 1, 0)
				inAndOut(st.Bob, st.Mail, 1, 2*time.Second)
				st.Hope("one request has both, at the idle time", func() bool {
					return len(*sent) == 1 && (*sent)[0].Tasks == 2 && (*sent)[0].At > 7*time.Second && (*sent)[0].At < 10*time.Second
				})
			}),
		happy("flush-at-upper-bound", "A queue to which something comes all the time",
			"Alice logs in and out every three seconds, so that the queue is never idle. After half a minute the oldest logout has waited long enough. At core there is no upper bound, and the queue is flushed when she stops.",
			func(st *portal.Stage, level catalog.Level) {
				sent := st.Flushes(st.Mail)
				inAndOut(st.Alice, st.Mail, 12, 3*time.Second)
				st.Hope("the first request goes out at the upper bound at hardened", func() bool {
					return len(*sent) == at(level, 1, 2) && ((*sent)[0].At < 35*time.Second) == (level != catalog.Core)
				})
			}),
		happy("partial-answers", "A site that takes a batch in parts",
			"The mail site takes one task of a request and leaves the others out of its answer. At hardened they come again, alone, until all are done; at core they are forgotten.",
			func(st *portal.Stage, level catalog.Level) {
				st.Mail.MostTasks = 1
				sent := st.Flushes(st.Mail)
				inAndOut(st.Alice, st.Mail, 2, 0)
				inAndOut(st.Bob, st.Mail, 1, time.Second)
				st.Hope("three, then two, then one at hardened", func() bool {
					want := at(level, []int{3}, []int{3, 2, 1})
					return slices.EqualFunc(*sent, want, func(f portal.Flush, n int) bool { return f.Tasks == n })
				})
			}),
		happy("key-rotation", "A new communication key",
			"Olga gets a new communication key for the mail site and starts it anew with both, five seconds later; until then the old one has to be good. Alice's next login goes under the new key, and so does the batch that logs her out: the platform has seen that the mail site has it. At core the two need not agree on a key, and the batch is not understood.",
			func(st *portal.Stage, level catalog.Level) {
				st.Operated()
				olga := st.NewOperator(portal.Olga)
				olga.Follows(func() {
					olga.Wait(2 * time.Second)
					olga.Rotates(st.Mail, 5*time.Second)
				})
				under := ""
				st.Copy(portal.LegBatch, func(m sim.Message) { under = portal.KeyOf(m) })
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Waits(3*time.Second), portal.Enters(st.Mail, portal.In), portal.Waits(10*time.Second), portal.Reads(st.Mail, portal.In), portal.Enters(st.Mail, portal.In),
					portal.LogsOut(portal.Out), portal.Waits(settled), portal.Looks(st.Mail, at(level, portal.In, portal.Refused)))
				st.Hope("the batch is sealed under the new key at hardened", func() bool { return (under == st.Mail.NewestKey()) == (level != catalog.Core) })
			}),
		happy("reviewed-change", "A change of a registration",
			"Olga gives the mail site another name. The portal shows the old one until Rene has reviewed the change, and then the new one at once.",
			func(st *portal.Stage, _ catalog.Level) {
				st.Operated()
				olga, rene := st.NewOperator(portal.Olga), st.NewOperator(portal.Rene)
				request := st.NewLetter("the number of the request, from Olga to Rene")
				olga.Follows(func() {
					olga.Wait(2 * time.Second)
					request.Send(st.AsksChange(olga.Host, portal.Olga, st.Mail, "Post office", st.Mail.CallbackURI()))
				})
				rene.Follows(func() {
					if id, came := request.Await(); came {
						rene.Wait(time.Minute)
						st.Approves(rene.Host, portal.Rene, id)
					}
				})
				before, after := false, false
				renamed := func(u *portal.User) bool {
					page, err := u.Browser.Look(st.Platform.Issuer + "/portal")
					return err == nil && strings.Contains(page.Text(), "Post office")
				}
				st.Alice.Goes(portal.Enters(st.Mail, portal.In), portal.Waits(20*time.Second), portal.Does(func(u *portal.User) { before = renamed(u) }),
					portal.Waits(2*time.Minute), portal.Does(func(u *portal.User) { after = renamed(u) }), portal.Enters(st.Mail, portal.In))
				st.Hope("the portal shows the new name after the review only", func() bool { return !before && after })
			}),
	}, unifiedRefusals())
}

// inAndOut lets a user enter a third-party platform and log out again, so many times.
func inAndOut(u *portal.User, t *portal.ThirdParty, times int, pause time.Duration) {
	steps := []portal.Step{portal.Waits(pause)}
	for range times {
		steps = append(steps, portal.Enters(t, portal.In), portal.LogsOut(portal.Out), portal.Waits(pause))
	}
	u.Goes(steps...)
}
