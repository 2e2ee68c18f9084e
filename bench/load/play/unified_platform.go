package play

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/jose"
	"countersign/conformance/unified"
)

// platform is the authentication platform of the unified flow under load. The harness plays the first third-party platform of the setup, and the browsers. Each
// seat has a user of its own, for a logout ends all sessions of its user.
type platform struct {
	setup                                                *unified.Setup
	issuer                                               string
	site                                                 unified.ThirdPartySetup
	key                                                  *channel
	authorization, logout, token, authentication, status *lean.Route
	authorizing, leaving                                 *lean.Route // how forms are sent to the pages

	mu   sync.Mutex
	subs map[string]bool // the users of whom logouts may come
	trouble
}

// Legs of a journey at the platform.
const (
	legAuthorizationPage = iota
	legApproval
	legPassToken
	legUserInformation
	legStatus
	legLogoutPage
	legLogout
	legStatusAfter
)

func newPlatform(scene *Scene) (load.Script, error) {
	setup, ok := scene.Target.Setup.(*unified.Setup)
	if !ok || len(setup.ThirdParties) == 0 || len(setup.ThirdParties[0].Keys) == 0 || len(setup.Users) == 0 {
		return nil, &SceneError{"the setup names no third-party platform with a key, or no user; complete it by section 8 of the profile unified"}
	}
	p := &platform{setup: setup, site: setup.ThirdParties[0], subs: map[string]bool{}}
	newest := p.site.Keys[len(p.site.Keys)-1]
	secret, err := newest.Secret()
	if err != nil {
		return nil, &SceneError{err.Error()}
	}
	if p.key, err = newChannel(newest.ID, secret); err != nil {
		return nil, err
	}
	if p.issuer, _ = scene.metadata["issuer"].(string); p.issuer == "" {
		return nil, &SceneError{fmt.Sprintf("the metadata of %s name no issuer", scene.Target.URL)}
	}
	if err := scene.routes(
		get(&p.authorization, "authorization_endpoint"), get(&p.logout, "logout_endpoint"),
		post(&p.authorizing, "authorization_endpoint", asForm), post(&p.leaving, "logout_endpoint", asForm), post(&p.token, "token_endpoint", asJOSE),
		post(&p.authentication, "authentication_endpoint", asJOSE), post(&p.status, "status_endpoint", asJOSE),
	); err != nil {
		return nil, err
	}
	if err := scene.Env.Play("site-a", p); err != nil {
		return nil, &SceneError{"the harness cannot play the third-party platform: " + err.Error()}
	}
	return p, nil
}

const asJOSE = "application/jose"

// Legs implements load.Script: sections 4.4 to 4.6 of the profile.
func (*platform) Legs() []string {
	return []string{"authorization-page", "approval", "pass-token", "user-information", "status", "logout-page", "logout", "status-after-logout"}
}

// visitor is a seat's user.
type visitor struct {
	lots
	unified.UserSetup
	sub        string // empty until the first journey
	generation int64
}

// Prepare implements load.Script.
func (p *platform) Prepare(_ context.Context, s *load.Seat) error {
	if s.Number >= len(p.setup.Users) {
		return &SceneError{fmt.Sprintf("the setup names %d users, and each connection needs one of its own; write --connections %d, or name more users", len(p.setup.Users), len(p.setup.Users))}
	}
	s.Memory = &visitor{lots: newLots(), UserSetup: p.setup.Users[s.Number]}
	return nil
}

// Clean implements load.Script: every journey logs its user out.
func (*platform) Clean(*load.Seat) error { return nil }

// Play implements load.Script: a user logs in at the third-party platform by way of the platform, and out again.
func (p *platform) Play(s *load.Seat) error {
	return p.trouble.journey(s, "logout messages about users who were logged out here", p.play)
}

