package drive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/fixture"
	"countersign/conformance/reference"
)

// implementation is one role of the reference, wired to a harness of its own.
type implementation struct {
	flow  conformance.Flow
	setup conformance.Setup
	// origin is where it is; document is what it serves there.
	origin   string
	document map[string]string
}

// start runs a role of the reference, as it should be or with a defect.
func start(flow conformance.Flow, role catalog.Role, defect string) implementation {
	GinkgoHelper()
	i := implementation{flow: flow, setup: flow.Setup(), document: map[string]string{}}
	for _, a := range i.setup.Addresses() {
		*a.Origin = fixture.FreeOrigin()
	}
	ctx, end := context.WithCancel(context.Background())
	origin, ended := make(chan string, 1), make(chan error, 1)
	live := reference.Live{Flow: flow, Role: role, Defect: defect, Setup: i.setup, Tell: func(string) {}, Ready: func(o ...string) { origin <- o[0] }}
	go func() { ended <- live.Serve(ctx) }()
	DeferCleanup(func() {
		end()
		Eventually(ended).Should(Receive(BeNil()))
	})
	Eventually(origin).Should(Receive(&i.origin))
	resp, err := http.Get(i.origin + flow.WellKnown)
	Expect(err).NotTo(HaveOccurred())
	defer resp.Body.Close()
	var members map[string]any
	Expect(json.NewDecoder(resp.Body).Decode(&members)).To(Succeed())
	for name, value := range members {
		if text, ok := value.(string); ok {
			i.document[name] = text
		}
	}
	return i
}

// job certifies it as a configuration says, in which the members of its document stand for themselves, as {use_endpoint}.
func (i implementation) job(file string, only ...string) certify.Job {
	GinkgoHelper()
	for name, value := range i.document {
		file = strings.ReplaceAll(file, "<"+name+">", value)
	}
	file = strings.ReplaceAll(file, "<origin>", i.origin)
	here, err := filepath.Abs("testdata")
	Expect(err).NotTo(HaveOccurred())
	reader := config.Reader{Env: func(name string) (string, bool) {
		value, ok := map[string]string{"BRACED": "{peer}", "PARTED": "S3crLongPart{et}TailOfTheSecret"}[name]
		return value, ok
	}}
	c, err := reader.Parse(filepath.Join(here, "countersign.yaml"), []byte("profile: "+i.flow.Profile+"\n"+file))
	Expect(err).NotTo(HaveOccurred())
	c.Setup = i.setup
	return certify.Job{Config: c, Only: only}
}

// run certifies.
func run(job certify.Job) conformance.Report {
	GinkgoHelper()
	report, err := job.Run(context.Background())
	Expect(err).NotTo(HaveOccurred())
	return report
}

// verdicts are those of a report, by check, with reason and failure where there is one.
func verdicts(report conformance.Report) map[string]string {
	all := map[string]string{}
	for _, r := range report.Results {
		all[r.Check] = string(r.Verdict)
		if r.Reason != "" {
			all[r.Check] += ": " + r.Reason
		}
		if r.Failure != nil {
			all[r.Check] += fmt.Sprintf(": expected %s, actual %s", r.Failure.Expected, r.Failure.Actual)
		}
	}
	return all
}

// all wants each check to have a verdict.
func all(verdict string, checks ...string) map[string]string {
	wanted := map[string]string{}
	for _, c := range checks {
		wanted[c] = verdict
	}
	return wanted
}
