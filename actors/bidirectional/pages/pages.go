// Package pages writes what people see of the bidirectional flow: the authorization page, a client's home
// page, results and refusals. The pages work without scripts.
package pages

import (
	"embed"
	"net/http"

	"countersign/actors/page"
)

//go:embed *.html
var files embed.FS

var templates = page.Parse(files)

// Policy is the Content-Security-Policy of every page.
func Policy() string { return page.Policy() }

// Page is one of the pages below.
type Page interface{ template() string }

// Consent is the authorization page.
type Consent struct {
	Site, Issuer     string // whose resources will be read
	Client, ClientID string // who will read them
	Notice           string // what was wrong with the last try; empty at first
	Hidden           []Input
}

// Input is a hidden input of a form.
type Input struct{ Name, Value string }

// Home is a client's home page.
type Home struct {
	Site  string
	Peers []Peer
}

// Peer is another site, as the home page shows it.
type Peer struct {
	Name, Issuer string
	Readings     []Reading
}

// Reading is what a client can read of a user at a peer.
type Reading struct {
	Owner     string
	Resources []string
}

// Result is the page at the end of a leg.
type Result struct {
	Site, Peer string
	Home       string // URL
	Reading    *Reading
	Text       string // what happened, when nothing was read
}

// Failure is a refusal.
type Failure struct {
	Site string
	Text string
}

func (Consent) template() string { return "consent.html" }
func (Home) template() string    { return "home.html" }
func (Result) template() string  { return "result.html" }
func (Failure) template() string { return "failure.html" }

// Write answers with the page. A Content-Security-Policy that is set already stays.
func Write(w http.ResponseWriter, status int, p Page) {
	page.Write(w, status, templates, p.template(), p)
}
