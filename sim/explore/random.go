package explore

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// gamble plays the runs that are drawn at random.
func (s Search) gamble(ctx context.Context, f *Frontier, r Result) (Result, error) {
	if s.Random <= 0 {
		return r, nil
	}
	// A first run of each model tells how many points there are to draw from.
	length := make([]int, len(s.Models))
	for i, m := range s.Models {
		c := &Chooser{random: &lottery{}}
		if o := m.Play(c); o.Err != nil {
			return r, &ModelError{m.Name, nil, o.Err}
		}
		length[i] = c.random.points
	}
	for f.Stats.Random < s.Random {
		first := f.Stats.Random
		size := make([][2]int, min(batch, s.Random-first))
		results := parallel(ctx, s.workers(), len(size), func(i int) done {
			d, points, options := s.draw(uint64(first+i), length)
			size[i] = [2]int{points, options}
			return d
		})
		for _, n := range size[:len(results)] {
			r.Points, r.Options = max(r.Points, n[0]), max(r.Options, n[1])
		}
		over, err := s.take(f, s.moves(), results, &r)
		if over || err != nil {
			return r, err
		}
		if err := s.pause(ctx, f); err != nil {
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

// draw plays one run that takes another option than the first at as many points as it has moves, all drawn evenly.
func (s Search) draw(number uint64, length []int) (d done, points, options int) {
	chance := rand.New(rand.NewPCG(s.Seed, number))
	model := chance.IntN(len(s.Models))
	l := &lottery{Rand: chance}
	// The steps make a run longer than it goes of itself: each can add a point of its own.
	for range s.moves() {
		l.at = append(l.at, chance.IntN(length[model]+s.moves()))
	}
	slices.Sort(l.at)
	l.at = slices.Compact(l.at)
	c := &Chooser{random: l}
	outcome := s.Models[model].Play(c)
	d.stats.Runs, d.stats.Random, d.stats.Tried = 1, 1, len(c.taken)
	s.judge(&d, model, c, outcome)
	return d, l.points, l.options
}

// Chance is the least probability with which one random run is a certain one of so many moves: the model is drawn, each
// point among points of them, and each option among options of them.
func (r Result) Chance(models, moves int) float64 {
	if models == 0 || r.Points == 0 || r.Options == 0 {
		return 0
	}
	return 1 / (float64(models) * math.Pow(float64((r.Points+moves)*r.Options), float64(moves)))
}
