package bidirectional_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/conformance/catalog"
)

func requirements() []catalog.Requirement {
	for _, c := range catalog.Catalogs() {
		if c.Flow == "bidirectional" {
			return c.Requirements
		}
	}
	return nil
}

var _ = Describe("The guards", func() {
	It("are one in the source for each requirement, under its literal ID", func() {
		files, err := filepath.Glob("*.go")
		Expect(err).NotTo(HaveOccurred())
		guarded := map[string]int{}
		call := regexp.MustCompile(`Guards\.(?:On|Forbids)\("(BI-[A-Z]+-[0-9]+)"`)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			for _, found := range call.FindAllStringSubmatch(string(source), -1) {
				guarded[found[1]]++
			}
		}
		Expect(requirements()).NotTo(BeEmpty())
		want := map[string]int{}
		for _, r := range requirements() {
			want[string(r.ID)] = 1
		}
		Expect(guarded).To(Equal(want))
	})

	// The defects of these stand in the way of the flow itself, or of a counterpart that is hardened.
	breaking := []catalog.ID{
		"BI-OS-01", "BI-OS-02", "BI-OS-03", "BI-OS-07", "BI-OS-13", "BI-OS-15", "BI-OS-18", "BI-OS-20", "BI-OS-30", "BI-OS-45", "BI-OS-47", "BI-RS-01",
		"BI-CL-01", "BI-CL-02", "BI-CL-03", "BI-CL-04", "BI-CL-05", "BI-CL-06", "BI-CL-07", "BI-CL-08", "BI-CL-09", "BI-CL-15", "BI-CL-16", "BI-CL-29",
	}
	completes := func(r catalog.Requirement) bool {
		p := newPlay(guard.Set{}.Without(r.ID))
		_, err := p.terminal.Start(siteA, siteB)
		Expect(err).NotTo(HaveOccurred())
		return strings.Contains(p.home(siteA), readsAtB) && strings.Contains(p.home(siteB), readsAtA)
	}
	for _, r := range requirements() {
		if slices.Contains(breaking, r.ID) {
			It("leave a flow that ends early when "+string(r.ID)+" is lifted: "+r.Defect, func() {
				Expect(completes(r)).To(BeFalse())
			})
			continue
		}
		It("leave a whole flow when "+string(r.ID)+" is lifted: "+r.Defect, func() {
			Expect(completes(r)).To(BeTrue())
		})
	}
})
