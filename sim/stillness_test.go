package sim

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The time that a world stands still", func() {
	var s stillness
	var now time.Time
	after := func(d time.Duration, beat int64) time.Duration {
		now = now.Add(d)
		s.tick(now, beat)
		return s.lasts
	}
	BeforeEach(func() {
		now = time.Unix(1000, 0)
		s = stillness{period: time.Second, last: now, beat: 7}
	})

	It("is counted by ticks, and from the beginning when a step was taken", func() {
		Expect(after(time.Second, 7)).To(Equal(time.Second))
		Expect(after(time.Second, 7)).To(Equal(2 * time.Second))
		Expect(after(time.Second, 8)).To(BeZero())
		Expect(after(time.Second, 8)).To(Equal(time.Second))
	})

	It("does not grow by ticks that come late, as when the whole machine stood still", func() {
		Expect(after(time.Second, 7)).To(Equal(time.Second))
		for range 10 {
			Expect(after(3*time.Second, 7)).To(Equal(time.Second))
		}
		Expect(after(time.Second, 7)).To(Equal(2 * time.Second))
	})
})
