package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Browser is the harness's user terminal: it keeps cookies by origin and follows nothing by itself, so that a check sees each redirect.
type Browser struct {
	Session *Session
	// As names the terminal in reports; empty means user-terminal.
	As      string
	cookies map[string]map[string]*http.Cookie // origin, name
}

// Open sends a GET.
func (b *Browser) Open(rawURL string) *Response {
	req, err := http.NewRequest(http.MethodGet, rawURL, nil)
	if err != nil {
		b.Session.Fail("a URL that a browser can open", fmt.Sprintf("%q: %v", rawURL, err))
	}
	return b.send(req)
}

// Post sends a form.
func (b *Browser) Post(rawURL string, form url.Values) *Response {
	req, err := http.NewRequest(http.MethodPost, rawURL, strings.NewReader(form.Encode()))
	if err != nil {
		b.Session.Fail("a URL that a browser can post to", fmt.Sprintf("%q: %v", rawURL, err))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(req)
}

func (b *Browser) send(req *http.Request) *Response {
	origin := req.URL.Scheme + "://" + req.URL.Host
	for _, c := range b.sorted(origin) {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value, Quoted: c.Quoted})
	}
	as := b.As
	if as == "" {
		as = "user-terminal"
	}
	resp := b.Session.Do(as, req)
	for _, c := range (&http.Response{Header: resp.Header}).Cookies() {
		if c.Domain != "" && !within(req.URL.Hostname(), strings.TrimPrefix(c.Domain, ".")) || len(c.Raw) > maxCookie {
			continue
		}
		if b.cookies == nil {
			b.cookies = map[string]map[string]*http.Cookie{}
		}
		if b.cookies[origin] == nil {
			b.cookies[origin] = map[string]*http.Cookie{}
		}
		// Max-Age counts before Expires: RFC 6265, section 4.1.2.2.
		past := c.MaxAge == 0 && !c.Expires.IsZero() && !c.Expires.After(b.Session.Env.Now())
		_, known := b.cookies[origin][c.Name]
		switch {
		case c.MaxAge < 0 || past || c.Value == "":
			delete(b.cookies[origin], c.Name)
		case known || len(b.cookies[origin]) < maxCookies:
			b.cookies[origin][c.Name] = c
		}
	}
	return resp
}

// A terminal keeps what RFC 6265, section 6.1, wants of one at the least: so many cookies of an origin, of so many bytes each, attributes included.
const maxCookies, maxCookie = 50, 4096

// within reports whether a host is the domain or lies below it: RFC 6265, section 5.1.3.
func within(host, domain string) bool {
	return strings.EqualFold(host, domain) ||
		net.ParseIP(host) == nil && len(host) > len(domain) && host[len(host)-len(domain)-1] == '.' && strings.EqualFold(host[len(host)-len(domain):], domain)
}

func (b *Browser) sorted(origin string) []*http.Cookie {
	var out []*http.Cookie
	for _, name := range slices.Sorted(maps.Keys(b.cookies[origin])) {
		out = append(out, b.cookies[origin][name])
	}
	return out
}

// Location is the target of a redirect: as it came when it is absolute, or else resolved against the URL that was asked; empty for none.
func (r *Response) Location() string {
	location := r.Header.Get("Location")
	if u, err := url.Parse(location); location == "" || err != nil || u.IsAbs() {
		return location
	}
	return resolve(r.URL, location)
}

// Form is the first form of a page that has a password input, or else the first with method post.
type Form struct {
	Action string // resolved
	Method string // lower case; get where the form names none
	// Values are what a browser would send of the inputs as they came: hidden ones, text inputs' preset values, boxes that are checked.
	Values url.Values
	// Types gives an input's type by its name; empty where the input names none.
	Types map[string]string
	// Buttons are the submit buttons' name and value.
	Buttons [][2]string
}

// Form reads the page's form; nil when it has none. base is the URL that the page came from.
func (r *Response) Form(base string) *Form {
	root, err := html.Parse(bytes.NewReader(r.Body))
	if err != nil {
		return nil
	}
	var forms []*Form
	var walk func(n *html.Node, in *Form)
	walk = func(n *html.Node, in *Form) {
		if n.Type == html.ElementNode {
			switch n.Data {
			case "form":
				in = &Form{Action: resolve(base, attribute(n, "action")), Method: cmp.Or(strings.ToLower(attribute(n, "method")), "get"), Values: url.Values{}, Types: map[string]string{}}
				forms = append(forms, in)
			case "input", "button":
				if in != nil {
					in.add(n)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, in)
		}
	}
	walk(root, nil)
	for _, f := range forms {
		for _, kind := range f.Types {
			if kind == "password" {
				return f
			}
		}
	}
	for _, f := range forms {
		if f.Method == "post" {
			return f
		}
	}
	return nil
}

func (f *Form) add(n *html.Node) {
	name, kind := attribute(n, "name"), strings.ToLower(attribute(n, "type"))
	if n.Data == "button" && kind == "" {
		kind = "submit"
	}
	if name == "" || has(n, "disabled") {
		return
	}
	value := attribute(n, "value")
	switch kind {
	case "submit":
		f.Buttons = append(f.Buttons, [2]string{name, value})
		return
	case "button", "reset", "image", "file":
		return
	case "checkbox", "radio":
		f.Types[name] = kind
		if !has(n, "checked") {
			return
		}
		if !has(n, "value") {
			value = "on"
		}
	}
	f.Types[name] = kind
	f.Values.Add(name, value)
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// Text is the page's visible text, white space folded.
func (r *Response) Text() string {
	root, err := html.Parse(bytes.NewReader(r.Body))
	if err != nil {
		return ""
	}
	var words []string
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "template") {
			return
		}
		if n.Type == html.TextNode {
			words = append(words, strings.Fields(n.Data)...)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return strings.Join(words, " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func resolve(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	u, err := b.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}
