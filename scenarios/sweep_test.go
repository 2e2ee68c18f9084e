package scenarios_test

import (
	"context"
	"os"
	"path/filepath"

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

	DescribeTable("is made of a job and a range of seeds, or refused with a sentence",
		func(seeds string, from uint64, n int, problem string) {
			sweep, err := scenarios.Job{Names: []string{"bidirectional/happy"}}.Sweep(seeds)
			if problem != "" {
				Expect(err).To(MatchError(problem))
				return
			}
			Expect(err).NotTo(HaveOccurred())
			Expect(sweep.From).To(Equal(from))
			Expect(sweep.Seeds).To(Equal(n))
			Expect(sweep.Scenarios).To(HaveLen(1))
		},
		Entry("a hundred", "0-99", uint64(0), 100, ""),
		Entry("one", "7-7", uint64(7), 1, ""),
		Entry("backwards", "9-1", uint64(0), 0, `"9-1" is no range of seeds; write it as 0-99`),
		Entry("one number", "5", uint64(0), 0, `"5" is no range of seeds; write it as 0-99`),
		Entry("with something behind it", "0-9x", uint64(0), 0, `"0-9x" is no range of seeds; write it as 0-99`),
		Entry("nothing", "", uint64(0), 0, `"" is no range of seeds; write it as 0-99`),
	)

	Describe("that was stopped", func() {
		sweep := func() scenarios.Sweep {
			return scenarios.Sweep{Scenarios: []scenarios.Scenario{find("happy")}, Levels: []catalog.Level{catalog.Hardened}, Seeds: 600, Workers: 2}
		}

		It("goes on from its journal, and finds the same as one that was not", func(ctx SpecContext) {
			whole, err := sweep().Play(ctx)
			Expect(err).NotTo(HaveOccurred())

			journal := scenarios.Journal{Path: filepath.Join(GinkgoT().TempDir(), "sweep.json")}
			first, err := journal.Resume(sweep())
			Expect(err).NotTo(HaveOccurred())
			stopped, stop := context.WithCancel(ctx)
			first.Progress = func(done, _ int) {
				if done == 300 {
					stop()
				}
			}
			part, err := first.Play(stopped)
			Expect(err).To(MatchError(context.Canceled))
			Expect(part.Worlds).To(And(BeNumerically(">=", 300), BeNumerically("<", 310)))

			rest, err := journal.Resume(sweep())
			Expect(err).NotTo(HaveOccurred())
			Expect(rest.Begun.Worlds).To(Equal(part.Worlds))
			Expect(rest.Play(ctx)).To(Equal(whole))

			over, err := journal.Resume(sweep())
			Expect(err).NotTo(HaveOccurred())
			Expect(over.Play(ctx)).To(Equal(whole), "a sweep that is over plays nothing again")
		})

		It("does not go on from the journal of another sweep, or from what is none", func() {
			journal := scenarios.Journal{Path: filepath.Join(GinkgoT().TempDir(), "sweep.json")}
			_, err := journal.Resume(sweep())
			Expect(err).NotTo(HaveOccurred())
			other := sweep()
			other.From = 7
			_, err = journal.Resume(other)
			Expect(err).To(MatchError(ContainSubstring("is the journal of another sweep")))
			Expect(os.WriteFile(journal.Path, []byte("{}"), 0o600)).To(Succeed())
			_, err = journal.Resume(sweep())
			Expect(err).To(MatchError(ContainSubstring("is no journal of a sweep")))
			_, err = scenarios.Journal{Path: filepath.Join(journal.Path, "below")}.Resume(sweep())
			Expect(err).To(MatchError(ContainSubstring("the journal cannot be")))
		})
	})

	It("stops when its context ends", func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		swept, err := scenarios.Sweep{Seeds: 1}.Play(ctx)
		Expect(err).To(MatchError(context.Canceled))
		Expect(swept.Worlds).To(BeZero())
	})
})
