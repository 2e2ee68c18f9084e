package conformance

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"countersign/conformance/redact"
)

// begin takes down a request, and gives the number of its exchange.
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

// Transcript is what the check has exchanged so far, as it was, secrets included. How it cleaned up is no part of it.
func (s *Session) Transcript() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tidying {
		return slices.Clone(s.exchanges[:s.judged])
	}
	return slices.Clone(s.exchanges)
}

// report puts the exchanges into the result, and takes the secrets out of it.
func (s *Session) report(result *Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, hide := redact.New(s.Env.Names()), hiding(s.Secrets)
	clean := func(shown string) string { return hide(text.Redact(shown)) }
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
		e.Method, e.URL, e.Problem = hide(e.Method), clean(e.URL), clean(e.Problem)
		e.RequestBody = beginning(e.RequestBody, len(e.RawRequest), maxShown, clean)
		e.ResponseBody = beginning(e.ResponseBody, len(e.RawResponse), maxShown, clean)
		e.RequestHeaders, e.ResponseHeaders = redactHeaders(text, hide, e.RequestHeaders), redactHeaders(text, hide, e.ResponseHeaders)
		e.RawRequest, e.RawResponse = nil, nil // a run has many checks, and these hold secrets
		result.Exchanges = append(result.Exchanges, e)
	}
	result.Reason = clean(result.Reason)
	if f := result.Failure; f != nil {
		f.Expected, f.Actual = clean(f.Expected), beginning(f.Actual, len(f.Actual), maxActual, clean)
	}
}

func redactHeaders(text *redact.Text, hide func(string) string, headers []Header) []Header {
	out := []Header{}
	for _, h := range headers {
		if v, keep := text.RedactHeader(h.Name, h.Value); keep {
			out = append(out, Header{Name: hide(h.Name), Value: hide(v)})
		}
	}
	return out
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

// reported are the exchanges as a report shows them. When a target floods it, the later ones are left bare, but for the one that shows the failure.
func reported(exchanges []Exchange, failure *Failure) []Exchange {
	all, room := slices.Clone(exchanges), maxReported
	for i := range all {
		e := &all[i]
		size := len(e.URL) + len(e.RequestBody) + len(e.ResponseBody)
		for _, h := range slices.Concat(e.RequestHeaders, e.ResponseHeaders) {
			size += len(h.Name) + len(h.Value)
		}
		if failure != nil && failure.Exchange == e.Number {
			continue
		}
		if room -= size; room < 0 {
			if e.URL, _, _ = strings.Cut(e.URL, "?"); len(e.URL) > maxActual {
				e.URL = "" // its beginning could end with half a secret
			}
			e.RequestHeaders, e.ResponseHeaders, e.RequestBody, e.ResponseBody = nil, nil, "", ""
			e.RawRequest, e.RawResponse = nil, nil
			if e.Problem == "" {
				e.Problem = fmt.Sprintf("left out: a report shows %d bytes of a check", maxReported)
			}
		}
	}
	return all
}

// beginning is what a report shows of a text: most bytes of it, without secrets. size is how many bytes there are in all, of which the text may be the first.
// Secrets are taken out before the cut, since half of one would not be found, and looked for in some more than is shown, and not in all that a target may send.
func beginning(text string, size, most int, clean func(string) string) string {
	window := text[:min(len(text), most+beyond)]
	cleaned := clean(window)
	if max(len(text), size) > most+beyond {
		cleaned = redact.Uncut(cleaned)
	} else if len(cleaned) <= most {
		return cleaned
	}
	return strings.ToValidUTF8(cleaned[:min(len(cleaned), most)], "") + fmt.Sprintf("... (%d bytes in all)", size)
}
