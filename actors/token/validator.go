package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"math"
	"strings"
	"sync"
	"time"
)

// Algorithm is the `alg` of a signed token (RFC 7518 section 3.1, RFC 8037 section 3.1).
type Algorithm string

// The algorithms that a Validator knows.
const (
	EdDSA Algorithm = "EdDSA" // with Ed25519
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256"
	HS256 Algorithm = "HS256"
)

// Trusted is a key that signs tokens, by its ID, for one algorithm and no other (RFC 8725 section 3.1).
type Trusted struct {
	ID        string // `kid`
	Algorithm Algorithm
	// Key is an ed25519.PublicKey, an *ecdsa.PublicKey of P-256, an *rsa.PublicKey of 2048 bits or more, or a secret of 32 bytes or more.
	Key any
}

// Expectation is what a signed token has to say beside its signature.
type Expectation struct {
	Issuer, Audience string
	// Type is the `typ` that the header has to have, without "application/" and in whatever case (RFC 8725 section 3.11); empty: any, or none.
	Type string
	// Leeway is by how much clocks may differ.
	Leeway time.Duration
	// Now is the time that `exp` and `nbf` are judged by.
	Now func() time.Time
}

// The reasons for which a Validator refuses a token that is well formed, besides [ErrNotSigned].
var (
	ErrHeader     = errors.New("the token's header asks for what is not done here, or names no type that is taken")
	ErrUnknownKey = errors.New("the token names no key that is trusted for its algorithm")
	ErrClaims     = errors.New("the token's payload is no object, or lacks a member, or has one of another type")
	ErrIssuer     = errors.New("the token is of another issuer")
	ErrAudience   = errors.New("the token is for another audience")
	ErrExpired    = errors.New("the token has expired")
	ErrNotYet     = errors.New("the token is not valid yet")
)

// KeyError says that a key cannot be trusted for its algorithm.
type KeyError struct {
	ID  string
	Why string
}

func (e *KeyError) Error() string { return fmt.Sprintf("the key %q cannot be used: %s", e.ID, e.Why) }

// Validator judges signed tokens, as a resource server does for every request. It may be used by many at a time.
//
// A header that has stood under a true signature is known by its text from then on, and neither decoded nor parsed again.
type Validator struct {
	expected Expectation
	keys     map[string]*verifier
	headers  headers[*verifier]
}

// knownHeaders is how many headers a Validator remembers at most.
const knownHeaders = 256

// ExpectationError says that an expectation would take any token.
type ExpectationError struct{ Lacks string }

func (e *ExpectationError) Error() string {
	return fmt.Sprintf("the expectation names no %s, and so would take tokens that were made for others; name it", e.Lacks)
}

// NewValidator makes one that trusts these keys. The error is a *KeyError or an *ExpectationError.
func NewValidator(expected Expectation, keys ...Trusted) (*Validator, error) {
	switch {
	case expected.Issuer == "":
		return nil, &ExpectationError{"issuer"}
	case expected.Audience == "":
		return nil, &ExpectationError{"audience"}
	case expected.Now == nil:
		return nil, &ExpectationError{"clock"}
	}
	v := &Validator{expected: expected, keys: map[string]*verifier{}, headers: rememberHeaders[*verifier](knownHeaders)}
	for _, k := range keys {
		made, err := k.verifier()
		if err != nil {
			return nil, err
		}
		if _, twice := v.keys[k.ID]; twice {
			return nil, &KeyError{k.ID, "another key has the same ID"}
		}
		v.keys[k.ID] = made
	}
	return v, nil
}

// Validate judges a compact JWS and reads it into c. The error is nil for a token that is good, a *MalformedError, ErrNotSigned, or one of the errors
// of this package that say what is wrong with a token.
func (v *Validator) Validate(compact string, c *Claims) error {
	if len(compact) > MaxLength {
		return &MalformedError{fmt.Sprintf("it is longer than %d bytes", MaxLength)}
	}
	dot := strings.IndexByte(compact, '.')
	if dot < 0 {
		return &MalformedError{"it has 1 part and not 3"}
	}
	header := compact[:dot]
	signed := dot + 1 + strings.IndexByte(compact[dot+1:], '.') // the end of what the signature is over
	if signed == dot || strings.IndexByte(compact[signed+1:], '.') >= 0 {
		return &MalformedError{"it has another number of parts than 3"}
	}
	known, spot := v.headers.find(header)
	var key *verifier
	if known != nil {
		key = *known
	} else {
		var err error
		if key, err = v.keyOf(header); err != nil {
			return err
		}
	}
	if !key.verify(compact[:signed], compact[signed+1:]) {
		return ErrNotSigned
	}
	if known == nil {
		spot.keep(header, func() *verifier { return key })
	}
	var ok bool
	if c.text, ok = appendDecoded(c.text[:0], compact[dot+1:signed]); !ok {
		return &MalformedError{"the payload is not base64url"}
	}
	return v.judge(c)
}

// keyOf reads a header: the algorithm is that of the key and nothing else is asked for (RFC 8725 sections 3.1 and 3.2, RFC 7515 section 4.1.11).
func (v *Validator) keyOf(header string) (*verifier, error) {
	var said Claims
	if !said.readHeader(header) {
		return nil, errHeader
	}
	if !said.asksForNothing() || said.find("enc") != nil {
		return nil, ErrHeader
	}
	if v.expected.Type != "" && !IsType(string(said.Text("typ")), v.expected.Type) {
		return nil, ErrHeader
	}
	key := v.keys[string(said.Text("kid"))]
	if key == nil || string(said.Text("alg")) != string(key.algorithm) {
		return nil, ErrUnknownKey
	}
	return key, nil
}

