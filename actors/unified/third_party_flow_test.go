package unified_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/password"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/unified"
	"countersign/sim"
)

const (
	townPlatform = "https://platform.example"
	townBound    = 2 * time.Minute
	townIdle     = 5 * time.Second
)

// town is the whole cast in a simulated world: a platform, and a third-party platform that takes batches, one that takes
// logout tokens, and one that no logout reaches.
type town struct {
	world    *sim.World
	platform *sim.Host
	home     *sim.Host // where users sit
	sites    map[string]*unified.ThirdParty
	guards   guard.Set // of the third-party platforms and user agents
}

// townSites are the third-party platforms in the order of the portal.
var townSites = []string{"batch", "token", "mute"}

func townSite(name string) string { return "https://" + name + ".example" }

func newTown(platform, others guard.Set) *town {
	t := &town{world: sim.New(sim.Config{Link: sim.Link{Delay: time.Millisecond}, Timeout: 10 * time.Second}), guards: others, sites: map[string]*unified.ThirdParty{}}
	env := func(h *sim.Host, guards guard.Set) actors.Env {
		return actors.Env{
			Clock: h.Clock(), Entropy: h.Entropy, HTTP: h.Client(), Within: h.ClientWithin, Go: h.Go, Guards: guards,
			Store: h.Durable("store", func() any { return &store.Memory{} }).(store.Store),
		}
	}
	var registered []unified.RegisteredParty
	for _, name := range townSites {
		r := unified.Registration{Name: "Site " + name, AccessURI: townSite(name) + unified.PathAccess, CallbackURI: townSite(name) + unified.PathCallback}
		switch name {
		case "batch":
			r.LogoutURI = townSite(name) + unified.PathBatchLogout
		case "token":
			r.BackchannelLogoutURI = townSite(name) + unified.PathBackChannelLogout
		}
		key := token.Key{ID: name + "-1", Secret: bytes.Repeat([]byte(name[:1]), 32)}
		registered = append(registered, unified.RegisteredParty{ClientID: name, Owner: "olga", Registration: r, Keys: []token.Key{key}})
		t.world.Host(name+".example", func(h *sim.Host) http.Handler {
			t.sites[name] = &unified.ThirdParty{
				Env: env(h, others), BaseURL: townSite(name), Platforms: []unified.PlatformSetup{{Issuer: townPlatform, ClientID: name, Keys: []token.Key{key}}},
				NoBatchLogout: name != "batch", NoBackChannelLogout: name != "token", NoUserLogout: name == "mute",
			}
			return t.sites[name].Handler()
		})
	}
	t.platform = t.world.Host("platform.example", func(h *sim.Host) http.Handler {
		p := &unified.Platform{
			Env: env(h, platform), Issuer: townPlatform, Passwords: password.Cheapest(), ThirdParties: registered,
			LogoutBound: townBound, BatchIdleTime: townIdle,
		}
		for _, name := range []string{"alice", "bob"} {
			hash, err := password.Cheapest().Hash("password of "+name, bytes.NewReader(make([]byte, 64)))
			Expect(err).NotTo(HaveOccurred())
			p.Users = append(p.Users, unified.User{Name: name, Password: hash, Sub: "sub-of-" + name, Nickname: strings.ToUpper(name), Picture: townPlatform + "/" + name})
		}
		return p.Handler()
	})
	t.home = t.world.Host("home.example", nil)
	return t
}

// agent is a browser in which a user of that name sits.
func (t *town) agent(name string) *unified.UserAgent {
	return &unified.UserAgent{
		Env:      actors.Env{HTTP: t.home.Client(), Guards: t.guards},
		Accounts: []unified.PlatformAccount{{Origin: townPlatform, Username: name, Password: "password of " + name}},
	}
}

// run plays a script to its end, and no further.
func (t *town) run(script func()) {
	GinkgoHelper()
	t.home.Go("script", func() {
		defer GinkgoRecover()
		defer t.platform.Crash(-1)
		script()
	})
	Expect(t.world.Run()).To(Succeed())
}

func (t *town) sleep(d time.Duration) { t.home.Clock().Sleep(d) }

// in reports at which sites the browser is logged in.
func (t *town) in(u *unified.UserAgent) (names []string) {
	for _, name := range townSites {
		if page, err := u.Look(townSite(name) + unified.PathResource); err == nil && page.Status == http.StatusOK {
			names = append(names, name)
		}
	}
	return names
}

// enters logs in at the portal and follows its links to the third-party platforms.
func (t *town) enters(u *unified.UserAgent) error {
	portal, err := u.Open(townPlatform + "/portal")
	if err != nil {
		return err
	}
	for _, link := range portal.Links() {
		if !strings.HasSuffix(link, unified.PathAccess) {
			continue
		}
		if _, err := u.Open(link); err != nil {
			return err
		}
	}
	return nil
}

