package evidence_test

import (
	"encoding/json"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/config"
	"countersign/reports/evidence"
)

const (
	pass  = conformance.Pass
	fail  = conformance.Fail
	warn  = conformance.Warn
	skip  = conformance.Skip
	broke = conformance.Error
)

var _ = Describe("A statement", func() {
	It("is an in-toto statement with a test-result predicate, in the words of their specifications", func() {
		statement, err := evidence.Make(caseOf(report(result("TI-AM-01", pass, ""))))
		Expect(err).NotTo(HaveOccurred())
		text, err := json.Marshal(statement)
		Expect(err).NotTo(HaveOccurred())
		var members map[string]any
		Expect(json.Unmarshal(text, &members)).To(Succeed())
		Expect(members).To(HaveKeyWithValue("_type", "https://in-toto.io/Statement/v1"))
		Expect(members).To(HaveKeyWithValue("predicateType", "https://in-toto.io/attestation/test-result/v0.1"))
		Expect(members["subject"]).To(HaveLen(2))
		for _, subject := range members["subject"].([]any) {
			Expect(subject).To(HaveKeyWithValue("digest", HaveKeyWithValue("sha256", MatchRegexp(`^[0-9a-f]{64}$`))))
		}
		predicate := members["predicate"].(map[string]any)
		Expect(predicate).To(HaveKeyWithValue("result", "PASSED"))
		Expect(predicate).To(HaveKeyWithValue("passedTests", ConsistOf("TI-AM-01")))
		Expect(predicate).To(HaveKeyWithValue("warnedTests", BeEmpty()))
		Expect(predicate).To(HaveKeyWithValue("failedTests", BeEmpty()))
		Expect(predicate["configuration"]).NotTo(BeEmpty())
	})

	DescribeTable("sums up what came of the checks in all attempts",
		func(want string, passed, warned, failed []string, attempts ...conformance.Report) {
			statement, err := evidence.Make(caseOf(attempts...))
			Expect(err).NotTo(HaveOccurred())
			Expect(statement.Predicate.Result).To(Equal(want))
			Expect(statement.Predicate.PassedTests).To(Equal(passed))
			Expect(statement.Predicate.WarnedTests).To(Equal(warned))
			Expect(statement.Predicate.FailedTests).To(Equal(failed))
			Expect(statement.Predicate.Run.Attempts).To(HaveLen(len(attempts)))
			Expect(statement.Differences(attempts...)).To(BeEmpty())
		},
		Entry("all passed", "PASSED", []string{"TI-AM-01", "TI-AM-02"}, []string{}, []string{},
			report(result("TI-AM-01", pass, ""), result("TI-AM-02", pass, ""))),
		Entry("one failed", "FAILED", []string{"TI-AM-02"}, []string{}, []string{"TI-AM-01"},
			report(result("TI-AM-01", fail, ""), result("TI-AM-02", pass, ""))),
		Entry("one warned", "WARNED", []string{"TI-AM-02"}, []string{"TI-AM-01"}, []string{},
			report(result("TI-AM-01", warn, ""), result("TI-AM-02", pass, ""))),
		Entry("one was skipped: that is no pass", "WARNED", []string{"TI-AM-02"}, []string{}, []string{},
			report(result("TI-AM-01", skip, "no clock"), result("TI-AM-02", pass, ""))),
		Entry("the harness broke in one", "FAILED", []string{"TI-AM-02"}, []string{}, []string{},
			report(result("TI-AM-01", broke, "the harness broke"), result("TI-AM-02", pass, ""))),
		Entry("all were skipped", "FAILED", []string{}, []string{}, []string{}, report(result("TI-AM-01", skip, "no clock"))),
		Entry("a failure in the first of two attempts stays a failure", "FAILED", []string{"TI-AM-02"}, []string{}, []string{"TI-AM-01"},
			report(result("TI-AM-01", fail, ""), result("TI-AM-02", pass, "")), report(result("TI-AM-01", pass, ""), result("TI-AM-02", pass, ""))),
		Entry("a check that one attempt left out has not passed", "WARNED", []string{"TI-AM-02"}, []string{}, []string{},
			report(result("TI-AM-02", pass, "")), report(result("TI-AM-01", pass, ""), result("TI-AM-02", pass, ""))),
	)

	It("names every skip and every error of every attempt with its reason", func() {
		statement, err := evidence.Make(caseOf(
			report(result("TI-AM-01", skip, "the target offers no test clock"), result("TI-AM-02", pass, "")),
			report(result("TI-AM-01", broke, "the harness cannot listen"), result("TI-AM-02", pass, "")),
		))
		Expect(err).NotTo(HaveOccurred())
		attempts := statement.Predicate.Run.Attempts
		Expect(attempts[0].Verdicts).To(ContainElement(evidence.Verdict{Check: "TI-AM-01", Role: "account-server", Verdict: skip, Reason: "the target offers no test clock"}))
		Expect(attempts[1].Verdicts).To(ContainElement(evidence.Verdict{Check: "TI-AM-01", Role: "account-server", Verdict: broke, Reason: "the harness cannot listen"}))
	})

	It("needs an attempt", func() {
		_, err := evidence.Make(evidence.Case{})
		Expect(err).To(MatchError(evidence.ErrNoAttempt))
	})

	DescribeTable("says in what another report differs",
		func(want string, other ...conformance.Report) {
			statement, err := evidence.Make(caseOf(report(result("TI-AM-01", fail, ""))))
			Expect(err).NotTo(HaveOccurred())
			Expect(statement.Differences(other...)).To(Equal(strings.Split(want, "\n")))
		},
		Entry("when there is none", "the statement has 1 attempts and not 0"),
		Entry("in a verdict", "the statement says fail of TI-AM-01, and not pass", report(result("TI-AM-01", pass, ""))),
		Entry("in its checks", "the statement says fail of TI-AM-01, and not nothing\nthe statement says nothing of TI-AM-02, and not fail", report(result("TI-AM-02", fail, ""))),
		Entry("in that it has none", "the statement says fail of TI-AM-01, and not nothing", report()),
	)

	It("is the same for the same case, and tells what was put under test", func() {
		c := caseOf(report(result("TI-AM-01", pass, ""), result("TI-AM-02", warn, "")), report(result("TI-AM-01", pass, "")))
		one, err := evidence.Make(c)
		Expect(err).NotTo(HaveOccurred())
		two, err := evidence.Make(c)
		Expect(err).NotTo(HaveOccurred())
		Expect(two).To(Equal(one))
		put, err := one.Put()
		Expect(err).NotTo(HaveOccurred())
		Expect(put).To(Equal(evidence.Put{Target: "http://127.0.0.1:9000", Profile: "ticket@1", Level: "hardened", Seed: 1}))
	})

	It("needs a transcript", func() {
		c := caseOf(report(result("TI-AM-01", pass, "")))
		c.Files = nil
		_, err := evidence.Make(c)
		Expect(err).To(MatchError(ContainSubstring("names no transcript")))
	})

	It("publishes what the configuration puts in place of the target's own words", func() {
		digest := func(change func(*config.Config)) string {
			c := caseOf(report(result("TI-AM-01", pass, "")))
			change(&c.Config)
			statement, err := evidence.Make(c)
			Expect(err).NotTo(HaveOccurred())
			return statement.Predicate.Configuration[0].Digest["sha256"]
		}
		seen := map[string]bool{digest(func(*config.Config) {}): true}
		for _, change := range []func(*config.Config){
			func(c *config.Config) { c.Metadata = "http://t/doc" },
			func(c *config.Config) { c.Endpoints = map[string]string{"use_endpoint": "http://t/use"} },
			func(c *config.Config) { c.Lifetimes = map[string]int64{"refresh_grace": 60} },
			func(c *config.Config) { c.TLS.CA = "ca.pem" },
			func(c *config.Config) { c.TLS.Certificate = "client.pem" },
			func(c *config.Config) { c.TLS.ServerName = "t.example" },
			func(c *config.Config) { c.Stage.PracticeCA = "ca" },
			func(c *config.Config) { c.Drive.Document = map[string]any{} },
			func(c *config.Config) { c.Drive.Triggers = map[string]config.Trigger{"start_endpoint": {}} },
			func(c *config.Config) { c.Drive.Login = &config.Login{} },
			func(c *config.Config) { c.Start.Exec = &config.Exec{} },
			func(c *config.Config) {
				c.ExpectedFailures = []config.ExpectedFailure{{ID: "TI-AM-01", Reason: "later"}}
			},
		} {
			seen[digest(change)] = true
		}
		Expect(seen).To(HaveLen(13))
	})

	It("survives texts of a target that are no UTF-8", func() {
		k := newKeys()
		r := result("TI-AM-01", skip, "it said \xff\xfe")
		r.Exchanges[0].ResponseBody = "\xff\u2028<&>"
		sealed := seal(k, caseOf(report(r)))
		Expect(verify(k, sealed)).To(Succeed())
	})
})
