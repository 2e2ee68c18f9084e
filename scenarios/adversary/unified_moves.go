package adversary

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	cast "countersign/actors/unified"
	"countersign/scenarios/portal"
)

// move gives the attacker what every endpoint of the flow takes.
func (st *portals) move(scene string) {
	switch scene {
	case "likely-passwords":
		st.d.May(st.atPassword()...)
	case "trickle":
		st.d.May(st.goesInAndOut(st.Mail, "fifteen times, every three seconds", 15))
	case "sparing-site":
		st.d.May(st.goesInAndOut(st.Mail, "once", 1))
	case "crashes":
		st.d.May(st.crashes()...)
	case "failing-site", "pausing-site":
		st.d.May(st.goesInAndOut(st.Wiki, "fifteen times, every three seconds", 15))
	case "slow-site", "outage", "deaf-site", "planted-cookie", "plain-forum", "plain-platform":
	case "one-site-left":
		st.d.May(st.formsAndLinks()...)
	case "page-next-door":
		st.own = map[string]url.Values{}
		st.d.May(st.formsAndLinks()...)
		st.d.May(st.withOwnKeys()...)
		st.d.May(st.atWiki()...)
	case "bad-page":
		st.d.May(st.formsAndLinks()...)
		st.d.May(st.atWiki()...)
	case "copied-cookies":
		st.d.May(st.goesOnWithCookie(), Move{Name: "opens the home page of mail with", Slots: []string{loginCookie}, Send: func(t []Term) { st.Mallory.LooksWith(t[0].Value, st.Mail) }})
	case "forgeries":
		st.d.May(st.forged()...)
	case "hoarding-wiki":
		st.d.May(st.withCodes()...)
		st.d.May(st.showsAsWiki())
	case "users-pages":
		st.d.May(st.begins(), st.asksAlice(), st.brings())
	case "lost-callback":
		st.d.May(st.begins(), st.approves())
		st.d.May(st.guesses()...)
	case "slow-network":
		st.d.May(st.begins(), st.asksAlice(), st.approves(), st.brings())
	case "history":
		st.d.May(st.begins(), st.asksAlice(), st.approves(), st.brings())
		st.d.May(st.withCodes()...)
	case "shared-computer":
		st.d.May(st.begins(), st.asksAlice(), st.approves(), st.brings())
	case "library-computer":
		st.d.May(st.begins(), st.goesOnWithCookie())
	case "look-alike":
		st.d.May(st.atWiki()...)
	case "listening-wiki":
		st.d.May(st.logoutTokens()...)
	case "rotation":
		st.d.May(st.withLostKey()...)
	case "stolen-operator", "blind-reviewer":
		st.d.May(st.asOperator(scene)...)
		st.d.May(st.asksAlice())
	case "second-platform":
		st.d.May(st.withRival()...)
	case "proxy", "proxied-logins", "proxied-logouts", "proxied-races":
	case "plain-portal":
		st.d.May(Move{Name: "opens the portal without TLS", Link: func([]Term) Link { return Link{Target: platformInClear + "/portal"} }})
	default:
		st.d.May(st.inBrowsers()...)
		st.d.May(st.forged()...)
		if st.wiki != nil {
			st.d.May(st.asWiki()...)
		}
	}
}

// together lets pass a state and a challenge of one login, or made-up ones.
func together(state, challenge Term) bool {
	_, of, real := strings.Cut(state.Name, " ")
	_, other, _ := strings.Cut(challenge.Name, " ")
	return !real || of == other || strings.Contains(state.Name, "made up") && (strings.Contains(challenge.Name, "made up") || challenge.Value == "")
}

// asksAlice is the request of a third-party platform, which anybody can write.
func (st *portals) asksAlice() Move {
	return Move{
		Name: "opens the page that asks about", Slots: []string{newClient, callbackPath, loginState, loginChallenge},
		Fits: func(t []Term) bool { return st.mayBeAsked(t[1], t[2], t[3]) },
		Link: func(t []Term) Link {
			asks := st.AuthorizationURL(st.Mail, t[1].Value, t[2].Value, t[3].Value)
			return Link{Target: strings.Replace(asks, "client_id="+st.Mail.ID, "client_id="+url.QueryEscape(t[0].Value), 1)}
		},
	}
}

