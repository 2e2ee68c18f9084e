package judge_test

import (
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/judge"
)

var _ = Describe("The parties that the harness plays", func() {
	type request struct{ path, answer string }
	var p *judge.Parties[request, string]
	BeforeEach(func() { p = &judge.Parties[request, string]{} })

	whatever := func(string) bool { return true }

	It("keep what they are asked in its order, with what was answered since", func() {
		p.Take(&request{path: "/one"})
		mark := p.Mark()
		two := &request{path: "/two"}
		p.Take(two)
		p.Take(&request{path: "/three"})
		two.answer = "denied"
		Expect(p.Since(mark)).To(Equal([]request{{"/two", "denied"}, {"/three", ""}}))
		Expect(p.Since(p.Mark())).To(BeEmpty())
	})

	It("give copies of what they were asked, which nobody writes to any more", func() {
		r := &request{path: "/one"}
		p.Take(r)
		copies := p.Since(0)
		r.answer = "denied"
		Expect(copies).To(Equal([]request{{"/one", ""}}))
	})

	It("are honest until a fault is set", func() {
		Expect(p.Meet(whatever)).To(BeEmpty())
	})

	It("make the fault that was set first, as often as was said, and then the next one until they behave", func() {
		p.Misbehave("twice", 2)
		p.Misbehave("always", 0)
		Expect([]string{p.Meet(whatever), p.Meet(whatever), p.Meet(whatever), p.Meet(whatever)}).To(Equal([]string{"twice", "twice", "always", "always"}))
		p.Behave()
		Expect(p.Meet(whatever)).To(BeEmpty())
	})

	It("keep a fault for the requests that meet it", func() {
		p.Misbehave("elsewhere", 1)
		Expect(p.Meet(func(string) bool { return false })).To(BeEmpty())
		Expect(p.Meet(whatever)).To(Equal("elsewhere"))
	})

	It("make a fault once when requests come at the same time", func() {
		p.Misbehave("once", 1)
		var all sync.WaitGroup
		met := make(chan string, 20)
		for range 20 {
			all.Go(func() {
				p.Take(&request{})
				met <- p.Meet(whatever)
			})
		}
		all.Wait()
		close(met)
		made := 0
		for f := range met {
			if f == "once" {
				made++
			}
		}
		Expect(made).To(Equal(1))
		Expect(p.Mark()).To(Equal(20))
	})
})

var _ = Describe("A mint", func() {
	It("makes other values each time, and the same ones of the same seed", func() {
		one, same, other := judge.Mint{Seed: []byte("a")}, judge.Mint{Seed: []byte("a")}, judge.Mint{Seed: []byte("b")}
		first, second := one.Next(18), one.Next(18)
		Expect(first).To(HaveLen(18))
		Expect(second).NotTo(Equal(first))
		Expect(same.Next(18)).To(Equal(first))
		Expect(other.Next(18)).NotTo(Equal(first))
	})
})
