package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
)

// clockless serves a target's metadata document without its test clock, and gives its URL.
func clockless(flow conformance.Flow, target string) string {
	GinkgoHelper()
	resp, err := http.Get(target + flow.WellKnown)
	Expect(err).NotTo(HaveOccurred())
	defer resp.Body.Close()
	var members map[string]any
	Expect(json.NewDecoder(resp.Body).Decode(&members)).To(Succeed())
	Expect(members).To(HaveKey("test_clock_endpoint"))
	delete(members, "test_clock_endpoint")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(members)
	}))
	DeferCleanup(server.Close)
	return server.URL + "/document"
}

var _ = Describe("The exit code", Ordered, func() {
	var program, folder string
	BeforeAll(func() {
		var err error
		program, err = gexec.Build("countersign")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(gexec.CleanupBuildArtifacts)
	})
	BeforeEach(func() {
		folder = GinkgoT().TempDir()
		for name, text := range map[string]string{
			"wrong.yaml":    "profile: ticket@1\nlevel: mediocre\n",
			"dead.yaml":     "profile: ticket@1\ntarget: http://127.0.0.1:1\nsetup: {issuer: 'http://127.0.0.1:0'}\n",
			"expected.yaml": "profile: ticket@1\nexpected_failures: [{id: TI-AM-02, reason: the next release has it}]\n",
			"file":          "",
		} {
			Expect(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)).To(Succeed())
		}
	})

	// begin begins the program, and ends what it says with the command line.
	begin := func(words ...string) *gexec.Session {
		GinkgoHelper()
		command := exec.Command(words[0], words[1:]...)
		command.Dir = folder
		session, err := gexec.Start(command, io.Discard, io.Discard)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { session.Kill().Wait(10 * time.Second) })
		return session
	}
	// ends wants the code and a sentence on standard error, without a panic.
	ends := func(session *gexec.Session, code int, sentence string) {
		GinkgoHelper()
		Eventually(session, 60*time.Second).Should(gexec.Exit())
		said := string(session.Err.Contents())
		Expect(session.ExitCode()).To(Equal(code), said)
		Expect(said).To(MatchRegexp(sentence))
		Expect(said).NotTo(ContainSubstring("goroutine "))
	}

	DescribeTable("tells what came of a command:",
		func(code int, line, sentence string) {
			ends(begin(append([]string{program}, strings.Fields(line)...)...), code, sentence)
		},
		func(code int, line, _ string) string { return fmt.Sprintf("%d of countersign %s", code, line) },
		Entry(nil, 0, "check --simulated --only TI-AM-02", `conformant: 1 of 1 checks passed`),
		Entry(nil, 2, "check --simulated --only XX", `no check .*XX`),
		Entry(nil, 2, "check --config wrong.yaml", `wrong.yaml:2:8: level: "mediocre" is unknown; write core or hardened`),
		Entry(nil, 2, "check --config none.yaml", `cannot be read`),
		Entry(nil, 2, "check --no-such-flag", `no-such-flag.*--help`),
		Entry(nil, 3, "check --config dead.yaml", `does not answer`),
		Entry(nil, 3, "check --target http://127.0.0.1:1 --flow ticket", `does not answer`),
		Entry(nil, 1, "check --simulated --defect TI-AM-02 --only TI-AM-02", `nonconformant: 1 of 1 checks failed`),
		Entry(nil, 0, "check --simulated --defect TI-AM-02 --only TI-AM-02 --config expected.yaml", `TI-AM-02 failed, as expected: the next release has it`),
		Entry(nil, 1, "check --simulated --only TI-AM-02 --config expected.yaml", `TI-AM-02 passed, though it is expected to fail`),
		Entry(nil, 2, "check --simulated --only TI-AM-02 --out file", `reports cannot be written to file: .*; name another folder with --out`),
		Entry(nil, 2, "check --simulated --only TI-AM-02 --recording none/there", `the transcript cannot be written`),

		Entry(nil, 0, "run ticket/happy --level core", `1 of 1 scenarios passed`),
		Entry(nil, 2, "run no-such-scenario", `no-such-scenario`),
		Entry(nil, 2, "run --level mediocre", `mediocre`),
		Entry(nil, 2, "run --fault nonsense", `nonsense`),
		Entry(nil, 2, "run --seeds 9-1", `9-1`),
		Entry(nil, 2, "run ticket/happy --out file", `reports cannot be written to file`),

		Entry(nil, 2, "serve", `FLOW`),
		Entry(nil, 2, "serve nonsense", `nonsense`),
		Entry(nil, 2, "serve ticket --role nonsense --port-a 0", `nonsense`),
		Entry(nil, 2, "serve ticket --defect nonsense", `nonsense`),
		Entry(nil, 2, "serve ticket --port-a 99999", `99999`),

		Entry(nil, 0, "doctor", `nothing is wrong`),
		Entry(nil, 2, "doctor --config wrong.yaml", `mediocre`),
		Entry(nil, 3, "doctor --config dead.yaml", `does not answer`),
		Entry(nil, 2, "doctor more", `takes no argument`),

		Entry(nil, 0, "list checks", ``),
		Entry(nil, 2, "list", `say what to list`),
		Entry(nil, 2, "list nonsense", `there is no command`),
		Entry(nil, 2, "report none.json", `cannot be read`),
		Entry(nil, 2, "report file", `file: `),
		Entry(nil, 2, "report wrong.yaml --format nonsense", `there is no format "nonsense"`),
		Entry(nil, 0, "init --flow ticket --target http://127.0.0.1:9", `countersign.yaml is written`),
		Entry(nil, 2, "init", `name a --target`),
		Entry(nil, 2, "verify file", `--key`),
		Entry(nil, 2, "rejudge none", `cannot be read`),
		Entry(nil, 1, "rejudge file", `file: the recording`),
		Entry(nil, 2, "nonsense", `there is no command`),
	)

	Describe("of a check of a target", func() {
		flow, err := flows.Find("ticket")
		Expect(err).NotTo(HaveOccurred())

		// check begins a check of a target with a defect, or with none; clockAway takes its test clock away.
		check := func(role catalog.Role, defect, only string, clockAway bool) *gexec.Session {
			GinkgoHelper()
			c := &cage{folder: folder, env: map[string]string{}}
			setup := c.configure(flow, nil).Setup
			target := serve(flow, role, setup, defect)
			if clockAway {
				var file map[string]any
				text, err := os.ReadFile(c.path("countersign.yaml"))
				Expect(err).NotTo(HaveOccurred())
				Expect(json.Unmarshal(text, &file)).To(Succeed())
				file["target"], file["metadata"] = target, clockless(flow, target)
				text, err = json.Marshal(file)
				Expect(err).NotTo(HaveOccurred())
				c.write("countersign.yaml", string(text))
			}
			command := exec.Command(program, "check", "--config", "countersign.yaml", "--target", target, "--role", string(role), "--only", only)
			command.Dir, command.Env = folder, os.Environ()
			for name, value := range c.env {
				command.Env = append(command.Env, name+"="+value)
			}
			session, err := gexec.Start(command, io.Discard, io.Discard)
			Expect(err).NotTo(HaveOccurred())
			return session
		}

		It("is 3 when all checks are skipped, and each says why", func() {
			ends(check(catalog.AccountServer, "", "TI-AM-14", true), 3, `incomplete: none of 1 checks could be run`)
			Expect(filepath.Join(folder, "out/report.json")).To(BeARegularFile())
		})

		It("is 0 when there are only warnings, and says so", func() {
			ends(check(catalog.Terminal, "TI-TE-15", "TI-TE-15", false), 0, `conformant: 0 of 1 checks passed, 1 warned`)
		})

		It("is 1 when one fails", func() {
			ends(check(catalog.AccountServer, "TI-AM-02", "TI-AM-02", false), 1, `nonconformant: 1 of 1 checks failed`)
		})
	})

	It("is 4 when the harness breaks", func() {
		ends(begin("sh", "-c", `ulimit -n 9; exec "$0" check --only TI-AM-02`, program), 4, `the harness broke in 1 of 1 checks`)
	})

	It("is 3 when many worlds are stopped before their end", func() {
		session := begin(program, "run", "--seeds", "0-1000000000", "--journal", "journal.json")
		Eventually(filepath.Join(folder, "journal.json"), 30*time.Second).Should(BeAnExistingFile())
		session.Interrupt()
		ends(session, 3, `stopped after \d+ worlds; the same command goes on from there`)
	})

	It("is 3 when scenarios are stopped before their end", func() {
		session := begin(program, "run")
		Eventually(filepath.Join(folder, "out"), 30*time.Second).Should(BeADirectory())
		session.Interrupt()
		ends(session, 3, `stopped before all scenarios were played`)
	})

	DescribeTable("tells that a command was stopped before its end:",
		func(line, begun string, code int) {
			session := begin(append([]string{program}, strings.Fields(line)...)...)
			Eventually(session.Err, 30*time.Second).Should(gbytes.Say(begun))
			session.Interrupt()
			Eventually(session, 60*time.Second).Should(gexec.Exit(code), func() string { return string(session.Err.Contents()) })
		},
		Entry("a check", "check --parallel 1", `\d`, 3),
		Entry("a server, which ends as it should", "serve ticket --port-a 0 --port-b 0", `http`, 0),
	)
})
