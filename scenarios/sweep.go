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

// Sweep plays scenarios under many seeds, each in a world of its own. Its worlds have an order: seed by seed,
// of a seed scenario by scenario, of a scenario level by level.
type Sweep struct {
	Scenarios []Scenario      // empty: all
	Levels    []catalog.Level // empty: both
	From      uint64          // the first seed
	Seeds     int             // how many; each scenario is played under each at each level
	Faults    []sim.Fault     // in addition to those of the scenarios
	// Begun is what an earlier sweep of the same worlds found before it was stopped; this one goes on from there.
	Begun Swept
	// Workers is how many worlds run side by side; zero: one a processor. What is found does not depend on it.
	Workers int
	// Progress, if set, is called after each world, by one goroutine at a time.
	Progress func(done, total int)
	// Save, if set, is called every few hundred worlds with what was found so far, to be given back as Begun. Its error stops the sweep.
	Save func(Swept) error
}

// Swept is what a sweep found.
type Swept struct {
	Worlds   int `json:"worlds"`
	Messages int `json:"messages"`
	// Digest is a SHA-256 in hexadecimal digits: of the digest of all worlds before the last one, and the identity of the last one's trace.
	Digest string `json:"digest"`
	Failed int    `json:"failed"`
	// Failures are the first of the runs that did not come out as they should. Repro plays one again.
	Failures []reports.Scenario `json:"failures"`
}

const (
	stride       = 256 // worlds between two calls of Save
	keptFailures = 100
)

// add takes the next world in.
func (s *Swept) add(p reports.Scenario) {
	s.Worlds++
	s.Messages += p.Messages
	sum := sha256.Sum256([]byte(s.Digest + p.TraceSHA256))
	s.Digest = hex.EncodeToString(sum[:])
	if p.Passed() {
		return
	}
	if s.Failed++; len(s.Failures) < keptFailures {
		s.Failures = append(s.Failures, p)
	}
}

// programme is the worlds of a sweep, by number.
type programme struct {
	Sweep
}

func (s Sweep) programme() programme {
	if len(s.Scenarios) == 0 {
		s.Scenarios = All()
	}
	if len(s.Levels) == 0 {
		s.Levels = []catalog.Level{catalog.Core, catalog.Hardened}
	}
	return programme{s}
}

func (p programme) worlds() int { return p.Seeds * len(p.Scenarios) * len(p.Levels) }

func (p programme) world(i int) Run {
	level, i := p.Levels[i%len(p.Levels)], i/len(p.Levels)
	scenario, i := p.Scenarios[i%len(p.Scenarios)], i/len(p.Scenarios)
	return Run{Scenario: scenario, Level: level, Seed: p.From + uint64(i), Faults: p.Faults}
}

// Play plays all worlds. When the context ends, it stops after the worlds that have begun, and returns what was found so far with the context's error.
func (s Sweep) Play(ctx context.Context) (Swept, error) {
	p, swept := s.programme(), s.Begun
	total := p.worlds()
	for swept.Worlds < total {
		played, err := p.play(ctx, swept.Worlds, min(swept.Worlds+stride, total))
		for _, scenario := range played {
			swept.add(scenario)
		}
		if s.Save != nil {
			if err := s.Save(swept); err != nil {
				return swept, err
			}
		}
		if err != nil {
			return swept, err
		}
	}
	return swept, nil
}

// play plays the worlds from one number up to another, and returns those, from the first on, that were played before the context ended.
func (p programme) play(ctx context.Context, from, to int) ([]reports.Scenario, error) {
	workers := p.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	played := make([]reports.Scenario, to-from)
	begun := 0 // they begin in their order, so these have no gap
	var group errgroup.Group
	group.SetLimit(workers)
	var mu sync.Mutex
	done := from
	for i := from; i < to && ctx.Err() == nil; i++ {
		begun++
		group.Go(func() error {
			run := p.world(i).Perform()
			played[i-from] = run.Scenario
			mu.Lock()
			defer mu.Unlock()
			if done++; p.Progress != nil {
				p.Progress(done, p.worlds())
			}
			return nil
		})
	}
	_ = group.Wait() // no world returns an error
	return played[:begun], ctx.Err()
}
