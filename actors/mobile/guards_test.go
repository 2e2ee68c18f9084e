package mobile_test

import (
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
