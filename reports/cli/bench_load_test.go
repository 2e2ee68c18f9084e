package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/reports/cli"
)

// benched runs bench load with what it says going into a file, which the target may read meanwhile.
func benched(said *os.File, args ...string) error {
	c := cli.Program{In: os.Stdin, Out: said, Err: said, Env: func(string) (string, bool) { return "", false }}.Bench()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(append([]string{"load"}, args...))
	return c.ExecuteContext(context.Background())
}

func saidFile() *os.File {
	GinkgoHelper()
	f, err := os.CreateTemp(GinkgoT().TempDir(), "said")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(f.Close)
	return f
}

var _ = Describe("The command bench load", func() {
	It("serves the metrics of the run to Prometheus while it goes on, and no longer", func() {
		said, out := saidFile(), GinkgoT().TempDir()
		var asked atomic.Int64
		var once sync.Once
		var address, kind, metrics string
		target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			if asked.Add(1) < 20 {
				return
			}
			once.Do(func() { // in the middle of the run
				text, _ := os.ReadFile(said.Name())
				if m := regexp.MustCompile(`metrics at (\S+)`).FindSubmatch(text); m != nil {
					address = string(m[1])
				}
				if resp, err := http.Get(address); err == nil {
					kind = resp.Header.Get("Content-Type")
					all, _ := io.ReadAll(resp.Body)
					metrics = string(all)
					_ = resp.Body.Close()
				}
			})
		}))
		DeferCleanup(target.Close)
		Expect(benched(said, "--endpoint", target.URL, "--rate", "200", "--duration", "200ms", "--connections", "2", "--metrics", "127.0.0.1:0", "--out", out)).To(Succeed())
		Expect(address).To(MatchRegexp(`^http://127\.0\.0\.1:\d+/metrics$`))
		Expect(kind).To(HavePrefix("text/plain; version=0.0.4"))
		Expect(metrics).To(And(
			ContainSubstring("# TYPE countersign_load_journeys_total counter"), MatchRegexp(`(?m)^countersign_load_journeys_due_total \d\d$`),
			MatchRegexp(`(?m)^countersign_load_journeys_total\{outcome="finished"\} [1-9]\d*$`), ContainSubstring(`countersign_load_seconds{leg="request",quantile="0.99"}`),
		))
		_, err := http.Get(address)
		Expect(err).To(MatchError(ContainSubstring("refused")))
	})

	It("writes what the run-time system of the target did into the result", func() {
		said, out := saidFile(), GinkgoT().TempDir()
		served := http.NewServeMux()
		served.Handle("/debug/vars", expvar.Handler())
		served.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
		target := httptest.NewServer(served)
		DeferCleanup(target.Close)
		Expect(benched(said, "--endpoint", target.URL+"/", "--expect-text", "hello", "--rate", "100", "--duration", "100ms", "--expvar", target.URL+"/debug/vars", "--out", out)).To(Succeed())
		var result struct {
			Runtime struct {
				Allocated uint64 `json:"allocated_bytes"`
			} `json:"runtime"`
		}
		text, err := os.ReadFile(filepath.Join(out, "load.json"))
		Expect(err).NotTo(HaveOccurred())
		Expect(json.Unmarshal(text, &result)).To(Succeed())
		Expect(result.Runtime.Allocated).To(BeNumerically(">", 0))
	})

	It("exits with 2 and a sentence where the target serves nothing of the kind", func() {
		said := saidFile()
		target := httptest.NewServer(http.NotFoundHandler())
		DeferCleanup(target.Close)
		var code cli.ExitCode
		err := benched(said, "--endpoint", target.URL+"/", "--expect-status", "404", "--rate", "100", "--duration", "100ms", "--expvar", target.URL+"/debug/vars", "--out", GinkgoT().TempDir())
		Expect(errors.As(err, &code)).To(BeTrue())
		Expect(int(code)).To(Equal(2))
		text, err := os.ReadFile(said.Name())
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(ContainSubstring("serve expvar there, or leave out --expvar"))
	})
})
