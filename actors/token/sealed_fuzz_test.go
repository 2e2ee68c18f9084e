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
	"strconv"
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
	case err == nil && !(isBound(headerOf(compact), false) && isBound(payload, false) && boundAlike(headerOf(compact), payload) && lives(payload, false)):
		return fmt.Sprintf("%q is taken with %q, which do not say what they have to", headerOf(compact), payload)
	case !canonicalSealed(compact): // both libraries pass over some of that
	case errors.Is(err, token.ErrNotOpened) && first != nil && second != nil:
		return fmt.Sprintf("%q is refused, and both libraries open it", compact)
	case err != nil && first != nil && second != nil && isBound(headerOf(compact), true) && isBound(first, true) && boundAlike(headerOf(compact), first) && lives(first, true):
		return fmt.Sprintf("%q is refused (%v), and nothing is wrong with it", compact, err)
	}
	return ""
}

// canonicalSealed is canonical, without a wrapped key, which both libraries pass over (RFC 7518 section 4.5).
func canonicalSealed(compact string) bool {
	return canonical(compact) && strings.Contains(compact, "..")
}

// isBound judges by the JSON library that an object is for the system and bound to the key. Beyond doubt it has nothing else in it but what is
// known, or is named as nobody names what has a meaning.
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
	if beyondDoubt && (len(m) > 100 || len(bytes.TrimSpace(object)) < len(object) || !harmless(m)) {
		return false
	}
	return audience == "crm" && confirmation.Thumbprint == bound
}

// harmless reports whether nothing in a header has a meaning of its own, but for what is needed, which is not at all so in claims.
func harmless(m wire.Members) bool {
	for name, value := range m {
		switch name {
		case "alg", "enc", "kid", "aud", "cnf", "iss", "sub", "appid", "deviceid", "jti", "token", "iat", "exp":
		case "typ", "cty":
			if _, err := m.Text(name); err != nil {
				return false
			}
		default:
			var any any
			if !strings.HasPrefix(name, "own-") || json.Unmarshal(value, &any) != nil {
				return false
			}
		}
	}
	return true
}

// boundAlike judges by the JSON library that two objects have the same cnf.
func boundAlike(one, other []byte) bool {
	m, err := wire.StrictObject(one)
	n, unread := wire.StrictObject(other)
	var first, second any
	return errors.Join(err, unread) == nil && json.Unmarshal(m["cnf"], &first) == nil && json.Unmarshal(n["cnf"], &second) == nil && reflect.DeepEqual(first, second)
}

// lives judges by the JSON library that claims are the issuer's and have an end that is yet to come. Beyond doubt are whole numbers.
func lives(payload []byte, beyondDoubt bool) bool {
	m, err := wire.StrictObject(payload)
	if err != nil {
		return false
	}
	issuer, err := m.Text("iss")
	expires, endless := strconv.ParseFloat(string(m["exp"]), 64)
	return errors.Join(err, endless) == nil && issuer == "https://as.example" && expires > fuzzNow && (!beyondDoubt || digits.Match(m["exp"]))
}

