package unified

import (
	"slices"

	"countersign/actors/browser"
	"countersign/actors/page"
)

// Page is what the user agent shows.
type Page struct{ browser.Page }

// Offers reports whether a form of the page has the button.
func (p Page) Offers(button Decision) bool {
	_, found := p.form(button)
	return found
}

// Text is what the page shows, without markup and with white space folded.
func (p Page) Text() string { return p.Document.Text }

// Links are the targets of the page's links, absolute, in their order.
func (p Page) Links() []string { return p.Targets() }

// form finds the form of the page that has the button.
func (p Page) form(button Decision) (browser.Filled, bool) {
	return p.Find(func(f page.Form) bool {
		return slices.ContainsFunc(f.Fields, func(field page.Field) bool {
			return field.Name == "decision" && field.Type == "submit" && field.Value == string(button)
		})
	})
}
