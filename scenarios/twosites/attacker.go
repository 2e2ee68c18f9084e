package twosites

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/actors/oauth1"
	"countersign/sim"
)

// Attacker is a dishonest person with a browser that does what it is told, one request at a time, and with accounts at both sites.
type Attacker struct {
	Name  string
	Host  *sim.Host
	stage *Stage

	script  func(*Attacker)
	cookies map[string]map[string]string // origin, name
}

// Reply is what the attacker's browser gets.
type Reply struct {
	Status   int
	Location string // of a redirect, absolute
	Body     string
}

func (st *Stage) newAttacker(name string) *Attacker {
	a := &Attacker{Name: name, stage: st, cookies: map[string]map[string]string{}}
	a.Host = st.World.Host(name, func(h *sim.Host) http.Handler {
		if a.script != nil {
			h.Go("attacker", func() { a.script(a) })
		}
		return nil
	})
	return a
}

// Plays gives the attacker what to do.
func (a *Attacker) Plays(script func(*Attacker)) { a.script = script }

// Note tells the attacker's move in the trace.
func (a *Attacker) Note(text string) { a.Host.Note(text) }

// Wait lets time pass.
func (a *Attacker) Wait(d time.Duration) { a.Host.Clock().Sleep(d) }

// Get opens a URL and follows nothing.
func (a *Attacker) Get(target string) Reply {
	return a.send(http.MethodGet, target, nil)
}

// Post sends a form and follows nothing.
func (a *Attacker) Post(target string, form url.Values) Reply {
	return a.send(http.MethodPost, target, form)
}

func (a *Attacker) send(method, target string, form url.Values) Reply {
	r, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return Reply{}
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	origin := r.URL.Scheme + "://" + r.URL.Host
	for _, name := range slices.Sorted(maps.Keys(a.cookies[origin])) {
		r.AddCookie(&http.Cookie{Name: name, Value: a.cookies[origin][name]})
	}
	response, err := a.Host.Client().Do(r)
	if err != nil {
		return Reply{}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Reply{}
	}
	for _, c := range response.Cookies() {
		if a.cookies[origin] == nil {
			a.cookies[origin] = map[string]string{}
		}
		a.cookies[origin][c.Name] = c.Value
	}
	location := response.Header.Get("Location")
	if to, err := r.URL.Parse(location); err == nil && location != "" {
		location = to.String()
	}
	return Reply{response.StatusCode, location, string(body)}
}

// Start begins a flow at a client and returns where the client sends the browser.
func (a *Attacker) Start(from, with *Site) string {
	return a.Post(from.ClientBase+"/start", url.Values{"peer": {with.Issuer}}).Location
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]+)">`)

// Consent approves an authorization page with a user name and password, and returns where the server sends the browser.
func (a *Attacker) Consent(page, username, password string) Reply {
	form := url.Values{"username": {username}, "password": {password}, "decision": {"approve"}}
	for _, m := range hiddenInput.FindAllStringSubmatch(a.Get(page).Body, -1) {
		form.Set(m[1], m[2])
	}
	return a.Post(page, form)
}

// OwnConsent is Consent with the attacker's own account at the site.
func (a *Attacker) OwnConsent(page string, at *Site) Reply {
	username, password := at.Account(a.Name)
	if u, err := url.Parse(page); err == nil {
		a.Agrees(at, u.Query().Get("oauth_token"), u.Query().Get("client_id"))
	}
	return a.Consent(page, username, password)
}

// Agrees takes down that the attacker wants a client to read the attacker's own resources at a site with a temporary credential.
func (a *Attacker) Agrees(at *Site, token, client string) {
	a.stage.consents = append(a.stage.consents, consent{a.Name, at, token, client, ""})
}

// Look opens the home pages of both clients in the attacker's browser.
func (a *Attacker) Look() {
	a.Get(a.stage.A.ClientBase + "/")
	a.Get(a.stage.B.ClientBase + "/")
}

// Account is the user name and password of a person at a site.
func (s *Site) Account(person string) (username, password string) {
	a := s.accountOf(person)
	return a.username, a.password
}

// OnTheWire puts an attacker onto the network, who sees and changes what does not travel under TLS.
func (st *Stage) OnTheWire(see func(w *sim.World, m sim.Message) sim.Verdict) {
	st.World.Tap(sim.TapFunc(func(w *sim.World, m sim.Message) sim.Verdict {
		if m.Secure {
			return sim.Verdict{}
		}
		return see(w, m)
	}))
}

