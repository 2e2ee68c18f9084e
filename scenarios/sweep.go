package scenarios

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"countersign/conformance/catalog"
	"countersign/reports"
	"countersign/sim"
)

// Sweep plays scenarios under many seeds, each in a world of its own.
type Sweep struct {
	Scenarios []Scenario      // empty: all
	Levels    []catalog.Level // empty: both
	From      uint64          // the first seed
	Seeds     int             // how many; each scenario is played under each at each level
	Faults    []sim.Fault     // in addition to those of the scenarios
	// Workers is how many worlds run side by side; zero: one a processor. What is found does not depend on it.
	Workers int
	// Progress, if set, is called after each world, by one goroutine at a time.
	Progress func(done, total int)
}

// Swept is what a sweep found.
type Swept struct {
	Worlds   int
	Messages int
	// Digest is a SHA-256, in hexadecimal digits, over the identities of all traces in the order of scenarios, levels and seeds.
	Digest string
	// Failures are the runs that did not come out as they should, in the order of scenarios, levels and seeds. Repro plays one again.
	Failures []reports.Scenario
}

// runs lists the worlds of the sweep in their order.
func (s Sweep) runs() []Run {
	list, levels := s.Scenarios, s.Levels
	if len(list) == 0 {
		list = All()
	}
	if len(levels) == 0 {
		levels = []catalog.Level{catalog.Core, catalog.Hardened}
	}
	var all []Run
	for _, scenario := range list {
		for _, level := range levels {
			for i := range s.Seeds {
				all = append(all, Run{Scenario: scenario, Level: level, Seed: s.From + uint64(i), Faults: s.Faults})
			}
		}
	}
	return all
}

// Play plays all worlds. When the context ends, it stops after the worlds that have begun, and returns what was found so far with the context's error.
func (s Sweep) Play(ctx context.Context) (Swept, error) {
	runs := s.runs()
	played := make([]*reports.Scenario, len(runs))
	workers := s.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var group errgroup.Group
	group.SetLimit(workers)
	var mu sync.Mutex
	done := 0
	for i, run := range runs {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			p := run.Perform()
			played[i] = &p.Scenario
			mu.Lock()
			defer mu.Unlock()
			done++
			if s.Progress != nil {
				s.Progress(done, len(runs))
			}
			return nil
		})
	}
	err := group.Wait()
	var swept Swept
	digest := sha256.New()
	for _, p := range played {
		if p == nil {
			continue
		}
		swept.Worlds++
		swept.Messages += p.Messages
		digest.Write([]byte(p.TraceSHA256))
		if !p.Passed() {
			swept.Failures = append(swept.Failures, *p)
		}
	}
	swept.Digest = hex.EncodeToString(digest.Sum(nil))
	if err == nil {
		err = ctx.Err()
	}
	return swept, err
}
