package lean

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Conn is a connection to one host, opened when it is first needed and again when it has ended. One exchange is under way at a time. Close it at the end.
type Conn struct {
	// Limit bounds an exchange, within a tenth; 0 means 10 s.
	Limit time.Duration
	// TLS is what a connection over TLS is opened with; nil trusts whom the machine trusts.
	TLS *tls.Config
	// Dial opens a connection; nil: over TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Opened counts the connections that were opened.
	Opened int

	open     net.Conn
	deadline time.Time
	used     time.Time // when the last exchange ended
	buffer   []byte    // what was read: a head, a body, and no more
	chunks   []byte    // a body that came in chunks
	response Response
}

// idle is how long a connection may have rested without being looked at before it is used again.
const idle = time.Second

// Kinds of Error.
const (
	Refused   = "connection refused" // none could be opened
	Broken    = "connection broken"  // it ended before the answer was whole
	TimedOut  = "timed out"
	Malformed = "malformed answer"
)

// Error says why there is no answer.
type Error struct {
	// Kind is one of Refused, Broken, TimedOut, Malformed.
	Kind string
	Err  error
}

func (e *Error) Error() string { return e.Kind + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Exchange sends a request that Route.Append has written and reads the answer whole. After an error, which is an *Error, the connection is closed.
func (c *Conn) Exchange(r *Route, request []byte) (*Response, error) {
	if err := c.ready(r); err != nil {
		return nil, c.fail(Refused, err)
	}
	if _, err := c.open.Write(request); err != nil {
		return nil, c.fail(Broken, err)
	}
	if err := c.read(); err != nil {
		return nil, c.fail(Broken, err)
	}
	c.used = time.Now()
	if c.response.Closing {
		c.Close()
	}
	return &c.response, nil
}

// Close ends the connection. The next exchange opens another.
func (c *Conn) Close() {
	if c.open != nil {
		_ = c.open.Close()
		c.open = nil
	}
}

func (c *Conn) fail(kind string, err error) error {
	c.Close()
	var wrong *MalformedError
	var late net.Error
	switch {
	case errors.As(err, &wrong):
		kind = Malformed
	case errors.As(err, &late) && late.Timeout():
		kind, err = TimedOut, fmt.Errorf("no complete answer within %v", c.limit())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the connection was closed before the answer was complete")
	}
	return &Error{kind, err}
}

func (c *Conn) limit() time.Duration {
	if c.Limit > 0 {
		return c.Limit
	}
	return 10 * time.Second
}

// ready opens the connection where it is not open, and sees to it that the exchange ends in time. A deadline costs the run-time system more than
// a look at the clock: it is moved only once a tenth of it has gone by.
func (c *Conn) ready(r *Route) error {
	now := time.Now()
	if c.open != nil && now.Sub(c.used) > idle && !c.rests() {
		c.Close()
	}
	if c.open == nil {
		if err := c.connect(r, now); err != nil {
			return err
		}
	}
	if limit := c.limit(); c.deadline.Sub(now) < limit-limit/10 {
		c.deadline = now.Add(limit)
		return c.open.SetDeadline(c.deadline)
	}
	return nil
}

func (c *Conn) connect(r *Route, now time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), now.Add(c.limit()))
	defer cancel()
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	open, err := dial(ctx, "tcp", r.Address)
	if err != nil {
		return err
	}
	c.Opened++
	if r.TLS {
		secured := tls.Client(open, r.secured(c.TLS))
		err := open.SetDeadline(now.Add(c.limit()))
		if err == nil {
			err = secured.Handshake() // without a context: a seat of a loop must not wait for another goroutine
		}
		if err != nil {
			_ = open.Close()
			return err
		}
		open = secured
	}
	c.open, c.deadline, c.used = open, time.Time{}, now
	return nil
}

// rests reports whether the other side has neither closed the connection nor sent anything unasked.
func (c *Conn) rests() bool {
	c.deadline = time.Time{}
	if c.open.SetReadDeadline(time.Unix(1, 0)) != nil {
		return false
	}
	var one [1]byte
	_, err := c.open.Read(one[:])
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}

// read reads one answer, and wants nothing to come behind it.
func (c *Conn) read() error {
	c.buffer = c.buffer[:0]
	rest := 0 // where in the buffer the next head begins
	for range maxInterim {
		end, err := c.head(rest)
		if err != nil {
			return err
		}
		head := c.buffer[rest:end]
		status, minor, err := statusOf(head)
		if err != nil {
			return err
		}
		if err := wellFormed(head); err != nil {
			return err
		}
		rest = end + blank(c.buffer[end:])
		if status/100 == 1 && status != 101 {
			continue
		}
		c.response = Response{Status: status, Head: head}
		c.response.Closing = c.response.Has("Connection", "close") || minor == '0' && !c.response.Has("Connection", "keep-alive")
		from := rest - blank(c.buffer[end:]) - len(head)
		err = c.body(rest, minor)
		c.response.Head = c.buffer[from : from+len(head)] // the buffer may have moved
		return err
	}
	return malformed("more than %d answers of status 1xx before the one that counts", maxInterim)
}

// blank is how long the line end is that follows a head.
func blank(rest []byte) int {
	if rest[0] == '\r' {
		return 2
	}
	return 1
}

