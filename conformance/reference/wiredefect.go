package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/actors"
	"countersign/conformance/catalog"
)

// tap stands between a role and the wire. It sees the whole answer and writes whatever it likes.
type tap func(w http.ResponseWriter, r *http.Request, honest *answer, clock actors.Clock)

// answer is what the role itself would have sent.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}

func (a *answer) setBody(text string) {
	a.body.Reset()
	a.body.WriteString(text)
	a.header.Del("Content-Length")
}

// wrap puts the tap of the defect, if it has one for the role, in front of the role's handler.
func (d Defect) wrap(role catalog.Role, h http.Handler, clock actors.Clock) http.Handler {
	if d.tap == nil || d.Role != role {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		honest := &answer{header: http.Header{}}
		h.ServeHTTP(honest, r)
		honest.WriteHeader(http.StatusOK)
		d.tap(w, r, honest, clock)
	})
}

// on applies a change to answers of one kind and leaves the others as they are.
func on(which func(*http.Request, *answer) bool, change func(*answer)) tap {
	return func(w http.ResponseWriter, r *http.Request, honest *answer, _ actors.Clock) {
		if which(r, honest) {
			change(honest)
		}
		honest.send(w)
	}
}

func metadataServed(r *http.Request, _ *answer) bool {
	return strings.HasPrefix(r.URL.Path, "/.well-known/")
}

// answered are the answers with one status at a path of the reference's, or below it where the path ends in a slash.
func answered(path string, status int) func(*http.Request, *answer) bool {
	return func(r *http.Request, a *answer) bool {
		there := r.URL.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(r.URL.Path, path)
		return there && a.status == status
	}
}

func refused(_ *http.Request, a *answer) bool {
	return a.status >= 400 && strings.HasPrefix(a.header.Get("Content-Type"), "application/json")
}

func resourceServed(_ *http.Request, a *answer) bool {
	return a.status == http.StatusOK && strings.Contains(a.body.String(), `"owner"`)
}

func renamed(old, new string) func(*answer) {
	return func(a *answer) { a.setBody(strings.Replace(a.body.String(), old, new, 1)) }
}

func status(code int) func(*answer) { return func(a *answer) { a.status = code } }

func contentType(t string) func(*answer) {
	return func(a *answer) { a.header.Set("Content-Type", t) }
}

func withoutHeader(name string) func(*answer) {
	return func(a *answer) { a.header.Del(name) }
}

// plainly refuses without JSON.
func plainly(a *answer) {
	a.header.Set("Content-Type", "text/plain")
	a.setBody("no")
}

// body changes the bytes of an answer.
func body(change func([]byte) []byte) func(*answer) {
	return func(a *answer) { a.setBody(string(change(bytes.Clone(a.body.Bytes())))) }
}

// followed has something come after the body.
func followed(by string) func(*answer) {
	return body(func(b []byte) []byte { return append(b, by...) })
}

// member gives a member of a JSON object another value; nil takes it away.
func member(name string, value any) func(*answer) {
	return body(func(b []byte) []byte {
		var members map[string]any
		if json.Unmarshal(b, &members) != nil {
			return b
		}
		if members[name] = value; value == nil {
			delete(members, name)
		}
		other, err := json.Marshal(members)
		if err != nil {
			return b
		}
		return other
	})
}

// partMissing leaves a part of a compact JWE or JWS out, wherever the text has one.
func partMissing(a *answer) {
	a.setBody(compactForm.ReplaceAllString(a.body.String(), "$1.$3"))
}

// compactForm is JWE or JWS in compact serialization: its first part, the parts between, its last.
var compactForm = regexp.MustCompile(`(eyJ[A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*\.)+([A-Za-z0-9_-]+)`)

// truncated promises the whole body and breaks off half way.
func truncated(which func(*http.Request, *answer) bool) tap {
	return func(w http.ResponseWriter, r *http.Request, honest *answer, _ actors.Clock) {
		if !which(r, honest) {
			honest.send(w)
			return
		}
		honest.header.Set("Content-Length", fmt.Sprint(honest.body.Len()))
		honest.body.Truncate(honest.body.Len() / 2)
		honest.send(w)
		panic(http.ErrAbortHandler)
	}
}

// endless goes on writing until the reader hangs up.
func endless(which func(*http.Request, *answer) bool) tap {
	return func(w http.ResponseWriter, r *http.Request, honest *answer, _ actors.Clock) {
		honest.header.Del("Content-Length")
		honest.send(w)
		if !which(r, honest) {
			return
		}
		filler := bytes.Repeat([]byte(" "), 64<<10)
		for {
			if _, err := w.Write(filler); err != nil {
				return
			}
		}
	}
}

// slow begins to answer only after the reader's patience has ended.
func slow(which func(*http.Request, *answer) bool) tap { return late(which, 2*time.Minute) }

// late begins to answer so much later.
func late(which func(*http.Request, *answer) bool, by time.Duration) tap {
	return func(w http.ResponseWriter, r *http.Request, honest *answer, clock actors.Clock) {
		if which(r, honest) {
			clock.Sleep(by)
		}
		honest.send(w)
	}
}

// reset closes the connection without an answer.
func reset(which func(*http.Request, *answer) bool) tap {
	return func(w http.ResponseWriter, r *http.Request, honest *answer, _ actors.Clock) {
		if which(r, honest) {
			panic(http.ErrAbortHandler)
		}
		honest.send(w)
	}
}

// noMetadata are the ways in which the metadata document of a role can be none; the requirement is one whose check needs it.
func noMetadata(role catalog.Role, requirement catalog.ID) []Defect {
	return []Defect{
		{Role: role, Requirement: requirement, Text: "metadata without end", tap: endless(metadataServed)},
		{Role: role, Requirement: requirement, Text: "metadata with invalid UTF-8", tap: on(metadataServed, renamed(`"profile"`, "\"note\":\"\xff\xfe\",\"profile\""))},
		{Role: role, Requirement: requirement, Text: "connection reset instead of metadata", tap: reset(metadataServed)},
		{Role: role, Requirement: requirement, Text: "metadata that break off", tap: truncated(metadataServed)},
	}
}

func wireDefects() []Defect {
	all := slices.Concat(bidirectionalWireDefects(), ticketWireDefects(), mobileWireDefects(), offlineWireDefects(), unifiedWireDefects())
	for i := range all {
		all[i].ID, all[i].Kind = fmt.Sprintf("W-%02d", i+1), "wire"
	}
	return all
}
