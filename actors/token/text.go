package token

import (
	"encoding/binary"
	"math/bits"
)

// jsonText is gone over from place to place.
type jsonText []byte

const ones, highest = 0x0101010101010101, 0x8080808080808080 // of each of eight bytes

// plain reports whether the text is ASCII without control characters and backslashes. It looks at eight characters at a time, a bit of each: a character
// is none of ours when its own highest bit is set, when taking 0x20 away borrows from that bit, or when nothing is left of it after a comparison with \.
func (t jsonText) plain() bool {
	var strange uint64
	for ; len(t) >= 8; t = t[8:] {
		w := binary.LittleEndian.Uint64(t)
		backslash := w ^ ones*'\\'
		strange |= w | (w - ones*' ') | (backslash-ones)&^backslash
	}
	if strange&highest != 0 {
		return false
	}
	for _, c := range t {
		if c < ' ' || c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}

func (t jsonText) has(at int, c byte) bool { return uint(at) < uint(len(t)) && t[at] == c }

// skip passes over blanks, the only white space of a text that is plain.
func (t jsonText) skip(at int) int {
	for t.has(at, ' ') {
		at++
	}
	return at
}

const nowhere = -1

// quote gives the place of the next quotation mark.
func (t jsonText) quote(at int) int {
	for ; at+8 <= len(t); at += 8 {
		w := binary.LittleEndian.Uint64(t[at:]) ^ ones*'"'
		if found := (w - ones) &^ w & highest; found != 0 {
			return at + bits.TrailingZeros64(found)/8 // the lowest is one; those above it may be mistakes
		}
	}
	for ; at < len(t); at++ {
		if t[at] == '"' {
			return at
		}
	}
	return nowhere
}

// value gives the end of a value: of a text, its closing quotation mark.
func (t jsonText) value(at int, isText bool) int {
	switch {
	case isText:
		return t.quote(at)
	case t.has(at, '{'):
		_, _, end := t.pair(at)
		return end
	}
	return t.word(at)
}

// pair reads an object of one text, as `cnf` is, and written without blanks. It gives the place behind it; nowhere where there is none.
func (t jsonText) pair(at int) (name, value []byte, end int) {
	if !t.has(at, '{') || !t.has(at+1, '"') {
		return nil, nil, nowhere
	}
	named := t.quote(at + 2)
	if named == nowhere || !t.has(named+1, ':') || !t.has(named+2, '"') {
		return nil, nil, nowhere
	}
	valued := t.quote(named + 3)
	if valued == nowhere || !t.has(valued+1, '}') {
		return nil, nil, nowhere
	}
	return t[at+2 : named], t[named+3 : valued], valued + 2
}

// word reads true, false, null, or a whole number of fewer than 16 digits, and gives the place behind it; nowhere where there is none.
func (t jsonText) word(at int) int {
	end := at
	if at+8 <= len(t) {
		if _, ok := eightDigits(t[at:]); ok {
			end += 8
		}
	}
	for end < len(t) && t[end]-'0' <= 9 {
		end++
	}
	if digits := end - at; digits > 0 {
		if digits > 15 || digits > 1 && t[at] == '0' || end < len(t) && t[end]-'a' < 26 {
			return nowhere
		}
		return end
	}
	for end < len(t) && t[end]-'a' < 26 {
		end++
	}
	switch string(t[at:end]) {
	case "true", "false", "null":
		return end
	}
	return nowhere
}

// eightDigits reads the number that the first eight characters are: neighbours are added up to pairs, these to fours, and these to the number.
func eightDigits(t []byte) (n int64, ok bool) {
	w := binary.LittleEndian.Uint64(t) - ones*'0'
	if (w|(w+ones*(0x7f-9)))&highest != 0 {
		return 0, false
	}
	w = w*10 + w>>8
	w = w&0x00ff00ff00ff00ff*100 + w>>16&0x00ff00ff00ff00ff
	return int64(w&0xffff*10000 + w>>32&0xffff), true
}
