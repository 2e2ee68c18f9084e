package offline_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/fxamacker/cbor/v2"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/offline"
)

var _ = Describe("Messages", func() {
	application := offline.Application{Serial: bytes.Repeat([]byte{7}, 16), Handset: "handset-1", Device: "till-1", Service: "coffee", Amount: 350, Currency: "EUR"}
	information := offline.Information{
		Application: application, Level: 2, Challenge: bytes.Repeat([]byte{8}, 32), IssuedAt: 1, ExpiresAt: 61, Issuer: issuer, SealKey: bytes.Repeat([]byte{9}, 32),
	}
	result := offline.Result{Application: application, Level: 2, Challenge: information.Challenge, IssuedAt: 1, Issuer: issuer, Verified: true}

	It("are written as the profile says", func() {
		Expect(hex.EncodeToString(encode(application.Fields()))).To(Equal(
			"a7" + "0101" + "0250" + strings.Repeat("07", 16) + "0369" + hex.EncodeToString([]byte("handset-1")) + "0466" + hex.EncodeToString([]byte("till-1")) +
				"0566" + hex.EncodeToString([]byte("coffee")) + "0619015e" + "0763455552"))
	})

	It("are read as they were written", func() {
		Expect(offline.ParseApplication(encode(application.Fields()), offline.Leniency{})).To(Equal(application))
		Expect(offline.ParseInformation(encode(information.Fields()), offline.Leniency{})).To(Equal(information))
		countersign := offline.Countersign{Information: information, SealedProof: make([]byte, 80)}
		Expect(offline.ParseCountersign(encode(countersign.Fields()), offline.Leniency{})).To(Equal(countersign))
		Expect(offline.ParseResult(encode(result.Fields()), offline.Leniency{})).To(Equal(result))
		decision := offline.Decision{Serial: application.Serial, Approved: true, Result: []byte{1}}
		Expect(offline.ParseDecision(encode(decision.Fields()), offline.Leniency{})).To(Equal(decision))
		refusal := offline.Refusal{Error: "unknown_handset"}
		Expect(offline.ParseRefusal(encode(refusal.Fields()), offline.Leniency{})).To(Equal(refusal))
	})

	with := func(key uint64, value any) []byte {
		f := application.Fields()
		f[key] = value
		return encode(f)
	}
	DescribeTable("are malformed, and at core too",
		func(data []byte) {
			for _, leniency := range []offline.Leniency{{}, offline.Core()} {
				_, err := offline.ParseApplication(data, leniency)
				var malformed *offline.MalformedError
				Expect(errors.As(err, &malformed)).To(BeTrue())
			}
		},
		Entry("empty", []byte{}),
		Entry("null", []byte{0xf6}),
		Entry("an array", []byte{0x80}),
		Entry("with bytes after the item", append(encode(application.Fields()), 0)),
		Entry("cut short", encode(application.Fields())[:20]),
		Entry("of another type", with(1, uint64(2))),
		Entry("with a serial of 15 bytes", with(2, make([]byte, 15))),
		Entry("with a serial that is text", with(2, "0123456789abcdef")),
		Entry("with a serial that is an array of numbers", with(2, cbor.RawMessage(append([]byte{0x90}, make([]byte, 16)...)))),
		Entry("with an empty handset", with(3, "")),
		Entry("with a handset of 33 bytes", with(3, strings.Repeat("h", 33))),
		Entry("with a handset that is no UTF-8", with(3, cbor.RawMessage{0x61, 0xff})),
		Entry("with an amount that is text", with(6, "350")),
		Entry("with an amount below nothing", with(6, int64(-1))),
		Entry("with an amount that has a point", with(6, 3.5)),
		Entry("with an amount of 2^53", with(6, uint64(1)<<53)),
		Entry("with an amount that is null", with(6, nil)),
		Entry("with an amount as a big number", with(6, cbor.RawMessage{0xc2, 0x41, 5})),
		Entry("with a currency in small letters", with(7, "eur")),
		Entry("with a currency of four letters", with(7, "EURO")),
	)

	It("lack no key", func() {
		for key := uint64(1); key <= 7; key++ {
			f := application.Fields()
			delete(f, key)
			_, err := offline.ParseApplication(encode(f), offline.Core())
			Expect(err).To(HaveOccurred())
		}
	})

	right := hex.EncodeToString(encode(application.Fields()))
	DescribeTable("have one fault that one leniency lets pass",
		func(data string, its offline.Leniency) {
			raw, err := hex.DecodeString(data)
			Expect(err).NotTo(HaveOccurred())
			for _, leniency := range []offline.Leniency{{AnyEncoding: true}, {DuplicateKeys: true}, {UnknownKeys: true}, {AmountMayLack: true}, {}} {
				_, err := offline.ParseApplication(raw, leniency)
				if leniency == its {
					Expect(err).NotTo(HaveOccurred())
				} else {
					Expect(err).To(HaveOccurred())
				}
			}
		},
		Entry("an amount in eight bytes", strings.Replace(right, "19015e", "1b000000000000015e", 1), offline.Leniency{AnyEncoding: true}),
		Entry("a length in two bytes", strings.Replace(right, "0369", "037809", 1), offline.Leniency{AnyEncoding: true}),
		Entry("a map without a length", "bf"+right[2:]+"ff", offline.Leniency{AnyEncoding: true}),
		Entry("text in pieces", strings.Replace(right, "0763455552", "077f6345555260ff", 1), offline.Leniency{AnyEncoding: true}),
		Entry("keys out of order", "a7"+strings.Replace(right, "0101", "", 1)[2:]+"0101", offline.Leniency{AnyEncoding: true}),
		Entry("a key in two bytes", strings.Replace(right, "0619015e", "180619015e", 1), offline.Leniency{AnyEncoding: true}),
		Entry("a key that comes twice", "a8"+strings.Replace(right, "0619015e", "06010619015e", 1)[2:], offline.Leniency{DuplicateKeys: true}),
		Entry("a key of another message", "a8"+right[2:]+"0801", offline.Leniency{UnknownKeys: true}),
		Entry("a key that is text", "a8"+right[2:]+"616101", offline.Leniency{UnknownKeys: true}),
		Entry("a key below nothing with a map as value", "a8"+right[2:]+"20a10102", offline.Leniency{UnknownKeys: true}),
		Entry("an amount that is missing", "a6"+strings.Replace(right, "0619015e", "", 1)[2:], offline.Leniency{AmountMayLack: true}),
	)

	It("take the last of several keys where they are lenient", func() {
		raw, err := hex.DecodeString("a8" + strings.Replace(right, "0619015e", "06010619015e", 1)[2:])
		Expect(err).NotTo(HaveOccurred())
		Expect(offline.ParseApplication(raw, offline.Leniency{DuplicateKeys: true})).To(HaveField("Amount", uint64(350)))
	})

	It("have a seal key at level 2 and there only", func() {
		low := information
		low.Level = 1
		_, err := offline.ParseInformation(encode(low.Fields()), offline.Core())
		Expect(err).To(MatchError(ContainSubstring("seal_key")))
		high := information
		high.SealKey = nil
		_, err = offline.ParseInformation(encode(high.Fields()), offline.Core())
		Expect(err).To(MatchError(ContainSubstring("seal_key")))
	})

	It("have one proof at most", func() {
		both := offline.Countersign{Information: information, Proof: make([]byte, 32), SealedProof: make([]byte, 80)}
		_, err := offline.ParseCountersign(encode(both.Fields()), offline.Core())
		Expect(err).To(MatchError(ContainSubstring("exclude")))
	})

	Describe("in envelopes", func() {
		payload := []byte{0xa0}
		It("hold in their domain, under their key, only", func() {
			data := signedAs("handset-1", offline.DomainCountersign, payload)
			Expect(hex.EncodeToString(data)).To(HavePrefix("d2844ea201270449" + hex.EncodeToString([]byte("handset-1")) + "a041a05840"))
			e, err := offline.ParseEnvelope(data, offline.Leniency{})
			Expect(err).NotTo(HaveOccurred())
			Expect(e.IsEdDSA()).To(BeTrue())
			id, there := e.KeyID()
			Expect(there).To(BeTrue())
			Expect(id).To(Equal("handset-1"))
			Expect(e.Holds(offline.DomainCountersign, signer("handset-1").Public())).To(BeTrue())
			Expect(e.Holds(offline.DomainResult, signer("handset-1").Public())).To(BeFalse())
			Expect(e.Holds("", signer("handset-1").Public())).To(BeFalse())
			Expect(e.Holds(offline.DomainCountersign, signer("handset-2").Public())).To(BeFalse())
			Expect(e.Holds(offline.DomainCountersign, nil)).To(BeFalse())
		})

		DescribeTable("may have any algorithm, kid and signature",
			func(data string, isEdDSA, hasKeyID bool) {
				raw, err := hex.DecodeString(data)
				Expect(err).NotTo(HaveOccurred())
				e, err := offline.ParseEnvelope(raw, offline.Leniency{})
				Expect(err).NotTo(HaveOccurred())
				Expect(e.IsEdDSA()).To(Equal(isEdDSA))
				_, there := e.KeyID()
				Expect(there).To(Equal(hasKeyID))
				Expect(e.Holds(offline.DomainCountersign, signer("handset-1").Public())).To(BeFalse())
			},
			Entry("both", "d28446a2012704416aa041a041ff", true, true),
			Entry("another algorithm", "d28446a2012604416aa041a041ff", false, true),
			Entry("an algorithm by name", "d28444a1016161a041a041ff", false, false),
			Entry("no kid", "d28443a10127a041a041ff", true, false),
			Entry("a kid that is text", "d28446a2012704616aa041a041ff", true, false),
			Entry("neither", "d28441a0a041a041ff", false, false),
			Entry("neither, written as nothing", "d28440a041a041ff", false, false),
			Entry("no signature", "d28443a10127a041a040", true, false),
		)

		DescribeTable("are malformed",
			func(data string) {
				raw, err := hex.DecodeString(data)
				Expect(err).NotTo(HaveOccurred())
				_, err = offline.ParseEnvelope(raw, offline.Leniency{})
				Expect(err).To(HaveOccurred())
			},
			Entry("untagged", "8443a10127a041a041ff"),
			Entry("under another tag", "d18443a10127a041a041ff"),
			Entry("of three parts", "d28343a10127a041a0"),
			Entry("of five parts", "d28543a10127a041a041ff41ff"),
			Entry("with an unprotected header", "d28443a10127a1044141"+"41a041ff"),
			Entry("with an unprotected header that is null", "d28443a10127f641a041ff"),
			Entry("with a protected header that is a map", "d284a10127a041a041ff"),
			Entry("with a protected header that holds a number", "d2844101a041a041ff"),
			Entry("with a protected header that holds two maps", "d28442a0a0a041a041ff"),
			Entry("with a payload that is nil", "d28443a10127a0f641ff"),
			Entry("with a signature that is text", "d28443a10127a041a061ff"),
			Entry("with bytes behind", "d28443a10127a041a041ff00"),
			Entry("with a tag in two bytes", "d8128443a10127a041a041ff"),
			Entry("that says of itself that it is CBOR", "d9d9f7d28443a10127a041a041ff"),
			Entry("with a protected header that is not deterministic", "d28444a1013807a041a041ff"),
			Entry("with a parameter that nobody knows", "d28445a201270500a041a041ff"),
		)
	})

	Describe("with proofs", func() {
		private := seed("seal-1")
		It("are sealed so that the standard library opens them", func() {
			public, err := offline.SealPublic(private)
			Expect(err).NotTo(HaveOccurred())
			reference, err := ecdh.X25519().NewPrivateKey(private)
			Expect(err).NotTo(HaveOccurred())
			Expect(public).To(Equal(reference.PublicKey().Bytes()))
			sealed, err := offline.SealProof(bytes.NewReader(make([]byte, 32)), public, make([]byte, 32), offline.Seal([]byte("bound")))
			Expect(err).NotTo(HaveOccurred())
			Expect(sealed).To(HaveLen(80))
			key, err := hpke.NewDHKEMPrivateKey(reference)
			Expect(err).NotTo(HaveOccurred())
			recipient, err := hpke.NewRecipient(sealed[:32], key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte("countersign/offline@1/password\x00bound"))
			Expect(err).NotTo(HaveOccurred())
			Expect(recipient.Open(nil, sealed[32:])).To(Equal(make([]byte, 32)))
			Expect(offline.OpenProof(private, sealed, offline.Seal([]byte("bound")))).To(Equal(make([]byte, 32)))
			_, err = offline.OpenProof(private, sealed, offline.Seal([]byte("other")))
			Expect(err).To(HaveOccurred())
			_, err = offline.OpenProof(private, sealed[:20], offline.Seal(nil))
			Expect(err).To(HaveOccurred())
		})

		It("are bound to all that the countersign says but the proof", func() {
			c := offline.Countersign{Information: information}
			before, err := c.Bound()
			Expect(err).NotTo(HaveOccurred())
			c.SealedProof = make([]byte, 80)
			Expect(c.Bound()).To(Equal(before))
			c.Amount++
			Expect(c.Bound()).NotTo(Equal(before))
		})

		It("are made of a key that scrypt derives (RFC 7914 section 12)", func() {
			key, err := offline.PasswordKey("pleaseletmein", []byte("SodiumChloride"), 0)
			Expect(err).NotTo(HaveOccurred())
			Expect(hex.EncodeToString(key)).To(Equal("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"))
		})
	})
})
