package unified

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Page is what the user agent shows.
type Page struct {
	URL    string
	Status int
	HTML   string
}

// Offers reports whether a form of the page has the button.
func (p Page) Offers(button Decision) bool {
	_, found := p.form(button)
	return found
}

// Text is what the page shows, without markup and with white space folded.
func (p Page) Text() string {
	var text strings.Builder
	for n := range p.nodes() {
		switch {
		case n.Type == html.TextNode && n.Parent.DataAtom != atom.Style && n.Parent.DataAtom != atom.Script:
			text.WriteString(n.Data)
		case n.Type == html.ElementNode && !inlineElements[n.DataAtom]:
			text.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// inlineElements are the elements that do not part words.
var inlineElements = map[atom.Atom]bool{atom.A: true, atom.B: true, atom.Code: true, atom.Em: true, atom.I: true, atom.Small: true, atom.Span: true, atom.Strong: true}

// Links are the targets of the page's links, absolute, in their order.
func (p Page) Links() (links []string) {
	for n := range p.nodes() {
		if n.DataAtom != atom.A || attributeOf(n, "href") == "" {
			continue
		}
		if target, err := resolve(p.URL, attributeOf(n, "href")); err == nil {
			links = append(links, target)
		}
	}
	return links
}

// filledForm is a form as the user agent sends it back.
type filledForm struct {
	action       string
	values       url.Values
	asksPassword bool
}

// form finds the form of the page that has the button.
func (p Page) form(button Decision) (filledForm, bool) {
	for n := range p.nodes() {
		if n.DataAtom != atom.Form {
			continue
		}
		form, pressed := filledForm{values: url.Values{}}, false
		for input := range n.Descendants() {
			name, kind := attributeOf(input, "name"), strings.ToLower(attributeOf(input, "type"))
			switch {
			case name == "decision" && (input.DataAtom == atom.Button || kind == "submit"):
				pressed = pressed || attributeOf(input, "value") == string(button)
			case input.DataAtom == atom.Input && name != "":
				form.asksPassword = form.asksPassword || kind == "password"
				form.values.Add(name, attributeOf(input, "value"))
			}
		}
		var err error
		if form.action, err = resolve(p.URL, attributeOf(n, "action")); pressed && err == nil {
			return form, true
		}
	}
	return filledForm{}, false
}

// nodes goes through the page; an unreadable one has none.
func (p Page) nodes() func(yield func(*html.Node) bool) {
	document, err := html.Parse(strings.NewReader(p.HTML))
	if err != nil {
		return func(func(*html.Node) bool) {}
	}
	return document.Descendants()
}

func attributeOf(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
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

// originOf is the origin of a URL: scheme://host[:port] (RFC 6454); empty when it is no URL or none is given.
func originOf(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// hostOf is the host of a URL, without the port.
func hostOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
