package mobile_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
)

// requirementsOf are the requirements of one role of the flow.
func requirementsOf(role catalog.Role) (found []catalog.Requirement) {
	for _, c := range catalog.Catalogs() {
		if c.Flow != "mobile" {
			continue
		}
		for _, r := range c.Requirements {
			if r.Roles[0] == role {
				found = append(found, r)
			}
		}
	}
	return found
}

var _ = DescribeTable("The guards are one in the source for each requirement, under its literal ID",
	func(role catalog.Role, prefix string) {
		files, err := filepath.Glob("*.go")
		Expect(err).NotTo(HaveOccurred())
		guarded := map[string]int{}
		call := regexp.MustCompile(`Guards\.(?:On|Forbids)\("(` + prefix + `-[0-9]+)"`)
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
		want := map[string]int{}
		for _, r := range requirementsOf(role) {
			want[string(r.ID)] = 1
		}
		Expect(want).NotTo(BeEmpty())
		Expect(guarded).To(Equal(want))
	},
	Entry("of the authorization server", catalog.AuthorizationServer, "MO-AS"),
	Entry("of a business system", catalog.BusinessSystem, "MO-BS"),
	Entry("of a mobile app", catalog.MobileApp, "MO-AP"),
)
