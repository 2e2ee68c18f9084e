package ticket

import (
	"net/http"
	"slices"
	"time"

	"countersign/actors"
	"countersign/actors/outbound"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// Terminal is the user's device: it keeps a ticket for each user and app, and never a password (profile section 6).
type Terminal struct {
	actors.Env
	BaseURL string // the URL under which it lies, without a trailing slash; on loopback only
	Issuer  string // the account server
	Apps    []AppAddress

	// TestClock is as in AccountServer.
	TestClock func(time.Duration) time.Time
}

// AppAddress is an app as a terminal knows it.
type AppAddress struct {
	ID      string // app_id
	BaseURL string // under which its metadata lie
}

const (
	pathUse    = "/use"
	pathLogout = "/logout"
)

// Handler serves the terminal's endpoints, and a page for its user. Refreshes that were under way when the terminal last stopped are free to be tried again.
func (t *Terminal) Handler() http.Handler {
	mux := http.NewServeMux()
	base := wire.PathOf(t.BaseURL)
	t.releaseAll()
	mux.HandleFunc(base+"/{$}", t.page)
	mux.Handle(base+pathUse, endpoint(t.use, noMark))
	mux.Handle(base+pathLogout, endpoint(t.logout, noMark))
	publish(mux, t.BaseURL, Metadata{Issuer: t.Issuer, UseEndpoint: t.BaseURL + pathUse, LogoutEndpoint: t.BaseURL + pathLogout}, t.TestClock)
	return mux
}

func noMark(http.Header) {}

// Outcome is how a use ended (profile section 6.1).
type Outcome string

// The outcomes.
const (
	GotResource           Outcome = "resource"
	LoginRequired         Outcome = "login_required"
	RegistrationRefused   Outcome = "registration_refused"
	AuthenticationRefused Outcome = "authentication_refused"
	Refused               Outcome = "refused"
	Unavailable           Outcome = "unavailable"
	LoggedOut             Outcome = "logged_out"
)

// use is a user at the terminal who opens an app (profile section 6.1).
func (t *Terminal) use(_ *http.Request, m members) (wire.Answer, error) {
	w, err := t.readWish(m)
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(t.Open(w))
}

// Wish is what a user wants to open.
type Wish struct {
	AppID    string
	UserName string
	Password string // empty: the user is not there to type
	Register bool   // a new account, if there is no ticket
}

func (t *Terminal) readWish(m members) (w Wish, err error) {
	if w.AppID, err = m.Text("app_id"); err != nil {
		return w, err
	}
	if w.UserName, err = m.Text("user_name"); err != nil {
		return w, err
	}
	if w.Password, err = m.Optional("password"); err != nil {
		return w, err
	}
	if w.Register, err = m.Truth("register"); err != nil {
		return w, err
	}
	if _, configured := t.app(w.AppID); !configured {
		return w, wire.InvalidRequest("this terminal knows no app of this app_id")
	}
	if w.Register && !m.Has("password") {
		return w, wire.InvalidRequest("register needs a password")
	}
	return w, nil
}

func (t *Terminal) app(id string) (AppAddress, bool) {
	i := slices.IndexFunc(t.Apps, func(a AppAddress) bool { return a.ID == id })
	if i < 0 {
		return AppAddress{}, false
	}
	return t.Apps[i], true
}

// logout throws a ticket away, here and at the account server (profile section 6.3).
func (t *Terminal) logout(_ *http.Request, m members) (wire.Answer, error) {
	name, err := m.Text("user_name")
	if err != nil {
		return wire.Answer{}, err
	}
	app, err := m.Text("app_id")
	if err != nil {
		return wire.Answer{}, err
	}
	outcome, err := t.Logout(name, app)
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(map[string]Outcome{"outcome": outcome})
}

// Logout is what logout_endpoint does. The error is the store's.
func (t *Terminal) Logout(userName, appID string) (Outcome, error) {
	var k kept
	var found bool
	err := t.Store.Update(func(tx store.Tx) (err error) {
		if found, err = tx.Get(tickets, keptUnder(userName, appID), &k); err != nil {
			return err
		}
		return tx.Delete(tickets, keptUnder(userName, appID))
	})
	if err != nil {
		return "", err
	}
	// RFC 7009 section 1: the ticket ends there too
	if !found || !t.Guards.On("TI-TE-15") {
		return LoggedOut, nil
	}
	u := t.begin(Wish{AppID: appID, UserName: userName})
	if !u.discover() || u.server.RevocationEndpoint == "" {
		return Unavailable, nil
	}
	answer, err := u.send(outbound.Call{Method: http.MethodPost, URL: u.server.RevocationEndpoint, Object: map[string]string{
		"user_id": k.Ticket.UserID, "refresh_key": k.Ticket.RefreshKey,
	}}, tries)
	if err != nil || answer.Status != http.StatusOK {
		return Unavailable, nil
	}
	return LoggedOut, nil
}

// mayStore judges a ticket that came for an app: whose is it, and is it whole.
func (t *Terminal) mayStore(fresh ticket, appID string, former *ticket) bool {
	wrong := fresh.AppID != appID || fresh.UserID == "" || fresh.AuthorizationKey == "" || fresh.RefreshKey == ""
	if former != nil {
		wrong = wrong || fresh.UserID != former.UserID || secret.Same(fresh.AuthorizationKey, former.AuthorizationKey) || secret.Same(fresh.RefreshKey, former.RefreshKey)
	}
	// claim 1: carrying the user ID; flows, user ID swapped
	return !t.Guards.Forbids("TI-TE-12", wrong)
}
