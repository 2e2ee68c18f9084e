package bidirectional

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"countersign/actors"
	"countersign/actors/browser"
	"countersign/actors/page"
	"countersign/actors/wire"
)

// Terminal is the user's browser and the user (profile section 7). Its cookies last as long as the value.
// One terminal does one thing at a time. Only HTTP and Guards of its Env are used.
type Terminal struct {
	actors.Env
	Accounts []SiteAccount
	// Decide answers a page that asks for authorization; nil approves.
	Decide func(Page) Decision

	browser browser.Browser
}

// SiteAccount is a user name and password, and the origin of the site where they are registered.
type SiteAccount struct {
	Origin   string // scheme://host[:port]
	Username string
	Password string
}

// Decision is what the user decides at an authorization page.
type Decision string

// The two decisions, as on the wire.
const (
	Approve Decision = "approve"
	Deny    Decision = "deny"
)

// Page is what the terminal shows.
type Page = browser.Page

// PasswordRefused is returned when the user will not enter a password into a page.
type PasswordRefused struct {
	Page   Page
	Reason string
}

func (e *PasswordRefused) Error() string {
	return fmt.Sprintf("no password is entered at %s: %s", e.Page.URL, e.Reason)
}

const maxForms = 8 // answered on the way to the last page

func asksForPassword(form page.Form) bool { return form.Asks("password") }

// Start asks the client that lies under clientBase to begin a flow with a peer, as a form on its own page would, and goes on as Open does. The client's metadata say where.
func (t *Terminal) Start(clientBase, peerIssuer string) (Page, error) {
	start, err := t.startEndpoint(clientBase)
	if err != nil {
		return Page{}, err
	}
	return t.Post(browser.Origin(clientBase), start, url.Values{"peer": {peerIssuer}})
}

// Open opens a URL as a link does: it follows redirects, answers the pages that ask for authorization, and
// returns the page at the end. The error is a *PasswordRefused when the user stops at such a page, or says
// what the network, a redirect without end or an unreadable page did.
func (t *Terminal) Open(target string) (Page, error) {
	page, err := t.open().Fetch(browser.Navigation{Method: http.MethodGet, Target: target})
	return t.answerPages(page, err)
}

// Post sends a form from a page of the origin from, and goes on as Open does. When that is another origin
// than the target's, cookies with SameSite stay behind.
func (t *Terminal) Post(from, target string, form url.Values) (Page, error) {
	page, err := t.open().Fetch(browser.Navigation{Method: http.MethodPost, Target: target, Form: form, From: from})
	return t.answerPages(page, err)
}

// answerPages answers pages that ask for authorization until there is none left. A page that comes back after its answer is the last one.
func (t *Terminal) answerPages(page Page, err error) (Page, error) {
	for range maxForms {
		if err != nil {
			return page, err
		}
		form, asks := page.Find(asksForPassword)
		if !asks || page.Status != http.StatusOK {
			return page, nil
		}
		page, err = t.authorize(page, form)
	}
	return page, err
}

// authorize is the user's end of steps 5 and 12: sign in and decide.
func (t *Terminal) authorize(page Page, form browser.Filled) (Page, error) {
	decision := Approve
	if t.Decide != nil {
		decision = t.Decide(page)
	}
	if decision == Approve {
		account, err := t.accountFor(page)
		if err != nil {
			return page, err
		}
		form.Values.Set("username", account.Username)
		form.Values.Set("password", account.Password)
	}
	form.Values.Set("decision", string(decision))
	return t.open().Fetch(browser.Navigation{Method: http.MethodPost, Target: form.Action, Form: form.Values, From: page.URL})
}

// accountFor chooses the account for a page.
func (t *Terminal) accountFor(page Page) (SiteAccount, error) {
	account, registered := find(t.Accounts, func(a SiteAccount) bool { return a.Origin == browser.Origin(page.URL) })
	// claims 10, 11: a password is for the site where it is registered
	if t.Guards.Forbids("BI-UT-01", !registered) {
		return SiteAccount{}, &PasswordRefused{page, "the user has no account at this site"}
	}
	// description: kept safe by SSL; RFC 5849 section 4.3
	if t.Guards.Forbids("BI-UT-02", !wire.Private(page.URL)) {
		return SiteAccount{}, &PasswordRefused{page, "the page came without TLS from beyond loopback"}
	}
	if !registered && len(t.Accounts) > 0 {
		account = t.Accounts[0]
	}
	return account, nil
}

// open is the terminal's browser.
func (t *Terminal) open() *browser.Browser {
	if t.browser.HTTP == nil {
		t.browser.HTTP = t.HTTP
	}
	return &t.browser
}

// startEndpoint reads a client's metadata.
func (t *Terminal) startEndpoint(clientBase string) (string, error) {
	response, body, err := t.open().Send(browser.Navigation{Method: http.MethodGet, Target: clientBase + wellKnown})
	if err != nil {
		return "", err
	}
	var m Metadata
	if err := json.Unmarshal([]byte(body), &m); response.StatusCode != http.StatusOK || err != nil || m.StartEndpoint == "" {
		return "", fmt.Errorf("the metadata under %s (status %d) name no start_endpoint", clientBase, response.StatusCode)
	}
	return m.StartEndpoint, nil
}
