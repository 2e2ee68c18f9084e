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
	legs  []*track
	flow  *track // nil before the beginning

	mu     sync.Mutex // taken for each journey and each leg: while journeys are under way, no histogram is merged, encoded or written under it
	pacing Histogram  // how late the pacer was
	waits  Histogram  // how late journeys began
	counts Counts
	wrong  []*WrongError
	opened int
	took   time.Duration
	span   time.Duration // for how long measured journeys begin
	until  time.Duration // so long after the first of them has ended; 0 before
	ended  int64         // by then

	closing  sync.Mutex // taken once a second, and before mu where both are
	log      histogramLog
	logError error
	seconds  []Second
	last     Second // the sums at its end
	usage    Usage  // at the end of the last second
	noUsage  error
}

// FlowLeg is the name under which the times of whole journeys stand among those of the legs.
const FlowLeg = "flow"

// track is what came of a leg, or of the whole flow.
type track struct {
	name   string
	window *Histogram // the second under way
	failed int64

	second, closed *Histogram // the one that is closed, empty between, and all before; guarded by closing
}

func newTrack(name string) *track {
	return &track{name: name, window: &Histogram{}, second: &Histogram{}, closed: &Histogram{}}
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
	// Strange is how many requests came to the harness that should not have been sent, and that made no journey wrong.
	Strange int64 `json:"strange"`
	// Late began more than a millisecond after they were to begin, for want of a connection or of time of the harness.
	Late int64 `json:"late"`
}

// Bad is how many journeys did not end as they should, with the strange requests that none of them answers for.
func (c Counts) Bad() int64 {
	n := c.Wrong + c.Dropped + c.Strange
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

func (r *Recorder) begin(legs []string, p Pacer, opened int) {
	r.closing.Lock()
	defer r.closing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun, r.opened, r.span = time.Now(), opened, p.Duration()-r.WarmUp
	r.counts.Failed = map[string]int64{}
	for _, name := range legs {
		r.legs = append(r.legs, newTrack(name))
	}
	r.flow = newTrack(FlowLeg)
	if r.Log != nil {
		r.log = histogramLog{r.Log}
		r.logError = r.log.header(r.begun)
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

// finish counts a journey that was due then and has ended now, and reports whether the harness broke. A wrong answer of the warm-up counts as any other: it is no matter of time.
func (r *Recorder) finish(due, now time.Duration, measured bool, err error) (broke bool) {
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
		if r.until == 0 {
			r.until = now + r.span
		}
		if now < r.until {
			r.ended++
		}
		r.flow.window.Record(now-due, 1)
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
		r.flow.window.Record(r.now()-due, 1)
		r.flow.failed++
	}
}

// strange counts requests that should not have been sent and that made no journey wrong; one is what one of them was.
func (r *Recorder) strange(requests int, one string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Strange += int64(requests)
	if requests > 0 && len(r.wrong) < shown {
		r.wrong = append(r.wrong, &WrongError{Leg: outside, Expected: "requests of the target as the profile has them", Actual: one, leg: Outside})
	}
}

// second closes the second under way. Journeys go on while it is drawn up.
func (r *Recorder) second(waiting int) Second {
	var usage Usage
	var none error
	if r.Process != nil {
		usage, none = r.Process()
	}
	r.closing.Lock()
	defer r.closing.Unlock()
	r.mu.Lock()
	at := r.now()
	sums := Second{At: at.Seconds(), Due: r.counts.Due, Finished: r.counts.Finished, Bad: r.counts.Bad()}
	for _, t := range r.tracks() {
		t.window, t.second = t.second, t.window
	}
	r.mu.Unlock()
	s := Second{At: sums.At, Due: sums.Due - r.last.Due, Finished: sums.Finished - r.last.Finished, Bad: sums.Bad - r.last.Bad, Waiting: waiting, Times: timesOf(r.flow.second)}
	if r.Process != nil && none == nil && r.noUsage == nil && sums.At > r.last.At {
		s.CPU, s.Memory = (usage.CPU-r.usage.CPU).Seconds()/(sums.At-r.last.At), usage.Memory
	}
	from := time.Duration(r.last.At * float64(time.Second))
	for _, t := range r.tracks() {
		if err := r.log.interval(t.second, t.name, from, at); err != nil && r.logError == nil {
			r.logError = err
		}
		t.closed.Add(t.second)
		t.second.Reset()
	}
	r.last, r.usage, r.noUsage = sums, usage, none
	r.seconds = append(r.seconds, s)
	return s
}

// tracks are those of the legs, and of the flow.
func (r *Recorder) tracks() []*track {
	if r.flow == nil {
		return nil
	}
	return append(slices.Clip(r.legs), r.flow)
}

func (r *Recorder) end(opened int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened = opened - r.opened
	r.took = r.now()
}
