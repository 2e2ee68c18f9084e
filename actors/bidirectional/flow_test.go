package bidirectional_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/bidirectional"
	"countersign/actors/guard"
)

const (
	readsAtB = "Carol's pictures at B"
	readsAtA = "Alice's letters at A"
)

// refusing approves everywhere but at the site.
func refusing(site string) func(bidirectional.Page) bidirectional.Decision {
	return func(page bidirectional.Page) bidirectional.Decision {
		if strings.HasPrefix(page.URL, site) {
			return bidirectional.Deny
		}
		return bidirectional.Approve
	}
}

var _ = Describe("The bidirectional flow", func() {
	DescribeTable("lets each site read at the other",
		func(guards guard.Set, first, second string) {
			p := newPlay(guards)
			page, err := p.terminal.Start(first, second)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusOK), page.Text)
			Expect(p.home(siteA)).To(ContainSubstring(readsAtB))
			Expect(p.home(siteB)).To(ContainSubstring(readsAtA))
			Expect(p.background).To(BeEmpty())
		},
		Entry("when A begins, hardened", guard.Set{}, siteA, siteB),
		Entry("when B begins, hardened", guard.Set{}, siteB, siteA),
		Entry("when A begins, core", core, siteA, siteB),
		Entry("when B begins, core", core, siteB, siteA),
	)

	DescribeTable("completes two flows in one browser, one begun inside the other",
		func(guards guard.Set) {
			p := newPlay(guards)
			begun := false
			p.terminal.Decide = func(bidirectional.Page) bidirectional.Decision {
				if !begun {
					begun = true
					page, err := p.terminal.Start(siteB, siteA)
					Expect(err).NotTo(HaveOccurred())
					Expect(page.Status).To(Equal(http.StatusOK), page.Text)
				}
				return bidirectional.Approve
			}
			page, err := p.terminal.Start(siteA, siteB)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusOK), page.Text)
			Expect(strings.Count(p.home(siteA), readsAtB)).To(Equal(2))
			Expect(strings.Count(p.home(siteB), readsAtA)).To(Equal(2))
		},
		Entry("hardened", guard.Set{}),
		Entry("core", core),
	)

	It("shows to the user who will read what", func() {
		p := newPlay(guard.Set{})
		var shown []string
		p.terminal.Decide = func(page bidirectional.Page) bidirectional.Decision {
			shown = append(shown, page.Text)
			return bidirectional.Approve
		}
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		Expect(shown).To(HaveExactElements(
			And(ContainSubstring("Site A (client-a) will be able to read"), ContainSubstring("Site B")),
			And(ContainSubstring("Site B (client-b) will be able to read"), ContainSubstring("Site A")),
		))
	})

	It("is the same, request by request, when it is played again", func() {
		record := func() (all []string) {
			p := newPlay(guard.Set{})
			_, err := p.terminal.Start(siteA, siteB)
			Expect(err).NotTo(HaveOccurred())
			for _, r := range p.requests {
				all = append(all, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Cookie"))
			}
			return all
		}
		Expect(record()).To(Equal(record()))
	})

	DescribeTable("goes on with one leg when the user refuses the other",
		func(guards guard.Set, refusedAt string, atB, atA bool) {
			p := newPlay(guards)
			p.terminal.Decide = refusing(refusedAt)
			page, err := p.terminal.Start(siteA, siteB)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusOK))
			Expect(strings.Contains(p.home(siteA), readsAtB)).To(Equal(atB))
			Expect(strings.Contains(p.home(siteB), readsAtA)).To(Equal(atA))
			Expect(p.count("/token")).To(Equal(1))
		},
		Entry("the second, hardened", guard.Set{}, siteB, false, true),
		Entry("the first, hardened", guard.Set{}, siteA, true, false),
		Entry("the second, core", core, siteB, false, true),
		Entry("the first, core", core, siteA, true, false),
	)

	DescribeTable("goes on with one leg when the server of the other is down",
		func(guards guard.Set, down string, atB, atA bool) {
			p := newPlay(guards)
			p.tap = failing(down)
			page, err := p.terminal.Start(siteA, siteB)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusOK))
			Expect(strings.Contains(p.home(siteA), readsAtB)).To(Equal(atB))
			Expect(strings.Contains(p.home(siteB), readsAtA)).To(Equal(atA))
		},
		Entry("A gives no first credential, hardened", guard.Set{}, siteA+"/temporary-credential", true, false),
		Entry("B gives no second credential, hardened", guard.Set{}, siteB+"/temporary-credential", false, true),
		Entry("B takes no delegation, hardened", guard.Set{}, siteB+"/delegation", true, false),
		Entry("A gives no first credential, core", core, siteA+"/temporary-credential", true, false),
		Entry("B gives no second credential, core", core, siteB+"/temporary-credential", false, true),
	)

	It("answers 502 when neither leg can go on", func() {
		p := newPlay(guard.Set{})
		p.tap = failing("/temporary-credential")
		page, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Status).To(Equal(http.StatusBadGateway))
	})

	It("goes on after every actor was restarted in the middle", func() {
		p := newPlay(guard.Set{})
		p.terminal.Decide = func(bidirectional.Page) bidirectional.Decision {
			p.open()
			return bidirectional.Approve
		}
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		Expect(p.home(siteA)).To(ContainSubstring(readsAtB))
		Expect(p.home(siteB)).To(ContainSubstring(readsAtA))
	})

	It("ends nothing in the browser of somebody else", func() {
		p := newPlay(guard.Set{})
		var callback string
		p.tap = func(r *http.Request) *http.Response {
			if callback == "" && r.URL.Path == "/callback" {
				callback = r.URL.String()
				return failing("/")(r)
			}
			return nil
		}
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		for _, victim := range []*bidirectional.Terminal{p.newTerminal(guard.Set{}), p.newTerminal(guard.Set{})} {
			page, err := victim.Open(callback)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusForbidden))
		}
		Expect(p.count("/token")).To(BeZero())
	})

	It("waits for a hand-over that is late, and reads in the end", func() {
		p := newPlay(guard.Set{})
		p.tap = failing(siteB + "/handover")
		p.onSleep = func() {
			if p.now.Sub(time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)) > 2*time.Second {
				p.tap, p.onSleep = nil, nil
				p.runBackground()
			}
		}
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		Expect(p.home(siteA)).To(ContainSubstring(readsAtB))
	})

	It("gives up after six tries, within thirty seconds", func() {
		p := newPlay(guard.Set{})
		p.tap = failing(siteB + "/handover")
		begun := p.now
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		Expect(p.count(siteB + "/resource")).To(Equal(6))
		Expect(p.now.Sub(begun)).To(BeNumerically("<", 30*time.Second))
		Expect(p.home(siteA)).NotTo(ContainSubstring(readsAtB))
		Expect(p.home(siteB)).To(ContainSubstring(readsAtA))
	})
})

