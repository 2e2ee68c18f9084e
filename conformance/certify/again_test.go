package certify_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/fixture"
	"countersign/conformance/flows"
)

func flowNamed(name string) conformance.Flow {
	GinkgoHelper()
	flow, err := flows.Find(name)
	Expect(err).NotTo(HaveOccurred())
	return flow
}

func names(results []conformance.Result) []string {
	var all []string
	for _, r := range results {
		all = append(all, r.Check)
	}
	return all
}

var _ = Describe("Another attempt", func() {
	results := func(verdicts ...conformance.Verdict) conformance.Report {
		r := conformance.Report{Profile: "bidirectional@1", Level: "core", Seed: 7, Target: "http://127.0.0.1:9000"}
		for i, v := range verdicts {
			r.Results = append(r.Results, conformance.Result{Check: fmt.Sprintf("BI-OS-%02d", i+1), Verdict: v})
		}
		return r
	}

	DescribeTable("plays the checks again that have one of the verdicts:",
		func(wanted []conformance.Verdict, expected ...string) {
			again, err := certify.NewAgain(results(conformance.Pass, conformance.Fail, conformance.Warn, conformance.Skip, conformance.Error), wanted...)
			Expect(err).NotTo(HaveOccurred())
			Expect(again.Checks).To(Equal(expected))
		},
		Entry("failed, warned and broken where nothing is said", nil, "BI-OS-02", "BI-OS-03", "BI-OS-05"),
		Entry("those that could not be run", []conformance.Verdict{conformance.Skip}, "BI-OS-04"),
		Entry("those that passed, for somebody who doubts them", []conformance.Verdict{conformance.Pass, conformance.Fail}, "BI-OS-01", "BI-OS-02"),
	)

	It("is refused where nothing is to be played again, and where a verdict is none", func() {
		_, err := certify.NewAgain(results(conformance.Pass, conformance.Skip))
		Expect(err).To(MatchError(ContainSubstring("nothing to run again")))
		Expect(certify.ExitCode(err)).To(Equal(2))
		_, err = certify.NewAgain(results(conformance.Fail), "bad")
		Expect(err).To(MatchError(ContainSubstring(`"bad" is no verdict`)))
		Expect(certify.ExitCode(err)).To(Equal(2))
	})

	It("is about what the first run was about", func() {
		again, err := certify.NewAgain(results(conformance.Fail))
		Expect(err).NotTo(HaveOccurred())
		c := config.Default()
		Expect(again.Configure(&c)).To(Succeed())
		Expect(c.Profile).To(Equal("bidirectional@1"))
		Expect(c.Level).To(Equal(catalog.Core))
		Expect(c.Seed).To(Equal(uint64(7)))
		Expect(c.Target).To(Equal("http://127.0.0.1:9000"))
		c.Profile = "ticket@1"
		Expect(again.Configure(&c)).To(MatchError(ContainSubstring("the report is of the profile bidirectional@1")))
	})

	It("gives a report of its own, with the checks that failed and no other", func() {
		job := certify.Job{Config: config.Default(), Simulated: true, Only: []string{"BI-OS-3"}, Defect: "BI-OS-31"}
		first, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(first.Counts.Fail).To(Equal(1))
		job.Only = nil
		job.Again, err = certify.NewAgain(first)
		Expect(err).NotTo(HaveOccurred())
		second, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(names(second.Results)).To(Equal([]string{"BI-OS-31"}))
		Expect(second.Results[0]).To(Equal(first.Results[7-6]), "in a simulated world the same happens again")
		job.Config.Level = catalog.Core
		_, err = job.Run(context.Background())
		Expect(err).To(BeAssignableToTypeOf(&conformance.NoSuchCheckError{}), "a check that the level leaves out cannot be played again")
	})
})