func (p *platform) play(s *load.Seat) error {
	own := s.Memory.(*visitor)
	var cookies jar
	code, verifier, err := p.approve(s, own, &cookies)
	if err != nil {
		return err
	}
	var given struct {
		PassToken string `json:"pass_token"`
		ExpiresIn int64  `json:"expires_in"`
	}
	if err := p.ask(s, own, legPassToken, p.token, "pass-token", map[string]any{
		"grant_type": "authorization_code", "code": code, "redirect_uri": p.site.CallbackURI(), "code_verifier": verifier,
	}, &given); err != nil {
		return err
	}
	if !keyForm(given.PassToken) || given.ExpiresIn <= 0 {
		return s.Wrong("a pass token of 22 or more characters that lives for some seconds", fmt.Sprintf("%q, expires_in %d", given.PassToken, given.ExpiresIn))
	}
	if err := p.person(s, own, given.PassToken); err != nil {
		return err
	}
	if err := p.active(s, own, legStatus, true); err != nil {
		return err
	}
	if err := p.leave(s, &cookies); err != nil {
		return err
	}
	return p.active(s, own, legStatusAfter, false)
}

// approve opens the authorization page without a session, logs in and approves by it, and takes the code at the callback path.
func (p *platform) approve(s *load.Seat, own *visitor, cookies *jar) (code, verifier string, err error) {
	verifier = own.text(36)
	state, sum := own.text(18), sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {p.site.ClientID}, "redirect_uri": {p.site.CallbackURI()}, "state": {state},
		"code_challenge": {jose.Encode(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	resp, err := p.form(s, legAuthorizationPage, legApproval, p.authorization, p.authorizing, query, cookies, func(page formPage) error {
		if !page.asks {
			return s.Wrong("a page with a form that asks for a password", "none")
		}
		page.values.Set("username", own.Name)
		page.values.Set("password", own.Password)
		page.values.Set("decision", "approve")
		return nil
	})
	if err != nil {
		return "", "", err
	}
	if resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
		return "", "", s.Wrong("status 303 or 302", fmt.Sprintf("status %d", resp.Status))
	}
	to, err := url.Parse(string(resp.Header("Location")))
	if err != nil || !strings.HasPrefix(to.String(), p.site.CallbackURI()) {
		return "", "", s.Wrong("a redirect to "+p.site.CallbackURI(), fmt.Sprintf("Location %q", resp.Header("Location")))
	}
	if code = to.Query().Get("code"); !keyForm(code) {
		return "", "", s.Wrong("a redirect with a code of 22 or more characters", fmt.Sprintf("code %q", code))
	}
	return code, verifier, first(same(s, "state", state, to.Query().Get("state")), same(s, "iss", p.issuer, to.Query().Get("iss")))
}

// form opens a page and sends its form, filled in.
func (p *platform) form(s *load.Seat, open, send int, at, own *lean.Route, query string, cookies *jar, fill func(formPage) error) (*lean.Response, error) {
	s.Buffer = at.Append(s.Buffer[:0], query, "Accept: text/html\r\n"+cookies.line(), nil)
	resp, err := s.Do(open, at, s.Buffer)
	if err != nil {
		return nil, err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return nil, err
	}
	cookies.take(resp)
	page := readPage(resp)
	if !page.form {
		return nil, s.Wrong("a page with a form", "none")
	}
	if err := fill(page); err != nil {
		return nil, err
	}
	route, rest, err := page.route(own, query)
	if err != nil {
		return nil, s.Wrong("a form whose action can be asked", err.Error())
	}
	s.Buffer = route.Append(s.Buffer[:0], rest, cookies.line(), []byte(page.values.Encode()))
	if resp, err = s.Do(send, route, s.Buffer); err == nil {
		cookies.take(resp)
	}
	return resp, err
}

// person takes the user information and wants it to be the seat's own user's, of a generation above that of the last journey.
func (p *platform) person(s *load.Seat, own *visitor, passToken string) error {
	var got struct {
		Sub        string `json:"sub"`
		Nickname   string `json:"nickname"`
		Generation int64  `json:"generation"`
	}
	if err := p.ask(s, own, legUserInformation, p.authentication, "authentication", map[string]any{"pass_token": passToken}, &got); err != nil {
		return err
	}
	if own.sub == "" {
		own.sub = got.Sub
		p.mu.Lock()
		p.subs[got.Sub] = true
		p.mu.Unlock()
	}
	if got.Sub == "" || got.Generation <= own.generation {
		return s.Wrong(fmt.Sprintf("a sub, and a generation above %d", own.generation), fmt.Sprintf("sub %q, generation %d", got.Sub, got.Generation))
	}
	own.generation = got.Generation
	return first(same(s, "sub", own.sub, got.Sub), same(s, "nickname", own.Nickname, got.Nickname))
}

// active wants the platform to say whether the login of this journey still holds.
func (p *platform) active(s *load.Seat, own *visitor, leg int, want bool) error {
	var said struct {
		Active *bool `json:"active"`
	}
	if err := p.ask(s, own, leg, p.status, "status", map[string]any{"sub": own.sub, "generation": own.generation}, &said); err != nil {
		return err
	}
	if said.Active == nil || *said.Active != want {
		return s.Wrong(fmt.Sprintf("active %v", want), "no or another active")
	}
	return nil
}

// leave logs the user out.
func (p *platform) leave(s *load.Seat, cookies *jar) error {
	resp, err := p.form(s, legLogoutPage, legLogout, p.logout, p.leaving, "", cookies, func(page formPage) error {
		page.values.Set("decision", "logout")
		return nil
	})
	if err != nil {
		return err
	}
	if resp.Status != http.StatusOK && resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
		return s.Wrong("status 200 or 303", fmt.Sprintf("status %d", resp.Status))
	}
	return nil
}