var _ = Describe("The outbox of hand-overs", func() {
	It("tries again at growing intervals of at most thirty seconds, signed anew", func() {
		p := newPlay(guard.Set{})
		p.tap = failing(siteB + "/handover")
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		before := len(p.requests)
		var waits []time.Duration
		last := p.now
		p.onSleep = func() {
			waits = append(waits, p.now.Sub(last))
			last = p.now
			if len(waits) == 8 {
				p.tap = nil
			}
		}
		p.runBackground()
		Expect(waits).To(Equal([]time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 30e9, 30e9, 30e9}))
		headers := map[string]bool{}
		for _, r := range p.requests[before:] {
			headers[r.Header.Get("Authorization")] = true
		}
		Expect(headers).To(HaveLen(8))
	})

	It("gives up when the token has expired", func() {
		p := newPlay(guard.Set{})
		p.tap = failing(siteB + "/handover")
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		begun := p.now
		p.runBackground()
		Expect(p.now.Sub(begun)).To(BeNumerically("~", time.Hour, 31*time.Second))
	})

	It("is taken up again after a crash", func() {
		p := newPlay(guard.Set{})
		p.tap = failing(siteB + "/handover")
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		p.background, p.tap = nil, nil
		p.open()
		Expect(p.background).To(HaveLen(1))
		before := p.count(siteB + "/handover")
		p.runBackground()
		Expect(p.count(siteB + "/handover")).To(Equal(before + 1))
		p.open()
		Expect(p.background).To(BeEmpty())
	})
})

