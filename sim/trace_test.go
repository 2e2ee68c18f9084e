package sim_test

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"runtime"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

// busy runs a world with all that there is in it, and returns it.
func busy(seed uint64) *sim.World {
	var faults []sim.Fault
	for _, text := range []string{
		"loss:*>*=0.05", "duplicate:*>*=0.1", "reorder:*>*=0.1", "crash:server@300ms+200ms",
		"slow:back@400ms+100ms=50ms", "skew:client1=90s", "partition:client0>server@700ms+100ms",
	} {
		f, err := sim.ParseFault(text)
		if err != nil {
			panic(err)
		}
		faults = append(faults, f)
	}
	w := sim.New(sim.Config{Seed: seed, Faults: faults, Timeout: time.Second})
	w.Host("back", counter)
	w.Host("server", func(h *sim.Host) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			b := make([]byte, 8)
			_, _ = h.Entropy("token").Read(b)
			h.Clock().Sleep(time.Duration(b[0]) * time.Millisecond / 8)
			text, err := get(h, "http://back/")
			if err != nil {
				http.Error(rw, "no", http.StatusBadGateway)
				return
			}
			rw.Header().Set("X-Token", fmt.Sprintf("%x", b))
			_, _ = rw.Write([]byte(text))
		})
	})
	gate := w.NewGate("together")
	for i := range 3 {
		h := w.Host(fmt.Sprintf("client%d", i), nil)
		h.Go("caller", func() {
			if i == 0 {
				gate.Open()
			}
			gate.Wait()
			for range 6 {
				_ = exchange(h, "https://server/")
			}
		})
	}
	w.Tap(sim.TapFunc(func(w *sim.World, m sim.Message) sim.Verdict {
		if m.ID%17 == 0 && !m.Injected {
			w.Inject(sim.Message{From: "mallory", URL: "https://server/spy"})
		}
		return sim.Verdict{Drop: m.ID%23 == 0}
	}))
	return w
}

func hashOf(seed uint64) string {
	w := busy(seed)
	if err := w.Run(); err != nil {
		panic(err)
	}
	return w.Trace().SHA256()
}

