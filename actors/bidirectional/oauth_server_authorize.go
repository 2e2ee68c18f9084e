package bidirectional

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/actors/bidirectional/pages"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// question is what the user decides: whether a temporary credential may become an access token of a client.
type question struct {
	credential  temporaryCredential
	asking      ClientRegistration // the client that asked for the credential
	beneficiary ClientRegistration // the client that will hold the token
	state       string             // what the page was opened with, for the client to compare; empty without
}

// authorize is steps 4 to 6, and 11 to 13 with the identifier rewritten (profile section 4.2).
func (s *OAuthServer) authorize(w http.ResponseWriter, r *http.Request) {
	s.keepFromCaches(w)
	s.forbidFraming(w)
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, HEAD, POST")
		s.fail(w, http.StatusMethodNotAllowed, "This page can be opened and its form sent, nothing else.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, wire.MaxBody)
	if err := r.ParseForm(); err != nil {
		s.fail(w, http.StatusBadRequest, "What the browser sent cannot be read. Go back and try again.")
		return
	}
	query := r.URL.Query()
	q, err := s.question(query)
	// RFC 9700 section 4.11: no redirect to where the request says
	if elsewhere := query.Get("oauth_callback"); err != nil && elsewhere != "" && !s.Guards.On("BI-OS-50") {
		http.Redirect(w, r, elsewhere, http.StatusSeeOther)
		return
	}
	if err != nil {
		s.refuseUser(w, r, q, err)
		return
	}
	// RFC 9700 section 4.2: a decision is taken from the body of a POST only.
	answers := r.PostForm
	if !s.Guards.On("BI-OS-43") {
		answers = r.Form
	}
	decision := Decision(answers.Get("decision"))
	if r.Method != http.MethodPost && decision == "" {
		s.ask(w, r, q, http.StatusOK, "")
		return
	}
	// RFC 5849 section 4.13: consent is given on the server's own page.
	if s.Guards.Forbids("BI-OS-28", !s.fromOwnPage(r, q, answers.Get(pageKeyInput))) {
		s.fail(w, http.StatusForbidden, "This decision did not come from this site's own page. Open the link again, and let the browser keep cookies.")
		return
	}
	var callback string
	switch decision {
	case Approve:
		callback, err = s.approve(q, answers.Get("username"), answers.Get("password"))
	case Deny:
		callback, err = s.deny(q, answers.Get("username"))
	default:
		s.ask(w, r, q, http.StatusBadRequest, "Choose one of the two buttons.")
		return
	}
	if err != nil {
		s.refuseUser(w, r, q, err)
		return
	}
	// RFC 9700 section 4.12: a redirect that makes the browser send the password again is none.
	status := http.StatusSeeOther
	if !s.Guards.On("BI-OS-30") {
		status = http.StatusTemporaryRedirect
	}
	w.Header().Set("Location", callback)
	w.WriteHeader(status)
}

// closedError says why a credential cannot be put to the user.
type closedError string

func (e closedError) Error() string { return string(e) }

// errWrongPassword is an approval whose user name or password is wrong; the user may try again.
var errWrongPassword = errors.New("the user name or password is wrong")

// question finds what the user is asked by a temporary credential under a client identifier.
func (s *OAuthServer) question(query url.Values) (question, error) {
	token, clientID := query.Get("oauth_token"), query.Get("client_id")
	c, known, err := store.Load[temporaryCredential](s.Store, temporaryCredentials, token)
	if err != nil {
		return question{}, err
	}
	if !known {
		return question{}, closedError("This request for authorization is unknown here.")
	}
	if err := errors.Join(s.open(c), s.guessable(c)); err != nil {
		return question{}, err
	}
	asking, _ := findClient(s.Clients, c.ClientID)
	asking.ID, asking.Callback = c.ClientID, c.Callback
	q := question{c, asking, asking, query.Get("state")}
	if s.knowsPagesByState() && !wellFormedStates(query["state"]) {
		return question{}, closedError("This request for authorization is malformed. Begin again at the site that sent you here.")
	}
	// claims 3, 7: the identifier in the credential has been rewritten to the receiving client
	if clientID == "" || clientID == c.ClientID || !s.Guards.On("BI-OS-18") {
		return q, nil
	}
	registered, known := findClient(s.Clients, clientID)
	// closes claims 3, 7: no rewriting but to the delegate that was named when the credential was asked for
	if !known || s.Guards.Forbids("BI-OS-24", c.Delegate == "") || s.Guards.Forbids("BI-OS-25", c.Delegate != "" && c.Delegate != clientID) {
		return question{}, closedError("This request for authorization was made for another site.")
	}
	q.beneficiary = registered
	return q, nil
}

// open reports why a credential cannot be put to the user, nil when it can.
func (s *OAuthServer) open(c temporaryCredential) error {
	switch {
	// RFC 5849 section 2.1
	case s.Guards.Forbids("BI-OS-33", !s.Clock.Now().Before(c.Expires)):
		return closedError("This request for authorization has expired.")
	// RFC 5849 section 2.2: one decision a credential
	case s.Guards.Forbids("BI-OS-51", c.Decision != ""):
		return closedError("This request for authorization has been decided.")
	}
	return nil
}

// guessable reports an error for a credential that wrong passwords have ended (RFC 5849 section 4.9).
func (s *OAuthServer) guessable(c temporaryCredential) error {
	if s.Guards.Forbids("BI-OS-52", c.Guesses >= maxGuesses) {
		return closedError("This request for authorization was ended after too many wrong passwords.")
	}
	return nil
}

// approve is the user's consent: it needs a user name and password registered here. It returns where to send the browser.
func (s *OAuthServer) approve(q question, username, password string) (string, error) {
	// A guess is counted before it is judged, so that many at once are counted too.
	err := s.change(q, func(_ store.Tx, c *temporaryCredential) error {
		before := *c
		c.Guesses++
		return s.guessable(before)
	})
	if err != nil {
		return "", err
	}
	in, err := s.letIn(username, s.signIn(username, password))
	if err != nil {
		return "", err
	}
	if !in {
		return "", errWrongPassword
	}
	return s.conclude(q, username)
}

// signIn reports whether the user is registered here under the password (claims 10, 11).
func (s *OAuthServer) signIn(username, password string) bool {
	account, known := find(s.Users, func(a Account) bool { return a.Username == username })
	if !known && len(s.Users) > 0 {
		account.Password = s.Users[0].Password // the same work, so that the time does not tell which names are known
	}
	matches := account.Password.Matches(password)
	if !known {
		// claims 10, 11: the account is one of the issuing site
		return username != "" && !s.Guards.On("BI-OS-12")
	}
	// claims 10, 11: the password is compared
	return !s.Guards.Forbids("BI-OS-11", !matches)
}

// conclude records the consent and makes the verifier (RFC 5849 section 2.2). From here on the credential
// belongs to the beneficiary. It returns the callback with the verifier.
func (s *OAuthServer) conclude(q question, username string) (string, error) {
	verifier, err := s.newCredential()
	if err != nil {
		return "", err
	}
	err = s.change(q, func(_ store.Tx, c *temporaryCredential) error {
		c.Decision, c.Username, c.Verifier, c.Holder = Approve, username, verifier, q.beneficiary.ID
		return nil
	})
	// RFC 5849 section 2.2: oauth_token tells the client which credential the verifier belongs to.
	if !s.Guards.On("BI-OS-13") {
		return s.back(q, "oauth_verifier", verifier), err
	}
	return s.back(q, "oauth_token", q.credential.Token, "oauth_verifier", verifier), err
}

// deny is the user's refusal: the credential is dead, and every other one is as it was (claim 1).
func (s *OAuthServer) deny(q question, username string) (string, error) {
	// claim 1; RFC 5849 section 2.2: a refusal gives no verifier
	if !s.Guards.On("BI-OS-14") {
		callback, err := s.conclude(q, username)
		return withQuery(callback, "error", "access_denied"), err
	}
	err := s.change(q, func(tx store.Tx, c *temporaryCredential) error {
		c.Decision = Deny
		// claim 1: the two legs are separate
		if s.Guards.On("BI-OS-22") {
			return nil
		}
		return eachCredential(tx, func(other temporaryCredential) error {
			if other.ClientID != c.ClientID {
				return nil
			}
			other.Decision = Deny
			return tx.Put(temporaryCredentials, other.Token, other)
		})
	})
	return s.back(q, "oauth_token", q.credential.Token, "error", "access_denied"), err
}

// change changes the credential of a question, if it is still open.
func (s *OAuthServer) change(q question, f func(store.Tx, *temporaryCredential) error) error {
	return s.Store.Update(func(tx store.Tx) error {
		var c temporaryCredential
		found, err := tx.Get(temporaryCredentials, q.credential.Token, &c)
		if err != nil {
			return err
		}
		if !found {
			return closedError("This request for authorization has expired.")
		}
		if err := s.open(c); err != nil {
			return err
		}
		if err := f(tx, &c); err != nil {
			return err
		}
		return tx.Put(temporaryCredentials, c.Token, c)
	})
}

// ask shows the authorization page.
func (s *OAuthServer) ask(w http.ResponseWriter, r *http.Request, q question, status int, notice string) {
	key, err := s.pageKey(w, r, q)
	if err == nil {
		err = s.keepFirstState(q)
	}
	if err != nil {
		s.fail(w, http.StatusInternalServerError, "This site cannot ask you now. Try again later.")
		return
	}
	// RFC 5849 section 4.7: the user sees who will hold the token
	shown := q.beneficiary
	if !s.Guards.On("BI-OS-27") {
		shown = q.asking
	}
	pages.Write(w, status, pages.Consent{
		Site: s.SiteName, Issuer: s.Issuer, Client: shown.Name, ClientID: shown.ID, Notice: notice,
		Hidden: []pages.Input{{Name: pageKeyInput, Value: key}},
	})
}

// refuseUser answers a decision, or a request for the page, that failed.
func (s *OAuthServer) refuseUser(w http.ResponseWriter, r *http.Request, q question, err error) {
	var closed closedError
	switch {
	case errors.As(err, &closed):
		s.fail(w, http.StatusBadRequest, string(closed))
	case errors.Is(err, errWrongPassword):
		c, _, err := store.Load[temporaryCredential](s.Store, temporaryCredentials, q.credential.Token)
		if err != nil || s.guessable(c) != nil {
			s.fail(w, http.StatusForbidden, "The user name or password is wrong, and was so too often. Begin again at the site that sent you here.")
			return
		}
		s.ask(w, r, q, http.StatusForbidden, "The user name or password is wrong.")
	default:
		s.fail(w, http.StatusInternalServerError, "This site cannot record your decision now. Try again later.")
	}
}

func (s *OAuthServer) fail(w http.ResponseWriter, status int, text string) {
	pages.Write(w, status, pages.Failure{Site: s.SiteName, Text: text})
}

// forbidFraming keeps the page out of frames (RFC 5849 section 4.14).
func (s *OAuthServer) forbidFraming(w http.ResponseWriter) {
	if s.Guards.On("BI-OS-29") {
		w.Header().Set("Content-Security-Policy", pages.Policy()+"; frame-ancestors 'none'")
		w.Header().Set("X-Frame-Options", "DENY")
	}
}

// pageKeyInput is the hidden input by which the server knows its own page again.
const pageKeyInput = "page_key"

// pageKey makes the page's hidden input, which goes with a cookie, a credential, a beneficiary and a state, and sets the cookie in a browser that has none.
func (s *OAuthServer) pageKey(w http.ResponseWriter, r *http.Request, q question) (string, error) {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		value, err := secret.Unguessable(s.Entropy("cookies"))
		if err != nil {
			return "", err
		}
		cookie = &http.Cookie{
			Name: s.cookieName(), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
			Secure: strings.HasPrefix(s.Issuer, "https:"),
		}
		http.SetCookie(w, cookie)
	}
	return s.pageKeyOf(cookie.Value, q)
}

