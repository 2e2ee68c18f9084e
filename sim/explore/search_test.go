package explore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim/explore"
)

// lock is a model with a number of dials. At each point a move turns one dial to a digit; it breaks when all are right.
// Turning a dial to where it is leaves the state as it was.
func lock(name string, combination ...int) explore.Model {
	return explore.Model{Name: name, Play: func(c *explore.Chooser) explore.Outcome {
		dials := make([]int, len(combination))
		turn := 0
		for turn < 6 {
			options := []explore.Option{{Label: "leave it"}}
			for i := range dials {
				for digit := range 4 {
					options = append(options, explore.Option{Label: fmt.Sprintf("dial %d to %d", i, digit), Price: explore.Price{Moves: 1}})
				}
			}
			before := slices.Clone(dials)
			state := uint64(1 + turn)
			for _, d := range dials {
				state = 10*state + uint64(d)
			}
			chosen := c.Choose(explore.Point{Label: fmt.Sprintf("turn %d", turn), State: state, Options: func() []explore.Option { return options }})
			if chosen == explore.Stop {
				break
			}
			if chosen > 0 {
				dials[(chosen-1)/4] = (chosen - 1) % 4
			}
			if chosen == 0 || !slices.Equal(before, dials) {
				turn++
			}
		}
		if slices.Equal(dials, combination) {
			return explore.Outcome{Exchanges: turn, Breaches: []explore.Breach{{Invariant: "locked", Requirement: "X-1", Text: "it is open"}}}
		}
		return explore.Outcome{Exchanges: turn}
	}}
}

func run(s explore.Search) explore.Result {
	GinkgoHelper()
	r, err := s.Run(context.Background())
	Expect(err).NotTo(HaveOccurred())
	return r
}

// resumed is the search, stopped after so many batches and put on again from what it kept.
func resumed(s explore.Search, batches int) explore.Search {
	GinkgoHelper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var kept []byte
	halted := s
	halted.Save = func(explore.Frontier) error {
		if batches--; batches == 0 {
			stop()
		}
		return nil
	}
	halted.Stopped = func(f explore.Frontier) (err error) {
		kept, err = json.Marshal(f)
		return err
	}
	_, err := halted.Run(ctx)
	Expect(err).To(MatchError(context.Canceled))
	Expect(kept).NotTo(BeEmpty())
	var begun explore.Frontier
	Expect(json.Unmarshal(kept, &begun)).To(Succeed())
	s.Begun = &begun
	return s
}

