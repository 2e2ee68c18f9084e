package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"countersign/reports/internal/plain"
)

//go:embed page/necessity.html.tmpl
var necessityTemplate string

var necessityPage = template.Must(template.New("necessity").Funcs(template.FuncMap{"join": strings.Join}).Parse(necessityTemplate))

// Necessity says of each requirement what happens without it.
type Necessity struct{ Flows []NecessityFlow }

// NecessityFlow is the table of one flow.
type NecessityFlow struct {
	Name, Summary string
	// Outcomes are the columns of the summary, in their order, and Counts the rows that have them.
	Outcomes []string
	Counts   map[string]int
	Rows     []NecessityRow
}

// NecessityRow is one requirement.
type NecessityRow struct {
	ID, Title, Text, Gain, Outcome, Reason string
	Worlds, Runs, States                   int
	// What follows is of the attack, and empty where there is none.
	Scene, Invariant, Broken string
	Sessions, Steps          []string
	Moves                    int
	// Picture and Replay are files beside the page: the sequence diagram, and what plays the attack again.
	Picture, Replay string
}

// Attacked reports whether the row has an attack.
func (r NecessityRow) Attacked() bool { return r.Picture != "" }

// Style is the verdict whose colours the outcome has.
func (r NecessityRow) Style() string {
	switch {
	case r.Attacked():
		return "pass"
	case r.Reason != "":
		return "skip"
	}
	return "warn"
}

// EmptyNecessityError says that there is nothing to write.
type EmptyNecessityError struct{}

func (*EmptyNecessityError) Error() string {
	return "the page of necessity would be empty: no flow was explored"
}

// WriteNecessity writes the page, which needs nothing else but the pictures beside it. The error is an *EmptyNecessityError, or the writer's.
func WriteNecessity(w io.Writer, n Necessity) error {
	if len(n.Flows) == 0 {
		return &EmptyNecessityError{}
	}
	var b bytes.Buffer
	view := struct {
		Necessity
		CSS    template.CSS
		Policy string
	}{plain.Clean(n), template.CSS(pageCSS), policy(pageCSS, "")}
	if err := necessityPage.Execute(&b, view); err != nil {
		return fmt.Errorf("the page of necessity cannot be written: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
