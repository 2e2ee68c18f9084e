package ticket

import (
	"net/http"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// refresh gives a new ticket for a refresh key (profile section 4.3).
func (s *AccountServer) refresh(_ *http.Request, m members) (wire.Answer, error) {
	asked, err := s.readRefresh(m)
	if err != nil {
		return wire.Answer{}, err
	}
	var used refreshKey
	var given *issue
	var refused error // not the transaction's error: reuse is refused, and what it revokes is kept
	judge := func(tx store.Tx) error {
		used, given, refused, err = s.judgeRefresh(tx, asked)
		return err
	}
	succeed := func(tx store.Tx) error {
		if given != nil || refused != nil {
			return nil
		}
		made, err := s.succeed(tx, asked, used)
		given = &made
		return err
	}
	// flows, two refreshes at once: one transaction judges and uses up the key
	if s.Guards.On("TI-AM-19") {
		err = s.Store.Update(func(tx store.Tx) error {
			if err := judge(tx); err != nil {
				return err
			}
			return succeed(tx)
		})
	} else if err = s.Store.Update(judge); err == nil {
		if given == nil && refused == nil {
			s.Clock.Sleep(50 * time.Millisecond)
		}
		err = s.Store.Update(succeed)
	}
	if err != nil {
		return wire.Answer{}, err
	}
	if refused != nil {
		return wire.Answer{}, refused
	}
	return wire.JSON(given.ticket(s.Clock.Now()))
}

// refreshRequest is what a terminal asks with.
type refreshRequest struct {
	userID, key, requestID string // requestID is empty when there is none
}

func (s *AccountServer) readRefresh(m members) (asked refreshRequest, err error) {
	if asked.userID, err = m.Text("user_id"); err != nil {
		return asked, err
	}
	if asked.key, err = m.Text("refresh_key"); err != nil {
		return asked, err
	}
	if !m.Has("request_id") || !s.Guards.Hardened() {
		return asked, nil
	}
	if asked.requestID, err = m.Text("request_id"); err != nil {
		return asked, err
	}
	if !isRequestID(asked.requestID) {
		return asked, wire.InvalidRequest("request_id is not 22 to 64 of A-Z, a-z, 0-9, hyphen and underscore")
	}
	return asked, nil
}

// judgeRefresh finds the key that a request shows. A lost answer is given again; at the first use neither it nor a refusal is there.
func (s *AccountServer) judgeRefresh(tx store.Tx, asked refreshRequest) (found refreshKey, again *issue, refused, err error) {
	no := invalidGrant("the refresh key is not valid, or no longer; authenticate anew")
	known, err := tx.Get(refreshKeys, secret.Digest(asked.key), &found)
	if err != nil || !known {
		return found, nil, no, err
	}
	// claim 1; RFC 6749 section 5.2: the refresh request carries user ID and refresh key
	if s.Guards.Forbids("TI-AM-09", !secret.Same(found.UserID, asked.userID)) {
		return found, nil, no, nil
	}
	f, err := findFamily(tx, found.UserID, found.Family)
	if err != nil || f.Revoked || s.expired(found.Expires) {
		return found, nil, no, err
	}
	if !found.Used {
		return found, nil, nil, nil
	}
	inTime, err := s.inGrace(tx, found)
	if err != nil {
		return found, nil, no, err
	}
	repeated := found.RequestID != "" && secret.Same(found.RequestID, asked.requestID)
	// RFC 9700 section 4.14.2: grace has an end in time and order
	if s.Guards.Forbids("TI-AM-18", !inTime) {
		repeated = false
	}
	// flows, lost refresh response
	if repeated && s.Guards.On("TI-AM-17") {
		return found, &found.Successor, nil, nil
	}
	// RFC 9700 section 4.14.2; RFC 6819 section 5.2.2.3: reuse ends the family
	if s.Guards.On("TI-AM-16") {
		f.Revoked = true
		err = tx.Put(familiesOf(f.UserID), f.ID, f)
	}
	return found, nil, no, err
}

// inGrace reports whether a lost answer may still be given again.
func (s *AccountServer) inGrace(tx store.Tx, k refreshKey) (bool, error) {
	var successor refreshKey
	_, err := tx.Get(refreshKeys, secret.Digest(k.Successor.RefreshKey), &successor)
	return s.Clock.Now().Sub(k.UsedAt) < s.refreshGrace() && !successor.Used, err
}

// succeed uses up a refresh key and makes its successor.
func (s *AccountServer) succeed(tx store.Tx, asked refreshRequest, used refreshKey) (issue, error) {
	f, err := findFamily(tx, used.UserID, used.Family)
	if err != nil {
		return issue{}, err
	}
	// closes claim 1: the new ticket takes the place of the old; RFC 9700 section 4.14
	if s.Guards.On("TI-AM-15") {
		var former authorizationKey
		if found, err := tx.Get(authorizationKeys, used.AuthorizationKey, &former); err != nil {
			return issue{}, err
		} else if found {
			former.Replaced = true
			if err := tx.Put(authorizationKeys, used.AuthorizationKey, former); err != nil {
				return issue{}, err
			}
		}
	}
	kept := ""
	// claim 1: a new authorization key and a new refresh key
	if !s.Guards.On("TI-AM-08") {
		kept = asked.key
	}
	made, err := s.issue(tx, f, kept)
	if err != nil || kept != "" {
		return made, err
	}
	used.Used, used.UsedAt, used.RequestID, used.Successor = true, s.Clock.Now(), asked.requestID, made
	return made, tx.Put(refreshKeys, secret.Digest(asked.key), used)
}
