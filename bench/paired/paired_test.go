package paired_test

import (
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/paired"
)

// machine is one whose time passes by the work that is done on it alone, and which is slower in some rounds than in others.
type machine struct {
	now   time.Duration
	slow  func(call int) int
	calls int
}

func (m *machine) costs(d time.Duration) func(int) {
	return func(n int) {
		m.calls++
		factor := 1
		if m.slow != nil {
			factor = m.slow(m.calls)
		}
		m.now += time.Duration(n*factor) * d
	}
}

var sink []byte

var _ = Describe("A contest", func() {
	var m *machine
	contest := func(variants ...paired.Variant) paired.Contest {
		return paired.Contest{Variants: variants, Rounds: 200, Seed: 1, Clock: func() time.Duration { return m.now }}
	}

	BeforeEach(func() { m = &machine{} })

	It("tells the cost of each, by the floor, and the floor again as 1", func() {
		figures, err := contest(
			paired.Variant{Name: "bare", Run: m.costs(100 * time.Nanosecond)},
			paired.Variant{Name: "ours", Run: m.costs(110 * time.Nanosecond)},
			paired.Variant{Name: "slow", Run: m.costs(3 * time.Millisecond)},
		).Measure(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(figures).To(HaveLen(4))
		Expect(figures[0].Name).To(Equal("bare"))
		Expect(figures[0].Nanoseconds).To(Equal(100.0))
		Expect(figures[1]).To(And(HaveField("Name", paired.Again), HaveField("Ratio", 1.0)))
		Expect(figures[2]).To(And(HaveField("Name", "ours"), HaveField("Ratio", BeNumerically("~", 1.1, 1e-9))))
		Expect(figures[3].Ratio).To(Equal(30000.0))
	})

	It("is not misled by single slices that the machine was slow in", func() {
		m.slow = func(call int) int {
			if call%7 == 0 {
				return 40
			}
			return 1
		}
		figures, err := contest(
			paired.Variant{Name: "bare", Run: m.costs(100 * time.Nanosecond)},
			paired.Variant{Name: "ours", Run: m.costs(200 * time.Nanosecond)},
		).Measure(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(figures[1].Ratio).To(Equal(1.0))
		Expect(figures[2].Ratio).To(Equal(2.0))
	})

	It("compares within a round, so that a machine that is slower for whole rounds changes no ratio", func() {
		m.slow = func(call int) int { return 1 + call/60%3 } // three speeds, each for twenty rounds at a time
		figures, err := contest(
			paired.Variant{Name: "bare", Run: m.costs(100 * time.Nanosecond)},
			paired.Variant{Name: "ours", Run: m.costs(200 * time.Nanosecond)},
		).Measure(context.Background())
		Expect(err).NotTo(HaveOccurred())
		for i, ratio := range []float64{1, 1, 2} {
			Expect(figures[i]).To(And(HaveField("Low", ratio), HaveField("Ratio", ratio), HaveField("High", ratio)))
		}
	})

	It("fills its slices and no more, also by a clock that tells nothing shorter than a tick", func() {
		most := 0
		floor := m.costs(30 * time.Nanosecond)
		c := contest(
			paired.Variant{Name: "bare", Run: func(n int) { most = max(most, n); floor(n) }},
			paired.Variant{Name: "ours", Run: m.costs(30 * time.Nanosecond)},
		)
		c.Clock = func() time.Duration { return m.now.Truncate(100 * time.Nanosecond) }
		_, err := c.Measure(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(most).To(BeNumerically("<", 40_000), "runs of 30 ns in half a millisecond, and while it found out twice as many")
	})

	It("fills its slices, also where the machine stood still while it found out how much fits", func() {
		m.slow = func(call int) int {
			if call == 4 {
				return 1_000_000
			}
			return 1
		}
		most := 0
		floor := m.costs(time.Microsecond)
		_, err := contest(
			paired.Variant{Name: "bare", Run: func(n int) { most = max(most, n); floor(n) }},
			paired.Variant{Name: "ours", Run: m.costs(time.Microsecond)},
		).Measure(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(most).To(BeNumerically(">=", 500), "runs of a microsecond in half a millisecond")
	})

	It("counts what a run takes from the heap", func() {
		work := m.costs(time.Microsecond)
		figures, err := contest(
			paired.Variant{Name: "nothing", Run: work},
			paired.Variant{Name: "one slice", Run: func(n int) {
				for range n {
					sink = make([]byte, 4096)
				}
				work(n)
			}},
		).Measure(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(figures[0].Allocations).To(BeZero())
		Expect(figures[2].Allocations).To(Equal(1.0))
		Expect(figures[2].Bytes).To(BeNumerically(">=", 4096))
	})

	It("compares nothing without two variants, and ends with its context", func() {
		_, err := contest(paired.Variant{Name: "alone", Run: m.costs(1)}).Measure(context.Background())
		var empty *paired.EmptyError
		Expect(errors.As(err, &empty)).To(BeTrue())
		stopped, stop := context.WithCancel(context.Background())
		stop()
		_, err = contest(paired.Variant{Name: "a", Run: m.costs(1)}, paired.Variant{Name: "b", Run: m.costs(1)}).Measure(stopped)
		Expect(err).To(MatchError(context.Canceled))
	})
})
