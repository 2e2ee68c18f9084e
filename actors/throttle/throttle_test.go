package throttle_test

import (
	"errors"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/store"
	"countersign/actors/throttle"
)

type broken struct{}

func (broken) Update(func(store.Tx) error) error { return errors.New("the disk is full") }

var _ = Describe("A throttle", func() {
	var (
		t   throttle.Throttle
		now time.Time
	)
	BeforeEach(func() {
		t = throttle.Throttle{Store: &store.Memory{}, Bucket: "guesses", Most: 3, Span: time.Minute}
		now = time.Unix(1_767_225_600, 0)
	})
	count := func(key string, made throttle.Guess) time.Duration {
		GinkgoHelper()
		ended, err := t.Count(key, made, now)
		Expect(err).NotTo(HaveOccurred())
		return ended
	}

	It("ends attempts under a name after the last wrong one, and for as long as it says", func() {
		for range 3 {
			Expect(count("alice", throttle.Wrong)).To(BeZero())
			now = now.Add(time.Second)
		}
		Expect(count("alice", throttle.Untried)).To(Equal(59 * time.Second))
		Expect(count("alice", throttle.Right)).To(Equal(59*time.Second), "also for who has the right one")
		Expect(count("bob", throttle.Right)).To(BeZero(), "nobody else suffers")
		now = now.Add(59 * time.Second)
		Expect(count("alice", throttle.Untried)).To(BeZero())
	})

	It("does not count what comes while attempts are ended", func() {
		for range 3 {
			count("alice", throttle.Wrong)
		}
		now = now.Add(30 * time.Second)
		Expect(count("alice", throttle.Wrong)).To(Equal(30 * time.Second))
		Expect(count("alice", throttle.Untried)).To(Equal(30 * time.Second))
	})

	It("begins anew after the right one, and forgets wrong ones that are old", func() {
		count("alice", throttle.Wrong)
		count("alice", throttle.Wrong)
		Expect(count("alice", throttle.Right)).To(BeZero())
		count("alice", throttle.Wrong)
		now = now.Add(time.Minute)
		count("alice", throttle.Wrong)
		count("alice", throttle.Wrong)
		Expect(count("alice", throttle.Untried)).To(BeZero())
	})

	It("keeps counts of names that nobody has apart from those of users, and in bounded number", func() {
		Expect(throttle.Key("alice", true)).NotTo(Equal(throttle.Key("alice", false)))
		keys := map[string]bool{}
		for i := range 200_000 {
			keys[throttle.Key(fmt.Sprint("made-up-", i), false)] = true
		}
		Expect(len(keys)).To(BeNumerically("<=", 1<<16))
	})

	It("says that the store is broken", func() {
		t.Store = broken{}
		_, err := t.Count("alice", throttle.Wrong, now)
		Expect(err).To(MatchError("the disk is full"))
	})

	DescribeTable("writes times in whole seconds, rounded up", func(d time.Duration, text string) {
		Expect(throttle.Seconds(d)).To(Equal(text))
	}, Entry("a second", time.Second, "1"), Entry("a bit more", time.Second+1, "2"), Entry("nothing", time.Duration(0), "0"))
})
