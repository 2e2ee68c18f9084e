package twosites

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"countersign/actors/oauth1"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Attacker is a dishonest person with accounts at both sites.
type Attacker struct {
	*stage.Attacker
	stage *Stage
}

// Reply is what the attacker's browser gets.
type Reply = stage.Reply

// Plays gives the attacker what to do.
func (a *Attacker) Plays(script func(*Attacker)) { a.Follows(func() { script(a) }) }

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

// Diary is what a person keeps at a site.
func (s *Site) Diary(person string) string { return s.accountOf(person).title() }

// Credentials are a token and its secret in dishonest hands.
type Credentials struct{ Token, Secret string }

// Speaker signs requests under the identifier of a client whose secrets it has, from whatever host it sits on.
type Speaker struct {
	Host *sim.Host
	As   *Site // whose client it speaks for
	// Secret is a stolen one; empty for that of the client itself, which then sits on the host.
	Secret string
	// Nonces are those that it uses; nil draws them.
	Nonces io.Reader
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
		ConsumerKey: s.As.ClientID, ClientSecret: cmp.Or(s.Secret, secretAt(s.As, at)), Token: with.Token, TokenSecret: with.Secret,
		Now: s.Host.Clock().Now, Entropy: s.Nonces,
	}
	if s.Nonces == nil {
		signer.Entropy = s.Host.Entropy("attacker's nonces")
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

// OverhearTokens calls f with every access token that a site issues, as whoever runs the site or the client could.
func (st *Stage) OverhearTokens(at *Site, f func(Credentials)) {
	st.overhear(at, legToken, f)
}

// OverhearTemporary calls f with every temporary credential that a site issues.
func (st *Stage) OverhearTemporary(at *Site, f func(Credentials)) {
	st.overhear(at, legTemporary, f)
}

func (st *Stage) overhear(at *Site, wanted leg, f func(Credentials)) {
	st.Overhear(at.OAuthServer, string(wanted), func(m sim.Message) {
		if answer, err := url.ParseQuery(string(m.Body)); err == nil {
			f(Credentials{answer.Get("oauth_token"), answer.Get("oauth_token_secret")})
		}
	})
}
