package sim

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// none stands for "no event" where a number of one is expected.
const none = -1

// EventKind says what happened.
type EventKind string

// The kinds of event in a trace.
const (
	EventStart     EventKind = "start"     // a process began
	EventFinish    EventKind = "finish"    // a process returned
	EventSend      EventKind = "send"      // a process sent a request
	EventDeliver   EventKind = "deliver"   // a request reached its addressee, and a process that handles it began
	EventRespond   EventKind = "respond"   // that process sent its response and ended
	EventReceive   EventKind = "receive"   // a response reached the process that waits for it
	EventTimeout   EventKind = "timeout"   // a process waits no longer for its response
	EventError     EventKind = "error"     // a request failed for the reason in Text
	EventDrop      EventKind = "drop"      // the network lost a message for the reason in Text
	EventDuplicate EventKind = "duplicate" // the network carries a message more than once
	EventRefuse    EventKind = "refuse"    // a host refused the connection
	EventReplace   EventKind = "replace"   // a tap, or damage on the link, put this message in another's place
	EventAnswer    EventKind = "answer"    // a tap answered a request with this message
	EventInject    EventKind = "inject"    // an attacker sent a request
	EventCrash     EventKind = "crash"     // a host crashed
	EventRestart   EventKind = "restart"   // a host came up again
	EventNote      EventKind = "note"      // a remark
)

// Event is one thing that happened in a world.
type Event struct {
	Seq     int           // its number, from 0
	At      time.Duration // virtual time since the world's start
	Kind    EventKind
	Host    string // where it happened; for drop, duplicate, replace and inject the message's sender
	Process string // name of the process it happened in; empty for what the network does
	PID     int    // number of that process, unique in the world; 0 for the network
	Peer    string // the other host, of events about a message
	Message *Message
	Text    string
	// After holds the events that it follows from at once, ascending: the
	// process's previous one, and what caused it from elsewhere. Processes
	// of one host that speak through shared memory leave no trace of it.
	After []int
}