// head reads until a head is whole and gives its end, which is where its empty line begins.
func (c *Conn) head(from int) (int, error) {
	for seen := from; ; {
		for {
			line := bytes.IndexByte(c.buffer[seen:], '\n')
			if line < 0 {
				break
			}
			seen += line + 1
			if rest := c.buffer[seen:]; len(rest) > 0 && rest[0] == '\n' || len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
				return seen, nil
			}
		}
		if len(c.buffer)-from > MaxHead {
			return 0, malformed("its head goes on after %d bytes", MaxHead)
		}
		seen = max(from, len(c.buffer)-2) // the end of a line may be there, and the next one not yet
		if err := c.more(4 << 10); err != nil {
			return 0, err
		}
	}
}

// more reads once more, as much as there is room for: room bytes at the least.
func (c *Conn) more(room int) error {
	if free := cap(c.buffer) - len(c.buffer); free < room {
		grown := make([]byte, len(c.buffer), len(c.buffer)+max(room, cap(c.buffer)))
		copy(grown, c.buffer)
		c.buffer = grown
	}
	n, err := c.open.Read(c.buffer[len(c.buffer):cap(c.buffer)])
	c.buffer = c.buffer[:len(c.buffer)+n]
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// body reads the body that begins at from: RFC 9112 section 6.3.
func (c *Conn) body(from int, minor byte) error {
	r := &c.response
	if r.Status == 204 || r.Status == 304 || r.Status == 101 {
		return c.ended(from)
	}
	if coding := r.Header("Transfer-Encoding"); coding != nil {
		if minor == '0' || !bytes.EqualFold(coding, []byte("chunked")) {
			return malformed("Transfer-Encoding %.40q", coding)
		}
		if r.Header("Content-Length") != nil {
			return malformed("both Transfer-Encoding and Content-Length")
		}
		return c.chunked(from)
	}
	length, err := lengthOf(r)
	if err == errLength {
		return c.toTheEnd(from)
	}
	if err != nil {
		return err
	}
	for len(c.buffer) < from+length {
		if err := c.more(from + length - len(c.buffer)); err != nil {
			return err
		}
	}
	r.Body = c.buffer[from : from+length]
	return c.ended(from + length)
}

// ended wants nothing to have come behind the answer: it would be taken for the next one.
func (c *Conn) ended(at int) error {
	if extra := len(c.buffer) - at; extra > 0 && !c.response.Closing {
		return malformed("%d bytes came behind it", extra)
	}
	return nil
}

// toTheEnd reads a body that ends with the connection.
func (c *Conn) toTheEnd(from int) error {
	c.response.Closing = true
	for {
		if len(c.buffer)-from > MaxBody {
			return malformed("its body goes on after %d bytes", MaxBody)
		}
		if err := c.more(4 << 10); errors.Is(err, io.EOF) {
			c.response.Body = c.buffer[from:]
			return nil
		} else if err != nil {
			return err
		}
	}
}

// chunked reads a body in chunks, RFC 9112 section 7.1. Trailers are read and left.
func (c *Conn) chunked(at int) error {
	c.chunks = c.chunks[:0]
	for {
		line, next, err := c.line(at)
		if err != nil {
			return err
		}
		size, err := chunkSize(line)
		if err != nil {
			return err
		}
		if len(c.chunks)+size > MaxBody {
			return malformed("its body goes on after %d bytes", MaxBody)
		}
		if at = next; size == 0 {
			break
		}
		for len(c.buffer) < at+size+1 {
			if err := c.more(at + size + 2 - len(c.buffer)); err != nil {
				return err
			}
		}
		c.chunks = append(c.chunks, c.buffer[at:at+size]...)
		if line, at, err = c.line(at + size); err != nil {
			return err
		}
		if len(line) > 0 {
			return malformed("a chunk of %d bytes goes on", size)
		}
	}
	for from := at; ; {
		line, next, err := c.line(at)
		if err != nil {
			return err
		}
		if at = next; len(line) == 0 {
			break
		}
		if at-from > MaxHead {
			return malformed("its trailers go on after %d bytes", MaxHead)
		}
	}
	c.response.Body = c.chunks
	return c.ended(at)
}

// line reads a line that begins at a place and gives it without its end, and where the next one begins.
func (c *Conn) line(from int) (line []byte, next int, err error) {
	const longest = 4 << 10
	for seen := from; ; {
		if end := bytes.IndexByte(c.buffer[seen:], '\n'); end >= 0 {
			end += seen
			return bytes.TrimSuffix(c.buffer[from:end], []byte{'\r'}), end + 1, nil
		}
		if len(c.buffer)-from > longest {
			return nil, 0, malformed("a line of a body in chunks goes on after %d bytes", longest)
		}
		seen = len(c.buffer)
		if err := c.more(512); err != nil {
			return nil, 0, err
		}
	}
}

// chunkSize reads a size in hexadecimal digits, extensions left aside.
func chunkSize(line []byte) (int, error) {
	text, _, _ := bytes.Cut(line, []byte{';'})
	text = bytes.TrimRight(text, " \t")
	if len(text) == 0 || len(text) > 8 {
		return 0, malformed("a chunk of size %.40q", line)
	}
	n := 0
	for _, d := range text {
		switch {
		case d >= '0' && d <= '9':
			n = n<<4 | int(d-'0')
		case d >= 'a' && d <= 'f':
			n = n<<4 | int(d-'a'+10)
		case d >= 'A' && d <= 'F':
			n = n<<4 | int(d-'A'+10)
		default:
			return 0, malformed("a chunk of size %.40q", line)
		}
	}
	return n, nil
}
