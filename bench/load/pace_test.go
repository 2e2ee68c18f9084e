package load_test

import (
	"math"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
)

var _ = Describe("A pacer", func() {
	It("lets journeys begin at even distances at a constant rate", func() {
		p := load.Constant(2000, 10*time.Second)
		Expect(p.Journeys()).To(Equal(20_000))
		for _, n := range []int{0, 1, 2, 19_999} {
			Expect(p.At(n)).To(Equal(time.Duration(n) * 500 * time.Microsecond))
		}
	})

	DescribeTable("adds its rate up to the number of journeys, at any time",
		func(p load.Pacer) {
			for n, before := 0, time.Duration(0); n < p.Journeys(); n += 7 {
				at := p.At(n)
				Expect(at).To(And(BeNumerically(">=", before), BeNumerically("<=", p.Duration())))
				before = at
				sum, step := 0.0, 100*time.Microsecond
				for t := time.Duration(0); t < at; t += step {
					sum += p.Rate(t+step/2) * min(step, at-t).Seconds()
				}
				Expect(sum).To(BeNumerically("~", n, 0.2), "journey %d at %v", n, at)
			}
		},
		Entry("rising from nothing", load.Pacer{{0, 100, 2 * time.Second}}),
		Entry("falling to nothing", load.Pacer{{100, 0, 2 * time.Second}}),
		Entry("hardly rising", load.Pacer{{100, 100.000001, time.Second}}),
		Entry("in stages", load.Pacer{{0, 50, time.Second}, {50, 50, time.Second}, {50, 200, time.Second}, {10, 10, time.Second}}),
	)

	DescribeTable("that cannot be played says so",
		func(p load.Pacer, sentence string) { Expect(p.Check()).To(MatchError(ContainSubstring(sentence))) },
		Entry("without a stage", load.Pacer{}, "no journey begins"),
		Entry("with a rate of nothing", load.Constant(0, time.Second), "above 0"),
		Entry("with a rate below nothing", load.Constant(-1, time.Second), "a number from 0"),
		Entry("with a rate that is no number", load.Constant(math.NaN(), time.Second), "a number from 0"),
		Entry("with a rate beyond counting", load.Constant(1e12, time.Second), "a number from 0"),
		Entry("without a duration", load.Constant(10, 0), "more than no time"),
		Entry("with a stage of a year", load.Constant(10, 365*24*time.Hour), "at most"),
	)
})
