package bidirectional

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzAuthorization reads Authorization headers of OAuth 1.0 and makes the text that is signed of them: it is the same for every order of the parameters, and in the
// unreserved characters of RFC 3986 alone.
func FuzzAuthorization(f *testing.F) {
	f.Add(`OAuth realm="x", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_signature="%2B%3D", oauth_nonce="a b"`, "a=b&c=d%20e", "http://127.0.0.1:8791/token?x=y&x=%zz")
	f.Add("oauth =,,\"\"=%zz,oauth_token=\xff", ";&%=", "http://[::1]:80/\x00")
	f.Add("OAuth oauth_token=a,oauth_token=a", "oauth_token=a", "https://EXAMPLE.org:443/?")
	f.Fuzz(func(t *testing.T, header, body, address string) {
		params, ours := authorizationParams([]string{header})
		if scheme, _, _ := strings.Cut(header, " "); ours != strings.EqualFold(scheme, "OAuth") {
			t.Fatalf("%q is ours: %v", header, ours)
		}
		u, err := url.Parse(address)
		if err != nil {
			return
		}
		form, _ := url.ParseQuery(body)
		text := baseString(http.MethodPost, u, form, params)
		if strings.Count(text, "&") != 2 {
			t.Errorf("the text that is signed is %q", text)
		}
		reversed := make([]param, 0, len(params))
		for i := range params {
			reversed = append(reversed, params[len(params)-1-i])
		}
		if other := baseString(http.MethodPost, u, form, reversed); other != text {
			t.Errorf("in another order %q is %q", text, other)
		}
	})
}