var _ = Describe("A search", func() {
	It("finds a shortest run that breaks an invariant", func() {
		r := run(explore.Search{Models: []explore.Model{lock("three", 1, 2, 3), lock("two", 0, 2, 3)}, Bounds: explore.Price{Moves: 3}})
		Expect(r.Finding).NotTo(BeNil())
		Expect(r.Finding.Model).To(Equal("two"), "which takes two moves, and the other three")
		shrunk, _ := explore.Shrink(lock("two", 0, 2, 3), *r.Finding)
		Expect(shrunk.Steps).To(HaveLen(2))
		Expect(shrunk.Breaches[0].Requirement).To(Equal("X-1"))
	})

	It("finds nothing beyond its bounds, and says how much it has seen", func() {
		r := run(explore.Search{Models: []explore.Model{lock("three", 1, 2, 3)}, Bounds: explore.Price{Moves: 2}})
		Expect(r.Finding).To(BeNil())
		Expect(r.Runs).To(BeNumerically(">", 1))
		Expect(r.Inert).To(BeNumerically(">", 0), "turning a dial to where it is has no effect")
		Expect(r.Pruned).To(BeNumerically(">", 0), "the order of two turns makes no difference")
		Expect(r.Runs).To(BeNumerically("<", r.Tried), "what has no effect costs no run")
	})

	It("gives the same result with any number of workers", func() {
		for _, moves := range []int{2, 3} {
			var results []string
			for _, workers := range []int{1, 2, 7} {
				r := run(explore.Search{Models: []explore.Model{lock("a", 3, 2, 1), lock("b", 1, 1, 1)}, Bounds: explore.Price{Moves: moves}, Workers: workers, Random: 50, Seed: 3})
				text, err := json.Marshal(r)
				Expect(err).NotTo(HaveOccurred())
				results = append(results, string(text))
			}
			Expect(results[1]).To(Equal(results[0]))
			Expect(results[2]).To(Equal(results[0]))
		}
	})

	It("goes on from where it was stopped, to the same end", func() {
		whole := explore.Search{Models: []explore.Model{lock("three", 1, 2, 3)}, Bounds: explore.Price{Moves: 3}, Workers: 2}
		want := run(whole)
		Expect(run(resumed(whole, 2))).To(Equal(want))
	})

	It("goes on from where it was stopped in the midst of a batch, to the same end", func() {
		three := lock("three", 1, 2, 3)
		want := run(explore.Search{Models: []explore.Model{three}, Bounds: explore.Price{Moves: 3}, Workers: 1})
		for _, last := range []int{2, 30, want.Runs / 2} {
			ctx, stop := context.WithCancel(context.Background())
			plays := 0
			stopped := explore.Model{Name: three.Name, Play: func(c *explore.Chooser) explore.Outcome {
				if plays++; plays == last {
					stop()
				}
				return three.Play(c)
			}}
			s := explore.Search{Models: []explore.Model{stopped}, Bounds: explore.Price{Moves: 3}, Workers: 1}
			s.Stopped = func(f explore.Frontier) error {
				s.Begun = &f
				return nil
			}
			_, err := s.Run(ctx)
			Expect(err).To(MatchError(context.Canceled))
			Expect(s.Begun).NotTo(BeNil())
			Expect(run(s)).To(Equal(want))
		}
	})

	It("has a run judged to its end in which only the judge can tell what was done from nothing", func() {
		said := explore.Breach{Invariant: "unsaid", Requirement: "X-2", Text: "it was said"}
		r := run(explore.Search{Bounds: explore.Price{Moves: 1}, Models: []explore.Model{{Name: "speaker", Play: func(c *explore.Chooser) explore.Outcome {
			says := false
			for turn := uint64(1); turn <= 2; {
				switch c.Choose(explore.Point{Label: fmt.Sprintf("turn %d", turn), State: turn, Options: func() []explore.Option {
					return []explore.Option{{Label: "be silent"}, {Label: "say it", Price: explore.Price{Moves: 1}}}
				}}) {
				case explore.Stop:
					return explore.Outcome{}
				case 0:
					turn++
				default:
					says = turn == 1 // and all is as it was
				}
			}
			if says {
				return explore.Outcome{Breaches: []explore.Breach{said}}
			}
			return explore.Outcome{}
		}}}})
		Expect(r.Finding).NotTo(BeNil())
		Expect(r.Finding.Breaches).To(ConsistOf(said))
	})

	DescribeTable("goes on from where a model went wrong, to the same end", func(nth func(runs int) int) {
		plays, bad, whole := 0, 0, lock("three", 1, 2, 3)
		frail := explore.Model{Name: whole.Name, Play: func(c *explore.Chooser) explore.Outcome {
			if plays++; plays == bad {
				return explore.Outcome{Err: errors.New("the machine stood still")}
			}
			return whole.Play(c)
		}}
		s := explore.Search{Models: []explore.Model{whole, whole}, Bounds: explore.Price{Moves: 2}, Random: 50, RandomMoves: 2, Workers: 1}
		want := run(s)
		bad = nth(want.Runs)
		var kept []byte
		s.Models = []explore.Model{frail, frail}
		s.Stopped = func(f explore.Frontier) (err error) {
			kept, err = json.Marshal(f)
			return err
		}
		_, err := s.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("the machine stood still")))
		var begun explore.Frontier
		Expect(json.Unmarshal(kept, &begun)).To(Succeed())
		s.Begun = &begun
		Expect(run(s)).To(Equal(want))
	},
		Entry("as it goes of itself", func(int) int { return 2 }),
		Entry("at a move", func(int) int { return 40 }),
		Entry("in a run at random", func(runs int) int { return runs - 10 }),
	)

	It("finds by chance what lies beyond its bounds, the same for the same seed", func() {
		s := explore.Search{Models: []explore.Model{lock("one", 2)}, Random: 200, RandomMoves: 1, Seed: 5}
		r := run(s)
		Expect(r.Finding).NotTo(BeNil())
		Expect(run(s)).To(Equal(r))
		Expect(r.Odds.Least()).To(And(BeNumerically(">", 0), BeNumerically("<=", 1)))
	})

	It("without anything to play is an error, and no success", func() {
		_, err := explore.Search{}.Run(context.Background())
		var empty *explore.EmptyError
		Expect(errors.As(err, &empty)).To(BeTrue())
	})

	It("tells of a model that goes wrong", func() {
		broken := explore.Model{Name: "broken", Play: func(*explore.Chooser) explore.Outcome {
			return explore.Outcome{Err: errors.New("no good")}
		}}
		_, err := explore.Search{Models: []explore.Model{broken}}.Run(context.Background())
		var wrong *explore.ModelError
		Expect(errors.As(err, &wrong)).To(BeTrue())
		Expect(err).To(MatchError(ContainSubstring("no good")))
	})

	It("takes a breach for a finding also where the model went wrong after it", func() {
		both := explore.Model{Name: "both", Play: func(*explore.Chooser) explore.Outcome {
			return explore.Outcome{Breaches: []explore.Breach{{Invariant: "locked"}}, Err: errors.New("no good")}
		}}
		r := run(explore.Search{Models: []explore.Model{both}})
		Expect(r.Finding).NotTo(BeNil())
		shrunk, _ := explore.Shrink(both, *r.Finding)
		Expect(shrunk.Breaches).To(HaveLen(1))
		_, err := explore.Search{Models: []explore.Model{both}, Wanted: func(explore.Breach) bool { return false }}.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("no good")), "of what nobody looks for")
	})

	It("tells of a model that does not play the same run again", func() {
		times := 0
		fickle := explore.Model{Name: "fickle", Play: func(c *explore.Chooser) explore.Outcome {
			times++
			c.Choose(explore.Point{Label: fmt.Sprint("run ", times), Options: func() []explore.Option {
				return []explore.Option{{Label: "a"}, {Label: "b", Price: explore.Price{Moves: 1}}}
			}})
			return explore.Outcome{}
		}}
		_, err := explore.Search{Models: []explore.Model{fickle}, Bounds: explore.Price{Moves: 1}, Workers: 1}.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("the same choices give different runs")))
	})
})