var _ = Describe("One login for many platforms", func() {
	It("opens all third-party platforms from the portal, with one password, and one logout ends them all", func() {
		t := newTown(guard.Set{}, guard.Set{})
		t.run(func() {
			u, asked := t.agent("alice"), 0
			u.Decide = func(p unified.Page) unified.Decision {
				Expect(p.Text()).To(ContainSubstring("alice"), "who is logged in is named, not asked")
				asked++
				return unified.Approve
			}
			Expect(t.enters(u)).To(Succeed())
			Expect(asked).To(Equal(3))
			Expect(t.in(u)).To(Equal(townSites))
			home, err := u.Look(townSite("mute"))
			Expect(err).NotTo(HaveOccurred())
			Expect(home.Text()).To(ContainSubstring("ALICE"))

			bye, err := u.LogOut(home.Links()[0])
			Expect(err).NotTo(HaveOccurred())
			Expect(bye.Status).To(Equal(http.StatusOK))
			t.sleep(time.Second)
			Expect(t.in(u)).To(Equal([]string{"batch", "mute"}), "logout tokens go at once")
			t.sleep(townIdle)
			Expect(t.in(u)).To(Equal([]string{"mute"}), "batches go after the idle time")
			t.sleep(townBound)
			Expect(t.in(u)).To(BeEmpty(), "and nobody outlives the bound")
		})
	})

	It("leaves other users, and a later login, alone", func() {
		t := newTown(guard.Set{}, guard.Set{})
		t.run(func() {
			alice, bob := t.agent("alice"), t.agent("bob")
			Expect(t.enters(alice)).To(Succeed())
			Expect(t.enters(bob)).To(Succeed())
			_, err := alice.LogOut(townPlatform + "/logout")
			Expect(err).NotTo(HaveOccurred())
			Expect(t.enters(alice)).To(Succeed())
			t.sleep(townIdle + townBound)
			Expect(t.in(bob)).To(Equal(townSites))
			Expect(t.in(alice)).To(Equal(townSites), "the tasks of the older generation have come since")
		})
	})

	It("ends at one third-party platform alone where the user leaves there", func() {
		t := newTown(guard.Set{}, guard.Set{})
		t.run(func() {
			u := t.agent("alice")
			Expect(t.enters(u)).To(Succeed())
			page, err := u.LogOut(townSite("batch") + unified.PathHome)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Text()).To(ContainSubstring("You have left"))
			Expect(t.in(u)).To(Equal([]string{"token", "mute"}))
		})
	})

	It("does not begin where the user refuses", func() {
		t := newTown(guard.Set{}, guard.Set{})
		t.run(func() {
			u := t.agent("alice")
			u.Decide = func(unified.Page) unified.Decision { return unified.Deny }
			page, err := u.Open(townSite("batch") + unified.PathAccess)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).To(Equal(http.StatusForbidden))
			Expect(t.in(u)).To(BeEmpty())
		})
	})

	It("is asked for on the way where the user comes to a third-party platform first", func() {
		t := newTown(guard.Set{}, guard.Set{})
		t.run(func() {
			u := t.agent("alice")
			page, err := u.Open(townSite("token") + unified.PathAccess)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.URL).To(Equal(townSite("token") + unified.PathHome))
		})
	})

	It("survives a platform that is down while it is logged out of, once that is back", func() {
		t := newTown(guard.Set{}, guard.Set{})
		t.run(func() {
			u := t.agent("alice")
			Expect(t.enters(u)).To(Succeed())
			_, err := u.LogOut(townPlatform + "/logout")
			Expect(err).NotTo(HaveOccurred())
			t.platform.Crash(townBound)
			t.sleep(townBound)
			page, err := u.Look(townSite("mute") + unified.PathResource)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.Status).NotTo(Equal(http.StatusOK), "the bound holds while the platform is down")
			t.sleep(townIdle + time.Second)
			Expect(t.in(u)).To(BeEmpty())
		})
	})
})

