package mobile_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/mobile"
	"countersign/sim"
)

// gaps are the whole seconds between pushes.
func gaps(pushes []push) (seconds []int) {
	for i := 1; i < len(pushes); i++ {
		seconds = append(seconds, int(pushes[i].at.Sub(pushes[i-1].at).Round(time.Second)/time.Second))
	}
	return seconds
}

var _ = Describe("Messages", func() {
	var p *play
	BeforeEach(func() { p = newPlay(guard.Set{}) })

	jtiOf := func(m push) string { return m.claims()["jti"].(string) }

	DescribeTable("to wipe are sent again with longer pauses until they are acknowledged",
		func(status int) {
			p.receive = func(push) int { return status }
			p.run(func() {
				ph := p.registered()
				begun := p.now()
				Expect(p.deregister(ph).body).To(MatchJSON(`{"deviceid": "device-alice", "wipe": "pending"}`))
				p.sleep(125 * time.Second)
				Expect(p.pushes[0].at).To(BeTemporally("~", begun, 2*time.Second))
				Expect(gaps(p.pushes)).To(Equal([]int{1, 2, 4, 8, 16, 30, 30, 30}))
				for _, m := range p.pushes {
					Expect(m.text).To(Equal(p.pushes[0].text), "the same bytes each time")
					Expect(m.mediaType).To(Equal("application/secevent+jwt"))
				}
				Expect(p.signed(p.pushes[0].text)).To(BeTrue())
				claims := p.pushes[0].claims()
				Expect(claims["iat"]).To(BeNumerically("~", begun.Unix(), 1))
				delete(claims, "iat")
				Expect(claims["jti"]).To(MatchRegexp(`^.{16,128}$`))
				delete(claims, "jti")
				Expect(claims).To(Equal(map[string]any{
					"iss": issuer, "aud": "device-alice", "cnf": map[string]any{"jkt": ph.key.Thumbprint()}, "events": map[string]any{"urn:countersign:mobile:wipe": map[string]any{}},
				}))

				sent := len(p.pushes)
				for range 2 {
					done := p.acknowledge(ph, jtiOf(p.pushes[0]))
					Expect(done.status).To(Equal(http.StatusNoContent))
					Expect(done.body).To(BeEmpty())
				}
				Expect(p.deregister(ph).text("wipe")).To(Equal("acknowledged"))
				p.sleep(5 * time.Minute)
				Expect(p.pushes).To(HaveLen(sent))
			})
		},
		Entry("though the device takes them", http.StatusAccepted),
		Entry("when the device refuses them", http.StatusBadRequest),
		Entry("when the device breaks", http.StatusInternalServerError),
		Entry("when the device sends elsewhere", http.StatusFound),
	)

	It("wait ten seconds for an answer, and pause after that", func() {
		p.receive = func(push) int {
			p.sleep(time.Minute)
			return http.StatusAccepted
		}
		p.run(func() {
			p.deregister(p.registered())
			p.sleep(40 * time.Second)
			Expect(gaps(p.pushes)).To(Equal([]int{11, 12, 14}))
		})
	})

	It("to wipe go to a device that comes back, and the user does not wait for it", func() {
		p.run(func() {
			ph := alicesPhone()
			p.ask(request{path: "/registration", by: ph, method: "POST", body: object{
				"deviceid": ph.id, "username": "alice", "password": "alice-password", "notification_uri": "https://late.example/notification",
			}})
			sent := p.now()
			Expect(p.deregister(ph).status).To(Equal(http.StatusOK))
			Expect(p.now().Sub(sent)).To(BeNumerically("<", time.Second))
			p.sleep(20 * time.Second)
			Expect(p.pushes).To(BeEmpty())
			arrived := 0
			p.world.Host("late.example", func(*sim.Host) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					arrived++
					w.WriteHeader(http.StatusAccepted)
				})
			})
			p.sleep(20 * time.Second)
			Expect(arrived).To(Equal(1))
		})
	})

	It("to wipe are taken up again after a crash, at their pace, with the same bytes", func() {
		p.run(func() {
			ph := p.registered()
			p.deregister(ph)
			p.sleep(10 * time.Second) // after the fourth
			Expect(p.pushes).To(HaveLen(4))
			p.asHost.Crash(time.Second)
			p.sleep(20 * time.Second)
			Expect(gaps(p.pushes)).To(Equal([]int{1, 2, 4, 8}))
			p.asHost.Crash(time.Minute)
			p.sleep(62 * time.Second)
			Expect(p.pushes).To(HaveLen(6), "one that was due meanwhile is sent at once")
			Expect(p.pushes[5].text).To(Equal(p.pushes[0].text))
			Expect(p.deregister(ph).text("wipe")).To(Equal("pending"))
			Expect(p.acknowledge(ph, jtiOf(p.pushes[0])).status).To(Equal(http.StatusNoContent))
			p.asHost.Crash(time.Second)
			p.sleep(5 * time.Minute)
			Expect(p.pushes).To(HaveLen(6))
			Expect(p.acknowledge(ph, jtiOf(p.pushes[0])).status).To(Equal(http.StatusNoContent))
		})
	})

	It("to wipe survive a crash in the middle of a try", func() {
		p.run(func() {
			ph := p.registered()
			p.receive = func(push) int {
				p.asHost.Crash(time.Second)
				p.receive = nil
				return http.StatusAccepted
			}
			p.deregister(ph)
			p.sleep(30 * time.Second)
			Expect(len(p.pushes)).To(BeNumerically(">=", 2))
		})
	})

	It("to wipe are begun once however often the device is deregistered", func() {
		p.run(func() {
			ph := p.registered()
			for range 3 {
				Expect(p.deregister(ph).text("wipe")).To(Equal("pending"))
			}
			p.sleep(20 * time.Second)
			Expect(gaps(p.pushes)).To(Equal([]int{1, 2, 4, 8}))
		})
	})

	It("to wipe keep their pace when the server is opened twice", func() {
		p.run(func() {
			p.deregister(p.registered())
			Expect(p.server.Open()).To(Succeed())
			p.sleep(40 * time.Second)
			Expect(gaps(p.pushes)).To(Equal([]int{1, 2, 4, 8, 16}))
		})
	})

	It("to wipe are ended by the device alone", func() {
		p.run(func() {
			ph := p.registered()
			p.deregister(ph)
			p.sleep(time.Second / 2)
			jti := jtiOf(p.pushes[0])
			Expect(p.acknowledge(newPhone("device-alice", "alice", "other"), jti).status).To(Equal(http.StatusForbidden))
			Expect(p.acknowledge(ph, jti+"x").status).To(Equal(http.StatusForbidden))
			Expect(p.ask(request{path: "/wipe-acknowledgement", body: object{"deviceid": ph.id, "jti": jti}}).status).To(Equal(http.StatusBadRequest))
			p.sleep(10 * time.Second)
			Expect(len(p.pushes)).To(BeNumerically(">", 3))
			Expect(p.deregister(ph).text("wipe")).To(Equal("pending"))
		})
	})

	It("to wipe are given on contact, as they are pushed, to the device alone", func() {
		p.run(func() {
			ph := p.registered()
			p.deregister(ph)
			p.put(`{"systems": [], "apps": [], "devices": []}`) // whatever the rules say by now
			p.sleep(time.Second)
			refused := p.authenticate(ph, "field-sales")
			Expect(refused.status).To(Equal(http.StatusForbidden))
			Expect(refused.text("error")).To(Equal("device_deregistered"))
			Expect(refused.text("message")).To(Equal(p.pushes[0].text))
			Expect(refused.number("rules_version")).To(BeNumerically("==", 2))
			Expect(p.authenticate(newPhone("device-alice", "alice", "other"), "field-sales").text("error")).To(Equal("access_denied"))
			p.acknowledge(ph, jtiOf(p.pushes[0]))
			Expect(p.authenticate(ph, "field-sales").text("error")).To(Equal("access_denied"))
		})
	})

	Describe("about an address", func() {
		It("go to the registered devices that it concerns until they are taken", func() {
			answers := []int{500, 404, 202}
			p.receive = func(push) int {
				status := answers[0]
				answers = answers[1:]
				return status
			}
			p.run(func() {
				ph := p.registered()
				begun := p.now()
				p.put(changed(moved))
				p.sleep(2 * time.Minute)
				Expect(gaps(p.pushes)).To(Equal([]int{1, 2}))
				Expect(p.pushes[0].at).To(BeTemporally("~", begun, 2*time.Second))
				Expect(p.signed(p.pushes[0].text)).To(BeTrue())
				claims := p.pushes[0].claims()
				Expect(claims["aud"]).To(Equal("device-alice"))
				Expect(claims["rules_version"]).To(BeNumerically("==", 2))
				Expect(claims["cnf"]).To(Equal(map[string]any{"jkt": ph.key.Thumbprint()}))
				Expect(claims["events"]).To(Equal(map[string]any{"urn:countersign:mobile:address": map[string]any{"system_id": "crm", "address": crmSecond}}))
			})
		})

		DescribeTable("are not sent",
			func(change func(*mobile.Rules)) {
				p.run(func() {
					p.registered()
					Expect(p.put(changed(change)).status).To(Equal(http.StatusOK))
					p.sleep(5 * time.Second)
					Expect(p.pushes).To(BeEmpty())
				})
			},
			Entry("when none changes", func(*mobile.Rules) {}),
			Entry("when the system is gone", func(r *mobile.Rules) { r.Systems, r.Apps = r.Systems[1:], r.Apps[1:] }),
			Entry("to a user who may use no app of the system", func(r *mobile.Rules) {
				moved(r)
				r.Apps[0].Users = []string{"bob"}
			}),
			Entry("to a device of such a user that the rules give to one who may", func(r *mobile.Rules) {
				moved(r)
				r.Apps[0].Users = []string{"bob"}
				r.Devices[0].Username = "bob"
			}),
		)

		DescribeTable("go to whoever registered the device, whatever the rules say of it by now",
			func(change func(*mobile.Rules)) {
				p.run(func() {
					p.registered()
					Expect(p.put(changed(change)).status).To(Equal(http.StatusOK))
					p.sleep(2 * time.Second)
					Expect(p.pushed("urn:countersign:mobile:address")).To(HaveLen(1))
				})
			},
			Entry("that it is another's", func(r *mobile.Rules) {
				moved(r)
				r.Devices[0].Username = "bob"
			}),
			Entry("nothing", func(r *mobile.Rules) {
				moved(r)
				r.Devices = r.Devices[1:]
			}),
		)

		It("end when a newer address takes their place", func() {
			p.receive = func(push) int { return http.StatusServiceUnavailable }
			p.run(func() {
				p.registered()
				p.put(changed(moved))
				p.sleep(5 * time.Second)
				p.put(firstRules())
				p.sleep(10 * time.Second)
				var said []string
				for _, m := range p.pushes {
					events := m.claims()["events"].(map[string]any)["urn:countersign:mobile:address"].(map[string]any)
					said = append(said, strings.TrimPrefix(events["address"].(string), "https://"))
				}
				Expect(said).To(Equal([]string{
					"crm-two.example/resource", "crm-two.example/resource", "crm-two.example/resource",
					"crm.example/resource", "crm.example/resource", "crm.example/resource", "crm.example/resource",
				}))
			})
		})

		It("end when every token that knew the old address has", func() {
			p.receive = func(push) int { return http.StatusServiceUnavailable }
			p.run(func() {
				p.registered()
				p.put(changed(moved))
				begun := p.now()
				p.sleep(time.Hour)
				last := p.pushes[len(p.pushes)-1].at.Sub(begun)
				Expect(last).To(BeNumerically("<", lifetime))
				Expect(last).To(BeNumerically(">", lifetime-31*time.Second))
			})
		})

		It("end when the device is deregistered", func() {
			p.receive = func(push) int { return http.StatusServiceUnavailable }
			p.run(func() {
				ph := p.registered()
				p.put(changed(moved))
				p.sleep(2 * time.Second)
				sent := len(p.pushed("urn:countersign:mobile:address"))
				p.deregister(ph)
				p.sleep(time.Minute)
				Expect(p.pushed("urn:countersign:mobile:address")).To(HaveLen(sent))
				Expect(len(p.wipes())).To(BeNumerically(">", 3))
			})
		})
	})
})
