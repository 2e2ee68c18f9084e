package play

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/jose"
	"countersign/conformance/unified"
)

// thirdParty is a third-party platform of the unified flow under load. The harness plays the browsers, and the first platform of the setup, whose users approve
// everything. Each journey is of a user of whom nobody has heard.
type thirdParty struct {
	at                                           unified.PlatformSetup
	issuer, wellKnown                            string
	key                                          *channel
	legs                                         []string
	access, callback, resource, home, batch, out *lean.Route // batch and out are nil where the target has none

	mu     sync.Mutex
	random lots
	codes  map[string]login // by code, until it is exchanged
	passes map[string]login // by pass token, until it is used
	owners latest           // by account: its sub
	trouble
}

// login is what a code and a pass token stand for.
type login struct {
	sub        string
	generation int64
	callback   string
	challenge  string
}

func newThirdParty(scene *Scene) (load.Script, error) {
	setup, ok := scene.Target.Setup.(*unified.Setup)
	if !ok || len(setup.Platforms) == 0 || len(setup.Platforms[0].Keys) == 0 {
		return nil, &SceneError{"the setup names no platform with a key; complete it by section 8 of the profile unified"}
	}
	t := &thirdParty{
		at: setup.Platforms[0], issuer: strings.TrimSuffix(setup.Platforms[0].Issuer, "/"), wellKnown: scene.Flow.WellKnown,
		random: newLots(), codes: map[string]login{}, passes: map[string]login{}, legs: []string{"access", "callback", "resource"},
	}
	newest := t.at.Keys[len(t.at.Keys)-1]
	secret, err := newest.Secret()
	if err != nil {
		return nil, &SceneError{err.Error()}
	}
	if t.key, err = newChannel(newest.ID, secret); err != nil {
		return nil, err
	}
	if err := scene.routes(
		get(&t.access, "access_endpoint"), get(&t.callback, "callback_endpoint"), get(&t.resource, "resource_endpoint"), get(&t.home, "home_endpoint"),
	); err != nil {
		return nil, err
	}
	for _, offered := range []struct {
		wanted want
		legs   []string
	}{
		{post(&t.out, "user_logout_endpoint", asForm), []string{"home", "local-logout", "refusal-after-logout", "access-again", "callback-again", "resource-again"}},
		{post(&t.batch, "batch_logout_endpoint", asJOSE), []string{"batch-logout", "refusal-after-batch-logout"}},
	} {
		if scene.metadata[offered.wanted.member] == nil {
			continue
		}
		if err := scene.routes(offered.wanted); err != nil {
			return nil, err
		}
		t.legs = append(t.legs, offered.legs...)
	}
	if err := scene.Env.Play("platform-p", t); err != nil {
		return nil, &SceneError{"the harness cannot play the platform: " + err.Error()}
	}
	return t, nil
}

// Legs implements load.Script: sections 5.1 to 5.3 of the profile, as far as the target offers them.
func (t *thirdParty) Legs() []string { return t.legs }

func (t *thirdParty) leg(name string) int { return slices.Index(t.legs, name) }

// Prepare implements load.Script.
func (t *thirdParty) Prepare(_ context.Context, s *load.Seat) error {
	s.Memory = newLots()
	return nil
}

// Clean implements load.Script: the accounts that logins have made nothing takes away.
func (*thirdParty) Clean(*load.Seat) error { return nil }

// Play implements load.Script: a user logs in, leaves, logs in again, and is logged out by the platform.
func (t *thirdParty) Play(s *load.Seat) error {
	return t.trouble.journey(s, "requests to the platform as the profile has them", t.play)
}

func (t *thirdParty) play(s *load.Seat) error {
	random := s.Memory.(lots)
	who := login{sub: "load-" + random.text(12), generation: 1}
	var cookies jar
	account, err := t.enter(s, random, who, &cookies, "")
	if err != nil {
		return err
	}
	if t.out != nil {
		if err := t.leave(s, who, &cookies); err != nil {
			return err
		}
		if err := t.isOut(s, "refusal-after-logout", cookies); err != nil {
			return err
		}
		again, err := t.enter(s, random, who, &cookies, "-again")
		if err != nil {
			return err
		}
		if err := same(s, "account", account, again); err != nil {
			return err
		}
	}
	if t.batch != nil {
		if err := t.end(s, random, who); err != nil {
			return err
		}
		return t.isOut(s, "refusal-after-batch-logout", cookies)
	}
	return nil
}

// open makes a GET in the browser.
func (t *thirdParty) open(s *load.Seat, leg string, at *lean.Route, query string, cookies *jar) (*lean.Response, error) {
	s.Buffer = at.Append(s.Buffer[:0], query, cookies.line(), nil)
	resp, err := s.Do(t.leg(leg), at, s.Buffer)
	if err == nil {
		cookies.take(resp)
	}
	return resp, err
}

