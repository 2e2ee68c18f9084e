package offline

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"

	"github.com/fxamacker/cbor/v2"
	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"github.com/veraison/go-cose"
)

// someone is a signer whose key is of the setup's making.
func someone(id string) signer {
	key, err := KeyOf(id).Ed25519()
	gomega.Expect(err).NotTo(gomega.HaveOccurred())
	return signer{id, key}
}

// lenient reads what is well-formed, deterministic or not.
var lenient = must(cbor.DecOptions{}.DecMode())

var _ = Describe("The harness's messages", func() {
	serial, challenge := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 32)
	private, err := KeyOf("seal-1").Bytes()
	if err != nil {
		panic(err)
	}
	sealKey := must(sealPublic(private))
	asked := newApplication(serial, "handset-1", "till-1", "coffee", 350, "EUR")
	low, high := newInformation(asked, challenge, 100, 160, "http://s.example", nil), newInformation(asked, challenge, 100, 160, "http://s.example", sealKey)

	DescribeTable("read as they were written",
		func(f fields, message uint64) {
			gomega.Expect(readMessage(f.encode(), message)).To(gomega.Equal(f))
			for _, key := range []uint64{keyType, keyVerified} {
				_, err := readMessage(f.with(key, "text").encode(), message)
				gomega.Expect(err).To(gomega.HaveOccurred())
			}
			_, err := readMessage(append(f.encode(), 0), message)
			gomega.Expect(err).To(gomega.HaveOccurred(), "something comes after it")
		},
		Entry("an application", asked, typeApplication),
		Entry("information at level 1", low, typeInformation),
		Entry("information at level 2", high, typeInformation),
		Entry("a countersign", newCountersign(high).with(keySealedProof, make([]byte, 80)), typeCountersign),
		Entry("a decision", newDecision(serial, false, []byte{0xd2}, "not_verified"), typeDecision),
		Entry("a result", newResult(high, 130, true), typeResult),
		Entry("a refusal", newRefusal("serial_used", serial), typeRefusal),
	)

	It("are encoded as RFC 8949 section 4.2.1 has it", func() {
		gomega.Expect(hex.EncodeToString(asked.encode())).To(gomega.Equal("a7" + "0101" + "0250" + hex.EncodeToString(serial) + "0369" + hex.EncodeToString([]byte("handset-1")) +
			"0466" + hex.EncodeToString([]byte("till-1")) + "0566" + hex.EncodeToString([]byte("coffee")) + "0619015e" + "0763455552"))
		gomega.Expect(rawMap(asked.entries())).To(gomega.Equal(asked.encode()))
	})

	It("can be encoded badly without saying anything else", func() {
		for _, bad := range asked.badEncodings() {
			gomega.Expect(bad.data).NotTo(gomega.Equal(asked.encode()), bad.what)
			_, err := readMessage(bad.data, typeApplication)
			gomega.Expect(err).To(gomega.HaveOccurred(), bad.what)
			var read map[uint64]any
			gomega.Expect(lenient.Unmarshal(bad.data, &read)).To(gomega.Succeed(), bad.what)
			gomega.Expect(fields(read)).To(gomega.Equal(asked), bad.what)
		}
		for _, first := range []bool{true, false} {
			_, err := readMessage(asked.doubled(keyAmount, uint64(7), first), typeApplication)
			gomega.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("duplicate")))
		}
	})

	It("are signed as another library reads it", func() {
		s := someone("handset-1")
		data := s.sign(domainCountersign, newCountersign(low))
		var read cose.Sign1Message
		gomega.Expect(read.UnmarshalCBOR(data)).To(gomega.Succeed())
		verifier, err := cose.NewVerifier(cose.AlgorithmEdDSA, s.public())
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(read.Verify([]byte(domainCountersign), verifier)).To(gomega.Succeed())
		gomega.Expect(read.Verify([]byte(domainResult), verifier)).NotTo(gomega.Succeed())

		e, err := openEnvelope(data)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(e.kid()).To(gomega.Equal("handset-1"))
		gomega.Expect(e.holds(domainCountersign, s.public())).To(gomega.BeTrue())
		gomega.Expect(e.holds(domainInformation, s.public())).To(gomega.BeFalse())
		gomega.Expect(e.holds(domainCountersign, someone("handset-2").public())).To(gomega.BeFalse())
		gomega.Expect(e.holds(domainCountersign, ed25519.PublicKey{})).To(gomega.BeFalse())
	})

	It("lie where a check wants them to, and are read as lies", func() {
		s := someone("server-1")
		honest := s.envelope(domainResult, newResult(low, 130, true).encode())
		untagged, unprotected := honest, honest
		untagged.untagged, unprotected.unprotected = true, []byte{0xa1, 0x04, 0x40}
		for _, lie := range []envelope{untagged, unprotected} {
			_, err := openEnvelope(lie.encode())
			gomega.Expect(err).To(gomega.HaveOccurred())
		}
		for _, header := range [][]byte{nil, protectedHeader(nil, nil), protectedHeader(algorithmES256, []byte("server-1")), protectedHeader(algorithmEdDSA, "server-1")} {
			lie, err := openEnvelope(s.under(header, domainResult, honest.payload).encode())
			gomega.Expect(err).NotTo(gomega.HaveOccurred())
			gomega.Expect(lie.holds(domainResult, s.public())).To(gomega.BeTrue())
			_, err = lie.kid()
			gomega.Expect(err).To(gomega.HaveOccurred())
		}
	})

	It("carry proofs that open with the seal's private key under the same bound bytes alone", func() {
		key := bytes.Repeat([]byte{7}, 32)
		c, err := withProof(bytes.NewReader(make([]byte, 64)), newCountersign(high), key)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(readMessage(c.encode(), typeCountersign)).To(gomega.Equal(c))
		gomega.Expect(openSealed(private, c.bytes(keySealedProof), sealInfo(bound(c)))).To(gomega.Equal(proofFor(key, bound(newCountersign(high)))))
		_, err = openSealed(private, c.bytes(keySealedProof), sealInfo(nil))
		gomega.Expect(err).To(gomega.HaveOccurred())
	})

	It("make the password key as RFC 7914 has it, with the profile's parameters", func() {
		gomega.Expect(hex.EncodeToString(passwordKey("open sesame", bytes.Repeat([]byte{3}, 16)))).To(gomega.Equal("eb817267f86d4922ac684567d4365d7c9c2b1cf8278c30ed92c627e6ad945f01"))
	})
})
