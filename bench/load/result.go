package load

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"countersign/conformance/redact"
)

// Format names the format and version of a Result.
const Format = "countersign/load@1"

// Result is what came of a run.
type Result struct {
	Format string `json:"format"`
	// Profile and Target say what was under load, Script what was played against it.
	Profile string `json:"profile,omitempty"`
	Target  string `json:"target"`
	Script  string `json:"script"`
	// Begun is when, in seconds since 1970.
	Begun       int64   `json:"begun"`
	Stages      []Stage `json:"stages"`
	WarmUp      float64 `json:"warm_up"`
	Connections int     `json:"connections"`
	// Opened is how many connections were opened during the run: far more than Connections where the target does not keep them.
	Opened int `json:"opened"`
	// Took is how long the run was, in seconds, the journeys that ended after the last one's beginning included. Rate is how many ended in a second, right
	// or not, of those that were measured: for as long as they were to begin, counted from the end of the first, so that stragglers are no part of it.
	Took   float64 `json:"took"`
	Rate   float64 `json:"rate"`
	Counts Counts  `json:"counts"`
	// Flow is of whole journeys; Legs of the requests in them, in their order.
	Flow Leg   `json:"flow"`
	Legs []Leg `json:"legs"`
	// Pacing is how late the harness was to let journeys go, Waits how late they began: for that, or for want of a connection.
	Pacing  Leg      `json:"pacing"`
	Waits   Leg      `json:"waits"`
	Seconds []Second `json:"seconds"`
	// Wrong are the first wrong answers, with their exchanges, and one of the strange requests that no journey answers for.
	Wrong []Wrong `json:"wrong,omitempty"`
	// Harness is the CPU time that this process took, for as long as the run was; Own says that the target is a part of it.
	Harness float64 `json:"harness_cpu"`
	Own     bool    `json:"target_in_harness"`
	// Process is what the target took, where it is a process of this machine.
	Process *ProcessUse `json:"process,omitempty"`
	Runtime *RuntimeUse `json:"runtime,omitempty"`

	Thresholds []Verdict `json:"thresholds,omitempty"`
	// Curve is what a search for the highest rate saw, in rising order of rates; Held is the highest that held, 0 for none.
	Curve []Point `json:"curve,omitempty"`
	Held  float64 `json:"held,omitempty"`
}

// Leg is what a histogram says, in milliseconds, and the histogram.
type Leg struct {
	Name   string  `json:"name"`
	Count  int64   `json:"count"`
	Failed int64   `json:"failed"`
	Min    float64 `json:"min"`
	Mean   float64 `json:"mean"`
	P50    float64 `json:"p50"`
	P90    float64 `json:"p90"`
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
	P999   float64 `json:"p99.9"`
	Max    float64 `json:"max"`
	// Histogram is in microseconds, in the compressed form of HdrHistogram.
	Histogram *Histogram `json:"histogram"`
}

func legOf(name string, failed int64, h *Histogram) Leg {
	return Leg{
		Name: name, Count: h.Count(), Failed: failed, Min: milliseconds(h.Min()), Mean: milliseconds(h.Mean()), P50: milliseconds(h.Percentile(50)),
		P90: milliseconds(h.Percentile(90)), P95: milliseconds(h.Percentile(95)), P99: milliseconds(h.Percentile(99)), P999: milliseconds(h.Percentile(99.9)),
		Max: milliseconds(h.Max()), Histogram: h,
	}
}

// Wrong is a wrong answer with its exchange, secrets redacted.
type Wrong struct {
	Leg      string `json:"leg"`
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
	Request  string `json:"request"`
	Response string `json:"response"`
}

// Result draws up what was recorded.
func (r *Recorder) Result() Result {
	r.closing.Lock()
	defer r.closing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	result := Result{
		Format: Format, Begun: r.begun.Unix(), WarmUp: r.WarmUp.Seconds(), Opened: r.opened, Took: r.took.Seconds(), Counts: r.counts,
		Flow: Leg{Name: FlowLeg}, Pacing: legOf("pacing", 0, &r.pacing), Waits: legOf("waits", 0, &r.waits), Seconds: r.seconds,
	}
	if r.flow != nil {
		result.Flow = legOf(FlowLeg, r.flow.failed, r.flow.closed)
	}
	if r.span > 0 {
		result.Rate = float64(r.ended) / r.span.Seconds()
	}
	for _, t := range r.legs {
		result.Legs = append(result.Legs, legOf(t.name, t.failed, t.closed))
	}
	result.Wrong = redacted(r.wrong)
	return result
}

