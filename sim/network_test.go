package sim_test

import (
	"io"
	"math/bits"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

// arrivals runs a world in which client sends n requests a second apart, and
// returns the paths in the order of arrival, and the errors of the sender.
func arrivals(c sim.Config, n int, change func(*sim.World)) (paths []string, failed int, w *sim.World) {
	w = sim.New(c)
	w.Host("server", func(*sim.Host) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths = append(paths, r.URL.Path) })
	})
	h := w.Host("client", nil)
	if change != nil {
		change(w)
	}
	for i := range n {
		h.Go("caller", func() {
			h.Clock().Sleep(time.Duration(i) * 10 * time.Millisecond)
			if exchange(h, "https://server/"+string(rune('a'+i%26))) != nil {
				failed++
			}
		})
	}
	Expect(w.Run()).To(Succeed())
	return paths, failed, w
}

var _ = Describe("The network", func() {
	still := sim.Link{Delay: time.Millisecond}

	It("takes 5 to 25 ms one way, unless told otherwise", func() {
		_, _, w := arrivals(sim.Config{Seed: 3}, 200, nil)
		var least, most time.Duration = time.Hour, 0
		for _, p := range w.Trace().Messages() {
			d := p.Delivered - p.Sent
			least, most = min(least, d), max(most, d)
		}
		Expect(least).To(BeNumerically("~", 5*time.Millisecond, time.Millisecond))
		Expect(least).To(BeNumerically(">=", 5*time.Millisecond))
		Expect(most).To(BeNumerically("~", 25*time.Millisecond, time.Millisecond))
		Expect(most).To(BeNumerically("<=", 25*time.Millisecond))
	})

	It("has directed links that can be changed one by one", func() {
		_, failed, w := arrivals(sim.Config{Link: still}, 1, func(w *sim.World) {
			w.Link("client", "server").Delay = time.Second
		})
		Expect(failed).To(BeZero())
		Expect(w.Now()).To(Equal(1001 * time.Millisecond))
	})

	It("loses about as many messages as asked for", func() {
		paths, failed, _ := arrivals(sim.Config{Seed: 1, Link: still}, 400, func(w *sim.World) { w.Link("client", "server").Loss = 0.3 })
		Expect(failed).To(BeNumerically("~", 120, 40))
		Expect(len(paths) + failed).To(Equal(400))
	})

	It("repeats about as many as asked for, and the second answer is for nobody", func() {
		paths, failed, w := arrivals(sim.Config{Seed: 1, Link: still}, 400, func(w *sim.World) { w.Link("client", "server").Duplicate = 0.5 })
		Expect(failed).To(BeZero())
		Expect(len(paths)).To(BeNumerically("~", 600, 60))
		drops := 0
		for _, k := range kinds(w) {
			if k == sim.EventDrop {
				drops++
			}
		}
		Expect(drops).To(Equal(len(paths) - 400))
	})

	It("lets later messages overtake those it holds back", func() {
		paths, _, _ := arrivals(sim.Config{Seed: 1, Link: still}, 26, nil)
		Expect(slices.IsSorted(paths)).To(BeTrue())
		paths, _, _ = arrivals(sim.Config{Seed: 1, Link: still}, 26, func(w *sim.World) { w.Link("client", "server").Reorder = 0.3 })
		Expect(slices.IsSorted(paths)).To(BeFalse())
		Expect(paths).To(HaveLen(26))
	})

	It("has a rate at which bodies pass, and turns over about as many of their bits as asked for", func() {
		const bytes, rounds = 100, 200
		var sent, came []byte
		w := sim.New(sim.Config{Seed: 1, Link: still})
		w.Host("reader", func(*sim.Host) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				Expect(err).NotTo(HaveOccurred())
				came = append(came, body...)
			})
		})
		*w.Link("phone", "reader") = sim.Link{Delay: time.Millisecond, BytesPerSecond: 1000, BitErrors: 0.001}
		phone := w.Host("phone", nil)
		phone.Go("caller", func() {
			for range rounds {
				frame := strings.Repeat("near-field", bytes/10)
				sent = append(sent, frame...)
				res, err := phone.Client().Post("http://reader/", "application/octet-stream", strings.NewReader(frame))
				Expect(err).NotTo(HaveOccurred())
				Expect(res.Body.Close()).To(Succeed())
			}
		})
		Expect(w.Run()).To(Succeed())
		Expect(w.Now()).To(Equal(rounds * (2*time.Millisecond + bytes*time.Second/1000)))
		Expect(came).To(HaveLen(len(sent)))
		turned := 0
		for i := range sent {
			turned += bits.OnesCount8(sent[i] ^ came[i])
		}
		Expect(turned).To(BeNumerically("~", 8*bytes*rounds/1000, 40))
	})

	It("lets a client wait for less than the world does, in virtual time", func() {
		w := sim.New(sim.Config{Link: still, Timeout: time.Minute})
		w.Host("silent", func(h *sim.Host) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { h.Clock().Sleep(time.Hour) })
		})
		caller := w.Host("caller", nil)
		var waited time.Duration
		caller.Go("call", func() {
			_, err := caller.ClientWithin(5 * time.Second).Get("http://silent/")
			Expect(err).To(MatchError(ContainSubstring("5s")))
			waited = w.Now()
		})
		Expect(w.Run()).To(Succeed())
		Expect(waited).To(Equal(5 * time.Second))
	})

	It("draws for each link and purpose apart, so that one does not shift another", func() {
		delays := func(change func(*sim.World)) []time.Duration {
			_, _, w := arrivals(sim.Config{Seed: 9}, 20, change)
			var list []time.Duration
			for _, p := range w.Trace().Messages() {
				if p.Message.Kind == sim.Request {
					list = append(list, p.Delivered-p.Sent)
				}
			}
			return list
		}
		plain := delays(nil)
		Expect(delays(func(w *sim.World) { w.Link("server", "client").Loss = 1 })).To(Equal(plain))
		Expect(delays(func(w *sim.World) {
			h := w.Host("another", nil)
			h.Go("caller", func() { _ = exchange(h, "https://client/") })
		})).To(ContainElements(plain))
	})
})

