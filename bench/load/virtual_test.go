package load_test

import (
	"bytes"
	"context"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"countersign/bench/load"
)

// slow is a target that answers after a time, and that stands still for a while.
type slow struct {
	answer, from, until time.Duration
	begun               time.Time
}

func (*slow) Legs() []string                            { return []string{"request"} }
func (*slow) Prepare(context.Context, *load.Seat) error { return nil }
func (*slow) Clean(*load.Seat) error                    { return nil }
func (t *slow) Play(*load.Seat) error {
	if at := time.Since(t.begun); at >= t.from && at < t.until {
		time.Sleep(t.until - at)
	}
	time.Sleep(t.answer)
	return nil
}

// attack plays a pacer against a target in virtual time.
func attack(t *testing.T, target *slow, connections int, p load.Pacer, r *load.Recorder) load.Result {
	t.Helper()
	a := load.Attacker{Script: target, Connections: connections, Sleep: time.Sleep}
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	target.begun = time.Now()
	if err := a.Attack(t.Context(), p, r); err != nil {
		t.Fatal(err)
	}
	if err := a.Clean(); err != nil {
		t.Fatal(err)
	}
	return r.Result()
}

// A target that stands still for one of ten seconds is seen by the journeys that were to begin then, though 64 connections can only hold 64 of them: a tenth
// of all waits for up to a second, evenly spread. So much is known without measuring.
func TestAStallIsSeenByAllWhoWereToMeetIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &load.Recorder{}
		result := attack(t, &slow{answer: 100 * time.Microsecond, from: 4 * time.Second, until: 5 * time.Second}, 64, load.Constant(2000, 10*time.Second), r)
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"p50", result.Flow.P50, 0.1}, {"p95", result.Flow.P95, 500}, {"p99", result.Flow.P99, 900}, {"max", result.Flow.Max, 1000},
		} {
			if math.Abs(c.got-c.want) > 0.01*c.want {
				t.Errorf("%s is %.3f ms, and not %.1f", c.what, c.got, c.want)
			}
		}
		if c := result.Counts; c.Due != 20_000 || c.Finished != 20_000 || c.Bad() != 0 {
			t.Errorf("of 20000 journeys %+v", c)
		}
		if late := result.Counts.Late; late < 1900 || late > 2010 {
			t.Errorf("%d journeys began late, and not some 2000", late)
		}
		if result.Pacing.Max > 0.06 {
			t.Errorf("the pacer was late by %.3f ms in a time in which nothing takes time", result.Pacing.Max)
		}
	})
}

// What never began is dropped, counted, and counts in the percentiles with the time for which it has waited.
func TestWhatNeverBeginsIsDroppedInSight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := load.Attacker{Script: &slow{answer: time.Second, begun: time.Now()}, Connections: 2, Sleep: time.Sleep, Drain: 3 * time.Second}
		var log bytes.Buffer
		r := &load.Recorder{Log: &log}
		if err := a.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.Attack(t.Context(), load.Constant(10, 10*time.Second), r); err != nil {
			t.Fatal(err)
		}
		result := r.Result()
		c := result.Counts
		if c.Due != 100 || c.Dropped == 0 || c.Finished+c.Dropped != 100 || result.Flow.Count != 100 {
			t.Errorf("of 100 journeys %+v, with %d in the record", c, result.Flow.Count)
		}
		if begun := int64(2 * 13); c.Finished < begun-2 || c.Finished > begun+2 {
			t.Errorf("%d journeys of a second each in 13 s over two connections", c.Finished)
		}
		if result.Flow.Max < 10_000 {
			t.Errorf("the longest wait is %.0f ms, and there was one of ten seconds", result.Flow.Max)
		}
		last := result.Seconds[len(result.Seconds)-1]
		if last.Bad != c.Dropped || last.Waiting != 0 || last.Times.Max != result.Flow.Max {
			t.Errorf("in the last second %+v, and %d were dropped, of which one waited for %.0f ms", last, c.Dropped, result.Flow.Max)
		}
		if count, longest := logged(t, log.String(), load.FlowLeg); count != 100 || math.Abs(longest-result.Flow.Max) > 1 {
			t.Errorf("%d journeys in the log, the longest of %.3f ms, and there were 100, the longest of %.3f ms", count, longest, result.Flow.Max)
		}
	})
}

