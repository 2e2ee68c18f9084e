package token

import (
	"bytes"
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
	headers  headers[sealedHeader]
	benches  sync.Pool // of *sealedBench
}

// sealedHeader is a header that asks for nothing but what is done here, for this system.
type sealedHeader struct {
	gcm        cipher.AEAD
	data       []byte // its text
	thumbprint []byte
	cnf        []byte // as it is spelled
}

// sealedBench is what reading one header needs.
type sealedBench struct {
	header Claims
	data   []byte
}

// recentDevices is how many headers a SealedValidator remembers at most: there is one for each device. They take 4 MB or so.
const recentDevices = 4096

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
	v := &SealedValidator{expected: expected, keys: map[string]cipher.AEAD{}, headers: rememberHeaders[sealedHeader](recentDevices)}
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
// bound to that key, in its header and within, with one `cnf` in both (RFC 7519 section 5.3). The error is nil for a token that is good, a *MalformedError, ErrNotOpened, or one of
// the errors of this package that say what is wrong with a token.
func (v *SealedValidator) Validate(compact, thumbprint string, c *Claims) error {
	if len(compact) > MaxLength {
		return &MalformedError{fmt.Sprintf("it is longer than %d bytes", MaxLength)}
	}
	if known, header := v.headers.before(compact, thumbprint); known != nil {
		if err := c.unseal(known, compact[len(header)+1:], thumbprint); err != nil {
			return err
		}
		return v.judge(c, known.cnf)
	}
	dot := strings.IndexByte(compact, '.')
	if dot < 0 {
		return errFiveParts
	}
	header, rest := compact[:dot], compact[dot+1:]
	b := v.benches.Get().(*sealedBench)
	defer v.benches.Put(b)
	h, err := v.read(header, b)
	if err != nil {
		return err
	}
	if err := c.unseal(&h, rest, thumbprint); err != nil {
		return err
	}
	v.headers.spot(header, thumbprint).keep(header, h.clone)
	return v.judge(c, h.cnf)
}

// unseal opens what comes after a header.
func (c *Claims) unseal(h *sealedHeader, rest, thumbprint string) error {
	// A token that is bound to another key is not even opened.
	if thumbprint == "" || string(h.thumbprint) != thumbprint {
		return ErrBinding
	}
	contents, err := c.unpack(rest)
	if err != nil {
		return err
	}
	if c.text, err = h.gcm.Open(contents[:0], c.buffer[:nonceSize], contents, h.data); err != nil {
		c.text = nil
		return ErrNotOpened
	}
	return nil
}

var errFiveParts = &MalformedError{"it has another number of parts than 5"}

// unpack puts what comes after the header into the buffer: the nonce, the contents and the tag. It gives the latter two. All have their lengths but the
// contents, so that nothing need be searched for; a dot within them is no base64url.
func (c *Claims) unpack(rest string) (contents []byte, err error) {
	const nonceEnd, tagLength = 1 + 16, 22 // characters
	tag := len(rest) - tagLength
	if tag <= nonceEnd+1 || rest[0] != '.' || rest[nonceEnd] != '.' || rest[tag-1] != '.' {
		return nil, misshapen(rest)
	}
	var ok bool
	if c.buffer, ok = appendDecoded(c.buffer[:0], rest[1:nonceEnd]); ok {
		if c.buffer, ok = appendDecoded(c.buffer, rest[nonceEnd+1:tag-1]); ok {
			c.buffer, ok = appendDecoded(c.buffer, rest[tag:])
		}
	}
	if !ok {
		return nil, misshapen(rest)
	}
	return c.buffer[nonceSize:], nil
}

// misshapen says what is wrong with what comes after a header.
func misshapen(rest string) error {
	parts := strings.Split(rest, ".")
	switch {
	case len(parts) != 4:
		return errFiveParts
	case parts[0] != "": // RFC 7518 section 4.5
		return ErrNotOpened
	}
	return &MalformedError{"the initialization vector, the ciphertext or the tag is not base64url, or of another length than 12 and 16 bytes"}
}

// clone is a header that shares nothing with the bench that it was read on.
func (h sealedHeader) clone() sealedHeader {
	return sealedHeader{h.gcm, bytes.Clone(h.data), bytes.Clone(h.thumbprint), bytes.Clone(h.cnf)}
}

// read reads the header, and gives what opens the token: one way of sealing, and nothing besides (RFC 8725 sections 3.1 and 3.6). A token for another
// system is not even opened.
func (v *SealedValidator) read(header string, b *sealedBench) (sealedHeader, error) {
	h := &b.header
	if !h.readHeader(header) {
		return sealedHeader{}, errHeader
	}
	if !h.sealsPlainly() {
		return sealedHeader{}, ErrHeader
	}
	gcm := v.keys[string(h.Text("kid"))]
	if gcm == nil {
		return sealedHeader{}, ErrUnknownKey
	}
	if string(h.Text("aud")) != v.expected.Audience {
		return sealedHeader{}, ErrAudience
	}
	b.data = append(b.data[:0], header...)
	made := sealedHeader{gcm: gcm, data: b.data, thumbprint: h.Thumbprint()}
	if m := h.find("cnf"); m != nil {
		made.cnf = m.value
	}
	return made, nil
}

// judge judges what was within, under a header with that cnf.
func (v *SealedValidator) judge(c *Claims, cnf []byte) error {
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
	case !c.confirms(cnf):
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
	// Thumbprint is `jkt`, of the key that the token was bound to when it was made (RFC 9449 section 6.2). A record without one matches no token.
	Thumbprint string
}

// Matches reports whether the claims are those of the shared record: `token`, compared in constant time, `sub`, `appid`, `deviceid`, and `jkt` in `cnf`.
func (c *Claims) Matches(s *Shared) bool {
	secret := c.Text("token")
	digest := sha256.Sum256(secret)
	return len(secret) > 0 && subtle.ConstantTimeCompare(digest[:], s.Digest[:]) == 1 &&
		string(c.Text("sub")) == s.Subject && string(c.Text("appid")) == s.App && string(c.Text("deviceid")) == s.Device &&
		s.Thumbprint != "" && c.boundTo(s.Thumbprint)
}