var _ = Describe("Following steps", func() {
	steps := []explore.Step{{At: "turn 0", Choose: "dial 0 to 1"}, {At: "turn 9", Choose: "dial 0 to 2"}, {At: "turn 2", Choose: "dial 1 to 2"}}

	It("stops at a step that does not come up, and names it", func() {
		c := explore.Following(steps, false)
		Expect(lock("x", 1, 2).Play(c).Breaches).To(BeEmpty())
		Expect(c.Missed()).To(HaveValue(Equal(steps[1])))
		Expect(c.Taken()).To(Equal(steps[:1]))
	})

	It("leniently leaves it out", func() {
		c := explore.Following(steps, true)
		Expect(lock("x", 1, 2).Play(c).Breaches).NotTo(BeEmpty())
		Expect(c.Taken()).To(Equal([]explore.Step{steps[0], steps[2]}))
	})
})

var _ = Describe("Shrinking", func() {
	It("leaves a run from which no step can be taken away", func() {
		m := lock("x", 1, 2)
		long := explore.Finding{Model: "x", Breaches: []explore.Breach{{Invariant: "locked"}}}
		for _, choose := range []string{"dial 0 to 3", "dial 1 to 1", "dial 0 to 1", "dial 1 to 3", "dial 1 to 2"} {
			long.Steps = append(long.Steps, explore.Step{At: fmt.Sprintf("turn %d", len(long.Steps)), Choose: choose})
		}
		shrunk, runs := explore.Shrink(m, long)
		Expect(shrunk.Steps).To(HaveLen(2))
		Expect(runs).To(BeNumerically(">", 0))
		for i := range shrunk.Steps {
			without := slices.Delete(slices.Clone(shrunk.Steps), i, i+1)
			Expect(m.Play(explore.Following(without, true)).Breaches).To(BeEmpty())
		}
	})
})
