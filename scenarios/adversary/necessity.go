package adversary

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/sim/explore"
)

// Necessity asks of each hardened requirement of a flow what it is there for: its guard is lifted alone, and the shortest attack looked for.
type Necessity struct {
	Flow Flow
	Only []catalog.ID // empty: all that are hardened
	// Moves and Sessions bound the search, besides where the catalogue of attacks says to look. Rungs says in which order they are reached.
	Moves, Sessions int
	Doubt           bool // look for attacks also where a reason says that there is none
	Seed            uint64
	Workers         int               // zero: one a processor; what is found does not depend on it
	Journal         string            // file that keeps the needs that are known; empty: none
	Program         string            // as that of a Hunt
	Began           func(what string) // called before each part of the work; may be nil
	Ended           func(Need)        // called after each requirement; may be nil
}

// Rung is a bound at which all worlds of one size are searched, before the next.
type Rung struct {
	Moves    int `json:"moves"`
	Sessions int `json:"sessions"` // in each world, exactly
}

// switches between sessions that a run may have.
const switches = 1

// Rungs are the bounds of the search, from the shortest attacks on. Of the longest attacks only those with one session are looked for: so many
// moves among several sessions take minutes for each requirement.
func (n Necessity) Rungs() (all []Rung) {
	for moves := 1; moves <= n.Moves; moves++ {
		for sessions := 1; sessions <= n.Sessions; sessions++ {
			if moves == 1 || moves < n.Moves || sessions == 1 {
				all = append(all, Rung{moves, sessions})
			}
		}
	}
	return all
}

// Outcome says what is known of the need for a requirement.
type Outcome string

// The outcomes of the question whether a requirement is necessary.
const (
	Attacked Outcome = "attack"    // without its guard there is an attack
	Reasoned Outcome = "reason"    // there can be none, for a reason that is written down
	NotFound Outcome = "not found" // there is none within the bounds, and no reason why
)