var _ = Describe("Revocation", func() {
	It("ends the reading at once", func() {
		p := newPlay(guard.Set{})
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		page, err := p.terminal.Post(siteA, siteA+"/disconnect", map[string][]string{"peer": {siteB}})
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Text).NotTo(ContainSubstring(readsAtB))
		Expect(p.count(siteB + "/handover")).To(Equal(2))
		Expect(p.home(siteB)).To(ContainSubstring(readsAtA))
	})

	It("is acknowledged once the resource server knows, and not before", func() {
		p := newPlay(guard.Set{})
		a := client{p.stage, "client-a", "secret-a-at-b"}
		token := p.tokenOfA(a, nil)
		p.tap = failing(siteB + "/handover")
		for range 2 { // asked again, the server does not say otherwise
			answer := a.post(siteB+"/revoke", "token="+token.Token)
			Expect(answer).To(refuse(http.StatusServiceUnavailable, "temporarily_unavailable"))
			Expect(answer).To(HaveHTTPHeaderWithValue("Retry-After", MatchRegexp("^[1-9][0-9]*$")))
		}
		Expect(p.background).To(HaveLen(1))
		p.tap = nil
		p.background = nil
		p.open() // the revocation is not lost in a crash
		p.runBackground()
		Expect(a.post(siteB+"/revoke", "token="+token.Token)).To(HaveHTTPStatus(http.StatusOK))
		Expect(a.with(token).get(siteB + "/resource")).To(refuse(http.StatusUnauthorized, "token_revoked"))
	})

	It("is asked for again by the client, and given up after some tries", func() {
		p := newPlay(guard.Set{})
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		p.tap = failing(siteB + "/handover")
		page, err := p.terminal.Post(siteA, siteA+"/disconnect", map[string][]string{"peer": {siteB}})
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Status).To(Equal(http.StatusBadGateway))
		Expect(p.count(siteB + "/revoke")).To(Equal(4))
		Expect(p.home(siteA)).To(ContainSubstring(readsAtB))

		p.tap = nil
		p.onSleep = func() { // the outbox is worked off while the client waits
			p.onSleep = nil
			p.runBackground()
		}
		page, err = p.terminal.Post(siteA, siteA+"/disconnect", map[string][]string{"peer": {siteB}})
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Status).To(Equal(http.StatusOK))
		Expect(p.count(siteB + "/revoke")).To(Equal(6))
		Expect(p.home(siteA)).NotTo(ContainSubstring(readsAtB))
	})

	It("is not overtaken by the hand-over of the token that it ends", func() {
		p := newPlay(guard.Set{})
		token := p.tokenOfA(client{p.stage, "client-a", "secret-a-at-b"}, failing(siteB+"/handover"))
		issued := p.background
		p.background = nil
		c := client{p.stage, "client-a", "secret-a-at-b"}
		Expect(c.post(siteB+"/revoke", "token="+token.Token)).To(HaveHTTPStatus(http.StatusOK))
		p.background = append(p.background, issued...)
		p.runBackground()
		Expect(c.with(token).get(siteB + "/resource")).To(refuse(http.StatusUnauthorized, "token_revoked"))
	})

	It("needs the client that holds the token", func() {
		p := newPlay(guard.Set{})
		token := p.tokenOfA(client{p.stage, "client-a", "secret-a-at-b"}, nil)
		Expect(client{p.stage, "client-b", "secret-b-at-b"}.post(siteB+"/revoke", "token="+token.Token)).To(refuse(http.StatusForbidden, "permission_denied"))
		Expect(client{p.stage, "client-a", "secret-a-at-b"}.with(token).get(siteB + "/resource")).To(HaveHTTPStatus(http.StatusOK))
	})
})
