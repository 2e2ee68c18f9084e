package unified

import (
	"fmt"
	"net/http"
	"net/url"

	"countersign/actors"
	"countersign/actors/browser"
	"countersign/actors/wire"
)

// UserAgent is a browser and the user who sits before it (profile section 7). Its cookies last as long as the value.
// One user agent does one thing at a time. Only HTTP and Guards of its Env are used.
type UserAgent struct {
	actors.Env
	Accounts []PlatformAccount
	// Decide answers a page that asks the user to authorize; nil approves.
	Decide func(Page) Decision

	browser browser.Browser
}

// PlatformAccount is a user name and password, and the origin of the platform where they are registered.
type PlatformAccount struct {
	Origin   string // scheme://host[:port]
	Username string
	Password string
}

// Decision is the value of the button that the user presses.
type Decision string

// The buttons, as on the wire (profile section 4.1).
const (
	LogIn   Decision = "login"
	Approve Decision = "approve"
	Deny    Decision = "deny"
	LogOut  Decision = "logout"
)

// PasswordRefused is returned when the user will not enter a password into a page.
type PasswordRefused struct {
	Page   Page
	Reason string
}

func (e *PasswordRefused) Error() string {
	return fmt.Sprintf("no password is entered at %s: %s", e.Page.URL, e.Reason)
}

// NoSuchButton is returned when a page has no form with the button that the user wants to press.
type NoSuchButton struct {
	Page     Page
	Decision Decision
}

func (e *NoSuchButton) Error() string {
	return fmt.Sprintf("the page at %s (status %d) has no button %q", e.Page.URL, e.Page.Status, e.Decision)
}

const maxForms = 8 // answered on the way to the last page

// Open opens a URL as a link does: it follows redirects, logs in and decides where a page asks for it, and returns the
// page at the end. The error is a *PasswordRefused when the user stops at such a page, or says what the network, a
// redirect without end or an unreadable page did.
func (u *UserAgent) Open(target string) (Page, error) {
	page, err := u.Look(target)
	for range maxForms {
		if err != nil || page.Status != http.StatusOK {
			return page, err
		}
		switch {
		case page.Offers(Approve):
			page, err = u.Press(page, u.decide(page))
		case page.Offers(LogIn):
			page, err = u.Press(page, LogIn)
		default:
			return page, nil
		}
	}
	return page, err
}

// LogOut opens a page that offers to log out, a platform's logout page or a home page, and presses the button there.
func (u *UserAgent) LogOut(target string) (Page, error) {
	page, err := u.Open(target)
	if err != nil {
		return page, err
	}
	return u.Press(page, LogOut)
}

func (u *UserAgent) decide(page Page) Decision {
	if u.Decide == nil {
		return Approve
	}
	return u.Decide(page)
}

// Look opens a URL and follows redirects; what the page at the end asks for is left open.
func (u *UserAgent) Look(target string) (Page, error) {
	return u.fetch(browser.Navigation{Method: http.MethodGet, Target: target})
}

// Press presses a button of a page: it sends the form back as it is, with user name and password where it asks for them
// and the user does not refuse. The error is as for Open, or a *NoSuchButton.
func (u *UserAgent) Press(page Page, button Decision) (Page, error) {
	form, found := page.form(button)
	if !found {
		return page, &NoSuchButton{page, button}
	}
	if form.Asks("password") && button != Deny {
		account, err := u.accountFor(page)
		if err != nil {
			return page, err
		}
		form.Values.Set("username", account.Username)
		form.Values.Set("password", account.Password)
	}
	form.Values.Set("decision", string(button))
	return u.fetch(browser.Navigation{Method: http.MethodPost, Target: form.Action, Form: form.Values, From: page.URL})
}

// Post sends a form that a page of the URL from made up, as an attacker's page does.
func (u *UserAgent) Post(from, target string, form url.Values) (Page, error) {
	return u.fetch(browser.Navigation{Method: http.MethodPost, Target: target, Form: form, From: from})
}

// accountFor chooses the account for a page that asks for user name and password.
func (u *UserAgent) accountFor(page Page) (PlatformAccount, error) {
	account, registered := find(u.Accounts, func(a PlatformAccount) bool { return a.Origin == browser.Origin(page.URL) })
	// closes claim 2; description, effect 2: no password at the third-party platform
	if u.Guards.Forbids("UN-UA-01", !registered) {
		return PlatformAccount{}, &PasswordRefused{page, "the user has no account at this site"}
	}
	// RFC 6749 section 3.1
	if u.Guards.Forbids("UN-UA-02", !wire.Private(page.URL)) {
		return PlatformAccount{}, &PasswordRefused{page, "the page came without TLS from beyond loopback"}
	}
	if !registered && len(u.Accounts) > 0 {
		account = u.Accounts[0]
	}
	return account, nil
}

// open is the user's browser.
func (u *UserAgent) open() *browser.Browser {
	if u.browser.HTTP == nil {
		u.browser.HTTP = u.HTTP
	}
	return &u.browser
}

func (u *UserAgent) fetch(n browser.Navigation) (Page, error) {
	shown, err := u.open().Fetch(n)
	return Page{shown}, err
}
