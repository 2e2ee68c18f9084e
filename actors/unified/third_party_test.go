package unified_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/token"
	"countersign/actors/unified"
	"countersign/conformance/catalog"
)

var _ = Describe("A login at a third-party platform", func() {
	var s *scene
	var v *visitor
	BeforeEach(func() {
		s = newScene(guard.Set{})
		v = s.visitor()
	})

	It("ends at the home page, which knows the user by nickname and picture", func() {
		response, _ := v.logsInAs(s.p, "alice", 1).get("/")
		Expect(response.StatusCode).To(Equal(http.StatusOK))
		_, body := v.get("/home")
		Expect(body).To(And(ContainSubstring("<strong>Alice</strong>"), ContainSubstring(`src="https://pictures.example/alice"`)))
	})

	It("opens the data that the third-party platform keeps for that user", func() {
		s.site.Data = func(who unified.Visitor) []unified.Datum {
			return []unified.Datum{{ID: "7", Title: who.Sub + " of " + who.Issuer + " in account " + who.Account}}
		}
		_, m := v.logsInAs(s.p, "alice", 1).reads()
		Expect(m).To(HaveKeyWithValue("data", ConsistOf(HaveKeyWithValue("title", "alice of "+sceneP+" in account 1"))))
	})

	It("may be one of several that are under way in one browser", func() {
		first, second := v.begins(""), v.begins("?iss="+url.QueryEscape(sceneQ))
		Expect(second.Get("client_id")).To(Equal("site-at-q"))
		Expect(v.returns("state", second.Get("state"), "code", "c", "iss", sceneQ)).To(Equal(http.StatusSeeOther))
		Expect(v.returns("state", first.Get("state"), "code", "c", "iss", sceneP)).To(Equal(http.StatusSeeOther))
	})

	It("begins anew for a browser that is logged in", func() {
		Expect(v.logsInAs(s.p, "alice", 1).begins("").Get("state")).NotTo(BeEmpty())
	})

	It("is forgotten when it is not finished within ten minutes", func() {
		kept, late := v.begins("").Get("state"), v.begins("").Get("state")
		s.Sleep(10 * time.Minute)
		Expect(v.returns("state", kept, "code", "c", "iss", sceneP)).To(Equal(http.StatusSeeOther))
		s.Sleep(time.Second)
		Expect(v.returns("state", late, "code", "c", "iss", sceneP)).To(Equal(http.StatusForbidden))
	})

	It("takes a session only from a cookie that it has set itself", func() {
		v.begins("")
		planted := v.cookie("tp-session")
		planted.Value = "planted-by-somebody-else"
		v.begins("")
		Expect(v.cookie("tp-session").Value).NotTo(Equal("planted-by-somebody-else"))
	})

	DescribeTable("refuses a callback",
		func(status int, params ...string) {
			Expect(v.returns(append(params, "state", v.begins("").Get("state"))...)).To(Equal(status))
			Expect(s.p.heard).To(BeEmpty())
		},
		Entry("with neither code nor error", 400, "iss", sceneP),
		Entry("with a code twice", 400, "iss", sceneP, "code", "c", "code", "d"),
		Entry("with a state twice", 400, "iss", sceneP, "code", "c", "state", "another"),
	)

	DescribeTable("refuses to begin",
		func(status int, query string) {
			response, _ := v.get("/access" + query)
			Expect(response.StatusCode).To(Equal(status))
		},
		Entry("at a platform that is not configured", 400, "?iss=https://unheard-of.example"),
		Entry("at two platforms at once", 400, "?iss="+sceneP+"&iss="+sceneQ),
	)

	It("is refused with 502 while the platform's document cannot be had", func() {
		for _, broken := range []func(){
			func() { delete(s.p.metadata, "token_endpoint") },
			func() { delete(s.hosts, "p.example") },
		} {
			broken()
			response, _ := v.get("/access")
			Expect(response.StatusCode).To(Equal(http.StatusBadGateway))
		}
	})

	It("reads the platform's document once in a minute", func() {
		v.begins("")
		delete(s.hosts, "p.example")
		s.Sleep(59 * time.Second)
		v.begins("")
		s.Sleep(time.Second)
		response, _ := v.get("/access")
		Expect(response.StatusCode).To(Equal(http.StatusBadGateway))
	})

	DescribeTable("takes no answer of the platform",
		func(status int, change map[string]any) {
			s.p.spoil = func(_ http.ResponseWriter, asked heard, members map[string]any) bool {
				if asked.name == "authentication-request" {
					maps.Copy(members, change)
				}
				return false
			}
			Expect(v.logsIn(s.p)).To(Equal(status))
			Expect(v.in()).To(BeFalse())
		},
		Entry("that another issuer made", 502, map[string]any{"iss": sceneQ}),
		Entry("that was made for another", 502, map[string]any{"aud": "site-at-q"}),
		Entry("that is old", 502, map[string]any{"iat": 1}),
		Entry("without a sub", 502, map[string]any{"sub": nil}),
		Entry("with a sub that is no string", 502, map[string]any{"sub": 7}),
		Entry("with a sub of 256 characters", 502, map[string]any{"sub": strings.Repeat("s", 256)}),
		Entry("without a generation", 502, map[string]any{"generation": nil}),
	)

	It("does without a generation and an own code challenge at level core", func() {
		s := newScene(guard.Set{Level: catalog.Core})
		delete(s.p.user, "generation")
		v := s.visitor()
		Expect(v.logsIn(s.p)).To(Equal(http.StatusSeeOther))
		Expect(s.p.batch(map[string]any{"task_id": "t1", "sub": "alice"}).results).To(HaveKeyWithValue("t1", "done"))
		Expect(v.in()).To(BeFalse())
		Expect(v.logsIn(s.p)).To(Equal(http.StatusSeeOther))
		Expect(v.in()).To(BeTrue())
	})
})

