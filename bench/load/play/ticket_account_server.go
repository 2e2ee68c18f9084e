package play

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/ticket"
)

// accountServer is the account server of the ticket flow under load. The harness plays terminals and an app: each seat is a terminal with an account of its own.
type accountServer struct {
	setup                                                           *ticket.Setup
	run                                                             string
	registration, authentication, refresh, verification, revocation *lean.Route
}

// Legs of a journey at the account server.
const (
	legAuthentication = iota
	legVerification
	legRefresh
	legVerificationOfNew
	legDenial
	legRevocation
	legDenialOfRevoked
)

func newAccountServer(scene *Scene) (load.Script, error) {
	setup, ok := scene.Target.Setup.(*ticket.Setup)
	if !ok || len(setup.Apps) == 0 {
		return nil, &SceneError{"the setup names no app; complete it by section 8 of the profile ticket"}
	}
	a := &accountServer{setup: setup, run: strings.ToLower(scene.Target.Run)}
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(setup.Apps[0].ID+":"+setup.Apps[0].Secret))
	err := scene.routes(
		post(&a.registration, "registration_endpoint", asJSON), post(&a.authentication, "authentication_endpoint", asJSON), post(&a.refresh, "refresh_endpoint", asJSON),
		post(&a.verification, "verification_endpoint", asJSON, basic), post(&a.revocation, "revocation_endpoint", asJSON),
	)
	return a, err
}

// Legs implements load.Script: sections 4.2 to 4.5 of the profile.
func (*accountServer) Legs() []string {
	return []string{"authentication", "verification", "refresh", "verification-of-new", "denial-of-old", "revocation", "denial-of-revoked"}
}

// account is a seat's user.
type account struct {
	lots
	UserName string `json:"user_name"`
	Password string `json:"password"`
	id       string
	opening  []byte // the body of an authentication
}

// Prepare implements load.Script: the seat's account is opened.
func (a *accountServer) Prepare(_ context.Context, s *load.Seat) error {
	random := newLots()
	own := &account{lots: random, UserName: fmt.Sprintf("load-%s-%d-%s", a.run, s.Number, strings.ToLower(strings.NewReplacer("-", "x", "_", "y").Replace(random.text(6)))), Password: random.text(12)}
	body, err := json.Marshal(own)
	if err != nil {
		return err
	}
	resp, err := s.Do(load.Outside, a.registration, a.registration.Append(nil, "", "", body))
	if err != nil {
		return err
	}
	if err := status(s, resp, http.StatusCreated); err != nil {
		return err
	}
	var opened struct {
		UserID string `json:"user_id"`
	}
	if err := json.Unmarshal(resp.Body, &opened); err != nil || opened.UserID == "" {
		return s.Wrong("a JSON object with the string user_id", "none")
	}
	own.id = opened.UserID
	own.opening, err = json.Marshal(map[string]string{"user_name": own.UserName, "password": own.Password, "app_id": a.setup.Apps[0].ID})
	s.Memory = own
	return err
}

// keys is a ticket as it is given.
type keys struct {
	UserID           string `json:"user_id"`
	AppID            string `json:"app_id"`
	AuthorizationKey string `json:"authorization_key"`
	RefreshKey       string `json:"refresh_key"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`

	expires int64 // when the authorization key does, by the clock of who got it
}

// Play implements load.Script: a user opens an app, stays until the ticket has to be refreshed, and logs out.
func (a *accountServer) Play(s *load.Seat) error {
	own := s.Memory.(*account)
	resp, err := s.Do(legAuthentication, a.authentication, a.write(s, a.authentication, own.opening))
	if err != nil {
		return err
	}
	k, err := a.ticket(s, resp, own)
	if err != nil {
		return err
	}
	if err := a.verified(s, legVerification, own, k, true); err != nil {
		return err
	}
	body := append(append(append(append(append(append(s.Buffer[:0], `{"user_id":"`...), own.id...), `","refresh_key":"`...), k.RefreshKey...), `","request_id":"`...), own.text(24)...)
	resp, err = s.Do(legRefresh, a.refresh, a.refresh.Append(nil, "", "", append(body, `"}`...)))
	s.Buffer = body
	if err != nil {
		return err
	}
	next, err := a.ticket(s, resp, own)
	if err != nil {
		return err
	}
	if next.AuthorizationKey == k.AuthorizationKey || next.RefreshKey == k.RefreshKey {
		return s.Wrong("two new keys for a refresh", "one that was given before")
	}
	if err := a.verified(s, legVerificationOfNew, own, next, true); err != nil {
		return err
	}
	if err := a.verified(s, legDenial, own, k, false); err != nil {
		return err
	}
	resp, err = s.Do(legRevocation, a.revocation, a.write(s, a.revocation, fmt.Appendf(nil, `{"user_id":%q,"refresh_key":%q}`, own.id, next.RefreshKey)))
	if err != nil {
		return err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return err
	}
	return a.verified(s, legDenialOfRevoked, own, next, false)
}