var _ = Describe("A user agent", func() {
	// trap is a site whose page asks for a user name and a password, and which notes what it is given.
	trap := func(given *url.Values) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				Expect(r.ParseForm()).To(Succeed())
				*given = r.PostForm
				return
			}
			_, _ = io.WriteString(w, `<form method="post"><input name="username"><input type="password" name="password"><button name="decision" value="login">Log in</button></form>`)
		})
	}
	// opens has the user open the trap.
	opens := func(target string, origin string, guards guard.Set) (given url.Values, err error) {
		s := newScene(guard.Set{})
		u, parseErr := url.Parse(target)
		Expect(parseErr).NotTo(HaveOccurred())
		s.hosts[u.Host] = trap(&given)
		agent := &unified.UserAgent{Env: s.env("agent", guards), Accounts: []unified.PlatformAccount{{Origin: origin, Username: "alice", Password: "secret"}}}
		_, err = agent.Open(target)
		return given, err
	}

	It("enters a password at the platform where it is registered", func() {
		given, err := opens("https://p.example/login", sceneP, guard.Set{})
		Expect(err).NotTo(HaveOccurred())
		Expect(given).To(And(HaveKeyWithValue("username", []string{"alice"}), HaveKeyWithValue("password", []string{"secret"}), HaveKeyWithValue("decision", []string{"login"})))
	})

	It("enters no password anywhere else, unless UN-UA-01 is lifted", func() {
		given, err := opens("https://site.example/login", sceneP, guard.Set{})
		Expect(err).To(MatchError("no password is entered at https://site.example/login: the user has no account at this site"))
		Expect(given).To(BeNil())
		given, err = opens("https://site.example/login", sceneP, guard.Set{}.Without("UN-UA-01"))
		Expect(err).NotTo(HaveOccurred())
		Expect(given.Get("password")).To(Equal("secret"))
	})

	It("enters no password into a plain page from beyond loopback, unless UN-UA-02 is lifted", func() {
		given, err := opens("http://p.example/login", "http://p.example", guard.Set{})
		Expect(err).To(BeAssignableToTypeOf(&unified.PasswordRefused{}))
		Expect(given).To(BeNil())
		given, err = opens("http://p.example/login", "http://p.example", guard.Set{}.Without("UN-UA-02"))
		Expect(err).NotTo(HaveOccurred())
		Expect(given.Get("password")).To(Equal("secret"))
		given, err = opens("http://127.0.0.1:8841/login", "http://127.0.0.1:8841", guard.Set{})
		Expect(err).NotTo(HaveOccurred())
		Expect(given.Get("password")).To(Equal("secret"))
	})

	It("follows 302 and 303 with GET, and sends a form on after 307", func() {
		s := newScene(guard.Set{})
		agent := &unified.UserAgent{Env: s.env("agent", guard.Set{})}
		var methods []string
		s.hosts["a.example"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			methods = append(methods, r.Method)
			switch r.URL.Path {
			case "/302":
				http.Redirect(w, r, "/end", http.StatusFound)
			case "/303":
				http.Redirect(w, r, "/end", http.StatusSeeOther)
			case "/307":
				http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
			case "/round":
				http.Redirect(w, r, "/round", http.StatusFound)
			}
		})
		for _, path := range []string{"/302", "/303", "/307"} {
			page, err := agent.Post("", "https://a.example"+path, url.Values{"a": {"b"}})
			Expect(err).NotTo(HaveOccurred())
			Expect(page.URL).To(Equal("https://a.example/end"))
		}
		Expect(methods).To(Equal([]string{"POST", "GET", "POST", "GET", "POST", "POST"}))
		_, err := agent.Look("https://a.example/round")
		Expect(err).To(MatchError("the redirects do not end"))
	})

	It("keeps cookies by host, over its ports, and leaves SameSite cookies behind when another site's page sends a form", func() {
		s := newScene(guard.Set{})
		agent := &unified.UserAgent{Env: s.env("agent", guard.Set{})}
		var seen string
		site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = r.Header.Get("Cookie")
			if r.URL.Path == "/set" {
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", SameSite: http.SameSiteLaxMode})
			}
			if r.URL.Path == "/clear" {
				http.SetCookie(w, &http.Cookie{Name: "a", MaxAge: -1})
			}
		})
		for _, host := range []string{"127.0.0.1:1", "127.0.0.1:2", "other.example"} {
			s.hosts[host] = site
		}
		look := func(target string) string {
			_, err := agent.Look(target)
			Expect(err).NotTo(HaveOccurred())
			return seen
		}
		look("http://127.0.0.1:1/set")
		Expect(look("http://127.0.0.1:2/")).To(Equal("a=1"))
		Expect(look("https://other.example/")).To(BeEmpty())
		_, err := agent.Post("https://other.example/", "http://127.0.0.1:2/", url.Values{})
		Expect(err).NotTo(HaveOccurred())
		Expect(seen).To(BeEmpty())
		_, err = agent.Post("http://127.0.0.1:1/", "http://127.0.0.1:2/", url.Values{})
		Expect(err).NotTo(HaveOccurred())
		Expect(seen).To(Equal("a=1"))
		look("http://127.0.0.1:1/clear")
		Expect(look("http://127.0.0.1:2/")).To(BeEmpty())
	})

	It("says which button it does not find", func() {
		var shown unified.Page
		shown.URL, shown.Status = "https://a.example/", http.StatusOK
		_, err := (&unified.UserAgent{}).Press(shown, unified.LogOut)
		Expect(err).To(MatchError(`the page at https://a.example/ (status 200) has no button "logout"`))
	})
})
