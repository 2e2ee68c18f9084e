// Package validate measures what judging one request costs: each validator of the actors beside the bare work that it cannot do without, in one contest.
package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/bench/paired"
)

// Path is one way of validating, and what it is measured by.
type Path struct {
	Name string
	// Floor says what the first variant does.
	Floor    string
	Variants []Variant
	// Rounds, Slice and Clock are those of the contest; zero means its defaults.
	Rounds int
	Slice  time.Duration
	Clock  func() time.Duration
}

// Variant is one function of a path. The first of a path is its floor.
type Variant struct {
	paired.Variant
	Aim Aim
}

// Aim bounds the ratio of a variant to another.
type Aim struct {
	AtMost, AtLeast float64 // zero: not bounded
	To              string  // the variant that the ratio is to; empty: the floor
	NoAllocations   bool
}

// Row is what came of one variant.
type Row struct {
	paired.Figure
	Aim string `json:"aim,omitempty"`
	// Holds is whether the aim is reached; nil where there is none.
	Holds *bool `json:"holds,omitempty"`
}

// Reached reports whether the aim is reached. A row without one reaches it.
func (r Row) Reached() bool { return r.Holds == nil || *r.Holds }

// Table is what came of a path.
type Table struct {
	Path  string `json:"path"`
	Floor string `json:"floor"`
	Rows  []Row  `json:"rows"`
}

// Measure plays the contest of the path. The error is the contest's.
func (p Path) Measure(ctx context.Context, seed uint64) (Table, error) {
	contest := paired.Contest{Rounds: p.Rounds, Slice: p.Slice, Seed: seed, Clock: p.Clock}
	again := Aim{AtLeast: 0.99, AtMost: 1.01} // where the floor's second row misses it, the machine was too busy for the others to be believed
	var aims []Aim
	for i, v := range p.Variants {
		contest.Variants = append(contest.Variants, v.Variant)
		if aims = append(aims, v.Aim); i == 0 {
			aims = append(aims, again)
		}
	}
	figures, err := contest.Measure(ctx)
	if err != nil {
		return Table{}, err
	}
	t := Table{Path: p.Name, Floor: p.Floor}
	for i, f := range figures {
		row := Row{Figure: f}
		row.judge(aims[i], figures)
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// judge says what the aim is and whether the figure reaches it.
func (r *Row) judge(a Aim, all []paired.Figure) {
	ratio, to := r.Ratio, ""
	if a.To != "" {
		if i := slices.IndexFunc(all, func(f paired.Figure) bool { return f.Name == a.To }); i >= 0 {
			ratio, to = r.Ratio/all[i].Ratio, " of "+a.To
		}
	}
	holds := true
	var said []string
	if a.AtLeast > 0 {
		holds = holds && ratio >= a.AtLeast
		said = append(said, fmt.Sprintf(">= %.4gx%s", a.AtLeast, to))
	}
	if a.AtMost > 0 {
		holds = holds && ratio <= a.AtMost
		said = append(said, fmt.Sprintf("<= %.4gx%s", a.AtMost, to))
	}
	if a.NoAllocations {
		holds = holds && r.Allocations == 0
		said = append(said, "no allocation")
	}
	if len(said) > 0 {
		r.Aim, r.Holds = strings.Join(said, ", "), &holds
	}
}

// Missed lists the aims that were not reached, as "path: variant".
func Missed(tables []Table) (missed []string) {
	for _, t := range tables {
		for _, r := range t.Rows {
			if !r.Reached() {
				missed = append(missed, t.Path+": "+r.Name)
			}
		}
	}
	return missed
}

// variant makes one of a function that does the work once. It stops the program where the work fails: nobody wants to know how fast that is.
func variant(name string, aim Aim, once func() error) Variant {
	return Variant{paired.Variant{Name: name, Run: func(n int) {
		for range n {
			if err := once(); err != nil {
				panic(fmt.Sprintf("%s refuses what it has to take: %v", name, err))
			}
		}
	}}, aim}
}

// Peer is a variant of somebody else's library. It fails at once where the library refuses what it has to take.
func Peer(name string, once func() error) (Variant, error) {
	if err := once(); err != nil {
		return Variant{}, fmt.Errorf("%s refuses what it has to take: %w", name, err)
	}
	return variant(name, Aim{}, once), nil
}
