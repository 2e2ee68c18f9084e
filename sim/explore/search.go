package explore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Search looks for a run in which an invariant does not hold.
type Search struct {
	Models []Model
	Bounds Price // at most so much in a run
	// Random is how many runs are drawn at random once all within the bounds were played; see [Odds].
	Random         int
	RandomMoves    int // zero: one more than Bounds.Moves
	RandomSwitches int // zero: as many as Bounds.Switches
	Seed           uint64
	// Workers is how many runs are played side by side; zero: one a processor.
	Workers int
	// Wanted says which breaches count; nil: all.
	Wanted func(Breach) bool
	// Progress, if set, is called after each batch.
	Progress func(Progress)
	// Save, if set, is called after each batch with what [Search.Begun] needs to go on from there. Its error ends the search.
	Save func(Frontier) error
	// Stopped, if set, is called with the same when the search ends before it is done, be it that a model went wrong: what was played until then is not lost.
	Stopped func(Frontier) error
	Begun   *Frontier
}

// Progress is how far a search is.
type Progress struct {
	Stats
	Before  int // runs that were played before the search was put on again
	Level   int // moves of the runs that are gone on from now
	Waiting int // points of this level from which it has to go on yet
}

// Result is what came of a search. Without a finding, there is none within the bounds.
type Result struct {
	Stats
	Finding *Finding
	Odds    Odds // of each of the random runs
}

// EmptyError says that a search played nothing.
type EmptyError struct{}

func (*EmptyError) Error() string {
	return "there is nothing to explore: no run was played; name a flow, stages and sessions that there are"
}

// ModelError says that a model went wrong in itself.
type ModelError struct {
	Model string
	Steps []Step
	Err   error
}

func (e *ModelError) Error() string {
	steps := make([]string, len(e.Steps))
	for i, s := range e.Steps {
		steps[i] = fmt.Sprintf("%q at %q", s.Choose, s.At)
	}
	return fmt.Sprintf("the world %q went wrong after %d steps (%s): %v", e.Model, len(e.Steps), strings.Join(steps, ", "), e.Err)
}

// Unwrap gives what the model said.
func (e *ModelError) Unwrap() error { return e.Err }

const batch = 24 // tasks between two comparisons of states

// task is a point from which the search goes on.
type task struct {
	Model int
	Plan  []Step
	At    string
	Spent Price
}

// node is a run that was played, and the points at which it can be gone on from.
type node struct {
	model  int
	plan   []Step
	spent  Price
	beyond []place
}

// done is what came of a task.
type done struct {
	stats   Stats
	nodes   []node
	finding *Finding
	err     error
}

// Run searches. When the context ends it returns what was counted so far with the context's error.
func (s Search) Run(ctx context.Context) (Result, error) {
	f := newFrontier(s.Bounds)
	if s.Begun != nil {
		f = s.Begun.clone()
	}
	r := Result{}
	for f.Next < len(s.Models) {
		first := f.Next
		results, err := s.batch(ctx, min(batch, len(s.Models)-first), func(i int) done { return s.root(first+i, f) })
		if err != nil {
			return r, s.stop(f, err)
		}
		f.Next += len(results)
		if s.take(f, results, &r) {
			return r, nil
		}
		if err := s.pause(ctx, f, 0); err != nil {
			return r, err
		}
	}
	for f.Level <= s.Bounds.Moves {
		queue := f.Tasks[f.Level]
		if len(queue) == 0 {
			f.Level++
			continue
		}
		tasks := queue[:min(batch, len(queue))]
		results, err := s.batch(ctx, len(tasks), func(i int) done { return s.perform(tasks[i], f) })
		if err != nil {
			return r, s.stop(f, err)
		}
		f.Tasks[f.Level] = queue[len(results):]
		if s.take(f, results, &r) {
			return r, nil
		}
		if err := s.pause(ctx, f, f.Level); err != nil {
			return r, err
		}
	}
	r.Stats = f.Stats
	if r.Runs == 0 {
		return r, &EmptyError{}
	}
	return s.gamble(ctx, f, r)
}

// pause is between two batches: it tells how far the search is, has it kept, and ends it when its context has ended.
func (s Search) pause(ctx context.Context, f *Frontier, level int) error {
	if s.Progress != nil {
		before := 0
		if s.Begun != nil {
			before = s.Begun.Stats.Runs
		}
		s.Progress(Progress{f.Stats, before, level, len(f.Tasks[min(level, len(f.Tasks)-1)])})
	}
	if s.Save != nil {
		if err := s.Save(*f); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return s.stop(f, err)
	}
	return nil
}

// stop is how a search ends before it is done.
func (s Search) stop(f *Frontier, why error) error {
	if s.Stopped == nil {
		return why
	}
	return errors.Join(why, s.Stopped(*f))
}

