package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/redact"
)

// onWire opens checks on real connections, with one stage for all and no clock.
func onWire(stage *conformance.Stage, clock func(time.Duration) (time.Time, error)) func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
	return func(ctx context.Context, _ conformance.Check) (conformance.Env, conformance.Target, error) {
		return &conformance.Wire{Context: ctx, Stage: stage, MaxWait: time.Minute, Clock: clock, Random: zeros(64), Aliases: []redact.Name{}}, conformance.Target{}, nil
	}
}

var _ = Describe("Checks that wait for expiry", func() {
	const nap = 300 * time.Millisecond
	var stage *conformance.Stage
	BeforeEach(func() {
		stage = &conformance.Stage{}
		_, err := stage.Listen("party", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(stage.Close)
	})
	waiting := func(n int, c conformance.Check) []conformance.Check {
		return slices.Repeat([]conformance.Check{c}, n)
	}
	sleeper := conformance.Check{ID: must(), Role: catalog.OAuthServer, Run: func(s *conformance.Session) { s.Advance(nap) }}
	with := func(alone bool, how conformance.Waiting) conformance.Check {
		c := sleeper
		c.Alone, c.Waits = alone, how
		return c
	}

	DescribeTable("wait at the same time where the target has no clock",
		func(c conformance.Check, parallel int, least, most time.Duration) {
			began := time.Now()
			results := conformance.Runner{Open: onWire(stage, nil), Shared: true, Parallel: parallel}.Run(context.Background(), waiting(6, c))
			Expect(time.Since(began)).To(And(BeNumerically(">=", least), BeNumerically("<", most)))
			for _, r := range results {
				Expect(r.Verdict).To(Equal(conformance.Pass), r.Reason)
			}
		},
		Entry("those that need nothing for themselves", with(false, conformance.Waits), 16, nap, 3*nap),
		Entry("those that step aside, however few run at a time", with(false, conformance.WaitsAside), 1, nap, 3*nap),
		Entry("those that step aside though they run alone", with(true, conformance.WaitsAside), 1, nap, 3*nap),
		Entry("but one after the other where each needs the target as it left it", with(true, conformance.Waits), 16, 6*nap, time.Minute),
	)

	It("go one after the other where they move a clock that all share, and nothing else is under way then", func() {
		var under, most atomic.Int32
		busy := func(s *conformance.Session) {
			most.Store(max(most.Load(), under.Add(1)))
			s.Advance(time.Hour)
			s.Env.Await(20*time.Millisecond, func() bool { return false })
			under.Add(-1)
		}
		clock := func(time.Duration) (time.Time, error) { return time.Now(), nil }
		all := waiting(4, conformance.Check{ID: must(), Role: catalog.OAuthServer, Waits: conformance.WaitsAside, Run: busy})
		conformance.Runner{Open: onWire(stage, clock), Shared: true, Clocked: true}.Run(context.Background(), all)
		Expect(most.Load()).To(Equal(int32(1)))
	})

	It("let others play their parties meanwhile, and play them again when they go on", func() {
		address := "http://" + listener(stage)
		ask := func() string {
			resp, err := http.Get(address)
			if err != nil {
				return err.Error()
			}
			defer resp.Body.Close()
			return resp.Header.Get("By")
		}
		by := func(name string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("By", name) })
		}
		var mu sync.Mutex
		heard := map[string]string{}
		hear := func(when string) {
			said := ask()
			mu.Lock()
			defer mu.Unlock()
			heard[when] = said
		}
		aside := conformance.Check{ID: must(), Role: catalog.OAuthServer, Alone: true, Waits: conformance.WaitsAside, Run: func(s *conformance.Session) {
			s.Play("second", by("the one that waits"))
			hear("before")
			s.Advance(nap)
			hear("after")
		}}
		other := conformance.Check{ID: must(), Role: catalog.OAuthServer, Alone: true, Run: func(s *conformance.Session) {
			hear("meanwhile, nobody")
			s.Play("second", by("the other"))
			hear("meanwhile")
		}}
		conformance.Runner{Open: onWire(stage, nil), Shared: true}.Run(context.Background(), []conformance.Check{aside, other})
		Expect(heard).To(Equal(map[string]string{
			"before": "the one that waits", "meanwhile, nobody": "", "meanwhile": "the other", "after": "the one that waits",
		}))
	})
})

