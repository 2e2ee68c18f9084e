package conformance

import (
	"io"
	"net/http"
	"strings"
)

// idle answers for a party that nobody plays: 204, and to a browser a page, so that it comes to the address and the person before it can read it there.
func idle(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "<!doctype html><title>Countersign</title><p>The browser has come to a party that the harness plays. If the harness asks for the address, copy it from the address bar.</p>\n")
}
