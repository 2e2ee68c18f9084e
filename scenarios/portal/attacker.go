package portal

import (
	"html"
	"net/http"
	"net/url"
	"regexp"

	cast "countersign/actors/unified"
	"countersign/actors/wire"
	"countersign/conformance/jose"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Attacker is a dishonest person with an account of her own at the platform, who may be an operator there.
type Attacker struct {
	*stage.Attacker
	stage *Stage
}

// Plays gives the attacker what to do.
func (a *Attacker) Plays(script func(*Attacker)) { a.Follows(func() { script(a) }) }

// hiddenInput is an input of the platform's pages that is sent back as it is.
var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// Hidden are the inputs of a page that are sent back as they are, as the attacker is shown it.
func (a *Attacker) Hidden(page string) url.Values { return hidden(a.Get(page)) }

func hidden(page stage.Reply) url.Values {
	inputs := url.Values{}
	for _, m := range hiddenInput.FindAllStringSubmatch(page.Body, -1) {
		inputs.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return inputs
}

// Submit opens a page and sends its form back with a decision.
func (a *Attacker) Submit(page, username, password, decision string) stage.Reply {
	form := a.Hidden(page)
	form.Set("username", username)
	form.Set("password", password)
	form.Set("decision", decision)
	return a.Post(page, form)
}

// SubmitIn is Submit with a cookie that is not the attacker's own, within the session that it may stand for.
func (a *Attacker) SubmitIn(cookie, page, decision string) stage.Reply {
	with := func() http.Header { return http.Header{"Cookie": {cookie}} }
	form := hidden(a.Do(http.MethodGet, page, "", with()))
	form.Set("decision", decision)
	header := with()
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.Do(http.MethodPost, page, form.Encode(), header)
}

// LogIn tries to log in at the portal.
func (a *Attacker) LogIn(username, password string) stage.Reply {
	return a.Submit(a.stage.Platform.Issuer+"/portal", username, password, "login")
}

// Begin begins a login at a third-party platform, and gives the link to the platform's page.
func (a *Attacker) Begin(t *ThirdParty) string { return a.Get(t.AccessURI()).Location }

// Approve approves on the platform's page with the attacker's own account, and gives the link to the callback with the code.
func (a *Attacker) Approve(page string) string {
	return a.Submit(page, a.Name, PasswordOf(a.Name), "approve").Location
}

// LooksWith opens the home page of a third-party platform with a cookie that is not the attacker's own.
func (a *Attacker) LooksWith(cookie string, t *ThirdParty) stage.Reply {
	return a.Do(http.MethodGet, t.Base+cast.PathHome, "", http.Header{"Cookie": {cookie}})
}

// Looks opens the home page of a third-party platform in the attacker's browser.
func (a *Attacker) Looks(t *ThirdParty) stage.Reply { return a.Get(t.Base + cast.PathHome) }

// Enters logs in at a third-party platform with the attacker's own account.
func (a *Attacker) Enters(t *ThirdParty) {
	a.Get(a.Approve(a.Begin(t)))
}

// LogsOut logs out at the platform.
func (a *Attacker) LogsOut() {
	a.Submit(a.stage.Platform.Issuer+"/logout", "", "", "logout")
}

// AuthorizationURL is a request of a third-party platform, as anybody can write it. Empty parameters are left out.
func (st *Stage) AuthorizationURL(t *ThirdParty, redirect, state, challenge string) string {
	q := url.Values{"response_type": {"code"}, "client_id": {t.ID}, "redirect_uri": {redirect}}
	if state != "" {
		q.Set("state", state)
	}
	if challenge != "" {
		q.Set("code_challenge", challenge)
		q.Set("code_challenge_method", "S256")
	}
	return st.Platform.Issuer + "/authorize?" + q.Encode()
}

// Bearer is a callback with a code and the state that goes with it.
func Bearer(t *ThirdParty, code, state, issuer string) string {
	return t.CallbackURI() + "?" + url.Values{"code": {code}, "state": {state}, "iss": {issuer}}.Encode()
}

// Intercept has a host's requests on a leg get lost, and calls f with the first: what a log or a history tells of them.
func (st *Stage) Intercept(from *sim.Host, leg string, f func(sim.Message)) {
	seen := false
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if seen || m.Kind != sim.Request || m.From != from.Name() || st.Leg(&m) != leg {
			return sim.Verdict{}
		}
		seen = true
		f(m)
		return sim.Verdict{Drop: true}
	}))
}

