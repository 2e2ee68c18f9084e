package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"math/rand/v2"
	"strings"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/token"
)

// seeded is a random source that gives the same bytes each time.
func seeded(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

var key = token.Key{ID: "crm-1", Secret: bytes.Repeat([]byte{7}, 32)}

// change gives the compact token with one character of one part changed.
func change(compact string, part int) string {
	split := strings.Split(compact, ".")
	first := byte('A')
	if split[part][0] == first {
		first = 'B'
	}
	split[part] = string(first) + split[part][1:]
	return strings.Join(split, ".")
}

var _ = Describe("A sealed token", func() {
	It("opens with its key, and go-jose opens it too", func() {
		compact, err := token.Seal(seeded(1), key, map[string]any{"typ": "sealed+jwt", "aud": "crm"}, []byte("hello"))
		Expect(err).NotTo(HaveOccurred())
		sealed, err := token.ParseSealed(compact)
		Expect(err).NotTo(HaveOccurred())
		Expect(sealed.KeyID()).To(Equal("crm-1"))
		Expect(sealed.Header).To(HaveKeyWithValue("aud", "crm"))
		Expect(sealed.Open(key.Secret)).To(Equal([]byte("hello")))

		theirs, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
		Expect(err).NotTo(HaveOccurred())
		Expect(theirs.Decrypt(key.Secret)).To(Equal([]byte("hello")))
	})

	It("is opened when go-jose made it", func() {
		encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key.Secret}, nil)
		Expect(err).NotTo(HaveOccurred())
		made, err := encrypter.Encrypt([]byte("hello"))
		Expect(err).NotTo(HaveOccurred())
		compact, err := made.CompactSerialize()
		Expect(err).NotTo(HaveOccurred())
		sealed, err := token.ParseSealed(compact)
		Expect(err).NotTo(HaveOccurred())
		Expect(sealed.Open(key.Secret)).To(Equal([]byte("hello")))
	})

	It("has the same bytes for the same randomness, and others for other", func() {
		seal := func(seed byte) string {
			compact, err := token.Seal(seeded(seed), key, map[string]any{"aud": "crm"}, []byte("hello"))
			Expect(err).NotTo(HaveOccurred())
			return compact
		}
		Expect(seal(1)).To(Equal(seal(1)))
		Expect(seal(1)).NotTo(Equal(seal(2)))
	})

	DescribeTable("stays shut when anything of it is changed", func(part int) {
		compact, err := token.Seal(seeded(1), key, nil, []byte("hello"))
		Expect(err).NotTo(HaveOccurred())
		sealed, err := token.ParseSealed(change(compact, part))
		if err == nil {
			_, err = sealed.Open(key.Secret)
		}
		Expect(err).To(HaveOccurred())
	},
		Entry("the header", 0), Entry("the initialization vector", 2), Entry("the ciphertext", 3), Entry("the tag", 4))

	It("stays shut for another key", func() {
		compact, err := token.Seal(seeded(1), key, nil, []byte("hello"))
		Expect(err).NotTo(HaveOccurred())
		sealed, err := token.ParseSealed(compact)
		Expect(err).NotTo(HaveOccurred())
		_, err = sealed.Open(bytes.Repeat([]byte{8}, 32))
		Expect(err).To(MatchError(token.ErrNotOpened))
	})

	DescribeTable("is not opened when its header asks for what the profile does not have",
		func(header string) { // which its seal is over
			sealed, err := token.ParseSealed(sealedAs(header, "hello"))
			Expect(err).NotTo(HaveOccurred())
			_, err = sealed.Open(key.Secret)
			Expect(err).To(MatchError(token.ErrNotOpened))
		},
		Entry("no algorithm", `{"enc":"A256GCM"}`),
		Entry("another algorithm", `{"alg":"A256KW","enc":"A256GCM"}`),
		Entry("another encryption", `{"alg":"dir","enc":"A128GCM"}`),
		Entry("compression", `{"alg":"dir","enc":"A256GCM","zip":"DEF"}`),
		Entry("a critical extension", `{"alg":"dir","enc":"A256GCM","crit":["exp"]}`),
	)

	It("is not opened when a key comes with it", func() {
		compact := sealedAs(`{"alg":"dir","enc":"A256GCM"}`, "hello")
		sealed, err := token.ParseSealed(compact)
		Expect(err).NotTo(HaveOccurred())
		Expect(sealed.Open(key.Secret)).To(Equal([]byte("hello")))
		sealed, err = token.ParseSealed(strings.Replace(compact, "..", ".AAAA.", 1))
		Expect(err).NotTo(HaveOccurred())
		_, err = sealed.Open(key.Secret)
		Expect(err).To(MatchError(token.ErrNotOpened))
	})

	DescribeTable("is refused when it is no compact JWE", func(compact string) {
		_, err := token.ParseSealed(compact)
		Expect(err).To(BeAssignableToTypeOf(&token.MalformedError{}))
	},
		Entry("nothing", ""),
		Entry("three parts", "e30.e30.e30"),
		Entry("a header that is no object", "W10..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"),
		Entry("a header that is null", "bnVsbA..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"),
		Entry("a short initialization vector", "e30..AAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"),
		Entry("a short tag", "e30..AAAAAAAAAAAAAAAA.AA.AAAA"),
		Entry("a second spelling of the same bytes", "e31..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"),
		Entry("a line break", "e30..AAAA\nAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"),
		Entry("more than there is room for", strings.Repeat("A", token.MaxLength+1)),
	)
})

