package certify

import (
	"fmt"
	"strings"

	"countersign/conformance"
)

// Outcome is what a run means for who started it: the report's conclusion in the light of the failures that the configuration expects.
// The report itself stays as it is: what fails is nonconformant, also when it was known before.
type Outcome struct {
	// ExitCode is that of the report, but for expected failures: 0 when nothing failed besides them, and 1 when one of them passed.
	ExitCode int
	// Sentences say what the expectations change, one each; none when there are none or nothing of them was run.
	Sentences []string
}

// Outcome holds a report against the expected failures.
func (j Job) Outcome(report conformance.Report) Outcome {
	o := Outcome{ExitCode: report.Conclusion.ExitCode()}
	expected, passed := map[string]bool{}, 0 // expected: the checks that failed as was expected
	for _, x := range j.Config.ExpectedFailures {
		var failed, met []string
		for _, r := range report.Results {
			if string(r.Requirement.ID) != x.ID && r.Check != x.ID {
				continue
			}
			switch r.Verdict {
			case conformance.Fail, conformance.Warn:
				failed = append(failed, r.Check)
				expected[r.Check] = true
			case conformance.Pass:
				met = append(met, r.Check)
			}
		}
		switch {
		case len(failed) > 0:
			o.Sentences = append(o.Sentences, fmt.Sprintf("%s failed, as expected: %s", strings.Join(failed, " and "), x.Reason))
		case len(met) > 0:
			passed++
			o.Sentences = append(o.Sentences, fmt.Sprintf("%s passed, though it is expected to fail (%s): take it out of expected_failures", strings.Join(met, " and "), x.Reason))
		}
	}
	for _, r := range report.Results {
		if r.Verdict == conformance.Fail && !expected[r.Check] {
			return o // a failure that nobody expected decides
		}
	}
	switch {
	case report.Counts.Error > 0: // nothing is made better by what broke
		o.ExitCode = conformance.Broken.ExitCode()
	case passed > 0:
		o.ExitCode = conformance.Nonconformant.ExitCode()
	case report.Counts.Fail > 0:
		o.ExitCode = conformance.Conformant.ExitCode()
	}
	return o
}
