package adversary

import (
	"fmt"

	"countersign/sim"
)

// Term is something that the attacker knows.
type Term struct {
	Type  string
	Name  string // for people, and stable: it holds nothing that was drawn at random
	Value string
	// Secret goes with the value, as that of a token; empty where the attacker does not know it or there is none.
	Secret string

	learnt bool // it was read in a message
}

// knowledge is what the attacker knows, in the order in which it was learnt.
type knowledge struct {
	terms []Term
	count map[string]int // by type and host
	size  int            // grows with every term and every secret
}

// Know gives the attacker a term.
func (d *Director) Know(t Term) {
	k := &d.knows
	for i := range k.terms {
		old := &k.terms[i]
		if old.Type != t.Type || old.Value != t.Value {
			continue
		}
		if old.Secret == "" && t.Secret != "" {
			old.Secret = t.Secret
			k.size++
			d.tell("the attacker learns the secret of %s", old.Name)
		}
		return
	}
	k.terms = append(k.terms, t)
	k.size++
	if d.running {
		d.tell("the attacker learns %s", t.Name)
	}
}

// Terms are those of a type that the attacker knows.
func (d *Director) Terms(kind string) (known []Term) {
	for _, t := range d.knows.terms {
		if t.Type == kind {
			known = append(known, t)
		}
	}
	return known
}

// learn takes in what a message tells the attacker.
func (d *Director) learn(m *sim.Message) {
	leg := d.leg(m)
	fields := d.fields(m)
	for _, f := range fields {
		meaning := d.system.Flow.Type(leg, m, f)
		if meaning.Type == "" || f.Value == "" {
			continue
		}
		t := Term{Type: meaning.Type, Value: f.Value, learnt: true}
		for _, other := range fields {
			if d.system.Flow.Type(leg, m, other).SecretOf == t.Type {
				t.Secret = other.Value
			}
		}
		t.Name = d.name(t, meaning.Of, m)
		d.Know(t)
	}
}

// name names a term after where it came from: "verifier 1 of oauth.b".
func (d *Director) name(t Term, of string, m *sim.Message) string {
	for _, old := range d.knows.terms {
		if old.Type == t.Type && old.Value == t.Value {
			return old.Name
		}
	}
	if of == "" {
		if of = m.From; m.Kind == sim.Request {
			of = m.To
		}
	}
	if d.knows.count == nil {
		d.knows.count = map[string]int{}
	}
	d.knows.count[t.Type+of]++
	return fmt.Sprintf("%s %d of %s", t.Type, d.knows.count[t.Type+of], of)
}
