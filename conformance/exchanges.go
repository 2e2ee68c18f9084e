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
		f.Expected, f.Actual = text.Redact(f.Expected), shown(text, f.Actual)
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
			e.URL, _, _ = strings.Cut(e.URL[:min(len(e.URL), maxActual)], "?")
			e.RequestHeaders, e.ResponseHeaders, e.RequestBody, e.ResponseBody = nil, nil, "", ""
			if e.Problem == "" {
				e.Problem = fmt.Sprintf("left out: a report shows %d bytes of a check", maxReported)
			}
		}
	}
	return all
}

// shown is a text of which a target may have made much, without its secrets. These are looked for in twice as much as can be shown, and only where a word
// ends: half a secret would not be found.
func shown(secrets *redact.Text, text string) string {
	begin := text
	if len(text) > 2*maxActual {
		begin = text[:2*maxActual]
		if end := strings.LastIndexAny(begin, " \t\r\n\"'&,;<>"); end > 0 {
			begin = begin[:end]
		}
	}
	redacted := secrets.Redact(begin)
	if len(redacted) <= maxActual && len(begin) == len(text) {
		return redacted
	}
	return strings.ToValidUTF8(redacted[:min(len(redacted), maxActual)], "") + fmt.Sprintf("... (%d bytes in all)", len(text))
}
