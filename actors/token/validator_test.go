package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/token"
)

// issuer signs by the library, with one key of each algorithm.
type issuer struct {
	ed   ed25519.PrivateKey
	ec   *ecdsa.PrivateKey
	rsa  *rsa.PrivateKey
	hmac []byte
}

func newIssuer() issuer {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	Expect(err).NotTo(HaveOccurred())
	return issuer{ed, ec, rs, []byte("a secret of thirty-two bytes and more")}
}

func (i issuer) trusted() []token.Trusted {
	return []token.Trusted{
		{ID: "ed", Algorithm: token.EdDSA, Key: i.ed.Public()},
		{ID: "ec", Algorithm: token.ES256, Key: &i.ec.PublicKey},
		{ID: "rs", Algorithm: token.RS256, Key: &i.rsa.PublicKey},
		{ID: "hs", Algorithm: token.HS256, Key: i.hmac},
	}
}

func (i issuer) key(alg token.Algorithm) (kid string, key any) {
	switch alg {
	case token.EdDSA:
		return "ed", i.ed
	case token.ES256:
		return "ec", i.ec
	case token.RS256:
		return "rs", i.rsa
	}
	return "hs", i.hmac
}

func (i issuer) sign(alg token.Algorithm, payload string, header map[jose.HeaderKey]any) string {
	kid, key := i.key(alg)
	options := (&jose.SignerOptions{}).WithHeader("kid", kid).WithType("pass+jwt")
	for name, value := range header {
		options = options.WithHeader(name, value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, options)
	Expect(err).NotTo(HaveOccurred())
	signed, err := signer.Sign([]byte(payload))
	Expect(err).NotTo(HaveOccurred())
	compact, err := signed.CompactSerialize()
	Expect(err).NotTo(HaveOccurred())
	return compact
}

const good = `{"iss":"https://platform.example","aud":"tp-a","sub":"alice","jti":"1","iat":1000,"nbf":1000,"exp":1300}`

var _ = Describe("A validator of signed tokens", Ordered, func() {
	var (
		from issuer
		now  int64
		v    *token.Validator
	)
	expected := func() token.Expectation {
		return token.Expectation{Issuer: "https://platform.example", Audience: "tp-a", Type: "pass+jwt", Now: func() time.Time { return time.Unix(now, 0) }}
	}
	BeforeAll(func() { from = newIssuer() })
	BeforeEach(func() {
		now = 1100
		var err error
		v, err = token.NewValidator(expected(), from.trusted()...)
		Expect(err).NotTo(HaveOccurred())
	})

	for _, alg := range []token.Algorithm{token.EdDSA, token.ES256, token.RS256, token.HS256} {
		It("takes what the library signs with "+string(alg)+", at first and again, and no changed character of it", func() {
			compact := from.sign(alg, good, nil)
			var c token.Claims
			for range 3 {
				Expect(v.Validate(compact, &c)).To(Succeed())
				Expect(string(c.Text("sub"))).To(Equal("alice"))
				Expect(c.Expires()).To(Equal(time.Unix(1300, 0)))
			}
			for i := range compact {
				for _, other := range "Aw.=\n" {
					if changed := compact[:i] + string(other) + compact[i+1:]; changed != compact {
						Expect(v.Validate(changed, &c)).NotTo(Succeed(), changed)
					}
				}
			}
		})
	}

	DescribeTable("judges the claims by the clock and by what is expected",
		func(payload string, at int64, want error) {
			now = at
			var c token.Claims
			err := v.Validate(from.sign(token.HS256, payload, nil), &c)
			if want == nil {
				Expect(err).NotTo(HaveOccurred())
			} else {
				Expect(err).To(MatchError(want))
			}
		},
		Entry("in the last second", good, int64(1299), nil),
		Entry("at its end", good, int64(1300), token.ErrExpired),
		Entry("in its first second", good, int64(1000), nil),
		Entry("before it begins", good, int64(999), token.ErrNotYet),
		Entry("half a second before it begins", strings.Replace(good, `"nbf":1000`, `"nbf":1000.5`, 1), int64(1000), token.ErrNotYet),
		Entry("of another issuer", strings.Replace(good, "platform", "other", 1), int64(1100), token.ErrIssuer),
		Entry("whose issuer is no text", strings.Replace(good, `"https://platform.example"`, `["https://platform.example"]`, 1), int64(1100), token.ErrIssuer),
		Entry("for another audience", strings.Replace(good, "tp-a", "tp-b", 1), int64(1100), token.ErrAudience),
		Entry("for several audiences, of which this is one", strings.Replace(good, `"tp-a"`, `["tp-b","tp-a"]`, 1), int64(1100), nil),
		Entry("for several audiences without this one", strings.Replace(good, `"tp-a"`, `["tp-b"]`, 1), int64(1100), token.ErrAudience),
		Entry("without an end", strings.Replace(good, `,"exp":1300`, ``, 1), int64(1100), token.ErrClaims),
		Entry("with an end in words", strings.Replace(good, `1300`, `"1300"`, 1), int64(1100), token.ErrClaims),
		Entry("with an end beyond all clocks", strings.Replace(good, `1300`, `1e300`, 1), int64(1100), token.ErrClaims),
		Entry("with an end in scientific notation", strings.Replace(good, `1300`, `1.3e3`, 1), int64(1100), nil),
		Entry("with two ends", strings.Replace(good, `"exp":1300`, `"exp":1300,"exp":9999`, 1), int64(1100), token.ErrClaims),
		Entry("with two ends, one of them in disguise", strings.Replace(good, `"exp":1300`, `"exp":1300,"\u0065xp":9999`, 1), int64(1100), token.ErrClaims),
		Entry("with a name in escapes", strings.Replace(good, `"alice"`, `"\u0061lice"`, 1), int64(1100), nil),
		Entry("with text after the object", good+` {}`, int64(1100), token.ErrClaims),
		Entry("that is a list", `[`+good+`]`, int64(1100), token.ErrClaims),
		Entry("with bytes that are no UTF-8", strings.Replace(good, "alice", "al\xffce", 1), int64(1100), token.ErrClaims),
		Entry("that lies deep", strings.Replace(good, `"alice"`, strings.Repeat("[", 100000)+strings.Repeat("]", 100000), 1), int64(1100), token.ErrClaims),
	)

	// rewritten is a good token with another header; the signature stays as it was.
	rewritten := func(header string) string {
		_, rest, _ := strings.Cut(from.sign(token.RS256, good, nil), ".")
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
	}

	DescribeTable("takes no known trick",
		func(make func() string) {
			var c token.Claims
			compact := make()
			Expect(v.Validate(compact, &c)).NotTo(Succeed())
			Expect(v.Validate(from.sign(token.RS256, good, nil), &c)).To(Succeed(), "what came before has done no harm")
			Expect(v.Validate(compact, &c)).NotTo(Succeed())
		},
		Entry("alg none", func() string {
			head, _, _ := strings.Cut(rewritten(`{"alg":"none","kid":"rs","typ":"pass+jwt"}`), ".")
			return head + "." + base64.RawURLEncoding.EncodeToString([]byte(good)) + "."
		}),
		Entry("alg none, spelled in another case", func() string { return rewritten(`{"alg":"nOnE","kid":"rs","typ":"pass+jwt"}`) }),
		Entry("the public key taken for a secret", func() string {
			public, err := json.Marshal(jose.JSONWebKey{Key: &from.rsa.PublicKey})
			Expect(err).NotTo(HaveOccurred())
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: public}, (&jose.SignerOptions{}).WithHeader("kid", "rs").WithType("pass+jwt"))
			Expect(err).NotTo(HaveOccurred())
			signed, err := signer.Sign([]byte(good))
			Expect(err).NotTo(HaveOccurred())
			compact, err := signed.CompactSerialize()
			Expect(err).NotTo(HaveOccurred())
			return compact
		}),
		Entry("a critical extension", func() string {
			return from.sign(token.RS256, good, map[jose.HeaderKey]any{"crit": []string{"exp"}, "exp": 1})
		}),
		Entry("an unencoded payload", func() string { return rewritten(`{"alg":"RS256","kid":"rs","typ":"pass+jwt","b64":false}`) }),
		Entry("a compressed payload", func() string { return from.sign(token.RS256, good, map[jose.HeaderKey]any{"zip": "DEF"}) }),
		Entry("two algorithms", func() string { return rewritten(`{"alg":"none","alg":"RS256","kid":"rs","typ":"pass+jwt"}`) }),
		Entry("two key IDs", func() string { return rewritten(`{"alg":"RS256","kid":"hs","kid":"rs","typ":"pass+jwt"}`) }),
		Entry("a key ID that nobody has", func() string { return from.sign(token.RS256, good, map[jose.HeaderKey]any{"kid": "../../dev/null"}) }),
		Entry("a key ID of a mebibyte", func() string {
			return rewritten(`{"alg":"RS256","kid":"` + strings.Repeat("r", 600<<10) + `","typ":"pass+jwt"}`)
		}),
		Entry("a key ID that is a list", func() string { return rewritten(`{"alg":"RS256","kid":["rs"],"typ":"pass+jwt"}`) }),
		Entry("no key ID", func() string { return rewritten(`{"alg":"RS256","typ":"pass+jwt"}`) }),
		Entry("a key of its own in the header", func() string {
			return rewritten(`{"alg":"RS256","kid":"mine","typ":"pass+jwt","jwk":{"kty":"oct","k":"AAAA"}}`)
		}),
		Entry("another type of token", func() string { return from.sign(token.RS256, good, map[jose.HeaderKey]any{"typ": "logout+jwt"}) }),
		Entry("a nested token", func() string { return from.sign(token.RS256, from.sign(token.RS256, good, nil), nil) }),
		Entry("a signature in ASN.1", func() string {
			compact := from.sign(token.ES256, good, nil)
			cut := strings.LastIndexByte(compact, '.') + 1
			raw, err := base64.RawURLEncoding.DecodeString(compact[cut:])
			Expect(err).NotTo(HaveOccurred())
			return compact[:cut] + base64.RawURLEncoding.EncodeToString(append([]byte{0x30, 0x44, 0x02, 0x20}, raw...))
		}),
		Entry("a signature of zeros", func() string {
			compact := from.sign(token.ES256, good, nil)
			return compact[:strings.LastIndexByte(compact, '.')+1] + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
		}),
		Entry("no signature", func() string {
			compact := from.sign(token.HS256, good, nil)
			return compact[:strings.LastIndexByte(compact, '.')+1]
		}),
		Entry("padding", func() string { return from.sign(token.HS256, good, nil) + "=" }),
		Entry("a line break", func() string { return from.sign(token.HS256, good, nil) + "\n" }),
		Entry("bits beyond the last byte", func() string {
			compact := from.sign(token.HS256, good, nil)
			last := compact[len(compact)-1]
			other := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
			return compact[:len(compact)-1] + string(other[strings.IndexByte(other, last)^1])
		}),
		Entry("a part too many", func() string { return from.sign(token.HS256, good, nil) + ".AAAA" }),
		Entry("JSON serialization", func() string { return `{"payload":"e30","protected":"e30","signature":""}` }),
		Entry("nothing", func() string { return "" }),
		Entry("dots", func() string { return ".." }),
	)

	It("takes nothing from the heap for a token like those before it", func() {
		if raced {
			Skip("pools lose what they hold under the race detector")
		}
		var c token.Claims
		for _, alg := range []token.Algorithm{token.EdDSA, token.HS256} {
			compact := from.sign(alg, good, nil)
			Expect(v.Validate(compact, &c)).To(Succeed())
			Expect(testing.AllocsPerRun(100, func() { _ = v.Validate(compact, &c) })).To(BeZero(), string(alg))
		}
	})

	It("refuses keys that would weaken it, and expectations that would take any token", func() {
		small, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		for _, k := range []token.Trusted{
			{ID: "short", Algorithm: token.HS256, Key: []byte("short")},
			{ID: "confused", Algorithm: token.HS256, Key: &from.rsa.PublicKey},
			{ID: "curve", Algorithm: token.ES256, Key: &small.PublicKey},
			{ID: "private", Algorithm: token.EdDSA, Key: from.ed},
			{ID: "none", Algorithm: "none", Key: nil},
			{ID: "no curve", Algorithm: token.ES256, Key: (*ecdsa.PublicKey)(nil)},
			{ID: "no number", Algorithm: token.RS256, Key: (*rsa.PublicKey)(nil)},
			{ID: "zero", Algorithm: token.RS256, Key: &rsa.PublicKey{}},
		} {
			_, err := token.NewValidator(expected(), k)
			var wrong *token.KeyError
			Expect(err).To(BeAssignableToTypeOf(wrong), k.ID)
		}
		_, err = token.NewValidator(expected(), from.trusted()[0], from.trusted()[0])
		Expect(err).To(MatchError(ContainSubstring("same ID")))
		_, err = token.NewValidator(token.Expectation{Audience: "tp-a", Now: time.Now})
		Expect(err).To(MatchError(ContainSubstring("issuer")))
	})
})
