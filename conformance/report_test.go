package conformance_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
)

var _ = Describe("A report", func() {
	const (
		pass, fail, warn = conformance.Pass, conformance.Fail, conformance.Warn
		skip, broke      = conformance.Skip, conformance.Error
	)
	DescribeTable("concludes",
		func(conclusion conformance.Conclusion, code int, summary string, verdicts ...conformance.Verdict) {
			var r conformance.Report
			for _, v := range verdicts {
				r.Results = append(r.Results, conformance.Result{Verdict: v})
			}
			r.Conclude()
			Expect(r.Conclusion).To(Equal(conclusion))
			Expect(r.Conclusion.ExitCode()).To(Equal(code))
			Expect(r.Summary).To(Equal(summary))
			Expect(r.Format).To(Equal(conformance.ReportFormat))
			c := r.Counts
			Expect(c.Total).To(Equal(len(verdicts)))
			Expect(c.Pass + c.Fail + c.Warn + c.Skip + c.Error).To(Equal(c.Total))
		},
		Entry("that all passed", conformance.Conformant, 0, "conformant: 2 of 2 checks passed", pass, pass),
		Entry("that warnings are no failures", conformance.Conformant, 0, "conformant: 1 of 2 checks passed, 1 warned", pass, warn),
		Entry("from those that ran", conformance.Conformant, 0, "conformant: 1 of 3 checks passed, 1 warned, 1 not run", skip, pass, warn),
		Entry("that one failure is enough", conformance.Nonconformant, 1, "nonconformant: 1 of 3 checks failed, 1 not run", pass, fail, skip),
		Entry("that a failure stands even where the harness broke", conformance.Nonconformant, 1, "nonconformant: 1 of 2 checks failed, the harness broke in 1", broke, fail),
		Entry("nothing when the harness broke", conformance.Broken, 4, "no verdict: the harness broke in 1 of 2 checks", pass, broke),
		Entry("nothing when nothing could be run", conformance.Incomplete, 3, "incomplete: none of 2 checks could be run", skip, skip),
		Entry("nothing from nothing", conformance.Incomplete, 3, "incomplete: none of 0 checks could be run"),
		Entry("that a verdict it does not know is a broken harness", conformance.Broken, 4, "no verdict: the harness broke in 1 of 2 checks", pass, conformance.Verdict("")),
	)

	It("sorts the results by check and leaves those of one check as they came", func() {
		r := conformance.Report{Results: []conformance.Result{{Check: "b"}, {Check: "a", Reason: "first"}, {Check: "a", Reason: "second"}}}
		r.Conclude()
		Expect(r.Results).To(Equal([]conformance.Result{{Check: "a", Reason: "first"}, {Check: "a", Reason: "second"}, {Check: "b"}}))
	})

	It("that never concluded is no success", func() {
		Expect(conformance.Report{}.Conclusion.ExitCode()).To(Equal(4))
	})
})
