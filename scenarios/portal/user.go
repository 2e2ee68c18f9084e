package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	cast "countersign/actors/unified"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// User is an honest person at a browser.
type User struct {
	*stage.Person
	UserName string
	// Browser is where the user looks; a crash of the host empties it.
	Browser *cast.UserAgent
	// AtPage, if set, is called when the user reads a page that asks about a third-party platform, before the answer.
	AtPage func(page cast.Page)

	stage    *Stage
	refuses  []*ThirdParty
	mistypes bool
	origins  []string // under which the user has the account, besides the platform
}

// consent is an approval on a page of the platform, as the user saw it.
type consent struct {
	person, client string
	at             time.Duration
}

// wish is that a user pressed a button to log out, at the platform or at a third-party platform.
type wish struct {
	device, at string // hosts
}

// Outcome is how something that a user does ends.
type Outcome string

// The outcomes.
const (
	In          Outcome = "the user is in"
	Out         Outcome = "the user is out"
	Refused     Outcome = "refused"
	Unavailable Outcome = "unavailable"
	LoginPage   Outcome = "a page asks to log in"
	NoPassword  Outcome = "the browser enters no password"
)

func (st *Stage) newUser(host, userName string) *User {
	u := &User{UserName: userName, stage: st}
	u.Person = st.NewPerson(host, "user", func(h *sim.Host) {
		u.Browser = &cast.UserAgent{Env: st.Env(h), Decide: u.decide}
		u.Types(u.mistypes)
	})
	st.users = append(st.users, u)
	return u
}

// NewDevice gives a user another browser on a machine of its own, with a script of its own.
func (st *Stage) NewDevice(of *User, name string) *User {
	return st.newUser(of.Name+"."+name, of.UserName)
}

// Plays gives the user what to do.
func (u *User) Plays(script func(*User)) { u.Follows(func() { script(u) }) }

// Refuses makes the user refuse third-party platforms from now on.
func (u *User) Refuses(parties ...*ThirdParty) { u.refuses = parties }

// HasAccountAt lets the user have the account under another origin too.
func (u *User) HasAccountAt(origin string) { u.origins = append(u.origins, origin) }

// Types has the user enter a wrong password from now on, or the right one again.
func (u *User) Types(wrong bool) {
	u.mistypes = wrong
	pass := PasswordOf(u.UserName)
	if wrong {
		pass = "mistyped"
	}
	u.Browser.Accounts = nil
	for _, origin := range append([]string{u.stage.Platform.Issuer}, u.origins...) {
		u.Browser.Accounts = append(u.Browser.Accounts, cast.PlatformAccount{Origin: origin, Username: u.UserName, Password: pass})
	}
}

// decide answers the page that asks whether a third-party platform may know who the user is.
func (u *User) decide(page cast.Page) cast.Decision {
	if u.AtPage != nil {
		u.AtPage(page)
	}
	client := u.stage.shownOn(page)
	if client == "" || slices.ContainsFunc(u.refuses, func(t *ThirdParty) bool { return client == t.ID }) {
		return cast.Deny
	}
	u.stage.consents = append(u.stage.consents, consent{u.UserName, client, u.stage.World.Now()})
	return cast.Approve
}

// shownOn is the client_id of the third-party platform that a page asks about, as a user understands it who reads the page: by the client_id
// that it shows, or by the name where it shows none. The address decides about one that nobody knows by name.
func (st *Stage) shownOn(page cast.Page) (clientID string) {
	text := page.Text()
	if t := st.find(func(t *ThirdParty) bool { return strings.Contains(text, t.ID) }); t != nil {
		return t.ID
	}
	target, err := url.Parse(page.URL)
	if err != nil {
		return ""
	}
	clientID = target.Query().Get("client_id")
	if strings.Contains(text, clientID) {
		return clientID
	}
	if t := st.find(func(t *ThirdParty) bool { return strings.Contains(text, "Log in at "+t.shownAs()+" with") }); t != nil {
		return t.ID
	}
	return clientID
}

// LogsIn opens the portal, and logs in where it asks.
func (u *User) LogsIn() Outcome {
	page, err := u.Browser.Open(u.stage.Platform.Issuer + "/portal")
	switch {
	case err != nil || page.Status >= http.StatusInternalServerError:
		return outcomeOf(page, err)
	case page.Status == http.StatusOK && !page.Offers(cast.LogIn):
		return In
	}
	return Refused
}

