package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/config"
	"countersign/conformance/flows"
)

// document is a metadata document, as it was served or as the file has it.
type document struct {
	flow    conformance.Flow
	members map[string]any
	// skew is by how much the clock of the target's Date header is ahead of this machine's; nil when there is none.
	skew *time.Duration
	// local says that the target answered from a loopback address.
	local bool
}

// text is a member that is a text.
func (d *document) text(member string) string {
	s, _ := d.members[member].(string)
	return s
}

// answer is what one request for a document got.
type answer struct {
	status   int
	location string // of a redirect, without query
	plain    bool   // a server of TLS says that it was not asked over TLS
	members  map[string]any
	problem  string // why there are no members although the status is 200
	skew     *time.Duration
	local    bool
	err      error
}

// find looks for the document of the flow, or of any flow. When there is none it says why, once, and gives nil.
func (e *examination) find(ctx context.Context) *document {
	among := flows.All()
	if e.flow != nil {
		among = []conformance.Flow{*e.flow}
	}
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	if e.config.Limit >= shortestLimit && e.config.Limit < patience { // a shorter one is a finding of its own
		var sooner context.CancelFunc
		ctx, sooner = context.WithTimeout(ctx, e.config.Limit)
		defer sooner()
	}
	answers := make([]answer, len(among))
	var asking []func()
	for i, flow := range among {
		asking = append(asking, func() { answers[i] = e.ask(ctx, flow, e.baseURL()+flow.WellKnown) })
	}
	if len(asking) == 1 {
		asking[0]() // the slot is held already
	} else {
		group(asking)
	}
	for i, a := range answers {
		if a.members != nil {
			return &document{among[i], a.members, a.skew, a.local}
		}
	}
	for i, a := range answers { // one that answers at all is alive
		if a.err == nil && a.status != http.StatusNotFound {
			e.refused(ctx, among[i], a)
			return nil
		}
	}
	if a := answers[0]; a.err != nil {
		e.dead(e.documentURL(among[0]), a.err)
		return nil
	}
	e.missing(ctx, among)
	return nil
}

// documentURL is where the document of a flow is asked for.
func (e *examination) documentURL(flow conformance.Flow) string {
	if e.config.Metadata != "" {
		return e.config.Metadata
	}
	return e.baseURL() + flow.WellKnown
}

// documentPlace is where the file says it.
func (e *examination) documentPlace() config.Place {
	if e.config.Metadata != "" {
		return e.config.Place("metadata")
	}
	return e.at()
}

// ask fetches a document.
func (e *examination) ask(ctx context.Context, flow conformance.Flow, document string) (a answer) {
	trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if tcp, ok := c.Conn.RemoteAddr().(*net.TCPAddr); ok {
			a.local = tcp.IP.IsLoopback()
		}
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, document, nil)
	if err != nil {
		return answer{err: err}
	}
	begun := time.Now()
	resp, err := e.client(flow).Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		skew := date.Sub(begun.Add(time.Since(begun) / 2).Truncate(time.Second))
		a.skew = &skew
	}
	a.status = resp.StatusCode
	if u, err := resp.Location(); err == nil {
		a.location = u.Scheme + "://" + u.Host + u.Path
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, conformance.MaxBody+1))
	a.plain = a.status == http.StatusBadRequest && req.URL.Scheme == "http" && strings.Contains(string(body), "HTTPS")
	switch {
	case a.status != http.StatusOK:
	case err != nil && ctx.Err() != nil:
		return answer{err: err}
	case err != nil:
		a.problem = "breaks off"
	case len(body) > conformance.MaxBody:
		a.problem = fmt.Sprintf("is longer than %d bytes", conformance.MaxBody)
	default:
		var value any
		if json.Unmarshal(body, &value) != nil {
			a.problem = "is no JSON"
		} else if object, ok := value.(map[string]any); !ok {
			a.problem = "is JSON, but no object"
		} else {
			a.members = object
		}
	}
	return a
}

