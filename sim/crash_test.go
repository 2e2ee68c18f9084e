package sim_test

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

// counter serves how often it was asked since it booted, and since ever.
func counter(h *sim.Host) http.Handler {
	volatile := 0
	durable := h.Durable("count", func() any { return new(int) }).(*int)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		volatile++
		*durable++
		_, _ = io.WriteString(w, strings.Repeat("v", volatile)+strings.Repeat("d", *durable))
	})
}

func get(h *sim.Host, url string) (string, error) {
	resp, err := h.Client().Get(url)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

var _ = Describe("A crash", func() {
	var (
		w    *sim.World
		h    *sim.Host
		tick = 10 * time.Millisecond
	)
	BeforeEach(func() {
		w = sim.New(sim.Config{Link: sim.Link{Delay: tick}, Timeout: time.Second})
		h = w.Host("client", nil)
	})

	It("takes what is volatile and leaves what is durable", func() {
		server := w.Host("server", counter)
		var answers []string
		h.Go("caller", func() {
			for range 2 {
				a, _ := get(h, "https://server/")
				answers = append(answers, a)
			}
			server.Crash(time.Second)
			_, err := get(h, "https://server/")
			Expect(err).To(MatchError(syscall.ECONNREFUSED))
			Expect(w.Now()).To(Equal(5 * tick))
			h.Clock().Sleep(time.Second)
			a, _ := get(h, "https://server/")
			answers = append(answers, a)
		})
		Expect(w.Run()).To(Succeed())
		Expect(answers).To(Equal([]string{"vd", "vvdd", "vddd"}))
	})

	It("unwinds processes where they wait, and those that would go on cannot wait", func() {
		server := w.Host("server", nil)
		gate := w.NewGate("never")
		var log []string
		server.Go("sleeper", func() {
			defer func() {
				log = append(log, "sleeper unwound")
				server.Clock().Sleep(time.Second)
				log = append(log, "a dead process slept")
			}()
			server.Clock().Sleep(time.Hour)
		})
		server.Go("stubborn", func() {
			func() {
				defer func() { _ = recover() }()
				gate.Wait()
			}()
			log = append(log, "stubborn recovered")
			server.Go("child", func() { log = append(log, "a dead process had a child") })
			_ = exchange(server, "https://client/")
			log = append(log, "a dead process sent")
		})
		server.Go("caller", func() {
			_ = exchange(server, "https://client/")
			log = append(log, "a dead process got its answer")
		})
		h.Go("crasher", func() {
			h.Clock().Sleep(time.Millisecond)
			server.Crash(time.Minute)
			server.Go("too late", func() { log = append(log, "a process began on a dead host") })
			gate.Open()
		})
		Expect(w.Run()).To(Succeed())
		Expect(log).To(Equal([]string{"sleeper unwound", "stubborn recovered"}))
	})

	It("leaves a request unanswered that was being served", func() {
		server := w.Host("server", func(h *sim.Host) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { h.Clock().Sleep(time.Second / 2) })
		})
		h.Go("crasher", func() {
			h.Clock().Sleep(2 * tick)
			server.Crash(0)
		})
		h.Go("caller", func() {
			_, err := get(h, "https://server/")
			Expect(err).To(MatchError(ContainSubstring("no answer")))
		})
		Expect(w.Run()).To(Succeed())
	})

	It("of one's own host does not return", func() {
		h.Go("suicide", func() {
			h.Crash(time.Second)
			Fail("Crash returned")
		})
		Expect(w.Run()).To(Succeed())
		Expect(kinds(w)).To(Equal([]sim.EventKind{sim.EventStart, sim.EventCrash, sim.EventRestart}))
	})

	It("of a host that is down prolongs the outage", func() {
		h.Crash(time.Second)
		h.Crash(3 * time.Second)
		h.Crash(2 * time.Second)
		Expect(w.Run()).To(Succeed())
		Expect(w.Now()).To(Equal(3 * time.Second))
		h.Crash(-1)
		h.Crash(time.Second)
		h.Go("never", func() { Fail("it came back") })
		Expect(w.Run()).To(Succeed())
		Expect(w.Now()).To(Equal(3 * time.Second))
	})

	It("lets requests wait while the host boots", func() {
		w.Host("slow", func(h *sim.Host) http.Handler {
			h.Clock().Sleep(time.Second / 2)
			return echo(h)
		})
		h.Go("caller", func() {
			Expect(exchange(h, "https://slow/")).To(Succeed())
		})
		Expect(w.Run()).To(Succeed())
		Expect(w.Now()).To(Equal(time.Second/2 + tick))
	})

	It("does not make the host repeat its randomness", func() {
		var drawn []string
		booted := w.Host("booted", func(h *sim.Host) http.Handler {
			b := make([]byte, 16)
			_, _ = io.ReadFull(h.Entropy("nonce"), b)
			drawn = append(drawn, string(b))
			return nil
		})
		h.Go("crasher", func() { booted.Crash(0) })
		Expect(w.Run()).To(Succeed())
		Expect(drawn).To(HaveLen(2))
		Expect(drawn[0]).NotTo(Equal(drawn[1]))
	})

	It("is what a dead host's client reports to others that use it", func() {
		other := w.Host("other", nil)
		h.Go("caller", func() {
			other.Crash(-1)
			Expect(exchange(other, "https://client/")).To(MatchError(ContainSubstring("is down")))
		})
		Expect(w.Run()).To(Succeed())
	})
})

var _ = Describe("Entropy", func() {
	draw := func(seed uint64, host, purpose string, n int) string {
		b := make([]byte, n)
		_, err := io.ReadFull(sim.New(sim.Config{Seed: seed}).Host(host, nil).Entropy(purpose), b)
		Expect(err).NotTo(HaveOccurred())
		return string(b)
	}

	It("depends on seed, host and purpose, and on nothing else", func() {
		one := draw(1, "a", "nonce", 32)
		Expect(draw(1, "a", "nonce", 32)).To(Equal(one))
		Expect(draw(2, "a", "nonce", 32)).NotTo(Equal(one))
		Expect(draw(1, "b", "nonce", 32)).NotTo(Equal(one))
		Expect(draw(1, "a", "nonc", 32)).NotTo(Equal(one))
		Expect(draw(1, "anonce", "x", 32)).NotTo(Equal(draw(1, "a", "noncex", 32)))
	})

	It("goes on in the same stream, whatever the size of reads", func() {
		h := sim.New(sim.Config{Seed: 1}).Host("a", nil)
		a, b := make([]byte, 5), make([]byte, 27)
		_, _ = h.Entropy("nonce").Read(a)
		_, _ = h.Entropy("nonce").Read(b)
		Expect(string(a) + string(b)).To(Equal(draw(1, "a", "nonce", 32)))
	})
})
