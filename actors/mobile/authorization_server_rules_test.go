package mobile_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/mobile"
)

const rulesInYAML = `# who may use what
systems:
  - {system_id: crm, address: https://crm-two.example/resource}
apps:
  - appid: field-sales
    system_id: crm
    users: [alice]
devices:
  - deviceid: device-alice
    username: alice
`

var _ = Describe("Rules", func() {
	var p *play
	BeforeEach(func() { p = newPlay(guard.Set{}) })

	It("are read and changed by administrators, version by version", func() {
		p.run(func() {
			first := p.ask(request{path: "/rules", basic: admin})
			Expect(first.header.Get("ETag")).To(Equal(`"1"`))
			want, err := json.Marshal(map[string]any{"rules_version": 1, "rules": firstRules()})
			Expect(err).NotTo(HaveOccurred())
			Expect(first.body).To(MatchJSON(want))
			answer := p.put(changed(moved))
			Expect(answer.status).To(Equal(http.StatusOK))
			Expect(answer.body).To(MatchJSON(`{"rules_version": 2}`))
			Expect(answer.header.Get("ETag")).To(Equal(`"2"`))
			Expect(p.put(changed(moved)).header.Get("ETag")).To(Equal(`"3"`), "of the same content too")
			Expect(p.put(`{"systems": [], "apps": [], "devices": []}`).status).To(Equal(http.StatusOK))
			Expect(p.ask(request{path: "/rules", basic: admin}).body).To(MatchJSON(`{"rules_version": 4, "rules": {"systems": [], "apps": [], "devices": []}}`))
		})
	})

	DescribeTable("are changed only on the version in force",
		func(tag string, status int) {
			p.run(func() {
				r := request{method: "PUT", path: "/rules", basic: admin, body: changed(moved), header: map[string]string{}}
				if tag != "" {
					r.header["If-Match"] = tag
				}
				Expect(p.ask(r).status).To(Equal(status))
				Expect(p.rulesVersion() == 2).To(Equal(status == http.StatusOK))
			})
		},
		Entry("which is named", `"1"`, http.StatusOK),
		Entry("not without If-Match", "", http.StatusPreconditionRequired),
		Entry("not on an older one", `"0"`, http.StatusPreconditionFailed),
		Entry("not on a newer one", `"2"`, http.StatusPreconditionFailed),
		Entry("not on any", `*`, http.StatusPreconditionFailed),
		Entry("not on a weak tag", `W/"1"`, http.StatusPreconditionFailed),
		Entry("not without quotes", `1`, http.StatusPreconditionFailed),
	)

	It("that two administrators send at once are one's", func() {
		p.run(func() {
			statuses := map[int]int{}
			put := func(name string) func() {
				return func() {
					a := p.ask(request{method: "PUT", path: "/rules", basic: name, body: firstRules(), header: map[string]string{"If-Match": `"1"`}})
					statuses[a.status]++
				}
			}
			p.together(put(admin), put("admin-2:admin-password-2"), put(admin))
			Expect(statuses).To(Equal(map[int]int{http.StatusOK: 1, http.StatusPreconditionFailed: 2}))
			Expect(p.rulesVersion()).To(BeNumerically("==", 2))
		})
	})

	DescribeTable("that are broken are refused as a whole",
		func(broken, why string) {
			p.run(func() {
				before := p.ask(request{path: "/rules", basic: admin}).body
				refused := p.put(broken)
				Expect(refused.status).To(Equal(http.StatusBadRequest))
				Expect(refused.text("error")).To(Equal("invalid_request"))
				Expect(refused.text("error_description")).To(ContainSubstring(why))
				Expect(p.ask(request{path: "/rules", basic: admin}).body).To(Equal(before))
				Expect(p.given(p.registered()).number("rules_version")).To(BeNumerically("==", 1))
			})
		},
		Entry("because they are no JSON", `{"systems": [`, "no object"),
		Entry("because they are a list", `[]`, "no object"),
		Entry("because a list is missing", `{"systems": [], "apps": []}`, "lack devices"),
		Entry("because a list is null", `{"systems": [], "apps": [], "devices": null}`, "lack devices"),
		Entry("because a list is none", `{"systems": {}, "apps": [], "devices": []}`, "systems: is no list"),
		Entry("because of a member beside", `{"systems": [], "apps": [], "devices": [], "comment": ""}`, "a member beside"),
		Entry("because a name has another case", `{"Systems": [], "apps": [], "devices": []}`, "lack systems"),
		Entry("because a member is repeated deep inside", `{"systems": [], "apps": [], "devices": [{"deviceid": "d", "username": "a", "username": "b"}]}`, "twice"),
		Entry("because a system is given twice", `{"systems": [{"system_id": "crm", "address": "https://a.example"}, {"system_id": "crm", "address": "https://b.example"}], "apps": [], "devices": []}`, "systems[1]: crm is given twice"),
		Entry("because an app is given twice", `{"systems": [{"system_id": "crm", "address": "https://a.example"}], "apps": [{"appid": "a", "system_id": "crm", "users": []}, {"appid": "a", "system_id": "crm", "users": []}], "devices": []}`, "apps[1]"),
		Entry("because a device is given twice", `{"systems": [], "apps": [], "devices": [{"deviceid": "d", "username": "a"}, {"deviceid": "d", "username": "b"}]}`, "devices[1]"),
		Entry("because a user is given twice", `{"systems": [{"system_id": "crm", "address": "https://a.example"}], "apps": [{"appid": "a", "system_id": "crm", "users": ["x", "x"]}], "devices": []}`, "apps[0].users"),
		Entry("because an app's system is not there", `{"systems": [], "apps": [{"appid": "a", "system_id": "crm", "users": []}], "devices": []}`, "does not name crm"),
		Entry("because a system has no sealing key", `{"systems": [{"system_id": "hr", "address": "https://hr.example"}], "apps": [], "devices": []}`, "no sealing key for hr"),
		Entry("because an address is in a plain network", `{"systems": [{"system_id": "crm", "address": "http://crm.example"}], "apps": [], "devices": []}`, "systems[0]: address"),
		Entry("because an address is no URL", `{"systems": [{"system_id": "crm", "address": "crm"}], "apps": [], "devices": []}`, "systems[0]: address"),
		Entry("because an identifier has other characters", `{"systems": [], "apps": [], "devices": [{"deviceid": "d d", "username": "a"}]}`, "devices[0]: deviceid"),
		Entry("because a user name is a number", `{"systems": [], "apps": [], "devices": [{"deviceid": "d", "username": 7}]}`, "devices[0]: username"),
		Entry("because an entry is none", `{"systems": [7], "apps": [], "devices": []}`, "systems[0]"),
		Entry("because something comes after", `{"systems": [], "apps": [], "devices": []} {}`, "no object"),
	)

	It("are taken in YAML with the same content", func() {
		p.run(func() {
			ph := p.registered()
			put := func(body string) answer {
				return p.ask(request{method: "PUT", path: "/rules", basic: admin, body: body, header: map[string]string{"If-Match": `"` + fmt.Sprint(p.rulesVersion()) + `"`, "Content-Type": "application/yaml"}})
			}
			Expect(put(rulesInYAML).status).To(Equal(http.StatusOK))
			Expect(p.given(ph).text("system_address")).To(Equal(crmSecond))
			for _, broken := range []string{
				"", "systems: [", "just text", rulesInYAML + "more: 1\n", rulesInYAML + "systems: []\n", rulesInYAML + "---\n" + rulesInYAML,
				strings.Replace(rulesInYAML, "username: alice", "username: 7", 1),
				strings.Replace(rulesInYAML, "username: alice", "username: &a alice", 1),
				strings.Replace(rulesInYAML, "username: alice", "username: !!str alice", 1),
			} {
				Expect(put(broken).status).To(Equal(http.StatusBadRequest), broken)
			}
			Expect(p.rulesVersion()).To(BeNumerically("==", 2))
		})
	})

	It("are audited, each version once, with who sent what", func() {
		p.run(func() {
			begun := p.now().Unix()
			body, err := json.Marshal(changed(moved))
			Expect(err).NotTo(HaveOccurred())
			p.sleep(time.Minute)
			p.put(string(body))
			p.put(`{"systems": []}`)
			Expect(p.server.Reload([]byte(rulesInYAML))).To(Succeed())
			digest := func(document []byte) string {
				sum := sha256.Sum256(document)
				return hex.EncodeToString(sum[:])
			}
			first, err := json.Marshal(firstRules())
			Expect(err).NotTo(HaveOccurred())
			Expect(p.ask(request{path: "/rules/audit", basic: admin}).body).To(MatchJSON(fmt.Sprintf(`{"entries": [
				{"rules_version": 1, "activated_at": %d, "by": "file", "sha256": %q},
				{"rules_version": 2, "activated_at": %d, "by": "admin-1", "sha256": %q},
				{"rules_version": 3, "activated_at": %d, "by": "file", "sha256": %q}]}`,
				begun, digest(first), begun+60, digest(body), begun+60, digest([]byte(rulesInYAML)))))
		})
	})

	It("judge every request by one version, and hold nobody up while they change", func() {
		p.run(func() {
			ph := p.registered()
			ids := map[string]bool{}
			id := identifierIn(p.given(ph))
			// odd versions have the first address, even ones the second; stock is alice's in even ones only
			even := changed(func(r *mobile.Rules) {
				moved(r)
				r.Apps[1].Users = []string{}
			})
			p.receive = func(push) int { return http.StatusAccepted }
			changing := true
			p.together(func() {
				for i := range 60 {
					rules := even
					if i%2 == 1 {
						rules = firstRules()
					}
					Expect(p.put(rules).status).To(Equal(http.StatusOK))
				}
				changing = false
			}, func() {
				for changing {
					sent := p.now()
					a := p.given(ph)
					Expect(p.now().Sub(sent)).To(BeNumerically("<", 2*time.Second))
					version, want := a.number("rules_version"), crmAddress
					if version%2 == 0 {
						want = crmSecond
					}
					Expect(a.text("system_address")).To(Equal(want), "version %d", version)
					Expect(claimsOf(a.text("signed_address"))["rules_version"]).To(BeNumerically("==", version))
					ids[identifierIn(a)] = true
				}
			}, func() {
				for changing {
					a := p.authenticate(ph, "stock")
					Expect(a.status == http.StatusOK).To(Equal(a.number("rules_version")%2 == 1), a.body)
				}
			}, func() {
				for changing {
					Expect(p.download("crm", id).status).To(Equal(http.StatusOK))
				}
			})
			Expect(len(ids)).To(BeNumerically(">", 20))
		})
	})

	It("decide every request that begins after the answer to the change", func() {
		p.run(func() {
			ph := p.registered()
			for i := range 20 {
				rules := firstRules()
				if i%2 == 0 {
					rules.Apps[0].Users = []string{"bob"}
				}
				version := p.put(rules).number("rules_version")
				a := p.authenticate(ph, "field-sales")
				Expect(a.status == http.StatusOK).To(Equal(i%2 == 1))
				Expect(a.number("rules_version")).To(Equal(version))
			}
		})
	})

	DescribeTable("that withdraw a right end the token",
		func(change func(*mobile.Rules), status int) {
			p.run(func() {
				id := identifierIn(p.given(p.registered()))
				Expect(p.put(changed(change)).status).To(Equal(http.StatusOK))
				Expect(p.download("crm", id).status).To(Equal(status))
			})
		},
		Entry("when the user may not use the app any more", func(r *mobile.Rules) { r.Apps[0].Users = []string{"bob"} }, http.StatusNotFound),
		Entry("when the device is another's", func(r *mobile.Rules) { r.Devices[0].Username = "bob" }, http.StatusNotFound),
		Entry("when the device is nobody's", func(r *mobile.Rules) { r.Devices = r.Devices[1:] }, http.StatusNotFound),
		Entry("when the app is gone", func(r *mobile.Rules) { r.Apps = r.Apps[1:] }, http.StatusNotFound),
		Entry("when the app belongs to another system", func(r *mobile.Rules) { r.Apps[0].SystemID = "erp" }, http.StatusNotFound),
		Entry("but not when only the address changes", moved, http.StatusOK),
	)

	Describe("in a file", func() {
		var refused []error
		var failing error
		BeforeEach(func() {
			refused, failing = nil, nil
			p.file = []byte(rulesInYAML)
			p.configure = func(s *mobile.AuthorizationServer) {
				s.RulesFile = func() ([]byte, error) { return p.file, failing }
				s.RulesFileRefused = func(err error) { refused = append(refused, err) }
			}
		})

		It("are activated within two seconds after it changes, once", func() {
			p.run(func() {
				ph := p.registered()
				Expect(p.given(ph).text("system_address")).To(Equal(crmSecond))
				p.file = []byte(strings.Replace(rulesInYAML, crmSecond, crmAddress, 1))
				p.sleep(2 * time.Second)
				a := p.given(ph)
				Expect(a.text("system_address")).To(Equal(crmAddress))
				Expect(a.number("rules_version")).To(BeNumerically("==", 2))
				p.sleep(10 * time.Second)
				Expect(p.rulesVersion()).To(BeNumerically("==", 2))
				Expect(strings.Count(p.ask(request{path: "/rules/audit", basic: admin}).body, `"by":"file"`)).To(Equal(2))
				Expect(refused).To(BeEmpty())
			})
		})

		It("are not activated again after a restart, nor over an administrator's", func() {
			p.run(func() {
				p.put(firstRules())
				p.asHost.Crash(time.Second)
				p.sleep(5 * time.Second)
				Expect(p.rulesVersion()).To(BeNumerically("==", 2))
			})
		})

		It("leave the old in force while it is broken or cannot be read, and say so once", func() {
			p.run(func() {
				p.file = []byte("systems: [")
				p.sleep(3 * time.Second)
				failing = errors.New("the file is gone")
				p.sleep(3 * time.Second)
				Expect(p.rulesVersion()).To(BeNumerically("==", 1))
				Expect(refused).To(HaveLen(2))
				Expect(refused[0]).To(MatchError(ContainSubstring("are not YAML")))
				Expect(refused[1]).To(MatchError("the file is gone"))
				failing, p.file = nil, []byte(rulesInYAML+"# again\n")
				p.sleep(3 * time.Second)
				Expect(p.rulesVersion()).To(BeNumerically("==", 2))
			})
		})

		It("are not taken half written", func() {
			p.run(func() {
				half := strings.Index(rulesInYAML, "devices:")
				for i := range 20 {
					p.file = []byte(rulesInYAML[:half] + "devices: []\n# " + strings.Repeat("x", i))
					p.sleep(300 * time.Millisecond)
				}
				p.file = []byte(rulesInYAML)
				p.sleep(3 * time.Second)
				Expect(p.rulesVersion()).To(BeNumerically("==", 1))
			})
		})
	})

	It("that an operator hands over broken are refused with where and why", func() {
		p.run(func() {
			p.rulesVersion()
			err := p.server.Reload([]byte(`{"systems": [{"system_id": "crm", "address": "http://crm.example"}], "apps": [], "devices": []}`))
			var broken *mobile.RulesError
			Expect(errors.As(err, &broken)).To(BeTrue())
			Expect(broken.Where).To(Equal("systems[0]"))
			Expect(p.server.Reload([]byte(`{"systems": [], "systems": [], "apps": [], "devices": []}`))).To(MatchError("the rules have a member twice"))
			Expect(p.rulesVersion()).To(BeNumerically("==", 1))
		})
	})
})
