package adversary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/sim/explore"
)

// Hunt is one search for an attack on a flow.
type Hunt struct {
	Flow     Flow
	Level    catalog.Level
	Lifted   []catalog.ID
	Attacker Attacker // empty: both
	Scene    string   // empty: all
	Moves    int      // of the attacker, at most, in a run
	Switches int      // at most, in a run, from one session that could go on to another
	Sessions int      // at most, in a world
	Faults   bool     // crashes and lost or repeated messages count as moves too
	Seed     uint64
	Random   int // runs drawn at random once all within the bounds were played, as [explore.Odds] tells
	// RandomMoves and RandomSwitches are those of a random run; zero: one more than Moves, and as many as Switches.
	RandomMoves, RandomSwitches int
	Workers                     int // zero: one a processor; what is found does not depend on it
	Progress                    func(explore.Progress)
	Breaks                      string // the invariant whose breach is looked for; empty: any
	Shortens                    func() // if set, called when an attack was found, before it is made as short as it can be
	Journal                     string // file that keeps how far the search is; empty: none
	// Program tells apart who has what is searched in it. The journal of another program is not gone on from: what it has played may go otherwise now.
	Program string
}

// Found is what came of a hunt.
type Found struct {
	explore.Result
	Systems int
	// Attack is the shortest attack that was found, made as short as it can be; nil if there is none within the bounds.
	Attack *Attack
	// Shrinking is how many runs it took to make it shorter.
	Shrinking int
}

// NoSystemError says that nothing is left to explore.
type NoSystemError struct{ Hunt Hunt }

func (e *NoSystemError) Error() string {
	return fmt.Sprintf("the flow %s has nothing to explore with attacker %q, scene %q and %d sessions", e.Hunt.Flow.Name, e.Hunt.Attacker, e.Hunt.Scene, e.Hunt.Sessions)
}

// UnknownInvariantError says that a hunt is for breaches of what the flow has not.
type UnknownInvariantError struct{ Hunt Hunt }

func (e *UnknownInvariantError) Error() string {
	names := make([]string, len(e.Hunt.Flow.Invariants))
	for i, v := range e.Hunt.Flow.Invariants {
		names[i] = v.Name
	}
	return fmt.Sprintf("the flow %s has no invariant %q to break; it has %s", e.Hunt.Flow.Name, e.Hunt.Breaks, strings.Join(names, ", "))
}

// Run searches. The error is a *NoSystemError, an *UnknownInvariantError, an *explore.EmptyError, an *explore.ModelError, one of the journal's, or the context's.
func (h Hunt) Run(ctx context.Context) (Found, error) {
	systems := h.Flow.Systems(h)
	if len(systems) == 0 {
		return Found{}, &NoSystemError{h}
	}
	if h.Breaks != "" && !slices.ContainsFunc(h.Flow.Invariants, func(i stage.Invariant) bool { return i.Name == h.Breaks }) {
		return Found{}, &UnknownInvariantError{h}
	}
	found := Found{Systems: len(systems)}
	s := explore.Search{
		Bounds: explore.Price{Moves: h.Moves, Switches: h.Switches}, Random: h.Random, RandomMoves: h.RandomMoves, RandomSwitches: h.RandomSwitches, Seed: h.Seed, Workers: h.Workers, Progress: h.Progress,
		Wanted: breaking(h.Breaks),
	}
	for _, system := range systems {
		s.Models = append(s.Models, system.model())
	}
	s, err := h.resume(s)
	if err != nil {
		return found, err
	}
	found.Result, err = s.Run(ctx)
	if err != nil || found.Finding == nil {
		return found, err
	}
	at := slices.IndexFunc(systems, func(system System) bool { return system.Name() == found.Finding.Model })
	if h.Shortens != nil {
		h.Shortens()
	}
	shrunk, runs := explore.Shrink(s.Models[at], *found.Finding)
	found.Shrinking = runs
	found.Attack, err = systems[at].attack(shrunk.Steps, h)
	return found, err
}

// attack plays the steps once more and keeps what came of them.
func (s System) attack(steps []explore.Step, h Hunt) (*Attack, error) {
	a := &Attack{
		Format: AttackFormat, Flow: s.Flow.Name, Level: s.Level, Lifted: append([]catalog.ID{}, s.Lifted...),
		Scene: s.Scene.Name, Sessions: s.Sessions, Seed: s.Seed, Faults: s.Faults, Bounds: explore.Price{Moves: h.Moves, Switches: h.Switches}, Steps: append([]explore.Step{}, steps...),
	}
	played, err := a.Play(s.Flow)
	if err != nil {
		return nil, err
	}
	if len(played.Breaches) == 0 {
		return nil, errors.New("the attack that was found does not come about when it is played again")
	}
	a.Breach, a.TraceSHA256 = played.Breaches[0], played.TraceSHA256
	if i := slices.IndexFunc(played.Breaches, func(b explore.Breach) bool { return b.Invariant == h.Breaks }); i >= 0 {
		a.Breach = played.Breaches[i]
	}
	return a, nil
}
