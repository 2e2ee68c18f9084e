package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// transport is a host's way onto the network.
type transport struct {
	host    *Host
	timeout time.Duration
}

// RoundTrip sends the request and parks the calling process until the answer
// comes or the world's timeout has passed.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	h, w := t.host, t.host.world
	p := w.process("Client.Do to", req.URL.Host)
	m, err := t.message(req)
	if err != nil {
		return nil, err
	}
	c := &call{process: p, cause: none}
	k := &packet{message: m, url: req.URL, call: c}
	k.cause = w.record(p, Event{Kind: EventSend, Host: h.name, Peer: m.To, Message: m})
	switch {
	case h.down:
		err = &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("host %q is down", h.name)}
	case w.hostNames[m.To] == nil:
		err = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: m.To, IsNotFound: true}}
	}
	if err != nil {
		w.record(p, Event{Kind: EventError, Host: h.name, Peer: m.To, Message: m, Text: err.Error()})
		return nil, err
	}
	w.send(k)
	p.call = c
	w.wakeAt(p, w.after(t.timeout))
	p.park("an answer from", m.To)
	p.call = nil
	switch {
	case c.err != nil:
		w.record(p, Event{Kind: EventError, Host: h.name, Peer: m.To, Message: m, Text: "connection refused"}, c.cause)
		return nil, c.err
	case c.response == nil:
		c.done = true
		w.record(p, Event{Kind: EventTimeout, Host: h.name, Peer: m.To, Message: m})
		return nil, &timeoutError{host: m.To, after: t.timeout}
	}
	w.record(p, Event{Kind: EventReceive, Host: h.name, Peer: c.response.From, Message: c.response}, c.cause)
	return w.response(req, c.response)
}

// message makes the message of a request, and consumes its body.
func (t transport) message(req *http.Request) (*Message, error) {
	var body []byte
	if req.Body != nil {
		defer req.Body.Close()
	}
	u := req.URL
	switch {
	case req.Context().Err() != nil:
		return nil, req.Context().Err()
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("unsupported protocol scheme %q, use http or https", u.Scheme)
	case u.Host == "":
		return nil, errors.New("the request's URL names no host")
	}
	header, err := requestHeader(req)
	if err != nil {
		return nil, err
	}
	if req.Body != nil && req.Body != http.NoBody {
		if body, err = readBody(req); err != nil {
			return nil, err
		}
	}
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	if len(body) > 0 || method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	return &Message{
		ID: t.host.world.nextID(), Kind: Request,
		From: t.host.name, To: address(u), Secure: u.Scheme == "https",
		Method: method, URL: wireURL(u), Header: header, Body: body,
	}, nil
}

// readBody reads a request's body, which must have the length it claims.
func readBody(req *http.Request) ([]byte, error) {
	claimed := req.ContentLength
	if claimed <= 0 || claimed > 1<<20 {
		claimed = 0
	}
	b := bytes.NewBuffer(make([]byte, 0, claimed+bytes.MinRead))
	if _, err := b.ReadFrom(req.Body); err != nil {
		return nil, err
	}
	if req.ContentLength > 0 && req.ContentLength != int64(b.Len()) {
		return nil, fmt.Errorf("the request has ContentLength %d with a body of %d bytes", req.ContentLength, b.Len())
	}
	return b.Bytes(), nil
}

// requestHeader copies the header fields of a request, after the checks that
// net/http's own transport makes.
func requestHeader(req *http.Request) (http.Header, error) {
	header := make(http.Header, len(req.Header)+1)
	for name, values := range req.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, fmt.Errorf("invalid header field name %q", name)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return nil, fmt.Errorf("invalid value of header field %q", name)
			}
		}
		header[name] = append([]string(nil), values...)
	}
	delete(header, "Host")
	if req.Host != "" && req.Host != req.URL.Host {
		header["Host"] = []string{req.Host}
	}
	return header, nil
}

// wireURL spells a URL without what never leaves a client: user information
// and fragment.
func wireURL(u *url.URL) string {
	if u.Opaque == "" && u.User == nil && u.Fragment == "" && u.RawPath == "" && u.EscapedPath() == u.Path {
		s := u.Scheme + "://" + u.Host + u.Path
		if u.RawQuery != "" || u.ForceQuery {
			s += "?" + u.RawQuery
		}
		return s
	}
	plain := *u
	plain.User, plain.Fragment, plain.RawFragment = nil, "", ""
	return plain.String()
}

// response makes what a client gets from a message.
func (w *World) response(req *http.Request, m *Message) (*http.Response, error) {
	if m.Status == 0 {
		return nil, resetError()
	}
	header := m.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	r := &http.Response{
		StatusCode: m.Status, Status: statusLine(m.Status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: -1, Request: req,
	}
	content, cut := m.Body, m.Cut
	if n, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		r.ContentLength = n
		cut = cut || int64(len(content)) < n
		content = content[:min(int64(len(content)), n)]
	}
	if m.Secure {
		r.TLS = w.tls
	}
	if req.Method == http.MethodHead || !bodyAllowed(m.Status) || len(content) == 0 && !cut {
		if r.Body = http.NoBody; req.Method != http.MethodHead {
			r.ContentLength = 0
		}
		return r, nil
	}
	b := &body{end: io.EOF}
	b.bytes.Reset(content)
	if cut {
		b.end = io.ErrUnexpectedEOF
	}
	r.Body = b
	return r, nil
}

func statusLine(status int) string {
	if status == http.StatusOK {
		return "200 OK"
	}
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// body is a response's body: some bytes and how they end.
type body struct {
	bytes  bytes.Reader
	end    error
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.bytes.Read(p)
	if err == io.EOF {
		err = b.end
	}
	return n, err
}

// WriteTo overrides that of bytes.Reader, which knows no other end than io.EOF.
func (b *body) WriteTo(to io.Writer) (int64, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.bytes.WriteTo(to)
	if err == nil && b.end != io.EOF {
		err = b.end
	}
	return n, err
}

func (b *body) Close() error {
	b.closed = true
	return nil
}