// ask sends a sealed request and reads the sealed answer: section 2.1 of the profile.
func (p *platform) ask(s *load.Seat, own *visitor, leg int, at *lean.Route, name string, members map[string]any, into any) error {
	id := own.text(18)
	body, err := p.seal(own, name+"-request", id, "", members)
	if err != nil {
		return err
	}
	s.Buffer = at.Append(s.Buffer[:0], "", "", body)
	resp, err := s.Do(leg, at, s.Buffer)
	if err != nil {
		return err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return err
	}
	if !typed(resp, asJOSE) {
		return s.Wrong("an answer of type "+asJOSE, fmt.Sprintf("Content-Type %q", resp.Header("Content-Type")))
	}
	typ, payload, err := p.key.open(resp.Body)
	if err != nil {
		return s.Wrong("an answer that opens under the key of the request", err.Error())
	}
	var all envelope
	if err := json.Unmarshal(payload, &all); err != nil {
		return s.Wrong("a payload that is a JSON object", err.Error())
	}
	if err := first(
		same(s, "typ", name+"-response+jwt", typ), same(s, "iss", p.issuer, all.Issuer), same(s, "aud", p.site.ClientID, all.Audience),
		same(s, "in_reply_to", id, all.InReplyTo),
	); err != nil {
		return err
	}
	if err := json.Unmarshal(payload, into); err != nil {
		return s.Wrong("the members of a "+name+"-response", err.Error())
	}
	return nil
}

// envelope is what every message has.
type envelope struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	ID        string `json:"jti"`
	InReplyTo string `json:"in_reply_to"`
}

// seal makes a message of the third-party platform. members is changed.
func (p *platform) seal(random io.Reader, name, id, inReplyTo string, members map[string]any) ([]byte, error) {
	members["iss"], members["aud"], members["iat"], members["jti"] = p.site.ClientID, p.issuer, time.Now().Unix(), id
	if inReplyTo != "" {
		members["in_reply_to"] = inReplyTo
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	return p.key.seal(random, name+"+jwt", text)
}

// ServeHTTP plays the third-party platform that is told of logouts: section 4.6 of the profile. It has done at once whatever it is asked.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, payload, err := p.key.open(body)
	var asked struct {
		envelope
		Tasks []struct {
			ID         string `json:"task_id"`
			Sub        string `json:"sub"`
			Generation int64  `json:"generation"`
		} `json:"tasks"`
	}
	if err == nil {
		err = json.Unmarshal(payload, &asked)
	}
	if err != nil {
		p.trouble.note("a message that does not open, or is no JSON object")
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "The message cannot be read."})
		return
	}
	results := []map[string]string{}
	for _, task := range asked.Tasks {
		p.mu.Lock()
		known := p.subs[task.Sub]
		p.mu.Unlock()
		if !known {
			p.trouble.note(fmt.Sprintf("a task about %q", task.Sub))
		}
		results = append(results, map[string]string{"task_id": task.ID, "status": "done"})
	}
	random := newLots()
	sealed, err := p.seal(random, "batch-logout-response", random.text(18), asked.ID, map[string]any{"results": results})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", asJOSE)
	_, _ = w.Write(sealed) // to a connection that is gone there is nothing to say
}
