package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"countersign/conformance"
)

// Op says what a step is.
type Op string

// The steps. Those in pairs are two ends of a wait, during which other threads run.
const (
	opPlay     Op = "play"     // the harness plays a party from here on
	opNow      Op = "now"      // the check reads the clock
	opRandom   Op = "random"   // the check draws random bytes
	opSend     Op = "send"     // a request goes to the target ...
	opAnswer   Op = "answer"   // ... and its answer comes
	opArrive   Op = "arrive"   // a request of the target begins a thread ...
	opReply    Op = "reply"    // ... which ends with an answer
	opAbort    Op = "abort"    // ... or without one
	opAdvance  Op = "advance"  // the target's time is to pass ...
	opAdvanced Op = "advanced" // ... and has
	opAwait    Op = "await"    // the check begins to wait for something ...
	opPoll     Op = "poll"     // ... looks whether it is there
	opAwaited  Op = "awaited"  // ... and stops waiting
	opTogether Op = "together" // threads are to run at the same time ...
	opBegin    Op = "begin"    // ... one begins
	opEnd      Op = "end"      // ... and ends
	opJoined   Op = "joined"   // ... and all have ended
	opOver     Op = "over"     // the check has ended
)

// Step is one thing that a check did or met. Which members it has depends on its Op.
type Step struct {
	// Thread is 0 for the check itself; the others are numbered as they begin.
	Thread int `json:"thread"`
	Op     Op  `json:"op"`
	// Party and Handler say whom the harness plays, and number its handlers.
	Party   string `json:"party,omitempty"`
	Handler int    `json:"handler,omitempty"`
	// First and Count number the threads of a together; Count is also how many polls in a row found nothing.
	First int `json:"first,omitempty"`
	Count int `json:"count,omitempty"`
	// Nanoseconds since 1970 for now, and of the duration for advance and await.
	Nanoseconds int64  `json:"ns,omitempty"`
	Bytes       []byte `json:"bytes,omitempty"`
	// Found is the answer of a poll, and of the wait as a whole.
	Found   bool     `json:"found,omitempty"`
	Request *Request `json:"request,omitempty"`
	Answer  *Answer  `json:"answer,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
	Shown   *Shown   `json:"shown,omitempty"`
}

// Request is a request as it was, whoever sent it.
type Request struct {
	Method string  `json:"method"`
	URL    Text    `json:"url"`
	Host   Text    `json:"host,omitempty"`
	Header []Field `json:"header,omitempty"`
	Body   []byte  `json:"body,omitempty"`
	// BodyProblem is why the body ends early.
	BodyProblem *Problem `json:"body_problem,omitempty"`
	// Length is Content-Length, -1 for none; Target, From, Proto and Secure are those of a request that came in: its request-target, its sender's
	// address, its protocol, and whether it came over TLS.
	Length int64  `json:"length"`
	Target Text   `json:"target,omitempty"`
	From   string `json:"from,omitempty"`
	Proto  string `json:"proto,omitempty"`
	Secure bool   `json:"secure,omitempty"`
}

// Answer is an answer as it was.
type Answer struct {
	Status int     `json:"status"`
	Line   Text    `json:"line,omitempty"`
	Header []Field `json:"header,omitempty"`
	Body   []byte  `json:"body,omitempty"`
	// BodyProblem is why the body ends early.
	BodyProblem *Problem `json:"body_problem,omitempty"`
	// Length is Content-Length, -1 for none.
	Length int64 `json:"length"`
}

// Field is one header line.
type Field struct {
	Name  Text `json:"name"`
	Value Text `json:"value"`
}

// Text is a text that may be no valid UTF-8. In JSON it is a string, or else an object whose member base64 holds the bytes.
type Text string

type encodedText struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(encodedText{[]byte(t)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var e encodedText
		err := json.Unmarshal(data, &e)
		*t = Text(e.Base64)
		return err
	}
	var s string
	err := json.Unmarshal(data, &s)
	*t = Text(s)
	return err
}

// Problem is an error that the check met. It is given to the check in the same form while recording and while replaying.
type Problem struct {
	Text Text `json:"text"`
	// Late says that time ran out; NoClock that it is conformance.ErrNoClock.
	Late    bool `json:"late,omitempty"`
	NoClock bool `json:"no_clock,omitempty"`
	// Obstacle is the verdict of a conformance.Obstacle; empty where it is none.
	Obstacle conformance.Verdict `json:"obstacle,omitempty"`
}

func problemOf(err error) *Problem {
	if err == nil {
		return nil
	}
	var late interface{ Timeout() bool }
	p := &Problem{
		Text: Text(err.Error()), Late: errors.As(err, &late) && late.Timeout(), NoClock: errors.Is(err, conformance.ErrNoClock),
	}
	var obstacle *conformance.Obstacle
	if errors.As(err, &obstacle) {
		p.Text, p.Obstacle = Text(obstacle.Reason), obstacle.Verdict
	}
	return p
}

// err is the problem as an error, nil for none.
func (p *Problem) err() error {
	if p == nil {
		return nil
	}
	return p
}

func (p *Problem) Error() string { return string(p.Text) }

// Timeout reports whether time ran out, as net.Error does.
func (p *Problem) Timeout() bool { return p.Late }

// Is makes errors.Is find conformance.ErrNoClock.
func (p *Problem) Is(target error) bool { return p.NoClock && target == conformance.ErrNoClock }

func fields(h http.Header) []Field {
	var all []Field
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			all = append(all, Field{Text(name), Text(v)})
		}
	}
	return all
}

func header(fields []Field) http.Header {
	h := http.Header{}
	for _, f := range fields {
		h[string(f.Name)] = append(h[string(f.Name)], string(f.Value))
	}
	return h
}

// sent is a request of the check, whose body has been read.
func sent(req *http.Request, body []byte) *Request {
	return &Request{Method: req.Method, URL: Text(req.URL.String()), Host: Text(req.Host), Header: fields(req.Header), Body: body, Length: req.ContentLength}
}

// arrived is a request to a party, whose body is read as far as a session reads it.
func arrived(req *http.Request, from io.Reader) *Request {
	body, err := io.ReadAll(io.LimitReader(from, conformance.MaxBody+1))
	r := sent(req, body)
	r.BodyProblem = problemOf(err)
	r.Target, r.From, r.Proto, r.Secure = Text(req.RequestURI), req.RemoteAddr, req.Proto, req.TLS != nil
	return r
}

// toHandler makes what a handler gets. The error says that the request's URL can be no request's.
func (r *Request) toHandler() (*http.Request, error) {
	u, err := url.ParseRequestURI(string(r.Target))
	if err != nil {
		if u, err = url.Parse(string(r.URL)); err != nil {
			return nil, err
		}
	}
	req := (&http.Request{
		Method: r.Method, URL: u, Host: string(r.Host), Header: header(r.Header), Body: content(r.Body, r.BodyProblem), ContentLength: r.Length,
		RequestURI: string(r.Target), RemoteAddr: r.From, Proto: r.Proto,
	}).WithContext(context.Background())
	req.ProtoMajor, req.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
	if r.Secure {
		req.TLS = secure()
	}
	return req, nil
}

// answered is an answer of the target, read as far as a session reads it.
func answered(resp *http.Response) *Answer {
	body, err := io.ReadAll(io.LimitReader(resp.Body, conformance.MaxBody+1))
	_ = resp.Body.Close()
	return &Answer{Status: resp.StatusCode, Line: Text(resp.Status), Header: fields(resp.Header), Body: body, BodyProblem: problemOf(err), Length: resp.ContentLength}
}

// toCheck makes what the check's client gets.
func (a *Answer) toCheck(req *http.Request) *http.Response {
	return &http.Response{
		Status: string(a.Line), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header(a.Header), Body: content(a.Body, a.BodyProblem), ContentLength: a.Length, Request: req,
	}
}

// content is a body of some bytes that ends with the problem.
func content(body []byte, problem *Problem) io.ReadCloser {
	if problem == nil {
		return io.NopCloser(bytes.NewReader(body))
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(body), broken{problem}))
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// difference says in what a request differs from another, empty for nothing.
func (r *Request) difference(other *Request) string {
	switch {
	case r.Method != other.Method:
		return fmt.Sprintf("the method %s in place of %s", r.Method, other.Method)
	case r.URL != other.URL:
		return fmt.Sprintf("another URL, which begins with %.60q", withoutQuery(r.URL))
	case r.Host != other.Host:
		return "another Host"
	case !slices.Equal(r.Header, other.Header):
		return differentField(r.Header, other.Header)
	case !bytes.Equal(r.Body, other.Body):
		return "another body"
	}
	return ""
}

func (a *Answer) difference(other *Answer) string {
	switch {
	case a.Status != other.Status:
		return fmt.Sprintf("the status %d in place of %d", a.Status, other.Status)
	case !slices.Equal(a.Header, other.Header):
		return differentField(a.Header, other.Header)
	case !bytes.Equal(a.Body, other.Body):
		return "another body"
	}
	return ""
}

// differentField names the header, and not its value, which may be secret.
func differentField(now, then []Field) string {
	for _, f := range slices.Concat(now, then) {
		if !slices.Contains(now, f) || !slices.Contains(then, f) {
			return fmt.Sprintf("another header %s", f.Name)
		}
	}
	return "its headers in another order"
}

func withoutQuery(u Text) string {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return ""
	}
	return parsed.Scheme + "://" + parsed.Host + parsed.Path
}
