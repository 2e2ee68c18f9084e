package conformance

import (
	"context"
	"slices"
	"sync"

	"countersign/conformance/catalog"
)

// Waiting says whether a check lets the target's time pass, and what others may do meanwhile where nothing but waiting does it.
type Waiting int

const (
	// NoWait lets no time pass.
	NoWait Waiting = iota
	// Waits lets time pass and keeps its turn: the target has to be as it was left, or the check must not come back late.
	Waits
	// WaitsAside lets time pass while others have their turn: what they do does not concern the check, and it may come back late.
	WaitsAside
)

// LettingTimePass gives the checks with those of the requirements marked as waiting in that way.
func LettingTimePass(how Waiting, checks []Check, ids ...catalog.ID) []Check {
	for i := range checks {
		if slices.Contains(ids, checks[i].ID) {
			checks[i].Waits = how
		}
	}
	return checks
}

// turns bounds how many checks are under way at a time, and sees to it that one that is alone meets no other. Checks that wait aside are not under way.
type turns struct {
	mu      sync.Mutex
	changed sync.Cond
	places  int
	busy    int  // checks under way
	alone   bool // the one under way is alone
	back    int  // checks that want to go on; they come before those that begin
}

func newTurns(places int) *turns {
	t := &turns{places: places}
	t.changed.L = &t.mu
	return t
}

// turn is that of one check.
type turn struct {
	turns        *turns
	alone, aside bool
}

// begin waits until the check can begin.
func (t *turn) begin() {
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	for t.turns.back > 0 || !t.fits() {
		t.turns.changed.Wait()
	}
	t.enter()
}

// end lets others in.
func (t *turn) end() {
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	t.turns.busy--
	t.turns.alone = false
	t.turns.changed.Broadcast()
}

// goOn waits until a check that has stepped aside can go on.
func (t *turn) goOn() {
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	t.turns.back++
	for !t.fits() {
		t.turns.changed.Wait()
	}
	t.turns.back--
	t.enter()
}

func (t *turn) fits() bool {
	if t.alone {
		return t.turns.busy == 0
	}
	return t.turns.busy < t.turns.places && !t.turns.alone
}

func (t *turn) enter() {
	t.turns.busy++
	t.turns.alone = t.alone
	t.turns.changed.Broadcast()
}

type turnKey struct{}

// during makes the turn known to what the context is given to.
func (t *turn) during(ctx context.Context) context.Context {
	return context.WithValue(ctx, turnKey{}, t)
}

// asideIn is the turn that a context knows of, where its check may give it up while it waits; nil where it keeps it.
func asideIn(ctx context.Context) *turn {
	if t, _ := ctx.Value(turnKey{}).(*turn); t != nil && t.aside {
		return t
	}
	return nil
}
