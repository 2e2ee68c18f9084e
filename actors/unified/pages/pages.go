// Package pages writes what people see of the unified flow: the platform's portal, login, authorization and logout
// pages, and a third-party platform's own. The pages work without scripts.
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

// Input is a hidden input of a form.
type Input struct{ Name, Value string }

// Login is the page on which a user logs in to the portal.
type Login struct {
	Platform string
	Notice   string // what was wrong with the last try; empty at first
	Hidden   []Input
}

// Authorize asks whether a third-party platform may learn who the user is, and for the password of a user who is not logged in.
type Authorize struct {
	Platform, Issuer string
	Client, ClientID string // who will learn it; an empty ClientID is not shown
	UserName         string // of who is logged in; empty on a page that asks for user name and password
	Notice           string
	Hidden           []Input
}

// Portal is what a user who is logged in chooses from.
type Portal struct {
	Platform, UserName, Nickname string
	ThirdParties                 []Link
	Logout                       string // URL
}

// Link leads to a third-party platform.
type Link struct{ Name, URL string }

// Logout asks whether the user wants to leave the platform, and with it all third-party platforms.
type Logout struct {
	Platform, UserName string
	Client             string // the third-party platform that sent the user here; empty for none
	Hidden             []Input
}

// LoggedOut says that nobody is logged in in this browser.
type LoggedOut struct {
	Platform string
	Client   string // the third-party platform that sent the user here; empty for none
	Portal   string // URL
}

// Failure is a refusal.
type Failure struct{ Platform, Text string }

func (Login) template() string     { return "login.html" }
func (Authorize) template() string { return "authorize.html" }
func (Portal) template() string    { return "portal.html" }
func (Logout) template() string    { return "logout.html" }
func (LoggedOut) template() string { return "logged_out.html" }
func (Failure) template() string   { return "failure.html" }

// Write answers with the page. A Content-Security-Policy that is set already stays.
func Write(w http.ResponseWriter, status int, p Page) {
	page.Write(w, status, templates, p.template(), p)
}
