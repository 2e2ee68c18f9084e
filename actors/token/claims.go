package token

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// Claims are what a token that was found good says; after a refusal they say nothing that may be used. What they give is good until the next token is
// validated into the same Claims: whoever keeps some of it copies it. The zero value is ready, and one that is used again and again takes nothing from the heap.
type Claims struct {
	text    []byte // the payload
	members []member
	marks   uint64    // the marks of all members
	marked  [64]uint8 // the place of the last member of each mark that is there
	expires int64     // seconds since 1970

	shape  []byte // a payload that was read before, of which members and after are parts
	after  []byte // what stands behind the last value; nil where there is no shape to go by
	form   form
	buffer []byte // what a sealed token needs beside its payload; the payload may lie in it
}

// member is one of the payload. Its value is text, or another value as it is spelled.
type member struct {
	name, value []byte
	before      []byte // what stands between the value and the one before it
	isText      bool
}

// mark tells names apart at a glance: names with different marks differ, and those that tokens use mostly have marks of their own.
func mark(length int, first, last byte) uint8 { return (uint8(length)*7 + first + last*43) & 63 }

// find gives the member of that name, nil where there is none.
func (c *Claims) find(name string) *member {
	own := mark(len(name), name[0], name[len(name)-1])
	if c.marks>>own&1 == 0 {
		return nil
	}
	if m := &c.members[c.marked[own]]; string(m.name) == name {
		return m
	}
	return c.search(name)
}

// search is find where names share a mark.
func (c *Claims) search(name string) *member {
	for i := range c.members {
		if m := &c.members[i]; string(m.name) == name {
			return m
		}
	}
	return nil
}

// most is how many members an object has at most.
const most = 256

// add appends a member, unless there is one of its name.
func (c *Claims) add(before, name, value []byte, isText bool) bool {
	var own uint8
	if n := len(name); n > 0 {
		own = mark(n, name[0], name[n-1])
	}
	at := len(c.members)
	if at == most || c.marks>>own&1 == 1 && c.search(string(name)) != nil {
		return false
	}
	c.marks |= 1 << own
	c.marked[own] = uint8(at)
	if at == cap(c.members) {
		c.members = slices.Grow(c.members, 1)
	}
	c.members = c.members[:at+1]
	m := &c.members[at] // filled where it lies: a copy would cost more than all the rest
	m.before, m.name, m.value, m.isText = before, name, value, isText
	return true
}

func (c *Claims) clear() {
	c.members, c.marks, c.after = c.members[:0], 0, nil
	c.form.forget()
}

// text is the value of a text member, nil of any other and of none.
func (m *member) text() []byte {
	if m == nil || !m.isText {
		return nil
	}
	return m.value
}

// Text is the value of a text member, as `sub` and `jti` are; nil where there is none. The name is not empty.
func (c *Claims) Text(name string) []byte { return c.find(name).text() }

// Thumbprint is `jkt` in `cnf`, the key that the token is bound to (RFC 9449 section 6.1); nil where there is none.
func (c *Claims) Thumbprint() []byte {
	confirmation := c.find("cnf")
	if confirmation == nil || confirmation.isText {
		return nil
	}
	name, value, end := jsonText(confirmation.value).pair(0)
	if end == len(confirmation.value) && string(name) == "jkt" && bytes.IndexByte(value, '\\') < 0 {
		return value
	}
	within := Claims{text: confirmation.value}
	if !within.parse() {
		return nil
	}
	return within.Text("jkt")
}

// boundTo reports whether that is the thumbprint.
func (c *Claims) boundTo(thumbprint string) bool {
	const before, after = `{"jkt":"`, `"}`
	if m := c.find("cnf"); m != nil && len(m.value) == len(before)+len(thumbprint)+len(after) {
		value := m.value
		if string(value[:len(before)]) == before && string(value[len(before):len(value)-len(after)]) == thumbprint && string(value[len(value)-len(after):]) == after {
			return true // as it is mostly spelled
		}
	}
	return string(c.Thumbprint()) == thumbprint
}

