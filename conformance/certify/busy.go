package certify

import (
	"context"
	"fmt"
	"time"

	"countersign/conformance"
	"countersign/conformance/remote"
)

// BusyError says that another run holds an address at which this one plays a party, and has not given it back in time.
type BusyError struct {
	Party, Origin string
	Waited        time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("another run has played %s at %s for %s; wait for its end with --wait-for-run, or give this run addresses of its own in the configuration's setup, and tell the target of them", e.Party, e.Origin, e.Waited)
}

// lookAgain is how long a run that waits for another one leaves it alone.
const lookAgain = 250 * time.Millisecond

// ready does all that comes before the first check. Where another run plays the parties, its end is waited for: with the same setup, two runs would meet at the target too.
func (j Job) ready(ctx context.Context) (ready, error) {
	for {
		if err := j.awaitTurn(ctx); err != nil {
			return ready{}, err
		}
		r, err := j.prepare(ctx)
		if err == nil {
			return r, nil
		}
		if held, _ := j.heldByAnother(ctx); held == "" || j.WaitForRun <= 0 {
			return r, err
		}
		r.done()
	}
}

// awaitTurn waits until no other run plays a party where this one has to.
func (j Job) awaitTurn(ctx context.Context) error {
	began, told := time.Now(), false
	for j.WaitForRun > 0 {
		party, origin := j.heldByAnother(ctx)
		if party == "" {
			return nil
		}
		if waited := time.Since(began); waited >= j.WaitForRun {
			return &BusyError{Party: party, Origin: origin, Waited: waited.Round(time.Second)}
		}
		if !told && j.Notice != nil {
			j.Notice(fmt.Sprintf("another run plays %s at %s: this one begins when that has ended, or ends itself after %s", party, origin, j.WaitForRun))
		}
		told = true
		timer := time.NewTimer(lookAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return &StoppedError{}
		}
	}
	return nil
}

// heldByAnother is a party of this run's that another run plays, and where; empty for none.
func (j Job) heldByAnother(ctx context.Context) (party, origin string) {
	if j.Config.Target == "" {
		return "", ""
	}
	chosen, err := j.flows()
	if err != nil {
		return "", ""
	}
	for _, flow := range chosen {
		setup := j.Config.Setup
		if setup == nil {
			setup = flow.Setup()
		}
		for _, a := range setup.Addresses() {
			if party := conformance.HeldBy(ctx, *a.Origin); party != "" && (len(chosen) == 1 || j.serves(ctx, flow, chosen)) {
				return party, *a.Origin
			}
		}
	}
	return "", ""
}

// serves reports whether the target's metadata are those of a flow, of several that it may be.
func (j Job) serves(ctx context.Context, flow conformance.Flow, chosen []conformance.Flow) bool {
	over, err := j.Config.Transport()
	if err != nil {
		return false
	}
	found, err := remote.Options{URL: j.Config.Target, Limit: j.Config.Limit, Flows: chosen, Through: over}.Flow(ctx)
	return err == nil && found.Name == flow.Name
}