var _ = Describe("A signed token", func() {
	signer := func(seed byte) token.Signer {
		GinkgoHelper()
		s, err := token.NewSigner(seeded(seed), "signing-1")
		Expect(err).NotTo(HaveOccurred())
		return s
	}

	It("verifies with its key, and go-jose says so too", func() {
		compact, err := signer(1).Sign(map[string]any{"typ": "address+jwt"}, []byte(`{"iss":"x"}`))
		Expect(err).NotTo(HaveOccurred())
		signed, err := token.ParseSigned(compact)
		Expect(err).NotTo(HaveOccurred())
		Expect(signed.KeyID()).To(Equal("signing-1"))
		Expect(signed.Payload).To(Equal([]byte(`{"iss":"x"}`)))
		Expect(signed.Verify(&signer(1).Key.PublicKey)).To(Succeed())

		theirs, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
		Expect(err).NotTo(HaveOccurred())
		Expect(theirs.Verify(&signer(1).Key.PublicKey)).To(Equal([]byte(`{"iss":"x"}`)))
	})

	It("has the same bytes each time", func() {
		first, err := signer(1).Sign(nil, []byte("x"))
		Expect(err).NotTo(HaveOccurred())
		Expect(signer(1).Sign(nil, []byte("x"))).To(Equal(first))
	})

	DescribeTable("does not verify when anything of it is changed", func(part int) {
		compact, err := signer(1).Sign(map[string]any{"typ": "address+jwt"}, []byte(`{"iss":"x"}`))
		Expect(err).NotTo(HaveOccurred())
		signed, err := token.ParseSigned(change(compact, part))
		if err == nil {
			err = signed.Verify(&signer(1).Key.PublicKey)
		}
		Expect(err).To(HaveOccurred())
	}, Entry("the header", 0), Entry("the payload", 1), Entry("the signature", 2))

	It("does not verify with another key, nor without a signature", func() {
		compact, err := signer(1).Sign(nil, []byte("x"))
		Expect(err).NotTo(HaveOccurred())
		signed, err := token.ParseSigned(compact)
		Expect(err).NotTo(HaveOccurred())
		Expect(signed.Verify(&signer(2).Key.PublicKey)).To(MatchError(token.ErrNotSigned))

		none, err := token.ParseSigned(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + ".eA.")
		Expect(err).NotTo(HaveOccurred())
		Expect(none.Verify(&signer(1).Key.PublicKey)).To(MatchError(token.ErrNotSigned))
	})

	It("has a key that travels as a JSON Web Key, with the thumbprint of RFC 7638", func() {
		read, err := token.PublicKey(signer(1).JWK())
		Expect(err).NotTo(HaveOccurred())
		Expect(read.Equal(&signer(1).Key.PublicKey)).To(BeTrue())
		Expect(token.Thumbprint(read)).To(Equal(signer(1).Thumbprint()))
		Expect(signer(1).Thumbprint()).NotTo(Equal(signer(2).Thumbprint()))
	})

	DescribeTable("takes no key that is not a public key of P-256", func(jwk func() map[string]any) {
		_, err := token.PublicKey(jwk())
		Expect(err).To(HaveOccurred())
	},
		Entry("nothing", func() map[string]any { return nil }),
		Entry("a private key", func() map[string]any {
			return withPrivate(signer(1))
		}),
		Entry("a symmetric key", func() map[string]any { return map[string]any{"kty": "oct", "k": "AAAA"} }),
		Entry("a point off the curve", func() map[string]any {
			jwk := signer(1).JWK()
			jwk["y"] = signer(2).JWK()["y"]
			return jwk
		}),
	)
})

func withPrivate(s token.Signer) map[string]any {
	jwk := s.JWK()
	raw, err := (*ecdsa.PrivateKey)(s.Key).Bytes()
	Expect(err).NotTo(HaveOccurred())
	jwk["d"] = base64.RawURLEncoding.EncodeToString(raw)
	return jwk
}
