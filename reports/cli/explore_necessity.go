package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/reports"
	"countersign/scenarios/adversary"
	"countersign/sim/explore"
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
	debug.SetGCPercent(1600) // a world is small and soon over
	var tables []adversary.Table
	var wrong error
	for _, f := range flows {
		n := adversary.Necessity{Flow: f, Only: h.Lifted, Moves: max(h.Moves, 1), Sessions: h.Sessions, Doubt: doubt, Seed: h.Seed, Workers: h.Workers}
		if h.Journal != "" {
			n.Journal = h.Journal + "." + f.Name
		}
		begun, part := time.Now(), ""
		n.Began = func(what string) {
			begun, part = time.Now(), what
			fmt.Fprintf(p.Err, "%s: %s …", f.Name, what)
		}
		n.Ended = func(need adversary.Need) {
			took := time.Since(begun).Round(time.Millisecond).String()
			if part != string(need.Requirement) {
				took = "" // it was known
			}
			fmt.Fprintf(p.Err, "\r%s\n", need.Line(took))
		}
		t, err := n.Run(ctx)
		var unreasonable *adversary.ReasonError
		if errors.As(err, &unreasonable) {
			wrong, err = errors.Join(wrong, err), nil
		}
		if err := p.necessityFailed(err, h); err != nil {
			return err
		}
		tables = append(tables, t)
	}
	if err := p.keepTables(tables, folder); err != nil {
		return err
	}
	if asJSON {
		if err := p.encoder("  ").Encode(tables); err != nil {
			return err
		}
	}
	missing := 0
	for _, t := range tables {
		fmt.Fprintln(p.Err, t.Summary())
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

// necessityFailed says what kept a table from its end.
func (p Program) necessityFailed(err error, h adversary.Hunt) error {
	var (
		empty   *explore.EmptyError
		nothing *adversary.NothingNeededError
		unsound *adversary.UnsoundError
		journal *adversary.JournalError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &empty), errors.As(err, &nothing):
		fmt.Fprintln(p.Err, "\ncountersign: "+err.Error())
		return ExitCode(3)
	case errors.As(err, &unsound):
		fmt.Fprintln(p.Err, "\ncountersign: "+err.Error())
		return ExitCode(1)
	case errors.As(err, &journal):
		return &certify.UsageError{Problem: err.Error()}
	case errors.Is(err, context.Canceled):
		hint := "name a --journal to go on from there"
		if h.Journal != "" {
			hint = "the same command goes on from the last requirement that is known"
		}
		fmt.Fprintf(p.Err, "\nstopped; %s\n", hint)
		return ExitCode(3)
	}
	return err
}

// keepTables writes the tables as text, as JSON and as a page, with a picture and a replay file of each attack.
func (p Program) keepTables(tables []adversary.Table, folder reports.Folder) error {
	keep := func(name string, text []byte) error {
		if err := os.WriteFile(folder.Path(name), text, 0o644); err != nil {
			return &certify.UsageError{Problem: fmt.Sprintf("the table cannot be kept: %v; name another folder with --out", err)}
		}
		return nil
	}
	var page reports.Necessity
	for _, t := range tables {
		flow, err := adversary.Find(t.Flow)
		if err != nil {
			return err
		}
		shown := reports.NecessityFlow{Name: t.Flow, Summary: t.Summary(), Counts: map[string]int{}}
		for _, o := range adversary.Outcomes() {
			shown.Outcomes = append(shown.Outcomes, string(o))
			shown.Counts[string(o)] = t.Count(o)
		}
		for _, need := range t.Needs {
			r := catalog.MustLookup(need.Requirement)
			row := reports.NecessityRow{
				ID: string(r.ID), Title: r.Title, Text: r.Text, Gain: r.Gain, Outcome: string(need.Outcome), Reason: need.Reason,
				Worlds: need.Worlds, Runs: need.Runs, States: need.States, Moves: need.Moves,
			}
			if a := need.Attack; a != nil {
				played, err := a.Play(flow)
				if err != nil {
					return err
				}
				text, err := a.JSON()
				if err != nil {
					return err
				}
				row.Scene, row.Sessions, row.Invariant, row.Broken = a.Scene, a.Sessions, a.Breach.Invariant, a.Breach.Text
				row.Steps, row.Picture, row.Replay = played.Told, "necessity-"+row.ID+".svg", "necessity-"+row.ID+".json"
				if err := errors.Join(keep(row.Picture, played.Diagram.SVG()), keep(row.Replay, text)); err != nil {
					return err
				}
			}
			shown.Rows = append(shown.Rows, row)
		}
		page.Flows = append(page.Flows, shown)
		text, err := t.JSON()
		if err != nil {
			return err
		}
		if err := errors.Join(keep("necessity."+t.Flow+".json", text), keep("necessity."+t.Flow+".txt", []byte(t.Text()))); err != nil {
			return err
		}
	}
	var html bytes.Buffer
	if err := reports.WriteNecessity(&html, page); err != nil {
		return err
	}
	return keep("necessity.html", html.Bytes())
}

// exploreTables makes one of the tables that are about many searches.
func (p Program) exploreTables(c *cobra.Command, args []string, h adversary.Hunt, lifted, out string, necessity, doubt, asJSON bool) error {
	if necessity && c.Flags().Changed("attacks") {
		return &certify.UsageError{Problem: "--necessity and --attacks are two tables; ask for one at a time"}
	}
	for _, other := range []string{"level", "attacker", "scene", "switches", "faults", "random"} {
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
	if !necessity {
		return p.attacks(c.Context(), flows, h.Workers, asJSON)
	}
	return p.necessity(c.Context(), flows, h, folder, doubt, asJSON)
}
