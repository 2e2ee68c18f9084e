package mobile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"countersign/actors/wire"
)

// maxRequest bounds the body of a request, in bytes (profile section 2).
const maxRequest = 64 << 10

// problem is a refusal on its way to the wire.
type problem struct {
	status      int
	code        string
	description string
	challenge   string         // WWW-Authenticate, empty for none
	retryAfter  string         // Retry-After, empty for none
	more        map[string]any // further members of the body
}

func (p *problem) Error() string { return p.code + ": " + p.description }

// body is the refusal as a JSON object.
func (p *problem) body() map[string]any {
	members := map[string]any{"error": p.code, "error_description": p.description}
	maps.Copy(members, p.more)
	return members
}

func invalidRequest(description string) *problem {
	return &problem{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

// asProblem is the problem that the error is; one of the server itself when it is none.
func asProblem(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	broken := wire.Broken()
	return &problem{status: http.StatusInternalServerError, code: broken.Error, description: broken.Description}
}

// refuse answers with the problem that the error is.
func refuse(w http.ResponseWriter, err error) {
	p := asProblem(err)
	p.announce(w.Header())
	answer, err := wire.JSON(p.body())
	if err != nil {
		answer, p.status = wire.Answer{}, http.StatusInternalServerError
	}
	answer.Status = p.status
	answer.Write(w)
}

// announce sets the header of a refusal.
func (p *problem) announce(h http.Header) {
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
}

// readBody reads the text of a body of one of the media types.
func readBody(r *http.Request, limit int64, types ...string) (text []byte, mediaType string, err error) {
	mediaType, _, err = mime.ParseMediaType(r.Header.Get("Content-Type"))
	known := false
	for _, t := range types {
		known = known || t == mediaType
	}
	if err != nil || !known {
		return nil, "", invalidRequest("the body is not of type " + strings.Join(types, " or "))
	}
	text, err = io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, "", invalidRequest("the body broke off")
	case int64(len(text)) > limit:
		return nil, "", &problem{status: http.StatusRequestEntityTooLarge, code: "invalid_request", description: "the body is larger than this endpoint takes"}
	case !utf8.Valid(text):
		return nil, "", invalidRequest("the body is not UTF-8")
	}
	return text, mediaType, nil
}

// members are the members of a JSON object, each as it came. The names are told apart by case.
type members map[string]json.RawMessage

// object takes a JSON object apart. Of a member that is repeated the last counts: whether it may be, repeats tells.
func object(text []byte) (members, error) {
	var m members
	if err := json.Unmarshal(text, &m); err != nil || m == nil {
		return nil, invalidRequest("the body is no JSON object")
	}
	return m, nil
}

// repeats reports whether an object in the JSON text, at any depth, has two members of one name (RFC 8259 section 4).
func repeats(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
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

func (m members) has(name string) bool { return m[name] != nil && string(m[name]) != "null" }

// text gives a required string that is not empty.
func (m members) text(name string) (text string, err error) {
	if !m.has(name) {
		return "", invalidRequest("the request lacks " + name)
	}
	if json.Unmarshal(m[name], &text) != nil {
		return "", invalidRequest(name + " is no string")
	}
	if text == "" {
		return "", invalidRequest(name + " is empty")
	}
	return text, nil
}

// whole gives a required whole number.
func (m members) whole(name string) (int64, error) {
	n, ok := wholeNumber(m[name])
	if !ok {
		return 0, invalidRequest(name + " is missing or no whole number")
	}
	return n, nil
}

// identifier gives a required appid, deviceid or system_id (profile section 2).
func (m members) identifier(name string) (string, error) {
	text, err := m.text(name)
	if err == nil && !isIdentifier(text) {
		err = invalidRequest(name + " is not 1 to 128 of A-Z, a-z, 0-9, dot, underscore, colon and hyphen")
	}
	return text, err
}

// userName gives the required username.
func (m members) userName() (string, error) {
	text, err := m.text("username")
	if err == nil && !isUserName(text) {
		err = invalidRequest("username is longer than 128 characters")
	}
	return text, err
}

func isIdentifier(s string) bool {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
	return s != "" && len(s) <= 128 && strings.TrimLeft(s, characters) == ""
}

func isUserName(s string) bool { return s != "" && utf8.RuneCountInString(s) <= 128 }

func isPassword(s string) bool { return s != "" && utf8.RuneCountInString(s) <= 256 }

// isSafeURL reports whether what is sent to the URL is read by its receiver only: over TLS or on loopback, without user information and fragment (profile section 2).
func isSafeURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && !strings.Contains(text, "#") && wire.Private(text)
}
