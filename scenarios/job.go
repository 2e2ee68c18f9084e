package scenarios

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"countersign/conformance/catalog"
	"countersign/sim"
)

// Job is what one call of the command run plays: scenarios at levels under one seed.
type Job struct {
	Names  []string        // of scenarios, flows or kinds, as ticket/happy, ticket and ticket/attack; empty: all
	Levels []catalog.Level // empty: both
	Seed   uint64
	Faults []sim.Fault // in addition to those of the scenarios
}

// Line is what the command run prints of a scenario with --json.
type Line struct {
	Scenario    string   `json:"scenario"`
	Kind        Kind     `json:"kind"`
	Level       string   `json:"level"`
	Seed        uint64   `json:"seed"`
	Faults      []string `json:"faults"`
	Outcome     Outcome  `json:"outcome"`
	Verdict     string   `json:"verdict"`
	TraceSHA256 string   `json:"trace_sha256"`
	Messages    int      `json:"messages"`
	VirtualNS   int64    `json:"virtual_ns"`
}

// Line sums the run up.
func (p Played) Line() Line {
	return Line{
		Scenario: p.Name, Kind: p.Kind, Level: p.Level, Seed: p.Seed, Faults: append([]string{}, p.Faults...), Outcome: p.Outcome,
		Verdict: p.Verdict, TraceSHA256: p.TraceSHA256, Messages: p.Messages, VirtualNS: p.VirtualNS,
	}
}

// Chosen are the scenarios that the job names. The error is an *UnknownError.
func (j Job) Chosen() ([]Scenario, error) {
	if len(j.Names) == 0 {
		return All(), nil
	}
	var chosen []Scenario
	for _, name := range j.Names {
		if below := under(name); len(below) > 0 {
			chosen = append(chosen, below...)
			continue
		}
		s, err := Find(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// under are the scenarios whose names begin with a flow, or with a flow and a kind.
func under(name string) []Scenario {
	var all []Scenario
	for _, s := range All() {
		if strings.HasPrefix(s.Name, strings.TrimSuffix(name, "/")+"/") {
			all = append(all, s)
		}
	}
	return all
}

// Sweep is the job under every seed of a range, as 0-99.
func (j Job) Sweep(seeds string) (Sweep, error) {
	var from, to uint64
	if n, err := fmt.Sscanf(seeds+"\n", "%d-%d\n", &from, &to); n != 2 || err != nil || to < from || to-from >= 1<<31 {
		return Sweep{}, fmt.Errorf("%q is no range of seeds; write it as 0-99", seeds)
	}
	chosen, err := j.Chosen()
	return Sweep{Scenarios: chosen, Levels: j.Levels, From: from, Seeds: int(to-from) + 1, Faults: j.Faults}, err
}

// Play plays and draws every run of the job, a world a processor, and returns them in the order of scenarios and levels.
func (j Job) Play(ctx context.Context) ([]Played, error) {
	chosen, err := j.Chosen()
	if err != nil {
		return nil, err
	}
	programme := Sweep{Scenarios: chosen, Levels: j.Levels, From: j.Seed, Seeds: 1, Faults: j.Faults}.programme()
	played := make([]Played, programme.worlds())
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range played {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			played[i] = programme.world(i).Perform()
			played[i].Draw()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	// A fault that names no host says nothing of the scenario: it is the caller's mistake.
	for _, p := range played {
		var wrong *sim.FaultError
		if errors.As(p.Err, &wrong) {
			return nil, wrong
		}
	}
	return played, nil
}
