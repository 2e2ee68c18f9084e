package validate_test

import (
	"bytes"
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/paired"
	"countersign/bench/validate"
)

// machine is one whose time passes by the work that is done on it alone.
type machine struct{ now time.Duration }

func (m *machine) clock() time.Duration { return m.now }

func (m *machine) costs(name string, each time.Duration, aim validate.Aim) validate.Variant {
	return validate.Variant{Variant: paired.Variant{Name: name, Run: func(n int) { m.now += time.Duration(n) * each }}, Aim: aim}
}

var _ = Describe("The bench of the validators", func() {
	It("measures every group, with the floor twice, and says what each row is held to", func() {
		var told []string
		tables, err := validate.Run(context.Background(), validate.Options{Rounds: 1, Tokens: 5000, Devices: 3}, func(t validate.Table) { told = append(told, t.Path) })
		Expect(err).NotTo(HaveOccurred())
		Expect(told).To(ContainElements("EdDSA", "ES256", "RS256", "HS256", "sealed", "ticket", "countersign", "opaque, shared by memory", "ticket, shared by bbolt", "sealed, shared by memory", "EdDSA that counts once, shared by memory", "countersign that counts once, shared by bbolt"))
		Expect(tables).To(HaveLen(len(told)))
		aims := 0
		for _, t := range tables {
			Expect(t.Floor).NotTo(BeEmpty())
			Expect(len(t.Rows)).To(BeNumerically(">=", 3), t.Path)
			Expect(t.Rows[0].Ratio).To(Equal(1.0), t.Path)
			Expect(t.Rows[1].Name).To(Equal(paired.Again))
			for _, r := range t.Rows {
				Expect(r.Nanoseconds).To(BeNumerically(">", 0), t.Path+" "+r.Name)
				if r.Holds != nil {
					aims++
				}
			}
			var text bytes.Buffer
			Expect(t.Write(&text)).To(Succeed())
			Expect(text.String()).To(And(HavePrefix(t.Path+" (floor: "), ContainSubstring("ours")))
		}
		Expect(aims).To(Equal(11 + len(tables)))
	})

	It("tells an aim that is reached from one that is missed", func() {
		var m machine
		t, err := validate.Path{Name: "p", Rounds: 60, Clock: m.clock, Variants: []validate.Variant{
			m.costs("floor", 100, validate.Aim{}), m.costs("slow", 400, validate.Aim{AtMost: 2}), m.costs("fast", 10, validate.Aim{AtMost: 2, NoAllocations: true}),
			m.costs("slower than slow", 2000, validate.Aim{AtLeast: 2, To: "slow"}),
		}}.Measure(context.Background(), 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(validate.Missed([]validate.Table{t})).To(Equal([]string{"p: slow"}))
		Expect(t.Rows[4].Aim).To(Equal(">= 2x of slow"))
	})

	DescribeTable("holds the floor's second row to 1, within a hundredth",
		func(slower time.Duration, missed ...string) {
			var m machine
			turns := 0
			floor := m.costs("floor", 1000, validate.Aim{})
			run := floor.Run
			floor.Run = func(n int) {
				run(n)
				turns++
				m.now += time.Duration(turns%2*n) * slower
			}
			t, err := validate.Path{Name: "p", Rounds: 61, Clock: m.clock, Variants: []validate.Variant{floor, m.costs("ours", 1000, validate.Aim{})}}.Measure(context.Background(), 1)
			Expect(err).NotTo(HaveOccurred())
			Expect(t.Rows[1]).To(And(HaveField("Name", paired.Again), HaveField("Aim", ">= 0.99x, <= 1.01x")))
			Expect(validate.Missed([]validate.Table{t})).To(ConsistOf(missed), "%v", t.Rows[1].Ratio)
		},
		Entry("on a machine that is the same all the time", time.Duration(0)),
		Entry("on one that differs by less", 9*time.Nanosecond),
		Entry("on one that is slower every other time", 20*time.Nanosecond, "p: the floor again"),
	)

	It("refuses a group that it does not know, and ends with its context", func() {
		_, err := validate.Run(context.Background(), validate.Options{Only: []string{"sealed", "open"}}, func(validate.Table) {})
		var unknown *validate.UnknownGroupError
		Expect(errors.As(err, &unknown)).To(BeTrue())
		Expect(err).To(MatchError(ContainSubstring("signed, sealed, opaque, ticket, countersign, shared")))
		stopped, stop := context.WithCancel(context.Background())
		stop()
		_, err = validate.Run(stopped, validate.Options{Only: []string{"signed"}}, func(validate.Table) { Fail("nothing was measured") })
		Expect(err).To(MatchError(context.Canceled))
	})

	It("takes no peer that refuses the token", func() {
		_, err := validate.Peer("a library", func() error { return errors.New("no") })
		Expect(err).To(MatchError(ContainSubstring("a library refuses what it has to take")))
	})
})
