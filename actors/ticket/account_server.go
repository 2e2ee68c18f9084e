package ticket

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"countersign/actors"
	"countersign/actors/password"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// AccountServer keeps the accounts, issues tickets, and tells apps whether they are valid (profile section 4).
type AccountServer struct {
	actors.Env
	Issuer string // the URL under which it lies, without a trailing slash; a path is allowed
	Apps   []App
	// Passwords is the work that one password costs.
	Passwords password.Cost

	AuthorizationKeyLifetime time.Duration // zero: 10 minutes
	RefreshKeyLifetime       time.Duration // zero: 30 days
	RefreshGrace             time.Duration // zero: 1 minute

	// TestClock moves the server's clock forward and gives the new time. When set, the test clock endpoint of profile section 9 is
	// served: never in production.
	TestClock func(time.Duration) time.Time
}

// App is an app as the account server knows it.
type App struct {
	ID     string
	Secret string // shared with the app's server
}

const (
	pathRegistration   = "/registration"
	pathAuthentication = "/authentication"
	pathRefresh        = "/refresh"
	pathVerification   = "/verification"
	pathRevocation     = "/revocation"
)

// Handler serves the server's endpoints.
func (s *AccountServer) Handler() http.Handler {
	mux := http.NewServeMux()
	base := wire.PathOf(s.Issuer)
	mux.Handle(base+pathRegistration, endpoint(s.register, s.mark))
	mux.Handle(base+pathAuthentication, endpoint(s.authenticate, s.mark))
	mux.Handle(base+pathRefresh, endpoint(s.refresh, s.mark))
	mux.Handle(base+pathVerification, endpoint(s.verify, s.mark))
	mux.Handle(base+pathRevocation, endpoint(s.revoke, s.mark))
	publish(mux, s.Issuer, s.describe(), s.TestClock)
	return mux
}

func (s *AccountServer) describe() Metadata {
	m := Metadata{
		Issuer:                 s.Issuer,
		RegistrationEndpoint:   s.Issuer + pathRegistration,
		AuthenticationEndpoint: s.Issuer + pathAuthentication,
		RefreshEndpoint:        s.Issuer + pathRefresh,
		VerificationEndpoint:   s.Issuer + pathVerification,
		RevocationEndpoint:     s.Issuer + pathRevocation,

		AuthorizationKeyLifetime: int64(s.authorizationKeyLifetime() / time.Second),
		RefreshKeyLifetime:       int64(s.refreshKeyLifetime() / time.Second),
		RefreshGrace:             int64(s.refreshGrace() / time.Second),
	}
	// RFC 8414 section 3.3
	if !s.Guards.On("TI-AM-01") {
		m.Issuer += "/another"
	}
	return m
}

func (s *AccountServer) authorizationKeyLifetime() time.Duration {
	return cmp.Or(s.AuthorizationKeyLifetime, 10*time.Minute)
}
func (s *AccountServer) refreshKeyLifetime() time.Duration {
	return cmp.Or(s.RefreshKeyLifetime, 30*24*time.Hour)
}
func (s *AccountServer) refreshGrace() time.Duration { return cmp.Or(s.RefreshGrace, time.Minute) }

// mark keeps answers from caches (RFC 6749 section 5.1; RFC 7662 section 4).
func (s *AccountServer) mark(h http.Header) {
	if s.Guards.On("TI-AM-24") {
		h.Set("Cache-Control", "no-store")
	}
}

