//go:build unix

package certify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"countersign/conformance"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/fixture"
	"countersign/conformance/launch"
	"countersign/conformance/replay"
)

// countersign builds the program once.
var countersign = sync.OnceValues(func() (string, error) { return gexec.Build("countersign") })

var _ = AfterSuite(gexec.CleanupBuildArtifacts)

// resourceServer is a job that starts the reference's resource server by a line of shell in which SERVE stands for it.
func resourceServer(line string) certify.Job {
	GinkgoHelper()
	file, err := countersign()
	Expect(err).NotTo(HaveOccurred())
	folder := GinkgoT().TempDir()
	configuration := filepath.Join(folder, "countersign.yaml")
	line = strings.ReplaceAll(line, "SERVE", file+" serve bidirectional --role resource-server --config countersign.yaml --port-a {port}")
	text := fmt.Sprintf("profile: bidirectional@1\nroles: [resource-server]\nexec: {command: %s}\nsetup: {own_issuer: '%s', peer_issuer: '%s'}\n", strconv.Quote(line), fixture.FreeOrigin(), fixture.FreeOrigin())
	Expect(os.WriteFile(configuration, []byte(text), 0o600)).To(Succeed())
	c, err := config.Load(configuration)
	Expect(err).NotTo(HaveOccurred())
	return certify.Job{Config: c, ConfigFile: configuration, Log: filepath.Join(folder, "target.log")}
}

// number is the one that a target has written to the file pid in its folder.
func number(j certify.Job) int {
	GinkgoHelper()
	text, err := os.ReadFile(filepath.Join(j.Config.Start.Exec.Folder, "pid"))
	Expect(err).NotTo(HaveOccurred())
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	Expect(err).NotTo(HaveOccurred())
	return pid
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

var _ = Describe("A target that is started", func() {
	It("is judged at the port that it was given, and has ended when the report is there", func() {
		job := resourceServer("echo $$ >pid; exec SERVE")
		report, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Conclusion).To(Equal(conformance.Conformant), judged(report.Results))
		Expect(report.Target).To(MatchRegexp(`^http://127\.0\.0\.1:1\d{4}$`))
		Expect(gone(number(job))).To(BeTrue())
		Expect(report.Results[0].Repro).To(ContainSubstring("--target 'http://127.0.0.1:{port}' --role resource-server"))
		Expect(report.Results[0].Repro).NotTo(ContainSubstring("--exec"), "the file has it")
		Expect(os.ReadFile(job.Log)).To(ContainSubstring("resource-server at " + report.Target))
	})

	It("lets nothing be concluded when it dies while it is judged", func() {
		job := resourceServer("echo $$ >pid; exec SERVE")
		job.Parallel = 1
		var once sync.Once
		job.Progress = func(int, int, conformance.Result) {
			once.Do(func() { Expect(syscall.Kill(number(job), syscall.SIGKILL)).To(Succeed()) })
		}
		report, err := job.Run(context.Background())
		var ended *launch.EndedError
		Expect(errors.As(err, &ended)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring("the command ended with signal: killed while it was judged, so nothing is concluded")))
		Expect(certify.ExitCode(err)).To(Equal(3))
		Expect(report.Conclusion).NotTo(Equal(conformance.Conformant))
	})

	It("is stopped when the run is stopped", func() {
		job := resourceServer("echo $$ >pid; exec SERVE")
		ctx, stop := context.WithCancel(context.Background())
		job.Progress = func(int, int, conformance.Result) { stop() }
		_, err := job.Run(ctx)
		var stopped *certify.StoppedError
		Expect(errors.As(err, &stopped)).To(BeTrue(), "%v", err)
		Expect(gone(number(job))).To(BeTrue())
	})

	It("is stopped when the run is stopped before it answers", func() {
		job := resourceServer("echo $$ >pid; echo waiting; exec sleep 1000")
		ctx, stop := context.WithCancel(context.Background())
		go func() {
			defer stop()
			for range time.Tick(10 * time.Millisecond) {
				if log, err := os.ReadFile(job.Log); err == nil && len(log) > 0 {
					return
				}
			}
		}()
		_, err := job.Run(ctx)
		var stopped *certify.StoppedError
		Expect(errors.As(err, &stopped)).To(BeTrue(), "%v", err)
		Expect(certify.ExitCode(err)).To(Equal(3))
		Expect(gone(number(job))).To(BeTrue())
	})

	It("is stopped when the harness panics", func() {
		job := resourceServer("echo $$ >pid; exec SERVE")
		job.Wrap = func(replay.Open) replay.Open { panic("broken") }
		Expect(func() { _, _ = job.Run(context.Background()) }).To(PanicWith("broken"))
		Expect(gone(number(job))).To(BeTrue())
	})

	It("is not started where something else answers already", func() {
		other := httptest.NewServer(http.NotFoundHandler())
		DeferCleanup(other.Close)
		job := resourceServer("echo $$ >pid; exec SERVE")
		job.Config.Target = other.URL
		_, err := job.Run(context.Background())
		var taken *launch.TakenError
		Expect(errors.As(err, &taken)).To(BeTrue(), "%v", err)
		Expect(certify.ExitCode(err)).To(Equal(2))
		Expect(filepath.Join(job.Config.Start.Exec.Folder, "pid")).NotTo(BeAnExistingFile())
	})

	It("has its output refused where that cannot be kept", func() {
		job := resourceServer("exec SERVE")
		job.Log = filepath.Join(GinkgoT().TempDir(), "none", "target.log")
		_, err := job.Run(context.Background())
		var unkept *launch.OutputError
		Expect(errors.As(err, &unkept)).To(BeTrue(), "%v", err)
		Expect(certify.ExitCode(err)).To(Equal(2))
	})

	It("hides every line of a secret that has several", func() {
		job := resourceServer(`printf 'first half\nsecond half\n'; exit 1`)
		job.Config.Secrets = []conformance.Secret{{Place: "setup.key", Value: "first half\nsecond half"}}
		_, err := job.Run(context.Background())
		Expect(err).To(MatchError(ContainSubstring("\n  ‹setup.key›\n  ‹setup.key›")))
		Expect(os.ReadFile(job.Log)).NotTo(ContainSubstring("half"))
	})
})
