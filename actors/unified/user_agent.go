package unified

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/actors"
	"countersign/actors/wire"
)

// UserAgent is a browser and the user who sits before it (profile section 7). Its cookies last as long as the value.
// One user agent does one thing at a time. Only HTTP and Guards of its Env are used.
type UserAgent struct {
	actors.Env
	Accounts []PlatformAccount
	// Decide answers a page that asks the user to authorize; nil approves.
	Decide func(Page) Decision

	cookies []heldCookie
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

const (
	maxRedirects = 20 // between two pages
	maxForms     = 8  // answered on the way to the last page
)

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
	return u.fetch(navigation{method: http.MethodGet, target: target})
}

// Press presses a button of a page: it sends the form back as it is, with user name and password where it asks for them
// and the user does not refuse. The error is as for Open, or a *NoSuchButton.
func (u *UserAgent) Press(page Page, button Decision) (Page, error) {
	form, found := page.form(button)
	if !found {
		return page, &NoSuchButton{page, button}
	}
	if form.asksPassword && button != Deny {
		account, err := u.accountFor(page)
		if err != nil {
			return page, err
		}
		form.values.Set("username", account.Username)
		form.values.Set("password", account.Password)
	}
	form.values.Set("decision", string(button))
	return u.fetch(navigation{method: http.MethodPost, target: form.action, form: form.values, from: page.URL})
}

// Post sends a form that a page of the URL from made up, as an attacker's page does.
func (u *UserAgent) Post(from, target string, form url.Values) (Page, error) {
	return u.fetch(navigation{method: http.MethodPost, target: target, form: form, from: from})
}

// accountFor chooses the account for a page that asks for user name and password.
func (u *UserAgent) accountFor(page Page) (PlatformAccount, error) {
	account, registered := find(u.Accounts, func(a PlatformAccount) bool { return a.Origin == originOf(page.URL) })
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

// navigation is one request of the user agent, and where its redirects lead.
type navigation struct {
	method, target string
	form           url.Values
	from           string // the page that sent it; empty for a link
}

// fetch follows redirects as browsers do (RFC 9110 section 15.4): 307 and 308 send the form again, the others turn it into a GET.
func (u *UserAgent) fetch(n navigation) (Page, error) {
	for range maxRedirects {
		response, body, err := u.send(n)
		if err != nil {
			return Page{URL: n.target}, err
		}
		location := response.Header.Get("Location")
		if response.StatusCode/100 != 3 || location == "" {
			return Page{URL: n.target, Status: response.StatusCode, HTML: body}, nil
		}
		if n.target, err = resolve(n.target, location); err != nil {
			return Page{URL: n.target}, err
		}
		if response.StatusCode != http.StatusTemporaryRedirect && response.StatusCode != http.StatusPermanentRedirect {
			n.method, n.form = http.MethodGet, nil
		}
	}
	return Page{URL: n.target}, errors.New("the redirects do not end")
}

// send makes one request, with the cookies of its host.
func (u *UserAgent) send(n navigation) (*http.Response, string, error) {
	request, err := http.NewRequest(n.method, n.target, nil)
	if err != nil {
		return nil, "", err
	}
	if n.method == http.MethodPost {
		body := n.form.Encode()
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		request.Header.Set("Content-Type", wire.FormType)
		request.Header.Set("Origin", cmp.Or(originOf(n.from), "null"))
	}
	for _, c := range u.cookies {
		if c.goesWith(n, request.URL) {
			request.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	response, err := u.HTTP.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxBody))
	if err != nil {
		return nil, "", err
	}
	for _, c := range response.Cookies() {
		u.hold(heldCookie{request.URL.Hostname(), c})
	}
	return response, string(body), nil
}

// heldCookie is a cookie and the host that set it, whose ports share it (RFC 6265 section 8.5). Paths and lifetimes are not minded.
type heldCookie struct {
	host string
	*http.Cookie
}

// goesWith says whether the cookie is sent (RFC 6265bis section 5.8.3): one with SameSite stays behind when another site's page sends a form.
func (c heldCookie) goesWith(n navigation, target *url.URL) bool {
	if c.host != target.Hostname() || c.Secure && !wire.Private(n.target) {
		return false
	}
	elsewhere := n.method != http.MethodGet && n.from != "" && hostOf(n.from) != c.host
	return !elsewhere || c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode
}

func (u *UserAgent) hold(c heldCookie) {
	u.cookies = slices.DeleteFunc(u.cookies, func(old heldCookie) bool { return old.host == c.host && old.Name == c.Name })
	if c.MaxAge >= 0 {
		u.cookies = append(u.cookies, c)
	}
}
