package play_test

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/bench/load/play"
	"countersign/bench/paired"
	"countersign/conformance"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
)

// attacked plays so many journeys as fast as they go.
func attacked(t testing.TB, a *load.Attacker) func(int) {
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Clean() }) // the target ends with the measurement
	return func(n int) {
		r := &load.Recorder{}
		if err := a.Attack(context.Background(), load.Constant(1e6, time.Duration(n)*time.Microsecond), r); err != nil {
			t.Error(err)
		}
		if c := r.Result().Counts; c.Bad() > 0 {
			t.Errorf("%s in a measurement", c.Failures())
		}
	}
}

// counted are surroundings that count what the target asks of others.
type counted struct {
	conformance.Env
	asked atomic.Int64
}

func (c *counted) Play(party string, h http.Handler) error {
	return c.Env.Play(party, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked.Add(1)
		h.ServeHTTP(w, r)
	}))
}

// BenchmarkFlowCost measures the CPU time of a role's journeys, engine and reference included, by that of as many bare exchanges of the same client with an empty
// handler of net/http, in one run. What the target asks of others on the way are exchanges of the journey too.
func BenchmarkFlowCost(b *testing.B) {
	if load.OwnCPU() == 0 {
		b.Skip("this system does not tell the CPU time of a process")
	}
	RegisterTestingT(b)
	for _, flow := range flows.All() {
		for _, role := range play.Chosen(flow.Name, play.Roles(flow.Name)) { // one user's handset would be measured with all that it waits for
			b.Run(flow.Name+"/"+string(role), func(b *testing.B) {
				var check conformance.Check
				for _, c := range flow.Checks {
					if c.Role == role {
						check = c
					}
				}
				env, target, err := reference.Reference{Seed: 1}.OnLoopback(b.Context(), check)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(env.Close)
				around := &counted{Env: env}
				script, err := play.Open(b.Context(), &play.Scene{Flow: flow, Env: around, Target: target}, role)
				if err != nil {
					b.Fatal(err)
				}
				server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				b.Cleanup(server.Close)
				bare, err := play.NewEndpoint(play.EndpointOptions{URL: server.URL})
				if err != nil {
					b.Fatal(err)
				}
				exchanges := attacked(b, &load.Attacker{Script: bare, Connections: 8})
				journeys := attacked(b, &load.Attacker{Script: script, Connections: 8, Limit: 30 * time.Second})
				const tried = 200
				before := around.asked.Load()
				journeys(tried)
				each := float64(len(script.Legs())) + float64(around.asked.Load()-before)/tried
				figures, err := paired.Contest{
					Variants: []paired.Variant{
						{Name: "bare exchanges", Run: func(n int) { exchanges(int(math.Ceil(float64(n) * each))) }},
						{Name: flow.Name, Run: journeys},
					},
					Rounds: 8, Slice: 400 * time.Millisecond, Clock: load.OwnCPU, // long slices: each run of an attack opens its connections and makes its histograms
				}.Measure(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(figures[2].Ratio, "x-bare")
				b.ReportMetric(each, "exchanges/journey")
				b.ReportMetric(figures[0].Nanoseconds/each, "bare-cpu-ns/exchange")
			})
		}
	}
}
