package explore

import "slices"

// Frontier is where a search stands between two batches. It can be kept as JSON.
type Frontier struct {
	Next   int   `json:"next"`  // the first model that has not been played as it goes of itself
	Level  int   `json:"level"` // moves of the runs that are gone on from now
	Bounds Price `json:"bounds"`
	Stats  Stats `json:"stats"`
	// Tasks are the points to go on from, by the moves that lead there.
	Tasks [][]task `json:"tasks"`
	// Left says what was left when a state was gone on from.
	Left map[uint64]Price `json:"left"`
}

func newFrontier(bounds Price) *Frontier {
	return &Frontier{Bounds: bounds, Tasks: make([][]task, bounds.Moves+1), Left: map[uint64]Price{}}
}

// clone copies what a search changes in place.
func (f Frontier) clone() *Frontier {
	f.Tasks = slices.Clone(f.Tasks)
	left := make(map[uint64]Price, len(f.Left))
	for state, n := range f.Left {
		left[state] = n
	}
	f.Left = left
	return &f
}

// known reports whether a state was gone on from with as much left.
func (f *Frontier) known(state uint64, left Price) bool {
	had, known := f.Left[state]
	return known && had.covers(left)
}

// grow adds the points of a run, up to one that is known.
func (f *Frontier) grow(n node) {
	left := f.Bounds.less(n.spent)
	for _, p := range n.beyond {
		if p.state != 0 {
			if f.known(p.state, left) {
				f.Stats.Pruned++
				return
			}
			f.Left[p.state] = left
			f.Stats.States = len(f.Left)
		}
		f.Tasks[n.spent.Moves] = append(f.Tasks[n.spent.Moves], task{n.model, n.plan, p.label, n.spent})
	}
}
