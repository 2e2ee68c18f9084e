package conformance

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// What a target can make the harness hold and do is bounded. A body has MaxBody bytes at the most, the headers of an answer 64 KiB, and all that a target
// sends during one check, to the harness and to the parties that it plays, MaxCheck bytes. Parsing multiplies that by a small factor, so that a check
// never takes more than 256 MiB of memory; one that meets a target in its senses takes less than 4. The time for an exchange is Wire.Limit, that for a
// whole check Wire.Bound.
const (
	// MaxBody is how many bytes of a body the harness reads; a longer one is a failure of its sender.
	MaxBody = 1 << 20
	// MaxCheck is how many bytes the target may send during one check. Sending more is a failure of the target.
	MaxCheck = 32 << 20
	// perExchange is what an exchange counts for at least, so that a check has a few thousand of them at the most.
	perExchange = 8 << 10
	// maxConnections is how many connections a party holds at a time; it closes others, unless one of those ends within draining: of a crowd that has left
	// all are still to be taken and found to be gone, and whoever comes behind them is not to suffer for it.
	maxConnections = 256
	draining       = time.Second / 2
	// maxHeader is for the headers of an answer, and of a request to a party, in bytes.
	maxHeader = 64 << 10
	// A request to a party has arriving to come in, headers and body each, and departing to be answered: parties answer late on purpose.
	arriving, departing = 10 * time.Second, 5 * time.Minute
	// A report shows maxReported bytes of the messages of a check, of a body maxShown, and of what is wrong maxActual: to take the secrets out of a text takes
	// time. They are looked for beyond what is shown, too.
	maxReported, maxShown, maxActual, beyond = 2 << 20, 16 << 10, 8 << 10, 4 << 10
	// limitsInBound is how many exchanges that take as long as they may fit into a check.
	limitsInBound = 20
)

var (
	errTooLong = fmt.Errorf("the body goes on after %d bytes", MaxBody)
	errFlood   = fmt.Errorf("the target has sent more than %d bytes during this check", MaxCheck)
)

// take counts bytes of the target against MaxCheck, and reports whether they still fit.
func (s *Session) take(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken += n
	return s.taken <= MaxCheck
}

// takeExchange is take for the headers of a message.
func (s *Session) takeExchange(h http.Header) bool {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return s.take(max(n, perExchange))
}

// readBody reads the body of a message of the target, MaxBody bytes of it at the most. The error says why it is not whole.
func (s *Session) readBody(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(counted{s, body}, MaxBody+1))
	if err == nil && len(text) > MaxBody {
		err = errTooLong
	}
	return text, err
}

// counted is a body that counts against MaxCheck as it is read.
type counted struct {
	s    *Session
	body io.Reader
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if !c.s.take(n) {
		return n, errFlood
	}
	return n, err
}

// flood makes a failure of a check that passed or was skipped although the target has sent too much.
func (s *Session) flood(result *Result) {
	s.mu.Lock()
	flooded := s.taken > MaxCheck
	s.mu.Unlock()
	if flooded && (result.Verdict == Pass || result.Verdict == Skip) {
		result.Verdict, result.Reason = Fail, ""
		result.Failure = &Failure{Expected: fmt.Sprintf("at most %d bytes in all the messages of the target", MaxCheck), Actual: errFlood.Error(), Blame: string(s.Check.Role)}
	}
}

// partyServer serves a party to clients that are under test, and may do what they like.
func partyServer(h http.HandlerFunc) *http.Server {
	room := make(occupancy, maxConnections)
	var within sync.Map // connections that there was room for
	return &http.Server{
		ReadHeaderTimeout: arriving, IdleTimeout: time.Minute, WriteTimeout: departing, MaxHeaderBytes: maxHeader, ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(c net.Conn, state http.ConnState) { // new ones are told of one after the other
			switch state {
			case http.StateNew:
				if room.enter(draining) {
					within.Store(c, nil)
				} else {
					_ = c.Close() // which ends it for the server too
				}
			case http.StateClosed, http.StateHijacked:
				if _, was := within.LoadAndDelete(c); was {
					<-room
				}
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body != http.NoBody {
				deadline := http.NewResponseController(w)
				_ = deadline.SetReadDeadline(time.Now().Add(arriving)) // every connection of a server has one
				r.Body = hurried{r.Body, deadline}
			}
			h(w, r)
		}),
	}
}

// occupancy has a place for each of those who may be there at a time.
type occupancy chan struct{}

// enter takes a place, and reports whether one was had within that time.
func (o occupancy) enter(patience time.Duration) bool {
	select {
	case o <- struct{}{}:
		return true
	default:
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case o <- struct{}{}:
		return true
	case <-wait.C:
		return false
	}
}

// hurried is the body of a request to a party that has to come in time. Once it has, the answer may take its own.
type hurried struct {
	io.ReadCloser
	deadline *http.ResponseController
}

func (b hurried) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.deadline.SetReadDeadline(time.Time{})
	}
	return n, err
}
