package explore_test

import (
	"fmt"
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim/explore"
)

// maze is a model that was drawn: rooms, which a run goes through for a few turns. At each turn it goes on to another room of itself, or by the way that
// it is switched to; moves lead to other rooms without taking a turn, and some lead to where they began. One room is forbidden.
type maze struct {
	turns     int
	forbidden int
	onward    []int   // by room
	switched  []int   // by room
	moves     [][]int // by move and room
	free      []bool  // by room: the switch has no price
}

func drawMaze(chance *rand.Rand) maze {
	rooms := 4 + chance.IntN(8)
	ways := func(to int) []int {
		way := make([]int, rooms)
		for room := range way {
			way[room] = chance.IntN(to)
		}
		return way
	}
	// The last room is behind the last but one, to which, in most mazes, only moves lead. So much is left at it or not that it makes a difference.
	hidden := 1 + min(chance.IntN(3), 1)
	m := maze{turns: 1 + chance.IntN(8), forbidden: rooms - 1, onward: ways(rooms - hidden), switched: ways(rooms - hidden), free: make([]bool, rooms)}
	for room := range m.free {
		m.free[room] = chance.IntN(6) == 0
	}
	for range 1 + chance.IntN(2) {
		m.moves = append(m.moves, ways(rooms-chance.IntN(2)-1))
	}
	m.moves[0][rooms-2] = rooms - 1
	return m
}

// model plays the maze. What it remembers of the way there can be told apart by nobody.
func (m maze) model() explore.Model {
	return explore.Model{Name: "maze", Play: func(c *explore.Chooser) (o explore.Outcome) {
		room := 0
		for turn := 0; turn < m.turns && room != m.forbidden; {
			options := []explore.Option{{Label: "on"}, {Label: "switched", Price: explore.Price{Switches: 1}}}
			if m.free[room] {
				options[1].Price = explore.Price{}
			}
			for i := range m.moves {
				options = append(options, explore.Option{Label: fmt.Sprint("move ", i), Price: explore.Price{Moves: 1}})
			}
			state := uint64(1 + turn*len(m.onward) + room)
			switch chosen := c.Choose(explore.Point{
				Label: fmt.Sprint("turn ", turn), State: state, Free: m.free[room], Options: func() []explore.Option { return options },
			}); chosen {
			case explore.Stop:
				return o
			case 0:
				room, turn = m.onward[room], turn+1
			case 1:
				room, turn = m.switched[room], turn+1
			default:
				room = m.moves[chosen-2][room]
			}
		}
		if room == m.forbidden {
			o.Breaches = []explore.Breach{{Invariant: "not there", Requirement: "X-1", Text: "it is there"}}
		}
		return o
	}}
}

// least is the least number of moves with which some run within the bounds gets to the forbidden room, looked for in every run there is; -1 for none.
func (m maze) least(bounds explore.Price) int {
	var reaches func(room, turn int, left explore.Price) bool
	reaches = func(room, turn int, left explore.Price) bool {
		if room == m.forbidden {
			return true
		}
		if turn == m.turns {
			return false
		}
		if reaches(m.onward[room], turn+1, left) {
			return true
		}
		if m.free[room] && reaches(m.switched[room], turn+1, left) {
			return true
		}
		if left.Switches > 0 && reaches(m.switched[room], turn+1, explore.Price{Moves: left.Moves, Switches: left.Switches - 1}) {
			return true
		}
		for _, way := range m.moves {
			if left.Moves > 0 && reaches(way[room], turn, explore.Price{Moves: left.Moves - 1, Switches: left.Switches}) {
				return true
			}
		}
		return false
	}
	for moves := range bounds.Moves + 1 {
		if reaches(0, 0, explore.Price{Moves: moves, Switches: bounds.Switches}) {
			return moves
		}
	}
	return -1
}

var _ = Describe("What a search leaves out", func() {
	It("never hides a breach: it finds one exactly if a search of all runs does", func() {
		reachable := 0
		for seed := range uint64(4000) {
			chance := rand.New(rand.NewPCG(seed, 1))
			m := drawMaze(chance)
			bounds := explore.Price{Moves: 1 + chance.IntN(3), Switches: chance.IntN(3)}
			found := run(explore.Search{Models: []explore.Model{m.model()}, Bounds: bounds, Workers: 1}).Finding
			least := m.least(bounds)
			if least >= 0 {
				reachable++
			}
			Expect(found != nil).To(Equal(least >= 0), "maze %d with %+v: %+v, where %d moves are enough", seed, bounds, found, least)
		}
		Expect(reachable).To(And(BeNumerically(">", 1000), BeNumerically("<", 3000)), "so that both come up")
	})

	It("is the same when it goes on from a journal", func() {
		m := maze{turns: 5, forbidden: 6, onward: []int{1, 2, 3, 4, 5, 0, 0}, switched: []int{2, 4, 1, 5, 3, 1, 0}, moves: [][]int{{3, 3, 4, 5, 5, 1, 0}, {0, 2, 2, 3, 1, 5, 0}}, free: make([]bool, 7)}
		whole := explore.Search{Models: []explore.Model{m.model()}, Bounds: explore.Price{Moves: 3, Switches: 2}, Random: 60, Seed: 9}
		want := run(whole)
		Expect(want.Finding).To(BeNil())
		for _, at := range []int{1, 2, 4, 6} {
			Expect(run(resumed(whole, at))).To(Equal(want))
		}
		whole.Bounds = explore.Price{}
		want = run(whole)
		Expect(want.Finding).To(BeNil())
		for _, at := range []int{2, 3} {
			Expect(run(resumed(whole, at))).To(Equal(want), "in the midst of the random runs")
		}
	})
})
