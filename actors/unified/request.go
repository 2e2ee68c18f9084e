package unified

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"

	strict "github.com/go-jose/go-jose/v4/json"

	"countersign/actors"
	"countersign/actors/wire"
	"countersign/conformance/catalog"
)

// hardened reports whether an actor does what the profile asks of level hardened and no requirement stands for by itself.
func hardened(env actors.Env) bool { return env.Guards.Level.Includes(catalog.Hardened) }

// problem is a refusal on its way to the wire.
type problem struct {
	status      int
	code        string
	description string
	challenge   string // WWW-Authenticate, empty for none
	retryAfter  string // Retry-After, empty for none
}

func (p *problem) Error() string { return p.code + ": " + p.description }

func refusal(status int, code, description string) *problem {
	return &problem{status: status, code: code, description: description}
}

func invalidRequest(description string) *problem {
	return refusal(http.StatusBadRequest, "invalid_request", description)
}

// problemOf gives the problem that an error is, that of a server that failed itself when it is none, and sets its headers.
func problemOf(h http.Header, err error) *problem {
	var p *problem
	if !errors.As(err, &p) {
		p = refusal(http.StatusInternalServerError, wire.Broken().Error, wire.Broken().Description)
	}
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
	return p
}

// mediaType is the media type of a body, without parameters; empty when it cannot be read.
func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// readBody reads a body of at most wire.MaxBody bytes.
func readBody(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, wire.MaxBody+1))
	if err != nil {
		return nil, invalidRequest("the body broke off; send it again")
	}
	if len(text) > wire.MaxBody {
		return nil, refusal(http.StatusRequestEntityTooLarge, "invalid_request", "the body is larger than 1 MiB; send less at a time")
	}
	return text, nil
}

// members are the members of a JSON object, each as it came.
type members map[string]strict.RawMessage

// object takes a JSON object apart. A member that stands twice is refused (profile section 2): which one counts would be anyone's guess.
func object(text []byte) (members, error) {
	var m members
	if !utf8.Valid(text) || strict.Unmarshal(text, &m) != nil || m == nil {
		return nil, invalidRequest("what was sent is no JSON object, or has a member twice; send one object with each member once")
	}
	return m, nil
}

func (m members) has(name string) bool { return m[name] != nil && string(m[name]) != "null" }

// into reads a required member into v, a pointer. In objects inside it no member may stand twice either.
func (m members) into(name string, v any, kind string) error {
	if !m.has(name) {
		return invalidRequest("the member " + name + " is missing")
	}
	if strict.Unmarshal(m[name], v) != nil {
		return invalidRequest("the member " + name + " is no " + kind)
	}
	return nil
}

// text gives a required string that is not empty.
func (m members) text(name string) (text string, err error) {
	if err = m.into(name, &text, "string"); err == nil && text == "" {
		err = invalidRequest("the member " + name + " is empty")
	}
	return text, err
}

// optional gives a string, empty when it is absent.
func (m members) optional(name string) (text string, err error) {
	if m.has(name) {
		err = m.into(name, &text, "string")
	}
	return text, err
}

// whole gives a required whole number.
func (m members) whole(name string) (number int64, err error) {
	err = m.into(name, &number, "whole number")
	return number, err
}

// The characters that values are made of (profile section 2).
const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	urlSafe      = alphanumeric + "-_"
	unreserved   = urlSafe + ".~" // of a code verifier (RFC 7636 section 4.1)
)
