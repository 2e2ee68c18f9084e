package conformance

import (
	"errors"
	"io"
	"net/http"
	"slices"
)

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
		s.silent(n, "a complete answer", err)
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

var errTooLate = errors.New("no complete answer in time")

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