// mayBeAsked leaves out what the scene does not let the attacker ask. Whoever reads the answer to a request that he wrote himself has won; so where
// answers leak, requests are those of old links.
func (st *portals) mayBeAsked(path, state, challenge Term) bool {
	switch st.d.system.Scene.Name {
	case "stolen-operator", "blind-reviewer":
		return path.Value == mallorysPath && challenge.Value == portal.Challenge && state.Value == madeUpState
	case "history":
		return path.Value == st.Mail.CallbackURI() && challenge.Value == "" && state.Value == madeUpState
	case "users-pages":
		return path.Value == st.Mail.Base+mallorysPage && challenge.Value != "" && together(state, challenge)
	}
	return path.Value != mallorysPath && together(state, challenge) && (path.Value == st.Mail.CallbackURI() || state.Value == madeUpState && challenge.Value != "")
}

// inBrowsers are the legs that go through a browser, honest or not.
func (st *portals) inBrowsers() []Move {
	all := []Move{st.begins(), st.asksAlice(), st.approves(), st.brings()}
	return append(append(all, st.guesses()[0]), st.formsAndLinks()...)
}

// formsAndLinks are decisions that a page of the attacker's makes in an honest browser.
func (st *portals) formsAndLinks() []Move {
	mail, platform, logOut := st.Mail, st.Platform.Issuer, url.Values{"decision": {"logout"}}
	return []Move{
		{Name: "logs in at the portal with Mallory's account by a page of the attacker's", Link: func([]Term) Link { return Link{platform + "/portal", st.asMallory("login")} }},
		{Name: "logs in at the portal with Mallory's account by a link", Link: func([]Term) Link { return Link{Target: platform + "/portal?" + st.asMallory("login").Encode()} }},
		{Name: "logs out at the platform by a page of the attacker's", Link: func([]Term) Link { return Link{platform + "/logout", logOut} }},
		{Name: "logs out at the platform by a link", Link: func([]Term) Link { return Link{Target: platform + "/logout?" + logOut.Encode()} }},
		{Name: "leaves " + st.site() + " by a page of the attacker's", Link: func([]Term) Link { return Link{mail.Base + cast.PathUserLogout, logOut} }},
		{Name: "leaves " + st.site() + " by a link", Link: func([]Term) Link { return Link{Target: mail.Base + cast.PathUserLogout} }},
	}
}

// withOwnKeys are decisions that a page of the attacker's makes with what the right pages hide in their forms, for Mallory.
func (st *portals) withOwnKeys() (all []Move) {
	page := st.AuthorizationURL(st.Wiki, st.Wiki.CallbackURI(), madeUpState, portal.Challenge)
	for _, form := range []struct{ name, shown, to, decision string }{
		{"logs out at the platform", st.Platform.Issuer + "/logout", st.Platform.Issuer + "/logout", "logout"},
		{"leaves " + st.site(), st.Mail.Base + cast.PathHome, st.Mail.Base + cast.PathUserLogout, "logout"},
		{"approves the wiki", page, page, string(cast.Approve)},
	} {
		st.own[form.shown] = nil
		all = append(all, Move{Name: form.name + " by a page of the attacker's, which hides what the right page hides for Mallory", Link: func([]Term) Link {
			sent := url.Values{"decision": {form.decision}}
			maps.Copy(sent, st.own[form.shown])
			return Link{form.to, sent}
		}})
	}
	return all
}

// readsOwnPages has Mallory open the pages with forms, within a login of her own.
func (st *portals) readsOwnPages(m *portal.Attacker) {
	m.Enters(st.Mail)
	for _, shown := range slices.Sorted(maps.Keys(st.own)) {
		st.own[shown] = m.Hidden(shown)
	}
}

// forged is what anybody can send to a program: unsealed, or signed with a key of the attacker's.
func (st *portals) forged() []Move {
	return []Move{
		{Name: "sends mail a batch that logs Alice out, unsealed", Send: func([]Term) { st.Mallory.ForgeBatch(st.Mail, "alice") }},
		{Name: "sends the shop a logout token for Alice, signed with a key of its own", Send: func([]Term) { st.Mallory.ForgeLogoutToken(st.Shop, "a-key-of-the-platform", "alice") }},
		{Name: "asks the platform as mail whether Alice is logged in, unsealed", Send: func([]Term) {
			st.Mallory.Plainly(st.Mail, "/status", map[string]any{"sub": portal.SubOf("alice"), "generation": 1})
		}},
		{Name: "shows the platform as mail, unsealed,", Slots: []string{passToken}, Send: func(t []Term) {
			st.Mallory.Plainly(st.Mail, "/authentication", map[string]any{"pass_token": t[0].Value})
		}},
	}
}

