package token_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/token"
	"countersign/actors/wire"
)

// The keys and the time of what is fuzzed.
var (
	fuzzKey    = ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes 45678"))
	fuzzSecret = []byte("a secret of thirty-two bytes and more")
)

const fuzzNow = 1100

// judge is a validator under suspicion: the payload of a token that it takes, or why it takes none.
type judge func(compact string) (payload []byte, err error)

func trueJudge() judge {
	v, err := token.NewValidator(
		token.Expectation{Issuer: "https://platform.example", Audience: "tp-a", Now: func() time.Time { return time.Unix(fuzzNow, 0) }},
		token.Trusted{ID: "ed", Algorithm: token.EdDSA, Key: fuzzKey.Public()}, token.Trusted{ID: "hs", Algorithm: token.HS256, Key: fuzzSecret},
	)
	if err != nil {
		panic(err)
	}
	var c token.Claims
	return func(compact string) ([]byte, error) {
		err := v.Validate(compact, &c)
		return c.Payload(), err
	}
}

// objection is what two libraries have against a verdict; empty for nothing. What is taken has to be taken by both, and say what it has to by the JSON
// library. What both take, and has nothing in it that a strict reader may refuse, has to be taken.
func objection(judge judge, compact string) string {
	payload, err := judge(compact)
	first, second := joseTakes(compact), jwxTakes(compact)
	switch {
	case err == nil && (first == nil || second == nil):
		return fmt.Sprintf("%q is taken; go-jose takes it: %v; jwx takes it: %v", compact, first != nil, second != nil)
	case err == nil && !(bytes.Equal(first, payload) && bytes.Equal(second, payload)):
		return fmt.Sprintf("%q is read as %q; go-jose %q; jwx %q", compact, payload, first, second)
	case err == nil && !saysWhatItHasTo(payload, false):
		return fmt.Sprintf("%q is taken, which does not say what it has to", payload)
	case err == nil && !canonical(compact):
		return fmt.Sprintf("%q is taken, which is not the one spelling of what it says", compact)
	case !canonical(compact): // both libraries pass over line breaks, and bits beyond the last byte
	case errors.Is(err, token.ErrNotSigned) && first != nil && second != nil:
		return fmt.Sprintf("%q is refused, and both libraries take its signature", compact)
	case err != nil && first != nil && second != nil && plainHeader(compact) && saysWhatItHasTo(first, true):
		return fmt.Sprintf("%q is refused (%v), and nothing is wrong with it", compact, err)
	}
	return ""
}

// canonical reports whether each part is base64url as RFC 4648 section 3.5 has it, by the library.
func canonical(compact string) bool {
	for part := range strings.SplitSeq(compact, ".") {
		if decoded, err := base64.RawURLEncoding.DecodeString(part); err != nil || raw64(decoded) != part {
			return false
		}
	}
	return true
}

var digits = regexp.MustCompile(`^(0|[1-9][0-9]{0,9})$`)

// saysWhatItHasTo judges a payload by the JSON library. Beyond doubt are whole numbers, and an audience that is no list.
func saysWhatItHasTo(payload []byte, beyondDoubt bool) bool {
	m, err := wire.StrictObject(payload)
	if err != nil {
		return false
	}
	var issuer string
	var audience any
	if json.Unmarshal(m["iss"], &issuer) != nil || issuer != "https://platform.example" || json.Unmarshal(m["aud"], &audience) != nil {
		return false
	}
	list, _ := audience.([]any)
	named := audience == "tp-a"
	for _, one := range list {
		named = named || !beyondDoubt && one == "tp-a"
	}
	number := func(name string, otherwise float64) (float64, bool) {
		if !m.Has(name) {
			return otherwise, true
		}
		f, err := strconv.ParseFloat(string(m[name]), 64)
		return f, err == nil && (!beyondDoubt || digits.Match(m[name]))
	}
	expires, ok := number("exp", 0)
	begins, fine := number("nbf", 0)
	if beyondDoubt && (len(m) > 100 || bytes.Count(payload, []byte("{")) > 1 || bytes.Contains(payload, []byte("["))) {
		return false // what a strict reader may refuse
	}
	return named && ok && fine && expires > fuzzNow && begins <= fuzzNow
}

