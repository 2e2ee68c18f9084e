package token

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// urlAlphabet gives, for each byte and each of the four places in a group, the six bits that it stands for, shifted to where they belong; strange for
// what is no character of base64url (RFC 4648 section 5). Shifting is the costly part of decoding, so that it is done once, here.
var urlAlphabet = func() (tables [4][256]uint32) {
	for place := range tables {
		for i := range tables[place] {
			tables[place][i] = strange
		}
		for bits, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
			tables[place][c] = uint32(bits) << (18 - 6*place)
		}
	}
	return tables
}()

const strange = 1 << 31

// appendDecoded appends what base64url text without padding stands for. It takes one spelling of each byte string alone: no line breaks, and no bits
// beyond the last byte (RFC 4648 section 3.5). It is strict in as many words as it needs; that strict and it agree on every text is tested by fuzzing.
func appendDecoded(dst []byte, text string) ([]byte, bool) {
	if byBlocks {
		return appendBlocks(dst, text)
	}
	return appendGroups(dst, text)
}

// appendGroups is appendDecoded, a group of four characters or two at a time.
func appendGroups(dst []byte, text string) ([]byte, bool) {
	begun := len(dst)
	dst = slices.Grow(dst, decodedLen(len(text))+5) // two groups are written as eight bytes, of which two come to nothing
	out := dst[begun:cap(dst)]
	t := &urlAlphabet
	for len(text) >= 8 && len(out) >= 8 {
		first := t[0][text[0]] | t[1][text[1]] | t[2][text[2]] | t[3][text[3]]
		second := t[0][text[4]] | t[1][text[5]] | t[2][text[6]] | t[3][text[7]]
		if (first|second)&strange != 0 {
			return dst, false
		}
		binary.BigEndian.PutUint64(out, uint64(first)<<40|uint64(second)<<16)
		out, text, begun = out[6:], text[8:], begun+6
	}
	dst = dst[:begun]
	for len(text) >= 4 {
		bits := t[0][text[0]] | t[1][text[1]] | t[2][text[2]] | t[3][text[3]]
		if bits&strange != 0 {
			return dst, false
		}
		dst, text = append(dst, byte(bits>>16), byte(bits>>8), byte(bits)), text[4:]
	}
	switch len(text) {
	case 0:
		return dst, true
	case 2:
		bits := t[0][text[0]] | t[1][text[1]]
		return append(dst, byte(bits>>16)), bits&(strange|0xffff) == 0
	case 3:
		bits := t[0][text[0]] | t[1][text[1]] | t[2][text[2]]
		return append(dst, byte(bits>>16), byte(bits>>8)), bits&(strange|0xff) == 0
	}
	return dst, false
}

// decodedLen is how many bytes so many characters stand for.
func decodedLen(n int) int { return base64.RawURLEncoding.DecodedLen(n) }