// Letter is what one party of a scenario gets to another outside of the network: a link in a mail, a word among accomplices.
type Letter struct {
	gate *sim.Gate
	text string
}

// NewLetter returns a letter that has not been sent.
func (st *Stage) NewLetter(about string) *Letter { return &Letter{gate: st.World.NewGate(about)} }

// Send sends the letter. Only the first text arrives.
func (l *Letter) Send(text string) {
	if !l.gate.Opened() {
		l.text = text
		l.gate.Open()
	}
}

// Await waits for the letter, and reports false when none has come in two minutes.
func (l *Letter) Await() (string, bool) {
	if !l.gate.WaitFor(2 * time.Minute) {
		return "", false
	}
	return l.text, true
}

// nobody is a host that nothing runs on.
func nobody(*sim.Host) http.Handler { return nil }

// Credentials are a token and its secret in dishonest hands.
type Credentials struct{ Token, Secret string }

// Speaker signs requests under the identifier of a client whose secrets it has, from whatever host it sits on.
type Speaker struct {
	Host *sim.Host
	As   *Site // whose client it speaks for
	// Secret is a stolen one; empty for that of the client itself, which then sits on the host.
	Secret string
}

// Ask asks a site for a temporary credential.
func (s Speaker) Ask(at *Site, delegate string) Credentials {
	form := url.Values{}
	if delegate != "" {
		form.Set("delegate", delegate)
	}
	return s.credentials(at, at.Issuer+"/temporary-credential", Credentials{}, form, oauth1.Param{Name: "oauth_callback", Value: s.As.Callback()})
}

// Redeem exchanges a temporary credential and its verifier for an access token.
func (s Speaker) Redeem(at *Site, temporary Credentials, verifier string) Credentials {
	return s.credentials(at, at.Issuer+"/token", temporary, url.Values{}, oauth1.Param{Name: "oauth_verifier", Value: verifier})
}

func (s Speaker) credentials(at *Site, endpoint string, with Credentials, form url.Values, extra ...oauth1.Param) Credentials {
	_, body := s.Send(http.MethodPost, endpoint, at, with, form, extra...)
	answer, err := url.ParseQuery(body)
	if err != nil {
		return Credentials{}
	}
	return Credentials{answer.Get("oauth_token"), answer.Get("oauth_token_secret")}
}

// Read asks a site's resource server for resources, and returns the status of its answer.
func (s Speaker) Read(at *Site, token Credentials) int {
	status, _ := s.Send(http.MethodGet, at.Resource(), at, token, nil)
	return status
}

// Revoke revokes an access token at the site that issued it, and returns the status of the answer.
func (s Speaker) Revoke(at *Site, token string) int {
	status, _ := s.Send(http.MethodPost, at.Issuer+"/revoke", at, Credentials{}, url.Values{"token": {token}})
	return status
}

// Send sends a signed request. Status 0 means that no answer came.
func (s Speaker) Send(method, target string, at *Site, with Credentials, form url.Values, extra ...oauth1.Param) (status int, body string) {
	r, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, ""
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	signer := oauth1.Signer{
		ConsumerKey: s.As.ClientID, ClientSecret: or(s.Secret, secretAt(s.As, at)), Token: with.Token, TokenSecret: with.Secret,
		Now: s.Host.Clock().Now, Entropy: s.Host.Entropy("attacker's nonces"),
	}
	if err := signer.Sign(r, extra...); err != nil {
		return 0, ""
	}
	response, err := s.Host.Client().Do(r)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, ""
	}
	return response.StatusCode, string(answer)
}

// Overhear calls f with every access token that a site issues, as whoever runs the site or the client could.
func (st *Stage) Overhear(at *Site, f func(Credentials)) {
	st.overhear(at, legToken, f)
}

// OverhearTemporary calls f with every temporary credential that a site issues.
func (st *Stage) OverhearTemporary(at *Site, f func(Credentials)) {
	st.overhear(at, legTemporary, f)
}

func (st *Stage) overhear(at *Site, wanted leg, f func(Credentials)) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Response && m.Status == http.StatusOK && m.From == at.OAuthServer.Name() && st.leg(&m) == wanted {
			if answer, err := url.ParseQuery(string(m.Body)); err == nil {
				f(Credentials{answer.Get("oauth_token"), answer.Get("oauth_token_secret")})
			}
		}
		return sim.Verdict{}
	}))
}
