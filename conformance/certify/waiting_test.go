package certify_test

import (
	"context"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/flows"
	"countersign/conformance/replay"
)

// clocks notes for which checks time was let pass.
type clocks struct {
	mu    sync.Mutex
	moved map[string]time.Duration // by the name of the check: the longest
}

// watch is a certify.Job's Wrap.
func (c *clocks) watch(open replay.Open) replay.Open {
	return func(ctx context.Context, check conformance.Check) (conformance.Env, conformance.Target, error) {
		env, target, err := open(ctx, check)
		return &watched{env, c, check.Name()}, target, err
	}
}

type watched struct {
	conformance.Env
	clocks *clocks
	check  string
}

func (w *watched) Advance(d time.Duration) error {
	w.clocks.mu.Lock()
	w.clocks.moved[w.check] = max(w.clocks.moved[w.check], d)
	w.clocks.mu.Unlock()
	return w.Env.Advance(d)
}

var _ = Describe("What a check says of itself", func() {
	It("tells whether it lets time pass: no other does, and each of them does", func() {
		c := &clocks{moved: map[string]time.Duration{}}
		report, err := certify.Job{Config: config.Default(), Simulated: true, Wrap: c.watch}.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Conclusion).To(Equal(conformance.Conformant))
		var said, did []string
		for _, flow := range flows.All() {
			for _, check := range flow.Checks {
				if check.Waits != conformance.NoWait {
					said = append(said, check.Name())
				}
			}
		}
		for name := range c.moved {
			did = append(did, name)
		}
		slices.Sort(did)
		slices.Sort(said)
		Expect(said).To(Equal(did))
	})
})
