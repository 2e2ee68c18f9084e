package offline

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
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
		if err := m.read(member.name, member.text); err != nil {
			return asked, err
		}
	}
	asked.key, err = base64.RawURLEncoding.Strict().DecodeString(key)
	if err != nil || len(asked.key) != PasswordKeySize || len(key) != base64.RawURLEncoding.EncodedLen(PasswordKeySize) {
		return asked, invalidRequest("password_key is not 32 bytes in base64url without padding")
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
	key := guessKey(asked.account, known)
	if err := s.throttle(key, untried); err != nil {
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
	made := wrongGuess
	switch right := account.Password.Matches(asked.accountPassword); {
	case right && its:
		made = rightGuess
	case right:
		made = otherHandset
	}
	if err := s.throttle(key, made); err != nil {
		return err
	}
	// NIST SP 800-63B section 6.1.2: setting the password needs the account
	if !its || s.Guards.Forbids("OF-SS-50", made == wrongGuess) {
		return denied("account, password and handset do not belong together")
	}
	return nil
}

const (
	// maxGuesses is how many wrong account passwords for one account name throttle it, when they come within guessSpan.
	maxGuesses = 5
	// guessSpan is also how long the name stays throttled after the last of them.
	guessSpan = 10 * time.Minute
)

// guess is what a try of an account password came to.
type guess int

const (
	untried guess = iota
	wrongGuess
	otherHandset // the password is right, but the handset is another account's: it counts neither way
	rightGuess
)

// guesses are the wrong passwords for one account name since the last right one.
type guesses struct {
	store.Mortal
	At []time.Time // maxGuesses at most, the oldest first
}

// left is how long the name stays throttled.
func (g guesses) left(now time.Time) time.Duration {
	if len(g.At) < maxGuesses {
		return 0
	}
	return g.At[len(g.At)-1].Add(guessSpan).Sub(now)
}

// throttle refuses while the name is throttled, and counts a guess. One transaction judges and counts: of many guesses
// at once no more than maxGuesses have a chance.
func (s *ServiceServer) throttle(key string, made guess) error {
	// RFC 6749 section 4.3.2; flows, attempts limited
	if !s.Guards.On("OF-SS-51") {
		return nil
	}
	now := s.Clock.Now()
	return s.Store.Update(func(tx store.Tx) error {
		var g guesses
		if _, err := tx.Get(passwordGuesses, key, &g); err != nil {
			return err
		}
		if left := g.left(now); left > 0 {
			return &problem{
				status: http.StatusTooManyRequests, code: "too_many_attempts", retryAfter: strconv.FormatInt(int64((left+time.Second-1)/time.Second), 10),
				description: "too many wrong passwords for this account; try again later",
			}
		}
		switch made {
		case rightGuess:
			return tx.Delete(passwordGuesses, key)
		case wrongGuess:
			if err := store.Forget(tx, passwordGuesses, now, guessSpan); err != nil {
				return err
			}
			g.At = slices.DeleteFunc(g.At, func(t time.Time) bool { return now.Sub(t) >= guessSpan })
			g.At, g.Forget = append(g.At, now), now.Add(guessSpan)
			return tx.Put(passwordGuesses, key, g)
		}
		return nil
	})
}

// guessKey is under which guesses for an account name are counted. Names that nobody has are counted in the same way, so
// that the answers do not tell them apart. They share a fixed number of counts, so that names made up do not fill the
// store; none of them is ever let in, so that no user suffers from it.
func guessKey(name string, known bool) string {
	if known {
		return "known " + name
	}
	return "unknown " + secret.Digest(name)[:4] // 65536 of them
}
