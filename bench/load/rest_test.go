package load_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
)

// resting lets time pass in each journey.
type resting struct{ long time.Duration }

func (resting) Legs() []string                            { return []string{"nothing"} }
func (resting) Prepare(context.Context, *load.Seat) error { return nil }
func (resting) Clean(*load.Seat) error                    { return nil }
func (r resting) Play(s *load.Seat) error {
	s.Rest(r.long)
	s.Rest(r.long)
	return nil
}

// rested plays a hundred journeys over so many seats.
func rested(ctx context.Context, a load.Attacker) (load.Result, error) {
	r := &load.Recorder{}
	if err := a.Prepare(ctx); err != nil {
		return load.Result{}, err
	}
	if err := a.Attack(ctx, load.Constant(100, time.Second), r); err != nil {
		return load.Result{}, err
	}
	return r.Result(), a.Clean()
}

var _ = Describe("A seat that rests", func() {
	It("goes on when its rest is over, and not before, while others play", func() {
		result, err := rested(context.Background(), load.Attacker{Script: resting{20 * time.Millisecond}, Connections: 16})
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Counts).To(And(HaveField("Due", BeEquivalentTo(100)), HaveField("Finished", BeEquivalentTo(100))))
		Expect(result.Flow.Min).To(BeNumerically(">=", 39.9))
	})

	It("does not keep a run that is stopped", func() {
		ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer stop()
		_, err := rested(ctx, load.Attacker{Script: resting{time.Hour}, Connections: 2})
		Expect(err).To(MatchError(context.DeadlineExceeded))
	})
})

// In virtual time a rest takes what it is to take, to the last nanosecond that is kept.
func TestARestIsAsLongAsItIsToBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := rested(t.Context(), load.Attacker{Script: resting{20 * time.Millisecond}, Connections: 16, Sleep: time.Sleep})
		if err != nil || result.Counts.Finished != 100 || result.Flow.Max > 40.1 || result.Flow.Min < 39.9 {
			t.Errorf("of a hundred rests of 40 ms %+v, from %.3f to %.3f ms: %v", result.Counts, result.Flow.Min, result.Flow.Max, err)
		}
	})
}

// hungUp is interrupted while it prepares its first seat.
type hungUp struct {
	resting
	hangUp  context.CancelFunc
	cleaned *int
}

func (h hungUp) Prepare(context.Context, *load.Seat) error {
	h.hangUp()
	return nil
}

func (h hungUp) Clean(*load.Seat) error {
	*h.cleaned++
	return nil
}

var _ = Describe("A load that is interrupted while it prepares", func() {
	It("takes away what it has made, and no more", func() {
		ctx, hangUp := context.WithCancel(context.Background())
		cleaned := 0
		a := load.Attacker{Script: load.Joined{hungUp{hangUp: hangUp, cleaned: &cleaned}}, Connections: 3}
		Expect(a.Prepare(ctx)).To(MatchError(context.Canceled))
		Expect(a.Clean()).To(Succeed())
		Expect(cleaned).To(Equal(1))
	})
})
