package reports

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports/internal/plain"
)

// Terminal writes a document for people at a screen.
type Terminal struct {
	// Color allows colours and bold type; without it not one escape is written.
	Color bool
	// Width is the number of columns that lines are wrapped at; 0 means 80, and less than 40 counts as 40.
	Width int
}

// Write writes what was run, a table of verdicts by role and level, every result that is no pass with its evidence, and the summary as the last line.
func (t Terminal) Write(w io.Writer, d Document) error {
	if err := d.Validate(); err != nil {
		return err
	}
	d = plain.Clean(d)
	s := &screen{color: t.Color, width: max(cmp.Or(t.Width, 80), 40)}
	if d.Checks != nil {
		s.checks(*d.Checks)
	}
	if len(d.Scenarios) > 0 {
		s.scenarios(d.Scenarios)
	}
	s.summary(d)
	_, err := io.WriteString(w, s.b.String())
	return err
}

// style is the parameters of an SGR escape sequence.
type style string

const (
	bold  style = "1"
	faint style = "2"
)

var verdictStyles = map[conformance.Verdict]style{
	conformance.Pass: "32", conformance.Fail: "1;31", conformance.Warn: "33", conformance.Skip: "36", conformance.Error: "1;35",
}

// screen is the text in the making.
type screen struct {
	b     strings.Builder
	color bool
	width int
}

// paint colours a text that is already as wide as it should be.
func (s *screen) paint(text string, as style) string {
	if !s.color || as == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + string(as) + "m" + text + "\x1b[0m"
}

// line writes text wrapped, its continuation lines indented.
func (s *screen) line(indent int, text string, as style) {
	for _, line := range plain.Wrap(text, s.width-indent) {
		if line != "" {
			s.b.WriteString(strings.Repeat(" ", indent) + s.paint(line, as))
		}
		s.b.WriteByte('\n')
	}
}

const labelWidth = 13

// field writes a label and a text beside it; an empty text leaves the field out.
func (s *screen) field(indent int, label, text string, as style) {
	if text == "" {
		return
	}
	for i, line := range plain.Wrap(text, s.width-indent-labelWidth) {
		if i > 0 {
			label = ""
		}
		name := fmt.Sprintf("%-*s", labelWidth, label)
		if line == "" {
			name = strings.TrimRight(name, " ")
		}
		s.b.WriteString(strings.Repeat(" ", indent) + s.paint(name, faint) + s.paint(line, as) + "\n")
	}
}

func (s *screen) gap() {
	if s.b.Len() > 0 {
		s.b.WriteByte('\n')
	}
}

func (s *screen) checks(r conformance.Report) {
	s.field(0, "target", plain.Line(r.Target), bold)
	s.field(0, "profile", plain.Line(r.Profile)+", level "+plain.Line(cmp.Or(r.Level, string(catalog.Hardened))), "")
	s.field(0, "seed", fmt.Sprint(r.Seed), "")
	s.field(0, "defect", plain.Line(r.Defect), "")
	s.gap()
	var rows []row
	for _, g := range byRole(r.Results) {
		for _, l := range g.Levels {
			rows = append(rows, row{string(g.Role), string(l.Level), l.Counts})
		}
	}
	s.table("role", "level", append(rows, row{"all", "", r.Counts}))
	for _, v := range []conformance.Verdict{conformance.Fail, conformance.Error, conformance.Warn, conformance.Skip} {
		for _, g := range byRole(r.Results) {
			for _, result := range g.Results {
				if result.Verdict == v {
					s.result(result)
				}
			}
		}
	}
}

// row is one line of a table of counts; the last line of a table holds the sums.
type row struct {
	name, level string
	counts      conformance.Counts
}

func (s *screen) table(name, level string, rows []row) {
	nameWidth, levelWidth := plain.Width(name), plain.Width(level)
	for i := range rows {
		rows[i].name, rows[i].level = plain.Line(rows[i].name), plain.Line(rows[i].level)
		nameWidth, levelWidth = max(nameWidth, plain.Width(rows[i].name)), max(levelWidth, plain.Width(rows[i].level))
	}
	if nameWidth+levelWidth+4+6*7 > s.width {
		s.narrowTable(rows)
		return
	}
	head := pad(name, nameWidth) + "  " + pad(level, levelWidth)
	for _, v := range verdicts {
		head += fmt.Sprintf("%7s", v)
	}
	s.b.WriteString(s.paint(head+fmt.Sprintf("%7s", "total"), bold) + "\n")
	for i, r := range rows {
		if i == len(rows)-1 {
			s.b.WriteString(s.paint(strings.Repeat("-", nameWidth+levelWidth+2+6*7), faint) + "\n")
		}
		s.b.WriteString(pad(r.name, nameWidth) + "  " + pad(r.level, levelWidth))
		for _, v := range verdicts {
			n := count(r.counts, v)
			cell := fmt.Sprintf("%7d", n)
			if n > 0 {
				cell = s.paint(cell, verdictStyles[v])
			}
			s.b.WriteString(cell)
		}
		fmt.Fprintf(&s.b, "%7d\n", r.counts.Total)
	}
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-plain.Width(text)))
}