var _ = Describe("A tap", func() {
	var (
		w     *sim.World
		h     *sim.Host
		seen  []sim.Message
		see   func(sim.Message) sim.Verdict
		asked []string
	)
	BeforeEach(func() {
		w = sim.New(sim.Config{Link: sim.Link{Delay: time.Millisecond}, Timeout: time.Second})
		seen, asked = nil, nil
		for _, name := range []string{"server", "evil"} {
			w.Host(name, func(*sim.Host) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					asked = append(asked, name+" as "+r.Host+r.URL.Path)
					_, _ = rw.Write([]byte("from " + name))
				})
			})
		}
		h = w.Host("client", nil)
		w.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
			seen = append(seen, m)
			return see(m)
		}))
	})
	ask := func() (answer string, err error) {
		h.Go("caller", func() { answer, err = get(h, "https://server/path") })
		Expect(w.Run()).To(Succeed())
		return answer, err
	}
	onRequest := func(v sim.Verdict) {
		see = func(m sim.Message) sim.Verdict {
			if m.Kind == sim.Request {
				return v
			}
			return sim.Verdict{}
		}
	}

	It("sees requests and responses after they were sent", func() {
		onRequest(sim.Verdict{})
		Expect(ask()).To(Equal("from server"))
		Expect(seen).To(HaveLen(2))
		Expect(seen[0]).To(And(
			HaveField("Kind", sim.Request), HaveField("From", "client"), HaveField("To", "server"),
			HaveField("Secure", true), HaveField("Method", "GET"), HaveField("URL", "https://server/path")))
		Expect(seen[1]).To(And(
			HaveField("Kind", sim.Response), HaveField("From", "server"), HaveField("To", "client"),
			HaveField("Status", 200), HaveField("InReplyTo", seen[0].ID), HaveField("Body", BeEquivalentTo("from server"))))
	})

	It("may drop", func() {
		onRequest(sim.Verdict{Drop: true})
		_, err := ask()
		Expect(err).To(MatchError(ContainSubstring("no answer")))
		Expect(asked).To(BeEmpty())
	})

	It("may delay", func() {
		onRequest(sim.Verdict{Delay: 100 * time.Millisecond})
		Expect(ask()).To(Equal("from server"))
		Expect(w.Now()).To(Equal(102 * time.Millisecond))
	})

	It("may repeat", func() {
		onRequest(sim.Verdict{Repeat: 2})
		Expect(ask()).To(Equal("from server"))
		Expect(asked).To(HaveLen(3))
		Expect(w.Trace().Messages()).To(HaveLen(6))
	})

	It("may redirect by the addressee, and the Host header stays", func() {
		see = func(m sim.Message) sim.Verdict {
			if m.Kind == sim.Response {
				return sim.Verdict{}
			}
			m.To = "evil"
			return sim.Verdict{Replace: &m}
		}
		Expect(ask()).To(Equal("from evil"))
		Expect(asked).To(Equal([]string{"evil as server/path"}))
		passages := w.Trace().Messages()
		Expect(passages).To(HaveLen(2))
		Expect(passages[0]).To(And(HaveField("From", "client"), HaveField("To", "evil")))
	})

	It("may redirect by the URL", func() {
		see = func(m sim.Message) sim.Verdict {
			if m.Kind == sim.Response {
				return sim.Verdict{}
			}
			m.URL = "http://evil/other"
			return sim.Verdict{Replace: &m}
		}
		Expect(ask()).To(Equal("from evil"))
		Expect(asked).To(Equal([]string{"evil as evil/other"}))
	})

	It("loses what it gives a malformed URL, or sends nowhere", func() {
		bad := sim.Message{URL: "https://%zz/"}
		onRequest(sim.Verdict{Replace: &bad})
		_, err := ask()
		Expect(err).To(MatchError(ContainSubstring("no answer")))
		nowhere := sim.Message{URL: "https://nowhere/"}
		onRequest(sim.Verdict{Replace: &nowhere})
		_, err = ask()
		Expect(err).To(MatchError(ContainSubstring("refused")))
	})

	It("may answer in the addressee's place", func() {
		onRequest(sim.Verdict{Answer: &sim.Message{Body: []byte("forged")}})
		Expect(ask()).To(Equal("forged"))
		Expect(asked).To(BeEmpty())
		Expect(w.Now()).To(BeZero())
	})

	It("may change a response", func() {
		see = func(m sim.Message) sim.Verdict {
			if m.Kind == sim.Request {
				return sim.Verdict{}
			}
			m = m.Clone()
			m.Body, m.Status = []byte("changed"), 418
			return sim.Verdict{Replace: &m}
		}
		Expect(ask()).To(Equal("changed"))
	})

	It("cannot redirect a response to one who does not wait for it", func() {
		see = func(m sim.Message) sim.Verdict {
			if m.Kind == sim.Request {
				return sim.Verdict{}
			}
			return sim.Verdict{Answer: &sim.Message{To: "evil"}}
		}
		_, err := ask()
		Expect(err).To(MatchError(ContainSubstring("no answer")))
	})

	It("may break a response off", func() {
		see = func(m sim.Message) sim.Verdict {
			if m.Kind == sim.Request {
				return sim.Verdict{}
			}
			return sim.Verdict{Replace: &sim.Message{Cut: true}}
		}
		_, err := ask()
		Expect(err).To(MatchError(syscall.ECONNRESET))
	})

	It("may crash the host that sends", func() {
		crashed := false
		see = func(m sim.Message) sim.Verdict {
			if !crashed {
				crashed = true
				h.Crash(0)
			}
			return sim.Verdict{}
		}
		answer, err := ask()
		Expect(answer).To(BeEmpty())
		Expect(err).NotTo(HaveOccurred())
		Expect(asked).To(BeEmpty())
		Expect(ask()).To(Equal("from server"))
	})

	It("may hold a message for ever", func() {
		onRequest(sim.Verdict{Delay: 1<<63 - 1})
		_, err := ask()
		Expect(err).To(MatchError(ContainSubstring("no answer")))
	})

	It("comes after the taps added before it, and sees what they left", func() {
		onRequest(sim.Verdict{Replace: &sim.Message{To: "server", URL: "https://server/first"}})
		var second []string
		w.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
			second = append(second, m.URL)
			return sim.Verdict{}
		}))
		_, _ = ask()
		Expect(second).To(HaveExactElements("https://server/first", "https://server/first"))
	})

	It("may inject requests of its own and hear the answers", func() {
		var answers []string
		injected := 0
		see = func(m sim.Message) sim.Verdict {
			if m.Kind == sim.Request && !m.Injected {
				i := w.Inject(sim.Message{From: "mallory", Method: "POST", URL: "https://evil/x", Header: http.Header{"A": {"b"}}, Body: []byte("hi")})
				i.Then(func(m sim.Message) { answers = append(answers, string(m.Body)) })
				injected = i.ID
			}
			return sim.Verdict{}
		}
		Expect(ask()).To(Equal("from server"))
		Expect(answers).To(Equal([]string{"from evil"}))
		Expect(strings.Join(asked, ", ")).To(Equal("server as server/path, evil as evil/x"))
		Expect(seen).To(ContainElement(And(HaveField("Injected", true), HaveField("Kind", sim.Response), HaveField("InReplyTo", injected))))
	})

	It("loses an injected request with a malformed URL, and bears a refusal", func() {
		onRequest(sim.Verdict{})
		w.Inject(sim.Message{From: "mallory", URL: "https://%zz/"})
		w.Inject(sim.Message{From: "mallory", URL: "https://client/"})
		Expect(w.Run()).To(Succeed())
		Expect(kinds(w)).To(ContainElements(sim.EventDrop, sim.EventRefuse))
	})
})
