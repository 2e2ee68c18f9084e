package play

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/ticket"
)

// appServer is the app server of the ticket flow under load. The harness plays the terminals and the account server, which knows any pair by the key that it
// derives from the user: so no pair has to be kept.
type appServer struct {
	setup     *ticket.Setup
	wellKnown string
	resource  *lean.Route
	secret    []byte
}

// Legs of a journey at the app server.
const (
	legResource = iota
	legResourceAgain
	legTicketError
)

func newAppServer(scene *Scene) (load.Script, error) {
	setup, ok := scene.Target.Setup.(*ticket.Setup)
	if !ok || len(setup.Apps) == 0 {
		return nil, &SceneError{"the setup names no app; complete it by section 8 of the profile ticket"}
	}
	a := &appServer{setup: setup, wellKnown: scene.Flow.WellKnown, secret: []byte(newLots().text(24))}
	if err := scene.routes(get(&a.resource, "resource_endpoint")); err != nil {
		return nil, err
	}
	if err := scene.Env.Play("account-server", a); err != nil {
		return nil, &SceneError{"the harness cannot play the account server: " + err.Error()}
	}
	return a, nil
}

// Legs implements load.Script: section 5 of the profile. The second one may be served from what the app server has kept of the first.
func (*appServer) Legs() []string { return []string{"resource", "resource-again", "ticket-error"} }

// keyOf is the authorization key of a user.
func (a *appServer) keyOf(user string) string {
	mac := hmac.New(sha256.New, a.secret)
	_, _ = io.WriteString(mac, user) // which never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Prepare implements load.Script.
func (a *appServer) Prepare(_ context.Context, s *load.Seat) error {
	s.Memory = newLots()
	return nil
}

// Clean implements load.Script: an app server keeps what it has been told for a minute at the most.
func (*appServer) Clean(*load.Seat) error { return nil }

// Play implements load.Script: a user of whom the app server has not heard reads twice, and a stranger with another's key does not read.
func (a *appServer) Play(s *load.Seat) error {
	user := s.Memory.(lots).text(12)
	key := a.keyOf(user)
	for _, leg := range []int{legResource, legResourceAgain} {
		if err := a.read(s, leg, user, key); err != nil {
			return err
		}
	}
	resp, err := s.Do(legTicketError, a.resource, a.shown(s, s.Memory.(lots).text(12), key))
	if err != nil {
		return err
	}
	if err := refusal(s, resp, http.StatusUnauthorized, "invalid_token"); err != nil {
		return err
	}
	if challenge := string(resp.Header("WWW-Authenticate")); !strings.Contains(challenge, "invalid_token") {
		return s.Wrong(`WWW-Authenticate: Ticket error="invalid_token"`, fmt.Sprintf("WWW-Authenticate %q", challenge))
	}
	return nil
}

// shown writes a resource request with a pair.
func (a *appServer) shown(s *load.Seat, user, key string) []byte {
	s.Buffer = a.resource.Append(s.Buffer[:0], "", `Authorization: Ticket user_id="`+user+`", authorization_key="`+key+"\"\r\n", nil)
	return s.Buffer
}

// read wants the resources of this user of this app.
func (a *appServer) read(s *load.Seat, leg int, user, key string) error {
	resp, err := s.Do(leg, a.resource, a.shown(s, user, key))
	if err != nil {
		return err
	}
	var got struct {
		Owner     string            `json:"owner"`
		AppID     string            `json:"app_id"`
		Resources []json.RawMessage `json:"resources"`
	}
	if err := secretJSON(s, resp, &got); err != nil {
		return err
	}
	if len(got.Resources) == 0 {
		return s.Wrong("resources, a list of one or more", "none")
	}
	return first(same(s, "owner", user, got.Owner), same(s, "app_id", a.setup.Apps[0].ID, got.AppID))
}

// ServeHTTP plays the account server: its metadata, and verifications by section 4.4 of the profile.
func (a *appServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		a.verify(w, r)
		return
	}
	if !strings.HasSuffix(r.URL.Path, a.wellKnown) {
		answer(w, http.StatusNotFound, map[string]any{"error": "not_found", "error_description": "There is nothing at this path."})
		return
	}
	answer(w, http.StatusOK, accountServerDocument(a.setup.Issuer))
}

func (a *appServer) verify(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		UserID           string `json:"user_id"`
		AuthorizationKey string `json:"authorization_key"`
	}
	own := a.setup.Apps[0]
	switch id, secret, _ := r.BasicAuth(); {
	case id != own.ID || secret != own.Secret:
		w.Header().Set("WWW-Authenticate", `Basic realm="verification"`)
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "The app is not the one that is registered."})
	case json.NewDecoder(io.LimitReader(r.Body, 16<<10)).Decode(&asked) != nil:
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "The body is no JSON object."})
	case a.keyOf(asked.UserID) != asked.AuthorizationKey:
		answer(w, http.StatusOK, map[string]any{"active": false})
	default:
		answer(w, http.StatusOK, map[string]any{"active": true, "user_id": asked.UserID, "app_id": own.ID, "exp": time.Now().Unix() + 600, "cache_lifetime": 30})
	}
}

// answer sends a JSON object: what members encodes to.
func answer(w http.ResponseWriter, status int, members any) {
	w.Header().Set("Content-Type", asJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(members) // to a connection that is gone there is nothing to say
}
