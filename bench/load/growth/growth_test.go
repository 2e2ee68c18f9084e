package growth_test

import (
	"bytes"
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load/growth"
)

var _ = Describe("The curve of a request's cost", func() {
	DescribeTable("has each size, the largest included",
		func(upTo int, sizes ...int) { Expect(growth.Sizes(upTo)).To(Equal(sizes)) },
		Entry("a million", 1_000_000, 1000, 10_000, 100_000, 1_000_000),
		Entry("what is no power of ten", 25_000, 1000, 10_000, 25_000),
	)

	It("is measured for every subject, each request answered rightly", func() {
		var told []growth.Curve
		curves, err := growth.Run(context.Background(), growth.Options{UpTo: 1200, Rounds: 2}, func(c growth.Curve) { told = append(told, c) })
		Expect(err).NotTo(HaveOccurred())
		Expect(curves).To(HaveLen(len(growth.Subjects())))
		Expect(told).To(Equal(curves))
		for i, s := range growth.Subjects() {
			c := curves[i]
			Expect(c.Subject).To(Equal(s.Name))
			Expect(c.Points).To(HaveLen(2))
			Expect(c.Points[0]).To(And(HaveField("Live", 1000), HaveField("Ratio", 1.0), HaveField("Nanoseconds", BeNumerically(">", 0))))
			Expect(c.Points[1]).To(And(HaveField("Live", 1200), HaveField("Ratio", BeNumerically(">", 0))))
			var table bytes.Buffer
			Expect(c.Write(&table)).To(Succeed())
			Expect(table.String()).To(MatchRegexp(`(?m)^ *1200 +\d+ +\d+\.\d\d `))
		}
	})

	It("shows a cost that grows", func() {
		grows := growth.Subject{Name: "list", Open: func(live int) (func() error, func(), error) {
			all := make([]int, live)
			return func() error {
				for i := range all { // as a store does that looks through all it has
					all[i]++
				}
				return nil
			}, func() {}, nil
		}}
		c, err := grows.Measure(context.Background(), growth.Options{UpTo: 100_000, Rounds: 20})
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Points[2].Ratio).To(BeNumerically(">", 10), "a hundred times the work") // which no busy machine hides
	})

	DescribeTable("that cannot be had is refused in a sentence",
		func(o growth.Options, sentence string) {
			_, err := growth.Run(context.Background(), o, func(growth.Curve) {})
			var wrong *growth.UsageError
			Expect(err).To(BeAssignableToTypeOf(wrong))
			Expect(err).To(MatchError(ContainSubstring(sentence)))
		},
		Entry("of something unknown", growth.Options{Only: []string{"grass"}}, `nothing is called "grass" that grows; there are map, opaque`),
		Entry("of one size", growth.Options{UpTo: 1000}, "sizes up to 1000 are none"),
	)

	It("ends with the error of a request that fails", func() {
		broken := growth.Subject{Name: "broken", Open: func(int) (func() error, func(), error) {
			return func() error { return context.DeadlineExceeded }, func() {}, nil
		}}
		_, err := broken.Measure(context.Background(), growth.Options{UpTo: 2000, Rounds: 1})
		Expect(err).To(MatchError(ContainSubstring("broken with 1000 live")))
	})

	It("ends when it is stopped", func() {
		ctx, stop := context.WithCancel(context.Background())
		stop()
		_, err := growth.Run(ctx, growth.Options{Only: []string{"map"}}, func(growth.Curve) {})
		Expect(err).To(MatchError(context.Canceled))
	})
})
