package adversary

import (
	"context"
	"embed"
	"fmt"
	"sync"

	"countersign/conformance/catalog"
	"countersign/sim/explore"
)

// Known is an attack that the explorer has to find by itself: in the vulnerable twin, which goes without some guards, and not in the fixed one, which has all of level hardened.
type Known struct {
	Name  string `yaml:"name" json:"name"`
	Flow  string `yaml:"flow" json:"flow"`
	Title string `yaml:"title" json:"title"`
	// Source is where it was described first, or "the flow's own reasoning".
	Source string `yaml:"source" json:"source"`
	// Lifted are the guards whose absence makes the vulnerable twin.
	Lifted []catalog.ID `yaml:"lifted" json:"lifted"`
	// Scene, Moves and Sessions are the bounds within which it lies; Sessions is 1 where none is said.
	Scene    string `yaml:"scene" json:"scene"`
	Moves    int    `yaml:"moves" json:"moves"`
	Sessions int    `yaml:"sessions" json:"sessions"`
	// Breaks is the invariant that does not hold.
	Breaks string `yaml:"breaks" json:"breaks"`
	// Quick: it is looked for each time that the specs run.
	Quick bool `yaml:"quick" json:"quick"`
}

//go:embed attacks
var knownFiles embed.FS

// KnownAttacks is the catalogue of attacks. The caller must not change it.
var KnownAttacks = sync.OnceValue(func() []Known {
	var all []Known
	for _, some := range readEach[[]Known](knownFiles) {
		all = append(all, some...)
	}
	for i := range all {
		all[i].Sessions = max(all[i].Sessions, 1)
	}
	return all
})

// Hunt looks for the attack without the guards. What else could be broken on the way does not count.
func (k Known) Hunt(f Flow) Hunt {
	return Hunt{Flow: f, Level: catalog.Hardened, Lifted: k.Lifted, Scene: k.Scene, Moves: k.Moves, Switches: switches, Sessions: k.Sessions, Seed: 1, Breaks: k.Breaks}
}

// Twins are what was found without the guards, and with them.
type Twins struct{ Vulnerable, Fixed Found }

// TwinError says that a known attack is not as the catalogue has it.
type TwinError struct {
	Known   Known
	Problem string
}

func (e *TwinError) Error() string { return fmt.Sprintf("%s: %s", e.Known.Name, e.Problem) }

// Run looks for the attack in both twins. The error is a *TwinError, or one of [Hunt.Run]'s.
func (k Known) Run(ctx context.Context, workers int) (t Twins, err error) {
	f, err := Find(k.Flow)
	if err != nil {
		return t, err
	}
	h := k.Hunt(f)
	h.Workers = workers
	if t.Vulnerable, err = h.Run(ctx); err != nil {
		return t, err
	}
	if t.Vulnerable.Attack == nil {
		return t, &TwinError{k, fmt.Sprintf("it is not found without %v, in %d runs", k.Lifted, t.Vulnerable.Runs)}
	}
	h.Lifted, h.Breaks = nil, "" // with the guards on, nothing at all may be broken
	if t.Fixed, err = h.Run(ctx); err != nil {
		return t, err
	}
	if a := t.Fixed.Attack; a != nil {
		return t, &TwinError{k, fmt.Sprintf("with all guards on there is an attack on %s still", a.Breach.Invariant)}
	}
	return t, nil
}

// breaking says which breaches a hunt is for; nil: all.
func breaking(invariant string) func(explore.Breach) bool {
	if invariant == "" {
		return nil
	}
	return func(b explore.Breach) bool { return b.Invariant == invariant }
}
