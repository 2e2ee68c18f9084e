package replay_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/flows"
	"countersign/conformance/redact"
	"countersign/conformance/replay"
)

// against opens checks on real connections to a server.
func against(server *httptest.Server) replay.Open {
	return func(_ context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
		flow, err := flows.Of(c.ID)
		wire := &conformance.Wire{Stage: &conformance.Stage{}, Limit: 150 * time.Millisecond, Random: rand.Reader, Aliases: []redact.Name{}}
		return wire, conformance.Target{URL: server.URL, Setup: flow.Setup()}, err
	}
}

var _ = Describe("A target that answers badly", func() {
	DescribeTable("is judged the same without a recorder, with one, and from the recording",
		func(verdict conformance.Verdict, handle http.HandlerFunc) {
			stop := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if handle != nil {
					handle(w, r)
					return
				}
				<-stop
			}))
			DeferCleanup(server.Close)
			DeferCleanup(func() { close(stop) })
			checks := slices.DeleteFunc(flows.Checks(), func(c conformance.Check) bool { return c.ID != "TI-AM-01" })
			Expect(checks).To(HaveLen(1))
			plain := conformance.Runner{Open: against(server)}.Run(context.Background(), checks)[0]
			Expect(plain.Verdict).To(Equal(verdict))
			report, recording := record(against(server), checks)
			Expect(report.Results[0].Failure).To(Equal(plain.Failure))
			Expect(report.Results[0].Exchanges[0].Problem).To(Equal(plain.Exchanges[0].Problem))
			Expect(report.Results[0].Exchanges[0].Status).To(Equal(plain.Exchanges[0].Status))
			Expect(differences(rejudge(reread(recording)))).To(BeEmpty())
		},
		Entry("never", conformance.Fail, nil),
		Entry("never to the end", conformance.Fail, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}),
		Entry("with a connection that breaks", conformance.Fail, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		Entry("with less than it announced", conformance.Fail, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{}"))
		}),
		Entry("without an end", conformance.Fail, func(w http.ResponseWriter, _ *http.Request) {
			for range 3 * conformance.MaxBody / 4096 {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}),
		Entry("with a redirect to nowhere", conformance.Fail, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://[::1")
			w.WriteHeader(http.StatusFound)
		}),
		Entry("in bytes that are no UTF-8", conformance.Fail, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Note", "caf\xe9")
			_, _ = w.Write([]byte("\xff\xfe"))
		}),
	)
})
