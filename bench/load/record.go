package load

import (
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"countersign/bench/load/lean"
)

// Recorder keeps what came of a run. Its zero value is ready; it may be read while the run goes on.
type Recorder struct {
	// WarmUp is for how long journeys are played and judged, and not measured.
	WarmUp time.Duration
	// Log, if set, gets each second's histogram of each leg, in the log format of HdrHistogram.
	Log io.Writer
	// Process, if set, tells what the target has used so far.
	Process func() (Usage, error)

	begun time.Time

	mu       sync.Mutex
	log      histogramLog
	logError error
	legs     []*track
	flow     track
	pacing   Histogram // how late the pacer was
	waits    Histogram // how late journeys began
	counts   Counts
	wrong    []*WrongError
	seconds  []Second
	last     Second // the sums at its end
	usage    Usage  // at the end of the last second
	noUsage  error
	opened   int
	took     time.Duration
}

// FlowLeg is the name under which the times of whole journeys stand among those of the legs.
const FlowLeg = "flow"

// track is what came of a leg, or of the whole flow.
type track struct {
	name           string
	window, closed Histogram // the second under way, and the ones before
	failed         int64
}

// Counts is what became of the journeys of a run.
type Counts struct {
	// Due is how many were to begin so far, of which WarmUp were not measured.
	Due    int64 `json:"due"`
	WarmUp int64 `json:"warm_up"`
	// Finished came to their end, and every answer was right.
	Finished int64 `json:"finished"`
	// Wrong ended with an answer that breaks the rules of the flow, Failed without one, by the kind of failure.
	Wrong  int64            `json:"wrong"`
	Failed map[string]int64 `json:"failed"`
	// Dropped never began: they waited for a connection until the end.
	Dropped int64 `json:"dropped"`
	// Late began more than a millisecond after they were to begin, for want of a connection or of time of the harness.
	Late int64 `json:"late"`
}

// Bad is how many journeys did not end as they should.
func (c Counts) Bad() int64 {
	n := c.Wrong + c.Dropped
	for _, kind := range slices.Sorted(maps.Keys(c.Failed)) {
		n += c.Failed[kind]
	}
	return n
}

// lateness is from when on a journey counts as late.
const lateness = time.Millisecond

// shown is how many wrong answers are kept to be shown; all are counted.
const shown = 10

// Second is what a second of a run came to. Times are of whole journeys that ended in it.
type Second struct {
	// At is its end, from the beginning of the run, in seconds.
	At       float64 `json:"at"`
	Due      int64   `json:"due"`
	Finished int64   `json:"finished"`
	Bad      int64   `json:"bad"`
	// Waiting is how many journeys waited for a connection at its end.
	Waiting int   `json:"waiting"`
	Times   Times `json:"times"`
	// CPU is of the target, in processors; Memory is what it holds, in bytes. 0 where they are not known.
	CPU    float64 `json:"cpu,omitempty"`
	Memory int64   `json:"memory,omitempty"`
}

// Times are percentiles in milliseconds.
type Times struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func timesOf(h *Histogram) Times {
	return Times{milliseconds(h.Percentile(50)), milliseconds(h.Percentile(95)), milliseconds(h.Percentile(99)), milliseconds(h.Max())}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (r *Recorder) begin(legs []string, opened int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun, r.opened, r.flow.name = time.Now(), opened, FlowLeg
	r.counts.Failed = map[string]int64{}
	for _, name := range legs {
		r.legs = append(r.legs, &track{name: name})
	}
	if r.Log != nil {
		r.log, r.logError = newHistogramLog(r.Log, r.begun)
	}
	if r.Process != nil {
		r.usage, r.noUsage = r.Process()
	}
}

// now is the time since the beginning.
func (r *Recorder) now() time.Duration { return time.Since(r.begun) }

func (r *Recorder) released(late time.Duration, journeys int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Due += int64(journeys)
	r.pacing.Record(late, int64(journeys))
}

func (r *Recorder) start(wait time.Duration, measured bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !measured {
		r.counts.WarmUp++
		return
	}
	r.waits.Record(wait, 1)
	if wait > lateness {
		r.counts.Late++
	}
}

func (r *Recorder) leg(leg int, took time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.legs[leg]
	t.window.Record(took, 1)
	if err != nil {
		t.failed++
	}
}

// finish counts a journey, and reports whether the harness broke. A wrong answer of the warm-up counts as any other: it is no matter of time.
func (r *Recorder) finish(took time.Duration, measured bool, err error) (broke bool) {
	var wrong *WrongError
	var failed *lean.Error
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		if measured {
			r.counts.Finished++
		}
	case errors.As(err, &wrong):
		r.counts.Wrong++
		if len(r.wrong) < shown {
			r.wrong = append(r.wrong, wrong)
		}
		if wrong.leg >= 0 {
			r.legs[wrong.leg].failed++
		}
	case errors.As(err, &failed):
		r.counts.Failed[failed.Kind]++
	default:
		return true
	}
	if measured {
		r.flow.window.Record(took, 1)
		if err != nil {
			r.flow.failed++
		}
	}
	return false
}

// drop counts a journey that never began, with the time that it has waited.
func (r *Recorder) drop(due time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Dropped++
	if due >= r.WarmUp {
		r.flow.closed.Record(r.now()-due, 1)
		r.flow.failed++
	}
}

// second closes the second under way.
func (r *Recorder) second(waiting int) Second {
	var usage Usage
	var none error
	if r.Process != nil {
		usage, none = r.Process()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.now()
	sums := Second{At: at.Seconds(), Due: r.counts.Due, Finished: r.counts.Finished, Bad: r.counts.Bad()}
	s := Second{At: sums.At, Due: sums.Due - r.last.Due, Finished: sums.Finished - r.last.Finished, Bad: sums.Bad - r.last.Bad, Waiting: waiting, Times: timesOf(&r.flow.window)}
	if r.Process != nil && none == nil && r.noUsage == nil && sums.At > r.last.At {
		s.CPU, s.Memory = (usage.CPU-r.usage.CPU).Seconds()/(sums.At-r.last.At), usage.Memory
	}
	from := time.Duration(r.last.At * float64(time.Second))
	for _, t := range append(r.legs, &r.flow) {
		if err := r.log.interval(&t.window, t.name, from, at); err != nil && r.logError == nil {
			r.logError = err
		}
		t.closed.Add(&t.window)
		t.window.Reset()
	}
	r.last, r.usage, r.noUsage = sums, usage, none
	r.seconds = append(r.seconds, s)
	return s
}

func (r *Recorder) end(opened int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened = opened - r.opened
	r.took = r.now()
}
