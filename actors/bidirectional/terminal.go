package bidirectional

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

	cookies []kept
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
type Page struct {
	URL    string
	Status int
	Text   string // without markup, white space folded
	HTML   string
	forms  []page.Form
}

// PasswordRefused is returned when the user will not enter a password into a page.
type PasswordRefused struct {
	Page   Page
	Reason string
}

func (e *PasswordRefused) Error() string {
	return fmt.Sprintf("no password is entered at %s: %s", e.Page.URL, e.Reason)
}

const (
	maxRedirects = 20 // between two pages
	maxForms     = 8  // answered on the way to the last page
)

// Start asks the client that lies under clientBase to begin a flow with a peer, as a form on its own page would, and goes on as Open does. The client's metadata say where.
func (t *Terminal) Start(clientBase, peerIssuer string) (Page, error) {
	start, err := t.startEndpoint(clientBase)
	if err != nil {
		return Page{}, err
	}
	return t.Post(originOf(clientBase), start, url.Values{"peer": {peerIssuer}})
}

// Open opens a URL as a link does: it follows redirects, answers the pages that ask for authorization, and
// returns the page at the end. The error is a *PasswordRefused when the user stops at such a page, or says
// what the network, a redirect without end or an unreadable page did.
func (t *Terminal) Open(target string) (Page, error) {
	page, err := t.visit(visit{method: http.MethodGet, target: target})
	return t.answerPages(page, err)
}

// Post sends a form from a page of the origin from, and goes on as Open does. When that is another origin
// than the target's, cookies with SameSite stay behind.
func (t *Terminal) Post(from, target string, form url.Values) (Page, error) {
	page, err := t.visit(visit{method: http.MethodPost, target: target, form: form, from: from})
	return t.answerPages(page, err)
}

// answerPages answers pages that ask for authorization until there is none left. A page that comes back after its answer is the last one.
func (t *Terminal) answerPages(page Page, err error) (Page, error) {
	for range maxForms {
		if err != nil {
			return page, err
		}
		form, asks := authorizationForm(page)
		if !asks || page.Status != http.StatusOK {
			return page, nil
		}
		page, err = t.authorize(page, form)
	}
	return page, err
}

// authorize is the user's end of steps 5 and 12: sign in and decide.
func (t *Terminal) authorize(page Page, form form) (Page, error) {
	decision := Approve
	if t.Decide != nil {
		decision = t.Decide(page)
	}
	if decision == Approve {
		account, err := t.accountFor(page)
		if err != nil {
			return page, err
		}
		form.values.Set("username", account.Username)
		form.values.Set("password", account.Password)
	}
	form.values.Set("decision", string(decision))
	return t.visit(visit{method: http.MethodPost, target: form.action, form: form.values, from: originOf(page.URL)})
}

// accountFor chooses the account for a page.
func (t *Terminal) accountFor(page Page) (SiteAccount, error) {
	account, registered := find(t.Accounts, func(a SiteAccount) bool { return a.Origin == originOf(page.URL) })
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

// visit is one request of the terminal, and where its redirects lead.
type visit struct {
	method, target string
	form           url.Values
	from           string // the origin of the page that sent it; empty for a link
}

// visit follows redirects as browsers do (RFC 9110 section 15.4): 307 and 308 send the form again, the others turn it into a GET.
func (t *Terminal) visit(v visit) (Page, error) {
	for range maxRedirects {
		response, body, err := t.send(v)
		if err != nil {
			return Page{URL: v.target}, err
		}
		location := response.Header.Get("Location")
		if response.StatusCode/100 != 3 || location == "" {
			read := page.Read(body)
			return Page{URL: v.target, Status: response.StatusCode, Text: read.Text, HTML: body, forms: read.Forms}, nil
		}
		if v.target, err = resolve(v.target, location); err != nil {
			return Page{URL: v.target}, err
		}
		if response.StatusCode != http.StatusTemporaryRedirect && response.StatusCode != http.StatusPermanentRedirect {
			v.method, v.form = http.MethodGet, nil
		}
	}
	return Page{URL: v.target}, errors.New("the redirects do not end")
}

// send makes one request, with the cookies of its origin.
func (t *Terminal) send(v visit) (*http.Response, string, error) {
	request, err := http.NewRequest(v.method, v.target, nil)
	if err != nil {
		return nil, "", err
	}
	if v.method == http.MethodPost {
		body := v.form.Encode()
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		request.Header.Set("Content-Type", wire.FormType)
		request.Header.Set("Origin", cmp.Or(v.from, "null"))
	}
	origin := originOf(v.target)
	for _, c := range t.cookies {
		if c.goesWith(v, origin) {
			request.AddCookie(&http.Cookie{Name: c.cookie.Name, Value: c.cookie.Value})
		}
	}
	response, err := t.HTTP.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxBody))
	if err != nil {
		return nil, "", err
	}
	for _, c := range response.Cookies() {
		t.keep(kept{origin, c})
	}
	return response, string(body), nil
}

// kept is a cookie and the origin that set it. Paths and lifetimes are not minded.
type kept struct {
	origin string
	cookie *http.Cookie
}

// goesWith says whether the cookie is sent (RFC 6265bis section 5.8.3): one with SameSite stays behind when another site's page sends a form.
func (k kept) goesWith(v visit, origin string) bool {
	if k.origin != origin {
		return false
	}
	elsewhere := v.from != "" && v.from != origin && v.method != http.MethodGet
	return !elsewhere || k.cookie.SameSite == http.SameSiteNoneMode || k.cookie.SameSite == 0 || k.cookie.SameSite == http.SameSiteDefaultMode
}

func (t *Terminal) keep(k kept) {
	t.cookies = slices.DeleteFunc(t.cookies, func(old kept) bool {
		return old.origin == k.origin && old.cookie.Name == k.cookie.Name
	})
	if k.cookie.MaxAge >= 0 {
		t.cookies = append(t.cookies, k)
	}
}
