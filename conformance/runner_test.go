package conformance_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// checks are n checks that do the same.
func checks(n int, run func(*conformance.Session)) []conformance.Check {
	var all []conformance.Check
	for range n {
		all = append(all, conformance.Check{ID: must(), Role: catalog.OAuthServer, Run: run})
	}
	return all
}

func verdicts(results []conformance.Result) []conformance.Verdict {
	var all []conformance.Verdict
	for _, r := range results {
		all = append(all, r.Verdict)
	}
	return all
}

var _ = Describe("A runner", func() {
	ctx := context.Background()
	pass := func(*conformance.Session) {}

	It("gives the results in the order of the checks, whatever order they end in", func() {
		second := make(chan struct{})
		all := []conformance.Check{
			{ID: "BI-OS-05", Role: catalog.OAuthServer, Run: func(*conformance.Session) { <-second }},
			{ID: "BI-RS-01", Role: catalog.ResourceServer, Run: func(*conformance.Session) { close(second) }},
		}
		results := conformance.Runner{Open: open(&fake{}), Parallel: 2}.Run(ctx, all)
		Expect(results[0].Check).To(Equal("BI-OS-05"))
		Expect(results[1].Check).To(Equal("BI-RS-01"))
		Expect(results[1].Role).To(Equal(catalog.ResourceServer))
		Expect(results[1].Requirement.ID).To(Equal(catalog.ID("BI-RS-01")))
	})

	DescribeTable("runs as many checks at a time as it may, and no more",
		func(parallel, expected int) {
			var running, most atomic.Int32
			full, n := make(chan struct{}), 3*expected
			results := conformance.Runner{Open: open(&fake{}), Parallel: parallel}.Run(ctx, checks(n, func(*conformance.Session) {
				now := running.Add(1)
				defer running.Add(-1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				if int(now) == expected {
					select {
					case <-full:
					default:
						close(full)
					}
				}
				<-full
			}))
			Expect(results).To(HaveLen(n))
			Expect(most.Load()).To(Equal(int32(expected)))
		},
		Entry("one", 1, 1), Entry("three", 3, 3), Entry("sixteen where nothing is said", 0, 16), Entry("sixteen where nonsense is said", -1, 16),
	)

	DescribeTable("treats checks that cannot share a target",
		func(shared bool, expected []string) {
			var mu sync.Mutex
			var order []string
			note := func(name string, alone bool) conformance.Check {
				return conformance.Check{ID: must(), Role: catalog.OAuthServer, Alone: alone, Run: func(*conformance.Session) {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, name)
				}}
			}
			conformance.Runner{Open: open(&fake{}), Parallel: 1, Shared: shared}.Run(ctx, []conformance.Check{note("a", true), note("b", false), note("c", true), note("d", false)})
			Expect(order).To(Equal(expected))
		},
		Entry("one by one, after the others, when there is one target for all", true, []string{"b", "d", "a", "c"}),
		Entry("like the others when each check has its own", false, []string{"a", "b", "c", "d"}),
	)

	It("never runs two checks that stand alone at a time on a shared target", func() {
		var running, most atomic.Int32
		all := checks(8, func(*conformance.Session) {
			most.Store(max(most.Load(), running.Add(1)))
			running.Add(-1)
		})
		for i := range all {
			all[i].Alone = true
		}
		conformance.Runner{Open: open(&fake{}), Shared: true}.Run(ctx, all)
		Expect(most.Load()).To(Equal(int32(1)))
	})

	It("tells of each result once, counting up, one call at a time", func() {
		var told []int
		var inside atomic.Int32
		results := conformance.Runner{Open: open(&fake{}), Progress: func(done, total int, r conformance.Result) {
			Expect(inside.Add(1)).To(Equal(int32(1)))
			told = append(told, done)
			Expect(total).To(Equal(40))
			Expect(r.Verdict).To(Equal(conformance.Pass))
			inside.Add(-1)
		}}.Run(ctx, checks(40, pass))
		Expect(results).To(HaveLen(40))
		Expect(told).To(HaveLen(40))
		for i, done := range told {
			Expect(done).To(Equal(i + 1))
		}
	})

	It("skips the checks that have not begun when the run is stopped", func() {
		ctx, stop := context.WithCancel(ctx)
		stop()
		opened := false
		results := conformance.Runner{Open: func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
			opened = true
			return &fake{}, conformance.Target{}, nil
		}}.Run(ctx, checks(3, pass))
		Expect(opened).To(BeFalse())
		for _, r := range results {
			Expect(r.Verdict).To(Equal(conformance.Skip))
			Expect(r.Reason).To(Equal("the run was stopped before this check began"))
			Expect(r.Exchanges).NotTo(BeNil())
		}
	})

	DescribeTable("draws no verdict from a check during which the run is stopped",
		func(judge func(*conformance.Session)) {
			ctx, stop := context.WithCancel(ctx)
			results := conformance.Runner{Open: open(&fake{}), Parallel: 1}.Run(ctx, checks(2, func(s *conformance.Session) {
				stop()
				judge(s)
			}))
			Expect(verdicts(results)).To(Equal([]conformance.Verdict{conformance.Skip, conformance.Skip}))
			Expect(results[0].Reason).To(Equal("the run was stopped during this check"))
			Expect(results[0].Failure).To(BeNil())
		},
		Entry("be it a failure, as when an exchange is broken off", func(s *conformance.Session) { s.Fail("an answer", "none") }),
		Entry("be it a pass, as when a wait for nothing is cut short", func(s *conformance.Session) { s.Pass() }),
		Entry("be it an error", func(s *conformance.Session) { s.Broken("no clock") }),
	)

	It("makes an error of surroundings that do not open, and goes on", func() {
		n := 0
		results := conformance.Runner{Parallel: 1, Open: func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
			if n++; n == 1 {
				return nil, conformance.Target{}, errors.New("no port is free")
			}
			return &fake{}, conformance.Target{}, nil
		}}.Run(ctx, checks(2, pass))
		Expect(verdicts(results)).To(Equal([]conformance.Verdict{conformance.Error, conformance.Pass}))
		Expect(results[0].Reason).To(Equal("no port is free"))
		Expect(results[0].Exchanges).NotTo(BeNil())
	})

	It("makes an error of a check that panics, and goes on", func() {
		n := 0
		results := conformance.Runner{Open: open(&fake{}), Parallel: 1}.Run(ctx, checks(3, func(*conformance.Session) {
			if n++; n == 2 {
				panic("a slip in the check")
			}
		}))
		Expect(verdicts(results)).To(Equal([]conformance.Verdict{conformance.Pass, conformance.Error, conformance.Pass}))
		Expect(results[1].Reason).To(Equal("the check broke: a slip in the check"))
	})

	It("makes an error of surroundings that break, even where the check failed", func() {
		results := conformance.Runner{Open: open(&fake{within: errors.New("the world broke"), answer: page("")})}.Run(ctx, checks(1, func(s *conformance.Session) {
			s.Do("harness", get("http://target/"))
			s.Fail("x", "y")
		}))
		Expect(results[0].Verdict).To(Equal(conformance.Error))
		Expect(results[0].Reason).To(Equal("the world broke"))
		Expect(results[0].Failure).To(BeNil())
		Expect(results[0].Exchanges).To(HaveLen(1), "the evidence stays")
	})

	It("shows no secret of the configuration in why a check could not begin, or broke", func() {
		secrets := []conformance.Secret{{Place: "setup.key", Value: "canary-key"}}
		broken := conformance.Runner{Open: open(&fake{within: errors.New("canary%2Dkey broke")}), Secrets: secrets}.Run(ctx, checks(1, pass))
		unopened := conformance.Runner{Secrets: secrets, Open: func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
			return nil, conformance.Target{}, errors.New("there is no canary-key")
		}}.Run(ctx, checks(1, pass))
		Expect([]string{broken[0].Reason, unopened[0].Reason}).To(Equal([]string{"‹setup.key› broke", "there is no ‹setup.key›"}))
	})

	It("closes the surroundings of every check", func() {
		env := &fake{answer: func(*http.Request) (*http.Response, error) { return nil, errors.New("gone") }}
		conformance.Runner{Open: open(env), Parallel: 1}.Run(ctx, checks(3, func(s *conformance.Session) { s.Do("harness", get("http://target/")) }))
		Expect(env.closed.Load()).To(Equal(int32(3)))
	})

	It("notes the command that runs a check again", func() {
		results := conformance.Runner{Open: open(&fake{}), Repro: func(c conformance.Check) string { return "again " + c.Name() }}.Run(ctx, checks(1, pass))
		Expect(results[0].Repro).To(Equal("again " + string(must())))
	})
})
