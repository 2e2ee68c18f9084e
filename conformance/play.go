package conformance

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

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
