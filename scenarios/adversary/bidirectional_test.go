package adversary_test

import (
	"net/url"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/scenarios/adversary"
	"countersign/scenarios/stage"
	"countersign/sim"
)

var _ = Describe("The bidirectional flow", func() {
	It("has no attack that is scripted and that the catalogue does not name for the search, with the same guards or fewer", func() {
		scripted := 0
		for _, s := range scenarios.All() {
			if s.Flow != "bidirectional" || s.Kind != scenarios.Attack {
				continue
			}
			scripted++
			Expect(slices.ContainsFunc(adversary.KnownAttacks(), func(k adversary.Known) bool {
				return k.Flow == s.Flow && !slices.ContainsFunc(k.Lifted, func(id catalog.ID) bool { return !slices.Contains(s.Guards, id) })
			})).To(BeTrue(), "%s, which %v stop", s.Name, s.Guards)
		}
		Expect(scripted).To(BeNumerically(">=", 30))
	})

	It("has an attacker who brings to the callback what has no state at all, and not one that is empty", func() {
		bare, empty := 0, 0
		flow := adversary.Bidirectional().Changed(func(st *stage.Stage) {
			st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) (v sim.Verdict) {
				if to, err := url.Parse(m.URL); err == nil && m.Kind == sim.Request && to.Path == "/callback" {
					if !to.Query().Has("state") {
						bare++
					} else if to.Query().Get("state") == "" {
						empty++
					}
				}
				return v
			}))
		})
		h := hunt("wrong-issuer")
		h.Flow, h.Moves, h.Workers = flow, 1, 1
		Expect(found(h).Attack).To(BeNil())
		Expect(bare).To(BeNumerically(">", 0))
		Expect(empty).To(BeZero())
	})
})

var _ = DescribeTable("A dishonest server, peer or client of the bidirectional flow gets nowhere with the guards on, and does without",
	func(scene string, moves int, invariant string, lifted ...catalog.ID) {
		h := hunt(scene)
		h.Moves = moves
		Expect(found(h).Attack).To(BeNil())
		h.Lifted, h.Breaks = lifted, invariant
		f := found(h)
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant))
	},
	Entry("one that says that it is another", "mix-up", 1, "session-integrity", catalog.ID("BI-CL-32")),
	Entry("a peer that names a server of the attacker's as the issuer", "wrong-issuer", 1, "session-integrity", catalog.ID("BI-CL-20")),
	Entry("a client with another's access token", "stolen-token", 1, "audience", catalog.ID("BI-RS-05")),
)
