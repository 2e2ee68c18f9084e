package worldlint_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/tools/go/analysis/analysistest"

	"countersign/sim/worldlint"
)

var _ = Describe("The world's linter", func() {
	messages := func(pkg string) (list []string) {
		findings, err := worldlint.Check("./testdata/src/" + pkg)
		Expect(err).NotTo(HaveOccurred())
		for _, f := range findings {
			list = append(list, f.Message)
		}
		return list
	}

	It("reports what has no place in a world, and nothing else", func() {
		analysistest.Run(GinkgoTB(), analysistest.TestData(), worldlint.Analyzer, "a", "clean")
	})

	It("reports an exemption without a reason, which exempts nothing", func() {
		Expect(messages("bare")).To(ConsistOf(
			HavePrefix("worldlint:allow lacks a reason"),
			HavePrefix("time.Now reads the real clock"),
		))
	})

	It("reports an exemption that exempts nothing", func() {
		Expect(messages("stale")).To(ConsistOf("worldlint:allow allows nothing: remove it"))
	})

	It("says where a finding is", func() {
		findings, err := worldlint.Check("./testdata/src/stale")
		Expect(err).NotTo(HaveOccurred())
		Expect(findings[0].String()).To(HaveSuffix("stale.go:5:1: worldlint:allow allows nothing: remove it"))
	})

	It("finds nothing in clean code", func() {
		Expect(messages("clean")).To(BeEmpty())
	})

	It("does not pass where there is nothing to check", func() {
		_, err := worldlint.Check("countersign/sim/worldlint/nothing/...")
		Expect(err).To(MatchError(ContainSubstring("matches no package")))
		_, err = worldlint.Check("./testdata/nothing")
		Expect(err).To(HaveOccurred())
	})
})
