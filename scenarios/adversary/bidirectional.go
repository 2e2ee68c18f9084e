package adversary

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	cast "countersign/actors/bidirectional"
	"countersign/scenarios/stage"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// The kinds of term of the bidirectional flow.
const (
	temporary    = "temporary credential"
	access       = "access token"
	verifier     = "verifier"
	client       = "client"
	issuer       = "issuer"
	continueLink = "link"
	callback     = "callback"
	methods      = "signature method"
	userName     = "user name"

	madeUp = "made-up"
)

// Bidirectional is the flow in which two sites authorize each other.
func Bidirectional() Flow {
	return Flow{
		Name: "bidirectional",
		Scenes: []Scene{
			{Name: "open-web", Attacker: Web, Text: "Everything travels under TLS. Mallory is a user of both sites, and site C is registered at both and hers."},
			{Name: "dishonest-b", Attacker: Web, Text: "The client of site B is dishonest: it knows what passes there, has its keys, and says what it likes.", Sessions: []string{"alice", "mallory", "the client of B"}},
			{Name: "likely-passwords", Attacker: Web, Text: "As the open web, but Mallory does nothing but try passwords.", Sessions: []string{"alice"}},
			{Name: "leaking-log", Attacker: Web, Text: "A log of the resource servers leaks: it shows the names of access tokens, without their secrets. That of a temporary credential under way must stay unknown: who knows it approves it before the user does.", Sessions: []string{"alice", "mallory", "site C"}},
			{Name: "two-resource-servers", Attacker: Network, Text: "Site B has a second resource server, to which hand-overs travel without TLS.", Sessions: []string{"alice", "alice leaves"}},
			{Name: "plain-handover", Attacker: Network, Text: "Site B's hand-overs travel without TLS.", Sessions: []string{"alice", "alice leaves"}},
			{Name: "plain-temporary", Attacker: Network, Text: "Site B takes requests for temporary credentials without TLS.", Sessions: []string{"alice", "mallory"}},
			{Name: "plain-temporary-a", Attacker: Network, Text: "Site A takes requests for temporary credentials without TLS.", Sessions: []string{"alice", "mallory"}},
			{Name: "plain-token", Attacker: Network, Text: "Site B takes token requests without TLS.", Sessions: []string{"alice"}},
			{Name: "plain-resource", Attacker: Network, Text: "Site B gives resources without TLS.", Sessions: []string{"alice", "mallory"}},
			{Name: "plain-delegation", Attacker: Network, Text: "Site B takes delegations without TLS.", Sessions: []string{"alice", "mallory"}},
			{Name: "plain-page", Attacker: Network, Text: "Site B publishes its authorization page without TLS, and Alice has an account under that address.", Sessions: []string{"alice", "mallory"}},
			{Name: "plain-server", Attacker: Network, Text: "The OAuth server of site B is reached without TLS.", Sessions: []string{"alice"}},
		},
		Sessions: []string{"alice", "mallory", "site C", "mallory again", "alice leaves", "bob"},
		Set:      setTwoSites,
		Type:     twoSitesType,
		Volatile: []string{"oauth_signature", "oauth_timestamp"},
		Nonces:   []string{"nonces"},
	}
}

