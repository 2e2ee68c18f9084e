package specs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"countersign/conformance"
	"countersign/conformance/certify"
)

// expectedFailure names the entry of a spec that was skipped because it failed as was expected.
const expectedFailure = "expected failure"

// entry is a report entry of a spec.
type entry struct{ name, value string }

// attach adds entries, but for empty ones, to the report of the spec that runs. They are shown to people when it fails, or with -v.
func (s *suite) attach(entries ...entry) {
	for _, e := range entries {
		if e.value != "" {
			s.enter(e.name, e.value)
		}
	}
}

func (s *suite) enter(name string, value any) {
	ginkgo.AddReportEntry(name, value, s.at, ginkgo.ReportEntryVisibilityFailureOrVerbose)
}

// entered reports whether a spec has an entry of that name.
func entered(r ginkgo.SpecReport, name string) bool {
	return slices.ContainsFunc(r.ReportEntries, func(e types.ReportEntry) bool { return e.Name == name })
}

// exchanges are those of a check: whole in a report for programs, a line each for people, and the one that shows a failure with its bodies.
type exchanges struct {
	All []conformance.Exchange `json:"exchanges"`
	// Shows is the number of the exchange that shows a failure; 0 when none does.
	Shows int `json:"shows,omitempty"`
}

// String implements fmt.Stringer.
func (x exchanges) String() string {
	b := &strings.Builder{}
	for _, e := range x.All {
		fmt.Fprintf(b, "%d  %s -> %s: %s %s: %s\n", e.Number, e.From, e.To, e.Method, e.URL, ended(e))
		if e.Number == x.Shows {
			part(b, "> ", e.RequestHeaders, e.RequestBody)
			part(b, "< ", e.ResponseHeaders, e.ResponseBody)
		}
	}
	return b.String()
}

func ended(e conformance.Exchange) string {
	if e.Problem != "" {
		return e.Problem
	}
	return fmt.Sprint(e.Status)
}

func part(b *strings.Builder, mark string, headers []conformance.Header, body string) {
	for _, h := range headers {
		fmt.Fprintf(b, "   %s%s: %s\n", mark, h.Name, h.Value)
	}
	for line := range strings.Lines(body) {
		fmt.Fprintf(b, "   %s%s\n", mark, strings.TrimRight(line, "\r\n"))
	}
}

// tell puts the result of a check into the report of its spec and ends the spec as the verdict asks.
func (s *suite) tell(c conformance.Check, r conformance.Result, outcome certify.Outcome) {
	shows := 0
	if f := r.Failure; f != nil {
		s.attach(entry{"expected", f.Expected}, entry{"actual", f.Actual}, entry{"blame", f.Blame})
		shows = f.Exchange
	}
	if len(r.Exchanges) > 0 {
		s.enter("exchanges", exchanges{r.Exchanges, shows})
	}
	sentence := strings.Join(outcome.Sentences, "; ")
	switch r.Verdict {
	case conformance.Pass:
		if outcome.ExitCode != 0 {
			ginkgo.Fail(sentence)
		}
	case conformance.Warn:
		s.attach(entry{"warning", r.Check + " " + r.Requirement.Title + " is not met, and SHOULD be: " + failure(r)})
	case conformance.Skip:
		ginkgo.Skip(r.Reason)
	case conformance.Fail:
		if outcome.ExitCode != 0 {
			ginkgo.Fail(failure(r) + "\nrun again: " + s.repro(c))
		}
		s.attach(entry{expectedFailure, sentence})
		ginkgo.Skip(sentence)
	default:
		ginkgo.Fail("the harness broke, so that this says nothing of the target: " + r.Reason)
	}
}

// failure is what was expected and what came instead, in the words of the report.
func failure(r conformance.Result) string {
	if r.Failure == nil {
		return r.Reason
	}
	where := ""
	if r.Failure.Exchange > 0 {
		where = fmt.Sprintf(", exchange %d", r.Failure.Exchange)
	}
	return fmt.Sprintf("expected: %s\nactual:   %s\nblame:    %s%s\nrequirement %s: %s\nsource:   %s",
		r.Failure.Expected, r.Failure.Actual, r.Failure.Blame, where, r.Requirement.ID, r.Requirement.Text, r.Requirement.Source)
}
