package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/reports"
	"countersign/reports/progress"
	"countersign/scenarios"
	"countersign/sim"
)

// Run is the command run.
func (p Program) Run() *cobra.Command {
	var (
		job                        scenarios.Job
		level, out, seeds, journal string
		replayed                   string
		faults                     []string
		asJSON                     bool
	)
	c := &cobra.Command{
		Use:   "run [SCENARIO...]",
		Short: "Play scenarios in a simulated world",
		Long:  "Run plays scenarios, all of them or those named, at both levels or one. The same scenario, level, seed and faults give the same bytes on any machine.\n\nFaults:\n" + faultHelp(),
		Example: `  countersign run
  countersign run --json
  countersign run --seeds 0-99
  countersign run --seeds 0-1000000 --journal sweep.json   # stop it when you like: the same command goes on
  countersign run bidirectional/happy --level hardened --seed 7 --fault 'crash:oauth.b@150ms+1s'`,
		RunE: func(c *cobra.Command, args []string) error {
			if replayed != "" {
				if len(args) > 0 || seeds != "" || level != "" || len(faults) > 0 {
					return &certify.UsageError{Problem: "--replay plays what its file says: leave out scenarios, --level, --seeds and --fault"}
				}
				return p.replay(replayed, asJSON)
			}
			job.Names = args
			if err := plan(&job, level, faults); err != nil {
				return err
			}
			if journal != "" && seeds == "" {
				return &certify.UsageError{Problem: "--journal goes with --seeds: name a range of seeds, as --seeds 0-1000000"}
			}
			if seeds != "" {
				return p.sweep(c.Context(), job, seeds, journal)
			}
			folder, err := reports.OpenFolder(out)
			if err != nil {
				return usage(err)
			}
			if err := folder.Clear("scenarios"); err != nil {
				return usage(err)
			}
			played, err := job.Play(c.Context())
			if errors.Is(err, context.Canceled) {
				return fmt.Errorf("stopped before all scenarios were played, so nothing is concluded; run it again: %w", err)
			}
			if err != nil {
				return usage(err)
			}
			document, passed := reports.Document{}, true
			for _, p := range played {
				document.Scenarios = append(document.Scenarios, p.Scenario)
				passed = passed && p.Passed()
			}
			if err := folder.Save("scenarios", document); err != nil {
				return usage(err)
			}
			if asJSON {
				lines := p.encoder("")
				for _, p := range played {
					if err := lines.Encode(p.Line()); err != nil {
						return err
					}
				}
			}
			if err := p.terminal().Write(p.Err, document); err != nil {
				return err
			}
			fmt.Fprintf(p.Err, "%s\n", folder.Path("scenarios.html"))
			if !passed {
				return ExitCode(1)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&level, "level", "", "core or hardened (default both)")
	f.Uint64Var(&job.Seed, "seed", 1, "seed of the world")
	f.StringVar(&seeds, "seeds", "", "many seeds, as 0-99: tells of failures only, and writes no report")
	f.StringVar(&journal, "journal", "", "file that keeps how far --seeds is; where it exists, go on from there")
	f.StringArrayVar(&faults, "fault", nil, "a fault beside those of the scenario; repeatable")
	f.StringVar(&replayed, "replay", "", "play an attack that explore has kept, as out/attack.json")
	f.StringVar(&out, "out", "out", "folder for the reports")
	f.BoolVar(&asJSON, "json", false, "print one JSON object a scenario on standard output")
	return c
}

// sweep plays the job under every seed of a range, and goes on where the journal, if one is named, says.
func (p Program) sweep(ctx context.Context, job scenarios.Job, seeds, journal string) error {
	s, err := job.Sweep(seeds)
	if err == nil && journal != "" {
		s, err = scenarios.Journal{Path: journal}.Resume(s)
	}
	if err != nil {
		return usage(err)
	}
	debug.SetGCPercent(1600) // a world is small and soon over: collecting less often halves the time
	bar := progress.New(p.Err, p.onTerminal())
	begun := time.Now()
	s.Progress = func(done, total int) { bar.Tell(done, total, "worlds", "pass") }
	swept, err := s.Play(ctx)
	bar.Close()
	for _, f := range swept.Failures {
		fmt.Fprintf(p.Err, "FAIL %s\n  expected %s\n  actual   %s\n", f.Repro, f.Expected, f.Actual)
	}
	if swept.Failed > len(swept.Failures) {
		fmt.Fprintf(p.Err, "and %d more\n", swept.Failed-len(swept.Failures))
	}
	fmt.Fprintf(p.Err, "%.0f worlds a second\n", float64(swept.Worlds-s.Begun.Worlds)/time.Since(begun).Seconds())
	if err != nil {
		if journal != "" {
			return fmt.Errorf("stopped after %d worlds; the same command goes on from there: %w", swept.Worlds, err)
		}
		return fmt.Errorf("stopped after %d worlds: %w", swept.Worlds, err)
	}
	if _, err := fmt.Fprintf(p.Out, "%d worlds, %d messages, %d failed, digest %s\n", swept.Worlds, swept.Messages, swept.Failed, swept.Digest); err != nil {
		return err
	}
	if swept.Failed > 0 {
		return ExitCode(1)
	}
	return nil
}

func plan(job *scenarios.Job, level string, faults []string) error {
	if level != "" {
		l, err := catalog.ParseLevel(level)
		if err != nil {
			return usage(err)
		}
		job.Levels = []catalog.Level{l}
	}
	for _, text := range faults {
		fault, err := sim.ParseFault(text)
		if err != nil {
			return usage(err)
		}
		job.Faults = append(job.Faults, fault)
	}
	return nil
}

func faultHelp() string {
	help := ""
	for _, k := range sim.Kinds() {
		help += fmt.Sprintf("  %-12s %s\n", k.Name, k.Meaning)
	}
	return help
}
