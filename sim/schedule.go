package sim

import (
	"cmp"
	"slices"
)

// Ready is something that may happen next: a message arrives, or a process begins or goes on.
type Ready struct {
	// Message arrives; nil for a process.
	Message *Message
	Host    string // where it happens
	Process string // that begins or goes on; empty for a message
}

// Schedule has choose decide what happens next wherever several things are due at the same time, as they are on links
// without delay: it returns a place in the list. Without it, and when it returns 0 always, they happen in the order in
// which they came about. What is due later never comes before what is due now, so timers wait until all is quiet.
// choose must not wait. Schedule has to be called before the world runs.
func (w *World) Schedule(choose func(ready []Ready) int) {
	w.enter("World.Schedule", "")
	w.choose = choose
}

// Stop ends the world before its next event, as if it had failed with a [StoppedError].
func (w *World) Stop() {
	w.enter("World.Stop", "")
	w.fail(&StoppedError{})
}

// StoppedError is returned by [World.Run] of a world that was told to stop.
type StoppedError struct{}

func (*StoppedError) Error() string { return "the world was told to stop" }

// next takes the event that happens next, nil if there is none.
func (w *World) next() *event {
	first := w.queue.pop()
	if first == nil || w.choose == nil {
		return first
	}
	due := []*event{first}
	for _, e := range w.queue.heap {
		if e.at == first.at && e.fire == nil {
			due = append(due, e)
		}
	}
	if len(due) == 1 || first.fire != nil {
		return first
	}
	slices.SortFunc(due[1:], func(a, b *event) int { return cmp.Compare(a.seq, b.seq) })
	ready := make([]Ready, len(due))
	for i, e := range due {
		if e.packet != nil {
			ready[i] = Ready{Message: e.packet.message, Host: e.packet.message.To}
		} else {
			ready[i] = Ready{Host: e.process.host.name, Process: e.process.name}
		}
	}
	w.tapping = true
	chosen := w.choose(ready)
	w.tapping = false
	if chosen <= 0 || chosen >= len(due) {
		return first
	}
	w.queue.take(due[chosen])
	w.queue.put(first)
	return due[chosen]
}
