// Package opaque keeps tokens that say nothing by themselves: those that an OAuth server hands over to a resource server, which looks them up for every request.
package opaque

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"countersign/actors/store/expiring"
)

// Record is what was handed over beside a token.
type Record struct {
	Secret  string // that requests are signed with
	Client  string // whom the token was issued to
	User    string // whose resources it opens
	Expires int64  // seconds since 1970; zero: never
}

// binds reports whether the token is bound to the same by both. The end that is said first stays: who sends a hand-over again may reckon it anew.
func (r Record) binds(other Record) bool {
	return subtle.ConstantTimeCompare([]byte(r.Secret), []byte(other.Secret)) == 1 && r.Client == other.Client && r.User == other.User
}

func (r Record) ended(now time.Time) bool { return r.Expires != 0 && now.Unix() >= r.Expires }

// The reasons for which a token is refused.
var (
	ErrUnknown = errors.New("no such token has been handed over")
	ErrRevoked = errors.New("the token has been revoked")
	ErrExpired = errors.New("the token has expired")
	// ErrOther refuses a token that was handed over before with another secret, client or user.
	ErrOther = errors.New("the token has been handed over before, with another secret, client or user")
)

// Tokens are the live tokens of a resource server, by their SHA-256: whoever reads the memory of it reads no token. They may be read, handed over and
// revoked by many at a time. Tokens that have ended are forgotten as others come.
type Tokens struct {
	// Now is the time that the end of tokens is judged by. It is required.
	Now func() time.Time
	// RevokedKept is how long the revocation is remembered of a token whose end is not known, so that it holds also when it overtakes the hand-over;
	// 0 means a year.
	RevokedKept time.Duration

	live expiring.Map[entry]
}

// entry is a token. It lies under the first half of its digest. Comparing that may tell by its timing what it likes, since nobody can choose a token by
// its digest.
type entry struct {
	second               [sha256.Size / 2]byte
	revoked              bool
	secret, client, user string
}

// digested is the SHA-256 of a token.
func digested(token string) [sha256.Size]byte {
	var room [128]byte // so that no token of usual length is copied to the heap
	return sha256.Sum256(append(room[:0], token...))
}

func halves(token string) (expiring.Key, [sha256.Size / 2]byte) {
	digest := digested(token)
	return expiring.Key(digest[:sha256.Size/2]), [sha256.Size / 2]byte(digest[sha256.Size/2:])
}

// is reports whether the digest's second half is that, in constant time.
func (e *entry) is(second [sha256.Size / 2]byte) bool {
	return subtle.ConstantTimeCompare(e.second[:], second[:]) == 1
}

func (e *entry) record(ends int64) Record { return Record{e.secret, e.client, e.user, ends} }

// Find gives the record of a token that is live. The error is ErrUnknown, ErrRevoked or ErrExpired; with the latter two comes what is still known of the
// token, for whoever verifies the request before he says more.
func (t *Tokens) Find(token string) (Record, error) {
	key, second := halves(token)
	e, found := t.live.Get(key)
	switch {
	case !found || !e.Value.is(second):
		return Record{}, ErrUnknown
	case e.Ended(t.Now().Unix()):
		if e.Value.revoked {
			return Record{}, ErrUnknown
		}
		return e.Value.record(e.Ends), ErrExpired
	case e.Value.revoked:
		return e.Value.record(e.Ends), ErrRevoked
	}
	return e.Value.record(e.Ends), nil
}

// HandOver takes a token in. One that is handed over again changes nothing. The error is ErrOther, ErrRevoked for a token that was revoked before, or
// ErrExpired for one that has ended.
func (t *Tokens) HandOver(token string, r Record) (err error) {
	key, second := halves(token)
	now := t.Now().Unix()
	handed := expiring.Entry[entry]{Value: entry{second: second, secret: r.Secret, client: r.Client, user: r.User}, Ends: r.Expires}
	t.live.Update(key, now, func(before expiring.Entry[entry], found bool) (expiring.Entry[entry], bool) {
		switch {
		case !found && handed.Ended(now):
			err = ErrExpired
		case !found:
			return handed, true
		case !before.Value.is(second):
			err = ErrOther
		case before.Value.revoked:
			err = ErrRevoked
		case !before.Value.record(before.Ends).binds(r):
			err = ErrOther
		}
		return before, false
	})
	return err
}

// Revoke ends a token for as long as it would have lived, also one that has not been handed over yet. It reports whether the token was live. A hand-over after
// that is of a new token.
func (t *Tokens) Revoke(token string) (live bool) {
	key, second := halves(token)
	now := t.Now()
	t.live.Update(key, now.Unix(), func(e expiring.Entry[entry], found bool) (expiring.Entry[entry], bool) {
		if found && !e.Value.is(second) {
			return e, false
		}
		live = found && !e.Value.revoked
		if !found || e.Ends == 0 {
			e.Ends = now.Add(revokedKept(t.RevokedKept)).Unix()
		}
		if !found {
			e.Value = entry{second: second}
		}
		e.Value.revoked = true
		return e, true
	})
	return live
}

func revokedKept(d time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return 365 * 24 * time.Hour
}

// Len is how many tokens are kept, with those that have ended and are not forgotten yet.
func (t *Tokens) Len() int { return t.live.Len() }
