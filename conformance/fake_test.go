package conformance_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/redact"
)

// fake is an Env without any network: it answers from a function.
type fake struct {
	answer  func(*http.Request) (*http.Response, error)
	played  map[string]http.Handler
	now     time.Time
	advance error
	entropy io.Reader
	within  error
	names   []redact.Name
	closed  atomic.Int32
}

func (f *fake) HTTP() *http.Client { return &http.Client{Transport: f} }

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) { return f.answer(req) }

func (f *fake) Play(party string, h http.Handler) error {
	if f.played == nil {
		f.played = map[string]http.Handler{}
	}
	f.played[party] = h
	return nil
}

func (f *fake) Now() time.Time { return f.now }

func (f *fake) Advance(d time.Duration) error {
	f.now = f.now.Add(d)
	return f.advance
}

func (f *fake) Await(_ time.Duration, done func() bool) bool { return done() }
func (f *fake) Entropy() io.Reader                           { return f.entropy }
func (f *fake) Names() []redact.Name                         { return f.names }
func (f *fake) Close()                                       { f.closed.Add(1) }

func (f *fake) Together(functions ...func()) {
	for _, run := range functions {
		run()
	}
}

func (f *fake) Within(check func()) error {
	check()
	return f.within
}

// answers makes a handler the target of a fake.
func answers(h http.HandlerFunc) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		rec := httptest.NewRecorder()
		if req.Body == nil {
			req.Body = http.NoBody
		}
		h(rec, req)
		return rec.Result(), nil
	}
}

// page makes a target that answers everything with one body.
func page(body string) func(*http.Request) (*http.Response, error) {
	return answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
}

// play runs one check of a MUST of the OAuth server in the surroundings.
func play(env conformance.Env, run func(*conformance.Session)) conformance.Result {
	s := conformance.Session{Check: conformance.Check{ID: must(), Role: catalog.OAuthServer, Run: run}, Env: env}
	return s.Run()
}

func get(rawURL string) *http.Request {
	GinkgoHelper()
	req, err := http.NewRequest(http.MethodGet, rawURL, nil)
	Expect(err).NotTo(HaveOccurred())
	return req
}

func post(rawURL, body string) *http.Request {
	GinkgoHelper()
	req, err := http.NewRequest(http.MethodPost, rawURL, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

// zeros is a random stream that is none.
func zeros(n int) io.Reader { return bytes.NewReader(make([]byte, n)) }

// open gives every check the same surroundings.
func open(env conformance.Env) func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
	return func(context.Context, conformance.Check) (conformance.Env, conformance.Target, error) {
		return env, conformance.Target{}, nil
	}
}
