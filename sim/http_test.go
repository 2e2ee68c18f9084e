package sim_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/sim"
)

// talk runs a world in which client talks to a server with that handler.
func talk(c sim.Config, handler http.HandlerFunc, client func(*sim.Host)) *sim.World {
	GinkgoHelper()
	w := sim.New(c)
	w.Host("server", func(*sim.Host) http.Handler { return handler })
	h := w.Host("client", nil)
	h.Go("caller", func() {
		defer GinkgoRecover()
		client(h)
	})
	Expect(w.Run()).To(Succeed())
	return w
}

var _ = Describe("HTTP in a world", func() {
	It("gives the handler a request like that of a real server", func() {
		var got *http.Request
		var body []byte
		w := talk(sim.Config{}, func(w http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
			w.Header().Set("X-Seen", "yes")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"a":1}`)
		}, func(h *sim.Host) {
			req, err := http.NewRequest("POST", "https://user:pass@server/token%2Fx?b=1#frag", strings.NewReader("a=b"))
			Expect(err).NotTo(HaveOccurred())
			req.Header.Add("X-Many", "one")
			req.Header.Add("X-Many", "two")
			resp, err := h.Client().Do(req)
			Expect(err).NotTo(HaveOccurred())
			defer resp.Body.Close()
			Expect(resp.Status).To(Equal("201 Created"))
			Expect(resp.ContentLength).To(BeEquivalentTo(7))
			Expect(resp.Header.Get("X-Seen")).To(Equal("yes"))
			Expect(resp.Header.Get("Content-Length")).To(Equal("7"))
			Expect(resp.Header.Get("Date")).To(HavePrefix("Thu, 01 Jan 2026 00:00:0"))
			Expect(resp.TLS).NotTo(BeNil())
			Expect(io.ReadAll(resp.Body)).To(BeEquivalentTo(`{"a":1}`))
		})
		Expect(got.Method).To(Equal("POST"))
		Expect(got.URL.String()).To(Equal("/token%2Fx?b=1"))
		Expect(got.RequestURI).To(Equal("/token%2Fx?b=1"))
		Expect(got.Host).To(Equal("server"))
		Expect(got.RemoteAddr).To(Equal("client"))
		Expect(got.TLS).NotTo(BeNil())
		Expect(got.ContentLength).To(BeEquivalentTo(3))
		Expect(got.Header["X-Many"]).To(Equal([]string{"one", "two"}))
		user, pass, _ := got.BasicAuth()
		Expect(user + pass).To(Equal("userpass"))
		Expect(body).To(BeEquivalentTo("a=b"))
		Expect(w.Trace().Messages()[0].Message.URL).To(Equal("https://server/token%2Fx?b=1"))
	})

	It("passes on a Host that differs from the URL's, and says when TLS is absent", func() {
		talk(sim.Config{}, func(w http.ResponseWriter, r *http.Request) {
			Expect(r.Host).To(Equal("alias"))
			Expect(r.Header).NotTo(HaveKey("Host"))
			Expect(r.TLS).To(BeNil())
			Expect(r.URL.Path).To(Equal("/"))
		}, func(h *sim.Host) {
			req, _ := http.NewRequest("GET", "http://SERVER:80", nil)
			req.Host = "alias"
			resp, err := h.Client().Do(req)
			Expect(err).NotTo(HaveOccurred())
			Expect(resp.StatusCode).To(Equal(200))
			Expect(io.ReadAll(resp.Body)).To(BeEmpty())
		})
	})

	It("does not follow redirects", func() {
		talk(sim.Config{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere/", http.StatusFound)
		}, func(h *sim.Host) {
			resp, err := h.Client().Get("https://server/")
			Expect(err).NotTo(HaveOccurred())
			Expect(resp.StatusCode).To(Equal(http.StatusFound))
		})
	})

	It("lets a handler sleep and ask others", func() {
		w := sim.New(sim.Config{Link: sim.Link{Delay: 10 * time.Millisecond}})
		w.Host("back", echo)
		w.Host("front", func(h *sim.Host) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				h.Clock().Sleep(time.Second)
				resp, err := h.Client().Post("https://back/", "text/plain", r.Body)
				if err != nil {
					panic(err)
				}
				_, _ = io.Copy(rw, resp.Body)
			})
		})
		h := w.Host("client", nil)
		var answer []byte
		h.Go("caller", func() {
			resp, err := h.Client().Post("https://front/", "text/plain", strings.NewReader("ping"))
			if err != nil {
				panic(err)
			}
			answer, _ = io.ReadAll(resp.Body)
		})
		Expect(w.Run()).To(Succeed())
		Expect(answer).To(BeEquivalentTo("ping"))
		Expect(w.Now()).To(Equal(1040 * time.Millisecond))
	})

	DescribeTable("follows net/http's server in what it sends",
		func(method string, handler http.HandlerFunc, check func(*http.Response, []byte, error)) {
			talk(sim.Config{MaxBody: 10}, handler, func(h *sim.Host) {
				req, _ := http.NewRequest(method, "https://server/", nil)
				resp, err := h.Client().Do(req)
				if err != nil {
					check(nil, nil, err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				check(resp, body, err)
			})
		},
		Entry("a sniffed content type", "GET", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<p>hi") },
			func(r *http.Response, _ []byte, err error) {
				Expect(err).NotTo(HaveOccurred())
				Expect(r.Header.Get("Content-Type")).To(Equal("text/html; charset=utf-8"))
			}),
		Entry("no body to HEAD, but its length", "HEAD", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") },
			func(r *http.Response, body []byte, err error) {
				Expect(err).NotTo(HaveOccurred())
				Expect(body).To(BeEmpty())
				Expect(r.ContentLength).To(BeEquivalentTo(2))
			}),
		Entry("no body with 204", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(204)
			w.WriteHeader(500)
			_, err := io.WriteString(w, "hi")
			Expect(err).To(MatchError(http.ErrBodyNotAllowed))
		}, func(r *http.Response, body []byte, _ error) {
			Expect(r.StatusCode).To(Equal(204))
			Expect(body).To(BeEmpty())
			Expect(r.Header).NotTo(HaveKey("Content-Length"))
		}),
		Entry("headers as they were at WriteHeader", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.Header().Set("X-Late", "1")
		}, func(r *http.Response, _ []byte, _ error) { Expect(r.Header).NotTo(HaveKey("X-Late")) }),
		Entry("no line break in a header field, and no field without a proper name", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/x\r\nSet-Cookie: a=b")
			w.Header()["Bad Name"] = []string{"x"}
		}, func(r *http.Response, _ []byte, _ error) {
			Expect(r.Header.Get("Location")).To(Equal("/x  Set-Cookie: a=b"))
			Expect(r.Header).NotTo(HaveKey("Bad Name"))
		}),
		Entry("no length once flushed", "GET", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "hi")
			w.(http.Flusher).Flush()
		}, func(r *http.Response, body []byte, err error) {
			Expect(err).NotTo(HaveOccurred())
			Expect(r.ContentLength).To(BeEquivalentTo(-1))
			Expect(body).To(BeEquivalentTo("hi"))
		}),
		Entry("a broken connection when less comes than Content-Length promised", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "hi")
		}, func(r *http.Response, body []byte, err error) {
			Expect(err).To(MatchError(io.ErrUnexpectedEOF))
			Expect(r.ContentLength).To(BeEquivalentTo(9))
			Expect(body).To(BeEquivalentTo("hi"))
		}),
		Entry("no more than Content-Length promised", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1")
			_, err := io.WriteString(w, "hi")
			Expect(err).To(MatchError(http.ErrContentLength))
			_, _ = io.WriteString(w, "h")
		}, func(_ *http.Response, body []byte, err error) {
			Expect(err).NotTo(HaveOccurred())
			Expect(body).To(BeEquivalentTo("h"))
		}),
		Entry("a reset when the handler aborts", "GET", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "hi")
			panic(http.ErrAbortHandler)
		}, func(_ *http.Response, _ []byte, err error) { Expect(err).To(MatchError(syscall.ECONNRESET)) }),
		Entry("what was flushed before the handler aborts", "GET", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "hi")
			Expect(http.NewResponseController(w).Flush()).To(Succeed())
			_, _ = io.WriteString(w, " you")
			panic(http.ErrAbortHandler)
		}, func(r *http.Response, body []byte, err error) {
			Expect(r.StatusCode).To(Equal(200))
			Expect(body).To(BeEquivalentTo("hi"))
			Expect(err).To(MatchError(io.ErrUnexpectedEOF))
		}),
		Entry("the first bytes of an endless body", "GET", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, "abcd"); err != nil {
					Expect(err).To(MatchError(syscall.EPIPE))
					return
				}
			}
		}, func(_ *http.Response, body []byte, err error) {
			Expect(body).To(BeEquivalentTo("abcdabcdab"))
			Expect(err).To(MatchError(io.ErrUnexpectedEOF))
		}),
		Entry("the end of a cut body to io.Copy too", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "hi")
		}, func(r *http.Response, _ []byte, _ error) {
			_, err := io.Copy(io.Discard, r.Body)
			Expect(err).To(MatchError(io.ErrUnexpectedEOF))
			Expect(r.Body.Close()).To(Succeed())
			_, err = r.Body.Read(make([]byte, 1))
			Expect(err).To(MatchError(http.ErrBodyReadAfterClose))
		}),
	)

	DescribeTable("fails as a real client would",
		func(change func(*sim.World), target string, check func(error)) {
			w := sim.New(sim.Config{})
			w.Host("server", echo)
			w.Host("silent", nil)
			h := w.Host("client", nil)
			change(w)
			h.Go("caller", func() {
				defer GinkgoRecover()
				_, err := h.Client().Get(target)
				var wrapped *url.Error
				Expect(errors.As(err, &wrapped)).To(BeTrue())
				check(err)
			})
			Expect(w.Run()).To(Succeed())
		},
		Entry("when the host has no address", func(*sim.World) {}, "https://nobody/", func(err error) {
			var dns *net.DNSError
			Expect(errors.As(err, &dns)).To(BeTrue())
			Expect(dns.IsNotFound).To(BeTrue())
		}),
		Entry("when nothing listens there", func(*sim.World) {}, "https://silent/", func(err error) {
			Expect(err).To(MatchError(syscall.ECONNREFUSED))
		}),
		Entry("when the request is lost", func(w *sim.World) { w.Link("client", "server").Loss = 1 }, "https://server/", func(err error) {
			var timeout net.Error
			Expect(errors.As(err, &timeout)).To(BeTrue())
			Expect(timeout.Timeout()).To(BeTrue())
		}),
		Entry("when the answer is lost", func(w *sim.World) { w.Link("server", "client").Down = true }, "https://server/", func(err error) {
			var timeout net.Error
			Expect(errors.As(err, &timeout)).To(BeTrue())
			Expect(timeout.Timeout()).To(BeTrue())
		}),
		Entry("when the scheme is none of HTTP's", func(*sim.World) {}, "gopher://server/", func(err error) {
			Expect(err).To(MatchError(ContainSubstring("unsupported protocol scheme")))
		}),
	)

	It("waits for a lost answer as long as configured, in virtual time", func() {
		w := talk(sim.Config{Timeout: 3 * time.Second, Link: sim.Link{Loss: 1}}, nil, func(h *sim.Host) {
			Expect(exchange(h, "https://server/")).To(MatchError(ContainSubstring("within 3s")))
		})
		Expect(w.Now()).To(Equal(3 * time.Second))
	})

	It("looks at a context when called, and only then", func() {
		ctx, cancel := context.WithCancel(context.Background())
		w := talk(sim.Config{}, func(http.ResponseWriter, *http.Request) { cancel() }, func(h *sim.Host) {
			for _, wanted := range []error{nil, context.Canceled} {
				req, _ := http.NewRequestWithContext(ctx, "GET", "https://server/", nil)
				_, err := h.Client().Do(req)
				if wanted == nil {
					Expect(err).NotTo(HaveOccurred())
				} else {
					Expect(err).To(MatchError(wanted))
				}
			}
		})
		Expect(w.Trace().Messages()).To(HaveLen(2))
	})

	It("refuses header fields and lengths that no real client sends", func() {
		talk(sim.Config{}, nil, func(h *sim.Host) {
			for _, change := range []func(*http.Request){
				func(r *http.Request) { r.Header["a b"] = []string{"x"} },
				func(r *http.Request) { r.Header["X"] = []string{"x\r\ny"} },
				func(r *http.Request) { r.ContentLength = 7 },
			} {
				req, _ := http.NewRequest("POST", "https://server/", bytes.NewReader([]byte("x")))
				change(req)
				_, err := h.Client().Do(req)
				Expect(err).To(HaveOccurred())
			}
		})
	})
})
