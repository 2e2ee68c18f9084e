package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dghubble/oauth1"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/mobile"
	"countersign/conformance/offline"
	"countersign/conformance/ticket"
	"countersign/conformance/unified"
)

// trial is a request that shows whether the target takes a credential, and changes nothing.
type trial struct {
	// whose the credential is, by the name that the setup has for it.
	whose, id, secret string
	method, endpoint  string // the endpoint is a member of the metadata
	contentType, body string
}

// credentials tries those of the setup that can be tried without harm: of clients, apps, systems, devices and operators. Users' passwords are not tried: wrong ones are counted.
func (e *examination) credentials(ctx context.Context, doc *document) []func() {
	var steps []func()
	for _, t := range e.trials(doc) {
		if endpoint := doc.text(t.endpoint); endpoint != "" {
			steps = append(steps, func() { e.try(ctx, doc.flow, t, endpoint) })
		}
	}
	return steps
}

func (e *examination) trials(doc *document) []trial {
	var all []trial
	switch s := e.setup(doc.flow).(type) {
	case *bidirectional.Setup:
		if e.under(catalog.OAuthServer) {
			for _, c := range s.Clients {
				all = append(all, trial{whose: "the client", id: c.ID, secret: c.Secret, endpoint: "temporary_credential_endpoint", body: c.Callback})
			}
		}
	case *ticket.Setup:
		if e.under(catalog.AccountServer) {
			for _, a := range s.Apps {
				all = append(all, trial{"the app", a.ID, a.Secret, http.MethodPost, "verification_endpoint", "application/json", `{"user_id": "t-nobody", "authorization_key": "none"}`})
			}
		}
	case *mobile.Setup:
		if e.under(catalog.AuthorizationServer) {
			for _, a := range s.Administrators {
				all = append(all, trial{whose: "the administrator", id: a.Name, secret: a.Password, method: http.MethodGet, endpoint: "rules_endpoint"})
			}
			for _, system := range s.Systems {
				all = append(all, trial{whose: "the business system", id: system.ID, secret: system.Secret, method: http.MethodGet, endpoint: "sealing_keys_endpoint"})
			}
		}
	case *offline.Setup:
		if e.under(catalog.ServiceServer) {
			for _, d := range s.Devices { // an empty countersign is malformed, and malformed ones change nothing: section 5.2
				all = append(all, trial{"the device", d.ID, d.Secret, http.MethodPost, "verification_endpoint", `application/cose; cose-type="cose-sign1"`, ""})
			}
		}
	case *unified.Setup:
		if e.under(catalog.Platform) {
			for _, o := range s.Operators {
				all = append(all, trial{whose: "the operator", id: o.Name, secret: o.Password, method: http.MethodGet, endpoint: "review_endpoint"})
			}
		}
	}
	return all
}

// try makes the trial. Only an answer of 401 says that a credential is refused: at level core some servers ask for none, and where the target's test clock
// has been moved, what is signed now is late.
func (e *examination) try(ctx context.Context, flow conformance.Flow, t trial, endpoint string) {
	status := e.basic
	if flow.Name == "bidirectional" {
		status = e.signed
	}
	if status(ctx, flow, t, endpoint) != http.StatusUnauthorized {
		return
	}
	e.wrong(e.config.PlaceOf(t.id, "setup"), "credential-refused", fmt.Sprintf("the target refuses the secret of %s %.100q", t.whose, t.id),
		"register it at the target with the secret of the setup, or write into the setup the one that the target knows")
}

// basic is the status of the answer to a request with HTTP Basic; 0 for none.
func (e *examination) basic(ctx context.Context, flow conformance.Flow, t trial, endpoint string) int {
	req, err := http.NewRequestWithContext(ctx, t.method, endpoint, strings.NewReader(t.body))
	if err != nil {
		return 0
	}
	req.SetBasicAuth(t.id, t.secret)
	if t.contentType != "" {
		req.Header.Set("Content-Type", t.contentType)
	}
	resp, err := e.client(flow).Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, conformance.MaxBody))
	return resp.StatusCode
}

// signed is the status of the answer to a request for a temporary credential (bidirectional, section 4.1).
func (e *examination) signed(ctx context.Context, flow conformance.Flow, t trial, endpoint string) int {
	client := e.client(flow)
	seen := &statusKeeper{ctx: ctx, next: client.Transport}
	client.Transport = seen
	asking := oauth1.Config{
		ConsumerKey: t.id, ConsumerSecret: t.secret, CallbackURL: t.body, HTTPClient: client,
		Endpoint: oauth1.Endpoint{RequestTokenURL: endpoint}, Signer: &oauth1.HMAC256Signer{ConsumerSecret: t.secret},
	}
	_, _, _ = asking.RequestToken() // only the answer's status and its error count
	if seen.problem == "timestamp_refused" || seen.problem == "nonce_used" {
		return 0
	}
	return seen.status
}

// statusKeeper remembers the status of the last answer and the error that it names, and lets requests end with ctx.
type statusKeeper struct {
	ctx     context.Context
	next    http.RoundTripper
	status  int
	problem string
}

// RoundTrip implements http.RoundTripper.
func (k *statusKeeper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := k.next.RoundTrip(req.WithContext(k.ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, conformance.MaxBody))
	if err != nil {
		return nil, err
	}
	var told struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(body, &told) // any other body names no error
	k.status, k.problem = resp.StatusCode, told.Error
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
