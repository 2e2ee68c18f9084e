package conformance_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
)

// serve runs a target on loopback and returns its URL.
func serve(h http.HandlerFunc) string {
	server := httptest.NewServer(h)
	DeferCleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// raw runs a target that writes what it likes to each connection, until the connection or the spec ends.
func raw(write func(net.Conn)) string {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.Close)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buffer := make([]byte, 4096)
				_, _ = c.Read(buffer)
				write(c)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// staged makes a Wire with one party and returns the party's origin.
func staged(w *conformance.Wire) string {
	GinkgoHelper()
	w.Stage = &conformance.Stage{}
	origin, err := w.Stage.Listen("site-a", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(w.Stage.Close)
	return origin
}

func fetch(rawURL string) *http.Response {
	GinkgoHelper()
	resp, err := http.Get(rawURL)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(resp.Body.Close)
	return resp
}

var _ = Describe("The stage", func() {
	It("answers 204 for a party that nobody plays, plays it until the check is over, and stops listening when closed", func() {
		w := &conformance.Wire{}
		origin := staged(w)
		Expect(fetch(origin).StatusCode).To(Equal(http.StatusNoContent))
		Expect(w.Play("site-a", http.NotFoundHandler())).To(Succeed())
		Expect(fetch(origin).StatusCode).To(Equal(http.StatusNotFound))
		w.Close()
		Expect(fetch(origin).StatusCode).To(Equal(http.StatusNoContent))
		w.Stage.Close()
		_, err := http.Get(origin)
		Expect(err).To(HaveOccurred())
	})

	It("has no part for a party without an address", func() {
		w := &conformance.Wire{}
		staged(w)
		Expect(w.Play("site-c", http.NotFoundHandler())).To(MatchError("it has no address of that name"))
		r := play(w, func(s *conformance.Session) { s.Play("site-c", http.NotFoundHandler()) })
		Expect(r.Verdict).To(Equal(conformance.Error))
		Expect(r.Reason).To(Equal("the harness cannot play site-c: it has no address of that name"))
	})

	It("says which address it cannot have", func() {
		w := &conformance.Wire{}
		taken := strings.TrimPrefix(staged(w), "http://")
		_, err := w.Stage.Listen("site-b", taken)
		Expect(err).To(MatchError(HavePrefix("the harness cannot listen as site-b at " + taken + ": ")))
	})

	It("wakes a wait when a party has been told something", func() {
		w := &conformance.Wire{}
		origin := staged(w)
		var told atomic.Bool
		Expect(w.Play("site-a", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told.Store(true) }))).To(Succeed())
		waited := make(chan bool)
		looked := make(chan struct{}, 100)
		go func() {
			waited <- w.Await(time.Minute, func() bool {
				looked <- struct{}{}
				return told.Load()
			})
		}()
		<-looked
		fetch(origin)
		Eventually(waited).Should(Receive(BeTrue()))
	})

	It("waits no longer than it is told to, and looks once more at the end", func() {
		w := &conformance.Wire{}
		staged(w)
		looked := 0
		Expect(w.Await(time.Millisecond, func() bool { looked++; return looked == 2 })).To(BeTrue())
		Expect(w.Await(time.Millisecond, func() bool { return false })).To(BeFalse())
	})

	It("makes an error of the check when a party that it plays breaks", func() {
		w := &conformance.Wire{}
		origin := staged(w)
		results := conformance.Runner{Open: open(w)}.Run(context.Background(), checks(1, func(s *conformance.Session) {
			s.Play("site-a", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
			_, err := http.Get(origin)
			Expect(err).To(HaveOccurred())
		}))
		Expect(results[0].Verdict).To(Equal(conformance.Error))
		Expect(results[0].Reason).To(Equal("the harness broke as site-a: oh"))
	})

	It("lets a party break off a connection on purpose", func() {
		w := &conformance.Wire{}
		origin := staged(w)
		results := conformance.Runner{Open: open(w)}.Run(context.Background(), checks(1, func(s *conformance.Session) {
			s.Play("site-a", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
			_, err := http.Get(origin)
			Expect(err).To(HaveOccurred())
		}))
		Expect(results[0].Verdict).To(Equal(conformance.Pass))
	})
})

var _ = Describe("The wire", func() {
	It("lets a short time pass for real, and refuses a long one", func() {
		w := &conformance.Wire{MaxWait: 5 * time.Millisecond}
		staged(w)
		before := time.Now()
		Expect(w.Advance(5 * time.Millisecond)).To(Succeed())
		Expect(time.Since(before)).To(BeNumerically(">=", 5*time.Millisecond))
		Expect(w.Advance(6 * time.Millisecond)).To(MatchError(conformance.ErrNoClock))
	})

	It("does not claim that time has passed when the run is stopped", func() {
		ctx, stop := context.WithCancel(context.Background())
		stop()
		w := &conformance.Wire{Context: ctx, MaxWait: time.Hour}
		staged(w)
		Expect(w.Advance(time.Minute)).To(MatchError(context.Canceled))
		Expect(w.Await(time.Hour, func() bool { return false })).To(BeFalse())
	})

	It("takes the target's time from its clock", func() {
		later := time.Now().Add(48 * time.Hour)
		w := &conformance.Wire{Clock: func(time.Duration) (time.Time, error) { return later, nil }}
		staged(w)
		Expect(w.Now()).To(BeTemporally("~", time.Now(), time.Second))
		Expect(w.Advance(time.Hour)).To(Succeed())
		Expect(w.Now()).To(BeTemporally("~", later, time.Second))
	})

	It("passes on what is wrong with the clock", func() {
		w := &conformance.Wire{Clock: func(time.Duration) (time.Time, error) { return time.Time{}, errors.New("stuck") }}
		staged(w)
		Expect(w.Advance(time.Hour)).To(MatchError("stuck"))
	})

	It("sends requests at the same time, and gives the answers in the order of the requests", func() {
		arrived, both := make(chan struct{}, 2), make(chan struct{})
		target := serve(func(w http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-both
			if r.URL.Path == "/broken" {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, r.URL.Path)
		})
		w := &conformance.Wire{}
		staged(w)
		go func() {
			<-arrived
			<-arrived
			close(both)
		}()
		result := play(w, func(s *conformance.Session) {
			answers := s.TryTogether("harness", get(target+"/broken"), get(target+"/whole"))
			Expect(answers).To(HaveLen(2))
			Expect(answers[0]).To(BeNil())
			Expect(string(answers[1].Body)).To(Equal("/whole"))
		})
		Expect(result.Verdict).To(Equal(conformance.Pass))
		Expect(result.Exchanges).To(HaveLen(2))
	})

	It("follows no redirect and keeps no cookie", func() {
		asked := 0
		target := serve(func(w http.ResponseWriter, r *http.Request) {
			asked++
			Expect(r.Header.Get("Cookie")).To(BeEmpty())
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "1"})
			http.Redirect(w, r, "/next", http.StatusFound)
		})
		w := &conformance.Wire{}
		staged(w)
		play(w, func(s *conformance.Session) {
			for range 2 {
				resp := s.Do("harness", get(target+"/"))
				Expect(resp.Status).To(Equal(http.StatusFound))
				Expect(resp.Location()).To(Equal(target + "/next"))
			}
		})
		Expect(asked).To(Equal(2))
	})

	DescribeTable("holds out against a target that",
		func(write func(net.Conn), problem string) {
			w := &conformance.Wire{Limit: 300 * time.Millisecond}
			staged(w)
			target := raw(write)
			before := time.Now()
			r := play(w, func(s *conformance.Session) { s.Do("harness", get(target+"/")) })
			Expect(time.Since(before)).To(BeNumerically("<", 2*time.Second))
			Expect(r.Verdict).To(Equal(conformance.Fail))
			Expect(r.Failure.Actual).To(ContainSubstring(problem))
			Expect(r.Failure.Exchange).To(Equal(1))
		},
		Entry("never ends its body", func(c net.Conn) {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for chunk := strings.Repeat("x", 64<<10); err == nil; {
				_, err = io.WriteString(c, chunk)
			}
		}, "the body goes on after 1048576 bytes"),
		Entry("lets its body drip", func(c net.Conn) {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for tick := time.NewTicker(10 * time.Millisecond); err == nil; <-tick.C {
				_, err = io.WriteString(c, "x")
			}
		}, "no complete answer in time"),
		Entry("says nothing", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, "no complete answer in time"),
		Entry("never ends its headers", func(c net.Conn) {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for line := "X-Filler: " + strings.Repeat("x", 1000) + "\r\n"; err == nil; {
				_, err = io.WriteString(c, line)
			}
		}, "server response headers exceeded"),
		Entry("never comes to its final answer", func(c net.Conn) {
			for _, err := io.WriteString(c, ""); err == nil; {
				_, err = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: <"+strings.Repeat("x", 1000)+">\r\n\r\n")
			}
		}, "headers exceeded"),
		Entry("resets the connection", func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, "connection reset by peer"),
		Entry("hangs up in the midst of its body", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") }, "unexpected EOF"),
		Entry("speaks another protocol", func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n\r\n") }, "malformed HTTP response"),
	)

	DescribeTable("breaks off what is under way",
		func(end func(stop context.CancelFunc, w *conformance.Wire), body bool) {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			w := &conformance.Wire{Context: ctx, Limit: time.Minute}
			staged(w)
			w.HTTP()
			reached := make(chan struct{})
			target := serve(func(w http.ResponseWriter, r *http.Request) {
				if body {
					w.(http.Flusher).Flush()
				}
				close(reached)
				<-r.Context().Done()
			})
			failed := make(chan error)
			go func() {
				resp, err := w.HTTP().Get(target)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					_ = resp.Body.Close()
				}
				failed <- err
			}()
			<-reached
			end(stop, w)
			Eventually(failed).Should(Receive(MatchError(context.Canceled)))
		},
		Entry("when the run is stopped", func(stop context.CancelFunc, _ *conformance.Wire) { stop() }, false),
		Entry("when the run is stopped in the midst of a body", func(stop context.CancelFunc, _ *conformance.Wire) { stop() }, true),
		Entry("when the check is over", func(_ context.CancelFunc, w *conformance.Wire) { w.Close() }, false),
	)

	It("tells when it is closed", func() {
		closed := 0
		w := &conformance.Wire{OnClose: func() { closed++ }}
		staged(w)
		w.Close()
		Expect(closed).To(Equal(1))
	})
})

var _ = Describe("The test clock of a target", func() {
	DescribeTable("is moved by a form, in whole seconds rounded up",
		func(d time.Duration, advance string) {
			endpoint := serve(func(w http.ResponseWriter, r *http.Request) {
				Expect(r.Method).To(Equal(http.MethodPost))
				Expect(r.PostFormValue("advance")).To(Equal(advance))
				_, _ = io.WriteString(w, `{"now": 1767225600}`)
			})
			Expect(conformance.PostClock(http.DefaultClient, endpoint)(d)).To(Equal(time.Unix(1767225600, 0)))
		},
		Entry("nothing, to ask for the time", time.Duration(0), "0"), Entry("a second", time.Second, "1"),
		Entry("a part of a second", time.Millisecond, "1"), Entry("an hour and a bit", time.Hour+time.Nanosecond, "3601"),
	)

	DescribeTable("is broken",
		func(status int, body string) {
			endpoint := serve(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
			_, err := conformance.PostClock(http.DefaultClient, endpoint)(time.Second)
			Expect(err).To(MatchError(And(ContainSubstring(endpoint), ContainSubstring(http.StatusText(status)), ContainSubstring(`as {"now": 1767225600}`))))
		},
		Entry("when it answers with an error", 500, `{"now": 1767225600}`), Entry("when it answers without JSON", 200, "ok"),
		Entry("when it names no time", 200, `{}`), Entry("when it names the time as text", 200, `{"now": "1767225600"}`),
	)
})
