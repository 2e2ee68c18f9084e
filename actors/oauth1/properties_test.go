package oauth1_test

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"countersign/actors/oauth1"
)

// text draws strings of the characters that encodings confuse, and of any bytes.
func text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune("ab&=%+ ,;\"\\/?~-.2F3Dé")), 0, 6, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) }),
	)
}

func params() *rapid.Generator[[]oauth1.Param] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) oauth1.Param {
		return oauth1.Param{Name: text().Draw(t, "name"), Value: text().Draw(t, "value")}
	}), 0, 5)
}

func encode(params []oauth1.Param) string {
	pairs := make([]string, 0, len(params))
	for _, p := range params {
		pairs = append(pairs, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	return strings.Join(pairs, "&")
}

// signed draws a signed request as the server received it, with the keys that verify it.
func signed(t *rapid.T) (*oauth1.Message, oauth1.Keys) {
	expect := NewWithT(t)
	s := signing(rapid.SampledFrom(oauth1.Methods()).Draw(t, "signature method"))
	s.ConsumerKey = text().Draw(t, "consumer key")
	s.ClientSecret = text().Filter(func(s string) bool { return s != "" }).Draw(t, "client secret")
	s.Token, s.TokenSecret = text().Draw(t, "token"), text().Draw(t, "token secret")
	uri := rapid.SampledFrom([]string{"http://example.com", "https://Example.com:443/a%2Fb", "http://[::1]:8080/é"}).Draw(t, "uri")
	r, err := http.NewRequest(rapid.SampledFrom([]string{"GET", "POST", "PUT"}).Draw(t, "method"), uri+"?"+encode(params().Draw(t, "query")),
		strings.NewReader(encode(params().Draw(t, "form"))))
	expect.Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	expect.Expect(s.Sign(r, oauth1.Param{Name: "oauth_callback", Value: text().Draw(t, "callback")})).To(Succeed())
	m, err := oauth1.Parse(received(expect, r), 0)
	expect.Expect(err).NotTo(HaveOccurred())
	return m, oauth1.Keys{ClientSecret: s.ClientSecret, TokenSecret: s.TokenSecret, PublicKey: &s.PrivateKey.PublicKey}
}

// changed returns s with one byte replaced by another; an empty s gains one.
func changed(t *rapid.T, s string) string {
	if s == "" {
		return "x"
	}
	b := []byte(s)
	b[rapid.IntRange(0, len(b)-1).Draw(t, "place")] ^= rapid.ByteRange(1, 255).Draw(t, "difference")
	return string(b)
}

var _ = Describe("For any request", func() {
	It("what was signed verifies, by every method", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			m, k := signed(t)
			NewWithT(t).Expect(m.Verify(k)).To(Succeed())
		})
	})

	It("one changed byte of the signature or of a secret makes verification fail", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			m, k := signed(t)
			parts := []*string{&m.Signature}
			if m.SignatureMethod != string(oauth1.RSASHA1) {
				parts = append(parts, &k.ClientSecret, &k.TokenSecret)
			}
			part := rapid.SampledFrom(parts).Draw(t, "part")
			*part = changed(t, *part)
			NewWithT(t).Expect(m.Verify(k)).To(HaveProblem(http.StatusUnauthorized, oauth1.SignatureInvalid, "oauth_signature"))
		})
	})

	It("one changed byte of method, URI or any parameter makes verification fail, except by PLAINTEXT, which covers nothing", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			m, k := signed(t)
			parts := []*string{&m.Method, &m.BaseURI}
			for i, p := range m.Params {
				if p.Name != "oauth_signature" {
					parts = append(parts, &m.Params[i].Name, &m.Params[i].Value)
				}
			}
			part := rapid.SampledFrom(parts).Draw(t, "part")
			*part = changed(t, *part)
			if m.SignatureMethod == string(oauth1.Plaintext) {
				NewWithT(t).Expect(m.Verify(k)).To(Succeed())
				return
			}
			NewWithT(t).Expect(m.Verify(k)).To(HaveProblem(http.StatusUnauthorized, oauth1.SignatureInvalid, "oauth_signature"))
		})
	})

	It("the base string is the same for the same parameters in any order, and differs for any others", func() {
		sorted := func(params []oauth1.Param) []oauth1.Param {
			return slices.SortedFunc(slices.Values(params), func(a, b oauth1.Param) int {
				return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
			})
		}
		base := func(params []oauth1.Param) string {
			return (&oauth1.Message{Method: "GET", BaseURI: "http://example.com/", Params: params}).BaseString()
		}
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			one := params().Draw(t, "one")
			shuffled := rapid.Permutation(one).Draw(t, "shuffled")
			NewWithT(t).Expect(base(shuffled)).To(Equal(base(one)))
			other := rapid.OneOf(params(), rapid.Just(slices.Concat(one, []oauth1.Param{{}})), rapid.Just(slices.Concat(one, one))).Draw(t, "other")
			NewWithT(t).Expect(base(one) == base(other)).To(Equal(slices.Equal(sorted(one), sorted(other))))
		})
	})

	It("method, URI and parameters cannot flow into each other in the base string", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			draw := func(label string) oauth1.Message {
				return oauth1.Message{Method: text().Draw(t, label), BaseURI: text().Draw(t, label), Params: []oauth1.Param{{Name: text().Draw(t, label), Value: text().Draw(t, label)}}}
			}
			a, b := draw("a"), draw("b")
			same := a.Method == b.Method && a.BaseURI == b.BaseURI && a.Params[0] == b.Params[0]
			NewWithT(t).Expect(a.BaseString() == b.BaseString()).To(Equal(same))
		})
	})

	It("the encoding can be undone and leaves unreserved characters alone", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			s := text().Draw(t, "text")
			back, err := url.PathUnescape(oauth1.Escape(s))
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			NewWithT(t).Expect(back).To(Equal(s))
			NewWithT(t).Expect(oauth1.Escape(s)).To(MatchRegexp(`^([A-Za-z0-9._~-]|%[0-9A-F]{2})*$`))
		})
	})

	It("credentials come back as they were sent", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			c := oauth1.Credentials{Token: "t" + text().Draw(t, "token"), Secret: text().Draw(t, "secret")}
			for _, name := range rapid.SliceOfNDistinct(text(), 0, 3, rapid.ID[string]).Draw(t, "extra") {
				c.Extra = append(c.Extra, oauth1.Param{Name: "x" + name, Value: text().Draw(t, "extra value")})
			}
			token, err := oauth1.ParseCredentials(c.Encode())
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			NewWithT(t).Expect(token).To(Equal(c))
			temporary, err := oauth1.ParseTemporary(c.EncodeTemporary())
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			NewWithT(t).Expect(temporary.Extra).To(ConsistOf(c.Extra))
			NewWithT(t).Expect(temporary.Token + "\n" + temporary.Secret).To(Equal(c.Token + "\n" + c.Secret))
		})
	})
})