// LogError is what kept the histograms from being logged; nil for nothing.
func (r *Recorder) LogError() error {
	r.closing.Lock()
	defer r.closing.Unlock()
	return r.logError
}

// redacted takes the secrets out of exchanges. The same secret has the same name in all of them, so that a reader sees whose answer came instead.
func redacted(wrong []*WrongError) []Wrong {
	text := redact.New(nil)
	for _, w := range wrong {
		text.Learn(string(w.Request), string(w.Response))
		for _, message := range [][]byte{w.Request, w.Response} {
			for line := range strings.Lines(string(message)) {
				if line = strings.TrimRight(line, "\r\n"); line == "" {
					break
				}
				if name, value, ok := strings.Cut(line, ":"); ok {
					text.LearnHeader(name, strings.TrimSpace(value))
				}
			}
		}
	}
	var all []Wrong
	for _, w := range wrong {
		all = append(all, Wrong{w.Leg, text.Redact(w.Expected), text.Redact(w.Actual), text.Redact(excerpt(w.Request)), text.Redact(excerpt(w.Response))})
	}
	return all
}

// excerpt is the beginning of a message, as text.
func excerpt(message []byte) string {
	const most = 4 << 10
	text := strings.ToValidUTF8(strings.ReplaceAll(string(message), "\r\n", "\n"), "\uFFFD")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + fmt.Sprintf("\n(%d bytes more)", len(text)-most)
}

// Leg finds what a threshold speaks of; an empty name is the whole flow.
func (r Result) Leg(name string) (Leg, bool) {
	if name == "" || name == FlowLeg {
		return r.Flow, true
	}
	for _, l := range r.Legs {
		if l.Name == name {
			return l, true
		}
	}
	return Leg{}, false
}

// Measured says what keeps anything from being concluded of the run: an *EmptyError where no journey came to its end, or none was measured.
func (r Result) Measured() error {
	switch {
	case r.Flow.Count == 0:
		return &EmptyError{"no journey was measured, so nothing is concluded; let the run be longer than its warm-up"}
	case r.Counts.Finished == 0 && r.Counts.Wrong == 0:
		return &EmptyError{fmt.Sprintf("none of %d journeys came to its end (%s), so nothing is concluded; see whether the target runs, and begin with a lower rate", r.Counts.Due, r.Counts.Failures())}
	}
	return nil
}

// Failures names what went wrong with journeys, and how often.
func (c Counts) Failures() string {
	var parts []string
	if c.Wrong > 0 {
		parts = append(parts, fmt.Sprintf("%d wrong answers", c.Wrong))
	}
	for _, kind := range sorted(c.Failed) {
		parts = append(parts, fmt.Sprintf("%d %s", c.Failed[kind], kind))
	}
	if c.Dropped > 0 {
		parts = append(parts, fmt.Sprintf("%d dropped", c.Dropped))
	}
	if c.Strange > 0 {
		parts = append(parts, fmt.Sprintf("%d strange requests outside of them", c.Strange))
	}
	if len(parts) == 0 {
		return "no failure"
	}
	return strings.Join(parts, ", ")
}

// Percent is what part of the journeys did not end as they should.
func (r Result) Percent() float64 {
	if r.Counts.Due == 0 {
		return 0
	}
	return 100 * float64(r.Counts.Bad()) / float64(r.Counts.Due)
}

// Write writes the result as JSON.
func (r Result) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// ResultError says that a file holds no result.
type ResultError struct{ File, Problem string }

func (e *ResultError) Error() string {
	return fmt.Sprintf("%s: %s; name a load.json that `countersign bench load` has written", e.File, e.Problem)
}

// largestResult bounds the file that a result is read from.
const largestResult = 64 << 20

// ReadResult reads a result from a file. The error is a *ResultError.
func ReadResult(file string) (Result, error) {
	f, err := os.Open(file)
	if err != nil {
		return Result{}, &ResultError{file, "the result cannot be read"}
	}
	defer f.Close()
	var r Result
	if err := json.NewDecoder(io.LimitReader(f, largestResult)).Decode(&r); err != nil {
		return Result{}, &ResultError{file, "this is no result: " + err.Error()}
	}
	if r.Format != Format {
		return Result{}, &ResultError{file, fmt.Sprintf("its format is %q and not %q", r.Format, Format)}
	}
	return r, nil
}
