package adversary

import (
	"fmt"
	"time"

	"countersign/sim"
	"countersign/sim/explore"
)

// heldFor is for how long the attacker can hold a message up before those who wait give up.
const heldFor = 20 * time.Second

// see is the attacker at a message that passes: it learns what it can read, and does what the chooser says with what it can change.
func (d *Director) see(w *sim.World, m sim.Message) sim.Verdict {
	if d.finished {
		return sim.Verdict{}
	}
	hears := !m.Secure && d.system.Scene.Attacker == Network
	if hears || d.reads(&m) {
		d.learn(&m)
	}
	changes := (hears || d.bent[m.From]) && !m.Injected
	if !changes && !d.system.Faults {
		return sim.Verdict{}
	}
	d.count(&m)
	if hears && !m.Injected && m.Kind == sim.Request {
		d.heard = append(d.heard, m)
	}
	label := "the " + d.nth(&m) + " passes"
	if m.Kind == sim.Response {
		label = "the answer to the " + d.nth(&m) + " passes"
	}
	var options []deed
	chosen := d.chooser.Choose(explore.Point{Label: label, State: d.state(), Options: func() []explore.Option {
		options = d.mischief(&m, changes)
		list := make([]explore.Option, len(options))
		for i, o := range options {
			list[i] = o.Option
		}
		return list
	}})
	switch chosen {
	case explore.Stop:
		w.Stop()
		return sim.Verdict{}
	case 0:
		return sim.Verdict{}
	}
	d.tell("%s: %s", label, options[chosen].Label)
	return options[chosen].verdict()
}

// deed is what can be done with a message.
type deed struct {
	explore.Option
	verdict func() sim.Verdict
}

// reads reports whether the attacker sees a message at its sender or addressee. What it sends itself tells it nothing.
func (d *Director) reads(m *sim.Message) bool {
	sends := d.own[m.From] && !d.bent[m.From] && m.Kind == sim.Request
	return !sends && (d.own[m.From] || d.own[m.To]) || d.leaks != nil && d.leaks(m)
}

// mischief is what can be done with a message: nothing first.
func (d *Director) mischief(m *sim.Message, changes bool) []deed {
	all := []deed{{explore.Option{Label: "it arrives"}, func() sim.Verdict { return sim.Verdict{} }}}
	add := func(label string, verdict func() sim.Verdict) {
		all = append(all, deed{explore.Option{Label: label, Price: move}, verdict})
	}
	add("it gets lost", func() sim.Verdict { return sim.Verdict{Drop: true} })
	if m.Kind == sim.Request {
		add("it arrives twice", func() sim.Verdict { return sim.Verdict{Repeat: 1} })
	}
	if !changes {
		return all
	}
	add("it is held up", func() sim.Verdict {
		d.held++
		d.host.Go("the attacker holds a message up", func() {
			d.host.Clock().Sleep(heldFor)
			d.held--
		})
		return sim.Verdict{Delay: heldFor}
	})
	leg := d.leg(m)
	fields := fieldsOf(m)
	for _, f := range fields {
		kind := d.system.Flow.Type(leg, m, f).Type
		if kind == "" {
			continue
		}
		for _, t := range d.Terms(kind) {
			if t.Value == f.Value {
				continue
			}
			add(fmt.Sprintf("%s becomes %s", f.Name, t.Name), func() sim.Verdict {
				changed := with(*m, f, t.Value)
				for _, other := range fields {
					if t.Secret != "" && d.system.Flow.Type(leg, m, other).SecretOf == kind {
						changed = with(changed, other, t.Secret)
					}
				}
				return sim.Verdict{Replace: &changed}
			})
		}
	}
	return all
}

// count numbers the messages of a leg, so that one can be told from another.
func (d *Director) count(m *sim.Message) {
	if m.Kind == sim.Request {
		d.legs[d.passing(m)]++
		d.numbers[m.ID] = d.legs[d.passing(m)]
	}
}

// nth names a message: "token request 2 of client.a to oauth.b".
func (d *Director) nth(m *sim.Message) string {
	id := m.ID
	if m.Kind == sim.Response {
		id = m.InReplyTo
		m = &sim.Message{From: m.To, To: m.From, Method: m.Method, URL: m.URL}
	}
	return fmt.Sprintf("%s %d of %s to %s", d.leg(m), d.numbers[id], m.From, m.To)
}

func (d *Director) passing(m *sim.Message) string { return d.leg(m) + m.From + ">" + m.To }

// order lets messages to one host overtake each other, each time for the price of a move.
func (d *Director) order(ready []sim.Ready) int {
	if d.finished {
		return 0
	}
	places, options := []int{0}, []explore.Option{{Label: "as they came"}}
	met := map[string]bool{}
	for i, r := range ready {
		if r.Message == nil {
			continue
		}
		if met[r.Host] {
			places = append(places, i)
			options = append(options, explore.Option{Label: fmt.Sprintf("%s %d of %s overtakes", d.leg(r.Message), i, r.Message.From), Price: move})
		}
		met[r.Host] = true
	}
	if len(places) == 1 {
		return 0
	}
	d.overtakings++
	chosen := d.chooser.Choose(explore.Point{Label: fmt.Sprintf("%d messages are under way to one host, for time %d", len(places), d.overtakings), Options: func() []explore.Option { return options }})
	if chosen <= 0 {
		return 0
	}
	d.tell("%s", options[chosen].Label)
	return places[chosen]
}
