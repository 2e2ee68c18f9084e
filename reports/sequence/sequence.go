// Package sequence draws sequence diagrams as SVG. The drawing depends on the diagram alone, needs no font but what the reader's system has,
// and can stand inside a page or in a file of its own.
package sequence

import (
	"fmt"
	"strings"

	"countersign/reports/internal/plain"
)

// Kind says how a step is drawn.
type Kind string

// The kinds of steps. The empty Kind means Request.
const (
	Request  Kind = "request"  // a solid arrow
	Response Kind = "response" // a dashed arrow
	Lost     Kind = "lost"     // an arrow that ends in a cross on its way
	Attack   Kind = "attack"   // a heavy arrow, marked by the word
	Note     Kind = "note"     // a box over the lanes From to To
)

// Diagram is a sequence of messages between parties.
type Diagram struct {
	Title string `json:"title"`
	Lanes []Lane `json:"lanes"`
	Steps []Step `json:"steps"`
}

// Lane is a party.
type Lane struct {
	Name string `json:"name"`
	// Kind is a word on the party that stands under its name; "attacker" is drawn apart.
	Kind string `json:"kind,omitempty"`
}

// Step is a message or a note. From and To are names of lanes; a name that no lane has makes one. A message to its sender is a loop.
type Step struct {
	From   string `json:"from"`
	To     string `json:"to,omitempty"`
	Label  string `json:"label"`
	Detail string `json:"detail,omitempty"`
	Kind   Kind   `json:"kind,omitempty"`
	// At is the moment or number that stands beside the step.
	At string `json:"at,omitempty"`
	// Failing highlights the step.
	Failing bool `json:"failing,omitempty"`
}

// Attacker is the Lane.Kind that is drawn apart.
const Attacker = "attacker"

// Outline tells the diagram in words, one line a step, for readers who do not see it.
func (d Diagram) Outline() string {
	var b strings.Builder
	for i, s := range d.Steps {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%d. %s", i+1, s.sentence())
	}
	return b.String()
}

func (s Step) sentence() string {
	var words []string
	if s.At != "" {
		words = append(words, "("+s.At+")")
	}
	switch {
	case s.Kind == Note:
		words = append(words, "note at "+s.From+":")
	case s.self():
		words = append(words, s.From+" to itself:")
	default:
		words = append(words, s.From+" to "+s.To+":")
	}
	if s.Kind == Attack {
		words = append(words, "attack,")
	}
	words = append(words, s.Label)
	if s.Kind == Lost {
		words = append(words, "(lost)")
	}
	if s.Detail != "" {
		words = append(words, "- "+s.Detail)
	}
	if s.Failing {
		words = append(words, "- FAILS HERE")
	}
	return strings.Join(words, " ")
}

func (s Step) self() bool { return s.To == "" || s.To == s.From }

// shown returns the diagram with every text made harmless and with a lane for every name.
func (d Diagram) shown() Diagram {
	d = plain.Clean(d)
	known := map[string]bool{}
	for _, l := range d.Lanes {
		known[l.Name] = true
	}
	for i, s := range d.Steps {
		if s.To == "" {
			d.Steps[i].To = s.From
		}
		for _, name := range []string{s.From, d.Steps[i].To} {
			if !known[name] {
				known[name] = true
				d.Lanes = append(d.Lanes, Lane{Name: name})
			}
		}
	}
	return d
}
