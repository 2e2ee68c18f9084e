package token_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwe"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/token"
	"countersign/actors/wire"
)

func trueSealedJudge() judge {
	v, err := token.NewSealedValidator(token.SealedExpectation{Issuer: "https://as.example", Audience: "crm", Now: func() time.Time { return time.Unix(fuzzNow, 0) }}, key)
	if err != nil {
		panic(err)
	}
	var c token.Claims
	return func(compact string) ([]byte, error) {
		err := v.Validate(compact, bound, &c)
		return c.Payload(), err
	}
}

// sealedObjection is as objection, for sealed tokens.
func sealedObjection(judge judge, compact string) string {
	payload, err := judge(compact)
	first, second := joseOpens(compact), jwxOpens(compact)
	switch {
	case err == nil && (first == nil || second == nil):
		return fmt.Sprintf("%q is taken; go-jose opens it: %v; jwx opens it: %v", compact, first != nil, second != nil)
	case err == nil && !(bytes.Equal(first, payload) && bytes.Equal(second, payload)):
		return fmt.Sprintf("%q is read as %q; go-jose %q; jwx %q", compact, payload, first, second)
	case err == nil && !canonicalSealed(compact):
		return fmt.Sprintf("%q is taken, which is not the one spelling of what it says", compact)
	case err == nil && !(isBound(sealedHeaderOf(compact), false) && isBound(payload, false) && boundAlike(sealedHeaderOf(compact), payload) && lives(payload)):
		return fmt.Sprintf("%q is taken with %q, which do not say what they have to", sealedHeaderOf(compact), payload)
	case !canonicalSealed(compact): // both libraries pass over some of that
	case errors.Is(err, token.ErrNotOpened) && first != nil && second != nil:
		return fmt.Sprintf("%q is refused, and both libraries open it", compact)
	case err != nil && first != nil && second != nil && isBound(sealedHeaderOf(compact), true) && isBound(first, true) && boundAlike(sealedHeaderOf(compact), first) && lives(first):
		return fmt.Sprintf("%q is refused (%v), and nothing is wrong with it", compact, err)
	}
	return ""
}

// canonicalSealed is canonical, without a wrapped key, which both libraries pass over (RFC 7518 section 4.5).
func canonicalSealed(compact string) bool {
	return canonical(compact) && strings.Contains(compact, "..")
}