// cookieName has a prefix over TLS that keeps sibling domains from setting the cookie.
func (s *OAuthServer) cookieName() string {
	name := "consent-" + wire.Label(s.Issuer)
	if strings.HasPrefix(s.Issuer, "https:") {
		name = "__Host-" + name
	}
	return name
}

// fromOwnPage reports whether the decision comes with the hidden input and the cookie of the page that asked the question.
func (s *OAuthServer) fromOwnPage(r *http.Request, q question, given string) bool {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		return false
	}
	want, err := s.pageKeyOf(cookie.Value, q)
	return err == nil && secret.Same(given, want)
}

func (s *OAuthServer) pageKeyOf(cookie string, q question) (string, error) {
	secret, err := s.pageSecret()
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	asked := url.Values{"cookie": {cookie}, "token": {q.credential.Token}, "client": {q.beneficiary.ID}}
	if q.state != "" && s.knowsPagesByState() {
		asked.Set("state", q.state)
	}
	mac.Write([]byte(asked.Encode()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// pageSecret is made at first use and survives restarts, so that a page laid out before one is known after it.
func (s *OAuthServer) pageSecret() (string, error) {
	fresh, err := secret.Unguessable(s.Entropy("keys"))
	if err != nil {
		return "", err
	}
	secret := fresh
	err = s.Store.Update(func(tx store.Tx) error {
		found, err := tx.Get(serverKeys, "authorization pages", &secret)
		if err != nil || found {
			return err
		}
		return tx.Put(serverKeys, "authorization pages", fresh)
	})
	return secret, err
}
