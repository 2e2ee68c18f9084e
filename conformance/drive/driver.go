// Package drive reaches implementations that cannot be asked as the profile has it: roles that are started by a command or by hand, and pages where users
// log in by other names or elsewhere. It stands between the harness and the target, so that no check knows of it.
package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"countersign/conformance"
	"countersign/conformance/config"
)

// Header is the header line by which a report shows that an answer was not the target's own over HTTP, and who gave it; saidHeader is what a command
// wrote on standard error.
const (
	Header     = "Countersign-Driven"
	saidHeader = "Countersign-Said"
)

// Driver drives one target through one run.
type Driver struct {
	Config config.Config
	// Context is that of the run. What a person does ends with it, and with nothing else.
	Context context.Context
	// Prompt asks a person; nil: nobody is there.
	Prompt *Prompt

	mu        sync.Mutex
	endpoints map[string]string // URLs without query, as the metadata document names them
	pages     pages
}

// NoTerminalError says that something is to be done by hand where nobody can be asked.
type NoTerminalError struct {
	// Keys are the places in the configuration that ask for it.
	Keys []string
}

func (e *NoTerminalError) Error() string {
	return fmt.Sprintf("%s asks for a person, and there is no terminal to ask at: run it at one, or write a url or a command in its place", strings.Join(e.Keys, " and "))
}

// Ready reports whether the run can begin. The error is a *NoTerminalError.
func (d *Driver) Ready() error {
	if keys := d.Config.ByHand(); len(keys) > 0 && d.Prompt == nil {
		return &NoTerminalError{Keys: keys}
	}
	return nil
}

// Over puts the driver over the way to a target.
func (d *Driver) Over(next func(conformance.Flow, *http.Transport) http.RoundTripper) func(conformance.Flow, *http.Transport) http.RoundTripper {
	if len(d.Config.Drive.Triggers) == 0 && d.Config.Drive.Login == nil && d.Config.Drive.Document == nil {
		return next
	}
	return func(flow conformance.Flow, own *http.Transport) http.RoundTripper {
		return transport{d, flow, next(flow, own)}
	}
}

// Revise takes back the judgement of a metadata document that stands in the configuration: it says nothing of the implementation.
func Revise(r *conformance.Result) {
	if r.Verdict != conformance.Pass && r.Verdict != conformance.Fail && r.Verdict != conformance.Warn {
		return
	}
	only, blamed := true, false
	for _, e := range r.Exchanges {
		configured := slices.Contains(e.ResponseHeaders, conformance.Header{Name: config.OverrideHeader, Value: config.DocumentConfigured})
		only = only && configured
		blamed = blamed || configured && r.Failure != nil && r.Failure.Exchange == e.Number
	}
	switch {
	case blamed:
		r.Reason = fmt.Sprintf("the metadata document stands in the configuration, which is not under test, and lacks what the check needs: %s", r.Failure.Expected)
	case only:
		r.Reason = "the metadata document stands in the configuration, which is not under test"
	default:
		return
	}
	r.Verdict, r.Failure = conformance.Skip, nil
}

// transport is the way to the target.
type transport struct {
	driver *Driver
	flow   conformance.Flow
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet && req.URL.String() == strings.TrimSuffix(t.driver.Config.Target, "/")+t.flow.WellKnown {
		return t.document(req)
	}
	if name, ok := t.driver.triggered(req.URL); ok {
		return t.trigger(name, req)
	}
	if page, ok := t.loginPage(req.URL); ok {
		return t.atPage(page, req)
	}
	if req.URL.Scheme+"://"+req.URL.Host == config.Driven {
		return nil, obstruct(req.Context(), conformance.Skip, "the implementation is not reached over HTTP, and no trigger stands for %s", req.URL.Path)
	}
	return t.next.RoundTrip(req)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (t transport) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// document passes the metadata document on, and learns from it where the endpoints are.
func (t transport) document(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := read(resp)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	if json.Unmarshal(body, &members) == nil {
		t.driver.learn(members)
	}
	return resp, nil
}

func (d *Driver) learn(document map[string]any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endpoints = map[string]string{}
	for name, value := range document {
		text, _ := value.(string)
		if u, err := url.Parse(text); err == nil && text != "" {
			d.endpoints[name] = bare(u)
		}
	}
}

// endpoint is where the document says that an endpoint is, without query; empty where it says nothing.
func (d *Driver) endpoint(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.endpoints[name]
}

// triggered finds the trigger that stands for what is at a URL.
func (d *Driver) triggered(u *url.URL) (string, bool) {
	for name := range d.Config.Drive.Triggers {
		if d.endpoint(name) == bare(u) {
			return name, true
		}
	}
	return "", false
}

// bare is a URL without query and fragment.
func bare(u *url.URL) string {
	b := *u
	b.RawQuery, b.ForceQuery, b.Fragment = "", false, ""
	return b.String()
}

// obstruct is the error for an exchange that could not take place. It gives its check the verdict.
func obstruct(ctx context.Context, verdict conformance.Verdict, reason string, args ...any) error {
	o := &conformance.Obstacle{Verdict: verdict, Reason: fmt.Sprintf(reason, args...)}
	if u := conformance.UnderwayIn(ctx); u != nil {
		u.Obstruct(o)
	}
	return o
}
