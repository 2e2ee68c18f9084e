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
	sessionCookie  = "session cookie"
	loginCookie    = "cookie of a login"
	lostKey        = "communication key"
	logoutToken    = "logout token"
	reviewRequest  = "request for review"
)

// Unified is the flow of one login and one logout for many third-party platforms.
func Unified() Flow {
	return Flow{
		Name:       "unified",
		Invariants: portal.Invariants(),
		Scenes: []Scene{
			{Name: "open-web", Attacker: Web, Text: "Everything travels under TLS. Mallory is a user, and has a page below the mail site's callback path.", Sessions: []string{"alice", "mallory", "alice comes back", "alice leaves", "alice at the shop", "alice at the wiki", "alice on two devices"}},
			{Name: "users-pages", Attacker: Web, Text: "Mallory has a page below the mail site's callback path, reads what comes to it, and does nothing but with logins.", Sessions: []string{"alice", "mallory"}},
			{Name: "users-pages-of-the-shop", Mirrors: "users-pages", Attacker: Web, Text: "As the users' pages, and it is the shop where Mallory has hers.", Sessions: []string{"alice", "mallory"}},
			{Name: "bad-page", Attacker: Web, Text: "Mallory does nothing but lure Alice to a page of hers, which sends forms and opens links in Alice's browser. The wiki is dishonest.", Sessions: []string{"alice"}},
			{Name: "page-next-door", Attacker: Web, Text: "The page of Mallory's stands on another port of the same hosts, and so browsers send their cookies with its forms. In these is what the right pages hide for Mallory herself, or nothing. The wiki is dishonest.", Sessions: []string{"alice"}},
			{Name: "forgeries", Attacker: Web, Text: "Mallory does nothing but send programs messages in the names of others, without their keys.", Sessions: []string{"alice", "alice at the shop"}},
			{Name: "dishonest-wiki", Attacker: Web, Text: "The wiki is registered and dishonest: it has its own communication key, and says what it likes.", Sessions: []string{"alice at the wiki", "alice", "alice on two devices"}},
			{Name: "hoarding-wiki", Attacker: Web, Text: "The wiki is dishonest, and does nothing but with the codes and pass tokens that it gets.", Sessions: []string{"alice at the wiki"}},
			{Name: "history", Attacker: Web, Text: "Alice's browser breaks down on the way to the callback of a login that she began, or that an old link began, and Mallory finds the code. The wiki is dishonest.", Sessions: []string{"alice", "mallory"}},
			{Name: "lost-callback", Attacker: Web, Text: "Alice's browser breaks down on the way to the callback of her first login, and nobody finds the code.", Sessions: []string{"alice", "mallory"}},
			{Name: "shared-computer", Attacker: Web, Text: "The state of Alice's request leaks at once. Her whole request is found in a history after its callback has come.", Sessions: []string{"alice", "mallory"}},
			{Name: "shared-computer-at-the-shop", Mirrors: "shared-computer", Attacker: Web, Text: "As the shared computer, and Alice logs in at the shop.", Sessions: []string{"alice"}},
			{Name: "library-computer", Attacker: Web, Text: "Mallory sat at Alice's computer before her, and has noted the cookie that the platform's page gave to its browser.", Sessions: []string{"alice"}},
			{Name: "copied-cookies", Attacker: Web, Text: "Mallory finds copies of Alice's cookies: that of a site when Alice has left it, and that of the platform when she has logged out.", Sessions: []string{"alice leaves", "alice comes back"}},
			{Name: "look-alike", Attacker: Web, Text: "The wiki is dishonest and registered under the name of the mail site. Alice wants nothing from the wiki, and reads the page that asks.", Sessions: []string{"alice"}},
			{Name: "listening-wiki", Attacker: Web, Text: "The wiki is dishonest and takes logout tokens.", Sessions: []string{"alice at both"}},
			{Name: "leaking-log", Attacker: Web, Text: "The mail site breaks down before it shows a pass token, which leaks to the dishonest wiki. The wiki takes logout tokens, and Alice refuses it.", Sessions: []string{"alice"}},
			{Name: "second-platform", Attacker: Web, Text: "The mail site is registered at a second platform too, which is dishonest.", Sessions: []string{"alice", "alice comes back"}},
			{Name: "stolen-operator", Attacker: Web, Text: "Mallory is an operator without the right to review, and has the password of Olga, who owns the third-party platforms and may review. Rene reviews nothing.", Sessions: []string{"alice"}},
			{Name: "blind-reviewer", Attacker: Web, Text: "Mallory is an operator, and Rene approves what anybody asks for.", Sessions: []string{"alice"}},
			{Name: "rotation", Attacker: Web, Text: "Olga gets a new communication key for the mail site. Mallory does nothing but use the old one, if it is lost after it was replaced.", Sessions: []string{"a key on its way", "a key in between", "a key replaced", "two keys replaced"}},
			{Name: "likely-passwords", Attacker: Web, Text: "Mallory does nothing but try passwords and names.", Sessions: []string{"alice"}},
			{Name: "planted-cookie", Attacker: Web, Text: "A sibling domain plants a cookie in Alice's browser that has the name of the mail site's login credential.", Sessions: []string{"alice"}},
			{Name: "slow-site", Attacker: Web, Text: "The wiki takes batches and never answers one.", Sessions: []string{"alice at many"}},
			{Name: "failing-site", Attacker: Web, Text: "The wiki takes batches and refuses each. Mallory does nothing but go in and out there.", Sessions: []string{"alice at many"}},
			{Name: "pausing-site", Attacker: Web, Text: "The wiki takes batches, refuses each and asks for a pause of a minute. Mallory does nothing but go in and out there.", Sessions: []string{"alice at many"}},
			{Name: "outage", Attacker: Web, Text: "Batches to the mail site are lost for a minute, and it takes two tasks in one.", Sessions: []string{"alice again and again"}},
			{Name: "deaf-site", Attacker: Web, Text: "Batches to the mail site are lost for half an hour. Alice logs out on one of two devices, and in again.", Sessions: []string{"alice in again"}},
			{Name: "one-site-left", Attacker: Web, Text: "Alice leaves the mail site on one of two devices. Mallory does nothing but send forms from a page of hers.", Sessions: []string{"alice leaves here"}},
			{Name: "shop-left", Mirrors: "one-site-left", Attacker: Web, Text: "As the one site left, and it is the shop.", Sessions: []string{"alice leaves here"}},
			{Name: "sparing-site", Attacker: Web, Text: "The mail site takes one task of a batch and leaves the others for later. Mallory does nothing but go in and out.", Sessions: []string{"alice comes back"}},
			{Name: "trickle", Attacker: Web, Text: "Mallory does nothing but go in and out.", Sessions: []string{"alice comes back"}},
			{Name: "crashes", Attacker: Web, Text: "Mallory has found out how to bring a host down for two seconds.", Sessions: []string{"alice comes back", "alice at the shop"}},
			{Name: "slow-network", Attacker: Web, Text: "As the open web, and Mallory knows how to slow down what the platform and the mail site send each other: some seconds in which she can do something.", Sessions: []string{"alice", "mallory"}},
			{Name: "proxy", Attacker: Network, Text: "TLS ends at a proxy before the programs of the platform and of the third-party platforms, and Mallory sits behind it, where sealed messages and logout tokens pass.", Sessions: []string{"alice", "mallory", "alice comes back", "alice at the shop", "alice at the wiki", "alice on two devices", "alice leaves for good", "alice in a hurry"}},
			{Name: "proxied-logins", Attacker: Network, Text: "TLS ends at a proxy before the platform, and Mallory sits behind it. Nobody logs out.", Sessions: []string{"alice", "mallory"}},
			{Name: "proxied-logouts", Attacker: Network, Text: "TLS ends at a proxy before the programs, and Mallory sits behind it. Alice logs out.", Sessions: []string{"alice comes back", "alice at the shop"}},
			{Name: "proxied-races", Attacker: Network, Text: "TLS ends at a proxy before the programs, and Mallory sits behind it. Alice logs out on one device while she logs in on another, or at a site that is not told.", Sessions: []string{"alice at the wiki", "alice in a hurry"}},
			{Name: "plain-forum", Attacker: Network, Text: "Olga registers a forum that has no TLS, and Rene approves it. Alice logs in there.", Sessions: []string{"alice at the forum"}},
			{Name: "plain-platform", Attacker: Network, Text: "The platform has no TLS at all.", Sessions: []string{"alice"}},
			{Name: "plain-portal", Attacker: Network, Text: "The platform can be reached without TLS, and Alice has an account under that address.", Sessions: []string{"alice"}},
		},
		Sessions: []string{"alice", "mallory", "alice comes back", "alice leaves", "alice at the shop", "alice on two devices", "alice at the wiki", "alice at many", "alice at both", "alice again and again", "alice leaves for good", "alice in a hurry", "alice leaves here", "alice at the forum", "alice in again", "a key on its way", "a key in between", "a key replaced", "two keys replaced"},
		Set:      setPortal,
		Type:     portalType,
		Receipt:  portalReceipt,
		Nonces:   []string{"platform/messages", "third-party/messages", "third-party/logout-tokens"},
		Hold:     patience,
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
		return Meaning{Type: logoutToken}
	case "code":
		return Meaning{Type: loginCode, Of: siteOf(m, f)}
	case "state":
		return Meaning{Type: loginState, Of: siteOf(m, f)}
	case "code_challenge":
		return Meaning{Type: loginChallenge, Of: siteOf(m, f)}
	}
	return Meaning{}
}

