package unified_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/token"
	"countersign/actors/unified"
	"countersign/conformance/catalog"
)

var _ = Describe("The platform", func() {
	var s *stage
	BeforeEach(func() { s = newStage(guard.Set{}) })

	It("publishes what the profile names, less at core", func() {
		m := s.browser().get("/.well-known/unified-login").json()
		Expect(m).To(And(
			HaveKeyWithValue("profile", "unified@1"), HaveKeyWithValue("token_endpoint", stageIssuer+"/pass-token"), HaveKeyWithValue("status_endpoint", stageIssuer+"/status"),
			HaveKeyWithValue("code_lifetime", BeNumerically("==", 60)), HaveKeyWithValue("message_window", BeNumerically("==", 300)), HaveKeyWithValue("logout_bound", BeNumerically("==", 300)),
			HaveKeyWithValue("backchannel_logout_signing_alg_values_supported", ConsistOf("ES256")), Not(HaveKey("client_id")), Not(HaveKey("test_clock_endpoint")),
		))
		core := newStage(guard.Set{Level: catalog.Core})
		Expect(core.browser().get("/.well-known/unified-login").json()).To(And(Not(HaveKey("status_endpoint")), Not(HaveKey("jwks_uri")), HaveKey("batch_limit")))
		Expect(core.caller("tp-a").status("u-1", 1).status).To(Equal(http.StatusNotFound))
	})

	It("lies below a path where its issuer has one, and moves its clock where it is told to", func() {
		s.platform.Issuer += "/deep"
		s.platform.TestClock = func(d time.Duration) time.Time { s.Sleep(d); return s.now }
		s.open()
		b := s.browser()
		m := b.get("/deep/.well-known/unified-login").json()
		Expect(m).To(HaveKeyWithValue("issuer", stageIssuer+"/deep"))
		before := s.now
		Expect(b.send(http.MethodPost, m["test_clock_endpoint"].(string), url.Values{"advance": {"7"}}).json()).To(HaveKeyWithValue("now", BeNumerically("==", before.Unix()+7)))
		b.get("/deep/portal")
		Expect(b.submit("username", "alice", "password", passwordOf("alice"), "decision", "login").header.Get("Location")).To(Equal(stageIssuer + "/deep/portal"))
	})

	It("keeps the key of its logout tokens over a restart", func() {
		keys := func() []any { return s.browser().get("/jwks").json()["keys"].([]any) }
		before := keys()
		Expect(before).To(HaveLen(1))
		key := before[0].(map[string]any)
		Expect(key).To(And(HaveKeyWithValue("kty", "EC"), HaveKeyWithValue("crv", "P-256"), HaveKeyWithValue("use", "sig"), HaveKey("kid"), Not(HaveKey("d"))))
		s.open()
		Expect(keys()).To(Equal(before))
	})

	Describe("lets users log in", func() {
		It("and shows them the portal, with a link for each third-party platform and one to leave", func() {
			b := s.browser()
			in := b.logIn("alice")
			Expect(in.location(stageIssuer + "/portal")).NotTo(BeNil())
			page := b.get("/portal").page()
			var links []string
			page.Find("a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
			Expect(links).To(Equal([]string{siteURL("tp-a", "access"), siteURL("tp-b", "access"), siteURL("tp-c", "access"), stageIssuer + "/logout"}))
			Expect(page.Text()).To(ContainSubstring("alice"))
		})

		It("for a day, and in each browser for itself", func() {
			b := s.browser()
			b.logIn("alice")
			Expect(s.browser().get("/portal").asksPassword()).To(BeTrue())
			s.Sleep(24*time.Hour - time.Second)
			Expect(b.get("/portal").asksPassword()).To(BeFalse())
			s.Sleep(time.Second)
			Expect(b.get("/portal").asksPassword()).To(BeTrue())
		})

		It("but not before ten minutes are over, when ten passwords were wrong, whoever is asked for", func() {
			b := s.browser()
			try := func(name, pass string) int {
				b.get("/portal")
				return b.submit("username", name, "password", pass, "decision", "login").status
			}
			for _, name := range []string{"alice", "nobody"} {
				for range 10 {
					Expect(try(name, "wrong")).To(Equal(http.StatusForbidden))
				}
			}
			Expect(try("alice", passwordOf("alice"))).To(Equal(http.StatusForbidden))
			b.get(request("tp-a"))
			Expect(b.submit("username", "alice", "password", passwordOf("alice"), "decision", "approve").status).To(Equal(http.StatusForbidden), "on every page")
			s.Sleep(10*time.Minute - time.Second)
			Expect(try("alice", passwordOf("alice"))).To(Equal(http.StatusForbidden))
			Expect(try("bob", passwordOf("bob"))).To(Equal(http.StatusSeeOther))
			b = s.browser()
			s.Sleep(time.Second)
			Expect(try("alice", passwordOf("alice"))).To(Equal(http.StatusSeeOther))
		})

		It("and begins the count anew with a right password", func() {
			for range 2 {
				b := s.browser()
				for range 9 {
					b.get("/portal")
					b.submit("username", "alice", "password", "wrong", "decision", "login")
				}
				Expect(b.logIn("alice").status).To(Equal(http.StatusSeeOther))
			}
		})

		DescribeTable("and refuses what is no login",
			func(filled []string, want int) {
				b := s.browser()
				b.get("/portal")
				Expect(b.submit(append([]string{"username", "alice", "password", passwordOf("alice"), "decision", "login"}, filled...)...).status).To(Equal(want))
				Expect(b.get("/portal").asksPassword()).To(BeTrue())
			},
			Entry("no decision", []string{"decision", ""}, http.StatusBadRequest),
			Entry("another page's decision", []string{"decision", "approve"}, http.StatusBadRequest),
			Entry("an empty password", []string{"password", ""}, http.StatusForbidden),
			Entry("an unknown name", []string{"username", "nobody"}, http.StatusForbidden),
			Entry("a page key that is none", []string{"page_key", "none"}, http.StatusForbidden),
		)

		It("and takes no other method", func() {
			a := s.browser().send(http.MethodPut, stageIssuer+"/portal", url.Values{})
			Expect(a.status).To(Equal(http.StatusMethodNotAllowed))
			Expect(a.header.Get("Allow")).To(Equal("GET, HEAD, POST"))
		})
	})

	Describe("asks for authorization", func() {
		DescribeTable("only where the request can be answered",
			func(path string) {
				a := s.browser().get(path)
				Expect(a.status).To(Equal(http.StatusBadRequest))
				Expect(a.hasForm()).To(BeFalse())
				Expect(a.header).NotTo(HaveKey("Location"))
			},
			Entry("not for nobody", request("tp-a", "client_id", "")),
			Entry("not for a stranger", request("stranger")),
			Entry("not without redirect_uri", request("tp-a", "redirect_uri", "")),
			Entry("not to another's callback path", request("tp-a", "redirect_uri", siteURL("tp-b", "callback"))),
			Entry("not to a callback path with a query", request("tp-a", "redirect_uri", siteURL("tp-a", "callback?x=1"))),
			Entry("not with client_id twice", request("tp-a")+"&client_id=tp-a"),
			Entry("not with redirect_uri twice", request("tp-a")+"&redirect_uri="+url.QueryEscape(siteURL("tp-a", "callback"))),
			Entry("not with response_type twice", request("tp-a")+"&response_type=code"),
			Entry("not with a challenge twice", request("tp-a")+"&code_challenge="+stageChallenge),
			Entry("not with a method twice", request("tp-a")+"&code_challenge_method=S256"),
		)

		DescribeTable("and sends back what cannot be asked",
			func(path, want string) {
				a := s.browser().get(path)
				Expect(a.status).To(Equal(http.StatusSeeOther))
				back := a.location(siteURL("tp-a", "callback"))
				Expect(back.Get("error")).To(Equal(want))
				Expect(back.Get("iss")).To(Equal(stageIssuer))
				Expect(back.Has("code")).To(BeFalse())
			},
			Entry("no response_type", request("tp-a", "response_type", ""), "invalid_request"),
			Entry("another response_type", request("tp-a", "response_type", "token"), "unsupported_response_type"),
			Entry("a state without end", request("tp-a", "state", strings.Repeat("s", 513)), "invalid_request"),
			Entry("a challenge too short", request("tp-a", "code_challenge", stageChallenge[1:]), "invalid_request"),
			Entry("a challenge of other characters", request("tp-a", "code_challenge", stageChallenge[1:]+"="), "invalid_request"),
			Entry("no method", request("tp-a", "code_challenge_method", ""), "invalid_request"),
			Entry("another method", request("tp-a", "code_challenge_method", "S512"), "invalid_request"),
		)

		It("naming both sides", func() {
			b := s.browser()
			b.logIn("alice")
			Expect(b.get(request("tp-a")).page().Find("main").Text()).To(And(ContainSubstring("Site A"), ContainSubstring("tp-a"), ContainSubstring("alice")))
		})

		It("each time, and gives a code with state and issuer, and a session to who logs in", func() {
			b := s.browser()
			back := b.approves("tp-a", "state", "a state & more")
			Expect(back.Get("state")).To(Equal("a state & more"))
			Expect(back.Get("iss")).To(Equal(stageIssuer))
			Expect(back.Get("code")).To(MatchRegexp("^[A-Za-z0-9_-]{22,}$"))
			Expect(b.get(request("tp-b")).asksPassword()).To(BeFalse())
			Expect(b.approves("tp-b").Get("code")).NotTo(Equal(back.Get("code")))
		})

		It("adding to the query of a callback path that has one", func() {
			id := s.takenIn("new", "callback_uri", siteURL("new", "callback?keep=this"))
			b := s.browser()
			b.get(request(id, "redirect_uri", siteURL("new", "callback?keep=this")))
			b.submit("username", "alice", "password", passwordOf("alice"), "decision", "approve")
			Expect(b.last.header.Get("Location")).To(HavePrefix(siteURL("new", "callback?keep=this&")))
			Expect(b.last.location(siteURL("new", "callback"))).To(And(HaveKeyWithValue("keep", []string{"this"}), HaveKey("code")))
		})

		It("and tells a refusal", func() {
			b := s.browser()
			b.logIn("alice")
			b.get(request("tp-a"))
			back := b.submit("decision", "deny").location(siteURL("tp-a", "callback"))
			Expect(back).To(Equal(url.Values{"error": {"access_denied"}, "state": {"state-of-tp-a"}, "iss": {stageIssuer}}))
		})

		DescribeTable("and takes a decision only on the page that asked for it",
			func(page, decision string, filled ...string) {
				b := s.browser()
				b.logIn("alice")
				b.get(page)
				b.at = stageIssuer + request("tp-a")
				no := b.submit(append([]string{"decision", decision}, filled...)...)
				Expect(no.status).To(Or(Equal(http.StatusForbidden), Equal(http.StatusBadRequest)))
				Expect(no.header).NotTo(HaveKey("Location"))
			},
			Entry("not on that of another third-party platform", request("tp-b"), "approve"),
			Entry("not on that of another state", request("tp-a", "state", "other"), "approve"),
			Entry("not on that of another challenge", request("tp-a", "code_challenge", strings.Repeat("x", 43)), "approve"),
			Entry("not on none", request("tp-a"), "approve", "page_key", ""),
			Entry("no refusal either", request("tp-a"), "deny", "page_key", ""),
			Entry("no other decision", request("tp-a"), "login"),
		)

		It("and takes no decision without the cookie", func() {
			b := s.browser()
			b.get(request("tp-a"))
			b.jar = map[string]*http.Cookie{}
			Expect(b.send(http.MethodPost, b.at, b.inputs("username", "alice", "password", passwordOf("alice"), "decision", "approve")).status).To(Equal(http.StatusForbidden))
		})

		It("and knows a page of a user who has left, in this browser too, or who is another now", func() {
			for _, next := range []string{"", "bob"} {
				b := s.browser()
				b.logIn("alice")
				page := b.get(request("tp-a"))
				b.logOut()
				if next != "" {
					b.logIn(next)
				}
				b.last, b.at = page, stageIssuer+request("tp-a")
				late := b.submit("decision", "approve")
				Expect(late.status).To(Equal(http.StatusForbidden))
				Expect(late.asksPassword()).To(BeTrue())
				Expect(b.submit("username", "alice", "password", passwordOf("alice"), "decision", "approve").location(siteURL("tp-a", "callback")).Get("code")).NotTo(BeEmpty())
			}
		})
	})

	Describe("exchanges codes", func() {
		var c caller
		var code string
		BeforeEach(func() {
			c = s.caller("tp-a")
			code = s.browser().approves("tp-a").Get("code")
		})

		It("once, into user information, once", func() {
			pass := c.exchange(code)
			Expect(pass.status).To(Equal(http.StatusOK))
			Expect(pass.members).To(And(HaveKeyWithValue("iss", stageIssuer), HaveKeyWithValue("aud", "tp-a"), HaveKeyWithValue("expires_in", BeNumerically("==", 60))))
			who := c.authenticate(pass.text("pass_token"))
			Expect(who.members).To(And(
				HaveKeyWithValue("sub", "u-1"), HaveKeyWithValue("nickname", "Alice"), HaveKeyWithValue("picture", "https://login.example/alice.png"), HaveKeyWithValue("generation", BeNumerically("==", 1)),
			))
			Expect(c.authenticate(pass.text("pass_token")).code()).To(Equal("invalid_token"))
			Expect(c.status("u-1", 1).members).To(HaveKeyWithValue("active", true))
			Expect(c.status("u-1", 2).members).To(HaveKeyWithValue("active", false))
			Expect(c.status("u-99", 1).members).To(HaveKeyWithValue("active", false))
		})

		It("after a try of another third-party platform as before", func() {
			Expect(s.caller("tp-b").exchange(code, "redirect_uri", siteURL("tp-a", "callback")).code()).To(Equal("invalid_grant"))
			Expect(c.exchange(code).status).To(Equal(http.StatusOK))
			Expect(s.caller("tp-b").exchange(code).code()).To(Equal("invalid_grant"))
			Expect(c.exchange(code).code()).To(Equal("invalid_grant"))
		})

		It("also when its callback path has changed since", func() {
			asked := s.operator("olga", "/registration", registration("tp-a", "client_id", "tp-a", "callback_uri", siteURL("tp-a", "moved"))).json()
			s.operator("rene", "/review", map[string]any{"request_id": asked["request_id"], "decision": "approve"})
			Expect(c.exchange(code).status).To(Equal(http.StatusOK))
		})

		It("and gives an answer that got lost not again", func() {
			c.exchange(code)
			s.open()
			Expect(c.exchange(code).code()).To(Equal("invalid_grant"))
		})

		DescribeTable("and refuses",
			func(want string, own ...any) { Expect(c.exchange(code, own...).code()).To(Equal(want)) },
			Entry("another grant", "unsupported_grant_type", "grant_type", "password"),
			Entry("no grant", "invalid_request", "grant_type", nil),
			Entry("no code", "invalid_request", "code", nil),
			Entry("a code of another type", "invalid_request", "code", 7),
			Entry("no redirect_uri", "invalid_request", "redirect_uri", nil),
			Entry("no verifier", "invalid_grant", "code_verifier", nil),
			Entry("a verifier of another type", "invalid_request", "code_verifier", true),
			Entry("a short verifier", "invalid_grant", "code_verifier", stageVerifier[1:]),
		)

		It("and ends them with a logout, but not those of others", func() {
			b := s.browser()
			b.logIn("alice")
			bobs := s.browser().approvesAs("bob", "tp-a").Get("code")
			b.logOut()
			Expect(c.exchange(code).code()).To(Equal("invalid_grant"))
			Expect(c.exchange(bobs).status).To(Equal(http.StatusOK))
		})
	})

	Describe("judges sealed messages", func() {
		var c caller
		own := []any{"sub", "u-1", "generation", 1}
		BeforeEach(func() { c = s.caller("tp-a") })

		It("and takes the right one", func() {
			Expect(c.ask("/status", "status-request", own...).status).To(Equal(http.StatusOK))
		})

		DescribeTable("and refuses",
			func(want string, more ...any) {
				Expect(c.ask("/status", "status-request", append(own[:len(own):len(own)], more...)...).code()).To(Equal(want))
			},
			Entry("another sender", "invalid_request", "iss", "tp-b"),
			Entry("another receiver", "invalid_request", "aud", "https://login.example/"),
			Entry("no sender", "invalid_request", "iss", nil),
			Entry("no jti", "invalid_request", "jti", nil),
			Entry("no time", "invalid_request", "iat", nil),
			Entry("a time that is no number", "invalid_request", "iat", "now"),
			Entry("half a second", "invalid_request", "iat", 1893499200.5),
			Entry("a member of its own missing", "invalid_request", "sub", nil),
			Entry("a member of its own of another type", "invalid_request", "generation", "1"),
		)

		It("and refuses what is none, what has another shape, and what does not open", func() {
			deliver := func(contentType, body string) said { return c.deliver("/status", contentType, body) }
			right := c.seal("status-request+jwt", c.payload(own...))
			parts := strings.Split(right, ".")
			Expect(deliver("application/json", right).code()).To(Equal("invalid_request"))
			Expect(deliver("application/jose", "").code()).To(Equal("invalid_request"))
			Expect(deliver("application/jose", right+"\n").code()).To(Equal("invalid_request"))
			Expect(deliver("application/jose", strings.Join(parts[:4], ".")).code()).To(Equal("invalid_request"))
			Expect(deliver("application/jose", parts[0]+".AAAA."+strings.Join(parts[2:], ".")).code()).To(Equal("invalid_request"))
			Expect(deliver("application/jose", c.seal("status-request+jwt", []int{1})).code()).To(Equal("invalid_request"))
			Expect(deliver("application/jose", c.under(token.Key{ID: "tp-a-1", Secret: stageKey("other").Secret}).seal("status-request+jwt", c.payload(own...))).code()).To(Equal("invalid_client"))
			Expect(deliver("application/jose", c.under(token.Key{ID: "tp-b-1", Secret: c.key.Secret}).seal("status-request+jwt", c.payload(own...))).code()).To(Equal("invalid_client"))
			twice := json.RawMessage(`{"iss":"tp-a","aud":"` + stageIssuer + `","iat":1893499200,"jti":"twice","sub":"u-1","sub":"u-2","generation":1}`)
			Expect(deliver("application/jose", c.seal("status-request+jwt", twice)).code()).To(Equal("invalid_request"))
			Expect(deliver("application/jose", right).status).To(Equal(http.StatusOK), "none of these used it up")
		})

		It("and keeps the jti of senders apart, for as long as a message is fresh", func() {
			Expect(c.ask("/status", "status-request", append(own, "jti", "one")...).status).To(Equal(http.StatusOK))
			Expect(s.caller("tp-b").ask("/status", "status-request", append(own, "jti", "one")...).status).To(Equal(http.StatusOK))
			early := c.seal("status-request+jwt", c.payload(append(own, "iat", s.now.Unix()+300)...))
			Expect(c.deliver("/status", "application/jose", early).status).To(Equal(http.StatusOK))
			s.Sleep(600 * time.Second)
			Expect(c.deliver("/status", "application/jose", early).code()).To(Equal("message_replayed"))
			s.Sleep(time.Second)
			Expect(c.deliver("/status", "application/jose", early).code()).To(Equal("message_stale"))
		})

		It("and takes plain ones at core, to answer in kind", func() {
			s = newStage(guard.Set{Level: catalog.Core})
			c = s.caller("tp-a")
			code := s.browser().approves("tp-a").Get("code")
			plain, _ := json.Marshal(c.payload("grant_type", "authorization_code", "code", code, "redirect_uri", siteURL("tp-a", "callback")))
			a := c.deliver("/pass-token", "application/json", string(plain))
			Expect(a.status).To(Equal(http.StatusOK))
			Expect(a.header.Get("Content-Type")).To(Equal("application/json"))
			Expect(a.text("pass_token")).NotTo(BeEmpty())
		})

		It("with POST only", func() {
			a := s.browser().get("/status")
			Expect(a.status).To(Equal(http.StatusMethodNotAllowed))
			Expect(a.header.Get("Allow")).To(Equal("POST"))
		})
	})

	It("does at core what the document itself says", func() {
		s = newStage(guard.Set{Level: catalog.Core})
		b, c := s.browser(), s.caller("tp-a")
		b.logIn("alice")
		Expect(b.get("/portal").page().Find("a").Length()).To(Equal(4))
		back := b.approves("tp-a", "state", "", "code_challenge", "", "code_challenge_method", "", "redirect_uri", "")
		Expect(back.Has("iss")).To(BeFalse())
		who := c.authenticate(c.exchange(back.Get("code"), "code_verifier", nil).text("pass_token"))
		Expect(who.text("sub")).To(Equal("u-1"))
		Expect(c.authenticate(who.text("pass_token")).code()).To(Equal("invalid_request"))
		b.logOut()
		Expect(b.get(request("tp-a")).asksPassword()).To(BeTrue())
	})

	It("shows nothing of names as markup", func() {
		s.platform.Users = []unified.User{{Name: "<i>eve</i>", Password: aliceHash, Sub: "u-3", Nickname: "<script>alert(1)</script>"}}
		s.open()
		b := s.browser()
		b.get("/portal")
		b.submit("username", "<i>eve</i>", "password", passwordOf("alice"), "decision", "login")
		page := b.get("/portal").page()
		Expect(page.Find("main script, main i").Length()).To(BeZero())
		Expect(page.Text()).To(ContainSubstring("<script>alert(1)</script>"))
	})
})
