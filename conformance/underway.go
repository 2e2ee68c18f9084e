package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// Obstacle is the error of a transport between the harness and the target that could not do its part: what came of the exchange says nothing of the target.
// Told to Underway.Obstruct, it gives the check its verdict, Skip or Error, whatever the check makes of the missing answer.
type Obstacle struct {
	Verdict Verdict
	Reason  string
}

func (o *Obstacle) Error() string { return o.Reason }

// Underway is an exchange of a check that has not ended, as a transport meets it.
type Underway struct {
	session *Session
	number  int
	// asked, with its body, and answered are what the target was really sent and what it really answered; nil where the check's own are.
	asked     *http.Request
	askedBody []byte
	answered  []byte
}

type underwayKey struct{}

// UnderwayIn is the exchange that a request belongs to, by its context; nil for a request that no check sent.
func UnderwayIn(ctx context.Context) *Underway {
	u, _ := ctx.Value(underwayKey{}).(*Underway)
	return u
}

// Check is the one that sent the request.
func (u *Underway) Check() Check { return u.session.Check }

// Asked lets the report show the request that the target was really sent, and not the check's own. The secrets of either are redacted.
func (u *Underway) Asked(req *http.Request, body []byte) {
	u.asked, u.askedBody = req, body
	u.session.edit(u.number, func(e *Exchange) {
		u.session.replaced = append(u.session.replaced, e.URL, e.RequestBody)
		e.Method, e.URL, e.RequestHeaders = req.Method, req.URL.String(), headersOf(req.Header)
		e.RequestBody, e.RawRequest = excerpt(req.Header, body), body
	})
}

// Answered lets the report show the body that the target really answered with, and not the one that the check is going to read.
func (u *Underway) Answered(body []byte) { u.answered = bytes.Clone(body) }

// Told is what was told with Asked and Answered; nil where nothing was.
func (u *Underway) Told() (asked *http.Request, body, answered []byte) {
	return u.asked, u.askedBody, u.answered
}

type allowanceKey struct{}

// Pause lets the time of the check that a request belongs to stand still until resume is called: for what a person does by hand.
func Pause(ctx context.Context) (resume func()) {
	if a, ok := ctx.Value(allowanceKey{}).(*allowance); ok {
		return a.wait()
	}
	return func() {}
}

// Obstruct ends the check with an obstacle. What it sends from here on gets no answer.
func (u *Underway) Obstruct(o *Obstacle) {
	u.session.mu.Lock()
	defer u.session.mu.Unlock()
	if u.session.obstacle == nil {
		u.session.obstacle = o
	}
}

// obstructed is the obstacle so far, or nil.
func (s *Session) obstructed() *Obstacle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.obstacle
}

// send sends a request, with which transports find the exchange that it belongs to.
func (s *Session) send(n int, req *http.Request) (*http.Response, *Underway, error) {
	if obstacle := s.obstructed(); obstacle != nil {
		return nil, nil, obstacle
	}
	u := &Underway{session: s, number: n}
	resp, err := s.Env.HTTP().Do(req.WithContext(context.WithValue(req.Context(), underwayKey{}, u)))
	var obstacle *Obstacle
	if errors.As(err, &obstacle) {
		u.Obstruct(obstacle)
	}
	if obstacle = s.obstructed(); obstacle != nil && err != nil { // an http.Client words it anew when its time is up
		return nil, nil, obstacle
	}
	return resp, u, err
}

// shown is the body that the report shows of an answer.
func (u *Underway) shown(read []byte) []byte {
	if u.answered != nil {
		return u.answered
	}
	return read
}

// overcome puts an obstacle in the place of what the check made of it.
func (s *Session) overcome(result *Result) {
	if o := s.obstructed(); o != nil {
		result.Verdict, result.Reason, result.Failure = o.Verdict, o.Reason, nil
	}
}

// ReadBody reads a request's body whole, and leaves it to be read again.
func ReadBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	req.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}