// Enters follows the link to a third-party platform on the portal.
func (u *User) Enters(t *ThirdParty) Outcome {
	u.Note("enters " + t.Host.Name())
	portal, err := u.Browser.Open(u.stage.Platform.Issuer + "/portal")
	if err != nil || portal.Status != http.StatusOK {
		return outcomeOf(portal, err)
	}
	if !slices.Contains(portal.Links(), t.AccessURI()) {
		return Refused
	}
	return u.Opens(t.AccessURI())
}

// Opens opens a link, answers what the pages on the way ask, and says whether a third-party platform's home page is at the end.
func (u *User) Opens(link string) Outcome {
	page, err := u.Browser.Open(link)
	return outcomeOf(page, err)
}

// FollowsOnly opens a link and types nothing; within a session of the platform the user approves.
func (u *User) FollowsOnly(link string) Outcome {
	page, err := u.Browser.Look(link)
	if err == nil && page.Offers(cast.Approve) && !strings.Contains(page.HTML, `type="password"`) {
		page, err = u.Browser.Press(page, u.decide(page))
	}
	return outcomeOf(page, err)
}

func outcomeOf(page cast.Page, err error) Outcome {
	if _, refused := err.(*cast.PasswordRefused); refused {
		return NoPassword
	}
	switch {
	case err != nil, page.Status >= http.StatusInternalServerError, page.Status == http.StatusNotFound:
		return Unavailable
	case page.Status != http.StatusOK:
		return Refused
	case page.Offers(cast.LogIn), page.Offers(cast.Approve):
		return LoginPage
	case strings.Contains(page.HTML, notePrefix):
		return In
	}
	return Out
}

// Looks opens the home page of a third-party platform.
func (u *User) Looks(t *ThirdParty) Outcome {
	page, err := u.Browser.Look(t.Base + cast.PathHome)
	return outcomeOf(page, err)
}

// Reads has a program in the browser read what the third-party platform keeps for the user.
func (u *User) Reads(t *ThirdParty) Outcome {
	page, err := u.Browser.Look(t.Base + cast.PathResource)
	return outcomeOf(page, err)
}

// LogsOut logs out at the platform, which is to say everywhere.
func (u *User) LogsOut() Outcome {
	u.Note("logs out everywhere")
	return u.presses(u.stage.Platform.Issuer+"/logout", u.stage.Platform.Host)
}

// LogsOutFrom logs out at the platform by the link on the home page of a third-party platform.
func (u *User) LogsOutFrom(t *ThirdParty) Outcome {
	u.Note("logs out everywhere, by the link of " + t.Host.Name())
	home, err := u.Browser.Look(t.Base + cast.PathHome)
	if err != nil || home.Status != http.StatusOK {
		return outcomeOf(home, err)
	}
	link := u.stage.Platform.Issuer + "/logout?client_id=" + t.ID
	if !slices.Contains(home.Links(), link) {
		return Refused
	}
	return u.presses(link, u.stage.Platform.Host)
}

// Leaves logs out at one third-party platform only.
func (u *User) Leaves(t *ThirdParty) Outcome {
	u.Note("leaves " + t.Host.Name())
	return u.presses(t.Base+cast.PathHome, t.Host)
}

// presses presses the button that logs out on a page of a host. A page without one says that nobody is logged in.
func (u *User) presses(target string, at *sim.Host) Outcome {
	page, err := u.Browser.Look(target)
	if err != nil || page.Status != http.StatusOK || !page.Offers(cast.LogOut) {
		return outcomeOf(page, err)
	}
	u.stage.wishes = append(u.stage.wishes, wish{u.Host.Name(), at.Name()})
	page, err = u.Browser.Press(page, cast.LogOut)
	return outcomeOf(page, err)
}

// tries and pause are how stubborn a user is.
const (
	tries = 10
	pause = 20 * time.Second
)

// UntilIn enters third-party platforms again and again until each shows the home page. When one does not after all the tries, that is a lock-out.
func (u *User) UntilIn(parties ...*ThirdParty) {
	for _, t := range parties {
		u.until("enter "+t.Host.Name(), func() bool { return u.Enters(t) == In })
	}
}

// UntilOut logs out again and again until the platform says that the user is out.
func (u *User) UntilOut() {
	u.until("log out", func() bool { return u.LogsOut() == Out })
}

func (u *User) until(what string, does func() bool) {
	for range tries {
		if does() {
			return
		}
		u.Wait(pause)
	}
	u.stage.Breach(NoLockOut, u.Name+" tried ten times and could not "+what)
}
