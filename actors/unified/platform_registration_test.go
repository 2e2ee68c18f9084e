package unified_test

import (
	"maps"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

var _ = Describe("The platform's operators", func() {
	var s *stage
	BeforeEach(func() { s = newStage(guard.Set{}) })

	review := func(by string, request any, decision string) answered {
		return s.operator(by, "/review", map[string]any{"request_id": request, "decision": decision})
	}
	inPortal := func() string {
		b := s.browser()
		b.logIn("alice")
		return b.get("/portal").body
	}

	It("register a third-party platform, which is in force when somebody else has approved it", func() {
		asked := s.operator("victor", "/registration", registration("new", "logout_uri", siteURL("new", "logout")))
		Expect(asked.status).To(Equal(http.StatusAccepted))
		Expect(asked.json()).To(HaveKeyWithValue("status", "pending"))
		id, requested := asked.json()["client_id"].(string), asked.json()["request_id"]

		waiting := s.operator("rene", "/review", nil)
		Expect(waiting.json()["requests"]).To(ConsistOf(And(
			HaveKeyWithValue("request_id", requested), HaveKeyWithValue("client_id", id), HaveKeyWithValue("requester", "victor"),
			HaveKeyWithValue("registration", And(HaveKeyWithValue("callback_uri", siteURL("new", "callback")), HaveKeyWithValue("logout_uri", siteURL("new", "logout")), Not(HaveKey("backchannel_logout_uri")))),
		)))
		Expect(inPortal()).NotTo(ContainSubstring(siteURL("new", "access")))
		Expect(s.operator("victor", "/key", map[string]any{"client_id": id}).code()).To(Equal("access_denied"))

		Expect(review("rene", requested, "approve").json()).To(HaveKeyWithValue("status", "approved"))
		Expect(review("rene", requested, "reject").code()).To(Equal("already_decided"))
		Expect(s.operator("rene", "/review", nil).json()["requests"]).To(BeEmpty())
		Expect(s.operator("victor", "/registration?request_id="+requested.(string), nil).json()).To(HaveKeyWithValue("status", "approved"))
		Expect(inPortal()).To(ContainSubstring(siteURL("new", "access")))

		c := caller{s, id, s.newKey("victor", id)}
		b := s.browser()
		b.get(request(id, "redirect_uri", siteURL("new", "callback")))
		back := b.submit("username", "alice", "password", passwordOf("alice"), "decision", "approve").location(siteURL("new", "callback"))
		Expect(c.exchange(back.Get("code"), "redirect_uri", siteURL("new", "callback")).status).To(Equal(http.StatusOK))
	})

	It("have nothing of a registration that was rejected", func() {
		asked := s.operator("victor", "/registration", registration("new")).json()
		Expect(review("rene", asked["request_id"], "reject").json()).To(HaveKeyWithValue("status", "rejected"))
		Expect(inPortal()).NotTo(ContainSubstring(siteURL("new", "access")))
		Expect(s.operator("victor", "/registration", registration("new", "client_id", asked["client_id"])).code()).To(Equal("access_denied"))
	})

	It("change all paths at once, by review, and keep owner, place and keys over a restart", func() {
		id := s.takenIn("new", "logout_uri", siteURL("new", "logout"))
		key := s.newKey("victor", id)
		asked := s.operator("victor", "/registration", registration("moved", "client_id", id)).json()
		Expect(asked).To(HaveKeyWithValue("client_id", id))
		Expect(inPortal()).To(And(ContainSubstring(siteURL("new", "access")), Not(ContainSubstring(siteURL("moved", "access")))))
		review("olga", asked["request_id"], "approve")
		s.open()
		Expect(inPortal()).To(And(ContainSubstring(siteURL("moved", "access")), Not(ContainSubstring(siteURL("new", "access")))))
		Expect(s.browser().get(request(id, "redirect_uri", siteURL("new", "callback"))).status).To(Equal(http.StatusBadRequest))
		Expect(s.browser().get(request(id, "redirect_uri", siteURL("moved", "callback"))).status).To(Equal(http.StatusOK))
		Expect(caller{s, id, key}.status("u-1", 1).status).To(Equal(http.StatusOK))
		Expect(s.operator("victor", "/key", map[string]any{"client_id": id}).status).To(Equal(http.StatusOK))
	})

	DescribeTable("are refused",
		func(want int, code string, more map[string]any) {
			body := registration("new")
			maps.Copy(body, more)
			no := s.operator("victor", "/registration", body)
			Expect(no.status).To(Equal(want))
			Expect(no.code()).To(Equal(code))
		},
		Entry("no name", 400, "invalid_client_metadata", map[string]any{"client_name": nil}),
		Entry("a name without end", 400, "invalid_client_metadata", map[string]any{"client_name": string(make([]rune, 81))}),
		Entry("a name of another type", 400, "invalid_request", map[string]any{"client_name": 7}),
		Entry("no callback path", 400, "invalid_redirect_uri", map[string]any{"callback_uri": nil}),
		Entry("a relative callback path", 400, "invalid_redirect_uri", map[string]any{"callback_uri": "/callback"}),
		Entry("a callback path with a fragment", 400, "invalid_redirect_uri", map[string]any{"callback_uri": "https://new.example/callback#"}),
		Entry("a callback path with user information", 400, "invalid_redirect_uri", map[string]any{"callback_uri": "https://a@new.example/callback"}),
		Entry("a plain callback path", 400, "invalid_redirect_uri", map[string]any{"callback_uri": "http://new.example/callback"}),
		Entry("a callback path of another scheme on loopback", 400, "invalid_redirect_uri", map[string]any{"callback_uri": "ftp://localhost/callback"}),
		Entry("a script", 400, "invalid_redirect_uri", map[string]any{"callback_uri": "javascript:alert(1)"}),
		Entry("no access path", 400, "invalid_client_metadata", map[string]any{"access_uri": nil}),
		Entry("a plain access path", 400, "invalid_client_metadata", map[string]any{"access_uri": "http://new.example/access"}),
		Entry("a plain logout path", 400, "invalid_client_metadata", map[string]any{"logout_uri": "http://new.example/logout"}),
		Entry("a plain back-channel path", 400, "invalid_client_metadata", map[string]any{"backchannel_logout_uri": "http://new.example/logout"}),
		Entry("two logout paths", 400, "invalid_client_metadata", map[string]any{"logout_uri": "https://new.example/a", "backchannel_logout_uri": "https://new.example/b"}),
		Entry("the change of a stranger", 403, "access_denied", map[string]any{"client_id": "stranger"}),
		Entry("the change of another's", 403, "access_denied", map[string]any{"client_id": "tp-a"}),
	)

	DescribeTable("may register on loopback",
		func(uri string) {
			Expect(s.operator("victor", "/registration", registration("new", "callback_uri", uri)).status).To(Equal(http.StatusAccepted))
		},
		Entry("by name", "http://localhost:8846/callback"),
		Entry("by a name below it", "http://site.localhost/callback?x=1"),
		Entry("by address", "http://127.0.0.1:8846/callback"),
		Entry("by the new address", "http://[::1]:8846/callback"),
	)

	It("are asked who they are", func() {
		no := s.operator("stranger", "/review", nil)
		Expect(no.status).To(Equal(http.StatusUnauthorized))
		Expect(no.code()).To(Equal("invalid_client"))
		Expect(no.header.Get("WWW-Authenticate")).To(HavePrefix("Basic "))
		Expect(s.browser().get("/registration?request_id=x").status).To(Equal(http.StatusUnauthorized))
	})

	It("see only what is for their eyes", func() {
		asked := s.operator("olga", "/registration", registration("new")).json()
		Expect(s.operator("victor", "/registration?request_id="+asked["request_id"].(string), nil).code()).To(Equal("not_found"))
		Expect(s.operator("rene", "/registration?request_id="+asked["request_id"].(string), nil).status).To(Equal(http.StatusOK))
		Expect(s.operator("victor", "/review", nil).code()).To(Equal("access_denied"))
		Expect(review("victor", asked["request_id"], "approve").code()).To(Equal("access_denied"))
		Expect(review("olga", asked["request_id"], "approve").code()).To(Equal("access_denied"))
		Expect(review("rene", "unknown", "approve").code()).To(Equal("not_found"))
		Expect(review("rene", asked["request_id"], "perhaps").code()).To(Equal("invalid_request"))
		Expect(s.operator("rene", "/review", nil).json()["requests"]).To(HaveLen(1))
	})

	It("rotate keys: the one before works for the overlap, the newest from the start, each kid for one key", func() {
		old := s.caller("tp-a")
		next := old.under(s.newKey("olga", "tp-a"))
		last := old.under(s.newKey("olga", "tp-a"))
		Expect([]string{old.key.ID, next.key.ID}).NotTo(ContainElement(last.key.ID))
		Expect(last.key.Secret).To(HaveLen(32))
		s.Sleep(10*time.Minute - time.Second)
		for _, c := range []caller{old, next, last} {
			Expect(c.status("u-1", 1).status).To(Equal(http.StatusOK))
		}
		s.Sleep(time.Second)
		Expect(old.status("u-1", 1).code()).To(Equal("invalid_client"))
		Expect(next.status("u-1", 1).code()).To(Equal("invalid_client"))
		Expect(last.status("u-1", 1).status).To(Equal(http.StatusOK))
	})
})
