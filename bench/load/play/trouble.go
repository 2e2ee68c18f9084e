package play

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"countersign/bench/load"
)

// trouble is what of the requests to the parties that the harness plays was not as the profile has it. Such a request seldom says in which journey it was sent. It is
// held against those that are under way when it comes, or else against the next one, until the first of them ends with a wrong answer by itself: what is refused shows
// in an answer. Where none does, the last one is wrong for it, if that has ended well and is wrong for no other yet; or else the next one that begins. So a journey
// answers for one strange request, and each makes one journey wrong or is left over in the end. The zero value is ready.
type trouble struct {
	mu    sync.Mutex
	under map[*load.Seat]bool // those whose journey is under way
	notes []note
	more  int    // how many came when no more notes could be held
	last  string // of those
}

// note is one strange request.
type note struct {
	what string
	of   map[*load.Seat]bool // whose journeys it may come of; empty where none is under way
}

// mostNotes is how many notes are held at a time. No journey answers for what comes beyond.
const mostNotes = 1024

// note keeps in mind what should not have come.
func (t *trouble) note(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.notes) == mostNotes {
		t.more, t.last = t.more+1, what
		return
	}
	t.notes = append(t.notes, note{what, maps.Clone(t.under)})
}

// journey plays one, and wants the requests in it to have been as expected says.
func (t *trouble) journey(s *load.Seat, expected string, play func(*load.Seat) error) error {
	t.begin(s)
	err := play(s)
	if strange := t.end(s, err); strange != "" {
		return s.Wrong(expected, strange)
	}
	return err
}

func (t *trouble) begin(s *load.Seat) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.under == nil {
		t.under = map[*load.Seat]bool{}
	}
	t.under[s] = true
	if i := slices.IndexFunc(t.notes, func(n note) bool { return len(n.of) == 0 }); i >= 0 {
		t.notes[i].of = map[*load.Seat]bool{s: true} // one, as it answers for no more
	}
}

// end gives what the journey that ends is wrong for, though it ended well; empty for nothing. A journey without an answer tells nothing of any request.
func (t *trouble) end(s *load.Seat, err error) (strange string) {
	var wrong *load.WrongError
	answers := errors.As(err, &wrong) // for the first of its notes, and for no more
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.under, s)
	t.notes = slices.DeleteFunc(t.notes, func(n note) bool {
		if !n.of[s] {
			return false
		}
		delete(n.of, s)
		switch {
		case answers:
			answers = false
			return true
		case err == nil && strange == "" && len(n.of) == 0:
			strange = n.what
			return true
		}
		return false
	})
	return strange
}

// Unanswered implements load.Host.
func (t *trouble) Unanswered() (requests int, one string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	requests, one = len(t.notes)+t.more, t.last
	if len(t.notes) > 0 {
		one = t.notes[0].what
	}
	t.notes, t.more, t.last = nil, 0, ""
	return requests, one
}