func (s Search) workers() int {
	if s.Workers > 0 {
		return s.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// batch does n things in their order, up to the first that found something. A batch in which something went wrong, or that is cut short since the context has
// ended, counts for nothing and is done as a whole another time: where the next one begins, and with it what is known there, does not depend on that.
func (s Search) batch(ctx context.Context, n int, do func(int) done) ([]done, error) {
	results := parallel(ctx, s.workers(), n, do)
	if len(results) == 0 {
		return nil, nil
	}
	switch last := results[len(results)-1]; {
	case last.err != nil:
		return nil, last.err
	case len(results) < n && last.finding == nil:
		return nil, nil
	}
	return results, nil
}

// ends reports whether nothing after it is of interest.
func (d done) ends() bool { return d.finding != nil || d.err != nil }

// parallel does n things in their order, some at the same time, up to the first that found something or went wrong. It returns those, without a gap.
func parallel(ctx context.Context, workers, n int, do func(int) done) []done {
	results := make([]done, n)
	var next atomic.Int64
	var mu sync.Mutex
	end := n // what lies there and beyond is of no interest
	var group errgroup.Group
	for range min(workers, n) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				mu.Lock()
				enough := i >= end
				if !enough && ctx.Err() != nil {
					end, enough = i, true
				}
				mu.Unlock()
				if enough {
					return nil
				}
				results[i] = do(i)
				if results[i].ends() {
					mu.Lock()
					end = min(end, i+1)
					mu.Unlock()
				}
			}
		})
	}
	_ = group.Wait() // none returns an error
	return results[:end]
}

// take merges results in their order, and reports whether the search is over.
func (s Search) take(f *Frontier, results []done, r *Result) (over bool) {
	for _, d := range results {
		f.Stats.add(d.stats)
		r.Stats = f.Stats
		if d.finding != nil {
			r.Finding = d.finding
			return true
		}
		for _, n := range d.nodes {
			f.grow(n)
		}
	}
	r.Stats = f.Stats
	return false
}

// root plays a model as it goes of itself.
func (s Search) root(model int, f *Frontier) (d done) {
	c := &Chooser{left: s.Bounds, known: f.known, model: uint64(model)}
	d.stats.Runs++
	if s.judge(&d, model, c, s.Models[model].Play(c)) {
		return d
	}
	d.nodes = append(d.nodes, node{model, nil, Price{}, c.beyond})
	return d
}

// perform tries all that may happen at the point of a task.
func (s Search) perform(t task, f *Frontier) (d done) {
	for from := 0; ; {
		c := &Chooser{plan: t.Plan, left: s.Bounds.less(t.Spent), known: f.known, model: uint64(t.Model), sweep: &sweep{at: t.At, from: from}}
		outcome := s.Models[t.Model].Play(c)
		c.settle()
		d.stats.Runs++
		d.stats.Tried += c.sweep.tried - from
		d.stats.Inert += len(c.sweep.inert)
		if s.judge(&d, t.Model, c, outcome) {
			return d
		}
		if !c.sweep.begun {
			d.err = &ModelError{s.Models[t.Model].Name, t.Plan, fmt.Errorf("the point %q did not come again: the same choices give different runs", t.At)}
			return d
		}
		if o := c.sweep.effective; o != nil {
			plan := append(slices.Clone(t.Plan), Step{t.At, o.Label})
			d.nodes = append(d.nodes, node{t.Model, plan, t.Spent.plus(o.Price), c.beyond})
		}
		if from = c.sweep.tried; from >= len(c.sweep.options) {
			return d
		}
	}
}

// judge takes down what came of a run, and reports whether that ends the task.
func (s Search) judge(d *done, model int, c *Chooser, o Outcome) bool {
	d.stats.Exchanges += o.Exchanges
	if d.finding = s.finding(model, c, o); d.finding == nil && o.Err != nil {
		d.err = &ModelError{s.Models[model].Name, c.Taken(), o.Err}
	}
	return d.ends()
}

func (s Search) finding(model int, c *Chooser, o Outcome) *Finding {
	wanted := o.Breaches
	if s.Wanted != nil {
		wanted = slices.DeleteFunc(slices.Clone(wanted), func(b Breach) bool { return !s.Wanted(b) })
	}
	if len(wanted) == 0 {
		return nil
	}
	return &Finding{s.Models[model].Name, c.Taken(), wanted}
}

func (s *Stats) add(other Stats) {
	s.Runs += other.Runs
	s.Tried += other.Tried
	s.Inert += other.Inert
	s.Pruned += other.Pruned
	s.Random += other.Random
	s.Exchanges += other.Exchanges
}
