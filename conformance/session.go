package conformance

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/conformance/catalog"
	"countersign/conformance/redact"
)

// MaxBody is how many bytes of a body the harness reads; a longer one is a failure of its sender.
const MaxBody = 1 << 20

var (
	errTooLong = fmt.Errorf("the body goes on after %d bytes", MaxBody)
	errTooLate = errors.New("no complete answer in time")
)

// ErrNoClock is returned by Env.Advance when the target's time can neither be moved nor be waited for.
var ErrNoClock = errors.New("the target offers no test clock and its lifetime is too long to wait for")

// Env is where a check takes place: on real connections, or inside a simulated world.
type Env interface {
	// HTTP reaches the target. It follows no redirects, keeps no cookies, and gives up on an exchange in time.
	HTTP() *http.Client
	// Play makes the harness answer as a party, at that party's address, until Close.
	Play(party string, h http.Handler) error
	// Now is the target's time, as far as it is known.
	Now() time.Time
	// Advance lets the target's time pass; ErrNoClock if it cannot.
	Advance(time.Duration) error
	// Await waits until done reports true, or for limit at the most, and gives done's last answer.
	Await(limit time.Duration, done func() bool) bool
	// Together runs functions at the same time and returns when all have ended. They must not end the check.
	Together(...func())
	// Entropy is the harness's random stream for this check.
	Entropy() io.Reader
	// Within runs a check in these surroundings and returns when it has ended.
	Within(check func()) error
	// Names are the origins that reports call by name because they change from run to run.
	Names() []redact.Name
	Close()
}

// Target is what a check is pointed at.
type Target struct {
	// URL is the base under which the target's metadata document lies.
	URL string
	// Setup is what the flow's checks have to know of the target: clients, users, keys, addresses.
	Setup Setup
	// Run is in the names of what the checks make at the target, so that two runs do not meet and their leavings can be told apart. Letters and digits.
	Run string
}

// Session is one run of one check. Its methods that judge end the check when the judgement is final.
type Session struct {
	Check  Check
	Target Target
	Env    Env

	mu        sync.Mutex
	exchanges []Exchange
	replaced  []string  // bodies of requests that a transport sent otherwise
	obstacle  *Obstacle // the first one that a transport met
	taken     int       // bytes of the target so far
	undo      []func() error
}

// outcome ends a check from inside; it is the value that a judging method panics with.
type outcome struct {
	verdict Verdict
	reason  string
	failure *Failure
}

// Run plays the check and returns its result. A panic of the check itself is an error of the harness.
func (s *Session) Run() (result Result) {
	req := s.Check.Requirement()
	result = Result{Check: s.Check.Name(), Role: s.Check.Role, Requirement: req, Verdict: Pass}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case outcome:
			result.Verdict, result.Reason, result.Failure = v.verdict, v.reason, v.failure
		default:
			result.Verdict, result.Reason = Error, fmt.Sprintf("the check broke: %v", v)
		}
		s.flood(&result)
		s.overcome(&result)
		s.tidy(&result)
		s.report(&result)
	}()
	s.Check.Run(s)
	return result
}

func (s *Session) report(result *Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := redact.New(s.Env.Names())
	text.Learn(s.replaced...)
	exchanges := reported(s.exchanges, result.Failure)
	result.Exchanges = make([]Exchange, 0, len(exchanges))
	for _, e := range exchanges {
		text.Learn(e.URL, e.RequestBody, e.ResponseBody)
		for _, h := range slices.Concat(e.RequestHeaders, e.ResponseHeaders) {
			text.LearnHeader(h.Name, h.Value)
		}
	}
	for _, e := range exchanges {
		e.URL, e.RequestBody, e.ResponseBody, e.Problem = text.Redact(e.URL), text.Redact(e.RequestBody), text.Redact(e.ResponseBody), text.Redact(e.Problem)
		e.RequestHeaders, e.ResponseHeaders = redactHeaders(text, e.RequestHeaders), redactHeaders(text, e.ResponseHeaders)
		e.RawRequest, e.RawResponse = nil, nil // a run has many checks, and these hold secrets
		result.Exchanges = append(result.Exchanges, e)
	}
	result.Reason = text.Redact(result.Reason)
	if f := result.Failure; f != nil {
		f.Expected, f.Actual = text.Redact(f.Expected), shortened(text.Redact(f.Actual))
	}
}

