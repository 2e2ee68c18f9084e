// Package oauth1 reads, verifies and makes OAuth 1.0 messages as RFC 5849 defines them.
//
// A server calls [Parse] and then judges the [Message] it got: Parse only reports facts, and refuses
// nothing but a request that cannot be read. A client fills in a [Signer] and calls its Sign method.
// Refusals on either side are values of [Problem].
//
// The package has no clock and no randomness: a Signer is given both.
package oauth1

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The protocol parameters of RFC 5849. Their names are case sensitive.
const (
	paramConsumerKey       = "oauth_consumer_key"
	paramToken             = "oauth_token"
	paramSignatureMethod   = "oauth_signature_method"
	paramSignature         = "oauth_signature"
	paramTimestamp         = "oauth_timestamp"
	paramNonce             = "oauth_nonce"
	paramVersion           = "oauth_version"
	paramCallback          = "oauth_callback"
	paramVerifier          = "oauth_verifier"
	paramTokenSecret       = "oauth_token_secret"
	paramCallbackConfirmed = "oauth_callback_confirmed"

	protocolPrefix = "oauth_"
)

// OutOfBand is the oauth_callback of a client that cannot receive callbacks (RFC 5849 section 2.1).
const OutOfBand = "oob"

// latestTimestamp is the last second of the year 9999; what lies beyond cannot be written as an RFC 3339 time.
const latestTimestamp = 253402300799

// Param is one decoded name and value.
type Param struct{ Name, Value string }

// Transport is a place in a request where protocol parameters can stand (RFC 5849 section 3.5).
type Transport string

// The three transports, in the order in which Parse reads them.
const (
	InHeader Transport = "header" // the Authorization header field (section 3.5.1)
	InBody   Transport = "body"   // the form-encoded body (section 3.5.2)
	InQuery  Transport = "query"  // the request URI query (section 3.5.3)
)

// Message is an OAuth 1.0 request as received, before anything about it has been judged.
type Message struct {
	Method  string // HTTP method, upper case
	BaseURI string // base string URI of RFC 5849 section 3.4.1.2
	Secure  bool   // the request came over TLS
	Realm   string // of the Authorization header; no part of the signature

	// Params holds all parameters that the signature covers, and oauth_signature itself, decoded and in
	// the order met: Authorization header (without realm), form body, query.
	Params []Param

	// The values of the protocol parameters, empty when absent; the first one met when there are several.
	ConsumerKey, Token, SignatureMethod, Signature, Timestamp, Nonce, Version, Callback, Verifier string

	// Duplicated names the oauth_ parameters met more than once, each once. Section 3.1 forbids them.
	Duplicated []string

	// Transports lists where oauth_ parameters stood. Section 3.5 allows one place only. It is empty
	// when the request is not an OAuth request at all.
	Transports []Transport

	met map[string]int // how often each oauth_ parameter was met
}

// Parse reads the OAuth parameters of a request that a server received, and judges none of them.
//
// It reads at most limit bytes of a form-encoded body (zero: 1 MiB) and puts the body back, so that the
// handler can read it again; r.PostForm is filled in too. A body of any other type is left untouched, as
// the signature does not cover it (RFC 5849 section 3.4.1.3.1).
//
// The error is always a *Problem: status 400 when a parameter's encoding or the Authorization header is
// malformed or the body breaks off, status 413 when the body is larger than limit.
func Parse(r *http.Request, limit int64) (*Message, error) {
	if limit <= 0 {
		limit = 1 << 20
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	path, query := target(r)
	m := &Message{
		Method:  strings.ToUpper(r.Method),
		BaseURI: baseURI(scheme, r.Host, path),
		Secure:  r.TLS != nil,
	}
	for _, credentials := range r.Header.Values("Authorization") {
		params, realm, err := parseAuthorization(credentials)
		if err != nil {
			return nil, err
		}
		if m.Realm == "" {
			m.Realm = realm
		}
		m.add(InHeader, params)
	}
	form, err := readForm(r, limit)
	if err != nil {
		return nil, err
	}
	m.add(InBody, form)
	params, err := decodeForm(query, "query")
	if err != nil {
		return nil, err
	}
	m.add(InQuery, params)
	return m, nil
}

// add takes up the parameters that stood at one place.
func (m *Message) add(from Transport, params []Param) {
	for _, p := range params {
		if strings.HasPrefix(p.Name, protocolPrefix) {
			m.meet(p)
			if !slices.Contains(m.Transports, from) {
				m.Transports = append(m.Transports, from)
			}
		}
		m.Params = append(m.Params, p)
	}
}

// meet notes an oauth_ parameter. It counts in a map, as a hostile body can hold very many of them.
func (m *Message) meet(p Param) {
	if m.met == nil {
		m.met = make(map[string]int, 8)
	}
	m.met[p.Name]++
	switch m.met[p.Name] {
	case 1:
		if field := m.field(p.Name); field != nil {
			*field = p.Value
		}
	case 2:
		m.Duplicated = append(m.Duplicated, p.Name)
	}
}

// field points at the struct field of a protocol parameter; nil when it has none.
func (m *Message) field(name string) *string {
	switch name {
	case paramConsumerKey:
		return &m.ConsumerKey
	case paramToken:
		return &m.Token
	case paramSignatureMethod:
		return &m.SignatureMethod
	case paramSignature:
		return &m.Signature
	case paramTimestamp:
		return &m.Timestamp
	case paramNonce:
		return &m.Nonce
	case paramVersion:
		return &m.Version
	case paramCallback:
		return &m.Callback
	case paramVerifier:
		return &m.Verifier
	}
	return nil
}

// Has tells whether a parameter of that name was met, even with an empty value.
func (m *Message) Has(name string) bool {
	return slices.ContainsFunc(m.Params, func(p Param) bool { return p.Name == name })
}

// Get returns the value of the first parameter of that name, or the empty string.
func (m *Message) Get(name string) string {
	for _, p := range m.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Time returns oauth_timestamp as a time. RFC 5849 section 3.3 wants a positive integer, the number of
// seconds since 1970-01-01T00:00:00Z. The error is a *Problem: parameter_absent, or timestamp_refused
// with status 400 for anything but such a number, written in decimal digits without a leading zero.
func (m *Message) Time() (time.Time, error) {
	if m.Timestamp == "" {
		return time.Time{}, Refuse(ParameterAbsent, paramTimestamp, "the request carries no oauth_timestamp; send the seconds since 1970")
	}
	seconds, err := strconv.ParseUint(m.Timestamp, 10, 63)
	if err != nil || seconds > latestTimestamp || m.Timestamp[0] < '1' || m.Timestamp[0] > '9' {
		p := Refuse(TimestampRefused, paramTimestamp, "oauth_timestamp is no positive decimal integer; send the seconds since 1970")
		p.Status = http.StatusBadRequest
		return time.Time{}, p
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}