func sealedHeaderOf(compact string) []byte {
	head, _, _ := strings.Cut(compact, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(head)
	return raw
}

// isBound judges by the JSON library that an object is for the system and bound to the key. Beyond doubt it has nothing else that lies within it.
func isBound(object []byte, beyondDoubt bool) bool {
	m, err := wire.StrictObject(object)
	if err != nil {
		return false
	}
	var audience string
	var confirmation struct {
		Thumbprint string `json:"jkt"`
	}
	within, err := wire.StrictObject(m["cnf"])
	if err != nil || json.Unmarshal(within["jkt"], &confirmation.Thumbprint) != nil || json.Unmarshal(m["aud"], &audience) != nil {
		return false
	}
	if beyondDoubt && (len(m) > 100 || bytes.Count(object, []byte("{")) > 2 || bytes.Contains(object, []byte("[")) || m.Has("zip") || m.Has("crit") || m.Has("b64") || m.Has("p2c")) {
		return false
	}
	return audience == "crm" && confirmation.Thumbprint == bound
}

// boundAlike judges by the JSON library that two objects have the same cnf.
func boundAlike(one, other []byte) bool {
	var read [2]struct {
		Confirmation any `json:"cnf"`
	}
	return json.Unmarshal(one, &read[0]) == nil && json.Unmarshal(other, &read[1]) == nil && reflect.DeepEqual(read[0], read[1])
}

func lives(payload []byte) bool {
	m, err := wire.StrictObject(payload)
	var issuer string
	var expires float64
	return err == nil && json.Unmarshal(m["iss"], &issuer) == nil && issuer == "https://as.example" &&
		json.Unmarshal(m["exp"], &expires) == nil && digits.Match(m["exp"]) && expires > fuzzNow
}

func joseOpens(compact string) []byte {
	parsed, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil || parsed.Header.KeyID != key.ID {
		return nil
	}
	payload, err := parsed.Decrypt(key.Secret)
	if err != nil {
		return nil
	}
	return append([]byte{}, payload...)
}

func jwxOpens(compact string) []byte {
	payload, err := jwe.Decrypt([]byte(compact), jwe.WithKey(jwa.DIRECT(), key.Secret))
	if err != nil {
		return nil
	}
	return append([]byte{}, payload...)
}

// sealedAs seals any payload under any header.
func sealedAs(header, payload string) string {
	block, err := aes.NewCipher(key.Secret)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	head := raw64([]byte(header))
	nonce := []byte("twelve bytes")
	all := gcm.Seal(nil, nonce, []byte(payload), []byte(head))
	return head + ".." + raw64(nonce) + "." + raw64(all[:len(payload)]) + "." + raw64(all[len(payload):])
}

var sealedHeader = `{"alg":"dir","enc":"A256GCM","kid":"` + key.ID + `","aud":"crm","cnf":{"jkt":"` + bound + `"}}`

// plainInside is what a good token says.
const plainInside = inside

// FuzzSealedValidator holds the validator of sealed tokens to two libraries: texts as they come, and headers and payloads that are sealed truly.
func FuzzSealedValidator(f *testing.F) {
	for _, s := range sealedSuspects() {
		f.Add(s, sealedHeader, plainInside)
	}
	f.Add("", sealedHeader, strings.Replace(plainInside, "alice", `\u0061lice`, 1))
	f.Add("", strings.Replace(sealedHeader, `"aud"`, ` "aud" `, 1), plainInside)
	ours := trueSealedJudge()
	f.Fuzz(func(t *testing.T, compact, header, payload string) {
		truly := sealedAs(header, payload)
		for _, c := range []string{compact, truly, truly} { // a header that comes again is read from memory
			if why := sealedObjection(ours, c); why != "" {
				t.Fatal(why)
			}
		}
	})
}

func sealedSuspects() []string {
	right := sealedAs(sealedHeader, plainInside)
	head := func(old, new string) string {
		return sealedAs(strings.Replace(sealedHeader, old, new, 1), plainInside)
	}
	within := func(old, new string) string {
		return sealedAs(sealedHeader, strings.Replace(plainInside, old, new, 1))
	}
	more := func(text string) string { return strings.Replace(text, bound+`"}`, bound+`","kid":"one"}`, 1) }
	cut := strings.LastIndexByte(right, '.') + 1
	flipped := right[:cut] + "A" + right[cut+1:]
	return []string{
		right, "", "....", right + "=", right + "\n", right + ".AAAA", right[:cut], flipped, strings.Replace(right, "..", ".AAAA.", 1),
		sealedAs(more(sealedHeader), more(plainInside)), sealedAs(more(sealedHeader), plainInside), sealedAs(sealedHeader, more(plainInside)),
		head(`"crm"`, `"erp"`), head(bound, "other"), head(`,"cnf"`, `,"zip":"DEF","cnf"`), head(`,"cnf"`, `,"crit":["exp"],"exp":1,"cnf"`),
		head(`"aud"`, `"aud":"erp","aud"`), head(`"dir"`, `"none"`), head(`"A256GCM"`, `"A128GCM"`),
		within(`"aud":"crm"`, `"aud":"erp"`), within(bound, "other"), within(`"exp":1300`, `"exp":1000`), within(`,"exp":1300`, ``), within("as.example", "as.example.evil"),
		within(`"exp":1300`, `"exp":1300,"exp":1`), within("alice", `\u0061lice`), within("alice", "é"), within(`"sub"`, ` "sub" `),
	}
}

var _ = Describe("The comparison of sealed validators with two libraries", func() {
	objects := func(j judge) string {
		for range 2 {
			for _, s := range sealedSuspects() {
				if why := sealedObjection(j, s); why != "" {
					return why
				}
			}
		}
		return ""
	}
	right := trueSealedJudge()
	lenient := func(about error) judge {
		return func(compact string) ([]byte, error) {
			payload, err := right(compact)
			if errors.Is(err, about) {
				if opened := joseOpens(compact); opened != nil {
					return opened, nil
				}
				return []byte(plainInside), nil
			}
			return payload, err
		}
	}

	It("has nothing against the validator", func() { Expect(objects(right)).To(BeEmpty()) })

	DescribeTable("objects to a wrong validator",
		func(wrong judge) { Expect(objects(wrong)).NotTo(BeEmpty()) },
		Entry("that takes nothing", judge(func(string) ([]byte, error) { return nil, token.ErrNotOpened })),
		Entry("that does not compare the tag", lenient(token.ErrNotOpened)),
		Entry("that opens tokens for another system", lenient(token.ErrAudience)),
		Entry("that does not look at the key that a token is bound to", lenient(token.ErrBinding)),
		Entry("that compares nothing of cnf but the key", judge(func(c string) ([]byte, error) {
			payload, err := right(c)
			if opened := joseOpens(c); errors.Is(err, token.ErrBinding) && opened != nil && isBound(sealedHeaderOf(c), false) && isBound(opened, false) {
				return opened, nil
			}
			return payload, err
		})),
		Entry("that does not look at the issuer", lenient(token.ErrIssuer)),
		Entry("that lets tokens live for ever", lenient(token.ErrExpired)),
		Entry("that needs no end", lenient(token.ErrClaims)),
		Entry("that ignores zip, crit and alg", lenient(token.ErrHeader)),
		Entry("that trims a token", judge(func(c string) ([]byte, error) { return right(strings.TrimRight(c, "=\n")) })),
		Entry("that ignores a sixth part", judge(func(c string) ([]byte, error) { return right(strings.TrimSuffix(c, ".AAAA")) })),
		Entry("that refuses escapes", judge(func(c string) ([]byte, error) {
			payload, err := right(c)
			if err == nil && bytes.Contains(payload, []byte(`\`)) {
				err = token.ErrClaims
			}
			return payload, err
		})),
	)
})
