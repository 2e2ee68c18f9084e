package load

import (
	"cmp"
	"context"
	"fmt"
)

// Script is a flow as the engine plays it. Play is called by many seats at the same time, each with a journey of its own; Prepare and Clean by one after the other.
type Script interface {
	// Legs names the requests of a journey, in their order.
	Legs() []string
	// Prepare makes what the journeys of a seat need, as a user with tokens, and may keep it in the seat's Memory.
	Prepare(context.Context, *Seat) error
	// Play goes through the flow once and judges every answer. The error is that of Seat.Do, or one of Seat.Wrong; any other one means that the harness broke.
	Play(*Seat) error
	// Clean takes away at the target what was made for the seat.
	Clean(*Seat) error
}

// Host is a script that plays parties to which the target sends requests.
type Host interface {
	Script
	// Unanswered gives how many of those requests should not have been sent and made no journey wrong since it was last called, and what one of them was.
	Unanswered() (requests int, one string)
}

// WrongError is an answer that breaks the rules of the flow.
type WrongError struct {
	Leg              string
	Expected, Actual string
	// Request and Response are the exchange as it was, secrets included.
	Request, Response []byte

	leg int // its number; Outside for none
}

func (e *WrongError) Error() string {
	return fmt.Sprintf("%s: expected %s, got %s", e.Leg, e.Expected, e.Actual)
}

// Joined plays several scripts as one: a journey goes through all of them in their order.
type Joined []Script

// Legs implements Script.
func (j Joined) Legs() []string {
	var all []string
	for _, s := range j {
		all = append(all, s.Legs()...)
	}
	return all
}

// Prepare implements Script. Each script has a memory of its own.
func (j Joined) Prepare(ctx context.Context, s *Seat) error {
	memories := make([]any, len(j))
	s.Memory = memories
	return j.each(s, func(script Script) error { return script.Prepare(ctx, s) })
}

// Play implements Script.
func (j Joined) Play(s *Seat) error {
	return j.each(s, func(script Script) error { return script.Play(s) })
}

// Clean implements Script. It goes on after an error, and gives the first.
func (j Joined) Clean(s *Seat) error {
	var first error
	_ = j.each(s, func(script Script) error {
		if err := script.Clean(s); err != nil && first == nil {
			first = err
		}
		return nil
	})
	return first
}

// Unanswered implements Host.
func (j Joined) Unanswered() (requests int, one string) {
	for _, script := range j {
		if h, ok := script.(Host); ok {
			n, what := h.Unanswered()
			requests, one = requests+n, cmp.Or(one, what)
		}
	}
	return requests, one
}

// each calls f with each script while the seat is that script's: its memory, and its legs counted from 0.
func (j Joined) each(s *Seat, f func(Script) error) error {
	memories, before := s.Memory.([]any), s.leg0
	defer func() { s.Memory, s.leg0 = memories, before }()
	for i, script := range j {
		s.Memory = memories[i]
		err := f(script)
		memories[i] = s.Memory
		if err != nil {
			return err
		}
		s.leg0 += len(script.Legs())
	}
	return nil
}
