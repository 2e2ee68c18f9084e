package adversary

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	cast "countersign/actors/bidirectional"
	"countersign/scenarios/twosites"
	"countersign/sim"
)

// people gives everybody a part.
func (st *twoSites) people(scene string) {
	d := st.d
	st.Alice.ReadsPages()
	if scene == "hasty-user" {
		st.Alice.Decide = func(*twosites.Site, cast.Page) cast.Decision { return cast.Approve }
	}
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
				if scene == "losing-network" { // who is not sure that it went well does it again
					st.connect(st.Alice, st.A, st.B)
				}
				d.Pause("alice", "is to disconnect")
				st.disconnect()
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
			sessions = append(sessions, d.Session(name, func() {
				if scene == "spare-verifier" {
					st.Mallory.OwnConsent(st.Mallory.Start(st.A, st.B), st.B)
				}
				st.ownFlow(name)
			}))
		}
	}
	if d.Playing("site C") && scene == "mix-up" {
		sessions = append(sessions, d.Session("site C", st.askedForA))
	} else if d.Playing("site C") {
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
	if scene == "losing-network" {
		st.World.Tap(sim.TapFunc(st.notesReading))
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

// notesReading takes down with which tokens site A has read for Alice.
func (st *twoSites) notesReading(_ *sim.World, m sim.Message) sim.Verdict {
	if m.Kind == sim.Request && m.From == st.A.Client.Name() && !st.left && st.Leg(&m) == "resource request" {
		for _, f := range fieldsOf(&m) {
			st.shown[f.Value] = st.shown[f.Value] || f.Name == "oauth_token"
		}
	}
	return sim.Verdict{}
}

func (st *twoSites) connect(u *twosites.User, from, with *twosites.Site) {
	st.try(u.Connect(from, with))
}

// disconnect has Alice tell site A that it is to read no more, once more where that failed. Whoever has a copy of a token shows it then.
func (st *twoSites) disconnect() {
	st.left = true
	for range 2 {
		page, err := st.Alice.Post(st.A.ClientBase, st.A.ClientBase+"/disconnect", url.Values{"peer": {st.B.Issuer}})
		st.try(page, err)
		over := err == nil && page.Status < http.StatusInternalServerError
		st.disconnected = over && page.Status == http.StatusOK
		st.showHeld()
		if over {
			return
		}
	}
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

// ownFlow is Mallory's own flow from site A to site B, as any user's, in steps, unless a verifier came from somebody else.
func (st *twoSites) ownFlow(name string) {
	m, spare := st.Mallory, st.came()
	link := m.Start(st.A, st.B)
	if !strings.HasPrefix(link, "http") || !strings.Contains(link, "oauth_token=") {
		return
	}
	st.d.Pause(name, "has the link to the page of oauth.b")
	back := ""
	if given := st.came(); given != "" && given != spare {
		back = st.A.Callback() + "?" + url.Values{"oauth_token": {parameter(link, "oauth_token")}, "oauth_verifier": {given}, "state": {parameter(link, "state")}}.Encode()
	} else {
		back = m.OwnConsent(link, st.B).Location
	}
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
	st.Alice.OnTheWay = nil
	if a, b := st.Alice.Look(); st.d.Playing("alice") && st.connects && !st.left && !(a && b) {
		st.Alice.ReadsPages()
		st.Alice.Wait(15 * time.Minute)
		st.Alice.UntilConnected(st.A, st.B)
	}
	if st.d.Playing("bob") && st.connects {
		if a, b := st.Bob.Look(); !(a && b) {
			st.Bob.Wait(15 * time.Minute)
			st.Bob.UntilConnected(st.B, st.A)
		}
	}
	st.Mallory.Look()
	st.showHeld()
}

// showHeld has each honest client show the tokens that it was given.
func (st *twoSites) showHeld() {
	const lives = 55 * time.Minute // a token, and a little less
	for _, h := range st.held {
		status := twosites.Speaker{Host: h.by.Client, As: h.by}.Read(h.at, h.token)
		if status == http.StatusOK && st.disconnected && st.shown[h.token.Token] {
			st.Breach(twosites.Revocation, h.by.Client.Name()+" has told alice that it reads no more, and a token with which it has read opens the resource server of "+h.at.Name)
		}
		if status == http.StatusUnauthorized && h.at.Archive == nil && !st.left && st.World.Now() < h.since+lives {
			st.Breach(twosites.StaysConnected, "the resource server of "+h.at.Name+" no longer lets "+h.by.ClientID+" read, though nobody disconnected it")
		}
	}
}

// askedForA has site C ask for a credential that site A's client may take, and Mallory approve it for that client.
func (st *twoSites) askedForA() {
	own := twosites.Speaker{Host: st.C.Client, As: st.C}.Ask(st.B, st.A.ClientID)
	if own.Token == "" {
		return
	}
	st.d.Pause("site C", "has asked "+st.B.OAuthServer.Name()+" for a credential with the delegate "+st.A.ClientID)
	st.Mallory.OwnConsent(asking(st.B, own.Token, st.A.ClientID), st.B)
}
