package cli

import (
	"errors"
	"fmt"
	"slices"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/reports"
	"countersign/scenarios/adversary"
)

// necessityOf is a table as reports have it, with the rows that are wanted.
func necessityOf(t adversary.Table, wanted func(adversary.Need) bool) reports.Necessity {
	n := reports.Necessity{Flow: t.Flow, Summary: t.Summary(), Sufficiency: sufficiencyOf(t.Flow)}
	for _, need := range t.Needs {
		if wanted(need) {
			n.Needs = append(n.Needs, needOf(need))
		}
	}
	return n
}

// sufficiencyOf are the sentences that say where nothing was found on a flow with all guards on.
func sufficiencyOf(flow string) (sentences []string) {
	for _, s := range adversary.KeptSufficiency() {
		if s.Flow == flow {
			sentences = append(sentences, s.String())
		}
	}
	return sentences
}

func needOf(n adversary.Need) reports.Need {
	row := reports.Need{Requirement: n.Requirement, Outcome: string(n.Outcome), Reason: n.Reason, Worlds: n.Worlds, Runs: n.Runs, States: n.States, Moves: n.Moves}
	a := n.Attack
	if a == nil {
		return row
	}
	row.Invariant, row.Broken, row.Scene, row.Sessions = a.Breach.Invariant, a.Breach.Text, a.Scene, a.Sessions
	row.Repro = fmt.Sprintf("countersign explore %s --lift %s --scene %s --moves %d --sessions %d", a.Flow, n.Requirement, a.Scene, n.Moves, len(a.Sessions))
	for _, s := range a.Steps {
		row.Steps = append(row.Steps, s.At+": "+s.Choose)
	}
	return row
}

// documented is a report with what the explorer knows of the requirements in it.
func documented(report *conformance.Report) reports.Document {
	checked := map[catalog.ID]bool{}
	for _, r := range report.Results {
		checked[r.Requirement.ID] = true
	}
	d := reports.Document{Checks: report}
	for _, t := range adversary.KeptTables() {
		if n := necessityOf(t, func(n adversary.Need) bool { return checked[n.Requirement] }); len(n.Needs) > 0 {
			d.Necessity = append(d.Necessity, n)
		}
	}
	return d
}

// keptTables shows the tables of the flows that are kept, or the rows of them that are wanted.
func (p Program) keptTables(flows []adversary.Flow, only []catalog.ID, folder reports.Folder, asJSON bool) error {
	var tables []adversary.Table
	for _, t := range adversary.KeptTables() {
		if !slices.ContainsFunc(flows, func(f adversary.Flow) bool { return f.Name == t.Flow }) {
			continue
		}
		t.Needs = slices.DeleteFunc(slices.Clone(t.Needs), func(n adversary.Need) bool { return len(only) > 0 && !slices.Contains(only, n.Requirement) })
		if len(t.Needs) > 0 {
			tables = append(tables, t)
		}
	}
	if len(tables) == 0 {
		fmt.Fprintln(p.Err, "countersign: no table is kept of what was named; leave out --kept to have it made")
		return ExitCode(3)
	}
	return p.showTables(tables, folder, nil, nil, asJSON)
}

// keepSufficiency adds what a hunt that found nothing says to a file; an empty path for none.
func (p Program) keepSufficiency(h adversary.Hunt, found adversary.Found, path string) error {
	if path == "" {
		return nil
	}
	s, err := h.Sufficient(found)
	if err == nil {
		err = s.Keep(path)
	}
	var unfit *adversary.NotSufficientError
	switch {
	case errors.As(err, &unfit):
		return &certify.UsageError{Problem: err.Error()}
	case err != nil:
		return &certify.UsageError{Problem: fmt.Sprintf("the statement cannot be kept: %v; name another file with --keep", err)}
	}
	fmt.Fprintln(p.Err, s.String())
	return nil
}

// needLine is a line of `list necessity`.
type needLine struct {
	Flow string `json:"flow"`
	reports.Need
}

// keptNeeds are all lines of the tables that are kept.
func keptNeeds() ([]needLine, error) {
	var all []needLine
	for _, t := range adversary.KeptTables() {
		for _, n := range t.Needs {
			all = append(all, needLine{t.Flow, needOf(n)})
		}
	}
	return all, nil
}

// columns are what people read of the line.
func (l needLine) columns() []any {
	shown := l.Reason
	if l.Attacked() {
		shown = fmt.Sprintf("%s in %s, %s", l.Invariant, l.Scene, l.Length())
	}
	return []any{l.Requirement, l.Outcome, shown}
}
