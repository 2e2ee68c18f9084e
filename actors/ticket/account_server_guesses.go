package ticket

import (
	"net/http"
	"time"

	"countersign/actors/store"
	"countersign/actors/throttle"
)

// guesses limits wrong passwords for one user name.
func (s *AccountServer) guesses() throttle.Throttle {
	return throttle.Throttle{Env: s.Env, Bucket: passwordGuesses, Most: 10, Span: 600 * time.Second}
}

// signIn finds the account that the body has user name and password of (profile section 4.2).
func (s *AccountServer) signIn(m members) (account, error) {
	name, err := m.Text("user_name")
	if err != nil {
		return account{}, err
	}
	pass, err := m.Text("password")
	if err != nil {
		return account{}, err
	}
	owner, known, err := store.Load[account](s.Store, accounts, name)
	if err != nil {
		return account{}, err
	}
	if err := s.throttle(name, known, throttle.Untried); err != nil {
		return account{}, err
	}
	right := owner.Password.Matches(pass)
	if !known {
		// the same work, so that the time taken does not tell who has an account
		if _, err := s.Passwords.Hash(pass, s.Entropy("salts")); err != nil {
			return account{}, err
		}
	}
	if err := s.throttle(name, known, throttle.Compared(right)); err != nil {
		return account{}, err
	}
	wrong := "user name or password is wrong"
	// OWASP ASVS 5.0, authentication: names cannot be found out
	if !known && !s.Guards.On("TI-AM-21") {
		wrong = "nobody has this user name"
	}
	// claim 1: the authentication request carries user name and password
	if !known || s.Guards.Forbids("TI-AM-04", !right) {
		return account{}, invalidGrant(wrong)
	}
	return owner, nil
}

// throttle refuses while the name is throttled, and counts a password that was compared.
func (s *AccountServer) throttle(name string, known bool, made throttle.Guess) error {
	// RFC 6749 section 10.10; NIST SP 800-63B section 5.2.2
	if !s.Guards.On("TI-AM-22") {
		return nil
	}
	ended, err := s.guesses().Count(name, known, made)
	if err == nil && ended > 0 {
		err = &problem{
			Status: http.StatusTooManyRequests, Code: "slow_down", RetryAfter: throttle.Seconds(ended),
			Description: "too many wrong passwords for this user name; try again later",
		}
	}
	return err
}
