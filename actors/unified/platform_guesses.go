package unified

import (
	"slices"
	"time"

	"countersign/actors/password"
	"countersign/actors/secret"
	"countersign/actors/store"
)

const (
	// mostGuesses is how many wrong passwords for one user name end login under it, when they come within guessSpan.
	mostGuesses = 10
	// guessSpan is also how long login under the name stays ended after the last of them.
	guessSpan = 10 * time.Minute
)

// guesses are the wrong passwords for one user name, over all pages, since the last right one.
type guesses struct {
	store.Mortal
	At []time.Time // mostGuesses at most, the oldest first
}

// ended reports whether login under the name is ended for now.
func (g guesses) ended(now time.Time) bool {
	return len(g.At) >= mostGuesses && now.Sub(g.At[len(g.At)-1]) < guessSpan
}

// wrongPassword says why a login failed, as the user may know it.
type wrongPassword string

func (e wrongPassword) Error() string { return string(e) }

// signIn finds the user by name and password (profile section 4.1). The error is a wrongPassword when there is none.
func (p *Platform) signIn(name, pass string) (User, error) {
	user, known := p.user(name)
	right, err := p.matches(user.Password, known, pass)
	if err != nil {
		return User{}, err
	}
	// claim 2: the password is the one registered at the platform
	in, err := p.letIn(name, known, known && !p.Guards.Forbids("UN-PL-03", !right))
	if err != nil || in {
		return user, err
	}
	// closes claim 2: names cannot be found out
	if !known && !p.Guards.On("UN-PL-57") {
		return User{}, wrongPassword("Nobody has this user name.")
	}
	return User{}, wrongPassword("The user name or password is wrong.")
}

// matches compares a password, with the same work for a name that nobody has, so that the time taken does not tell who is there.
func (p *Platform) matches(hash password.Hash, known bool, pass string) (bool, error) {
	if !known {
		_, err := p.Passwords.Hash(pass, p.Entropy("salts"))
		return false, err
	}
	return hash.Matches(pass), nil
}

// letIn counts a password that was compared, and reports whether its user may come in. As long as login under the name is
// ended nobody may, so that nobody learns which password is right; what comes in that time does not count, so that it
// ends whatever an attacker sends. One transaction judges and counts: of many guesses at once no more than mostGuesses have a chance.
func (p *Platform) letIn(name string, known, right bool) (in bool, err error) {
	// RFC 6749 section 10.10; closes claim 2
	if !p.Guards.On("UN-PL-58") {
		return right, nil
	}
	now, key := p.Clock.Now(), guessKey(name, known)
	err = p.Store.Update(func(tx store.Tx) error {
		var g guesses
		if _, err := tx.Get(platformGuesses, key, &g); err != nil || g.ended(now) {
			return err
		}
		if right {
			in = true
			return tx.Delete(platformGuesses, key)
		}
		if err := store.Forget(tx, platformGuesses, now, guessSpan); err != nil {
			return err
		}
		g.At = slices.DeleteFunc(g.At, func(t time.Time) bool { return now.Sub(t) >= guessSpan })
		g.At, g.Forget = append(g.At, now), now.Add(guessSpan)
		return tx.Put(platformGuesses, key, g)
	})
	return in, err
}

// guessKey is under which guesses for a user name are counted. Names that nobody has are counted alike, so that answers do
// not tell them apart. They share a fixed number of counts, so that names made up do not fill the store; none of
// them is ever let in, so that no user suffers from it.
func guessKey(name string, known bool) string {
	if known {
		return "known " + name
	}
	return "unknown " + secret.Digest(name)[:4] // 65536 of them
}
