package ticket

import (
	"math"
	"net/http"
	"strings"
	"unicode/utf8"

	"countersign/actors/wire"
)

// maxRequest bounds the body of a request, in bytes (profile section 2).
const maxRequest = 16 << 10

// A problem is a refusal on its way to the wire.
type problem = wire.Problem

func invalidGrant(description string) *problem {
	return &problem{Status: http.StatusBadRequest, Code: "invalid_grant", Description: description}
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
			wire.Reject(w, err)
			return
		}
		answer, err := do(r, m)
		if err != nil {
			wire.Reject(w, err)
			return
		}
		mark(w.Header())
		answer.Write(w)
	})
}

// members are those of a JSON object that was sent.
type members = wire.Members

// read reads the JSON object in a body (profile section 2).
func read(r *http.Request) (members, error) {
	if wire.MediaType(r.Header) != wire.JSONType {
		return nil, &problem{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Description: "the body is no JSON object; send it as " + wire.JSONType}
	}
	body, err := wire.ReadBody(r.Body, maxRequest)
	if err != nil {
		return nil, wire.InvalidRequest(wire.ProblemOf(err).Description) // 400 also for one that is too large
	}
	return wire.StrictObject(body)
}

// seconds gives a whole number of seconds, and whether there is one; a number with a fraction is none.
func seconds(m members, name string) (count int64, found bool) {
	var value float64
	if m.Into(name, &value, "number") != nil || value < 0 || value > 1<<40 || value != math.Trunc(value) {
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
