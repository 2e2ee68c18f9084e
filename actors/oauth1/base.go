package oauth1

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// BaseString returns the signature base string of RFC 5849 section 3.4.1.
//
// Parameters of the same name and value in another order, or moved between header, body and query, give
// the same string; any other difference between two messages shows in it.
func (m *Message) BaseString() string {
	pairs := make([]Param, 0, len(m.Params))
	size := 0
	for _, p := range m.Params {
		if p.Name == paramSignature {
			continue // section 3.4.1.3.1 leaves it out
		}
		pair := Param{Escape(p.Name), Escape(p.Value)}
		size += len(pair.Name) + len(pair.Value) + 2
		pairs = append(pairs, pair)
	}
	// Section 3.4.1.3.2: encoded names are compared first, then encoded values. To sort the joined pairs
	// would be wrong, as "-", "." and "%" are less than "=".
	slices.SortFunc(pairs, func(a, b Param) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	base := make([]byte, 0, len(m.Method)+len(m.BaseURI)+2*size)
	base = appendEscaped(base, m.Method)
	base = append(base, '&')
	base = appendEscaped(base, m.BaseURI)
	base = append(base, '&')
	for i, p := range pairs {
		if i > 0 {
			base = append(base, "%26"...)
		}
		base = appendEscaped(base, p.Name)
		base = append(base, "%3D"...)
		base = appendEscaped(base, p.Value)
	}
	return string(base)
}

// baseURI makes the base string URI of RFC 5849 section 3.4.1.2: scheme and host in lower case, the
// port only when it is not the default one.
func baseURI(scheme, host, path string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	host = strings.TrimSuffix(host, ":")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // an empty path is "/" (RFC 9110 section 4.2.3)
	}
	return scheme + "://" + host + path
}

// target returns path and query of a request as they stand on the wire. On the server this is what the
// client sent, even where middleware such as http.StripPrefix has changed r.URL since.
func target(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if uri == "" {
		uri = r.URL.RequestURI()
	}
	path, query, _ = strings.Cut(uri, "?")
	if _, rest, absolute := strings.Cut(path, "://"); absolute && !strings.HasPrefix(path, "/") {
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "", query
		}
		path = rest[slash:]
	}
	return path, query
}

// wireHost returns the host that a client will send: Unicode names go in Punycode.
func wireHost(r *http.Request) (string, error) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	return httpguts.PunycodeHostPort(host)
}
