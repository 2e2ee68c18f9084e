package evidence_test

import (
	"bytes"
	"encoding/json"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
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
		statement, transcript, err := evidence.Make(caseOf(report(result("TI-AM-01", pass, ""))))
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
		Expect(bytes.Count(transcript, []byte("\n"))).To(Equal(1))
	})

	DescribeTable("sums up what came of the checks in all attempts",
		func(want string, passed, warned, failed []string, attempts ...conformance.Report) {
			statement, _, err := evidence.Make(caseOf(attempts...))
			Expect(err).NotTo(HaveOccurred())
			Expect(statement.Predicate.Result).To(Equal(want))
			Expect(statement.Predicate.PassedTests).To(Equal(passed))
			Expect(statement.Predicate.WarnedTests).To(Equal(warned))
			Expect(statement.Predicate.FailedTests).To(Equal(failed))
			Expect(statement.Predicate.Run.Attempts).To(HaveLen(len(attempts)))
			Expect(statement.Describes(attempts...)).To(Succeed())
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
		statement, _, err := evidence.Make(caseOf(
			report(result("TI-AM-01", skip, "the target offers no test clock"), result("TI-AM-02", pass, "")),
			report(result("TI-AM-01", broke, "the harness cannot listen"), result("TI-AM-02", pass, "")),
		))
		Expect(err).NotTo(HaveOccurred())
		attempts := statement.Predicate.Run.Attempts
		Expect(attempts[0].Verdicts).To(ContainElement(evidence.Verdict{Check: "TI-AM-01", Role: "account-server", Verdict: skip, Reason: "the target offers no test clock"}))
		Expect(attempts[1].Verdicts).To(ContainElement(evidence.Verdict{Check: "TI-AM-01", Role: "account-server", Verdict: broke, Reason: "the harness cannot listen"}))
	})

	It("needs an attempt", func() {
		_, _, err := evidence.Make(evidence.Case{})
		Expect(err).To(MatchError(evidence.ErrNoAttempt))
	})

	It("does not describe another report", func() {
		statement, _, err := evidence.Make(caseOf(report(result("TI-AM-01", fail, ""))))
		Expect(err).NotTo(HaveOccurred())
		var wrong *evidence.StatementError
		for _, other := range [][]conformance.Report{{}, {report(result("TI-AM-01", pass, ""))}, {report(result("TI-AM-02", fail, ""))}, {report()}} {
			Expect(statement.Describes(other...)).To(BeAssignableToTypeOf(wrong))
		}
	})

	It("is the same for the same case, and its transcript has one JSON line for each exchange", func() {
		c := caseOf(report(result("TI-AM-01", pass, ""), result("TI-AM-02", warn, "")), report(result("TI-AM-01", pass, "")))
		one, transcript, err := evidence.Make(c)
		Expect(err).NotTo(HaveOccurred())
		two, again, err := evidence.Make(c)
		Expect(err).NotTo(HaveOccurred())
		Expect(two).To(Equal(one))
		Expect(again).To(Equal(transcript))
		lines := strings.Split(strings.TrimSuffix(string(transcript), "\n"), "\n")
		Expect(lines).To(HaveLen(3))
		for i, want := range []struct {
			attempt int
			check   string
		}{{1, "TI-AM-01"}, {1, "TI-AM-02"}, {2, "TI-AM-01"}} {
			var line struct {
				Attempt int
				Check   string
				Status  int
			}
			Expect(json.Unmarshal([]byte(lines[i]), &line)).To(Succeed())
			Expect(line.Attempt).To(Equal(want.attempt))
			Expect(line.Check).To(Equal(want.check))
			Expect(line.Status).To(Equal(200))
		}
	})

	It("survives texts of a target that are no UTF-8", func() {
		k := newKeys()
		r := result("TI-AM-01", skip, "it said \xff\xfe")
		r.Exchanges[0].ResponseBody = "\xff\u2028<&>"
		sealed, _ := seal(k, caseOf(report(r)))
		Expect(verify(k, sealed)).To(Succeed())
	})
})
