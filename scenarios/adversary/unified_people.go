package adversary

import (
	"net/http"
	"net/url"
	"time"

	cast "countersign/actors/unified"
	"countersign/scenarios/portal"
)

// people gives everybody a part.
func (st *portals) people() {
	d := st.d
	late := d.Playing("a key in between") // Alice is there before the new key
	if !late {
		st.operator()
	}
	st.Alice.AtPage = func(cast.Page) { d.Pause("alice", "reads the page that asks") }
	if st.phone != nil {
		st.phone.AtPage = func(cast.Page) { d.Pause("alice's phone", "reads the page that asks") }
		st.phone.Follows(d.Session("alice's phone", func() {
			st.phone.Enters(st.Mail)
			d.Pause("alice's phone", "has been at the mail site")
			st.phone.Enters(st.Mail)
		}))
	}
	st.Alice.Follows(d.Person("alice", st.follow, st.ofAlice()))
	if late {
		st.operator()
	}
	var sessions []func()
	if d.Playing("mallory") {
		sessions = append(sessions, d.Session("mallory", st.ofMallory))
	}
	if st.wiki != nil && d.Playing("alice at the wiki") {
		sessions = append(sessions, d.Session("the wiki", st.ofWiki))
	}
	st.Mallory.Plays(func(m *portal.Attacker) {
		if st.own != nil {
			st.readsOwnPages(m)
		}
		for _, run := range sessions {
			m.Meanwhile(run)
		}
		d.Direct()
	})
}

