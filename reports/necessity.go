package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"countersign/conformance/catalog"
	"countersign/reports/internal/plain"
	"countersign/reports/sequence"
)

var (
	//go:embed page/shell.html.tmpl
	shellTemplate string
	//go:embed page/necessity.html.tmpl
	necessityTemplate string
)

var necessityPage = template.Must(newPage("necessity").Parse(necessityTemplate))

// Necessity says of the hardened requirements of a flow what happens without each, and that with all of them nothing was found.
type Necessity struct {
	Flow    string `json:"flow"`
	Summary string `json:"summary"`
	// Sufficiency are sentences that say where nothing was found with all guards on.
	Sufficiency []string `json:"sufficiency,omitempty"`
	Needs       []Need   `json:"needs"`
}

// Need is what is known of the need for one requirement.
type Need struct {
	Requirement catalog.ID `json:"requirement"`
	// Outcome is one of Outcomes.
	Outcome string `json:"outcome"`
	// Reason is why no attack can show the need; empty where there is one.
	Reason string `json:"reason,omitempty"`
	// Worlds, Runs and States were searched.
	Worlds int `json:"worlds,omitempty"`
	Runs   int `json:"runs,omitempty"`
	States int `json:"states,omitempty"`
	// What follows is of the attack, and empty where there is none.
	Invariant string   `json:"invariant,omitempty"`
	Broken    string   `json:"broken,omitempty"`
	Scene     string   `json:"scene,omitempty"`
	Sessions  []string `json:"sessions,omitempty"`
	Moves     int      `json:"moves,omitempty"`
	Steps     []string `json:"steps,omitempty"`
	// Repro is the command that shows the attack.
	Repro string `json:"repro,omitempty"`
}

// Outcomes are all that a need can have, the best first.
func Outcomes() []string { return []string{"attack", "reason", "not found"} }

// Count counts the needs with an outcome.
func (n Necessity) Count(outcome string) (count int) {
	for _, need := range n.Needs {
		if need.Outcome == outcome {
			count++
		}
	}
	return count
}

// Attacked reports whether there is an attack.
func (n Need) Attacked() bool { return n.Invariant != "" }

// Length says how many moves the attack has.
func (n Need) Length() string {
	if n.Moves == 1 {
		return "1 move"
	}
	return fmt.Sprintf("%d moves", n.Moves)
}

// Style is the verdict whose colours the outcome has.
func (n Need) Style() string {
	switch {
	case n.Attacked():
		return "pass"
	case n.Reason != "":
		return "skip"
	}
	return "warn"
}

// EmptyNecessityError says that there is nothing to write.
type EmptyNecessityError struct{}

func (*EmptyNecessityError) Error() string {
	return "the page of necessity would be empty: no flow was explored"
}

// WriteNecessity writes a page of nothing else. Pictures are names of files beside it that draw the attacks; one without links none. The error is an *EmptyNecessityError, a *DocumentError, or the writer's.
func WriteNecessity(w io.Writer, flows []Necessity, pictures map[catalog.ID]string) error {
	if len(flows) == 0 {
		return &EmptyNecessityError{}
	}
	if err := validateNecessity(flows); err != nil {
		return err
	}
	var b bytes.Buffer
	css := pageCSS + sequence.CSS
	views, _ := necessityViews(plain.Clean(flows), newAnchors(), pictures)
	view := struct {
		Title, Policy string
		CSS           template.CSS
		Necessity     []necessityView
	}{"What each requirement is there for", policy(css, ""), template.CSS(css), views}
	if err := necessityPage.Execute(&b, view); err != nil {
		return fmt.Errorf("the page of necessity cannot be written: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// validateNecessity holds that every outcome is one, and that it is the one that the rest says.
func validateNecessity(flows []Necessity) error {
	for i, n := range flows {
		for j, need := range n.Needs {
			at := fmt.Sprintf("/necessity/%d/needs/%d/outcome", i, j)
			switch {
			case !slices.Contains(Outcomes(), need.Outcome):
				return &DocumentError{at, fmt.Sprintf("%q is none of %s", need.Outcome, strings.Join(Outcomes(), ", "))}
			case need.Attacked() != (need.Outcome == "attack"):
				return &DocumentError{at, fmt.Sprintf("it is %q, but that an invariant is broken says otherwise", need.Outcome)}
			}
		}
	}
	return nil
}

// necessityView is what the template sees of a flow.
type necessityView struct {
	Necessity
	Anchor string
	Shown  []needView
}

type needView struct {
	Need
	Anchor, Picture string
	// Of is the requirement; one that this version does not know stands without its text.
	Of catalog.Requirement
}

// necessityViews are the flows as the template sees them, and the needs by their requirements.
func necessityViews(flows []Necessity, anchors anchors, pictures map[catalog.ID]string) ([]necessityView, map[catalog.ID]*needView) {
	views, needs := make([]necessityView, len(flows)), map[catalog.ID]*needView{}
	for i, n := range flows {
		v := necessityView{Necessity: n, Anchor: anchors.next("necessity-" + n.Flow)}
		for _, need := range n.Needs {
			q, _ := catalog.Lookup(need.Requirement)
			shown := needView{need, anchors.next("need-" + string(need.Requirement)), pictures[need.Requirement], q}
			v.Shown = append(v.Shown, shown)
			needs[need.Requirement] = &shown
		}
		views[i] = v
	}
	return views, needs
}