var _ = Describe("A trace", func() {
	// relay has a client ask a server, which asks another.
	relay := func() *sim.Trace {
		w := sim.New(sim.Config{Link: sim.Link{Delay: time.Millisecond}})
		w.Host("back", counter)
		w.Host("server", func(h *sim.Host) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				h.Note("asked")
				_, _ = get(h, "http://back/")
			})
		})
		h := w.Host("client", nil)
		h.Go("caller", func() { _ = exchange(h, "https://server/token") })
		h.Go("other", func() { h.Clock().Sleep(time.Minute); h.Note("unrelated") })
		Expect(w.Run()).To(Succeed())
		return w.Trace()
	}

	It("is the same for a seed, byte for byte, and another for another", func() {
		a, b, c := busy(1), busy(1), busy(2)
		for _, w := range []*sim.World{a, b, c} {
			Expect(w.Run()).To(Succeed())
		}
		Expect(a.Trace().Canonical()).To(Equal(b.Trace().Canonical()))
		Expect(a.Trace().SHA256()).To(Equal(b.Trace().SHA256()))
		_, differs := a.Trace().Diverges(b.Trace())
		Expect(differs).To(BeFalse())
		Expect(a.Trace().SHA256()).NotTo(Equal(c.Trace().SHA256()))
		what, differs := a.Trace().Diverges(c.Trace())
		Expect(differs).To(BeTrue())
		Expect(what).To(MatchRegexp(`^event \d+ differs: #\d+ `))
	})

	It("is the same for a seed over many seeds, run side by side", func() {
		hashes := make([]string, *seedCount)
		workers := runtime.GOMAXPROCS(0)
		done := make(chan error)
		for n := range workers {
			go func() {
				for seed := n; seed < len(hashes); seed += workers {
					hashes[seed] = hashOf(uint64(seed))
				}
				done <- nil
			}()
		}
		for range workers {
			Eventually(done).WithTimeout(time.Hour).Should(Receive())
		}
		all := fnv.New64a()
		distinct := make(map[string]bool)
		for seed, h := range hashes {
			if again := hashOf(uint64(seed)); again != h {
				Fail(fmt.Sprintf("seed %d gave %s and then %s", seed, h, again))
			}
			distinct[h] = true
			_, _ = all.Write([]byte(h))
		}
		Expect(distinct).To(HaveLen(len(hashes)))
		AddReportEntry("hash over all seeds", fmt.Sprintf("%d seeds: %x", len(hashes), all.Sum64()), ReportEntryVisibilityFailureOrVerbose)
	})

	It("tells what happened before what", func() {
		t := relay()
		at := func(kind sim.EventKind, host string) int {
			for _, e := range t.Events() {
				if e.Kind == kind && e.Host == host && e.Process != "boot" {
					return e.Seq
				}
			}
			Fail("no " + string(kind) + " on " + host)
			return -1
		}
		chain := []int{
			at(sim.EventStart, "client"), at(sim.EventSend, "client"), at(sim.EventDeliver, "server"), at(sim.EventNote, "server"),
			at(sim.EventSend, "server"), at(sim.EventDeliver, "back"), at(sim.EventRespond, "back"),
			at(sim.EventReceive, "server"), at(sim.EventRespond, "server"), at(sim.EventReceive, "client"),
		}
		for i := range chain {
			for j := range chain {
				Expect(t.HappensBefore(chain[i], chain[j])).To(Equal(i < j), "%d and %d", i, j)
			}
			Expect(t.HappensBefore(chain[i], at(sim.EventNote, "client"))).To(BeFalse())
		}
		Expect(t.HappensBefore(-1, 3)).To(BeFalse())
		Expect(t.HappensBefore(3, 1000)).To(BeFalse())
	})

	It("follows causes through gates and new processes", func() {
		w := sim.New(sim.Config{})
		h := w.Host("a", nil)
		g := w.NewGate("g")
		h.Go("waiter", func() { g.Wait(); h.Note("2") })
		h.Go("opener", func() {
			h.Note("1")
			g.Open()
			h.Go("child", func() { h.Note("3") })
		})
		h.Go("passer", func() { h.Clock().Sleep(1); g.Wait(); h.Note("4") })
		Expect(w.Run()).To(Succeed())
		note := map[string]int{}
		for _, e := range w.Trace().Events() {
			note[e.Text] = e.Seq
		}
		for _, later := range []string{"2", "3", "4"} {
			Expect(w.Trace().HappensBefore(note["1"], note[later])).To(BeTrue(), later)
		}
		Expect(w.Trace().HappensBefore(note["2"], note["3"])).To(BeFalse())
	})

	It("lists the passage of every message", func() {
		var lines []string
		for _, p := range relay().Messages() {
			lines = append(lines, fmt.Sprintf("%v %s>%s %s %v..%v", p.Message.Kind, p.From, p.To, p.Message.URL, p.Sent, p.Delivered))
		}
		Expect(lines).To(Equal([]string{
			"request client>server https://server/token 0s..1ms",
			"request server>back http://back/ 1ms..2ms",
			"response back>server http://back/ 2ms..3ms",
			"response server>client https://server/token 3ms..4ms",
		}))
	})

	It("says of each message that was lost why", func() {
		w := sim.New(sim.Config{Link: sim.Link{Delay: time.Millisecond}})
		w.Host("server", echo)
		w.Host("silent", nil)
		h := w.Host("client", nil)
		w.Link("server", "client").Down = true
		h.Go("caller", func() {
			for _, host := range []string{"server", "silent", "nobody"} {
				_ = exchange(h, "https://"+host+"/")
			}
		})
		Expect(w.Run()).To(Succeed())
		var lost []string
		for _, p := range w.Trace().Messages() {
			lost = append(lost, p.Lost)
		}
		Expect(lost).To(HaveExactElements("", "the link is down", "connection refused", ContainSubstring("no such host")))
	})

	It("can be redacted, and keeps its form", func() {
		full := relay()
		redacted := full.Redacted(func(m sim.Message) sim.Message {
			m = m.Clone()
			m.Body = []byte("[redacted]")
			return m
		})
		Expect(string(full.Canonical())).To(ContainSubstring("SplxlOBeZQQYbYS6WxSbIA"))
		Expect(string(redacted.Canonical())).NotTo(ContainSubstring("SplxlOBeZQQYbYS6WxSbIA"))
		Expect(redacted.Events()).To(HaveLen(len(full.Events())))
		what, differs := full.Diverges(redacted)
		Expect(differs).To(BeTrue())
		Expect(what).To(ContainSubstring(`body "[redacted]"`))
	})

	It("names the first event that the other lacks", func() {
		w := sim.New(sim.Config{})
		h := w.Host("a", nil)
		h.Go("x", func() {})
		Expect(w.Run()).To(Succeed())
		short := w.Trace().Redacted(func(m sim.Message) sim.Message { return m })
		h.Note("one more")
		what, differs := w.Trace().Diverges(short)
		Expect(differs).To(BeTrue())
		Expect(what).To(Equal("event 2 is missing from the other trace: #2 0s note on a: one more"))
		what, _ = short.Diverges(w.Trace())
		Expect(what).To(HavePrefix("event 2 is missing from this trace"))
	})

	It("keeps texts apart in its canonical form, wherever they are cut", func() {
		of := func(host, note string) string {
			w := sim.New(sim.Config{})
			w.Host(host, nil).Note(note)
			return w.Trace().SHA256()
		}
		Expect(of("a", "bc")).NotTo(Equal(of("ab", "c")))
	})

	It("begins its canonical form with a line that names it", func() {
		Expect(strings.HasPrefix(string(relay().Canonical()), "countersign trace 1\n")).To(BeTrue())
	})
})
