package bidirectional

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/actors/bidirectional/pages"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// The buckets of a client.
const (
	sessions      = "client/sessions"
	legs          = "client/legs"
	continuations = "client/continuations"
)

const (
	// sessionLife is how long a browser is known, and what was begun in it can be ended.
	sessionLife = 24 * time.Hour
	// continueLife is how long a continue_uri is good (profile section 6.3).
	continueLife = 10 * time.Minute
)

// session is what one browser has done at the client.
type session struct {
	store.Mortal
	Grants []grant
}

// grant is an access token and what was read with it.
type grant struct {
	Issuer, Token, Secret string
	Reading               reading
}

// reading is the answer of a resource server.
type reading struct {
	Owner     string     `json:"owner"`
	Resources []Resource `json:"resources"`
}

func (g grant) shown() pages.Reading {
	shown := pages.Reading{Owner: g.Reading.Owner}
	for _, r := range g.Reading.Resources {
		shown.Resources = append(shown.Resources, r.Title)
	}
	return shown
}

// leg is a temporary credential that the user decides on, until the terminal comes back with the decision.
type leg struct {
	store.Mortal
	Token, Secret string
	Session       string // in which it began
	State         string // that the session's browser brings back; empty for a client that sends none
	PeerID        string // the peer's client identifier
	Issuer        string // that issued the credential
	Receiving     bool   // the credential was delegated to this client
	Continue      string // where the terminal goes on afterwards; empty when nowhere
	Done          bool
}

var errRefusedLeg = errors.New("the callback does not belong to a leg that this session waits for")

