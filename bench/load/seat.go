package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"countersign/bench/load/lean"
)

// Outside is the leg of a request that is no part of a journey: it is sent, and not measured.
const Outside = -1

// outside is what that leg is called.
const outside = "outside of the journey"

// Seat plays one journey at a time over connections of its own, one a host.
type Seat struct {
	// Number tells seats apart, counted from 0.
	Number int
	// Journey is the one under way, counted from 0 over the run.
	Journey int
	// Memory is what the script keeps for the seat.
	Memory any
	// Buffer is where a script may write a request.
	Buffer []byte

	names    []string // of the legs
	leg0     int      // the first leg of the script whose turn it is
	limit    time.Duration
	tls      *tls.Config
	hosts    []host
	dial     func(ctx context.Context, network, address string) (net.Conn, error) // nil: over TCP
	before   int                                                                  // connections that were opened before the last reset
	rest     func(time.Duration)                                                  // nil: the seat has a goroutine of its own
	recorder *Recorder                                                            // nil outside of an attack
	measured bool                                                                 // and not in the warm-up
	since    time.Duration                                                        // from when on the next leg is wanted

	// the last exchange
	leg     int
	request []byte
	answer  *lean.Response
}

type host struct {
	address string
	conn    *lean.Conn
}

func (s *Seat) conn(r *lean.Route) *lean.Conn {
	for _, h := range s.hosts {
		if h.address == r.Address {
			return h.conn
		}
	}
	c := &lean.Conn{Limit: s.limit, TLS: s.tls, Dial: s.dial}
	s.hosts = append(s.hosts, host{r.Address, c})
	return c
}

// Do sends a request as a leg of the journey and reads the answer, which holds until the next one from the same host. The leg's latency counts from when it was
// wanted: the first one's from when the journey was to begin, a later one's from the end of the one before. The error is a *lean.Error.
func (s *Seat) Do(leg int, r *lean.Route, request []byte) (*lean.Response, error) {
	if leg != Outside {
		leg += s.leg0
	}
	s.leg, s.request, s.answer = leg, request, nil
	answer, err := s.conn(r).Exchange(r, request)
	s.answer = answer
	if s.recorder != nil && leg != Outside {
		now := s.recorder.now()
		if s.measured {
			s.recorder.leg(leg, now-s.since, err)
		}
		s.since = now
	}
	return answer, err
}

// Rest lets time pass between two requests, for a flow in which a party has to wait before it asks again. The next leg is wanted when it is over.
func (s *Seat) Rest(d time.Duration) {
	if s.rest != nil {
		s.rest(d)
	} else {
		<-time.After(d)
	}
	if s.recorder != nil {
		s.since = s.recorder.now()
	}
}

// Wrong is the error of a script whose last answer breaks the rules.
func (s *Seat) Wrong(expected, actual string) error {
	w := &WrongError{Expected: expected, Actual: actual, Request: bytes.Clone(s.request), Leg: outside, leg: s.leg}
	if s.leg >= 0 && s.leg < len(s.names) {
		w.Leg = s.names[s.leg]
	}
	if s.answer != nil {
		w.Response = slices.Concat(s.answer.Head, []byte("\r\n"), s.answer.Body)
	}
	return w
}

// close ends the seat's connections.
func (s *Seat) close() {
	for _, h := range s.hosts {
		h.conn.Close()
	}
}

// reset ends the seat's connections and has the next ones opened in another way.
func (s *Seat) reset(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	s.before = s.opened()
	s.close()
	s.hosts, s.dial = nil, dial
}

// opened is how many connections the seat has opened so far.
func (s *Seat) opened() int {
	n := s.before
	for _, h := range s.hosts {
		n += h.conn.Opened
	}
	return n
}
