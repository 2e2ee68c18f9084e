// Package secret makes and compares what nobody may guess.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
)

// Unguessable draws 192 bits, written in 32 URL-safe characters. The error is that of reading entropy.
func Unguessable(entropy io.Reader) (string, error) {
	bits := make([]byte, 24)
	if _, err := io.ReadFull(entropy, bits); err != nil {
		return "", fmt.Errorf("reading entropy for a secret: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(bits), nil
}

// Same compares two secrets in time that tells neither where they differ nor how long they are.
func Same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Digest is what to keep of a secret, and to look it up by: neither a copy of the store nor the time of a look-up gives the secret away.
func Digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
