package scenarios

import (
	"net/http"
	"slices"
	"time"

	cast "countersign/actors/mobile"
	"countersign/conformance/catalog"
	"countersign/scenarios/office"
	"countersign/scenarios/stage"
)

const flowMobile = "mobile"

// inOffice sets the stage of the flow, and gives the cast its parts.
func inOffice(play func(*office.Stage, catalog.Level)) func(stage.Setting) *stage.Stage {
	return func(s stage.Setting) *stage.Stage {
		st := office.New(s)
		play(st, s.Level)
		return st.Stage
	}
}

// mobile is the flow as it is meant to go.
func mobile() []Scenario {
	happy := func(name, title, text string, play func(*office.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "mobile/" + name, Flow: flowMobile, Kind: Happy, Title: title, Text: text, play: inOffice(play)}
	}
	return slices.Concat([]Scenario{
		happy("happy", "A device is enrolled and the app opens",
			"Alice enrols her telephone with her password. When she opens the app, it authenticates with its authentication ID and gets a sealed token and the address of the business system. It shows the token there; the business system opens it, downloads the shared token, compares, and gives her resources. The second time the stored token is enough.",
			func(st *office.Stage, _ catalog.Level) {
				asked := st.Count(st.Alice.Host, office.LegAuthentication)
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(time.Minute), office.Starts(office.Opened))
				st.Hope("the app authenticates once", func() bool { return *asked == 1 })
			}),
		happy("fresh-token", "A new token each time",
			"Alice opens the app three times, each time with a new token. The tokens are all different, and the earlier ones stay good until they expire.",
			func(st *office.Stage, _ catalog.Level) {
				loot := st.Steals(st.Alice)
				st.Alice.Goes(office.Enrols(office.Enrolled), office.StartsAfresh(office.Opened), office.StartsAfresh(office.Opened), office.StartsAfresh(office.Opened))
				downloads := st.Requests(st.CRM.Host, office.LegDownload)
				st.Hope("each authentication gives another token", func() bool { return len(loot.Grants) == 3 && len(downloads) == 3 })
			}),
		happy("two-systems", "Two business systems",
			"Alice has the app of the customer register on her telephone and that of the stock on her tablet. Each gets tokens for its own business system and learns the address of that one; neither system sees the other's tokens.",
			func(st *office.Stage, _ catalog.Level) {
				tablet := st.NewTablet()
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(10*time.Second), office.StartsAfresh(office.Opened))
				tablet.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(10*time.Second), office.StartsAfresh(office.Opened))
			}),
		happy("two-devices", "Two devices of one user",
			"Alice has the app on her telephone and on her tablet. Each device has a key of its own and is registered by itself; tokens of the one do not disturb those of the other.",
			func(st *office.Stage, _ catalog.Level) {
				tablet := st.NewTablet()
				tablet.AppID = office.FieldSales
				for _, u := range []*office.User{st.Alice, tablet} {
					u.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(10*time.Second), office.Starts(office.Opened))
				}
			}),
		happy("two-users", "Two users at once",
			"Alice and Bob enrol and open the same app in the same moments. Their requests cross at every host, and each gets what is their own.",
			func(st *office.Stage, _ catalog.Level) {
				for _, u := range []*office.User{st.Alice, st.Bob} {
					u.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.StartsAfresh(office.Opened))
				}
			}),
		happy("token-expires", "A token expires",
			"Alice opens the app every four minutes, and a token lives for five. The app sees for itself when its token is over, and authenticates anew without asking her.",
			func(st *office.Stage, _ catalog.Level) {
				asked := st.Count(st.Alice.Host, office.LegAuthentication)
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(4*time.Minute), office.Starts(office.Opened),
					office.Waits(4*time.Minute), office.Starts(office.Opened))
				st.Hope("the app authenticates twice", func() bool { return *asked == 2 })
			}),
		happy("download-kept", "A download is kept for five seconds",
			"The authorization server says for how long a downloaded token may be used again. Two accesses within that time cost one download, a later one costs another. At core nothing is said, and every access costs one.",
			func(st *office.Stage, level catalog.Level) {
				asked := st.Count(st.CRM.Host, office.LegDownload)
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(time.Second), office.Starts(office.Opened),
					office.Waits(10*time.Second), office.Starts(office.Opened))
				st.Hope("every access costs a download at core, and two of three at hardened", func() bool { return *asked == at(level, 3, 2) })
			}),
		happy("key-rotation", "A new sealing key, and the old one beside it",
			"Ann rotates the sealing key of the customer register. A token that was sealed before still opens, a new one is sealed under the new key, and the system reads its keys anew as soon as it sees the unknown name. Five minutes later the old key is gone. At core there is one key, configured on both sides, and nothing to rotate.",
			func(st *office.Stage, level catalog.Level) {
				read := st.Count(st.CRM.Host, office.LegKeys)
				status := 0
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					status = a.Rotates(st.CRM)
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.Starts(office.Opened),
					office.StartsAfresh(office.Opened), office.Waits(6*time.Minute), office.Starts(office.Opened))
				again := st.Count(st.Bob.Host, office.LegAuthentication)
				st.Bob.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(40*time.Second), office.Starts(office.Opened))
				st.Hope("a token under the old key is still good", func() bool { return *again == 1 })
				st.Hope("there is a key to rotate at hardened", func() bool { return status == at(level, http.StatusNotFound, http.StatusOK) })
				st.Hope("the keys are read three times at hardened", func() bool { return *read == at(level, 0, 3) })
			}),
		happy("address-changed", "The business system has moved",
			"The customer register moves to another address while Alice's telephone is switched off from the network of its messages. Nothing answers at the old address: the app authenticates anew, learns the new one, and Alice notices nothing.",
			func(st *office.Stage, _ catalog.Level) {
				moved := st.NewAddress(st.CRM, "crm.new")
				st.Loses(requests, office.LegMessage, anyMessage)
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					a.Changes("the customer register has another address", office.Moves(moved))
					st.CRM.Host.Crash(-1)
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.Starts(office.Opened), office.Starts(office.Opened))
			}),
		happy("address-pushed", "A new address is pushed",
			"The customer register moves, and the old address goes on for a while. At hardened the authorization server sends the new one, signed, to every device whose user may use the app: with the token that it has, Alice's app goes there at once. At core it learns the new address with its next token.",
			func(st *office.Stage, level catalog.Level) {
				moved := st.NewAddress(st.CRM, "crm.new")
				asked := st.Count(moved.Host, office.LegDownload)
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					a.Changes("the customer register has another address", office.Moves(moved))
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.Starts(office.Opened))
				st.Bob.Goes(office.Enrols(office.Enrolled))
				st.Hope("the app goes to the new address with the old token at hardened", func() bool { return *asked == at(level, 0, 1) })
			}),
		happy("wipe", "A lost device is deregistered and wiped",
			"Alice has lost her telephone and deregisters it from her tablet. She is answered at once, no token of it is good any more, and the authorization server sends it the wipe message. The app deletes token, address, resources and enrolment, and reports it; from then on the answer to Alice is that the data are gone. At core a repeated deregistration begins a new wipe.",
			func(st *office.Stage, level catalog.Level) {
				tablet := st.NewTablet()
				sent := st.Count(st.Server.Host, office.LegMessage)
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(time.Minute), office.Does((*office.User).Finds), office.Starts(office.NotEnrolled))
				tablet.Goes(office.Waits(10*time.Second), office.Deregisters(st.Alice, office.Pending), office.Waits(20*time.Second), office.Deregisters(st.Alice, at(level, office.Pending, office.Acknowledged)))
				st.Hope("one message is enough for one wipe", func() bool { return *sent == at(level, 2, 1) })
			}),
		happy("found-again", "A device that was lost is found and enrolled again",
			"Alice's telephone was wiped and turns up again. She enrols it anew with her password, and it works as before; the tokens of its former registration stay dead.",
			func(st *office.Stage, _ catalog.Level) {
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Deregisters(st.Alice, office.Pending), office.Waits(20*time.Second),
					office.Starts(office.NotEnrolled), office.Enrols(office.Enrolled), office.Starts(office.Opened))
			}),
	}, mobileRules(), mobileRefusals())
}

