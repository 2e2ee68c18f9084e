package adversary_test

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
	"countersign/sim/explore"
)

// scarcely has garbage collected less often, as the command does.
func scarcely() { debug.SetGCPercent(400) }

// BenchmarkRuns measures, for each flow, how many runs that differ a core plays in a second, how many steps it tries, and how many
// exchanges of HTTP messages pass: all with one session and one move, in the first scenes.
func BenchmarkRuns(b *testing.B) {
	scarcely()
	for _, f := range adversary.Flows() {
		b.Run(f.Name, func(b *testing.B) {
			h := adversary.Hunt{Flow: f, Level: catalog.Hardened, Scene: f.Scenes[0].Name, Moves: 1, Switches: 1, Sessions: 1, Seed: 1, Workers: 1}
			var sum explore.Stats
			for b.Loop() {
				found, err := h.Run(context.Background())
				if err != nil || found.Attack != nil {
					b.Fatal(err, found.Attack)
				}
				sum.Runs, sum.Tried, sum.Exchanges = sum.Runs+found.Runs, sum.Tried+found.Tried, sum.Exchanges+found.Exchanges
			}
			b.ReportMetric(float64(sum.Runs)/b.Elapsed().Seconds(), "runs/s")
			b.ReportMetric(float64(sum.Tried)/b.Elapsed().Seconds(), "steps/s")
			b.ReportMetric(float64(sum.Exchanges)/b.Elapsed().Seconds(), "exchanges/s")
		})
	}
}

// BenchmarkFind measures how long it takes, on one core, to find each quick attack of the catalogue, and how long to make it as short as it can be. The names
// of the metrics say how many of how many attacks these are: the others take from seconds to minutes each.
func BenchmarkFind(b *testing.B) {
	scarcely()
	var found, shrunk []time.Duration
	for b.Loop() {
		for _, k := range adversary.KnownAttacks() {
			if !k.Quick {
				continue
			}
			f, err := adversary.Find(k.Flow)
			if err != nil {
				b.Fatal(err)
			}
			h := k.Hunt(f)
			h.Workers = 1
			begun := time.Now()
			var at time.Time
			h.Shortens = func() { at = time.Now() }
			got, err := h.Run(context.Background())
			if err != nil || got.Attack == nil {
				b.Fatal("no attack without ", k.Lifted, err)
			}
			found, shrunk = append(found, at.Sub(begun)), append(shrunk, time.Since(at))
		}
	}
	quick := 0
	for _, k := range adversary.KnownAttacks() {
		if k.Quick {
			quick++
		}
	}
	share := fmt.Sprintf("-%d-of-%d", quick, len(adversary.KnownAttacks()))
	report(b, found, "to-find"+share)
	report(b, shrunk, "to-shrink"+share)
}

// report gives the median, what 95 of 100 stay within, and the longest.
func report(b *testing.B, took []time.Duration, what string) {
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "s-median-"+what)
	b.ReportMetric(took[len(took)*95/100].Seconds(), "s-95th-"+what)
	b.ReportMetric(took[len(took)-1].Seconds(), "s-longest-"+what)
}
