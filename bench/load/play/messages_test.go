package play

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load/lean"
	"countersign/conformance/jose"
)

var _ = Describe("The fast reading of messages", func() {
	secret := bytes.Repeat([]byte{7}, 32)
	channelOf := func(id string) *channel {
		c, err := newChannel(id, secret)
		Expect(err).NotTo(HaveOccurred())
		return c
	}

	It("writes and reads sealed messages that the checks' library writes and reads", func() {
		c, random := channelOf("key-1"), newLots()
		for range 2 { // the second by the header that is known by then
			mine, err := c.seal(random, "status-request+jwt", []byte(`{"sub":"u"}`))
			Expect(err).NotTo(HaveOccurred())
			header, payload, err := jose.Open(string(mine), secret)
			Expect(err).NotTo(HaveOccurred())
			Expect(header).To(And(HaveKeyWithValue("typ", "status-request+jwt"), HaveKeyWithValue("kid", "key-1")))
			Expect(string(payload)).To(Equal(`{"sub":"u"}`))
			theirs, err := jose.Seal(random, jose.Key{ID: "key-1", Secret: secret}, map[string]any{"typ": "status-response+jwt"}, []byte(`{"active":true}`))
			Expect(err).NotTo(HaveOccurred())
			typ, payload, err := c.open([]byte(theirs))
			Expect(err).NotTo(HaveOccurred())
			Expect(typ).To(Equal("status-response+jwt"))
			Expect(string(payload)).To(Equal(`{"active":true}`))
		}
	})

	DescribeTable("refuses a sealed message",
		func(change func(compact string) string) {
			c := channelOf("key-1")
			compact, err := jose.Seal(newLots(), jose.Key{ID: "key-1", Secret: secret}, map[string]any{"typ": "x+jwt"}, []byte(`{}`))
			Expect(err).NotTo(HaveOccurred())
			_, _, err = c.open([]byte(compact))
			Expect(err).NotTo(HaveOccurred())
			_, _, err = c.open([]byte(change(compact)))
			Expect(err).To(HaveOccurred())
		},
		Entry("with a byte of its text changed", func(c string) string { return flip(c, 3) }),
		Entry("with a byte of its tag changed", func(c string) string { return flip(c, 4) }),
		Entry("with a byte of its vector changed", func(c string) string { return flip(c, 2) }),
		Entry("with another header", func(c string) string { return flip(c, 0) }),
		Entry("with an encrypted key", func(c string) string { return strings.Replace(c, "..", ".AAAA.", 1) }),
		Entry("with padding", func(c string) string { return c + "==" }),
		Entry("with a line break", func(c string) string { return c + "\n" }),
		Entry("with a tag that is cut", func(c string) string { return c[:len(c)-4] }),
		Entry("of four parts", func(c string) string { return c[:strings.LastIndexByte(c, '.')] }),
		Entry("under another key's name", func(string) string {
			other, err := jose.Seal(newLots(), jose.Key{ID: "key-2", Secret: secret}, map[string]any{"typ": "x+jwt"}, []byte(`{}`))
			Expect(err).NotTo(HaveOccurred())
			return other
		}),
		Entry("with zip", func(string) string {
			other, err := jose.Seal(newLots(), jose.Key{ID: "key-1", Secret: secret}, map[string]any{"typ": "x+jwt", "zip": "DEF"}, []byte(`{}`))
			Expect(err).NotTo(HaveOccurred())
			return other
		}),
		Entry("with crit", func(string) string {
			other, err := jose.Seal(newLots(), jose.Key{ID: "key-1", Secret: secret}, map[string]any{"typ": "x+jwt", "crit": []string{"b64"}}, []byte(`{}`))
			Expect(err).NotTo(HaveOccurred())
			return other
		}),
	)

	It("makes proofs and reads signed messages that the checks' library reads and makes", func() {
		key, err := newDeviceKey(newLots())
		Expect(err).NotTo(HaveOccurred())
		to, err := target("POST", "http://127.0.0.1/a")
		Expect(err).NotTo(HaveOccurred())
		line, err := key.prove(nil, to, "hash")
		Expect(err).NotTo(HaveOccurred())
		compact := strings.TrimSuffix(strings.TrimPrefix(string(line), "DPoP: "), "\r\n")
		_, payload, err := jose.Verify(compact, &key.key.PublicKey)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(payload)).To(MatchRegexp(`^\{"jti":"[A-Za-z0-9_-]{24}","htm":"POST","htu":"http://127.0.0.1/a","iat":\d+,"ath":"hash"\}$`))

		signer, err := jose.NewSigner(newLots(), "k")
		Expect(err).NotTo(HaveOccurred())
		keys := map[string]*ecdsa.PublicKey{"k": &signer.Key.PublicKey}
		signed, err := signer.Sign(map[string]any{"typ": "secevent+jwt"}, []byte(`{"a":1}`))
		Expect(err).NotTo(HaveOccurred())
		payload, err = verifyES256(signed, "secevent+jwt", keys)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(payload)).To(Equal(`{"a":1}`))

		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		unsecured, err := jose.Unsecured(map[string]any{"typ": "secevent+jwt", "kid": "k"}, []byte(`{"a":1}`))
		Expect(err).NotTo(HaveOccurred())
		critical, err := signer.Sign(map[string]any{"typ": "secevent+jwt", "crit": []string{"exp"}}, []byte(`{"a":1}`))
		Expect(err).NotTo(HaveOccurred())
		for what, c := range map[string]struct {
			compact, typ string
			keys         map[string]*ecdsa.PublicKey
		}{
			"another typ":         {signed, "address+jwt", keys},
			"another key":         {signed, "secevent+jwt", map[string]*ecdsa.PublicKey{"k": &other.PublicKey}},
			"no key of that name": {signed, "secevent+jwt", nil},
			"no signature":        {unsecured, "secevent+jwt", keys},
			"crit":                {critical, "secevent+jwt", keys},
			"a changed payload":   {flip(signed, 1), "secevent+jwt", keys},
			"a changed signature": {flip(signed, 2), "secevent+jwt", keys},
			"a line break":        {signed + "\n", "secevent+jwt", keys},
			"two parts":           {signed[:strings.LastIndexByte(signed, '.')], "secevent+jwt", keys},
			"nothing":             {"", "secevent+jwt", keys},
		} {
			_, err := verifyES256(c.compact, c.typ, c.keys)
			Expect(err).To(HaveOccurred(), what)
		}
	})

	It("reads the first form of a page, and no other", func() {
		page := readPage(&lean.Response{Body: []byte(`<!DOCTYPE html><html><head><style>form{}</style><title>&lt;form&gt;</title></head><body><input type="hidden" name="outside" value="0">
			<!-- <form action="comment"> --><FORM method="post" action="here?a=1&amp;b=2"><p>Say<input type=hidden name=token value="a&quot;b"><INPUT TYPE="Hidden" NAME="token" VALUE="c"/>
			<input name="username"><input type="password" name="password"><button name="decision" value="approve">Yes</button></form>
			<form action="there"><input type="hidden" name="other" value="1"></form></body></html>`)})
		Expect(page).To(Equal(formPage{form: true, asks: true, action: "here?a=1&b=2", values: url.Values{"token": {`a"b`, "c"}}}))
		Expect(readPage(&lean.Response{Body: []byte(`<p>No form, <input type="password">`)})).To(Equal(formPage{values: url.Values{}}))
	})
})

// flip is a compact message with the first byte of a part another.
func flip(compact string, part int) string {
	parts := strings.Split(compact, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[part])
	Expect(err).NotTo(HaveOccurred())
	raw[0] ^= 1
	parts[part] = base64.RawURLEncoding.EncodeToString(raw)
	return strings.Join(parts, ".")
}
