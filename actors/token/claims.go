package token

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Claims are what a token that was found good says. What they give is good until the next token is validated into the same Claims: whoever keeps some
// of it copies it. The zero value is ready, and one that is used again and again takes nothing from the heap.
type Claims struct {
	text    []byte // the payload
	members []member
	expires int64 // seconds since 1970
}

// member is one of the payload. Its value is text, or another value as it is spelled.
type member struct {
	name, value []byte
	isText      bool
}

// Text is the value of a text member, as `sub` and `jti` are; nil where there is none.
func (c *Claims) Text(name string) []byte {
	for i := range c.members {
		if m := &c.members[i]; string(m.name) == name && m.isText {
			return m.value
		}
	}
	return nil
}

// Thumbprint is `jkt` in `cnf`, the key that the token is bound to (RFC 9449 section 6.1); nil where there is none.
func (c *Claims) Thumbprint() []byte {
	confirmation, there := c.raw("cnf")
	if !there {
		return nil
	}
	s := scanner{rest: confirmation}
	if s.take('{') && s.take('"') {
		if name, ok := s.text(); ok && string(name) == "jkt" && s.take(':') && s.take('"') {
			if value, ok := s.text(); ok && s.take('}') && s.ended() {
				return value
			}
		}
	}
	members, err := readObject(confirmation)
	if err != nil {
		return nil
	}
	return (&Claims{members: members}).Text("jkt")
}

// Expires is `exp`.
func (c *Claims) Expires() time.Time { return time.Unix(c.expires, 0) }

// Payload is the JSON object as it was signed or sealed.
func (c *Claims) Payload() []byte { return c.text }

// raw is the value of any member as it is spelled.
func (c *Claims) raw(name string) ([]byte, bool) {
	for i := range c.members {
		if m := &c.members[i]; string(m.name) == name {
			return m.value, true
		}
	}
	return nil, false
}

// seconds reads a NumericDate (RFC 7519 section 2) of those that a clock can show.
func (c *Claims) seconds(name string, round func(float64) float64) (at int64, there, ok bool) {
	spelled, there := c.raw(name)
	if !there {
		return 0, false, true
	}
	if c.Text(name) != nil {
		return 0, true, false
	}
	if at, ok = whole(spelled); ok {
		return at, true, true
	}
	f, err := strconv.ParseFloat(string(spelled), 64)
	if err != nil || math.Abs(f) > 1<<52 {
		return 0, true, false
	}
	return int64(round(f)), true, true
}

// whole reads a number of digits alone.
func whole(spelled []byte) (n int64, ok bool) {
	if len(spelled) == 0 || len(spelled) > 15 {
		return 0, false
	}
	for _, c := range spelled {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// names reports whether `aud` is the audience, or a list that holds it (RFC 7519 section 4.1.3).
func (c *Claims) names(audience string) bool {
	for i := range c.members {
		m := &c.members[i]
		if string(m.name) != "aud" {
			continue
		}
		if m.isText {
			return string(m.value) == audience
		}
		var list []string
		if json.Unmarshal(m.value, &list) != nil {
			return false
		}
		for _, one := range list {
			if one == audience {
				return true
			}
		}
	}
	return false
}

// read reads the payload: fast where it has the shape that issuers give it, and by the library otherwise. Either way the same objects are read, as the
// same members; fuzzing holds the one to the other.
func (c *Claims) read() bool { return c.scan() || c.parse() }

// scan reads an object whose values are texts, whole numbers, truth values and objects of one text, in plain ASCII and without escapes. Where it gives up it has judged nothing.
func (c *Claims) scan() bool {
	c.members = c.members[:0]
	s := scanner{rest: c.text}
	if s.skip(); !s.take('{') {
		return false
	}
	if s.skip(); s.take('}') {
		return s.ended()
	}
	for {
		var m member
		var ok bool
		if s.skip(); !s.take('"') {
			return false
		}
		if m.name, ok = s.text(); !ok {
			return false
		}
		if s.skip(); !s.take(':') {
			return false
		}
		s.skip()
		if m.isText = s.take('"'); m.isText {
			m.value, ok = s.text()
		} else if m.value, ok = s.inner(); !ok {
			m.value, ok = s.word()
		}
		if _, twice := c.raw(string(m.name)); !ok || twice {
			return false
		}
		c.members = append(c.members, m)
		s.skip()
		if s.take(',') {
			continue
		}
		return s.take('}') && s.ended()
	}
}

// scanner goes over JSON text.
type scanner struct{ rest []byte }

func (s *scanner) skip() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\n' || s.rest[0] == '\t' || s.rest[0] == '\r') {
		s.rest = s.rest[1:]
	}
}

