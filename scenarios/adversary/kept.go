package adversary

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"countersign/conformance/catalog"
)

//go:embed kept/necessity.*.json kept/sufficiency.json
var keptFiles embed.FS

// KeptTables are the tables of necessity that were kept, one a flow, in the order of [Flows]. The caller must not change them.
var KeptTables = sync.OnceValue(func() (all []Table) {
	for _, f := range Flows() {
		text, err := keptFiles.ReadFile("kept/necessity." + f.Name + ".json")
		if errors.Is(err, fs.ErrNotExist) {
			continue // a flow that is new has none yet
		}
		t, err := ParseTable(text)
		if err != nil {
			panic(err) // a test reads what is embedded
		}
		all = append(all, t)
	}
	return all
})

// Sufficiency says that nothing was found on a flow with all guards on, and where it was looked for.
type Sufficiency struct {
	Flow     string        `json:"flow"`
	Level    catalog.Level `json:"level"`
	Attacker Attacker      `json:"attacker,omitempty"` // empty: both
	Moves    int           `json:"moves"`
	Switches int           `json:"switches"`
	Sessions int           `json:"sessions"` // in a world, at most
	Faults   bool          `json:"faults,omitempty"`
	Seed     uint64        `json:"seed"`
	Worlds   int           `json:"worlds"`
	Runs     int           `json:"runs"`
	States   int           `json:"states"`
	// Random is how many of the runs were drawn at random, RandomMoves their length, and Missed how likely all of them miss an attack of that length at most.
	Random      int     `json:"random,omitempty"`
	RandomMoves int     `json:"random_moves,omitempty"`
	Missed      float64 `json:"missed,omitempty"`
}

// NotSufficientError says that a hunt makes no statement that could be kept.
type NotSufficientError struct{ Problem string }

func (e *NotSufficientError) Error() string { return e.Problem }

// Sufficient is the statement that a hunt makes which came to its end. The error is a *NotSufficientError.
func (h Hunt) Sufficient(found Found) (Sufficiency, error) {
	switch {
	case found.Attack != nil:
		return Sufficiency{}, &NotSufficientError{"an attack was found, so that nothing can be kept about the absence of one"}
	case len(h.Lifted) > 0 || h.Scene != "" || h.Breaks != "":
		return Sufficiency{}, &NotSufficientError{"only a search with all guards on, in all scenes and for all breaches says something about the flow; leave out --lift, --scene and --breaks to keep it"}
	}
	s := Sufficiency{
		Flow: h.Flow.Name, Level: h.Level, Attacker: h.Attacker, Moves: h.Moves, Switches: h.Switches, Sessions: h.Sessions, Faults: h.Faults, Seed: h.Seed,
		Worlds: found.Systems, Runs: found.Runs, States: found.States, Random: found.Random,
	}
	if s.Random > 0 {
		s.RandomMoves, s.Missed = found.Odds.Moves, found.Odds.Missed(found.Random)
	}
	return s, nil
}

// sure is the probability of missing an attack from which on random runs promise nothing.
const sure = 0.99

// String is the statement as a sentence.
func (s Sufficiency) String() string {
	attacker, switches := "", "1 switch"
	if s.Switches != 1 {
		switches = fmt.Sprintf("%d switches", s.Switches)
	}
	if s.Attacker != "" {
		attacker = fmt.Sprintf(" of the %s attacker", s.Attacker)
	}
	sessions := counted(s.Sessions, "session") + " in a world"
	if s.Sessions > 1 {
		sessions = "up to " + sessions + ", where its scene has as many"
	}
	text := fmt.Sprintf("With all guards of level %s on there is no counterexample within %s%s, %s and %s: %s, %s, %s.",
		s.Level, counted(s.Moves, "move"), attacker, switches, sessions, counted(s.Worlds, "world"), counted(s.Runs, "run"), counted(s.States, "state"))
	if s.Random > 0 {
		text += fmt.Sprintf(" %d of the runs were drawn at random, %s long; ", s.Random, counted(s.RandomMoves, "move"))
		if s.Missed > sure {
			text += "there are so many more of that length that these promise nothing about the others."
		} else {
			text += fmt.Sprintf("all of these miss an attack of that length with a probability of at most %.3g.", s.Missed)
		}
	}
	return text
}

// about reports whether two statements are about the same search.
func (s Sufficiency) about(o Sufficiency) bool {
	return s.Flow == o.Flow && s.Level == o.Level && s.Attacker == o.Attacker && s.Moves == o.Moves && s.Switches == o.Switches && s.Sessions == o.Sessions && s.Faults == o.Faults &&
		s.RandomMoves == o.RandomMoves
}

const sufficiencyFormat = "countersign/sufficiency@1"

type sufficiencyPage struct {
	Format     string        `json:"format"`
	Statements []Sufficiency `json:"statements"`
}

// ParseSufficiency reads what Keep wrote.
func ParseSufficiency(text []byte) ([]Sufficiency, error) {
	var page sufficiencyPage
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&page); err != nil || page.Format != sufficiencyFormat {
		return nil, &NotSufficientError{"the file is no JSON of the format " + sufficiencyFormat}
	}
	return page.Statements, nil
}

// Keep writes the statement into a file beside those that are there, in the place of an earlier one about the same search. The error is a *NotSufficientError, or the file system's.
func (s Sufficiency) Keep(path string) error {
	var all []Sufficiency
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if all, err = ParseSufficiency(text); err != nil {
			return &NotSufficientError{path + ": " + err.Error()}
		}
	}
	all = append(slices.DeleteFunc(all, s.about), s)
	place := func(s Sufficiency) int {
		return slices.IndexFunc(Flows(), func(f Flow) bool { return f.Name == s.Flow })
	}
	slices.SortFunc(all, func(a, b Sufficiency) int {
		return cmp.Or(place(a)-place(b), cmp.Compare(a.Level, b.Level), cmp.Compare(a.Attacker, b.Attacker), a.Moves-b.Moves, a.Sessions-b.Sessions, a.Switches-b.Switches, a.RandomMoves-b.RandomMoves)
	})
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	if err := e.Encode(sufficiencyPage{sufficiencyFormat, all}); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// KeptSufficiency are the statements that were kept. The caller must not change them.
var KeptSufficiency = sync.OnceValue(func() []Sufficiency {
	text, err := keptFiles.ReadFile("kept/sufficiency.json")
	if err != nil {
		panic(err) // it is embedded
	}
	all, err := ParseSufficiency(text)
	if err != nil {
		panic(err) // a test reads what is embedded
	}
	return all
})