// portalReceipt is the answer to a logout token, which nobody seals or signs: TLS alone vouches for it (profile section 4.7).
func portalReceipt(leg string) int {
	if leg == portal.LegBackChannel {
		return http.StatusNoContent
	}
	return 0
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
	forum *sim.Host         // nil in most worlds
	came  *sim.Gate         // opened when the wiki has a code
	code  string            // that came to the wiki last
	// atForum is where the forum begins a login; empty where it is not in force.
	atForum string
	// connects: what honest people begin comes to its end when nobody interferes.
	connects bool
	flushes  []*[]portal.Flush
	// own is what pages hide for Mallory, by where they are; nil in most worlds.
	own map[string]url.Values
}

const (
	mallorysPage    = "/callback-of-mallory" // at the mail site
	mallorysPath    = "https://mallory/callback"
	madeUpState     = "a-state-that-is-made-up"
	plantedValue    = "planted-by-mallory-0000001"
	platformInClear = "http://platform"
	// patience is less than the ten seconds for which programs wait.
	patience = 8 * time.Second
	// settles is how long a logout takes to reach everybody, and more than a queue that is idle waits.
	settles = 8 * time.Second
)

func setPortal(d *Director, scene string, s stage.Setting) *stage.Stage {
	st := &portals{Stage: portal.New(s), d: d, connects: true}
	if d.Mirrored() {
		st.Mail, st.Shop = st.Shop, st.Mail
	}
	st.Unfinished = true
	d.Attacker(st.Mallory.Host)
	d.Opens(st.Opened)
	d.MayCrash(st.Platform.Host, st.Mail.Host, st.Shop.Host)
	if slices.ContainsFunc([]string{"alice on two devices", "alice in a hurry", "alice leaves here", "alice in again"}, d.Playing) {
		st.phone = st.NewDevice(st.Alice, "phone")
	}
	st.arrange(scene)
	st.know(scene)
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
	case "open-web", "users-pages":
		st.ownPage()
	case "dishonest-wiki", "hoarding-wiki":
		st.turnWiki()
		st.d.MayWait(2 * time.Minute)
	case "history":
		st.turnWiki()
		st.breakDown(true)
	case "lost-callback":
		st.breakDown(false)
	case "shared-computer":
		st.leakRequests()
	case "library-computer":
		st.noteCookie()
	case "bad-page", "page-next-door":
		st.turnWiki()
		st.logsInAtWiki()
	case "look-alike":
		st.turnWiki()
		st.Wiki.Name = st.Mail.Host.Name()
		st.Alice.Refuses(st.Wiki)
		st.logsInAtWiki()
	case "listening-wiki":
		st.turnWiki()
		st.listensAtWiki()
	case "copied-cookies":
		st.copyCookies()
	case "leaking-log":
		st.turnWiki()
		st.listensAtWiki()
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
	case "slow-site", "failing-site", "pausing-site":
		st.Wiki.Way, st.connects = portal.Batches, false
		st.Platform.BatchMaxWait = 6 * time.Second
		st.TakeOver(st.Wiki.Host, st.failing(scene))
	case "outage":
		st.Platform.BatchLimit = 2
		st.Mute(portal.LegBatch, st.Mail, func() bool { return st.World.Now() < time.Minute })
	case "deaf-site":
		st.Mute(portal.LegBatch, st.Mail, func() bool { return st.World.Now() < 30*time.Minute })
	case "rotation":
		st.Operated()
	case "plain-forum":
		st.Operated()
		st.forum = st.Host("forum", func(*sim.Host) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		})
	case "plain-platform":
		st.Platform.Issuer, st.connects = platformInClear, false
	case "sparing-site":
		st.Mail.MostTasks = 1
	case "proxy", "proxied-logins", "proxied-logouts", "proxied-races":
		st.d.MayWait(6 * time.Minute)
		st.d.Proxied(func(m *sim.Message) bool {
			switch st.Leg(m) {
			case portal.LegToken, portal.LegAuthentication, portal.LegStatus, portal.LegBatch, portal.LegBackChannel:
				return true
			}
			return false
		})
	case "slow-network":
		between := []string{st.Platform.Host.Name(), st.Mail.Host.Name()}
		st.d.Slow(patience, func(m *sim.Message) bool { return slices.Contains(between, m.From) && slices.Contains(between, m.To) })
	case "plain-portal":
		st.Alice.HasAccountAt(platformInClear)
	}
}

