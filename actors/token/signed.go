package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-jose/go-jose/v4"
)

// ErrNotSigned says that a token was not signed with the key, or was changed since.
var ErrNotSigned = errors.New("the token is not signed with this key")

// Signer signs with ES256 (RFC 7518 section 3.4). Its signatures are deterministic (RFC 6979).
type Signer struct {
	ID  string // `kid`; empty for a key that travels in the header itself
	Key *ecdsa.PrivateKey
}

// NewSigner makes a key from 32 random bytes. That a draw is no key of the curve happens once in 2^32 times; then it draws again.
func NewSigner(random io.Reader, id string) (Signer, error) {
	for raw := make([]byte, 32); ; {
		if _, err := io.ReadFull(random, raw); err != nil {
			return Signer{}, fmt.Errorf("no key to be had: %w", err)
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return Signer{ID: id, Key: key}, nil
		}
	}
}

// JWK is the public key as a JSON Web Key (RFC 7518 section 6.2), with `kid` where the signer has an ID.
func (s Signer) JWK() map[string]any {
	jwk := JWK(&s.Key.PublicKey)
	if s.ID != "" {
		jwk["kid"] = s.ID
	}
	return jwk
}

// Thumbprint is that of the public key.
func (s Signer) Thumbprint() string { return Thumbprint(&s.Key.PublicKey) }

// Sign makes a compact JWS. The header gets `alg`, and `kid` where the signer has an ID.
func (s Signer) Sign(header map[string]any, payload []byte) (string, error) {
	own := map[string]any{"alg": string(jose.ES256)}
	if s.ID != "" {
		own["kid"] = s.ID
	}
	raw, err := json.Marshal(with(header, own))
	if err != nil {
		return "", err
	}
	input := encode(raw) + "." + encode(payload)
	digest := sha256.Sum256([]byte(input))
	der, err := s.Key.Sign(nil, digest[:], crypto.SHA256) // without a random source: RFC 6979
	if err != nil {
		return "", err
	}
	signature, err := fixed(der)
	if err != nil {
		return "", err
	}
	return input + "." + encode(signature), nil
}

// Signed is a JWS that was read and whose signature was not judged; nothing about it is proved.
type Signed struct {
	Header  map[string]any
	Payload []byte

	compact string
}

// ParseSigned reads a compact JWS (RFC 7515 section 3.1) of any algorithm, also of none.
func ParseSigned(compact string) (Signed, error) {
	split, header, err := parts(compact, 3)
	if err != nil {
		return Signed{}, err
	}
	payload, err := decode(split[1], "the payload")
	if err != nil {
		return Signed{}, err
	}
	if _, err := decode(split[2], "the signature"); err != nil {
		return Signed{}, err
	}
	return Signed{Header: header.object(), Payload: payload, compact: compact}, nil
}

// KeyID is the `kid` of the header, empty where there is none.
func (s Signed) KeyID() string {
	id, _ := s.Header["kid"].(string)
	return id
}

// Verify judges the signature: ES256 alone, whatever else the header asks for (RFC 8725 section 3.1), and no `crit`.
func (s Signed) Verify(key *ecdsa.PublicKey) error {
	parsed, err := jose.ParseSignedCompact(s.compact, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return ErrNotSigned
	}
	if _, err := parsed.Verify(key); err != nil {
		return ErrNotSigned
	}
	return nil
}
