package scenarios_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/sim"
)

var _ = Describe("A sweep", func() {
	It("finds that every scenario comes out as it should, at both levels and several seeds", func(ctx SpecContext) {
		swept, err := scenarios.Sweep{Seeds: 3, From: 100}.Play(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(swept.Worlds).To(Equal(3 * 2 * len(scenarios.All())))
		Expect(swept.Messages).To(BeNumerically(">", 20*swept.Worlds))
		for _, f := range swept.Failures {
			AddReportEntry(f.Repro, f.Actual)
		}
		Expect(swept.Failures).To(BeEmpty())
	})

	It("finds the same however many worlds run side by side, and says how to play a failure again", func(ctx SpecContext) {
		sweep := scenarios.Sweep{
			Scenarios: []scenarios.Scenario{find("happy"), find("b-first"), find("attack/session-fixation")}, Levels: []catalog.Level{catalog.Hardened},
			Seeds: 8, Faults: []sim.Fault{fault("loss:client.a>oauth.b=0.4")}, Workers: 1,
		}
		alone, err := sweep.Play(ctx)
		Expect(err).NotTo(HaveOccurred())
		calls := 0
		sweep.Workers, sweep.Progress = 5, func(done, total int) {
			calls++
			Expect(done).To(Equal(calls))
			Expect(total).To(Equal(24))
		}
		together, err := sweep.Play(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(together).To(Equal(alone))
		Expect(calls).To(Equal(24))
		Expect(alone.Failures).NotTo(BeEmpty())
		Expect(alone.Failures[0].Repro).To(MatchRegexp(`^countersign run bidirectional/\S+ --level hardened --seed \d --fault 'loss:client.a>oauth.b=0.4'$`))
	})

	It("stops when its context ends", func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		swept, err := scenarios.Sweep{Seeds: 1}.Play(ctx)
		Expect(err).To(MatchError(context.Canceled))
		Expect(swept.Worlds).To(BeZero())
	})
})
