package page

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Document is a page as a user agent reads it.
type Document struct {
	Text  string // what it shows, words parted by single spaces
	Forms []Form
	Links []Link
}

// Form is a form as it stands on a page.
type Form struct {
	Method string // in capitals; GET where the page says nothing
	Action string // as written, relative or not
	Fields []Field
}

// Field is a named input or button of a form.
type Field struct {
	Name, Value string
	Type        string // in small letters; a button is submit where the page says nothing, an input text
}

// Link is an `a` element with a reference.
type Link struct {
	Reference string // as written, relative or not
	Text      string
}

// Asks reports whether the form has a field of that type, as password.
func (f Form) Asks(kind string) bool {
	for _, field := range f.Fields {
		if field.Type == kind {
			return true
		}
	}
	return false
}

// Values are what the form sends when no button is pressed: a caller sets what its user types, and the button.
func (f Form) Values() url.Values {
	values := url.Values{}
	for _, field := range f.Fields {
		if field.Type != "submit" && field.Type != "button" {
			values.Add(field.Name, field.Value)
		}
	}
	return values
}

// Read reads a page without building its tree: worlds read many. What is no HTML gives what there is of it.
func Read(source string) Document {
	r := reader{tokens: html.NewTokenizer(strings.NewReader(source)), form: -1, link: -1}
	for r.next() {
	}
	return r.Document.tidied(&r.text)
}

type reader struct {
	Document
	tokens *html.Tokenizer
	text   strings.Builder
	form   int // the open form, -1 when none is
	link   int // the open link
	hidden int // how deep in style and script
}

func (r *reader) next() bool {
	switch r.tokens.Next() {
	case html.ErrorToken:
		return false
	case html.TextToken:
		if r.hidden == 0 {
			text := r.tokens.Text()
			r.text.Write(unescaped(text))
			if r.link >= 0 {
				r.Links[r.link].Text += string(unescaped(text))
			}
		}
	case html.StartTagToken:
		r.open(false)
	case html.SelfClosingTagToken:
		r.open(true)
	case html.EndTagToken:
		name, _ := r.tokens.TagName()
		r.close(atom.Lookup(name))
	}
	return true
}

// unescaped gives the characters that a text token stands for.
func unescaped(text []byte) []byte {
	for _, b := range text {
		if b == '&' {
			return []byte(html.UnescapeString(string(text)))
		}
	}
	return text
}

func (r *reader) open(closed bool) {
	name, more := r.tokens.TagName()
	tag := atom.Lookup(name)
	if !inline(tag) {
		r.text.WriteByte(' ')
	}
	switch tag {
	case atom.Style, atom.Script:
		if !closed {
			r.hidden++
		}
	case atom.Form:
		a := r.attributes(more)
		r.Forms = append(r.Forms, Form{Method: strings.ToUpper(orElse(a["method"], "get")), Action: a["action"]})
		r.form = len(r.Forms) - 1
	case atom.A:
		if a := r.attributes(more); a["href"] != "" {
			r.Links = append(r.Links, Link{Reference: a["href"]})
			r.link = len(r.Links) - 1
		}
	case atom.Input, atom.Button:
		a := r.attributes(more)
		if r.form < 0 || a["name"] == "" {
			return
		}
		usual := "text"
		if tag == atom.Button {
			usual = "submit"
		}
		f := &r.Forms[r.form]
		f.Fields = append(f.Fields, Field{Name: a["name"], Value: a["value"], Type: strings.ToLower(orElse(a["type"], usual))})
	}
}

func (r *reader) close(tag atom.Atom) {
	if !inline(tag) {
		r.text.WriteByte(' ')
	}
	switch tag {
	case atom.Style, atom.Script:
		r.hidden = max(0, r.hidden-1)
	case atom.Form:
		r.form = -1
	case atom.A:
		r.link = -1
	}
}

func (r *reader) attributes(more bool) map[string]string {
	all := map[string]string{}
	for more {
		var name, value []byte
		name, value, more = r.tokens.TagAttr()
		if _, twice := all[string(name)]; !twice {
			all[string(name)] = string(value)
		}
	}
	return all
}

func (d Document) tidied(text *strings.Builder) Document {
	d.Text = strings.Join(strings.Fields(text.String()), " ")
	for i := range d.Links {
		d.Links[i].Text = strings.Join(strings.Fields(d.Links[i].Text), " ")
	}
	return d
}

func orElse(value, usual string) string {
	if value == "" {
		return usual
	}
	return value
}

// inline reports whether an element parts no words.
func inline(tag atom.Atom) bool {
	switch tag {
	case atom.A, atom.B, atom.Code, atom.Em, atom.I, atom.Small, atom.Span, atom.Strong:
		return true
	}
	return false
}
