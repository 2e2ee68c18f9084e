package oauth1

import (
	"net/url"
	"strings"
)

// parseAuthorization reads the value of an Authorization header field (RFC 5849 section 3.5.1). Another
// scheme than OAuth, whose name is case insensitive, gives nothing.
func parseAuthorization(credentials string) (params []Param, realm string, err error) {
	scheme, rest, _ := strings.Cut(strings.TrimLeft(credentials, " \t"), " ")
	if !strings.EqualFold(strings.TrimRight(scheme, "\t"), "OAuth") {
		return nil, "", nil
	}
	for {
		// Empty list elements are legal to receive, hence the commas (RFC 9110 section 5.6.1.2).
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			return params, realm, nil
		}
		rawName, after, found := strings.Cut(rest, `="`)
		name, bad := url.PathUnescape(rawName)
		if !found || bad != nil || rawName == "" || strings.ContainsAny(rawName, " \t,\"=") {
			return nil, "", malformed(`an element does not have the form name="value"`)
		}
		value, after, found := cutQuoted(after)
		if !found {
			return nil, "", malformed("a quoted value does not end")
		}
		rest = strings.TrimLeft(after, " \t")
		if rest != "" && rest[0] != ',' {
			return nil, "", malformed("a comma is missing between two parameters")
		}
		if strings.EqualFold(rawName, "realm") {
			realm = unquote(value)
			continue
		}
		// Values are percent-encoded, so that "+" is a plus and a backslash is no escape.
		decoded, bad := url.PathUnescape(value)
		if bad != nil {
			return nil, "", Refuse(ParameterRejected, name, "a value in the Authorization header has a malformed percent-encoding")
		}
		params = append(params, Param{name, decoded})
	}
}

// cutQuoted splits what follows an opening quote at the closing one, passing over escaped characters.
func cutQuoted(s string) (value, after string, found bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

// unquote undoes the backslash escapes of a quoted-string (RFC 9110 section 5.6.4).
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func malformed(what string) *Problem {
	return Refuse(ParameterRejected, "", "the Authorization header is malformed: "+what)
}

// formatAuthorization writes the header field that parseAuthorization reads.
func formatAuthorization(realm string, params []Param) string {
	var b strings.Builder
	b.WriteString("OAuth ")
	if realm != "" {
		b.WriteString(`realm="` + quote(realm) + `", `)
	}
	for i, p := range params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Escape(p.Name) + `="` + Escape(p.Value) + `"`)
	}
	return b.String()
}

func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}
