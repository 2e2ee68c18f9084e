package hostile_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/fixture"
	"countersign/conformance/hostile"
	"countersign/conformance/reference"
	"countersign/conformance/replay"
)

// serving runs one role of the reference for a whole run, and gives the job that certifies it.
func serving(f conformance.Flow, role catalog.Role) certify.Job {
	GinkgoHelper()
	setup := f.Setup()
	for _, a := range setup.Addresses() {
		*a.Origin = fixture.FreeOrigin()
	}
	ctx, stop := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan string, 1)
	live := reference.Live{Flow: f, Level: catalog.Hardened, Role: role, Setup: setup, Tell: func(string) {}, Ready: func(origins ...string) { ready <- origins[0] }}
	go func() { ended <- live.Serve(ctx) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended).WithTimeout(10 * time.Second).Should(Receive(Not(HaveOccurred())))
	})
	job := certify.Job{Config: config.Default()}
	Eventually(ready).WithTimeout(10 * time.Second).Should(Receive(&job.Config.Target))
	job.Config.Profile, job.Config.Setup = f.Profile, setup
	return job
}

var _ = Describe("A whole run", func() {
	BeforeEach(tidy)

	DescribeTable("harms no check that meets the target in its senses, although the check before met it otherwise, for", func(of string, role catalog.Role) {
		job := serving(flow(of), role)
		job.Parallel = 1
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 5))
		opened, harmed := 0, map[string]bool{}
		job.Wrap = func(open replay.Open) replay.Open {
			return func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
				if opened++; opened%2 == 0 {
					return open(ctx, c)
				}
				harmed[c.Name()] = true
				b := behaviours()[random.IntN(len(behaviours()))]
				return between(open, &hostile.Server{Behaviour: b, When: nth(1 + random.IntN(2)), Seed: random.Uint64()})(ctx, c)
			}
		}
		report, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Conclusion).To(Or(Equal(conformance.Nonconformant), Equal(conformance.Conformant)))
		passed := 0
		for _, r := range report.Results {
			if !harmed[r.Check] {
				Expect(r.Verdict).To(Equal(conformance.Pass), told(r))
				passed++
			}
		}
		Expect(passed).To(BeNumerically(">=", 3))
	},
		Entry("an account server", "ticket", catalog.AccountServer),
		Entry("an app server", "ticket", catalog.AppServer),
	)

	It("of a target that answers nothing but its metadata is nonconformant", func() {
		job := serving(flow("ticket"), catalog.AccountServer)
		job.Wrap = func(open replay.Open) replay.Open {
			return func(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
				return between(open, &hostile.Server{Behaviour: find("resets the connection")})(ctx, c)
			}
		}
		report, err := job.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(job.Outcome(report).ExitCode).To(Equal(1), report.Summary)
		Expect(report.Counts.Error).To(BeZero())
	})

	DescribeTable("does not begin, and says so in a sentence, where the target", func(name string, exitCodes ...int) {
		server := &hostile.Server{Behaviour: find(name)}
		address, err := server.Listen()
		Expect(err).NotTo(HaveOccurred())
		defer server.Close()
		job := certify.Job{Config: config.Default()}
		job.Config.Target, job.Config.Limit = "http://"+address, limit
		begun := time.Now()
		_, err = job.Run(context.Background())
		Expect(time.Since(begun)).To(BeNumerically("<", bound))
		Expect(err).To(MatchError(ContainSubstring(address)))
		Expect(exitCodes).To(ContainElement(certify.ExitCode(err)), fmt.Sprint(err))
	},
		Entry(nil, "says nothing", 3), Entry(nil, "hangs up", 3), Entry(nil, "resets the connection", 3), Entry(nil, "lets its headers drip", 3),
		Entry(nil, "sends interim answers for ever", 3), Entry(nil, "never ends its headers", 3), Entry(nil, "sends large interim answers for ever", 3),
		Entry(nil, "speaks another protocol", 2), Entry(nil, "sends arrays in arrays, half a million deep", 2), Entry(nil, "sends null", 2),
		Entry(nil, "redirects to itself", 2), Entry(nil, "redirects to another scheme of the machine: file", 2),
		Entry(nil, "shows tables in tables with what has no place there", 2),
	)
})
