// Package token is JOSE as the flows use it: sealed tokens (JWE `dir` with A256GCM) and signed tokens (JWS with ES256), and, for whoever judges many
// tokens a second, a [Validator] of signed tokens that takes nothing from the heap.
//
// Signing, and the verifying of [Signed], are go-jose's. Sealing takes its nonce from the caller, which go-jose does not offer,
// so that a simulated world gives the same bytes for the same seed.
package token

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// MalformedError says that a text is no compact token.
type MalformedError struct{ Why string }

func (e *MalformedError) Error() string { return "not a compact token: " + e.Why }

// MaxLength bounds a compact token, in bytes.
const MaxLength = 1 << 20

// strict refuses the encodings that carry bits beyond the last byte, so that no token has two spellings (RFC 4648 section 3.5).
var strict = base64.RawURLEncoding.Strict()

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(part, what string) ([]byte, error) {
	if strings.ContainsAny(part, "\r\n") { // encoding/base64 skips line breaks
		return nil, &MalformedError{what + " is not base64url"}
	}
	b, err := strict.DecodeString(part)
	if err != nil {
		return nil, &MalformedError{what + " is not base64url"}
	}
	return b, nil
}

var errHeader = &MalformedError{"the header is no JSON object in base64url in which each member comes once, or longer than any needs to be"}

// parts splits a compact token and reads its header.
func parts(compact string, count int) ([]string, *Claims, error) {
	if len(compact) > MaxLength {
		return nil, nil, &MalformedError{fmt.Sprintf("it is longer than %d bytes", MaxLength)}
	}
	split := strings.Split(compact, ".")
	if len(split) != count {
		return nil, nil, &MalformedError{fmt.Sprintf("it has %d parts and not %d", len(split), count)}
	}
	var header Claims
	if !header.readHeader(split[0]) {
		return nil, nil, errHeader
	}
	return split, &header, nil
}

// object is the object that was read, as the library has it.
func (c *Claims) object() (members map[string]any) {
	_ = json.Unmarshal(c.text, &members) // which it takes, or it would not have been read
	return members
}

// with is the header with members set, in a map of its own.
func with(header map[string]any, members map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, header)
	maps.Copy(all, members)
	return all
}