var _ = Describe("A login credential", func() {
	var s *scene
	var v *visitor
	BeforeEach(func() {
		s = newScene(guard.Set{})
		v = s.visitor().logsInAs(s.p, "alice", 1)
	})

	It("is confirmed from the moment when the platform was asked", func() {
		for range 3 {
			s.Sleep(301 * time.Second)
			Expect(v.in()).To(BeTrue())
			Expect(v.in()).To(BeTrue())
		}
		Expect(s.p.to("status-request")).To(HaveLen(3))
		Expect(s.p.to("status-request")[0].members).To(And(HaveKeyWithValue("sub", "alice"), HaveKeyWithValue("generation", BeNumerically("==", 1))))
	})

	It("ends with all of its user and generation when the platform calls it inactive", func() {
		newer := s.visitor().logsInAs(s.p, "alice", 2)
		s.Sleep(200 * time.Second)
		same := s.visitor().logsInAs(s.p, "alice", 1)
		s.Sleep(150 * time.Second)
		s.p.active = false
		Expect(v.in()).To(BeFalse())
		s.p.active = true
		Expect([]bool{v.in(), same.in(), newer.in()}).To(Equal([]bool{false, false, true}))
	})

	It("ends where the platform has no status endpoint, or is none any more", func() {
		delete(s.p.metadata, "status_endpoint")
		s.Sleep(301 * time.Second)
		status, m := v.reads()
		Expect(status).To(Equal(http.StatusForbidden))
		Expect(m).To(HaveKeyWithValue("error", "login_required"))
	})

	It("stays through an outage, and its home page says so", func() {
		delete(s.hosts, "p.example")
		s.Sleep(301 * time.Second)
		response, _ := v.get("/home")
		Expect(response.StatusCode).To(Equal(http.StatusServiceUnavailable))
		Expect(response.Header.Get("Retry-After")).NotTo(BeEmpty())
		response, _ = v.get("/resource")
		Expect(response.Header.Get("Retry-After")).NotTo(BeEmpty())
		s.hosts["p.example"] = s.p
		Expect(v.in()).To(BeTrue())
	})

	It("does not come back when a logout arrives while the platform is asked", func() {
		s.Sleep(301 * time.Second)
		s.p.spoil = func(_ http.ResponseWriter, asked heard, _ map[string]any) bool {
			if asked.name == "status-request" {
				s.p.spoil = nil
				s.p.batch(endTask("t1", "alice", 1))
			}
			return false
		}
		Expect(v.in()).To(BeFalse())
		Expect(v.in()).To(BeFalse())
	})

	It("survives a restart, as the end of another does", func() {
		other := s.visitor().logsInAs(s.p, "bob", 1)
		s.p.batch(endTask("t1", "bob", 1))
		s.open()
		Expect(v.in()).To(BeTrue())
		Expect(other.in()).To(BeFalse())
		s.p.user["sub"] = "bob"
		Expect(other.logsIn(s.p)).To(Equal(http.StatusForbidden), "the generation has ended for good")
	})

	It("is not ended by the form of another browser's home page", func() {
		other := s.visitor().logsInAs(s.p, "bob", 1)
		_, body := other.get("/home")
		_, rest, _ := strings.Cut(body, `name="page_key" value="`)
		key, _, _ := strings.Cut(rest, `"`)
		response, _ := v.send(http.MethodPost, sceneSite+"/leave", url.Values{"page_key": {key}, "decision": {"logout"}})
		Expect(response.StatusCode).To(Equal(http.StatusForbidden))
		Expect(v.in()).To(BeTrue())
	})
})

