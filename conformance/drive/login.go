package drive

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"countersign/conformance"
	"countersign/conformance/config"
)

// loginName is what a command that logs a user in does.
const loginName = "login"

// pages are those at which users log in, as they were met.
type pages struct {
	mu sync.Mutex
	// actions are where their forms go, without query, if that is not where they came from.
	actions map[string]config.LoginPage
	shown   map[string]shownPage
}

// shownPage is a page that asks for a password, with a form for the harness in it.
type shownPage struct {
	config.LoginPage
	url     string
	cookies map[string]string
}

// loginPage finds the page that lies at a URL, or whose form goes there.
func (t transport) loginPage(u *url.URL) (config.LoginPage, bool) {
	if t.driver.Config.Drive.Login == nil {
		return config.LoginPage{}, false
	}
	for _, page := range config.LoginPages(t.flow) {
		if t.driver.endpoint(page.Endpoint) == bare(u) {
			return page, true
		}
	}
	t.driver.pages.mu.Lock()
	defer t.driver.pages.mu.Unlock()
	page, ok := t.driver.pages.actions[bare(u)]
	return page, ok
}

// atPage passes a request for a page on, or has the user logged in.
func (t transport) atPage(page config.LoginPage, original *http.Request) (*http.Response, error) {
	req := original.Clone(original.Context())
	body, err := conformance.ReadBody(req)
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	if kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		form, _ = url.ParseQuery(string(body)) // what of it can be read
	}
	if t.driver.Config.Drive.Login.Elsewhere() {
		if query := req.URL.Query(); form.Has(marking) || query.Has(marking) || form.Has(password) || query.Has(password) {
			return t.elsewhere(req, form)
		}
	}
	resp, err := t.sendNamed(req, body, form)
	if err != nil {
		return nil, err
	}
	return t.present(page, req, resp)
}

// sendNamed sends a request with the page's own names.
func (t transport) sendNamed(req *http.Request, body []byte, form url.Values) (*http.Response, error) {
	login := *t.driver.Config.Drive.Login
	names := namesOf(login)
	query, shownQuery := names.form(req.URL.RawQuery)
	own, shown := string(body), string(body)
	if len(form) > 0 {
		own, shown = names.form(string(body))
		if form.Has(password) {
			for _, name := range slices.Sorted(maps.Keys(login.Extra)) {
				pair := "&" + url.QueryEscape(name) + "=" + url.QueryEscape(login.Extra[name])
				own, shown = own+pair, shown+pair
			}
		}
	}
	if under := conformance.UnderwayIn(req.Context()); under != nil && (own != string(body) || query != req.URL.RawQuery) {
		asked := req.Clone(req.Context())
		asked.URL.RawQuery = shownQuery
		under.Asked(asked, []byte(shown))
	}
	if own != string(body) {
		send(req, []byte(own))
	}
	req.URL.RawQuery = query
	return t.next.RoundTrip(req)
}

// present gives the check a page with the profile's names, and where users log in elsewhere, with a form of the harness in it.
func (t transport) present(page config.LoginPage, req *http.Request, resp *http.Response) (*http.Response, error) {
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/html" {
		return resp, nil
	}
	body, err := read(resp)
	if err != nil || len(body) > conformance.MaxBody {
		return resp, err
	}
	login := *t.driver.Config.Drive.Login
	text := namesOf(login).page(body)
	if place, asks := asksPassword(text); asks && login.Elsewhere() {
		text = slices.Concat(text[:place], []byte(t.form(page, req, resp)), text[place:])
	} else {
		t.remember(page, req, text)
	}
	if string(text) == string(body) {
		return resp, nil
	}
	if under := conformance.UnderwayIn(req.Context()); under != nil {
		under.Answered(body)
	}
	rewrite(resp, text)
	return resp, nil
}

// remember keeps where the form of a page goes.
func (t transport) remember(page config.LoginPage, req *http.Request, text []byte) {
	form := (&conformance.Response{Body: text}).Form(req.URL.String())
	if form == nil {
		return
	}
	u, err := url.Parse(form.Action)
	if err != nil || bare(u) == t.driver.endpoint(page.Endpoint) {
		return
	}
	t.driver.pages.mu.Lock()
	defer t.driver.pages.mu.Unlock()
	const most = 1 << 12 // a page may name a new address each time
	if t.driver.pages.actions == nil || len(t.driver.pages.actions) >= most {
		t.driver.pages.actions = map[string]config.LoginPage{}
	}
	t.driver.pages.actions[bare(u)] = page
}

// marking is the name of the input that tells the forms of the harness.
const marking = "countersign_page"

// form is one of the harness for a page that asks for a password.
func (t transport) form(page config.LoginPage, req *http.Request, resp *http.Response) string {
	cookies := cookiesOf(req)
	for _, c := range resp.Cookies() {
		if cookies[c.Name] = c.Value; c.Value == "" || c.MaxAge < 0 {
			delete(cookies, c.Name)
		}
	}
	p := &t.driver.pages
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown == nil {
		p.shown = map[string]shownPage{}
	}
	number := fmt.Sprint(len(p.shown) + 1)
	p.shown[number] = shownPage{page, req.URL.String(), cookies}
	var b strings.Builder
	fmt.Fprintf(&b, `<form method="post"><input type="hidden" name="%s" value="%s"><input name="%s"><input type="password" name="%s">`, marking, number, username, password)
	for _, d := range page.Decisions {
		fmt.Fprintf(&b, `<button name="%s" value="%s"></button>`, decision, d)
	}
	b.WriteString("</form>")
	return b.String()
}

func (p *pages) find(number string) (shownPage, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	page, ok := p.shown[number]
	return page, ok
}

func cookiesOf(req *http.Request) map[string]string {
	all := map[string]string{}
	for _, c := range req.Cookies() {
		all[c.Name] = c.Value
	}
	return all
}
