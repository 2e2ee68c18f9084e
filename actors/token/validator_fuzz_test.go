package token_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
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

const fuzzNow = 1100

// issuing is a key of the issuer of what is fuzzed.
type issuing struct {
	alg, kid string
	own      any                     // that the validator trusts
	jose     jose.SignatureAlgorithm // and the libraries, by their names for it
	jwx      jwa.SignatureAlgorithm
	sign     func(input []byte) []byte
}

func (i issuing) header() string {
	return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"pass+jwt"}`, i.alg, i.kid)
}

var fuzzSecret = []byte("a secret of thirty-two bytes and more")

// fuzzIssuer has one key of each algorithm.
var fuzzIssuer = sync.OnceValue(func() []issuing {
	ed := ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes 45678"))
	ec, err := token.NewSigner(seeded(1), "ec")
	if err != nil {
		panic(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return []issuing{
		{"EdDSA", "ed", ed.Public(), jose.EdDSA, jwa.EdDSA(), func(input []byte) []byte { return ed25519.Sign(ed, input) }},
		{"ES256", "ec", &ec.Key.PublicKey, jose.ES256, jwa.ES256(), func(input []byte) []byte {
			digest := sha256.Sum256(input)
			der, err := ec.Key.Sign(nil, digest[:], crypto.SHA256)
			var both struct{ R, S *big.Int }
			if _, unread := asn1.Unmarshal(der, &both); err != nil || unread != nil {
				panic(errors.Join(err, unread))
			}
			return append(both.R.FillBytes(make([]byte, 32)), both.S.FillBytes(make([]byte, 32))...)
		}},
		{"RS256", "rs", &rs.PublicKey, jose.RS256, jwa.RS256(), func(input []byte) []byte {
			digest := sha256.Sum256(input)
			signature, err := rsa.SignPKCS1v15(nil, rs, crypto.SHA256, digest[:])
			if err != nil {
				panic(err)
			}
			return signature
		}},
		{"HS256", "hs", fuzzSecret, jose.HS256, jwa.HS256(), func(input []byte) []byte { return mac(string(input)) }},
	}
})

// keyOf is the key that a header names, by the JSON library.
func keyOf(header []byte) (issuing, bool) {
	m, err := wire.StrictObject(header)
	if err != nil {
		return issuing{}, false
	}
	kid, err := m.Text("kid")
	i := slices.IndexFunc(fuzzIssuer(), func(i issuing) bool { return err == nil && i.kid == kid })
	if i < 0 {
		return issuing{}, false
	}
	return fuzzIssuer()[i], true
}

// judge is a validator under suspicion: the payload of a token that it takes, or why it takes none.
type judge func(compact string) (payload []byte, err error)

func trueJudge() judge {
	var trusted []token.Trusted
	for _, i := range fuzzIssuer() {
		trusted = append(trusted, token.Trusted{ID: i.kid, Algorithm: token.Algorithm(i.alg), Key: i.own})
	}
	v, err := token.NewValidator(
		token.Expectation{Issuer: "https://platform.example", Audience: "tp-a", Type: "pass+jwt", Now: func() time.Time { return time.Unix(fuzzNow, 0) }},
		trusted...,
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
	case err == nil && !typed(compact):
		return fmt.Sprintf("%q is taken, whose header says that it is something else", compact)
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

// saysWhatItHasTo judges a payload by the JSON library. Beyond doubt are whole numbers.
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
		named = named || one == "tp-a"
		if _, isText := one.(string); !isText {
			return false
		}
	}
	number := func(name string, otherwise float64) (float64, bool) {
		if m[name] == nil {
			return otherwise, true
		}
		f, err := strconv.ParseFloat(string(m[name]), 64)
		return f, err == nil && (!beyondDoubt || digits.Match(m[name]))
	}
	expires, ok := number("exp", 0)
	begins, fine := number("nbf", 0)
	if beyondDoubt && len(m) > 100 {
		return false // what a strict reader may refuse
	}
	return named && ok && fine && expires > fuzzNow && begins <= fuzzNow
}

// headerOf is the header of a compact token, empty where that is not base64url.
func headerOf(compact string) []byte {
	head, _, _ := strings.Cut(compact, ".")
	raw, _ := base64.RawURLEncoding.Strict().DecodeString(head)
	return raw
}

// typed reports whether the header names the type of the token, by the JSON library.
func typed(compact string) bool {
	m, err := wire.StrictObject(headerOf(compact))
	if err != nil {
		return false
	}
	typ, err := m.Text("typ")
	return err == nil && regexp.MustCompile(`^(?i:(application/)?pass\+jwt)$`).MatchString(typ) && !regexp.MustCompile(`[^ -~]`).MatchString(typ)
}

// plainHeader reports whether a header has nothing in it but a key with its algorithm, and the type.
func plainHeader(compact string) bool {
	m, err := wire.StrictObject(headerOf(compact))
	key, known := keyOf(headerOf(compact))
	return err == nil && len(m) == 3 && known && string(m["alg"]) == strconv.Quote(key.alg) && typed(compact) && headerOf(compact)[0] == '{'
}

// joseTakes is the payload, when go-jose takes the signature by the key that the header names.
func joseTakes(compact string) []byte {
	key, known := keyOf(headerOf(compact))
	parsed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{key.jose})
	if err != nil || !known {
		return nil
	}
	payload, err := parsed.Verify(key.own)
	if err != nil {
		return nil
	}
	return payload
}

// jwxTakes is the same by jwx.
func jwxTakes(compact string) []byte {
	key, known := keyOf(headerOf(compact))
	if !known {
		return nil
	}
	payload, err := jws.Verify([]byte(compact), jws.WithKey(key.jwx, key.own))
	if err != nil {
		return nil
	}
	return payload
}

func raw64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func mac(input string) []byte {
	m := hmac.New(sha256.New, fuzzSecret)
	m.Write([]byte(input))
	return m.Sum(nil)
}

// signed signs any header with any payload, by the key that the header names, or else by the secret.
func signed(header, payload string) string {
	input := raw64([]byte(header)) + "." + raw64([]byte(payload))
	if key, known := keyOf([]byte(header)); known {
		return input + "." + raw64(key.sign([]byte(input)))
	}
	return input + "." + raw64(mac(input))
}

const hsHeader = `{"alg":"HS256","kid":"hs","typ":"pass+jwt"}`

// suspects are tokens that tell wrong validators from right ones; fuzzing begins with them.
func suspects() (all []string) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, key := range fuzzIssuer() {
		right := signed(key.header(), good)
		cut := strings.LastIndexByte(right, '.') + 1
		wrong := key.sign([]byte(right[:cut-1]))
		wrong[len(wrong)-1] ^= 1
		other := strings.Replace(key.header(), `"kid"`, `"kid":"hs","k"`, 1)
		if key.kid == "hs" {
			other = strings.Replace(key.header(), `"hs"`, `"ed"`, 1)
		}
		all = append(all,
			right, right[:cut], right[:len(right)-1], right[:cut]+raw64(wrong), right[:cut]+raw64(make([]byte, len(wrong))),
			signedBy(key, other, good), signedBy(key, strings.Replace(key.header(), key.alg, "XS256", 1), good),
			signedBy(key, strings.Replace(key.header(), `"kid":"`+key.kid+`",`, "", 1), good),
		)
	}
	hs := signed(hsHeader, good)
	with := func(old, new string) string { return signed(hsHeader, strings.Replace(good, old, new, 1)) }
	head := func(old, new string) string { return signed(strings.Replace(hsHeader, old, new, 1), good) }
	cut := strings.LastIndexByte(hs, '.') + 1
	m := mac(hs[:cut-1])
	// bits gives the same bytes another spelling, in a part of three that has bits to spare.
	bits := func(part int, header, payload string) string {
		split := strings.Split(signed(header, payload), ".")
		last := len(split[part]) - 1
		split[part] = split[part][:last] + string(alphabet[strings.IndexByte(alphabet, split[part][last])^1])
		if part < 2 {
			split[2] = raw64(mac(split[0] + "." + split[1]))
		}
		return strings.Join(split, ".")
	}
	ed := fuzzIssuer()[0].own.(ed25519.PublicKey)
	confused := raw64([]byte(`{"alg":"HS256","kid":"ed","typ":"pass+jwt"}`)) + "." + raw64([]byte(good))
	byPublic := hmac.New(sha256.New, ed)
	byPublic.Write([]byte(confused))
	all = append(all,
		"", "..", "e30.e30.", hs+"=", hs+"\n", hs+".AAAA", bits(2, hsHeader, good),
		bits(0, strings.Replace(hsHeader, "{", "{ ", 1), good), bits(0, strings.Replace(hsHeader, "{", "{  ", 1), good),
		bits(1, hsHeader, strings.Replace(good, "{", "{ ", 1)), bits(1, hsHeader, strings.Replace(good, "{", "{  ", 1)),
		hs[:cut]+raw64(append(append([]byte{}, m[:8]...), make([]byte, 24)...)), confused+"."+raw64(byPublic.Sum(nil)),
	)
	for _, none := range []string{"none", "NONE", "nOnE", ""} {
		all = append(all, raw64([]byte(strings.Replace(hsHeader, "HS256", none, 1)))+"."+raw64([]byte(good))+".")
	}
	for _, member := range []string{
		`"crit":["exp"],"exp":1`, `"b64":false`, `"b64":true`, `"zip":"DEF"`, `"enc":"A256GCM"`, `"jwk":{"kty":"oct","k":"AAAA"}`, `"jwk":1`, `"jku":1`, `"x5u":1`, `"x5c":["AAAA"]`,
		`"x5t":1`, `"x5t#S256":1`, `"cty":1`, `"nonce":1`, `"a":1e400`, `"alg":"none"`, `"kid":"ed"`, `"typ":"other"`, `"ALG":"none"`, `"Kid":"ed"`, `"CRIT":["x"]`, `"x":"\ud800"`,
	} {
		all = append(all, head("}", ","+member+"}"), head("{", "{"+member+","))
	}
	return append(all,
		head(`,"typ":"pass+jwt"`, ""), head("pass+jwt", "logout+jwt"), head("pass+jwt", "application/pass+jwt"), head("pass+jwt", "PASS+JWT"), head("pass+jwt", "paſſ+jwt"), head(`"pass+jwt"`, "1"),
		head("{", " {"), head("}", "}\n"), head("kid", `k\u0069d`),
		with(`"exp":1300`, `"exp":1000`), with(`"exp":1300`, `"exp":1100`), with(`,"exp":1300`, ``), with(`"nbf":1000`, `"nbf":1200`),
		with("tp-a", "tp-abc"), with("tp-a", "TP-A"), with(`"tp-a"`, `["tp-b","tp-a"]`), with(`"tp-a"`, `["tp-b"]`), with(`"tp-a"`, `["tp-a",1]`),
		with("https://platform.example", "https://platform.example.evil"), with("https://platform.example", "https://Platform.example"),
		with(`"exp":1300`, `"exp":1300,"exp":1`), with(`"exp":1300`, `"exp":1,"exp":1300`), with(`"exp"`, `"Exp"`), with(`"iss"`, `"ISS"`), with(`"aud"`, `"AUD"`), with(`"exp":1300`, `"exp":"1300"`), with(`"nbf":1000`, `"nbf":null`),
		with(`"nbf":1000,`, ``), with(`"nbf":1000`, `"in":{"deep":{"er":[1,{"a":null}]}}`),
		with("alice", `\u0061lice`), with("alice", `\ud800`), with("alice", "al\xffce"), with(`"iss"`, ` "iss" `), with("1300", "1.3e3"), with("alice", "é"), with(good, good+"x"),
	)
}

// signedBy signs any header with any payload, by that key.
func signedBy(key issuing, header, payload string) string {
	input := raw64([]byte(header)) + "." + raw64([]byte(payload))
	return input + "." + raw64(key.sign([]byte(input)))
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
	_, rest, _ := strings.Cut(compact, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if key, known := keyOf(headerOf(compact)); ok && known {
		input := compact[:strings.IndexByte(compact, '.')+1] + payload
		return input + "." + raw64(key.sign([]byte(input)))
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
		Entry("that takes alg none", though(func(c string) bool { return bytes.Contains(headerOf(c), []byte(`"none"`)) })),
		Entry("that takes the public key for a secret", though(func(c string) bool {
			cut := strings.LastIndexByte(c, '.')
			m := hmac.New(sha256.New, fuzzIssuer()[0].own.(ed25519.PublicKey))
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
		Entry("that ignores crit", though(func(c string) bool { return trueMAC(c) && bytes.Contains(headerOf(c), []byte("crit")) })),
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

	It("has nothing against a validator that is made of libraries", func() { Expect(objects(carelessly(""))).To(BeEmpty()) })

	carelesses := []any{func(f fault) { Expect(objects(carelessly(f))).NotTo(BeEmpty()) }}
	for _, f := range faults {
		carelesses = append(carelesses, Entry(string(f), f))
	}
	DescribeTable("objects to a validator", carelesses...)
})
