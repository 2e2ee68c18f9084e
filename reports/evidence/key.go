package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
)

// The kinds of PEM blocks (RFC 7468 sections 10 and 13).
const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// KeyError says why a file is no key for evidence.
type KeyError struct{ What string }

func (e *KeyError) Error() string {
	return "the key " + e.What + "; give an Ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` makes it, and `openssl pkey -pubout` its public half"
}

// NewKey makes an Ed25519 key from 32 random bytes: the private key in PKCS #8 and the public key in SubjectPublicKeyInfo, both in PEM.
func NewKey(random io.Reader) (private, public []byte, err error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, nil, fmt.Errorf("no randomness for a key: %w", err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("the private key cannot be written: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("the public key cannot be written: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: spki}), nil
}

// ParsePrivateKey reads a private key as NewKey writes it. Errors are *KeyError and say nothing of the file's content.
func ParsePrivateKey(text []byte) (ed25519.PrivateKey, error) {
	der, err := only(text, privateBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, &KeyError{"is no private key in PKCS #8"}
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, &KeyError{fmt.Sprintf("is a %T and not Ed25519", parsed)}
	}
	return key, nil
}

// ParsePublicKey reads a public key as NewKey writes it. Errors are *KeyError.
func ParsePublicKey(text []byte) (ed25519.PublicKey, error) {
	der, err := only(text, publicBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, &KeyError{"is no public key in SubjectPublicKeyInfo"}
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, &KeyError{fmt.Sprintf("is a %T and not Ed25519", parsed)}
	}
	return key, nil
}

// only is the one PEM block of a text.
func only(text []byte, kind string) ([]byte, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, &KeyError{"holds no PEM block"}
	case block.Type != kind:
		return nil, &KeyError{fmt.Sprintf("is a PEM block of kind %q and not %q", block.Type, kind)}
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, &KeyError{"has more behind its first PEM block"}
	}
	return block.Bytes, nil
}

// KeyID names a public key: the SHA-256 of its SubjectPublicKeyInfo in hexadecimal digits.
func KeyID(key ed25519.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return "", &KeyError{"is no Ed25519 key"}
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}
