package certify

import (
	"fmt"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/flows"
)

// Again is what of an earlier run is played again. The report of the new run is another attempt, and not a better first one: who wants to show both
// gives both to the evidence, in order.
type Again struct {
	// Checks are their names, in the order of the report.
	Checks []string
	first  conformance.Report
}

// NothingAgainError says that an earlier run left nothing to be played again.
type NothingAgainError struct{ Verdicts []conformance.Verdict }

func (e *NothingAgainError) Error() string {
	var words []string
	for _, v := range e.Verdicts {
		words = append(words, string(v))
	}
	return fmt.Sprintf("no check of that report has the verdict %s, so there is nothing to run again; `countersign check` runs all", strings.Join(words, " or "))
}

// AgainVerdicts are the verdicts of the checks that are played again where nothing else is said.
func AgainVerdicts() []conformance.Verdict {
	return []conformance.Verdict{conformance.Fail, conformance.Error, conformance.Warn}
}

// NewAgain finds the checks of a report that have one of the verdicts; without any, those of AgainVerdicts. The errors are *NothingAgainError and *UsageError.
func NewAgain(first conformance.Report, verdicts ...conformance.Verdict) (*Again, error) {
	if len(verdicts) == 0 {
		verdicts = AgainVerdicts()
	}
	known := []conformance.Verdict{conformance.Fail, conformance.Error, conformance.Warn, conformance.Skip, conformance.Pass}
	for _, v := range verdicts {
		if !slices.Contains(known, v) {
			return nil, &UsageError{fmt.Sprintf("%q is no verdict: write fail, error, warn, skip or pass", v)}
		}
	}
	a := &Again{first: first}
	for _, r := range first.Results {
		if slices.Contains(verdicts, r.Verdict) {
			a.Checks = append(a.Checks, r.Check)
		}
	}
	if len(a.Checks) == 0 {
		return nil, &NothingAgainError{Verdicts: verdicts}
	}
	return a, nil
}

// Configure writes what the first run was about over a configuration: profile, level, seed and target. A file that is for another profile is a *UsageError.
func (a *Again) Configure(c *config.Config) error {
	level, err := catalog.ParseLevel(a.first.Level)
	if err != nil {
		return &UsageError{"the report names " + err.Error()}
	}
	c.Level, c.Seed = level, a.first.Seed
	if a.first.Target != builtIn && !c.Start.Any() { // where one was started, it may have had another port
		c.Target = a.first.Target
	}
	if f, err := flows.Find(a.first.Profile); err == nil { // a run of all flows names several, which is the same as none
		if c.Profile != "" && c.Profile != f.Profile {
			return &UsageError{fmt.Sprintf("the report is of the profile %s, and the configuration for %s: name the configuration that the run was made with", f.Profile, c.Profile)}
		}
		c.Profile = f.Profile
	}
	return nil
}

// Defect is the one that the first run made the reference wrong with; empty for none.
func (a *Again) Defect() string { return a.first.Defect }