// narrowTable says a table in words where there is no room for columns.
func (s *screen) narrowTable(rows []row) {
	for _, r := range rows {
		s.line(0, strings.TrimSpace(r.name+" "+r.level), bold)
		var words []string
		for _, v := range verdicts {
			words = append(words, fmt.Sprintf("%d %s", count(r.counts, v), v))
		}
		s.line(2, strings.Join(words, ", ")+fmt.Sprintf(" of %d", r.counts.Total), "")
	}
}

func (s *screen) result(r conformance.Result) {
	s.gap()
	q := r.Requirement
	s.line(0, fmt.Sprintf("%s %s %s", strings.ToUpper(string(r.Verdict)), plain.Line(r.Check), plain.Line(q.Title)), verdictStyles[r.Verdict])
	s.field(2, "role", fmt.Sprintf("%s (%s, %s)", plain.Line(string(r.Role)), q.Level, q.Keyword), "")
	s.field(2, "requirement", q.Text, "")
	s.field(2, "source", q.Source, "")
	s.field(2, "reason", r.Reason, "")
	if f := r.Failure; f != nil {
		s.field(2, "without it", q.Gain, "")
		s.field(2, "expected", f.Expected, bold)
		s.field(2, "actual", f.Actual, verdictStyles[r.Verdict])
		s.field(2, "blame", f.Blame, "")
		s.exchanges(r.Exchanges, f.Exchange)
	}
	s.field(2, "run again", plain.Line(r.Repro), bold)
}

// exchanges writes the slice that leads to the failure: a line for each exchange before it, and the failing one in full.
func (s *screen) exchanges(all []conformance.Exchange, failing int) {
	const before, body = 4, 1000
	for _, e := range around(all, failing, before) {
		if e.Number > failing {
			break
		}
		answer := status(e.Status)
		if e.Status == 0 {
			answer = "no answer"
		}
		s.field(2, fmt.Sprintf("exchange %d", e.Number), plain.Line(fmt.Sprintf("%s -> %s: %s %s: %s", e.From, e.To, e.Method, e.URL, answer)), "")
		if e.Number == failing {
			s.quote("> ", requestText(e, body))
			s.quote("< ", answerText(e, body))
		}
	}
}

// quote writes HTTP text behind a mark for its direction.
func (s *screen) quote(mark, text string) {
	const indent = 4
	for _, line := range plain.Wrap(text, s.width-indent-len(mark)) {
		before := mark
		if line == "" {
			before = strings.TrimRight(mark, " ")
		}
		s.b.WriteString(strings.Repeat(" ", indent) + s.paint(before, faint) + line + "\n")
	}
}

func (s *screen) scenarios(all []Scenario) {
	s.gap()
	var rows []row
	var sum conformance.Counts
	for _, g := range byFlow(all) {
		rows = append(rows, row{"scenarios of " + g.Flow, "", g.Counts})
		for _, v := range verdicts {
			for range count(g.Counts, v) {
				add(&sum, v)
			}
		}
	}
	s.table("flow", "", append(rows, row{"all scenarios", "", sum}))
	for _, sc := range all {
		if !sc.Passed() {
			s.scenario(sc)
		}
	}
}

func (s *screen) scenario(sc Scenario) {
	s.gap()
	s.line(0, fmt.Sprintf("FAIL scenario %s: %s", plain.Line(sc.Name), plain.Line(sc.Title)), verdictStyles[conformance.Fail])
	s.field(2, "played", fmt.Sprintf("%s, level %s, seed %d, %d messages in %s of virtual time", plain.Line(sc.Flow), plain.Line(sc.Level), sc.Seed, sc.Messages, time.Duration(sc.VirtualNS)), "")
	s.field(2, "text", sc.Text, "")
	s.field(2, "faults", strings.Join(sc.Faults, ", "), "")
	s.field(2, "invariant", sc.Invariant, "")
	s.field(2, "expected", sc.Expected, bold)
	s.field(2, "actual", sc.Actual, verdictStyles[conformance.Fail])
	for _, id := range sc.Requirements {
		text := plain.Line(string(id))
		if q, ok := catalog.Lookup(id); ok {
			text += " " + q.Title + ": " + q.Text
		}
		s.field(2, "stopped by", text, "")
	}
	if sc.Diagram != nil {
		s.field(2, "steps", sc.Diagram.Outline(), "")
	}
	s.field(2, "trace", plain.Line(sc.TraceSHA256), "")
	s.field(2, "play again", plain.Line(sc.Repro), bold)
}

// summary is one line whatever the width is, so that a script can take the last line.
func (s *screen) summary(d Document) {
	s.gap()
	as := verdictStyles[conformance.Pass]
	switch {
	case d.scenarioCounts().Fail > 0, d.Checks != nil && d.Checks.Conclusion == conformance.Nonconformant:
		as = verdictStyles[conformance.Fail]
	case d.Checks != nil && d.Checks.Conclusion == conformance.Broken:
		as = verdictStyles[conformance.Error]
	case d.Checks != nil && d.Checks.Conclusion == conformance.Incomplete:
		as = verdictStyles[conformance.Skip]
	}
	s.b.WriteString(s.paint(plain.Line(d.Summary()), as) + "\n")
}