// enter is a login from the access request to the resource, and gives the account that it led to.
func (t *thirdParty) enter(s *load.Seat, random lots, who login, cookies *jar, again string) (account string, err error) {
	resp, err := t.open(s, "access"+again, t.access, "", cookies)
	if err != nil {
		return "", err
	}
	if resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
		return "", s.Wrong("status 303 or 302", fmt.Sprintf("status %d", resp.Status))
	}
	to, err := url.Parse(string(resp.Header("Location")))
	if err != nil || !strings.HasPrefix(to.String(), t.issuer+"/authorization?") {
		return "", s.Wrong("a redirect to "+t.issuer+"/authorization", fmt.Sprintf("Location %q", resp.Header("Location")))
	}
	asked := to.Query()
	if err := first(
		same(s, "response_type", "code", asked.Get("response_type")), same(s, "client_id", t.at.ClientID, asked.Get("client_id")),
		same(s, "redirect_uri", t.callback.URL, asked.Get("redirect_uri")), same(s, "code_challenge_method", "S256", asked.Get("code_challenge_method")),
	); err != nil {
		return "", err
	}
	if asked.Get("state") == "" || len(asked.Get("code_challenge")) != 43 {
		return "", s.Wrong("a state and a code_challenge of 43 characters", fmt.Sprintf("state %q and code_challenge %q", asked.Get("state"), asked.Get("code_challenge")))
	}
	code := random.text(18)
	who.callback, who.challenge = asked.Get("redirect_uri"), asked.Get("code_challenge")
	t.mu.Lock()
	t.codes[code] = who
	t.mu.Unlock()
	resp, err = t.open(s, "callback"+again, t.callback, url.Values{"code": {code}, "state": {asked.Get("state")}, "iss": {t.issuer}}.Encode(), cookies)
	if err != nil {
		return "", err
	}
	if resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound || string(resp.Header("Location")) != t.home.URL {
		return "", s.Wrong("a redirect to "+t.home.URL, fmt.Sprintf("status %d and Location %q", resp.Status, resp.Header("Location")))
	}
	return t.reads(s, "resource"+again, who, cookies)
}

// reads wants the resource to be the user's, in an account that no other user has.
func (t *thirdParty) reads(s *load.Seat, leg string, who login, cookies *jar) (account string, err error) {
	resp, err := t.open(s, leg, t.resource, "", cookies)
	if err != nil {
		return "", err
	}
	var got struct {
		Sub      string `json:"sub"`
		Nickname string `json:"nickname"`
		Account  string `json:"account"`
	}
	if err := secretJSON(s, resp, &got); err != nil {
		return "", err
	}
	if got.Account == "" {
		return "", s.Wrong("the string account", "none")
	}
	if err := first(same(s, "sub", who.sub, got.Sub), same(s, "nickname", nicknameOf(who.sub), got.Nickname)); err != nil {
		return "", err
	}
	t.mu.Lock()
	owner := t.owners.keep(got.Account, who.sub)
	t.mu.Unlock()
	return got.Account, same(s, "the user of account "+got.Account+",", who.sub, owner)
}

func nicknameOf(sub string) string { return "Nickname of " + sub }

// isOut wants the resource to be refused.
func (t *thirdParty) isOut(s *load.Seat, leg string, cookies jar) error {
	resp, err := t.open(s, leg, t.resource, "", &cookies)
	if err != nil {
		return err
	}
	return refusal(s, resp, http.StatusForbidden, "login_required")
}

// leave logs out by the form of the home page.
func (t *thirdParty) leave(s *load.Seat, who login, cookies *jar) error {
	resp, err := t.open(s, "home", t.home, "", cookies)
	if err != nil {
		return err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return err
	}
	if name := html.EscapeString(nicknameOf(who.sub)); !bytes.Contains(resp.Body, []byte(name)) {
		return s.Wrong("a home page with "+name, "one without it")
	}
	page := readPage(resp)
	if !page.form {
		return s.Wrong("a page with a form", "none")
	}
	page.values.Set("decision", "logout")
	s.Buffer = t.out.Append(s.Buffer[:0], "", cookies.line(), []byte(page.values.Encode()))
	if resp, err = s.Do(t.leg("local-logout"), t.out, s.Buffer); err != nil {
		return err
	}
	if resp.Status != http.StatusOK && resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
		return s.Wrong("status 200 or 303", fmt.Sprintf("status %d", resp.Status))
	}
	return nil
}

