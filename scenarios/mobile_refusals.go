package scenarios

import (
	"net/http"
	"time"

	cast "countersign/actors/mobile"
	"countersign/conformance/catalog"
	"countersign/scenarios/office"
	"countersign/sim"
)

const requests, responses = sim.Request, sim.Response

// anyMessage is every message on a leg.
func anyMessage(sim.Message) bool { return true }

// mobileRefusals are the ways in which somebody or something says no.
func mobileRefusals() []Scenario {
	refusal := func(name, title, text string, play func(*office.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "mobile/" + name, Flow: flowMobile, Kind: Refusal, Title: title, Text: text, play: inOffice(play)}
	}
	return []Scenario{
		refusal("wrong-password", "A wrong password, then the right one",
			"Alice mistypes her password when she enrols. Nothing is registered, and the app asks for no token. With the right password it works.",
			func(st *office.Stage, _ catalog.Level) {
				st.Alice.Goes(office.Mistypes(office.RegistrationRefused), office.Starts(office.NotEnrolled), office.Enrols(office.Enrolled), office.Starts(office.Opened))
			}),
		refusal("throttled", "Ten wrong passwords",
			"Alice mistypes her password ten times. At hardened her name is throttled then, the right password included, while Bob enrols undisturbed; ten minutes later she gets in. At core nobody counts.",
			func(st *office.Stage, level catalog.Level) {
				var steps []office.Step
				for range 10 {
					steps = append(steps, office.Mistypes(office.RegistrationRefused))
				}
				steps = append(steps, office.Enrols(at(level, office.Enrolled, office.RegistrationRefused)), office.Waits(11*time.Minute), office.Enrols(office.Enrolled), office.Starts(office.Opened))
				st.Alice.Goes(steps...)
				st.Bob.Goes(office.Waits(5*time.Second), office.Enrols(office.Enrolled), office.Starts(office.Opened))
			}),
		refusal("user-without-right", "A user who may not use the app",
			"Bob has a device of his own and no right to the app. He can enrol, and is refused when he opens the app: it goes to no business system.",
			func(st *office.Stage, _ catalog.Level) {
				office.Withdraws("bob", office.FieldSales)(&st.Server.Rules)
				asked := st.Count(st.Bob.Host, office.LegResource)
				st.Bob.Goes(office.Enrols(office.Enrolled), office.Starts(office.AuthenticationRefused))
				st.Hope("no business system is asked", func() bool { return *asked == 0 })
			}),
		refusal("device-of-another-user", "A device that is another user's",
			"The rules give Bob's telephone to Alice. Bob cannot enrol it with his password.",
			func(st *office.Stage, _ catalog.Level) {
				for i := range st.Server.Rules.Devices {
					if st.Server.Rules.Devices[i].DeviceID == st.Bob.DeviceID {
						st.Server.Rules.Devices[i].Username = "alice"
					}
				}
				st.Bob.Goes(office.Enrols(office.RegistrationRefused), office.Starts(office.NotEnrolled))
			}),
		refusal("unknown-app", "An app that the rules do not name",
			"The rules name no app of that identifier. The device can be enrolled, and the app gets no token.",
			func(st *office.Stage, _ catalog.Level) {
				st.Bob.AppID = "games"
				st.Bob.Goes(office.Enrols(office.Enrolled), office.Starts(office.AuthenticationRefused))
			}),
		refusal("device-given-away", "A device that is given to somebody else",
			"Bob's telephone is given to Alice in the rules while he uses it. It gets no token from then on; at hardened the one that it has ends as well.",
			func(st *office.Stage, level catalog.Level) {
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(10 * time.Second)
					a.Changes("Bob's telephone is Alice's", func(r *cast.Rules) {
						for i := range r.Devices {
							if r.Devices[i].DeviceID == st.Bob.DeviceID {
								r.Devices[i].Username = "alice"
							}
						}
					})
				})
				st.Bob.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.Starts(at(level, office.Opened, office.AuthenticationRefused)), office.StartsAfresh(office.AuthenticationRefused))
			}),
		refusal("broken-rules", "Rules with a slip of the pen",
			"Ann sends rules in which an app belongs to a system that there is not. They are refused as a whole, and those in force stay.",
			func(st *office.Stage, _ catalog.Level) {
				refused, version := 0, int64(0)
				st.Ann.Plays(func(a *office.Administrator) {
					a.Wait(5 * time.Second)
					refused = a.Changes("an app of a system that there is not", func(r *cast.Rules) {
						r.Apps[0].SystemID = "cmr"
						r.Apps[1].Users = nil
					})
					version = a.Reads().Version
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(10*time.Second), office.StartsAfresh(office.Opened))
				st.Hope("they are refused", func() bool { return refused == http.StatusBadRequest && version == 1 })
			}),
		{
			Name: "mobile/lost-update", Flow: flowMobile, Kind: Refusal, Title: "Two administrators at once",
			Text:      "Ann takes Clive's right away. In another window she has the older rules open, gives Bob's right back there and sends that too. At hardened the second change is refused, as the rules have changed since. At core it is taken, and Clive has his right again.",
			Invariant: office.NoLostUpdate.Text, breaks: office.NoLostUpdate, open: true,
			play: inOffice(func(st *office.Stage, level catalog.Level) {
				status := 0
				st.Ann.Plays(func(a *office.Administrator) {
					window := a.Reads()
					a.Changes("Clive may not use the app", office.Withdraws("clive", office.FieldSales))
					office.Grants("bob", office.Stock)(&window.Rules)
					a.Note("sends the rules from the other window")
					status = a.Puts(window.Version, window.Rules)
				})
				st.Hope("the second change is refused at hardened", func() bool { return status == at(level, http.StatusOK, http.StatusPreconditionFailed) })
			}),
		},
		refusal("another-authorization-server", "Metadata of another authorization server",
			"The document under the authorization server's URL names another issuer. At hardened the app uses nothing of it, and sends no password anywhere; at core nobody looks at the issuer there, but the business system does.",
			func(st *office.Stage, level catalog.Level) {
				st.Server.Publish("issuer", "https://authorization.example")
				sent := st.Count(st.Alice.Host, office.LegRegistration)
				st.Alice.Goes(office.Enrols(at(level, office.Enrolled, office.AnswerRefused)), office.Starts(at(level, office.AccessRefused, office.NotEnrolled)))
				st.Hope("no password is sent at hardened", func() bool { return *sent == at(level, 1, 0) })
			}),
		refusal("wipe-pending", "A device that has not been wiped yet",
			"Alice deregisters her telephone, which is switched off. Somebody who finds it and knows her password cannot enrol it again before the wipe is done. At core that calls the wipe off.",
			func(st *office.Stage, level catalog.Level) {
				away := true
				st.Loses(requests, office.LegMessage, func(sim.Message) bool { return away })
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Deregisters(st.Alice, office.Pending),
					office.Enrols(at(level, office.Enrolled, office.RegistrationRefused)), office.Does(func(*office.User) { away = false }),
					office.Waits(2*time.Minute), office.Enrols(office.Enrolled), office.Starts(office.Opened))
			}),
		refusal("deregistered-with-a-wrong-password", "A deregistration with a wrong password",
			"Alice mistypes her password when she deregisters her telephone. Nothing is changed, and it goes on.",
			func(st *office.Stage, _ catalog.Level) {
				tablet := st.NewTablet()
				said := office.Outcome("")
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened), office.Waits(20*time.Second), office.StartsAfresh(office.Opened))
				tablet.Goes(office.Waits(10*time.Second), office.Does(func(u *office.User) { said = u.DeregistersWith(st.Alice, "mistyped") }))
				st.Hope("it is refused", func() bool { return said == office.Denied })
			}),
		refusal("maintenance", "A business system in maintenance",
			"The customer register answers 503 twice and says to come again in two seconds. The app waits for as long as it is told and tries again, with the same token and a new proof.",
			func(st *office.Stage, level catalog.Level) {
				left := 2
				st.Instead(st.CRM.Host, office.LegResource, func() (sim.Message, bool) {
					left--
					return sim.Message{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"2"}}}, left >= 0
				})
				st.Alice.Goes(office.Enrols(office.Enrolled), office.Starts(office.Opened))
				st.Hope("the app waits at hardened", func() bool { return (st.Alice.Slowest >= 4*time.Second) == (level != catalog.Core) })
			}),
		refusal("unsafe-address", "An authorization server in the clear",
			"The metadata name an endpoint without TLS for the registration. At hardened the app sends no password there, and the enrolment ends.",
			func(st *office.Stage, level catalog.Level) {
				st.Server.Publish("registration_endpoint", "http://authorization/registration")
				st.Alice.Goes(office.Enrols(at(level, office.Enrolled, office.Unreachable)))
			}),
	}
}