func joseOpens(compact string) []byte {
	parsed, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil || !namesKey(compact) {
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
	if err != nil || !namesKey(compact) {
		return nil
	}
	return append([]byte{}, payload...)
}

// namesKey reports whether the header names the key, by the JSON library.
func namesKey(compact string) bool {
	m, err := wire.StrictObject(headerOf(compact))
	if err != nil {
		return false
	}
	kid, err := m.Text("kid")
	return err == nil && kid == key.ID
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
	var all []string
	for _, member := range []string{
		`"b64":false`, `"p2c":1`, `"jwk":{"kty":"oct","k":"AAAA"}`, `"jwk":1`, `"jku":1`, `"x5u":1`, `"x5c":["AAAA"]`, `"x5t":1`, `"typ":1`, `"cty":1`, `"nonce":1`, `"epk":{}`, `"apu":1`, `"own-x":1e400`,
		`"own-x":{"y":[1]}`, `"typ":"sealed+jwt"`, `"alg":"none"`, `"ALG":"none"`, `"ZIP":"DEF"`, `"AUD":"erp"`, `"CNF":{"jkt":"other"}`, `"own-x":"\ud800"`,
	} {
		all = append(all, head(`,"cnf"`, ","+member+`,"cnf"`), head(bound+`"}}`, bound+`"},`+member+"}"), within(`,"sub"`, ","+member+`,"sub"`))
	}
	return append(all,
		sealedLike(12, 12), sealedLike(16, 16), head(key.ID, key.ID+"0"), head(`"kid":"`+key.ID+`",`, ""), head(`"aud":"crm",`, ""), head(`,"cnf":{"jkt":"`+bound+`"}`, ""), head("{", " {"),
		within(`"exp":1300`, `"Exp":1300`), within(`"aud"`, `"AUD"`), within(`"exp":1300`, `"exp":"1300"`), within(`"exp":1300`, `"exp":1.3e3`), within(`"exp":1300`, `"exp":1,"exp":1300`), within("alice", "al\xffce"), within("alice", `\ud800`),
		within(`"iss":"https://as.example"`, `"iss":["https://as.example"]`), within("crm", "CRM"), head("crm", "CRM"), head(`"crm"`, `["crm"]`), within(`"crm"`, `["crm"]`),
		right, "", "....", right+"=", right+"\n", right+".AAAA", right[:cut], flipped, strings.Replace(right, "..", ".AAAA.", 1),
		sealedAs(more(sealedHeader), more(plainInside)), sealedAs(more(sealedHeader), plainInside), sealedAs(sealedHeader, more(plainInside)),
		head(`"crm"`, `"erp"`), head(bound, "other"), head(`,"cnf"`, `,"zip":"DEF","cnf"`), head(`,"cnf"`, `,"crit":["exp"],"exp":1,"cnf"`),
		head(`"aud"`, `"aud":"erp","aud"`), head(`"dir"`, `"none"`), head(`"A256GCM"`, `"A128GCM"`),
		within(`"aud":"crm"`, `"aud":"erp"`), within(bound, "other"), within(`"exp":1300`, `"exp":1000`), within(`,"exp":1300`, ``), within("as.example", "as.example.evil"),
		within(`"exp":1300`, `"exp":1300,"exp":1`), within("alice", `\u0061lice`), within("alice", "é"), within(`"sub"`, ` "sub" `),
	)
}

// sealedLike is a good token with a nonce and a tag of other lengths, where one of them is another than is right.
func sealedLike(nonceSize, tagSize int) string {
	block, err := aes.NewCipher(key.Secret)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, nonceSize)
	if tagSize != 16 {
		gcm, err = cipher.NewGCMWithTagSize(block, tagSize)
	}
	if err != nil {
		panic(err)
	}
	head, nonce := raw64([]byte(sealedHeader)), bytes.Repeat([]byte{1}, nonceSize)
	all := gcm.Seal(nil, nonce, []byte(plainInside), []byte(head))
	return head + ".." + raw64(nonce) + "." + raw64(all[:len(plainInside)]) + "." + raw64(all[len(plainInside):])
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
			if opened := joseOpens(c); errors.Is(err, token.ErrBinding) && opened != nil && isBound(headerOf(c), false) && isBound(opened, false) {
				return opened, nil
			}
			return payload, err
		})),
		Entry("that does not look at the issuer", lenient(token.ErrIssuer)),
		Entry("that lets tokens live for ever", lenient(token.ErrExpired)),
		Entry("that needs no end", lenient(token.ErrClaims)),
		Entry("that ignores zip, crit and alg", lenient(token.ErrHeader)),
		Entry("that takes a tag of twelve bytes", opening(right, func(parts []string) ([]byte, error) {
			return unsealed(parts, 12, 12)
		})),
		Entry("that takes a nonce of sixteen bytes", opening(right, func(parts []string) ([]byte, error) {
			return unsealed(parts, 16, 16)
		})),
		Entry("that takes the key whatever kid says", opening(right, func(parts []string) ([]byte, error) {
			return jwe.Decrypt([]byte(strings.Join(parts, ".")), jwe.WithKey(jwa.DIRECT(), key.Secret))
		})),
		Entry("that takes the last of two members, in any case", opening(right, func(parts []string) ([]byte, error) {
			opened := joseOpens(strings.Join(parts, "."))
			var said struct {
				Audience string  `json:"aud"`
				Expires  float64 `json:"exp"`
			}
			if json.Unmarshal(opened, &said) != nil || said.Audience != "crm" || said.Expires <= fuzzNow || !bytes.Contains(opened, []byte(`as.example"`)) || !bytes.Contains(opened, []byte(bound)) {
				return nil, token.ErrClaims
			}
			return opened, nil
		})),
		Entry("that refuses a header that says its type", judge(func(c string) ([]byte, error) {
			payload, err := right(c)
			if bytes.Contains(headerOf(c), []byte("typ")) {
				err = token.ErrHeader
			}
			return payload, err
		})),
		Entry("that refuses lists", judge(func(c string) ([]byte, error) {
			payload, err := right(c)
			if bytes.Contains(payload, []byte("[")) {
				err = token.ErrClaims
			}
			return payload, err
		})),
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

// opening is a validator that takes also what another way of opening gives.
func opening(right judge, other func(parts []string) ([]byte, error)) judge {
	return func(compact string) ([]byte, error) {
		payload, err := right(compact)
		if parts := strings.Split(compact, "."); err != nil && len(parts) == 5 {
			if opened, unopened := other(parts); unopened == nil {
				return opened, nil
			}
		}
		return payload, err
	}
}

// unsealed opens a token with a nonce and a tag of those lengths.
func unsealed(parts []string, nonceSize, tagSize int) ([]byte, error) {
	block, err := aes.NewCipher(key.Secret)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, nonceSize)
	if tagSize != 16 {
		gcm, err = cipher.NewGCMWithTagSize(block, tagSize)
	}
	nonce, misspelled := base64.RawURLEncoding.DecodeString(parts[2])
	contents, worse := base64.RawURLEncoding.DecodeString(parts[3])
	tag, worst := base64.RawURLEncoding.DecodeString(parts[4])
	if err := errors.Join(err, misspelled, worse, worst); err != nil || len(nonce) != nonceSize || len(tag) != tagSize {
		return nil, token.ErrNotOpened
	}
	return gcm.Open(nil, nonce, append(contents, tag...), []byte(parts[0]))
}
