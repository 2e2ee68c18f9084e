package opaque

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"countersign/actors/store/shared"
)

// Shared are tokens that several resource servers know together. What is handed over or revoked at one of them holds at all.
type Shared struct {
	Store shared.Store
	// Now and RevokedKept are as in Tokens. A token that is handed over without an end is kept as long as a revocation.
	Now         func() time.Time
	RevokedKept time.Duration
	// EndedKept is for how long Find says of a token that it has expired; after that, or at once where it is 0, it is unknown.
	EndedKept time.Duration
}

// sharedEntry is a token as it is kept under its digest.
type sharedEntry struct {
	Record
	Revoked bool `json:",omitempty"`
}

func keyOf(token string) string {
	digest := digested(token)
	return "token/" + base64.RawURLEncoding.EncodeToString(digest[:])
}

func (s *Shared) get(ctx context.Context, key string) (e sharedEntry, found bool, err error) {
	text, found, err := s.Store.Get(ctx, key)
	if err != nil || !found {
		return e, false, err
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, false, fmt.Errorf("what the shared store has under %s is no token: %w", key, err)
	}
	return e, true, nil
}

// Find is as in Tokens. The error may be one of the store, too; that says nothing about the token.
func (s *Shared) Find(ctx context.Context, token string) (Record, error) {
	e, found, err := s.get(ctx, keyOf(token))
	switch {
	case err != nil:
		return Record{}, err
	case !found:
		return Record{}, ErrUnknown
	case e.Revoked:
		return e.Record, ErrRevoked
	case e.ended(s.Now()):
		return e.Record, ErrExpired
	}
	return e.Record, nil
}

// HandOver is as in Tokens.
func (s *Shared) HandOver(ctx context.Context, token string, r Record) error {
	key, ended := keyOf(token), r.ended(s.Now())
	text, err := json.Marshal(sharedEntry{Record: r})
	if err != nil {
		return err
	}
	for {
		if !ended {
			if added, err := s.Store.Add(ctx, key, text, s.until(r)); added || err != nil {
				return err
			}
		}
		before, found, err := s.get(ctx, key)
		switch {
		case err != nil:
			return err
		case !found && ended:
			return ErrExpired
		case !found: // it ended meanwhile
			continue
		case before.Revoked:
			return ErrRevoked
		case !before.binds(r):
			return ErrOther
		case before.ended(s.Now()):
			return ErrExpired
		}
		return nil
	}
}

// until is when the store may forget a token, in a year that has four digits: others cannot be written (RFC 3339 section 5.6).
func (s *Shared) until(r Record) time.Time {
	if r.Expires == 0 {
		return s.Now().Add(revokedKept(s.RevokedKept))
	}
	latest := time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	if r.Expires >= latest.Add(-s.EndedKept).Unix() {
		return latest
	}
	return time.Unix(r.Expires, 0).Add(s.EndedKept)
}

// Revoke is as in Tokens. A revocation is written over whatever is there, so that none is lost to a hand-over at the same moment.
func (s *Shared) Revoke(ctx context.Context, token string) error {
	key := keyOf(token)
	before, _, err := s.get(ctx, key)
	if err != nil {
		return err
	}
	text, err := json.Marshal(sharedEntry{Record: before.Record, Revoked: true})
	if err != nil {
		return err
	}
	return s.Store.Put(ctx, key, text, s.until(before.Record))
}
