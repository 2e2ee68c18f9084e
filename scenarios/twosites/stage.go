// Package twosites puts the cast of the bidirectional flow into a simulated world: sites A and B with each
// role on a host of its own, the client of a third site C, three users with their terminals, and the oracles
// that watch what passes.
//
// The oracles judge the trace and what the users decided. They do not ask the actors.
package twosites

import (
	"fmt"
	"time"

	"countersign/actors/guard"
	"countersign/conformance/catalog"
	"countersign/reports/sequence"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Setting is what one world is made from.
type Setting struct {
	Level  catalog.Level // empty means hardened
	Lifted []catalog.ID  // guards that every actor goes without
	Seed   uint64
	Faults []sim.Fault
}

// Stage is a world with the cast in it. A scenario gives the users their scripts, and then the stage runs.
type Stage struct {
	World   *sim.World
	A, B, C *Site
	// Alice and Bob are honest. Mallory is registered at both sites like them.
	Alice, Bob *User
	Mallory    *Attacker

	guards   guard.Set
	users    []*User
	legs     map[string]leg // host and path
	consents []consent
	hopes    []hope
	breaches []stage.Breach
}

// hope is what a scenario expects of the end of its world.
type hope struct {
	text string
	met  func() bool
}

// New sets the stage.
func New(s Setting) *Stage {
	st := &Stage{
		World:  sim.New(sim.Config{Seed: s.Seed, Faults: s.Faults, Horizon: 7 * 24 * time.Hour}),
		A:      newSite("a", account{"adam", "adam", "password-of-adam-at-a"}, account{"alice", "alice", "password-of-alice-at-a"}, account{"bob", "bob", "password-of-bob-at-a"}, account{"mallory", "mallory", "password-of-mallory-at-a"}),
		B:      newSite("b", account{"berta", "berta", "password-of-berta-at-b"}, account{"alice", "alicia", "password-of-alicia-at-b"}, account{"bob", "bobby", "password-of-bobby-at-b"}, account{"mallory", "mal", "password-of-mal-at-b"}),
		C:      newSite("c"),
		guards: guard.Set{Level: s.Level, Lifted: s.Lifted},
		legs:   map[string]leg{},
	}
	for _, pair := range [][2]*Site{{st.A, st.B}, {st.B, st.A}} {
		site, peer := pair[0], pair[1]
		site.OAuthServer = st.World.Host("oauth."+site.Letter, st.bootOAuthServer(site))
		site.ResourceServer = st.World.Host("resource."+site.Letter, st.bootResourceServer(site, site.ResourceBase))
		site.Client = st.World.Host("client."+site.Letter, st.bootClient(site, peer))
	}
	st.C.Client = st.World.Host("client.c", st.bootClient(st.C, st.A))
	st.C.TakeOver(nobody)
	st.Alice, st.Bob = st.newUser("alice"), st.newUser("bob")
	st.Mallory = st.newAttacker("mallory")
	return st
}

// Hope states what has to be so at the end.
func (st *Stage) Hope(text string, met func() bool) { st.hopes = append(st.hopes, hope{text, met}) }

// Breach takes down that an invariant did not hold, which a scenario sees from what its users see.
func (st *Stage) Breach(i stage.Invariant, text string) {
	st.breaches = append(st.breaches, stage.Breach{Invariant: i, Event: -1, At: st.World.Now(), Text: text})
}

// Note puts a remark on the present moment into the trace, in the name of a host.
func (st *Stage) Note(h *sim.Host, format string, args ...any) { h.Note(fmt.Sprintf(format, args...)) }

// Result is what came of a world.
type Result struct {
	Err      error          // of the world itself
	Unmet    []string       // hopes
	Breaches []stage.Breach // in the order of the trace, each told once
	Trace    *sim.Trace
	Lasted   time.Duration // virtual time
}

// Run lets the world run to its end and judges it.
func (st *Stage) Run() Result {
	err := st.World.Run()
	defer st.World.Close()
	r := Result{Err: err, Trace: st.World.Trace(), Lasted: st.World.Now()}
	r.Breaches = append(st.judge(r.Trace), st.breaches...)
	for _, h := range st.hopes {
		if err == nil && !h.met() {
			r.Unmet = append(r.Unmet, h.text)
		}
	}
	return r
}

// Draw draws what passed, with the breaches highlighted.
func (st *Stage) Draw(title string, t *sim.Trace, breaches []stage.Breach) *sequence.Diagram {
	lanes := []sequence.Lane{{Name: "alice", Kind: "user terminal"}, {Name: "bob", Kind: "user terminal"}}
	for _, s := range []*Site{st.A, st.B} {
		client := sequence.Lane{Name: s.Client.Name(), Kind: "client"}
		if s.dishonest != nil {
			client.Kind = sequence.Attacker
		}
		lanes = append(lanes, client, sequence.Lane{Name: s.OAuthServer.Name(), Kind: "OAuth server"}, sequence.Lane{Name: s.ResourceServer.Name(), Kind: "resource server"})
		if s.Archive != nil {
			lanes = append(lanes, sequence.Lane{Name: s.Archive.Name(), Kind: "resource server"})
		}
	}
	lanes = append(lanes, sequence.Lane{Name: st.C.Client.Name(), Kind: sequence.Attacker}, sequence.Lane{Name: "mallory", Kind: sequence.Attacker})
	return stage.Drawing{
		Title: title, Lanes: lanes, Breaches: breaches,
		Name: func(m sim.Message) string { return string(st.leg(&m)) },
	}.Of(t)
}
