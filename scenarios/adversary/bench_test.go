package adversary_test

import (
	"context"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
)

// BenchmarkRuns measures how many runs that differ a core plays in a second: all with one move of the attacker on the open web.
func BenchmarkRuns(b *testing.B) {
	debug.SetGCPercent(1600)
	h := adversary.Hunt{Flow: adversary.Bidirectional(), Level: catalog.Hardened, Scene: "open-web", Moves: 1, Sessions: 1, Workers: 1}
	runs, tried := 0, 0
	for b.Loop() {
		f, err := h.Run(context.Background())
		if err != nil || f.Attack != nil {
			b.Fatal(err, f.Attack)
		}
		runs, tried = runs+f.Runs, tried+f.Tried
	}
	b.ReportMetric(float64(runs)/b.Elapsed().Seconds(), "runs/s")
	b.ReportMetric(float64(tried)/b.Elapsed().Seconds(), "steps/s")
}

// BenchmarkFind measures how long it takes, on one core, to find an attack that is one or two moves long, and to make it as short as it can be.
func BenchmarkFind(b *testing.B) {
	debug.SetGCPercent(1600)
	lifted := []struct {
		scene string
		id    catalog.ID
		moves int
	}{
		{"open-web", "BI-CL-24", 1}, {"open-web", "BI-OS-31", 1}, {"open-web", "BI-OS-16", 1}, {"open-web", "BI-CL-33", 1}, {"open-web", "BI-UT-01", 1},
		{"open-web", "BI-OS-14", 1}, {"likely-passwords", "BI-OS-11", 1}, {"likely-passwords", "BI-OS-53", 1}, {"leaking-log", "BI-OS-49", 1},
		{"plain-handover", "BI-RS-15", 1}, {"two-resource-servers", "BI-RS-10", 1}, {"open-web", "BI-RS-11", 2}, {"open-web", "BI-OS-17", 2}, {"plain-temporary", "BI-CL-38", 2},
	}
	var took []time.Duration
	for b.Loop() {
		for _, l := range lifted {
			begun := time.Now()
			f, err := adversary.Hunt{Flow: adversary.Bidirectional(), Level: catalog.Hardened, Lifted: []catalog.ID{l.id}, Scene: l.scene, Moves: l.moves, Sessions: 1, Workers: 1}.Run(context.Background())
			if err != nil || f.Attack == nil {
				b.Fatal("no attack without ", l.id, err)
			}
			took = append(took, time.Since(begun))
		}
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "s/median")
	b.ReportMetric(took[len(took)*95/100].Seconds(), "s/95th")
}
