package unified_test

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

var _ = Describe("A back-channel logout", func() {
	var h *hall
	var d *listener
	BeforeEach(func() {
		h = newHall(guard.Set{})
		d = h.parties["tp-d"]
	})

	It("posts a signed logout token for each task, within a second", func() {
		h.run(func() {
			for _, name := range []string{"u1", "u2", "u1"} {
				h.logOut("tp-d", name)
				at := h.world.Now()
				h.sleep(time.Second)
				Expect(d.heard[len(d.heard)-1].at).To(BeNumerically("~", at, time.Second))
			}
			Expect(d.heard).To(HaveLen(3))
			b := d.heard[2]
			Expect(b.header).To(Equal(map[string]any{"alg": "ES256", "typ": "logout+jwt", "kid": b.kid}))
			Expect(h.published(b)).To(BeTrue())
			iat := b.claims["iat"].(float64)
			Expect(b.claims).To(And(
				HaveKeyWithValue("iss", hallIssuer), HaveKeyWithValue("aud", "tp-d"), HaveKeyWithValue("sub", "sub-u1"),
				HaveKeyWithValue("exp", BeNumerically("<=", iat+120)), HaveKeyWithValue("generation", BeNumerically("==", 2)),
				HaveKeyWithValue("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}),
				Not(HaveKey("nonce")), Not(HaveKey("sid")),
			))
		})
	})

	DescribeTable("is tried again, with a new token and growing waits, unless it was taken",
		func(status, requests int) {
			d.answer = func(w http.ResponseWriter, _ telling) bool {
				if len(d.heard) < 4 {
					w.WriteHeader(status)
				}
				return true
			}
			h.run(func() {
				h.logOut("tp-d", "u1")
				h.sleep(time.Minute)
				Expect(d.heard).To(HaveLen(requests))
				seen := map[any]bool{}
				for i, b := range d.heard {
					seen[b.claims["jti"]] = true
					Expect(h.published(b)).To(BeTrue())
					if i > 0 {
						least := float64(int(1) << (i - 1))
						Expect(waits(d.heard)[i-1]).To(And(BeNumerically(">=", least), BeNumerically("<", least*1.2+1)))
						Expect(b.claims["iat"]).To(BeNumerically(">", d.heard[i-1].claims["iat"].(float64)))
					}
				}
				Expect(seen).To(HaveLen(requests))
			})
		},
		Entry("by 200", 200, 1), Entry("by 204", 204, 1),
		Entry("but not by 202", 202, 4), Entry("but not by a redirect", 307, 4), Entry("but not by 400", 400, 4), Entry("but not by 503", 503, 4),
	)

	It("sends one token after the other to one that was down, each once", func() {
		d.answer = refusing(http.StatusInternalServerError)
		h.run(func() {
			h.logOut("tp-d", names(3)...)
			h.sleep(time.Minute)
			tries := len(d.heard)
			d.answer = nil
			h.sleep(2 * time.Minute)
			var subs []string
			for _, b := range d.heard[tries:] {
				subs = append(subs, b.subs()...)
			}
			Expect(subs).To(Equal([]string{"sub-u1", "sub-u2", "sub-u3"}))
			Expect(h.workers).To(BeZero())
		})
	})
})