// withRival is what a second, dishonest platform does.
func (st *portals) withRival() []Move {
	begin := st.Mail.AccessURI() + "?iss=" + url.QueryEscape(st.rival.Issuer)
	return []Move{
		{Name: "begins a login at mail with the rival platform, which leads on to the platform", Link: func([]Term) Link {
			st.rival.Leads = func(asked url.Values) string { return st.Platform.Issuer + "/authorize?" + asked.Encode() }
			return Link{Target: begin}
		}},
		{Name: "logs in at mail with the rival platform, which names Alice's number", Send: func([]Term) {
			st.rival.Leads, st.rival.Sub = nil, portal.SubOf("alice")
			m := st.Mallory
			m.Get(m.Get(m.Get(begin).Location).Location)
		}},
		{Name: "has the rival platform log out Alice's number at mail", Send: func([]Term) { st.rival.SendBatch("alice") }},
	}
}

// asOperator moves the paths of registered third-party platforms, and asks for keys.
func (st *portals) asOperator(scene string) []Move {
	m := st.Mallory
	ask := func(as string) string { return st.AsksChange(m.Host, as, st.Mail, "mail", mallorysPath) }
	keep := func(as string) func([]Term) {
		return func([]Term) {
			if id := ask(as); id != "" {
				st.d.Know(Term{Type: reviewRequest, Name: "request of " + as, Value: id})
			}
		}
	}
	approves := func(as string) Move {
		return Move{Name: "approves as " + as, Slots: []string{reviewRequest}, Send: func(t []Term) { st.Approves(m.Host, as, t[0].Value) }}
	}
	register := func(as string) Move {
		return Move{Name: "registers a third-party platform as " + as, Send: func([]Term) {
			_, said := st.Operate(m.Host, as, "/registration", map[string]string{
				"client_name": "evil", "access_uri": "https://mallory/access", "callback_uri": mallorysPath,
			})
			st.leaks(newClient, "the one registered by "+as, said["client_id"])
			st.leaks(reviewRequest, "registration by "+as, said["request_id"])
		}}
	}
	moves := []Move{
		{Name: "asks as mallory for another callback path of mail", Send: keep(m.Name)},
		{Name: "asks as mallory for a communication key of mail", Send: func([]Term) { st.Operate(m.Host, m.Name, "/key", map[string]string{"client_id": st.Mail.ID}) }},
		approves(m.Name), register(m.Name),
	}
	if scene == "blind-reviewer" {
		// A platform of Mallory's own that was reviewed is a dishonest one in its right, which is another scene.
		return append(moves[:2], Move{Name: "has Rene approve", Slots: []string{reviewRequest}, Send: func(t []Term) { st.Approves(m.Host, portal.Rene, t[0].Value) }})
	}
	return append(moves, Move{Name: "asks as olga for another callback path of mail", Send: keep(portal.Olga)}, approves(portal.Olga))
}

// atPassword are tries to get in as somebody else.
func (st *portals) atPassword() []Move {
	m := st.Mallory
	try := func(last string, guesses int) func([]Term) {
		return func([]Term) {
			for i := range guesses {
				m.LogIn("alice", "password number "+strconv.Itoa(i))
			}
			m.LogIn("alice", last)
		}
	}
	return []Move{
		{Name: "logs in as Alice with a password made up", Send: try("password made up", 0)},
		{Name: "tries twelve likely passwords of Alice's, the last of them right", Send: try(portal.PasswordOf("alice"), 11)},
		{Name: "compares how a name that nobody has is refused with how Alice's is", Send: func([]Term) {
			m.LogIn("alice", "password made up")
			m.LogIn("nobody", "password made up")
		}},
	}
}

// goesInAndOut keeps a queue from being idle.
func (st *portals) goesInAndOut(at *portal.ThirdParty, often string, times int) Move {
	return Move{Name: "goes in and out at " + at.Host.Name() + " " + often, Send: func([]Term) {
		for range times {
			st.Mallory.Enters(at)
			st.Mallory.LogsOut()
			st.Mallory.Wait(3 * time.Second)
		}
	}}
}

// crashes bring hosts down.
func (st *portals) crashes() (all []Move) {
	for _, h := range st.d.crashes {
		all = append(all, Move{Name: "brings " + h.Name() + " down for two seconds", Send: func([]Term) {
			h.Crash(2 * time.Second)
			st.Mallory.Wait(3 * time.Second)
		}})
	}
	return all
}
