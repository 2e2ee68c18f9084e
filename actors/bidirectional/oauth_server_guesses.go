package bidirectional

import (
	"time"

	"countersign/actors/throttle"
)

// guesses limits wrong passwords for one user name, over all temporary credentials.
func (s *OAuthServer) guesses() throttle.Throttle {
	return throttle.Throttle{Env: s.Env, Bucket: passwordGuesses, Most: 10, Span: 10 * time.Minute}
}

// letIn counts a password that was compared, and reports whether its user may consent. As long as consent under the
// name is ended nobody may, so that nobody learns which password is right (RFC 5849 section 4.9).
func (s *OAuthServer) letIn(username string, right bool) (bool, error) {
	// flows, hardened: a new temporary credential brings no new guesses
	if !s.Guards.On("BI-OS-53") {
		return right, nil
	}
	_, known := find(s.Users, func(a Account) bool { return a.Username == username })
	ended, err := s.guesses().Count(username, known, throttle.Compared(right))
	return right && ended == 0 && err == nil, err
}
