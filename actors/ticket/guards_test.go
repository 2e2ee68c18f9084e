package ticket_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/ticket"
	"countersign/conformance/catalog"
)

func requirements() []catalog.Requirement {
	for _, c := range catalog.Catalogs() {
		if c.Flow == "ticket" {
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
		call := regexp.MustCompile(`Guards\.(?:On|Forbids)\("(TI-[A-Z]+-[0-9]+)"`)
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
