package validate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"encoding/asn1"

	"github.com/go-jose/go-jose/v4"

	"countersign/actors/token"
)

// What the tokens of the contest say.
const (
	Issuer   = "https://platform.example"
	Audience = "third-party-a"
	Type     = "pass+jwt"
)

// SignedToken is a token of one algorithm, with the key that verifies it.
type SignedToken struct {
	Algorithm token.Algorithm
	KeyID     string
	Key       any // ed25519.PublicKey, *ecdsa.PublicKey, *rsa.PublicKey or []byte
	Compact   string
}

// SignedTokens makes a token of each algorithm, with new keys, good for a day.
func SignedTokens() ([]SignedToken, error) {
	public, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	all := []SignedToken{
		{Algorithm: token.EdDSA, Key: public}, {Algorithm: token.ES256, Key: &ec.PublicKey},
		{Algorithm: token.RS256, Key: &rs.PublicKey}, {Algorithm: token.HS256, Key: secret},
	}
	now := time.Now().Unix()
	payload, err := json.Marshal(map[string]any{
		"iss": Issuer, "aud": Audience, "sub": "alice", "jti": "4tmzRcp0pnxPTpVuTo4TGw", "iat": now, "nbf": now, "exp": now + 86400,
	})
	if err != nil {
		return nil, err
	}
	for i, private := range []any{ed, ec, rs, secret} {
		s := &all[i]
		s.KeyID = "key-" + strings.ToLower(string(s.Algorithm))
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.Algorithm), Key: private}, (&jose.SignerOptions{}).WithHeader("kid", s.KeyID).WithType(Type))
		if err != nil {
			return nil, err
		}
		signed, err := signer.Sign(payload)
		if err != nil {
			return nil, err
		}
		if s.Compact, err = signed.CompactSerialize(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Path is the contest of the validator with the bare verification of the same signature, and with the peers that are given.
func (s SignedToken) Path(peers ...Variant) (Path, error) {
	v, err := token.NewValidator(token.Expectation{Issuer: Issuer, Audience: Audience, Type: Type, Now: time.Now}, token.Trusted{ID: s.KeyID, Algorithm: s.Algorithm, Key: s.Key})
	if err != nil {
		return Path{}, err
	}
	var c token.Claims
	ours := func() error { return v.Validate(s.Compact, &c) }
	if err := ours(); err != nil {
		return Path{}, err
	}
	floor, does, aim, err := s.bare()
	if err != nil {
		return Path{}, err
	}
	return Path{Name: string(s.Algorithm), Floor: does, Variants: append([]Variant{variant("bare", Aim{}, floor), variant("ours", aim, ours)}, peers...)}, nil
}

var errBare = errors.New("the signature is not good")

// bare verifies the signature, decoded and ready, and does nothing else.
func (s SignedToken) bare() (verify func() error, does string, aim Aim, err error) {
	dot := strings.LastIndexByte(s.Compact, '.')
	input := []byte(s.Compact[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(s.Compact[dot+1:])
	if err != nil {
		return nil, "", Aim{}, err
	}
	good := func(ok bool) error {
		if !ok {
			return errBare
		}
		return nil
	}
	switch key := s.Key.(type) {
	case ed25519.PublicKey:
		return func() error { return good(ed25519.Verify(key, input, signature)) }, "ed25519.Verify", Aim{AtMost: 1.03, NoAllocations: true}, nil
	case *ecdsa.PublicKey:
		der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])})
		return func() error {
			digest := sha256.Sum256(input)
			return good(ecdsa.VerifyASN1(key, digest[:], der))
		}, "SHA-256 and ecdsa.VerifyASN1", Aim{AtMost: 1.03}, err
	case *rsa.PublicKey:
		return func() error {
			digest := sha256.Sum256(input)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature)
		}, "SHA-256 and rsa.VerifyPKCS1v15, 2048 bits", Aim{AtMost: 1.05}, nil
	case []byte:
		mac, sum := hmac.New(sha256.New, key), make([]byte, 0, sha256.Size)
		return func() error {
			mac.Reset()
			mac.Write(input)
			return good(hmac.Equal(mac.Sum(sum[:0]), signature))
		}, "an HMAC that is used again, and hmac.Equal", Aim{AtMost: 2.3, NoAllocations: true}, nil
	}
	return nil, "", Aim{}, fmt.Errorf("%T is no key of a signed token", s.Key)
}
