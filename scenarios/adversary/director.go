package adversary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/scenarios/stage"
	"countersign/sim"
	"countersign/sim/explore"
)

// Director leads one world: whenever all is quiet, it lets one of those who wait go on, or makes a move of the attacker's,
// as the chooser says.
type Director struct {
	system  System
	chooser *explore.Chooser
	stage   *stage.Stage
	host    *sim.Host // of the attacker
	tells   bool
	told    []string
	running bool

	parties []*party
	turn    *party          // who went on last
	own     map[string]bool // hosts whose messages the attacker reads
	moves   []Move
	waits   []time.Duration
	finally []func()
	corrupt []*sim.Host // those of them
	crashes []*sim.Host

	knows       knowledge
	innate      int            // size of what the attacker knows to begin with
	heard       []sim.Message  // requests that passed in the clear
	held        int            // messages that the attacker holds up
	legs        map[string]int // how many messages of a leg passed
	visits      map[string]int // how often it was quiet where parties stood so
	last        quietPoint
	exchanges   int            // answers that passed
	requests    map[int]string // names of requests, by their IDs
	overtakings int
	leaks       func(*sim.Message) bool
	proxied     func(*sim.Message) bool // what passes where the attacker sits besides
	slow        func(*sim.Message) bool // what the attacker can hold up without reading it
	hold        time.Duration
	opens       func(body []byte) []byte // nil where nothing is sealed
	bent        map[string]bool          // hosts whose messages the attacker changes
	speech      Speech
	tricks      func(*sim.Message) []Trick
	diversions  []string // hosts of one role, to each of which goes what was meant for another
	finished    bool
	probing     bool   // a move was made at the last quiet point, and nothing was decided since
	doing       string // what is being done at a quiet point: a move of several requests goes on after a message of it has passed
	before      struct {
		writes, knows, heard int
		standing             uint64
	}
	writes int
	memory
}

func newDirector(s System, c *explore.Chooser, tells bool) *Director {
	return &Director{
		system: s, chooser: c, tells: tells, hold: cmp.Or(s.Flow.Hold, heldFor),
		own: map[string]bool{}, bent: map[string]bool{}, legs: map[string]int{}, visits: map[string]int{}, requests: map[int]string{}, memory: newMemory(s.Flow),
	}
}

// party is somebody who goes through a session or can be lured.
type party struct {
	name   string
	at     string   // what it waits at; empty while it goes on
	within []string // what it left undone there while it follows lures, the outermost first
	idles  bool     // it waits for nothing but lures
	over   bool
	gate   *sim.Gate
	open   func(Link) // follows a link; nil for one that cannot be lured
	errand func()
}

// Link is where an honest user is lured to.
type Link struct {
	Target string
	// Form is what a page of the attacker's sends there; nil for a link.
	Form map[string][]string
}

// Playing reports whether a session takes part in this world.
func (d *Director) Playing(session string) bool { return slices.Contains(d.system.Sessions, session) }

// Mirrored reports whether the two actors of each role are in each other's place.
func (d *Director) Mirrored() bool { return d.system.Scene.Mirrors != "" }

// Attacker says on which host the attacker sits. What reaches it, or leaves it, the attacker knows.
func (d *Director) Attacker(h *sim.Host) { d.host = h }

// Owns gives the attacker what passes at these hosts.
func (d *Director) Owns(hosts ...*sim.Host) {
	for _, h := range hosts {
		d.own[h.Name()] = true
	}
}

// Bends gives the attacker power over what these hosts send, as if their programs were its own.
func (d *Director) Bends(hosts ...*sim.Host) {
	d.Owns(hosts...)
	for _, h := range hosts {
		d.bent[h.Name()] = true
		d.corrupt = append(d.corrupt, h)
	}
}

// Leaks lets the attacker read messages that pass elsewhere, as in a log.
func (d *Director) Leaks(which func(*sim.Message) bool) { d.leaks = which }

// Proxied puts an attacker of the network also where these messages pass, as at a proxy where TLS ends.
func (d *Director) Proxied(which func(*sim.Message) bool) { d.proxied = which }

// Slow lets the attacker hold these messages up for so long, whatever protects them: whoever floods a link, or knows when one is busy, need not read what passes there.
// Meanwhile others go on.
func (d *Director) Slow(hold time.Duration, which func(*sim.Message) bool) {
	d.hold, d.slow = hold, which
}

// Opens says what a sealed body holds, so that worlds in which different things were sealed count as different; nil for a body that does not open. The attacker learns nothing by it.
func (d *Director) Opens(open func(body []byte) []byte) { d.opens = open }

// Diverts names hosts of one role: what is on its way to one of them the attacker may send to another, at once or when it has heard it.
func (d *Director) Diverts(hosts ...*sim.Host) {
	for _, h := range hosts {
		d.diversions = append(d.diversions, h.Name())
	}
}

// May gives the attacker moves.
func (d *Director) May(moves ...Move) { d.moves = append(d.moves, moves...) }

// MayWait lets the attacker wait for so long, for the price of a move.
func (d *Director) MayWait(durations ...time.Duration) { d.waits = append(d.waits, durations...) }

// MayCrash names the hosts that may crash where faults are allowed.
func (d *Director) MayCrash(hosts ...*sim.Host) { d.crashes = append(d.crashes, hosts...) }

// Finally adds something that happens when everything else is over.
func (d *Director) Finally(do func()) { d.finally = append(d.finally, do) }

