package token

import (
	"bytes"
	"slices"
	"testing"
)

// FuzzClaims holds the fast reading of a payload to the library's: what it reads, the library reads as the same members.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : 1 , "b":"x"} `, `{"exp":1300,"iss":"https://a"}`, `{"a":01}`, `{"a":tru}`, `{"a":1,"a":2}`, `{"a":null,"b":true}`, `{"a":-1}`, `{"a":1.5}`,
		`{"a":"\u0061"}`, `{"a":"é"}`, "{\"a\":\"\x80\"}", `{"a":[1,{"b":2,"b":3}]}`, `{"a":{}}`, `{"a":1}x`, `[1]`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `"a"`, ``, `{"":""}`, `{"a":9999999999999999}`,
	} {
		f.Add([]byte(seed), []byte(seed))
		f.Add([]byte(`{"exp":1300,"iss":"https://a"}`), []byte(seed))
		f.Add([]byte(seed), []byte(`{"exp":1400,"iss":"https://b"}`))
	}
	for _, seed := range []string{
		`{"exp":1400,"iss":"https://b"}`, `{"exp":0400,"iss":"https://b"}`, `{"exp":14a0,"iss":"https://b"}`, `{"exp":1400,"iss":"http\://b"}`, `{"exp":1400,"iss":"http\"//b"}`,
		`{"exp":1400,"isx":"https://b"}`, `{"exp":1400,"iss":"https"//b"}`, `{"exp":1400;"iss":"https://b"}`, `{"exp":1400,"iss":"https://b"]`, "{\"exp\":1400,\"iss\":\"https:\x01/b\"}", `{"exp":null,"iss":"https://b"}`,
	} {
		f.Add([]byte(`{"exp":1300,"iss":"https://a"}`), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, before, text []byte) {
		fast, slow := Claims{text: before}, Claims{text: text}
		if fast.scan() {
			fast.follow()
			fast.follow() // now it knows the form
		}
		fast.text = text
		if !fast.follow() && !fast.scan() {
			return
		}
		if !slow.parse() {
			t.Fatalf("%q is read fast, and not by the library", text)
		}
		if !slices.EqualFunc(fast.members, slow.members, func(a, b member) bool {
			return bytes.Equal(a.name, b.name) && bytes.Equal(a.value, b.value) && a.isText == b.isText
		}) {
			t.Fatalf("%q: fast %v, by the library %v", text, fast.members, slow.members)
		}
	})
}
