package mobile_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/mobile"
)

var _ = Describe("The setup", func() {
	var section string
	BeforeEach(func() {
		profile, err := os.ReadFile("../profiles/mobile.md")
		Expect(err).NotTo(HaveOccurred())
		_, after, found := strings.Cut(string(profile), "\n## 8.")
		Expect(found).To(BeTrue())
		section, _, found = strings.Cut(after, "\n## 9.")
		Expect(found).To(BeTrue())
	})

	It("begins with the rules of section 8", func() {
		written := regexp.MustCompile(`(?s)\{"systems".*?"devices": \[.*?\]\}`).FindString(section)
		setup := mobile.Default()
		rules, err := json.Marshal(setup.Rules())
		Expect(err).NotTo(HaveOccurred())
		Expect(rules).To(MatchJSON(written))
	})

	It("has the signing key of section 8", func() {
		written := regexp.MustCompile(`(?s)\{"kty".*?\}`).FindString(section)
		key := mobile.Default().SigningKey
		public, err := json.Marshal(key.Public())
		Expect(err).NotTo(HaveOccurred())
		Expect(public).To(MatchJSON(written))
		Expect(section).To(ContainSubstring("`" + key.D + "`"))
	})

	It("has the addresses, names, secrets and keys of section 8", func() {
		s := mobile.Default()
		values := []string{s.Issuer, mobile.AddressAt(s.SecondBaseURL), mobile.AddressAt(s.SilentBaseURL), mobile.AddressAt(s.RedirectBaseURL), s.Notification(), s.DeviceUnderTest}
		for _, system := range s.Systems {
			values = append(values, system.Address(), system.ID, system.Secret, system.SealingKey.KeyID, system.SealingKey.K)
		}
		for _, account := range append(s.Administrators, s.Users...) {
			values = append(values, account.Name, account.Password)
		}
		for _, value := range values {
			Expect(section).To(ContainSubstring("`" + value + "`"))
		}
	})

	It("plays each party at an address of its own", func() {
		s := mobile.Default()
		seen := map[string]bool{}
		for _, a := range s.Addresses() {
			Expect(seen[*a.Origin]).To(BeFalse(), a.Party)
			seen[*a.Origin] = true
		}
		Expect(seen).To(HaveLen(6))
		Expect(seen[s.SilentBaseURL]).To(BeFalse())
	})
})
