package conformance

import (
	"bytes"
	"fmt"
	"maps"
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
	cookies map[string]map[string]string // origin, name
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

// Forget drops all cookies.
func (b *Browser) Forget() { b.cookies = nil }

func (b *Browser) send(req *http.Request) *Response {
	origin := req.URL.Scheme + "://" + req.URL.Host
	for _, c := range b.sorted(origin) {
		req.AddCookie(&http.Cookie{Name: c[0], Value: c[1]})
	}
	as := b.As
	if as == "" {
		as = "user-terminal"
	}
	resp := b.Session.Do(as, req)
	for _, c := range (&http.Response{Header: resp.Header}).Cookies() {
		if b.cookies == nil {
			b.cookies = map[string]map[string]string{}
		}
		if b.cookies[origin] == nil {
			b.cookies[origin] = map[string]string{}
		}
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies[origin], c.Name)
		} else {
			b.cookies[origin][c.Name] = c.Value
		}
	}
	return resp
}

func (b *Browser) sorted(origin string) [][2]string {
	var out [][2]string
	for _, name := range slices.Sorted(maps.Keys(b.cookies[origin])) {
		out = append(out, [2]string{name, b.cookies[origin][name]})
	}
	return out
}

// Location is the target of a redirect, resolved against the URL that was asked.
func (r *Response) Location() string { return r.Header.Get("Location") }

// Form is the first form of a page that has a password input, or else the first with method post.
type Form struct {
	Action string // resolved
	Method string // lower case
	// Values are the inputs as they came: hidden ones, and the text inputs' preset values.
	Values url.Values
	// Types gives an input's type by its name.
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
				in = &Form{Action: resolve(base, attribute(n, "action")), Method: strings.ToLower(attribute(n, "method")), Values: url.Values{}, Types: map[string]string{}}
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
	if name == "" {
		return
	}
	if kind == "submit" {
		f.Buttons = append(f.Buttons, [2]string{name, attribute(n, "value")})
		return
	}
	f.Types[name] = kind
	f.Values.Add(name, attribute(n, "value"))
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
