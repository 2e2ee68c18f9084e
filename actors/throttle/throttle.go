// Package throttle limits guesses at passwords: after so many wrong ones under a name, nobody gets in under it for a while.
package throttle

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"countersign/actors"
	"countersign/actors/secret"
	"countersign/actors/store"
)

// Throttle counts the wrong passwords under each name, since the last right one.
type Throttle struct {
	actors.Env
	Bucket string // of the store, for the counts
	// Most is how many wrong passwords end attempts under a name, when they come within Span.
	Most int
	// Span is also how long attempts stay ended after the last of them.
	Span time.Duration
}

// Guess is what came of a password.
type Guess int

// The guesses. One that was not compared counts neither way.
const (
	Untried Guess = iota
	Wrong
	Right
)

// Compared is the guess that a comparison came to.
func Compared(right bool) Guess {
	if right {
		return Right
	}
	return Wrong
}

// guesses are the wrong passwords under one name.
type guesses struct {
	store.Mortal
	At []time.Time // Most of them, the oldest first
}

func (t Throttle) left(g guesses, now time.Time) time.Duration {
	if len(g.At) < t.Most {
		return 0
	}
	return max(0, g.At[len(g.At)-1].Add(t.Span).Sub(now))
}

// Count says how long attempts under the name are still ended, zero where they are not, and counts a guess where they are not:
// what comes meanwhile does not count, so that the end comes whatever an attacker sends. One transaction judges and counts:
// of many guesses at once no more than Most have a chance. Names that nobody has are counted as those that are known.
func (t Throttle) Count(name string, known bool, made Guess) (ended time.Duration, err error) {
	now := t.Clock.Now()
	err = t.Store.Update(func(tx store.Tx) error {
		key, err := t.key(tx, name, known)
		if err != nil {
			return err
		}
		var g guesses
		if _, err := tx.Get(t.Bucket, key, &g); err != nil {
			return err
		}
		if ended = t.left(g, now); ended > 0 {
			return nil
		}
		switch made {
		case Right:
			return tx.Delete(t.Bucket, key)
		case Wrong:
			if err := store.Forget(tx, t.Bucket, now, t.Span); err != nil {
				return err
			}
			g.At = slices.DeleteFunc(g.At, func(at time.Time) bool { return now.Sub(at) >= t.Span })
			g.At, g.Forget = append(g.At, now), now.Add(t.Span)
			return tx.Put(t.Bucket, key, g)
		}
		return nil
	})
	return ended, err
}

// key is under which guesses for a name are counted. Names that nobody has share a fixed number of counts, so that names made up do
// not fill the store; none of them is ever let in, so that no user suffers from it. Which of them share one is the server's secret:
// who knew a made-up name that shares another's count could tell by it that nobody has the other. The counts are sparse for the same reason:
// whoever finds attempts ended under a name of few tries has found one that shares a count. All of that is done for names that are known, too:
// time does not tell which are.
func (t Throttle) key(tx store.Tx, name string, known bool) (string, error) {
	var scatter string
	found, err := tx.Get(t.Bucket+"/secret", "of unknown names", &scatter)
	if err == nil && !found {
		if scatter, err = secret.Unguessable(t.Entropy("password guesses")); err == nil {
			err = tx.Put(t.Bucket+"/secret", "of unknown names", scatter)
		}
	}
	mac := hmac.New(sha256.New, []byte(scatter))
	mac.Write([]byte(name))
	const digits = 5 // 2^20 counts
	shared := hex.EncodeToString(mac.Sum(nil))[:digits]
	if known {
		return "known " + name, err
	}
	return "unknown " + shared, err
}

// Seconds writes a time for Retry-After (RFC 9110 section 10.2.3), rounded up.
func Seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
