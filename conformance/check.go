package conformance

import (
	"fmt"
	"slices"
	"strings"

	"countersign/conformance/catalog"
)

// Check tests one role for one requirement.
type Check struct {
	ID   catalog.ID
	Role catalog.Role
	// Alone says that the check cannot share a target with other checks: it changes what they rely on, or listens at an address that others listen at too.
	Alone bool
	// Waits says whether the check lets the target's time pass. Where that is done by moving a clock that all share, the check is treated as one that is Alone.
	Waits Waiting
	Run   func(*Session)
}

// Requirement is what the check tests for.
func (c Check) Requirement() catalog.Requirement { return catalog.MustLookup(c.ID) }

// Name is the requirement's ID, with the role behind it where the requirement binds several.
func (c Check) Name() string {
	if len(c.Requirement().Roles) > 1 {
		return fmt.Sprintf("%s@%s", c.ID, c.Role)
	}
	return string(c.ID)
}

// Selection says which checks to run. Its zero value selects all of level hardened.
type Selection struct {
	Level catalog.Level
	Roles []catalog.Role // empty: every role
	// Only holds IDs, names of checks, or beginnings of either, as BI-OS; empty: every check.
	Only []string
	// Names holds names of checks, whole; empty: every check.
	Names []string
}

// NoSuchCheckError says that a part of a selection, named by Wanted, selects nothing.
type NoSuchCheckError struct{ Wanted string }

func (e *NoSuchCheckError) Error() string {
	return fmt.Sprintf("no check matches %s: `countersign list checks` names them all", e.Wanted)
}

// Select returns the chosen checks in their order. Each role has to have a check, and each word of Only to match one of the chosen level and roles.
func (s Selection) Select(checks []Check) ([]Check, error) {
	for _, role := range s.Roles {
		if !slices.ContainsFunc(checks, func(c Check) bool { return stands(role, c.Role) }) {
			return nil, &NoSuchCheckError{Wanted: fmt.Sprintf("the role %q", role)}
		}
	}
	matched, found := make([]bool, len(s.Only)), map[string]bool{}
	var chosen []Check
	for _, c := range checks {
		if !s.Level.Includes(c.Requirement().Level) || !s.hasRole(c.Role) || len(s.Names) > 0 && !slices.Contains(s.Names, c.Name()) {
			continue
		}
		found[c.Name()] = true
		wanted := len(s.Only) == 0
		for i, word := range s.Only {
			if strings.HasPrefix(c.Name(), word) {
				wanted, matched[i] = true, true
			}
		}
		if wanted {
			chosen = append(chosen, c)
		}
	}
	for _, name := range s.Names {
		if !found[name] {
			return nil, &NoSuchCheckError{Wanted: fmt.Sprintf("%q among those of the chosen level and roles", name)}
		}
	}
	for i, word := range s.Only {
		if !matched[i] {
			return nil, &NoSuchCheckError{Wanted: fmt.Sprintf("%q among those of the chosen level and roles", word)}
		}
	}
	if len(chosen) == 0 {
		return nil, &NoSuchCheckError{Wanted: "the chosen level and roles"}
	}
	return chosen, nil
}

func (s Selection) hasRole(role catalog.Role) bool {
	return len(s.Roles) == 0 || slices.ContainsFunc(s.Roles, func(r catalog.Role) bool { return stands(r, role) })
}

// stands reports whether a role as a user names it stands for a role: client is short for both clients.
func stands(named, role catalog.Role) bool {
	return named == role || named == "client" && strings.HasPrefix(string(role), "client-")
}
