package specs_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/live"
	"countersign/actors/ticket"
	"countersign/conformance/fixture"
)

// built are the programs that these specs run: the vendor's suite, and ginkgo.
var built struct{ vendor, ginkgo string }

var _ = BeforeSuite(func() {
	folder, err := os.MkdirTemp("", "countersign-specs-")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(os.RemoveAll, folder)
	built.vendor, built.ginkgo = filepath.Join(folder, "vendor.test"), filepath.Join(folder, "ginkgo")
	for _, arguments := range [][]string{
		{"test", "-c", "-o", built.vendor, "./testdata/vendor"},
		{"build", "-o", built.ginkgo, "github.com/onsi/ginkgo/v2/ginkgo"},
	} {
		out, err := exec.Command("go", arguments...).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))
	}
})

// outcome is what a run of the vendor's suite told.
type outcome struct {
	exitCode    int
	report      types.Report
	junit, text string
}

// specs are those of a state, by their texts.
func (o outcome) specs(state types.SpecState) []string {
	var all []string
	for _, r := range o.report.SpecReports {
		if r.LeafNodeType == types.NodeTypeIt && r.State == state {
			all = append(all, r.FullText())
		}
	}
	slices.Sort(all)
	return all
}

// of is the report of the one spec whose text ends so.
func (o outcome) of(text string) types.SpecReport {
	GinkgoHelper()
	for _, r := range o.report.SpecReports {
		if strings.HasSuffix(r.FullText(), text) {
			return r
		}
	}
	Fail("there is no spec " + text + "\n" + o.text)
	return types.SpecReport{}
}

// entry is what an entry of a spec's report shows to people; empty when there is none.
func entry(r types.SpecReport, name string) string {
	for _, e := range r.ReportEntries {
		if e.Name == name {
			return e.Value.Representation
		}
	}
	return ""
}

// run runs the vendor's suite in a condition.
func run(condition string, more ...string) outcome {
	GinkgoHelper()
	return finish(exec.Command(built.vendor), condition, "-ginkgo.", more...)
}

// runParallel is run in three processes at a time.
func runParallel(condition string, more ...string) outcome {
	GinkgoHelper()
	return finish(exec.Command(built.ginkgo, "run", "--procs=3"), condition, "--", more...)
}

func finish(cmd *exec.Cmd, condition, prefix string, more ...string) outcome {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	arguments := append([]string{"-condition", condition}, more...)
	report := []string{prefix + "no-color", prefix + "json-report=report.json", prefix + "junit-report=report.xml"}
	cmd.Dir = folder
	if prefix == "--" {
		// Ginkgo writes its report beside the program that it runs.
		program := filepath.Join(folder, "vendor.test")
		Expect(os.Link(built.vendor, program)).To(Succeed())
		cmd.Args = append(append(cmd.Args, report...), program, "--")
	} else {
		cmd.Args = append(cmd.Args, report...)
	}
	cmd.Args = append(cmd.Args, arguments...)
	out, _ := cmd.CombinedOutput()
	o := outcome{exitCode: cmd.ProcessState.ExitCode(), text: string(out)}
	data, err := os.ReadFile(filepath.Join(folder, "report.json"))
	Expect(err).NotTo(HaveOccurred(), o.text)
	var reports []types.Report
	Expect(json.Unmarshal(data, &reports)).To(Succeed())
	Expect(reports).To(HaveLen(1))
	o.report = reports[0]
	data, err = os.ReadFile(filepath.Join(folder, "report.xml"))
	Expect(err).NotTo(HaveOccurred())
	o.junit = string(data)
	return o
}

