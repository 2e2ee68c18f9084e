package oauth1_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"countersign/actors/oauth1"
)

// FuzzParse feeds arbitrary headers, targets and bodies to Parse: it must answer with a message,
// the same one when asked again, or with a *Problem that has a status, and hand the body on as it came.
func FuzzParse(f *testing.F) {
	f.Add("/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", "example.com", `OAuth realm="Example", oauth_token="kkk9d7dh3k39sjv7"`, "c2&a3=2+q")
	f.Add("http://Example.com:80?x", "other", `oauth oauth_token="a\"`, "%")
	f.Add("*", "", `OAuth ,,="`, "&=&")
	f.Add("/", "[::1]:", `OAuth realm="\\\"", realm=""`, "oauth_token=1&oauth_token=2")
	f.Fuzz(func(t *testing.T, target, host, authorization, form string) {
		head := "POST " + target + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		if err != nil {
			t.Skip("no HTTP request")
		}
		r.Body = io.NopCloser(strings.NewReader(form))
		r.Header.Set("Authorization", authorization)
		m, err := oauth1.Parse(r, 1<<10)
		if err != nil {
			if p, ok := err.(*oauth1.Problem); !ok || p.Status < 400 || p.Code == "" {
				t.Fatalf("not a problem with status and code: %#v", err)
			}
			return
		}
		if again, err := oauth1.Parse(r, 1<<10); err != nil || again.BaseString() != m.BaseString() {
			t.Fatalf("the second reading differs: %v", err)
		}
		if handed, err := io.ReadAll(r.Body); err != nil || string(handed) != form {
			t.Fatalf("the body was not put back: %q, %v", handed, err)
		}
		for _, name := range m.Duplicated {
			if !m.Has(name) || !strings.HasPrefix(name, "oauth_") {
				t.Fatalf("%q is no duplicated protocol parameter", name)
			}
		}
		if err := m.Verify(oauth1.Keys{ClientSecret: "c"}); err == nil && m.SignatureMethod != "PLAINTEXT" {
			t.Fatal("a signature verified that nobody made")
		}
	})
}
