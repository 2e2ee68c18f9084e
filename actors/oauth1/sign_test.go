package oauth1_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing/iotest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/oauth1"
)

var _ = Describe("Signing a request", func() {
	request := func(method, uri, form string) *http.Request {
		GinkgoHelper()
		r := must(http.NewRequest(method, uri, strings.NewReader(form)))
		if form != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return r
	}
	delivered := func(r *http.Request) *oauth1.Message {
		GinkgoHelper()
		return parse(received(NewWithT(GinkgoT()), r))
	}

	It("uses HMAC-SHA256 unless told otherwise, with the signer's clock and entropy", func() {
		r := request("GET", "https://photos.example.net/photos?file=vacation.jpg", "")
		Expect(signing("").Sign(r)).To(Succeed())
		m := delivered(r)
		Expect(m.Verify(held())).To(Succeed())
		Expect(m.SignatureMethod).To(Equal("HMAC-SHA256"))
		Expect(m.Timestamp).To(Equal("137131202"))
		Expect(m.Nonce).To(Equal("656e74726f70792e656e74726f70792e"))
		Expect(m.Transports).To(Equal([]oauth1.Transport{oauth1.InHeader}))
		Expect(m.Duplicated).To(BeEmpty())
	})

	It("returns the signature that it has put into the request", func() {
		r := request("GET", "https://photos.example.net/photos?file=vacation.jpg", "")
		signature, err := signing("").Signature(r)
		Expect(err).NotTo(HaveOccurred())
		Expect(delivered(r).Signature).To(Equal(signature))
	})

	It("makes MACs of other texts under the same keys, as OpenSSL does", func() {
		Expect(oauth1.Keys{ClientSecret: "handover-key-a"}.MAC("receipt&OiGzR3Y%2BG9NZYSuRyiLU21gNzGisRUAa4G60WXh9oro%3D")).To(Equal("qXqpl0yU8iL2RCBLtlA0qtlT8v/xHKjOISukTw/u/E4="))
	})

	It("makes a fresh nonce for every request", func() {
		s := signing(oauth1.HMACSHA1)
		s.Entropy = strings.NewReader("0123456789abcdefFEDCBA9876543210")
		first, second := request("GET", "http://example.com/", ""), request("GET", "http://example.com/", "")
		Expect(s.Sign(first)).To(Succeed())
		Expect(s.Sign(second)).To(Succeed())
		Expect(delivered(first).Nonce).NotTo(Equal(delivered(second).Nonce))
	})

	It("leaves oauth_token out when there is none, and carries callback and realm", func() {
		s := signing(oauth1.HMACSHA1)
		s.Token, s.TokenSecret, s.Realm = "", "", `Photos "of" \ Jane`
		r := request("POST", "http://photos.example.net/initiate", "")
		Expect(s.Sign(r, oauth1.Param{Name: "oauth_callback", Value: "http://printer.example.com/ready?a=b&c"})).To(Succeed())
		m := delivered(r)
		Expect(m.Has("oauth_token")).To(BeFalse())
		Expect(m.Callback).To(Equal("http://printer.example.com/ready?a=b&c"))
		Expect(m.Realm).To(Equal(`Photos "of" \ Jane`))
		Expect(m.Verify(oauth1.Keys{ClientSecret: s.ClientSecret})).To(Succeed())
	})

	DescribeTable("covers what the client really sends",
		func(uri, host string) {
			r := request("GET", uri, "")
			r.Host = host
			Expect(signing(oauth1.HMACSHA256).Sign(r)).To(Succeed())
			Expect(delivered(r).Verify(held())).To(Succeed())
		},
		Entry("a URI without path", "http://example.com", ""),
		Entry("a default port", "https://Example.com:443/a", ""),
		Entry("another port", "http://example.com:8443/a", ""),
		Entry("an encoded path", "http://example.com/a%2Fb/%C3%A9/é ü", ""),
		Entry("a host in Unicode", "http://bücher.example/", ""),
		Entry("a Host field that differs from the URI", "http://127.0.0.1:8080/a", "photos.example.net"),
		Entry("a scheme in upper case", "HTTPS://example.com/a", ""),
		Entry("odd queries", "http://example.com/?a=1&a&=&b=%20+%2B&&é=ü;x", ""),
		Entry("an IPv6 host", "http://[::1]:8080/", ""),
	)

	It("covers a form body, leaves it in place and lets the client send it again", func() {
		r := request("POST", "http://example.com/p?a=1", "a=2+3&b")
		r.Body, r.GetBody = io.NopCloser(strings.NewReader("a=2+3&b")), nil // a body that can be read once
		Expect(signing(oauth1.HMACSHA1).Sign(r)).To(Succeed())
		again := must(r.GetBody())
		Expect(string(must(io.ReadAll(again)))).To(Equal("a=2+3&b"))
		m := delivered(r)
		Expect(m.Verify(held())).To(Succeed())
		Expect(m.Params).To(ContainElements(oauth1.Param{Name: "a", Value: "2 3"}, oauth1.Param{Name: "a", Value: "1"}))
	})

	It("does not cover a body of another type", func() {
		r := request("POST", "http://example.com/p", `{"a":1}`)
		r.Header.Set("Content-Type", "application/json")
		Expect(signing(oauth1.HMACSHA1).Sign(r)).To(Succeed())
		got := received(NewWithT(GinkgoT()), r)
		Expect(parse(got).Verify(held())).To(Succeed())
		Expect(body(got)).To(Equal(`{"a":1}`))
	})

	It("replaces an Authorization header that is there", func() {
		r := request("GET", "http://example.com/p", "")
		r.Header = nil
		Expect(signing(oauth1.HMACSHA1).Sign(r)).To(Succeed())
		Expect(signing(oauth1.Plaintext).Sign(r)).To(Succeed())
		Expect(r.Header.Values("Authorization")).To(HaveLen(1))
		Expect(delivered(r).SignatureMethod).To(Equal("PLAINTEXT"))
	})

	It("can do without clock and entropy for PLAINTEXT, and then leaves timestamp and nonce out", func() {
		s := signing(oauth1.Plaintext)
		s.Now, s.Entropy = nil, nil
		r := request("GET", "https://example.com/p", "")
		Expect(s.Sign(r)).To(Succeed())
		m := delivered(r)
		Expect(m.Has("oauth_timestamp")).To(BeFalse())
		Expect(m.Has("oauth_nonce")).To(BeFalse())
		Expect(m.Signature).To(Equal("kd94hf93k423kf44&pfkkdhi9sl3r4s00"))
		Expect(m.Verify(held())).To(Succeed())
	})

	DescribeTable("refuses, and leaves the request unsigned,",
		func(mistake func(*oauth1.Signer, *http.Request), sentence string, extra ...oauth1.Param) {
			s, r := signing(oauth1.RSASHA1), request("POST", "http://example.com/p", "a=1")
			mistake(&s, r)
			Expect(s.Sign(r, extra...)).To(MatchError(ContainSubstring(sentence)))
			Expect(r.Header).NotTo(HaveKey("Authorization"))
		},
		Entry("an unknown method", func(s *oauth1.Signer, _ *http.Request) { s.Method = "HMAC-MD5" }, `unknown method "HMAC-MD5"`),
		Entry("a missing clock", func(s *oauth1.Signer, _ *http.Request) { s.Now = nil }, "set Signer.Now"),
		Entry("missing entropy", func(s *oauth1.Signer, _ *http.Request) { s.Entropy = nil }, "Signer.Entropy"),
		Entry("a clock without entropy for PLAINTEXT", func(s *oauth1.Signer, _ *http.Request) { s.Method, s.Entropy = oauth1.Plaintext, nil }, "Signer.Entropy"),
		Entry("exhausted entropy", func(s *oauth1.Signer, _ *http.Request) { s.Entropy = strings.NewReader("short") }, "reading entropy"),
		Entry("a missing private key", func(s *oauth1.Signer, _ *http.Request) { s.PrivateKey = nil }, "set Signer.PrivateKey"),
		Entry("an extra parameter that is no oauth_ one", func(*oauth1.Signer, *http.Request) {}, `"file" is no oauth_ parameter`, oauth1.Param{Name: "file"}),
		Entry("an extra parameter of its own making", func(*oauth1.Signer, *http.Request) {}, "carry oauth_nonce twice", oauth1.Param{Name: "oauth_nonce"}),
		Entry("a query that holds oauth_ parameters", func(_ *oauth1.Signer, r *http.Request) { r.URL.RawQuery = "oauth_verifier=v" }, "give them to Sign"),
		Entry("a query that cannot be decoded", func(_ *oauth1.Signer, r *http.Request) { r.URL.RawQuery = "a=%zz" }, "malformed percent-encoding"),
		Entry("a body that cannot be decoded", func(_ *oauth1.Signer, r *http.Request) { r.Body = io.NopCloser(strings.NewReader("%")) }, "malformed percent-encoding"),
		Entry("a body that cannot be read", func(_ *oauth1.Signer, r *http.Request) {
			r.Body = io.NopCloser(iotest.ErrReader(errors.New("torn cable")))
		}, "torn cable"),
	)
})

