// Package page is what the pages of all flows have in common: frame, style, and headers. The pages work without scripts.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io/fs"
	"net/http"
	"sync"
)

//go:embed layout.html
var layout string

//go:embed style.css
var style string

// Parse reads the templates of a flow, *.html at the root of files. They may use the templates head, given a title, and foot.
// It panics when one is malformed.
func Parse(files fs.FS) *template.Template {
	t := template.New("").Funcs(template.FuncMap{"style": func() template.CSS { return template.CSS(style) }})
	return template.Must(template.Must(t.Parse(layout)).ParseFS(files, "*.html"))
}

// Policy is the Content-Security-Policy of every page. It names no form-action, which browsers apply to the
// redirect after a form too, and where that leads is up to other sites.
var Policy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; base-uri 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
})

// Write answers with a page made by the template of that name. A Content-Security-Policy that is set already stays.
func Write(w http.ResponseWriter, status int, templates *template.Template, name string, data any) {
	var body bytes.Buffer
	if err := templates.ExecuteTemplate(&body, name, data); err != nil {
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
