package ticket

import (
	"net/url"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
)

// The bucket of a terminal: one ticket for each user and app.
const tickets = "terminal/tickets"

// firsts remembers which ticket each user got first.
const firsts = "terminal/first-tickets"

// kept is a ticket as the terminal keeps it.
type kept struct {
	Ticket    ticket
	RequestID string    // of the refresh of this ticket, empty until there is one
	Busy      bool      // a refresh is under way
	NotBefore time.Time // no refresh before then
}

func keptUnder(userName, appID string) string {
	return url.QueryEscape(userName) + "&" + url.QueryEscape(appID)
}

func (u *use) key() string { return keptUnder(u.UserName, u.AppID) }

func (u *use) stored() (kept, bool, error) { return store.Load[kept](u.Store, tickets, u.key()) }

// store keeps a ticket in the place of the one before.
func (u *use) store(fresh ticket) (kept, error) {
	k := kept{Ticket: fresh}
	return k, u.Store.Update(func(tx store.Tx) error {
		if first, err := tx.Get(firsts, u.UserName, new(string)); err != nil {
			return err
		} else if !first {
			if err := tx.Put(firsts, u.UserName, u.AppID); err != nil {
				return err
			}
		}
		return tx.Put(tickets, u.key(), k)
	})
}

// first is the ticket that the user got first, for whichever app; if it is gone, the one given.
func (u *use) first(otherwise ticket) ticket {
	app, _, err := store.Load[string](u.Store, firsts, u.UserName)
	if err != nil {
		return otherwise
	}
	k, found, err := store.Load[kept](u.Store, tickets, keptUnder(u.UserName, app))
	if err != nil || !found {
		return otherwise
	}
	return k.Ticket
}

// turn says what a use may do about a ticket that an app did not take.
type turn int

const (
	gone     turn = iota // no ticket is stored any more
	replaced             // another one is stored
	spent                // this use has refreshed already
	heldOff              // a refresh got no answer a short time ago
	busy                 // another use refreshes
	mine                 // this use refreshes
)

// takeTurn decides which use refreshes a ticket: one at a time. With mine it gives the ticket with its request_id.
func (u *use) takeTurn(sent ticket, mayRefresh bool) (k kept, is turn, err error) {
	fresh, err := secret.Unguessable(u.Entropy("request IDs"))
	if err != nil {
		return k, gone, err
	}
	err = u.Store.Update(func(tx store.Tx) error {
		found, err := tx.Get(tickets, u.key(), &k)
		switch {
		case err != nil || !found:
			return err
		case !secret.Same(k.Ticket.AuthorizationKey, sent.AuthorizationKey):
			is = replaced
		case u.Clock.Now().Before(k.NotBefore):
			is = heldOff
		case !mayRefresh:
			is = spent
		case k.Busy:
			is = busy
		default:
			is, k.Busy = mine, true
			if k.RequestID == "" {
				k.RequestID = fresh
			}
			return tx.Put(tickets, u.key(), k)
		}
		return nil
	})
	return k, is, err
}

// settle ends the refresh of a ticket that stays, with a change to it. The outcome is the one given, or that the store failed.
func (u *use) settle(k kept, change func(*kept), outcome Outcome) Outcome {
	_, err := u.ending(k, func(tx store.Tx, now kept) error {
		now.Busy = false
		if change != nil {
			change(&now)
		}
		return tx.Put(tickets, u.key(), now)
	})
	if err != nil {
		return Unavailable
	}
	return outcome
}

// discard throws the ticket away.
func (u *use) discard(k kept) Outcome {
	_, err := u.ending(k, func(tx store.Tx, _ kept) error { return tx.Delete(tickets, u.key()) })
	if err != nil {
		return Unavailable
	}
	return tryAnew
}

// replace stores the new ticket before it is used. If another took the place of the old one in the meantime, or the user logged out, that stands.
func (u *use) replace(k kept, fresh ticket) (kept, Outcome) {
	next := kept{Ticket: fresh}
	ended, err := u.ending(k, func(tx store.Tx, _ kept) error { return tx.Put(tickets, u.key(), next) })
	if err != nil {
		return kept{}, Unavailable
	}
	if ended {
		u.did("refreshed the ticket, and kept the new one")
		return next, ""
	}
	current, found, err := u.stored()
	if err != nil {
		return kept{}, Unavailable
	}
	if !found {
		return kept{}, tryAnew
	}
	return current, ""
}

// ending ends a refresh in one transaction, if the ticket that was refreshed is still the one stored.
func (u *use) ending(k kept, end func(store.Tx, kept) error) (still bool, err error) {
	err = u.Store.Update(func(tx store.Tx) error {
		var now kept
		found, err := tx.Get(tickets, u.key(), &now)
		still = found && secret.Same(now.Ticket.AuthorizationKey, k.Ticket.AuthorizationKey)
		if err != nil || !still {
			return err
		}
		return end(tx, now)
	})
	return still, err
}

// releaseAll frees the tickets whose refresh was cut off when the terminal stopped. Their request_id stays, so that the refresh is repeated as it was.
func (t *Terminal) releaseAll() {
	// A store that cannot be read fails every use too.
	_ = t.Store.Update(func(tx store.Tx) error {
		keys, err := tx.Keys(tickets)
		if err != nil {
			return err
		}
		for _, key := range keys {
			var k kept
			if _, err := tx.Get(tickets, key, &k); err != nil {
				return err
			}
			if k.Busy {
				k.Busy = false
				if err := tx.Put(tickets, key, k); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
