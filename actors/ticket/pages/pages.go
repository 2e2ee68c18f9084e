// Package pages writes what the user of a terminal sees of the ticket flow. The page works without scripts.
package pages

import (
	"embed"
	"net/http"

	"countersign/actors/page"
)

//go:embed *.html
var files embed.FS

var templates = page.Parse(files)

// Terminal is the terminal's page.
type Terminal struct {
	UserName string
	Notice   string // how the last use ended when it brought no resource; empty otherwise
	Steps    []string
	Resource *Resource
	Apps     []App
}

// Resource is what an app gave.
type Resource struct {
	AppID, Owner string
	Titles       []string
}

// App is an app that can be opened.
type App struct {
	ID     string
	Stored bool // a ticket of the user is
}

// Write answers with the page.
func Write(w http.ResponseWriter, status int, t Terminal) {
	page.Write(w, status, templates, "terminal.html", t)
}
