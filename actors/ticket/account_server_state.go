package ticket

import (
	"strconv"
	"time"

	"countersign/actors/password"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// The buckets of an account server. Keys of tickets are kept under their digests.
const (
	accounts          = "account-server/accounts"
	authorizationKeys = "account-server/authorization-keys"
	refreshKeys       = "account-server/refresh-keys"
	passwordGuesses   = "account-server/password-guesses"
)

// familiesOf is the bucket of the families of one account.
func familiesOf(userID string) string { return "account-server/families/" + userID }

// remembered is how long keys are kept beyond their end.
const remembered = 24 * time.Hour

type account struct {
	UserID   string
	Password password.Hash
}

// family is the ticket of one authentication with all tickets that refreshing makes of it.
type family struct {
	store.Mortal
	ID, UserID, AppID string
	Revoked           bool
}

type authorizationKey struct {
	store.Mortal
	Family, UserID, AppID string
	Expires               time.Time
	Replaced              bool // by a refresh
}

type refreshKey struct {
	store.Mortal
	Family, UserID   string
	AuthorizationKey string // the digest of the one on the same ticket
	Expires          time.Time

	Used      bool
	UsedAt    time.Time
	RequestID string // of the first use
	Successor issue
}

// issue is a ticket as it was issued.
type issue struct {
	UserID, AppID, AuthorizationKey, RefreshKey string
	Expires, RefreshExpires                     time.Time
}

// ticket is the issue on the wire, with what is left of it.
func (i issue) ticket(now time.Time) ticket {
	left := func(end time.Time) int64 { return max(0, int64(end.Sub(now)/time.Second)) }
	return ticket{
		UserID: i.UserID, AppID: i.AppID, AuthorizationKey: i.AuthorizationKey, RefreshKey: i.RefreshKey,
		ExpiresIn: left(i.Expires), RefreshExpiresIn: left(i.RefreshExpires),
	}
}

// issue makes a ticket of the family. keptKey, if not empty, stands in for a new refresh key.
func (s *AccountServer) issue(tx store.Tx, f family, keptKey string) (issue, error) {
	now := s.Clock.Now()
	made := issue{UserID: f.UserID, AppID: f.AppID, RefreshKey: keptKey, Expires: now.Add(s.authorizationKeyLifetime()), RefreshExpires: now.Add(s.refreshKeyLifetime())}
	var err error
	if made.AuthorizationKey, err = s.newKey(tx); err != nil {
		return made, err
	}
	if keptKey == "" {
		if made.RefreshKey, err = s.newKey(tx); err != nil {
			return made, err
		}
	}
	for _, bucket := range []string{authorizationKeys, refreshKeys, familiesOf(f.UserID)} {
		if err := store.Forget(tx, bucket, now, time.Hour); err != nil {
			return made, err
		}
	}
	f.Forget = later(made.Expires, made.RefreshExpires).Add(remembered)
	if err := tx.Put(familiesOf(f.UserID), f.ID, f); err != nil {
		return made, err
	}
	digest := secret.Digest(made.AuthorizationKey)
	err = tx.Put(authorizationKeys, digest, authorizationKey{
		Mortal: store.Mortal{Forget: made.Expires.Add(remembered)}, Family: f.ID, UserID: f.UserID, AppID: f.AppID, Expires: made.Expires,
	})
	if err != nil {
		return made, err
	}
	return made, tx.Put(refreshKeys, secret.Digest(made.RefreshKey), refreshKey{
		// a used key is remembered as long as its family can have a live one
		Mortal: store.Mortal{Forget: f.Forget}, Family: f.ID, UserID: f.UserID, AuthorizationKey: digest, Expires: made.RefreshExpires,
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// newKey makes an authorization key or a refresh key (RFC 6749 section 10.10).
func (s *AccountServer) newKey(tx store.Tx) (string, error) {
	if s.Guards.On("TI-AM-23") {
		return secret.Unguessable(s.Entropy("keys"))
	}
	var count int
	if _, err := tx.Get("account-server/count", "keys", &count); err != nil {
		return "", err
	}
	count++
	return wire.Label(s.Issuer) + "-" + strconv.Itoa(count), tx.Put("account-server/count", "keys", count)
}

// expired judges the age of a key (RFC 9700 section 4.14; RFC 6749 section 10.4).
func (s *AccountServer) expired(end time.Time) bool {
	return s.Guards.Forbids("TI-AM-14", !s.Clock.Now().Before(end))
}

// findFamily reads a family; one that is forgotten is over, as if it were revoked.
func findFamily(tx store.Tx, userID, id string) (f family, err error) {
	found, err := tx.Get(familiesOf(userID), id, &f)
	f.Revoked = f.Revoked || !found
	return f, err
}

// judgePair finds an authorization key. reason says why the pair is not valid; it is empty when it is.
func (s *AccountServer) judgePair(userID, shown string) (k authorizationKey, reason string, err error) {
	err = s.Store.Update(func(tx store.Tx) error {
		found, err := tx.Get(authorizationKeys, secret.Digest(shown), &k)
		if err != nil {
			return err
		}
		f, err := findFamily(tx, k.UserID, k.Family)
		if err != nil {
			return err
		}
		switch {
		case !found:
			reason = "unknown"
		// claim 1: verifies by using the user ID and the authorization key
		case s.Guards.Forbids("TI-AM-07", !secret.Same(userID, k.UserID)):
			reason = "another user's"
		case f.Revoked:
			reason = "revoked"
		case k.Replaced:
			reason = "replaced"
		case s.expired(k.Expires):
			reason = "expired"
		}
		return nil
	})
	return k, reason, err
}

// revokeByKey ends the family of a refresh key, live or used. One that does not fit changes nothing (RFC 7009 section 2.2).
func (s *AccountServer) revokeByKey(tx store.Tx, userID, shown string) error {
	var k refreshKey
	found, err := tx.Get(refreshKeys, secret.Digest(shown), &k)
	if err != nil || !found || !secret.Same(k.UserID, userID) {
		return err
	}
	var f family
	if found, err = tx.Get(familiesOf(k.UserID), k.Family, &f); err != nil || !found {
		return err
	}
	f.Revoked = true
	return tx.Put(familiesOf(f.UserID), f.ID, f)
}

// revokeAll ends the families of an account; when app is not empty, those for that app.
func (s *AccountServer) revokeAll(tx store.Tx, userID, app string) error {
	bucket := familiesOf(userID)
	ids, err := tx.Keys(bucket)
	if err != nil {
		return err
	}
	for _, id := range ids {
		var f family
		if _, err := tx.Get(bucket, id, &f); err != nil {
			return err
		}
		if app != "" && f.AppID != app {
			continue
		}
		f.Revoked = true
		if err := tx.Put(bucket, id, f); err != nil {
			return err
		}
	}
	return nil
}
