// Package scenarios is what the cast plays: for each flow the way it is meant to go, what users may refuse, every fault that it has to survive, and the attacks.
//
// A scenario is data and a script. Level, seed, faults and lifted guards make a Run of it, which gives the same trace, byte for byte, on any machine.
package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Kind says what a scenario is about.
type Kind string

// The kinds of scenarios.
const (
	Happy   Kind = "happy"   // the flow as it is meant to go
	Refusal Kind = "refusal" // somebody or something says no
	Fault   Kind = "fault"   // the world goes wrong
	Attack  Kind = "attack"  // somebody wants what is not theirs
)

// Scenario is one thing that can happen in a world.
type Scenario struct {
	Name  string `json:"name"` // flow/name, flow/fault/name or flow/attack/name
	Flow  string `json:"flow"`
	Title string `json:"title"`
	Text  string `json:"text"` // for a learner
	Kind  Kind   `json:"kind"`
	// Faults are the plan that the scenario brings by itself.
	Faults []sim.Fault `json:"faults,omitempty"`
	// Invariant says in words what the scenario is about to break; empty when it is about none in particular.
	Invariant string `json:"invariant,omitempty"`
	// Guards are those that stop an attack at level hardened. Without all of them it succeeds.
	Guards []catalog.ID `json:"guards,omitempty"`

	// breaks is the invariant that Invariant speaks of.
	breaks stage.Invariant
	// open says that level core leaves the hole open, so that there the scenario shows the break.
	open bool
	// play sets the stage and gives the cast its parts.
	play func(stage.Setting) *stage.Stage
}

// attackOn is an attack on a flow. One that level core leaves open is marked so by the caller.
func attackOn(flow, name, title, text string, breaks stage.Invariant, guards []catalog.ID, play func(stage.Setting) *stage.Stage) Scenario {
	return Scenario{
		Name: flow + "/attack/" + name, Flow: flow, Kind: Attack,
		Title: title, Text: text, Invariant: breaks.Text, breaks: breaks, Guards: guards, play: play,
	}
}

// openAtCore marks an attack that the document itself does not stop.
func (s Scenario) openAtCore() Scenario {
	s.open = true
	return s
}

// mishapsOf is every mishap for every role of a flow. means says in words what comes of each in that flow, by its name.
func mishapsOf(flow string, roles []string, mishaps []stage.Mishap, means map[string]string, breaks stage.Invariant, play func(stage.Setting) *stage.Stage) []Scenario {
	var all []Scenario
	for _, m := range mishaps {
		for _, role := range roles {
			all = append(all, Scenario{
				Name: fmt.Sprintf("%s/fault/%s-%s", flow, m.Name, role), Flow: flow, Kind: Fault,
				Title: m.Title(role), Text: m.Text(role) + " " + means[m.Name],
				Faults: m.At(role), play: play, Invariant: breaks.Text, breaks: breaks,
			})
		}
	}
	return all
}

// OpenAt reports whether the level leaves open what the scenario shows, so that a broken invariant is what is expected.
func (s Scenario) OpenAt(l catalog.Level) bool { return s.open && l == catalog.Core }

// All returns every scenario, in the order in which a reader may want to meet them.
func All() []Scenario {
	return slices.Concat(bidirectional(), bidirectionalFaults(), bidirectionalAttacks(), ticket(), ticketFaults(), ticketAttacks(), offline(), offlineFaults(), offlineAttacks(), unified(), unifiedFaults(), unifiedAttacks(), mobile(), mobileFaults(), mobileAttacks(), foundAttacks())
}

// UnknownError says that there is no scenario of a name.
type UnknownError struct {
	Name string
	Near []string // names that are like it, the nearest first
}

func (e *UnknownError) Error() string {
	if len(e.Near) == 0 {
		return fmt.Sprintf("there is no scenario %q: `countersign list scenarios` names them all", e.Name)
	}
	return fmt.Sprintf("there is no scenario %q: did you mean %s?", e.Name, strings.Join(e.Near, " or "))
}

// Find returns the scenario of that name. The error is an *UnknownError.
func Find(name string) (Scenario, error) {
	all := All()
	if i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name }); i >= 0 {
		return all[i], nil
	}
	return Scenario{}, &UnknownError{Name: name, Near: near(name, all)}
}

// near finds up to three names that contain the one given, if it is three letters or longer, or differ from it in a third of its letters at most.
func near(name string, all []Scenario) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, s := range all {
		last := s.Name[strings.LastIndex(s.Name, "/")+1:]
		d := min(distance(name, s.Name), distance(name, last), distance(name[strings.LastIndex(name, "/")+1:], last))
		if len(name) >= 3 && strings.Contains(s.Name, name) {
			d = 0
		}
		if d <= len(name)/3 {
			found = append(found, candidate{s.Name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, c := range found[:min(len(found), 3)] {
		names = append(names, c.name)
	}
	return names
}

// distance counts the letters to change, add or leave out between two words (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
