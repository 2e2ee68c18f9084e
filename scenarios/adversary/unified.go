package adversary

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	cast "countersign/actors/unified"
	"countersign/scenarios/portal"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// The kinds of term of the unified flow. Sealed messages are of a type for each leg and direction.
const (
	loginCode      = "code"
	loginState     = "state"
	loginChallenge = "challenge"
	callbackPath   = "callback path"
	passToken      = "pass token"
	newClient      = "third-party platform"
	reviewRequest  = "request for review"
)

// Unified is the flow of one login and one logout for many third-party platforms.
func Unified() Flow {
	return Flow{
		Name: "unified",
		Scenes: []Scene{
			{Name: "open-web", Attacker: Web, Text: "Everything travels under TLS. Mallory is a user, and has a page below the mail site's callback path.", Sessions: []string{"alice", "mallory", "alice comes back", "alice leaves", "alice at the shop", "alice at the wiki", "alice on two devices"}},
			{Name: "dishonest-wiki", Attacker: Web, Text: "The wiki is registered and dishonest: it has its own communication key, and says what it likes.", Sessions: []string{"alice at the wiki", "alice", "alice on two devices"}},
			{Name: "history", Attacker: Web, Text: "Alice's browser breaks down on the way to the callback of a login that she began, or that an old link began, and Mallory finds the code. The wiki is dishonest.", Sessions: []string{"alice", "mallory"}},
			{Name: "shared-computer", Attacker: Web, Text: "The state of Alice's request leaks at once. Her whole request is found in a history after its callback has come.", Sessions: []string{"alice", "mallory"}},
			{Name: "leaking-log", Attacker: Web, Text: "The mail site breaks down before it shows a pass token, which leaks to the dishonest wiki. Alice refuses the wiki.", Sessions: []string{"alice"}},
			{Name: "second-platform", Attacker: Web, Text: "The mail site is registered at a second platform too, which is dishonest.", Sessions: []string{"alice", "alice comes back"}},
			{Name: "stolen-operator", Attacker: Web, Text: "Mallory is an operator without the right to review, and has the password of Olga, who owns the third-party platforms and may review. Rene reviews nothing.", Sessions: []string{"alice"}},
			{Name: "blind-reviewer", Attacker: Web, Text: "Mallory is an operator, and Rene approves what anybody asks for.", Sessions: []string{"alice"}},
			{Name: "likely-passwords", Attacker: Web, Text: "Mallory does nothing but try passwords and names.", Sessions: []string{"alice"}},
			{Name: "planted-cookie", Attacker: Web, Text: "A sibling domain plants a cookie in Alice's browser that has the name of the mail site's login credential.", Sessions: []string{"alice"}},
			{Name: "slow-site", Attacker: Web, Text: "The wiki takes batches and never answers one.", Sessions: []string{"alice at many"}},
			{Name: "failing-site", Attacker: Web, Text: "The wiki takes batches and refuses each.", Sessions: []string{"alice at many"}},
			{Name: "sparing-site", Attacker: Web, Text: "The mail site takes one task of a batch and leaves the others for later. Mallory does nothing but go in and out.", Sessions: []string{"alice comes back"}},
			{Name: "trickle", Attacker: Web, Text: "Mallory does nothing but go in and out.", Sessions: []string{"alice comes back"}},
			{Name: "crashes", Attacker: Web, Text: "Mallory has found out how to bring a host down for two seconds.", Sessions: []string{"alice comes back", "alice at the shop"}},
			{Name: "proxy", Attacker: Network, Text: "TLS ends at a proxy before the programs of the platform and of the third-party platforms, and Mallory sits behind it. What they say to each other is sealed or signed.", Sessions: []string{"alice", "mallory", "alice comes back", "alice at the shop", "alice at the wiki", "alice on two devices"}},
			{Name: "plain-portal", Attacker: Network, Text: "The platform can be reached without TLS, and Alice has an account under that address.", Sessions: []string{"alice"}},
		},
		Sessions: []string{"alice", "mallory", "alice comes back", "alice leaves", "alice at the shop", "alice on two devices", "alice at the wiki", "alice at many"},
		Set:      setPortal,
		Type:     portalType,
		Nonces:   []string{"messages", "logout-tokens", "documents", "platform-keys"},
		Hold:     8 * time.Second, // programs wait for ten
	}
}

