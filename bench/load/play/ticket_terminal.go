package play

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/ticket"
)

// terminal is the terminal of the ticket flow under load. The harness plays the people at it, the account server and the first app. Each journey is of a person of
// whom nobody has heard.
type terminal struct {
	setup       *ticket.Setup
	wellKnown   string
	use, logout *lean.Route

	mu     sync.Mutex
	lots   lots
	people map[string]*holder // by user name, and by user ID
	trouble
}

// holder is a person with an account, and the keys that count.
type holder struct {
	password, id, key, refresh string
}

// Legs of a journey at the terminal.
const (
	legFirstUse = iota
	legLaterUse
	legRefreshedUse
	legLeave
	legLoggedOutUse
)

func newTerminal(scene *Scene) (load.Script, error) {
	setup, ok := scene.Target.Setup.(*ticket.Setup)
	if !ok || len(setup.Apps) == 0 {
		return nil, &SceneError{"the setup names no app; complete it by section 8 of the profile ticket"}
	}
	t := &terminal{setup: setup, wellKnown: scene.Flow.WellKnown, lots: newLots(), people: map[string]*holder{}}
	if err := scene.routes(post(&t.use, "use_endpoint", asJSON), post(&t.logout, "logout_endpoint", asJSON)); err != nil {
		return nil, err
	}
	for party, handler := range map[string]http.HandlerFunc{"account-server": t.account, "app-one": t.app} {
		if err := scene.Env.Play(party, handler); err != nil {
			return nil, &SceneError{fmt.Sprintf("the harness cannot play the %s: %v", party, err)}
		}
	}
	return t, nil
}

// Legs implements load.Script: section 7 of the profile, the first use, a later one, one after the ticket has ended, a logout, and one after that.
func (*terminal) Legs() []string {
	return []string{"first-use", "later-use", "use-with-refresh", "logout", "use-after-logout"}
}

// Prepare implements load.Script.
func (t *terminal) Prepare(_ context.Context, s *load.Seat) error {
	s.Memory = newLots()
	return nil
}

// Clean implements load.Script: every journey logs its person out.
func (*terminal) Clean(*load.Seat) error { return nil }

// Play implements load.Script: a person uses an app, again, once more after the ticket has ended, and logs out.
func (t *terminal) Play(s *load.Seat) error {
	return t.trouble.journey(s, "requests to account server and app as the profile has them", t.play)
}

func (t *terminal) play(s *load.Seat) error {
	random := s.Memory.(lots)
	name := "t-" + strings.ToLower(strings.NewReplacer("-", "x", "_", "y").Replace(random.text(12)))
	who := &holder{password: "password " + random.text(12), id: "u-" + random.text(12)}
	t.mu.Lock()
	t.people[name], t.people[who.id] = who, who
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		delete(t.people, name)
		delete(t.people, who.id)
		t.mu.Unlock()
	}()
	asked := map[string]any{"app_id": t.setup.Apps[0].ID, "user_name": name}
	for _, use := range []struct {
		leg             int
		password, ended bool
	}{{legFirstUse, true, false}, {legLaterUse, false, false}, {legRefreshedUse, false, true}} {
		if delete(asked, "password"); use.password {
			asked["password"], asked["register"] = who.password, true
		}
		if use.ended {
			t.end(who)
		}
		if err := t.used(s, use.leg, t.use, asked, "resource", who.id); err != nil {
			return err
		}
		delete(asked, "register")
	}
	if err := t.used(s, legLeave, t.logout, asked, "logged_out", ""); err != nil {
		return err
	}
	t.mu.Lock()
	revoked := who.refresh == ""
	t.mu.Unlock()
	if !revoked {
		return s.Wrong("the ticket revoked at the account server before the answer", "not so")
	}
	return t.used(s, legLoggedOutUse, t.use, asked, "login_required", "")
}

// end takes the person's authorization key back, so that the app server does not take it any more.
func (t *terminal) end(who *holder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	who.key = t.lots.text(24)
}

// used triggers the terminal and wants an outcome, with the resource of that owner where there is one.
func (t *terminal) used(s *load.Seat, leg int, at *lean.Route, members map[string]any, outcome, owner string) error {
	body, err := json.Marshal(members)
	if err != nil {
		return err
	}
	s.Buffer = at.Append(s.Buffer[:0], "", "", body)
	resp, err := s.Do(leg, at, s.Buffer)
	if err != nil {
		return err
	}
	var said struct {
		Outcome  string `json:"outcome"`
		Resource struct {
			Owner string `json:"owner"`
		} `json:"resource"`
	}
	if err := object(s, resp, &said); err != nil {
		return err
	}
	return first(same(s, "outcome", outcome, said.Outcome), same(s, "owner", owner, said.Resource.Owner))
}

