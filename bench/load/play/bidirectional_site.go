package play

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"

	"countersign/actors/oauth1"
)

// site is a site that the harness plays around a client of the bidirectional flow: OAuth server, resource server and client in one.
type site struct {
	issuer, clientID, delegationEndpoint, wellKnown string
	callback                                        string            // of the client under load
	handoverKey                                     string            // of the site's two servers
	secrets                                         map[string]string // of the clients that the site knows
	trouble                                         *trouble          // of both sites

	mu     sync.Mutex
	random lots
	issued map[string]*credentialOf // by token: temporary credentials, and the tokens that they were exchanged for
}

// credentialOf is a temporary credential, and what became of it.
type credentialOf struct {
	secret, verifier, client string
	from                     *credentialOf // of a token: the credential that was exchanged for it
	read                     bool          // the resource was read with the token that came of it
}

func (s *site) in(endpoint string) string { return strings.TrimSuffix(s.issuer, "/") + "/" + endpoint }

// mint makes a credential, or a token that one was exchanged for.
func (s *site) mint(client string, from *credentialOf) (token string, c *credentialOf) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, c = s.random.text(18), &credentialOf{secret: s.random.text(18), verifier: s.random.text(18), client: client, from: from}
	s.issued[token] = c
	return token, c
}

// find gives what was issued under a token; nil for nothing.
func (s *site) find(token string) *credentialOf {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued[token]
}

// forget takes away a credential and the tokens that came of it, and reports whether the resource was read with one of them.
func (s *site) forget(token string) (read bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.issued[token]
	delete(s.issued, token)
	return c != nil && c.read
}

// ServeHTTP is sections 3, 4, 5.2 and 6.3 of the profile.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, s.wellKnown) {
		answer(w, http.StatusOK, s.document())
		return
	}
	endpoint := path.Base(r.URL.Path)
	if endpoint == "handover" {
		s.takeHandover(w, r)
		return
	}
	m, shown, err := s.verified(r)
	if err != nil {
		s.refuse(w, http.StatusUnauthorized, "signature_invalid", "a request to "+endpoint+" that is not signed rightly: "+err.Error())
		return
	}
	switch endpoint {
	case "temporary-credential":
		if m.Callback != s.callback {
			s.refuse(w, http.StatusBadRequest, "parameter_rejected", fmt.Sprintf("a temporary credential request with the callback %q", m.Callback))
			return
		}
		token, c := s.mint(m.ConsumerKey, nil)
		s.form(w, url.Values{"oauth_token": {token}, "oauth_token_secret": {c.secret}, "oauth_callback_confirmed": {"true"}, "client_id": {c.client}, "expires_in": {"600"}})
	case "token":
		if shown == nil || shown.from != nil || shown.client != m.ConsumerKey || shown.verifier != m.Verifier {
			s.refuse(w, http.StatusUnauthorized, "token_rejected", "a token request with another's credential, or without its verifier")
			return
		}
		token, c := s.mint(m.ConsumerKey, shown)
		s.form(w, url.Values{"oauth_token": {token}, "oauth_token_secret": {c.secret}, "client_id": {c.client}, "expires_in": {"3600"}})
	case "resource":
		if shown == nil || shown.from == nil || shown.client != m.ConsumerKey {
			s.refuse(w, http.StatusUnauthorized, "token_rejected", "a resource request with another's token, or with none")
			return
		}
		s.mu.Lock()
		shown.from.read = true
		delete(s.issued, m.Token) // it is used once
		s.mu.Unlock()
		answer(w, http.StatusOK, map[string]any{"owner": "carol", "resources": []any{map[string]any{"id": "1", "title": "One"}}})
	case "delegation":
		answer(w, http.StatusOK, map[string]any{"continue_uri": s.in("continue?c=" + m.Get("temporary_credential"))})
	case "revoke":
		w.WriteHeader(http.StatusOK)
	default:
		s.refuse(w, http.StatusNotFound, "not_found", "a request to "+r.URL.Path)
	}
}

// takeHandover acknowledges what an OAuth server says that is at work beside the client under load.
func (s *site) takeHandover(w http.ResponseWriter, r *http.Request) {
	m, err := oauth1.Parse(r, 16<<10)
	if err != nil {
		s.refuse(w, http.StatusBadRequest, "parameter_rejected", "a hand-over that cannot be read: "+err.Error())
		return
	}
	acknowledge(w, m, s.handoverKey)
}

// verified judges the signature of a request, and gives what was issued under the token that it shows.
func (s *site) verified(r *http.Request) (m *oauth1.Message, shown *credentialOf, err error) {
	if m, err = oauth1.Parse(r, 16<<10); err != nil {
		return nil, nil, err
	}
	keys := oauth1.Keys{ClientSecret: s.secrets[m.ConsumerKey]}
	if shown = s.find(m.Token); shown != nil {
		keys.TokenSecret = shown.secret
	}
	if keys.ClientSecret == "" {
		return nil, nil, errors.New("nobody is registered as " + m.ConsumerKey)
	}
	return m, shown, m.Verify(keys)
}

func (s *site) form(w http.ResponseWriter, values url.Values) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", asForm)
	_, _ = w.Write([]byte(values.Encode())) // to a connection that is gone there is nothing to say
}

func (s *site) refuse(w http.ResponseWriter, status int, code, what string) {
	s.trouble.note(what)
	w.Header().Set("WWW-Authenticate", "OAuth")
	answer(w, status, map[string]any{"error": code, "error_description": "This should not have been sent: " + what + "."})
}

func (s *site) document() map[string]any {
	return map[string]any{
		"profile": "bidirectional@1", "issuer": s.issuer, "temporary_credential_endpoint": s.in("temporary-credential"), "authorization_endpoint": s.in("authorize"),
		"token_endpoint": s.in("token"), "revocation_endpoint": s.in("revoke"), "signature_methods_supported": []string{"HMAC-SHA256", "HMAC-SHA1"},
		"temporary_credential_lifetime": 600, "access_token_lifetime": 3600, "timestamp_window": 300, "resource_endpoint": s.in("resource"),
		"token_handover_endpoint": s.in("handover"), "client_id": s.clientID, "delegation_endpoint": s.delegationEndpoint,
	}
}