// portalType says what the fields of the flow hold (profile sections 2 to 5).
func portalType(leg string, m *sim.Message, f Field) Meaning {
	switch f.Name {
	case sealedMessage:
		if m.Kind == sim.Response {
			return Meaning{Type: "sealed answer to a " + leg}
		}
		return Meaning{Type: "sealed " + leg}
	case "logout_token":
		return Meaning{Type: "logout token"}
	case "code":
		return Meaning{Type: loginCode, Of: siteOf(m, f)}
	case "state":
		return Meaning{Type: loginState, Of: siteOf(m, f)}
	case "code_challenge":
		return Meaning{Type: loginChallenge, Of: siteOf(m, f)}
	}
	return Meaning{}
}

// siteOf is the third-party platform that a parameter of a URL belongs to.
func siteOf(m *sim.Message, f Field) string {
	target := m.URL
	if f.In == "location" {
		target = m.Header.Get("Location")
	}
	if redirect := parameter(target, "redirect_uri"); redirect != "" {
		target = redirect
	}
	to, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return to.Host
}

// portals is a world of the flow that is explored.
type portals struct {
	*portal.Stage
	d     *Director
	phone *portal.User      // Alice's second device; nil in most worlds
	wiki  *portal.Dishonest // nil where it is honest
	rival *portal.Rival     // nil in most worlds
	came  *sim.Gate         // opened when the wiki has a code
	code  string            // that came to the wiki last
	// connects: what honest people begin comes to its end when nobody interferes.
	connects bool
	flushes  []*[]portal.Flush
}

const (
	mallorysPage    = "/callback-of-mallory" // at the mail site
	mallorysPath    = "https://mallory/callback"
	madeUpState     = "a-state-that-is-made-up"
	plantedValue    = "planted-by-mallory-0000001"
	platformInClear = "http://platform"
	// settles is how long a logout takes to reach everybody, and more than a queue that is idle waits.
	settles = 8 * time.Second
)

func setPortal(d *Director, scene string, s stage.Setting) *stage.Stage {
	st := &portals{Stage: portal.New(s), d: d, connects: true}
	st.Unfinished = true
	d.Attacker(st.Mallory.Host)
	d.Opens(st.Opened)
	d.MayCrash(st.Platform.Host, st.Mail.Host, st.Shop.Host)
	if d.Playing("alice on two devices") {
		st.phone = st.NewDevice(st.Alice, "phone")
	}
	st.arrange(scene)
	st.know()
	st.people()
	st.move(scene)
	for _, t := range []*portal.ThirdParty{st.Mail, st.Shop} {
		st.flushes = append(st.flushes, st.Flushes(t))
	}
	d.Finally(st.look)
	return st.Stage.Stage
}

// arrange makes the scene.
func (st *portals) arrange(scene string) {
	switch scene {
	case "open-web":
		st.Mail.Pages = map[string]http.HandlerFunc{mallorysPage: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }}
	case "dishonest-wiki":
		st.turnWiki()
		st.d.MayWait(2 * time.Minute)
	case "history":
		st.turnWiki()
		st.breakDown()
	case "shared-computer":
		st.leakRequests()
	case "leaking-log":
		st.turnWiki()
		st.Alice.Refuses(st.Wiki)
		st.Intercept(st.Mail.Host, portal.LegAuthentication, func(m sim.Message) {
			st.leaks(passToken, "the pass token of Alice's login at the mail site", st.PassTokenIn(m))
		})
	case "second-platform":
		st.rival = st.NewRival()
		st.d.Owns(st.rival.Host)
	case "stolen-operator", "blind-reviewer":
		st.Operated()
	case "planted-cookie":
		st.plantCookie()
	case "slow-site", "failing-site":
		st.Wiki.Way, st.connects = portal.Batches, false
		st.Platform.BatchMaxWait = 6 * time.Second
		st.TakeOver(st.Wiki.Host, st.failing(scene == "slow-site"))
	case "sparing-site":
		st.Mail.MostTasks = 1
	case "proxy":
		st.d.MayWait(6 * time.Minute)
		st.d.Proxied(func(m *sim.Message) bool {
			switch st.Leg(m) {
			case portal.LegToken, portal.LegAuthentication, portal.LegStatus, portal.LegBatch, portal.LegBackChannel:
				return true
			}
			return false
		})
	case "plain-portal":
		st.Alice.HasAccountAt(platformInClear)
	}
}

