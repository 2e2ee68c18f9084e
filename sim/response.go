package sim

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/net/http/httpguts"
)

// serve runs the host's handler for a request, in a process of its own.
func (w *World) serve(h *Host, k *packet) {
	path := k.url.Path
	if path == "" {
		path = "/"
	}
	p := w.newProcess(h, k.message.Method+" "+path, nil)
	p.cause = max(k.cause, h.bootEvent)
	p.run = func() {
		w.record(p, Event{Kind: EventDeliver, Host: h.name, Peer: k.message.From, Message: k.message}, k.cause, h.bootEvent)
		rw := &responseWriter{limit: w.config.MaxBody, head: k.message.Method == http.MethodHead, header: make(http.Header, 4)}
		rw.handle(h.handler, w.request(k))
		if p.killed {
			return
		}
		m := rw.message(h)
		m.ID, m.Kind, m.InReplyTo, m.Injected = w.nextID(), Response, k.message.ID, k.message.Injected
		m.From, m.To, m.Secure, m.Method, m.URL = h.name, k.message.From, k.message.Secure, k.message.Method, k.message.URL
		cause := w.record(p, Event{Kind: EventRespond, Host: h.name, Peer: m.To, Message: m})
		w.send(&packet{message: m, call: k.call, cause: cause})
	}
	w.step(p)
}

// request makes what a handler gets from a message.
func (w *World) request(k *packet) *http.Request {
	m := k.message
	header := m.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	host := k.url.Host
	if named := header["Host"]; len(named) > 0 {
		host = named[0]
		delete(header, "Host")
	}
	u := &url.URL{Path: k.url.Path, RawPath: k.url.RawPath, RawQuery: k.url.RawQuery, ForceQuery: k.url.ForceQuery}
	if u.Path == "" {
		u.Path = "/"
	}
	r := &http.Request{
		Method: m.Method, URL: u, RequestURI: k.url.RequestURI(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: http.NoBody, ContentLength: int64(len(m.Body)),
		Host: host, RemoteAddr: m.From,
	}
	if m.Secure {
		r.TLS = w.tls
	}
	if len(m.Body) > 0 {
		b := &body{end: io.EOF}
		b.bytes.Reset(m.Body)
		r.Body = b
	}
	return r
}

// responseWriter collects a handler's response. It is sent whole when the
// handler returns; Flush only decides what an aborted response leaves behind.
type responseWriter struct {
	limit   int
	head    bool // the request was HEAD
	header  http.Header
	sent    http.Header // the header as it was at WriteHeader
	status  int
	length  int // what Content-Length promised; -1 if nothing
	written int
	body    bytes.Buffer
	flushed int // bytes of the body that were flushed; -1 if not even the header was
	broken  bool
	over    bool
}

func (rw *responseWriter) Header() http.Header { return rw.header }

// WriteHeader fixes status and header. Like net/http's it ignores a second
// call, and informational ones are not passed on.
func (rw *responseWriter) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if rw.status != 0 || status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	rw.status, rw.length, rw.flushed = status, -1, -1
	rw.sent = wireHeader(rw.header)
	if v := rw.sent.Get("Content-Length"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			rw.sent.Del("Content-Length")
		} else {
			rw.length = n
		}
	}
}

// wireHeader copies the header fields that reach the wire, as net/http's
// server does: one with an invalid name does not, and a line break in a value
// becomes a space, so that no value can pass for another field.
func wireHeader(h http.Header) http.Header {
	sent := make(http.Header, len(h)+3)
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			continue
		}
		values = slices.Clone(values)
		for i, v := range values {
			if strings.ContainsAny(v, "\r\n") {
				values[i] = strings.NewReplacer("\r", " ", "\n", " ").Replace(v)
			}
		}
		sent[name] = values
	}
	return sent
}

func (rw *responseWriter) Write(p []byte) (int, error) {
	if rw.over {
		return 0, http.ErrHandlerTimeout
	}
	if rw.status == 0 {
		rw.WriteHeader(http.StatusOK)
	}
	switch {
	case rw.broken:
		return 0, pipeError()
	case !bodyAllowed(rw.status):
		return 0, http.ErrBodyNotAllowed
	case rw.length >= 0 && rw.written+len(p) > rw.length:
		return 0, http.ErrContentLength
	}
	rw.written += len(p)
	if rw.head {
		return len(p), nil
	}
	if room := rw.limit - rw.body.Len(); len(p) > room {
		rw.body.Write(p[:room])
		rw.broken = true
		return room, pipeError()
	}
	return rw.body.Write(p)
}

// WriteString is Write for io.StringWriter.
func (rw *responseWriter) WriteString(s string) (int, error) { return rw.Write([]byte(s)) }

// Flush marks what was written as sent.
func (rw *responseWriter) Flush() { _ = rw.FlushError() }

// FlushError is Flush for http.ResponseController.
func (rw *responseWriter) FlushError() error {
	if rw.over {
		return http.ErrHandlerTimeout
	}
	if rw.status == 0 {
		rw.WriteHeader(http.StatusOK)
	}
	rw.flushed = rw.body.Len()
	if rw.broken {
		return pipeError()
	}
	return nil
}

// handle calls the handler, and takes note if it aborts.
func (rw *responseWriter) handle(handler http.Handler, r *http.Request) {
	defer func() {
		rw.over = true
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			rw.broken = true
			if rw.status == 0 || rw.flushed < 0 {
				rw.status = 0
				rw.body.Reset()
				return
			}
			rw.body.Truncate(rw.flushed)
		default:
			panic(v)
		}
	}()
	handler.ServeHTTP(rw, r)
	if rw.status == 0 {
		rw.WriteHeader(http.StatusOK)
	}
}

// message makes the response that goes onto the wire, with the header fields
// that net/http's server adds.
func (rw *responseWriter) message(h *Host) *Message {
	m := &Message{Status: rw.status, Header: rw.sent, Cut: rw.broken}
	if rw.status == 0 {
		m.Header, m.Cut = http.Header{}, true
		return m
	}
	m.Body = rw.body.Bytes()
	if rw.length > rw.written && !rw.head && bodyAllowed(rw.status) {
		m.Cut = true
	}
	if _, set := rw.sent["Date"]; !set {
		rw.sent["Date"] = []string{h.dateNow()}
	}
	if !bodyAllowed(rw.status) {
		return m
	}
	if _, set := rw.sent["Content-Type"]; !set && len(m.Body) > 0 && rw.sent.Get("Content-Encoding") == "" {
		rw.sent["Content-Type"] = []string{http.DetectContentType(m.Body)}
	}
	if rw.length < 0 && rw.flushed < 0 && !m.Cut && !(rw.head && rw.written == 0) {
		rw.sent["Content-Length"] = []string{strconv.Itoa(rw.written)}
	}
	return m
}

// dateNow spells the host's time for the Date header, once a second.
func (h *Host) dateNow() string {
	now := h.clock.Now()
	if s := now.Unix(); h.date == "" || s != h.dateSecond {
		h.date, h.dateSecond = now.Format(http.TimeFormat), s
	}
	return h.date
}

// bodyAllowed follows RFC 9110 sections 6.4.1 and 15.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

func pipeError() error {
	return &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
}

func resetError() error {
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}
