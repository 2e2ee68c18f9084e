package specs

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/flows"
)

// Target is an implementation at one base URL, in one or more roles. Exactly one of Handler and URL says where it comes from, or File, where it names a target.
// What is a field here and a key of File too holds as the field says, where that is set.
type Target struct {
	// Name stands before the text of each spec and tells targets of one suite apart; empty: the profile and the roles.
	Name string
	// Flow is a flow or its profile, as ticket or ticket@1; empty: that of File.
	Flow string
	// Roles are those under test; empty: those of File.
	Roles []catalog.Role

	// Handler makes the target for one check, at which the site has to be heeded: it is served at site.Base, and reaches the other parties at the addresses
	// of site.Setup. It runs inside the spec, so that it may use Ginkgo's DeferCleanup for what has to be ended after the check.
	Handler func(site Site) (http.Handler, error)
	// URL is the base URL of a target that runs already. It has to know the harness at the addresses of Setup. Its specs are Serial.
	URL string

	// File is a countersign.yaml, with the same meaning as for `countersign check --config`; its target counts only without Handler.
	File string
	// Env looks up what File refers to as ${env:NAME}; os.LookupEnv, as a rule.
	Env func(name string) (string, bool)

	// Level is core or hardened; empty: that of File, else hardened.
	Level catalog.Level
	// Only holds IDs, names of checks, or beginnings of either, as TI-AP; empty: every check of the level and the roles.
	Only []string
	// ExpectedFailures are requirements that the target is known not to meet: their specs are skipped with the reason as long as they fail, and fail when they pass.
	ExpectedFailures []config.ExpectedFailure
	// Setup gives what harness and target have agreed on, a fresh copy each time; nil: that of File, else section 8 of the profile.
	// For a Handler the addresses in it are replaced by free ones.
	Setup func() conformance.Setup
	// Limit bounds one exchange, and MaxWait is how long a check waits in real time for something to expire; 0: that of File, else 10 s and 15 s.
	Limit, MaxWait time.Duration
}

// Site is where a Handler stands while one check runs.
type Site struct {
	// Role is the one under test in this check.
	Role catalog.Role
	// Base is the URL under which the handler is served, without a slash at its end.
	Base string
	// Setup is what harness and target agree on, with the addresses at which the harness plays the others: a pointer to the Setup of the flow's package,
	// as *ticket.Setup.
	Setup conformance.Setup
}

// At is the origin at which the harness plays a party, as account-server; empty where it plays none of that name.
func (s Site) At(party string) string {
	for _, a := range s.Setup.Addresses() {
		if a.Party == party {
			return *a.Origin
		}
	}
	return ""
}

// MistakeError says that a Target cannot be made into specs, and how to mend it.
type MistakeError struct{ Problem string }

func (e *MistakeError) Error() string { return e.Problem }

// plan is a target with what holds for all its specs.
type plan struct {
	Target
	flow   conformance.Flow
	config config.Config
	checks []conformance.Check
}

// plan finds the checks. The error says what is wrong with the target.
func (t Target) plan() (plan, error) {
	c, err := t.settings()
	if err != nil {
		return plan{}, err
	}
	if c.Profile == "" {
		return plan{}, &MistakeError{"no flow is named; set Flow, as \"ticket\", or File"}
	}
	flow, err := flows.Find(c.Profile)
	if err != nil {
		return plan{}, err
	}
	c.Profile = flow.Profile
	switch {
	case t.Handler != nil && t.URL != "":
		return plan{}, &MistakeError{"both Handler and URL are set; keep one"}
	case t.Handler == nil && c.Target == "":
		return plan{}, &MistakeError{"there is nothing to put under test; set Handler or URL, or name a target in File"}
	case len(c.Roles) == 0:
		return plan{}, &MistakeError{"no role is named; set Roles to some of " + strings.Join(rolesOf(flow), ", ")}
	}
	checks, err := conformance.Selection{Level: c.Level, Roles: c.Roles, Only: t.Only}.Select(flow.Checks)
	if err != nil {
		return plan{}, err
	}
	for _, x := range c.ExpectedFailures {
		if !slices.ContainsFunc(checks, func(c conformance.Check) bool { return about(x, c) }) {
			return plan{}, &MistakeError{fmt.Sprintf("%s is expected to fail, but is none of the %d checks that are chosen; take it out", x.ID, len(checks))}
		}
	}
	return plan{Target: t, flow: flow, config: c, checks: checks}, nil
}

// settings are those of the file, with what the target says itself over them.
func (t Target) settings() (config.Config, error) {
	c := config.Default()
	if t.File != "" {
		var err error
		if c, err = (config.Reader{Env: t.Env}).Load(t.File); err != nil {
			return c, err
		}
	}
	if t.Flow != "" {
		c.Profile = t.Flow
	}
	if len(t.Roles) > 0 {
		c.Roles = t.Roles
	}
	if t.URL != "" {
		c.Target = t.URL
	}
	if t.Level != "" {
		c.Level = t.Level
	}
	if t.ExpectedFailures != nil {
		c.ExpectedFailures = t.ExpectedFailures
	}
	if t.Limit > 0 {
		c.Limit = t.Limit
	}
	if t.MaxWait > 0 {
		c.MaxWait = t.MaxWait
	}
	return c, nil
}

// agreed is the setup for one check, which nobody else changes while it runs.
func (p plan) agreed() conformance.Setup {
	switch {
	case p.Setup != nil:
		return p.Setup()
	case p.config.Setup != nil:
		return p.config.Setup
	}
	return p.flow.Setup()
}

// about reports whether an expected failure is about a check.
func about(x config.ExpectedFailure, c conformance.Check) bool {
	return x.ID == string(c.ID) || x.ID == c.Name()
}

// rolesOf are the roles of a flow that can be put under test.
func rolesOf(flow conformance.Flow) []string {
	var names []string
	for _, c := range flow.Checks {
		if !slices.Contains(names, string(c.Role)) {
			names = append(names, string(c.Role))
		}
	}
	return names
}
