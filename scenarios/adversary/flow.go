package adversary

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/sim"
	"countersign/sim/explore"
)

// Flow is what the explorer has to know of a flow.
type Flow struct {
	Name string
	// Invariants are those that its judge looks at.
	Invariants []stage.Invariant
	// Scenes are the places where the flow is explored, the plainest first.
	Scenes []Scene
	// Sessions are what honest and dishonest people may begin, each at most once in a world. A world has a few of them.
	Sessions []string
	// Either are those of which a world has one: the ways in which somebody plays the same part.
	Either [][]string
	// Set builds the world of a scene: it makes the stage, gives the people their parts with [Director.Person] and
	// [Director.Session], the attacker its keys and moves, and returns the stage, which has not run.
	Set func(d *Director, scene string, s stage.Setting) *stage.Stage
	// Type says what a field of a message holds.
	Type func(leg string, m *sim.Message, f Field) Meaning
	// Receipt is the status of an answer to a request of a leg, with nothing else in it, by which the sender may hold that the request has arrived; zero
	// where there is none. The attacker answers so in the place of the one that is asked, where it can change the request. Nil: no leg has one.
	Receipt func(leg string) int
	// ReceiptHeader is the header by which such an answer shows that it is the right one; empty where it shows nothing. The attacker shows again what it has heard last.
	ReceiptHeader string
	// Volatile are the names of parameters and headers whose values differ from run to run and say nothing, as a signature. Of a header it counts whether it is there.
	Volatile []string
	// Nonces are the buckets in which actors only remember that a request has come.
	Nonces []string
	// Latest are the types of terms of which somebody in a world uses the one that the attacker has learnt last: there it counts which that is.
	Latest []string
	// Hold is for how long the attacker holds a message up: less than those who wait are patient. Zero: 20 seconds.
	Hold time.Duration

	apart   bool // no two states count as equal, so that nothing is left out
	changed bool // by Changed
}

// Scene is a place where a flow is explored: who is dishonest in it, and what travels without TLS.
type Scene struct {
	Name, Text string
	Attacker   Attacker
	// Sessions are those that make sense in it; empty: all.
	Sessions []string
	Faults   bool // they count as moves here in every hunt
	// Mirrors is the scene that this one is with the two actors of each role in each other's place, since either may be the wrong one; empty: it is one of its own.
	Mirrors string
}

// Attacker is a kind of attacker.
type Attacker string

// The kinds of attacker.
const (
	// Web is a registered but dishonest party: it starts sessions, sends what it knows anywhere, and gets honest users to follow links.
	Web Attacker = "web"
	// Network sits besides on every link without TLS: it hears, loses, holds up, repeats, diverts and changes what passes.
	Network Attacker = "network"
)

// Meaning says what a field holds.
type Meaning struct {
	// Type is a kind of term; empty for what no attacker has a use for.
	Type string
	// SecretOf is the type of term whose secret this is; it goes with the term of that type in the same message.
	SecretOf string
	// Of is the host that it belongs to; empty: the one that answers the request.
	Of string
}

// System is one world that is explored.
type System struct {
	Flow     Flow
	Scene    Scene
	Sessions []string
	Level    catalog.Level
	Lifted   []catalog.ID
	Seed     uint64
	Faults   bool // hosts crash and messages get lost or arrive twice, each for the price of a move
}

// Name tells the system apart from others of the same hunt.
func (s System) Name() string {
	return s.Scene.Name + ": " + strings.Join(s.Sessions, ", ")
}

// Systems are all worlds of a flow with the attacker and at most so many sessions, the smallest first.
func (f Flow) Systems(h Hunt) []System {
	var all []System
	for size := 1; size <= h.Sessions; size++ {
		for _, scene := range f.Scenes {
			if h.Attacker != "" && h.Attacker != scene.Attacker || h.Scene != "" && h.Scene != scene.Name {
				continue
			}
			sessions := scene.Sessions
			if len(sessions) == 0 {
				sessions = f.Sessions
			}
			for _, chosen := range subsets(sessions, size) {
				if f.twice(chosen) {
					continue
				}
				all = append(all, System{f, scene, chosen, h.Level, h.Lifted, h.Seed, h.Faults || scene.Faults})
			}
		}
	}
	return all
}