// listener adds a party of the name second to a stage, and gives its address.
func listener(stage *conformance.Stage) string {
	GinkgoHelper()
	origin, err := stage.Listen("second", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	return origin[len("http://"):]
}

var _ = Describe("The order of checks", func() {
	order := func(shuffle *uint64) (began []int, results []conformance.Result) {
		var all []conformance.Check
		for i := range 12 {
			all = append(all, conformance.Check{ID: must(), Role: catalog.OAuthServer, Run: func(s *conformance.Session) {
				began = append(began, i)
				s.Skip("check %d", i)
			}})
		}
		results = conformance.Runner{Open: open(&fake{}), Parallel: 1, Shuffle: shuffle}.Run(context.Background(), all)
		return began, results
	}

	It("is that of the catalogue, or one of the seed's own, and the results keep theirs", func() {
		plain, _ := order(nil)
		Expect(slices.IsSorted(plain)).To(BeTrue())
		seed, other := uint64(7), uint64(8)
		first, results := order(&seed)
		again, _ := order(&seed)
		another, _ := order(&other)
		Expect(first).To(Equal(again))
		Expect(first).NotTo(Equal(another))
		Expect(slices.IsSorted(first)).To(BeFalse())
		Expect(first).To(ConsistOf(plain))
		for i, r := range results {
			Expect(r.Reason).To(Equal(fmt.Sprintf("check %d", i)))
		}
	})
})

var _ = Describe("What a check makes at a target", func() {
	It("is named after the run, and by no name twice", func() {
		s := conformance.Session{Env: &fake{entropy: countingReader{new(byte)}}, Target: conformance.Target{Run: "k3v9qpa"}}
		one, two := s.Fresh("device", 9), s.Fresh("device", 9)
		Expect(one).To(MatchRegexp(`^device-k3v9qpa-[\w-]{12}$`))
		Expect(two).NotTo(Equal(one))
		s.Target.Run = ""
		Expect(s.Fresh("device", 9)).To(MatchRegexp(`^device-[\w-]{12}$`))
	})

	DescribeTable("is taken away again, the last thing first, whatever the verdict",
		func(judge func(*conformance.Session), verdict conformance.Verdict) {
			var undone []string
			r := play(&fake{entropy: zeros(64)}, func(s *conformance.Session) {
				for _, what := range []string{"account", "device"} {
					s.After(func() error {
						undone = append(undone, what)
						return nil
					})
				}
				judge(s)
			})
			Expect(undone).To(Equal([]string{"device", "account"}))
			Expect(r.Verdict).To(Equal(verdict))
		},
		Entry("a pass", func(*conformance.Session) {}, conformance.Pass),
		Entry("a failure", func(s *conformance.Session) { s.Fail("x", "y") }, conformance.Fail),
		Entry("a skip", func(s *conformance.Session) { s.Skip("no") }, conformance.Skip),
		Entry("a check that broke", func(*conformance.Session) { panic("a slip") }, conformance.Error),
	)

	It("stays where the target no longer answers, and judges nothing while it is taken away", func() {
		calls := 0
		r := play(&fake{}, func(s *conformance.Session) {
			s.After(func() error { calls++; return nil })
			s.After(func() error { return errors.New("gone") })
		})
		Expect(calls).To(BeZero())
		Expect(r.Verdict).To(Equal(conformance.Pass))
		r = play(&fake{}, func(s *conformance.Session) {
			s.After(func() error { s.Fail("a clean target", "a dirty one"); return nil })
		})
		Expect(r.Verdict).To(Equal(conformance.Pass))
	})

	It("makes an error of a slip in the cleaning", func() {
		r := play(&fake{}, func(s *conformance.Session) { s.After(func() error { panic("a slip") }) })
		Expect(r.Verdict).To(Equal(conformance.Error))
		Expect(r.Reason).To(Equal("the check broke when it cleaned up: a slip"))
	})
})

// countingReader never gives the same bytes twice in a row.
type countingReader struct{ next *byte }

func (c countingReader) Read(p []byte) (int, error) {
	for i := range p {
		*c.next++
		p[i] = *c.next
	}
	return len(p), nil
}

var _ = Describe("An address at which a run plays a party", func() {
	It("tells other runs so, for as long as the run lasts", func() {
		stage := &conformance.Stage{}
		origin := "http://" + listener(stage)
		Expect(conformance.HeldBy(context.Background(), origin)).To(Equal("second"))
		stage.Close()
		Expect(conformance.HeldBy(context.Background(), origin)).To(BeEmpty())
	})
})
