package token

import (
	"bytes"
	"encoding/json"
	"errors"

	"countersign/actors/wire"
)

var errNoObject = errors.New("no JSON object, or one in which a member comes twice")

// readObject reads the members of a JSON object in which no object has a member twice (RFC 8259 section 4: what that says is anybody's guess).
func readObject(text []byte) (members []member, err error) {
	if _, err := wire.StrictObject(text); err != nil {
		return nil, errNoObject
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
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
