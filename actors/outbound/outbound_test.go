package outbound_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/outbound"
	"countersign/actors/wire"
)

var _ = Describe("A call", func() {
	serve := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		DeferCleanup(server.Close)
		return server.URL
	}
	env := actors.Env{HTTP: &http.Client{Timeout: time.Minute}}

	It("carries what it was given, and brings the answer", func() {
		url := serve(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Header.Get("Authorization") != outbound.Basic("app", "secret") || r.Header.Get("DPoP") != "proof" ||
				r.Header.Get("Content-Type") != "application/json" || string(body) != `{"a":"b"}` {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		})
		reply, err := outbound.Call{
			Method: http.MethodPost, URL: url, Authorization: outbound.Basic("app", "secret"), Header: http.Header{"Dpop": {"proof"}}, Object: map[string]string{"a": "b"},
		}.Do(env, time.Second)
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Status).To(Equal(http.StatusBadRequest))
		Expect(reply.Header.Get("Retry-After")).To(Equal("2"))
		Expect(reply.Code()).To(Equal("invalid_grant"))
	})

	It("has no code where the answer is no refusal", func() {
		Expect(outbound.Reply{Body: []byte("no")}.Code()).To(BeEmpty())
	})

	It("ends when its limit does", func() {
		release := make(chan struct{})
		url := serve(func(http.ResponseWriter, *http.Request) { <-release })
		DeferCleanup(func() { close(release) }) // before the server, which waits for its handlers
		_, err := outbound.Call{Method: http.MethodGet, URL: url}.Do(env, 20*time.Millisecond)
		Expect(err).To(MatchError(ContainSubstring("Client.Timeout")))
	})

	DescribeTable("ends at once where nothing is left of its limit",
		func(left time.Duration) {
			url := serve(func(http.ResponseWriter, *http.Request) {})
			_, err := outbound.Call{Method: http.MethodGet, URL: url}.Do(env, left)
			Expect(err).To(MatchError(ContainSubstring("Client.Timeout")))
		},
		Entry("because all of it has passed", time.Duration(0)),
		Entry("because more than all of it has passed", -time.Second),
	)

	It("takes no answer without end", func() {
		url := serve(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", wire.MaxBody+2)))
		})
		_, err := outbound.Call{Method: http.MethodGet, URL: url}.Do(env, 5*time.Second)
		Expect(err).To(MatchError(ContainSubstring("is larger than")))
	})

	It("is bounded by its world where that can do it", func() {
		var asked time.Duration
		within := actors.Env{HTTP: env.HTTP, Within: func(limit time.Duration) *http.Client {
			asked = limit
			return env.HTTP
		}}
		_, err := outbound.Call{Method: http.MethodGet, URL: serve(func(http.ResponseWriter, *http.Request) {})}.Do(within, time.Second)
		Expect(err).NotTo(HaveOccurred())
		Expect(asked).To(Equal(time.Second))
	})
})