// turnWiki puts the wiki into the attacker's hands. It has a page that looks like the platform's.
func (st *portals) turnWiki() {
	st.Wiki.Pages = map[string]http.HandlerFunc{"/portal": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`<h1>Portal</h1><form method="post"><input name="username"><input type="password" name="password"><button type="submit" name="decision" value="login">Log in</button></form>`))
		}
	}}
	st.wiki = st.TurnDishonest(st.Wiki)
	st.d.Owns(st.Wiki.Host)
	st.came = st.World.NewGate("the wiki waits for a code")
	st.wiki.Came = func(code string) {
		st.code = code
		if !st.came.Opened() {
			st.came.Open()
		}
	}
}

// failing is a wiki that logs users in as an honest one does, and refuses batches, or lets them wait in vain.
func (st *portals) failing(slowly bool) sim.Boot {
	return func(h *sim.Host) http.Handler {
		honest := st.Honest(h, st.Wiki)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != cast.PathBatchLogout {
				honest.ServeHTTP(w, r)
				return
			}
			if slowly {
				h.Clock().Sleep(2 * portal.Patience)
			}
			w.WriteHeader(http.StatusInternalServerError)
		})
	}
}

// leaks gives the attacker a value that leaked, if there is one.
func (st *portals) leaks(kind, name, value string) {
	if value != "" {
		st.d.Know(Term{Type: kind, Name: name, Value: value})
	}
}

// breakDown loses the first request with which Alice's browser brings a code of hers to the mail site, and gives the attacker the code.
func (st *portals) breakDown() {
	down := false
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if down || st.d.finished || m.Kind != sim.Request || m.From != st.Alice.Host.Name() || m.To != st.Mail.Host.Name() || st.Leg(&m) != portal.LegCallback {
			return sim.Verdict{}
		}
		code := parameter(m.URL, "code")
		if slices.ContainsFunc(st.d.Terms(loginCode), func(t Term) bool { return t.Value == code }) {
			return sim.Verdict{} // the attacker has it from elsewhere
		}
		down = true
		st.leaks(loginCode, "the code of Alice's login at the mail site", code)
		return sim.Verdict{Drop: true}
	}))
}

// leakRequests gives the attacker the state of a request of Alice's at once, and the rest of it after its callback.
func (st *portals) leakRequests() {
	challenge := ""
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.From != st.Alice.Host.Name() || m.Kind != sim.Request || st.d.finished {
			return sim.Verdict{}
		}
		switch leg := st.Leg(&m); {
		case leg == portal.LegAuthorization && m.Method == http.MethodGet && challenge == "":
			st.leaks(loginState, "state of Alice's login at mail", parameter(m.URL, "state"))
			challenge = parameter(m.URL, "code_challenge")
		case leg == portal.LegCallback && challenge != "":
			st.leaks(loginChallenge, "challenge of Alice's login at mail", challenge)
		}
		return sim.Verdict{}
	}))
}

// plantCookie has Alice's browser bring a cookie that it was given by a sibling domain.
func (st *portals) plantCookie() {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind != sim.Request || m.From != st.Alice.Host.Name() || st.Leg(&m) != portal.LegCallback {
			return sim.Verdict{}
		}
		m = m.Clone()
		m.Header.Add("Cookie", st.Mail.LoginCookie()+"="+plantedValue)
		return sim.Verdict{Replace: &m}
	}))
}

