package lean

import (
	"bytes"
	"errors"
	"fmt"
)

// Bounds of an answer. One that exceeds them is no answer.
const (
	MaxHead = 64 << 10
	MaxBody = 1 << 20
	// maxInterim is how many answers of status 1xx may come before the one that counts.
	maxInterim = 8
)

// Response is an answer. Its bytes are those of the connection: they hold until its next exchange.
type Response struct {
	Status int
	// Head is the status line and the header lines, each with its end, without the last empty line.
	Head []byte
	Body []byte
	// Closing says that the connection ends with this answer.
	Closing bool
}

// Header is the value of the first header line of that name; nil for none.
func (r *Response) Header(name string) []byte {
	value, _ := lookup(r.Head, name)
	return value
}

// Each calls yield with the value of each header line of that name.
func (r *Response) Each(name string, yield func(value []byte)) {
	for rest := r.Head; ; {
		value, after := lookup(rest, name)
		if after == nil {
			return
		}
		yield(value)
		rest = after
	}
}

// Has reports whether a header line of that name has the token among those that commas separate.
func (r *Response) Has(name, token string) bool {
	found := false
	r.Each(name, func(value []byte) {
		for part := range bytes.SplitSeq(value, []byte{','}) {
			found = found || bytes.EqualFold(bytes.TrimSpace(part), []byte(token))
		}
	})
	return found
}

// lookup finds a header line and gives its value and what begins with the end of that line; nil, nil for none. The status line is skipped as it has no such name.
func lookup(head []byte, name string) (value, rest []byte) {
	for {
		end := bytes.IndexByte(head, '\n')
		if end < 0 {
			return nil, nil
		}
		head = head[end+1:]
		if len(head) > len(name) && head[len(name)] == ':' && bytes.EqualFold(head[:len(name)], []byte(name)) {
			line, _, _ := bytes.Cut(head, []byte{'\n'})
			return bytes.TrimSpace(line[len(name)+1:]), head[len(line):]
		}
	}
}

// MalformedError says that what came is no answer of HTTP/1.1, or one beyond the bounds.
type MalformedError struct{ Problem string }

func (e *MalformedError) Error() string { return "the answer is malformed: " + e.Problem }

func malformed(format string, args ...any) error {
	return &MalformedError{fmt.Sprintf(format, args...)}
}

var errLength = errors.New("no length")

// statusOf reads a status line, RFC 9112 section 4.
func statusOf(head []byte) (status int, minor byte, err error) {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return 0, 0, malformed("it begins with %.40q", line)
	}
	for _, digit := range line[9:12] {
		if digit < '0' || digit > '9' {
			return 0, 0, malformed("it begins with %.40q", line)
		}
		status = 10*status + int(digit-'0')
	}
	if minor = line[7]; minor != '0' && minor != '1' || status < 100 {
		return 0, 0, malformed("it begins with %.40q", line)
	}
	return status, minor, nil
}

// wellFormed wants every line of a head behind the first to be a name and a value, RFC 9112 section 5.
func wellFormed(head []byte) error {
	_, rest, _ := bytes.Cut(head, []byte{'\n'})
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || bytes.ContainsAny(line[:colon], " \t") || bytes.IndexByte(line, 0) >= 0 || bytes.IndexByte(line, '\r') >= 0 {
			return malformed("the header line %.40q", line)
		}
		rest = after
	}
	return nil
}

// lengthOf reads Content-Length; errLength where there is none. Several that differ are malformed.
func lengthOf(r *Response) (int, error) {
	length, err := 0, errLength
	r.Each("Content-Length", func(value []byte) {
		n, ok := digits(value)
		switch {
		case !ok:
			err = malformed("Content-Length %.40q", value)
		case err == errLength:
			length, err = n, nil
		case err == nil && n != length:
			err = malformed("two lengths, %d and %d", length, n)
		}
	})
	if err == nil && length > MaxBody {
		err = malformed("a body of %d bytes, more than %d", length, MaxBody)
	}
	return length, err
}

// digits reads a whole number that is not beyond all bounds.
func digits(text []byte) (int, bool) {
	if len(text) == 0 || len(text) > 15 {
		return 0, false
	}
	n := 0
	for _, d := range text {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int(d-'0')
	}
	return n, true
}
