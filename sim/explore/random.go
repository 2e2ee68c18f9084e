package explore

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// Odds say how likely one random run is a certain one.
//
// A random run is drawn as Burckhardt and others draw schedules (A Randomized Scheduler with Probabilistic Guarantees of
// Finding Bugs, 2010). Those who take part get priorities by chance, and of those who can go on the one with the highest does. At each of so many
// Switches turns, drawn evenly among the first Turns, the one whose turn it would be falls behind all others. At
// each of so many Moves points, drawn evenly among the first Points at which there is a move to make, one of the moves that there are is
// made, each as likely. A move that leaves the state as it was costs nothing: another is drawn in its place.
//
// So let a breach come about whenever its world is played, certain moves are made at certain points, and no more than
// Switches orders between two steps of different parties hold besides that of who is last to begin. One run has it with a probability of at least
//
//	1 / (Worlds · Parties · Turns^Switches · (Points · Options)^Moves)
//
// since the world is drawn first, and then each of the others on its own. It says nothing of a breach that needs more, or moves beyond the first Points.
type Odds struct {
	Worlds   int `json:"worlds"`
	Parties  int `json:"parties"` // the most that took part in one run
	Turns    int `json:"turns"`
	Points   int `json:"points"`
	Options  int `json:"options"` // the most moves that there were at one point
	Switches int `json:"switches"`
	Moves    int `json:"moves"`
}

// Least is the probability of which a run is at least; 0 where none was drawn.
func (o Odds) Least() float64 {
	if o.Worlds == 0 {
		return 0
	}
	return 1 / (float64(o.Worlds*max(o.Parties, 1)) * math.Pow(float64(max(o.Turns, 1)), float64(o.Switches)) *
		math.Pow(float64(max(o.Points*o.Options, 1)), float64(o.Moves)))
}

// Missed is the probability with which so many runs all miss what each of them is with the least probability.
func (o Odds) Missed(runs int) float64 { return math.Pow(1-o.Least(), float64(runs)) }

// gamble plays the runs that are drawn at random.
func (s Search) gamble(ctx context.Context, f *Frontier, r Result) (Result, error) {
	if s.Random <= 0 {
		return r, nil
	}
	odds := Odds{Worlds: len(s.Models), Switches: s.switches(), Moves: s.moves(), Parties: f.Odds.Parties, Options: f.Odds.Options}
	// A first run of each model tells how many points there are to draw from.
	length := make([]lottery, len(s.Models))
	for i, m := range s.Models {
		l := &lottery{Rand: rand.New(rand.NewPCG(s.Seed, math.MaxUint64-uint64(i)))}
		if o := m.Play(&Chooser{random: l}); o.Err != nil && len(o.Breaches) == 0 {
			return r, &ModelError{m.Name, nil, o.Err}
		}
		// Moves make a run longer than it goes of itself.
		length[i] = lottery{points: l.points + l.points/4 + 2*s.moves(), turns: l.turns + l.turns/4 + 2*s.moves()}
		odds.Points, odds.Turns = max(odds.Points, length[i].points), max(odds.Turns, length[i].turns)
	}
	f.Odds, r.Odds = odds, odds
	for f.Stats.Random < s.Random {
		first := f.Stats.Random
		drawn := make([]lottery, min(batch, s.Random-first))
		results, err := s.batch(ctx, len(drawn), func(i int) (d done) {
			d, drawn[i] = s.draw(uint64(first+i), length)
			return d
		})
		if err != nil {
			return r, s.stop(f, err)
		}
		for _, l := range drawn[:len(results)] {
			odds.Parties, odds.Options = max(odds.Parties, len(l.priority)), max(odds.Options, l.options)
		}
		f.Odds, r.Odds = odds, odds
		if s.take(f, results, &r) {
			return r, nil
		}
		if err := s.pause(ctx, f, s.moves()); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (s Search) moves() int {
	if s.RandomMoves > 0 {
		return s.RandomMoves
	}
	return s.Bounds.Moves + 1
}

func (s Search) switches() int {
	if s.RandomSwitches > 0 {
		return s.RandomSwitches
	}
	return s.Bounds.Switches
}

// draw plays the run of a number.
func (s Search) draw(number uint64, length []lottery) (d done, drawn lottery) {
	chance := rand.New(rand.NewPCG(s.Seed, number))
	model := chance.IntN(len(s.Models))
	l := &lottery{Rand: chance, movesAt: several(chance, s.moves(), length[model].points), fallsAt: several(chance, s.switches(), length[model].turns)}
	c := &Chooser{random: l}
	outcome := s.Models[model].Play(c)
	d.stats.Runs, d.stats.Random, d.stats.Tried = 1, 1, len(c.taken)
	s.judge(&d, model, c, outcome)
	return d, *l
}

// several draws so many numbers below a limit, and sorts them.
func several(chance *rand.Rand, count, limit int) []int {
	all := make([]int, count)
	for i := range all {
		all[i] = chance.IntN(max(limit, 1))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lottery draws a run.
type lottery struct {
	*rand.Rand
	movesAt, fallsAt []int // numbers of points and turns, ascending
	points, turns    int   // that there were
	options          int   // most moves at one point
	priority         map[string]int64
	lowest           int64

	at    Point    // where the latest move was made
	tried []string // the moves that were made there and left the state as it was
}

// draw decides by chance.
func (c *Chooser) draw(p Point) int {
	l := c.random
	options := p.Options()
	if len(options) < 2 {
		return 0
	}
	chosen, made := l.move(p, options)
	if !made {
		chosen = l.party(options)
	}
	if chosen > 0 {
		c.taken = append(c.taken, Step{p.Label, options[chosen].Label})
	}
	return chosen
}

// move draws a move if one is to be made here.
func (l *lottery) move(p Point, options []Option) (chosen int, made bool) {
	inert := len(l.tried) > 0 && p.State != 0 && p.State == l.at.State && p.Label == l.at.Label
	if !inert {
		l.tried = l.tried[:0]
	}
	var moves []int
	for i, o := range options[1:] {
		if o.Price.Moves > 0 && !slices.Contains(l.tried, o.Label) {
			moves = append(moves, i+1)
		}
	}
	if len(moves) == 0 {
		return 0, false
	}
	if !inert {
		number := l.points
		l.points, l.options = l.points+1, max(l.options, len(moves))
		if len(l.movesAt) == 0 || l.movesAt[0] != number {
			return 0, false
		}
		l.movesAt, l.at = l.movesAt[1:], p
	}
	chosen = moves[l.IntN(len(moves))]
	l.tried = append(l.tried, options[chosen].Label)
	return chosen, true
}

// party says who goes on: whoever has the highest priority. It is the first option where there is no choice.
func (l *lottery) party(options []Option) int {
	able := make([]int, 0, 4)
	for i, o := range options {
		if o.Who == "" {
			continue
		}
		able = append(able, i)
		if _, known := l.priority[o.Who]; !known {
			if l.priority == nil {
				l.priority = map[string]int64{}
			}
			l.priority[o.Who] = 1 + l.Int64N(1<<62)
		}
	}
	if len(able) < 2 {
		return 0
	}
	first := func() int {
		return slices.MaxFunc(able, func(a, b int) int {
			return int(min(max(l.priority[options[a].Who]-l.priority[options[b].Who], -1), 1))
		})
	}
	number := l.turns
	l.turns++
	if len(l.fallsAt) > 0 && l.fallsAt[0] == number {
		l.fallsAt = l.fallsAt[1:]
		l.lowest--
		l.priority[options[first()].Who] = l.lowest
	}
	return first()
}
