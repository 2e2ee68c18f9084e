package expiring_test

import (
	"encoding/binary"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/store/expiring"
)

func key(i int) (k expiring.Key) {
	binary.BigEndian.PutUint32(k[:], uint32(i)*2654435761)
	return k
}

var _ = Describe("A map whose values end", func() {
	var m *expiring.Map[int]
	BeforeEach(func() { m = &expiring.Map[int]{} })
	put := func(i, value int, ends, now int64) {
		m.Update(key(i), now, func(expiring.Entry[int], bool) (expiring.Entry[int], bool) {
			return expiring.Entry[int]{Value: value, Ends: ends}, true
		})
	}

	It("gives what was written, and nothing else", func() {
		put(1, 10, 0, 0)
		e, found := m.Get(key(1))
		Expect(found).To(BeTrue())
		Expect(e.Value).To(Equal(10))
		Expect(e.Ended(1<<40)).To(BeFalse(), "it has no end")
		_, found = m.Get(key(2))
		Expect(found).To(BeFalse())
	})

	It("does not show what has ended to whoever changes it, and writes nothing unless asked to", func() {
		put(1, 10, 100, 0)
		see := func(now int64) (seen bool) {
			m.Update(key(1), now, func(before expiring.Entry[int], found bool) (expiring.Entry[int], bool) {
				seen = found
				return expiring.Entry[int]{Value: 99}, false
			})
			return seen
		}
		Expect(see(99)).To(BeTrue())
		Expect(see(100)).To(BeFalse())
		e, _ := m.Get(key(1))
		Expect(e.Value).To(Equal(10))
		Expect(e.Ended(99)).To(BeFalse())
		Expect(e.Ended(100)).To(BeTrue())
	})

	It("does not grow by what has ended, however much comes and goes", func() {
		for i := range 200_000 {
			put(i, i, int64(i)+1000, int64(i))
		}
		Expect(m.Len()).To(BeNumerically("<", 40_000), "1000 live at a time")
		for i := 199_000; i < 200_000; i++ {
			e, found := m.Get(key(i))
			Expect(found).To(BeTrue())
			Expect(e.Value).To(Equal(i))
		}
	})

	It("loses no change of many that change at a time", func() {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for i := range 10_000 {
					m.Update(key(i%16), 0, func(before expiring.Entry[int], found bool) (expiring.Entry[int], bool) {
						before.Value++
						return before, true
					})
					m.Get(key(i % 16))
				}
			})
		}
		all.Wait()
		sum := 0
		for i := range 16 {
			e, _ := m.Get(key(i))
			sum += e.Value
		}
		Expect(sum).To(Equal(80_000))
	})
})
