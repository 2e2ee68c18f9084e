// Package reports writes what was checked and played: as JSON, as a page, as JUnit XML and for a terminal. All writers render the same Document, agree on
// every count, and give the same bytes for the same Document. Texts that come from a target cannot steer the reader's browser, terminal or XML reader.
package reports

import (
	"fmt"
	"slices"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports/sequence"
)

// DocumentFormat names the format and version of a Document.
const DocumentFormat = "countersign/document@2"

// Document is what the writers render: checks of a target, scenarios that were played, or both. Its JSON is that of WriteJSON.
type Document struct {
	// Format is DocumentFormat; the writers fill it in where it is empty.
	Format    string
	Checks    *conformance.Report
	Scenarios []Scenario
	// Necessity is what the explorer knows of the requirements that were checked, flow by flow; it goes with Checks.
	Necessity []Necessity
}

// Scenario is the outcome of one played scenario.
type Scenario struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Text  string `json:"text"`
	Flow  string `json:"flow"`
	Level string `json:"level"`
	Seed  uint64 `json:"seed"`
	// Faults are the faults that the simulated world was given.
	Faults []string `json:"faults,omitempty"`
	// Verdict is "pass" or "fail".
	Verdict  string `json:"verdict"`
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
	// Requirements are those whose guards stop the scenario's attack.
	Requirements []catalog.ID `json:"requirements,omitempty"`
	// Invariant is what the scenario shows to hold, or to be broken.
	Invariant string `json:"invariant,omitempty"`
	// TraceSHA256 is the identity of the run, in hexadecimal digits.
	TraceSHA256 string `json:"trace_sha256"`
	// Messages is how many messages passed.
	Messages int `json:"messages"`
	// VirtualNS is how long the run took in virtual time, in nanoseconds.
	VirtualNS int64 `json:"virtual_ns"`
	// Repro is the command that plays the scenario again.
	Repro   string            `json:"repro,omitempty"`
	Diagram *sequence.Diagram `json:"diagram,omitempty"`
}

// Passed reports whether the scenario came out as it should.
func (s Scenario) Passed() bool { return s.Verdict == string(conformance.Pass) }

// DocumentError says what makes a document unfit to be written or read.
type DocumentError struct {
	// Where is the JSON pointer of the offending part, or line and column of a text that is no JSON; empty for the whole document.
	Where string
	What  string
}

func (e *DocumentError) Error() string {
	if e.Where == "" {
		return "the report document " + e.What
	}
	return fmt.Sprintf("the report document at %s: %s", e.Where, e.What)
}

// Validate reports whether the document agrees with itself: it holds something, every verdict is one, names are used once, and the counts and the conclusion are
// those of the results. The writers refuse a document that does not, so that no report is green by mistake. The error is a *DocumentError.
func (d Document) Validate() error {
	if d.Format != "" && d.Format != DocumentFormat {
		return &DocumentError{"/format", fmt.Sprintf("%q is not %s, the only format that this version reads", d.Format, DocumentFormat)}
	}
	if d.Checks == nil && len(d.Scenarios) == 0 {
		return &DocumentError{"", "holds neither checks nor scenarios"}
	}
	if d.Checks != nil {
		if err := validateChecks(*d.Checks); err != nil {
			return err
		}
	}
	if err := validateNecessity(d.Necessity); err != nil {
		return err
	}
	names := map[string]bool{}
	for i, s := range d.Scenarios {
		at := fmt.Sprintf("/scenarios/%d", i)
		if s.Verdict != string(conformance.Pass) && s.Verdict != string(conformance.Fail) {
			return &DocumentError{at + "/verdict", fmt.Sprintf("%q is neither pass nor fail", s.Verdict)}
		}
		run := fmt.Sprintf("%s at level %s with seed %d", s.Name, s.Level, s.Seed)
		if names[run] {
			return &DocumentError{at + "/name", fmt.Sprintf("the scenario %s stands here a second time", run)}
		}
		names[run] = true
	}
	return nil
}

func validateChecks(r conformance.Report) error {
	names := map[string]bool{}
	for i, result := range r.Results {
		at := fmt.Sprintf("/checks/results/%d", i)
		if !slices.Contains(verdicts, result.Verdict) {
			return &DocumentError{at + "/verdict", fmt.Sprintf("%q is none of pass, fail, warn, skip and error", result.Verdict)}
		}
		if names[result.Check] {
			return &DocumentError{at + "/check", fmt.Sprintf("the check %q stands here a second time", result.Check)}
		}
		names[result.Check] = true
	}
	if r.Format != conformance.ReportFormat {
		return &DocumentError{"/checks/format", fmt.Sprintf("%q is not %s: conclude the report before it is written", r.Format, conformance.ReportFormat)}
	}
	again := r
	again.Results = slices.Clone(r.Results)
	again.Conclude()
	if again.Counts != r.Counts {
		return &DocumentError{"/checks/counts", fmt.Sprintf("they are %+v, but the results give %+v: conclude the report before it is written", r.Counts, again.Counts)}
	}
	if again.Conclusion != r.Conclusion {
		return &DocumentError{"/checks/conclusion", fmt.Sprintf("it is %q, but the results give %q: conclude the report before it is written", r.Conclusion, again.Conclusion)}
	}
	return nil
}

// Summary says the outcome in one line.
func (d Document) Summary() string {
	summary := ""
	if d.Checks != nil {
		summary = d.Checks.Summary
	}
	if len(d.Scenarios) == 0 {
		return summary
	}
	if summary != "" {
		summary += "; "
	}
	counts := d.scenarioCounts()
	summary += fmt.Sprintf("%d of %d scenarios passed", counts.Pass, counts.Total)
	if counts.Fail > 0 {
		summary += fmt.Sprintf(", %d failed", counts.Fail)
	}
	return summary
}