// twoSitesType says what the fields of the flow hold (profile sections 4 to 6).
func twoSitesType(leg string, m *sim.Message, f Field) Meaning {
	answered := m.Kind == sim.Response
	switch f.Name {
	case "oauth_token":
		switch {
		case leg == "token request" && answered, leg == "resource request":
			return Meaning{Type: access, Of: serverOf(m)}
		}
		return Meaning{Type: temporary, Of: issuedBy(leg, m, f)}
	case "oauth_token_secret":
		if leg == "token request" {
			return Meaning{SecretOf: access}
		}
		return Meaning{SecretOf: temporary}
	case "temporary_credential":
		return Meaning{Type: temporary, Of: issuedBy(leg, m, f)}
	case "temporary_credential_secret":
		return Meaning{SecretOf: temporary}
	case "oauth_verifier":
		return Meaning{Type: verifier}
	case "token":
		return Meaning{Type: access, Of: serverOf(m)}
	case "token_secret":
		return Meaning{SecretOf: access}
	case "continue_uri":
		return Meaning{Type: continueLink}
	case "oauth_callback":
		return Meaning{Type: callback}
	case "signature_methods_supported":
		return Meaning{Type: methods}
	case "username":
		if leg == "hand-over" {
			return Meaning{Type: userName}
		}
	case "client_id", "delegate":
		if leg != "metadata" {
			return Meaning{Type: client}
		}
	case "issuer":
		if leg == "delegation" {
			return Meaning{Type: issuer}
		}
	}
	return Meaning{}
}

// issuedBy is the OAuth server that issued a temporary credential; empty where the message does not show it.
func issuedBy(leg string, m *sim.Message, f Field) string {
	switch {
	case f.In == "location":
		to, err := url.Parse(m.Header.Get("Location"))
		if err == nil && strings.HasPrefix(to.Host, "oauth.") {
			return to.Host
		}
	case leg == "delegation" && m.From == "client.a", leg == "callback" && m.To == "client.b":
		return "oauth.a"
	case leg == "delegation" && m.From == "client.b", leg == "callback" && m.To == "client.a":
		return "oauth.b"
	}
	return ""
}

// serverOf is the OAuth server of the site whose server is asked.
func serverOf(m *sim.Message) string {
	asked := m.To
	if m.Kind == sim.Response {
		asked = m.From
	}
	_, letter, _ := strings.Cut(asked, ".")
	return "oauth." + letter
}

// twoSites is a world of the flow that is explored.
type twoSites struct {
	*twosites.Stage
	d *Director
	// held are the access tokens that honest clients hold, with the site that issued them.
	held     []holding
	left     bool // Alice has told site A to stop reading
	connects bool // what honest people begin comes to its end when nobody interferes
}

type holding struct {
	by, at *twosites.Site
	token  twosites.Credentials
	since  time.Duration // virtual time since the world's start
}

func setTwoSites(d *Director, scene string, s stage.Setting) *stage.Stage {
	st := &twoSites{Stage: twosites.New(s), d: d}
	d.Attacker(st.Mallory.Host)
	d.Owns(st.C.Client)
	d.MayCrash(st.A.OAuthServer, st.B.OAuthServer, st.A.Client, st.B.ResourceServer)
	d.MayWait(6*time.Minute, 2*time.Hour)
	st.arrange(scene)
	st.C.TakeOver(func(*sim.Host) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/page" { // elsewhere it only reads what comes
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = w.Write([]byte(`<h1>Site A</h1><form method="post" action="/taken"><input name="username"><input type="password" name="password"><button>Sign in</button></form>`))
			}
		})
	})
	st.know()
	st.people()
	st.move(scene)
	d.Finally(st.look)
	return st.Stage.Stage
}

// arrange makes the scene.
func (st *twoSites) arrange(scene string) {
	switch scene {
	case "open-web", "likely-passwords", "leaking-log", "two-resource-servers", "plain-handover":
		st.connects = true
	}
	plain := func(s *twosites.Site, member, url string) { s.Publish(member, "http://"+url) }
	switch scene {
	case "dishonest-b":
		st.d.Bends(st.B.Client)
	case "leaking-log":
		st.d.Leaks(func(m *sim.Message) bool { return st.Leg(m) == "resource request" && m.Kind == sim.Request })
	case "two-resource-servers":
		st.OpenArchive(st.B)
		st.d.Diverts(st.B.ResourceServer, st.B.Archive)
	case "plain-handover":
		st.B.HandoverEndpoint = "http://resource.b/handover"
	case "plain-temporary":
		plain(st.B, "temporary_credential_endpoint", "oauth.b/temporary-credential")
	case "plain-temporary-a":
		plain(st.A, "temporary_credential_endpoint", "oauth.a/temporary-credential")
	case "plain-token":
		plain(st.B, "token_endpoint", "oauth.b/token")
	case "plain-resource":
		plain(st.B, "resource_endpoint", "resource.b/resource")
	case "plain-delegation":
		st.B.DelegationEndpoint = "http://client.b/delegation"
	case "plain-page":
		plain(st.B, "authorization_endpoint", "oauth.b/authorize")
		st.Alice.HasAccountAt("http://oauth.b", st.B)
	case "plain-server":
		st.B.Issuer = "http://oauth.b"
		st.Alice.HasAccountAt("https://oauth.b", st.B)
	}
}

