package certify

import (
	"context"
	"fmt"
	"slices"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// PlanFormat names the format and version of a Plan.
const PlanFormat = "countersign/plan@1"

// Plan is what a run would be.
type Plan struct {
	Format  string `json:"format"`
	Profile string `json:"profile"`
	Level   string `json:"level"`
	Seed    uint64 `json:"seed"`
	Target  string `json:"target"`
	Defect  string `json:"defect,omitempty"`
	// Roles are those under test that the configuration names, or that the target was found to play; empty: all of the profile.
	Roles []catalog.Role `json:"roles"`
	// Parallel is how many checks run at a time.
	Parallel int `json:"parallel"`
	// MaxWait is for how many seconds a check waits at a time at the most where the target's clock cannot be moved; 0 where no check waits, since it can be.
	MaxWait float64        `json:"max_wait"`
	Checks  []PlannedCheck `json:"checks"`
}

// PlannedCheck is a check of a plan.
type PlannedCheck struct {
	Check   string          `json:"check"`
	Role    catalog.Role    `json:"role"`
	Level   catalog.Level   `json:"level"`
	Keyword catalog.Keyword `json:"keyword"`
	Title   string          `json:"title"`
	// Alone says that no other check is under way beside it.
	Alone bool `json:"alone"`
	// Expiry says that it lets the target's time pass: by moving its clock, or by waiting.
	Expiry bool `json:"expiry"`
}

// Alone counts the checks that run alone, and Expiry those that let time pass.
func (p Plan) Alone() int  { return p.count(func(c PlannedCheck) bool { return c.Alone }) }
func (p Plan) Expiry() int { return p.count(func(c PlannedCheck) bool { return c.Expiry }) }

func (p Plan) count(counts func(PlannedCheck) bool) int {
	n := 0
	for _, c := range p.Checks {
		if counts(c) {
			n++
		}
	}
	return n
}

// List plans without a word to the target: where neither the configuration nor Again names roles, the checks of all roles of the profile are listed, or of all profiles.
func (j Job) List() (Plan, error) {
	chosen, err := j.flows()
	if err != nil {
		return Plan{}, err
	}
	selection := j.selection()
	checks, err := selection.Select(checksOf(chosen))
	if err != nil {
		return Plan{}, err
	}
	r := ready{report: j.report(chosen), checks: checks}
	if r.runner.Parallel = j.Parallel; j.Config.Target == "" && !j.Config.Start.Any() {
		r.report.Target = builtIn
	} else {
		r.runner.Shared = true // and what clock there is nobody has asked
	}
	return j.plan(r, selection.Roles), nil
}

// DryRun does all that Run does before the first check, and plans. A target that the configuration would have to start is not started: then it is List.
func (j Job) DryRun(ctx context.Context) (Plan, error) {
	if j.Config.Start.Any() {
		if err := j.Config.CheckStart(); err != nil {
			return Plan{}, &UsageError{err.Error()}
		}
		return j.List()
	}
	r, err := j.ready(ctx)
	defer r.done()
	if err != nil {
		return Plan{}, err
	}
	var roles []catalog.Role
	for _, c := range r.checks {
		if j.Config.Target != "" && !slices.Contains(roles, c.Role) {
			roles = append(roles, c.Role)
		}
	}
	return j.plan(r, roles), nil
}

func (j Job) plan(r ready, roles []catalog.Role) Plan {
	p := Plan{
		Format: PlanFormat, Profile: r.report.Profile, Level: r.report.Level, Seed: r.report.Seed, Target: r.report.Target, Defect: r.report.Defect,
		Roles: append([]catalog.Role{}, roles...), Parallel: r.runner.Places(), Checks: []PlannedCheck{},
	}
	for _, c := range r.checks {
		q := c.Requirement()
		p.Checks = append(p.Checks, PlannedCheck{
			Check: c.Name(), Role: c.Role, Level: q.Level, Keyword: q.Keyword, Title: q.Title, Alone: r.runner.RunsAlone(c), Expiry: c.Waits != conformance.NoWait,
		})
	}
	if r.runner.Shared && !r.runner.Clocked && p.Expiry() > 0 {
		p.MaxWait = j.Config.MaxWait.Seconds()
	}
	return p
}

// Summary says in a sentence or two what would be run.
func (p Plan) Summary() string {
	checks := "checks"
	if len(p.Checks) == 1 {
		checks = "check"
	}
	text := fmt.Sprintf("%d %s of %s at level %s against %s, %d at a time", len(p.Checks), checks, p.Profile, p.Level, p.Target, p.Parallel)
	if n := p.Alone(); n > 0 {
		text += fmt.Sprintf("; %d run alone", n)
	}
	switch n := p.Expiry(); {
	case n > 0 && p.MaxWait > 0:
		text += fmt.Sprintf("; %d wait for expiry, for %g s at a time at the most where the target has no test clock", n, p.MaxWait)
	case n > 0:
		text += fmt.Sprintf("; %d let time pass by the target's clock, without waiting", n)
	}
	return text
}
