package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MediaType is that of a header without parameters, empty when it cannot be read.
func MediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// ReadBody reads a body of limit bytes at most. Its errors are problems: 400 for one that broke off, 413 for a larger one.
func ReadBody(body io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, InvalidRequest("the body broke off; send it again")
	}
	if int64(len(text)) > limit {
		return nil, &Problem{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: fmt.Sprintf("the body is larger than the %d bytes that this endpoint takes", limit)}
	}
	return text, nil
}

// Members are the members of a JSON object, each as it came. Names are told apart by case. Errors of their methods are problems, 400 `invalid_request`.
type Members map[string]json.RawMessage

// Object takes a JSON object apart. Of a member that stands twice the last counts: whether it may, Repeats tells.
func Object(text []byte) (Members, error) {
	var m Members
	if !utf8.Valid(text) || json.Unmarshal(text, &m) != nil || m == nil || halved(text) {
		return nil, InvalidRequest("what was sent is no JSON object in UTF-8")
	}
	return m, nil
}

// halved reports whether a JSON text escapes one half of a surrogate pair without the other (RFC 8259 section 8.2). It would be read as U+FFFD,
// which makes one of texts that differ, as passwords do.
func halved(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 {
			return false
		}
		text = text[at:]
		r, size := unit(text)
		if utf16.IsSurrogate(r) {
			second, more := unit(text[size:])
			if utf16.DecodeRune(r, second) == utf8.RuneError {
				return true
			}
			size += more
		}
		text = text[size:]
	}
}

// unit reads the escape of a unit of UTF-16 that a text begins with, in a JSON text that is well formed. It gives -1 for any other escape, and for none.
func unit(text []byte) (r rune, size int) {
	const escape = `\u`
	if !bytes.HasPrefix(text, []byte(escape)) {
		return -1, min(2, len(text))
	}
	size = len(escape) + 4
	n, _ := strconv.ParseUint(string(text[len(escape):size]), 16, 32) // hexadecimal digits, as the text is well formed
	return rune(n), size
}

// StrictObject is Object without members that stand twice (RFC 8259 section 4): which one counts would be anyone's guess.
func StrictObject(text []byte) (Members, error) {
	m, err := Object(text)
	if err == nil && Repeats(text) {
		return nil, InvalidRequest("a member stands twice; send it once")
	}
	return m, err
}

// Repeats reports whether an object in the JSON text, at any depth, has two members of one name.
func Repeats(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()              // or else a number beyond all floats would end the reading
	var open []map[string]bool // the names so far of each open object; nil for an array
	isName := false
	for {
		t, err := d.Token()
		if err != nil {
			return false
		}
		inObject := len(open) > 0 && open[len(open)-1] != nil
		switch delim, _ := t.(json.Delim); {
		case delim == '{':
			open, isName = append(open, map[string]bool{}), true
			continue
		case delim == '[':
			open = append(open, nil)
			continue
		case delim == '}' || delim == ']':
			open = open[:len(open)-1]
			isName = len(open) > 0 && open[len(open)-1] != nil
			continue
		case !inObject:
			continue
		}
		if isName {
			name := t.(string)
			if open[len(open)-1][name] {
				return true
			}
			open[len(open)-1][name] = true
		}
		isName = !isName
	}
}

// Has reports whether there is a member of that name that is not null.
func (m Members) Has(name string) bool { return m[name] != nil && string(m[name]) != "null" }

// Into reads a required member into v, a pointer; kind says in the refusal what it has to be.
func (m Members) Into(name string, v any, kind string) error {
	if !m.Has(name) {
		return InvalidRequest("the request lacks " + name)
	}
	if json.Unmarshal(m[name], v) != nil {
		return InvalidRequest(name + " is no " + kind)
	}
	return nil
}

// Text gives a required string.
func (m Members) Text(name string) (text string, err error) {
	err = m.Into(name, &text, "string")
	return text, err
}

// Word gives a required string that is not empty.
func (m Members) Word(name string) (string, error) {
	text, err := m.Text(name)
	if err == nil && text == "" {
		err = InvalidRequest(name + " is empty")
	}
	return text, err
}

// Optional gives a string, empty when it is absent.
func (m Members) Optional(name string) (string, error) {
	if !m.Has(name) {
		return "", nil
	}
	return m.Text(name)
}

// Truth gives a boolean, false when it is absent.
func (m Members) Truth(name string) (is bool, err error) {
	if m.Has(name) {
		err = m.Into(name, &is, "true or false")
	}
	return is, err
}

// Whole gives a required whole number, written without fraction and exponent.
func (m Members) Whole(name string) (number int64, err error) {
	err = m.Into(name, &number, "whole number")
	return number, err
}
