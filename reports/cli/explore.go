package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/reports"
	"countersign/scenarios/adversary"
	"countersign/sim/explore"
)

// exploration is what the command explore prints with --json. It depends on the command alone, and not on machine or workers.
type exploration struct {
	Flow     string        `json:"flow"`
	Level    catalog.Level `json:"level"`
	Lifted   []catalog.ID  `json:"lifted"`
	Moves    int           `json:"moves"`
	Switches int           `json:"switches"`
	Sessions int           `json:"sessions"`
	Systems  int           `json:"systems"`
	explore.Stats
	Odds   *explore.Odds     `json:"odds,omitempty"`   // of each random run
	Chance float64           `json:"chance,omitempty"` // that follows from them
	Attack *adversary.Attack `json:"attack"`
}

// Explore is the command explore.
func (p Program) Explore() *cobra.Command {
	var (
		h                            adversary.Hunt
		level, lifted, attacker, out string
		keep                         string
		asJSON, necessity, attacks   bool
		doubt, kept                  bool
	)
	c := &cobra.Command{
		Use:   "explore FLOW...",
		Short: "Search all that an attacker can do to a flow, and show the shortest attack",
		Long: `Explore plays a flow again and again with an attacker who does something else each time, and with honest people in every order.
It says what it found, or that there is nothing within the bounds: so many moves of the attacker, switches between sessions, and sessions in a world.
An attack is made as short as it can be, told in words, drawn, and kept as a file that ` + "`run --replay`" + ` plays.

With --necessity the guard of each hardened requirement is lifted alone, in all flows or those that are named, and the shortest attack looked for: the table says what each
requirement is there for. With --kept nothing is searched, and the tables are shown that this version has in it. With --attacks the attacks that ` + "`list attacks`" + ` names are looked for, without the guards that stop them and with all of them on.

Exit codes: 0 no attack within the bounds; 1 an attack, a requirement without attack or reason, or a known attack that is not as it should be; 2 usage; 3 nothing was explored, or it was stopped; 4 the harness broke.`,
		Example: `  countersign explore bidirectional
  countersign explore bidirectional --lift BI-CL-24
  countersign explore bidirectional --lift BI-OS-25,BI-OS-27 --moves 2
  countersign explore bidirectional --moves 2 --sessions 2 --journal explore.json   # stop it when you like: the same command goes on
  countersign explore --necessity --moves 2 --journal necessity
  countersign explore --necessity --kept
  countersign explore --attacks`,
		RunE: func(c *cobra.Command, args []string) error {
			if h.Journal != "" {
				running, err := thisProgram()
				if err != nil {
					return err
				}
				h.Program = running.SHA256
			}
			if necessity || attacks {
				return p.exploreTables(c, args, h, lifted, out, necessity, doubt, kept, asJSON)
			}
			if kept {
				return &certify.UsageError{Problem: "--kept shows tables that were kept: write --necessity --kept, with or without flows"}
			}
			if len(args) != 1 {
				return &certify.UsageError{Problem: "name one flow to explore, as `countersign explore bidirectional`"}
			}
			if err := aim(&h, args[0], level, lifted, attacker); err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			if _, err := h.Sufficient(adversary.Found{}); keep != "" && err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			folder, err := reports.OpenFolder(out)
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			return p.explore(c.Context(), h, folder, keep, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&level, "level", "", "core or hardened (default hardened)")
	f.StringVar(&lifted, "lift", "", "guards that every actor goes without, as BI-OS-25,BI-OS-27")
	f.StringVar(&attacker, "attacker", "both", "network, web or both")
	f.StringVar(&h.Scene, "scene", "", "one scene only, by its name")
	f.IntVar(&h.Moves, "moves", 1, "moves of the attacker, at most")
	f.IntVar(&h.Switches, "switches", 1, "switches from one session that could go on to another, at most")
	f.IntVar(&h.Sessions, "sessions", 1, "sessions in one world, at most")
	f.BoolVar(&h.Faults, "faults", false, "let hosts crash and messages get lost or arrive twice, each for the price of a move")
	f.IntVar(&h.Workers, "workers", 0, "runs side by side (default one a processor); what is found does not depend on it")
	f.IntVar(&h.Random, "random", 0, "runs drawn at random, once all within the bounds were played")
	f.IntVar(&h.RandomMoves, "random-moves", 0, "moves of each random run (default one more than --moves)")
	f.StringVar(&h.Breaks, "breaks", "", "look for breaches of this invariant only")
	f.Uint64Var(&h.Seed, "seed", 1, "seed of the worlds and of what is drawn at random")
	f.StringVar(&h.Journal, "journal", "", "file that keeps how far it is; where it exists, the same program goes on from there")
	f.StringVar(&out, "out", "out", "folder for the attack that is found")
	f.StringVar(&keep, "keep", "", "file of statements of sufficiency, to which this one is added if nothing was found")
	f.BoolVar(&asJSON, "json", false, "print a JSON object on standard output")
	f.BoolVar(&necessity, "necessity", false, "look for the shortest attack without each hardened requirement, or those of --lift, at level hardened; --moves and --sessions bound it")
	f.BoolVar(&doubt, "doubt", false, "with --necessity: look for attacks also where a reason says that there is none")
	f.BoolVar(&kept, "kept", false, "with --necessity: search nothing, and show the tables that this version has in it")
	f.BoolVar(&attacks, "attacks", false, "look for each attack of `list attacks` without the guards that stop it, and with them")
	return c
}

// aim reads what is to be explored.
func aim(h *adversary.Hunt, flow, level, lifted, attacker string) (err error) {
	if h.Flow, err = adversary.Find(flow); err != nil {
		return err
	}
	if h.Level, err = catalog.ParseLevel(level); err != nil {
		return err
	}
	switch attacker {
	case "both":
	case string(adversary.Web), string(adversary.Network):
		h.Attacker = adversary.Attacker(attacker)
	default:
		return fmt.Errorf("the attacker %q is none of network, web and both", attacker)
	}
	if h.Lifted, err = guards(lifted); err != nil {
		return err
	}
	if h.Moves < 0 || h.Switches < 0 || h.Sessions < 1 || h.Random < 0 || h.RandomMoves < 0 {
		return fmt.Errorf("moves, switches and random runs cannot be negative, and a world has one session at least")
	}
	return nil
}

// guards reads a list of requirements.
func guards(list string) (ids []catalog.ID, err error) {
	for id := range strings.SplitSeq(list, ",") {
		if id == "" {
			continue
		}
		if _, known := catalog.Lookup(catalog.ID(id)); !known {
			return nil, fmt.Errorf("there is no requirement %q to lift; `countersign list requirements` lists those that there are", id)
		}
		ids = append(ids, catalog.ID(id))
	}
	return ids, nil
}

// explore hunts, tells of it, and keeps what was found.
func (p Program) explore(ctx context.Context, h adversary.Hunt, folder reports.Folder, keep string, asJSON bool) error {
	collectRarely()
	begun, said, before := time.Now(), time.Now(), 0
	rate := func(runs int) float64 { return float64(runs-before) / time.Since(begun).Seconds() }
	h.Progress = func(now explore.Progress) {
		const pause = 5 * time.Second
		before = now.Before
		if time.Since(said) >= pause {
			said = time.Now()
			fmt.Fprintf(p.Err, "%d runs, %.0f a second; %d steps tried, %d of them without effect; %d states, %d met again; at %d of %d moves, %d points to go on from\n",
				now.Runs, rate(now.Runs), now.Tried, now.Inert, now.States, now.Pruned, now.Level, h.Moves, now.Waiting)
		}
	}
	found, err := h.Run(ctx)
	if err := p.exploringFailed(err, h, fmt.Sprintf(" after %d runs", found.Runs)); err != nil {
		return err
	}
	odds := &found.Odds
	if found.Random == 0 {
		odds = nil
	}
	if asJSON {
		e := json.NewEncoder(p.Out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		lifted := append([]catalog.ID{}, h.Lifted...)
		if err := e.Encode(exploration{h.Flow.Name, h.Level, lifted, h.Moves, h.Switches, h.Sessions, found.Systems, found.Stats, odds, found.Odds.Least(), found.Attack}); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.Err, "%d runs of %d worlds in %v, %.0f a second; %d steps tried, %d of them without effect; %d states, %d met again\n",
		found.Runs, found.Systems, time.Since(begun).Round(time.Millisecond), rate(found.Runs), found.Tried, found.Inert, found.States, found.Pruned)
	if found.Attack == nil {
		fmt.Fprintf(p.Err, "no attack on %s at level %s with at most %d moves, %d switches and %d sessions in a world, where its scene has as many\n", h.Flow.Name, h.Level, h.Moves, h.Switches, h.Sessions)
		if h.Random > 0 {
			o := found.Odds
			fmt.Fprintf(p.Err, "nor in %d random runs of %d moves; each of them is a certain one with a probability of at least %.2g\n", found.Random, o.Moves, o.Least())
			fmt.Fprintf(p.Err, "that is 1 / (worlds * parties * turns^switches * (points * options)^moves) = 1 / (%d * %d * %d^%d * (%d * %d)^%d); all of them miss such a run with a probability of at most %.3g\n",
				o.Worlds, max(o.Parties, 1), max(o.Turns, 1), o.Switches, o.Points, o.Options, o.Moves, o.Missed(found.Random))
		}
		return p.keepSufficiency(h, found, keep)
	}
	return p.showAttack(found, h.Flow, folder)
}

// collectRarely has the garbage of worlds collected less often, as each is small and soon over: within a quarter of the memory of this machine or container, or a
// gibibyte where that is unknown or less. What a long search remembers takes a good part of a gibibyte, and one that has no more collects much of the time.
func collectRarely() {
	const least, part = 1 << 30, 4
	debug.SetGCPercent(400)
	has, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil {
		has = 0
	}
	debug.SetMemoryLimit(max(least, int64(has/part)))
}

// exploringFailed says what kept an exploration from its end, or several that make a table. Stopped tells how far it came.
func (p Program) exploringFailed(err error, h adversary.Hunt, stopped string) error {
	var (
		empty    *explore.EmptyError
		nothing  *adversary.NoSystemError
		unneeded *adversary.NothingNeededError
		unsound  *adversary.UnsoundError
		journal  *adversary.JournalError
		unknown  *adversary.UnknownInvariantError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &empty), errors.As(err, &nothing), errors.As(err, &unneeded):
		fmt.Fprintln(p.Err, "countersign: "+err.Error())
		return ExitCode(3)
	case errors.As(err, &unsound):
		fmt.Fprintln(p.Err, "countersign: "+err.Error())
		return ExitCode(1)
	case errors.As(err, &journal), errors.As(err, &unknown):
		return &certify.UsageError{Problem: err.Error()}
	case errors.Is(err, context.Canceled):
		hint := "name a --journal to go on from there"
		if h.Journal != "" {
			hint = "the same command goes on from there"
		}
		fmt.Fprintf(p.Err, "stopped%s; %s\n", stopped, hint)
		return ExitCode(3)
	}
	return err
}

// showAttack tells of an attack and keeps it.
func (p Program) showAttack(found adversary.Found, f adversary.Flow, folder reports.Folder) error {
	a := found.Attack
	played, err := a.Play(f)
	if err != nil {
		return err
	}
	text, err := a.JSON()
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name string
		text []byte
	}{{"attack.json", text}, {"attack.svg", played.Diagram.SVG()}, {"attack.txt", []byte(a.Words(played))}} {
		if err := os.WriteFile(folder.Path(file.name), file.text, 0o644); err != nil {
			return &certify.UsageError{Problem: fmt.Sprintf("the attack cannot be kept: %v; name another folder with --out", err)}
		}
	}
	fmt.Fprintf(p.Err, "made as short as it can be in %d runs\n\n%s\n%s\nplay it again: countersign run --replay %s\n", found.Shrinking, a.Words(played), folder.Path("attack.svg"), folder.Path("attack.json"))
	return ExitCode(1)
}

// replay plays an attack that was kept, and says whether it came out as when it was found.
func (p Program) replay(path string, asJSON bool) error {
	a, err := adversary.ReadAttack(path)
	if err != nil {
		return &certify.UsageError{Problem: err.Error()}
	}
	flow, err := adversary.Find(a.Flow)
	if err != nil {
		return &certify.UsageError{Problem: err.Error()}
	}
	played, err := a.Play(flow)
	var (
		diverged *adversary.DivergedError
		unfit    *adversary.AttackError
	)
	switch {
	case errors.As(err, &unfit):
		return &certify.UsageError{Problem: err.Error()}
	case errors.As(err, &diverged):
		fmt.Fprintln(p.Err, "countersign: "+err.Error())
		return ExitCode(1)
	case err != nil:
		return err
	}
	if asJSON {
		line := struct {
			Flow        string           `json:"flow"`
			Breaches    []explore.Breach `json:"breaches"`
			TraceSHA256 string           `json:"trace_sha256"`
			Same        bool             `json:"same"`
		}{a.Flow, append([]explore.Breach{}, played.Breaches...), played.TraceSHA256, played.Same}
		if err := json.NewEncoder(p.Out).Encode(line); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.Err, "%s", a.Words(played))
	switch {
	case !played.Broken(a):
		fmt.Fprintf(p.Err, "%s holds now\n", a.Breach.Invariant)
		return ExitCode(1)
	case played.Same:
		fmt.Fprintln(p.Err, "the same run, to the byte, as when it was found")
	default:
		fmt.Fprintln(p.Err, "the same attack, in other bytes than when it was found: the code has changed since")
	}
	return nil
}
