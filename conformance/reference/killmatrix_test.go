package reference_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
)

// play runs the checks in simulated worlds, a world a check.
func play(r reference.Reference, checks []conformance.Check) []conformance.Result {
	return conformance.Runner{Open: r.InWorld, Parallel: 2}.Run(context.Background(), checks)
}

// stuck is surroundings whose target has a test clock that is out of order.
type stuck struct {
	conformance.Env
	asked *bool
}

func (s stuck) Advance(time.Duration) error {
	*s.asked = true
	return errors.New("status 500")
}

func describe(r conformance.Result) string {
	text := fmt.Sprintf("%s: %s %s", r.Check, r.Verdict, r.Reason)
	if r.Failure != nil {
		text += fmt.Sprintf("expected %s, actual %s", r.Failure.Expected, r.Failure.Actual)
	}
	return text
}

var _ = Describe("The correct reference", func() {
	DescribeTable("draws no failure, no warning, no skip and no error",
		func(level catalog.Level, seed uint64) {
			checks, err := conformance.Selection{Level: level}.Select(flows.Checks())
			Expect(err).NotTo(HaveOccurred())
			for _, r := range play(reference.Reference{Level: level, Seed: seed}, checks) {
				Expect(r.Verdict).To(Equal(conformance.Pass), describe(r))
			}
		},
		Entry("at level hardened", catalog.Hardened, uint64(1)),
		Entry("at level hardened with another seed", catalog.Hardened, uint64(2)),
		Entry("at level core", catalog.Core, uint64(1)),
	)

	It("gives the same results for the same seed, whatever else runs beside", func() {
		checks := flows.Checks()
		alone := conformance.Runner{Open: reference.Reference{Seed: 5}.InWorld, Parallel: 1}.Run(context.Background(), checks)
		together := conformance.Runner{Open: reference.Reference{Seed: 5}.InWorld, Parallel: 16}.Run(context.Background(), checks)
		Expect(together).To(Equal(alone))
	})
})

var _ = Describe("A target whose test clock is out of order", func() {
	It("fails every check that lets time pass", func() {
		reached := 0
		for _, check := range flows.Checks() {
			if check.Name() == "MO-AP-33" { // it moves the clock within an answer, and is meant to be the same where no time can pass
				continue
			}
			asked := false
			results := conformance.Runner{Open: func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
				env, target, err := reference.Reference{Seed: 1}.InWorld(ctx, c)
				return stuck{env, &asked}, target, err
			}}.Run(context.Background(), []conformance.Check{check})
			if asked {
				reached++
				Expect(results).To(HaveEach(HaveField("Verdict", conformance.Fail)), describe(results[0]))
			}
		}
		Expect(reached).To(BeNumerically(">", 50))
	})
})

var _ = Describe("The kill matrix", func() {
	for _, d := range reference.Defects() {
		It(fmt.Sprintf("catches %s (%s) by %s", d.ID, d.Text, d.Requirement), func() {
			named := slices.DeleteFunc(flows.Checks(), func(c conformance.Check) bool {
				return c.ID != d.Requirement || d.Kind == "wire" && c.Role != d.Role
			})
			Expect(named).NotTo(BeEmpty())
			for _, r := range play(reference.Reference{Defect: d, Seed: 1}, named) {
				Expect(r.Verdict).To(BeElementOf(conformance.Fail, conformance.Warn), describe(r))
			}
		})
	}

	It("has a check for every requirement and role that can be tested", func() {
		for _, c := range catalog.Catalogs() {
			for _, r := range c.Requirements {
				for _, role := range r.Roles {
					has := slices.ContainsFunc(flows.Checks(), func(c conformance.Check) bool { return c.ID == r.ID && c.Role == role })
					Expect(has).To(Equal(r.Untestable == ""), "%s for %s", r.ID, role)
				}
			}
		}
	})

	It("has fifteen or more defects on the wire", func() {
		wire := slices.DeleteFunc(reference.Defects(), func(d reference.Defect) bool { return d.Kind != "wire" })
		Expect(len(wire)).To(BeNumerically(">=", 15))
	})
})