var _ = Describe("Verifying a message", func() {
	message := func(method oauth1.Method) *oauth1.Message {
		GinkgoHelper()
		r := must(http.NewRequest("GET", "http://example.com/p?a=1", nil))
		Expect(signing(method).Sign(r)).To(Succeed())
		return parse(received(NewWithT(GinkgoT()), r))
	}

	It("names the parameter that is absent", func() {
		Expect((&oauth1.Message{Signature: "s"}).Verify(held())).To(HaveProblem(http.StatusBadRequest, oauth1.ParameterAbsent, "oauth_signature_method"))
		Expect((&oauth1.Message{SignatureMethod: "HMAC-SHA1"}).Verify(held())).To(HaveProblem(http.StatusBadRequest, oauth1.ParameterAbsent, "oauth_signature"))
	})

	DescribeTable("rejects a method",
		func(method oauth1.Method, k oauth1.Keys) {
			m := message(oauth1.HMACSHA1)
			m.SignatureMethod = string(method)
			Expect(m.Verify(k)).To(HaveProblem(http.StatusBadRequest, oauth1.SignatureMethodRejected, "oauth_signature_method"))
		},
		Entry("that it does not know", oauth1.Method("HMAC-MD5"), oauth1.Keys{ClientSecret: "s"}),
		Entry("that is spelt in another case", oauth1.Method("hmac-sha1"), oauth1.Keys{ClientSecret: "s"}),
		Entry("RSA-SHA1 of a client without public key", oauth1.RSASHA1, oauth1.Keys{ClientSecret: "s"}),
	)

	DescribeTable("rejects a shared-secret method of a client that has a public key only, as its empty secret is known to all",
		func(method oauth1.Method) {
			s := signing(method)
			s.ClientSecret, s.TokenSecret = "", ""
			r := must(http.NewRequest("GET", "http://example.com/p", nil))
			Expect(s.Sign(r)).To(Succeed())
			m := parse(received(NewWithT(GinkgoT()), r))
			Expect(m.Verify(oauth1.Keys{PublicKey: &privateKey().PublicKey})).To(HaveProblem(http.StatusBadRequest, oauth1.SignatureMethodRejected, "oauth_signature_method"))
		},
		Entry("HMAC-SHA1", oauth1.HMACSHA1), Entry("HMAC-SHA256", oauth1.HMACSHA256), Entry("PLAINTEXT", oauth1.Plaintext),
	)

	DescribeTable("refuses a signature in any other form than its canonical base64",
		func(method oauth1.Method, change func(string) string) {
			m := message(method)
			m.Signature = change(m.Signature)
			Expect(m.Verify(held())).To(HaveProblem(http.StatusUnauthorized, oauth1.SignatureInvalid, "oauth_signature"))
		},
		Entry("HMAC with a line break", oauth1.HMACSHA1, func(s string) string { return s + "\n" }),
		Entry("RSA with a line break", oauth1.RSASHA1, func(s string) string { return s[:10] + "\r\n" + s[10:] }),
		Entry("HMAC without padding", oauth1.HMACSHA1, func(s string) string { return strings.TrimRight(s, "=") }),
		Entry("RSA without padding", oauth1.RSASHA1, func(s string) string { return strings.TrimRight(s, "=") }),
		Entry("RSA cut short", oauth1.RSASHA1, func(s string) string { return s[:len(s)-4] }),
		Entry("RSA that is no base64", oauth1.RSASHA1, func(string) string { return "?" }),
		Entry("PLAINTEXT with a prefix only", oauth1.Plaintext, func(s string) string { return s[:len(s)-1] }),
	)

	It("encodes the secrets, so that they cannot shift across the ampersand (section 3.4.2)", func() {
		s := signing(oauth1.Plaintext)
		s.ClientSecret, s.TokenSecret = "a&b", "c"
		r := must(http.NewRequest("GET", "http://example.com/p", nil))
		Expect(s.Sign(r)).To(Succeed())
		m := parse(received(NewWithT(GinkgoT()), r))
		Expect(m.Verify(oauth1.Keys{ClientSecret: "a&b", TokenSecret: "c"})).To(Succeed())
		Expect(m.Verify(oauth1.Keys{ClientSecret: "a", TokenSecret: "b&c"})).NotTo(Succeed())
	})

	It("judges neither timestamp nor nonce nor the channel of PLAINTEXT", func() {
		m := message(oauth1.Plaintext)
		m.Timestamp, m.Nonce = "", ""
		Expect(m.Secure).To(BeFalse())
		Expect(m.Verify(held())).To(Succeed())
	})

	It("lists the methods it can verify, all of which it can sign with", func() {
		for _, method := range oauth1.Methods() {
			Expect(message(method).Verify(held())).To(Succeed())
			Expect(message(method).Time()).To(Equal(time.Unix(137131202, 0).UTC()))
		}
	})
})
