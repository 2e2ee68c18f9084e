package play_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/bench/load/play"
	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
)

// scene puts a reference on loopback under load, with a defect or without.
func scene(flow string, role catalog.Role, defect string) *play.Scene {
	GinkgoHelper()
	d, err := reference.FindDefect(defect)
	Expect(err).NotTo(HaveOccurred())
	f, err := flows.Find(flow)
	Expect(err).NotTo(HaveOccurred())
	var check conformance.Check
	for _, c := range f.Checks {
		if c.Role == role {
			check = c
		}
	}
	env, target, err := reference.Reference{Level: catalog.Hardened, Seed: 1, Defect: d}.OnLoopback(context.Background(), check)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(env.Close)
	return &play.Scene{Flow: f, Env: env, Target: target}
}

// run plays a script for a moment.
func run(script load.Script, rate float64) load.Result {
	GinkgoHelper()
	a := load.Attacker{Script: script, Connections: 8, Limit: 5 * time.Second}
	Expect(a.Prepare(context.Background())).To(Succeed())
	r := &load.Recorder{}
	Expect(a.Attack(context.Background(), load.Constant(rate, 500*time.Millisecond), r)).To(Succeed())
	Expect(a.Clean()).To(Succeed())
	return r.Result()
}

var _ = Describe("A whole flow against the reference", func() {
	for _, flow := range flows.All() {
		for _, role := range play.Roles(flow.Name) {
			It("plays every leg of "+flow.Name+" at the "+string(role)+", and every answer is right", func() {
				script, err := play.Open(context.Background(), scene(flow.Name, role, ""), role)
				Expect(err).NotTo(HaveOccurred())
				result := run(script, 40)
				Expect(result.Wrong).To(BeEmpty())
				Expect(result.Counts.Bad()).To(BeZero(), result.Counts.Failures())
				Expect(result.Counts.Finished).To(BeEquivalentTo(20))
				for _, leg := range result.Legs {
					if role == catalog.VerificationDevice { // whose legs are of several frames
						Expect(leg.Count).To(BeNumerically(">=", 20), leg.Name)
						continue
					}
					Expect(leg.Count).To(BeEquivalentTo(20), leg.Name)
				}
			})
		}
	}
})
