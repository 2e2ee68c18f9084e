package bidirectional

import (
	"slices"
	"time"

	"countersign/actors/store"
)

const (
	// accountGuesses is how many wrong passwords for one user name end consent under it, when they come within accountSpan.
	accountGuesses = 10
	// accountSpan is also how long consent under the name stays ended after the last of them.
	accountSpan = 10 * time.Minute
)

// guesses are the passwords tried for one user name that have not turned out right, over all temporary credentials.
type guesses struct {
	At []time.Time // accountGuesses at most, the oldest first
}

// closed reports whether consent under the name is ended for now.
func (g guesses) closed(now time.Time) bool {
	return len(g.At) >= accountGuesses && now.Sub(g.At[len(g.At)-1]) < accountSpan
}

// countGuess counts a password that is about to be tried, and reports true when it is not to be tried: the
// answer is that to a wrong one then, so that nobody learns which is right (RFC 5849 section 4.9). What comes
// in such a time is not counted, so that it ends whatever an attacker sends.
func (s *OAuthServer) countGuess(tx store.Tx, username string) (closed bool, err error) {
	// flows, hardened: a new temporary credential brings no new guesses
	if !s.Guards.On("BI-OS-53") {
		return false, nil
	}
	now, key := s.Clock.Now(), s.guessKey(username)
	var g guesses
	if _, err := tx.Get(passwordGuesses, key, &g); err != nil {
		return false, err
	}
	if g.closed(now) {
		return true, nil
	}
	g.At = slices.DeleteFunc(g.At, func(t time.Time) bool { return now.Sub(t) >= accountSpan })
	g.At = append(g.At, now)
	return false, tx.Put(passwordGuesses, key, g)
}

// forgetGuesses begins anew after the right password.
func (s *OAuthServer) forgetGuesses(username string) error {
	return s.Store.Update(func(tx store.Tx) error { return tx.Delete(passwordGuesses, s.guessKey(username)) })
}

// guessKey is under which guesses for a user name are counted. Names that nobody has here are counted in the
// same way, so that neither answers nor their time tell them apart. They share a fixed number of counts, so that names
// made up do not fill the memory; none of them is ever let in, so that no user suffers from it.
func (s *OAuthServer) guessKey(username string) string {
	if _, known := find(s.Users, func(a Account) bool { return a.Username == username }); known {
		return "known " + username
	}
	return "unknown " + label(username)[:3] // 4096 of them
}
