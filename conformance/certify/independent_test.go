package certify_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/fixture"
	"countersign/conformance/flows"
)

// program is the Python implementation of a flow.
func program(flow conformance.Flow) string { return "../independent/" + flow.Name + "_site.py" }

// trial is the Python implementation of one role under test, as it should be or with one fault.
type trial struct {
	flow   conformance.Flow
	role   catalog.Role // as the program takes it
	defect string       // empty: none
}

// requirement is the one that the fault breaks: behind a slash stands which part of it.
func (t trial) requirement() string {
	id, _, _ := strings.Cut(t.defect, "/")
	return id
}

// certified starts the program in its nursery, wired to a harness of its own, has it certified, and stops it.
func (t trial) certified(all map[string]nursery) conformance.Report {
	GinkgoHelper()
	job, stop := wired(t.flow, t.role, t.defect, all[t.flow.Name].start)
	defer stop()
	if t.defect != "" {
		job.Only = []string{t.requirement()}
	}
	report, err := job.Run(context.Background())
	Expect(err).NotTo(HaveOccurred(), "%s %s %s", t.flow.Name, t.role, t.defect)
	return report
}

// sideBySide judges trials, so many at a time: they wait more than they work.
func sideBySide(trials []trial, atATime int, judge func(trial)) {
	var group sync.WaitGroup
	queue := make(chan trial)
	for range atATime {
		group.Go(func() {
			for t := range queue {
				func() {
					defer GinkgoRecover()
					judge(t)
				}()
			}
		})
	}
	for _, t := range trials {
		queue <- t
	}
	close(queue)
	group.Wait()
}

// start runs a Python program until stop is called, and returns the first line that it prints.
func start(args ...string) (line string, stop func()) {
	GinkgoHelper()
	cmd := exec.Command(fixture.Python(), args...)
	stdout, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	cmd.Stderr = GinkgoWriter
	Expect(cmd.Start()).To(Succeed())
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	DeferCleanup(stop) // where the spec ends before
	line, err = bufio.NewReader(stdout).ReadString('\n')
	Expect(err).NotTo(HaveOccurred(), "%v did not start", args)
	return line, stop
}

// nursery is the socket of testdata/nursery.py, which loads the libraries of one flow's implementation once for all its runs.
type nursery string

// nurseries are those of all flows, by the flow's name, until the spec ends.
func nurseries() map[string]nursery {
	GinkgoHelper()
	folder, err := os.MkdirTemp("", "") // the name of a socket has 107 bytes at most, and GinkgoT().TempDir() is long
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(os.RemoveAll, folder)
	all := map[string]nursery{}
	for _, flow := range flows.All() {
		socket := filepath.Join(folder, flow.Name)
		start("testdata/nursery.py", program(flow), socket)
		all[flow.Name] = nursery(socket)
	}
	return all
}

// start runs the program until stop is called, and returns the first line that it prints.
func (n nursery) start(args ...string) (line string, stop func()) {
	GinkgoHelper()
	connection, err := net.Dial("unix", string(n))
	Expect(err).NotTo(HaveOccurred())
	Expect(json.NewEncoder(connection).Encode(args)).To(Succeed())
	line, err = bufio.NewReader(connection).ReadString('\n')
	Expect(err).NotTo(HaveOccurred(), "%v did not start", args)
	return line, func() { _ = connection.Close() }
}

// independent starts the Python implementation of one role, wired to a harness of its own, and returns the job that certifies it, and what stops it.
func independent(flow conformance.Flow, role catalog.Role, defect string) (certify.Job, func()) {
	GinkgoHelper()
	return wired(flow, role, defect, func(args ...string) (string, func()) { return start(append([]string{program(flow)}, args...)...) })
}

// wired is the same, with what starts the implementation.
func wired(flow conformance.Flow, role catalog.Role, defect string, start func(args ...string) (line string, stop func())) (certify.Job, func()) {
	GinkgoHelper()
	setup := flow.Setup()
	args := []string{"--role", string(role), "--port", "0"}
	for _, a := range setup.Addresses() {
		*a.Origin = fixture.FreeOrigin()
		args = append(args, "--at", a.Party, *a.Origin)
	}
	if defect != "" {
		args = append(args, "--defect", defect)
	}
	line, stop := start(args...)
	job := certify.Job{Config: config.Default()}
	job.Config.Target = strings.TrimPrefix(strings.TrimSpace(line), "listening on ")
	job.Config.Profile, job.Config.Setup = flow.Profile, setup
	if defect != "" {
		job.Config.Limit = 5 * time.Second // some faults never answer
	}
	return job, stop
}

// named is a role as the program takes it: both clients are one there.
func named(role catalog.Role) catalog.Role {
	if strings.HasPrefix(string(role), "client-") {
		return "client"
	}
	return role
}

func judged(results []conformance.Result) string {
	var lines []string
	for _, r := range results {
		if r.Verdict == conformance.Pass {
			continue
		}
		line := fmt.Sprintf("%s %s %s", r.Check, r.Verdict, r.Reason)
		if r.Failure != nil {
			line += fmt.Sprintf("expected %s, actual %s", r.Failure.Expected, r.Failure.Actual)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

var _ = Describe("An implementation written from the profile alone, in another language", func() {
	It("is conformant in every role of every flow", func() {
		var trials []trial
		for _, flow := range flows.All() {
			for _, sign := range flow.Signs {
				trials = append(trials, trial{flow: flow, role: named(sign.Roles[0])})
			}
		}
		Expect(len(trials)).To(BeNumerically(">=", 14))
		all := nurseries()
		sideBySide(trials, 5, func(t trial) {
			report := t.certified(all)
			Expect(report.Conclusion).To(Equal(conformance.Conformant), judged(report.Results))
			Expect(report.Counts.Pass).To(Equal(report.Counts.Total), judged(report.Results))
		})
	})

	It("fails on the right requirement with any one fault", func() {
		var trials []trial
		for _, flow := range flows.All() {
			out, err := exec.Command(fixture.Python(), program(flow), "--list-defects").Output()
			Expect(err).NotTo(HaveOccurred())
			listed := strings.Fields(string(out))
			Expect(len(listed)).To(BeNumerically(">=", 24), flow.Name)
			for _, defect := range listed {
				t := trial{flow: flow, defect: defect}
				t.role = named(catalog.MustLookup(catalog.ID(t.requirement())).Roles[0])
				trials = append(trials, t)
			}
		}
		slices.Reverse(trials) // the clients last in the list take longest: a check waits for what a broken one never sends
		all := nurseries()
		sideBySide(trials, 12, func(t trial) {
			report := t.certified(all)
			Expect(report.Counts.Fail+report.Counts.Warn).To(BeNumerically(">", 0), "%s was not caught\n%s", t.defect, judged(report.Results))
		})
	})
})