func redactHeaders(text *redact.Text, headers []Header) []Header {
	out := []Header{}
	for _, h := range headers {
		if v, keep := text.RedactHeader(h.Name, h.Value); keep {
			out = append(out, Header{Name: h.Name, Value: v})
		}
	}
	return out
}

// Response is an answer of the target, read whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// URL is the one that was asked.
	URL string
	// Exchange is its number in the report.
	Exchange int
}

// Do sends a request in the name of a party and reads the whole answer. No answer, or none in time, is a failure of the target.
func (s *Session) Do(as string, req *http.Request) *Response {
	n, resp, err := s.try(as, req)
	if err != nil {
		s.FailAt(n, "a complete answer", err.Error())
	}
	return resp
}

// Try is Do for a request that may stay without an answer.
func (s *Session) Try(as string, req *http.Request) (*Response, error) {
	_, resp, err := s.try(as, req)
	return resp, err
}

// TryTogether sends requests at the same time, in the name of a party, and returns the answers in the order of the requests: nil for one that stayed without.
func (s *Session) TryTogether(as string, requests ...*http.Request) []*Response {
	answers, numbers := make([]*Response, len(requests)), make([]int, len(requests))
	var sending []func()
	for i, req := range requests {
		sending = append(sending, func() { numbers[i], answers[i], _ = s.try(as, req) }) // why there is none stands in the report
	}
	s.Env.Together(sending...)
	s.order(numbers, answers)
	return answers
}

// order puts exchanges that ran at the same time into an order that does not depend on which came first: by the status of their answers, then as they were asked for.
func (s *Session) order(numbers []int, answers []*Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byOutcome := make([]int, len(numbers))
	for i := range byOutcome {
		byOutcome[i] = i
	}
	slices.SortStableFunc(byOutcome, func(a, b int) int { return s.exchanges[numbers[a]-1].Status - s.exchanges[numbers[b]-1].Status })
	slots := slices.Sorted(slices.Values(numbers))
	var sorted []Exchange
	for _, i := range byOutcome {
		sorted = append(sorted, s.exchanges[numbers[i]-1])
	}
	for place, i := range byOutcome {
		sorted[place].Number = slots[place]
		s.exchanges[slots[place]-1] = sorted[place]
		if answers[i] != nil {
			answers[i].Exchange = slots[place]
		}
	}
}

// try also gives the number of the exchange: while it is under way, the target may begin others.
func (s *Session) try(as string, req *http.Request) (int, *Response, error) {
	n := s.begin(as, string(s.Check.Role), req, requestBody(req))
	httpResp, u, err := s.send(n, req)
	if err != nil {
		err = settled(err)
		s.edit(n, func(e *Exchange) { e.Problem = err.Error() })
		return n, nil, err
	}
	defer httpResp.Body.Close()
	body, err := s.readBody(httpResp.Body)
	if err == nil && !s.takeExchange(httpResp.Header) {
		err = errFlood
	}
	err = settled(err)
	s.edit(n, func(e *Exchange) {
		e.Status, e.ResponseHeaders, e.ResponseBody = httpResp.StatusCode, headersOf(httpResp.Header), excerpt(httpResp.Header, u.shown(body))
		e.RawResponse = u.shown(body)
		if err != nil {
			e.Problem = err.Error()
		}
	})
	if err != nil {
		return n, nil, err
	}
	return n, &Response{Status: httpResp.StatusCode, Header: httpResp.Header, Body: body, URL: req.URL.String(), Exchange: n}, nil
}

// settled gives the same error for every way of running out of time: net/http words it by which of its timers was first.
func settled(err error) error {
	var overdue *overdueError
	if errors.As(err, &overdue) {
		return overdue
	}
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return errTooLate
	}
	return err
}

// Play makes the harness answer as a party; the exchanges are recorded.
func (s *Session) Play(party string, h http.Handler) {
	recorded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.takeExchange(r.Header) { // nor is there room for the exchange itself
			http.Error(w, errFlood.Error(), http.StatusServiceUnavailable)
			return
		}
		body, err := s.readBody(r.Body)
		n := s.begin(string(s.Check.Role), party, r, body)
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, n))
		rec := &recorder{header: http.Header{}}
		if err != nil {
			s.edit(n, func(e *Exchange) { e.Problem = err.Error() })
			http.Error(rec, "the body could not be read: "+err.Error(), http.StatusBadRequest)
		} else {
			r.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(rec, r)
		}
		rec.WriteHeader(http.StatusOK)
		s.edit(n, func(e *Exchange) {
			e.Status, e.ResponseHeaders, e.ResponseBody = rec.status, headersOf(rec.header), excerpt(rec.header, rec.body.Bytes())
			e.RawResponse = bytes.Clone(rec.body.Bytes())
		})
		for name, values := range rec.header {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.body.Bytes())
	})
	if err := s.Env.Play(party, recorded); err != nil {
		s.Broken("the harness cannot play %s: %v", party, err)
	}
}

