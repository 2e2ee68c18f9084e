package ticket_test

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/ticket"
	"countersign/conformance/catalog"
)

var _ = Describe("The guards", func() {
	// The defects of these stand in the way of the flow itself, or of a counterpart that is hardened.
	breaking := []catalog.ID{"TI-AM-01", "TI-AM-02", "TI-AM-03", "TI-AM-05", "TI-AM-06", "TI-AM-08", "TI-AP-04", "TI-TE-01", "TI-TE-03", "TI-TE-04", "TI-TE-06", "TI-TE-07"}
	// completes opens two apps, waits until the keys have expired twice, and opens both again without a password.
	completes := func(r catalog.Requirement) bool {
		p := newPlay(guard.Set{}.Without(r.ID))
		opened := p.opens("app-one", right).Outcome == ticket.GotResource && p.opens("app-two", right).Outcome == ticket.GotResource
		for range 2 {
			p.Sleep(2 * time.Hour)
			opened = opened && p.opens("app-one", "").Outcome == ticket.GotResource && p.opens("app-two", "").Outcome == ticket.GotResource
		}
		return opened
	}
	for _, r := range catalog.Of("ticket") {
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