// end is a batch logout of the one user, section 5.3 of the profile.
func (t *thirdParty) end(s *load.Seat, random lots, who login) error {
	task, id := random.text(18), random.text(18)
	body, err := t.seal(random, "batch-logout-request", id, "", map[string]any{"tasks": []any{map[string]any{"task_id": task, "sub": who.sub, "generation": who.generation}}})
	if err != nil {
		return err
	}
	s.Buffer = t.batch.Append(s.Buffer[:0], "", "", body)
	resp, err := s.Do(t.leg("batch-logout"), t.batch, s.Buffer)
	if err != nil {
		return err
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return err
	}
	typ, payload, err := t.key.open(resp.Body)
	if err != nil {
		return s.Wrong("an answer that opens under the key of the request", err.Error())
	}
	var said struct {
		envelope
		Results []struct {
			ID     string `json:"task_id"`
			Status string `json:"status"`
		} `json:"results"`
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		return s.Wrong("the members of a batch-logout-response", err.Error())
	}
	if len(said.Results) != 1 || said.Results[0].ID != task || said.Results[0].Status != "done" {
		return s.Wrong("one result, done, for the one task", fmt.Sprintf("%+v", said.Results))
	}
	return first(
		same(s, "typ", "batch-logout-response+jwt", typ), same(s, "iss", t.at.ClientID, said.Issuer), same(s, "aud", t.issuer, said.Audience), same(s, "in_reply_to", id, said.InReplyTo),
	)
}

// seal makes a message of the platform. members is changed.
func (t *thirdParty) seal(random io.Reader, name, id, inReplyTo string, members map[string]any) ([]byte, error) {
	members["iss"], members["aud"], members["iat"], members["jti"] = t.issuer, t.at.ClientID, time.Now().Unix(), id
	if inReplyTo != "" {
		members["in_reply_to"] = inReplyTo
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	return t.key.seal(random, name+"+jwt", text)
}

// ServeHTTP plays the platform: its metadata, and section 4.5 of the profile.
func (t *thirdParty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, t.wellKnown) {
		answer(w, http.StatusOK, t.document())
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // who asked has gone
	}
	typ, payload, err := t.key.open(body)
	var asked struct {
		envelope
		GrantType    string `json:"grant_type"`
		Code         string `json:"code"`
		RedirectURI  string `json:"redirect_uri"`
		CodeVerifier string `json:"code_verifier"`
		PassToken    string `json:"pass_token"`
		Sub          string `json:"sub"`
		Generation   int64  `json:"generation"`
	}
	if err == nil {
		err = json.Unmarshal(payload, &asked)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	endpoint := path.Base(r.URL.Path)
	name := map[string]string{"token": "pass-token", "authentication": "authentication", "status": "status"}[endpoint]
	if err != nil || typ != name+"-request+jwt" || asked.Issuer != t.at.ClientID || asked.Audience != t.issuer {
		t.refuse(w, "invalid_request", fmt.Sprintf("a message to %s of typ %q from %q for %q", endpoint, typ, asked.Issuer, asked.Audience))
		return
	}
	var members map[string]any
	switch endpoint {
	case "token":
		who, there := t.codes[asked.Code]
		delete(t.codes, asked.Code)
		sum := sha256.Sum256([]byte(asked.CodeVerifier))
		if !there || asked.GrantType != "authorization_code" || asked.RedirectURI != who.callback || jose.Encode(sum[:]) != who.challenge {
			t.refuse(w, "invalid_grant", "a code that was not given, or with another verifier or callback path")
			return
		}
		pass := t.random.text(18)
		t.passes[pass] = who
		members = map[string]any{"pass_token": pass, "expires_in": 60}
	case "authentication":
		who, there := t.passes[asked.PassToken]
		delete(t.passes, asked.PassToken)
		if !there {
			t.refuse(w, "invalid_token", "a pass token that was not given")
			return
		}
		members = map[string]any{"sub": who.sub, "nickname": nicknameOf(who.sub), "picture": t.issuer + "/picture.png", "generation": who.generation}
	default:
		members = map[string]any{"active": true}
	}
	sealed, err := t.seal(t.random, name+"-response", t.random.text(18), asked.ID, members)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", asJOSE)
	_, _ = w.Write(sealed) // to a connection that is gone there is nothing to say
}

// refuse answers, and keeps in mind what should not have come.
func (t *thirdParty) refuse(w http.ResponseWriter, code, what string) {
	t.trouble.note(what)
	answer(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": "This should not have been sent: " + what + "."})
}

func (t *thirdParty) document() map[string]any {
	document := map[string]any{
		"profile": "unified@1", "issuer": t.issuer, "code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
		"backchannel_logout_supported": true, "backchannel_logout_signing_alg_values_supported": []string{"ES256"}, "jwks_uri": t.issuer + "/jwks",
		"code_lifetime": 60, "pass_token_lifetime": 60, "message_window": 300, "key_overlap": 600, "batch_limit": 8, "batch_idle_time": 2, "batch_max_wait": 6, "logout_bound": 300,
	}
	for _, name := range []string{"portal", "authorization", "logout", "token", "authentication", "status", "registration", "review", "key"} {
		document[name+"_endpoint"] = t.issuer + "/" + name
	}
	return document
}
