package job_test

import (
	"context"
	"expvar"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/bench/load/job"
	"countersign/bench/load/play"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
)

// against is a job that puts one endpoint under load.
func against(url, text string, rate float64, d time.Duration) job.Job {
	return job.Job{Config: config.Default(), Endpoint: &play.EndpointOptions{URL: url, Text: text}, Pacer: load.Constant(rate, d), Connections: 4}
}

func serve(h http.Handler) string {
	s := httptest.NewServer(h)
	DeferCleanup(s.Close)
	DeferCleanup(s.CloseClientConnections)
	return s.URL
}

var _ = Describe("A job against one endpoint", func() {
	It("finds one answer in a thousand that is somebody else's, says how many there were, and shows the exchange", func() {
		var asked atomic.Int64
		url := serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			owner := "alice"
			if asked.Add(1)%1000 == 0 {
				owner = "bob"
			}
			fmt.Fprintf(w, `{"owner": %q}`, owner)
		}))
		outcome, err := against(url, `"owner": "alice"`, 4000, 500*time.Millisecond).Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(outcome.Held).To(BeFalse())
		Expect(outcome.Result.Counts).To(And(HaveField("Due", BeEquivalentTo(2000)), HaveField("Wrong", asked.Load()/1000), HaveField("Finished", 2000-asked.Load()/1000)))
		Expect(outcome.Result.Wrong[0].Response).To(ContainSubstring(`{"owner": "bob"}`))
		Expect(outcome.Result.Wrong[0].Request).To(HavePrefix("GET / HTTP/1.1"))
	})

	It("does not hold for one wrong answer, and holds where a threshold allows for it", func() {
		var asked atomic.Int64
		url := serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 50 {
				w.WriteHeader(http.StatusBadGateway)
			}
		}))
		j := against(url, "", 1000, 100*time.Millisecond)
		t, err := load.ParseThreshold("errors<=1%")
		Expect(err).NotTo(HaveOccurred())
		j.Thresholds = []load.Threshold{t}
		outcome, err := j.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(outcome.Result.Counts.Wrong).To(BeEquivalentTo(1))
		Expect(outcome.Held).To(BeTrue())
		asked.Store(0)
		j.Thresholds = nil
		outcome, err = j.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(outcome.Held).To(BeFalse())
	})

	It("reads what the target's run-time system says before and after", func() {
		served := http.NewServeMux()
		served.Handle("/debug/vars", expvar.Handler())
		served.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10_000)) })
		url := serve(served)
		j := against(url+"/", "", 200, 100*time.Millisecond)
		j.Variables = url + "/debug/vars"
		outcome, err := j.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(outcome.Result.Runtime).NotTo(BeNil())
		Expect(outcome.Result.Runtime.Allocated).To(BeNumerically(">", 20*10_000))
		Expect(outcome.Result.Runtime.Allocations).To(BeNumerically(">", 20))
		Expect(outcome.Result.Runtime.Heap).To(BeNumerically(">", 0))
	})

	DescribeTable("says in a sentence that there is nothing of a run-time system to read, and exits with 2",
		func(h http.HandlerFunc) {
			url := serve(h)
			j := against(url, "", 10, 100*time.Millisecond)
			j.Variables = url + "/debug/vars"
			_, err := j.Run(context.Background())
			Expect(err).To(MatchError(ContainSubstring("serve expvar there, or leave out --expvar")))
			Expect(job.ExitCode(err)).To(Equal(2))
		},
		Entry("no JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }),
		Entry("JSON without memstats", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"cmdline": []}`) }),
		Entry("memstats under another status", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/debug/vars" {
				w.WriteHeader(http.StatusTeapot)
			}
			_, _ = io.WriteString(w, `{"memstats": {"NumGC": 1}}`)
		}),
	)

	It("measures a process of this machine", func() {
		if _, err := load.ProcessUsage(os.Getpid()); err != nil {
			Skip("this system does not tell what a process uses: " + err.Error())
		}
		j := against(serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), "", 200, 100*time.Millisecond)
		j.PID = os.Getpid()
		outcome, err := j.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(outcome.Result.Process).NotTo(BeNil())
		Expect(outcome.Result.Process.MemoryMost).To(BeNumerically(">", 1<<20))
	})

	It("shares the CPU time of a process out among those journeys that began", func() {
		if _, err := load.ProcessUsage(os.Getpid()); err != nil {
			Skip("this system does not tell what a process uses: " + err.Error())
		}
		j := against(serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			for begun := time.Now(); time.Since(begun) < 40*time.Millisecond; { // the processor's own time
			}
		})), "", 400, 200*time.Millisecond) // 80 journeys, and time for 30 of them
		j.PID, j.Connections, j.Config.Limit = os.Getpid(), 1, time.Second
		outcome, err := j.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		c, use := outcome.Result.Counts, outcome.Result.Process
		Expect(c.Dropped).To(BeNumerically(">", 30))
		Expect(use.CPU).To(BeNumerically(">", 0.1))
		Expect(use.PerJourney).To(BeNumerically("~", 1000*use.CPU/float64(c.Due-c.Dropped), 1e-6))
	})
})

var _ = Describe("A job against a flow", func() {
	flow := func(name string, roles ...catalog.Role) job.Job {
		j := job.Job{Config: config.Default(), Pacer: load.Constant(20, 100*time.Millisecond), Connections: 2}
		j.Config.Profile, j.Config.Roles = name, roles
		return j
	}

	DescribeTable("puts those roles under load that serve many, and a client only by its name",
		func(j job.Job, script string) {
			outcome, err := j.Run(context.Background())
			Expect(err).NotTo(HaveOccurred())
			Expect(outcome.Held).To(BeTrue(), outcome.Result.Counts.Failures())
			Expect(outcome.Result.Script).To(Equal(script))
		},
		Entry("ticket", flow("ticket"), "ticket account-server app-server"),
		Entry("offline", flow("offline"), "offline service-server"),
		Entry("mobile's app", flow("mobile", catalog.MobileApp), "mobile mobile-app"),
		Entry("both, in the order of a journey", flow("ticket", catalog.Terminal, catalog.AppServer), "ticket app-server terminal"),
	)

	It("says which roles can be put under load, for one that cannot", func() {
		_, err := flow("unified", catalog.UserAgent).Run(context.Background())
		Expect(err).To(MatchError(`the role "user-agent" of unified cannot be put under load; the roles that can are [authentication-platform third-party-platform]`))
		Expect(job.ExitCode(err)).To(Equal(2))
	})

	It("does not load the reference in the place of a target that the configuration describes and does not name", func() {
		j := flow("ticket")
		var err error
		j.Config, err = config.Parse("s.yaml", []byte("profile: ticket@1\nsetup: {issuer: 'http://127.0.0.1:9'}\n"))
		Expect(err).NotTo(HaveOccurred())
		_, err = j.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("`setup` describes a target that nothing names")))
		Expect(job.ExitCode(err)).To(Equal(2))
	})

	It("refuses to judge by the level core", func() {
		j := flow("ticket")
		j.Config.Level = catalog.Core
		_, err := j.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("leave out --level core")))
		Expect(job.ExitCode(err)).To(Equal(2))
	})
})
