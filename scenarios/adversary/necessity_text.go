package adversary

import (
	"encoding/json"
	"fmt"
	"strings"

	"countersign/conformance/catalog"
)

// Outcomes are all that there are, the best first.
func Outcomes() []Outcome { return []Outcome{Attacked, Reasoned, NotFound} }

// JSON is the table as it is kept.
func (t Table) JSON() ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(t)
	return []byte(b.String()), err
}

// ParseTable reads what JSON wrote.
func ParseTable(text []byte) (Table, error) {
	var t Table
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("the table is no JSON of necessity: %w", err)
	}
	return t, nil
}

// Summary is the table in one line.
func (t Table) Summary() string {
	bounds := make([]string, len(t.Rungs))
	for i, r := range t.Rungs {
		bounds[i] = fmt.Sprintf("%s with %s in a world", counted(r.Moves, "move"), counted(r.Sessions, "session"))
	}
	return fmt.Sprintf("%s: %s; without %d there is an attack, for %d a reason why none can be shown, for %d neither; searched up to %s, and where the catalogue of attacks says to look",
		t.Flow, counted(len(t.Needs), "requirement"), t.Count(Attacked), t.Count(Reasoned), t.Count(NotFound), strings.Join(bounds, ", "))
}

// Line is the need in one line. What follows what was played is for the time that it took; it is empty where the line is to be the same each time.
func (n Need) Line(took string) string {
	words := string(n.Outcome)
	switch {
	case n.Attack != nil:
		words = fmt.Sprintf("%s on %s in %s with %s, %s", n.Outcome, n.Attack.Breach.Invariant, n.Attack.Scene, strings.Join(n.Attack.Sessions, " and "), counted(n.Moves, "move"))
	case n.Reason != "":
		words = fmt.Sprintf("%s: %s", n.Outcome, n.Reason)
	}
	line := fmt.Sprintf("%-9s %s (%s, %s, %s", n.Requirement, words, counted(n.Worlds, "world"), counted(n.Runs, "run"), counted(n.States, "state"))
	if took != "" {
		line += ", " + took
	}
	return line + ")"
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Text is the table for people, the same bytes each time: for each requirement a line, and the steps of the attack.
func (t Table) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nwith all guards on: nothing in %s, %s, %s\n", t.Summary(), counted(t.Sound.Worlds, "world"), counted(t.Sound.Runs, "run"), counted(t.Sound.States, "state"))
	for _, n := range t.Needs {
		fmt.Fprintf(&b, "\n%s\n          %s\n", n.Line(""), catalog.MustLookup(n.Requirement).Title)
		if n.Attack == nil {
			continue
		}
		for i, s := range n.Attack.Steps {
			fmt.Fprintf(&b, "%13d. %s: %s\n", i+1, s.At, s.Choose)
		}
		if len(n.Attack.Steps) == 0 {
			fmt.Fprintln(&b, "               of itself, without any attacker")
		}
		fmt.Fprintf(&b, "               %s\n", n.Attack.Breach.Text)
	}
	return b.String()
}
