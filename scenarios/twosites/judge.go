package twosites

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// judge holds a trace against the invariants, event by event.
type judge struct {
	*Stage
	stage.Judge
	credentials map[string]*temporaryCredential
	tokens      map[string]*accessToken
	secrets     map[string]bool // of credentials
	forwarded   map[string]bool // targets of redirects that repeat the body
}

// temporaryCredential is one as the wire showed it.
type temporaryCredential struct {
	at      *Site
	tokens  int      // that were issued for it
	holders []string // hosts of the client that asked for it, and of its delegate
}

// accessToken is one as the wire showed it.
type accessToken struct {
	at       *Site
	from     string // temporary credential
	client   string
	issued   time.Duration
	lifetime time.Duration
	revoked  bool
}

// Judge implements [stage.Flow].
func (st *Stage) Judge(t *sim.Trace) []stage.Breach {
	j := &judge{
		Stage: st, credentials: map[string]*temporaryCredential{}, tokens: map[string]*accessToken{},
		secrets: map[string]bool{}, forwarded: map[string]bool{},
	}
	j.Judge.Dishonest = st.Stage.Dishonest
	j.keepDiaries()
	j.keepKeys()
	return j.Hear(t, stage.Hearing{
		Sent:      j.sent,
		Delivered: j.passwords,
		Answered:  j.respond,
		Received:  j.shown,
	})
}

// sent looks at a request that leaves.
func (j *judge) sent(e sim.Event) {
	j.secretsInURL(e, e.Message.URL)
	if site, role := j.roleOf(e.Host); role == "oauth" && j.leg(e.Message) == legHandover {
		j.handedOver(site, e.Message)
	}
}

// respond looks at what a host answers, before anybody can change it on the way.
func (j *judge) respond(asked *sim.Message, e sim.Event) {
	location := e.Message.Header.Get("Location")
	j.secretsInURL(e, location)
	if e.Message.Status == http.StatusTemporaryRedirect || e.Message.Status == http.StatusPermanentRedirect {
		j.forwarded[location] = true
	}
	site, role := j.roleOf(e.Host)
	leg := j.leg(asked)
	switch {
	case (role == "resource" || role == "archive") && leg == legResource:
		j.resourceGiven(site, asked, e)
	case role == "oauth" && leg == legDecision:
		j.keepVerifier(site, asked, location)
	}
	if e.Message.Status != http.StatusOK {
		return
	}
	switch {
	case role == "oauth" && leg == legTemporary:
		j.temporaryIssued(site, asked, e)
	case role == "oauth" && leg == legToken:
		j.tokenIssued(site, asked, e)
	case role == "oauth" && leg == legRevocation:
		j.revoked(asked)
	}
}

// roleOf says whose host and which role it is.
func (st *Stage) roleOf(host string) (*Site, string) {
	role, letter, _ := strings.Cut(host, ".")
	for _, s := range []*Site{st.A, st.B, st.C} {
		if s.Letter == letter {
			return s, role
		}
	}
	return nil, ""
}

func (j *judge) temporaryIssued(site *Site, asked *sim.Message, e sim.Event) {
	answer, err := url.ParseQuery(string(e.Message.Body))
	if err != nil {
		return
	}
	c := &temporaryCredential{at: site, holders: []string{asked.From}}
	if form, err := url.ParseQuery(string(asked.Body)); err == nil && form.Get("delegate") != "" {
		c.holders = append(c.holders, j.clientHost(form.Get("delegate")))
	}
	j.credentials[answer.Get("oauth_token")] = c
	j.secrets[answer.Get("oauth_token_secret")] = true
	j.keepKey(answer.Get("oauth_token_secret"), "the secret of a temporary credential of "+site.OAuthServer.Name(), append(c.holders, site.OAuthServer.Name())...)
}

func (j *judge) tokenIssued(site *Site, asked *sim.Message, e sim.Event) {
	answer, err := url.ParseQuery(string(e.Message.Body))
	if err != nil {
		return
	}
	from := protocolParameter(asked, "oauth_token")
	t := &accessToken{at: site, from: from, client: protocolParameter(asked, "oauth_consumer_key"), issued: e.At, lifetime: tokenLifetime}
	if seconds, err := strconv.Atoi(answer.Get("expires_in")); err == nil {
		t.lifetime = min(t.lifetime, time.Duration(seconds)*time.Second)
	}
	j.tokens[answer.Get("oauth_token")] = t
	j.keepToken(site, answer.Get("oauth_token_secret"), t.client)
	if c := j.credentials[from]; c != nil {
		if c.tokens++; c.tokens > 1 {
			j.Breach(OneTokenAConsent, e, "%s issued %d access tokens for one temporary credential", e.Host, c.tokens)
		}
	}
}

func (j *judge) revoked(asked *sim.Message) {
	form, err := url.ParseQuery(string(asked.Body))
	if err != nil {
		return
	}
	if t := j.tokens[form.Get("token")]; t != nil {
		t.revoked = true
	}
}

// tokenLifetime is how long access tokens live here at most: the sites leave it at what is usual.
const tokenLifetime = time.Hour

// slack is by how much a token may outlive its lifetime: what answers take on their way, and what honest clocks differ by.
const slack = 5 * time.Minute

// resourceGiven judges an answer of a resource server for each whose resources it opens, whatever its status says.
func (j *judge) resourceGiven(site *Site, asked *sim.Message, e sim.Event) {
	for _, owner := range site.shows(e.Message.Body) {
		j.opened(site, owner, asked, e)
	}
}

