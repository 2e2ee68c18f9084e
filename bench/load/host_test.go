package load_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
)

// host plays a party to which so many requests come that should not have been sent.
type host struct {
	resting
	requests int
	one      string
}

func (h *host) Unanswered() (requests int, one string) {
	requests, one = h.requests, h.one
	h.requests, h.one = 0, ""
	return requests, one
}

var _ = Describe("A strange request that no journey answers for", func() {
	It("makes the run in which it came bad, is counted with those to other parties, and shown", func() {
		script := load.Joined{resting{}, &host{requests: 2, one: "a request of nobody"}, &host{requests: 1, one: "another"}}
		a := load.Attacker{Script: script, Connections: 2}
		Expect(a.Prepare(context.Background())).To(Succeed())
		DeferCleanup(a.Clean)
		for _, strange := range []int64{3, 0} {
			r := &load.Recorder{}
			Expect(a.Attack(context.Background(), load.Constant(100, 100*time.Millisecond), r)).To(Succeed())
			result := r.Result()
			Expect(result.Counts).To(And(HaveField("Finished", BeEquivalentTo(10)), HaveField("Strange", strange)))
			Expect(result.Counts.Bad()).To(Equal(strange))
			if strange > 0 {
				Expect(result.Counts.Failures()).To(Equal("3 strange requests outside of them"))
				Expect(result.Wrong).To(ConsistOf(HaveField("Actual", "a request of nobody")))
			}
		}
	})
})