// Copy calls f with every request on a leg, which goes on.
func (st *Stage) Copy(leg string, f func(sim.Message)) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Request && !m.Injected && st.Leg(&m) == leg && !st.Dishonest(m.From) {
			f(m)
		}
		return sim.Verdict{}
	}))
}

// Replay sends a sealed message again that somebody else has sealed.
func (a *Attacker) Replay(target string, body []byte) (status int) {
	status, _ = a.stage.post(a.Host, target, string(body))
	return status
}

// ForgeBatch sends a batch for users of the platform in its name: unsealed, as who has no key can.
func (a *Attacker) ForgeBatch(to *ThirdParty, users ...string) (status int) {
	payload, err := a.stage.payload(a.Host, a.stage.Platform.Issuer, to.ID, forgedTasks(users))
	if err != nil {
		return 0
	}
	status, _ = a.stage.post(a.Host, to.Base+cast.PathBatchLogout, string(payload))
	return status
}

// Plainly sends the platform a message in the name of a third-party platform, unsealed, as who has no key can.
func (a *Attacker) Plainly(as *ThirdParty, path string, own map[string]any) (status int) {
	payload, err := a.stage.payload(a.Host, as.ID, a.stage.Platform.Issuer, own)
	if err != nil {
		return 0
	}
	status, _ = a.stage.post(a.Host, a.stage.Platform.Issuer+path, string(payload))
	return status
}

// AskStatusUnder asks the platform whether somebody is logged in, under a communication key that was lost.
func (a *Attacker) AskStatusUnder(kid, user string, generation int64) (active bool) {
	under := a.stage.keys[kid]
	_, answer := a.stage.speak(a.Host, under, under.clientID, under.issuer+"/status", "status-request", map[string]any{"sub": SubOf(user), "generation": generation})
	return answer.Active != nil && *answer.Active
}

// SendBatchUnder sends a batch in the name of the platform under a communication key that was lost.
func (a *Attacker) SendBatchUnder(kid string, to *ThirdParty, users ...string) (status int) {
	under := a.stage.keys[kid]
	status, _ = a.stage.speak(a.Host, under, under.issuer, to.Base+cast.PathBatchLogout, "batch-logout-request", forgedTasks(users))
	return status
}

// forgedTasks are tasks that end every login of some users.
func forgedTasks(users []string) map[string]any {
	var tasks []task
	for _, name := range users {
		tasks = append(tasks, task{"forged-task-of-" + name, SubOf(name), 1 << 40})
	}
	return map[string]any{"tasks": tasks}
}

// ForgeLogoutToken sends a logout token in the name of the platform, signed with a key that is not the platform's.
func (a *Attacker) ForgeLogoutToken(to *ThirdParty, kid, user string) stage.Reply {
	signer, err := jose.NewSigner(a.Host.Entropy("signing key"), kid)
	if err != nil {
		return stage.Reply{}
	}
	now := a.Host.Clock().Now().Unix()
	token, err := signer.Sign(map[string]any{"typ": "logout+jwt"}, claims(map[string]any{
		"iss": a.stage.Platform.Issuer, "aud": to.ID, "sub": SubOf(user), "iat": now, "exp": now + 120, "jti": "forged-logout-token-0001",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}))
	if err != nil {
		return stage.Reply{}
	}
	return a.Post(to.Base+cast.PathBackChannelLogout, url.Values{"logout_token": {token}})
}

// PassTokenIn is the pass token in a sealed message, as a log of its sender or receiver has it.
func (st *Stage) PassTokenIn(m sim.Message) string { return st.read(m.Body).PassToken }

// LoginCookie is the name of the cookie with the login credential.
func (t *ThirdParty) LoginCookie() string { return "tp-login-" + wire.Label(t.Base) }

// AnswersPlainly has answers of the platform on a leg come in plain JSON from now on, and name a user.
func (st *Stage) AnswersPlainly(leg, user string) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind != sim.Response || m.Status != http.StatusOK || st.Leg(&m) != leg {
			return sim.Verdict{}
		}
		m = m.Clone()
		m.Header.Set("Content-Type", "application/json")
		m.Body = claims(map[string]any{
			"iss": st.Platform.Issuer, "aud": st.Mail.ID, "iat": st.Platform.Host.Clock().Now().Unix(), "jti": "made-up-by-the-proxy-0001",
			"sub": SubOf(user), "nickname": "Alice", "picture": "", "generation": 1,
		})
		return sim.Verdict{Replace: &m}
	}))
}
