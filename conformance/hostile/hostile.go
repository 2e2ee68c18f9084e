// Package hostile holds servers and clients that break every rule, to try the harness on: each Behaviour is one way to answer a request, each Handshake one
// way to open a connection over TLS, each Client one way to send a request. They speak bytes and not net/http, which is too polite.
package hostile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Behaviour is one way to answer.
type Behaviour struct {
	// Name completes the sentence "a target that ...".
	Name string
	// Harmless says that the answer can still be read as the honest one.
	Harmless bool
	// Beside says that the answer is broken only for readers of one kind of content, so that an answer of another kind may stay in order.
	Beside bool
	// Answer answers one request. The connection is closed when it returns.
	Answer func(*Exchange)
}

// Exchange is one request and the connection on which its answer is awaited.
type Exchange struct {
	Request *http.Request
	// Honest is what a server in its senses would answer, Before what it answered last; nil for nothing.
	Honest, Before *Answer
	// Random tells which byte, which bit.
	Random *rand.Rand

	conn net.Conn
	gone <-chan struct{} // closed with the server
}

// Answer is an answer as it should be.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// head is the status line and the header lines, without the empty line at their end.
func (a *Answer) head(without ...string) string {
	header := a.Header.Clone()
	for _, name := range append(without, "Connection", "Transfer-Encoding") {
		header.Del(name)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "HTTP/1.1 %03d %s\r\n", a.Status, http.StatusText(a.Status))
	_ = header.Write(&text) // a buffer takes all
	return text.String()
}

// text is the answer, byte for byte.
func (a *Answer) text() string {
	return a.head("Content-Length") + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(a.Body), a.Body)
}

// with is the answer with another body and header lines of its own, as pairs of name and value.
func (a *Answer) with(body string, header ...string) *Answer {
	other := &Answer{a.Status, http.Header{}, []byte(body)}
	maps.Copy(other.Header, a.Header)
	for i := 0; i+1 < len(header); i += 2 {
		other.Header.Set(header[i], header[i+1])
	}
	return other
}

// say sends text, and reports whether somebody still listens.
func (e *Exchange) say(text string) bool {
	_, err := io.WriteString(e.conn, text)
	return err == nil
}

// forever sends text again and again until nobody listens.
func (e *Exchange) forever(text string) {
	for e.say(text) {
	}
}

// drip sends text one byte at a time.
func (e *Exchange) drip(text string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := range len(text) {
		select {
		case <-tick.C:
		case <-e.gone:
			return
		}
		if !e.say(text[i : i+1]) {
			return
		}
	}
}

// hold keeps the connection until the other side closes it.
func (e *Exchange) hold() { _, _ = io.Copy(io.Discard, e.conn) }

// reset ends the connection without the courtesies of TCP.
func (e *Exchange) reset() {
	if tcp, ok := e.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// Server stands in front of an honest one and misbehaves now and then.
type Server struct {
	// Honest is the address, as host:port, of the server that answers otherwise; empty for none: every answer is then 404.
	Honest string
	// Behaviour is what it does to the requests that When picks; n counts requests from 1. A When of nil picks all.
	Behaviour Behaviour
	When      func(n int, r *http.Request) bool
	// Seed begins the random stream that behaviours draw from.
	Seed uint64

	listener net.Listener
	gone     chan struct{}
	serving  sync.WaitGroup

	mu     sync.Mutex
	asked  int
	picked int
	before *Answer
	open   map[net.Conn]bool
}

// Listen opens a free port of loopback and returns its address, as host:port.
func (s *Server) Listen() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.listener, s.gone, s.open = l, make(chan struct{}), map[net.Conn]bool{}
	s.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() { s.serve(c) })
		}
	})
	return l.Addr().String(), nil
}

// Close ends all connections and returns when nothing of the server runs any more.
func (s *Server) Close() {
	_ = s.listener.Close()
	close(s.gone)
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// Picked is how many requests have met the behaviour.
func (s *Server) Picked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.picked
}

// enter keeps a connection for Close; it reports false when the server is closed already.
func (s *Server) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.gone:
		return false
	default:
		s.open[c] = true
		return true
	}
}

func (s *Server) serve(c net.Conn) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
		_ = c.Close()
	}()
	if !s.enter(c) {
		return
	}
	for requests := bufio.NewReader(c); ; {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		e := &Exchange{Request: r, Honest: s.honest(r, body), conn: c, gone: s.gone}
		if s.pick(e) {
			s.Behaviour.Answer(e)
			return
		}
		if !e.say(e.Honest.text()) {
			return
		}
	}
}

// pick decides on a request.
func (s *Server) pick(e *Exchange) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	e.Before, s.before = s.before, e.Honest
	e.Random = rand.New(rand.NewPCG(s.Seed, uint64(s.asked)))
	if s.When != nil && !s.When(s.asked, e.Request) {
		return false
	}
	s.picked++
	return true
}

// honest asks the honest server, on a connection of its own.
func (s *Server) honest(r *http.Request, body []byte) *Answer {
	nothing := &Answer{http.StatusNotFound, http.Header{"Content-Type": {"application/json"}}, []byte(`{"error":"not_found"}`)}
	if s.Honest == "" {
		return nothing
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	on := r.Clone(r.Context())
	on.URL.Scheme, on.URL.Host, on.RequestURI = "http", s.Honest, ""
	on.Body, on.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := transport.RoundTrip(on)
	if err != nil {
		return nothing
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nothing
	}
	return &Answer{resp.StatusCode, resp.Header, text}
}