// know is what the attacker knows to begin with.
func (st *portals) know(scene string) {
	d := st.d
	d.Know(Term{Type: loginState, Name: "a state made up", Value: madeUpState})
	d.Know(Term{Type: loginChallenge, Name: "a challenge made up", Value: portal.Challenge})
	d.Know(Term{Type: loginChallenge, Name: "no challenge"})
	d.Know(Term{Type: loginCode, Name: "a code made up", Value: "a-code-that-is-made-up"})
	d.Know(Term{Type: passToken, Name: "a pass token made up", Value: "a-pass-token-that-is-made-up"})
	d.Know(Term{Type: callbackPath, Name: "the callback of " + st.site(), Value: st.Mail.CallbackURI()})
	d.Know(Term{Type: callbackPath, Name: "Mallory's page below it", Value: st.Mail.Base + mallorysPage})
	d.Know(Term{Type: callbackPath, Name: "a path of Mallory's", Value: mallorysPath})
	d.Know(Term{Type: newClient, Name: st.site(), Value: st.Mail.ID})
	if scene == "stolen-operator" {
		d.Know(Term{Type: newClient, Name: "one that nobody registered", Value: "tp-of-nobody"})
	}
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
	if st.staysAway() {
		st.Mallory.Wait(2 * time.Hour)
		st.Unfinished = false
		st.World.Stop() // a queue would be tried for ever
		return
	}
	st.looks()
	st.Mallory.Wait(portal.LogoutBound + time.Minute)
	st.looks()
	if st.connects {
		st.Alice.AtPage = nil
		st.Mallory.Wait(forgotten)
		st.Alice.UntilIn(st.Mail)
		st.Alice.UntilIn(st.visited()...)
		if st.phone != nil {
			st.phone.UntilIn(st.Mail)
		}
	}
	if st.connects && !st.logsOut() {
		st.Alice.UntilOut()
		st.Mallory.Wait(2 * settles)
		st.looks()
		st.Mallory.Wait(portal.LogoutBound + time.Minute)
		st.looks()
	}
	if st.d.Playing("mallory") { // the attacker still has what she had in the morning
		st.Mallory.Wait(overnight)
		st.Mallory.Looks(st.Mail)
	}
	st.Unfinished = false
	st.Mallory.Wait(time.Hour)
	now := st.World.Now()
	if slices.ContainsFunc(st.flushes, func(all *[]portal.Flush) bool { return len(*all) > 0 && (*all)[len(*all)-1].At > now-10*time.Minute }) || !st.connects {
		st.World.Stop() // a queue would be tried for ever
	}
}

// visited are the honest sites besides the mail site at which Alice has been in this world.
func (st *portals) visited() (all []*portal.ThirdParty) {
	if st.d.Playing("alice at the shop") || st.d.Playing("alice at both") {
		all = append(all, st.Shop)
	}
	if st.d.Playing("alice at the wiki") || st.d.Playing("alice at both") {
		all = append(all, st.Wiki)
	}
	return slices.DeleteFunc(all, func(t *portal.ThirdParty) bool { return st.Dishonest(t.Host.Name()) })
}

// overnight is longer than a login credential lives.
const overnight = 9 * time.Hour

// staysAway reports whether nobody comes to any site again when all is over.
func (st *portals) staysAway() bool {
	return st.d.Playing("alice leaves for good") || st.d.Playing("a key in between")
}

// logsOut reports whether Alice logs out in the course of this world.
func (st *portals) logsOut() bool {
	return slices.ContainsFunc([]string{"alice comes back", "alice at the shop", "alice at the wiki", "alice on two devices", "alice at both", "alice again and again", "alice in a hurry", "alice in again"}, st.d.Playing)
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
		st.Mallory.Get(t.Base + cast.PathResource)
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