type exchangeKey struct{}

// ExchangeOf is the number, in the report, of a request that a played party received; 0 for any other request.
func ExchangeOf(r *http.Request) int {
	n, _ := r.Context().Value(exchangeKey{}).(int)
	return n
}

// recorder keeps an answer of the harness so that it can be recorded before it is sent.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (s *Session) begin(from, to string, req *http.Request, body []byte) int {
	now := s.Env.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u := *req.URL
	if u.Host == "" { // a request that the harness received
		u.Scheme, u.Host = "http", req.Host
		if req.TLS != nil {
			u.Scheme = "https"
		}
	}
	s.exchanges = append(s.exchanges, Exchange{
		Number: len(s.exchanges) + 1, From: from, To: to, Method: req.Method, URL: u.String(),
		RequestHeaders: headersOf(req.Header), RequestBody: excerpt(req.Header, body), RawRequest: body, At: now,
	})
	return len(s.exchanges)
}

func (s *Session) edit(n int, change func(*Exchange)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.exchanges[n-1])
}

func (s *Session) lastExchange() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.exchanges)
}

// Transcript is the exchanges so far as they were, secrets included.
func (s *Session) Transcript() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exchanges)
}

// Pass ends the check: the requirement is met.
func (s *Session) Pass() { panic(outcome{verdict: Pass}) }

// Skip ends the check: it cannot be run here, for the reason given.
func (s *Session) Skip(reason string, args ...any) {
	panic(outcome{verdict: Skip, reason: fmt.Sprintf(reason, args...)})
}

// Broken ends the check: the harness, not the target, is at fault.
func (s *Session) Broken(reason string, args ...any) {
	panic(outcome{verdict: Error, reason: fmt.Sprintf(reason, args...)})
}

// Fail ends the check: the target did not meet the requirement. It points at the last exchange.
func (s *Session) Fail(expected, actual string) { s.FailAt(s.lastExchange(), expected, actual) }

// FailAt is Fail for an exchange that is not the last one.
func (s *Session) FailAt(exchange int, expected, actual string) {
	panic(outcome{verdict: unmet(s.Check.Requirement().Keyword), failure: &Failure{Expected: expected, Actual: actual, Blame: string(s.Check.Role), Exchange: exchange}})
}

// unmet is the verdict on a requirement of that strength that is not met.
func unmet(k catalog.Keyword) Verdict {
	if k == catalog.Must {
		return Fail
	}
	return Warn
}

// Expect ends the check as failed unless ok.
func (s *Session) Expect(ok bool, expected, actual string) {
	if !ok {
		s.Fail(expected, actual)
	}
}

// ExpectStatus ends the check as failed unless the answer has one of the statuses.
func (s *Session) ExpectStatus(r *Response, what string, statuses ...int) {
	if slices.Contains(statuses, r.Status) {
		return
	}
	var words []string
	for _, status := range statuses {
		words = append(words, fmt.Sprint(status))
	}
	s.FailAt(r.Exchange, fmt.Sprintf("%s: status %s", what, strings.Join(words, " or ")), fmt.Sprintf("status %d", r.Status))
}

// Advance lets the target's time pass, or skips the check where that is not possible. A clock that cannot be moved is the target's.
func (s *Session) Advance(d time.Duration) {
	if err := s.Env.Advance(d); errors.Is(err, ErrNoClock) {
		s.Skip("%v (%s to wait)", err, d)
	} else if err != nil {
		s.FailAt(0, "a test clock that lets time pass (section 9 of the profile)", err.Error())
	}
}

// Random returns n random bytes, base64url-encoded.
func (s *Session) Random(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.Env.Entropy(), b); err != nil {
		s.Broken("no randomness: %v", err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func requestBody(req *http.Request) []byte {
	if req.GetBody == nil {
		return nil
	}
	rc, err := req.GetBody()
	if err != nil {
		return nil
	}
	defer rc.Close()
	body, _ := io.ReadAll(rc)
	return body
}

func headersOf(h http.Header) []Header {
	var out []Header
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			out = append(out, Header{Name: name, Value: v})
		}
	}
	return out
}
