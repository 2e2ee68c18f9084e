package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"countersign/bench/load"
	"countersign/bench/load/job"
	"countersign/bench/load/page"
	"countersign/conformance/certify"
	"countersign/reports"
	"countersign/reports/internal/plain"
)

// report writes the result, says what it means, and ends with its exit code.
func (l *loading) report(folder reports.Folder, outcome job.Outcome, log []byte) error {
	l.newLine()
	r := outcome.Result
	conclusion := conclude(outcome, l.Search != nil)
	l.table(r)
	for _, v := range r.Thresholds {
		held := "held"
		if !v.Held {
			held = "not held"
		}
		fmt.Fprintf(l.Err, "%s: %s, %s\n", v.Threshold, held, v.Actual)
	}
	for _, w := range r.Wrong[:min(len(r.Wrong), 1)] {
		fmt.Fprintf(l.Err, "\n%s: expected %s, got %s\n%s\n%s\n", w.Leg, plain.Line(w.Expected), plain.Line(w.Actual), indented(w.Request), indented(w.Response))
	}
	for _, change := range outcome.Changes {
		if change.Metric == "rate" || change.Leg == load.FlowLeg {
			fmt.Fprintf(l.Err, "%s %s: %.4g before, %.4g now, %.2f times\n", change.Leg, change.Metric, change.Before, change.After, change.Ratio)
		}
	}
	if outcome.Unclean != nil {
		fmt.Fprintln(l.Err, plain.Line(outcome.Unclean.Error()))
	}
	fmt.Fprintln(l.Err, conclusion)
	var html, document bytes.Buffer
	if err := page.Write(&html, page.Report{Result: r, Conclusion: conclusion, Held: outcome.Held, Changes: outcome.Changes}); err != nil {
		return err
	}
	if err := r.Write(&document); err != nil {
		return err
	}
	files := map[string][]byte{"load.html": html.Bytes(), "load.json": document.Bytes()}
	if l.Search == nil {
		files["load.hdr"] = log
	}
	for name, text := range files {
		if err := os.WriteFile(folder.Path(name), text, 0o644); err != nil {
			return &certify.UsageError{Problem: fmt.Sprintf("the result cannot be written: %v; name another folder with --out", err)}
		}
	}
	fmt.Fprintln(l.Err, folder.Path("load.html"))
	if l.json {
		if _, err := io.Copy(l.Out, &document); err != nil {
			return err
		}
	}
	if !outcome.Held {
		return ExitCode(1)
	}
	return nil
}

// conclude says in a sentence what came of the run.
func conclude(outcome job.Outcome, search bool) string {
	r := outcome.Result
	if search {
		if r.Held == 0 {
			return fmt.Sprintf("no rate holds: not even %.4g a second; set the thresholds by what the curve shows, or begin lower with --rate", r.Curve[0].Rate)
		}
		return fmt.Sprintf("%.4g journeys a second hold, and no more than %s", r.Held, above(r))
	}
	text := fmt.Sprintf("%d of %d journeys finished, p99 %.2f ms", r.Counts.Finished, r.Counts.Due-r.Counts.WarmUp, r.Flow.P99)
	switch {
	case outcome.Held && len(r.Thresholds) == 0:
		return text + "; every answer was right"
	case outcome.Held:
		return text + "; all thresholds were held, with " + r.Counts.Failures()
	case r.Counts.Bad() > 0:
		return text + "; " + r.Counts.Failures()
	}
	return text + "; not all thresholds were held"
}

// above is the lowest rate of the curve that did not hold.
func above(r load.Result) string {
	for _, p := range r.Curve {
		if p.Rate > r.Held {
			return fmt.Sprintf("%.4g", p.Rate)
		}
	}
	return "was tried"
}

func (l *loading) table(r load.Result) {
	w := tabwriter.NewWriter(l.Err, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcount\tfailed\tp50\tp90\tp95\tp99\tp99.9\tmax ms\t")
	for _, leg := range append([]load.Leg{r.Flow}, r.Legs...) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", leg.Name, leg.Count, leg.Failed, leg.P50, leg.P90, leg.P95, leg.P99, leg.P999, leg.Max)
	}
	_ = w.Flush() // to standard error
	fmt.Fprintf(l.Err, "%.5g journeys a second ended; %d began more than 1 ms late; %d connections opened\n", r.Rate, r.Counts.Late, r.Opened)
	if u := r.Process; u != nil {
		fmt.Fprintf(l.Err, "the target took %.2f s of CPU, %.3f ms a journey, and held %.1f MiB at the most\n", u.CPU, u.PerJourney, float64(u.MemoryMost)/(1<<20))
	}
}

// indented is a text of several lines, made fit for a terminal.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + plain.Line(strings.TrimRight(line, "\n")) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
