package doctor

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
	"countersign/conformance/flows"
)

// Bound is how long an examination takes at the most.
const Bound = 1900 * time.Millisecond

// patience is how long the metadata document may take; what is asked after it gets the rest of Bound.
const patience = 1200 * time.Millisecond

// parallel is how many requests are under way at a time.
const parallel = 8

// File examines the configuration in a file and what it speaks of.
func File(ctx context.Context, reader config.Reader, file string) []Finding {
	c, err := reader.Load(file)
	if err != nil {
		return []Finding{mistake(err)}
	}
	return Examine(ctx, c)
}

// Examine examines a configuration, and where it names a target, the target and the addresses at which the harness plays parties, within Bound.
// What it sends changes nothing at the target, but that a bidirectional OAuth server makes temporary credentials, which expire.
func Examine(ctx context.Context, c config.Config) []Finding {
	ctx, end := context.WithTimeout(ctx, Bound)
	defer end()
	e := &examination{config: c, slots: make(chan struct{}, parallel)}
	if flow, err := flows.Find(c.Profile); err == nil {
		e.flow = &flow
	}
	e.file()
	e.together(e.driven(ctx)...)
	if c.Target != "" && e.targetURL() {
		e.target(ctx)
	}
	e.expectedFailures()
	return inOrder(e.findings)
}

// examination is one under way.
type examination struct {
	config config.Config
	// flow is the one under test, nil as long as it is not known; setup is what holds for it.
	flow *conformance.Flow
	base *url.URL // of the target
	// over is the way to the target.
	over func(conformance.Flow, *http.Transport) http.RoundTripper
	// roles are those under test; empty as long as they are not known.
	roles []catalog.Role
	slots chan struct{}

	mu       sync.Mutex
	findings []Finding
}

func (e *examination) add(f Finding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.findings = append(e.findings, f)
}

func (e *examination) wrong(at config.Place, code, what, mend string) {
	e.add(Finding{Code: code, Severity: Error, Place: at, What: what, Mend: mend})
}

func (e *examination) warn(at config.Place, code, what, mend string) {
	e.add(Finding{Code: code, Severity: Warning, Place: at, What: what, Mend: mend})
}

// together runs functions at the same time, as many as there are slots.
func (e *examination) together(functions ...func()) {
	var running sync.WaitGroup
	for _, f := range functions {
		running.Go(func() {
			e.slots <- struct{}{}
			defer func() { <-e.slots }()
			f()
		})
	}
	running.Wait()
}

// target examines what is at the URL, and the addresses of the harness.
func (e *examination) target(ctx context.Context) {
	var err error
	if e.over, err = e.config.Transport(); err != nil {
		e.wrong(e.config.Place("tls"), "tls-files", err.Error(), "correct it")
		return
	}
	var doc *document
	e.together(func() { doc = e.find(ctx) }, func() {
		if e.flow != nil { // else the document is going to tell it
			e.addresses(ctx, *e.flow)
		}
	})
	if doc == nil {
		return
	}
	if e.flow == nil {
		e.flow = &doc.flow
		e.addresses(ctx, doc.flow)
	}
	e.reachOf(doc)
	e.rolesOf(doc)
	e.membersOf(doc)
	e.names(doc)
	steps := []func(){func() { e.clock(ctx, doc) }}
	steps = append(steps, e.endpoints(ctx, doc)...)
	steps = append(steps, e.credentials(ctx, doc)...)
	e.together(steps...)
}

// setup is what harness and target have agreed on.
func (e *examination) setup(flow conformance.Flow) conformance.Setup {
	if e.config.Setup != nil {
		return e.config.Setup
	}
	return flow.Setup()
}

// client asks as the checks ask, and closes each connection.
func (e *examination) client(flow conformance.Flow) *http.Client {
	own := &http.Transport{MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, DisableKeepAlives: true}
	return &http.Client{
		Transport:     e.over(flow, own),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// asked are the roles that the configuration names, client as both.
func (e *examination) asked() []catalog.Role {
	var all []catalog.Role
	for _, r := range e.config.Roles {
		if r == "client" {
			all = append(all, catalog.ClientInitiating, catalog.ClientReceiving)
		} else {
			all = append(all, r)
		}
	}
	return all
}

// under reports whether any of the roles is under test.
func (e *examination) under(roles ...catalog.Role) bool {
	return slices.ContainsFunc(roles, func(r catalog.Role) bool { return slices.Contains(e.roles, r) })
}

// baseURL is the target's URL without the slash at its end.
func (e *examination) baseURL() string { return strings.TrimSuffix(e.config.Target, "/") }

// at is where the file names the target; none where a flag does.
func (e *examination) at() config.Place {
	if p := e.config.PlaceOf(e.config.Target, "target"); p.File != "" {
		return p
	}
	if e.config.Place("target").File == "" { // the metadata's URL may tell it
		return e.config.Place("metadata")
	}
	return config.Place{}
}