var _ = Describe("A plan", func() {
	It("lists the checks of the roles, level and selection, and says nothing to the target", func() {
		c := config.Default()
		c.Target, c.Profile, c.Roles, c.Level = "http://127.0.0.1:1", "bidirectional@1", []catalog.Role{catalog.OAuthServer}, catalog.Core
		plan, err := certify.Job{Config: c, Only: []string{"BI-OS-2"}}.List()
		Expect(err).NotTo(HaveOccurred())
		Expect(plan.Format).To(Equal("countersign/plan@1"))
		Expect(plan.Checks).NotTo(BeEmpty())
		for _, check := range plan.Checks {
			Expect(check.Role).To(Equal(catalog.OAuthServer))
			Expect(check.Level).To(Equal(catalog.Core))
			Expect(check.Check).To(HavePrefix("BI-OS-2"))
		}
		_, err = certify.Job{Config: c, Only: []string{"TI"}}.List()
		Expect(certify.ExitCode(err)).To(Equal(2))
	})

	It("of a dry run knows the target's roles and clock, and gives the addresses back", func() {
		job, stop := independent(flowNamed("ticket"), catalog.AccountServer, "")
		defer stop()
		plan, err := job.DryRun(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(plan.Roles).To(Equal([]catalog.Role{catalog.AccountServer}))
		Expect(plan.Expiry()).To(Equal(5))
		Expect(plan.Alone()).To(Equal(5), "the clock is moved for all")
		Expect(plan.MaxWait).To(BeZero())
		Expect(plan.Summary()).To(ContainSubstring("5 let time pass by the target's clock"))
		again, err := job.DryRun(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(again).To(Equal(plan))
	})

	It("of a dry run fails as the run would", func() {
		c := config.Default()
		c.Target, c.Profile = fixture.FreeOrigin(), "ticket@1"
		_, err := certify.Job{Config: c}.DryRun(context.Background())
		Expect(certify.ExitCode(err)).To(Equal(3))
	})
})

var _ = Describe("Two runs against one target", func() {
	It("do not meet: the second waits for the first, says so, and comes to the same verdicts", func() {
		job, stop := independent(flowNamed("bidirectional"), catalog.ResourceServer, "")
		defer stop()
		job.WaitForRun = time.Minute
		var told atomic.Int32
		job.Notice = func(sentence string) {
			defer GinkgoRecover()
			Expect(sentence).To(ContainSubstring("another run plays site-a at " + *job.Config.Setup.Addresses()[0].Origin))
			told.Add(1)
		}
		reports := make([]conformance.Report, 2)
		began := make(chan struct{})
		first, second := job, job
		first.Progress = func(done, _ int, _ conformance.Result) {
			if done == 1 {
				close(began)
			}
		}
		ended := make(chan struct{})
		go func() {
			defer GinkgoRecover()
			defer close(ended)
			var err error
			reports[0], err = first.Run(context.Background())
			Expect(err).NotTo(HaveOccurred())
		}()
		Eventually(began, "20s").Should(BeClosed())
		var err error
		reports[1], err = second.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Eventually(ended, "20s").Should(BeClosed())
		Expect(told.Load()).To(Equal(int32(1)))
		for _, r := range reports {
			Expect(r.Conclusion).To(Equal(conformance.Conformant), judged(r.Results))
		}
	})

	It("cannot begin where the other does not end in time", func() {
		job, stop := independent(flowNamed("ticket"), catalog.AccountServer, "")
		defer stop()
		stage := &conformance.Stage{}
		origin := *job.Config.Setup.Addresses()[0].Origin
		_, err := stage.Listen("account-server", origin[len("http://"):])
		Expect(err).NotTo(HaveOccurred())
		defer stage.Close()
		job.WaitForRun = 300 * time.Millisecond
		_, err = job.Run(context.Background())
		Expect(err).To(BeAssignableToTypeOf(&certify.BusyError{}))
		Expect(certify.ExitCode(err)).To(Equal(2))
		job.WaitForRun = time.Minute
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_, err = job.Run(ctx)
		Expect(certify.ExitCode(err)).To(Equal(3))
	})
})

var _ = Describe("The verdicts", func() {
	It("do not depend on how many checks run at a time, nor in which order they begin", func() {
		var first *conformance.Report
		for seed := range uint64(3) {
			for _, parallel := range []int{1, 16} {
				c := config.Default()
				c.Profile = "bidirectional@1"
				job := certify.Job{Config: c, Simulated: true, Parallel: parallel, Shuffle: seed > 0}
				report, err := job.Run(context.Background())
				Expect(err).NotTo(HaveOccurred())
				if first == nil {
					first = &report
				}
				Expect(report).To(Equal(*first))
			}
		}
	})

	It("are the same against one instance of another implementation, in any order and number at a time", func() {
		job, stop := independent(flowNamed("bidirectional"), catalog.ResourceServer, "")
		defer stop()
		job.Shuffle = true
		for seed, parallel := range []int{1, 16, 16} {
			job.Config.Seed, job.Parallel = uint64(seed+1), parallel
			report, err := job.Run(context.Background())
			Expect(err).NotTo(HaveOccurred())
			Expect(report.Counts.Pass).To(And(BeNumerically(">=", 25), Equal(report.Counts.Total)), judged(report.Results))
		}
	})
})
