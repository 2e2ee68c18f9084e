package explore

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
)

// Chooser decides what happens in one run.
type Chooser struct {
	plan    []Step
	next    int
	lenient bool
	left    Price  // what may come after the plan
	model   uint64 // tells states of one model from those of another

	sweep   *sweep
	known   func(state uint64, left Price) bool
	random  *lottery
	taken   []Step
	beyond  []place // points after the plan and the sweep, where something else could have happened
	stopped bool
}

// place is a point as a search remembers it.
type place struct {
	label string
	state uint64
	open  bool // something else than the first option can be had there
}

// sweep tries what may happen at one point, one option after the other, until one has an effect.
type sweep struct {
	at        string
	from      int // options before this one were tried in earlier runs
	begun     bool
	state     uint64
	options   []Option // but the first
	tried     int      // place of the next one to try
	current   *Option  // whose effect is not known yet
	inert     []Step
	effective *Option
	over      bool
}

// Following returns a chooser that takes these steps, each at the first point that has it. One that is lenient leaves out those that do not come up.
func Following(steps []Step, lenient bool) *Chooser {
	return &Chooser{plan: steps, lenient: lenient}
}

// Taken are the steps that were taken so far.
func (c *Chooser) Taken() []Step { return slices.Clone(c.taken) }

// Missed is the step that did not come up; nil when all did.
func (c *Chooser) Missed() *Step {
	if c.next >= len(c.plan) {
		return nil
	}
	return &c.plan[c.next]
}

// Stop is what Choose returns when the rest of the run is of no interest. The model ends it there and judges what has happened.
const Stop = -1

// Choose returns the place of the option that is to happen, or [Stop].
func (c *Chooser) Choose(p Point) int {
	switch {
	case c.stopped:
		return Stop
	case c.next < len(c.plan):
		return c.follow(p)
	case c.sweep != nil && !c.sweep.over:
		if chosen, decided := c.try(p); decided {
			return chosen
		}
	case c.random != nil:
		return c.draw(p)
	}
	return c.pass(p)
}

// follow takes the next step of the plan, if it comes up here.
func (c *Chooser) follow(p Point) int {
	var options []Option
	for i := c.next; i < len(c.plan); i++ {
		if c.plan[i].At == p.Label {
			if options == nil {
				options = p.Options()
			}
			if at := slices.IndexFunc(options, func(o Option) bool { return o.Label == c.plan[i].Choose }); at > 0 {
				c.next = i + 1
				c.taken = append(c.taken, c.plan[i])
				return at
			}
		}
		if !c.lenient {
			break
		}
	}
	return 0
}

// try goes on with the sweep. It has not decided when there is nothing to try here.
func (c *Chooser) try(p Point) (chosen int, decided bool) {
	s := c.sweep
	switch {
	case !s.begun && p.Label != s.at:
		return 0, true
	case !s.begun:
		s.begun, s.state, s.tried = true, p.State, s.from
		s.options = slices.DeleteFunc(slices.Clone(p.Options()[1:]), func(o Option) bool { return !c.left.covers(o.Price) })
	case s.state != 0 && p.State == s.state && p.Label == s.at:
		step := Step{s.at, s.current.Label}
		s.inert, s.current = append(s.inert, step), nil
	default:
		c.settle()
		return 0, false
	}
	present := p.Options()
	for s.tried < len(s.options) {
		o := s.options[s.tried]
		s.tried++
		if at := slices.IndexFunc(present, func(other Option) bool { return other.Label == o.Label }); at > 0 {
			s.current = &o
			c.taken = append(c.taken, Step{s.at, o.Label})
			return at, true
		}
	}
	s.over = true
	if len(s.inert) > 0 {
		// No state tells these steps from nothing. Whoever judges the run may: it is played to its end.
		c.known = nil
		return 0, true
	}
	c.stopped = true // what follows of itself was played before
	return Stop, true
}

// settle takes down that the latest step of a sweep had an effect, if there is one whose effect is not known.
func (c *Chooser) settle() {
	if s := c.sweep; s != nil && s.current != nil {
		s.effective, s.current, s.over = s.current, nil, true
		c.left = c.left.less(s.effective.Price)
	}
}

// pass takes the first option, and the point down. A point at which nothing else can be had is taken down too: whoever comes to it later with nothing left knows the rest.
func (c *Chooser) pass(p Point) int {
	if c.known == nil {
		return 0
	}
	at := place{label: p.Label, state: p.key(c.model)}
	if at.state != 0 && c.known(at.state, c.left) {
		c.beyond = append(c.beyond, at)
		c.stopped = true
		return Stop
	}
	at.open = (p.Free || c.left != Price{}) && slices.ContainsFunc(p.Options()[1:], func(o Option) bool { return c.left.covers(o.Price) })
	if at.open || at.state != 0 {
		c.beyond = append(c.beyond, at)
	}
	return 0
}

// key tells points apart that differ in model, label or state; a state of 0 stays 0.
func (p Point) key(model uint64) uint64 {
	if p.State == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte(p.Label), p.State), model)) // it never fails
	return max(h.Sum64(), 1)
}