// know is what the attacker knows to begin with.
func (st *twoSites) know() {
	d := st.d
	for _, s := range []*twosites.Site{st.A, st.B, st.C} {
		d.Know(Term{Type: client, Name: s.ClientID, Value: s.ClientID})
		d.Know(Term{Type: callback, Name: "the callback of " + s.ClientID, Value: s.Callback()})
	}
	d.Know(Term{Type: methods, Name: "PLAINTEXT", Value: "PLAINTEXT"})
	d.Know(Term{Type: verifier, Name: "a verifier made up", Value: madeUp})
	d.Know(Term{Type: access, Name: "an access token made up", Value: "made-up-token", Secret: "made-up-secret"})
	d.Know(Term{Type: continueLink, Name: "a page of the attacker's", Value: st.C.ClientBase + "/page"})
}

// people gives everybody a part.
func (st *twoSites) people() {
	d := st.d
	st.Alice.ReadsPages()
	reads := st.Alice.Decide
	st.Alice.Decide = func(at *twosites.Site, page cast.Page) cast.Decision {
		d.Pause("alice", "reads the page of "+at.OAuthServer.Name())
		return reads(at, page)
	}
	var session func()
	if d.Playing("alice") || d.Playing("alice leaves") {
		session = func() {
			st.connect(st.Alice, st.A, st.B)
			if d.Playing("alice leaves") {
				d.Pause("alice", "is to disconnect")
				st.left = true
				st.try(st.Alice.Post(st.A.ClientBase, st.A.ClientBase+"/disconnect", url.Values{"peer": {st.B.Issuer}}))
			}
		}
	}
	st.Alice.Follows(d.Person("alice", func(l Link) { st.follow(st.Alice, l) }, session))
	if d.Playing("bob") {
		st.Bob.ReadsPages()
		st.Bob.Follows(d.Session("bob", func() { st.connect(st.Bob, st.B, st.A) }))
	}
	var sessions []func()
	for _, name := range []string{"mallory", "mallory again"} {
		if d.Playing(name) {
			sessions = append(sessions, d.Session(name, func() { st.ownFlow(name) }))
		}
	}
	if d.Playing("site C") {
		sessions = append(sessions, d.Session("site C", func() { st.flowOfC("site C", st.C) }))
	}
	if d.Playing("the client of B") {
		sessions = append(sessions, d.Session("the client of B", func() { st.flowOfC("the client of B", st.B) }))
	}
	st.Mallory.Plays(func(m *twosites.Attacker) {
		for _, run := range sessions {
			m.Meanwhile(run)
		}
		d.Direct()
	})
	for _, s := range []*twosites.Site{st.A, st.B} {
		st.Overhear(s.OAuthServer, "token request", func(m sim.Message) { st.hold(s, m) })
	}
}

// hold takes down that an honest client holds an access token.
func (st *twoSites) hold(at *twosites.Site, m sim.Message) {
	answer, err := url.ParseQuery(string(m.Body))
	for _, by := range []*twosites.Site{st.A, st.B} {
		if err == nil && by.Client.Name() == m.To && !st.d.bent[m.To] {
			token := twosites.Credentials{Token: answer.Get("oauth_token"), Secret: answer.Get("oauth_token_secret")}
			st.held = append(st.held, holding{by, at, token, st.World.Now()})
		}
	}
}

