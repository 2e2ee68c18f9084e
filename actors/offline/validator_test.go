package offline_test

import (
	"crypto/ed25519"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/offline"
)

var _ = Describe("A validator of countersigns", func() {
	expected := offline.Information{
		Application: offline.Application{Serial: make([]byte, 16), Handset: "handset-1", Device: "till-1", Service: "coffee", Amount: 350, Currency: "EUR"},
		Level:       1, Challenge: make([]byte, 32), IssuedAt: 1000, ExpiresAt: 1060, Issuer: issuer,
	}
	now := int64(1030)
	v := &offline.Validator{
		Key: func(handset string) (ed25519.PublicKey, bool) {
			return signer(handset).Public(), handset == "handset-1" || handset == "handset-2"
		},
		Now: func() time.Time { return time.Unix(now, 0) },
	}
	signed := func(by string, domain offline.Domain, i offline.Information) []byte {
		GinkgoHelper()
		message, err := signer(by).Sign(domain, encode(offline.Countersign{Information: i}.Fields()))
		Expect(err).NotTo(HaveOccurred())
		return message
	}
	BeforeEach(func() { now = 1030 })

	It("takes the information as the handset signed it, to its last second, and no changed byte of it", func() {
		message := signed("handset-1", offline.DomainCountersign, expected)
		now = 1060
		Expect(v.Validate(message, &expected)).To(HaveField("Information", expected))
		for i := range message {
			changed := append([]byte{}, message...)
			changed[i] ^= 1
			_, err := v.Validate(changed, &expected)
			Expect(err).To(HaveOccurred(), "byte %d", i)
		}
	})

	DescribeTable("says what is wrong",
		func(message func() []byte, at int64, fault string) {
			now = at
			_, err := v.Validate(message(), &expected)
			var said *offline.FaultError
			Expect(errors.As(err, &said)).To(BeTrue(), "%v", err)
			Expect(said.Fault).To(Equal(fault))
		},
		Entry("another handset's signature", func() []byte {
			message, err := offline.Signer{ID: "handset-1", Key: signer("handset-2").Key}.Sign(offline.DomainCountersign, encode(offline.Countersign{Information: expected}.Fields()))
			Expect(err).NotTo(HaveOccurred())
			return message
		}, int64(1030), "signature"),
		Entry("another handset's name", func() []byte { return signed("handset-2", offline.DomainCountersign, expected) }, int64(1030), "kid"),
		Entry("a signature of another domain", func() []byte { return signed("handset-1", offline.DomainInformation, expected) }, int64(1030), "signature"),
		Entry("another amount", func() []byte {
			other := expected
			other.Amount++
			return signed("handset-1", offline.DomainCountersign, other)
		}, int64(1030), "field"),
		Entry("another challenge", func() []byte {
			other := expected
			other.Challenge = append(make([]byte, 31), 1)
			return signed("handset-1", offline.DomainCountersign, other)
		}, int64(1030), "field"),
		Entry("a second too late", func() []byte { return signed("handset-1", offline.DomainCountersign, expected) }, int64(1061), "expired"),
	)

	It("takes no countersign of a handset that is not enrolled, whatever key is there", func() {
		other := expected
		other.Handset = "handset-9"
		_, err := v.Validate(signed("handset-9", offline.DomainCountersign, other), &other)
		Expect(err).To(MatchError(&offline.FaultError{Fault: "kid"}))
	})

	DescribeTable("takes nothing that is no envelope",
		func(message func(right []byte) []byte) {
			_, err := v.Validate(message(signed("handset-1", offline.DomainCountersign, expected)), &expected)
			var malformed *offline.MalformedError
			Expect(errors.As(err, &malformed)).To(BeTrue())
		},
		Entry("but a word", func([]byte) []byte { return []byte("no") }),
		Entry("but has another tag around it", func(right []byte) []byte { return append([]byte{0xd8, 61}, right...) }),
		Entry("but has another tag within its own", func(right []byte) []byte { return append([]byte{0xd2, 0xc6}, right[1:]...) }),
		Entry("but has its tag twice", func(right []byte) []byte { return append([]byte{0xd2}, right...) }),
	)
})
