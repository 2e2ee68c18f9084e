package wire_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/wire"
)

func ask(h http.Handler, method, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", wire.FormType)
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder
}

var _ = Describe("Over the wire", func() {
	It("a refusal is a JSON object, and with 503 says when to ask again", func() {
		recorder := httptest.NewRecorder()
		wire.Refuse(recorder, http.StatusServiceUnavailable, wire.Refusal{Error: "busy", Description: "ask again"})
		Expect(recorder.Code).To(Equal(http.StatusServiceUnavailable))
		Expect(recorder.Header().Get("Retry-After")).To(Equal("2"))
		Expect(recorder.Body.String()).To(MatchJSON(`{"error":"busy","error_description":"ask again"}`))
	})

	It("a document is read and not written", func() {
		document := wire.Document{Value: map[string]int{"one": 1}}
		Expect(ask(document, http.MethodGet, "").Body.String()).To(MatchJSON(`{"one":1}`))
		Expect(ask(document, http.MethodPost, "").Header().Get("Allow")).To(Equal("GET, HEAD"))
	})

	It("the test clock moves by whole seconds", func() {
		now := time.Unix(1000, 0)
		clock := wire.TestClock(func(d time.Duration) time.Time { now = now.Add(d); return now })
		Expect(ask(clock, http.MethodPost, "advance=60").Body.String()).To(MatchJSON(`{"now":1060}`))
		Expect(ask(clock, http.MethodPost, "advance=0").Body.String()).To(MatchJSON(`{"now":1060}`))
		Expect(ask(clock, http.MethodPost, "advance=-1").Code).To(Equal(http.StatusBadRequest))
		Expect(ask(clock, http.MethodGet, "").Code).To(Equal(http.StatusMethodNotAllowed))
	})

	DescribeTable("a URL is private or not",
		func(target string, private bool) { Expect(wire.Private(target)).To(Equal(private)) },
		Entry("over TLS", "https://a.example/x", true),
		Entry("at localhost", "http://localhost:80/x", true),
		Entry("below localhost", "http://a.localhost/x", true),
		Entry("at a loopback address", "http://[::1]:8080/x", true),
		Entry("in plain text elsewhere", "http://a.example/x", false),
		Entry("at a name that only begins like localhost", "http://localhost.example/", false),
	)
})
