package adversary

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"countersign/sim"
)

// Field is a named value in a message.
type Field struct {
	// In says where it stands: query, header, form, json, location, or body for a sealed message as a whole.
	In          string
	Name, Value string
}

// sealedMessage is the name of the field that is a whole body.
const sealedMessage = "sealed message"

// fieldsOf reads the fields of a message: parameters of URL, Authorization header and form, members of a JSON object, and those of the URL that an answer sends on to.
func fieldsOf(m *sim.Message) (fields []Field) {
	if m.Kind == sim.Request {
		fields = append(fields, queryFields("query", m.URL)...)
	}
	for _, v := range m.Header["Authorization"] {
		fields = append(fields, headerFields(v)...)
	}
	if to := m.Header.Get("Location"); to != "" {
		fields = append(fields, queryFields("location", to)...)
	}
	if len(m.Body) == 0 {
		return fields
	}
	switch kind, _, _ := strings.Cut(m.Header.Get("Content-Type"), ";"); kind {
	case "application/x-www-form-urlencoded":
		return append(fields, formFields("form", string(m.Body))...)
	case "application/jose":
		return append(fields, Field{"body", sealedMessage, string(m.Body)})
	case "application/json":
		var members map[string]any
		if json.Unmarshal(m.Body, &members) != nil {
			return fields
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			switch v := members[name].(type) {
			case string:
				fields = append(fields, Field{"json", name, v})
			case []any:
				if len(v) > 0 {
					if text, ok := v[0].(string); ok {
						fields = append(fields, Field{"json", name, text})
					}
				}
			}
		}
	}
	return fields
}

func queryFields(in, target string) []Field {
	_, query, _ := strings.Cut(target, "?")
	return formFields(in, query)
}

func formFields(in, text string) (fields []Field) {
	for pair := range strings.SplitSeq(text, "&") {
		name, value, found := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(value); found && err == nil {
			fields = append(fields, Field{in, name, plain})
		}
	}
	return fields
}

// headerFields reads the parameters of an Authorization header, name="value", or what stands there alone, as in "DPoP TOKEN", under the name of the scheme.
func headerFields(text string) (fields []Field) {
	if scheme, value, found := strings.Cut(text, " "); found && alone(value) {
		return []Field{{"header", scheme, value}}
	}
	for {
		before, rest, found := strings.Cut(text, `="`)
		value, after, closed := strings.Cut(rest, `"`)
		if !found || !closed {
			return fields
		}
		name := before[strings.LastIndexAny(before, ", ")+1:]
		if plain, err := url.PathUnescape(value); err == nil {
			fields = append(fields, Field{"header", name, plain})
		}
		text = after
	}
}

// alone reports whether credentials are one value, a token68 of RFC 9110 section 11.2, and no parameters.
func alone(value string) bool {
	bare := strings.TrimRight(value, "=")
	return bare != "" && !strings.ContainsAny(bare, "=, \"")
}

// with returns the message with another value in a field.
func with(m sim.Message, f Field, value string) sim.Message {
	m = m.Clone()
	switch f.In {
	case "query":
		m.URL = changed(m.URL, f, value)
	case "location":
		m.Header.Set("Location", changed(m.Header.Get("Location"), f, value))
	case "form":
		_, body, _ := strings.Cut(changed("?"+string(m.Body), f, value), "?")
		m.Body = []byte(body)
	case "body":
		m.Body = []byte(value)
	case "header":
		if scheme, old, found := strings.Cut(m.Header.Get("Authorization"), " "); found && scheme == f.Name && alone(old) {
			m.Header.Set("Authorization", scheme+" "+value)
			return m
		}
		was := f.Name + `="`
		before, rest, _ := strings.Cut(m.Header.Get("Authorization"), was)
		_, after, _ := strings.Cut(rest, `"`)
		m.Header.Set("Authorization", before+was+escape(value)+`"`+after)
	case "json":
		var members map[string]any
		if json.Unmarshal(m.Body, &members) != nil {
			return m
		}
		if _, list := members[f.Name].([]any); list {
			members[f.Name] = []string{value}
		} else {
			members[f.Name] = value
		}
		if body, err := json.Marshal(members); err == nil {
			m.Body = body
		}
	}
	return m
}

// changed changes one parameter of a URL's query and leaves the others as they are written.
func changed(target string, f Field, value string) string {
	base, query, _ := strings.Cut(target, "?")
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if name, _, _ := strings.Cut(pair, "="); name == f.Name {
			pairs[i] = name + "=" + url.QueryEscape(value)
		}
	}
	return base + "?" + strings.Join(pairs, "&")
}

// escape writes a value as RFC 3986 section 2.1 does.
func escape(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }
