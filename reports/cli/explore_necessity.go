package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/spf13/cobra"

	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/reports"
	"countersign/scenarios/adversary"
)

// chosenFlows are the flows of that name that can be explored; without a name, all.
func chosenFlows(names []string) ([]adversary.Flow, error) {
	if len(names) == 0 {
		return adversary.Flows(), nil
	}
	var chosen []adversary.Flow
	for _, name := range names {
		f, err := adversary.Find(name)
		if err != nil {
			return nil, &certify.UsageError{Problem: err.Error()}
		}
		chosen = append(chosen, f)
	}
	return chosen, nil
}

// necessity makes the table of necessity of each flow, and a page of them all. It is like the others of that kind that h describes.
func (p Program) necessity(ctx context.Context, flows []adversary.Flow, h adversary.Hunt, folder reports.Folder, doubt, asJSON bool) error {
	collectRarely()
	var tables []adversary.Table
	var wrong error
	seconds := map[catalog.ID]float64{}
	for _, f := range flows {
		n := adversary.Necessity{Flow: f, Only: h.Lifted, Moves: max(h.Moves, 1), Sessions: h.Sessions, Doubt: doubt, Seed: h.Seed, Workers: h.Workers, Program: h.Program}
		if h.Journal != "" {
			n.Journal = h.Journal + "." + f.Name
		}
		begun, part := time.Now(), ""
		n.Began = func(what string) {
			begun, part = time.Now(), what
			fmt.Fprintf(p.Err, "%s: %s …", f.Name, what)
		}
		n.Ended = func(need adversary.Need) {
			took := ""
			if part == string(need.Requirement) { // else it was known
				took = time.Since(begun).Round(time.Millisecond).String()
				seconds[need.Requirement] = time.Since(begun).Seconds()
			}
			fmt.Fprintf(p.Err, "\r%s\n", need.Line(took))
		}
		t, err := n.Run(ctx)
		var unreasonable *adversary.ReasonError
		if errors.As(err, &unreasonable) {
			wrong, err = errors.Join(wrong, err), nil
		}
		if err != nil {
			fmt.Fprintln(p.Err) // the line of what was under way
			return p.exploringFailed(err, h, "")
		}
		tables = append(tables, t)
	}
	return p.showTables(tables, folder, wrong, seconds, asJSON)
}

// timedTable says besides how long it took here to answer for a requirement, which no kept table holds: it differs from run to run.
type timedTable struct {
	adversary.Table
	Seconds map[catalog.ID]float64 `json:"seconds,omitempty"`
}

// showTables keeps tables that were made, and says what they come to. Wrong is what is wrong with them besides, and seconds how long each requirement took.
func (p Program) showTables(tables []adversary.Table, folder reports.Folder, wrong error, seconds map[catalog.ID]float64, asJSON bool) error {
	if err := p.keepTables(tables, folder); err != nil {
		return err
	}
	if asJSON {
		shown := make([]timedTable, len(tables))
		for i, t := range tables {
			shown[i] = timedTable{t, maps.Clone(seconds)}
			maps.DeleteFunc(shown[i].Seconds, func(id catalog.ID, _ float64) bool {
				flow, _ := catalog.FlowOf(id)
				return flow != t.Flow
			})
		}
		if err := p.encoder("  ").Encode(shown); err != nil {
			return err
		}
	}
	missing := 0
	for _, t := range tables {
		fmt.Fprintln(p.Err, t.Summary())
		for _, sentence := range sufficiencyOf(t.Flow) {
			fmt.Fprintf(p.Err, "%s: %s\n", t.Flow, sentence)
		}
		missing += t.Count(adversary.NotFound)
	}
	fmt.Fprintln(p.Err, folder.Path("necessity.html"))
	if wrong != nil {
		fmt.Fprintln(p.Err, "countersign: "+wrong.Error())
		return ExitCode(1)
	}
	if missing > 0 {
		return ExitCode(1)
	}
	return nil
}

// keepTables writes the tables as text, as JSON and as a page, with a picture and a replay file of each attack.
func (p Program) keepTables(tables []adversary.Table, folder reports.Folder) error {
	keep := func(name string, text []byte) error {
		if err := os.WriteFile(folder.Path(name), text, 0o644); err != nil {
			return &certify.UsageError{Problem: fmt.Sprintf("the table cannot be kept: %v; name another folder with --out", err)}
		}
		return nil
	}
	var flows []reports.Necessity
	pictures := map[catalog.ID]string{}
	for _, t := range tables {
		flow, err := adversary.Find(t.Flow)
		if err != nil {
			return err
		}
		shown := necessityOf(t, func(adversary.Need) bool { return true })
		for i, need := range t.Needs {
			a := need.Attack
			if a == nil {
				continue
			}
			played, err := a.Play(flow)
			if err != nil {
				return err
			}
			text, err := a.JSON()
			if err != nil {
				return err
			}
			picture, replay := fmt.Sprintf("necessity-%s.svg", need.Requirement), fmt.Sprintf("necessity-%s.json", need.Requirement)
			shown.Needs[i].Steps, shown.Needs[i].Repro, pictures[need.Requirement] = played.Told, "countersign run --replay "+replay, picture
			if err := errors.Join(keep(picture, played.Diagram.SVG()), keep(replay, text)); err != nil {
				return err
			}
		}
		flows = append(flows, shown)
		text, err := t.JSON()
		if err != nil {
			return err
		}
		if err := errors.Join(keep("necessity."+t.Flow+".json", text), keep("necessity."+t.Flow+".txt", []byte(t.Text()))); err != nil {
			return err
		}
	}
	var html bytes.Buffer
	if err := reports.WriteNecessity(&html, flows, pictures); err != nil {
		return err
	}
	return keep("necessity.html", html.Bytes())
}

// exploreTables makes one of the tables that are about many searches.
func (p Program) exploreTables(c *cobra.Command, args []string, h adversary.Hunt, lifted, out string, necessity, doubt, kept, asJSON bool) error {
	if necessity && c.Flags().Changed("attacks") {
		return &certify.UsageError{Problem: "--necessity and --attacks are two tables; ask for one at a time"}
	}
	for _, other := range []string{"level", "attacker", "scene", "switches", "faults", "random", "keep"} {
		if c.Flags().Changed(other) {
			return &certify.UsageError{Problem: "--" + other + " says where to look for one attack; a table looks everywhere at level hardened, so leave it out"}
		}
	}
	flows, err := chosenFlows(args)
	if err != nil {
		return err
	}
	if h.Lifted, err = guards(lifted); err != nil {
		return &certify.UsageError{Problem: err.Error()}
	}
	if h.Moves < 1 || h.Sessions < 1 {
		return &certify.UsageError{Problem: "a search has one move and one session at least; write --moves 1 and --sessions 1, or more"}
	}
	folder, err := reports.OpenFolder(out)
	if err != nil {
		return &certify.UsageError{Problem: err.Error()}
	}
	switch {
	case kept && !necessity:
		return &certify.UsageError{Problem: "--kept goes with --necessity; the attacks are looked for each time"}
	case kept:
		return p.keptTables(flows, h.Lifted, folder, asJSON)
	case !necessity:
		return p.attacks(c.Context(), flows, h.Workers, asJSON)
	}
	return p.necessity(c.Context(), flows, h, folder, doubt, asJSON)
}