// Person is an honest user who can be lured. It goes through a session, which may be nil, and remains at hand to the end. The caller has it run as the person's script.
func (d *Director) Person(name string, open func(Link), session func()) func() {
	p := &party{name: name, open: open, at: "has not begun"}
	d.parties = append(d.parties, p)
	return func() {
		if session != nil {
			d.wait(p, "is to begin", false)
			session()
		}
		d.wait(p, "is at hand", true)
		p.over = true
	}
}

// Session is what goes on without anybody who can be lured, as a session of the attacker's own.
func (d *Director) Session(name string, run func()) func() {
	p := &party{name: name, at: "has not begun"}
	d.parties = append(d.parties, p)
	return func() {
		d.wait(p, "is to begin", false)
		run()
		p.at, p.over = "is over", true
	}
}

// Pause is a point of a session at which others may act before it goes on.
func (d *Director) Pause(name, at string) {
	if d.finished {
		return // nobody is left who could do something meanwhile
	}
	for _, p := range d.parties {
		if p.name == name {
			d.wait(p, at, false)
		}
	}
}

// wait waits until the director lets the party go on, and follows the links that it is lured to meanwhile.
func (d *Director) wait(p *party, at string, idles bool) {
	for {
		p.at, p.idles = at, idles
		p.gate = d.stage.World.NewGate(p.name + " " + at)
		p.gate.Wait()
		p.at, p.idles = "", false
		if p.errand == nil {
			return
		}
		errand := p.errand
		p.errand, p.within = nil, append(p.within, at)
		errand()
		p.within = p.within[:len(p.within)-1]
	}
}

// take takes over a stage that was set.
func (d *Director) take(st *stage.Stage) {
	d.stage = st
	d.running, d.innate = true, d.knows.size
	d.own[d.host.Name()] = true
	for _, h := range d.corrupt {
		st.Corrupt(h)
	}
	st.World.Tap(sim.TapFunc(d.see))
	st.World.Schedule(d.order)
}

func (d *Director) leg(m *sim.Message) string { return d.stage.LegOf(m) }

// Direct is the script of the attacker.
func (d *Director) Direct() {
	for {
		d.settle()
		options := d.goesOn()
		label, state := d.quiet()
		chosen := d.chooser.Choose(explore.Point{Label: label, State: state, Free: d.held > 0, Options: func() []explore.Option {
			options = append(d.goesOn(), d.attacks()...)
			return labels(options)
		}})
		if chosen == explore.Stop {
			d.stage.World.Stop()
			return
		}
		o := options[chosen]
		if o.Price.Moves > 0 {
			d.tell("%s", o.Label)
		}
		d.probing = o.Price.Moves > 0
		if o.do == nil {
			break
		}
		d.doing = o.Label
		o.do()
		d.doing = ""
	}
	d.finished = true
	for _, do := range d.finally {
		do()
	}
	for _, p := range d.parties {
		if p.at != "" && !p.over {
			p.gate.Open()
		}
	}
}

// settle waits until everybody waits for the director, or, while the attacker holds something up, until nothing moves.
func (d *Director) settle() {
	const longest = time.Hour
	clock := d.host.Clock()
	clock.Sleep(1) // everything that is due now comes before
	for pause := 100 * time.Millisecond; pause < longest && d.busy() && d.held == 0; pause *= 2 {
		clock.Sleep(pause)
	}
}

func (d *Director) busy() bool {
	return slices.ContainsFunc(d.parties, func(p *party) bool { return p.at == "" && !p.over })
}

// where tells at which point the world is.
func (d *Director) where() string {
	places := make([]string, len(d.parties))
	for i, p := range d.parties {
		places[i] = p.name + " " + p.at
		if p.at == "" {
			places[i] = p.name + " waits for an answer"
		}
	}
	return strings.Join(places, ", ")
}

// inTurn are those who wait to go on: whoever went on last comes first.
func (d *Director) inTurn() (waiting []*party) {
	for _, p := range d.parties {
		switch {
		case p.at == "" || p.idles || p.over:
		case p == d.turn:
			waiting = append([]*party{p}, waiting...)
		default:
			waiting = append(waiting, p)
		}
	}
	return waiting
}

// move is the price of what the attacker does.
var move = explore.Price{Moves: 1}

// option is something that may happen at a quiet point.
type option struct {
	explore.Option
	do func() // nil ends the world
}

func labels(options []option) []explore.Option {
	list := make([]explore.Option, len(options))
	for i, o := range options {
		list[i] = o.Option
	}
	return list
}

// goesOn is what may happen at a quiet point without the attacker. The first is what happens of itself: that the first of those who wait goes on, or that all is over.
func (d *Director) goesOn() (all []option) {
	if d.held > 0 {
		all = append(all, option{explore.Option{Label: "what is held up arrives", Who: "the network"}, func() {
			d.host.Clock().Sleep(d.hold)
		}})
	}
	for _, p := range d.inTurn() {
		o := option{explore.Option{Label: p.name + " goes on", Who: p.name}, func() {
			d.turn = p
			p.gate.Open()
		}}
		if len(all) > 0 && d.held == 0 {
			o.Price.Switches = 1 // while something is held up, nobody is kept from going on: whoever would be waits for it
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		all = append(all, option{explore.Option{Label: "all is over"}, nil})
	}
	return all
}

// tell takes a remark down, and puts it into the trace.
func (d *Director) tell(format string, args ...any) {
	if !d.tells {
		return
	}
	text := fmt.Sprintf(format, args...)
	d.told = append(d.told, text)
	d.host.Note(text)
}
