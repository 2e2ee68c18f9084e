// Package pages writes what people see of the offline flow: the handset in the user's hand, and the device at the till. The pages work without scripts.
package pages

import (
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"

	"countersign/actors/page"
)

//go:embed *.html
var files embed.FS

var templates = page.Parse(files)

// Handset is the handset's page.
type Handset struct {
	ID      string
	Notice  string // why the last wish came to nothing; empty otherwise
	Outcome string // how the last confirmation ended, in words; empty otherwise
	Confirm *Confirm
	// Near are the devices to choose from.
	Near []Near
	// Service, Amount and Currency are as they were typed.
	Service, Amount, Currency string
}

// Near is a device to choose.
type Near struct{ Device, Link string }

// Confirm is what waits for the user's yes or no.
type Confirm struct {
	Token             string // the end of the confirmation URI
	Device, Service   string
	Amount            uint64 // in the smallest unit
	Currency, Expires string
	NeedsPassword     bool
}

// WriteHandset answers with the handset's page.
func WriteHandset(w http.ResponseWriter, status int, h Handset) {
	w.Header().Set("Cache-Control", "no-store")
	page.Write(w, status, templates, "handset.html", h)
}

// Device is the device's page.
type Device struct {
	ID        string
	Exchanges []Exchange // the latest first
	// Asked and Answered are the latest frames that went as pictures, as PNG; nil before the first.
	Asked, Answered Picture
}

// Exchange is one handset's business at the device.
type Exchange struct {
	Handset, Service string
	Amount           uint64 // in the smallest unit
	Currency         string
	State            string // in words
	Open             bool   // the gate is
}

// Picture is a PNG.
type Picture []byte

// URL is the picture as an image's source.
func (p Picture) URL() template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(p))
}

// WriteDevice answers with the device's page.
func WriteDevice(w http.ResponseWriter, d Device) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", page.Policy()+"; img-src data:")
	page.Write(w, http.StatusOK, templates, "device.html", d)
}
