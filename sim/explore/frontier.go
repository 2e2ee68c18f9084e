package explore

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// Frontier is where a search stands between two batches. It can be kept as JSON.
type Frontier struct {
	Next   int   `json:"next"`  // the first model that has not been played as it goes of itself
	Level  int   `json:"level"` // moves of the runs that are gone on from now
	Bounds Price `json:"bounds"`
	Stats  Stats `json:"stats"`
	// Tasks are the points to go on from, by the moves that lead there.
	Tasks [][]task `json:"tasks"`
	// Left says what was left when a state was gone on from.
	Left States `json:"left"`
	Odds Odds   `json:"odds"` // of the random runs, as far as they were played
}

// States say what was left at each state, packed, as there are many. As JSON they are one text, since a member for each would take a multiple.
type States map[uint64]uint32

// put takes down what is left at a state.
func (s States) put(state uint64, left Price) {
	s[state] = uint32(left.Moves)<<16 | uint32(left.Switches)
}

// get is what was left at a state, if it was met.
func (s States) get(state uint64) (left Price, met bool) {
	packed, met := s[state]
	return Price{int(packed >> 16), int(packed & 0xffff)}, met
}

const packedState = 12 // bytes

// MarshalJSON implements [json.Marshaler]. Equal states give equal texts.
func (s States) MarshalJSON() ([]byte, error) {
	packed := make([]byte, 0, packedState*len(s))
	for _, state := range slices.Sorted(maps.Keys(s)) {
		packed = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(packed, state), s[state])
	}
	return json.Marshal(packed)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *States) UnmarshalJSON(text []byte) error {
	var packed []byte
	if err := json.Unmarshal(text, &packed); err != nil {
		return err
	}
	if len(packed)%packedState != 0 {
		return errors.New("the states that were met are cut off")
	}
	*s = make(States, len(packed)/packedState)
	for each := range slices.Chunk(packed, packedState) {
		(*s)[binary.BigEndian.Uint64(each)] = binary.BigEndian.Uint32(each[8:])
	}
	return nil
}

func newFrontier(bounds Price) *Frontier {
	return &Frontier{Bounds: bounds, Tasks: make([][]task, bounds.Moves+1), Left: States{}}
}

// clone copies what a search changes in place.
func (f Frontier) clone() *Frontier {
	f.Tasks = slices.Clone(f.Tasks)
	f.Left = maps.Clone(f.Left)
	return &f
}

// Size is about how much there is to keep, in points to go on from.
func (f Frontier) Size() int {
	const states = 50 // that take as much as a point
	size := len(f.Left) / states
	for _, t := range f.Tasks {
		size += len(t)
	}
	return size
}

// known reports whether a state was gone on from with as much left.
func (f *Frontier) known(state uint64, left Price) bool {
	had, met := f.Left.get(state)
	return met && had.covers(left)
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
			f.Left.put(p.state, left)
			f.Stats.States = len(f.Left)
		}
		if !p.open {
			continue
		}
		f.Tasks[n.spent.Moves] = append(f.Tasks[n.spent.Moves], task{n.model, n.plan, p.label, n.spent})
	}
}