// shows are the user names of those whose resources an answer opens: whom it names as the owner, and whose diary is in it.
func (s *Site) shows(answer []byte) (owners []string) {
	var said struct {
		Owner string `json:"owner"`
	}
	if json.Unmarshal(answer, &said) == nil && said.Owner != "" {
		owners = append(owners, said.Owner)
	}
	for _, a := range s.accounts {
		if a.username != said.Owner && strings.Contains(string(answer), a.title()) {
			owners = append(owners, a.username)
		}
	}
	return owners
}

// opened judges that an owner's resources were opened. To whom Mallory's own are given is her affair.
func (j *judge) opened(site *Site, owner string, asked *sim.Message, e sim.Event) {
	client := protocolParameter(asked, "oauth_consumer_key")
	what := fmt.Sprintf("%s gave the resources of %s to %s", e.Host, owner, cmp.Or(client, "a request without a client"))
	if j.clientHost(client) != asked.From || asked.Injected {
		j.Breach(Secrecy, e, "%s, but it was %s that asked", what, asked.From)
	}
	token := j.tokens[protocolParameter(asked, "oauth_token")]
	if token == nil {
		j.Breach(Secrecy, e, "%s for an access token that no OAuth server issued", what)
		return
	}
	if token.at != site {
		j.Breach(Audience, e, "%s for an access token that %s issued", what, token.at.OAuthServer.Name())
	}
	if meant, err := url.Parse(site.meantFor()); err == nil && token.at == site && meant.Host != e.Host {
		j.Breach(Audience, e, "%s for an access token that is meant for %s", what, meant.Host)
	}
	if token.client != client {
		j.Breach(Audience, e, "%s for an access token that was issued to %s", what, token.client)
	}
	if owner != site.accountOf(j.Mallory.Name).username && !j.consented(site, token, client, owner) {
		j.Breach(Secrecy, e, "%s without a consent of the owner to that client", what)
	}
	if token.revoked {
		j.Breach(Revocation, e, "%s after the revocation of the access token was acknowledged", what)
	}
	if e.At > token.issued+token.lifetime+slack {
		j.Breach(Expiry, e, "%s after the access token's lifetime of %s", what, token.lifetime)
	}
}

// consented reports whether the owner approved the temporary credential that the token came from, and meant the client that uses it.
func (j *judge) consented(at *Site, t *accessToken, client, owner string) bool {
	return slices.ContainsFunc(j.consents, func(c consent) bool {
		return c.at == at && c.token == t.from && at.accountOf(c.person).username == owner && j.wanted(c, client) &&
			(c.client == client || strings.Contains(c.text, client))
	})
}

func (j *judge) wanted(c consent, client string) bool {
	return slices.ContainsFunc(j.users, func(u *User) bool {
		return u.Name == c.person && slices.Contains(u.wants, want{c.at, client})
	}) || c.person == j.Mallory.Name
}

func (st *Stage) clientHost(client string) string {
	for _, s := range []*Site{st.A, st.B, st.C} {
		if s.ClientID == client {
			return s.Client.Name()
		}
	}
	return ""
}

// shown looks at what reaches a terminal.
func (j *judge) shown(e sim.Event) {
	site, role := j.roleOf(e.Peer)
	if j.Stage.Dishonest(e.Peer) { // it may show whatever it likes
		return
	}
	if role != "client" || e.Message.Status != http.StatusOK || strings.Contains(e.Host, ".") {
		return
	}
	page := string(e.Message.Body)
	for _, s := range []*Site{j.A, j.B} {
		for _, a := range s.accounts {
			if a.person != e.Host && strings.Contains(page, a.title()) {
				j.Breach(SessionIntegrity, e, "the client of %s showed %s what %s keeps at %s", site.Name, e.Host, a.username, s.Name)
			}
		}
	}
}

// passwords looks for passwords in a request that reached a host.
func (j *judge) passwords(e sim.Event) {
	m := e.Message
	body := string(m.Body) + m.URL
	if !strings.Contains(body, "password-of-") {
		return
	}
	for _, s := range []*Site{j.A, j.B} {
		for _, a := range s.accounts {
			switch {
			case !strings.Contains(body, a.password):
			case j.Stage.Dishonest(a.person): // an attacker's own password is nobody's secret
			case e.Host != s.OAuthServer.Name() && j.forwarded[m.URL]:
				j.Breach(PasswordNotForwarded, e, "a redirect made the browser of %s send the password for %s to %s", m.From, s.Name, e.Host)
			case e.Host != s.OAuthServer.Name():
				j.Breach(PasswordAtHome, e, "%s sent the password for %s to %s", m.From, s.Name, e.Host)
			case !m.Secure:
				j.Breach(PasswordUnderTLS, e, "%s sent the password for %s in the clear", m.From, s.Name)
			}
		}
	}
}

// secretsInURL looks for the secrets of credentials in a URL.
func (j *judge) secretsInURL(e sim.Event, target string) {
	_, query, found := strings.Cut(target, "?")
	if !found {
		return
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return
	}
	for _, name := range []string{"oauth_token_secret", "temporary_credential_secret", "token_secret", "secret"} {
		if v := values.Get(name); v != "" && j.secrets[v] {
			j.Breach(NoSecretInURL, e, "%s put the secret of a credential into a URL", e.Host)
		}
	}
}

// protocolParameter reads a parameter of the Authorization header, or else of the query.
func protocolParameter(m *sim.Message, name string) string {
	for _, v := range m.Header["Authorization"] {
		if _, rest, found := strings.Cut(v, name+`="`); found {
			value, _, _ := strings.Cut(rest, `"`)
			if plain, err := url.PathUnescape(value); err == nil {
				return plain
			}
			return value
		}
	}
	if u, err := url.Parse(m.URL); err == nil {
		return u.Query().Get(name)
	}
	return ""
}