var _ = Describe("A batch of logouts", func() {
	var s *scene
	BeforeEach(func() { s = newScene(guard.Set{}) })

	It("may hold a thousand tasks", func() {
		v := s.visitor().logsInAs(s.p, "user-999", 1)
		var tasks []map[string]any
		for i := range 1000 {
			tasks = append(tasks, endTask(fmt.Sprintf("task-%d", i), fmt.Sprintf("user-%d", i), 1))
		}
		Expect(s.p.batch(tasks...).results).To(And(HaveLen(1000), HaveEach("done")))
		Expect(v.in()).To(BeFalse())
	})

	DescribeTable("is refused as malformed",
		func(tasks any) {
			v := s.visitor().logsInAs(s.p, "alice", 1)
			answer := s.p.deliver(s.p.seal("p-1", "batch-logout-request", map[string]any{"tasks": tasks}))
			Expect(answer.status).To(Equal(http.StatusBadRequest))
			Expect(answer.error).To(Equal("invalid_request"))
			Expect(v.in()).To(BeTrue())
		},
		Entry("without tasks", nil),
		Entry("with tasks that are no array", "alice"),
		Entry("with no task at all", []any{}),
		Entry("with a task that is no object", []any{endTask("t1", "alice", 1), "bob"}),
		Entry("with a task ID that is a number", []any{endTask("t1", "alice", 1), map[string]any{"task_id": 7, "sub": "bob", "generation": 1}}),
		Entry("with a generation that is text", []any{endTask("t1", "alice", 1), map[string]any{"task_id": "t2", "sub": "bob", "generation": "1"}}),
		Entry("with a generation that is not whole", []any{endTask("t1", "alice", 1), map[string]any{"task_id": "t2", "sub": "bob", "generation": 1.5}}),
		Entry("with a member of a task twice", json.RawMessage(`[{"task_id": "t1", "sub": "alice", "sub": "bob", "generation": 1}]`)),
	)

	It("is opened by the right one of two keys that have the same key ID", func() {
		secret := s.q.keys[0].Secret
		s.q.keys = []token.Key{{ID: "p-2", Secret: secret}}
		s.site.Platforms[1].Keys = s.q.keys
		s.open()
		atP, atQ := s.visitor().logsInAs(s.p, "alice", 1), s.visitor().logsInAs(s.q, "alice", 1)
		Expect(s.q.batch(endTask("t1", "alice", 1)).results).To(HaveKeyWithValue("t1", "done"))
		Expect([]bool{atP.in(), atQ.in()}).To(Equal([]bool{true, false}))
	})

	It("finds no endpoint where the third-party platform offers none", func() {
		s.site.NoBatchLogout, s.site.NoUserLogout, s.site.NoBackChannelLogout = true, true, true
		s.open()
		_, body := s.visitor().get("/.well-known/unified-login")
		Expect(body).NotTo(ContainSubstring("logout_endpoint"))
		Expect(s.p.deliver("{}").status).To(Equal(http.StatusNotFound))
		_, body = s.visitor().logsInAs(s.p, "alice", 1).get("/home")
		Expect(body).NotTo(ContainSubstring("<form"))
		Expect(body).To(ContainSubstring(sceneP + "/logout"))
	})
})

