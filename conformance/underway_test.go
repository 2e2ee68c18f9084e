package conformance_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
)

// between is a transport between the harness and the target.
type between func(*http.Request, http.RoundTripper) (*http.Response, error)

// run plays a check over the transport, with a limit for one exchange.
func (b between) run(limit time.Duration, check func(*conformance.Session, string)) conformance.Result {
	GinkgoHelper()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("user=" + r.FormValue("user"))) }))
	DeferCleanup(target.Close)
	wire := &conformance.Wire{Stage: &conformance.Stage{}, Limit: limit, Through: func(own *http.Transport) http.RoundTripper { return through{b, own} }}
	DeferCleanup(wire.Close)
	session := &conformance.Session{Env: wire, Check: conformance.Check{ID: "BI-OS-01", Role: "oauth-server", Run: func(s *conformance.Session) { check(s, target.URL) }}}
	return session.Run()
}

type through struct {
	between between
	next    http.RoundTripper
}

func (t through) RoundTrip(req *http.Request) (*http.Response, error) { return t.between(req, t.next) }

func posted(address string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader("username=alice&password=topsecret99"))
	Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

var _ = Describe("A transport between the harness and the target", func() {
	It("knows whose request it has, and tells what the target was really asked, without its secrets", func() {
		var of string
		result := between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			under := conformance.UnderwayIn(req.Context())
			of = under.Check().Name()
			body, err := conformance.ReadBody(req)
			if err != nil {
				return nil, err
			}
			other := strings.NewReplacer("username", "user", "password", "pw").Replace(string(body))
			req, err = http.NewRequestWithContext(req.Context(), http.MethodPost, req.URL.String()+"/own", strings.NewReader(other))
			if err != nil {
				return nil, err
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			under.Asked(req, []byte(other))
			under.Answered([]byte("as it came"))
			return next.RoundTrip(req)
		}).run(time.Second, func(s *conformance.Session, target string) {
			Expect(string(s.Do("user", posted(target)).Body)).To(Equal("user=alice"))
		})
		Expect(of).To(Equal("BI-OS-01"))
		Expect(result.Verdict).To(Equal(conformance.Pass))
		Expect(result.Exchanges[0]).To(And(HaveField("URL", HaveSuffix("/own")), HaveField("RequestBody", "user=alice&pw=‹password 1›"), HaveField("ResponseBody", "as it came")))
	})

	DescribeTable("ends a check with its own verdict, whatever the check makes of it",
		func(check func(*conformance.Session, string)) {
			asked := 0
			result := between(func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
				asked++
				o := &conformance.Obstacle{Verdict: conformance.Skip, Reason: "nobody was there"}
				conformance.UnderwayIn(req.Context()).Obstruct(o)
				return nil, o
			}).run(time.Second, check)
			Expect(result.Verdict).To(Equal(conformance.Skip))
			Expect(result.Reason).To(Equal("nobody was there"))
			Expect(result.Failure).To(BeNil())
			Expect(asked).To(Equal(1))
		},
		Entry("where an answer is needed", func(s *conformance.Session, target string) { s.Do("user", posted(target)) }),
		Entry("where it may stay away", func(s *conformance.Session, target string) {
			_, err := s.Try("user", posted(target))
			var o *conformance.Obstacle
			Expect(errors.As(err, &o)).To(BeTrue())
			_, err = s.Try("user", posted(target))
			Expect(errors.As(err, &o)).To(BeTrue())
			s.Fail("an answer", "none")
		}),
	)

	It("may wait for a person for longer than any limit", func() {
		result := between(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			resume := conformance.Pause(req.Context())
			defer resume()
			<-time.After(120 * time.Millisecond) // more than the limits for an exchange, and for a check of twenty
			rec := httptest.NewRecorder()
			rec.WriteString("done")
			return rec.Result(), nil
		}).run(5*time.Millisecond, func(s *conformance.Session, target string) {
			Expect(string(s.Do("user", posted(target)).Body)).To(Equal("done"))
		})
		Expect(result.Verdict).To(Equal(conformance.Pass), "%v", result.Failure)
	})
})

var _ = Describe("A party that nobody plays", func() {
	It("shows a page to a browser, which is to come to its address, and has nothing to say to others", func() {
		stage := &conformance.Stage{}
		DeferCleanup(stage.Close)
		origin, err := stage.Listen("site-a", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		ask := func(accept string) int {
			u, err := url.Parse(origin + "/callback")
			Expect(err).NotTo(HaveOccurred())
			resp, err := http.DefaultClient.Do(&http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Accept": {accept}}})
			Expect(err).NotTo(HaveOccurred())
			return resp.StatusCode
		}
		Expect(ask("text/html,application/xhtml+xml")).To(Equal(http.StatusOK))
		Expect(ask("*/*")).To(Equal(http.StatusNoContent))
	})
})