func (e Event) String() string {
	s := fmt.Sprintf("#%d %v %s on %s", e.Seq, e.At, e.Kind, e.Host)
	if e.Process != "" {
		s += fmt.Sprintf(" in %s (%d)", e.Process, e.PID)
	}
	if m := e.Message; m != nil {
		s += fmt.Sprintf(": %s %d %s>%s %s %s", m.Kind, m.ID, m.From, m.To, m.Method, m.URL)
		if m.Kind == Response {
			s += fmt.Sprintf(" %d", m.Status)
		}
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Trace is what has happened in a world, event by event. It only grows, and
// an event in it never changes.
type Trace struct {
	mu     sync.Mutex // for the reader of a world whose process has stalled
	events []Event
	room   []int // from which After slices are cut
}

// Events returns all events so far; the caller must not change them.
func (t *Trace) Events() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.events[:len(t.events):len(t.events)]
}

// record appends an event of the process p, nil for the network, that follows
// from its previous one and the causes. It returns the event's number, or none
// for a process that was killed.
func (w *World) record(p *process, e Event, causes ...int) int {
	var after [4]int
	n := 0
	if p != nil {
		if p.killed {
			return none
		}
		e.Process, e.PID = p.name, p.number
		if e.Host == "" {
			e.Host = p.host.name
		}
		after[0], after[1], n = p.last, p.cause, 2
		p.cause = none
	}
	n += copy(after[n:], causes)
	t := w.trace
	t.mu.Lock()
	e.Seq, e.At, e.After = len(t.events), w.now, t.distinct(after[:n])
	if len(t.events) == cap(t.events) {
		// Twice the size, where append would add a quarter and copy more.
		t.events = slices.Grow(t.events, len(t.events)+32)
	}
	t.events = append(t.events, e)
	t.mu.Unlock()
	if p != nil {
		p.last = e.Seq
	}
	return e.Seq
}

// distinct returns the numbers that stand for events, ascending, each once.
func (t *Trace) distinct(numbers []int) []int {
	slices.Sort(numbers)
	start := len(t.room)
	if cap(t.room)-start < len(numbers) {
		t.room, start = make([]int, 0, 256), 0
	}
	for i, n := range numbers {
		if n != none && (i == 0 || n != numbers[i-1]) {
			t.room = append(t.room, n)
		}
	}
	if len(t.room) == start {
		return nil
	}
	return t.room[start:len(t.room):len(t.room)]
}

// HappensBefore reports whether event i had to happen before event j: there is
// a chain of causes from the one to the other.
func (t *Trace) HappensBefore(i, j int) bool {
	events := t.Events()
	if i < 0 || j >= len(events) || i >= j {
		return false
	}
	// Causes have lower numbers, so one sweep back from j meets all of them.
	leads := make([]bool, j-i+1)
	leads[j-i] = true
	for k := j; k > i; k-- {
		if !leads[k-i] {
			continue
		}
		for _, a := range events[k].After {
			if a >= i {
				leads[a-i] = true
			}
		}
	}
	return leads[0]
}

// Redacted returns a copy of the trace whose messages have passed through
// redact, which must not change what it is given but may [Message.Clone] it.
func (t *Trace) Redacted(redact func(Message) Message) *Trace {
	events := slices.Clone(t.Events())
	done := make(map[*Message]*Message, len(events)/2)
	for i := range events {
		m := events[i].Message
		if m == nil {
			continue
		}
		if done[m] == nil {
			r := redact(*m)
			done[m] = &r
		}
		events[i].Message = done[m]
	}
	return &Trace{events: events}
}

// Diverges names the first event in which two traces differ. It reports false
// for equal traces.
func (t *Trace) Diverges(other *Trace) (string, bool) {
	a, b := t.Events(), other.Events()
	var left, right []byte
	for i := range min(len(a), len(b)) {
		left, right = a[i].canonical(left[:0]), b[i].canonical(right[:0])
		if !slices.Equal(left, right) {
			return fmt.Sprintf("event %d differs: %s, against %s", i, describe(&a[i], &b[i]), describe(&b[i], &a[i])), true
		}
	}
	switch {
	case len(a) > len(b):
		return fmt.Sprintf("event %d is missing from the other trace: %v", len(b), a[len(b)]), true
	case len(a) < len(b):
		return fmt.Sprintf("event %d is missing from this trace: %v", len(a), b[len(a)]), true
	}
	return "", false
}

// describe spells an event, with what String leaves out where only that differs.
func describe(e, other *Event) string {
	s := e.String()
	if s != other.String() {
		return s
	}
	s += fmt.Sprintf(" after %v", e.After)
	if m := e.Message; m != nil {
		s += fmt.Sprintf(" header %v body %q", m.Header, m.Body)
	}
	return s
}

// Passage is the way of one message through the network.
type Passage struct {
	Message   Message       // as it was delivered, or as it was sent if it was not
	From, To  string        // where it came from, and where it went in the end
	Seq       int           // of the event by which it was sent
	Sent      time.Duration // virtual time since the world's start
	Delivered time.Duration // meaningful unless Lost
	Lost      string        // why it was not delivered; empty if it was
}

// Messages returns the passage of every message, in the order of sending. One
// that arrived several times has as many passages, one that a tap replaced
// appears as its replacement. A message still under way counts as lost.
func (t *Trace) Messages() []Passage {
	const underWay = "still under way"
	var list []Passage
	at := make(map[int]int) // message ID to its latest passage
	for _, e := range t.Events() {
		m := e.Message
		switch e.Kind {
		case EventSend, EventRespond, EventInject, EventAnswer:
			at[m.ID] = len(list)
			list = append(list, Passage{Message: *m, From: m.From, To: m.To, Seq: e.Seq, Sent: e.At, Lost: underWay})
		case EventReplace:
			p := &list[at[m.ID]]
			p.Message, p.To = *m, m.To
		case EventDeliver, EventReceive, EventDrop, EventRefuse, EventError:
			i := at[m.ID]
			switch {
			case e.Kind == EventError && list[i].Lost != underWay:
				continue // told by its cause already
			case list[i].Lost != underWay:
				list = append(list, list[i])
				i = len(list) - 1
			}
			p := &list[i]
			p.Message, p.Delivered, p.Lost = *m, e.At, lost(e)
		}
	}
	slices.SortStableFunc(list, func(a, b Passage) int { return cmp.Compare(a.Sent, b.Sent) })
	return list
}

func lost(e Event) string {
	switch e.Kind {
	case EventDrop, EventError:
		return e.Text
	case EventRefuse:
		return "connection refused"
	}
	return ""
}
