package conformance_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/redact"
)

var _ = Describe("A session", func() {
	failure := &conformance.Failure{Expected: "black", Actual: "white", Blame: string(catalog.OAuthServer)}

	DescribeTable("ends a check",
		func(run func(*conformance.Session), verdict conformance.Verdict, reason string, failure *conformance.Failure) {
			after := false
			r := play(&fake{entropy: zeros(4)}, func(s *conformance.Session) {
				run(s)
				after = true
			})
			Expect(r.Verdict).To(Equal(verdict))
			Expect(r.Reason).To(Equal(reason))
			Expect(r.Failure).To(Equal(failure))
			Expect(r.Exchanges).NotTo(BeNil())
			if verdict != conformance.Pass {
				Expect(after).To(BeFalse(), "what follows a judgement is not run")
			}
		},
		Entry("as passed when nothing is said", func(*conformance.Session) {}, conformance.Pass, "", nil),
		Entry("as passed at once", func(s *conformance.Session) { s.Pass() }, conformance.Pass, "", nil),
		Entry("as failed", func(s *conformance.Session) { s.Fail("black", "white") }, conformance.Fail, "", failure),
		Entry("as failed when what is expected is not so", func(s *conformance.Session) { s.Expect(false, "black", "white") }, conformance.Fail, "", failure),
		Entry("not at all when what is expected is so", func(s *conformance.Session) { s.Expect(true, "black", "white") }, conformance.Pass, "", nil),
		Entry("as skipped, with the reason", func(s *conformance.Session) { s.Skip("only %d users", 1) }, conformance.Skip, "only 1 users", nil),
		Entry("as broken, with the reason", func(s *conformance.Session) { s.Broken("no %s", "clock") }, conformance.Error, "no clock", nil),
		Entry("as broken when it panics", func(*conformance.Session) { panic("oh") }, conformance.Error, "the check broke: oh", nil),
		Entry("as broken when randomness runs dry", func(s *conformance.Session) { s.Random(5) }, conformance.Error, "no randomness: unexpected EOF", nil),
	)

	DescribeTable("judges what is not met by the strength of the requirement",
		func(id catalog.ID, k catalog.Keyword, v conformance.Verdict) {
			s := conformance.Session{Check: conformance.Check{ID: id, Role: catalog.Platform, Run: func(s *conformance.Session) { s.Fail("black", "white") }}, Env: &fake{}}
			Expect(s.Check.Requirement().Keyword).To(Equal(k))
			Expect(s.Run()).To(And(HaveField("Verdict", v), HaveField("Failure.Actual", "white")))
		},
		Entry("a MUST fails", catalog.ID("UN-PL-01"), catalog.Must, conformance.Fail), Entry("a SHOULD warns", catalog.ID("UN-PL-91"), catalog.Should, conformance.Warn),
	)

	It("names the check, the role and the requirement in its result", func() {
		s := conformance.Session{Check: conformance.Check{ID: both(), Role: catalog.ClientReceiving, Run: func(*conformance.Session) {}}, Env: &fake{}}
		r := s.Run()
		Expect(r.Check).To(Equal(string(both()) + "@client-receiving"))
		Expect(r.Role).To(Equal(catalog.ClientReceiving))
		Expect(r.Requirement.ID).To(Equal(both()))
	})

	It("gives random bytes in base64url", func() {
		r := play(&fake{entropy: bytes.NewReader([]byte{0xff, 0xff, 0xfe})}, func(s *conformance.Session) { s.Fail("", s.Random(3)) })
		Expect(r.Failure.Actual).To(Equal("___-"))
	})

	DescribeTable("lets time pass, or says why it cannot",
		func(err error, verdict conformance.Verdict, reason string) {
			env := &fake{advance: err}
			r := play(env, func(s *conformance.Session) { s.Advance(time.Hour) })
			Expect(r.Verdict).To(Equal(verdict))
			Expect(r.Reason).To(Equal(reason))
		},
		Entry("where there is a clock", nil, conformance.Pass, ""),
		Entry("where there is none", conformance.ErrNoClock, conformance.Skip, "the target offers no test clock and its lifetime is too long to wait for (1h0m0s to wait)"),
		Entry("where it is broken", errors.New("status 500"), conformance.Fail, ""),
	)

	DescribeTable("lets time pass for what a check looks at besides",
		func(err error, verdict conformance.Verdict, want bool) {
			var passed bool
			r := play(&fake{advance: err}, func(s *conformance.Session) { passed = s.Passes(time.Hour) })
			Expect(r.Verdict).To(Equal(verdict))
			Expect(passed).To(Equal(want))
		},
		Entry("where there is a clock", nil, conformance.Pass, true),
		Entry("and goes on where there is none", conformance.ErrNoClock, conformance.Pass, false),
		Entry("and blames the target whose clock is broken", errors.New("status 500"), conformance.Fail, false),
	)

	Describe("asking the target", func() {
		It("gives the answer whole, and numbers the exchanges", func() {
			env := &fake{now: time.Unix(1767225600, 0), answer: answers(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("X-Seen", string(body))
				w.WriteHeader(http.StatusTeapot)
				_, _ = io.WriteString(w, "short and stout")
			})}
			r := play(env, func(s *conformance.Session) {
				s.Do("harness", get("http://target/first"))
				resp := s.Do("client-a", post("http://target/second?x=1", "a=b"))
				Expect(resp.Status).To(Equal(http.StatusTeapot))
				Expect(resp.Header.Get("X-Seen")).To(Equal("a=b"))
				Expect(string(resp.Body)).To(Equal("short and stout"))
				Expect(resp.URL).To(Equal("http://target/second?x=1"))
				Expect(resp.Exchange).To(Equal(2))
				Expect(s.Transcript()[1].At).To(Equal(time.Unix(1767225600, 0)))
			})
			Expect(r.Verdict).To(Equal(conformance.Pass))
			Expect(r.Exchanges).To(HaveLen(2))
			e := r.Exchanges[1]
			Expect(e.Number).To(Equal(2))
			Expect([]string{e.From, e.To, e.Method, e.URL, e.RequestBody, e.ResponseBody}).To(Equal([]string{"client-a", "oauth-server", "POST", "http://target/second?x=1", "a=b", "short and stout"}))
			Expect(e.Status).To(Equal(http.StatusTeapot))
			Expect(e.RequestHeaders).To(Equal([]conformance.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}))
			Expect(e.ResponseHeaders).To(Equal([]conformance.Header{{Name: "X-Seen", Value: "a=b"}}))
		})

		It("blames the role for staying silent, and points at the request, whatever else went on meanwhile", func() {
			env := &fake{}
			env.answer = func(*http.Request) (*http.Response, error) {
				env.played["site-a"].ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://site-a/hello", nil))
				return nil, errors.New("connection reset by peer")
			}
			r := play(env, func(s *conformance.Session) {
				s.Play("site-a", http.NotFoundHandler())
				s.Do("harness", get("http://target/"))
			})
			Expect(r.Verdict).To(Equal(conformance.Fail))
			Expect(r.Failure).To(Equal(&conformance.Failure{Expected: "a complete answer", Actual: `Get "http://target/": connection reset by peer`, Blame: "oauth-server", Exchange: 1}))
			Expect(r.Exchanges).To(HaveLen(2))
			Expect(r.Exchanges[0].Problem).To(Equal(`Get "http://target/": connection reset by peer`))
		})

		It("fails for silence also where the requirement is none of the strongest: nothing of it was judged", func() {
			s := conformance.Session{
				Check: conformance.Check{ID: "UN-PL-91", Role: catalog.Platform, Run: func(s *conformance.Session) { s.Do("harness", get("http://target/")) }},
				Env:   &fake{answer: func(*http.Request) (*http.Response, error) { return nil, errors.New("gone") }},
			}
			Expect(s.Check.Requirement().Keyword).To(Equal(catalog.Should))
			Expect(s.Run().Verdict).To(Equal(conformance.Fail))
		})

		It("may go without an answer when it says so", func() {
			r := play(&fake{answer: func(*http.Request) (*http.Response, error) { return nil, errors.New("gone") }}, func(s *conformance.Session) {
				_, err := s.Try("harness", get("http://target/"))
				Expect(err).To(MatchError(ContainSubstring("gone")))
			})
			Expect(r.Verdict).To(Equal(conformance.Pass))
		})

		DescribeTable("reads a body",
			func(size int, verdict conformance.Verdict) {
				r := play(&fake{answer: page(strings.Repeat("x", size))}, func(s *conformance.Session) { s.Do("harness", get("http://target/")) })
				Expect(r.Verdict).To(Equal(verdict))
				Expect(len(r.Exchanges[0].ResponseBody)).To(BeNumerically("<", 17<<10), "a report shows the beginning")
			},
			Entry("up to the limit", conformance.MaxBody, conformance.Pass), Entry("and no further", conformance.MaxBody+1, conformance.Fail),
		)

		It("fails a status that is not among the expected ones, at the exchange that shows it", func() {
			r := play(&fake{answer: page("")}, func(s *conformance.Session) {
				resp := s.Do("harness", get("http://target/"))
				s.Do("harness", get("http://target/"))
				s.ExpectStatus(resp, "the page", 200, 204)
				s.ExpectStatus(resp, "the page", 302, 303)
			})
			Expect(r.Failure).To(Equal(&conformance.Failure{Expected: "the page: status 302 or 303", Actual: "status 200", Blame: "oauth-server", Exchange: 1}))
		})

		It("keeps bytes that are no text out of the report", func() {
			r := play(&fake{answer: page("a\xffb")}, func(s *conformance.Session) { s.Do("harness", get("http://target/")) })
			Expect(r.Exchanges[0].ResponseBody).To(Equal("a\uFFFDb"))
		})

		It("has no null in a result whose request had no header", func() {
			r := play(&fake{answer: page("")}, func(s *conformance.Session) { s.Do("harness", get("http://target/")) })
			Expect(json.Marshal(r)).To(ContainSubstring(`"request_headers":[]`))
			Expect(json.Marshal(r)).NotTo(ContainSubstring("null"))
		})
	})

	Describe("playing a party", func() {
		// ask sends the party a request and returns its answer.
		ask := func(env *fake, req *http.Request) *httptest.ResponseRecorder {
			rec := httptest.NewRecorder()
			env.played["site-a"].ServeHTTP(rec, req)
			return rec
		}

		It("records what it is asked and what it answers", func() {
			env := &fake{}
			r := play(env, func(s *conformance.Session) {
				s.Play("site-a", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					w.Header().Set("X-Echo", string(body))
					w.WriteHeader(http.StatusAccepted)
					w.WriteHeader(http.StatusTeapot)
					_, _ = io.WriteString(w, "thank you")
				}))
				rec := ask(env, httptest.NewRequest(http.MethodPost, "/handover?x=1", strings.NewReader("a=b")))
				Expect(rec.Code).To(Equal(http.StatusAccepted))
				Expect(rec.Header().Get("X-Echo")).To(Equal("a=b"))
				Expect(rec.Body.String()).To(Equal("thank you"))
			})
			e := r.Exchanges[0]
			Expect([]string{e.From, e.To, e.Method, e.URL, e.RequestBody, e.ResponseBody}).To(Equal([]string{"oauth-server", "site-a", "POST", "http://example.com/handover?x=1", "a=b", "thank you"}))
			Expect(e.Status).To(Equal(http.StatusAccepted))
		})

		It("answers 200 when the party says nothing", func() {
			env := &fake{}
			r := play(env, func(s *conformance.Session) {
				s.Play("site-a", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				Expect(ask(env, httptest.NewRequest(http.MethodGet, "/", nil)).Code).To(Equal(http.StatusOK))
			})
			Expect(r.Exchanges[0].Status).To(Equal(http.StatusOK))
		})

		DescribeTable("records a request whose body is not to be had, and keeps it from the party",
			func(body io.Reader, problem string) {
				env := &fake{}
				r := play(env, func(s *conformance.Session) {
					s.Play("site-a", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.Broken("the party was asked") }))
					Expect(ask(env, httptest.NewRequest(http.MethodPost, "/", body)).Code).To(Equal(http.StatusBadRequest))
				})
				Expect(r.Verdict).To(Equal(conformance.Pass))
				Expect(r.Exchanges).To(HaveLen(1))
				Expect(r.Exchanges[0].Problem).To(Equal(problem))
				Expect(r.Exchanges[0].Status).To(Equal(http.StatusBadRequest))
			},
			Entry("because it is too long", strings.NewReader(strings.Repeat("x", conformance.MaxBody+1)), "the body goes on after 1048576 bytes"),
			Entry("because it breaks off", io.MultiReader(strings.NewReader("a=b"), broken{}), "unexpected EOF"),
		)
	})

	It("shows nothing of a secret, wherever it stood", func() {
		const canary = "canary+Zx9/Qm4=="
		spelled := strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(canary)
		env := &fake{names: []redact.Name{{Origin: "http://127.0.0.1:8790", As: "http://target"}}}
		env.answer = answers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "sid=cookie-canary; Path=/")
			w.Header().Set("Location", "http://127.0.0.1:8790/next?oauth_verifier="+spelled)
			_, _ = io.WriteString(w, `<input type='hidden' name='csrf' value='hidden-canary'> `+canary+` {"token":"`+canary+`"}`)
		})
		r := play(env, func(s *conformance.Session) {
			s.Play("site-a", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "oauth_token_secret="+spelled) }))
			env.played["site-a"].ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader("password=pass+canary")))
			req := post("http://127.0.0.1:8790/authorize?oauth_token="+spelled, "password=pass+canary&csrf=hidden-canary")
			req.Header.Set("Cookie", "sid=cookie-canary")
			req.Header.Set("Authorization", "Bearer bearer-canary")
			s.Do("user-terminal", req)
			Expect(s.Transcript()[1].URL).To(ContainSubstring(spelled), "the transcript is as it was")
			s.Fail("anything but "+canary, "hidden-canary, pass canary, "+spelled+" at http://127.0.0.1:8790/")
		})
		data, err := json.Marshal(r)
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.ToLower(string(data))).NotTo(ContainSubstring("canary"))
		Expect(string(data)).NotTo(ContainSubstring("8790"))
		Expect(r.Failure.Actual).To(Equal("‹hidden 1›, ‹password 1›, ‹oauth_token_secret 1› at http://target/"))
		Expect(r.Exchanges[1].URL).To(Equal("http://target/authorize?oauth_token=‹oauth_token_secret 1›"))
	})

	It("shows nothing of a configured secret, wherever it stood, but of one that is too short", func() {
		env := &fake{answer: answers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X-Canary-Key"] = []string{"canary-key"}
			_, _ = io.WriteString(w, "yes, canary%2Dkey")
		})}
		r := conformance.Runner{Open: open(env), Secrets: []conformance.Secret{{Place: "setup.key", Value: "canary-key"}, {Place: "setup.name", Value: "Canary-Key"}, {Place: "setup.k", Value: "yes"}}}.Run(
			context.Background(), checks(1, func(s *conformance.Session) {
				s.Play("site-a", http.NotFoundHandler())
				env.played["site-a"].ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("canary-key", "/canary-key", strings.NewReader("canary-key")))
				s.Do("harness", get("http://target/canary-key"))
				s.Fail("canary-key", "canary-key")
			}))[0]
		Expect(json.Marshal(r)).NotTo(ContainSubstring("anary"))
		Expect(r.Failure.Actual).To(Equal("‹setup.key›"))
		Expect(r.Exchanges[1].ResponseBody).To(Equal("yes, ‹setup.key›"))
	})

	Describe("cutting what is long", func() {
		const (
			met        = "nnch734d00sl2jdkkllo9940pd9333jhhh5s93j4hdidpolapfkkdhi9sl3r"
			configured = "00791901583802375703167603959504751405543306335207127107919"
		)
		plain := func(text string) string { return text }
		escaped := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "0", "%30") }
		// shown is what a report shows of a text that a check calls wrong, and of it as an answer's body, where a secret is configured.
		shown := func(secret, text, kind string) (actual, body string) {
			s := conformance.Session{Secrets: []conformance.Secret{{Place: "setup.key", Value: secret}}, Env: &fake{answer: answers(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", kind)
				_, _ = io.WriteString(w, map[string]string{"/": text, "/token": "token=" + met}[r.URL.Path])
			})}}
			s.Check = conformance.Check{ID: must(), Role: catalog.OAuthServer, Run: func(s *conformance.Session) {
				s.Do("harness", get("http://target/token"))
				s.Do("harness", get("http://target/"))
				s.Fail("less", text)
			}}
			r := s.Run()
			return r.Failure.Actual, r.Exchanges[1].ResponseBody
		}

		It("shows the beginning, and says how much there is", func() {
			actual, body := shown("", "status 303 to "+strings.Repeat("x", 1<<20-14), "text/plain")
			Expect(actual).To(And(HavePrefix("status 303 to xxxx"), HaveLen(8<<10+len("... (1048576 bytes in all)")), HaveSuffix("xxxx... (1048576 bytes in all)")))
			Expect(body).To(And(HavePrefix("status 303 to xxxx"), HaveLen(16<<10+len("... (1048576 bytes in all)")), HaveSuffix("xxxx... (1048576 bytes in all)")))
			_, body = shown("", strings.Repeat("\xff", 1<<20), "image/png")
			Expect(body).To(And(HavePrefix("h'ffff"), HaveLen(16<<10+len("... (1048576 bytes in all)")), HaveSuffix("ffff... (1048576 bytes in all)")))
			_, body = shown("", strings.Repeat("\xff", 1<<20), "text/plain")
			Expect(body).To(HaveSuffix("... (1048576 bytes in all)"))
		})

		DescribeTable("shows no part of a secret that goes on behind the cut",
			func(secret, label, kind string, spell func(string) string, part string) {
				spelled := spell(secret + " ")
				for before := 0; before <= len(spelled); before += max(1, len(spelled)/8) { // so that the cut goes through it at many places
					text := strings.Repeat(spell("x"), before) + strings.Repeat(spelled, 40<<10/len(spelled))
					actual, body := shown(secret, text, kind)
					for _, cut := range []string{actual, body} {
						Expect(cut).To(And(ContainSubstring(label), HaveSuffix("... (%d bytes in all)", len(text))))
						Expect(cut).NotTo(ContainSubstring(part))
					}
				}
			},
			Entry("and that the check has met", met, "‹token 1›", "text/plain", plain, "nnc"),
			Entry("and that is configured", configured, "‹setup.key›", "text/plain", plain, "0079"),
			Entry("and has escapes", configured, "‹setup.key›", "text/plain", escaped, "%30%3079"),
			Entry("and that is a configured one with spaces in it", strings.ReplaceAll(configured, "9", " "), "‹setup.key›", "text/plain", plain, "007 "),
		)

		It("shows no part of one in the digits of a body that is no text", func() {
			for before := 0; before <= len(configured); before += 7 {
				_, body := shown(configured, "\xff"+strings.Repeat("x", before)+strings.Repeat(configured, 600), "image/png")
				Expect(body).To(And(HavePrefix("h'ff"), ContainSubstring("‹setup.key›"), HaveSuffix("bytes in all)")))
				Expect(body).NotTo(ContainSubstring(hex.EncodeToString([]byte("0079"))))
			}
		})
	})

	It("shows nothing of a secret in the reason of a skip or a break", func() {
		r := play(&fake{answer: page("token=nnch734d00sl2jdk")}, func(s *conformance.Session) {
			s.Broken("%s is no token", s.Do("harness", get("http://target/")).Body[len("token="):])
		})
		Expect(r.Reason).To(Equal("‹token 1› is no token"))
	})
})

// broken is a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