// plainHeader reports whether a header has nothing in it but a key with its algorithm.
func plainHeader(compact string) bool {
	head, _, _ := strings.Cut(compact, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil {
		return false
	}
	m, err := wire.StrictObject(raw)
	if err != nil || len(m) != 2 {
		return false
	}
	alg, kid := string(m["alg"]), string(m["kid"])
	return alg == `"HS256"` && kid == `"hs"` || alg == `"EdDSA"` && kid == `"ed"`
}

// joseTakes is the payload, when go-jose takes the signature by the key that the header names.
func joseTakes(compact string) []byte {
	parsed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.EdDSA, jose.HS256})
	if err != nil {
		return nil
	}
	var key any = fuzzKey.Public()
	if parsed.Signatures[0].Header.KeyID == "hs" {
		key = fuzzSecret
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return nil
	}
	return payload
}

// jwxTakes is the same by jwx.
func jwxTakes(compact string) []byte {
	if payload, err := jws.Verify([]byte(compact), jws.WithKey(jwa.HS256(), fuzzSecret)); err == nil {
		return payload
	}
	if payload, err := jws.Verify([]byte(compact), jws.WithKey(jwa.EdDSA(), fuzzKey.Public())); err == nil {
		return payload
	}
	return nil
}

func raw64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func mac(input string) []byte {
	m := hmac.New(sha256.New, fuzzSecret)
	m.Write([]byte(input))
	return m.Sum(nil)
}

// signed signs any header with any payload.
func signed(header, payload string) string {
	input := raw64([]byte(header)) + "." + raw64([]byte(payload))
	if strings.Contains(header, "EdDSA") {
		return input + "." + raw64(ed25519.Sign(fuzzKey, []byte(input)))
	}
	return input + "." + raw64(mac(input))
}

const hsHeader, edHeader = `{"alg":"HS256","kid":"hs"}`, `{"alg":"EdDSA","kid":"ed"}`

// suspects are tokens that tell wrong validators from right ones; fuzzing begins with them.
func suspects() []string {
	hs, ed := signed(hsHeader, good), signed(edHeader, good)
	with := func(old, new string) string { return signed(hsHeader, strings.Replace(good, old, new, 1)) }
	cut := strings.LastIndexByte(hs, '.') + 1
	m := mac(hs[:cut-1])
	last := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	confused := raw64([]byte(`{"alg":"HS256","kid":"ed"}`)) + "." + raw64([]byte(good))
	byPublic := hmac.New(sha256.New, fuzzKey.Public().(ed25519.PublicKey))
	byPublic.Write([]byte(confused))
	return []string{
		hs, ed, "", "..", "e30.e30.", hs + "=", hs + "\n", hs + ".AAAA", hs[:cut], hs[:len(hs)-1],
		hs[:len(hs)-1] + string(last[strings.IndexByte(last, hs[len(hs)-1])^1]),
		hs[:cut] + raw64(append(append([]byte{}, m[:8]...), make([]byte, 24)...)),
		raw64([]byte(`{"alg":"none","kid":"hs"}`)) + "." + raw64([]byte(good)) + ".",
		confused + "." + raw64(byPublic.Sum(nil)),
		signed(`{"alg":"HS256","kid":"hs","crit":["exp"],"exp":1}`, good),
		with(`"exp":1300`, `"exp":1000`), with(`"exp":1300`, `"exp":1100`), with(`,"exp":1300`, ``), with(`"nbf":1000`, `"nbf":1200`),
		with("tp-a", "tp-abc"), with(`"tp-a"`, `["tp-b","tp-a"]`), with("https://platform.example", "https://platform.example.evil"),
		with(`"exp":1300`, `"exp":1300,"exp":1`), with("alice", `\u0061lice`), with(`"iss"`, ` "iss" `), with("1300", "1.3e3"), with("alice", "é"), with(good, good+"x"),
	}
}

// FuzzValidator holds the validator to two libraries.
func FuzzValidator(f *testing.F) {
	for _, s := range suspects() {
		f.Add(s)
	}
	ours := trueJudge()
	f.Fuzz(func(t *testing.T, compact string) {
		for _, c := range []string{compact, resigned(compact)} {
			if why := objection(ours, c); why != "" {
				t.Fatal(why)
			}
		}
	})
}

