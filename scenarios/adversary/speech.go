package adversary

import "countersign/sim"

// whole is where a field stands that repeats others: all of a message, or of one that is in it.
const whole = "whole"

// Speech reads and writes messages that are no text, as frames and signed maps.
type Speech interface {
	// Fields are the fields of a message of this speech, nil for any other. They say all that is in it but signatures and numbers
	// drawn to seal, so that worlds in which it said something else count as different; what stands in "whole" repeats others and does not count.
	Fields(m *sim.Message) []Field
	// With is the message with another value in one of its fields, made by the attacker with the keys that it has.
	With(m sim.Message, f Field, value string) sim.Message
}

// Speaks tells in which speech the parties of the flow speak besides.
func (d *Director) Speaks(s Speech) { d.speech = s }

// Trick is something that can be done with a message of a flow on its way, for the price of a move.
type Trick struct {
	Label string
	Do    func() sim.Verdict
}

// Tricks adds what can be done with messages besides, by whoever can change or lose them.
func (d *Director) Tricks(of func(m *sim.Message) []Trick) { d.tricks = of }

// spoken are the fields of a message of the flow's speech, nil for any other.
func (d *Director) spoken(m *sim.Message) []Field {
	if d.speech == nil || len(m.Body) == 0 {
		return nil
	}
	return d.speech.Fields(m)
}

// fields are the fields of a message.
func (d *Director) fields(m *sim.Message) []Field {
	if fields := d.spoken(m); fields != nil {
		return fields
	}
	return fieldsOf(m)
}

// with is a message with another value in a field.
func (d *Director) with(m sim.Message, f Field, value string) sim.Message {
	if d.spoken(&m) != nil {
		return d.speech.With(m, f, value)
	}
	return with(m, f, value)
}

// worthKeeping reports whether a request that was heard may be worth sending again: one of the flow's speech only if a term is in it.
func (d *Director) worthKeeping(m *sim.Message) bool {
	fields := d.spoken(m)
	for _, f := range fields {
		if d.system.Flow.Type(d.leg(m), m, f).Type != "" {
			return true
		}
	}
	return fields == nil
}
