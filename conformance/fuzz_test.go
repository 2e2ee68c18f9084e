package conformance_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// respond plays a check against a target that answers everything alike.
func respond(header http.Header, body string, run func(*conformance.Session)) conformance.Result {
	target := &fake{answer: func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
	}}
	s := conformance.Session{Check: conformance.Check{ID: must(), Role: catalog.OAuthServer, Run: run}, Env: target}
	return s.Run()
}

// FuzzPage reads pages in all the ways in which checks do: whatever the page, the harness does not break, and a form comes with a method and a type for each of its values.
func FuzzPage(f *testing.F) {
	f.Add(`<form method=post action="/x"><input name=a value=1><input type=password name=password><button name=b value=c>`, "http://127.0.0.1/login")
	f.Add(`<form><input type=checkbox name=a checked><input type=hidden name=b value="&amp;">`, "https://example.org/a/b?c#d")
	f.Add(`<table><form action=javascript:x><tr><input name="`, "::")
	f.Add("\xff<svg><math><form method=\x00POST><input name=\xfe>", "")
	f.Add(strings.Repeat("<div>", 600), "http://a")
	f.Fuzz(func(t *testing.T, page, base string) {
		resp := &conformance.Response{Body: []byte(page), Header: http.Header{}, URL: base}
		form := resp.Form(base)
		if words := resp.Text(); words != strings.Join(strings.Fields(words), " ") {
			t.Errorf("the text %q has more white space than it needs", words)
		}
		if form == nil {
			return
		}
		if form.Method == "" || form.Method != strings.ToLower(form.Method) {
			t.Errorf("the method %q", form.Method)
		}
		for name := range form.Values {
			if _, typed := form.Types[name]; !typed || name == "" {
				t.Errorf("the value of %q has no type", name)
			}
		}
	})
}

// FuzzLocation resolves redirects: one that is absolute stays as it came, and one that is not becomes so where the URL that was asked is.
func FuzzLocation(f *testing.F) {
	for _, location := range []string{"/next", "http://127.0.0.1:1/x?y#z", "//evil.example/", "javascript:alert(1)", "http://[::1%zz]", "\x00", "?a=b", "../..", "file:///etc/passwd", "http://user:pw@host/"} {
		f.Add("http://127.0.0.1:8790/a/b?c=d", location)
	}
	f.Fuzz(func(t *testing.T, asked, location string) {
		got := (&conformance.Response{URL: asked, Header: http.Header{"Location": {location}}}).Location()
		u, err := url.Parse(location)
		if location == "" || err != nil || u.IsAbs() {
			if got != location {
				t.Fatalf("%q became %q", location, got)
			}
			return
		}
		if base, err := url.Parse(asked); err == nil && base.IsAbs() && base.Opaque == "" {
			if u, err := url.Parse(got); err == nil && !u.IsAbs() {
				t.Errorf("from %q, %q leads to %q, which is not absolute", asked, location, got)
			}
		}
	})
}

// FuzzCookies has a browser meet Set-Cookie lines: what it sends back is what a server can read, no more than it has to keep, and none that is for another domain.
func FuzzCookies(f *testing.F) {
	f.Add("sid=1; HttpOnly; Path=/", "a=\"b c\"; Max-Age=0")
	f.Add("x=y; Domain=example.com", "=; Expires=Fri, 31 Dec 99999 23:59:59 GMT")
	f.Add("a=b; Domain=.127.0.0.1; SameSite=None", "c=\xff\x00; Max-Age=-99999999999999999999")
	f.Add("__Host-a=b", strings.Repeat("c", 5000)+"=d")
	f.Fuzz(func(t *testing.T, one, two string) {
		var sent []string
		target := &fake{answer: func(r *http.Request) (*http.Response, error) {
			sent = nil
			for _, c := range r.Cookies() {
				sent = append(sent, c.Name)
			}
			header := http.Header{"Set-Cookie": {one, two, "foreign-to-this-host=1; Domain=example.com"}}
			return &http.Response{StatusCode: http.StatusOK, Header: header, Body: http.NoBody}, nil
		}}
		s := conformance.Session{Check: conformance.Check{ID: must(), Role: catalog.OAuthServer, Run: func(s *conformance.Session) {
			browser := &conformance.Browser{Session: s}
			for range 3 {
				browser.Open("http://127.0.0.1:8790/")
			}
		}}, Env: target}
		if r := s.Run(); r.Verdict != conformance.Pass {
			t.Fatalf("%s %s", r.Verdict, r.Reason)
		}
		seen := map[string]bool{}
		for _, name := range sent {
			if seen[name] || name == "foreign-to-this-host" {
				t.Errorf("sent back: %q", sent)
			}
			seen[name] = true
		}
		if len(sent) > 2 {
			t.Errorf("two cookies were set, and %d sent back", len(sent))
		}
	})
}

// FuzzExcerpt shows bodies in a report: in UTF-8, and never much longer than what is shown of them.
func FuzzExcerpt(f *testing.F) {
	f.Add("application/json", []byte(`{"a":"\ud800"}`))
	f.Add("application/cbor", []byte("\xa2\x01\x02\x03\x43\x81\x81\x80"))
	f.Add("application/cose", []byte("\xd2\x84\x43\xa1\x01\x27\xa0\x41\x00\x40"))
	f.Add("application/cbor", []byte("\x9f\xbf\x5f\x41\x00\xff\x01\xff\xff"))
	f.Add("image/png", []byte("\x89PNG\x00\xff"))
	f.Add("text/html; charset=\"", []byte("\xff\xfe<\x1b]0;x\x07"))
	f.Fuzz(func(t *testing.T, mediaType string, body []byte) {
		shown := conformance.Excerpt(http.Header{"Content-Type": {mediaType}}, body)
		if !utf8.ValidString(shown) {
			t.Errorf("%q is no UTF-8", shown)
		}
		if most := 12*min(len(body), 20<<10) + 100; len(shown) > most {
			t.Errorf("%d bytes are shown in %d", len(body), len(shown))
		}
	})
}

// FuzzAnswer has a session take an answer into its report: whatever the answer, the result can be drawn up, and twice alike.
func FuzzAnswer(f *testing.F) {
	f.Add("Set-Cookie", "sid=0123456789; Path=/", `{"token":"0123456789abcdef"}`)
	f.Add("Www-Authenticate", `OAuth realm="x", oauth_problem="\"`, "oauth_token=%zz&oauth_token_secret=a+b%20c")
	f.Add("Location", "http://a/?code=\xff\xfe0123456789", "<input type=hidden name=x value='\"&#43;'>")
	f.Add("Authorization", "Basic ====", "eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, name, value, body string) {
		result := func() conformance.Result {
			return respond(http.Header{http.CanonicalHeaderKey(name): {value}}, body, func(s *conformance.Session) { s.Do("harness", request("http://127.0.0.1/")) })
		}
		one, two := result(), result()
		if one.Verdict != conformance.Pass || len(one.Exchanges) != 1 {
			t.Fatalf("%s %s", one.Verdict, one.Reason)
		}
		if one.Exchanges[0].ResponseBody != two.Exchanges[0].ResponseBody {
			t.Errorf("%q and %q", one.Exchanges[0].ResponseBody, two.Exchanges[0].ResponseBody)
		}
	})
}

// request is a GET.
func request(address string) *http.Request {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		panic(err) // the addresses of these targets are constant
	}
	return req
}