// sessionOf returns the session that the request's cookie names, empty without one.
func (c *Client) sessionOf(r *http.Request) string {
	cookie, err := r.Cookie(c.cookieName())
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (c *Client) cookieName() string { return "session-" + wire.Label(c.BaseURL) }

// openSession returns the browser's session, or a new one: a cookie that this client did not set opens none.
func (c *Client) openSession(r *http.Request) (string, error) {
	id := c.sessionOf(r)
	fresh, err := secret.Unguessable(c.Entropy("sessions"))
	if err != nil {
		return "", err
	}
	now := c.Clock.Now()
	err = c.Store.Update(func(tx store.Tx) error {
		var s session
		found, err := tx.Get(sessions, id, &s)
		if err != nil {
			return err
		}
		if !found {
			id = fresh
		}
		for _, bucket := range []string{sessions, legs, continuations} {
			if err := store.Forget(tx, bucket, now, time.Hour); err != nil {
				return err
			}
		}
		s.Forget = now.Add(sessionLife)
		return tx.Put(sessions, id, s)
	})
	return id, err
}

// setSession gives the session to the browser.
func (c *Client) setSession(w http.ResponseWriter, r *http.Request, id string) {
	cookie := &http.Cookie{Name: c.cookieName(), Value: id, Path: "/"}
	// RFC 6265 section 4.1.2; RFC 9700 section 4.7
	if c.Guards.On("BI-CL-33") {
		cookie.HttpOnly, cookie.SameSite, cookie.Secure = true, http.SameSiteLaxMode, r.TLS != nil || strings.HasPrefix(c.BaseURL, "https:")
	}
	http.SetCookie(w, cookie)
	w.Header().Set("Cache-Control", "no-store")
}

func (c *Client) keepLeg(l leg) error {
	l.Forget = c.Clock.Now().Add(sessionLife)
	return c.Store.Update(func(tx store.Tx) error { return putLeg(tx, l) })
}

// putLeg keeps a leg, unless it would take the place of one at another server.
func putLeg(tx store.Tx, l leg) error {
	var other leg
	found, err := tx.Get(legs, l.Token, &other)
	if err != nil {
		return err
	}
	if found && other.Issuer != l.Issuer {
		return fmt.Errorf("%s issued a temporary credential that %s has issued already", l.Issuer, other.Issuer)
	}
	return tx.Put(legs, l.Token, l)
}

// finishLeg finds the leg that a callback ends, and ends it: whoever comes second, finds it done.
func (c *Client) finishLeg(session, token string, states []string) (leg, error) {
	var l leg
	err := c.Store.Update(func(tx store.Tx) error {
		found, err := tx.Get(legs, token, &l)
		if err != nil {
			return err
		}
		switch {
		// OAuth advisory 2009.1; RFC 5849 section 4.13: the session that began the leg ends it
		case c.Guards.Forbids("BI-CL-24", session == ""):
			return errRefusedLeg
		// RFC 5849 section 2.2: the credential is one that the session waits for
		case c.Guards.Forbids("BI-CL-26", !found):
			return errRefusedLeg
		case !found:
			if l, err = onlyOpenLeg(tx, session); err != nil {
				return err
			}
		// OAuth advisory 2009.1; flows, verifier injection
		case c.Guards.Forbids("BI-CL-25", session != "" && l.Session != session):
			return errRefusedLeg
		// RFC 5849 section 2.3: a callback is taken once
		case c.Guards.Forbids("BI-CL-27", l.Done):
			return errRefusedLeg
		}
		// RFC 6749 section 10.12; RFC 9700 section 4.7: the decision was made on the page that this client sent the browser to
		if l.State != "" && (len(states) != 1 || !secret.Same(states[0], l.State)) {
			return errRefusedLeg
		}
		l.Done = true
		return tx.Put(legs, l.Token, l)
	})
	return l, err
}

// onlyOpenLeg finds the one leg that a session has open, or that there is at all when no session is given.
func onlyOpenLeg(tx store.Tx, session string) (leg, error) {
	var open []leg
	err := eachLeg(tx, func(l leg) {
		if !l.Done && (session == "" || l.Session == session) {
			open = append(open, l)
		}
	})
	if err != nil {
		return leg{}, err
	}
	if len(open) != 1 {
		return leg{}, errRefusedLeg
	}
	return open[0], nil
}

// hasOpenLegs reports whether a flow that this client began is under way.
func (c *Client) hasOpenLegs() (busy bool, err error) {
	err = c.Store.Update(func(tx store.Tx) error {
		return eachLeg(tx, func(l leg) { busy = busy || !l.Receiving && !l.Done })
	})
	return busy, err
}

func eachLeg(tx store.Tx, f func(leg)) error {
	tokens, err := tx.Keys(legs)
	if err != nil {
		return err
	}
	for _, token := range tokens {
		var l leg
		if _, err := tx.Get(legs, token, &l); err != nil {
			return err
		}
		f(l)
	}
	return nil
}

// keepContinuation keeps a delegated credential under a new handle.
func (c *Client) keepContinuation(waiting continuation) (handle string, err error) {
	if handle, err = secret.Unguessable(c.Entropy("handles")); err != nil {
		return "", err
	}
	waiting.Forget = c.Clock.Now().Add(continueLife)
	return handle, c.Store.Update(func(tx store.Tx) error { return tx.Put(continuations, handle, waiting) })
}

// openContinuation uses up a handle, and makes its credential a leg of the session, which has to bring back the state.
func (c *Client) openContinuation(handle, session, state string) error {
	return c.Store.Update(func(tx store.Tx) error {
		var waiting continuation
		found, err := tx.Get(continuations, handle, &waiting)
		if err != nil {
			return err
		}
		// RFC 9700 section 4.2.4: the link is good once, and not for long
		if !found || c.Guards.Forbids("BI-CL-23", waiting.Opened || !c.Clock.Now().Before(waiting.Forget)) {
			return errRefusedLeg
		}
		waiting.Opened = true
		if err := tx.Put(continuations, handle, waiting); err != nil {
			return err
		}
		return putLeg(tx, leg{
			Mortal: store.Mortal{Forget: c.Clock.Now().Add(sessionLife)}, Token: waiting.Token, Secret: waiting.Secret, Session: session, State: state,
			PeerID: waiting.SenderID, Issuer: waiting.Issuer, Receiving: true,
		})
	})
}

// grants returns what a session was granted.
func (c *Client) grants(id string) ([]grant, error) {
	s, _, err := store.Load[session](c.Store, sessions, id)
	return s.Grants, err
}

// keepGrant keeps a grant in its session, in place of an earlier state of the same.
func (c *Client) keepGrant(id string, g grant) error {
	return c.changeGrants(id, func(all []grant) []grant {
		if i := slices.IndexFunc(all, g.isSame); i >= 0 {
			all[i] = g
			return all
		}
		return append(all, g)
	})
}

func (c *Client) dropGrant(id string, g grant) error {
	return c.changeGrants(id, func(all []grant) []grant { return slices.DeleteFunc(all, g.isSame) })
}

func (g grant) isSame(other grant) bool { return g.Issuer == other.Issuer && g.Token == other.Token }

func (c *Client) changeGrants(id string, change func([]grant) []grant) error {
	return c.Store.Update(func(tx store.Tx) error {
		var s session
		if _, err := tx.Get(sessions, id, &s); err != nil {
			return err
		}
		s.Grants = change(s.Grants)
		s.Forget = c.Clock.Now().Add(sessionLife)
		return tx.Put(sessions, id, s)
	})
}