// logged is how many times a log holds under a tag, and the longest of them in milliseconds as the lines say by themselves.
func logged(t *testing.T, log, tag string) (count int64, longest float64) {
	t.Helper()
	for line := range strings.Lines(log) {
		fields, ok := strings.CutPrefix(strings.TrimSpace(line), "Tag="+tag+",")
		if !ok {
			continue
		}
		columns := strings.Split(fields, ",") // start, length, longest, histogram
		said, err := strconv.ParseFloat(columns[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		h, err := hdrhistogram.Decode([]byte(columns[3]))
		if err != nil {
			t.Fatal(err)
		}
		count, longest = count+h.TotalCount(), max(longest, said)
	}
	return count, longest
}

// straggling is a target that answers at once, but to some journeys late.
type straggling struct {
	slow
	late map[int]time.Duration
}

func (t *straggling) Play(s *load.Seat) error {
	time.Sleep(t.late[s.Journey])
	return t.slow.Play(s)
}

// The rate that is reached is that of the time of the load: neither one straggler nor the draining of what waits is a part of it.
func TestTheRateIsThatOfTheTimeOfTheLoad(t *testing.T) {
	for _, c := range []struct {
		what        string
		target      load.Script
		connections int
		warmUp      time.Duration
		want        float64
	}{
		{"every journey is answered at once", &slow{}, 64, 0, 100},
		{"every journey takes half a second", &slow{answer: 500 * time.Millisecond}, 64, 0, 100},
		{"one journey takes five seconds more than the others", &straggling{late: map[int]time.Duration{50: 5 * time.Second}}, 64, 0, 99.5},
		{"the first journey takes five seconds more than the others", &straggling{late: map[int]time.Duration{0: 5 * time.Second}}, 64, 0, 99.5},
		{"the target holds a quarter of the rate, and what waits is drained", &slow{answer: 40 * time.Millisecond}, 1, 0, 25},
		{"there is a warm-up", &slow{answer: time.Millisecond}, 64, time.Second, 100},
		{"the warm-up leaves more than the target holds", &slow{answer: 40 * time.Millisecond}, 1, time.Second, 25},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &load.Recorder{WarmUp: c.warmUp}
				a := load.Attacker{Script: c.target, Connections: c.connections, Sleep: time.Sleep, Drain: time.Hour}
				if err := a.Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := a.Attack(t.Context(), load.Constant(100, 2*time.Second+c.warmUp), r); err != nil {
					t.Fatal(err)
				}
				if rate := r.Result().Rate; math.Abs(rate-c.want) > 0.5 {
					t.Errorf("the rate is %.2f a second, and not %.1f", rate, c.want)
				}
			})
		})
	}
}

// The warm-up is played and not measured.
func TestTheWarmUpIsNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &load.Recorder{WarmUp: 2 * time.Second}
		result := attack(t, &slow{answer: time.Millisecond, from: 0, until: time.Second}, 64, load.Constant(100, 10*time.Second), r)
		if c := result.Counts; c.Due != 1000 || c.WarmUp != 200 || c.Finished != 800 || result.Flow.Count != 800 || result.Flow.Max > 2 {
			t.Errorf("of 1000 journeys %+v, and the longest took %.1f ms", c, result.Flow.Max)
		}
	})
}

// A run that is stopped ends at once, and says so.
func TestARunIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer stop()
		a := load.Attacker{Script: &slow{answer: time.Millisecond, begun: time.Now()}, Connections: 4, Sleep: time.Sleep}
		if err := a.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := a.Attack(ctx, load.Constant(100, time.Hour), &load.Recorder{}); err == nil {
			t.Error("a stopped run has no error")
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("it took %v to stop", took)
		}
	})
}
