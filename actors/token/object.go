package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

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
