package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// Members are those of a JSON object.
type Members map[string]any

// ReadMembers reads a JSON object and nothing behind it. Its numbers are json.Number, as they were written.
func ReadMembers(text []byte) (Members, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var m Members
	if err := d.Decode(&m); err != nil || m == nil {
		return nil, errors.New("no JSON object")
	}
	if _, err := d.Token(); err != io.EOF { // More finds nothing in a closing bracket
		return nil, errors.New("no JSON object")
	}
	return m, nil
}

// With is a copy in which one member is another; nil leaves it out.
func (m Members) With(name string, value any) Members {
	other := Members{}
	maps.Copy(other, m)
	if other[name] = value; value == nil {
		delete(other, name)
	}
	return other
}

// Text is a member that is a string; empty where there is none.
func (m Members) Text(name string) string {
	s, _ := m[name].(string)
	return s
}

// Whole is a member that is a number without fraction and exponent.
func (m Members) Whole(name string) (n int64, ok bool) {
	switch v := m[name].(type) {
	case int64:
		return v, true
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// Object is a member that is an object; nil where there is none.
func (m Members) Object(name string) Members {
	switch v := m[name].(type) {
	case Members:
		return v
	case map[string]any:
		return v
	}
	return nil
}

// Shown writes a member down; absent for one that is not there.
func Shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "absent"
	case string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

// Repeated is the members in JSON, in the order of their names, with one of them twice: alike, one behind the other.
func Repeated(m Members, name string) ([]byte, error) {
	var text bytes.Buffer
	for i, each := range slices.Sorted(maps.Keys(m)) {
		member, err := json.Marshal(Members{each: m[each]})
		if err != nil {
			return nil, err
		}
		member = member[1 : len(member)-1]
		if i > 0 {
			text.WriteByte(',')
		}
		text.Write(member)
		if each == name {
			text.WriteByte(',')
			text.Write(member)
		}
	}
	return []byte("{" + text.String() + "}"), nil
}
