package reference

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/live"
	"countersign/conformance"
	"countersign/conformance/catalog"
)

// Replay is a fresh reference whose clock is set by hand.
type Replay struct {
	handler http.Handler
	now     time.Time
}

// Now implements actors.Clock.
func (r *Replay) Now() time.Time { return r.now }

// Sleep implements actors.Clock.
func (r *Replay) Sleep(d time.Duration) { r.now = r.now.Add(d) }

// NewReplay makes one.
func NewReplay(flow conformance.Flow, role catalog.Role) (*Replay, error) {
	r := &Replay{}
	seed := uint64(1)
	env := (&live.World{Seed: &seed}).Env("replay", guard.Set{})
	var clock actors.Clock = r
	env.Clock = clock
	var err error
	r.handler, err = Reference{}.cast(flow.Name, part{role: role, env: env, base: "http://" + targetHost, setup: flow.Setup()})
	return r, err
}

// Answer gives the request of a step to the reference at the step's moment.
func (r *Replay) Answer(s Step) Expected {
	r.now = time.Unix(s.At, 0)
	req := httptest.NewRequest(s.Request.Method, s.Request.URL, strings.NewReader(s.Request.Body))
	for _, h := range s.Request.Headers {
		req.Header.Add(h.Name, h.Value)
	}
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	answer := Expected{Status: rec.Code}
	var refusal struct{ Error string }
	if rec.Code >= 400 && json.Unmarshal(rec.Body.Bytes(), &refusal) == nil {
		answer.Error = refusal.Error
	}
	return answer
}
