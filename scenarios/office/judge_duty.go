package office

import (
	"time"

	"countersign/sim"
)

// mailed is what the authorization server has sent to a device.
type mailed struct {
	moves map[string]time.Duration   // by system: when it told its address last
	tries map[string][]time.Duration // by text of the message
}

// mails notes a message of the authorization server to a device.
func (j *judge) mails(e sim.Event) {
	to := e.Message.To
	m := j.mail[to]
	if m == nil {
		m = &mailed{moves: map[string]time.Duration{}, tries: map[string][]time.Duration{}}
		j.mail[to] = m
	}
	if system, _ := movedBy(e.Message.Body); system != "" {
		m.moves[system] = e.At
	}
	const most, span = 8, time.Minute
	at := append(m.tries[string(e.Message.Body)], e.At)
	m.tries[string(e.Message.Body)] = at
	if len(at) > most && at[len(at)-1-most] > e.At-span {
		j.Breach(NoFlood, e, "the authorization server sent %s the same message nine times within a minute", to)
	}
}

// leftBehind judges an app that goes to an address which the rules have left, when nobody has told it. Messages that get lost are nobody's fault as long as they
// are sent again.
func (j *judge) leftBehind(g *given, target string, e sim.Event) {
	const enough, early = time.Minute, 5 * time.Second
	const again = 50 * time.Second // between two tries are 30 seconds, and the 10 that one takes
	since, left := j.book.leftAt(g.system, target)
	if !left || e.At < since+enough {
		return
	}
	p := j.book.page(j.book.inForce())
	if p == nil || !p.covers(g) {
		return
	}
	if at, seen := j.enrolled[e.Host]; seen && at >= since { // by its enrolment it has forgotten what it was told (profile section 6.1)
		return
	}
	if m := j.mail[e.Host]; m != nil {
		if last, told := m.moves[g.system]; told && last >= max(since-early, e.At-again) {
			return
		}
	}
	j.Breach(NewAddress, e, "%s went to %s, which the rules had left %s before, and nobody had told it", e.Host, target, (e.At - since).Round(time.Second))
}

// leftAt is when the rules gave a system another address than this one; left is false while they give it this one, or nobody knows.
func (b *rulebook) leftAt(systemID, address string) (at time.Duration, left bool) {
	for i := len(b.turns) - 1; i >= 0; i-- {
		p := b.page(b.turns[i].version)
		if p == nil || p.address(systemID) == address {
			return at, left
		}
		at, left = b.turns[i].at, true
	}
	return 0, false
}

// byItself judges an app that asks for something although its user has not opened it.
func (j *judge) byItself(leg string, e sim.Event) {
	if leg != LegAuthentication && leg != LegResource || j.starts[e.PID] != nil {
		return
	}
	j.Breach(OwnWish, e, "%s was opened by somebody else than its user", e.Host)
}