// account plays the account server: sections 3 and 4 of the profile.
func (t *terminal) account(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, t.wellKnown) {
		answer(w, http.StatusOK, accountServerDocument(t.setup.Issuer))
		return
	}
	var asked struct {
		UserName   string `json:"user_name"`
		Password   string `json:"password"`
		AppID      string `json:"app_id"`
		UserID     string `json:"user_id"`
		RefreshKey string `json:"refresh_key"`
	}
	malformed := json.NewDecoder(io.LimitReader(r.Body, 16<<10)).Decode(&asked)
	t.mu.Lock()
	defer t.mu.Unlock()
	who := t.people[cmp.Or(asked.UserName, asked.UserID)]
	switch endpoint := path.Base(r.URL.Path); {
	case malformed != nil:
		t.refuse(w, fmt.Sprintf("a request to %s that is no JSON object", endpoint))
	case who == nil:
		t.refuse(w, fmt.Sprintf("a request to %s of nobody", endpoint))
	case endpoint == "registration" && asked.Password == who.password:
		answer(w, http.StatusCreated, map[string]any{"user_id": who.id})
	case endpoint == "authentication" && asked.Password == who.password && asked.AppID == t.setup.Apps[0].ID, endpoint == "refresh" && asked.RefreshKey == who.refresh:
		who.key, who.refresh = t.lots.text(24), t.lots.text(24)
		answer(w, http.StatusOK, keys{UserID: who.id, AppID: t.setup.Apps[0].ID, AuthorizationKey: who.key, RefreshKey: who.refresh, ExpiresIn: 600, RefreshExpiresIn: 86400})
	case endpoint == "revocation" && asked.RefreshKey == who.refresh:
		who.key, who.refresh = "", ""
		answer(w, http.StatusOK, map[string]any{})
	default:
		t.refuse(w, fmt.Sprintf("a request to %s with another password, app or refresh key than that of the person", endpoint))
	}
}

// refuse answers, and keeps in mind what should not have come.
func (t *terminal) refuse(w http.ResponseWriter, what string) {
	t.trouble.note(what)
	answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "This should not have been sent: " + what + "."})
}

// accountServerDocument is section 3 of the profile for the account server that the harness plays.
func accountServerDocument(issuer string) map[string]any {
	issuer = strings.TrimSuffix(issuer, "/")
	return map[string]any{
		"profile": "ticket@1", "issuer": issuer, "registration_endpoint": issuer + "/registration", "authentication_endpoint": issuer + "/authentication",
		"refresh_endpoint": issuer + "/refresh", "verification_endpoint": issuer + "/verification", "revocation_endpoint": issuer + "/revocation",
		"authorization_key_lifetime": 600, "refresh_key_lifetime": int64((30 * 24 * time.Hour).Seconds()), "refresh_grace": 60,
	}
}

// The parameters of a ticket as it is shown may come in any order.
var (
	shownUser = regexp.MustCompile(`user_id="?([^",]*)"?`)
	shownKey  = regexp.MustCompile(`authorization_key="?([^",]*)"?`)
)

// app plays the first app's server: section 5 of the profile.
func (t *terminal) app(w http.ResponseWriter, r *http.Request) {
	own := t.setup.Apps[0]
	if strings.HasSuffix(r.URL.Path, t.wellKnown) {
		answer(w, http.StatusOK, map[string]any{"profile": "ticket@1", "issuer": strings.TrimSuffix(t.setup.Issuer, "/"), "app_id": own.ID, "resource_endpoint": own.BaseURL + "/resource"})
		return
	}
	shown := r.Header.Get("Authorization")
	user, key := shownUser.FindStringSubmatch(shown), shownKey.FindStringSubmatch(shown)
	t.mu.Lock()
	defer t.mu.Unlock()
	var who *holder
	if len(user) == 2 && len(key) == 2 {
		who = t.people[user[1]]
	}
	switch {
	case who == nil:
		t.trouble.note("a resource request with a ticket of nobody")
		fallthrough
	case key[1] != who.key:
		w.Header().Set("WWW-Authenticate", `Ticket error="invalid_token"`)
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "The account server does not confirm it."})
	default:
		answer(w, http.StatusOK, map[string]any{"owner": who.id, "app_id": own.ID, "resources": []any{map[string]any{"id": "1", "title": "One"}}})
	}
}
