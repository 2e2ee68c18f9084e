package unified

import (
	"net/http"

	"countersign/actors/wire"
)

// A problem is a refusal on its way to the wire.
type problem = wire.Problem

// members are those of a JSON object that was sent. No member may stand twice in one (profile section 2).
type members = wire.Members

func refusal(status int, code, description string) *problem {
	return &problem{Status: status, Code: code, Description: description}
}

// problemOf gives the problem that an error is, and sets the header fields that it asks for.
func problemOf(h http.Header, err error) *problem {
	p := wire.ProblemOf(err)
	p.Announce(h)
	return p
}

// The characters that values are made of (profile section 2).
const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	urlSafe      = alphanumeric + "-_"
	unreserved   = urlSafe + ".~" // of a code verifier (RFC 7636 section 4.1)
)
