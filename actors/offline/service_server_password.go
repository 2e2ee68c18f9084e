package offline

import (
	"encoding/base64"
	"net/http"
	"time"

	"countersign/actors/store"
	"countersign/actors/throttle"
	"countersign/actors/wire"
)

// passwordSetting is a request to set the password.
type passwordSetting struct {
	account, accountPassword, handset string
	key                               []byte // K
}

func readPasswordSetting(r *http.Request) (asked passwordSetting, err error) {
	m, err := readObject(r)
	if err != nil {
		return asked, err
	}
	var key string
	for _, member := range []struct {
		name string
		text *string
	}{{"account", &asked.account}, {"account_password", &asked.accountPassword}, {"handset", &asked.handset}, {"password_key", &key}} {
		if err := m.Into(member.name, member.text, "value of the right type"); err != nil {
			return asked, err
		}
	}
	asked.key, err = base64.RawURLEncoding.Strict().DecodeString(key)
	if err != nil || len(asked.key) != PasswordKeySize || len(key) != base64.RawURLEncoding.EncodedLen(PasswordKeySize) {
		return asked, wire.InvalidRequest("password_key is not 32 bytes in base64url without padding")
	}
	return asked, nil
}

// setPassword puts a password key in the place of any earlier one (profile section 5.3).
func (s *ServiceServer) setPassword(r *http.Request) (wire.Answer, error) {
	asked, err := readPasswordSetting(r)
	if err != nil {
		return wire.Answer{}, err
	}
	if err := s.owned(asked); err != nil {
		return wire.Answer{}, err
	}
	err = s.Store.Update(func(tx store.Tx) error {
		state, err := findHandset(tx, asked.handset)
		if err != nil {
			return err
		}
		// NIST SP 800-63B section 6.1.2: the new one ends the old one
		if !s.Guards.On("OF-SS-52") && state.PasswordKey != nil {
			state.Former = append(state.Former, state.PasswordKey)
		}
		state.PasswordKey, state.Wrong = asked.key, 0
		return state.put(tx, asked.handset)
	})
	return wire.Answer{Status: http.StatusNoContent}, err
}

// owned refuses unless the account is the handset's and the password the account's, all alike.
func (s *ServiceServer) owned(asked passwordSetting) error {
	account, known := find(s.Accounts, func(a Account) bool { return a.Name == asked.account })
	if err := s.throttle(asked.account, known, throttle.Untried); err != nil {
		return err
	}
	if !known {
		// the same work, so that the time taken does not tell who has an account
		if _, err := s.Passwords.Hash(asked.accountPassword, s.Entropy("salts")); err != nil {
			return err
		}
	}
	enrolled, there := s.handset(asked.handset)
	its := known && there && enrolled.Account == asked.account
	made := throttle.Wrong
	switch right := account.Password.Matches(asked.accountPassword); {
	case right && its:
		made = throttle.Right
	case right:
		made = throttle.Untried // the handset is another account's: it counts neither way
	}
	if err := s.throttle(asked.account, known, made); err != nil {
		return err
	}
	// NIST SP 800-63B section 6.1.2: setting the password needs the account
	if !its || s.Guards.Forbids("OF-SS-50", made == throttle.Wrong) {
		return denied("account, password and handset do not belong together")
	}
	return nil
}

// guesses limits wrong account passwords for one account name.
func (s *ServiceServer) guesses() throttle.Throttle {
	return throttle.Throttle{Env: s.Env, Bucket: passwordGuesses, Most: 5, Span: 10 * time.Minute}
}

// throttle refuses while the name is throttled, and counts a guess.
func (s *ServiceServer) throttle(name string, known bool, made throttle.Guess) error {
	// RFC 6749 section 10.10; flows, attempts limited
	if !s.Guards.On("OF-SS-51") {
		return nil
	}
	ended, err := s.guesses().Count(name, known, made)
	if err == nil && ended > 0 {
		err = &problem{
			Status: http.StatusTooManyRequests, Code: "too_many_attempts", RetryAfter: throttle.Seconds(ended),
			Description: "too many wrong passwords for this account; try again later",
		}
	}
	return err
}
