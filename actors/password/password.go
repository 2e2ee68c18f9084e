// Package password keeps passwords as Argon2id hashes (RFC 9106).
package password

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is the work that one comparison takes. The zero value is the second choice of RFC 9106 section 4:
// 3 passes over 64 MiB in 4 lanes.
type Cost struct {
	Passes uint32
	Memory uint32 // KiB
	Lanes  uint8
}

// Cheapest is the least work that Argon2 allows: for simulated worlds, whose passwords guard nothing.
func Cheapest() Cost { return Cost{Passes: 1, Memory: 8, Lanes: 1} }

func (c Cost) orDefault() Cost {
	if c == (Cost{}) {
		return Cost{Passes: 3, Memory: 64 << 10, Lanes: 4}
	}
	return c
}

func (c Cost) key(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, c.Lanes, uint32(size))
}

const (
	saltSize = 16 // bytes
	keySize  = 32
)

// Hash hashes a password under a salt drawn from entropy. The error is that of reading entropy, or says which cost cannot be.
func (c Cost) Hash(password string, entropy io.Reader) (Hash, error) {
	c = c.orDefault()
	if c.Passes == 0 || c.Lanes == 0 {
		return "", fmt.Errorf("password: a cost of %d passes in %d lanes cannot be; use one of each at least", c.Passes, c.Lanes)
	}
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(entropy, salt); err != nil {
		return "", fmt.Errorf("password: reading entropy for a salt: %w", err)
	}
	key := c.key(password, salt, keySize)
	return Hash(fmt.Sprintf(format, argon2.Version, c.Memory, c.Passes, c.Lanes, encoding.EncodeToString(salt)+"$"+encoding.EncodeToString(key))), nil
}

// Hash is a hashed password in the PHC string format, which says how it was made. The zero value matches no password.
type Hash string

const format = "$argon2id$v=%d$m=%d,t=%d,p=%d$%s"

var encoding = base64.RawStdEncoding

// Matches reports whether the password is the one that was hashed, after the same work for a right and a wrong one.
func (h Hash) Matches(password string) bool {
	var version int
	var c Cost
	var rest string
	if _, err := fmt.Sscanf(string(h), format, &version, &c.Memory, &c.Passes, &c.Lanes, &rest); err != nil || version != argon2.Version || c.Passes == 0 || c.Lanes == 0 {
		return false
	}
	encodedSalt, encodedKey, _ := strings.Cut(rest, "$")
	salt, err := encoding.DecodeString(encodedSalt)
	if err != nil {
		return false
	}
	key, err := encoding.DecodeString(encodedKey)
	if err != nil || len(key) == 0 {
		return false
	}
	return subtle.ConstantTimeCompare(key, c.key(password, salt, len(key))) == 1
}
