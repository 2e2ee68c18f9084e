package reports

import (
	"fmt"
	"io"
	"strings"

	"countersign/conformance"
	"countersign/reports/internal/plain"
)

// How much of a summary is told: a CI service refuses one of more than a mebibyte.
const (
	summaryFindings = 100
	summaryText     = 600
)

// writeSummary writes Markdown for the step summary of a CI job: the conclusion, a table by flow and role, and what did not pass with the command that runs it again.
// What a target has sent stands in it as text, whatever it would mean in Markdown or HTML.
func writeSummary(w io.Writer, d Document) error {
	if err := d.Validate(); err != nil {
		return err
	}
	var b markdown
	b.line("## %s %s", b.mark(d), prose(d.Summary()))
	if d.Checks != nil {
		b.checks(*d.Checks)
	}
	if len(d.Scenarios) > 0 {
		b.scenarios(d.Scenarios)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown is the text in the making.
type markdown struct {
	strings.Builder
	told, left int // findings
}

func (b *markdown) line(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }

func (b *markdown) mark(d Document) string {
	switch {
	case d.scenarioCounts().Fail > 0, d.Checks != nil && d.Checks.Conclusion == conformance.Nonconformant:
		return "❌"
	case d.Checks != nil && d.Checks.Conclusion != conformance.Conformant:
		return "⚠️"
	}
	return "✅"
}

func (b *markdown) checks(r conformance.Report) {
	b.line("\nTarget %s, profile %s, level %s, seed %d\n", code(r.Target), prose(r.Profile), prose(r.Level), r.Seed)
	b.line("| flow | role | pass | fail | warn | skip | error | total |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
	row := func(flow, role string, c conformance.Counts) {
		b.line("| %s | %s | %d | %d | %d | %d | %d | %d |", flow, role, c.Pass, c.Fail, c.Warn, c.Skip, c.Error, c.Total)
	}
	flows := testedFlows(r.Results)
	for _, f := range flows {
		for _, g := range byRole(f.results) {
			row(f.name, prose(string(g.Role)), g.Counts)
		}
	}
	row("**all**", "", r.Counts)
	for _, v := range []conformance.Verdict{conformance.Fail, conformance.Error, conformance.Warn} {
		for _, f := range flows {
			for _, result := range f.results {
				if result.Verdict == v {
					b.finding(result)
				}
			}
		}
	}
	if r.Counts.Skip > 0 {
		b.line("\n%d checks were not run; the report says why.", r.Counts.Skip)
	}
	b.rest()
}

func (b *markdown) finding(r conformance.Result) {
	if !b.room() {
		return
	}
	b.line("\n### %s %s %s\n", strings.ToUpper(string(r.Verdict)), prose(r.Check), prose(r.Requirement.Title))
	b.field("Requirement", r.Requirement.Text)
	if f := r.Failure; f != nil {
		b.field("Expected", f.Expected)
		b.field("Actual", f.Actual)
		b.field("To blame", f.Blame)
	}
	b.field("Reason", r.Reason)
	b.command(r.Repro)
}

func (b *markdown) scenarios(all []Scenario) {
	b.line("\n| scenarios of | pass | fail | total |\n| --- | ---: | ---: | ---: |")
	for _, g := range byFlow(all) {
		b.line("| %s | %d | %d | %d |", prose(g.Flow), g.Counts.Pass, g.Counts.Fail, g.Counts.Total)
	}
	for _, s := range all {
		if s.Passed() || !b.room() {
			continue
		}
		b.line("\n### FAIL %s %s\n", prose(s.Name), prose(s.Title))
		b.field("Expected", s.Expected)
		b.field("Actual", s.Actual)
		b.command(s.Repro)
	}
	b.rest()
}

// room reports whether one more finding is told, and counts it.
func (b *markdown) room() bool {
	if b.told == summaryFindings {
		b.left++
		return false
	}
	b.told++
	return true
}

// rest says how many findings were not told since it last said so.
func (b *markdown) rest() {
	if b.left > 0 {
		b.line("\n%d more did not pass; the report has them all.", b.left)
	}
	b.left = 0
}

func (b *markdown) field(name, text string) {
	if text != "" {
		b.line("- **%s**: %s", name, prose(plain.Shorten(plain.Line(text), summaryText)))
	}
}

// command writes a command in a block that its own backticks do not end.
func (b *markdown) command(command string) {
	if command == "" {
		return
	}
	command = plain.Line(command)
	fence := "```"
	for strings.Contains(command, fence) {
		fence += "`"
	}
	b.line("\n%ssh\n%s\n%s", fence, command, fence)
}

// prose escapes a text so that Markdown shows it in one line as it is, also in a table.
func prose(text string) string {
	var b strings.Builder
	for _, r := range plain.Line(text) {
		switch {
		case r == '&' || r == '<' || r == '>':
			fmt.Fprintf(&b, "&#%d;", r)
		case strings.ContainsRune("\\`*_{}[]()!|~$:@#", r):
			b.WriteRune('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// code is a text in a code span that its own backticks and bars do not end.
func code(text string) string {
	text = plain.Line(text)
	if strings.Contains(text, "`") {
		return prose(text)
	}
	return "`" + text + "`"
}
