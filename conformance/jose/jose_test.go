package jose_test

import (
	"bytes"
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/jose"
)

var _ = Describe("JOSE for checks", func() {
	key := jose.Key{ID: "crm-1", Secret: bytes.Repeat([]byte{7}, 32)}
	random := func(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }
	signer := func(seed byte) jose.Signer {
		GinkgoHelper()
		s, err := jose.NewSigner(random(seed), "signing-1")
		Expect(err).NotTo(HaveOccurred())
		return s
	}

	It("opens what it sealed, and nothing sealed with another key", func() {
		compact, err := jose.Seal(random(1), key, map[string]any{"aud": "crm"}, []byte("hello"))
		Expect(err).NotTo(HaveOccurred())
		header, plaintext, err := jose.Open(compact, key.Secret)
		Expect(err).NotTo(HaveOccurred())
		Expect(header).To(HaveKeyWithValue("aud", "crm"))
		Expect(header).To(HaveKeyWithValue("kid", "crm-1"))
		Expect(string(plaintext)).To(Equal("hello"))

		_, _, err = jose.Open(compact, bytes.Repeat([]byte{8}, 32))
		Expect(err).To(HaveOccurred())
	})

	It("can lie in a header, by another member and by none", func() {
		compact, err := jose.Seal(random(1), key, map[string]any{"kid": "other", "enc": nil}, []byte("hello"))
		Expect(err).NotTo(HaveOccurred())
		header, err := jose.Header(compact)
		Expect(err).NotTo(HaveOccurred())
		Expect(header).To(Equal(map[string]any{"alg": "dir", "kid": "other"}))
	})

	It("verifies what it signed, and nothing signed with another key or with none", func() {
		compact, err := signer(1).Sign(map[string]any{"typ": "dpop+jwt"}, []byte(`{"jti":"x"}`))
		Expect(err).NotTo(HaveOccurred())
		header, payload, err := jose.Verify(compact, &signer(1).Key.PublicKey)
		Expect(err).NotTo(HaveOccurred())
		Expect(header).To(Equal(map[string]any{"alg": "ES256", "kid": "signing-1", "typ": "dpop+jwt"}))
		Expect(string(payload)).To(Equal(`{"jti":"x"}`))

		_, _, err = jose.Verify(compact, &signer(2).Key.PublicKey)
		Expect(err).To(HaveOccurred())
		unsecured, err := jose.Unsecured(nil, []byte(`{"jti":"x"}`))
		Expect(err).NotTo(HaveOccurred())
		_, _, err = jose.Verify(unsecured, &signer(1).Key.PublicKey)
		Expect(err).To(HaveOccurred())
		Expect(jose.Payload(unsecured)).To(Equal([]byte(`{"jti":"x"}`)))
	})

	It("reads the public key that it wrote, and no private one", func() {
		jwk := signer(1).JWK()
		read, err := jose.PublicKey(jwk)
		Expect(err).NotTo(HaveOccurred())
		Expect(read.Equal(&signer(1).Key.PublicKey)).To(BeTrue())
		jwk["d"] = jwk["x"]
		_, err = jose.PublicKey(jwk)
		Expect(err).To(HaveOccurred())
	})
})
