package load_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/bench/load/play"
)

// against attacks a URL.
func against(ctx context.Context, a load.Attacker, url string, p load.Pacer) (load.Result, error) {
	GinkgoHelper()
	script, err := play.NewEndpoint(play.EndpointOptions{URL: url})
	Expect(err).NotTo(HaveOccurred())
	a.Script = only{script}
	Expect(a.Prepare(ctx)).To(Succeed())
	defer func() { Expect(a.Clean()).To(Succeed()) }()
	r := &load.Recorder{}
	err = a.Attack(ctx, p, r)
	return r.Result(), err
}

// only plays an endpoint without a word to it before.
type only struct{ *play.Endpoint }

func (only) Prepare(context.Context, *load.Seat) error { return nil }

var _ = Describe("A run on real connections", func() {
	ctx := context.Background()
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		DeferCleanup(s.Close)
		DeferCleanup(s.CloseClientConnections)
		return s.URL
	}

	It("sees a stall by all who were to meet it, with far fewer connections, and loses nothing", func() {
		var once sync.Once
		var until time.Time
		url := serve(func(http.ResponseWriter, *http.Request) {
			once.Do(func() { until = time.Now().Add(400 * time.Millisecond) })
			time.Sleep(time.Until(until)) // the target's own time
		})
		result, err := against(ctx, load.Attacker{Connections: 8}, url, load.Constant(500, 2*time.Second))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Counts.Finished).To(BeEquivalentTo(1000))
		Expect(result.Counts.Bad()).To(BeZero())
		// A fifth of all waits, evenly, for up to 400 ms. A machine that is busy lets them wait longer.
		Expect(result.Flow.Max).To(BeNumerically(">", 390))
		Expect(result.Flow.P95).To(BeNumerically(">", 280))
		Expect(result.Flow.P90).To(BeNumerically(">", 180))
		Expect(result.Counts.Late).To(BeNumerically(">", 150))
	})

	It("gives up on a target that never answers, and concludes nothing", func() {
		hold := make(chan struct{})
		url := serve(func(http.ResponseWriter, *http.Request) { <-hold })
		DeferCleanup(func() { close(hold) })
		begun := time.Now()
		result, err := against(ctx, load.Attacker{Connections: 4, Limit: 200 * time.Millisecond}, url, load.Constant(40, 200*time.Millisecond))
		Expect(err).NotTo(HaveOccurred())
		Expect(time.Since(begun)).To(BeNumerically("<", 5*time.Second))
		Expect(result.Counts.Failed[lean.TimedOut] + result.Counts.Dropped).To(BeEquivalentTo(8))
		Expect(result.Measured()).To(MatchError(ContainSubstring("timed out")))
	})

	It("stops at once when it is stopped, whatever the target does", func() {
		hold := make(chan struct{})
		url := serve(func(http.ResponseWriter, *http.Request) { <-hold })
		DeferCleanup(func() { close(hold) })
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		begun := time.Now()
		_, err := against(short, load.Attacker{Connections: 4}, url, load.Constant(100, time.Hour))
		Expect(err).To(MatchError(context.DeadlineExceeded))
		Expect(time.Since(begun)).To(BeNumerically("<", 3*time.Second))
	})

	It("opens a connection anew where the target ends each, and counts them", func() {
		url := serve(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
		result, err := against(ctx, load.Attacker{Connections: 4}, url, load.Constant(100, 300*time.Millisecond))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Counts.Finished).To(BeEquivalentTo(30))
		Expect(result.Opened).To(Equal(30))
	})

	It("reads bodies of any length, in pieces", func() {
		url := serve(func(w http.ResponseWriter, _ *http.Request) {
			for range 20 {
				_, _ = w.Write(make([]byte, 20_000))
				w.(http.Flusher).Flush()
			}
		})
		result, err := against(ctx, load.Attacker{Connections: 4}, url, load.Constant(50, 300*time.Millisecond))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Counts.Finished).To(BeEquivalentTo(15), result.Counts.Failures())
	})

	It("reaches a target over TLS", func() {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sealed") }))
		DeferCleanup(s.Close)
		trusting := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		result, err := against(ctx, load.Attacker{Connections: 4, TLS: &tls.Config{RootCAs: trusting, MinVersion: tls.VersionTLS12}}, s.URL, load.Constant(100, 300*time.Millisecond))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Counts.Finished).To(BeEquivalentTo(30), result.Counts.Failures())
		Expect(result.Opened).To(BeNumerically("<=", 4))
	})

	It("counts refused connections, and answers that are none", func() {
		s := httptest.NewServer(nil)
		url := s.URL
		s.Close()
		result, err := against(ctx, load.Attacker{Connections: 2}, url, load.Constant(50, 100*time.Millisecond))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Counts.Failed).To(Equal(map[string]int64{lean.Refused: 5}))
		hostile := serve(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi")
				_ = conn.Close()
			}
		})
		result, err = against(ctx, load.Attacker{Connections: 2}, hostile, load.Constant(50, 100*time.Millisecond))
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Counts.Failed).To(Equal(map[string]int64{lean.Malformed: 5}))
	})
})