// mobileRules is rules that change while everybody works.
func mobileRules() []Scenario {
	happy := func(name, title, text string, play func(*office.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "mobile/" + name, Flow: flowMobile, Kind: Happy, Title: title, Text: text, play: inOffice(play)}
	}
	return []Scenario{
		happy("rules-changed", "Rules are changed by a request",
			"Bob loses the right to the app while he works, and gets it back. Ann sends the rules, the authorization server activates them as a version of their own, and the next request is judged by them. Alice notices nothing. At hardened Bob's token ends with his right; at core it is good until it expires.",
			func(st *office.Stage, level catalog.Level) {
				var audit []office.Entry
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					a.Changes("Bob may not use the app", office.Withdraws("bob", office.FieldSales))
					a.Wait(20 * time.Second)
					a.Changes("Bob may use it again", office.Grants("bob", office.FieldSales))
					audit = a.Audits()
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.StartsAfresh(office.Opened), office.Waits(20*time.Second), office.StartsAfresh(office.Opened))
				st.Bob.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.Starts(at(level, office.Opened, office.AuthenticationRefused)),
					office.StartsAfresh(office.AuthenticationRefused), office.Waits(20*time.Second), office.Starts(office.Opened))
				st.Hope("the audit lists the three versions at hardened", func() bool {
					want := []office.Entry{{Version: 1, By: "file"}, {Version: 2, By: "ann"}, {Version: 3, By: "ann"}}
					return slices.Equal(audit, at(level, nil, want))
				})
			}),
		happy("rules-file-changed", "Rules are changed in a file",
			"The rules lie in a file on the authorization server's disk. An operator saves it half written: that is refused, and the rules in force stay. Then she saves it in YAML, without Bob: within two seconds it is a version like any other, and in the audit. At core the file is read at the start only.",
			func(st *office.Stage, level catalog.Level) {
				st.Server.File = &office.File{Text: []byte(rulesInYAML("alice, bob"))}
				st.Curtain(time.Minute)
				var before, after office.Sheet
				var audit []office.Entry
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					a.Note("saves the file half written")
					st.Server.File.Text = []byte("systems: [{system_id: crm, addr")
					a.Wait(5 * time.Second)
					before = a.Reads()
					a.Note("saves the file without Bob")
					st.Server.File.Text = []byte(rulesInYAML("alice"))
					a.Wait(2 * time.Second)
					after = a.Reads()
					audit = a.Audits()
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(25*time.Second), office.StartsAfresh(office.Opened))
				st.Bob.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(12*time.Second), office.StartsAfresh(office.Opened),
					office.Waits(10*time.Second), office.StartsAfresh(at(level, office.Opened, office.AuthenticationRefused)))
				st.Hope("broken rules leave the old in force", func() bool { return before.Version == 1 && (st.Server.File.Refused != "") == (level != catalog.Core) })
				st.Hope("the file is in force within two seconds at hardened", func() bool {
					return after.Version == at[int64](level, 1, 2) && len(after.Rules.Apps[0].Users) == at(level, 2, 1)
				})
				st.Hope("both versions are in the audit at hardened", func() bool {
					return slices.Equal(audit, at(level, nil, []office.Entry{{Version: 1, By: "file"}, {Version: 2, By: "file"}}))
				})
			}),
		happy("thousand-rule-changes", "A thousand changes of rules under load",
			"Ann changes the rules a thousand times, one after the other: Bob's right comes and goes. Meanwhile Alice opens the app on both of her devices again and again, at two business systems, with stored tokens and with new ones. Not one of her requests fails, and none waits for a change.",
			func(st *office.Stage, _ catalog.Level) {
				const changes, between = 1000, 250 * time.Millisecond
				done, wrong := false, 0
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(time.Second)
					with, without := office.FirstRules(), office.FirstRules()
					office.Withdraws("bob", office.FieldSales)(&without)
					for i := range changes {
						rules := []cast.Rules{without, with}[i%2]
						if a.Puts(int64(i+1), rules) != http.StatusOK {
							wrong++
						}
					}
					done = true
				})
				tablet := st.NewTablet()
				opened := map[*office.User]int{}
				for _, u := range []*office.User{st.Alice, tablet} {
					u.Plays(func(u *office.User) {
						u.Enrols()
						for !done {
							start := u.Starts
							if opened[u]%5 == 4 {
								start = u.StartsAfresh
							}
							if start() != office.Opened {
								wrong++
							}
							opened[u]++
							u.Wait(between)
						}
					})
				}
				turnedAway := st.CountAnswers(http.StatusServiceUnavailable)
				st.Hope("every change is activated and every start opens the app", func() bool {
					return wrong == 0 && opened[st.Alice] > 50 && opened[tablet] > 50
				})
				st.Hope("nobody is turned away", func() bool { return *turnedAway == 0 })
				st.Hope("nobody waits", func() bool { return max(st.Alice.Slowest, tablet.Slowest) < time.Second })
			}),
	}
}

// rulesInYAML is the first rules for a file, with these users of the customer register.
func rulesInYAML(users string) string {
	return `systems:
  - {system_id: crm, address: "https://crm/resource"}
  - {system_id: erp, address: "https://erp/resource"}
apps:
  - {appid: field-sales, system_id: crm, users: [` + users + `]}
  - {appid: stock, system_id: erp, users: [alice]}
devices:
  - {deviceid: device-alice, username: alice}
  - {deviceid: device-bob, username: bob}
`
}
