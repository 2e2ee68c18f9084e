package adversary

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"countersign/conformance/catalog"
	"countersign/reports/sequence"
	"countersign/scenarios/stage"
	"countersign/sim/explore"
)

// AttackFormat names the format and version of an attack that is kept as JSON.
const AttackFormat = "countersign/attack@1"

// Attack is a run in which an invariant does not hold, kept so that it can be played again. It holds texts and no numbers of options, so that it
// outlives changes that do not concern it.
type Attack struct {
	Format   string        `json:"format"`
	Flow     string        `json:"flow"`
	Level    catalog.Level `json:"level"`
	Lifted   []catalog.ID  `json:"lifted"`
	Scene    string        `json:"scene"`
	Sessions []string      `json:"sessions"`
	Faults   bool          `json:"faults,omitempty"`
	Bounds   explore.Price `json:"bounds"`
	Seed     uint64        `json:"seed"`
	// Steps are what does not happen of itself, in their order.
	Steps  []explore.Step `json:"steps"`
	Breach explore.Breach `json:"breach"`
	// TraceSHA256 is the identity of the run when it was found.
	TraceSHA256 string `json:"trace_sha256"`
}

// Replayed is what came of an attack that was played again.
type Replayed struct {
	Breaches    []explore.Breach
	TraceSHA256 string
	// Told are the steps of the attack in words, with what the attacker learns at each.
	Told    []string
	Diagram *sequence.Diagram
	// Same says that the run was the same to the byte as when it was found.
	Same bool
}

// Broken reports whether the invariant of the attack did not hold again.
func (r Replayed) Broken(a *Attack) bool {
	for _, b := range r.Breaches {
		if b.Invariant == a.Breach.Invariant {
			return true
		}
	}
	return false
}

// AttackError says why a kept attack cannot be played.
type AttackError struct{ Problem string }

func (e *AttackError) Error() string { return e.Problem }

// DivergedError says that a step of a kept attack did not come up.
type DivergedError struct{ Step explore.Step }

func (e *DivergedError) Error() string {
	return fmt.Sprintf("the attack can no longer be played: at %q nobody could %q; the code or the guards have changed since it was found, so look for it anew", e.Step.At, e.Step.Choose)
}

// ReadAttack reads a kept attack. The error is an *AttackError.
func ReadAttack(path string) (*Attack, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &AttackError{fmt.Sprintf("the attack cannot be read: %v", err)}
	}
	return ParseAttack(text)
}

// ParseAttack reads the JSON of a kept attack. The error is an *AttackError.
func ParseAttack(text []byte) (*Attack, error) {
	var a Attack
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, &AttackError{fmt.Sprintf("the attack is no JSON of this format: %v", err)}
	}
	if a.Format != AttackFormat {
		return nil, &AttackError{fmt.Sprintf("the attack has the format %q and not %q", a.Format, AttackFormat)}
	}
	if _, err := catalog.ParseLevel(string(a.Level)); err != nil {
		return nil, &AttackError{err.Error()}
	}
	for _, id := range a.Lifted {
		if _, known := catalog.Lookup(id); !known {
			return nil, &AttackError{fmt.Sprintf("the attack lifts %q, which is no requirement", id)}
		}
	}
	return &a, nil
}

// JSON is what ReadAttack reads.
func (a *Attack) JSON() ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(a)
	return []byte(b.String()), err
}

// Play plays the attack on its flow. The error is an *AttackError, a *DivergedError, or what went wrong in the world.
func (a *Attack) Play(f Flow) (Replayed, error) {
	scene, err := f.scene(a.Scene)
	if err != nil {
		return Replayed{}, &AttackError{err.Error()}
	}
	s := System{f, scene, a.Sessions, a.Level, a.Lifted, a.Seed, a.Faults}
	c := explore.Following(a.Steps, false)
	run, outcome := s.play(c, true)
	if outcome.Err != nil && len(outcome.Breaches) == 0 {
		return Replayed{}, outcome.Err
	}
	if missed := c.Missed(); missed != nil {
		return Replayed{}, &DivergedError{*missed}
	}
	r := Replayed{Breaches: outcome.Breaches, Told: gatheredWords(run.told), TraceSHA256: run.result.Trace.SHA256()}
	r.Same = r.TraceSHA256 == a.TraceSHA256
	r.Diagram = run.picture(a.Title(), breachesOf(a.Breach.Invariant, run.counted(a.Level)))
	return r, nil
}

// Script is the attack as the play of a scenario: at a level and without the guards that the setting says. What is refused on the way leaves its steps out.
func (a *Attack) Script(f Flow) func(stage.Setting) *stage.Stage {
	return func(setting stage.Setting) *stage.Stage {
		s := System{f, Scene{}, a.Sessions, setting.Level, setting.Lifted, setting.Seed, a.Faults}
		if scene, err := f.scene(a.Scene); err == nil {
			s.Scene = scene
		}
		_, set := s.set(explore.Following(a.Steps, true), setting, true)
		return set
	}
}

// Title says in a few words what the attack is.
func (a *Attack) Title() string {
	title := fmt.Sprintf("%s at level %s", a.Flow, a.Level)
	if len(a.Lifted) > 0 {
		ids := make([]string, len(a.Lifted))
		for i, id := range a.Lifted {
			ids[i] = string(id)
		}
		title += " without " + strings.Join(ids, ", ")
	}
	if a.Breach.Invariant != "" {
		title += ": " + a.Breach.Invariant + " broken"
	}
	return title
}

// Words tells the attack as numbered steps.
func (a *Attack) Words(r Replayed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", a.Title())
	fmt.Fprintf(&b, "Scene %s, with %s.\n", a.Scene, strings.Join(a.Sessions, " and "))
	for i, line := range r.Told {
		fmt.Fprintf(&b, "%3d. %s\n", i+1, line)
	}
	for _, breach := range r.Breaches {
		fmt.Fprintf(&b, "BROKEN %s (%s): %s\n", breach.Invariant, breach.Requirement, breach.Text)
	}
	return b.String()
}

// Moves is how many of the steps are the attacker's, or the network's: neither is who goes on when.
func (a *Attack) Moves() (n int) {
	for _, s := range a.Steps {
		if !strings.HasSuffix(s.Choose, " goes on") {
			n++
		}
	}
	return n
}
