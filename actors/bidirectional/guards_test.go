package bidirectional_test

import (
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/conformance/catalog"
)

var _ = Describe("The guards", func() {
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
	for _, r := range catalog.Of("bidirectional") {
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
