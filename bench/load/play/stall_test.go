package play_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/conformance/ticket"
)

// stalling is a server that stands still for a second when it is first asked under load.
type stalling struct {
	http.Handler
	once  sync.Once
	begun time.Time
	armed atomic.Bool
}

const stall = time.Second

func (h *stalling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.armed.Load() && r.URL.Path == "/resource" {
		h.once.Do(func() { h.begun = time.Now() })
		<-time.After(time.Until(h.begun.Add(stall))) // the target's own time
	}
	h.Handler.ServeHTTP(w, r)
}

var _ = Describe("A server that stalls", func() {
	// All bounds are lower ones: they follow from when journeys were to begin, and a machine that is slow makes times longer only.
	It("is seen through a whole flow by all journeys that were to meet it, and none is lost", func() {
		target := &stalling{}
		script := appServer(func(setup *ticket.Setup) http.Handler {
			target.Handler = &mixedUp{setup: setup, every: 1 << 40}
			return target
		})
		a := load.Attacker{Script: script, Connections: 4, Limit: time.Minute, Drain: time.Minute}
		Expect(a.Prepare(context.Background())).To(Succeed())
		target.armed.Store(true)
		r := &load.Recorder{}
		Expect(a.Attack(context.Background(), load.Constant(100, 2*time.Second), r)).To(Succeed())
		Expect(a.Clean()).To(Succeed())
		result := r.Result()
		Expect(result.Counts).To(And(HaveField("Due", BeEquivalentTo(200)), HaveField("Finished", BeEquivalentTo(200))), result.Counts.Failures())
		// The first hundred of two hundred were to begin in the second of the stall, evenly: a twentieth of all waits for 0.9 s or more.
		Expect(result.Flow.Max).To(BeNumerically(">=", 995))
		Expect(result.Flow.P95).To(BeNumerically(">=", 890))
		Expect(result.Counts.Late).To(BeNumerically(">=", 90), "four connections hold four journeys, and the others begin late")
		Expect(result.Legs[0].Max).To(BeNumerically(">=", 900), "the stall is in the leg that met it")
	})
})
