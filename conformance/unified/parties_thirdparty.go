package unified

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// sites are third-party platforms with logout paths that the harness plays at the address for registering.
// They record what the platform under test tells them, and answer as the check says. A check that plays them runs alone.
type sites struct {
	t    *test
	mint *mint

	mu  sync.Mutex // never held while a request is under way
	all []*played
}

// played is one of them.
type played struct {
	site
	in      *sites
	conduct conduct
	record  []*told
}

// conduct is how a third-party platform answers. Its zero value carries out every task.
type conduct struct {
	// verdict is the status of a task's result, where "" leaves the task out; nil means done for each.
	verdict func(task) string
	// status is answered in place of what the request deserves, where it is not 0, with the header.
	status int
	header [2]string
	// accepted answers with 202 what would be right with 200.
	accepted bool
	// broken breaks the connection instead of answering.
	broken bool
	// hold keeps a request without an answer for so long, or until the conduct is another.
	hold time.Duration
	// forged changes the answer before it is sealed; plain sends it as JSON.
	forged func(message) message
	plain  bool
}

// told is one request to a third-party platform.
type told struct {
	opened
	tasks []task
	// logoutToken is what came to the back-channel path.
	logoutToken string
	// problem is why nothing could be made of it; empty where something could.
	problem string
	// at is when it came; while a test clock is moved, that may be the time before or after.
	at time.Time
	// exchange is its number in the report.
	exchange int
	// answered says that the answer is on its way.
	answered bool
}

// task is one of a batch.
type task struct {
	id, sub    string
	generation int64
	// members are all of them, as they came.
	members members
}

// playSites begins to play. The check defers release.
func (t *test) playSites() *sites {
	s := &sites{t: t, mint: t.newMint()}
	t.Play("registering", s)
	return s
}

// add registers a new third-party platform and plays it.
func (s *sites) add(as site) *played {
	p := &played{site: s.t.settle(as), in: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, p)
	return p
}

// batch and backChannel add a third-party platform with a logout path of that kind.
func (s *sites) batch() *played       { return s.add(s.t.newSite().withBatchLogout()) }
func (s *sites) backChannel() *played { return s.add(s.t.newSite().withBackChannel()) }

// release ends all conducts, and with them what they hold back.
func (s *sites) release() {
	for _, p := range s.all {
		p.behave(conduct{})
	}
}

// behave sets how requests are answered from here on.
func (p *played) behave(as conduct) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.conduct = as
}

// holds adds a communication key, which is the newest.
func (p *played) holds(key jose.Key) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.keys = append(slices.Clone(p.keys), key)
}

// received are the requests so far, in the order in which they came.
func (p *played) received() []told {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	var all []told
	for _, r := range p.record {
		all = append(all, *r)
	}
	return all
}

// ServeHTTP finds the third-party platform that a path belongs to and has it answer.
func (s *sites) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	i := slices.IndexFunc(s.all, func(p *played) bool {
		return strings.HasPrefix(r.URL.Path, p.path(strings.TrimSuffix(p.callback, "callback")))
	})
	s.mu.Unlock()
	if i < 0 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.all[i].serve(w, r)
}

// path is that of a URL.
func (p *played) path(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Path
}

// serve records a request and answers it.
func (p *played) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	rec := &told{at: p.in.t.Env.Now(), exchange: conformance.ExchangeOf(r)}
	p.in.mu.Lock()
	switch {
	case err != nil:
		rec.problem = "the body broke off"
	case r.Method != http.MethodPost:
		rec.problem = "method " + r.Method
	case p.batchLogout != "" && r.URL.Path == p.path(p.batchLogout):
		rec.readBatch(r.Header.Get("Content-Type"), body, p.keys)
	case p.backChannel != "" && r.URL.Path == p.path(p.backChannel):
		rec.readLogoutToken(r.Header.Get("Content-Type"), body)
	default:
		rec.problem = "nothing is registered at " + r.URL.Path
	}
	as := p.conduct
	p.record = append(p.record, rec)
	p.in.mu.Unlock()

	p.hold(as.hold)
	p.in.mu.Lock()
	rec.answered = true
	p.in.mu.Unlock()
	switch {
	case as.broken:
		panic(http.ErrAbortHandler)
	case as.status != 0:
		if as.header[0] != "" {
			w.Header().Set(as.header[0], as.header[1])
		}
		w.WriteHeader(as.status)
	case rec.problem != "":
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_request","error_description":"This cannot be read."}`)
	case rec.logoutToken != "":
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(as.right())
	default:
		p.answer(w, rec, as)
	}
}

// hold waits, until the conduct that wants it is over.
func (p *played) hold(limit time.Duration) {
	p.in.t.pollFor(limit, func() bool {
		p.in.mu.Lock()
		defer p.in.mu.Unlock()
		return p.conduct.hold == 0
	})
}

// pollFor is Await for what no party's answer announces.
func (t *test) pollFor(limit time.Duration, done func() bool) bool {
	const beat = 20 * time.Millisecond
	for ; limit > 0 && !done(); limit -= beat {
		t.Env.Await(beat, done)
	}
	return done()
}

// readBatch reads a batch request: section 4.6 of the profile.
func (r *told) readBatch(contentType string, body []byte, keys []jose.Key) {
	o, err := openMessage(contentType, body, keys...)
	if r.opened = o; err != nil {
		r.problem = err.Error()
		return
	}
	listed, _ := o.payload["tasks"].([]any)
	for _, one := range listed {
		object, _ := one.(map[string]any)
		read := task{members: object}
		read.id, read.sub = read.members.text("task_id"), read.members.text("sub")
		read.generation, _ = read.members.whole("generation")
		r.tasks = append(r.tasks, read)
	}
	if len(r.tasks) == 0 {
		r.problem = "tasks is " + shown(o.payload["tasks"])
	}
}

// readLogoutToken reads a back-channel logout: section 4.7 of the profile.
func (r *told) readLogoutToken(contentType string, body []byte) {
	form, err := url.ParseQuery(string(bytes.TrimSpace(body)))
	switch {
	case mediaType(contentType) != "application/x-www-form-urlencoded":
		r.problem = fmt.Sprintf("a body of type %q", mediaType(contentType))
	case err != nil || form.Get("logout_token") == "":
		r.problem = "a form without logout_token"
	default:
		r.logoutToken = form.Get("logout_token")
	}
}

// answer is that to a batch.
func (p *played) answer(w http.ResponseWriter, to *told, as conduct) {
	results := []members{}
	for _, one := range to.tasks {
		status := "done"
		if as.verdict != nil {
			status = as.verdict(one)
		}
		if status != "" {
			results = append(results, members{"task_id": one.id, "status": status})
		}
	}
	key := to.key
	if to.plain {
		key = p.newest()
	}
	on := line{from: p.id, to: to.payload.text("iss"), key: key}
	m := newMessage(p.in.mint.value(), p.in.t.Env.Now(), on, "batch-logout-response", to.payload.text("jti"), members{"results": results})
	if as.forged != nil {
		m = as.forged(m)
	}
	kind := joseType
	body, err := m.seal(p.in.mint)
	if as.plain || to.plain {
		kind = jsonType
		body, err = m.plain()
	}
	if err != nil {
		panic(fmt.Sprintf("an answer cannot be sealed: %v", err)) // the stage makes an error of the harness of it
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(as.right())
	_, _ = io.WriteString(w, body) // the platform has gone when it cannot be written
}

// right is the status of an answer that is right but for it.
func (as conduct) right() int {
	if as.accepted {
		return http.StatusAccepted
	}
	return http.StatusOK
}
