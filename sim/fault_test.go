package sim_test

import (
	"encoding/json"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

var _ = Describe("A fault", func() {
	It("has for every kind a sentence and an example that can be read", func() {
		Expect(sim.Kinds()).To(HaveLen(9))
		for _, k := range sim.Kinds() {
			Expect(k.Meaning).To(HaveSuffix("."))
			f, err := sim.ParseFault(k.Example)
			Expect(err).NotTo(HaveOccurred())
			Expect(f.Kind).To(Equal(k.Name))
			Expect(sim.ParseFault(f.String())).To(Equal(f))
		}
	})

	DescribeTable("is spelled and read alike",
		func(text string, f sim.Fault) {
			Expect(sim.ParseFault(text)).To(Equal(f))
			Expect(sim.ParseFault(f.String())).To(Equal(f))
			Expect(f.Validate()).To(Succeed())
			data, err := json.Marshal(f)
			Expect(err).NotTo(HaveOccurred())
			var back sim.Fault
			Expect(json.Unmarshal(data, &back)).To(Succeed())
			Expect(back).To(Equal(f))
		},
		Entry("a loss", "loss:client.a>oauth.b=0.3", sim.Fault{Kind: "loss", From: "client.a", To: "oauth.b", Rate: 0.3}),
		Entry("for some time", "duplicate:*>*@1s+500ms=1", sim.Fault{Kind: "duplicate", From: "*", To: "*", At: time.Second, For: time.Second / 2, Rate: 1}),
		Entry("from the start", "halfopen:b@0s+2s", sim.Fault{Kind: "halfopen", From: "b", For: 2 * time.Second}),
		Entry("to the end", "partition:a>b@1m", sim.Fault{Kind: "partition", From: "a", To: "b", At: time.Minute}),
		Entry("a range", "delay:a>b=50ms-400ms", sim.Fault{Kind: "delay", From: "a", To: "b", Min: 50 * time.Millisecond, Max: 400 * time.Millisecond}),
		Entry("a single delay", "delay:a>b=50ms", sim.Fault{Kind: "delay", From: "a", To: "b", Min: 50 * time.Millisecond, Max: 50 * time.Millisecond}),
		Entry("a clock behind", "skew:a=-90s", sim.Fault{Kind: "skew", From: "a", Min: -90 * time.Second, Max: -90 * time.Second}),
		Entry("a crash", "crash:oauth.b@150ms+1s", sim.Fault{Kind: "crash", From: "oauth.b", At: 150 * time.Millisecond, For: time.Second}),
	)

	DescribeTable("says what is wrong with it, and how it is written",
		func(text, problem string) {
			_, err := sim.ParseFault(text)
			var fault *sim.FaultError
			Expect(errors.As(err, &fault)).To(BeTrue())
			Expect(fault.Fault).To(Equal(text))
			Expect(fault.Problem).To(ContainSubstring(problem))
			Expect(err).To(MatchError(ContainSubstring(fault.Example)))
			Expect(sim.ParseFault(fault.Example)).Error().NotTo(HaveOccurred())
		},
		Entry("without a colon", "loss", "no colon"),
		Entry("empty", "", "no colon"),
		Entry("of an unknown kind", "fire:a", "the kinds are loss, duplicate"),
		Entry("on a host where a link is needed", "loss:a=1", "names no link"),
		Entry("on a link where a host is needed", "crash:a>b", "one host is expected"),
		Entry("with a value too many", "partition:a>b=1", "does not take"),
		Entry("without its value", "loss:a>b", "lacks its value, a probability"),
		Entry("without its duration", "slow:a", "lacks its value, a duration"),
		Entry("with a bad start", "crash:a@soon", `begins at "soon"`),
		Entry("with a bad duration", "crash:a@1s+long", `lasts for "long"`),
		Entry("with no duration", "crash:a@1s+0s", `lasts for "0s"`),
		Entry("before the start", "crash:a@-1s", "out of bounds"),
		Entry("beyond all time", "crash:a@2540400h+2540400h", "out of bounds"),
		Entry("with a bad number", "loss:a>b=many", "no number"),
		Entry("with an impossible probability", "loss:a>b=1.5", "not between 0 and 1"),
		Entry("with no probability at all", "loss:a>b=NaN", "not between 0 and 1"),
		Entry("with a bad range", "delay:a>b=1s-x", "no range"),
		Entry("with a range backwards", "delay:a>b=2s-1s", "ends before it begins"),
		Entry("with a negative delay", "slow:a=-1s", "negative"),
		Entry("nowhere", "crash:", "does not say where"),
		Entry("to nowhere", "loss:a>=1", "does not say where"),
		Entry("over two hops", "loss:a>b>c=1", "no valid host"),
	)

	It("checks what was not parsed", func() {
		Expect(sim.Fault{Kind: "fire", From: "a"}.Validate()).To(MatchError(ContainSubstring("unknown kind")))
		Expect(sim.New(sim.Config{Faults: []sim.Fault{{Kind: "loss", From: "a"}}}).Run()).To(MatchError(ContainSubstring("does not say where")))
	})

	It("that names a host unknown to the world is an error of Run", func() {
		for _, text := range []string{"crash:oauth.c", "loss:a>oauth.c=1", "slow:oauth.c=1s"} {
			f, _ := sim.ParseFault(text)
			w := sim.New(sim.Config{Faults: []sim.Fault{f}})
			w.Host("a", nil)
			w.Host("b", nil)
			Expect(w.Run()).To(MatchError(ContainSubstring(`names a host "oauth.c" that the world does not have: it has a, b`)))
		}
	})

	DescribeTable("does what its kind says",
		func(text string, check func(w *sim.World, paths []string, failed int)) {
			f, err := sim.ParseFault(text)
			Expect(err).NotTo(HaveOccurred())
			paths, failed, w := arrivals(sim.Config{
				Seed: 1, Faults: []sim.Fault{f}, Timeout: 10 * time.Second,
				Link: sim.Link{Delay: time.Millisecond},
			}, 100, nil)
			check(w, paths, failed)
		},
		Entry("loss", "loss:client>server=0.3", func(_ *sim.World, paths []string, failed int) {
			Expect(failed).To(BeNumerically("~", 30, 15))
			Expect(len(paths)).To(Equal(100 - failed))
		}),
		Entry("loss for a while", "loss:*>server@95ms+100ms=1", func(_ *sim.World, _ []string, failed int) { Expect(failed).To(Equal(10)) }),
		Entry("loss the other way", "loss:server>client=1", func(_ *sim.World, paths []string, failed int) {
			Expect(paths).To(HaveLen(100))
			Expect(failed).To(Equal(100))
		}),
		Entry("duplicate", "duplicate:client>*=0.5", func(_ *sim.World, paths []string, _ int) {
			Expect(len(paths)).To(BeNumerically("~", 150, 20))
		}),
		Entry("reorder", "reorder:client>server=0.3", func(_ *sim.World, paths []string, _ int) {
			Expect(paths).To(HaveLen(100))
			Expect(paths[:3]).NotTo(Equal([]string{"/a", "/b", "/c"}))
		}),
		Entry("delay", "delay:client>server=5s-6s", func(w *sim.World, _ []string, failed int) {
			Expect(failed).To(BeZero())
			for _, p := range w.Trace().Messages() {
				if p.Message.Kind == sim.Request {
					Expect(p.Delivered - p.Sent).To(And(BeNumerically(">=", 5*time.Second), BeNumerically("<=", 6*time.Second+time.Millisecond)))
				}
			}
		}),
		Entry("partition, either way", "partition:server>client@500ms+100ms", func(_ *sim.World, paths []string, failed int) {
			Expect(failed).To(Equal(10))
			Expect(paths).To(HaveLen(90))
		}),
		Entry("crash", "crash:server@500ms+100ms", func(w *sim.World, _ []string, failed int) {
			Expect(failed).To(Equal(10))
			Expect(kinds(w)).To(ContainElements(sim.EventCrash, sim.EventRefuse, sim.EventRestart))
		}),
		Entry("crash for good", "crash:server@500ms", func(_ *sim.World, _ []string, failed int) { Expect(failed).To(Equal(50)) }),
		Entry("slow", "slow:server=5s", func(w *sim.World, _ []string, failed int) {
			Expect(failed).To(BeZero())
			Expect(w.Now()).To(Equal(5*time.Second + 992*time.Millisecond))
		}),
		Entry("too slow", "slow:server=11s", func(_ *sim.World, paths []string, failed int) {
			Expect(paths).To(HaveLen(100))
			Expect(failed).To(Equal(100))
		}),
		Entry("halfopen", "halfopen:server@500ms+100ms", func(_ *sim.World, paths []string, failed int) {
			Expect(paths).To(HaveLen(100))
			Expect(failed).To(Equal(10))
		}),
	)

	It("skews a host's clock while it lasts, and no other's", func() {
		ahead, _ := sim.ParseFault("skew:a=90s")
		behind, _ := sim.ParseFault("skew:a@1s+1s=-30s")
		w := sim.New(sim.Config{Faults: []sim.Fault{ahead, behind}})
		a, b := w.Host("a", nil), w.Host("b", nil)
		var skews []time.Duration
		b.Go("reader", func() {
			for range 3 {
				skews = append(skews, a.Clock().Now().Sub(b.Clock().Now()))
				b.Clock().Sleep(time.Second)
			}
		})
		Expect(w.Run()).To(Succeed())
		Expect(skews).To(Equal([]time.Duration{90 * time.Second, 60 * time.Second, 90 * time.Second}))
	})
})
