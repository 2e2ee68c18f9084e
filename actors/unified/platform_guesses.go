package unified

import (
	"time"

	"countersign/actors/password"
	"countersign/actors/throttle"
)

// guesses limits wrong passwords for one user name, over all pages.
func (p *Platform) guesses() throttle.Throttle {
	return throttle.Throttle{Env: p.Env, Bucket: platformGuesses, Most: 10, Span: 10 * time.Minute}
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
// ended nobody may, so that nobody learns which password is right.
func (p *Platform) letIn(name string, known, right bool) (bool, error) {
	// RFC 6749 section 10.10; closes claim 2
	if !p.Guards.On("UN-PL-58") {
		return right, nil
	}
	ended, err := p.guesses().Count(name, known, throttle.Compared(right))
	return right && ended == 0 && err == nil, err
}
