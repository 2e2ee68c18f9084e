package stage

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/store"
	"countersign/conformance/catalog"
	"countersign/reports/sequence"
	"countersign/sim"
)

// Setting is what one world is made from.
type Setting struct {
	Level  catalog.Level // empty means hardened
	Lifted []catalog.ID  // guards that every actor goes without
	Seed   uint64
	Faults []sim.Fault
	// Link is the network between any two hosts; the zero value is that of [sim.Config].
	Link sim.Link
	// MaxSteps bounds the events of the world; zero: as [sim.Config] has it.
	MaxSteps int
	// Wrote, if set, is called whenever an actor changes what it stores.
	Wrote func(Change)
	// Asked, if set, is called with each requirement whose guard decides something in the world.
	Asked func(catalog.ID)
}

// Flow is what a flow adds to a stage: its oracles, and the words for its diagram.
type Flow interface {
	// Judge holds a trace against the invariants of the flow.
	Judge(*sim.Trace) []Breach
	// Lanes are the parties in the order of the diagram, by the names of their hosts.
	Lanes() []sequence.Lane
	// Leg names what a request is for, or the one that a response answers.
	Leg(*sim.Message) string
}

// Opener is a flow whose programs speak in sealed messages.
type Opener interface {
	// Opened is what a sealed body says, as a JSON object, for the diagram; nil for a body that is none or does not open.
	Opened(body []byte) []byte
}

// Stage is a world with a cast and oracles. The stage of a flow embeds it.
type Stage struct {
	World *sim.World

	flow      Flow
	guards    guard.Set
	dishonest map[string]sim.Boot // by host
	corrupt   []string            // hosts
	wrong     wrongs
	legs      map[string]string // by host and path
	wrote     func(Change)
	hopes     []hope
	breaches  []Breach
}

// hope is what a scenario expects of the end of its world.
type hope struct {
	text string
	met  func() bool
}

// horizon is how long a world may last. Refresh keys live for thirty days.
const horizon = 60 * 24 * time.Hour

// New returns an empty stage for a flow, which puts its hosts onto it. Patience is how long everybody waits for an answer; zero: half a minute.
func New(s Setting, flow Flow, patience time.Duration) *Stage {
	return &Stage{
		World:  sim.New(sim.Config{Seed: s.Seed, Faults: s.Faults, Horizon: horizon, Timeout: patience, Link: s.Link, MaxSteps: s.MaxSteps}),
		wrote:  s.Wrote,
		flow:   flow,
		guards: guard.Set{Level: s.Level, Lifted: s.Lifted, Asked: s.Asked}, dishonest: map[string]sim.Boot{}, legs: map[string]string{},
	}
}

// Host adds a host on which an actor lives, unless it is taken over.
func (st *Stage) Host(name string, boot sim.Boot) *sim.Host {
	return st.World.Host(name, func(h *sim.Host) http.Handler {
		if other, taken := st.dishonest[name]; taken {
			return other(h)
		}
		return st.wrong.around(name, boot(h))
	})
}

// TakeOver puts a dishonest party in the place of the actor on a host. It has to be done before the world runs.
func (st *Stage) TakeOver(h *sim.Host, boot sim.Boot) { st.dishonest[h.Name()] = boot }

// Corrupt makes a host dishonest whose program goes on as it is: the attacker has what it knows, and power over what it sends.
func (st *Stage) Corrupt(h *sim.Host) { st.corrupt = append(st.corrupt, h.Name()) }

// Dishonest reports whether a host was taken over or is corrupt, or is an attacker's.
func (st *Stage) Dishonest(host string) bool {
	_, taken := st.dishonest[host]
	return taken || slices.Contains(st.corrupt, host)
}

// Env makes a host the surroundings of an actor: its store is kept over a crash, and its guards are those of the level without the lifted ones.
func (st *Stage) Env(h *sim.Host) actors.Env {
	return actors.Env{
		Clock: h.Clock(), Entropy: h.Entropy, HTTP: h.Client(), Within: h.ClientWithin, Go: h.Go, Guards: st.guards.Without(st.wrong.lifted[h.Name()]...),
		Store: h.Durable("store", func() any { return st.watched(h, &store.Memory{}) }).(store.Store),
	}
}

// Hope states what has to be so at the end.
func (st *Stage) Hope(text string, met func() bool) { st.hopes = append(st.hopes, hope{text, met}) }

// Breach takes down that an invariant did not hold, which a scenario sees from what its people see.
func (st *Stage) Breach(i Invariant, text string) {
	st.breaches = append(st.breaches, Breach{Invariant: i, Event: -1, At: st.World.Now(), Text: text})
}

// Note puts a remark on the present moment into the trace, in the name of a host.
func (st *Stage) Note(h *sim.Host, format string, args ...any) { h.Note(fmt.Sprintf(format, args...)) }

// Result is what came of a world.
type Result struct {
	Err      error    // of the world itself
	Unmet    []string // hopes
	Breaches []Breach // in the order of the trace, each told once
	Trace    *sim.Trace
	Lasted   time.Duration // virtual time
}

// Run lets the world run to its end and judges it.
func (st *Stage) Run() Result {
	err := st.World.Run()
	defer st.World.Close()
	r := Result{Err: err, Trace: st.World.Trace(), Lasted: st.World.Now()}
	r.Breaches = append(st.flow.Judge(r.Trace), st.breaches...)
	for _, h := range st.hopes {
		if err == nil && !h.met() {
			r.Unmet = append(r.Unmet, h.text)
		}
	}
	return r
}

// Draw draws what passed, with the breaches highlighted and those who were taken over as attackers.
func (st *Stage) Draw(title string, t *sim.Trace, breaches []Breach) *sequence.Diagram {
	lanes := slices.Clone(st.flow.Lanes())
	for i := range lanes {
		if st.Dishonest(lanes[i].Name) {
			lanes[i].Kind = sequence.Attacker
		}
	}
	d := Drawing{
		Title: title, Lanes: lanes, Breaches: breaches,
		Name: func(m sim.Message) string { return st.flow.Leg(&m) },
	}
	if o, sealed := st.flow.(Opener); sealed {
		d.Open = o.Opened
	}
	return d.Of(t)
}

// Nobody is a host that nothing runs on.
func Nobody(*sim.Host) http.Handler { return nil }

// Publishing changes text members of the metadata document that a handler serves at a path.
func Publishing(handler http.Handler, path string, members map[string]string) http.Handler {
	if len(members) == 0 {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			handler.ServeHTTP(w, r)
			return
		}
		var document map[string]any
		if err := json.Unmarshal(Ask(handler, path), &document); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			document[name] = members[name]
		}
		WriteJSON(w, http.StatusOK, document)
	})
}

// WriteJSON answers for a dishonest party.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
