package wire

import (
	"errors"
	"maps"
	"net/http"
)

// Problem is a refusal on its way to the wire.
type Problem struct {
	Status      int
	Code        string
	Description string
	Challenge   string         // WWW-Authenticate, empty for none
	RetryAfter  string         // Retry-After, empty for none
	More        map[string]any // further members of the body
}

func (p *Problem) Error() string { return p.Code + ": " + p.Description }

// InvalidRequest is the problem of a request that cannot be read (RFC 6749 section 5.2).
func InvalidRequest(description string) *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: "invalid_request", Description: description}
}

// ProblemOf is the problem that an error is, or that of a server that failed itself.
func ProblemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	broken := Broken()
	return &Problem{Status: http.StatusInternalServerError, Code: broken.Error, Description: broken.Description}
}

// Announce sets the header fields that the problem asks for.
func (p *Problem) Announce(h http.Header) {
	if p.Challenge != "" {
		h.Set("WWW-Authenticate", p.Challenge)
	}
	if p.RetryAfter != "" {
		h.Set("Retry-After", p.RetryAfter)
	}
}

// Reject answers with the problem that an error is.
func Reject(w http.ResponseWriter, err error) {
	p := ProblemOf(err)
	p.Announce(w.Header())
	if p.More == nil {
		Refuse(w, p.Status, Refusal{p.Code, p.Description})
		return
	}
	members := map[string]any{"error": p.Code, "error_description": p.Description}
	maps.Copy(members, p.More)
	answer, err := JSON(members)
	if err != nil {
		Refuse(w, http.StatusInternalServerError, Broken())
		return
	}
	answer.Status = p.Status
	answer.Write(w)
}
