// Package certify is what the command check does: it puts the reference, or a target at a URL, under test and draws up the report.
package certify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"countersign/conformance"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/drive"
	"countersign/conformance/reference"
	"countersign/conformance/replay"
)

// Job says what is to be certified.
type Job struct {
	// Config holds the target, the level, the roles and the setup; without a target the built-in reference is certified.
	Config config.Config
	// ConfigFile is the file that Config came from, for the commands that run a check again; empty for none.
	ConfigFile string
	// Only holds IDs, names of checks or beginnings of either; empty: every check.
	Only []string
	// Again, if set, is what of an earlier run is to be played, and nothing else; its Configure has set Config.
	Again *Again
	// Defect makes the reference wrong in one way.
	Defect string
	// Simulated runs the reference in a simulated world instead of on loopback.
	Simulated bool
	// Parallel is how many checks run at a time; 0: conformance.DefaultParallel.
	Parallel int
	// Shuffle begins the checks in an order that comes of the seed.
	Shuffle bool
	// WaitForRun is how long to wait for another run that plays parties at the same addresses; 0: not at all.
	WaitForRun time.Duration
	// Log is the file for the output of a target that the configuration has started; empty: it is not kept.
	Log string
	// Wrap, if set, is put around what opens each check's surroundings, as by a recorder.
	Wrap func(replay.Open) replay.Open
	Audience

	// written is the configuration as it was given, where Config is that of a target that has been started.
	written *config.Config
}

// Audience is who follows a run. Each of its fields may be nil: nobody listens.
type Audience struct {
	// Prompt asks the person at the terminal for what the configuration wants done by hand.
	Prompt *drive.Prompt
	// Notice is told what a person should know who waits.
	Notice func(sentence string)
	// Warn is told before the first check of what a doctor finds that does not keep the run from beginning.
	Warn func(doctor.Finding)
	// Progress is told of each result as it comes.
	Progress func(done, total int, r conformance.Result)
}

// UsageError is a wish that cannot be fulfilled, and how to mend it.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

// StoppedError says that the run was stopped before its end, so that nothing can be concluded from it.
type StoppedError struct{ Checks int }

func (e *StoppedError) Error() string {
	if e.Checks == 0 {
		return "the run was stopped before its first check, so nothing is concluded; run it again"
	}
	return fmt.Sprintf("the run was stopped before all of its %d checks had ended, so nothing is concluded; run it again", e.Checks)
}

// Run certifies and reports, after a doctor has found nothing against it. The error says why nothing could be run; ExitCode gives its exit code.
func (j Job) Run(ctx context.Context) (conformance.Report, error) {
	if j.Config.Start.Any() {
		return j.runStarted(ctx)
	}
	r, err := j.ready(ctx)
	defer r.done()
	if err != nil {
		return r.report, err
	}
	report := r.report
	report.Results = r.runner.Run(ctx, r.checks)
	if ctx.Err() != nil {
		return report, &StoppedError{Checks: len(r.checks)}
	}
	report.Conclude()
	return report, nil
}

// Caught reports whether the results show the defect in a check of the requirement that it violates.
func Caught(d reference.Defect, results []conformance.Result) bool {
	return slices.ContainsFunc(results, func(r conformance.Result) bool {
		return r.Requirement.ID == d.Requirement && (r.Verdict == conformance.Fail || r.Verdict == conformance.Warn)
	})
}
