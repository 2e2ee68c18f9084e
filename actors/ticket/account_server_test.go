package ticket_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

const otherID = "zyxwvutsrqponmlkjihgfedcba"

var _ = Describe("The account server", func() {
	var p *play
	BeforeEach(func() { p = newPlay(guard.Set{}) })

	It("revokes the family, and no other, when a refresh key is used again", func() {
		first := p.given("alice")
		beside := p.authenticate("alice", right, "app-one")
		second := p.refresh(first, anyID)
		Expect(second.status).To(Equal(http.StatusOK))
		Expect(p.verifies(first)).To(BeFalse())
		Expect(p.verifies(second)).To(BeTrue())
		Expect(p.refresh(first, otherID).text("error")).To(Equal("invalid_grant"))
		Expect(p.verifies(second)).To(BeFalse())
		Expect(p.refresh(second, otherID).status).To(Equal(http.StatusBadRequest))
		Expect(p.verifies(beside)).To(BeTrue())
	})

	It("gives a lost answer again, with what is left", func() {
		first := p.given("alice")
		second := p.refresh(first, anyID)
		p.Sleep(59 * time.Second)
		again := p.refresh(first, anyID)
		Expect(again.text("authorization_key")).To(Equal(second.text("authorization_key")))
		Expect(again.text("refresh_key")).To(Equal(second.text("refresh_key")))
		Expect(again.member("expires_in")).To(BeNumerically("==", 541))
	})

	DescribeTable("ends grace",
		func(guards guard.Set, meanwhile func(*play, answer), want int) {
			p = newPlay(guards)
			first := p.given("alice")
			second := p.refresh(first, anyID)
			meanwhile(p, second)
			Expect(p.refresh(first, anyID).status).To(Equal(want))
			Expect(p.verifies(second)).To(BeFalse())
		},
		Entry("after its time", guard.Set{}, func(p *play, _ answer) { p.Sleep(time.Minute) }, http.StatusBadRequest),
		Entry("once the successor is used", guard.Set{}, func(p *play, next answer) { p.refresh(next, otherID) }, http.StatusBadRequest),
		Entry("but not with the guard lifted", guard.Set{}.Without("TI-AM-18"), func(p *play, next answer) { p.refresh(next, otherID) }, http.StatusOK),
	)

	DescribeTable("judges refreshes at once one after the other",
		func(guards guard.Set, live int) {
			p = newPlay(guards)
			first := p.given("alice")
			var beside answer
			p.onSleep = func() { beside = p.refresh(first, otherID) }
			tickets := []answer{p.refresh(first, anyID)}
			if p.onSleep == nil {
				tickets = append(tickets, beside)
			}
			valid := 0
			for _, t := range tickets {
				if t.status == http.StatusOK && p.verifies(t) {
					valid++
				}
			}
			Expect(valid).To(Equal(live))
		},
		Entry("hardened", guard.Set{}, 1),
		Entry("with the guard lifted", guard.Set{}.Without("TI-AM-19"), 2),
	)

	It("throttles known and unknown names alike, and nothing else", func() {
		t := p.given("alice")
		p.register("bob", right)
		for _, name := range []string{"alice", "nobody"} {
			for range 10 {
				Expect(p.authenticate(name, "wrong password", "app-one").status).To(Equal(http.StatusBadRequest))
			}
			no := p.authenticate(name, right, "app-one")
			Expect(no.status).To(Equal(http.StatusTooManyRequests))
			Expect(no.header.Get("Retry-After")).To(Equal("600"))
		}
		Expect(p.verifies(t)).To(BeTrue())
		Expect(p.refresh(t, anyID).status).To(Equal(http.StatusOK))
		Expect(p.authenticate("bob", right, "app-one").status).To(Equal(http.StatusOK))
		p.Sleep(600 * time.Second)
		Expect(p.authenticate("alice", right, "app-one").status).To(Equal(http.StatusOK))
	})

	It("says the same of a wrong password and an unknown name", func() {
		p.register("alice", right)
		Expect(p.authenticate("alice", "wrong password", "app-one").body).To(Equal(p.authenticate("nobody", "wrong password", "app-one").body))
	})

	It("keeps a name with its first owner", func() {
		p.register("alice", right)
		again := p.register("alice", "another horse")
		Expect(again.status).To(Equal(http.StatusConflict))
		Expect(again.text("error")).To(Equal("user_name_taken"))
		Expect(p.authenticate("alice", right, "app-one").status).To(Equal(http.StatusOK))
		Expect(p.authenticate("alice", "another horse", "app-one").status).To(Equal(http.StatusBadRequest))
	})

	It("ends all tickets of an account, or those of one app", func() {
		t := p.given("alice")
		other := p.authenticate("alice", right, "app-two")
		Expect(p.post("/revocation", "user_name", "alice", "password", right, "app_id", "app-two").status).To(Equal(http.StatusOK))
		Expect(p.verifies(t)).To(BeTrue())
		Expect(p.refresh(other, anyID).status).To(Equal(http.StatusBadRequest))
		Expect(p.post("/revocation", "user_name", "alice", "password", "wrong password").status).To(Equal(http.StatusBadRequest))
		Expect(p.verifies(t)).To(BeTrue())
		Expect(p.post("/revocation", "user_name", "alice", "password", right).status).To(Equal(http.StatusOK))
		Expect(p.verifies(t)).To(BeFalse())
	})

	DescribeTable("refuses bad requests with 400",
		func(path, body string) {
			no := p.send(http.MethodPost, issuer+path, "", body)
			Expect(no.status).To(Equal(http.StatusBadRequest))
			Expect(no.text("error")).To(Equal("invalid_request"))
			Expect(no.text("error_description")).NotTo(BeEmpty())
		},
		Entry("a member missing", "/authentication", `{"user_name":"alice","password":"correct horse"}`),
		Entry("a member null", "/refresh", `{"user_id":null,"refresh_key":"k"}`),
		Entry("a member of another type", "/refresh", `{"user_id":"u","refresh_key":7}`),
		Entry("a member twice", "/refresh", `{"user_id":"u","user_id":"v","refresh_key":"k"}`),
		Entry("no object", "/registration", `[]`),
		Entry("two objects", "/registration", `{"user_name":"alice","password":"correct horse"}{}`),
		Entry("a user name in capitals", "/registration", `{"user_name":"Alice","password":"correct horse"}`),
		Entry("a user name that begins with a dot", "/registration", `{"user_name":".alice","password":"correct horse"}`),
		Entry("a password too short", "/registration", `{"user_name":"alice","password":"short"}`),
		Entry("a malformed request_id", "/refresh", `{"user_id":"u","refresh_key":"k","request_id":"short"}`),
		Entry("both kinds of revocation", "/revocation", `{"user_id":"u","refresh_key":"k","user_name":"alice","password":"x"}`),
		Entry("neither kind of revocation", "/revocation", `{}`),
	)

	It("refuses an app that is not registered, and apps that do not authenticate", func() {
		t := p.given("alice")
		Expect(p.authenticate("alice", right, "app-x").text("error")).To(Equal("invalid_target"))
		no := p.post("/verification", "user_id", t.text("user_id"), "authorization_key", t.text("authorization_key"))
		Expect(no.status).To(Equal(http.StatusUnauthorized))
		Expect(no.header.Get("WWW-Authenticate")).To(Equal(`Basic realm="verification"`))
		Expect(p.postAs("app-two", "/verification", "user_id", t.text("user_id"), "authorization_key", t.text("authorization_key")).body).To(MatchJSON(`{"active":false}`))
	})
})

