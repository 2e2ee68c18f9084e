package judge_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance/judge"
)

// sixteen makes 16 values of hashes, which serve as random bytes that are the same in each run.
func sixteen(of func(i int, random []byte) string) []string {
	var values []string
	for i := range 16 {
		sum := sha256.Sum256([]byte{byte(i)})
		values = append(values, of(i, sum[:]))
	}
	return values
}

var _ = Describe("The bound on the randomness of tokens", func() {
	DescribeTable("finds 128 bits in",
		func(values []string) { gomega.Expect(judge.RandomBits(values)).To(gomega.BeNumerically(">=", 126)) },
		Entry("16 random bytes in base64url", sixteen(func(_ int, r []byte) string { return base64.RawURLEncoding.EncodeToString(r[:16]) })),
		Entry("16 random bytes in hexadecimal", sixteen(func(_ int, r []byte) string { return hex.EncodeToString(r[:16]) })),
		Entry("random bytes behind a fixed word", sixteen(func(_ int, r []byte) string { return "token_" + base64.RawURLEncoding.EncodeToString(r[:18]) })),
	)

	DescribeTable("finds fewer in",
		func(values []string) { gomega.Expect(judge.RandomBits(values)).To(gomega.BeNumerically("<", 126)) },
		Entry("a counter", sixteen(func(i int, _ []byte) string { return fmt.Sprintf("%022d", i) })),
		Entry("8 random bytes, padded", sixteen(func(_ int, r []byte) string { return "AAAAAAAAAAAA" + base64.RawURLEncoding.EncodeToString(r[:8]) })),
		Entry("UUIDs of version 4, which have 122", sixteen(func(_ int, r []byte) string {
			return fmt.Sprintf("%x-%x-4%x-%x%x-%x", r[:4], r[4:6], r[6:8], 8+r[8]%4, r[9:11], r[11:17])[:36]
		})),
		Entry("one value again and again", sixteen(func(int, []byte) string { return "one-and-the-same-value" })),
	)

	It("counts the positions in which two values differ, the longer one's end included", func() {
		gomega.Expect(judge.Differing("abcd", "abcd")).To(gomega.Equal(0))
		gomega.Expect(judge.Differing("abcd", "abXd")).To(gomega.Equal(1))
		gomega.Expect(judge.Differing("abc", "Xbcde")).To(gomega.Equal(3))
	})
})
