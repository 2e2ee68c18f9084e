package token_test

import (
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/token"
)

var _ = Describe("What was made of an issuer's keys", func() {
	It("is kept until the keys were read anew, by issuer, and a failure is not", func() {
		var kept token.Kept[int]
		count := 0
		made := func() (int, error) {
			count++
			return count, nil
		}
		of := func(issuer string, read int64) int {
			n, err := kept.Of(issuer, time.Unix(read, 0), made)
			Expect(err).NotTo(HaveOccurred())
			return n
		}
		Expect(of("https://a", 1)).To(Equal(1))
		Expect(of("https://a", 1)).To(Equal(1))
		Expect(of("https://b", 1)).To(Equal(2))
		Expect(of("https://a", 2)).To(Equal(3))
		Expect(of("https://b", 1)).To(Equal(2))

		failure := errors.New("no key")
		_, err := kept.Of("https://c", time.Unix(1, 0), func() (int, error) { return 0, failure })
		Expect(err).To(MatchError(failure))
		Expect(of("https://c", 1)).To(Equal(4))
	})
})