// Need is one line of the table of necessity.
type Need struct {
	Requirement catalog.ID `json:"requirement"`
	Outcome     Outcome    `json:"outcome"`
	// Attack is the shortest one; nil if there is none.
	Attack *Attack `json:"attack,omitempty"`
	// Moves are those of the attacker in it.
	Moves  int    `json:"moves,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Worlds are those that were searched: the ones in which the guard decides anything. Runs and States were played in them.
	Worlds int `json:"worlds"`
	Runs   int `json:"runs"`
	States int `json:"states"`
	// Shrinking is how many runs it took to make the attack as short as it is.
	Shrinking int `json:"shrinking,omitempty"`
}

// Table is what is known of all requirements of a flow.
type Table struct {
	Flow  string `json:"flow"`
	Seed  uint64 `json:"seed"`
	Rungs []Rung `json:"rungs"`
	// Sound is what it took to find nothing with all guards on, within the same bounds.
	Sound Need   `json:"sound"`
	Needs []Need `json:"needs"`
}

// Count counts the needs with an outcome.
func (t Table) Count(o Outcome) (n int) {
	for _, need := range t.Needs {
		if need.Outcome == o {
			n++
		}
	}
	return n
}

// UnsoundError says that there is an attack with all guards on, so that no guard alone can be said to stop it.
type UnsoundError struct{ Attack *Attack }

func (e *UnsoundError) Error() string {
	return fmt.Sprintf("%s holds out against the attacker no longer: with all guards on, in the scene %s, %s is broken (%s); mend that before asking what each guard is for",
		e.Attack.Flow, e.Attack.Scene, e.Attack.Breach.Invariant, e.Attack.Breach.Text)
}

// ReasonError says that a written reason is wrong: it says that no attack can be, and here is one.
type ReasonError struct{ Need Need }

func (e *ReasonError) Error() string {
	return fmt.Sprintf("a reason is written down why no attack shows the need for %s, and there is one in the scene %s; strike it out in reasons/%s.yaml", e.Need.Requirement, e.Need.Attack.Scene, e.Need.Attack.Flow)
}

// NothingNeededError says that a flow has none of the requirements that were asked for.
type NothingNeededError struct{ Flow string }

func (e *NothingNeededError) Error() string {
	return fmt.Sprintf("the flow %s has no hardened requirement of those that were named; `countersign list requirements` lists them", e.Flow)
}

// Run makes the table. What was made so far is returned with any error: the context's, an *UnsoundError, a *ReasonError, a *NothingNeededError, one of the journal's, or an *explore.ModelError.
func (n Necessity) Run(ctx context.Context) (Table, error) {
	t := Table{Flow: n.Flow.Name, Seed: n.Seed, Rungs: n.Rungs()}
	wanted := n.requirements()
	if len(wanted) == 0 {
		return t, &NothingNeededError{n.Flow.Name}
	}
	kept, err := n.open(t)
	if err != nil {
		return t, err
	}
	for _, id := range wanted {
		need, known := kept.need(id)
		if !known {
			if need, err = n.need(ctx, id, &kept); err != nil {
				return t, errors.Join(err, n.save(kept))
			}
			kept.Table.Needs = append(kept.Table.Needs, need)
			if err := n.save(kept); err != nil {
				return t, err
			}
		}
		t.Needs, t.Sound = append(t.Needs, need), kept.Table.Sound
		if n.Ended != nil {
			n.Ended(need)
		}
	}
	return t, t.wrongReason()
}

func (n Necessity) begins(what string) {
	if n.Began != nil {
		n.Began(what)
	}
}

// wrongReason is a *ReasonError for the first attack that should not be.
func (t Table) wrongReason() error {
	for _, need := range t.Needs {
		if need.Attack != nil && need.Reason != "" {
			return &ReasonError{need}
		}
	}
	return nil
}

// requirements are those that are asked about, in the order of the catalogue.
func (n Necessity) requirements() (ids []catalog.ID) {
	for _, r := range catalog.Of(n.Flow.Name) {
		if r.Level == catalog.Hardened && (len(n.Only) == 0 || slices.Contains(n.Only, r.ID)) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// systems are the worlds of a rung without a guard; none lifted where the ID is empty.
func (n Necessity) systems(r Rung, lifted catalog.ID) []System {
	h := Hunt{Flow: n.Flow, Level: catalog.Hardened, Sessions: r.Sessions, Seed: n.Seed}
	if lifted != "" {
		h.Lifted = []catalog.ID{lifted}
	}
	return slices.DeleteFunc(n.Flow.Systems(h), func(s System) bool { return len(s.Sessions) != r.Sessions })
}

func (n Necessity) search(r Rung) explore.Search {
	return explore.Search{Bounds: explore.Price{Moves: r.Moves, Switches: switches}, Seed: n.Seed, Workers: n.Workers}
}

// survey searches a rung with all guards on, and takes down in which worlds each guard decides anything. It has to find nothing.
func (n Necessity) survey(ctx context.Context, kept *necessityPage) error {
	rung := kept.Table.Rungs[len(kept.Deciding)]
	n.begins(fmt.Sprintf("all guards on, %s with %s in a world", counted(rung.Moves, "move"), counted(rung.Sessions, "session")))
	systems := n.systems(rung, "")
	records := make([]record, len(systems))
	s := n.search(rung)
	for i, system := range systems {
		s.Models = append(s.Models, system.recorded(&records[i]))
	}
	deciding := map[string][]catalog.ID{}
	if len(systems) > 0 {
		found, err := s.Run(ctx)
		if err != nil {
			return err
		}
		if found.Finding != nil {
			attack, err := shortest(systems, s, *found.Finding)
			if err != nil {
				return err
			}
			return &UnsoundError{attack.Attack}
		}
		kept.Table.Sound.add(found.Stats, len(systems))
		for i, system := range systems {
			deciding[system.Name()] = records[i].sorted()
		}
	}
	kept.Deciding = append(kept.Deciding, deciding)
	return n.save(*kept)
}

func (n *Need) add(s explore.Stats, worlds int) {
	n.Worlds += worlds
	n.Runs += s.Runs
	n.States += s.States
}

// need looks for the shortest attack without one guard. At each rung it does so in the worlds where the guard decides anything: elsewhere the runs are those with the guard, of which none is an attack.
// After the first rung it looks where the catalogue of attacks says.
func (n Necessity) need(ctx context.Context, id catalog.ID, kept *necessityPage) (Need, error) {
	need := Need{Requirement: id, Outcome: NotFound, Reason: Reason(id)}
	if need.Reason != "" {
		need.Outcome = Reasoned
		if !n.Doubt {
			return need, nil
		}
	}
	for i, rung := range kept.Table.Rungs {
		if len(kept.Deciding) <= i {
			if err := n.survey(ctx, kept); err != nil {
				return need, err
			}
		}
		n.begins(string(id))
		systems := slices.DeleteFunc(n.systems(rung, id), func(s System) bool { return !slices.Contains(kept.Deciding[i][s.Name()], id) })
		if err := n.attack(ctx, &need, rung, systems); err != nil || need.Attack != nil {
			return need, err
		}
		if i > 0 {
			continue
		}
		for _, k := range KnownAttacks() {
			if k.Flow != n.Flow.Name || !slices.Equal(k.Lifted, []catalog.ID{id}) {
				continue
			}
			rung := Rung{k.Moves, k.Sessions}
			systems := slices.DeleteFunc(n.systems(rung, id), func(s System) bool { return s.Scene.Name != k.Scene })
			if err := n.attack(ctx, &need, rung, systems); err != nil || need.Attack != nil {
				return need, err
			}
		}
	}
	return need, nil
}

// attack looks for the attack in these worlds, and takes down what came of it.
func (n Necessity) attack(ctx context.Context, need *Need, rung Rung, systems []System) error {
	if len(systems) == 0 {
		return nil
	}
	s := n.search(rung)
	for _, system := range systems {
		s.Models = append(s.Models, system.model())
	}
	found, err := s.Run(ctx)
	if err != nil {
		return err
	}
	need.add(found.Stats, len(systems))
	if found.Finding == nil {
		return nil
	}
	attack, err := shortest(systems, s, *found.Finding)
	if err != nil {
		return err
	}
	need.Outcome, need.Attack, need.Moves, need.Shrinking = Attacked, attack.Attack, attack.Attack.Moves(), attack.Shrinking
	return nil
}

// shortest makes what was found as short as it can be.
func shortest(systems []System, s explore.Search, finding explore.Finding) (Found, error) {
	at := slices.IndexFunc(systems, func(system System) bool { return system.Name() == finding.Model })
	shrunk, runs := explore.Shrink(systems[at].model(), finding)
	attack, err := systems[at].attack(shrunk.Steps, Hunt{Moves: s.Bounds.Moves, Switches: s.Bounds.Switches})
	return Found{Attack: attack, Shrinking: runs}, err
}

// recorded is the system for the explorer, with a record of the guards that decide anything in it.
func (s System) recorded(r *record) explore.Model {
	return explore.Model{Name: s.Name(), Play: func(c *explore.Chooser) explore.Outcome {
		asked := map[catalog.ID]bool{}
		_, outcome := s.playIn(stage.Setting{Level: s.Level, Lifted: s.Lifted, Seed: s.Seed, Asked: func(id catalog.ID) { asked[id] = true }}, c, false)
		r.add(asked)
		return outcome
	}}
}
