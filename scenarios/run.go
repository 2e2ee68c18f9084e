package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Outcome is what came of a run, whether that was expected or not.
type Outcome string

// The outcomes.
const (
	Held   Outcome = "held"   // every invariant that the level asks for
	Broken Outcome = "broken" // an invariant
	Failed Outcome = "failed" // what the scenario is to show did not come about, or the world itself broke
)

// Run is a scenario in one world.
type Run struct {
	Scenario Scenario
	Level    catalog.Level // empty means hardened
	Seed     uint64
	// Faults come in addition to those of the scenario. They are judged like its own: an end that was to be reached and is not counts as a failure.
	Faults []sim.Fault
	// Lifted are guards that every actor goes without. What is expected stays what the level promises.
	Lifted []catalog.ID
}

// Played is a run that was played.
type Played struct {
	reports.Scenario
	Kind    Kind
	Outcome Outcome
	// Breaches are all invariants that did not hold, those included that the level does not ask for.
	Breaches []stage.Breach
	// Err is the error of the world itself, as of a deadlock or a fault that names no host.
	Err error

	run    Run
	set    *stage.Stage
	result stage.Result
}

// Play plays the run, and draws it. It does not panic: what breaks the world gives the verdict fail, with the error in Actual.
func (r Run) Play() reports.Scenario {
	p := r.Perform()
	p.Draw()
	return p.Scenario
}

// Perform plays the run and does not draw it.
func (r Run) Perform() Played {
	r.Level = cmp.Or(r.Level, catalog.Hardened)
	p := Played{run: r, Kind: r.Scenario.Kind}
	faults := append(append([]sim.Fault{}, r.Scenario.Faults...), r.Faults...)
	p.set = r.Scenario.play(stage.Setting{Level: r.Level, Lifted: r.Lifted, Seed: r.Seed, Faults: faults})
	p.result = p.set.Run()
	p.Breaches, p.Err = p.result.Breaches, p.result.Err
	p.judge()
	s := r.Scenario
	p.Scenario = reports.Scenario{
		Name: s.Name, Title: s.Title, Text: s.Text, Flow: s.Flow, Level: string(r.Level), Seed: r.Seed,
		Verdict: p.verdict(), Expected: r.expected(), Actual: p.actual(),
		Requirements: s.Guards, Invariant: s.Invariant,
		TraceSHA256: p.result.Trace.SHA256(), Messages: messages(p.result.Trace), VirtualNS: int64(p.result.Lasted), Repro: r.Repro(),
	}
	for _, f := range faults {
		p.Faults = append(p.Faults, f.String())
	}
	return p
}

// Draw adds the diagram.
func (p *Played) Draw() {
	p.Diagram = p.set.Draw(p.Title, p.result.Trace, p.counted())
}

// judge finds the outcome.
func (p *Played) judge() {
	switch {
	case p.Err != nil:
		p.Outcome = Failed
	case len(p.counted()) > 0:
		p.Outcome = Broken
	case len(p.result.Unmet) > 0:
		p.Outcome = Failed
	default:
		p.Outcome = Held
	}
}

// counted are the breaches that matter: of invariants that the level asks for, and of the one that the scenario is about.
func (p *Played) counted() []stage.Breach {
	var all []stage.Breach
	for _, b := range p.Breaches {
		if p.run.Level.Includes(b.Invariant.Level()) || b.Invariant.Name == p.run.Scenario.breaks.Name {
			all = append(all, b)
		}
	}
	return all
}

func (r Run) expectedOutcome() Outcome {
	if r.Scenario.OpenAt(r.Level) {
		return Broken
	}
	return Held
}

func (p *Played) verdict() string {
	if p.Outcome != p.run.expectedOutcome() || len(p.result.Unmet) > 0 {
		return string(conformance.Fail)
	}
	about := func(b stage.Breach) bool { return b.Invariant.Name == p.run.Scenario.breaks.Name }
	if p.Outcome == Broken && !slices.ContainsFunc(p.Breaches, about) {
		return string(conformance.Fail) // something else broke than what level core leaves open
	}
	return string(conformance.Pass)
}

func (r Run) expected() string {
	if r.Scenario.OpenAt(r.Level) {
		return fmt.Sprintf("broken: level core leaves this open (%s)", r.Scenario.breaks.Name)
	}
	return "held: every invariant of level " + string(r.Level)
}

func (p *Played) actual() string {
	var parts []string
	if p.Err != nil {
		parts = append(parts, "the world broke: "+p.Err.Error())
	}
	for _, u := range p.result.Unmet {
		parts = append(parts, "not so at the end: "+u)
	}
	counted := p.counted()
	for _, b := range counted {
		parts = append(parts, b.String())
	}
	if left := len(p.Breaches) - len(counted); left > 0 {
		parts = append(parts, fmt.Sprintf("open at level core besides: %s", strings.Join(p.besides(), ", ")))
	}
	return strings.TrimSuffix(string(p.Outcome)+": "+strings.Join(parts, "; "), ": ")
}

// besides names the invariants that did not hold and that the level does not ask for.
func (p *Played) besides() []string {
	var names []string
	seen := map[string]bool{}
	for _, b := range p.Breaches {
		name := fmt.Sprintf("%s (%s)", b.Invariant.Name, b.Invariant.Requirement)
		if !seen[name] && !p.run.Level.Includes(b.Invariant.Level()) && b.Invariant.Name != p.run.Scenario.breaks.Name {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// Repro is the command that plays the run again. It cannot say that guards were lifted.
func (r Run) Repro() string {
	words := []string{"countersign run", r.Scenario.Name, "--level", string(cmp.Or(r.Level, catalog.Hardened)), "--seed", fmt.Sprint(r.Seed)}
	for _, f := range r.Faults {
		text := f.String()
		if strings.ContainsAny(text, ">*") {
			text = "'" + text + "'" // the shell would take these for its own
		}
		words = append(words, "--fault", text)
	}
	return strings.Join(words, " ")
}

// messages counts the messages that were sent.
func messages(t *sim.Trace) int {
	sent := 0
	for _, e := range t.Events() {
		switch e.Kind {
		case sim.EventSend, sim.EventRespond, sim.EventInject, sim.EventAnswer:
			sent++
		}
	}
	return sent
}
