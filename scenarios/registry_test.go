package scenarios_test

import (
	"errors"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/scenarios/accounts"
	"countersign/scenarios/office"
	"countersign/scenarios/portal"
	"countersign/scenarios/stage"
	"countersign/scenarios/till"
	"countersign/scenarios/twosites"
	"countersign/sim/worldlint"
)

var _ = Describe("The registry", func() {
	It("gives every scenario a name of its own under its flow", func() {
		seen := map[string]bool{}
		for _, s := range scenarios.All() {
			Expect(s.Name).To(HavePrefix(s.Flow + "/"))
			Expect(seen).NotTo(HaveKey(s.Name))
			seen[s.Name] = true
		}
	})

	It("tells a learner what each is about", func() {
		for _, s := range scenarios.All() {
			Expect(s.Title).NotTo(BeEmpty(), s.Name)
			Expect(strings.Count(s.Text, ". ")).To(BeNumerically(">=", 1), s.Name)
			Expect(s.Text).NotTo(ContainSubstring("%!"), s.Name)
			Expect(s.Title).NotTo(ContainSubstring("%"), s.Name)
		}
	})

	It("says of every attack what it would break and which requirements stop it", func() {
		for _, s := range scenarios.All() {
			Expect(s.Kind == scenarios.Attack).To(Equal(len(s.Guards) > 0), s.Name)
			if s.Kind != scenarios.Attack {
				continue
			}
			Expect(s.Invariant).NotTo(BeEmpty(), s.Name)
			hardened := false
			for _, id := range s.Guards {
				r, known := catalog.Lookup(id)
				Expect(known).To(BeTrue(), "%s names %s", s.Name, id)
				hardened = hardened || r.Level == catalog.Hardened
			}
			if s.OpenAt(catalog.Core) {
				Expect(s.OpenAt(catalog.Hardened)).To(BeFalse(), s.Name)
			}
		}
	})

	DescribeTable("has every fault of a flow on every role",
		func(flow string, roles ...string) {
			for _, kind := range []string{"loss", "delay", "duplicate", "reorder", "partition", "slow", "stalled", "half-open", "crash", "crash-late", "skew-ahead", "skew-behind", "skew-beyond"} {
				for _, role := range roles {
					s, err := scenarios.Find(flow + "/fault/" + kind + "-" + role)
					Expect(err).NotTo(HaveOccurred())
					Expect(s.Faults).NotTo(BeEmpty())
				}
			}
		},
		Entry("bidirectional", "bidirectional", "oauth.a", "resource.a", "client.a", "oauth.b", "resource.b", "client.b", "alice"),
		Entry("ticket", "ticket", "accounts", "app.one", "alice"),
		Entry("offline", "offline", "server", "till.one", "alice"),
		Entry("mobile", "mobile", "authorization", "crm", "alice"),
		Entry("unified", "unified", "platform", "mail", "shop", "alice"),
	)

	It("finds a scenario by its name, and names the nearest for a slip of the pen", func() {
		s, err := scenarios.Find("bidirectional/both-at-once")
		Expect(err).NotTo(HaveOccurred())
		Expect(s.Kind).To(Equal(scenarios.Happy))

		_, err = scenarios.Find("bidirectional/both-at-onse")
		var unknown *scenarios.UnknownError
		Expect(errors.As(err, &unknown)).To(BeTrue())
		Expect(unknown.Near).NotTo(BeEmpty())
		Expect(unknown.Near[0]).To(Equal("bidirectional/both-at-once"))
		Expect(err.Error()).To(ContainSubstring("did you mean bidirectional/both-at-once"))

		_, err = scenarios.Find("theft")
		Expect(errors.As(err, &unknown)).To(BeTrue())
		Expect(unknown.Near).To(ContainElement("bidirectional/attack/theft-at-step-9"))

		_, err = scenarios.Find("q")
		Expect(err).To(MatchError(ContainSubstring("countersign list scenarios")))
	})
})

var _ = It("nothing in the scenarios leaves the simulated world", func() {
	found, err := worldlint.Check("countersign/scenarios/...")
	Expect(err).NotTo(HaveOccurred())
	Expect(slices.Collect(func(yield func(string) bool) {
		for _, f := range found {
			if !yield(f.String()) {
				return
			}
		}
	})).To(BeEmpty())
})

var _ = DescribeTable("every invariant of a flow names the requirement that protects it, and has a name of its own",
	func(flow string, all []stage.Invariant) {
		seen := map[string]bool{}
		for _, i := range all {
			Expect(seen).NotTo(HaveKey(i.Name))
			seen[i.Name] = true
			r, known := catalog.Lookup(i.Requirement)
			Expect(known).To(BeTrue(), i.Name)
			of, _ := catalog.FlowOf(i.Requirement)
			Expect(of).To(Equal(flow))
			Expect(i.Level()).To(Equal(r.Level))
			Expect(i.Text).To(HaveSuffix("."))
		}
	},
	Entry("bidirectional", "bidirectional", twosites.Invariants()),
	Entry("ticket", "ticket", accounts.Invariants()),
	Entry("offline", "offline", till.Invariants()),
	Entry("mobile", "mobile", office.Invariants()),
	Entry("unified", "unified", portal.Invariants()),
)
