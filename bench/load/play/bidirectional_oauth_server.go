package play

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"countersign/actors/oauth1"
	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/bidirectional"
)

// oauthServer is the OAuth server of the bidirectional flow under load. The harness plays both clients, the user's terminal, and the resource server to which
// tokens are handed over. The users are those of the setup, in turn.
type oauthServer struct {
	setup                                       *bidirectional.Setup
	temporary, authorization, token, revocation *lean.Route
	authorizing                                 *lean.Route // how the form is sent to the page

	issuer string // under which the target signs hand-overs

	mu     sync.Mutex
	handed map[string]handed // by token, until it is revoked
}

// handed is what a hand-over said of a token.
type handed struct{ client, user, secret string }

// Legs of a journey at the OAuth server.
const (
	legTemporary = iota
	legPage
	legConsent
	legToken
	legTokenRevocation
)

func newOAuthServer(scene *Scene) (load.Script, error) {
	setup, err := bidirectionalSetup(scene)
	if err != nil {
		return nil, err
	}
	o := &oauthServer{setup: setup, handed: map[string]handed{}}
	if err := scene.routes(
		post(&o.temporary, "temporary_credential_endpoint", asForm), get(&o.authorization, "authorization_endpoint"), post(&o.authorizing, "authorization_endpoint", asForm),
		post(&o.token, "token_endpoint", asForm), post(&o.revocation, "revocation_endpoint", asForm),
	); err != nil {
		return nil, err
	}
	if o.issuer, _ = scene.metadata["issuer"].(string); o.issuer == "" {
		return nil, &SceneError{fmt.Sprintf("the metadata of %s name no issuer", scene.Target.URL)}
	}
	if err := scene.Env.Play("site-a", o); err != nil {
		return nil, &SceneError{"the harness cannot play site A: " + err.Error()}
	}
	return o, nil
}

// Legs implements load.Script: sections 4.1 to 4.5 of the profile, the hand-over between the token request and its answer.
func (*oauthServer) Legs() []string {
	return []string{"temporary-credential", "authorization-page", "consent", "token", "revocation"}
}

// Prepare implements load.Script.
func (o *oauthServer) Prepare(_ context.Context, s *load.Seat) error {
	s.Memory = newLots()
	return nil
}

// Clean implements load.Script: every journey revokes its token.
func (*oauthServer) Clean(*load.Seat) error { return nil }

// Play implements load.Script. Every other credential is asked for by the site's own client, handed to the peer's and rewritten, as the first one of the document is.
func (o *oauthServer) Play(s *load.Seat) error {
	random := s.Memory.(lots)
	user := o.setup.Users[s.Journey%len(o.setup.Users)]
	own, holder := o.setup.Clients[0], o.setup.Clients[1]
	asking, form := holder, url.Values(nil)
	if s.Journey/len(o.setup.Users)%2 == 1 {
		asking, form = own, url.Values{"delegate": {holder.ID}}
	}
	resp, err := signed{route: o.temporary, key: asking.ID, secret: asking.Secret, form: form, callback: asking.Callback}.send(s, legTemporary, random)
	if err != nil {
		return err
	}
	temporary, err := credential(s, resp, asking.ID)
	if err != nil {
		return err
	}
	if err := same(s, "oauth_callback_confirmed", "true", temporary.Get("oauth_callback_confirmed")); err != nil {
		return err
	}
	verifier, err := o.consent(s, temporary.Get("oauth_token"), random.text(18), holder, user)
	if err != nil {
		return err
	}
	resp, err = signed{route: o.token, key: holder.ID, secret: holder.Secret, token: temporary.Get("oauth_token"), tokenSecret: temporary.Get("oauth_token_secret"), verifier: verifier}.send(s, legToken, random)
	if err != nil {
		return err
	}
	access, err := credential(s, resp, holder.ID)
	if err != nil {
		return err
	}
	if err := o.handedOver(s, access, holder, user); err != nil {
		return err
	}
	token := access.Get("oauth_token")
	resp, err = signed{route: o.revocation, key: holder.ID, secret: holder.Secret, form: url.Values{"token": {token}}}.send(s, legTokenRevocation, random)
	if err != nil {
		return err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return err
	}
	if _, live := o.known(token); live {
		return s.Wrong("a hand-over that takes the token back before the answer", "none")
	}
	return nil
}

