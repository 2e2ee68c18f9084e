// Package remote puts a target that is reached by its URL under test.
package remote

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/redact"
)

// Target is somebody's implementation, found and ready for checks.
type Target struct {
	// Roles are those under test: the ones asked for, or those whose endpoints lie at the target's own origin.
	Roles []catalog.Role

	// Flow is the one whose metadata the target serves.
	Flow conformance.Flow

	// run names this run at the target.
	run     string
	url     string
	setup   conformance.Setup
	limit   time.Duration
	maxWait time.Duration
	clock   string // test clock endpoint; empty for none
	stage   *conformance.Stage
	through func(*http.Transport) http.RoundTripper
}

// Options say how a target is to be reached.
type Options struct {
	URL     string
	Roles   []catalog.Role // empty: what the metadata shows
	Limit   time.Duration
	MaxWait time.Duration
	// Flows are those whose metadata is looked for, in this order.
	Flows []conformance.Flow
	// Setup is what holds for the only flow in Flows; nil: the defaults of the flow that is found.
	Setup conformance.Setup
	// Listen, if set, listens for a party that the harness plays and that the setup announces under an origin; nil: at the origin itself, over plain HTTP.
	Listen func(party, origin string) (net.Listener, error)
	// Through, if set, gives the transport to a target of a flow, made of the harness's own.
	Through func(conformance.Flow, *http.Transport) http.RoundTripper
}

// over is the transport to a target of the flow, as conformance.Wire takes it.
func (o Options) over(flow conformance.Flow) func(*http.Transport) http.RoundTripper {
	if o.Through == nil {
		return nil
	}
	return func(own *http.Transport) http.RoundTripper { return o.Through(flow, own) }
}

// UnreachableError says that there is nothing to judge at the URL.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the target does not answer at %s: %v; start it, or correct --target", e.URL, e.Err)
}

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// SetupError says that the target or the harness is not set up so that checks can run.
type SetupError struct{ Problem string }

func (e *SetupError) Error() string { return e.Problem }

// Find reads the target's metadata, works out its roles and opens the addresses at which the harness plays the other parties.
func Find(ctx context.Context, o Options) (*Target, error) {
	base := strings.TrimSuffix(o.URL, "/")
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, &SetupError{fmt.Sprintf("%q is no URL of a target; write it as http://host:port", o.URL)}
	}
	flow, metadata, err := o.find(ctx, base)
	if err != nil {
		return nil, err
	}
	t := &Target{Flow: flow, run: runName(), url: base, setup: o.Setup, limit: o.Limit, maxWait: o.MaxWait, stage: &conformance.Stage{}, through: o.over(flow)}
	if t.setup == nil {
		t.setup = flow.Setup()
	}
	t.clock, _ = metadata["test_clock_endpoint"].(string)
	t.Roles = o.Roles
	if len(t.Roles) == 0 {
		t.Roles = rolesIn(flow, metadata, u)
	}
	if len(t.Roles) == 0 {
		return nil, &SetupError{fmt.Sprintf("the metadata at %s names no endpoint at that origin, so no role can be put under test; name the roles with --role", base+flow.WellKnown)}
	}
	for _, a := range t.setup.Addresses() {
		if err := o.listen(t.stage, a.Party, *a.Origin); err != nil {
			t.Close()
			return nil, err
		}
	}
	return t, t.readClock(ctx)
}

// runName is another one for each run.
func runName() string { return strings.ToLower(rand.Text()[:7]) }

// readClock learns the target's time, which an earlier run may have moved.
func (t *Target) readClock(ctx context.Context) error {
	if t.clock == "" {
		return nil
	}
	env, _, err := t.Open(ctx, conformance.Check{})
	if err == nil {
		err = env.Advance(0)
		env.Close()
	}
	if err != nil {
		t.Close()
		return &SetupError{fmt.Sprintf("%v; serve section 9 of the profile there, or leave test_clock_endpoint out of the metadata", err)}
	}
	return nil
}

