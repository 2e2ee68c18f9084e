package drive

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"countersign/conformance/config"
)

// The profiles' names of the fields of a page at which a user logs in.
const (
	username = "username"
	password = "password"
	decision = "decision"
)

// hidden stands for a password in what a report shows.
const hidden = "‹password›"

// names turns the profile's names of fields and decisions into a page's own, and back: each name has the other's place.
type names struct {
	fields, decisions map[string]string
	// decision is the page's own name of that field.
	decision string
}

func namesOf(l config.Login) names {
	n := names{fields: map[string]string{}, decisions: map[string]string{}, decision: decision}
	for profile, own := range map[string]string{username: l.Fields.Username, password: l.Fields.Password, decision: l.Fields.Decision} {
		if own != "" && own != profile {
			n.fields[profile], n.fields[own] = own, profile
		}
	}
	if l.Fields.Decision != "" {
		n.decision = l.Fields.Decision
	}
	for profile, own := range l.Decisions {
		n.decisions[profile], n.decisions[own] = own, profile
	}
	return n
}

func swapped(name string, other map[string]string) string {
	if o, ok := other[name]; ok {
		return o
	}
	return name
}

// form puts the page's own names into a form or query of the profile's. shown is the same without the password.
func (n names) form(text string) (own, shown string) {
	if text == "" {
		return "", ""
	}
	var all, without []string
	for pair := range strings.SplitSeq(text, "&") {
		rawName, rawValue, equals := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			all, without = append(all, pair), append(without, pair)
			continue
		}
		if other := swapped(name, n.fields); other != name {
			rawName = url.QueryEscape(other)
		}
		if name == decision {
			if other := swapped(value, n.decisions); other != value {
				rawValue = url.QueryEscape(other)
			}
		}
		if pair = rawName; equals {
			pair += "=" + rawValue
		}
		all = append(all, pair)
		if name == password && rawValue != "" {
			pair = rawName + "=" + hidden
		}
		without = append(without, pair)
	}
	return strings.Join(all, "&"), strings.Join(without, "&")
}

// page puts the profile's names into a page. Whatever else is in it stays as it is, byte for byte.
func (n names) page(text []byte) []byte {
	if len(n.fields) == 0 && len(n.decisions) == 0 {
		return text
	}
	var b bytes.Buffer
	tokens := html.NewTokenizer(bytes.NewReader(text))
	for {
		kind := tokens.Next()
		raw := bytes.Clone(tokens.Raw())
		if kind == html.ErrorToken {
			b.Write(raw)
			return b.Bytes()
		}
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			if token := tokens.Token(); n.input(&token) {
				raw = []byte(token.String())
			}
		}
		b.Write(raw)
	}
}

// input puts the profile's names into an input or a button, and reports whether it changed anything.
func (n names) input(token *html.Token) bool {
	if token.Data != "input" && token.Data != "button" && token.Data != "select" && token.Data != "textarea" {
		return false
	}
	changed, decides := false, false
	for i, a := range token.Attr {
		if a.Key == "name" {
			decides = a.Val == n.decision
			other := swapped(a.Val, n.fields)
			changed = changed || other != a.Val
			token.Attr[i].Val = other
		}
	}
	for i, a := range token.Attr {
		if decides && a.Key == "value" {
			other := swapped(a.Val, n.decisions)
			changed = changed || other != a.Val
			token.Attr[i].Val = other
		}
	}
	return changed
}

// asksPassword finds the place in a page before which another form can stand: that of the first form of a page that has an input for a password.
func asksPassword(text []byte) (place int, asks bool) {
	tokens := html.NewTokenizer(bytes.NewReader(text))
	at, first := 0, -1
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return 0, false
		}
		length := len(tokens.Raw())
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			token := tokens.Token()
			if token.Data == "form" && first < 0 {
				first = at
			}
			if token.Data == "input" && strings.EqualFold(attribute(token, "type"), "password") {
				if first < 0 {
					first = at
				}
				return first, true
			}
		}
		at += length
	}
}

func attribute(token html.Token, name string) string {
	for _, a := range token.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
