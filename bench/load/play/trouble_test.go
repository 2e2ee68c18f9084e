package play

import (
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
	"countersign/bench/load/lean"
)

var _ = Describe("A strange request to a party that the harness plays", func() {
	const expected = "requests as the profile has them"
	var (
		t           trouble
		one, two    *load.Seat
		bad         = error(&load.WrongError{Leg: "start", Expected: "right", Actual: "a wrong answer"})
		late        = &lean.Error{Kind: lean.TimedOut, Err: errors.New("no answer")}
		wrongAnswer = func(*load.Seat) error { return bad }
		fine        = func(*load.Seat) error { return nil }
	)
	strange := func(*load.Seat) error { t.note("a request of nobody"); return nil }
	wrong := MatchError(ContainSubstring("expected requests as the profile has them, got a request of nobody"))
	BeforeEach(func() { t, one, two = trouble{}, &load.Seat{Number: 1}, &load.Seat{Number: 2} })

	It("makes the journey wrong in which it came, and none after", func() {
		Expect(t.journey(one, expected, strange)).To(wrong)
		for range 3 {
			Expect(t.journey(one, expected, fine)).To(Succeed())
			Expect(t.journey(two, expected, fine)).To(Succeed())
		}
	})

	It("that came while no journey was under way makes the next one wrong", func() {
		t.note("a request of nobody")
		Expect(t.journey(two, expected, fine)).To(wrong)
		Expect(t.journey(one, expected, fine)).To(Succeed())
	})

	It("makes one of those wrong that were under way, and none that began later", func() {
		Expect(t.journey(one, expected, func(*load.Seat) error {
			Expect(t.journey(two, expected, strange)).To(Succeed(), "the other may have to answer for it")
			Expect(t.journey(two, expected, fine)).To(Succeed(), "it began later")
			return nil
		})).To(wrong)
	})

	It("is no second fault beside the answer that it made wrong, whichever ends first", func() {
		Expect(t.journey(one, expected, func(*load.Seat) error {
			Expect(t.journey(two, expected, strange)).To(Succeed())
			return bad
		})).To(MatchError(bad))
		Expect(t.journey(one, expected, func(*load.Seat) error {
			t.note("a request of nobody")
			Expect(t.journey(two, expected, wrongAnswer)).To(MatchError(bad))
			return nil
		})).To(wrong, "it came before the other began")
		t.begin(two)
		Expect(t.journey(one, expected, func(s *load.Seat) error { return errors.Join(strange(s), bad) })).To(MatchError(bad))
		Expect(t.end(two, nil)).To(BeEmpty())
	})

	It("is a fault of its own beside another that a wrong answer answers for", func() {
		t.begin(two)
		Expect(t.journey(one, expected, func(s *load.Seat) error { return errors.Join(strange(s), strange(s), bad) })).To(MatchError(bad))
		Expect(t.end(two, nil)).To(Equal("a request of nobody"))
	})

	It("is left to the others by a journey without an answer, which tells nothing of it", func() {
		Expect(t.journey(one, expected, func(*load.Seat) error {
			for range 2 {
				Expect(t.journey(two, expected, strange)).To(Succeed(), "the other may have to answer for it")
			}
			return late
		})).To(MatchError(late))
		for range 2 {
			Expect(t.journey(two, expected, fine)).To(wrong)
		}
		Expect(t.journey(two, expected, fine)).To(Succeed())
	})

	It("makes a journey of its own wrong, also where one is the last for many of them", func() {
		Expect(t.journey(one, expected, func(*load.Seat) error {
			for range 3 {
				Expect(t.journey(two, expected, strange)).To(Succeed(), "the other may have to answer for it")
			}
			return nil
		})).To(wrong)
		for range 2 {
			Expect(t.journey(one, expected, fine)).To(wrong)
		}
		Expect(t.journey(one, expected, fine)).To(Succeed())
	})

	It("is told of in the end where no journey answers for it, also where there are more than can be held against any", func() {
		Expect(t.journey(one, expected, strange)).To(wrong)
		requests, what := t.Unanswered()
		Expect(requests).To(BeZero())
		Expect(what).To(BeEmpty())
		for range mostNotes + 500 {
			t.note("a request of nobody")
		}
		Expect(t.journey(one, expected, fine)).To(wrong)
		requests, what = t.Unanswered()
		Expect(requests).To(Equal(mostNotes + 499))
		Expect(what).To(Equal("a request of nobody"))
		Expect(t.journey(one, expected, fine)).To(Succeed(), "it has been told of")
	})
})

var _ = Describe("What is kept for keys", func() {
	It("is the first for each of the latest keys, and no more of them than there is room for", func() {
		var l latest
		Expect(l.keep("a", "1")).To(Equal("1"))
		Expect(l.keep("a", "2")).To(Equal("1"))
		for n := range kept {
			l.keep(string(rune(0x10000+n)), "")
		}
		Expect(l.of).To(And(HaveLen(kept), Not(HaveKey("a"))))
		Expect(l.keep("a", "2")).To(Equal("2"))
	})
})
