package token

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Key is a 256-bit sealing key and its key ID.
type Key struct {
	ID     string
	Secret []byte
}

const (
	nonceSize = 12 // RFC 7518 section 5.3: a 96-bit initialization vector
	tagSize   = 16 // and a 128-bit tag
)

// ErrNotOpened says that a sealed token was not made with the key, or was changed since. It never says which.
var ErrNotOpened = errors.New("the token cannot be opened with this key")

func aead(secret []byte) (cipher.AEAD, error) {
	if len(secret) != 32 {
		return nil, fmt.Errorf("a sealing key has 32 bytes and not %d", len(secret))
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Seal makes a compact JWE, `alg` dir and `enc` A256GCM (RFC 7518 sections 4.5 and 5.3). The header gets these and the key ID;
// the nonce is read from random.
func Seal(random io.Reader, key Key, header map[string]any, plaintext []byte) (string, error) {
	gcm, err := aead(key.Secret)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return "", fmt.Errorf("no nonce to be had: %w", err)
	}
	raw, err := json.Marshal(with(header, map[string]any{"alg": "dir", "enc": "A256GCM", "kid": key.ID}))
	if err != nil {
		return "", err
	}
	protected := encode(raw)
	sealed := gcm.Seal(nil, nonce, plaintext, []byte(protected))
	ciphertext, tag := sealed[:len(plaintext)], sealed[len(plaintext):]
	return protected + ".." + encode(nonce) + "." + encode(ciphertext) + "." + encode(tag), nil
}

// Sealed is a JWE that was read and not yet opened; nothing about it is proved.
type Sealed struct {
	Header map[string]any

	plain                   bool
	protected, encryptedKey string
	nonce, sealed           []byte
}

// ParseSealed reads a compact JWE (RFC 7516 section 3.1).
func ParseSealed(compact string) (Sealed, error) {
	split, header, err := parts(compact, 5)
	if err != nil {
		return Sealed{}, err
	}
	nonce, err := decode(split[2], "the initialization vector")
	if err != nil {
		return Sealed{}, err
	}
	ciphertext, err := decode(split[3], "the ciphertext")
	if err != nil {
		return Sealed{}, err
	}
	tag, err := decode(split[4], "the tag")
	if err != nil {
		return Sealed{}, err
	}
	if len(nonce) != nonceSize || len(tag) != tagSize {
		return Sealed{}, &MalformedError{"the initialization vector or the tag has the wrong length"}
	}
	return Sealed{Header: header.object(), plain: header.sealsPlainly(), protected: split[0], encryptedKey: split[1], nonce: nonce, sealed: append(ciphertext, tag...)}, nil
}

// KeyID is the `kid` of the header, empty where there is none.
func (s Sealed) KeyID() string {
	id, _ := s.Header["kid"].(string)
	return id
}

// IsPlain reports whether the header asks for the one way of sealing, `dir` with A256GCM, and for nothing besides (RFC 8725 sections 3.1 and 3.6,
// RFC 7516 section 4.1.13).
func (s Sealed) IsPlain() bool { return s.plain }

// sealsPlainly is IsPlain.
func (c *Claims) sealsPlainly() bool {
	return c.asksForNothing() && string(c.Text("alg")) == "dir" && string(c.Text("enc")) == "A256GCM"
}

// Open gives the plaintext of a token that is plain, and has no key in it.
func (s Sealed) Open(secret []byte) ([]byte, error) {
	if !s.plain || s.encryptedKey != "" {
		return nil, ErrNotOpened
	}
	gcm, err := aead(secret)
	if err != nil {
		return nil, err
	}
	plaintext, err := gcm.Open(nil, s.nonce, s.sealed, []byte(s.protected))
	if err != nil {
		return nil, ErrNotOpened
	}
	return plaintext, nil
}
