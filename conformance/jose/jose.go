// Package jose is JOSE as the checks use it, apart from that of the actors: what it reads it leaves to go-jose,
// and what it makes may lie: members of a header that the caller gives stand against those that would be right.
package jose

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"
)

// Key is a sealing key and its key ID.
type Key struct {
	ID     string
	Secret []byte
}

// Encode is base64url without padding.
func Encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Decode reads base64url without padding, in the one spelling that a value has.
func Decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // which encoding/base64 passes over
		return nil, errors.New("a line break in base64url")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// spelt wants every part of a compact token in base64url as Decode reads it: go-jose takes other spellings too.
func spelt(compact string) error {
	for part := range strings.SplitSeq(compact, ".") {
		if _, err := Decode(part); err != nil {
			return fmt.Errorf("a part is not base64url without padding: %w", err)
		}
	}
	return nil
}

// header is the JSON of the members that are right, but for those that the caller has set; a member set to nil is left out.
func header(right, set map[string]any) (string, error) {
	all := maps.Clone(right)
	maps.Copy(all, set)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	raw, err := json.Marshal(all)
	return Encode(raw), err
}

// Seal makes a compact JWE, `dir` with A256GCM (RFC 7518 sections 4.5 and 5.3), with a nonce from random.
func Seal(random io.Reader, key Key, set map[string]any, plaintext []byte) (string, error) {
	nonce := make([]byte, 12)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return "", fmt.Errorf("no nonce to be had: %w", err)
	}
	return SealWith(nonce, key, set, plaintext)
}

// SealWith is Seal with the nonce of 12 bytes given.
func SealWith(nonce []byte, key Key, set map[string]any, plaintext []byte) (string, error) {
	protected, err := header(map[string]any{"alg": "dir", "enc": "A256GCM", "kid": key.ID}, set)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key.Secret)
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	sealed := gcm.Seal(nil, nonce, plaintext, []byte(protected))
	end := len(sealed) - gcm.Overhead()
	return strings.Join([]string{protected, "", Encode(nonce), Encode(sealed[:end]), Encode(sealed[end:])}, "."), nil
}

// Open reads a compact JWE, `dir` with A256GCM alone.
func Open(compact string, secret []byte) (map[string]any, []byte, error) {
	if err := spelt(compact); err != nil {
		return nil, nil, err
	}
	parsed, err := gojose.ParseEncryptedCompact(compact, []gojose.KeyAlgorithm{gojose.DIRECT}, []gojose.ContentEncryption{gojose.A256GCM})
	if err != nil {
		return nil, nil, err
	}
	plaintext, err := parsed.Decrypt(secret)
	if err != nil {
		return nil, nil, err
	}
	read, err := Header(compact)
	return read, plaintext, err
}

// Header reads the protected header of a compact token of any kind; nothing about it is proved.
func Header(compact string) (map[string]any, error) {
	first, _, _ := strings.Cut(compact, ".")
	raw, err := Decode(first)
	if err != nil {
		return nil, errors.New("the header is not base64url without padding")
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, errors.New("the header is no JSON object")
	}
	return members, nil
}

// Signer signs with ES256. Its signatures are deterministic (RFC 6979).
type Signer struct {
	ID  string // `kid`; none when empty
	Key *ecdsa.PrivateKey
}

// NewSigner makes a key from 32 random bytes, and draws again where they are no key of the curve.
func NewSigner(random io.Reader, id string) (Signer, error) {
	for raw := make([]byte, 32); ; {
		if _, err := io.ReadFull(random, raw); err != nil {
			return Signer{}, fmt.Errorf("no key to be had: %w", err)
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return Signer{id, key}, nil
		}
	}
}

// Sign makes a compact JWS.
func (s Signer) Sign(set map[string]any, payload []byte) (string, error) {
	right := map[string]any{"alg": "ES256"}
	if s.ID != "" {
		right["kid"] = s.ID
	}
	protected, err := header(right, set)
	if err != nil {
		return "", err
	}
	input := protected + "." + Encode(payload)
	digest := sha256.Sum256([]byte(input))
	der, err := s.Key.Sign(nil, digest[:], crypto.SHA256) // without a random source: RFC 6979
	if err != nil {
		return "", err
	}
	var numbers struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &numbers); err != nil {
		return "", err
	}
	signature := append(numbers.R.FillBytes(make([]byte, 32)), numbers.S.FillBytes(make([]byte, 32))...)
	return input + "." + Encode(signature), nil
}

// JWK is the public key, with `kid` where the signer has an ID.
func (s Signer) JWK() map[string]any {
	jwk := JWK(&s.Key.PublicKey)
	if s.ID != "" {
		jwk["kid"] = s.ID
	}
	return jwk
}

// Thumbprint is that of the public key.
func (s Signer) Thumbprint() string { return Thumbprint(&s.Key.PublicKey) }

// Unsecured makes a compact JWS with `alg` none and an empty signature (RFC 7515 appendix A.5).
func Unsecured(set map[string]any, payload []byte) (string, error) {
	protected, err := header(map[string]any{"alg": "none"}, set)
	return protected + "." + Encode(payload) + ".", err
}

// Payload reads the payload of a compact JWS whose signature is not judged.
func Payload(compact string) ([]byte, error) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("a compact JWS has 3 parts and not %d", len(parts))
	}
	return Decode(parts[1])
}

// Verify judges a compact JWS, ES256 alone, and gives header and payload.
func Verify(compact string, key *ecdsa.PublicKey) (map[string]any, []byte, error) {
	if err := spelt(compact); err != nil {
		return nil, nil, err
	}
	parsed, err := gojose.ParseSignedCompact(compact, []gojose.SignatureAlgorithm{gojose.ES256})
	if err != nil {
		return nil, nil, err
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return nil, nil, err
	}
	read, err := Header(compact)
	return read, payload, err
}

// JWK is a public key of P-256 as a JSON Web Key (RFC 7518 section 6.2).
func JWK(key *ecdsa.PublicKey) map[string]any {
	raw, err := (&gojose.JSONWebKey{Key: key}).MarshalJSON()
	var members map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &members)
	}
	if err != nil {
		panic("a public key that cannot be written: " + err.Error()) // no key that was parsed or made is
	}
	return members
}

// PublicKey reads a public key of P-256 that has no private member.
func PublicKey(jwk map[string]any) (*ecdsa.PublicKey, error) {
	raw, err := json.Marshal(jwk)
	if err != nil {
		return nil, err
	}
	var read gojose.JSONWebKey
	if err := read.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	key, ok := read.Key.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("not a public key of the curve P-256")
	}
	return key, nil
}

// Thumbprint is RFC 7638 with SHA-256, in base64url.
func Thumbprint(key *ecdsa.PublicKey) string {
	sum, err := (&gojose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		panic("a public key without a thumbprint: " + err.Error()) // go-jose knows every EC key
	}
	return Encode(sum)
}
