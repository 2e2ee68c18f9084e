package offline

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"

	"countersign/actors/wire"
)

// coseType is the media type of an envelope, whatever its parameters.
const coseType = "application/cose"

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

// asProblem gives the refusal that an error stands for: 500 for one that the caller cannot mend.
func asProblem(err error) *problem {
	var p *problem
	var unread *MalformedError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &unread):
		return invalidRequest("the " + unread.Message.String() + " is malformed: " + unread.Problem)
	}
	broken := wire.Broken()
	return &problem{status: http.StatusInternalServerError, code: broken.Error, description: broken.Description}
}

// mark puts the problem's headers into an answer.
func (p *problem) mark(h http.Header) {
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
}

// refuse answers with the problem that the error is.
func refuse(w http.ResponseWriter, err error) {
	p := asProblem(err)
	p.mark(w.Header())
	wire.Refuse(w, p.status, wire.Refusal{Error: p.code, Description: p.description})
}

// hasType reports whether a body is of the media type, whatever its parameters.
func hasType(r *http.Request, mediaType string) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == mediaType
}

func wrongType(mediaType string) *problem {
	return &problem{status: http.StatusUnsupportedMediaType, code: "invalid_request", description: "this endpoint takes " + mediaType + " only"}
}

// readBody reads a body of limit bytes at most.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, invalidRequest("the body broke off")
	}
	if int64(len(body)) > limit {
		return nil, &problem{status: http.StatusRequestEntityTooLarge, code: "invalid_request", description: "the body is larger than this endpoint takes"}
	}
	return body, nil
}

// maxObject bounds a body in JSON, in bytes.
const maxObject = 16 << 10

// members are the members of a JSON object, each as it came.
type members map[string]json.RawMessage

// readObject reads the JSON object in a body (profile section 2). Of duplicates the last counts.
func readObject(r *http.Request) (members, error) {
	if !hasType(r, wire.JSONType) {
		return nil, wrongType(wire.JSONType)
	}
	body, err := readBody(r, maxObject)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, invalidRequest("the body is not UTF-8")
	}
	var m members
	if err := json.Unmarshal(body, &m); err != nil || m == nil {
		return nil, invalidRequest("the body is no JSON object")
	}
	return m, nil
}

// read reads a required member into v.
func (m members) read(name string, v any) error {
	value, there := m[name]
	if !there || string(value) == "null" {
		return invalidRequest("the request lacks " + name)
	}
	if json.Unmarshal(value, v) != nil {
		return invalidRequest(name + " has a wrong type")
	}
	return nil
}