// handedOver wants the token to have been handed over before the answer: for the client that holds it, and for the user who consented.
func (o *oauthServer) handedOver(s *load.Seat, access url.Values, holder bidirectional.ClientSetup, user bidirectional.UserSetup) error {
	got, ok := o.known(access.Get("oauth_token"))
	if !ok {
		return s.Wrong("a hand-over of the token, signed, before the answer", "none")
	}
	if got.secret != access.Get("oauth_token_secret") {
		return s.Wrong("a hand-over with the token's secret", "one with another secret")
	}
	return first(same(s, "client_id of the hand-over", holder.ID, got.client), same(s, "username of the hand-over", user.Name, got.user))
}

func (o *oauthServer) known(token string) (handed, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, ok := o.handed[token]
	return h, ok
}

// ServeHTTP plays the resource server, section 4.4 of the profile.
func (o *oauthServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	message, err := oauth1.Parse(r, 16<<10)
	if err == nil {
		err = message.Verify(oauth1.Keys{ClientSecret: o.setup.HandoverKey})
	}
	if err != nil || message.ConsumerKey != o.issuer {
		w.Header().Set("WWW-Authenticate", "OAuth")
		answer(w, http.StatusUnauthorized, map[string]any{"error": "signature_invalid", "error_description": "The hand-over is not signed by its OAuth server."})
		return
	}
	o.mu.Lock()
	switch message.Get("event") {
	case "issued":
		o.handed[message.Get("token")] = handed{message.Get("client_id"), message.Get("username"), message.Get("token_secret")}
	case "revoked":
		delete(o.handed, message.Get("token"))
	}
	o.mu.Unlock()
	acknowledge(w, message, o.setup.HandoverKey)
}

// consent opens the authorization page with a state in a terminal without cookies, fills it in and reads the verifier from the redirect: steps 4 to 6.
func (o *oauthServer) consent(s *load.Seat, token, state string, holder bidirectional.ClientSetup, user bidirectional.UserSetup) (verifier string, err error) {
	query := url.Values{"oauth_token": {token}, "client_id": {holder.ID}, "state": {state}}.Encode()
	s.Buffer = o.authorization.Append(s.Buffer[:0], query, "Accept: text/html\r\n", nil)
	resp, err := s.Do(legPage, o.authorization, s.Buffer)
	if err != nil {
		return "", err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return "", err
	}
	var cookies jar
	cookies.take(resp)
	page := readPage(resp)
	if !page.asks {
		return "", s.Wrong("a page with a form with inputs username and password", "none")
	}
	page.values.Set("username", user.Name)
	page.values.Set("password", user.Password)
	page.values.Set("decision", "approve")
	route, rest, err := page.route(o.authorizing, query)
	if err != nil {
		return "", s.Wrong("a form whose action can be asked", err.Error())
	}
	s.Buffer = route.Append(s.Buffer[:0], rest, cookies.line(), []byte(page.values.Encode()))
	if resp, err = s.Do(legConsent, route, s.Buffer); err != nil {
		return "", err
	}
	if resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
		return "", s.Wrong("status 303 or 302", fmt.Sprintf("status %d", resp.Status))
	}
	to, err := url.Parse(string(resp.Header("Location")))
	if err != nil || !strings.HasPrefix(to.String(), strings.TrimSuffix(holder.Callback, "?")) {
		return "", s.Wrong("a redirect to "+holder.Callback, fmt.Sprintf("Location %q", resp.Header("Location")))
	}
	if err := first(same(s, "oauth_token of the redirect", token, to.Query().Get("oauth_token")), same(s, "state of the redirect", state, to.Query().Get("state"))); err != nil {
		return "", err
	}
	if verifier = to.Query().Get("oauth_verifier"); verifier == "" {
		return "", s.Wrong("a redirect with an oauth_verifier", "none")
	}
	return verifier, nil
}
