// Package load puts an implementation under load and says what it holds.
//
// It is an open model: a Pacer says when each journey through a flow is to begin, whatever became of the ones before, and latency counts from that moment.
// An Attacker plays the journeys over a bounded number of connections: one that finds none free waits, and its wait counts. A Recorder keeps what came of them.
package load

import (
	"fmt"
	"math"
	"time"
)

// Stage is a part of a run, in which the rate goes evenly from one value to another, in journeys a second.
type Stage struct {
	From     float64       `json:"from"`
	To       float64       `json:"to"`
	Duration time.Duration `json:"duration"`
}

// journeys is how many the stage has.
func (s Stage) journeys() float64 { return (s.From + s.To) / 2 * s.Duration.Seconds() }

// at is when the nth journey of the stage begins, in seconds: the time by which the rate, added up, has come to n.
func (s Stage) at(n float64) float64 {
	slope := (s.To - s.From) / s.Duration.Seconds()
	if n == 0 {
		return 0
	}
	if math.Abs(slope) < 1e-9 {
		return n / s.From
	}
	// From*t + slope/2*t*t = n, in the form that loses nothing where slope is small.
	return 2 * n / (s.From + math.Sqrt(math.Max(0, s.From*s.From+2*slope*n)))
}

// Pacer says when journeys begin. It is a pure function: nothing in it waits, and nothing in it is random.
type Pacer []Stage

// Constant is one rate for a time.
func Constant(rate float64, d time.Duration) Pacer { return Pacer{{rate, rate, d}} }

// Duration is how long journeys begin.
func (p Pacer) Duration() time.Duration {
	var all time.Duration
	for _, s := range p {
		all += s.Duration
	}
	return all
}

// Journeys is how many begin.
func (p Pacer) Journeys() int {
	n := 0.0
	for _, s := range p {
		n += s.journeys()
	}
	return int(math.Ceil(n - 1e-6)) // half a journey begins too, and a rounding error is none
}

// At is when the nth journey begins, counted from 0 and from the beginning of the run. It never falls as n grows.
func (p Pacer) At(n int) time.Duration {
	left, begun := float64(n), time.Duration(0)
	for i, s := range p {
		if all := s.journeys(); left >= all && i < len(p)-1 {
			left -= all
			begun += s.Duration
			continue
		}
		return begun + time.Duration(math.Round(s.at(left)*float64(time.Second)))
	}
	return 0
}

// Rate is how many journeys begin in a second, at a time.
func (p Pacer) Rate(at time.Duration) float64 {
	for _, s := range p {
		if at < s.Duration {
			return s.From + (s.To-s.From)*at.Seconds()/s.Duration.Seconds()
		}
		at -= s.Duration
	}
	return 0
}

// bounds of a stage: beyond them its journeys could not be told apart, or counted.
const (
	highestRate     = 1e7
	longestDuration = 7 * 24 * time.Hour
)

// Check says what keeps the pacer from being a run: an *EmptyError for one without a journey, or a *StageError.
func (p Pacer) Check() error {
	for _, s := range p {
		switch {
		case !(s.From >= 0 && s.To >= 0) || s.From > highestRate || s.To > highestRate:
			return &StageError{s, fmt.Sprintf("a rate is a number from 0 to %.0f", highestRate)}
		case s.Duration <= 0 || s.Duration > longestDuration:
			return &StageError{s, fmt.Sprintf("a stage takes more than no time, and at most %v", longestDuration)}
		case s.journeys() == 0:
			return &StageError{s, "a stage has a rate above 0 at its beginning or at its end"}
		}
	}
	if p.Journeys() == 0 {
		return &EmptyError{"no journey begins in this run; give it a rate and a duration"}
	}
	return nil
}

// StageError is a stage that cannot be played.
type StageError struct {
	Stage   Stage
	Problem string
}

func (e *StageError) Error() string {
	return fmt.Sprintf("the stage from %g to %g a second for %v cannot be played: %s", e.Stage.From, e.Stage.To, e.Stage.Duration, e.Problem)
}

// EmptyError says that there is nothing to measure, or that nothing was measured.
type EmptyError struct{ Problem string }

func (e *EmptyError) Error() string { return e.Problem }
