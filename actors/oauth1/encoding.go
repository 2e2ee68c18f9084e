package oauth1

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const formType = "application/x-www-form-urlencoded"

// Escape percent-encodes s as RFC 5849 section 3.6 asks: all bytes but the unreserved characters of
// RFC 3986, with upper-case hexadecimal digits. This is neither form encoding nor url.QueryEscape.
func Escape(s string) string {
	for i := range len(s) {
		if !unreserved(s[i]) {
			return string(appendEscaped(make([]byte, 0, len(s)+16), s))
		}
	}
	return s
}

func appendEscaped(dst []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}

// decodeForm decodes form-encoded text in order, keeping duplicates and empty values. Only "&" separates:
// a semicolon is data. The place is named in the error.
func decodeForm(text, place string) ([]Param, error) {
	if text == "" {
		return nil, nil
	}
	params := make([]Param, 0, min(strings.Count(text, "&")+1, 64)) // no more in advance: the text may be "&" only
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, Refuse(ParameterRejected, rawName, "a parameter name in the "+place+" has a malformed percent-encoding")
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, Refuse(ParameterRejected, name, "the value of a parameter in the "+place+" has a malformed percent-encoding")
		}
		params = append(params, Param{name, value})
	}
	return params, nil
}

// encodeForm is the inverse of decodeForm.
func encodeForm(params []Param) string {
	var b strings.Builder
	for i, p := range params {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(Escape(p.Name))
		b.WriteByte('=')
		b.WriteString(Escape(p.Value))
	}
	return b.String()
}

// readForm returns the parameters of a form-encoded body and puts the body back.
func readForm(r *http.Request, limit int64) ([]Param, error) {
	if !isForm(r.Header) {
		return nil, nil
	}
	text, err := readBody(r, limit)
	if err != nil {
		return nil, err
	}
	if len(text) == 0 && len(r.PostForm) > 0 {
		return flatten(r.PostForm), nil // someone has called ParseForm, which drains the body
	}
	params, err := decodeForm(string(text), "form body")
	if err != nil {
		return nil, err
	}
	r.PostForm = make(url.Values, len(params))
	for _, p := range params {
		r.PostForm.Add(p.Name, p.Value)
	}
	return params, nil
}

// isForm tells whether the body is form encoded. Malformed media type parameters do not matter, as
// net/http overlooks them too: a body that a handler would read as a form must be covered by the signature.
func isForm(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return media == formType && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter))
}

// readBody reads a body of at most limit bytes and puts back what it has read, also when it fails.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body := r.Body
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	r.Body = replay{io.MultiReader(bytes.NewReader(text), body), body}
	var tooLarge *http.MaxBytesError
	switch {
	case int64(len(text)) > limit, errors.As(err, &tooLarge):
		p := Refuse(ParameterRejected, "", "the form body is larger than this server reads; send less")
		p.Status = http.StatusRequestEntityTooLarge
		return nil, p
	case err != nil:
		return nil, Refuse(ParameterRejected, "", "the form body breaks off: "+err.Error())
	}
	return text, nil
}

type replay struct {
	io.Reader
	io.Closer
}

// flatten lists the values by name, as their order on the wire is lost.
func flatten(values url.Values) []Param {
	var params []Param
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			params = append(params, Param{name, value})
		}
	}
	return params
}
