package bidirectional

import (
	"strings"

	"countersign/actors/store"
)

// knowsPagesByState says whether a state belongs to the page that was opened with it; to a server that does not, it is the credential's.
func (s *OAuthServer) knowsPagesByState() bool {
	// RFC 6749 section 10.12; RFC 9700 section 4.7
	return s.Guards.On("BI-OS-54")
}

// back is the callback that ends a question, with what the client is told.
func (s *OAuthServer) back(q question, params ...string) string {
	state := q.state
	if !s.knowsPagesByState() {
		state = q.credential.State
	}
	if state != "" {
		params = append(params, "state", state)
	}
	return withQuery(q.beneficiary.Callback, params...)
}

// maxState is the longest state that a page is opened with, in characters.
const maxState = 512

// wellFormedStates reports whether there is one state at most, of unreserved characters (RFC 3986 section 2.3).
func wellFormedStates(states []string) bool {
	return len(states) == 0 || len(states) == 1 && len(states[0]) <= maxState && !strings.ContainsFunc(states[0], func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
	})
}

// keepFirstState is what a server does that takes the state for the credential's: it keeps that of the page that was opened first.
func (s *OAuthServer) keepFirstState(q question) error {
	if s.knowsPagesByState() || q.state == "" || q.credential.State != "" {
		return nil
	}
	return s.change(q, func(_ store.Tx, c *temporaryCredential) error {
		c.State = q.state
		return nil
	})
}