func (st *twoSites) connect(u *twosites.User, from, with *twosites.Site) {
	st.try(u.Connect(from, with))
}

// try notes what stopped a user; it is no fault of the world's.
func (st *twoSites) try(_ cast.Page, err error) {
	if err != nil {
		st.d.tell("somebody gives up: %v", err)
	}
}

// follow has a user open what the attacker laid out: a link, or a page of site C that sends a form.
func (st *twoSites) follow(u *twosites.User, l Link) {
	if l.Form == nil {
		st.try(u.Open(l.Target))
		return
	}
	st.try(u.Post(st.C.ClientBase, l.Target, l.Form))
}

// ownFlow is Mallory's own flow from site A to site B, as any user's, in steps.
func (st *twoSites) ownFlow(name string) {
	m := st.Mallory
	link := m.Start(st.A, st.B)
	if !strings.HasPrefix(link, "http") || !strings.Contains(link, "oauth_token=") {
		return
	}
	st.d.Pause(name, "has the link to the page of oauth.b")
	back := m.OwnConsent(link, st.B).Location
	if back == "" {
		return
	}
	st.d.Pause(name, "has approved at oauth.b")
	m.Get(back)
}

// flowOfC is the flow of a dishonest client with Mallory as its user, unless a verifier came from somebody else, at site B or, of the client of B, at site A.
func (st *twoSites) flowOfC(name string, c *twosites.Site) {
	at := st.B
	if c == st.B {
		at = st.A
	}
	speaker := twosites.Speaker{Host: c.Client, As: c}
	own := speaker.Ask(at, "")
	if own.Token == "" {
		return
	}
	st.d.Pause(name, "has asked "+at.OAuthServer.Name())
	given := st.came()
	if given == "" {
		back := st.Mallory.OwnConsent(asking(at, own.Token, c.ClientID), at).Location
		given = parameter(back, "oauth_verifier")
	}
	if given == "" {
		return
	}
	st.d.Pause(name, "has a verifier")
	token := speaker.Redeem(at, own, given)
	if token.Token == "" {
		return
	}
	st.d.Pause(name, "has an access token")
	speaker.Read(at, token)
}

// came is the verifier that reached the attacker last; empty when none has.
func (st *twoSites) came() string {
	known := st.d.Terms(verifier)
	if last := known[len(known)-1]; last.Value != madeUp {
		return last.Value
	}
	return ""
}

// look is what everybody sees at the end. An honest user who did not get through tries again, when the faults have ended and
// guesses are forgotten; and an honest client shows each token that it holds once more.
func (st *twoSites) look() {
	if a, b := st.Alice.Look(); st.d.Playing("alice") && st.connects && !st.left && !(a && b) {
		st.Alice.ReadsPages()
		st.Alice.Wait(15 * time.Minute)
		st.Alice.UntilConnected(st.A, st.B)
	}
	st.Mallory.Look()
	const lives = 55 * time.Minute // a token, and a little less
	for _, h := range st.held {
		status := twosites.Speaker{Host: h.by.Client, As: h.by}.Read(h.at, h.token)
		if status == http.StatusUnauthorized && h.at.Archive == nil && !st.left && st.World.Now() < h.since+lives {
			st.Breach(twosites.StaysConnected, "the resource server of "+h.at.Name+" no longer lets "+h.by.ClientID+" read, though nobody disconnected it")
		}
	}
}

// asking is the page on which a site asks for a client.
func asking(at *twosites.Site, token, client string) string {
	return at.Issuer + "/authorize?" + url.Values{"oauth_token": {token}, "client_id": {client}}.Encode()
}

func parameter(link, name string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}