// resigned is a token with a true signature, or else hardly any input would come past that.
func resigned(compact string) string {
	head, rest, _ := strings.Cut(compact, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if raw, err := base64.RawURLEncoding.DecodeString(head); ok && err == nil && strings.Contains(string(raw), "HS256") {
		return head + "." + payload + "." + raw64(mac(head+"."+payload))
	}
	return compact
}

var _ = Describe("The comparison of validators with two libraries", func() {
	objects := func(j judge) (first string) {
		for _, s := range suspects() {
			if why := objection(j, s); why != "" {
				return why
			}
		}
		return ""
	}

	It("has nothing against the validator", func() {
		Expect(objects(trueJudge())).To(BeEmpty())
	})

	// Each of these has one fault, of those that validators have had.
	right := trueJudge()
	payloadOf := func(compact string) []byte {
		parts := strings.Split(compact, ".")
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		return payload
	}
	headerOf := func(compact string) string {
		head, _, _ := strings.Cut(compact, ".")
		raw, _ := base64.RawURLEncoding.DecodeString(head)
		return string(raw)
	}
	// though takes also what passes another judgement.
	though := func(passes func(compact string) bool) judge {
		return func(compact string) ([]byte, error) {
			payload, err := right(compact)
			if err != nil && strings.Count(compact, ".") >= 2 && passes(compact) {
				return payloadOf(compact), nil
			}
			return payload, err
		}
	}
	trueMAC := func(compact string) bool {
		cut := strings.LastIndexByte(compact, '.')
		signature, err := base64.RawURLEncoding.DecodeString(compact[cut+1:])
		return err == nil && hmac.Equal(signature, mac(compact[:cut]))
	}
	// lenient passes over one reason for a refusal.
	lenient := func(about error) judge {
		return though(func(compact string) bool {
			_, err := right(compact)
			return errors.Is(err, about)
		})
	}

	DescribeTable("objects to a wrong validator",
		func(wrong judge) { Expect(objects(wrong)).NotTo(BeEmpty()) },
		Entry("that takes everything", though(func(string) bool { return true })),
		Entry("that takes nothing", judge(func(string) ([]byte, error) { return nil, token.ErrNotSigned })),
		Entry("that takes alg none", though(func(c string) bool { return strings.Contains(headerOf(c), `"none"`) })),
		Entry("that takes the public key for a secret", though(func(c string) bool {
			cut := strings.LastIndexByte(c, '.')
			m := hmac.New(sha256.New, fuzzKey.Public().(ed25519.PublicKey))
			m.Write([]byte(c[:cut]))
			return raw64(m.Sum(nil)) == c[cut+1:]
		})),
		Entry("that compares eight bytes of the signature", though(func(c string) bool {
			cut := strings.LastIndexByte(c, '.')
			signature, err := base64.RawURLEncoding.DecodeString(c[cut+1:])
			return err == nil && len(signature) == 32 && bytes.Equal(signature[:8], mac(c[:cut])[:8])
		})),
		Entry("that takes bits beyond the last byte", though(trueMAC)),
		Entry("that trims a token", judge(func(c string) ([]byte, error) { return right(strings.TrimRight(c, "=\n")) })),
		Entry("that ignores a fourth part", judge(func(c string) ([]byte, error) { return right(strings.TrimSuffix(c, ".AAAA")) })),
		Entry("that ignores crit", though(func(c string) bool { return trueMAC(c) && strings.Contains(headerOf(c), "crit") })),
		Entry("that lets tokens live for ever", lenient(token.ErrExpired)),
		Entry("that does not ask for an end, nor for names that come once", lenient(token.ErrClaims)),
		Entry("that does not wait for the beginning", lenient(token.ErrNotYet)),
		Entry("that looks for the audience within", lenient(token.ErrAudience)),
		Entry("that looks at the beginning of the issuer", lenient(token.ErrIssuer)),
		Entry("that refuses escapes", judge(func(c string) ([]byte, error) {
			payload, err := right(c)
			if err == nil && bytes.Contains(payload, []byte(`\`)) {
				err = token.ErrClaims
			}
			return payload, err
		})),
		Entry("that refuses white space", judge(func(c string) ([]byte, error) {
			payload, err := right(c)
			if err == nil && bytes.Contains(payload, []byte(` `)) {
				err = token.ErrClaims
			}
			return payload, err
		})),
		Entry("that gives the payload of the token before", func() judge {
			before := []byte(good)
			return func(c string) ([]byte, error) {
				payload, err := right(c)
				if err != nil {
					return nil, err
				}
				said := before
				before = bytes.Clone(payload)
				return said, nil
			}
		}()),
	)
})
