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
	names   []string // ${name} and its value, of all that was kept
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
	env.Go = func(string, func()) {} // what it would do beside its answers has nothing to do with them
	var err error
	r.handler, err = Reference{}.cast(flow.Name, part{role: role, env: env, base: "http://" + targetHost, setup: flow.Setup()})
	return r, err
}

// Answer gives the request of a step to the reference at the step's moment.
func (r *Replay) Answer(s Step) Expected {
	r.now = time.Unix(s.At, 0)
	put := strings.NewReplacer(r.names...).Replace
	req := httptest.NewRequest(s.Request.Method, put(s.Request.URL), strings.NewReader(put(string(s.Request.Bytes()))))
	for _, h := range s.Request.Headers {
		req.Header.Add(h.Name, put(h.Value))
	}
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	var members map[string]any
	if json.Unmarshal(rec.Body.Bytes(), &members) == nil {
		for name, member := range s.Keep {
			text, _ := members[member].(string)
			r.names = append(r.names, "${"+name+"}", text)
		}
	}
	return expectedOf(rec.Code, rec.Header().Get(headerReceipt), rec.Body.Bytes())
}
