// Package certify is what the command check does: it puts the reference, or a target at a URL, under test and draws up the report.
package certify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
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
	// Defect makes the reference wrong in one way.
	Defect string
	// Simulated runs the reference in a simulated world instead of on loopback.
	Simulated bool
	Parallel  int
	// Warn, if set, is told before the first check of what a doctor finds that does not keep the run from beginning.
	Warn func(doctor.Finding)
	// Wrap, if set, is put around what opens each check's surroundings, as by a recorder.
	Wrap func(replay.Open) replay.Open
	// Progress is told of each result as it comes.
	Progress func(done, total int, r conformance.Result)
}

// UsageError is a wish that cannot be fulfilled, and how to mend it.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

// StoppedError says that the run was stopped before its end, so that nothing can be concluded from it.
type StoppedError struct{ Checks int }

func (e *StoppedError) Error() string {
	return fmt.Sprintf("the run was stopped before all of its %d checks had ended, so nothing is concluded; run it again", e.Checks)
}

// Run certifies and reports, after a doctor has found nothing against it. The error says why nothing could be run; ExitCode gives its exit code.
func (j Job) Run(ctx context.Context) (conformance.Report, error) {
	chosen, err := j.flows()
	if err != nil {
		return conformance.Report{}, err
	}
	if j.Config.Target != "" && (j.Defect != "" || j.Simulated) {
		return conformance.Report{}, &UsageError{"--defect and --simulated change the built-in reference: leave them out, or leave out the target"}
	}
	if err := j.examine(ctx); err != nil {
		return conformance.Report{}, err
	}
	report := conformance.Report{
		Profile: profiles(chosen), Level: string(j.Config.Level), Seed: j.Config.Seed, Target: j.Config.Target, Defect: j.Defect,
	}
	selection := conformance.Selection{Level: j.Config.Level, Roles: j.Config.Roles, Only: j.Only}
	runner := conformance.Runner{Parallel: j.Parallel, Progress: j.Progress, Repro: j.repro}
	if j.Config.Target == "" {
		report.Target = "built-in reference"
		defect, err := reference.FindDefect(j.Defect)
		if err != nil {
			return report, err
		}
		r := reference.Reference{Level: j.Config.Level, Defect: defect, Seed: j.Config.Seed}
		runner.Open = r.OnLoopback
		if j.Simulated {
			runner.Open = r.InWorld
		}
	} else {
		over, err := j.Config.Transport()
		if err != nil {
			return report, &UsageError{err.Error()}
		}
		target, err := remote.Find(ctx, remote.Options{
			URL: j.Config.Target, Roles: expand(j.Config.Roles), Limit: j.Config.Limit, MaxWait: j.Config.MaxWait, Flows: chosen, Setup: j.Config.Setup, Through: over,
		})
		if err != nil {
			return report, err
		}
		defer target.Close()
		selection.Roles, chosen = target.Roles, []conformance.Flow{target.Flow}
		report.Profile = target.Flow.Profile
		runner.Open, runner.Shared = target.Open, true
	}
	if j.Wrap != nil {
		runner.Open = j.Wrap(runner.Open)
	}
	var all []conformance.Check
	for _, f := range chosen {
		all = append(all, f.Checks...)
	}
	checks, err := selection.Select(all)
	if err != nil {
		return report, err
	}
	report.Results = j.hidden(runner.Run(ctx, checks))
	if ctx.Err() != nil {
		return report, &StoppedError{Checks: len(checks)}
	}
	report.Conclude()
	return report, nil
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
	if j.Config.Target != "" {
		words = append(words, "--target", j.Config.Target, "--role", string(c.Role))
	}
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

// ExitCode is the exit code for an error that kept anything from being run: 2 for usage and configuration, 3 for a target that does not answer, 4 for the rest.
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
		noMetadata  *config.NoMetadataError
	)
	switch {
	case errors.As(err, &refused):
		if refused.Dead() {
			return 3
		}
		return 2
	case errors.As(err, &exists):
		return 2
	case errors.As(err, &noMetadata):
		return 3
	case errors.As(err, &unreachable), errors.As(err, &stopped):
		return 3
	case errors.As(err, &usage), errors.As(err, &wrongConfig), errors.As(err, &noCheck), errors.As(err, &noDefect), errors.As(err, &noFlow), errors.As(err, &noRole), errors.As(err, &noPort), errors.As(err, &setup), errors.As(err, &port):
		return 2
	}
	return 4
}
