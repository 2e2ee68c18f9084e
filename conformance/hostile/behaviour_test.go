package hostile_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/hostile"
)

// behaviours are all of them, made once: some are large.
var behaviours = sync.OnceValue(hostile.Behaviours)

// entries tell of every behaviour, each with its number.
var entries = sync.OnceValue(func() (all []TableEntry) {
	for i, b := range behaviours() {
		all = append(all, Entry(b.Name, i, b))
	}
	return all
})

var _ = Describe("A target that", func() {
	BeforeEach(tidy)

	It("misbehaves does so in more than a hundred ways, each with a name of its own", func() {
		names := map[string]bool{}
		for _, b := range behaviours() {
			Expect(names).NotTo(HaveKey(b.Name))
			names[b.Name] = true
		}
		Expect(len(names)).To(BeNumerically(">", 100))
	})

	DescribeTable("is asked for its metadata and",
		func(i int, b hostile.Behaviour) {
			checks := firsts()
			c := checks[i%len(checks)]
			peak := memory()
			server := &hostile.Server{Behaviour: b, When: metadata, Seed: uint64(GinkgoRandomSeed())}
			r := played(between(built(), server), c)
			Expect(peak()).To(BeNumerically("<", mostMemory))
			Expect(server.Picked()).To(BeNumerically(">", 0))
			if b.Harmless || b.Beside {
				Expect(r.Verdict).NotTo(Equal(conformance.Error), told(r))
			} else {
				Expect(r.Verdict).To(Or(Equal(conformance.Fail), Equal(conformance.Warn)), told(r))
			}
		}, entries())

	It("is in its senses but for one answer gets a verdict on every check that meets it, whatever the answer is and of whichever request", func() {
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 1))
		all := everyCheck()
		var trials []func()
		met := atomic.Int64{}
		for _, b := range behaviours() {
			for range 2 {
				c, n, seed := all[random.IntN(len(all))], 1+random.IntN(5), random.Uint64()
				trials = append(trials, func() {
					server := &hostile.Server{Behaviour: b, When: nth(n), Seed: seed}
					r := played(between(built(), server), c)
					Expect(r.Verdict).NotTo(Equal(conformance.Error), "a target whose answer %d %s: %s", n, b.Name, told(r))
					met.Add(int64(server.Picked()))
				})
			}
		}
		peak := memory()
		sideBySide(trials)
		Expect(met.Load()).To(BeNumerically(">", len(trials)/2), "most checks have that many answers")
		Expect(peak()).To(BeNumerically("<", atATime*mostMemory))
	})
})
