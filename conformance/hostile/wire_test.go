package hostile_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/hostile"
	"countersign/conformance/jose"
)

var _ = Describe("A connection", func() {
	BeforeEach(tidy)

	// small is a server whose one answer is short.
	small := func() string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"profile":"ticket@1"}`)
		}))
		DeferCleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}

	cut := func(honest string, offset int, reset bool) {
		GinkgoHelper()
		server := &hostile.Server{Honest: honest, Behaviour: hostile.CutAt(offset, reset)}
		address, err := server.Listen()
		Expect(err).NotTo(HaveOccurred())
		defer server.Close()
		r := played(wired("http://"+address, nil), asked(discover))
		Expect(r.Verdict).To(Equal(conformance.Fail), "%s: %s", server.Behaviour.Name, told(r))
		Expect(r.Failure.Exchange).To(Equal(1))
	}

	It("that ends at any byte of a short answer, with a reset or without, fails the check", func() {
		honest := small()
		var trials []func()
		for offset := range 160 { // what lies behind the end is cut at the last byte
			for _, reset := range []bool{false, true} {
				trials = append(trials, func() { cut(honest, offset, reset) })
			}
		}
		sideBySide(trials)
	})

	It("that ends at some byte of a long answer fails the check", func() {
		long := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), 100_000)) }))
		DeferCleanup(long.Close)
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 2))
		for range 20 {
			cut(strings.TrimPrefix(long.URL, "http://"), random.IntN(100_000), random.IntN(2) == 0)
		}
	})

	var handshakes []TableEntry
	for _, h := range hostile.Handshakes() {
		handshakes = append(handshakes, Entry(h.Name, h))
	}
	DescribeTable("over TLS to a target that", func(h hostile.Handshake) {
		authority, err := hostile.NewAuthority()
		Expect(err).NotTo(HaveOccurred())
		address, end, err := h.Listen(authority)
		Expect(err).NotTo(HaveOccurred())
		defer end()
		peak := memory()
		r := played(wired("https://"+address, func(w *conformance.Wire) {
			w.Through = func(own *http.Transport) http.RoundTripper {
				own.TLSClientConfig = &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}
				return own
			}
		}), asked(discover))
		Expect(peak()).To(BeNumerically("<", mostMemory))
		Expect(r.Verdict).To(Equal(conformance.Fail), told(r))
		Expect(r.Failure.Expected).To(Equal("a complete answer"))
	}, handshakes)

	DescribeTable("to a name that", func(silent bool, problem string) {
		r := played(wired("http://nowhere.invalid:8080", func(w *conformance.Wire) {
			if !silent {
				return
			}
			names, err := net.ListenPacket("udp", "127.0.0.1:0") // where nobody answers
			Expect(err).NotTo(HaveOccurred())
			ended, end := context.WithCancel(context.Background())
			w.OnClose = func() {
				end()
				_ = names.Close()
			}
			resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, "udp", names.LocalAddr().String())
				if err == nil {
					context.AfterFunc(ended, func() { _ = c.Close() })
				}
				return c, err
			}}
			w.Through = func(own *http.Transport) http.RoundTripper {
				own.DialContext = (&net.Dialer{Resolver: resolver}).DialContext
				return own
			}
		}), asked(discover))
		Expect(r.Verdict).To(Equal(conformance.Fail), told(r))
		Expect(r.Failure.Actual).To(ContainSubstring(problem))
	},
		Entry("does not exist", false, "nowhere.invalid"),
		Entry("nobody looks up in time", true, "no complete answer in time"),
	)

	It("to a port at which nobody listens fails the check", func() {
		r := played(wired("http://127.0.0.1:1", nil), asked(discover))
		Expect(told(r)).To(ContainSubstring("connection refused"))
	})

	It("never gives an answer to another request than the one that it was sent for", func() {
		server := &hostile.Server{Honest: small(), Behaviour: find("sends an answer that nobody has asked for behind its own")}
		address, err := server.Listen()
		Expect(err).NotTo(HaveOccurred())
		defer server.Close()
		r := played(wired("http://"+address, nil), asked(func(s *conformance.Session) {
			for range 20 {
				resp := s.Do("harness", get("http://"+address+"/"))
				s.Expect(string(resp.Body) == `{"profile":"ticket@1"}`, "its own answer", string(resp.Body))
			}
		}))
		Expect(r.Verdict).To(Equal(conformance.Pass), told(r))
	})
})

var _ = Describe("A check", func() {
	BeforeEach(tidy)

	// facing gives the check a target that always misbehaves in that way.
	facing := func(name string, run func(s *conformance.Session, target string)) conformance.Result {
		GinkgoHelper()
		server := &hostile.Server{Behaviour: find(name)}
		address, err := server.Listen()
		Expect(err).NotTo(HaveOccurred())
		defer server.Close()
		return played(wired("http://"+address, func(w *conformance.Wire) { w.Bound = 4 * limit }), asked(func(s *conformance.Session) { run(s, "http://"+address) }))
	}

	It("takes no more time than it has, however many exchanges it would have, and tells that it ran out of it", func() {
		begun := time.Now()
		r := facing("lets its body drip", func(s *conformance.Session, target string) {
			for range 1000 {
				_, _ = s.Try("harness", get(target))
			}
			s.Do("harness", get(target))
		})
		Expect(time.Since(begun)).To(BeNumerically("~", 4*limit, time.Second))
		Expect(r.Verdict).To(Equal(conformance.Fail))
		Expect(r.Failure.Actual).To(Equal("the answers of this check took longer than 1s in all"))
	})

	It("waits no longer than it has time", func() {
		begun := time.Now()
		r := facing("hangs up", func(s *conformance.Session, _ string) {
			for range 1000 {
				s.Env.Await(time.Second, func() bool { return false })
			}
			s.Fail("something", "nothing")
		})
		Expect(time.Since(begun)).To(BeNumerically("~", 4*limit, time.Second))
		Expect(r.Verdict).To(Equal(conformance.Fail))
	})

	It("does not count the time that it lets pass on purpose", func() {
		server := httptest.NewServer(http.NotFoundHandler())
		DeferCleanup(server.Close)
		r := played(wired(server.URL, func(w *conformance.Wire) { w.Bound, w.MaxWait = 300*time.Millisecond, time.Second }), asked(func(s *conformance.Session) {
			s.Advance(600 * time.Millisecond)
			s.Do("harness", get(server.URL))
		}))
		Expect(r.Verdict).To(Equal(conformance.Pass), told(r))
	})

	It("fails when the clock of the target cannot be moved", func() {
		r := played(wired("http://127.0.0.1:1", func(w *conformance.Wire) { w.Clock = conformance.PostClock(w.HTTP(), "http://127.0.0.1:1/clock") }),
			asked(func(s *conformance.Session) { s.Advance(time.Minute) }))
		Expect(r.Verdict).To(Equal(conformance.Fail))
		Expect(r.Failure.Expected).To(ContainSubstring("section 9"))
	})

	DescribeTable("takes no more memory than it may from a target that", func(name string, repeated int, read func(*conformance.Response)) {
		peak := memory()
		r := facing(name, func(s *conformance.Session, target string) {
			for range repeated {
				resp, err := s.Try("harness", get(target))
				if err == nil && read != nil {
					read(resp)
				}
			}
		})
		Expect(peak()).To(BeNumerically("<", mostMemory))
		Expect(r.Verdict).NotTo(Equal(conformance.Error), told(r))
	},
		Entry("sends 10 GiB, thrice", "sends 10 GiB", 3, nil),
		Entry("never ends its chunks", "never ends its chunks", 3, nil),
		Entry("sends a bomb of 10 GiB in gzip", "sends a bomb of 10 GiB in gzip", 3, nil),
		Entry("sends a megabyte sixty times", "sends a number of a million digits", 60, nil),
		Entry("sends sixty kilobytes of headers four hundred times", "sets a cookie of 60000 bytes", 400, nil),
		Entry("shows a form with seventy thousand inputs", "shows a form with seventy thousand inputs", 3, forms),
		Entry("shows an input of a hundred thousand attributes", "shows a form with an input of a hundred thousand attributes", 3, forms),
		Entry("shows what has no place in a table", "shows what has no place in a table", 3, forms),
		Entry("shows formatting that is closed crosswise", "shows formatting that is closed crosswise", 3, forms),
	)

	It("fails when the target has sent too much, also where nothing else is wrong", func() {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }))
		DeferCleanup(server.Close)
		whole := 0
		r := played(wired(server.URL, nil), asked(func(s *conformance.Session) {
			for range 40 {
				if _, err := s.Try("harness", get(server.URL)); err == nil {
					whole++
				}
			}
		}))
		Expect(whole).To(Equal(31))
		Expect(r.Verdict).To(Equal(conformance.Fail))
		Expect(r.Failure.Actual).To(Equal("the target has sent more than 33554432 bytes during this check"))
		Expect(r.Exchanges).To(HaveEach(HaveField("RawResponse", BeNil())))
	})

	It("is reported in time, with the exchange that shows the failure, although the target floods it with what looks like secrets", func() {
		sent := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			var page bytes.Buffer
			for page.Len() < 16<<10 {
				sent++
				fmt.Fprintf(&page, "token=%016d&", sent)
			}
			_, _ = w.Write(page.Bytes())
		}))
		DeferCleanup(server.Close)
		peak := memory()
		r := played(wired(server.URL, func(w *conformance.Wire) { w.Bound = 10 * time.Second }), asked(func(s *conformance.Session) {
			for range 600 {
				s.Do("harness", get(server.URL+"/flood?code=0123456789abcdef"))
			}
			s.Fail("silence", strings.Repeat("noise", 10_000))
		}))
		Expect(peak()).To(BeNumerically("<", mostMemory))
		Expect(r.Verdict).To(Equal(conformance.Fail))
		Expect(len(r.Failure.Actual)).To(BeNumerically("<", 9000))
		Expect(r.Exchanges).To(HaveLen(600))
		Expect(r.Exchanges[0].ResponseBody).To(HavePrefix("token=‹token"))
		Expect(r.Exchanges[500].URL).To(HaveSuffix("/flood"))
		Expect(r.Exchanges[500].ResponseBody).To(BeEmpty())
		Expect(r.Exchanges[500].Problem).To(HavePrefix("left out"))
		Expect(r.Exchanges[599].ResponseBody).To(HavePrefix("token=‹token"))
	})

	It("keeps of a flood of cookies what a browser has to keep, and sends back none that are for another domain", func() {
		var sent []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent = nil
			for _, c := range r.Cookies() {
				sent = append(sent, c.Name)
			}
			w.Header().Add("Set-Cookie", "foreign=1; Domain=example.com")
			w.Header().Add("Set-Cookie", "long="+strings.Repeat("c", 5000))
			w.Header().Add("Set-Cookie", "own=1; Domain=127.0.0.1")
			for i := range 500 {
				w.Header().Add("Set-Cookie", fmt.Sprintf("flood%s%d=1", jose.Encode([]byte(r.URL.Path)), i))
			}
		}))
		DeferCleanup(server.Close)
		r := played(wired(server.URL, nil), asked(func(s *conformance.Session) {
			browser := &conformance.Browser{Session: s}
			for i := range 5 {
				browser.Open(fmt.Sprintf("%s/%d", server.URL, i))
			}
		}))
		Expect(r.Verdict).To(Equal(conformance.Pass), told(r))
		Expect(sent).To(HaveLen(50))
		Expect(sent).To(ContainElement("own"))
		Expect(sent).NotTo(ContainElements("foreign"))
		Expect(sent).NotTo(ContainElements("long"))
	})
})

// forms reads a page in all the ways in which checks do.
func forms(resp *conformance.Response) {
	_ = resp.Form(resp.URL)
	_ = resp.Text()
}

func find(name string) hostile.Behaviour {
	GinkgoHelper()
	for _, b := range behaviours() {
		if b.Name == name {
			return b
		}
	}
	Fail("no behaviour is called " + name)
	return hostile.Behaviour{}
}

func get(address string) *http.Request {
	GinkgoHelper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	Expect(err).NotTo(HaveOccurred())
	return req
}