// refused tells of an answer that is not the document.
func (e *examination) refused(ctx context.Context, flow conformance.Flow, a answer) {
	at, document := e.documentPlace(), e.documentURL(flow)
	const serve = "serve the document of section 3 of the profile there, or correct the target's URL"
	what := fmt.Sprintf("%s answers %d %s, so there is no metadata to find the endpoints by", document, a.status, http.StatusText(a.status))
	switch {
	case a.problem == "is no JSON":
		e.wrong(at, "metadata-no-json", document+" is no JSON object but something else, as a page", serve)
	case a.problem == "is JSON, but no object":
		e.wrong(at, "metadata-no-object", document+" is no JSON object, though it is JSON", serve)
	case a.problem != "":
		e.wrong(at, "metadata-broken", document+" "+a.problem, "serve it whole; section 3 of the profile says what is in it")
	case a.plain || a.status == http.StatusBadRequest && e.speaksTLS(ctx):
		e.crossed("https", "speaks TLS, but was asked over plain HTTP")
	case a.location != "":
		e.wrong(at, "metadata-redirect", fmt.Sprintf("%s redirects to %s, and a document is not followed there", document, a.location), "write the URL that it redirects to, without "+flow.WellKnown)
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		e.wrong(at, "metadata-forbidden", what, "serve the document to everybody: it holds no secret")
	case a.status >= 500:
		e.wrong(at, "metadata-broken-server", what, "look into the target's log, and begin again when it works")
	default:
		e.wrong(at, "metadata-status", what, serve)
	}
}

// missing tells where the document is, if it is not where it was asked for.
func (e *examination) missing(ctx context.Context, asked []conformance.Flow) {
	at := e.documentPlace()
	origin := e.base.Scheme + "://" + e.base.Host
	var looking []func()
	type place struct {
		flow conformance.Flow
		base string
	}
	var places []place
	for _, base := range []string{e.baseURL(), origin} {
		for _, flow := range flows.All() {
			if base != e.baseURL() || len(asked) == 1 && flow.Name != asked[0].Name {
				places = append(places, place{flow, base})
			}
		}
		if origin == e.baseURL() {
			break
		}
	}
	found := make([]bool, len(places))
	for i, p := range places {
		looking = append(looking, func() { found[i] = e.bare().ask(ctx, p.flow, p.base+p.flow.WellKnown).members != nil })
	}
	group(looking)
	for i, p := range places {
		switch {
		case !found[i]:
		case p.base != e.baseURL() && (len(asked) > 1 || p.flow.Name == asked[0].Name):
			e.wrong(at, "metadata-elsewhere", fmt.Sprintf("there is no metadata document below %s, but there is one below %s", e.baseURL(), p.base), "write "+p.base+" as the target")
			return
		case p.base == e.baseURL():
			e.wrong(e.config.PlaceOf(e.config.Profile, "profile"), "metadata-other-flow",
				fmt.Sprintf("%s serves the document of %s and not that of %s", e.baseURL(), p.flow.Profile, e.config.Profile), "write profile: "+p.flow.Profile+", or name the target that is meant")
			return
		}
	}
	if len(asked) == 1 {
		e.wrong(at, "metadata-missing", fmt.Sprintf("%s answers 404 Not Found, so there is no metadata to find the endpoints by", e.documentURL(asked[0])),
			"serve the document of section 3 of the profile there, or correct the target's URL")
		return
	}
	e.wrong(at, "metadata-no-flow", fmt.Sprintf("no flow has its metadata document below %s", e.baseURL()),
		fmt.Sprintf("serve one there, as %s answers 404 Not Found, or correct the target's URL", e.baseURL()+asked[len(asked)-1].WellKnown))
}

// bare is an examination that meets documents as they are served.
func (e *examination) bare() *examination {
	over := func(_ conformance.Flow, own *http.Transport) http.RoundTripper {
		e.over(conformance.Flow{}, own) // sets its TLS
		return own
	}
	return &examination{config: e.config, over: over}
}

// group runs functions at the same time. They are few.
func group(functions []func()) {
	done := make(chan struct{})
	for _, f := range functions {
		go func() {
			defer func() { done <- struct{}{} }()
			f()
		}()
	}
	for range functions {
		<-done
	}
}

// cause is an error of net/http without the method and URL around it.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
