package examples_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/ticket"
)

// started runs the example with one text of it replaced, and gives the job that certifies it.
func started(old, changed string) certify.Job {
	GinkgoHelper()
	ready()
	text, err := os.ReadFile("app_server.py")
	Expect(err).NotTo(HaveOccurred())
	Expect(strings.Count(string(text), old)).To(Equal(1), old)
	program := filepath.Join(GinkgoT().TempDir(), "app_server.py")
	Expect(os.WriteFile(program, []byte(strings.Replace(string(text), old, changed, 1)), 0o600)).To(Succeed())

	setup, ports := ticket.Default(), freePorts()
	for _, a := range setup.Addresses() {
		*a.Origin = ports.moved.Replace(*a.Origin)
	}
	cmd := exec.Command("python3", program, "--port", "0", "--issuer", setup.Issuer)
	cmd.Stderr = GinkgoWriter
	out, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(cmd.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	Expect(err).NotTo(HaveOccurred(), "the example did not start")
	job := certify.Job{Config: config.Default()}
	job.Config.Target = strings.TrimPrefix(strings.TrimSpace(line), "listening on ")
	job.Config.Profile, job.Config.Roles, job.Config.Setup = "ticket@1", []catalog.Role{catalog.AppServer}, &setup
	job.Config.Limit = 30 * time.Second
	return job
}

// Each entry takes one rule out of the example, in one line.
var _ = DescribeTable("The example without one of its rules is caught by the check of that rule",
	func(id, old, changed string) {
		job := started(old, changed)
		job.Only = []string{id}
		report, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Conclusion).To(Equal(conformance.Nonconformant), report.Summary)
		Expect(report.Results[0].Requirement.ID).To(Equal(catalog.ID(id)))
	},
	Entry("gives everybody the resources of one user", "TI-AP-01", `{"owner": user_id, `, `{"owner": "u1", `),
	Entry("takes a denial for a confirmation", "TI-AP-02", `if not answer["active"] or `, `if `),
	Entry("takes any scheme for a ticket", "TI-AP-03", `if scheme.lower() != "ticket":`, `if not scheme:`),
	Entry("does not say who asks", "TI-AP-04", `, "Authorization": "Basic " + basic`, ``),
	Entry("keeps a confirmation for an hour", "TI-AP-05", `min(until, whole(answer.get("exp", until)))`, `sent_at + 3600`),
	Entry("keeps denials", "TI-AP-06", "            return False\n", "            self.kept[user_id, key] = sent_at + 60\n            return False\n"),
	Entry("keeps a confirmation for any user", "TI-AP-07", `self.kept.get((user_id, key), 0)`, `max((end for (_, kept), end in self.kept.items() if kept == key), default=0)`),
	Entry("takes an outage for a denial", "TI-AP-08", `return Refusal(503, "temporarily_unavailable"`, `return Refusal(401, "invalid_token"`),
	Entry("waits for the account server for longer than a terminal waits for it", "TI-AP-08", `PATIENCE = 3.5`, `PATIENCE = 9.5`),
	Entry("takes tickets of other apps", "TI-AP-09", ` or answer.get("app_id") != self.app_id`, ``),
	Entry("lets resources be stored on the way", "TI-AP-10", `{"Cache-Control": "no-store"}`, `{}`),
)