var _ = Describe("A logout token", func() {
	var s *scene
	BeforeEach(func() { s = newScene(guard.Set{}) })

	It("ends all logins of its user where it names no generation", func() {
		first, second := s.visitor().logsInAs(s.p, "alice", 1), s.visitor().logsInAs(s.p, "alice", 5)
		claims := s.p.claimsFor("alice")
		delete(claims, "generation")
		claims["aud"] = []string{"another", "site-at-p"}
		Expect(s.p.sendsToken(s.p.sign(claims))).To(Equal(http.StatusNoContent))
		Expect([]bool{first.in(), second.in()}).To(Equal([]bool{false, false}))
		Expect(second.logsInAs(s.p, "alice", 5).in()).To(BeTrue(), "a login that comes later is a new one")
	})

	It("of an unknown key leads to one new reading of the keys in ten seconds", func() {
		signer := s.p.signer
		s.p.signer.ID = "a-new-key"
		Expect(s.p.sendsToken(s.p.sign(s.p.claimsFor("alice")))).To(Equal(http.StatusNoContent))
		signer.ID = "unheard-of"
		unheard, err := signer.Sign(map[string]any{"typ": "logout+jwt"}, []byte(`{"iss":"`+sceneP+`"}`))
		Expect(err).NotTo(HaveOccurred())
		for range 3 {
			Expect(s.p.sendsToken(unheard)).To(Equal(http.StatusBadRequest))
		}
		Expect(s.p.keysRead).To(Equal(1))
		s.Sleep(10 * time.Second)
		Expect(s.p.sendsToken(unheard)).To(Equal(http.StatusBadRequest))
		Expect(s.p.keysRead).To(Equal(2))
	})

	It("is to be sent again when the keys cannot be read", func() {
		delete(s.p.metadata, "jwks_uri")
		Expect(s.p.sendsToken(s.p.sign(s.p.claimsFor("alice")))).To(Equal(http.StatusServiceUnavailable))
	})

	DescribeTable("is refused",
		func(token func() string) { Expect(s.p.sendsToken(token())).To(Equal(http.StatusBadRequest)) },
		Entry("when it is none", func() string { return "none.at.all" }),
		Entry("when it is an ID token", func() string {
			payload, _ := json.Marshal(s.p.claimsFor("alice"))
			signed, _ := s.p.signer.Sign(map[string]any{"typ": "JWT"}, payload)
			return signed
		}),
		Entry("with the algorithm none", func() string {
			signed := strings.Split(s.p.sign(s.p.claimsFor("alice")), ".")
			return "eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCIsImtpZCI6ImxvZ291dC1rZXkifQ." + signed[1] + "."
		}),
		Entry("with an event that is no object", func() string {
			claims := s.p.claimsFor("alice")
			claims["events"] = map[string]any{"http://schemas.openid.net/event/backchannel-logout": "yes"}
			return s.p.sign(claims)
		}),
		Entry("before it begins", func() string {
			claims := s.p.claimsFor("alice")
			claims["nbf"] = s.p.now.Unix() + 1
			return s.p.sign(claims)
		}),
		Entry("with a beginning that is no time", func() string {
			claims := s.p.claimsFor("alice")
			claims["nbf"] = "now"
			return s.p.sign(claims)
		}),
		Entry("without a jti", func() string {
			claims := s.p.claimsFor("alice")
			delete(claims, "jti")
			return s.p.sign(claims)
		}),
	)
})
