package throttle_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/store"
	"countersign/actors/throttle"
)

type hands struct{ now time.Time }

func (h *hands) Now() time.Time        { return h.now }
func (h *hands) Sleep(d time.Duration) { h.now = h.now.Add(d) }

// throttleOf is one of a server that keeps its state there.
func throttleOf(s store.Store, clock actors.Clock, seed byte) throttle.Throttle {
	entropy := func(string) io.Reader { return rand.NewChaCha8([32]byte{seed}) }
	return throttle.Throttle{Env: actors.Env{Store: s, Clock: clock, Entropy: entropy}, Bucket: "guesses", Most: 3, Span: time.Minute}
}

// counting is a store that counts what is read.
type counting struct {
	store.Store
	reads int
}

func (c *counting) Update(f func(store.Tx) error) error {
	return c.Store.Update(func(tx store.Tx) error { return f(&countingTx{tx, c}) })
}

type countingTx struct {
	store.Tx
	store *counting
}

func (tx *countingTx) Get(bucket, key string, v any) (bool, error) {
	tx.store.reads++
	return tx.Tx.Get(bucket, key, v)
}

type broken struct{}

func (broken) Update(func(store.Tx) error) error { return errors.New("the disk is full") }

var _ = Describe("A throttle", func() {
	var (
		t     throttle.Throttle
		clock *hands
	)
	BeforeEach(func() {
		clock = &hands{time.Unix(1_767_225_600, 0)}
		t = throttleOf(&store.Memory{}, clock, 1)
	})
	count := func(name string, made throttle.Guess) time.Duration {
		GinkgoHelper()
		ended, err := t.Count(name, true, made)
		Expect(err).NotTo(HaveOccurred())
		return ended
	}

	It("ends attempts under a name after the last wrong one, and for as long as it says", func() {
		for range 3 {
			Expect(count("alice", throttle.Wrong)).To(BeZero())
			clock.Sleep(time.Second)
		}
		Expect(count("alice", throttle.Untried)).To(Equal(59 * time.Second))
		Expect(count("alice", throttle.Right)).To(Equal(59*time.Second), "also for who has the right one")
		Expect(count("bob", throttle.Right)).To(BeZero(), "nobody else suffers")
		clock.Sleep(59 * time.Second)
		Expect(count("alice", throttle.Untried)).To(BeZero())
	})

	It("does not count what comes while attempts are ended", func() {
		for range 3 {
			count("alice", throttle.Wrong)
		}
		clock.Sleep(30 * time.Second)
		Expect(count("alice", throttle.Wrong)).To(Equal(30 * time.Second))
		Expect(count("alice", throttle.Untried)).To(Equal(30 * time.Second))
	})

	It("begins anew after the right one, and forgets wrong ones that are old", func() {
		count("alice", throttle.Wrong)
		count("alice", throttle.Wrong)
		Expect(count("alice", throttle.Right)).To(BeZero())
		count("alice", throttle.Wrong)
		clock.Sleep(time.Minute)
		count("alice", throttle.Wrong)
		count("alice", throttle.Wrong)
		Expect(count("alice", throttle.Untried)).To(BeZero())
	})

	It("keeps counts of names that nobody has apart from those of users, and in bounded number", func() {
		tell := func(name string, made throttle.Guess) time.Duration {
			ended, err := t.Count(name, false, made)
			Expect(err).NotTo(HaveOccurred())
			return ended
		}
		for range 3 {
			Expect(tell("alice", throttle.Wrong)).To(BeZero())
		}
		Expect(tell("alice", throttle.Untried)).To(Equal(time.Minute))
		Expect(count("alice", throttle.Untried)).To(BeZero())
		for i := range 100_000 {
			tell(fmt.Sprint("made-up-", i), throttle.Wrong)
		}
		Expect(t.Store.Update(func(tx store.Tx) error {
			counts, err := tx.Keys(t.Bucket)
			Expect(len(counts)).To(BeNumerically("~", 95_370, 500), "2^20 counts for all of them: some share one")
			return err
		})).To(Succeed())
	})

	It("lets nobody foretell which names that nobody has share a count, and goes on after a restart", func() {
		// shares are the names that find attempts ended by wrong passwords under others.
		shares := func(t throttle.Throttle) (names []string) {
			tell := func(name string, made throttle.Guess) time.Duration {
				ended, err := t.Count(name, false, made)
				Expect(err).NotTo(HaveOccurred())
				return ended
			}
			for i := range 6000 {
				tell(fmt.Sprint("made-up-", i/3), throttle.Wrong)
			}
			for i := range 5000 {
				if name := fmt.Sprint("nobody-", i); tell(name, throttle.Untried) > 0 {
					names = append(names, name)
				}
			}
			return names
		}
		one, other := store.Memory{}, store.Memory{}
		first := shares(throttleOf(&one, clock, 1))
		Expect(first).NotTo(BeEmpty())
		Expect(shares(throttleOf(&one, clock, 2))).To(Equal(first))
		Expect(shares(throttleOf(&other, clock, 2))).NotTo(Equal(first))
	})

	It("reads as much for a name that somebody has as for one that nobody has, also while attempts are ended", func() {
		reads := func(name string, known bool) (each []int) {
			s := &counting{Store: &store.Memory{}}
			t := throttleOf(s, clock, 1)
			for range 5 {
				s.reads = 0
				_, err := t.Count(name, known, throttle.Wrong)
				Expect(err).NotTo(HaveOccurred())
				each = append(each, s.reads)
			}
			return each
		}
		Expect(reads("alice", true)).To(Equal(reads("nobody", false)))
	})

	It("says that the store is broken", func() {
		t.Store = broken{}
		_, err := t.Count("alice", true, throttle.Wrong)
		Expect(err).To(MatchError("the disk is full"))
	})

	DescribeTable("writes times in whole seconds, rounded up", func(d time.Duration, text string) {
		Expect(throttle.Seconds(d)).To(Equal(text))
	}, Entry("a second", time.Second, "1"), Entry("a bit more", time.Second+1, "2"), Entry("nothing", time.Duration(0), "0"))
})
