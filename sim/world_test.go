package sim_test

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

var _ = Describe("A world", func() {
	var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

	It("tells virtual time, which passes only in sleep", func() {
		w := sim.New(sim.Config{})
		h := w.Host("a", nil)
		var times []time.Time
		h.Go("sleeper", func() {
			times = append(times, h.Clock().Now())
			h.Clock().Sleep(time.Hour)
			times = append(times, h.Clock().Now())
		})
		Expect(w.Run()).To(Succeed())
		Expect(times).To(Equal([]time.Time{epoch, epoch.Add(time.Hour)}))
		Expect(w.Now()).To(Equal(time.Hour))
	})

	It("steps processes in the order of time, then of planning", func() {
		w := sim.New(sim.Config{})
		h := w.Host("a", nil)
		var order []string
		for _, p := range []struct {
			name string
			wait time.Duration
		}{{"late", 2}, {"early", 1}, {"early too", 1}, {"at once", 0}} {
			h.Go(p.name, func() {
				h.Clock().Sleep(p.wait)
				order = append(order, p.name)
			})
		}
		Expect(w.Run()).To(Succeed())
		Expect(order).To(Equal([]string{"at once", "early", "early too", "late"}))
	})

	It("goes on where it stopped when it is run again", func() {
		w := sim.New(sim.Config{})
		h := w.Host("a", nil)
		for range 2 {
			h.Go("sleeper", func() { h.Clock().Sleep(time.Minute) })
			Expect(w.Run()).To(Succeed())
		}
		Expect(w.Now()).To(Equal(2 * time.Minute))
	})

	It("starts a process from a process", func() {
		w := sim.New(sim.Config{})
		h := w.Host("a", nil)
		done := false
		h.Go("parent", func() { h.Go("child", func() { done = true }) })
		Expect(w.Run()).To(Succeed())
		Expect(done).To(BeTrue())
	})

	It("refuses a host name that is taken or that no URL can hold", func() {
		w := sim.New(sim.Config{})
		w.Host("a", nil)
		Expect(func() { w.Host("a", nil) }).To(PanicWith(ContainSubstring("already has a host a")))
		Expect(func() { w.Host("A B", nil) }).To(PanicWith(ContainSubstring("cannot name a host")))
	})

	Describe("a gate", func() {
		It("lets all pass once opened, and ever after", func() {
			w := sim.New(sim.Config{})
			h := w.Host("a", nil)
			g := w.NewGate("consent")
			passed := 0
			for range 2 {
				h.Go("waiter", func() { g.Wait(); g.Wait(); passed++ })
			}
			h.Go("opener", func() {
				h.Clock().Sleep(time.Second)
				Expect(g.Opened()).To(BeFalse())
				g.Open()
				g.Open()
			})
			Expect(w.Run()).To(Succeed())
			Expect(passed).To(Equal(2))
			Expect(g.Opened()).To(BeTrue())
		})

		It("can be waited for with a limit", func() {
			w := sim.New(sim.Config{})
			h := w.Host("a", nil)
			g := w.NewGate("consent")
			var results []bool
			h.Go("waiter", func() {
				results = append(results, g.WaitFor(time.Second), g.WaitFor(2*time.Second), g.WaitFor(0))
			})
			h.Go("opener", func() {
				h.Clock().Sleep(2 * time.Second)
				g.Open()
			})
			Expect(w.Run()).To(Succeed())
			Expect(results).To(Equal([]bool{false, true, true}))
			Expect(w.Now()).To(Equal(2 * time.Second))
		})
	})

	Describe("ends with an error", func() {
		It("that names who waits for what in a deadlock", func() {
			w := sim.New(sim.Config{})
			h := w.Host("a", nil)
			unwound := false
			h.Go("waiter", func() {
				defer func() { unwound = true }()
				w.NewGate("consent").Wait()
			})
			err := w.Run()
			var deadlock *sim.DeadlockError
			Expect(errors.As(err, &deadlock)).To(BeTrue())
			Expect(deadlock.Waiting).To(Equal([]sim.Waiting{{Host: "a", Process: "waiter", For: "gate consent"}}))
			Expect(err).To(MatchError(ContainSubstring(`process "waiter" on host "a" waits for gate consent`)))
			Expect(unwound).To(BeTrue())
			var closed *sim.ClosedError
			Expect(errors.As(w.Run(), &closed)).To(BeTrue())
			Expect(closed.Cause).To(BeIdenticalTo(err))
		})

		It("at the horizon", func() {
			w := sim.New(sim.Config{Horizon: time.Hour})
			h := w.Host("a", nil)
			h.Go("ticker", func() {
				for {
					h.Clock().Sleep(time.Minute + 1)
				}
			})
			var horizon *sim.HorizonError
			Expect(errors.As(w.Run(), &horizon)).To(BeTrue())
			Expect(horizon.Waiting).To(HaveLen(1))
			Expect(w.Now()).To(Equal(time.Hour))
		})

		It("after too many steps", func() {
			w := sim.New(sim.Config{MaxSteps: 1000})
			h := w.Host("a", nil)
			h.Go("spinner", func() {
				for {
					h.Clock().Sleep(0)
				}
			})
			var livelock *sim.LivelockError
			Expect(errors.As(w.Run(), &livelock)).To(BeTrue())
			Expect(livelock.Steps).To(Equal(1000))
		})

		It("that holds the value and the stack of a panic", func() {
			w := sim.New(sim.Config{})
			h := w.Host("a", nil)
			h.Go("jumpy", func() { panic(io.ErrNoProgress) })
			err := w.Run()
			var panicked *sim.PanicError
			Expect(errors.As(err, &panicked)).To(BeTrue())
			Expect(panicked.Host).To(Equal("a"))
			Expect(panicked.Process).To(Equal("jumpy"))
			Expect(panicked.Stack).To(ContainSubstring("world_test.go"))
			Expect(err).To(MatchError(io.ErrNoProgress))
		})

		It("when a handler panics, with the place where it did", func() {
			w := sim.New(sim.Config{})
			w.Host("server", func(*sim.Host) http.Handler { return http.HandlerFunc(brokenHandler) })
			h := w.Host("a", nil)
			h.Go("caller", func() { _ = exchange(h, "http://server/") })
			var panicked *sim.PanicError
			Expect(errors.As(w.Run(), &panicked)).To(BeTrue())
			Expect(panicked.Host).To(Equal("server"))
			Expect(panicked.Process).To(Equal("POST /"))
			Expect(panicked.Stack).To(ContainSubstring("brokenHandler"))
		})

		It("when a process leaves through runtime.Goexit", func() {
			w := sim.New(sim.Config{})
			h := w.Host("a", nil)
			h.Go("leaver", func() { runtime.Goexit() })
			h.Go("other", func() { h.Clock().Sleep(time.Second) })
			Expect(w.Run()).To(MatchError(ContainSubstring("runtime.Goexit was called")))
		})

		It("when a tap panics", func() {
			w := sim.New(sim.Config{})
			w.Host("server", echo)
			w.Tap(sim.TapFunc(func(*sim.World, sim.Message) sim.Verdict { panic("no such tap") }))
			w.Inject(sim.Message{From: "mallory", URL: "http://server/"})
			Expect(w.Run()).To(MatchError(ContainSubstring("no such tap")))
		})

		It("that names the process that stalls, and leaves it behind", func() {
			w := sim.New(sim.Config{Stall: 20 * time.Millisecond})
			h := w.Host("a", nil)
			release, released := make(chan struct{}), make(chan struct{})
			h.Go("before", func() { h.Note("seen") })
			h.Go("stuck", func() {
				defer close(released)
				<-release
				h.Clock().Sleep(time.Second)
				Fail("an abandoned world goes on")
			})
			err := w.Run()
			var stall *sim.StallError
			Expect(errors.As(err, &stall)).To(BeTrue())
			Expect(stall.Host).To(Equal("a"))
			Expect(stall.Process).To(Equal("stuck"))
			Expect(stall.Stack).To(ContainSubstring("world_test.go"))
			Expect(kinds(w)).To(ContainElement(sim.EventNote))
			Expect(w.Run()).To(MatchError(stall))
			w.Close()
			close(release)
			Eventually(released).Should(BeClosed())
		})
	})

	It("leaves no goroutine behind, however it ends", func() {
		before := runtime.NumGoroutine()
		for range 50 {
			for _, end := range []func(*sim.World, *sim.Host){
				func(w *sim.World, h *sim.Host) {},
				func(w *sim.World, h *sim.Host) { h.Go("waiter", w.NewGate("never").Wait) },
				func(w *sim.World, h *sim.Host) { h.Go("jumpy", func() { panic("no") }) },
				func(w *sim.World, h *sim.Host) { h.Go("sleeper", func() { h.Clock().Sleep(1 << 60) }) },
				func(w *sim.World, h *sim.Host) { h.Go("leaver", func() { runtime.Goexit() }) },
			} {
				w := sim.New(sim.Config{})
				w.Host("server", echo)
				h := w.Host("a", nil)
				for range 3 {
					h.Go("caller", func() { _ = exchange(h, "https://server/") })
				}
				end(w, h)
				_ = w.Run()
			}
		}
		Eventually(runtime.NumGoroutine).Should(BeNumerically("<=", before+1))
	})

	It("can be collected after its run", func() {
		collected := make(chan struct{})
		func() {
			w := sim.New(sim.Config{})
			w.Host("server", echo)
			h := w.Host("a", nil)
			h.Go("caller", func() { _ = exchange(h, "https://server/") })
			Expect(w.Run()).To(Succeed())
			runtime.AddCleanup(w, func(c chan struct{}) { close(c) }, collected)
		}()
		Eventually(func() chan struct{} { runtime.GC(); return collected }).Should(BeClosed())
	})

	It("unwinds nothing and bears Close when it never ran", func() {
		w := sim.New(sim.Config{})
		h := w.Host("a", nil)
		h.Go("never", func() { Fail("a closed world ran") })
		w.Close()
		w.Close()
		Expect(w.Run()).To(MatchError(ContainSubstring("the world was closed")))
	})
})

func brokenHandler(http.ResponseWriter, *http.Request) { panic("a bug") }
