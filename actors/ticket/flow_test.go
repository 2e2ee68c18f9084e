package ticket_test

import (
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/ticket"
)

var _ = Describe("The ticket flow", func() {
	DescribeTable("registers, opens two apps with one account, and opens them again after a refresh",
		func(guards guard.Set) {
			p := newPlay(guards)
			first := p.opens("app-one", right)
			Expect(first.Outcome).To(Equal(ticket.GotResource))
			Expect(first.Resource).To(ContainSubstring(`"app_id":"app-one"`))
			second := p.terminal.Open(ticket.Wish{AppID: "app-two", UserName: "alice", Password: right})
			Expect(second.Outcome).To(Equal(ticket.GotResource))
			Expect(second.Resource).To(ContainSubstring(`"app_id":"app-two"`))
			p.Sleep(time.Hour)
			Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.GotResource))
			Expect(p.opens("app-two", "").Outcome).To(Equal(ticket.GotResource))
			Expect(p.to("/registration")).To(HaveLen(1))
			Expect(p.to("/authentication")).To(HaveLen(2))
		},
		Entry("hardened", guard.Set{}),
		Entry("core", core),
	)

	It("asks for login when no ticket is stored and nobody is there to type", func() {
		p := newPlay(guard.Set{})
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.LoginRequired))
		Expect(p.to("/authentication")).To(BeEmpty())
	})

	It("uses a stored ticket without registering or authenticating, though the user is there", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.requests = nil
		Expect(p.opens("app-one", right).Outcome).To(Equal(ticket.GotResource))
		Expect(p.to("/registration")).To(BeEmpty())
		Expect(p.to("/authentication")).To(BeEmpty())
		Expect(p.to("/resource")).To(HaveLen(1))
	})

	It("shows an app the pair and nothing else", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.opens("app-two", right)
		for _, r := range p.to("/resource") {
			Expect(r.authorization).To(MatchRegexp(`^Ticket user_id="[A-Za-z0-9_-]+", authorization_key="[A-Za-z0-9_-]+"$`))
		}
		Expect(p.to("/resource")[0].authorization).NotTo(Equal(p.to("/resource")[1].authorization))
	})

	It("authenticates anew when the family has been revoked, and asks for login when nobody is there", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		Expect(p.post("/revocation", "user_name", "alice", "password", right).status).To(Equal(http.StatusOK))
		p.Sleep(time.Minute)
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.LoginRequired))
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.LoginRequired))
		Expect(p.to("/refresh")).To(HaveLen(1))
		Expect(p.opens("app-one", right).Outcome).To(Equal(ticket.GotResource))

		Expect(p.post("/revocation", "user_name", "alice", "password", right).status).To(Equal(http.StatusOK))
		p.Sleep(time.Minute)
		Expect(p.opens("app-one", right).Outcome).To(Equal(ticket.GotResource), "in one use: refresh, refusal, authentication")
	})

	It("goes on when the answer to a refresh is lost, with the same request", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.Sleep(time.Hour)
		lost := 0
		p.lose = func(r sent) bool {
			if strings.HasSuffix(r.url, "/refresh") {
				lost++
			}
			return lost == 1 && strings.HasSuffix(r.url, "/refresh")
		}
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.GotResource))
		asked := p.to("/refresh")
		Expect(asked).To(HaveLen(2))
		Expect(asked[0].body).To(Equal(asked[1].body))
		Expect(asked[1].at.Sub(asked[0].at)).To(Equal(time.Second))
	})

	It("ends a use after four ticket error indications, one refresh and one authentication", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.requests = nil
		p.tap = func(r sent) *http.Response {
			if !strings.HasSuffix(r.url, "/resource") {
				return nil
			}
			no := status(http.StatusUnauthorized)
			no.Header.Set("WWW-Authenticate", `Ticket error="invalid_token"`)
			return no
		}
		Expect(p.opens("app-one", right).Outcome).To(Equal(ticket.Refused))
		Expect(p.to("/refresh")).To(HaveLen(1))
		Expect(p.to("/authentication")).To(HaveLen(1))
		Expect(len(p.to("/resource"))).To(BeNumerically("<=", 4))
	})

	It("leaves a ticket alone for a while when its refresh gets no answer, and refreshes as before then", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.Sleep(time.Hour)
		p.tap = failing("/refresh")
		Expect(p.opens("app-one", right).Outcome).To(Equal(ticket.Unavailable))
		Expect(p.to("/refresh")).To(HaveLen(3))
		Expect(p.opens("app-one", right).Outcome).To(Equal(ticket.Unavailable))
		Expect(p.to("/refresh")).To(HaveLen(3))
		p.tap = nil
		p.Sleep(30 * time.Second)
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.GotResource))
		Expect(p.to("/refresh")[3].body).To(Equal(p.to("/refresh")[0].body))
	})

	It("takes an outage of app or account server for no ticket error", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.Sleep(time.Minute)
		p.tap = failing("/verification")
		Expect(p.opens("app-one", right).Outcome).To(Equal(ticket.Unavailable))
		Expect(p.to("/refresh")).To(BeEmpty())
		p.tap = nil
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.GotResource))
	})

	It("gets an app's answer in time, however slow the account server's metadata come", func() {
		p := newPlay(guard.Set{})
		var limits []time.Duration
		p.one.Within = func(limit time.Duration) *http.Client {
			limits = append(limits, limit)
			return p.one.HTTP
		}
		p.tap = func(r sent) *http.Response {
			p.now = p.now.Add(3 * time.Second)
			return nil
		}
		p.hosts["one.example"] = p.one.Handler()
		t := p.given("alice")
		Expect(p.read(t).status).To(Equal(http.StatusOK))
		Expect(limits).To(Equal([]time.Duration{3500 * time.Millisecond, 500 * time.Millisecond}))
	})

	It("lets uses at once share one refresh", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.Sleep(time.Hour)
		p.tap = failing("/refresh")
		var beside ticket.Result
		begun := false
		p.onSleep = func() { // the first use waits to try again: the account server is back, and another use begins
			p.tap = nil
			begun = true
			p.onSleep = func() {} // the other waits for the first
			p.terminal.Clock = impatient{p.stage, func() { panic(givesUp) }}
			defer func() {
				Expect(recover()).To(Equal(givesUp))
				p.terminal.Clock = p.stage
			}()
			beside = p.opens("app-one", "")
		}
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.GotResource))
		Expect(begun).To(BeTrue())
		Expect(beside).To(BeZero(), "the other was still waiting")
		bodies := p.to("/refresh")
		Expect(bodies).To(HaveLen(2))
		Expect(bodies[1].body).To(Equal(bodies[0].body))
	})

	It("keeps families of two terminals apart", func() {
		p := newPlay(guard.Set{})
		other := p.newTerminal("other", guard.Set{})
		wish := ticket.Wish{AppID: "app-one", UserName: "alice", Password: right}
		Expect(p.opens("app-one", right).Outcome).To(Equal(ticket.GotResource))
		Expect(other.Open(wish).Outcome).To(Equal(ticket.GotResource))
		Expect(p.terminal.Logout("alice", "app-one")).To(Equal(ticket.LoggedOut))
		p.Sleep(time.Hour)
		wish.Password = ""
		Expect(other.Open(wish).Outcome).To(Equal(ticket.GotResource))
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.LoginRequired))
	})

	It("goes on after a crash of everything in the middle of a refresh", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.Sleep(time.Hour)
		p.lose = func(r sent) bool {
			if strings.HasSuffix(r.url, "/refresh") {
				panic(givesUp)
			}
			return false
		}
		Expect(func() { p.opens("app-one", "") }).To(PanicWith(givesUp))
		p.lose = nil
		p.open()
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.GotResource))
		asked := p.to("/refresh")
		Expect(asked).To(HaveLen(2))
		Expect(asked[1].body).To(Equal(asked[0].body))
	})

	It("stores no password", func() {
		p := newPlay(guard.Set{})
		p.opens("app-one", right)
		p.Sleep(40 * 24 * time.Hour)
		Expect(p.opens("app-one", "").Outcome).To(Equal(ticket.LoginRequired))
	})

	DescribeTable("sends nothing but over TLS or to loopback, and asks for no metadata elsewhere",
		func(guards guard.Set, sends bool) {
			p := newPlay(guards)
			p.knowsAccountsWithoutTLS()
			p.opens("app-one", right)
			Expect(len(p.to("/authentication")) > 0).To(Equal(sends))
			Expect(slices.ContainsFunc(p.requests, func(r sent) bool { return strings.HasPrefix(r.url, "http://accounts.example") })).To(Equal(sends))
		},
		Entry("hardened", guard.Set{}, false),
		Entry("with the guard lifted", guard.Set{}.Without("TI-TE-14"), true),
	)

	DescribeTable("an app asks the account server over TLS or on loopback only, for its metadata too",
		func(guards guard.Set, outcome ticket.Outcome) {
			p := newPlay(guards)
			p.knowsAccountsWithoutTLS()
			Expect(p.opens("app-one", right).Outcome).To(Equal(outcome))
			Expect(len(p.to("/verification")) > 0).To(Equal(outcome == ticket.GotResource))
		},
		Entry("hardened", guard.Set{}.Without("TI-TE-14"), ticket.Unavailable),
		Entry("with the guard lifted", guard.Set{}.Without("TI-TE-14", "TI-AP-11"), ticket.GotResource),
	)
})

// knowsAccountsWithoutTLS has everybody know the account server under a URL without TLS.
func (p *play) knowsAccountsWithoutTLS() {
	const plain = "http://accounts.example"
	p.terminal.Issuer, p.accounts.Issuer, p.one.Issuer = plain, plain, plain
	p.open()
}

const givesUp = "gives up"

// impatient is a clock on which nobody sleeps.
type impatient struct {
	*stage
	instead func()
}

func (i impatient) Sleep(time.Duration) { i.instead() }