// register opens an account (profile section 4.1).
func (s *AccountServer) register(_ *http.Request, m members) (wire.Answer, error) {
	name, err := m.Text("user_name")
	if err != nil {
		return wire.Answer{}, err
	}
	pass, err := m.Text("password")
	if err != nil {
		return wire.Answer{}, err
	}
	if !isUserName(name) {
		return wire.Answer{}, wire.InvalidRequest("user_name is not 1 to 64 of a-z, 0-9, dot, underscore and hyphen, with a letter or digit first")
	}
	if !isPassword(pass) {
		return wire.Answer{}, wire.InvalidRequest("password is not of 8 to 128 characters in at most 1024 bytes")
	}
	hash, err := s.Passwords.Hash(pass, s.Entropy("salts"))
	if err != nil {
		return wire.Answer{}, err
	}
	id, err := secret.Unguessable(s.Entropy("user IDs"))
	if err != nil {
		return wire.Answer{}, err
	}
	opened := account{UserID: id, Password: hash}
	err = s.Store.Update(func(tx store.Tx) error {
		var owner account
		taken, err := tx.Get(accounts, name, &owner)
		if err != nil {
			return err
		}
		// closes claim 1, register: a name stays its first owner's
		if s.Guards.Forbids("TI-AM-20", taken) {
			return &problem{Status: http.StatusConflict, Code: "user_name_taken", Description: "somebody has this user name already; choose another"}
		}
		if taken {
			opened.UserID = owner.UserID
		}
		// claim 1: completing a register account
		if !s.Guards.On("TI-AM-02") {
			return nil
		}
		return tx.Put(accounts, name, opened)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	answer, err := wire.JSON(map[string]string{"user_id": opened.UserID})
	answer.Status = http.StatusCreated
	return answer, err
}

// authenticate gives a ticket for one app (profile section 4.2).
func (s *AccountServer) authenticate(_ *http.Request, m members) (wire.Answer, error) {
	app, err := m.Text("app_id")
	if err != nil {
		return wire.Answer{}, err
	}
	owner, err := s.signIn(m)
	if err != nil {
		return wire.Answer{}, err
	}
	// RFC 8707 section 2
	if _, registered := s.app(app); s.Guards.Forbids("TI-AM-10", !registered) {
		return wire.Answer{}, &problem{Status: http.StatusBadRequest, Code: "invalid_target", Description: "no app is registered under this app_id"}
	}
	var issued issue
	err = s.Store.Update(func(tx store.Tx) error {
		// claim 1: the ticket corresponds to one app; the others stay as they are
		if !s.Guards.On("TI-AM-05") {
			if err := s.revokeAll(tx, owner.UserID, ""); err != nil {
				return err
			}
		}
		id, err := secret.Unguessable(s.Entropy("families"))
		if err != nil {
			return err
		}
		issued, err = s.issue(tx, family{ID: id, UserID: owner.UserID, AppID: app}, "")
		return err
	})
	if err != nil {
		return wire.Answer{}, err
	}
	t := issued.ticket(s.Clock.Now())
	// claim 1: a ticket carries a refresh key
	if !s.Guards.On("TI-AM-03") {
		t.RefreshKey = ""
	}
	return wire.JSON(t)
}

// confirmation is the answer about a valid pair (RFC 7662 section 2.2).
type confirmation struct {
	Active        bool   `json:"active"`
	UserID        string `json:"user_id,omitempty"`
	AppID         string `json:"app_id"`
	Expires       int64  `json:"exp"`            // seconds since 1970
	CacheLifetime int64  `json:"cache_lifetime"` // seconds
}

// verify tells an app whether a pair is valid (profile section 4.4).
func (s *AccountServer) verify(r *http.Request, m members) (wire.Answer, error) {
	asking, known := s.asking(r)
	// RFC 7662 sections 2.1 and 4
	if s.Guards.Forbids("TI-AM-12", !known) {
		return wire.Answer{}, &problem{
			Status: http.StatusUnauthorized, Code: "invalid_client", Challenge: `Basic realm="verification"`,
			Description: "the request lacks the app's identifier and secret, or they are wrong",
		}
	}
	user, err := m.Text("user_id")
	if err != nil {
		return wire.Answer{}, err
	}
	shown, err := m.Text("authorization_key")
	if err != nil {
		return wire.Answer{}, err
	}
	k, reason, err := s.judgePair(user, shown)
	if err != nil {
		return wire.Answer{}, err
	}
	// RFC 9700 section 2.3: a ticket is for one app
	if reason == "" && known && s.Guards.Forbids("TI-AM-11", k.AppID != asking.ID) {
		reason = "another app's"
	}
	if reason != "" {
		return s.deny(reason)
	}
	now := s.Clock.Now()
	c := confirmation{Active: true, UserID: k.UserID, AppID: k.AppID, Expires: k.Expires.Unix(), CacheLifetime: int64(time.Hour / time.Second)}
	// RFC 7662 section 4: how long an answer holds is said, and short
	if s.Guards.On("TI-AM-26") {
		c.CacheLifetime = max(0, min(int64(cacheLifetime/time.Second), int64(time.Unix(c.Expires, 0).Sub(now)/time.Second)))
	}
	// claim 1: confirms that the user ID and the authorization key are valid
	if !s.Guards.On("TI-AM-06") {
		c.UserID = ""
	}
	return wire.JSON(c)
}

// cacheLifetime is how long an app may keep a confirmation.
const cacheLifetime = 30 * time.Second

// deny says that a pair is not confirmed.
func (s *AccountServer) deny(reason string) (wire.Answer, error) {
	said := struct {
		Active bool   `json:"active"`
		Reason string `json:"reason,omitempty"`
	}{Reason: reason}
	// RFC 7662 section 2.2: why is nobody's business
	if s.Guards.On("TI-AM-13") {
		said.Reason = ""
	}
	return wire.JSON(said)
}

// revoke ends tickets for their owner (profile section 4.5, after RFC 7009).
func (s *AccountServer) revoke(_ *http.Request, m members) (wire.Answer, error) {
	byKey := m.Has("user_id") || m.Has("refresh_key")
	if byKey == (m.Has("user_name") || m.Has("password")) {
		return wire.Answer{}, wire.InvalidRequest("send either user_id and refresh_key, or user_name and password")
	}
	end, err := s.owned(m, byKey)
	if err != nil {
		return wire.Answer{}, err
	}
	// RFC 7009 sections 2.1 and 2.2
	if s.Guards.On("TI-AM-25") {
		if err := s.Store.Update(end); err != nil {
			return wire.Answer{}, err
		}
	}
	return wire.JSON(struct{}{})
}

// owned gives what to do in a transaction to end the tickets that the body names.
func (s *AccountServer) owned(m members, byKey bool) (func(store.Tx) error, error) {
	if byKey {
		user, err := m.Text("user_id")
		if err != nil {
			return nil, err
		}
		shown, err := m.Text("refresh_key")
		if err != nil {
			return nil, err
		}
		return func(tx store.Tx) error { return s.revokeByKey(tx, user, shown) }, nil
	}
	app, err := m.Optional("app_id")
	if err != nil {
		return nil, err
	}
	owner, err := s.signIn(m)
	if err != nil {
		return nil, err
	}
	return func(tx store.Tx) error { return s.revokeAll(tx, owner.UserID, app) }, nil
}

func (s *AccountServer) app(id string) (App, bool) {
	i := slices.IndexFunc(s.Apps, func(a App) bool { return a.ID == id })
	if i < 0 {
		return App{}, false
	}
	return s.Apps[i], true
}

// asking is the app that authenticates with the request (RFC 7617).
func (s *AccountServer) asking(r *http.Request) (App, bool) {
	id, shown, _ := r.BasicAuth()
	a, known := s.app(id)
	return a, known && secret.Same(a.Secret, shown)
}

// ticket is a ticket on the wire.
type ticket struct {
	UserID           string `json:"user_id"`
	AppID            string `json:"app_id"`
	AuthorizationKey string `json:"authorization_key"`
	RefreshKey       string `json:"refresh_key,omitempty"`
	ExpiresIn        int64  `json:"expires_in"` // seconds
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
}

func decodeTicket(body []byte) (t ticket, err error) {
	err = json.Unmarshal(body, &t)
	return t, err
}
