// Package paired measures what functions cost beside each other, so that the ratio holds on a machine whose speed changes from one moment to the next.
//
// A contest plays its variants in short slices, in a new order each round, and compares within the round. A machine that slows down for longer than a
// round slows all of them down; what hits one slice alone falls to the median. The floor runs twice under two names: how far that second row is from 1
// is what the contest cannot tell apart.
package paired

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// Variant is one of the functions that are compared.
type Variant struct {
	Name string
	// Run does the same work n times.
	Run func(n int)
}

// Contest says what is compared, and for how long. The first variant is the floor that the others are measured by.
type Contest struct {
	Variants []Variant
	// Rounds is how many slices each variant gets; 0 means 600.
	Rounds int
	// Slice is how long one takes about; 0 means 0.5 ms.
	Slice time.Duration
	// Seed decides the order of the slices.
	Seed uint64
	// Clock tells the time since some moment; nil means that of the machine.
	Clock func() time.Duration
}

// Figure is what came of one variant.
type Figure struct {
	Name string `json:"name"`
	// Nanoseconds is the median cost of one run.
	Nanoseconds float64 `json:"nanoseconds"`
	// Ratio is the median, over the rounds, of the cost by that of the floor in the same round; Low and High are its quartiles.
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// Allocations and Bytes are what one run takes from the heap.
	Allocations float64 `json:"allocations"`
	Bytes       float64 `json:"bytes"`
}

// Again is what the second row of the floor is called.
const Again = "the floor again"

// EmptyError says that there is nothing to compare.
type EmptyError struct{ Variants int }

func (e *EmptyError) Error() string {
	return fmt.Sprintf("a contest of %d variants compares nothing; give it a floor and something to measure by it", e.Variants)
}

// Measure plays the contest and returns a figure for each variant in their order, with the floor's second row behind the floor.
// The error is an *EmptyError, or that of a context which ended before the last round.
func (c Contest) Measure(ctx context.Context) ([]Figure, error) {
	if len(c.Variants) < 2 {
		return nil, &EmptyError{Variants: len(c.Variants)}
	}
	rounds, clock := c.Rounds, c.Clock
	if rounds <= 0 {
		rounds = 600
	}
	if clock == nil {
		begun := time.Now()
		clock = func() time.Duration { return time.Since(begun) }
	}
	field := slices.Insert(slices.Clone(c.Variants), 1, Variant{Name: Again, Run: c.Variants[0].Run})
	stopwatch := stopwatch{clock}
	figures, times := make([]Figure, len(field)), make([]int, len(field))
	for i, v := range field {
		figures[i].Name = v.Name
		if i == 1 {
			times[i] = times[0] // it is the same
		} else {
			times[i] = stopwatch.fit(v, c.slice())
		}
		figures[i].Allocations, figures[i].Bytes = heap(v, times[i])
	}
	costs := make([][]float64, len(field))
	order := make([]int, len(field))
	for i := range order {
		order[i] = i
	}
	random := rand.New(rand.NewPCG(c.Seed, 0))
	for range rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			costs[i] = append(costs[i], float64(stopwatch.take(field[i], times[i]))/float64(times[i]))
		}
	}
	for i := range figures {
		ratios := make([]float64, rounds)
		for round := range ratios {
			ratios[round] = costs[i][round] / costs[0][round]
		}
		slices.Sort(ratios)
		figures[i].Low, figures[i].Ratio, figures[i].High = at(ratios, 1), at(ratios, 2), at(ratios, 3)
		figures[i].Nanoseconds = at(slices.Sorted(slices.Values(costs[i])), 2) // the floor's own stay in the order of the rounds
	}
	return figures, nil
}

func (c Contest) slice() time.Duration {
	if c.Slice > 0 {
		return c.Slice
	}
	return 500 * time.Microsecond
}

// at is a quartile of what is sorted.
func at(sorted []float64, quarter int) float64 { return sorted[(len(sorted)-1)*quarter/4] }

type stopwatch struct{ clock func() time.Duration }

func (s stopwatch) take(v Variant, n int) time.Duration {
	begun := s.clock()
	v.Run(n)
	return max(s.clock()-begun, 1)
}

// fit is how often a variant runs in a slice, found by doubling. What is slower than a slice runs once. The faster of two takes or more counts: a machine that
// stood still for a moment would make it far fewer. What takes but a small part of a slice counts for nothing, as a clock may be coarse.
func (s stopwatch) fit(v Variant, slice time.Duration) int {
	v.Run(1) // what is made at first use is made now
	n, takes, fastest := 1, 0, math.Inf(1)
	for n < 1<<30 {
		if took := s.take(v, n); took >= slice/20 {
			takes, fastest = takes+1, min(fastest, float64(took)/float64(n))
		}
		if fits := float64(slice) / fastest; takes > 1 && fits <= float64(n) {
			return max(1, int(fits))
		}
		n *= 2
	}
	return n
}

// heap is what one run takes from the heap, in objects and bytes.
func heap(v Variant, n int) (objects, bytes float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // nobody else allocates meanwhile, as testing.AllocsPerRun has it
	n = max(n, 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v.Run(n)
	runtime.ReadMemStats(&after)
	// An object that the runtime itself made is no object of each run.
	return float64((after.Mallocs - before.Mallocs) / uint64(n)), float64((after.TotalAlloc - before.TotalAlloc) / uint64(n))
}
