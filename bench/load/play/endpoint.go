package play

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"countersign/bench/load"
	"countersign/bench/load/lean"
)

// Endpoint is one endpoint under load: the same request again and again.
type Endpoint struct {
	route   *lean.Route
	request []byte
	status  int
	text    []byte
}

// EndpointOptions say what an endpoint is asked, and what its answer has to be.
type EndpointOptions struct {
	Method, URL string
	// Headers are lines, as "Accept: application/json".
	Headers []string
	Body    string
	// Status is the one that the answer has to have; 0 means 200. Text, if set, has to stand in its body.
	Status int
	Text   string
}

// NewEndpoint gives the script. The error is a *lean.URLError.
func NewEndpoint(o EndpointOptions) (*Endpoint, error) {
	if o.Method == "" {
		o.Method = http.MethodGet
	}
	route, err := lean.NewRoute(o.Method, o.URL, o.Headers...)
	if err != nil {
		return nil, err
	}
	if o.Status == 0 {
		o.Status = http.StatusOK
	}
	return &Endpoint{route, route.Append(nil, "", "", []byte(o.Body)), o.Status, []byte(o.Text)}, nil
}

// Name is the method and the path: what is the same endpoint, wherever it is served and whatever is sent to it.
func (e *Endpoint) Name() string { return e.route.Name() }

// Legs implements load.Script.
func (*Endpoint) Legs() []string { return []string{"request"} }

// Prepare implements load.Script: the first seat finds out whether the target answers at all.
func (e *Endpoint) Prepare(_ context.Context, s *load.Seat) error {
	if s.Number > 0 {
		return nil
	}
	return e.ask(s, load.Outside)
}

// Play implements load.Script.
func (e *Endpoint) Play(s *load.Seat) error { return e.ask(s, 0) }

// Clean implements load.Script: nothing was made.
func (*Endpoint) Clean(*load.Seat) error { return nil }

func (e *Endpoint) ask(s *load.Seat, leg int) error {
	resp, err := s.Do(leg, e.route, e.request)
	if err != nil {
		return err
	}
	if err := status(s, resp, e.status); err != nil {
		return err
	}
	if !bytes.Contains(resp.Body, e.text) {
		return s.Wrong(fmt.Sprintf("a body with %q", e.text), fmt.Sprintf("a body of %d bytes without it", len(resp.Body)))
	}
	return nil
}
