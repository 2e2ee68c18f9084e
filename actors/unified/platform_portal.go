package unified

import (
	"errors"
	"net/http"

	"countersign/actors/store"
	"countersign/actors/unified/pages"
)

// asksPortalLogin is what the login page of the portal asks.
const asksPortalLogin = "login at the portal"

// portal shows the third-party platforms, or the login page (profile section 4.3).
func (p *Platform) portal(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r)
	if err != nil {
		p.broken(w)
		return
	}
	if !v.live {
		p.askLogin(w, v, http.StatusOK, "")
		return
	}
	var listed []RegisteredParty
	err = p.Store.Update(func(tx store.Tx) error {
		listed, err = p.allInForce(tx)
		return err
	})
	if err != nil {
		p.broken(w)
		return
	}
	// claim 3: the user chooses from all that are registered
	if !p.Guards.On("UN-PL-02") && len(listed) > 0 {
		listed = listed[:len(listed)-1]
	}
	shown := pages.Portal{Platform: p.name(), UserName: v.user.Name, Nickname: v.user.Nickname, Logout: p.Issuer + pathLogout}
	for _, t := range listed {
		shown.ThirdParties = append(shown.ThirdParties, pages.Link{Name: t.Name, URL: t.AccessURI})
	}
	pages.Write(w, http.StatusOK, shown)
}

func (p *Platform) askLogin(w http.ResponseWriter, v visitor, status int, notice string) {
	hidden, err := p.hidden(w, v, asksPortalLogin)
	if err != nil {
		p.broken(w)
		return
	}
	pages.Write(w, status, pages.Login{Platform: p.name(), Notice: notice, Hidden: hidden})
}

// logIn begins a platform session (profile section 4.1).
func (p *Platform) logIn(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r)
	if err != nil {
		p.broken(w)
		return
	}
	answers := p.answers(r)
	own, err := p.fromOwnPage(v, asksPortalLogin, answers)
	if err != nil {
		p.broken(w)
		return
	}
	if p.forged(own) {
		p.askLogin(w, v, http.StatusForbidden, notOwnPage)
		return
	}
	if answers.Get("decision") != "login" {
		p.askLogin(w, v, http.StatusBadRequest, "Use the button to log in.")
		return
	}
	user, err := p.signIn(answers.Get("username"), answers.Get("password"))
	var wrong wrongPassword
	if errors.As(err, &wrong) {
		p.askLogin(w, v, http.StatusForbidden, string(wrong))
		return
	}
	if err != nil || p.enter(w, v, user, func(store.Tx) error { return nil }) != nil {
		p.broken(w)
		return
	}
	w.Header().Set("Location", p.Issuer+pathPortal)
	w.WriteHeader(http.StatusSeeOther) // not leave: a 307 to the page itself would have the browser log in for ever
}

// notOwnPage is what a browser is told when its decision came from elsewhere.
const notOwnPage = "This did not come from this site's own page as it stands now. Try again here, and let the browser keep cookies."

// forged reports whether a login or decision is to be refused because it did not come from the page that asked for it.
func (p *Platform) forged(own bool) bool {
	// RFC 9700 section 4.7; RFC 6749 section 10.12
	return p.Guards.Forbids("UN-PL-50", !own)
}

// enter logs the user in in this browser; further is done in the same transaction.
func (p *Platform) enter(w http.ResponseWriter, v visitor, user User, further func(store.Tx) error) error {
	value, err := p.renew(v)
	if err != nil {
		return err
	}
	err = p.Store.Update(func(tx store.Tx) error {
		if err := p.startSession(tx, value, user.Sub); err != nil {
			return err
		}
		return further(tx)
	})
	if err == nil {
		p.setCookie(w, value)
	}
	return err
}
