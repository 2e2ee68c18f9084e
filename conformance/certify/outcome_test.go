package certify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/fixture"
)

var _ = Describe("A configuration that expects failures", func() {
	result := func(check string, v conformance.Verdict) conformance.Result {
		return conformance.Result{Check: check, Verdict: v}
	}
	x := []config.ExpectedFailure{{ID: "BI-OS-31", Reason: "next release"}, {ID: "BI-OS-36", Reason: "never"}}

	DescribeTable("decides the exit code and says why:",
		func(code int, sentences []string, results ...conformance.Result) {
			report := conformance.Report{Results: results}
			report.Conclude()
			before := report.Conclusion
			job := certify.Job{Config: config.Config{ExpectedFailures: x}}
			Expect(job.Outcome(report)).To(Equal(certify.Outcome{ExitCode: code, Sentences: sentences}))
			Expect(report.Conclusion).To(Equal(before), "the report stays as it is")
		},
		Entry("only what is expected failed", 0, []string{"BI-OS-31 failed, as expected: next release"}, result("BI-OS-31", conformance.Fail), result("BI-OS-05", conformance.Pass)),
		Entry("a warning is a failure that can be expected", 0, []string{"BI-OS-31 failed, as expected: next release"}, result("BI-OS-31", conformance.Warn)),
		Entry("one that is expected passed", 1, []string{"BI-OS-31 passed, though it is expected to fail (next release): take it out of expected_failures"}, result("BI-OS-31", conformance.Pass)),
		Entry("one passed and one failed of those that are expected", 1,
			[]string{"BI-OS-31 failed, as expected: next release", "BI-OS-36 passed, though it is expected to fail (never): take it out of expected_failures"},
			result("BI-OS-31", conformance.Fail), result("BI-OS-36", conformance.Pass)),
		Entry("another failed besides", 1, []string{"BI-OS-31 failed, as expected: next release"}, result("BI-OS-31", conformance.Fail), result("BI-OS-05", conformance.Fail)),
		Entry("the harness broke besides", 4, []string{"BI-OS-31 failed, as expected: next release"}, result("BI-OS-31", conformance.Fail), result("BI-OS-05", conformance.Error)),
		Entry("what is expected was not run", 0, nil, result("BI-OS-05", conformance.Pass)),
		Entry("what is expected was skipped", 3, nil, result("BI-OS-31", conformance.Skip)),
	)

	It("finds the checks of a requirement that binds several roles, or one of them", func() {
		one := conformance.Result{Check: "BI-CL-01@client-initiating", Verdict: conformance.Fail}
		one.Requirement.ID = "BI-CL-01"
		two := conformance.Result{Check: "BI-CL-01@client-receiving", Verdict: conformance.Pass}
		two.Requirement.ID = "BI-CL-01"
		report := conformance.Report{Results: []conformance.Result{one, two}}
		report.Conclude()
		for id, code := range map[string]int{"BI-CL-01": 0, "BI-CL-01@client-initiating": 0, "BI-CL-01@client-receiving": 1} {
			job := certify.Job{Config: config.Config{ExpectedFailures: []config.ExpectedFailure{{ID: id, Reason: "x"}}}}
			Expect(job.Outcome(report).ExitCode).To(Equal(code), id)
		}
	})

	It("holds for a run of the reference with a defect", func() {
		c := config.Default()
		c.ExpectedFailures = []config.ExpectedFailure{{ID: "BI-OS-31", Reason: "a defect"}}
		job := certify.Job{Config: c, Simulated: true, Only: []string{"BI-OS-31"}}
		report, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(job.Outcome(report).ExitCode).To(Equal(1))
		job.Defect = "BI-OS-31"
		report, err = job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Conclusion).To(Equal(conformance.Nonconformant))
		Expect(job.Outcome(report).ExitCode).To(Equal(0))
	})
})

var _ = Describe("A run by a configuration", func() {
	const canary = "canary-secret-0123456789"

	It("does not begin where a doctor finds an error, and tells of warnings where it begins", func() {
		c := config.Default()
		c.ExpectedFailures = []config.ExpectedFailure{{ID: "BI-OS-99", Reason: "x"}}
		job := certify.Job{Config: c, Simulated: true, Only: []string{"BI-OS-05"}}
		report, err := job.Run(context.Background())
		Expect(err).To(BeAssignableToTypeOf(&doctor.Refusal{}))
		Expect(certify.ExitCode(err)).To(Equal(2))
		Expect(report.Results).To(BeEmpty())

		job.Config.ExpectedFailures, job.Config.Seed = nil, 1<<60
		var told []string
		job.Warn = func(f doctor.Finding) { told = append(told, f.Code) }
		_, err = job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(told).To(Equal([]string{"seed-large"}))
	})

	It("shows no secret of it in a report, wherever the target puts it", func() {
		target := httptest.NewUnstartedServer(nil)
		target.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Leak", canary)
			if strings.HasPrefix(r.URL.Path, "/.well-known/bidirectional") {
				_, _ = fmt.Fprintf(w, `{"profile": "bidirectional@1", "issuer": "http://%[1]s", "temporary_credential_endpoint": "http://%[1]s/t", "leak": %[2]q}`, r.Host, canary)
				return
			}
			_, _ = fmt.Fprint(w, "leak "+canary)
		})
		target.Start()
		DeferCleanup(target.Close)
		reader := config.Reader{Env: func(string) (string, bool) { return canary, true }}
		c, err := reader.Parse("countersign.yaml", []byte(fmt.Sprintf("profile: bidirectional@1\ntarget: %s\nroles: [oauth-server]\nmax_wait: 0s\nsetup: {handover_key: '${env:X}', own_issuer: '%s', peer_issuer: '%s'}\n", target.URL, fixture.FreeOrigin(), fixture.FreeOrigin())))
		Expect(err).NotTo(HaveOccurred())
		c.Limit = 2 * time.Second
		job := certify.Job{Config: c, Only: []string{"BI-OS-01", "BI-OS-05"}}
		report, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		text, err := json.Marshal(report)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(ContainSubstring("‹setup.handover_key›"))
		Expect(string(text)).NotTo(ContainSubstring(canary))
	})
})
