package page_test

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/paired"
	"countersign/bench/validate"
	"countersign/bench/validate/page"
)

func TestPage(t *testing.T) {
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RunSpecs(t, "The page of what validating costs", suite, reporter)
}

// measured is a table of one floor, one variant that reaches its aim and one that misses it.
func measured() page.Report {
	yes, no := true, false
	return page.Report{Go: "go1.0", OS: "plan9/mips", CPUs: 2, Tables: []validate.Table{{
		Path: "sealed", Floor: "opening it", Rows: []validate.Row{
			{Figure: paired.Figure{Name: "floor", Nanoseconds: 100, Ratio: 1, Low: 1, High: 1}},
			{Figure: paired.Figure{Name: "ours", Nanoseconds: 230, Ratio: 2.3, Low: 2.2, High: 2.4}, Aim: "<= 2.5x", Holds: &yes},
			{Figure: paired.Figure{Name: "theirs <b>", Nanoseconds: 7500, Ratio: 75, Low: 70, High: 80, Allocations: 82}, Aim: "no allocation", Holds: &no},
		},
	}}}
}

var _ = Describe("The page of what validating costs", func() {
	written := func(r page.Report) string {
		GinkgoHelper()
		var b bytes.Buffer
		Expect(page.Write(&b, r)).To(Succeed())
		return b.String()
	}

	It("has a dot for each variant, dearer ones further right", func() {
		text := written(measured())
		Expect(strings.Count(text, `class="dot"`)).To(Equal(3))
		var at []float64
		for _, found := range regexp.MustCompile(`cx="([0-9.]+)"`).FindAllStringSubmatch(text, -1) {
			x, err := strconv.ParseFloat(found[1], 64)
			Expect(err).NotTo(HaveOccurred())
			at = append(at, x)
		}
		Expect(slices.IsSorted(at)).To(BeTrue(), "%v", at)
		Expect(at[0]).To(BeNumerically(">", 0))
		Expect(at[2]).To(BeNumerically("<", page.Width))
	})

	It("says which aims are reached and which are missed, first of all", func() {
		text := written(measured())
		Expect(text).To(ContainSubstring("Missed: sealed: theirs &lt;b&gt;."))
		Expect(strings.Count(text, `class="reached"`)).To(Equal(1))
		Expect(strings.Count(text, `class="missed"`)).To(Equal(1))
		all := measured()
		all.Tables[0].Rows = all.Tables[0].Rows[:2]
		Expect(written(all)).To(ContainSubstring("Every aim is reached."))
	})

	It("runs no script, and shows a name as the text that it is", func() {
		text := written(measured())
		Expect(text).NotTo(ContainSubstring("<script"))
		Expect(text).NotTo(ContainSubstring("<b>"))
		Expect(text).To(ContainSubstring("default-src &#39;none&#39;"))
	})

	It("is not written about nothing", func() {
		var empty *page.EmptyError
		Expect(errors.As(page.Write(&bytes.Buffer{}, page.Report{}), &empty)).To(BeTrue())
	})
})
