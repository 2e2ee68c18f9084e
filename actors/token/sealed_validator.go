package token

import (
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

// ErrBinding says that a token is bound to no key, or to another than the one that its sender has proved to hold.
var ErrBinding = errors.New("the token is bound to another key, or to none")

// SealedExpectation is what a sealed token has to say.
type SealedExpectation struct {
	Issuer string
	// Audience is the system that the token is for, in its header and within.
	Audience string
	// Now is the time that `exp` is judged by.
	Now func() time.Time
}

// SealedValidator judges sealed tokens (JWE `dir` with A256GCM), as a business system does for every request. It may be used by many at a time.
type SealedValidator struct {
	expected SealedExpectation
	keys     map[string]cipher.AEAD
	benches  sync.Pool // of *sealedBench
}

// sealedBench is what opening one token needs.
type sealedBench struct {
	header          Claims
	nonce, contents []byte
	data            []byte
}

// NewSealedValidator makes one that opens tokens with these keys. The error is a *KeyError or an *ExpectationError.
func NewSealedValidator(expected SealedExpectation, keys ...Key) (*SealedValidator, error) {
	switch {
	case expected.Issuer == "":
		return nil, &ExpectationError{"issuer"}
	case expected.Audience == "":
		return nil, &ExpectationError{"audience"}
	case expected.Now == nil:
		return nil, &ExpectationError{"clock"}
	}
	v := &SealedValidator{expected: expected, keys: map[string]cipher.AEAD{}}
	v.benches.New = func() any { return &sealedBench{} }
	for _, k := range keys {
		gcm, err := aead(k.Secret)
		if err != nil {
			return nil, &KeyError{k.ID, err.Error()}
		}
		if _, twice := v.keys[k.ID]; twice {
			return nil, &KeyError{k.ID, "another key has the same ID"}
		}
		v.keys[k.ID] = gcm
	}
	return v, nil
}

// Validate judges a compact JWE that came with a proof by the key of that thumbprint (RFC 7638), and reads it into c. The token has to be for this system and
// bound to that key, in its header and within (RFC 7519 section 5.3). The error is nil for a token that is good, a *MalformedError, ErrNotOpened, or one of
// the errors of this package that say what is wrong with a token.
func (v *SealedValidator) Validate(compact, thumbprint string, c *Claims) error {
	if len(compact) > MaxLength {
		return &MalformedError{fmt.Sprintf("it is longer than %d bytes", MaxLength)}
	}
	header, rest, ok := strings.Cut(compact, ".")
	wrapped, rest, ok2 := strings.Cut(rest, ".")
	nonce, rest, ok3 := strings.Cut(rest, ".")
	contents, tag, ok4 := strings.Cut(rest, ".")
	if !ok || !ok2 || !ok3 || !ok4 || strings.IndexByte(tag, '.') >= 0 {
		return &MalformedError{"it has another number of parts than 5"}
	}
	b := v.benches.Get().(*sealedBench)
	defer v.benches.Put(b)
	gcm, err := v.read(header, b)
	if err != nil {
		return err
	}
	if wrapped != "" { // RFC 7518 section 4.5
		return ErrNotOpened
	}
	// A token for another system or another key is not even opened.
	if string(b.header.Text("aud")) != v.expected.Audience {
		return ErrAudience
	}
	if thumbprint == "" || string(b.header.Thumbprint()) != thumbprint {
		return ErrBinding
	}
	if b.nonce, ok = appendDecoded(b.nonce[:0], nonce); !ok || len(b.nonce) != nonceSize {
		return &MalformedError{"the initialization vector is not 12 bytes of base64url"}
	}
	if b.contents, ok = appendDecoded(b.contents[:0], contents); !ok {
		return &MalformedError{"the ciphertext is not base64url"}
	}
	length := len(b.contents)
	if b.contents, ok = appendDecoded(b.contents, tag); !ok || len(b.contents) != length+tagSize {
		return &MalformedError{"the tag is not 16 bytes of base64url"}
	}
	b.data = append(b.data[:0], header...)
	if c.text, err = gcm.Open(c.text[:0], b.nonce, b.contents, b.data); err != nil {
		c.text = c.text[:0]
		return ErrNotOpened
	}
	return v.judge(c, thumbprint)
}

// read reads the header, and gives what opens the token: one way of sealing, and nothing besides (RFC 8725 sections 3.1 and 3.6).
func (v *SealedValidator) read(header string, b *sealedBench) (cipher.AEAD, error) {
	h := &b.header
	var ok bool
	if len(header) > maxHeader {
		return nil, &MalformedError{"the header is longer than any needs to be"}
	}
	if h.text, ok = appendDecoded(h.text[:0], header); !ok || !h.read() {
		return nil, &MalformedError{"the header is no JSON object in base64url in which each member comes once"}
	}
	for _, forbidden := range [...]string{"zip", "crit", "b64", "p2c"} {
		if _, there := h.raw(forbidden); there {
			return nil, ErrHeader
		}
	}
	if string(h.Text("alg")) != "dir" || string(h.Text("enc")) != "A256GCM" {
		return nil, ErrHeader
	}
	gcm := v.keys[string(h.Text("kid"))]
	if gcm == nil {
		return nil, ErrUnknownKey
	}
	return gcm, nil
}

// judge judges what was within.
func (v *SealedValidator) judge(c *Claims, thumbprint string) error {
	if !c.read() {
		return ErrClaims
	}
	expires, there, ok := c.seconds("exp", math.Floor)
	if !there || !ok {
		return ErrClaims
	}
	c.expires = expires
	switch {
	case string(c.Text("aud")) != v.expected.Audience:
		return ErrAudience
	case string(c.Thumbprint()) != thumbprint:
		return ErrBinding
	case string(c.Text("iss")) != v.expected.Issuer:
		return ErrIssuer
	case v.expected.Now().Unix() >= expires:
		return ErrExpired
	}
	return nil
}

// Shared is the record of a token that its issuer shares with the system that the token is for.
type Shared struct {
	// Digest is the SHA-256 of `token`.
	Digest [sha256.Size]byte
	// Subject, App and Device are whom the token was given to.
	Subject, App, Device string
}

// Matches reports whether the claims are those of the shared record: `token`, compared in constant time, `sub`, `appid` and `deviceid`.
func (c *Claims) Matches(s *Shared) bool {
	secret := c.Text("token")
	digest := sha256.Sum256(secret)
	return len(secret) > 0 && subtle.ConstantTimeCompare(digest[:], s.Digest[:]) == 1 &&
		string(c.Text("sub")) == s.Subject && string(c.Text("appid")) == s.App && string(c.Text("deviceid")) == s.Device
}