func (s *scanner) take(c byte) bool {
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) ended() bool {
	s.skip()
	return len(s.rest) == 0
}

// text reads to the closing quotation mark.
func (s *scanner) text() ([]byte, bool) {
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 || !plain(s.rest[:end]) {
		return nil, false
	}
	text := s.rest[:end]
	s.rest = s.rest[end+1:]
	return text, true
}

// plain reports whether the text is ASCII without control characters and backslashes. It looks at eight characters at a time, a bit of each: a character
// is none of ours when its own highest bit is set, when taking 0x20 away borrows from that bit, or when nothing is left of it after a comparison with \.
func plain(text []byte) bool {
	const ones, highest = 0x0101010101010101, 0x8080808080808080
	for len(text) >= 8 {
		w := binary.LittleEndian.Uint64(text)
		backslash := w ^ ones*'\\'
		if (w|(w-ones*' ')|(backslash-ones)&^backslash)&highest != 0 {
			return false
		}
		text = text[8:]
	}
	for _, c := range text {
		if c < ' ' || c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}

// inner reads an object of one text, as `cnf` is.
func (s *scanner) inner() ([]byte, bool) {
	in := *s
	if !in.take('{') || !in.take('"') {
		return nil, false
	}
	if _, ok := in.text(); !ok || !in.take(':') || !in.take('"') {
		return nil, false
	}
	if _, ok := in.text(); !ok || !in.take('}') {
		return nil, false
	}
	object := s.rest[:len(s.rest)-len(in.rest)]
	s.rest = in.rest
	return object, true
}

// word reads true, false, null, or a whole number.
func (s *scanner) word() ([]byte, bool) {
	end := 0
	for end < len(s.rest) && (s.rest[end] >= 'a' && s.rest[end] <= 'z' || s.rest[end] >= '0' && s.rest[end] <= '9') {
		end++
	}
	word := s.rest[:end]
	s.rest = s.rest[end:]
	switch string(word) {
	case "true", "false", "null":
		return word, true
	}
	_, ok := whole(word)
	return word, ok && (len(word) == 1 || word[0] != '0')
}

// parse reads any JSON object that readObject reads.
func (c *Claims) parse() bool {
	c.members = c.members[:0]
	members, err := readObject(c.text)
	if err != nil {
		return false
	}
	c.members = append(c.members, members...)
	return true
}

var errNoObject = errors.New("no JSON object, or one in which a member comes twice")

// deepest bounds how deep objects and lists may lie within each other.
const deepest = 32

// readObject reads the members of a JSON object in which no object has a member twice (RFC 8259 section 4: what that says is anybody's guess).
func readObject(text []byte) (members []member, err error) {
	if !utf8.Valid(text) || !unambiguous(text) {
		return nil, errNoObject
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errNoObject
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errNoObject
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, errNoObject
		}
		m := member{name: []byte(name.(string)), value: value} // JSON has no other names
		var said string
		if value[0] == '"' && json.Unmarshal(value, &said) == nil {
			m.value, m.isText = []byte(said), true
		}
		members = append(members, m)
	}
	return members, nil
}

// unambiguous reports whether the text is one JSON value, not too deep, in which no object has a member twice.
func unambiguous(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	type level struct {
		names map[string]bool // nil in a list
		value bool            // a value comes next, not a name
	}
	var open []level
	for first := true; first || len(open) > 0; first = false {
		t, err := d.Token()
		if err != nil {
			return false
		}
		if t == json.Delim('}') || t == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open); n > 0 && open[n-1].names != nil {
			in := &open[n-1]
			if in.value = !in.value; in.value {
				name := t.(string) // JSON has no other names
				if in.names[name] {
					return false
				}
				in.names[name] = true
				continue
			}
		}
		switch t {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		}
		if len(open) > deepest {
			return false
		}
	}
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}
