package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// JWK is a public key as a JSON Web Key (RFC 7518 section 6.2).
func JWK(key *ecdsa.PublicKey) map[string]any {
	point, err := key.Bytes()
	if err != nil {
		panic("a public key that is not on its curve: " + err.Error()) // no key that was parsed or made is
	}
	x, y := point[1:33], point[33:65]
	return map[string]any{"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)}
}

// PublicKey reads an EC P-256 key, as JWK gives it. A private member makes it no public key.
func PublicKey(jwk map[string]any) (*ecdsa.PublicKey, error) {
	raw, err := json.Marshal(jwk)
	if err != nil {
		return nil, err
	}
	var read jose.JSONWebKey
	if err := read.UnmarshalJSON(raw); err != nil {
		return nil, errors.New("not a JSON Web Key that can be read")
	}
	key, ok := read.Key.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("not a public key of the curve P-256")
	}
	return key, nil
}

// Thumbprint is RFC 7638 with SHA-256, in base64url.
func Thumbprint(key *ecdsa.PublicKey) string {
	sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		panic("a public key without a thumbprint: " + err.Error()) // go-jose knows every EC key
	}
	return encode(sum)
}

// fixed turns an ASN.1 signature into the two 32-byte numbers of RFC 7518 section 3.4.
func fixed(der []byte) ([]byte, error) {
	var numbers struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &numbers); err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	numbers.R.FillBytes(signature[:32])
	numbers.S.FillBytes(signature[32:])
	return signature, nil
}
