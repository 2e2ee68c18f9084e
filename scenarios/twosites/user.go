package twosites

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	cast "countersign/actors/bidirectional"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// User is an honest person at a terminal.
type User struct {
	*stage.Person
	// Decide answers an authorization page of a site; nil approves.
	Decide func(at *Site, page cast.Page) cast.Decision
	// OnTheWay, if set, is called before the terminal asks for a URL, and may take its time.
	OnTheWay func(target string)

	stage    *Stage
	terminal *cast.Terminal
	// wants are the consents that the user means to give.
	wants []want
	// elsewhere are further origins under which the user is registered at a site, by its letter.
	elsewhere map[string][]string
	// reads says of a client's letter whether its home page showed what the user keeps at the other site, at the last look.
	reads map[string]bool
}

// want is a client that may read what the user keeps at a site.
type want struct {
	at     *Site
	client string
}

// consent is an approval by a user, as the user saw it.
type consent struct {
	person string
	at     *Site
	token  string // temporary credential in the page's URL
	client string // client_id there
	text   string // of the page
}

func (st *Stage) newUser(name string) *User {
	u := &User{stage: st, reads: map[string]bool{}, elsewhere: map[string][]string{}, wants: []want{{st.A, st.B.ClientID}, {st.B, st.A.ClientID}}}
	// A terminal that crashed has lost its cookies, and its user begins again.
	u.Person = st.NewPerson(name, "user", func(h *sim.Host) { u.terminal = u.newTerminal(h) })
	st.users = append(st.users, u)
	return u
}

func (u *User) newTerminal(h *sim.Host) *cast.Terminal {
	env := u.stage.Env(h)
	link := *env.HTTP
	link.Transport = slowLink{u, link.Transport}
	env.HTTP = &link
	t := &cast.Terminal{Env: env, Decide: u.decide}
	for _, s := range []*Site{u.stage.A, u.stage.B} {
		a := s.accountOf(u.Name)
		for _, origin := range append([]string{s.Issuer}, u.elsewhere[s.Letter]...) {
			t.Accounts = append(t.Accounts, cast.SiteAccount{Origin: origin, Username: a.username, Password: a.password})
		}
	}
	return t
}

// slowLink is the way of a user's terminal to the sites.
type slowLink struct {
	user *User
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (l slowLink) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.user.OnTheWay != nil {
		l.user.OnTheWay(r.URL.String())
	}
	return l.next.RoundTrip(r)
}

// Plays gives the user what to do. When it is done, the user looks at the clients' home pages.
func (u *User) Plays(script func(*User)) {
	u.Follows(func() {
		script(u)
		u.Look()
	})
}

// ReadsPages makes the user refuse a page that names a client which the user wants to read nowhere.
func (u *User) ReadsPages() {
	u.Decide = func(_ *Site, page cast.Page) cast.Decision {
		for _, s := range []*Site{u.stage.A, u.stage.B, u.stage.C} {
			wanted := slices.ContainsFunc(u.wants, func(w want) bool { return w.client == s.ClientID })
			if strings.Contains(page.Text, s.ClientID) && !wanted {
				return cast.Deny
			}
		}
		return cast.Approve
	}
}

// Refuses makes the user refuse at the sites, and approve elsewhere.
func (u *User) Refuses(at ...*Site) {
	u.Decide = func(asked *Site, _ cast.Page) cast.Decision {
		if slices.Contains(at, asked) {
			return cast.Deny
		}
		return cast.Approve
	}
}

func (u *User) decide(page cast.Page) cast.Decision {
	at := u.stage.siteOf(page.URL)
	if at == nil {
		return cast.Approve // a page that only looks like a site's; whether the user signs in there is up to the terminal
	}
	if u.Decide != nil {
		if d := u.Decide(at, page); d != cast.Approve {
			return d
		}
	}
	target, err := url.Parse(page.URL)
	if err != nil {
		return cast.Deny
	}
	query := target.Query()
	u.stage.consents = append(u.stage.consents, consent{u.Name, at, query.Get("oauth_token"), query.Get("client_id"), page.Text})
	return cast.Approve
}

// siteOf finds the site whose OAuth server has a URL.
func (st *Stage) siteOf(target string) *Site {
	u, err := url.Parse(target)
	if err != nil {
		return nil
	}
	for _, s := range []*Site{st.A, st.B} {
		if s.OAuthServer.Name() == u.Host {
			return s
		}
	}
	return nil
}

// Connect begins a flow at the client of one site with the other, and follows it to its end.
func (u *User) Connect(from, with *Site) (cast.Page, error) {
	return u.terminal.Start(from.ClientBase, with.Issuer)
}

// Open opens a link.
func (u *User) Open(link string) (cast.Page, error) { return u.terminal.Open(link) }

// Post sends a form from a page of another origin.
func (u *User) Post(from, target string, form url.Values) (cast.Page, error) {
	return u.terminal.Post(from, target, form)
}

// SecondTerminal gives the user another browser on the same machine, with the same accounts.
func (u *User) SecondTerminal() *User {
	other := *u
	other.terminal = u.newTerminal(u.Host)
	return &other
}

// Mistypes makes the user enter a wrong password at a site from now on, or the right one again.
func (u *User) Mistypes(at *Site, wrong bool) {
	for i := range u.terminal.Accounts {
		if a := &u.terminal.Accounts[i]; a.Origin == at.Issuer {
			a.Password = at.accountOf(u.Name).password
			if wrong {
				a.Password = "mistyped-" + a.Password[:8]
			}
		}
	}
}

// HasAccountAt lets the user be registered at a site under another origin too.
func (u *User) HasAccountAt(origin string, of *Site) {
	u.elsewhere[of.Letter] = append(u.elsewhere[of.Letter], origin)
}

// Look opens the home page of both clients, and reports whether each showed what the user keeps at the other site.
func (u *User) Look() (aReads, bReads bool) {
	a, b := u.stage.A, u.stage.B
	return u.look(a, b), u.look(b, a)
}

func (u *User) look(client, peer *Site) bool {
	page, err := u.terminal.Open(client.ClientBase + "/")
	if err == nil { // a page that did not come tells nothing
		u.reads[client.Letter] = strings.Contains(page.Text, peer.accountOf(u.Name).title())
	}
	return u.reads[client.Letter]
}

// Reads reports what Look saw last: whether the site reads what the user keeps at the other.
func (u *User) Reads(site *Site) bool { return u.reads[site.Letter] }

// UntilConnected connects again and again until both directions stand. When they do not after all the tries, that is a lock-out.
func (u *User) UntilConnected(from, with *Site) {
	const tries, pause = 10, 20 * time.Second
	for range tries {
		_, err := u.Connect(from, with)
		a, b := u.Look()
		if err == nil && a && b {
			return
		}
		u.Wait(pause)
	}
	u.stage.Breach(NoLockOut, u.Name+" tried ten times and did not get both directions")
}
