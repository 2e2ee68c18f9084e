package load

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteMetrics writes what was recorded so far in the text exposition format of Prometheus, version 0.0.4. Times are those of the seconds that are over.
func (r *Recorder) WriteMetrics(w io.Writer) error {
	var text bytes.Buffer
	r.mu.Lock()
	family := func(name, kind, help string) {
		fmt.Fprintf(&text, "# HELP countersign_load_%s %s\n# TYPE countersign_load_%s %s\n", name, help, name, kind)
	}
	family("journeys_due_total", "counter", "Journeys that were to begin so far.")
	fmt.Fprintf(&text, "countersign_load_journeys_due_total %d\n", r.counts.Due)
	family("journeys_total", "counter", "Journeys that ended so far, by what became of them.")
	fmt.Fprintf(&text, "countersign_load_journeys_total{outcome=\"finished\"} %d\n", r.counts.Finished)
	fmt.Fprintf(&text, "countersign_load_journeys_total{outcome=\"wrong\"} %d\n", r.counts.Wrong)
	for _, kind := range sorted(r.counts.Failed) {
		fmt.Fprintf(&text, "countersign_load_journeys_total{outcome=%s} %d\n", label(kind), r.counts.Failed[kind])
	}
	fmt.Fprintf(&text, "countersign_load_journeys_total{outcome=\"dropped\"} %d\n", r.counts.Dropped)
	family("journeys_late_total", "counter", "Journeys that began more than a millisecond late.")
	fmt.Fprintf(&text, "countersign_load_journeys_late_total %d\n", r.counts.Late)
	family("seconds", "summary", "Times of journeys (leg flow) and of their requests, from when they were wanted.")
	r.mu.Unlock()
	r.closing.Lock()
	for _, t := range r.tracks() {
		for _, percent := range []float64{50, 90, 95, 99, 99.9} {
			fmt.Fprintf(&text, "countersign_load_seconds{leg=%s,quantile=\"%s\"} %g\n", label(t.name), strconv.FormatFloat(percent/100, 'g', 4, 64), t.closed.Percentile(percent).Seconds())
		}
		fmt.Fprintf(&text, "countersign_load_seconds_sum{leg=%s} %g\n", label(t.name), (t.closed.Mean() * time.Duration(t.closed.Count())).Seconds())
		fmt.Fprintf(&text, "countersign_load_seconds_count{leg=%s} %d\n", label(t.name), t.closed.Count())
	}
	r.closing.Unlock()
	_, err := w.Write(text.Bytes())
	return err
}

// label writes a label's value.
func label(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"`
}
