package adversary

import (
	"fmt"
	"slices"
	"time"

	"countersign/sim"
	"countersign/sim/explore"
)

// Move is a request that some endpoint takes, to be filled with what the attacker knows.
type Move struct {
	Name string // "the callback of client.a"
	// Slots are the types of the terms that it is filled with.
	Slots []string
	// Fits says which terms make sense together; nil: all.
	Fits func(t []Term) bool
	// Send has the attacker do it; nil where it cannot.
	Send func(t []Term)
	// Link is where an honest user is lured to, to do it in the user's browser; nil where that cannot be done.
	Link func(t []Term) Link
}

// attacks are the moves that the attacker can make at a quiet point.
func (d *Director) attacks() (all []option) {
	add := func(label string, do func()) {
		all = append(all, option{explore.Option{Label: label, Price: move}, do})
	}
	for _, m := range d.moves {
		for _, terms := range d.fillings(m) {
			with := ""
			for i, t := range terms {
				with += [2]string{" with ", " and "}[min(i, 1)] + t.Name
			}
			if m.Send != nil {
				add("the attacker "+m.Name+with, func() { m.Send(terms) })
			}
			for _, p := range d.parties {
				if m.Link == nil || p.open == nil || p.at == "" {
					continue
				}
				add(fmt.Sprintf("%s is lured and %s%s", p.name, m.Name, with), func() {
					p.errand = func() { p.open(m.Link(terms)) }
					d.turn = p
					p.gate.Open()
				})
			}
		}
	}
	for _, m := range d.heard {
		add(fmt.Sprintf("the attacker sends the %s again", d.nth(&m)), func() { d.again(m, m.To) })
		for _, other := range d.elsewhere(&m) {
			add(fmt.Sprintf("the attacker sends the %s to %s too", d.nth(&m), other), func() { d.again(m, other) })
		}
	}
	for _, t := range d.waits {
		if d.knows.size == d.innate && len(d.heard) == 0 {
			break // nothing that the attacker has can grow old
		}
		add(fmt.Sprintf("the attacker waits for %s", t), func() { d.host.Clock().Sleep(t) })
	}
	if d.system.Faults {
		for _, h := range d.crashes {
			add(fmt.Sprintf("%s crashes for two seconds", h.Name()), func() {
				h.Crash(2 * time.Second)
				d.host.Clock().Sleep(3 * time.Second)
			})
		}
	}
	return all
}

// fillings are all ways to fill a move with terms that are known.
func (d *Director) fillings(m Move) [][]Term {
	all := [][]Term{nil}
	for _, kind := range m.Slots {
		var longer [][]Term
		for _, begun := range all {
			for _, t := range d.Terms(kind) {
				longer = append(longer, append(begun[:len(begun):len(begun)], t))
			}
		}
		all = longer
	}
	if m.Fits == nil {
		return all
	}
	fitting := all[:0]
	for _, terms := range all {
		if m.Fits(terms) {
			fitting = append(fitting, terms)
		}
	}
	return fitting
}

// again sends a request that was heard once more.
func (d *Director) again(m sim.Message, to string) {
	m = m.Clone()
	m.From, m.To = d.host.Name(), to
	d.stage.World.Inject(m)
}

// elsewhere are the other hosts that take what is meant for this one.
func (d *Director) elsewhere(m *sim.Message) (hosts []string) {
	if !slices.Contains(d.diversions, m.To) {
		return nil
	}
	for _, h := range d.diversions {
		if h != m.To {
			hosts = append(hosts, h)
		}
	}
	return hosts
}