// ofAlice is what Alice does, session by session; nil for nothing.
func (st *portals) ofAlice() func() {
	u := st.Alice
	parts := []struct {
		session string
		does    func()
	}{
		{"alice", func() { u.Opens(st.Mail.AccessURI()) }},
		{"alice comes back", func() { st.comesBack(st.Mail) }},
		{"alice leaves", func() {
			u.Enters(st.Mail)
			st.d.Pause("alice", "is to leave")
			u.Leaves(st.Mail)
		}},
		{"alice at the shop", func() { st.comesBack(st.Shop) }},
		{"alice on two devices", func() {
			u.LogsIn()
			st.d.Pause("alice", "is to log out")
			u.LogsOut()
			st.passes()
		}},
		{"alice at the wiki", func() {
			u.Enters(st.Wiki)
			st.d.Pause("alice", "is to log out")
			u.LogsOut()
			if st.wiki == nil {
				st.d.Pause("alice", "is to look at the wiki again, after the bound")
				u.Wait(portal.LogoutBound + time.Minute)
				u.Looks(st.Wiki)
			}
		}},
		{"alice at both", func() {
			u.Enters(st.Wiki)
			st.comesBack(st.Shop)
		}},
		{"alice again and again", func() {
			for range 3 {
				u.Enters(st.Mail)
				u.LogsOut()
			}
			u.Wait(2 * time.Minute)
		}},
		{"alice leaves for good", func() {
			u.Enters(st.Mail)
			st.d.Pause("alice", "is to log out")
			u.LogsOut()
			st.passes()
		}},
		{"alice in a hurry", func() {
			u.LogsIn()
			u.LogsOut()
			st.passes()
		}},
		{"alice leaves here", func() {
			u.Enters(st.Mail)
			st.d.Pause("alice", "is to leave")
			u.Leaves(st.Mail)
		}},
		{"alice at the forum", func() { u.Opens(st.atForum) }},
		{"alice in again", func() {
			u.Enters(st.Mail)
			st.d.Pause("alice", "is to log out")
			u.LogsOut()
			st.passes()
			u.Enters(st.Mail)
		}},
		{"a key on its way", func() { u.UntilIn(st.Mail) }},
		{"a key in between", func() {
			u.Enters(st.Mail)
			st.d.Pause("alice", "is to log out")
			u.LogsOut()
			st.passes()
		}},
		{"a key replaced", func() { u.Enters(st.Mail) }},
		{"two keys replaced", func() { u.Enters(st.Mail) }},
		{"alice at many", func() {
			u.Enters(st.Wiki)
			u.LogsOut()
			u.Wait(settles) // now the wiki has a batch that it does not answer
			u.Enters(st.Wiki)
			u.Enters(st.Mail)
			u.LogsOut()
			st.passes()
		}},
	}
	var chosen []func()
	for _, p := range parts {
		if st.d.Playing(p.session) {
			chosen = append(chosen, p.does)
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	return func() {
		for _, does := range chosen {
			does()
			st.d.Pause("alice", "is where she wanted to be")
		}
	}
}

// operator gives Olga her part, if there is one: what she does with one key after the other.
func (st *portals) operator() {
	parts := []struct {
		plays bool
		does  func(*portal.Operator)
	}{
		{st.forum != nil, st.registersForum},
		{st.d.Playing("a key on its way"), func(olga *portal.Operator) {
			if key, got := olga.GetsKey(st.Mail); got {
				st.d.Pause("olga", "is to give the mail site its new key")
				olga.Adds(st.Mail, key)
			}
		}},
		{st.d.Playing("a key in between"), func(olga *portal.Operator) { olga.Rotates(st.Mail, 0) }},
		{st.d.Playing("a key replaced"), func(olga *portal.Operator) {
			olga.Rotates(st.Mail, 0)
			olga.Wait(overlap)
			st.leaks(lostKey, "the key of mail that was replaced", olga.Keeps(st.Mail))
		}},
		{st.d.Playing("two keys replaced"), func(olga *portal.Operator) {
			olga.Rotates(st.Mail, 0)
			before := olga.Keeps(st.Mail)
			olga.Wait(overlap - 2*time.Minute)
			olga.Rotates(st.Mail, 0)
			olga.Wait(2 * time.Minute)
			st.leaks(lostKey, "the first of two keys of mail that were replaced", before)
		}},
	}
	var chosen []func(*portal.Operator)
	for _, p := range parts {
		if p.plays {
			chosen = append(chosen, p.does)
		}
	}
	if len(chosen) == 0 {
		return
	}
	olga := st.NewOperator(portal.Olga)
	olga.Follows(st.d.Session("olga", func() {
		for _, does := range chosen {
			does(olga)
		}
	}))
}

// overlap is for how long the platform takes a key that was replaced, and a little more.
const overlap = 11 * time.Minute

// registersForum registers a forum without TLS, and Rene approves it, if the platform takes such a thing.
func (st *portals) registersForum(olga *portal.Operator) {
	const base = "http://forum"
	_, said := st.Operate(olga.Host, portal.Olga, "/registration", map[string]string{
		"client_name": "forum", "access_uri": base + cast.PathAccess, "callback_uri": base + cast.PathCallback,
	})
	if said["request_id"] == "" || st.Approves(olga.Host, portal.Rene, said["request_id"]) != http.StatusOK {
		return
	}
	forum := &portal.ThirdParty{ID: said["client_id"], Base: base}
	st.atForum = st.AuthorizationURL(forum, forum.CallbackURI(), madeUpState, portal.Challenge)
}

// comesBack is Alice who enters, logs out everywhere, lets time pass and enters again.
func (st *portals) comesBack(t *portal.ThirdParty) {
	u := st.Alice
	u.Enters(t)
	st.d.Pause("alice", "is to log out")
	u.LogsOut()
	st.passes()
	u.Enters(t)
	st.passes()
}

// passes lets as much time pass as a logout takes.
func (st *portals) passes() {
	st.d.Pause("alice", "is to let time pass")
	st.Alice.Wait(settles)
}

// follow has Alice open what the attacker laid out: a link, or a page of the attacker's that sends a form.
func (st *portals) follow(l Link) {
	if l.Form == nil {
		st.Alice.Opens(l.Target)
		return
	}
	from := "https://mallory/"
	if to, err := url.Parse(l.Target); err == nil && st.own != nil {
		from = "https://" + to.Hostname() + ":8443/"
	}
	if _, err := st.Alice.Browser.Post(from, l.Target, l.Form); err != nil {
		st.d.tell("the page of the attacker's leads nowhere: %v", err)
	}
}

// ofMallory is Mallory's own login at the mail site, as any user's, in steps.
func (st *portals) ofMallory() {
	m := st.Mallory
	page := m.Begin(st.Mail)
	if page == "" {
		return
	}
	st.d.Pause("mallory", "has begun a login at the mail site")
	back := m.Approve(page)
	if back == "" {
		return
	}
	st.d.Pause("mallory", "has approved")
	m.Get(back)
}

// ofWiki is what an honest third-party platform does with a code, in steps.
func (st *portals) ofWiki() {
	if !st.came.Opened() {
		return
	}
	pass := st.exchange(Term{Name: "the code that came", Value: st.code}, st.Wiki)
	if pass == "" {
		return
	}
	st.d.Pause("the wiki", "has a pass token")
	st.wiki.Authenticate(pass)
}

// exchange exchanges a code at the platform under the wiki's key, and keeps the pass token.
func (st *portals) exchange(code Term, of *portal.ThirdParty) string {
	pass, got := st.wiki.PassToken(code.Value, of)
	if got {
		st.d.Know(Term{Type: passToken, Name: "the pass token of " + code.Name, Value: pass})
	}
	return pass
}
