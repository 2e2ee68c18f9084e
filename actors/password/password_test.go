package password_test

import (
	"bytes"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/password"
)

func TestPassword(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Keeping passwords")
}

var _ = Describe("A hashed password", func() {
	salt := func(b string) *bytes.Reader { return bytes.NewReader([]byte(strings.Repeat(b, 16))) }
	hash := func(secret, b string) password.Hash {
		h, err := password.Cheapest().Hash(secret, salt(b))
		Expect(err).NotTo(HaveOccurred())
		return h
	}

	It("matches the password that was hashed, and no other", func() {
		h := hash("correct horse", "a")
		Expect(h.Matches("correct horse")).To(BeTrue())
		for _, other := range []string{"", "correct horse ", "Correct horse", string(h)} {
			Expect(h.Matches(other)).To(BeFalse())
		}
	})

	It("differs by its salt, and says how it was made", func() {
		Expect(hash("p", "a")).NotTo(Equal(hash("p", "b")))
		Expect(string(hash("p", "a"))).To(HavePrefix("$argon2id$v=19$m=8,t=1,p=1$"))
	})

	// A test vector of the Argon2 reference implementation: printf password | argon2 somesalt -id -t 2 -m 8 -p 1 -l 32
	It("reads hashes of other makers", func() {
		other := password.Hash("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
		Expect(other.Matches("password")).To(BeTrue())
		Expect(other.Matches("Password")).To(BeFalse())
	})

	It("costs by default what RFC 9106 recommends second", func() {
		h, err := password.Cost{}.Hash("p", salt("a"))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(h)).To(HavePrefix("$argon2id$v=19$m=65536,t=3,p=4$"))
		Expect(h.Matches("p")).To(BeTrue())
	})

	DescribeTable("matches nothing when it is malformed",
		func(h string) {
			Expect(password.Hash(h).Matches("")).To(BeFalse())
			Expect(password.Hash(h).Matches("p")).To(BeFalse())
		},
		Entry("empty", ""),
		Entry("of another function", "$argon2i$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWE"),
		Entry("of another version", "$argon2id$v=16$m=8,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWE"),
		Entry("without passes", "$argon2id$v=19$m=8,t=0,p=1$YWFhYWFhYWE$YWFhYWFhYWE"),
		Entry("without a key", "$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$"),
		Entry("with a salt that is no base64", "$argon2id$v=19$m=8,t=1,p=1$*$YWFhYWFhYWE"),
	)

	It("is not made without entropy, or at a cost that cannot be", func() {
		_, err := password.Cheapest().Hash("p", bytes.NewReader(nil))
		Expect(err).To(MatchError(ContainSubstring("entropy")))
		_, err = password.Cost{Memory: 8}.Hash("p", salt("a"))
		Expect(err).To(MatchError(ContainSubstring("cost")))
	})
})
