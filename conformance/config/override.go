package config

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"countersign/conformance"
)

// OverrideHeader is the header line by which a report shows that members of a metadata document came from the configuration.
const OverrideHeader = "Countersign-Configured"

// Overrides reports whether the file puts anything in the place of the target's metadata document.
func (c Config) Overrides() bool {
	return c.Metadata != "" || len(c.Endpoints) > 0 || len(c.Lifetimes) > 0 || c.Drive.Document != nil || len(c.Drive.Triggers) > 0
}

// Through is a transport over which the target's metadata document is met as the file says: fetched from Metadata, with Endpoints and Lifetimes in the
// place of its own. Where the target serves none, but the file names endpoints, they are the document. All else passes unchanged.
func (c Config) Through(flow conformance.Flow, next http.RoundTripper) http.RoundTripper {
	if !c.Overrides() {
		return next
	}
	return override{c, flow, next}
}

// Transport gives the way to a target of a flow that the file describes, with its TLS and its metadata, made of a transport of one's own.
// The error is a *FileError, for files that have changed since the configuration was read.
func (c Config) Transport() (func(conformance.Flow, *http.Transport) http.RoundTripper, error) {
	client, err := c.TLS.Client()
	if err != nil {
		return nil, err
	}
	return func(flow conformance.Flow, own *http.Transport) http.RoundTripper {
		own.TLSClientConfig = client
		return c.Through(flow, genuine{own})
	}, nil
}

// marks is how the names of the header lines begin by which the harness marks answers that are not the target's own.
const marks = "Countersign-"

// genuine is a way to the target on which nothing that comes from there passes for a mark of the harness: it would take judgements back.
type genuine struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (g genuine) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(resp.Header, func(name string, _ []string) bool { return strings.HasPrefix(name, marks) })
	return resp, nil
}

type override struct {
	config Config
	flow   conformance.Flow
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (o override) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.URL.String() != strings.TrimSuffix(o.config.Target, "/")+o.flow.WellKnown {
		return o.next.RoundTrip(req)
	}
	if o.config.Drive.Document != nil {
		return o.written(req)
	}
	if o.config.Metadata != "" {
		elsewhere, err := url.Parse(o.config.Metadata)
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.URL, req.Host = elsewhere, elsewhere.Host
	}
	resp, err := o.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return o.changed(resp)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (o override) CloseIdleConnections() {
	if closer, ok := o.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

func (o override) changed(resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, conformance.MaxBody))
	if err != nil {
		return nil, err
	}
	rest := io.MultiReader(bytes.NewReader(body), resp.Body)
	untouched := func() (*http.Response, error) {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{rest, resp.Body}
		return resp, nil
	}
	var document map[string]any
	switch {
	case resp.StatusCode == http.StatusNotFound && len(o.config.Endpoints)+len(o.config.Drive.Triggers) > 0:
		document = map[string]any{"profile": o.flow.Profile, "issuer": strings.TrimSuffix(o.config.Target, "/")}
		resp.StatusCode, resp.Status = http.StatusOK, "200 OK"
		resp.Header.Set("Content-Type", "application/json")
	case resp.StatusCode != http.StatusOK || json.Unmarshal(body, &document) != nil || document == nil:
		return untouched()
	}
	if len(o.config.Endpoints)+len(o.config.Lifetimes)+len(o.config.Drive.Triggers) == 0 {
		return untouched()
	}
	for name, u := range o.config.Endpoints {
		document[name] = u
	}
	for name, seconds := range o.config.Lifetimes {
		document[name] = seconds
	}
	triggered := o.config.Drive.name(document, strings.TrimSuffix(o.config.Target, "/"))
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	resp.Header.Set("Content-Length", strconv.Itoa(len(text)))
	resp.Header.Set(OverrideHeader, strings.Join(slices.Concat(sortedKeys(o.config.Endpoints), sortedKeys(o.config.Lifetimes), triggered), ", "))
	return resp, nil
}
