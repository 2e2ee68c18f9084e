package certify

import (
	"context"
	"strings"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/doctor"
	"countersign/conformance/drive"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/conformance/remote"
)

// ready is a run of which everything is settled but the verdicts.
type ready struct {
	report conformance.Report
	runner conformance.Runner
	checks []conformance.Check
	close  func()
}

// done gives back what the run holds, as the addresses at which the harness plays parties. It bears being called for a run that is not ready.
func (r ready) done() {
	if r.close != nil {
		r.close()
	}
}

const builtIn = "built-in reference"

// prepare does all that comes before the first check, once.
func (j Job) prepare(ctx context.Context) (r ready, err error) {
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
	selection := j.selection()
	r.report = j.report(chosen)
	r.runner = conformance.Runner{Parallel: j.Parallel, Secrets: j.Config.Secrets, Progress: j.Progress, Repro: j.repro}
	if j.Shuffle {
		r.runner.Shuffle = &j.Config.Seed
	}
	if j.Config.Target == "" {
		err = j.build(&r)
	} else {
		var target *remote.Target
		if target, err = j.find(ctx, chosen, &r); err == nil {
			selection.Roles, chosen = target.Roles, []conformance.Flow{target.Flow}
		}
	}
	if err != nil {
		return r, err
	}
	if j.Wrap != nil {
		r.runner.Open = j.Wrap(r.runner.Open)
	}
	r.checks, err = selection.Select(checksOf(chosen))
	return r, err
}

// build makes the reference the target.
func (j Job) build(r *ready) error {
	defect, err := reference.FindDefect(j.Defect)
	if err != nil {
		return err
	}
	r.report.Target = builtIn
	built := reference.Reference{Level: j.Config.Level, Defect: defect, Seed: j.Config.Seed}
	r.runner.Open = built.OnLoopback
	if j.Simulated {
		r.runner.Open = built.InWorld
	}
	return nil
}

// find asks the target what it is. What the configuration says of roles that cannot be called, and of logins, lies over the way to it.
func (j Job) find(ctx context.Context, chosen []conformance.Flow, r *ready) (*remote.Target, error) {
	over, err := j.Config.Transport()
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	driver := &drive.Driver{Config: j.Config, Context: ctx, Prompt: j.Prompt}
	if err := driver.Ready(); err != nil {
		return nil, &UsageError{err.Error()}
	}
	target, err := remote.Find(ctx, remote.Options{
		URL: j.Config.Target, Roles: expand(j.Config.Roles), Limit: j.Config.Limit, MaxWait: j.Config.MaxWait, Flows: chosen, Setup: j.Config.Setup,
		Through: driver.Over(over), Listen: j.Config.Stage.Listener,
	})
	if err != nil {
		return nil, err
	}
	r.close = target.Close
	r.report.Profile = target.Flow.Profile
	r.runner.Open, r.runner.Shared, r.runner.Clocked, r.runner.Revise = target.Open, true, target.Clocked(), drive.Revise
	return target, nil
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

// selection is what the job wants run, of the roles that it names.
func (j Job) selection() conformance.Selection {
	s := conformance.Selection{Level: j.Config.Level, Roles: j.Config.Roles, Only: j.Only}
	if j.Again != nil {
		s.Names = j.Again.Checks
	}
	return s
}

func checksOf(chosen []conformance.Flow) []conformance.Check {
	var all []conformance.Check
	for _, f := range chosen {
		all = append(all, f.Checks...)
	}
	return all
}

// report is the report before anything is known of the target.
func (j Job) report(chosen []conformance.Flow) conformance.Report {
	return conformance.Report{
		Profile: profiles(chosen), Level: string(j.Config.Level), Seed: j.Config.Seed, Target: j.Config.Target, Defect: j.Defect,
	}
}
