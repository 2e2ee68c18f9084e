// Package wire is what the flows have in common over HTTP: answers and refusals in JSON, documents, the test clock.
package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The media types of bodies.
const (
	FormType = "application/x-www-form-urlencoded"
	JSONType = "application/json"
)

// MaxBody bounds what is read of any body, in bytes.
const MaxBody = 1 << 20

// retryAfter is when to ask again what cannot be done now, in seconds.
const retryAfter = "2"

// Answer is what an endpoint that a program calls says when it does not refuse.
type Answer struct {
	Status      int
	ContentType string
	Body        string
}

// JSON is an answer with status 200.
func JSON(v any) (Answer, error) {
	body, err := json.Marshal(v)
	return Answer{http.StatusOK, JSONType, string(body)}, err
}

// Write sends the answer.
func (a Answer) Write(w http.ResponseWriter) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write([]byte(a.Body)) // a caller that has gone away needs no answer
}

// Refusal is the body of a refusal (after RFC 6749 section 5.2).
type Refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// Refuse sends a refusal. With status 503 it says when to ask again, unless the header does already.
func Refuse(w http.ResponseWriter, status int, refusal Refusal) {
	if status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", retryAfter) // RFC 9110 section 10.2.3
	}
	body, err := json.Marshal(refusal)
	if err != nil {
		body = []byte(`{"error":"server_error","error_description":"the refusal cannot be written"}`)
	}
	Answer{status, JSONType, string(body)}.Write(w)
}

// Broken is the refusal of a server that failed itself; its status is 500.
func Broken() Refusal {
	return Refusal{"server_error", "the server failed to keep or make what it needs; try again later"}
}

// WrongMethod refuses a method that an endpoint does not take (RFC 9110 section 15.5.6).
func WrongMethod(w http.ResponseWriter, allowed ...string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	Refuse(w, http.StatusMethodNotAllowed, Refusal{"method_not_allowed", "this endpoint takes " + strings.Join(allowed, " and ") + " only"})
}

// Document serves one value as JSON, to GET and HEAD.
type Document struct{ Value any }

func (d Document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		WrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	document, err := JSON(d.Value)
	if err != nil {
		Refuse(w, http.StatusInternalServerError, Broken())
		return
	}
	document.Write(w)
}

// TestClock is the test clock endpoint (section 9 of the profiles): the function moves a clock forward and gives the new time.
type TestClock func(time.Duration) time.Time

func (advance TestClock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		WrongMethod(w, http.MethodPost)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	whole, err := strconv.ParseUint(r.PostFormValue("advance"), 10, 31)
	if err != nil {
		Refuse(w, http.StatusBadRequest, Refusal{"parameter_rejected", "advance is no whole number of seconds"})
		return
	}
	now, err := JSON(map[string]int64{"now": advance(time.Duration(whole) * time.Second).Unix()})
	if err != nil {
		Refuse(w, http.StatusInternalServerError, Broken())
		return
	}
	now.Write(w)
}

// PathOf returns the path of a base URL, without a trailing slash.
func PathOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}

// Private reports whether what is sent to the URL can be read by its receiver only: over TLS, or on loopback.
func Private(target string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost") || ip != nil && ip.IsLoopback()
}

// Label tells origins apart in names: hosts share cookies over all their ports (RFC 6265 section 8.5), so that a cookie's name has to say whose it is.
func Label(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:4])
}

// Publish serves the metadata document of a role that lies under base, and its test clock if it has one; testClock is then its URL.
func Publish(mux *http.ServeMux, base, wellKnown string, advance func(time.Duration) time.Time, document func(testClock string) any) {
	const path = "/test-clock"
	testClock := ""
	if advance != nil {
		testClock = base + path
		mux.Handle(PathOf(base)+path, TestClock(advance))
	}
	mux.Handle(PathOf(base)+wellKnown, Document{Value: document(testClock)})
}
