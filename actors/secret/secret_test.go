package secret_test

import (
	"bytes"
	"math/rand/v2"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/secret"
)

var _ = Describe("A secret", func() {
	It("is drawn in URL-safe characters, and not twice", func() {
		entropy := rand.NewChaCha8([32]byte{1})
		first, err := secret.Unguessable(entropy)
		Expect(err).NotTo(HaveOccurred())
		second, err := secret.Unguessable(entropy)
		Expect(err).NotTo(HaveOccurred())
		Expect(first).To(MatchRegexp("^[A-Za-z0-9_-]{32}$"))
		Expect(second).NotTo(Equal(first))
	})

	It("is not made of too little entropy", func() {
		_, err := secret.Unguessable(bytes.NewReader(make([]byte, 23)))
		Expect(err).To(MatchError(ContainSubstring("entropy")))
	})

	It("is the same as itself only, and so is its digest", func() {
		Expect(secret.Same("a", "a")).To(BeTrue())
		Expect(secret.Same("a", "ab")).To(BeFalse())
		Expect(secret.Digest("a")).To(And(HaveLen(64), Not(Equal(secret.Digest("b"))), Not(Equal(strings.Repeat("0", 64)))))
	})
})