var _ = Describe("A vendor's suite", func() {
	It("has one green spec for each check of a target that is conformant, with labels", func() {
		o := run("conformant")
		Expect(o.exitCode).To(Equal(0), o.text)
		Expect(o.specs(types.SpecStatePassed)).To(HaveLen(10))
		r := o.of("TI-AP-05 confirmation kept no longer than allowed")
		Expect(r.FullText()).To(Equal("ticket@1 app-server TI-AP-05 confirmation kept no longer than allowed"))
		Expect(r.Labels()).To(ConsistOf("ticket", "app-server", "hardened", "MUST", "TI-AP-05", "alone", "Serial"))
		Expect(r.IsSerial).To(BeTrue())
		Expect(r.LeafNodeLocation.FileName).To(HaveSuffix("vendor_test.go"))
		Expect(entry(r, "requirement")).To(ContainSubstring("MUST NOT be used for longer than cache_lifetime"))
		Expect(entry(r, "source")).NotTo(BeEmpty())
	})

	It("fails in exactly the spec of what the target does wrong, with all that a reader needs", func() {
		o := run("another app's ticket")
		Expect(o.exitCode).To(Equal(1), o.text)
		Expect(o.specs(types.SpecStateFailed)).To(Equal([]string{"ticket@1 app-server TI-AP-09 answer must be about this user and this app"}))
		Expect(o.specs(types.SpecStatePassed)).To(HaveLen(4))
		r := o.of("TI-AP-09 answer must be about this user and this app")
		Expect(r.Failure.Message).To(And(
			HavePrefix("expected: status 401 and error invalid_token for a resource request while the account server confirms with another user_id\nactual:   status 200"),
			ContainSubstring("blame:    app-server, exchange "), ContainSubstring("source:   RFC 7662 section 4"),
		))
		Expect(entry(r, "expected")).To(HavePrefix("status 401"))
		Expect(entry(r, "actual")).To(HavePrefix("status 200"))
		Expect(entry(r, "blame")).To(Equal("app-server"))
		Expect(entry(r, "exchanges")).To(MatchRegexp(`\d  app-server -> account-server: POST http://127\.0\.0\.1:\d+/verification: 200`))
		for _, name := range []string{"requirement", "source", "expected", "actual", "blame", "exchanges", "repro"} {
			Expect(o.junit).To(ContainSubstring(`<property name="` + name + `" value=`))
		}

		focus := strings.TrimSuffix(strings.TrimPrefix(entry(r, "repro"), "go test . -ginkgo.fail-on-empty -ginkgo.focus='"), "'")
		again := run("another app's ticket", "-ginkgo.fail-on-empty", "-ginkgo.focus="+focus)
		Expect(again.exitCode).To(Equal(1))
		Expect(again.specs(types.SpecStatePassed)).To(BeEmpty())
		Expect(again.specs(types.SpecStateFailed)).To(HaveLen(1))
	})

	It("is chosen from by label, and then a suite with a fault elsewhere is green", func() {
		o := run("another app's ticket", "-ginkgo.label-filter=core")
		Expect(o.exitCode).To(Equal(0), o.text)
		Expect(o.specs(types.SpecStatePassed)).To(HaveLen(3))
	})

	It("tells several targets apart", func() {
		o := run("two targets")
		Expect(o.specs(types.SpecStateFailed)).To(Equal([]string{"second TI-AP-10 resources are not stored on the way"}))
		Expect(o.specs(types.SpecStatePassed)).To(HaveLen(7))
	})

	It("runs in several processes at a time", func() {
		o := runParallel("another app's ticket")
		Expect(o.exitCode).To(Equal(1), o.text)
		Expect(o.report.SuiteConfig.ParallelTotal).To(Equal(3))
		Expect(o.specs(types.SpecStateFailed)).To(Equal([]string{"ticket@1 app-server TI-AP-09 answer must be about this user and this app"}), o.text)
		Expect(o.specs(types.SpecStatePassed)).To(HaveLen(4))
		processes := map[int]bool{}
		o = runParallel("core account server")
		Expect(o.exitCode).To(Equal(0), o.text)
		for _, r := range o.report.SpecReports {
			processes[r.ParallelProcess] = true
		}
		Expect(len(processes)).To(BeNumerically(">", 1))
	})

	It("passes with a warning where a SHOULD is not met", func() {
		o := run("should")
		Expect(o.exitCode).To(Equal(0), o.text)
		r := o.of("TI-TE-15 logout ends the ticket here and there")
		Expect(r.State).To(Equal(types.SpecStatePassed))
		Expect(entry(r, "warning")).To(ContainSubstring("expected: a revocation request to the account server at logout"))
	})

	It("skips what is expected to fail, with the reason, and is green with that", func() {
		o := run("expected to fail")
		Expect(o.exitCode).To(Equal(0), o.text)
		r := o.of("TI-AP-10 resources are not stored on the way")
		Expect(r.State).To(Equal(types.SpecStateSkipped))
		Expect(r.Failure.Message).To(Equal("TI-AP-10 failed, as expected: the cache is rebuilt in March"))
		Expect(entry(r, "actual")).NotTo(BeEmpty())

		alone := run("expected to fail", "-ginkgo.focus=TI-AP-10") // it was judged, after all
		Expect(alone.exitCode).To(Equal(0), alone.text)
	})

	It("fails where something passes that is expected to fail", func() {
		o := run("passes unexpectedly")
		Expect(o.exitCode).To(Equal(1))
		Expect(o.specs(types.SpecStateFailed)).To(HaveLen(1))
		Expect(o.of("TI-AP-10 resources are not stored on the way").Failure.Message).To(HavePrefix("TI-AP-10 passed, though it is expected to fail (the cache is rebuilt in March)"))
	})

	It("says where the harness broke and not the target", func() {
		o := run("broken harness")
		Expect(o.exitCode).To(Equal(1))
		Expect(o.of("TI-AP-01 resource after confirmation").Failure.Message).To(HavePrefix("the harness broke, so that this says nothing of the target: "))
	})

	It("is not green when no check came to a judgement", func() {
		o := run("cannot wait")
		Expect(o.exitCode).To(Equal(1))
		Expect(o.specs(types.SpecStateSkipped)).To(HaveLen(1))
		Expect(o.of("ticket@1 account-server was judged").Failure.Message).To(HavePrefix("incomplete: none of 1 checks of ticket@1 account-server came to a judgement"))
	})

	It("leaves other specs of the suite alone when its own are not chosen", func() {
		o := run("cannot wait", "-ginkgo.focus=something else")
		Expect(o.exitCode).To(Equal(0), o.text)
		Expect(o.specs(types.SpecStatePassed)).To(BeEmpty())
	})

	DescribeTable("has a failing spec that says why there is nothing to judge",
		func(condition, sentence string) {
			o := run(condition, "-file", "missing.yaml")
			Expect(o.exitCode).To(Equal(1))
			Expect(o.specs(types.SpecStatePassed)).To(BeEmpty())
			Expect(o.specs(types.SpecStateFailed)).To(HaveLen(1))
			Expect(o.of("can be put under test").Failure.Message).To(ContainSubstring(sentence))
		},
		Entry("no target at all", "no target", "no target is registered; give Register one or more"),
		Entry("no flow", "no flow", `no flow is named; set Flow, as "ticket", or File`),
		Entry("a flow that there is not", "unknown flow", `there is no flow "tickets"`),
		Entry("no role", "no role", "no role is named; set Roles to some of account-server, app-server, terminal"),
		Entry("the role of another flow", "other role", `no check matches the role "oauth-server"`),
		Entry("a selection that selects nothing", "no such check", `no check matches "TI-AP-99"`),
		Entry("neither a handler nor a URL", "nothing to test", "there is nothing to put under test; set Handler or URL"),
		Entry("a handler and a URL", "two sources", "both Handler and URL are set; keep one"),
		Entry("an expectation of what is not chosen", "expects what is not chosen", "TI-AP-09 is expected to fail, but is none of the 4 checks that are chosen"),
		Entry("a file that is not there", "by a file", "missing.yaml: the configuration cannot be read"),
	)

	DescribeTable("fails once, and judges nothing, when the target cannot be put under test",
		func(condition, sentence string) {
			o := run(condition)
			Expect(o.exitCode).To(Equal(1))
			Expect(o.specs(types.SpecStatePassed)).To(BeEmpty())
			failed := o.specs(types.SpecStateFailed)
			Expect(failed).To(HaveLen(1))
			Expect(o.of(failed[0]).Failure.Message).To(Equal("the target cannot be put under test: the handler for the role app-server cannot be made: " + sentence))

			stubborn := run(condition, "-ginkgo.flake-attempts=3")
			Expect(stubborn.exitCode).To(Equal(1))
			Expect(stubborn.specs(types.SpecStatePassed)).To(BeEmpty())
			Expect(stubborn.specs(types.SpecStateFailed)).To(HaveLen(1))
		},
		Entry("because its handler cannot be made", "no handler", "the database is away"),
		Entry("because there is none", "nil handler", "Handler gave neither a handler nor an error; return one of them"),
	)

	Describe("with a file", func() {
		// configuration writes a countersign.yaml of an app server, with the harness at free addresses, and gives its name and that of the account server.
		configuration := func(target string) (file, issuer string) {
			var free []any
			for range 3 {
				free = append(free, fixture.FreeOrigin())
			}
			file = filepath.Join(GinkgoT().TempDir(), "countersign.yaml")
			text := fmt.Sprintf(`profile: ticket@1
target: %s
roles: [app-server]
setup:
  issuer: %s
  apps:
    - {id: app-one, secret: secret-of-app-one, base_url: '%s'}
    - {id: app-two, secret: secret-of-app-two, base_url: '%s'}
`, append([]any{target}, free...)...)
			Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
			return file, free[0].(string)
		}

		It("judges a handler by what the file says", func() {
			file, _ := configuration("http://127.0.0.1:9") // where nobody is
			o := run("by a file", "-file", file)
			Expect(o.exitCode).To(Equal(0), o.text)
			Expect(o.specs(types.SpecStatePassed)).To(HaveLen(4))
		})

		It("judges a target that runs at a URL, in one process", func() {
			site := httptest.NewUnstartedServer(nil)
			base := "http://" + site.Listener.Addr().String()
			file, issuer := configuration(base)
			world := &live.World{}
			site.Config.Handler = (&ticket.AppServer{Env: world.Env("app-server", guard.Set{}), BaseURL: base, ID: "app-one", Secret: "secret-of-app-one", Issuer: issuer}).Handler()
			site.Start()
			DeferCleanup(world.Close)
			DeferCleanup(site.Close)
			for _, o := range []outcome{run("at a URL", "-file", file, "-url", base), runParallel("at a URL", "-file", file, "-url", base)} {
				Expect(o.exitCode).To(Equal(0), o.text)
				Expect(o.specs(types.SpecStatePassed)).To(HaveLen(4))
				for _, r := range o.report.SpecReports {
					Expect(r.ParallelProcess).To(Equal(1))
				}
			}
		})

		It("fails once, and judges nothing, when nothing answers at the URL", func() {
			file, _ := configuration("http://127.0.0.1:9")
			o := run("at a URL", "-file", file, "-url", "http://127.0.0.1:9")
			Expect(o.exitCode).To(Equal(1))
			Expect(o.specs(types.SpecStatePassed)).To(BeEmpty())
			failed := o.specs(types.SpecStateFailed)
			Expect(failed).To(HaveLen(1))
			Expect(o.of(failed[0]).Failure.Message).To(HavePrefix("the target cannot be put under test: "))
			Expect(o.of(failed[0]).Failure.Message).To(ContainSubstring("the target does not answer at http://127.0.0.1:9/.well-known/ticket-accounts: connection refused"))
		})
	})
})
