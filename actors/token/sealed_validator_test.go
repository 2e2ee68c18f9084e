package token_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/token"
)

const (
	bound  = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	inside = `{"iss":"https://as.example","aud":"crm","cnf":{"jkt":"` + bound + `"},"sub":"alice","appid":"field-sales","deviceid":"device-1","jti":"t-1","token":"the shared token","iat":1000,"exp":1300}`
)

// sealed is a payload under a header as the profile has it, with other members where they are given.
func sealed(payload string, other map[string]any) string {
	header := map[string]any{"typ": "sealed+jwt", "aud": "crm", "cnf": map[string]any{"jkt": bound}}
	for name, value := range other {
		header[name] = value
	}
	compact, err := token.Seal(seeded(1), key, header, []byte(payload))
	Expect(err).NotTo(HaveOccurred())
	return compact
}

var _ = Describe("A validator of sealed tokens", func() {
	var (
		v   *token.SealedValidator
		now int64
	)
	BeforeEach(func() {
		now = 1100
		var err error
		v, err = token.NewSealedValidator(token.SealedExpectation{Issuer: "https://as.example", Audience: "crm", Now: func() time.Time { return time.Unix(now, 0) }}, key)
		Expect(err).NotTo(HaveOccurred())
	})

	It("opens what is for this system and this key, and nothing with a changed character", func() {
		compact := sealed(inside, nil)
		var c token.Claims
		Expect(v.Validate(compact, bound, &c)).To(Succeed())
		Expect(string(c.Text("sub"))).To(Equal("alice"))
		for i := range compact {
			for _, other := range "Aw.=\n" {
				if changed := compact[:i] + string(other) + compact[i+1:]; changed != compact {
					Expect(v.Validate(changed, bound, &c)).NotTo(Succeed(), changed)
				}
			}
		}
	})

	It("takes a match with the shared record alone for a match", func() {
		var c token.Claims
		Expect(v.Validate(sealed(inside, nil), bound, &c)).To(Succeed())
		shared := token.Shared{Digest: sha256.Sum256([]byte("the shared token")), Subject: "alice", App: "field-sales", Device: "device-1", Thumbprint: bound}
		Expect(c.Matches(&shared)).To(BeTrue())
		for _, change := range []func(*token.Shared){
			func(s *token.Shared) { s.Digest[31] ^= 1 },
			func(s *token.Shared) { s.Subject = "bob" },
			func(s *token.Shared) { s.App = "stock" },
			func(s *token.Shared) { s.Device = "device-2" },
			func(s *token.Shared) { s.Thumbprint = strings.ToLower(bound) },
			func(s *token.Shared) { s.Thumbprint = bound[1:] },
			func(s *token.Shared) { s.Thumbprint = "" },
		} {
			other := shared
			change(&other)
			Expect(c.Matches(&other)).To(BeFalse())
		}
		Expect(v.Validate(sealed(strings.Replace(inside, `,"token":"the shared token"`, "", 1), nil), bound, &c)).To(Succeed())
		Expect(c.Matches(&token.Shared{Digest: sha256.Sum256(nil), Subject: "alice", App: "field-sales", Device: "device-1", Thumbprint: bound})).To(BeFalse())
	})

	It("takes a token that whoever has the sealing key has bound to another key for no match", func() {
		shared := token.Shared{Digest: sha256.Sum256([]byte("the shared token")), Subject: "alice", App: "field-sales", Device: "device-1", Thumbprint: bound}
		resealed := sealed(strings.Replace(inside, bound, "stolen", 1), map[string]any{"cnf": map[string]any{"jkt": "stolen"}})
		var c token.Claims
		Expect(v.Validate(resealed, "stolen", &c)).To(Succeed())
		Expect(c.Matches(&shared)).To(BeFalse())
	})

	It("takes one cnf in header and claims, however it is spelled", func() {
		in := func(cnf string) string { return strings.Replace(inside, `{"jkt":"`+bound+`"}`, cnf, 1) }
		more := map[string]any{"cnf": map[string]any{"jkt": bound, "kid": "device-key-1"}}
		var c token.Claims
		Expect(v.Validate(sealed(in(`{ "kid":"device-key-1" , "jkt":"`+bound+`"}`), more), bound, &c)).To(Succeed())
		Expect(v.Validate(sealed(in(`{"jkt":"`+bound+`","kid":"device-key-2"}`), more), bound, &c)).To(MatchError(token.ErrBinding))
		Expect(v.Validate(sealed(inside, more), bound, &c)).To(MatchError(token.ErrBinding))
		Expect(v.Validate(sealed(in(`{"jkt":"`+bound+`","kid":"device-key-1"}`), nil), bound, &c)).To(MatchError(token.ErrBinding))
	})

	DescribeTable("takes no known trick",
		func(make func() string, by string, want error) {
			var c token.Claims
			Expect(v.Validate(make(), by, &c)).To(MatchError(want))
		},
		Entry("a token of another device's", func() string { return sealed(inside, nil) }, "another", token.ErrBinding),
		Entry("a token without a proof", func() string { return sealed(inside, nil) }, "", token.ErrBinding),
		Entry("a token that is bound in its header alone", func() string {
			return sealed(strings.Replace(inside, `"cnf":{"jkt":"`+bound+`"},`, "", 1), nil)
		}, bound, token.ErrBinding),
		Entry("a token that is bound within alone", func() string { return sealed(inside, map[string]any{"cnf": nil}) }, bound, token.ErrBinding),
		Entry("a token for another system", func() string { return sealed(inside, map[string]any{"aud": "erp"}) }, bound, token.ErrAudience),
		Entry("a token for another system within", func() string { return sealed(strings.Replace(inside, "crm", "erp", 1), nil) }, bound, token.ErrAudience),
		Entry("a token of another issuer", func() string { return sealed(strings.Replace(inside, "as.example", "evil.example", 1), nil) }, bound, token.ErrIssuer),
		Entry("a token whose time is over", func() string { return sealed(strings.Replace(inside, "1300", "1100", 1), nil) }, bound, token.ErrExpired),
		Entry("a token without an end", func() string { return sealed(strings.Replace(inside, `,"exp":1300`, "", 1), nil) }, bound, token.ErrClaims),
		Entry("compression", func() string { return sealed(inside, map[string]any{"zip": "DEF"}) }, bound, token.ErrHeader),
		Entry("a critical extension", func() string { return sealed(inside, map[string]any{"crit": []string{"exp"}, "exp": 1}) }, bound, token.ErrHeader),
		Entry("another key", func() string {
			compact, err := token.Seal(seeded(1), token.Key{ID: "crm-9", Secret: key.Secret}, nil, []byte(inside))
			Expect(err).NotTo(HaveOccurred())
			return compact
		}, bound, token.ErrUnknownKey),
		Entry("a wrapped key beside dir", func() string { return strings.Replace(sealed(inside, nil), "..", ".AAAA.", 1) }, bound, token.ErrNotOpened),
		Entry("the same key ID with another key", func() string {
			compact, err := token.Seal(seeded(1), token.Key{ID: key.ID, Secret: bytes.Repeat([]byte{8}, 32)}, map[string]any{"aud": "crm", "cnf": map[string]any{"jkt": bound}}, []byte(inside))
			Expect(err).NotTo(HaveOccurred())
			return compact
		}, bound, token.ErrNotOpened),
		Entry("the key wrapped by another algorithm", func() string {
			encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.A256KW, Key: key.Secret, KeyID: key.ID}, nil)
			Expect(err).NotTo(HaveOccurred())
			made, err := encrypter.Encrypt([]byte(inside))
			Expect(err).NotTo(HaveOccurred())
			compact, err := made.CompactSerialize()
			Expect(err).NotTo(HaveOccurred())
			return compact
		}, bound, token.ErrHeader),
		Entry("two audiences in the header", func() string {
			header := `{"alg":"dir","enc":"A256GCM","kid":"crm-1","aud":"erp","aud":"crm","cnf":{"jkt":"` + bound + `"}}`
			_, rest, _ := strings.Cut(sealed(inside, nil), ".")
			return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
		}, bound, &token.MalformedError{Why: "the header is no JSON object in base64url in which each member comes once, or longer than any needs to be"}),
	)

	It("takes nothing from the heap for a device whose header it does not remember", func() {
		if raced {
			Skip("pools lose what they hold under the race detector")
		}
		var c token.Claims
		usual := sealed(inside, nil)
		Expect(v.Validate(usual, bound, &c)).To(Succeed())
		Expect(v.Validate(usual, bound, &c)).To(Succeed())
		// Those that come in turns take no place of each other.
		first, second := sealed(inside, map[string]any{"typ": "one+jwt"}), sealed(inside, map[string]any{"typ": "two+jwt"})
		Expect(testing.AllocsPerRun(100, func() {
			if v.Validate(first, bound, &c) != nil || v.Validate(second, bound, &c) != nil {
				panic("refused")
			}
		})).To(BeZero())
	})

	It("takes nothing from the heap", func() {
		if raced {
			Skip("pools lose what they hold under the race detector")
		}
		compact := sealed(inside, nil)
		shared := token.Shared{Digest: sha256.Sum256([]byte("the shared token")), Subject: "alice", App: "field-sales", Device: "device-1", Thumbprint: bound}
		var c token.Claims
		Expect(v.Validate(compact, bound, &c)).To(Succeed())
		Expect(testing.AllocsPerRun(100, func() {
			if v.Validate(compact, bound, &c) != nil || !c.Matches(&shared) {
				panic("refused")
			}
		})).To(BeZero())
	})
})
