package reports_test

import (
	"bytes"
	"errors"

	"github.com/PuerkitoBio/goquery"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/reports"
)

var _ = Describe("The page of necessity", func() {
	write := func(needs ...reports.Need) *goquery.Document {
		GinkgoHelper()
		var b bytes.Buffer
		flow := reports.Necessity{Flow: "some", Summary: "what was searched", Sufficiency: []string{"Nothing was found in 7 runs."}, Needs: needs}
		Expect(reports.WriteNecessity(&b, []reports.Necessity{flow}, map[catalog.ID]string{"BI-OS-31": "x.svg"})).To(Succeed())
		page, err := goquery.NewDocumentFromReader(&b)
		Expect(err).NotTo(HaveOccurred())
		return page
	}
	attack := reports.Need{
		Requirement: "BI-OS-31", Outcome: "attack", Invariant: "secrecy", Broken: "it was read", Steps: []string{"one", "two"}, Repro: "countersign explore some", Moves: 2,
		Scene: "here", Sessions: []string{"a", "b"},
	}

	It("shows the steps of an attack, links its picture, and says what the requirement asks for", func() {
		page := write(attack)
		Expect(page.Find("#need-BI-OS-31 ol li").Length()).To(Equal(2))
		Expect(page.Find(`#need-BI-OS-31 a[href="x.svg"]`).Length()).To(Equal(1))
		Expect(page.Find("#need-BI-OS-31").Text()).To(ContainSubstring("here, with a and b"))
		Expect(page.Find("#need-BI-OS-31 summary").Text()).To(ContainSubstring("2 moves"))
		Expect(page.Find("#need-BI-OS-31 .lead").Text()).To(ContainSubstring("MUST"))
		Expect(page.Find("tbody td").First().Text()).To(Equal("1"))
	})

	It("shows a reason, what was not found, and the statement of sufficiency", func() {
		page := write(reports.Need{Requirement: "X-1", Outcome: "reason", Reason: "because"}, reports.Need{Requirement: "X-2", Outcome: "not found"})
		Expect(page.Find("#need-X-1 .v-skip").Length()).To(Equal(1))
		Expect(page.Find("#need-X-1").Text()).To(ContainSubstring("because"))
		Expect(page.Find("#need-X-2 .v-warn").Text()).To(Equal("not found"))
		Expect(page.Find("#need-X-2 ol").Length()).To(BeZero())
		Expect(page.Find("main").Text()).To(ContainSubstring("Nothing was found in 7 runs."))
	})

	It("takes what it is told as text", func() {
		page := write(reports.Need{Requirement: "X-1", Outcome: "reason", Reason: "<script>alert(1)</script>"})
		Expect(page.Find("script").Length()).To(BeZero())
	})

	It("is not written about nothing, nor with an outcome that the rest belies", func() {
		var empty *reports.EmptyNecessityError
		Expect(errors.As(reports.WriteNecessity(&bytes.Buffer{}, nil, nil), &empty)).To(BeTrue())
		var wrong *reports.DocumentError
		belied := []reports.Necessity{{Flow: "some", Needs: []reports.Need{{Requirement: "X-1", Outcome: "attack"}}}}
		Expect(errors.As(reports.WriteNecessity(&bytes.Buffer{}, belied, nil), &wrong)).To(BeTrue())
		Expect(wrong.Where).To(Equal("/necessity/0/needs/0/outcome"))
	})
})

var _ = Describe("The report page", func() {
	It("links each check to the attack that its requirement stops", func() {
		var b bytes.Buffer
		Expect(reports.WriteHTML(&b, sample())).To(Succeed())
		page, err := goquery.NewDocumentFromReader(&b)
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Find("#BI-OS-31 a[href='#need-BI-OS-31']").Text()).To(Equal("one-token-a-consent broken, 1 move"))
		Expect(page.Find("#BI-OS-29 a[href='#need-BI-OS-29']").Text()).To(Equal("reason"))
		Expect(page.Find("#need-BI-OS-31 ol li").Text()).To(Equal("the attacker redeems once more"))
		Expect(page.Find("nav a[href='#necessity']").Length()).To(Equal(1))
		Expect(page.Find("#necessity-bidirectional").Length()).To(Equal(1))
	})
})
