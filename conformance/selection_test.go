package conformance_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// sample is one check each of several roles, levels and keywords; its run is set by the spec.
func sample() []conformance.Check {
	return []conformance.Check{
		{ID: "BI-OS-01", Role: catalog.OAuthServer}, {ID: "BI-OS-05", Role: catalog.OAuthServer}, {ID: hardened(), Role: catalog.OAuthServer},
		{ID: "BI-RS-01", Role: catalog.ResourceServer}, {ID: both(), Role: catalog.ClientInitiating}, {ID: both(), Role: catalog.ClientReceiving},
	}
}

// hardened is a requirement of the OAuth server that level core does not ask for.
func hardened() catalog.ID {
	return find(func(r catalog.Requirement) bool { return r.Level == catalog.Hardened && r.For(catalog.OAuthServer) })
}

// both is a requirement that binds both clients.
func both() catalog.ID {
	return find(func(r catalog.Requirement) bool {
		return r.For(catalog.ClientInitiating) && r.For(catalog.ClientReceiving)
	})
}

// must is a requirement of the OAuth server that is a MUST.
func must() catalog.ID {
	return find(func(r catalog.Requirement) bool { return r.Keyword == catalog.Must && r.For(catalog.OAuthServer) })
}

func find(wanted func(catalog.Requirement) bool) catalog.ID {
	GinkgoHelper()
	for _, c := range catalog.Catalogs() {
		for _, r := range c.Requirements {
			if wanted(r) {
				return r.ID
			}
		}
	}
	Fail("the catalogue has no such requirement")
	return ""
}

func names(checks []conformance.Check) []string {
	out := []string{}
	for _, c := range checks {
		out = append(out, c.Name())
	}
	return out
}

var _ = Describe("A selection", func() {
	os, rs := func(number string) string { return "BI-OS-" + number }, "BI-RS-01"
	initiating, receiving := string(both())+"@client-initiating", string(both())+"@client-receiving"

	DescribeTable("chooses",
		func(s conformance.Selection, expected ...string) {
			chosen, err := s.Select(sample())
			Expect(err).NotTo(HaveOccurred())
			Expect(names(chosen)).To(Equal(expected))
		},
		Entry("all of level hardened when it says nothing", conformance.Selection{}, os("01"), os("05"), string(hardened()), rs, initiating, receiving),
		Entry("less at level core", conformance.Selection{Level: catalog.Core, Roles: []catalog.Role{catalog.OAuthServer}}, os("01"), os("05")),
		Entry("one role", conformance.Selection{Roles: []catalog.Role{catalog.ResourceServer}}, rs),
		Entry("both clients by their short name", conformance.Selection{Roles: []catalog.Role{"client"}}, initiating, receiving),
		Entry("one client", conformance.Selection{Roles: []catalog.Role{catalog.ClientReceiving}}, receiving),
		Entry("several roles, in the order of the checks", conformance.Selection{Roles: []catalog.Role{"client", catalog.ResourceServer}}, rs, initiating, receiving),
		Entry("by ID", conformance.Selection{Only: []string{"BI-OS-05"}}, os("05")),
		Entry("by the beginning of an ID", conformance.Selection{Level: catalog.Core, Only: []string{"BI-OS"}}, os("01"), os("05")),
		Entry("each check once, though two words match it", conformance.Selection{Only: []string{"BI-OS-05", "BI-OS-0"}, Level: catalog.Core}, os("01"), os("05")),
		Entry("by an ID that binds two roles", conformance.Selection{Only: []string{string(both())}}, initiating, receiving),
		Entry("by name with the role behind it", conformance.Selection{Only: []string{receiving}}, receiving),
	)

	DescribeTable("refuses",
		func(s conformance.Selection, message string) {
			_, err := s.Select(sample())
			Expect(err).To(BeAssignableToTypeOf(&conformance.NoSuchCheckError{}))
			Expect(err).To(MatchError(message + ": `countersign list checks` names them all"))
		},
		Entry("a word that matches nothing, though others match", conformance.Selection{Only: []string{"BI-OS", "NOSUCH"}}, `no check matches "NOSUCH" among those of the chosen level and roles`),
		Entry("a check of another role", conformance.Selection{Roles: []catalog.Role{catalog.ResourceServer}, Only: []string{"BI-OS-05"}}, `no check matches "BI-OS-05" among those of the chosen level and roles`),
		Entry("a check of another level", conformance.Selection{Level: catalog.Core, Only: []string{string(hardened())}}, `no check matches "`+string(hardened())+`" among those of the chosen level and roles`),
		Entry("a role that there is not, though others are", conformance.Selection{Roles: []catalog.Role{catalog.OAuthServer, "server"}}, `no check matches the role "server"`),
		Entry("the beginning of a role", conformance.Selection{Roles: []catalog.Role{"oauth"}}, `no check matches the role "oauth"`),
	)
})
