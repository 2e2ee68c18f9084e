package bidirectional

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// form is a form as the terminal sends it back.
type form struct {
	action string
	values url.Values
}

// authorizationForm finds the page's form that asks for a password.
func authorizationForm(page Page) (form, bool) {
	document, err := html.Parse(strings.NewReader(page.HTML))
	if err != nil {
		return form{}, false
	}
	for n := range document.Descendants() {
		if n.DataAtom != atom.Form {
			continue
		}
		found := form{values: url.Values{}}
		asks := false
		for input := range n.Descendants() {
			if input.DataAtom != atom.Input || attribute(input, "name") == "" {
				continue
			}
			kind := strings.ToLower(attribute(input, "type"))
			asks = asks || kind == "password"
			if kind != "submit" && kind != "button" {
				found.values.Add(attribute(input, "name"), attribute(input, "value"))
			}
		}
		if found.action, err = resolve(page.URL, attribute(n, "action")); asks && err == nil {
			return found, true
		}
	}
	return form{}, false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// inline are the elements that do not part words.
var inline = []atom.Atom{atom.A, atom.B, atom.Code, atom.Em, atom.I, atom.Small, atom.Span, atom.Strong}

// textOf is the text that a page shows.
func textOf(page string) string {
	document, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return ""
	}
	var text strings.Builder
	for n := range document.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.DataAtom != atom.Style && n.Parent.DataAtom != atom.Script:
			text.WriteString(n.Data)
		case n.Type == html.ElementNode && !slices.Contains(inline, n.DataAtom):
			text.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
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

// originOf is the origin of a URL: scheme://host[:port] (RFC 6454).
func originOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// startEndpoint reads a client's metadata.
func (t *Terminal) startEndpoint(clientBase string) (string, error) {
	response, body, err := t.send(visit{method: http.MethodGet, target: clientBase + wellKnown})
	if err != nil {
		return "", err
	}
	var m Metadata
	if err := json.Unmarshal([]byte(body), &m); response.StatusCode != http.StatusOK || err != nil || m.StartEndpoint == "" {
		return "", fmt.Errorf("the metadata under %s (status %d) name no start_endpoint", clientBase, response.StatusCode)
	}
	return m.StartEndpoint, nil
}
