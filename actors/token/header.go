package token

import (
	"encoding/json"
	"slices"
)

// maxHeader is how many characters a header has that is read.
const maxHeader = 8 << 10

// readHeader reads a header in base64url, strictly: an object without a member twice, with nothing around it, that any JSON library reads.
func (c *Claims) readHeader(header string) bool {
	if len(header) > maxHeader {
		return false
	}
	var ok bool
	if c.text, ok = appendDecoded(c.text[:0], header); !ok || !c.read() || c.text[0] != '{' || c.text[len(c.text)-1] != '}' {
		return false
	}
	return c.after != nil || readByAny(c.text) // what was scanned has nothing in it that another reader would refuse
}

// readByAny reports whether the library can make values of it all. Numbers that no float holds are none.
func readByAny(text []byte) bool {
	var whole any
	return json.Unmarshal(text, &whole) == nil
}

var (
	// elsewhere are the members of a header that ask for what is not done here, or bring a key along, which is not looked at (RFC 7515 section 4.1,
	// RFC 7516 section 4.1, RFC 7518 sections 4.6 to 4.8, RFC 7797 section 3; RFC 8725 section 3.10).
	elsewhere = [...]string{"crit", "b64", "zip", "jwk", "jku", "x5u", "x5c", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c"}
	// texts are those that are texts, where they are there.
	texts = [...]string{"alg", "enc", "kid", "typ", "cty", "x5t", "x5t#S256", "nonce"}
)

// asksForNothing reports whether a header has nothing in it but what says with which of the keys that are known here the token was made, and what it is.
func (c *Claims) asksForNothing() bool {
	there := func(name string) bool { return c.find(name) != nil }
	otherwise := func(name string) bool { m := c.find(name); return m != nil && !m.isText }
	return !slices.ContainsFunc(elsewhere[:], there) && !slices.ContainsFunc(texts[:], otherwise)
}