func (a *accountServer) write(s *load.Seat, r *lean.Route, body []byte) []byte {
	s.Buffer = r.Append(s.Buffer[:0], "", "", body)
	return s.Buffer
}

// ticket judges an answer with a ticket: it is the seat's own user's, for the app that was named, with keys of the right form.
func (a *accountServer) ticket(s *load.Seat, resp *lean.Response, own *account) (k keys, err error) {
	if err := secretJSON(s, resp, &k); err != nil {
		return k, err
	}
	if err := first(same(s, "user_id", own.id, k.UserID), same(s, "app_id", a.setup.Apps[0].ID, k.AppID)); err != nil {
		return k, err
	}
	if !keyForm(k.AuthorizationKey) || !keyForm(k.RefreshKey) || k.AuthorizationKey == k.RefreshKey {
		return k, s.Wrong("two keys of 22 to 256 characters A-Z a-z 0-9 - _", fmt.Sprintf("%q and %q", k.AuthorizationKey, k.RefreshKey))
	}
	if k.ExpiresIn <= 0 || k.RefreshExpiresIn <= 0 {
		return k, s.Wrong("keys that live for some seconds", fmt.Sprintf("expires_in %d and refresh_expires_in %d", k.ExpiresIn, k.RefreshExpiresIn))
	}
	k.expires = time.Now().Unix() + k.ExpiresIn
	return k, nil
}

// clocks is by how many seconds two times may differ that were read from clocks which nobody has set by each other.
const clocks = 60

// keyForm is section 2 of the profile.
func keyForm(key string) bool {
	for i := range len(key) {
		switch c := key[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(key) >= 22 && len(key) <= 256
}

// verified sends a verification and judges whether it says of the pair what is true of it.
func (a *accountServer) verified(s *load.Seat, leg int, own *account, k keys, active bool) error {
	body := append(append(append(append(append(make([]byte, 0, 256), `{"user_id":"`...), own.id...), `","authorization_key":"`...), k.AuthorizationKey...), `"}`...)
	resp, err := s.Do(leg, a.verification, a.write(s, a.verification, body))
	if err != nil {
		return err
	}
	var said struct {
		Active *bool  `json:"active"`
		UserID string `json:"user_id"`
		AppID  string `json:"app_id"`
		Exp    int64  `json:"exp"`
		Cache  int64  `json:"cache_lifetime"`
	}
	if err := secretJSON(s, resp, &said); err != nil {
		return err
	}
	switch {
	case said.Active == nil || *said.Active != active:
		got := "no active"
		if said.Active != nil {
			got = fmt.Sprintf("active %v", *said.Active)
		}
		return s.Wrong(fmt.Sprintf("active %v", active), got)
	case !active:
		var all map[string]json.RawMessage
		if err := json.Unmarshal(resp.Body, &all); err != nil || len(all) != 1 {
			return s.Wrong(`exactly {"active": false}`, fmt.Sprintf("%d members", len(all)))
		}
		return nil
	case said.Exp < k.expires-clocks || said.Exp > k.expires+clocks:
		return s.Wrong(fmt.Sprintf("exp %d, when the key expires by expires_in, or up to %d s from it", k.expires, clocks), fmt.Sprintf("exp %d", said.Exp))
	case said.Cache < 0 || said.Cache > 60:
		return s.Wrong("cache_lifetime, 0 to 60", fmt.Sprintf("cache_lifetime %d", said.Cache))
	}
	return first(same(s, "user_id", own.id, said.UserID), same(s, "app_id", a.setup.Apps[0].ID, said.AppID))
}

// Clean implements load.Script: it ends all tickets of the seat's account. The account itself nothing takes away.
func (a *accountServer) Clean(s *load.Seat) error {
	own, ok := s.Memory.(*account)
	if !ok {
		return nil
	}
	body, err := json.Marshal(own)
	if err != nil {
		return err
	}
	resp, err := s.Do(load.Outside, a.revocation, a.write(s, a.revocation, body))
	if err != nil {
		return err
	}
	return status(s, resp, http.StatusOK)
}
