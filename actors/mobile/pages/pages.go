// Package pages writes what people see of the mobile flow: the user of an app, and who keeps the rules. The pages work without scripts.
package pages

import (
	"embed"
	"net/http"

	"countersign/actors/page"
)

//go:embed *.html
var files embed.FS

var templates = page.Parse(files)

// App is the app's page.
type App struct {
	AppID, DeviceID, UserName string
	Notice                    string // how the last wish ended when it brought nothing; empty otherwise
	Steps                     []string

	Enrolled     bool
	Token        bool   // one is stored
	Address      string // of the business system; empty: none is stored
	RulesVersion int64  // the highest that the app has taken
	Owner        string
	Titles       []string // of the resources that are stored
}

// Write answers with the app's page.
func (a App) Write(w http.ResponseWriter, status int) {
	page.Write(w, status, templates, "app.html", a)
}

// Office is the page of who keeps the rules at an authorization server.
type Office struct {
	Notice string // why the last change came to nothing; empty otherwise
	Done   string // what it came to; empty otherwise
	// Version and Rules are those in force, or the rules that were refused.
	Version string
	Rules   string
	Systems []string
	Devices []Device
	// Entries are the versions so far, the newest first.
	Entries []Entry
}

// Device is a device that may be deregistered.
type Device struct{ ID, UserName string }

// Entry is one version of the rules.
type Entry struct {
	Version     int64
	ActivatedAt string
	By          string
}

// Write answers with the office's page.
func (o Office) Write(w http.ResponseWriter, status int) {
	page.Write(w, status, templates, "office.html", o)
}