var _ = Describe("The app server", func() {
	var p *play
	BeforeEach(func() { p = newPlay(guard.Set{}) })

	It("keeps a confirmation for as long as the answer says", func() {
		t := p.given("alice")
		Expect(p.read(t).status).To(Equal(http.StatusOK))
		Expect(p.post("/revocation", "user_id", t.text("user_id"), "refresh_key", t.text("refresh_key")).status).To(Equal(http.StatusOK))
		p.Sleep(29 * time.Second)
		Expect(p.read(t).status).To(Equal(http.StatusOK))
		p.Sleep(time.Second)
		no := p.read(t)
		Expect(no.status).To(Equal(http.StatusUnauthorized))
		Expect(no.header.Get("WWW-Authenticate")).To(Equal(`Ticket error="invalid_token"`))
	})

	DescribeTable("asks about another user beside a key that it has a confirmation for",
		func(guards guard.Set, want int) {
			p = newPlay(guards)
			t := p.given("alice")
			Expect(p.read(t).status).To(Equal(http.StatusOK))
			Expect(p.send(http.MethodGet, appOne+"/resource", shownAs("somebody-else", t.text("authorization_key")), "").status).To(Equal(want))
		},
		Entry("hardened", guard.Set{}, http.StatusUnauthorized),
		Entry("core", core, http.StatusUnauthorized),
		Entry("with the guard lifted", guard.Set{}.Without("TI-AP-07"), http.StatusOK),
	)

	DescribeTable("reads the Authorization header",
		func(shown string, want int) {
			t := p.given("alice")
			shown = strings.NewReplacer("$U", t.text("user_id"), "$K", t.text("authorization_key")).Replace(shown)
			Expect(p.send(http.MethodGet, appOne+"/resource", shown, "").status).To(Equal(want))
		},
		Entry("in the usual form", `Ticket user_id="$U", authorization_key="$K"`, http.StatusOK),
		Entry("without quotes, in another order and case, with a stranger", `tICKET Authorization_Key=$K , x="a \" b,c",USER_ID = $U`, http.StatusOK),
		Entry("that is missing", ``, http.StatusUnauthorized),
		Entry("of another scheme", `Bearer $K`, http.StatusUnauthorized),
		Entry("without a key", `Ticket user_id="$U"`, http.StatusBadRequest),
		Entry("with an empty key", `Ticket user_id="$U", authorization_key=""`, http.StatusBadRequest),
		Entry("with a key twice", `Ticket user_id="$U", authorization_key="$K", authorization_key="$K"`, http.StatusBadRequest),
		Entry("with a character that no key has", `Ticket user_id="$U", authorization_key="$K!"`, http.StatusBadRequest),
		Entry("that does not end", `Ticket user_id="$U", authorization_key="$K`, http.StatusBadRequest),
	)

	It("answers 503 when the account server is away, and asks it twice at most", func() {
		t := p.given("alice")
		p.tap = failing("/verification")
		no := p.read(t)
		Expect(no.status).To(Equal(http.StatusServiceUnavailable))
		Expect(no.header.Get("Retry-After")).To(MatchRegexp("^([1-9]|10)$"))
		Expect(p.to("/verification")).To(HaveLen(2))
	})
})
