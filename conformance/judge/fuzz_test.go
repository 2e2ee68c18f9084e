package judge_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// FuzzReadMembers reads objects: nothing is one that encoding/json does not take for one value, and what is read can be written and read again.
func FuzzReadMembers(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":1,"a":2}`, `{} }`, `{}]`, `{"a":1e999}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `null`, `[]`, `{"a":{"b":[{}]}}`, `{"n":-9223372036854775809}`, "\ufeff{}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := judge.ReadMembers(text)
		if (err == nil) != (json.Valid(text) && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))) {
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil {
			return
		}
		written, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := judge.ReadMembers(written)
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%q became %q: %v", text, written, err)
		}
		for name := range m {
			_ = judge.Shown(m[name])
			if n, whole := m.Whole(name); whole {
				if same, ok := (judge.Members{name: n}).Whole(name); !ok || same != n {
					t.Errorf("%q is %d and %d", name, n, same)
				}
			}
			twice, err := judge.Repeated(m, name)
			if err != nil || !json.Valid(twice) {
				t.Errorf("%q twice is %q: %v", name, twice, err)
			}
		}
	})
}

// FuzzDescribe says in a few words what an answer was: without breaking, and in no more words than a line takes.
func FuzzDescribe(f *testing.F) {
	f.Add(200, "application/json", "", `{"error":"invalid_request"}`)
	f.Add(302, "text/html", "http://[::1%zz]/", "<form method=post><input type=password>")
	f.Add(400, "application/x-www-form-urlencoded; charset=\"", "", "a=%zz&b=c&;=")
	f.Add(-1, ";;=", "\x00", "\xff")
	f.Fuzz(func(t *testing.T, status int, mediaType, location, body string) {
		resp := &conformance.Response{Status: status, Header: http.Header{"Content-Type": {mediaType}, "Location": {location}}, Body: []byte(body), URL: "http://127.0.0.1/"}
		said := judge.Describe(resp)
		if most := 100 + 4*len(location) + 2*len(body); len(said) > most {
			t.Errorf("%d bytes in words are %d", len(body), len(said))
		}
		_ = judge.MediaType(resp)
	})
}
