package adversary

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// memory is what a world looks like to all who are in it, as far as the director has taken it in.
type memory struct {
	naming
	hosts   map[string]uint64 // what processes of a host have met, in any order, and each of them in its own
	chains  map[int]uint64    // what each process has met
	cookies map[string]uint64 // cookies that were set on a host, in their order
	records map[place]uint64
	stored  uint64           // sum of the records
	values  map[place][]byte // what stands in the stores, as it was seen last
	dirty   []place          // what was written since
	seen    int              // events that were taken in
	under   uint64           // what the attacker did to messages that are under way
	aloft   map[int]uint64   // messages that are on their way, by their IDs; taken down where something can happen on the way
	flying  uint64           // sum of those
	altered uint64           // what programs that somebody has altered were asked, in its order
}

// place is where a record stands.
type place struct{ host, bucket, key string }

func newMemory(f Flow) memory {
	return memory{
		naming: naming{volatile: f.Volatile, names: map[string]uint64{}, taken: map[uint64]int{}},
		hosts:  map[string]uint64{}, chains: map[int]uint64{}, cookies: map[string]uint64{}, records: map[place]uint64{}, values: map[place][]byte{}, aloft: map[int]uint64{},
	}
}

// state is equal for worlds that go on alike, and not 0.
func (d *Director) state() uint64 {
	if d.system.Flow.apart {
		return 0
	}
	d.fold()
	h := d.standing()
	sum := d.stored + d.flying
	for _, name := range slices.Sorted(maps.Keys(d.hosts)) {
		sum += spread(mix(hash(1, name), d.hosts[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(d.cookies)) {
		sum += spread(mix(hash(2, name), d.cookies[name]))
	}
	for _, t := range d.knows.terms {
		if !t.learnt {
			h = hash(h, t.Name)
			h = mix(h, uint64(len(t.Secret)))
			continue
		}
		sum += spread(mix(d.text(hash(3, t.Type), t.Value), uint64(len(t.Secret))))
		d.fresh = d.fresh[:0]
	}
	for _, kind := range d.system.Flow.Latest {
		if known := d.Terms(kind); len(known) > 0 {
			h = d.text(hash(h, kind), known[len(known)-1].Value)
			d.fresh = d.fresh[:0]
		}
	}
	h = mix(hash(mix(mix(h, sum), d.under), d.doing), d.altered)
	if d.turn != nil && d.turnMatters() {
		h = hash(h, d.turn.name)
	}
	h = mix(h, uint64(d.stage.World.Now()/time.Second))
	return max(h, 1)
}

// standing tells where everybody stands apart, and what they left undone to follow lures.
func (d *Director) standing() uint64 {
	h := hash(0, "")
	for _, p := range d.parties {
		h = hash(h, p.name)
		h = hash(h, p.at)
		for _, at := range p.within {
			h = hash(h, at)
		}
		h = mix(h, uint64(len(p.within)))
	}
	return h
}

// turnMatters reports whether two of those who take part may still go on, so that it makes a difference who did last.
func (d *Director) turnMatters() bool {
	active := 0
	for _, p := range d.parties {
		if !p.over && !p.idles {
			active++
		}
	}
	return active > 1
}

// wrote takes down that an actor has changed what it stores. What is written again as it was is no change.
func (d *Director) wrote(c stage.Change) {
	if slices.Contains(d.system.Flow.Nonces, c.Bucket) {
		return
	}
	at := place{c.Host, c.Bucket, c.Key}
	if bytes.Equal(d.values[at], c.Value) {
		return
	}
	d.writes++
	d.values[at] = c.Value
	d.dirty = append(d.dirty, at)
}

// idle reports whether what happened since the last point has left no trace in anybody: nothing was stored, nothing learnt, and nobody looks at another page.
func (d *Director) idle() bool {
	return d.probing && d.writes == d.before.writes && d.knows.size == d.before.knows && d.standing() == d.before.standing
}

// traceless reports whether what the attacker did since the last point was idle, set no cookie, and leaves nobody with something to do yet.
func (d *Director) traceless() bool {
	if !d.idle() {
		return false
	}
	fresh := d.stage.World.Trace().Events()[d.seen:]
	return !slices.ContainsFunc(fresh, setsCookie) && len(busy(fresh)) == 0
}

// busy are the processes that began since and are not done.
func busy(fresh []sim.Event) map[int]bool {
	all := map[int]bool{}
	for i := range fresh {
		switch e := &fresh[i]; e.Kind {
		case sim.EventDeliver, sim.EventStart:
			all[e.PID] = true
		case sim.EventRespond, sim.EventFinish:
			delete(all, e.PID)
		}
	}
	return all
}

// quietPoint is what is remembered of the last one.
type quietPoint struct {
	label string
	state uint64
	legs  map[string]int
}

// quiet is the label of a quiet point and the state there. One where all stand as they stood before is told from that by a number. The messages of a step that left
// the state as it was are forgotten: that is the same point, and messages that come after are called the same without it.
func (d *Director) quiet() (label string, state uint64) {
	traceless := d.traceless()
	state = d.state()
	if traceless && state != 0 && state == d.last.state {
		d.legs = maps.Clone(d.last.legs)
		return d.last.label, state
	}
	label = d.where()
	if d.visits[label]++; d.visits[label] > 1 {
		label = fmt.Sprintf("%s, time %d", label, d.visits[label])
	}
	d.last = quietPoint{label, state, maps.Clone(d.legs)}
	return label, state
}

// fold takes in what happened since the last point.
func (d *Director) fold() {
	events := d.stage.World.Trace().Events()
	fresh := events[d.seen:]
	forgotten := d.traceless() || d.refused(fresh)
	d.seen = len(events)
	for i := range fresh {
		d.lands(&fresh[i])
		d.foldAltered(&fresh[i])
		if !forgotten {
			d.foldEvent(&fresh[i])
		}
	}
	for _, at := range d.dirty {
		d.foldRecord(at)
	}
	d.dirty = d.dirty[:0]
	d.probing = false
	d.before.writes, d.before.knows, d.before.heard, d.before.standing = d.writes, d.knows.size, len(d.heard), d.standing()
}

// foldAltered takes in what a program is asked that somebody has altered. It may remember anything, in any order, and what it has refused as well.
func (d *Director) foldAltered(e *sim.Event) {
	if e.Kind == sim.EventDeliver && d.stage.Altered(e.Host) {
		d.altered = d.foldMessage(hash(d.altered, e.Host), e.Message)
	}
}

// refused reports whether all that happened since the last point is that the attacker asked and was refused, without learning anything. Nobody else took part but those who handled
// it, and they are done: what they have kept of it stands in the stores, and which of many requests it was that had them keep it makes no difference. It tells most in
// flow mobile, where whatever is shown to a business system first has it read its keys.
func (d *Director) refused(fresh []sim.Event) bool {
	if !d.probing || d.knows.size != d.before.knows || d.before.heard != len(d.heard) || d.standing() != d.before.standing {
		return false
	}
	answers, ours := 0, map[int]bool{} // processes that handle it
	for i := range fresh {
		e := &fresh[i]
		switch e.Kind {
		case sim.EventDeliver, sim.EventStart:
			ours[e.PID] = true
		case sim.EventReceive:
			if e.Host == d.host.Name() {
				answers++
			}
			if setsCookie(*e) || e.Host == d.host.Name() && e.Message.Status < http.StatusBadRequest {
				return false
			}
		case sim.EventSend, sim.EventInject, sim.EventNote, sim.EventRespond, sim.EventFinish:
		default:
			return false
		}
		if !ours[e.PID] && e.Host != d.host.Name() {
			return false
		}
	}
	return answers > 0 && len(busy(fresh)) == 0
}

func setsCookie(e sim.Event) bool {
	return e.Kind == sim.EventReceive && len(e.Message.Header["Set-Cookie"]) > 0
}

// foldEvent takes in what a process has met. The attacker's own host has one process for everything; what it has met in which order says no more than what it knows.
func (d *Director) foldEvent(e *sim.Event) {
	h := hash(4, string(e.Kind))
	switch e.Kind {
	case sim.EventDeliver, sim.EventReceive, sim.EventDrop, sim.EventTimeout, sim.EventError, sim.EventRefuse:
		h = d.foldMessage(h, e.Message)
	case sim.EventStart:
		h = hash(h, e.Process)
	case sim.EventFinish, sim.EventRespond, sim.EventCrash, sim.EventRestart:
	default:
		return
	}
	if setsCookie(*e) {
		d.cookies[e.Host] = mix(d.cookies[e.Host], h)
	}
	if e.PID == 0 || e.Host == d.host.Name() {
		d.hosts[e.Host] += spread(h)
		return
	}
	before := d.chains[e.PID]
	after := mix(before, h)
	d.chains[e.PID] = after
	d.hosts[e.Host] += spread(after) - spread(before)
}

// flies takes a message down that is on its way, as it will arrive. What nobody has seen yet gets no name by it.
func (d *Director) flies(m *sim.Message) {
	h := spread(d.message(mix(hash(6, m.To), uint64(m.Kind)), m))
	d.fresh = d.fresh[:0]
	d.flying += h - d.aloft[m.ID]
	d.aloft[m.ID] = h
}

// lands forgets a message that is on its way no more.
func (d *Director) lands(e *sim.Event) {
	switch e.Kind {
	case sim.EventDeliver, sim.EventReceive, sim.EventDrop, sim.EventRefuse, sim.EventError:
		d.gone(e.Message.ID)
	}
}

func (d *Director) gone(id int) {
	d.flying -= d.aloft[id]
	delete(d.aloft, id)
}

// foldRecord takes in what stands at a place now.
func (d *Director) foldRecord(at place) {
	value := d.values[at]
	before := d.records[at]
	if value == nil {
		delete(d.records, at)
		d.stored -= before
		return
	}
	h := hash(hash(5, at.host), at.bucket)
	h = d.text(h, at.key)
	h = spread(d.named(d.record(h, string(value))))
	d.records[at] = h
	d.stored += h - before
}

func (d *Director) foldMessage(h uint64, m *sim.Message) uint64 { return d.named(d.message(h, m)) }

// message takes in a message. What is fresh in it has no name yet.
func (d *Director) message(h uint64, m *sim.Message) uint64 {
	h = hash(h, m.From)
	h = hash(h, m.Method)
	h = mix(h, uint64(m.Status))
	h = d.text(h, m.URL)
	if fields := d.spoken(m); fields != nil {
		for _, f := range fields {
			if f.In != whole {
				h = d.text(hash(h, f.Name), f.Value)
			}
		}
		return h
	}
	for _, name := range [...]string{"Authorization", "Location", "Cookie", "Set-Cookie", "Origin"} {
		for _, v := range m.Header[name] {
			h = d.text(h, v)
		}
	}
	for _, name := range d.system.Flow.Volatile {
		if len(m.Header[name]) > 0 { // what it says differs from run to run, and that it is there does not
			h = hash(h, name)
		}
	}
	if d.opens != nil {
		h = d.text(h, string(d.opens(m.Body)))
	}
	return d.text(h, string(m.Body))
}
