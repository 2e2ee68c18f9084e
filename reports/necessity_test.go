package reports_test

import (
	"bytes"
	"errors"

	"github.com/PuerkitoBio/goquery"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/reports"
)

var _ = Describe("The page of necessity", func() {
	write := func(rows ...reports.NecessityRow) *goquery.Document {
		GinkgoHelper()
		var b bytes.Buffer
		flow := reports.NecessityFlow{Name: "some", Summary: "what was searched", Outcomes: []string{"attack", "not found"}, Counts: map[string]int{"attack": 1, "not found": 2}, Rows: rows}
		Expect(reports.WriteNecessity(&b, reports.Necessity{Flows: []reports.NecessityFlow{flow}})).To(Succeed())
		page, err := goquery.NewDocumentFromReader(&b)
		Expect(err).NotTo(HaveOccurred())
		return page
	}

	It("shows the steps of an attack, and links its picture", func() {
		page := write(reports.NecessityRow{ID: "X-1", Outcome: "attack", Steps: []string{"one", "two"}, Picture: "x.svg", Replay: "x.json", Moves: 2, Scene: "here", Sessions: []string{"a", "b"}})
		Expect(page.Find("#X-1 ol li").Length()).To(Equal(2))
		Expect(page.Find(`#X-1 a[href="x.svg"]`).Length()).To(Equal(1))
		Expect(page.Find("#X-1").Text()).To(ContainSubstring("here, with a and b"))
		Expect(page.Find("tbody td").First().Text()).To(Equal("1"))
	})

	It("shows a reason, and what was not found", func() {
		page := write(reports.NecessityRow{ID: "X-1", Outcome: "reason", Reason: "because"}, reports.NecessityRow{ID: "X-2", Outcome: "not found"})
		Expect(page.Find("#X-1 .v-skip").Length()).To(Equal(1))
		Expect(page.Find("#X-1").Text()).To(ContainSubstring("because"))
		Expect(page.Find("#X-2 .v-warn").Text()).To(Equal("not found"))
		Expect(page.Find("#X-2 ol").Length()).To(BeZero())
	})

	It("takes what it is told as text", func() {
		page := write(reports.NecessityRow{ID: "X-1", Outcome: "reason", Reason: "<script>alert(1)</script>"})
		Expect(page.Find("script").Length()).To(BeZero())
	})

	It("is not written about nothing", func() {
		var empty *reports.EmptyNecessityError
		Expect(errors.As(reports.WriteNecessity(&bytes.Buffer{}, reports.Necessity{}), &empty)).To(BeTrue())
	})
})
