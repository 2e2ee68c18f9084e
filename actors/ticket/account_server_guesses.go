package ticket

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
)

const (
	// maxGuesses is how many wrong passwords for one user name throttle it, when they come within guessSpan.
	maxGuesses = 10
	// guessSpan is also how long the name stays throttled after the last of them.
	guessSpan = 600 * time.Second
)

// guesses are the wrong passwords for one user name since the last right one.
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

// signIn finds the account that the body has user name and password of (profile section 4.2).
func (s *AccountServer) signIn(m members) (account, error) {
	name, err := m.text("user_name")
	if err != nil {
		return account{}, err
	}
	pass, err := m.text("password")
	if err != nil {
		return account{}, err
	}
	owner, known, err := store.Load[account](s.Store, accounts, name)
	if err != nil {
		return account{}, err
	}
	key := guessKey(name, known)
	if err := s.throttle(key, nil); err != nil {
		return account{}, err
	}
	right := owner.Password.Matches(pass)
	if !known {
		// the same work, so that the time taken does not tell who has an account
		if _, err := s.Passwords.Hash(pass, s.Entropy("salts")); err != nil {
			return account{}, err
		}
	}
	if err := s.throttle(key, &right); err != nil {
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

// throttle refuses while the name is throttled, and counts a password that was compared. One transaction judges and
// counts: of many guesses at once no more than maxGuesses have a chance.
func (s *AccountServer) throttle(key string, compared *bool) error {
	// RFC 6749 section 10.10; NIST SP 800-63B section 5.2.2
	if !s.Guards.On("TI-AM-22") {
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
				status: http.StatusTooManyRequests, code: "slow_down", retryAfter: strconv.FormatInt(int64((left+time.Second-1)/time.Second), 10),
				description: "too many wrong passwords for this user name; try again later",
			}
		}
		switch {
		case compared == nil:
			return nil
		case *compared:
			return tx.Delete(passwordGuesses, key)
		}
		if err := store.Forget(tx, passwordGuesses, now, guessSpan); err != nil {
			return err
		}
		g.At = slices.DeleteFunc(g.At, func(t time.Time) bool { return now.Sub(t) >= guessSpan })
		g.At, g.Forget = append(g.At, now), now.Add(guessSpan)
		return tx.Put(passwordGuesses, key, g)
	})
}

// guessKey is under which guesses for a user name are counted. Names that nobody has are counted in the same way, so
// that the answers do not tell them apart. They share a fixed number of counts, so that names made up do not fill the
// store; none of them is ever let in, so that no user suffers from it.
func guessKey(name string, known bool) string {
	if known {
		return "known " + name
	}
	return "unknown " + secret.Digest(name)[:4] // 65536 of them
}
