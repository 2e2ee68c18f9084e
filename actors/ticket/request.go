package ticket

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"countersign/actors/wire"
)

// maxRequest bounds the body of a request, in bytes (profile section 2).
const maxRequest = 16 << 10

// problem is a refusal on its way to the wire.
type problem struct {
	status      int
	code        string
	description string
	challenge   string // WWW-Authenticate, empty for none
	retryAfter  string // Retry-After, empty for none
}

func (p *problem) Error() string { return p.code + ": " + p.description }

func invalidRequest(description string) *problem {
	return &problem{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

func invalidGrant(description string) *problem {
	return &problem{status: http.StatusBadRequest, code: "invalid_grant", description: description}
}

// refuse answers with the problem that the error is; with 500 when it is none.
func refuse(w http.ResponseWriter, err error) {
	var p *problem
	if !errors.As(err, &p) {
		wire.Refuse(w, http.StatusInternalServerError, wire.Broken())
		return
	}
	if p.challenge != "" {
		w.Header().Set("WWW-Authenticate", p.challenge)
	}
	if p.retryAfter != "" {
		w.Header().Set("Retry-After", p.retryAfter)
	}
	wire.Refuse(w, p.status, wire.Refusal{Error: p.code, Description: p.description})
}

// leg is what happens at an endpoint that takes a JSON object.
type leg func(*http.Request, members) (wire.Answer, error)

// endpoint serves a leg that is called with POST; mark prepares the header of an answer that is no refusal.
func endpoint(do leg, mark func(http.Header)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			wire.WrongMethod(w, http.MethodPost)
			return
		}
		m, err := read(r)
		if err != nil {
			refuse(w, err)
			return
		}
		answer, err := do(r, m)
		if err != nil {
			refuse(w, err)
			return
		}
		mark(w.Header())
		answer.Write(w)
	})
}

// members are the members of a JSON object, each as it came.
type members map[string]json.RawMessage

// read reads the JSON object in a body (profile section 2).
func read(r *http.Request) (members, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != wire.JSONType {
		return nil, &problem{status: http.StatusUnsupportedMediaType, code: "invalid_request", description: "the body is no JSON object; send it as " + wire.JSONType}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	switch {
	case err != nil:
		return nil, invalidRequest("the body broke off")
	case len(body) > maxRequest:
		return nil, invalidRequest("the body is larger than 16 KiB")
	case !utf8.Valid(body):
		return nil, invalidRequest("the body is not UTF-8")
	}
	return object(body)
}

// object takes a JSON object apart. A member that appears twice is refused (RFC 8259 section 4): which one counts would be anyone's guess.
func object(text []byte) (members, error) {
	malformed := invalidRequest("the body is no JSON object")
	d := json.NewDecoder(bytes.NewReader(text))
	if opening, err := d.Token(); err != nil || opening != json.Delim('{') {
		return nil, malformed
	}
	m := members{}
	for d.More() {
		token, err := d.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return nil, malformed
		}
		if _, twice := m[name]; twice {
			return nil, invalidRequest("a member appears twice; send it once")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, malformed
		}
		m[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed
	}
	return m, nil
}

func (m members) has(name string) bool { return m[name] != nil && string(m[name]) != "null" }

// text gives a required string.
func (m members) text(name string) (string, error) {
	if !m.has(name) {
		return "", invalidRequest("the request lacks " + name)
	}
	return m.optional(name)
}

// optional gives a string, empty when it is absent.
func (m members) optional(name string) (text string, err error) {
	if !m.has(name) {
		return "", nil
	}
	if json.Unmarshal(m[name], &text) != nil {
		return "", invalidRequest(name + " is no string")
	}
	return text, nil
}

// truth gives a boolean, false when it is absent.
func (m members) truth(name string) (is bool, err error) {
	if !m.has(name) {
		return false, nil
	}
	if json.Unmarshal(m[name], &is) != nil {
		return false, invalidRequest(name + " is neither true nor false")
	}
	return is, nil
}

// number gives a number of seconds, and whether there is one.
func (m members) number(name string) (seconds int64, found bool) {
	var value float64
	if !m.has(name) || json.Unmarshal(m[name], &value) != nil || value < 0 || value > 1<<40 {
		return 0, false
	}
	return int64(value), true
}

// The characters that values are made of (profile section 2).
const (
	lower    = "abcdefghijklmnopqrstuvwxyz"
	digits   = "0123456789"
	urlSafe  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + lower + digits + "-_"
	nameTail = lower + digits + "._-"
)

func madeOf(text, characters string, least, most int) bool {
	return len(text) >= least && len(text) <= most && strings.TrimLeft(text, characters) == ""
}

func isUserName(s string) bool {
	return madeOf(s, nameTail, 1, 64) && strings.ContainsAny(s[:1], lower+digits)
}

func isPassword(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 8 && n <= 128 && len(s) <= 1024
}

func isUserID(s string) bool    { return madeOf(s, urlSafe, 1, 64) }
func isKey(s string) bool       { return madeOf(s, urlSafe, 1, 256) }
func isRequestID(s string) bool { return madeOf(s, urlSafe, 22, 64) }
