// Package browser is what the people of all flows browse with: it follows redirects, keeps cookies, and reads pages.
package browser

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/actors/page"
	"countersign/actors/wire"
)

// Browser keeps cookies for as long as the value lives. It does one thing at a time.
type Browser struct {
	// HTTP follows no redirects and keeps no cookies.
	HTTP *http.Client

	cookies []cookie
}

// Page is what the browser shows.
type Page struct {
	URL    string
	Status int
	HTML   string
	page.Document
}

// Navigation is one request, and where its redirects lead.
type Navigation struct {
	Method, Target string
	Form           url.Values // of a POST
	// From is the URL or origin of the page that sends it; empty for a link, which cookies go along with.
	From string
}

const maxRedirects = 20 // between two pages

// Fetch follows redirects as browsers do (RFC 9110 section 15.4): 307 and 308 send the form again, the others turn it into a GET.
// The error says what the network, an unreadable answer or a redirect without end did.
func (b *Browser) Fetch(n Navigation) (Page, error) {
	for range maxRedirects {
		response, body, err := b.Send(n)
		if err != nil {
			return Page{URL: n.Target}, err
		}
		location := response.Header.Get("Location")
		if response.StatusCode/100 != 3 || location == "" {
			return Page{URL: n.Target, Status: response.StatusCode, HTML: body, Document: page.Read(body)}, nil
		}
		if n.Target, err = resolve(n.Target, location); err != nil {
			return Page{URL: n.Target}, err
		}
		if response.StatusCode != http.StatusTemporaryRedirect && response.StatusCode != http.StatusPermanentRedirect {
			n.Method, n.Form = http.MethodGet, nil
		}
	}
	return Page{URL: n.Target}, errors.New("the redirects do not end")
}

// Send makes one request, with the cookies of its host, and follows no redirect.
func (b *Browser) Send(n Navigation) (*http.Response, string, error) {
	request, err := http.NewRequest(n.Method, n.Target, nil)
	if err != nil {
		return nil, "", err
	}
	if n.Method == http.MethodPost {
		body := n.Form.Encode()
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		request.Header.Set("Content-Type", wire.FormType)
		request.Header.Set("Origin", cmp.Or(Origin(n.From), "null"))
	}
	for _, c := range b.cookies {
		if c.goesWith(n, request.URL) {
			request.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	response, err := b.HTTP.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxBody))
	if err != nil {
		return nil, "", err
	}
	for _, c := range response.Cookies() {
		b.hold(cookie{request.URL.Hostname(), c})
	}
	return response, string(body), nil
}

// cookie is a cookie and the host that set it, whose ports share it (RFC 6265 section 8.5). Paths and lifetimes are not minded.
type cookie struct {
	host string
	*http.Cookie
}

// goesWith says whether the cookie is sent (RFC 6265bis section 5.8.3): one with SameSite stays behind when another site's page sends a form.
func (c cookie) goesWith(n Navigation, target *url.URL) bool {
	if c.host != target.Hostname() || c.Secure && !wire.Private(n.Target) {
		return false
	}
	elsewhere := n.Method != http.MethodGet && n.From != "" && host(n.From) != c.host
	return !elsewhere || c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode
}

func (b *Browser) hold(c cookie) {
	b.cookies = slices.DeleteFunc(b.cookies, func(old cookie) bool { return old.host == c.host && old.Name == c.Name })
	if c.MaxAge >= 0 {
		b.cookies = append(b.cookies, c)
	}
}

// Filled is a form as it is sent back, but for what its user types and presses.
type Filled struct {
	page.Form
	Action string // absolute
	Values url.Values
}

// Find gives the first form of the page that the caller wants, and reports whether there is one whose action can be followed.
func (p Page) Find(wanted func(page.Form) bool) (Filled, bool) {
	for _, form := range p.Forms {
		if !wanted(form) {
			continue
		}
		if action, err := resolve(p.URL, form.Action); err == nil {
			return Filled{form, action, form.Values()}, true
		}
	}
	return Filled{}, false
}

// Targets are the links of the page, absolute, in their order.
func (p Page) Targets() (targets []string) {
	for _, link := range p.Links {
		if target, err := resolve(p.URL, link.Reference); err == nil {
			targets = append(targets, target)
		}
	}
	return targets
}

// resolve makes a reference on a page absolute; an empty one is the page itself.
func resolve(page, reference string) (string, error) {
	base, err := url.Parse(page)
	if err != nil {
		return "", err
	}
	target, err := base.Parse(reference)
	if err != nil {
		return "", fmt.Errorf("the reference %q on %s is no URL: %w", reference, page, err)
	}
	return target.String(), nil
}

// Origin is the origin of a URL: scheme://host[:port] (RFC 6454); empty when it is no URL or has no host.
func Origin(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// host is the host of a URL, without the port.
func host(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
