package adversary

import (
	"net/http"
	"slices"

	cast "countersign/actors/unified"
	"countersign/scenarios/portal"
	"countersign/sim"
)

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

// failing is a wiki that logs users in as an honest one does, and refuses batches, lets them wait in vain, or asks for a pause.
func (st *portals) failing(scene string) sim.Boot {
	return func(h *sim.Host) http.Handler {
		honest := st.Honest(h, st.Wiki)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != cast.PathBatchLogout {
				honest.ServeHTTP(w, r)
				return
			}
			switch scene {
			case "slow-site":
				h.Clock().Sleep(2 * portal.Patience)
			case "pausing-site":
				w.Header().Set("Retry-After", "60")
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

// breakDown loses the first request with which Alice's browser brings a code of hers to the mail site. The attacker may find the code.
func (st *portals) breakDown(found bool) {
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
		if found {
			st.leaks(loginCode, "the code of Alice's login at the mail site", code)
		}
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
			st.leaks(loginState, "state of Alice's login at "+st.site(), parameter(m.URL, "state"))
			challenge = parameter(m.URL, "code_challenge")
		case leg == portal.LegCallback && challenge != "":
			st.leaks(loginChallenge, "challenge of Alice's login at "+st.site(), challenge)
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

// ownPage gives Mallory a page at the mail site, and what comes to it.
func (st *portals) ownPage() {
	st.Mail.Pages = map[string]http.HandlerFunc{mallorysPage: func(w http.ResponseWriter, r *http.Request) {
		st.leaks(loginCode, "the code of Alice's login that came to Mallory's page", r.URL.Query().Get("code"))
		w.WriteHeader(http.StatusNoContent)
	}}
}

// noteCookie gives the attacker the cookie that the platform's first page gives to Alice's browser, before she logs in.
func (st *portals) noteCookie() {
	noted := false
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if noted || m.Kind != sim.Response || m.Status != http.StatusOK || m.From != st.Platform.Host.Name() || m.To != st.Alice.Host.Name() {
			return sim.Verdict{}
		}
		for _, c := range (&http.Response{Header: m.Header}).Cookies() {
			noted = true
			st.leaks(sessionCookie, "the cookie that Alice's browser had before her login", c.Name+"="+c.Value)
		}
		return sim.Verdict{}
	}))
}

// copyCookies gives the attacker the cookies with which Alice has left the mail site, and logged out at the platform.
func (st *portals) copyCookies() {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind != sim.Request || m.From != st.Alice.Host.Name() || m.Method != http.MethodPost {
			return sim.Verdict{}
		}
		switch st.Leg(&m) {
		case portal.LegLeave:
			st.leaks(loginCookie, "the cookie with which Alice has left mail", m.Header.Get("Cookie"))
		case portal.LegLogout:
			st.leaks(sessionCookie, "the cookie with which Alice has logged out", m.Header.Get("Cookie"))
		}
		return sim.Verdict{}
	}))
}

// logsInAtWiki has the dishonest wiki go through with each login, as an honest one does.
func (st *portals) logsInAtWiki() {
	st.wiki.Came = func(code string) {
		if pass := st.exchange(Term{Name: "the code that came", Value: code}, st.Wiki); pass != "" {
			st.wiki.Authenticate(pass)
		}
	}
}

// listensAtWiki has the dishonest wiki take logout tokens.
func (st *portals) listensAtWiki() {
	st.Wiki.Way = portal.BackChannel
	st.Wiki.Pages[cast.PathBackChannelLogout] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	st.logsInAtWiki()
}
