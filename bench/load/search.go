package load

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Search looks for the highest rate at which all thresholds hold: it doubles the rate until they do not, and then halves what lies between.
type Search struct {
	// From is the first rate; 0 means 100.
	From float64
	// Step is how long each rate is held, without WarmUp, which comes before.
	Step, WarmUp time.Duration
	// Within is how close the answer is to the rate that did not hold any more, as a part of it; 0 means 0.05.
	Within float64
	// Most is how many rates are tried; 0 means 20.
	Most       int
	Thresholds []Threshold
	// Baseline, if set, is an earlier run that thresholds may speak of.
	Baseline *Result
	// Try plays a pacer and gives what came of it.
	Try func(context.Context, Pacer) (Result, error)
	// Tried, if set, is told of each rate.
	Tried func(Point)
}

// Point is what came of one rate.
type Point struct {
	// Rate is the one that was wanted, Reached the one at which journeys ended.
	Rate    float64 `json:"rate"`
	Reached float64 `json:"reached"`
	Held    bool    `json:"held"`
	Times   Times   `json:"times"`
	Bad     int64   `json:"bad"`
}

// reached is what part of a rate has to be reached for it to be held.
const reached = 0.95

// Run gives the result of the highest rate that held, with the whole curve; where none did, that of the lowest that was tried. The error is that of Try or of a threshold.
func (s Search) Run(ctx context.Context) (best Result, err error) {
	rate, within, most := s.From, s.Within, s.Most
	if rate <= 0 {
		rate = 100
	}
	if within <= 0 {
		within = 0.05
	}
	if most <= 0 {
		most = 20
	}
	held, broke := 0.0, 0.0 // the highest that held, and the lowest that did not
	lowest := 0.0
	var curve []Point
	for len(curve) < most && (held == 0 || broke == 0 || (broke-held)/broke > within) && rate >= 1 && rate <= highestRate/2 {
		result, point, err := s.try(ctx, rate)
		if err != nil {
			return best, err
		}
		curve = append(curve, point)
		switch {
		case point.Held:
			held, best = rate, result
		default:
			if broke = rate; held == 0 && (lowest == 0 || rate < lowest) {
				lowest, best = rate, result
			}
		}
		switch {
		case broke == 0:
			rate *= 2
		case held == 0:
			rate /= 2
		default:
			rate = (held + broke) / 2
		}
	}
	slices.SortFunc(curve, func(a, b Point) int { return cmp.Compare(a.Rate, b.Rate) })
	best.Curve, best.Held = curve, held
	return best, nil
}

func (s Search) try(ctx context.Context, rate float64) (Result, Point, error) {
	result, err := s.Try(ctx, Constant(rate, s.WarmUp+s.Step))
	if err != nil {
		return result, Point{}, err
	}
	verdicts, held, err := JudgeAll(s.Thresholds, result, s.Baseline)
	if err != nil {
		return result, Point{}, err
	}
	result.Thresholds = verdicts
	bad := result.Counts.Bad()
	if !TakesErrors(s.Thresholds) {
		held = held && bad == 0
	}
	p := Point{
		Rate: rate, Reached: result.Rate, Held: held && result.Rate >= reached*rate, Bad: bad,
		Times: Times{result.Flow.P50, result.Flow.P95, result.Flow.P99, result.Flow.Max},
	}
	if s.Tried != nil {
		s.Tried(p)
	}
	return result, p, nil
}
