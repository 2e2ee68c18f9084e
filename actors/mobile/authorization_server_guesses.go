package mobile

import (
	"net/http"
	"time"

	"countersign/actors/throttle"
)

// guesses limits wrong passwords for one user name.
func (s *AuthorizationServer) guesses() throttle.Throttle {
	return throttle.Throttle{Env: s.Env, Bucket: passwordGuesses, Most: 10, Span: 10 * time.Minute}
}

// compare reports whether the password is the user's. The error is a refusal when too many were wrong (profile section 4.1).
func (s *AuthorizationServer) compare(username, shown string) (right bool, err error) {
	hash, known := s.accounts[username]
	if err := s.throttle(username, known, throttle.Untried); err != nil {
		return false, err
	}
	if known {
		right = hash.Matches(shown)
	} else if _, err := s.Passwords.Hash(shown, s.Entropy("salts")); err != nil {
		// the same work, so that the time taken does not tell who is a user
		return false, err
	}
	return right, s.throttle(username, known, throttle.Compared(right))
}

// throttle refuses while attempts under the name are ended, and counts a password that was compared.
func (s *AuthorizationServer) throttle(username string, known bool, made throttle.Guess) error {
	// RFC 6749 section 10.10; RFC 6585 section 4
	if !s.Guards.On("MO-AS-32") {
		return nil
	}
	ended, err := s.guesses().Count(username, known, made)
	if err == nil && ended > 0 {
		err = &problem{
			Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", RetryAfter: throttle.Seconds(ended),
			Description: "too many wrong passwords for this user name; try again later",
		}
	}
	return err
}
