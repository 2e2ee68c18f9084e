package replay

import (
	"net/http"
	"net/url"

	"countersign/conformance"
)

// Shown is what the report shows of an exchange in the place of what the check sent and read, where a transport below the recorder did otherwise.
type Shown struct {
	// Asked is the request that the target was really sent; nil: the check's.
	Asked *Request `json:"asked,omitempty"`
	// Answered is the body that it really answered with; nil: the one that the check read.
	Answered []byte `json:"answered,omitempty"`
}

// shownOf is what a transport told of an exchange; nil for nothing.
func shownOf(req *http.Request) *Shown {
	u := conformance.UnderwayIn(req.Context())
	if u == nil {
		return nil
	}
	asked, body, answered := u.Told()
	if asked == nil && answered == nil {
		return nil
	}
	s := &Shown{Answered: answered}
	if asked != nil {
		s.Asked = sent(asked, body)
	}
	return s
}

// tell tells it again.
func (s *Shown) tell(req *http.Request) {
	u := conformance.UnderwayIn(req.Context())
	if s == nil || u == nil {
		return
	}
	if a := s.Asked; a != nil {
		if address, err := url.Parse(string(a.URL)); err == nil {
			u.Asked(&http.Request{Method: a.Method, URL: address, Header: header(a.Header)}, a.Body)
		}
	}
	if s.Answered != nil {
		u.Answered(s.Answered)
	}
}

// As makes errors.As find the obstacle that the problem was.
func (p *Problem) As(target any) bool {
	o, ok := target.(**conformance.Obstacle)
	if !ok || p.Obstacle == "" {
		return false
	}
	*o = &conformance.Obstacle{Verdict: p.Obstacle, Reason: string(p.Text)}
	return true
}
