package unified

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/unified/pages"
	"countersign/actors/wire"
)

// errLoginRequired refuses whoever has no live login credential.
var errLoginRequired = refusal(http.StatusForbidden, "login_required", "there is no live login here; begin one at the access path")

// resource gives a user's data (profile section 5.2). They pass the platform by.
func (t *ThirdParty) resource(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		wire.WrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	t.keepFromCaches(w.Header())
	_, visitor, err := t.visit(r)
	// claim 2: no credential, no resource
	if cookieOf(r, t.loginCookie()) == "" && !t.Guards.On("UN-TP-10") {
		visitor, err = Visitor{Sub: "somebody", Nickname: "Somebody", Account: "0"}, nil
	}
	if err != nil {
		t.refuse(w, err)
		return
	}
	answer, err := wire.JSON(map[string]any{
		"sub": visitor.Sub, "nickname": visitor.Nickname, "picture": visitor.Picture, "account": visitor.Account, "data": t.dataOf(visitor),
	})
	if err != nil {
		t.refuse(w, err)
		return
	}
	answer.Write(w)
}

func (t *ThirdParty) dataOf(v Visitor) []Datum {
	if t.Data != nil {
		return t.Data(v)
	}
	return []Datum{{ID: "1", Title: "Notes of " + v.Sub}}
}

// home shows the user who he is here, and the ways out.
func (t *ThirdParty) home(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		wire.WrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	t.keepFromCaches(w.Header())
	c, visitor, err := t.visit(r)
	if err != nil {
		t.turnAway(w, err)
		return
	}
	home := pages.ThirdPartyHome{Site: t.name(), Nickname: visitor.Nickname, Picture: visitor.Picture}
	// claim 5: user information is text, whatever it looks like
	if !t.Guards.On("UN-TP-54") {
		home.Nickname = template.HTML(visitor.Nickname)
	}
	// description: where there is no other way out, the platform's logout is one
	if platform, known := t.platform(c.Issuer); known && c.PlatformLogout != "" && t.Guards.On("UN-TP-17") {
		home.PlatformLogout = withQuery(c.PlatformLogout, "client_id", platform.ClientID)
	}
	if !t.NoUserLogout {
		home.UserLogout = t.BaseURL + PathUserLogout
		home.Hidden = []pages.Input{{Name: pageKeyInput, Value: pageKeyOf(cookieOf(r, t.loginCookie()))}}
	}
	for _, d := range t.dataOf(visitor) {
		home.Data = append(home.Data, d.Title)
	}
	policy := pages.Policy() + "; img-src http: https:"
	// RFC 9700 section 4.16
	if t.Guards.On("UN-TP-55") {
		policy += "; frame-ancestors 'none'"
		w.Header().Set("X-Frame-Options", "DENY")
	}
	w.Header().Set("Content-Security-Policy", policy)
	pages.Write(w, http.StatusOK, home)
}

// turnAway answers a browser that cannot be shown its home page.
func (t *ThirdParty) turnAway(w http.ResponseWriter, err error) {
	switch p := problemOf(w.Header(), err); p.Status {
	case http.StatusForbidden:
		t.tell(w, p.Status, "You are not logged in here", "To come in, log in with the platform; you may be logged in there already.")
	case http.StatusServiceUnavailable:
		t.tell(w, p.Status, "Try again in a moment", "The platform where you logged in cannot be asked now whether you still are.")
	default:
		t.broken(w)
	}
}

// visit finds the live login credential of a request, and whose it is.
func (t *ThirdParty) visit(r *http.Request) (credential, Visitor, error) {
	key := secret.Digest(cookieOf(r, t.loginCookie()))
	c, found, err := store.Load[credential](t.Store, credentials, key)
	if err != nil {
		return c, Visitor{}, err
	}
	now := t.Clock.Now()
	if !found || now.After(c.Forget) {
		return c, Visitor{}, errLoginRequired
	}
	// closes claim 7: what no logout reaches is asked about
	bound, err := t.bound(c.Issuer)
	if err != nil {
		return c, Visitor{}, err
	}
	asks := now.Sub(c.Confirmed) > bound && t.Guards.On("UN-TP-46")
	// description, effect 3: within the bound nobody is asked
	if asks || !t.Guards.On("UN-TP-11") {
		if err := t.confirm(key, c); err != nil {
			return c, Visitor{}, err
		}
	}
	visitor, found, err := store.Load[Visitor](t.Store, accounts, c.Account)
	if err == nil && !found {
		err = fmt.Errorf("the account %s of a login is missing", c.Account)
	}
	return c, visitor, err
}

