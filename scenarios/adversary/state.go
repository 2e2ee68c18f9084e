package adversary

import (
	"maps"
	"slices"
	"strings"
	"time"

	"countersign/sim"
)

// state is equal for worlds that go on alike: everybody waits at the same place, each host has taken in the same messages
// in the same order, and the attacker knows as much. Values that were drawn at random are replaced by the order in which
// they first appeared.
func (d *Director) state() uint64 {
	d.fold()
	h := hash(0, "")
	for _, p := range d.parties {
		h = hash(h, p.name)
		h = hash(h, p.at)
	}
	for _, name := range slices.Sorted(maps.Keys(d.hosts)) {
		h = hash(h, name)
		h = mix(h, d.hosts[name])
	}
	for _, t := range d.knows.terms {
		h = hash(h, t.Name)
		h = mix(h, uint64(len(t.Secret)))
	}
	if d.turn != nil {
		h = hash(h, d.turn.name)
	}
	h = mix(h, uint64(d.stage.World.Now()/time.Second))
	if h == 0 {
		return 1
	}
	return h
}

// idle reports whether what happened since the last point has left no trace in anybody: nothing was stored, no cookie set, nothing learnt.
func (d *Director) idle() bool {
	return d.probing && d.writes == d.before.writes && d.knows.size == d.before.knows
}

// fold takes in what happened since the last point.
func (d *Director) fold() {
	events := d.stage.World.Trace().Events()
	fresh := events[d.seen:]
	d.seen = len(events)
	if !(d.idle() && !slices.ContainsFunc(fresh, setsCookie)) {
		for i := range fresh {
			d.foldOne(&fresh[i])
		}
	}
	d.probing = false
	d.before.writes, d.before.knows = d.writes, d.knows.size
}

func setsCookie(e sim.Event) bool {
	return e.Kind == sim.EventReceive && len(e.Message.Header["Set-Cookie"]) > 0
}

func (d *Director) foldOne(e *sim.Event) {
	switch e.Kind {
	case sim.EventDeliver, sim.EventReceive, sim.EventDrop, sim.EventTimeout, sim.EventError, sim.EventRefuse:
		h := hash(d.hosts[e.Host], string(e.Kind))
		d.hosts[e.Host] = d.foldMessage(h, e.Message)
	case sim.EventCrash, sim.EventRestart:
		d.hosts[e.Host] = hash(d.hosts[e.Host], string(e.Kind))
	}
}

func (d *Director) foldMessage(h uint64, m *sim.Message) uint64 {
	h = hash(h, m.From)
	h = hash(h, m.Method)
	h = mix(h, uint64(m.Status))
	h = d.foldText(h, m.URL)
	if fields := d.spoken(m); fields != nil {
		for _, f := range fields {
			if f.In != whole {
				h = d.foldText(hash(h, f.Name), f.Value)
			}
		}
		return h
	}
	for _, name := range [...]string{"Authorization", "Location", "Cookie", "Set-Cookie", "Origin"} {
		for _, v := range m.Header[name] {
			h = d.foldText(h, v)
		}
	}
	if d.opens != nil {
		h = d.foldText(h, string(d.opens(m.Body)))
	}
	return d.foldText(h, string(m.Body))
}

// foldText takes in a text. A word of it that looks as if it had been drawn at random counts as the number of its first appearance.
func (d *Director) foldText(h uint64, text string) uint64 {
	for len(text) > 0 {
		n := 0
		digit := false
		for n < len(text) && wordly(text[n]) {
			digit = digit || text[n] >= '0' && text[n] <= '9'
			n++
		}
		word := text[:n]
		switch {
		case n >= 16 && digit && !strings.Contains(word, "%3A"): // an escaped colon is a URL's
			number, known := d.words[word]
			if !known {
				number = uint64(len(d.words) + 1)
				d.words[word] = number
			}
			h = mix(h, number)
		case slices.Contains(d.system.Flow.Volatile, word):
			h = hash(h, word)
			if end := strings.IndexAny(text[min(n+2, len(text)):], `"&`); end >= 0 {
				n += 2 + end
			}
		default:
			h = hash(h, word)
		}
		if n < len(text) {
			h = mix(h, uint64(text[n]))
			n++
		}
		text = text[n:]
	}
	return h
}

func wordly(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '%'
}

// The steps of FNV-1a.
const prime = 1099511628211

func hash(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * prime
	}
	return mix(h, 0xff)
}

func mix(h, n uint64) uint64 {
	for range 8 {
		h = (h ^ n&0xff) * prime
		n >>= 8
	}
	return h
}
