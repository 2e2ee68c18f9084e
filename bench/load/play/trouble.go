package play

import (
	"maps"
	"slices"
	"sync"

	"countersign/bench/load"
)

// trouble is what of the requests to the parties that the harness plays was not as the profile has it. Such a request seldom says in which journey it was sent. It is
// held against those that are under way when it comes, or else against the next one, until the first of them ends badly by itself: what is refused shows in an answer.
// Where none does, the last one is wrong for it. So a strange request makes one journey wrong, and none of those that begin later. The zero value is ready.
type trouble struct {
	mu    sync.Mutex
	under map[*load.Seat]bool // those whose journey is under way
	notes []note
}

// note is one strange request.
type note struct {
	what string
	of   map[*load.Seat]bool // whose journeys it may come of; empty where none is under way
}

// mostNotes is how many notes are held at a time.
const mostNotes = 1024

// note keeps in mind what should not have come.
func (t *trouble) note(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.notes) < mostNotes {
		t.notes = append(t.notes, note{what, maps.Clone(t.under)})
	}
}

// journey plays one, and wants the requests in it to have been as expected says.
func (t *trouble) journey(s *load.Seat, expected string, play func(*load.Seat) error) error {
	t.begin(s)
	err := play(s)
	strange := t.end(s, err != nil)
	if err == nil && strange != "" {
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
	for i, n := range t.notes {
		if len(n.of) == 0 {
			t.notes[i].of = map[*load.Seat]bool{s: true}
		}
	}
}

// end gives what the journey that ends is wrong for, though it did not end badly; empty for nothing.
func (t *trouble) end(s *load.Seat, badly bool) (strange string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.under, s)
	t.notes = slices.DeleteFunc(t.notes, func(n note) bool {
		if !n.of[s] {
			return false
		}
		if badly {
			badly = false // it answers for one of them
			return true
		}
		if delete(n.of, s); len(n.of) == 0 {
			strange = n.what
			return true
		}
		return false
	})
	return strange
}
