package unified

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/unified/pages"
	"countersign/actors/wire"
)

// page serves a page: show shows it, decide takes what was decided on it.
func (p *Platform) page(show, decide http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w = p.dress(w)
		if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
			w.Header().Set("Allow", "GET, HEAD, POST")
			p.fail(w, http.StatusMethodNotAllowed, "This page can be opened and its form sent, nothing else.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, wire.MaxBody)
		if err := r.ParseForm(); err != nil {
			p.fail(w, http.StatusBadRequest, "What the browser sent cannot be read. Go back and try again.")
			return
		}
		if r.Method == http.MethodPost || p.answers(r).Has("decision") {
			decide(w, r)
			return
		}
		show(w, r)
	})
}

// answers are what the form of a page sends back.
func (p *Platform) answers(r *http.Request) url.Values {
	// RFC 9700 section 4.2: a query gives neither a login nor a decision
	if p.Guards.On("UN-PL-52") {
		return r.PostForm
	}
	return r.Form
}

// dress gives a page its headers, and the writer to write it with.
func (p *Platform) dress(w http.ResponseWriter) http.ResponseWriter {
	p.keepFromCaches(w.Header())
	// RFC 9700 section 4.16
	if p.Guards.On("UN-PL-49") {
		w.Header().Set("Content-Security-Policy", pages.Policy()+"; frame-ancestors 'none'")
		w.Header().Set("X-Frame-Options", "DENY")
	}
	// RFC 9700 section 4.2.4
	if !p.Guards.On("UN-PL-91") {
		return talkative{w}
	}
	return w
}

// talkative writes pages that tell the next site where the browser comes from.
type talkative struct{ http.ResponseWriter }

func (t talkative) WriteHeader(status int) {
	t.Header().Del("Referrer-Policy")
	t.ResponseWriter.WriteHeader(status)
}

// keepFromCaches marks a response that bears a secret (RFC 6749 section 5.1).
func (p *Platform) keepFromCaches(h http.Header) {
	if p.Guards.On("UN-PL-59") {
		h.Set("Cache-Control", "no-store")
	}
}

func (p *Platform) fail(w http.ResponseWriter, status int, text string) {
	pages.Write(w, status, pages.Failure{Platform: p.name(), Text: text})
}

// broken answers when the platform failed itself.
func (p *Platform) broken(w http.ResponseWriter) {
	p.fail(w, http.StatusInternalServerError, "This site failed to keep or make what it needs. Try again later.")
}

// leave sends the browser on to a third-party platform after a decision.
func (p *Platform) leave(w http.ResponseWriter, location string) {
	status := http.StatusSeeOther
	// RFC 9700 section 4.12: a redirect that makes the browser send the password again is none
	if !p.Guards.On("UN-PL-48") {
		status = http.StatusTemporaryRedirect
	}
	w.Header().Set("Location", location)
	w.WriteHeader(status)
}

// visitor is who sits before the browser that a request came from.
type visitor struct {
	cookie string // empty when the browser brought none
	// The session of the cookie, which may be over; it is empty when the platform knows none.
	platformSession
	user User // of a session that is live
	live bool
}

func (p *Platform) visitor(r *http.Request) (v visitor, err error) {
	cookie, err := r.Cookie(p.cookieName())
	if err != nil {
		return visitor{}, nil
	}
	v.cookie = cookie.Value
	v.platformSession, _, err = store.Load[platformSession](p.Store, sessions, secret.Digest(v.cookie))
	if v.platformSession.live(p.Clock.Now()) {
		v.user, v.live = p.userOf(v.Sub)
	}
	return v, err
}

// cookieName has a prefix over TLS that keeps sibling domains from setting the cookie.
func (p *Platform) cookieName() string {
	name := "platform-" + wire.Label(p.Issuer)
	if strings.HasPrefix(p.Issuer, "https:") {
		name = "__Host-" + name
	}
	return name
}

func (p *Platform) setCookie(w http.ResponseWriter, value string) {
	cookie := http.Cookie{Name: p.cookieName(), Value: value, Path: "/"}
	// RFC 6265 section 4.1.2; RFC 9700 section 4.7. Third-party platforms lead users here, so that Strict is too json.
	if p.Guards.On("UN-PL-55") {
		cookie.HttpOnly, cookie.SameSite, cookie.Secure = true, http.SameSiteLaxMode, strings.HasPrefix(p.Issuer, "https:")
	}
	http.SetCookie(w, &cookie)
}

// renew is the cookie value that a login gives.
func (p *Platform) renew(v visitor) (string, error) {
	// RFC 6265 section 8.4: whoever planted the value before must not share the session
	if v.cookie != "" && !p.Guards.On("UN-PL-54") {
		return v.cookie, nil
	}
	return secret.Unguessable(p.Entropy("sessions"))
}

// pageKeyInput is the hidden input by which the platform knows its own page again.
const pageKeyInput = "page_key"

// hidden makes the hidden inputs of a page that asks something of the visitor, and gives a browser without a cookie one.
func (p *Platform) hidden(w http.ResponseWriter, v visitor, asks string) ([]pages.Input, error) {
	if v.cookie == "" {
		value, err := secret.Unguessable(p.Entropy("sessions"))
		if err != nil {
			return nil, err
		}
		v.cookie = value
		p.setCookie(w, value)
	}
	key, err := p.pageKey(v, asks)
	return []pages.Input{{Name: pageKeyInput, Value: key}}, err
}

// fromOwnPage reports whether the answers bear the hidden input of the page that asked this in the visitor's browser.
func (p *Platform) fromOwnPage(v visitor, asks string, answers url.Values) (bool, error) {
	if v.cookie == "" {
		return false, nil
	}
	key, err := p.pageKey(v, asks)
	return secret.Same(key, answers.Get(pageKeyInput)), err
}

// pageKey goes with a cookie and with what the page asks.
func (p *Platform) pageKey(v visitor, asks string) (string, error) {
	key, err := p.kept("pages")
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(url.Values{"cookie": {v.cookie}, "asks": {asks}}.Encode()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// kept is a secret of the platform's own, made at first use and the same after a restart.
func (p *Platform) kept(name string) (value string, err error) {
	err = p.Store.Update(func(tx store.Tx) error {
		found, err := tx.Get(platformSecrets, name, &value)
		if err != nil || found {
			return err
		}
		if value, err = secret.Unguessable(p.Entropy("secrets")); err != nil {
			return err
		}
		return tx.Put(platformSecrets, name, value)
	})
	return value, err
}
