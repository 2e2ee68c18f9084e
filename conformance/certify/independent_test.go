package certify_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/flows"
)

// python finds the interpreter for the independent implementation. In CI it has to be there; elsewhere its absence is a stated skip.
func python() string {
	GinkgoHelper()
	path, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			Fail("python3 is missing: install Debian's package python3")
		}
		Skip("python3 is missing, so the independent implementation is not put under test here")
	}
	return path
}

// program is the Python implementation of a flow.
func program(flow conformance.Flow) string { return "../independent/" + flow.Name + "_site.py" }

// independent starts the Python implementation of one role, wired to a harness of its own, and returns the job that certifies it.
func independent(flow conformance.Flow, role catalog.Role, defect string) certify.Job {
	GinkgoHelper()
	setup := flow.Setup()
	args := []string{program(flow), "--role", string(role), "--port", "0"}
	for _, a := range setup.Addresses() {
		*a.Origin = freeOrigin()
		args = append(args, "--at", a.Party, *a.Origin)
	}
	if defect != "" {
		args = append(args, "--defect", defect)
	}
	cmd := exec.Command(python(), args...)
	stdout, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	cmd.Stderr = GinkgoWriter
	Expect(cmd.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	Expect(err).NotTo(HaveOccurred(), "the independent implementation did not start")
	job := certify.Job{Config: config.Default()}
	job.Config.Target = strings.TrimPrefix(strings.TrimSpace(line), "listening on ")
	job.Config.Profile, job.Config.Setup = flow.Profile, setup
	job.Config.Limit = 5 * time.Second
	return job
}

// named is a role as the program takes it: both clients are one there.
func named(role catalog.Role) catalog.Role {
	if strings.HasPrefix(string(role), "client-") {
		return "client"
	}
	return role
}

// freeOrigin is an address of loopback that was free a moment ago, below the ports that connections take by themselves, and handed out once.
func freeOrigin() string {
	GinkgoHelper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+(os.Getpid()*97+int(ports.Add(1)))%10000)
		if l, err := net.Listen("tcp", address); err == nil {
			Expect(l.Close()).To(Succeed())
			return "http://" + address
		}
	}
	Fail("no free port between 20000 and 29999")
	return ""
}

var ports atomic.Int32

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
	for _, flow := range flows.All() {
		It("is conformant in every role of the flow "+flow.Name, func() {
			for _, sign := range flow.Signs {
				report, err := independent(flow, named(sign.Roles[0]), "").Run(context.Background())
				Expect(err).NotTo(HaveOccurred())
				Expect(report.Conclusion).To(Equal(conformance.Conformant), judged(report.Results))
				Expect(report.Counts.Pass).To(Equal(report.Counts.Total), judged(report.Results))
			}
		})
	}

	// Each defect costs a Python process, so that they run side by side within one spec.
	It("fails on the right requirement with any one fault", func() {
		var ids []string
		for _, flow := range flows.All() {
			out, err := exec.Command(python(), program(flow), "--list-defects").Output()
			Expect(err).NotTo(HaveOccurred())
			listed := strings.Fields(string(out))
			Expect(len(listed)).To(BeNumerically(">=", 24), flow.Name)
			ids = append(ids, listed...)
		}
		slices.Reverse(ids) // the clients last in the list take longest: a check waits for what a broken one never sends
		queue := make(chan string)
		var workers sync.WaitGroup
		for range 24 {
			workers.Go(func() {
				defer GinkgoRecover()
				for id := range queue {
					r := catalog.MustLookup(catalog.ID(id))
					flow, err := flows.Of(r.ID)
					Expect(err).NotTo(HaveOccurred())
					job := independent(flow, named(r.Roles[0]), id)
					job.Only = []string{id}
					report, err := job.Run(context.Background())
					Expect(err).NotTo(HaveOccurred(), id)
					Expect(report.Counts.Fail+report.Counts.Warn).To(BeNumerically(">", 0), "%s (%s) was not caught\n%s", id, r.Defect, judged(report.Results))
				}
			})
		}
		for _, id := range ids {
			queue <- id
		}
		close(queue)
		workers.Wait()
	})
})
