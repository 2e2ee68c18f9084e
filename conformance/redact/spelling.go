package redact

import (
	"bytes"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// undone is a text in which every escape is undone, and what comes of that again: percent-encoding, the escapes of JSON and of programs, character references
// of HTML. Nobody can list the spellings of a value, since each language escapes other characters, in digits of either case, and all of that stands inside of
// each other; undone they are one.
type undone struct {
	text []byte
	// from is where each byte begins in the text as it was, and one more: where that ends.
	from []int
	escapes
}

// escapes are which of them are undone.
type escapes int

const (
	// everything is undone, and a plus is taken for a space.
	everything escapes = iota
	butPlus
	// backslashes are the escapes of JSON and of programs alone.
	backslashes
)

// undo undoes everything.
func undo(s string) undone { return everything.undo(s) }

// undo undoes a text in one pass.
func (e escapes) undo(s string) undone {
	u := undone{make([]byte, 0, len(s)), make([]int, 0, len(s)+1), e}
	for i := range len(s) {
		u.put(i, s[i])
		for u.fold() {
		}
	}
	u.from = append(u.from, len(s))
	return u
}

// at is where a byte begins in the text as it was.
func (u *undone) at(i int) int {
	if u.from == nil { // it is that text
		return i
	}
	return u.from[i]
}

// put appends bytes that begin at a place. A plus is a space in forms, so that the two are one; NUL is kept for marks.
func (u *undone) put(at int, all ...byte) {
	for _, b := range all {
		if b == '+' && u.escapes == everything || b == 0 {
			b = ' '
		}
		u.text, u.from = append(u.text, b), append(u.from, at)
	}
}

// longestReference is how long a character reference is at the most that is looked for.
const longestReference = 12

// fold puts what it stands for in the place of an escape that the text ends with, and reports whether there was one.
func (u *undone) fold() bool {
	t := u.text
	n := len(t)
	if n < 2 {
		return false
	}
	switch last := t[n-1]; {
	case last == ';' && u.escapes != backslashes:
		within := t[max(0, n-longestReference):]
		begin := bytes.LastIndexByte(within, '&')
		if begin < 0 {
			return false
		}
		reference := string(within[begin:])
		if plain := html.UnescapeString(reference); plain != reference && utf8.RuneCountInString(plain) == 1 {
			return u.replace(len(reference), plain)
		}
	case t[n-2] == '\\':
		if i := strings.IndexByte(`"'/\bfnrt`, last); i >= 0 {
			return u.replace(2, "\"'/\\\b\f\n\r\t"[i:i+1])
		}
	case n >= 3 && t[n-3] == '%' && u.escapes != backslashes:
		if b, ok := number(t[n-2:]); ok {
			return u.replace(3, string([]byte{byte(b)}))
		}
	case n >= 4 && t[n-4] == '\\' && t[n-3] == 'x':
		if b, ok := number(t[n-2:]); ok {
			return u.replace(4, string([]byte{byte(b)}))
		}
	case n >= 6 && t[n-5] == 'u' && (t[n-6] == '\\' || t[n-6] == '%' && u.escapes != backslashes):
		if unit, ok := number(t[n-4:]); ok {
			return u.unit(rune(unit))
		}
	}
	return false
}

// number reads hexadecimal digits.
func number(digits []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(digits), 16, 32)
	return n, err == nil
}

// replace puts a text in the place of the last bytes.
func (u *undone) replace(last int, plain string) bool {
	n := len(u.text) - last
	at := u.from[n]
	u.text, u.from = u.text[:n], u.from[:n]
	u.put(at, []byte(plain)...)
	return true
}

// unit folds an escape of six characters that stands for a unit of UTF-16. The first half of a pair waits for the second as the three bytes that it would be,
// were it a character.
func (u *undone) unit(r rune) bool {
	if !utf16.IsSurrogate(r) {
		return u.replace(6, string(r))
	}
	if n := len(u.text); n >= 9 && u.text[n-9] == 0xED {
		first := rune(0xD000) | rune(u.text[n-8]&0x3F)<<6 | rune(u.text[n-7]&0x3F)
		if both := utf16.DecodeRune(first, r); both != utf8.RuneError {
			return u.replace(9, string(both))
		}
	}
	return u.replace(6, string([]byte{0xED, 0x80 | byte(r>>6&0x3F), 0x80 | byte(r&0x3F)}))
}

// longest is how much of a value is looked for: what follows is only compared where that much was found, since a text may be made of beginnings of a value.
const longest = 1 << 10

// speller finds values in whatever spelling.
type speller struct {
	// marker replaces each beginning by a mark, between two NULs: its number among found.
	marker *strings.Replacer
	found  []beginning
	long   bool // there are values that are longer than longest
}

// beginning is that of values, or one value that is not longer.
type beginning struct {
	text string
	of   []spelled
}

// spelled is a value undone, and its label.
type spelled struct{ plain, label string }

// newSpeller finds what has a label. Labels stand for themselves.
func newSpeller(labels map[string]string) *speller {
	s := &speller{}
	known, places := map[string]bool{}, map[string]int{}
	learn := func(value, label string) {
		s.long = s.long || len(value) > longest
		plain := string(undo(value).text)
		if short := len(plain) < shortest && len(plain) < len(value); short || known[plain] { // little is left of it, as of many backslashes
			return
		}
		known[plain] = true
		text := plain[:min(len(plain), longest)]
		place, ok := places[text]
		if !ok {
			place = len(s.found)
			places[text] = place
			s.found = append(s.found, beginning{text: text})
		}
		s.found[place].of = append(s.found[place].of, spelled{plain, label})
	}
	for _, label := range slices.Sorted(maps.Values(labels)) {
		learn(label, label)
	}
	own := len(s.found)
	for _, value := range inOrder(labels) {
		learn(value, labels[value])
	}
	for _, part := range [][]beginning{s.found[:own], s.found[own:]} {
		slices.SortFunc(part, func(a, b beginning) int { return longestFirst(a.text, b.text) })
	}
	var pairs []string
	for i, f := range s.found {
		pairs = append(pairs, f.text, "\x00"+strconv.Itoa(i)+"\x00")
	}
	s.marker = strings.NewReplacer(pairs...)
	return s
}

// in is how much of a value that begins so stands at the beginning of a text, and the label of the value of which most does.
func (b beginning) in(text []byte) (length int, label string) {
	for _, v := range b.of {
		if n := common(v.plain, text); n > length {
			length, label = n, v.label
		}
	}
	return length, label
}

// common is how long the beginning is that two texts have in common.
func common(a string, b []byte) int {
	n := min(len(a), len(b))
	if a[:n] == string(b[:n]) {
		return n
	}
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// replace puts labels in the places of values.
func (s *speller) replace(text string) string {
	if !s.long && !strings.ContainsAny(text, `%\&`) {
		return text // nothing is escaped
	}
	u := undo(text)
	marked := s.marker.Replace(string(u.text))
	var b strings.Builder
	done, at, end := 0, 0, 0 // in the text; in what is undone, where the next mark stands and where the value ends that was found last
	for {
		before, rest, more := strings.Cut(marked, "\x00")
		at += len(before)
		if !more {
			break
		}
		number, after, _ := strings.Cut(rest, "\x00")
		i, _ := strconv.Atoi(number) // as it was written
		f := s.found[i]
		length, label := f.in(u.text[at:])
		if at >= end { // else it begins inside of the last one
			b.WriteString(text[done:u.from[at]])
			b.WriteString(label)
		}
		end = max(end, at+length)
		done, at, marked = u.from[end], at+len(f.text), after
	}
	b.WriteString(text[done:])
	return b.String()
}
