package bidirectional

import (
	"slices"
	"time"

	"countersign/actors/store"
	"countersign/actors/wire"
)

const (
	// accountGuesses is how many wrong passwords for one user name end consent under it, when they come within accountSpan.
	accountGuesses = 10
	// accountSpan is also how long consent under the name stays ended after the last of them.
	accountSpan = 10 * time.Minute
)

// guesses are the wrong passwords for one user name, over all temporary credentials, since the last right one.
type guesses struct {
	At []time.Time // accountGuesses at most, the oldest first
}

// closed reports whether consent under the name is ended for now.
func (g guesses) closed(now time.Time) bool {
	return len(g.At) >= accountGuesses && now.Sub(g.At[len(g.At)-1]) < accountSpan
}

// letIn counts a password that was compared, and reports whether its user may consent. As long as consent under the
// name is ended nobody may, so that nobody learns which password is right (RFC 5849 section 4.9); what comes in that
// time does not count, so that it ends whatever an attacker sends. One transaction judges and counts: of many
// guesses at once no more than accountGuesses have a chance, and right passwords at once do not count against each other.
func (s *OAuthServer) letIn(username string, right bool) (in bool, err error) {
	// flows, hardened: a new temporary credential brings no new guesses
	if !s.Guards.On("BI-OS-53") {
		return right, nil
	}
	now, key := s.Clock.Now(), s.guessKey(username)
	err = s.Store.Update(func(tx store.Tx) error {
		var g guesses
		if _, err := tx.Get(passwordGuesses, key, &g); err != nil || g.closed(now) {
			return err
		}
		if right {
			in = true
			return tx.Delete(passwordGuesses, key)
		}
		g.At = slices.DeleteFunc(g.At, func(t time.Time) bool { return now.Sub(t) >= accountSpan })
		g.At = append(g.At, now)
		return tx.Put(passwordGuesses, key, g)
	})
	return in, err
}

// guessKey is under which guesses for a user name are counted. Names that nobody has here are counted in the
// same way, so that neither answers nor their time tell them apart. They share a fixed number of counts, so that names
// made up do not fill the store; none of them is ever let in, so that no user suffers from it.
func (s *OAuthServer) guessKey(username string) string {
	if _, known := find(s.Users, func(a Account) bool { return a.Username == username }); known {
		return "known " + username
	}
	return "unknown " + wire.Label(username)[:3] // 4096 of them
}
