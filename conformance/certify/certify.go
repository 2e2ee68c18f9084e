// Package certify is what the command check does: it puts the reference, or a target at a URL, under test and draws up the report.
package certify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/drive"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/conformance/remote"
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
	// Shuffle begins the checks in an order that comes of the seed.
	Shuffle bool
	// Defect makes the reference wrong in one way.
	Defect string
	// Simulated runs the reference in a simulated world instead of on loopback.
	Simulated bool
	Parallel  int
	// WaitForRun is how long to wait for another run that plays parties at the same addresses; 0: not at all.
	WaitForRun time.Duration
	// Notice, if set, is told what a person should know who waits.
	Notice func(sentence string)
	// Log is the file for the output of a target that the configuration has started; empty: it is not kept.
	Log string
	// Prompt asks the person at the terminal for what the configuration wants done by hand; nil: nobody is there.
	Prompt *drive.Prompt
	// Warn, if set, is told before the first check of what a doctor finds that does not keep the run from beginning.
	Warn func(doctor.Finding)
	// Wrap, if set, is put around what opens each check's surroundings, as by a recorder.
	Wrap func(replay.Open) replay.Open
	// Progress is told of each result as it comes.
	Progress func(done, total int, r conformance.Result)

	// written is the configuration as it was given, where Config is that of a target that has been started.
	written *config.Config
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
	config.Hide(report.Results, j.Config.Secrets)
	if ctx.Err() != nil {
		return report, &StoppedError{Checks: len(r.checks)}
	}
	report.Conclude()
	return report, nil
}

// prepare does all that comes before the first check, once.
func (j Job) prepare(ctx context.Context) (r ready, failure error) {
	chosen, err := j.flows()
	if err != nil {
		return r, err
	}
	if j.Config.Target != "" && (j.Defect != "" || j.Simulated) {
		return r, &UsageError{"--defect and --simulated change the built-in reference: leave them out, or leave out the target"}
	}
	if err := j.examine(ctx); err != nil {
		return r, err
	}
	r.report = j.report(chosen)
	selection := j.selection()
	runner := conformance.Runner{Parallel: j.Parallel, Progress: j.Progress, Repro: j.repro}
	if j.Shuffle {
		runner.Shuffle = &j.Config.Seed
	}
	if j.Config.Target == "" {
		r.report.Target = builtIn
		defect, err := reference.FindDefect(j.Defect)
		if err != nil {
			return r, err
		}
		built := reference.Reference{Level: j.Config.Level, Defect: defect, Seed: j.Config.Seed}
		runner.Open = built.OnLoopback
		if j.Simulated {
			runner.Open = built.InWorld
		}
	} else {
		over, err := j.Config.Transport()
		if err != nil {
			return r, &UsageError{err.Error()}
		}
		if over, err = j.drive(ctx, over, &runner); err != nil {
			return r, err
		}
		target, err := remote.Find(ctx, remote.Options{
			URL: j.Config.Target, Roles: expand(j.Config.Roles), Limit: j.Config.Limit, MaxWait: j.Config.MaxWait, Flows: chosen, Setup: j.Config.Setup, Through: over, Listen: j.Config.Stage.Listener,
		})
		if err != nil {
			return r, err
		}
		r.close = target.Close
		selection.Roles, chosen = target.Roles, []conformance.Flow{target.Flow}
		r.report.Profile = target.Flow.Profile
		runner.Open, runner.Shared, runner.Clocked = target.Open, true, target.Clocked()
	}
	if j.Wrap != nil {
		runner.Open = j.Wrap(runner.Open)
	}
	r.runner = runner
	r.checks, err = selection.Select(checksOf(chosen))
	return r, err
}

// examine asks a doctor before anything is judged. The error is a *doctor.Refusal.
func (j Job) examine(ctx context.Context) error {
	findings := doctor.Examine(ctx, j.Config)
	for _, f := range findings {
		if f.Severity == doctor.Warning && j.Warn != nil {
			j.Warn(f)
		}
	}
	return doctor.Refuse(findings)
}

// flows are those that the configuration asks for.
func (j Job) flows() ([]conformance.Flow, error) {
	if j.Config.Profile == "" {
		return flows.All(), nil
	}
	flow, err := flows.Find(j.Config.Profile)
	return []conformance.Flow{flow}, err
}

// profiles names the flows' profiles in one line.
func profiles(chosen []conformance.Flow) string {
	var names []string
	for _, f := range chosen {
		names = append(names, f.Profile)
	}
	return strings.Join(names, ", ")
}

// expand turns the short name client into the two roles that it stands for.
func expand(roles []catalog.Role) []catalog.Role {
	var all []catalog.Role
	for _, r := range roles {
		if r == "client" {
			all = append(all, catalog.ClientInitiating, catalog.ClientReceiving)
		} else {
			all = append(all, r)
		}
	}
	return all
}

func (j Job) repro(c conformance.Check) string {
	words := []string{"countersign", "check", "--only", c.Name()}
	if j.ConfigFile != "" {
		words = append(words, "--config", j.ConfigFile)
	}
	words = append(words, j.targetWords(c)...)
	// What a file says may have been overridden.
	if j.Config.Level == catalog.Core || j.ConfigFile != "" {
		words = append(words, "--level", string(j.Config.Level))
	}
	if j.Config.Seed != config.Default().Seed || j.ConfigFile != "" {
		words = append(words, "--seed", fmt.Sprint(j.Config.Seed))
	}
	if j.Defect != "" {
		words = append(words, "--defect", j.Defect)
	}
	if j.Simulated {
		words = append(words, "--simulated")
	}
	for i, word := range words {
		if strings.ContainsFunc(word, unsafe) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// unsafe reports whether a shell may take the character for more than itself.
func unsafe(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:@=,+%", r)
}

// Caught reports whether the results show the defect in a check of the requirement that it violates.
func Caught(d reference.Defect, results []conformance.Result) bool {
	return slices.ContainsFunc(results, func(r conformance.Result) bool {
		return r.Requirement.ID == d.Requirement && (r.Verdict == conformance.Fail || r.Verdict == conformance.Warn)
	})
}

// ExitCode is the exit code for an error that kept anything from being run: 2 for usage and configuration, 3 for a target that does not answer and for what was stopped, 4 for the rest.
func ExitCode(err error) int {
	var (
		usage       *UsageError
		wrongConfig *config.Error
		noCheck     *conformance.NoSuchCheckError
		noDefect    *reference.UnknownDefectError
		noRole      *reference.UnknownRoleError
		noPort      *reference.PortError
		noFlow      *flows.UnknownError
		setup       *remote.SetupError
		unreachable *remote.UnreachableError
		stopped     *StoppedError
		port        *reference.PortError
		refused     *doctor.Refusal
		exists      *config.ExistsError
		nothing     *NothingAgainError
		busy        *BusyError
		noMetadata  *config.NoMetadataError
	)
	if code := startExitCode(err); code != 0 {
		return code
	}
	switch {
	case errors.As(err, &refused):
		if refused.Dead() {
			return 3
		}
		return 2
	case errors.As(err, &exists), errors.As(err, &nothing), errors.As(err, &busy):
		return 2
	case errors.As(err, &noMetadata):
		return 3
	case errors.As(err, &unreachable), errors.As(err, &stopped), errors.Is(err, context.Canceled):
		return 3
	case errors.As(err, &usage), errors.As(err, &wrongConfig), errors.As(err, &noCheck), errors.As(err, &noDefect), errors.As(err, &noFlow), errors.As(err, &noRole), errors.As(err, &noPort), errors.As(err, &setup), errors.As(err, &port):
		return 2
	}
	return 4
}