// confirm asks the platform whether a login is still one (profile section 5.2).
func (t *ThirdParty) confirm(key string, c credential) error {
	asked := t.Clock.Now()
	active, err := t.status(c)
	if errors.Is(err, errLoginRequired) {
		return err
	}
	if err != nil {
		// RFC 9110 section 15.6.4: an outage says nothing, and opens nothing
		if t.Guards.On("UN-TP-47") {
			return &problem{
				Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", RetryAfter: "2",
				Description: "the platform cannot be asked now whether this login still holds; try again",
			}
		}
		return nil
	}
	alive := false
	err = t.Store.Update(func(tx store.Tx) error {
		if !active {
			return t.end(tx, ending{c.Issuer, c.Sub, c.Generation})
		}
		// A logout may have come while the platform was asked.
		var latest credential
		var err error
		if alive, err = tx.Get(credentials, key, &latest); err != nil || !alive {
			return err
		}
		latest.Confirmed = asked
		return tx.Put(credentials, key, latest)
	})
	if err == nil && !alive {
		return errLoginRequired
	}
	return err
}

// status asks for the state of a login. Where the platform has no status endpoint, or is none any more, nobody can say, and no login outlives the bound: the
// error is errLoginRequired.
func (t *ThirdParty) status(c credential) (active bool, err error) {
	platform, known := t.platform(c.Issuer)
	if !known {
		return false, errLoginRequired
	}
	server, err := t.discover(c.Issuer)
	if err != nil {
		return false, err
	}
	if server.StatusEndpoint == "" {
		return false, errLoginRequired
	}
	answer, err := t.ask(platform, server.StatusEndpoint, statusRequest, map[string]any{"sub": c.Sub, "generation": c.Generation})
	if err != nil {
		return false, err
	}
	err = answer.Into("active", &active, "boolean")
	return active, err
}

// pageKeyOf is the hidden input that goes with a login credential: whoever knows the one page can log out, and only there.
func pageKeyOf(value string) string { return secret.Digest("home page of " + value) }

// userLogout ends the login credential that comes with the form of the home page, and nothing else (profile section 5.2).
func (t *ThirdParty) userLogout(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	t.keepFromCaches(w.Header())
	r.Body = http.MaxBytesReader(w, r.Body, wire.MaxBody)
	value := cookieOf(r, t.loginCookie())
	// RFC 9110 section 9.2.1: logged out by the own page alone
	if t.Guards.Forbids("UN-TP-52", value == "" || !secret.Same(r.PostFormValue(pageKeyInput), pageKeyOf(value))) {
		t.fail(w, http.StatusForbidden, "This was not sent from your page here. Nothing has ended.")
		return
	}
	// claim 7: the third-party platform's own exit
	if t.Guards.On("UN-TP-15") {
		if err := t.leave(secret.Digest(value)); err != nil {
			t.broken(w)
			return
		}
		t.setCookie(w, t.loginCookie(), "")
	}
	pages.Write(w, http.StatusOK, pages.ThirdPartyLeft{Site: t.name(), Access: t.BaseURL + PathAccess})
}

func (t *ThirdParty) leave(key string) error {
	return t.Store.Update(func(tx store.Tx) error {
		var c credential
		found, err := tx.Get(credentials, key, &c)
		if err != nil || !found {
			return err
		}
		// description: only the current one is left
		if !t.Guards.On("UN-TP-16") {
			return t.delete(tx, func(other credential) bool { return other.Account == c.Account })
		}
		return tx.Delete(credentials, key)
	})
}
