package sim

import (
	"math/rand/v2"
	"time"
)

// Link is how one host's messages reach another. It carries the requests of
// the one and its answers to the other's requests.
type Link struct {
	Delay     time.Duration // one way, in virtual time
	Jitter    time.Duration // at most this much is added to Delay, uniformly
	Loss      float64       // probability that a message is lost
	Duplicate float64       // probability that it arrives twice
	Reorder   float64       // probability that it is held back until later ones have overtaken it
	Down      bool          // nothing passes
	// BytesPerSecond is the rate at which bodies pass, as on a near-field link; zero means at once.
	BytesPerSecond int
	// BitErrors is the probability that a bit of a body arrives turned over; what is not body is framing of the
	// simulation itself and stays whole.
	BitErrors float64
}

type linkKey struct{ from, to string }

// link is a directed link with its random streams, one a purpose, and the
// faults that lie on it.
type link struct {
	Link
	world   *World
	key     linkKey
	faults  []Fault
	streams [streams]*rand.ChaCha8
}

// The purposes for which a link draws randomness.
const (
	streamJitter = iota
	streamLoss
	streamDuplicate
	streamReorder
	streamFaultDelay
	streamBits
	streams
)

func (w *World) link(from, to string) *link {
	key := linkKey{from, to}
	l := w.links[key]
	if l == nil {
		l = &link{Link: w.config.Link, world: w, key: key}
		for _, f := range w.config.Faults {
			if f.onLink(from, to) {
				l.faults = append(l.faults, f)
			}
		}
		w.links[key] = l
	}
	return l
}

func (l *link) stream(purpose int) *rand.ChaCha8 {
	s := l.streams[purpose]
	if s == nil {
		name := [streams]string{"jitter", "loss", "duplicate", "reorder", "fault delay", "bit errors"}[purpose]
		s = stream(l.world.config.Seed, "link", l.key.from, l.key.to, name)
		l.streams[purpose] = s
	}
	return s
}

func (l *link) happens(probability float64, purpose int) bool {
	return probability > 0 && fraction(l.stream(purpose)) < probability
}

// probability is that of one mishap, from the link itself and from the faults
// of that kind that are active, each taken as independent.
func (l *link) probability(own float64, kind string) float64 {
	pass := 1 - own
	for i := range l.faults {
		if f := &l.faults[i]; f.Kind == kind && f.active(l.world.now) {
			pass *= 1 - f.Rate
		}
	}
	return 1 - pass
}

// loses says why the link loses this message; "" when it does not.
func (l *link) loses(m *Message) string {
	if l.Down {
		return "the link is down"
	}
	for i := range l.faults {
		switch f := &l.faults[i]; {
		case !f.active(l.world.now):
		case f.Kind == partition:
			return "partition"
		case f.Kind == halfOpen && m.Kind == Response:
			return "half-open host"
		}
	}
	if l.happens(l.probability(l.Loss, loss), streamLoss) {
		return "lost on the link"
	}
	return ""
}

// duplicates says whether a message arrives twice.
func (l *link) duplicates() bool {
	return l.happens(l.probability(l.Duplicate, duplicate), streamDuplicate)
}

// damages turns bits of a message over, in a copy; nil when it arrives whole.
func (l *link) damages(m *Message) *Message {
	if l.BitErrors <= 0 {
		return nil
	}
	var damaged *Message
	for i := range 8 * len(m.Body) {
		if !l.happens(l.BitErrors, streamBits) {
			continue
		}
		if damaged == nil {
			c := m.Clone()
			damaged = &c
		}
		damaged.Body[i/8] ^= 1 << (i % 8)
	}
	return damaged
}

// delay draws how long a message takes.
func (l *link) delay(m *Message) time.Duration {
	d := l.Delay
	if l.BytesPerSecond > 0 {
		d += time.Duration(len(m.Body)) * time.Second / time.Duration(l.BytesPerSecond)
	}
	if l.Jitter > 0 {
		d += between(l.stream(streamJitter), 0, l.Jitter)
	}
	if l.happens(l.probability(l.Reorder, reorder), streamReorder) {
		// Longer than the slowest message that follows at once.
		unit := max(l.Delay+l.Jitter, 10*time.Millisecond)
		d += between(l.stream(streamReorder), 2*unit, 6*unit)
	}
	for i := range l.faults {
		switch f := &l.faults[i]; {
		case !f.active(l.world.now):
		case f.Kind == delay:
			d += between(l.stream(streamFaultDelay), f.Min, f.Max)
		case f.Kind == slow && m.Kind == Response:
			d += f.Min
		}
	}
	return d
}
