// Package lean is a client of HTTP/1.1 that does for a load generator what net/http does for everybody, at a fraction of the CPU: one exchange at a time on a
// connection of its own, with requests whose unchanging part is written once. It trusts no answer: heads, bodies and time are bounded.
package lean

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Route is an endpoint and a method, with that part of the request written that never changes.
type Route struct {
	// URL is the endpoint, as it was given.
	URL    string
	Method string
	// Address is the host and port to connect to; TLS says whether by TLS, for which Host is the server's name.
	Address, Host string
	TLS           bool

	start string // the request line up to the query, and what of it the URL has
	head  string // the header lines, without the last empty one
	query bool   // the URL has a query already
}

// URLError says that a URL cannot be asked.
type URLError struct{ URL, Problem string }

func (e *URLError) Error() string { return fmt.Sprintf("%q cannot be asked: %s", e.URL, e.Problem) }

// NewRoute prepares requests to an endpoint. Each header is a line without its end, as "Accept: application/json". The error is a *URLError.
func NewRoute(method, endpoint string, headers ...string) (*Route, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, &URLError{endpoint, "it is malformed"}
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, &URLError{endpoint, "it does not begin with http:// or https:// and a host"}
	case u.User != nil:
		return nil, &URLError{endpoint, "it holds a user name or a password"}
	}
	r := &Route{URL: endpoint, Method: method, Host: u.Hostname(), TLS: u.Scheme == "https", query: u.RawQuery != ""}
	port := u.Port()
	if port == "" {
		port = "80"
		if r.TLS {
			port = "443"
		}
	}
	r.Address = net.JoinHostPort(u.Hostname(), port)
	var head strings.Builder
	fmt.Fprintf(&head, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: countersign\r\n", u.Host)
	for _, line := range headers {
		if strings.ContainsAny(line, "\r\n") {
			return nil, &URLError{endpoint, "a header line has a line break"}
		}
		head.WriteString(line + "\r\n")
	}
	r.start, r.head = method+" "+u.RequestURI(), head.String()
	return r, nil
}

// Name is the method and the path, without a query.
func (r *Route) Name() string {
	name, _, _ := strings.Cut(r.start, "?")
	return name
}

// Append writes a request behind dst: with header lines, each ended by CRLF, and a body. query is added to that of the URL; it is encoded already.
func (r *Route) Append(dst []byte, query, lines string, body []byte) []byte {
	dst = append(dst, r.start...)
	if query != "" {
		sign := byte('?')
		if r.query {
			sign = '&'
		}
		dst = append(append(dst, sign), query...)
	}
	dst = append(append(dst, r.head...), lines...)
	if len(body) > 0 || r.Method == "POST" || r.Method == "PUT" {
		dst = append(dst, "Content-Length: "...)
		dst = append(strconv.AppendInt(dst, int64(len(body)), 10), '\r', '\n')
	}
	dst = append(dst, '\r', '\n')
	return append(dst, body...)
}

// Secured gives a TLS configuration the name of the route's host, where it names none.
func (r *Route) secured(config *tls.Config) *tls.Config {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = r.Host
	}
	return config
}