// listen opens the address of a party that the setup announces under an origin.
func (o Options) listen(stage *conformance.Stage, party, origin string) error {
	open, schemes := o.Listen, []string{"http", "https"}
	if open == nil {
		open, schemes = plain, schemes[:1]
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		return &SetupError{fmt.Sprintf("%q is no address at which the harness can play %s; write it as http://127.0.0.1:port", origin, party)}
	}
	l, err := open(party, origin)
	if err != nil {
		return &SetupError{fmt.Sprintf("the harness cannot listen as %s at %s: %v; free the address, or set another in the configuration's setup", party, origin, err)}
	}
	stage.Serve(party, l)
	return nil
}

func plain(_, origin string) (net.Listener, error) {
	return net.Listen("tcp", strings.TrimPrefix(origin, "http://"))
}

// Flow is the one, of Flows, whose metadata the target serves.
func (o Options) Flow(ctx context.Context) (conformance.Flow, error) {
	flow, _, err := o.find(ctx, strings.TrimSuffix(o.URL, "/"))
	return flow, err
}

// find looks for the metadata of each flow in turn. What it says when there is none is about the last one.
func (o Options) find(ctx context.Context, base string) (flow conformance.Flow, metadata map[string]any, err error) {
	for _, flow = range o.Flows {
		metadata, err = o.fetch(ctx, flow, base+flow.WellKnown)
		var unreachable *UnreachableError
		if err == nil || errors.As(err, &unreachable) {
			return flow, metadata, err
		}
	}
	return flow, nil, err
}

func (o Options) fetch(ctx context.Context, flow conformance.Flow, document string) (map[string]any, error) {
	w := &conformance.Wire{Context: ctx, Stage: &conformance.Stage{}, Limit: o.Limit, Through: o.over(flow)} // as the checks will reach it
	defer w.Close()
	resp, err := w.HTTP().Get(document)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, &UnreachableError{URL: document, Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, conformance.MaxBody))
	if err != nil {
		return nil, &UnreachableError{URL: document, Err: err}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &SetupError{fmt.Sprintf("%s answers %s, so there is no metadata to find the endpoints by; serve the document of section 3 of the profile there, or correct --target", document, resp.Status)}
	}
	var metadata map[string]any
	if err := json.Unmarshal(body, &metadata); err != nil || metadata == nil {
		return nil, &SetupError{fmt.Sprintf("%s is no JSON object; serve the document of section 3 of the profile there, or correct --target", document)}
	}
	return metadata, nil
}

// rolesIn are the roles whose telling endpoint lies at the target's origin.
func rolesIn(flow conformance.Flow, metadata map[string]any, target *url.URL) []catalog.Role {
	var roles []catalog.Role
	for _, sign := range flow.Signs {
		endpoint, _ := metadata[sign.Member].(string)
		if u, err := url.Parse(endpoint); err == nil && u.Host == target.Host && u.Scheme == target.Scheme {
			roles = append(roles, sign.Roles...)
		}
	}
	return roles
}

// Open gives a check its surroundings. All checks meet the same target: run those marked Alone one by one.
func (t *Target) Open(ctx context.Context, c conformance.Check) (conformance.Env, conformance.Target, error) {
	w := &conformance.Wire{Context: ctx, Stage: t.stage, Limit: t.limit, MaxWait: t.maxWait, Random: rand.Reader, Aliases: []redact.Name{}, Through: t.through}
	if patience := t.Flow.PatienceWith(c.Role); patience > conformance.DefaultPatience {
		w.Limit = max(t.limit, patience)
	}
	if t.clock != "" {
		w.Clock = func(d time.Duration) (time.Time, error) { return conformance.PostClock(w.HTTP(), t.clock)(d) }
	}
	return w, conformance.Target{URL: t.url, Setup: t.setup, Run: t.run}, nil
}

// Clocked reports whether the target offers a clock that is moved.
func (t *Target) Clocked() bool { return t.clock != "" }

// Close gives the addresses back.
func (t *Target) Close() { t.stage.Close() }
