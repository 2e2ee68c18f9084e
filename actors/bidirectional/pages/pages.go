// Package pages writes what people see of the bidirectional flow: the authorization page, a client's home
// page, results and refusals. The pages work without scripts.
package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

//go:embed *.html
var files embed.FS

//go:embed style.css
var style string

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(style) },
}).ParseFS(files, "*.html"))

// Policy is the Content-Security-Policy of every page. It names no form-action, which browsers apply to the
// redirect after a form too, and where that leads is up to other sites.
func Policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; base-uri 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

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
func Write(w http.ResponseWriter, status int, page Page) {
	var body bytes.Buffer
	if err := templates.ExecuteTemplate(&body, page.template(), page); err != nil {
		http.Error(w, "The page cannot be written.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", Policy())
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a browser that has gone away needs no page
}