// confirms reports whether `cnf` is that object, which was read before, in every member.
func (c *Claims) confirms(spelled []byte) bool {
	m := c.find("cnf")
	if m == nil || m.isText {
		return false
	}
	if bytes.Equal(m.value, spelled) {
		return true // as it mostly is
	}
	var own, other any
	return json.Unmarshal(m.value, &own) == nil && json.Unmarshal(spelled, &other) == nil && reflect.DeepEqual(own, other)
}

// Expires is `exp`.
func (c *Claims) Expires() time.Time { return time.Unix(c.expires, 0) }

// Payload is the JSON object as it was signed or sealed.
func (c *Claims) Payload() []byte { return c.text }

// seconds reads a NumericDate (RFC 7519 section 2) of those that a clock can show.
func (c *Claims) seconds(name string, round func(float64) float64) (at int64, there, ok bool) {
	m := c.find(name)
	switch {
	case m == nil:
		return 0, false, true
	case m.isText:
		return 0, true, false
	}
	if at, ok = whole(m.value); ok {
		return at, true, true
	}
	f, err := strconv.ParseFloat(string(m.value), 64)
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
	if len(spelled) >= 8 {
		if n, ok = eightDigits(spelled); !ok {
			return 0, false
		}
		spelled = spelled[8:]
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
	m := c.find("aud")
	switch {
	case m == nil:
		return false
	case m.isText:
		return string(m.value) == audience
	}
	var list []string
	return json.Unmarshal(m.value, &list) == nil && slices.Contains(list, audience)
}

// read reads the payload: fast where it has the shape that issuers give it, and by the library otherwise. Either way the same objects are read, as the
// same members; fuzzing holds the one to the other.
func (c *Claims) read() bool { return c.follow() || c.scan() || c.parse() }

// follow reads a payload that differs in its values alone from the one that was scanned before, as those of one issuer do. It has no member twice, then,
// if that one had none. Where it gives up it has judged nothing.
func (c *Claims) follow() bool {
	t := jsonText(c.text)
	if c.after == nil {
		return false
	}
	if c.form.read(t, c.members) {
		return true
	}
	if !t.plain() {
		return false
	}
	at := 0
	for i := range c.members {
		m := &c.members[i]
		if !bytes.HasPrefix(t[at:], m.before) {
			return false
		}
		at += len(m.before)
		end := t.value(at, m.isText)
		if end == nowhere {
			return false
		}
		m.value, at = t[at:end], end
	}
	if !bytes.Equal(t[at:], c.after) {
		return false
	}
	c.form.learn(t, c.members)
	return true
}

// scan reads an object whose values are texts, whole numbers, truth values and objects of one text, in plain ASCII, on one line and without escapes.
// Where it gives up it has judged nothing.
func (c *Claims) scan() bool {
	c.clear()
	if !jsonText(c.text).plain() {
		return false
	}
	c.shape = append(c.shape[:0], c.text...)
	t := jsonText(c.shape)
	at := t.skip(0)
	if !t.has(at, '{') {
		return false
	}
	if at = t.skip(at + 1); t.has(at, '}') {
		return t.skip(at+1) == len(t)
	}
	for behind := 0; ; {
		if !t.has(at, '"') {
			return false
		}
		end := t.quote(at + 1)
		if end == nowhere {
			return false
		}
		name := t[at+1 : end]
		if at = t.skip(end + 1); !t.has(at, ':') {
			return false
		}
		at = t.skip(at + 1)
		isText := t.has(at, '"')
		if isText {
			at++
		}
		if end = t.value(at, isText); end == nowhere || !c.add(t[behind:at], name, t[at:end], isText) {
			return false
		}
		if behind = end; isText {
			end++
		}
		if at = t.skip(end); t.has(at, '}') && t.skip(at+1) == len(t) {
			c.after = t[behind:]
			return true
		}
		if !t.has(at, ',') {
			return false
		}
		at = t.skip(at + 1)
	}
}

// parse reads any JSON object that readObject reads.
func (c *Claims) parse() bool {
	c.clear()
	members, err := readObject(c.text)
	if err != nil {
		return false
	}
	for _, m := range members {
		if !c.add(nil, m.name, m.value, m.isText) {
			return false
		}
	}
	return true
}
