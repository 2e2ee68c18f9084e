package play

import (
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load"
)

var _ = Describe("A strange request to a party that the harness plays", func() {
	const expected = "requests as the profile has them"
	var (
		t           trouble
		one, two    *load.Seat
		bad         = errors.New("a wrong answer")
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
		Expect(t.end(two, false)).To(BeEmpty())
	})

	It("is a fault of its own beside another that a wrong answer answers for", func() {
		t.begin(two)
		Expect(t.journey(one, expected, func(s *load.Seat) error { return errors.Join(strange(s), strange(s), bad) })).To(MatchError(bad))
		Expect(t.end(two, false)).To(Equal("a request of nobody"))
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