// know is what the attacker knows to begin with.
func (st *portals) know() {
	d := st.d
	d.Know(Term{Type: loginState, Name: "a state made up", Value: madeUpState})
	d.Know(Term{Type: loginChallenge, Name: "a challenge made up", Value: portal.Challenge})
	d.Know(Term{Type: loginChallenge, Name: "no challenge"})
	d.Know(Term{Type: loginCode, Name: "a code made up", Value: "a-code-that-is-made-up"})
	d.Know(Term{Type: passToken, Name: "a pass token made up", Value: "a-pass-token-that-is-made-up"})
	d.Know(Term{Type: callbackPath, Name: "the callback of mail", Value: st.Mail.CallbackURI()})
	d.Know(Term{Type: callbackPath, Name: "Mallory's page below it", Value: st.Mail.Base + mallorysPage})
	d.Know(Term{Type: callbackPath, Name: "a path of Mallory's", Value: mallorysPath})
	d.Know(Term{Type: newClient, Name: "mail", Value: st.Mail.ID})
	d.Know(Term{Type: "sealed answer to a " + portal.LegAuthentication, Name: "a plain answer that names Alice", Value: st.plainly(map[string]any{
		"sub": portal.SubOf("alice"), "nickname": "Alice", "picture": "", "generation": 1,
	})})
	d.Know(Term{Type: "sealed answer to a " + portal.LegBatch, Name: "a plain answer without results", Value: st.plainly(map[string]any{"results": []any{}})})
}

// plainly is a message to the mail site, or from it, that nobody has sealed.
func (st *portals) plainly(members map[string]any) string {
	members["iss"], members["aud"] = st.Platform.Issuer, st.Mail.ID
	members["iat"], members["jti"] = st.Mallory.Host.Clock().Now().Unix(), "made-up-by-the-proxy-0001"
	text, err := json.Marshal(members)
	if err != nil {
		return "{}"
	}
	return string(text)
}

// honest are the machines of honest users in this world.
func (st *portals) honest() []*portal.User {
	if st.phone != nil {
		return []*portal.User{st.Alice, st.phone}
	}
	return []*portal.User{st.Alice}
}

// forgotten is when the platform lets somebody try passwords again, and a little more.
const forgotten = 15 * time.Minute

// look is what everybody sees at the end, at once and when the bound of a logout has passed. Alice gets in, if she can; and out, where she
// has not logged out before, since a second logout would make up for a first one that was lost.
func (st *portals) look() {
	st.looks()
	st.Mallory.Wait(portal.LogoutBound + time.Minute)
	st.looks()
	if st.connects {
		st.Alice.AtPage = nil
		st.Mallory.Wait(forgotten)
		st.Alice.UntilIn(st.Mail)
	}
	if st.connects && !st.logsOut() {
		st.Alice.UntilOut()
		st.Mallory.Wait(2 * settles)
		st.looks()
		st.Mallory.Wait(portal.LogoutBound + time.Minute)
		st.looks()
	}
	st.Unfinished = false
	st.Mallory.Wait(time.Hour)
	now := st.World.Now()
	if slices.ContainsFunc(st.flushes, func(all *[]portal.Flush) bool { return len(*all) > 0 && (*all)[len(*all)-1].At > now-10*time.Minute }) || !st.connects {
		st.World.Stop() // a queue would be tried for ever
	}
}

// logsOut reports whether Alice logs out in the course of this world.
func (st *portals) logsOut() bool {
	return slices.ContainsFunc([]string{"alice comes back", "alice at the shop", "alice at the wiki", "alice on two devices"}, st.d.Playing)
}

func (st *portals) looks() {
	for _, t := range []*portal.ThirdParty{st.Mail, st.Shop, st.Wiki} {
		if st.Dishonest(t.Host.Name()) {
			continue
		}
		for _, u := range st.honest() {
			u.Looks(t)
		}
		st.Mallory.Looks(t)
	}
	if st.d.system.Scene.Name == "planted-cookie" {
		st.Mallory.Do(http.MethodGet, st.Mail.Base+cast.PathHome, "", http.Header{"Cookie": {st.Mail.LoginCookie() + "=" + plantedValue}})
	}
}

// belongsTo lets pass terms whose first belongs to a site, or is made up.
func belongsTo(site string) func([]Term) bool {
	return func(t []Term) bool {
		return strings.HasSuffix(t[0].Name, " of "+site) || strings.Contains(t[0].Name, "made up") || strings.Contains(t[0].Name, "Alice")
	}
}
