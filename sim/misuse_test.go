package sim_test

import (
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

var _ = Describe("Misuse of a world", func() {
	// foreign calls f in a goroutine of its own and returns its panic.
	foreign := func(f func()) any {
		panicked := make(chan any)
		go func() {
			defer func() { panicked <- recover() }()
			f()
		}()
		return <-panicked
	}

	DescribeTable("from a goroutine that a process started is told to it and to Run",
		func(call string, use func(*sim.World, *sim.Host)) {
			w := sim.New(sim.Config{})
			w.Host("server", echo)
			h := w.Host("a", nil)
			var value any
			h.Go("careless", func() { value = foreign(func() { use(w, h) }) })
			err := w.Run()
			var misuse *sim.MisuseError
			Expect(errors.As(err, &misuse)).To(BeTrue(), "%v", err)
			Expect(misuse.Call).To(HavePrefix(call))
			Expect(err).To(MatchError(HavePrefix("yield from a foreign goroutine: ")))
			Expect(value).To(BeIdenticalTo(err))
		},
		Entry("when it sleeps", "Clock.Sleep", func(_ *sim.World, h *sim.Host) { h.Clock().Sleep(time.Second) }),
		Entry("when it sends", "Client.Do to server", func(_ *sim.World, h *sim.Host) { _ = exchange(h, "https://server/") }),
		Entry("when it waits at a gate", "Gate.Wait", func(w *sim.World, _ *sim.Host) { w.NewGate("g").Wait() }),
		Entry("when it waits at a gate for a time", "Gate.WaitFor", func(w *sim.World, _ *sim.Host) { w.NewGate("g").WaitFor(1) }),
		Entry("when it opens a gate", "Gate.Open", func(w *sim.World, _ *sim.Host) { w.NewGate("g").Open() }),
		Entry("when it starts a process", "Host.Go", func(_ *sim.World, h *sim.Host) { h.Go("x", func() {}) }),
		Entry("when it crashes a host", "Host.Crash", func(_ *sim.World, h *sim.Host) { h.Crash(0) }),
		Entry("when it notes", "Host.Note", func(_ *sim.World, h *sim.Host) { h.Note("x") }),
		Entry("when it wants entropy", "Host.Entropy", func(_ *sim.World, h *sim.Host) { h.Entropy("x") }),
		Entry("when it injects", "World.Inject", func(w *sim.World, _ *sim.Host) { w.Inject(sim.Message{}) }),
		Entry("when it runs the world", "World.Run", func(w *sim.World, _ *sim.Host) { _ = w.Run() }),
		Entry("when it closes the world", "World.Close", func(w *sim.World, _ *sim.Host) { w.Close() }),
	)

	It("by waiting outside of any process is a panic", func() {
		w := sim.New(sim.Config{})
		h := w.Host("a", nil)
		Expect(func() { h.Clock().Sleep(1) }).To(PanicWith(MatchError(ContainSubstring("the world does not run"))))
	})

	It("by waiting in a tap ends the run", func() {
		w := sim.New(sim.Config{})
		w.Host("server", echo)
		h := w.Host("a", nil)
		w.Tap(sim.TapFunc(func(*sim.World, sim.Message) sim.Verdict {
			h.Clock().Sleep(1)
			return sim.Verdict{}
		}))
		h.Go("caller", func() { _ = exchange(h, "https://server/") })
		Expect(w.Run()).To(MatchError(ContainSubstring("a tap or a callback must not wait")))
	})

	It("by running or closing the world from a process ends the run", func() {
		for _, use := range []func(*sim.World){func(w *sim.World) { _ = w.Run() }, (*sim.World).Close} {
			w := sim.New(sim.Config{})
			w.Host("a", nil).Go("careless", func() { use(w) })
			var misuse *sim.MisuseError
			Expect(errors.As(w.Run(), &misuse)).To(BeTrue())
		}
	})
})
