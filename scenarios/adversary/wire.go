package adversary

import (
	"fmt"
	"net/http"
	"time"

	"countersign/sim"
	"countersign/sim/explore"
)

// heldFor is for how long the attacker holds a message up where the flow does not say.
const heldFor = 20 * time.Second

// slowFor is for how long a link is slow where whoever asks waits for four seconds or less (profiles of ticket and mobile).
const slowFor = 3 * time.Second

// receipt is the kind of term that shows that an answer is the right one. It fills no move.
const receipt = "receipt"

// see is the attacker at a message that passes: it learns what it can read, and does what the chooser says with what it can change.
func (d *Director) see(w *sim.World, m sim.Message) sim.Verdict {
	if m.Kind == sim.Response {
		d.exchanges++
	}
	if d.finished {
		return sim.Verdict{}
	}
	hears := d.system.Scene.Attacker == Network && (!m.Secure || d.proxied != nil && d.proxied(&m))
	if hears || d.reads(&m) {
		d.learn(&m)
	}
	if value := d.system.Flow.receiptIn(d.leg(&m), &m); hears && value != "" {
		d.Know(Term{Type: receipt, Name: "the receipt of " + d.nth(&m), Value: value})
	}
	d.count(&m)
	changes := (hears || d.bent[m.From]) && !m.Injected
	if !changes && !d.slows(&m) && !d.system.Faults {
		return sim.Verdict{}
	}
	if hears && !m.Injected && m.Kind == sim.Request && d.worthKeeping(&m) {
		d.heard = append(d.heard, m)
	}
	d.flies(&m)
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
	v := options[chosen].verdict()
	switch {
	case v.Replace != nil:
		changed := *v.Replace
		changed.ID = m.ID
		d.flies(&changed)
	case v.Answer != nil:
		d.gone(m.ID)
	}
	if !v.Drop && v.Replace == nil { // what comes of it comes later, and the worlds differ from here on
		d.under = d.foldMessage(hash(hash(d.under, label), options[chosen].Label), &m)
	}
	return v
}

// slows reports whether the attacker can hold a message up that it can neither read nor change.
func (d *Director) slows(m *sim.Message) bool { return d.slow != nil && !m.Injected && d.slow(m) }

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
	own := d.bent[m.From] && m.From == d.host.Name() // whoever sends it can as well leave it
	disturbs := changes || d.system.Faults
	if disturbs && !own {
		add("it gets lost", func() sim.Verdict { return sim.Verdict{Drop: true} })
	}
	if disturbs && !own && m.Kind == sim.Request {
		add("it arrives twice", func() sim.Verdict { return sim.Verdict{Repeat: 1} })
	}
	if disturbs && d.tricks != nil {
		for _, t := range d.tricks(m) {
			add(t.Label, t.Do)
		}
	}
	leg := d.leg(m)
	if status := d.system.Flow.receipt(leg); status != 0 && changes && !own && m.Kind == sim.Request {
		add("the attacker answers it", func() sim.Verdict { return sim.Verdict{Answer: &sim.Message{Status: status}} })
		if heard := d.Terms(receipt); len(heard) > 0 {
			last := heard[len(heard)-1]
			add("the attacker answers it with "+last.Name, func() sim.Verdict {
				return sim.Verdict{Answer: &sim.Message{Status: status, Header: http.Header{d.system.Flow.ReceiptHeader: {last.Value}}}}
			})
		}
	}
	if (changes || d.slows(m)) && !own {
		add("it is held up", func() sim.Verdict {
			d.held++
			d.host.Go("the attacker holds a message up", func() {
				d.host.Clock().Sleep(d.hold)
				d.held--
			})
			return sim.Verdict{Delay: d.hold}
		})
	}
	if !changes {
		return all
	}
	if m.Kind == sim.Request {
		for _, other := range d.elsewhere(m) {
			add("it goes to "+other+" instead", func() sim.Verdict {
				diverted := m.Clone()
				diverted.To = other
				return sim.Verdict{Replace: &diverted}
			})
		}
	}
	fields := d.fields(m)
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
				changed := d.with(*m, f, t.Value)
				for _, other := range fields {
					if t.Secret != "" && d.system.Flow.Type(leg, m, other).SecretOf == kind {
						changed = d.with(changed, other, t.Secret)
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
		d.requests[m.ID] = fmt.Sprintf("%s %d of %s to %s", d.leg(m), d.legs[d.passing(m)], m.From, m.To)
	}
}

// nth names a message: "token request 2 of client.a to oauth.b".
func (d *Director) nth(m *sim.Message) string {
	if m.Kind == sim.Response {
		return d.requests[m.InReplyTo]
	}
	return d.requests[m.ID]
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