// twice reports whether sessions would have somebody play a part in two ways.
func (f Flow) twice(sessions []string) bool {
	return slices.ContainsFunc(f.Either, func(ways []string) bool {
		return len(slices.DeleteFunc(slices.Clone(sessions), func(s string) bool { return !slices.Contains(ways, s) })) > 1
	})
}

// subsets are the parts of a list that have that size, in the order of the list.
func subsets(list []string, size int) (all [][]string) {
	if size == 0 {
		return [][]string{nil}
	}
	for i, first := range list {
		for _, rest := range subsets(list[i+1:], size-1) {
			all = append(all, append([]string{first}, rest...))
		}
	}
	return all
}

// receipt is Receipt where there is one.
func (f Flow) receipt(leg string) int {
	if f.Receipt == nil {
		return 0
	}
	return f.Receipt(leg)
}

// receiptIn is what shows that an answer to a request of a leg is the right one; empty where nothing does.
func (f Flow) receiptIn(leg string, m *sim.Message) string {
	if f.ReceiptHeader == "" || m.Kind != sim.Response || m.Status != f.receipt(leg) {
		return ""
	}
	return m.Header.Get(f.ReceiptHeader)
}

// scene finds a scene by its name.
func (f Flow) scene(name string) (Scene, error) {
	i := slices.IndexFunc(f.Scenes, func(s Scene) bool { return s.Name == name })
	if i < 0 {
		names := make([]string, len(f.Scenes))
		for i, s := range f.Scenes {
			names[i] = s.Name
		}
		return Scene{}, fmt.Errorf("the flow %s has no scene %q; it has %s", f.Name, name, strings.Join(names, ", "))
	}
	return f.Scenes[i], nil
}

// model is the system for the explorer.
func (s System) model() explore.Model {
	return explore.Model{Name: s.Name(), Play: func(c *explore.Chooser) explore.Outcome {
		_, outcome := s.play(c, false)
		return outcome
	}}
}

// run is a world that was played.
type run struct {
	stage  *stage.Stage
	result stage.Result
	told   []string
}

// set sets the stage of the system and puts a director onto it. One that tells puts the attacker's steps and what it learns into the trace, as remarks.
func (s System) set(c *explore.Chooser, setting stage.Setting, tells bool) (*Director, *stage.Stage) {
	d := newDirector(s, c, tells)
	setting.Wrote = d.wrote
	setting.MaxSteps = longest
	setting.Link = sim.Link{BytesPerSecond: 1 << 62} // without delay, so that nothing but the chooser orders what happens
	set := s.Flow.Set(d, cmp.Or(s.Scene.Mirrors, s.Scene.Name), setting)
	d.take(set)
	return d, set
}

// play plays the system.
func (s System) play(c *explore.Chooser, tells bool) (run, explore.Outcome) {
	return s.playIn(stage.Setting{Level: s.Level, Lifted: s.Lifted, Seed: s.Seed}, c, tells)
}

// playIn plays the system in a setting.
func (s System) playIn(setting stage.Setting, c *explore.Chooser, tells bool) (run, explore.Outcome) {
	d, set := s.set(c, setting, tells)
	r := run{stage: set, result: set.Run()}
	r.told = d.told
	o := explore.Outcome{Exchanges: d.exchanges}
	for _, b := range r.counted(s.Level) {
		o.Breaches = append(o.Breaches, explore.Breach{Invariant: b.Invariant.Name, Requirement: string(b.Invariant.Requirement), Text: b.Text})
	}
	var stopped *sim.StoppedError
	if b, goesOn := endless(r.result.Err); goesOn {
		o.Breaches = append(o.Breaches, b)
	} else if !errors.As(r.result.Err, &stopped) {
		o.Err = r.result.Err
	}
	return r, o
}

// counted are the breaches of what a level asks for.
func (r run) counted(level catalog.Level) (all []stage.Breach) {
	for _, b := range r.result.Breaches {
		if level.Includes(b.Invariant.Level()) {
			all = append(all, b)
		}
	}
	return all
}