// IsType reports whether a header's `typ` is that type, which is ASCII, without "application/" or with it, in whatever case (RFC 7515 section 4.1.9).
func IsType(typ, wanted string) bool {
	const prefix = "application/"
	// EqualFold knows letters of other alphabets that have one of ASCII for another case; they are longer.
	same := func(one, other string) bool { return len(one) == len(other) && strings.EqualFold(one, other) }
	if len(typ) > len(prefix) && same(typ[:len(prefix)], prefix) {
		typ = typ[len(prefix):]
	}
	return same(typ, wanted)
}

// judge is what RFC 7519 section 4.1 asks of the claims. `exp` has to be there.
func (v *Validator) judge(c *Claims) error {
	if !c.read() {
		return ErrClaims
	}
	expires, there, ok := c.seconds("exp", math.Floor)
	begins, _, fine := c.seconds("nbf", math.Ceil)
	if !there || !ok || !fine {
		return ErrClaims
	}
	c.expires = expires
	if string(c.Text("iss")) != v.expected.Issuer {
		return ErrIssuer
	}
	if !c.names(v.expected.Audience) {
		return ErrAudience
	}
	now, leeway := v.expected.Now().Unix(), int64(v.expected.Leeway/time.Second)
	if now >= expires+leeway {
		return ErrExpired
	}
	if now < begins-leeway {
		return ErrNotYet
	}
	return nil
}

// verifier verifies signatures by one key.
type verifier struct {
	algorithm Algorithm
	eddsa     ed25519.PublicKey
	ecdsa     *ecdsa.PublicKey
	rsa       *rsa.PublicKey
	benches   sync.Pool // of *bench
}

// bench is what one verification needs.
type bench struct {
	input, signature []byte
	mac              hash.Hash
	sum              [sha256.Size]byte
}

func (k Trusted) verifier() (*verifier, error) {
	v := &verifier{algorithm: k.Algorithm}
	v.benches.New = func() any { return &bench{} }
	switch key := k.Key.(type) {
	case ed25519.PublicKey:
		if k.Algorithm != EdDSA || len(key) != ed25519.PublicKeySize {
			return nil, &KeyError{k.ID, "an Ed25519 key of 32 bytes is for EdDSA"}
		}
		v.eddsa = key
	case *ecdsa.PublicKey:
		if k.Algorithm != ES256 || key == nil || key.Curve != elliptic.P256() {
			return nil, &KeyError{k.ID, "a key of the curve P-256 is for ES256"}
		}
		v.ecdsa = key
	case *rsa.PublicKey:
		if k.Algorithm != RS256 || key == nil || key.N == nil || key.N.BitLen() < 2048 {
			return nil, &KeyError{k.ID, "an RSA key of 2048 bits or more is for RS256"}
		}
		v.rsa = key
	case []byte:
		if k.Algorithm != HS256 || len(key) < sha256.Size { // RFC 7518 section 3.2
			return nil, &KeyError{k.ID, "a secret of 32 bytes or more is for HS256"}
		}
		secret := append([]byte(nil), key...)
		v.benches.New = func() any { return &bench{mac: hmac.New(sha256.New, secret)} }
	default:
		return nil, &KeyError{k.ID, fmt.Sprintf("%T is no key of EdDSA, ES256, RS256 or HS256", k.Key)}
	}
	return v, nil
}

func (v *verifier) verify(input, signature string) bool {
	b := v.benches.Get().(*bench)
	defer v.benches.Put(b)
	var ok bool
	if b.signature, ok = appendDecoded(b.signature[:0], signature); !ok {
		return false
	}
	b.input = append(b.input[:0], input...)
	switch {
	case v.eddsa != nil:
		return ed25519.Verify(v.eddsa, b.input, b.signature)
	case v.ecdsa != nil:
		if len(b.signature) != 64 { // RFC 7518 section 3.4
			return false
		}
		b.sum = sha256.Sum256(b.input)
		b.signature = appendASN1(b.signature, b.signature[:32], b.signature[32:])
		return ecdsa.VerifyASN1(v.ecdsa, b.sum[:], b.signature[64:])
	case v.rsa != nil:
		b.sum = sha256.Sum256(b.input)
		return rsa.VerifyPKCS1v15(v.rsa, crypto.SHA256, b.sum[:], b.signature) == nil
	default:
		b.mac.Reset()
		b.mac.Write(b.input)
		return hmac.Equal(b.mac.Sum(b.sum[:0]), b.signature)
	}
}

// appendASN1 appends the two numbers as the sequence that the standard library takes (RFC 3279 section 2.2.3).
func appendASN1(dst, r, s []byte) []byte {
	r, s = natural(r), natural(s)
	length := func(n []byte) int { return 2 + len(n) + int(n[0]>>7) }
	dst = append(dst, 0x30, byte(length(r)+length(s)))
	for _, n := range [2][]byte{r, s} {
		dst = append(dst, 0x02, byte(length(n)-2))
		if n[0]>>7 == 1 { // or else it would be a negative number
			dst = append(dst, 0)
		}
		dst = append(dst, n...)
	}
	return dst
}

// natural is a number without leading zeros, of one byte at least.
func natural(n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	return n
}
