package bidirectional

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// authorization is a request's Authorization header of scheme OAuth, its parameters decoded, in their order and without realm.
type authorization []param

var errUnsigned = errors.New("no Authorization header of scheme OAuth")

// parseAuthorization is RFC 5849 section 3.5.1.
func parseAuthorization(header string) (authorization, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "OAuth") {
		return nil, errUnsigned
	}
	var a authorization
	for field := range strings.SplitSeq(rest, ",") {
		name, quoted, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok || len(quoted) < 2 || !strings.HasPrefix(quoted, `"`) || !strings.HasSuffix(quoted, `"`) {
			return nil, fmt.Errorf("an Authorization header with the malformed field %q", field)
		}
		if strings.EqualFold(name, "realm") {
			continue
		}
		name, errName := url.PathUnescape(name)
		value, errValue := url.PathUnescape(quoted[1 : len(quoted)-1])
		if err := errors.Join(errName, errValue); err != nil {
			return nil, fmt.Errorf("an Authorization header that is not percent-encoded: %w", err)
		}
		a = append(a, param{name, value})
	}
	return a, nil
}

// get is the first value of a parameter; empty when it is absent.
func (a authorization) get(name string) string {
	if i := slices.IndexFunc(a, func(p param) bool { return p.name == name }); i >= 0 {
		return a[i].value
	}
	return ""
}

// verify compares the signature with one made of the two secrets, RFC 5849 section 3.2. A parameter sent twice is an error, too.
func (a authorization) verify(method, rawURL string, form url.Values, clientSecret, tokenSecret string) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return fmt.Errorf("a request for %q, which is no URL: %w", rawURL, err)
	}
	seen := map[string]bool{}
	for _, p := range a {
		if seen[p.name] {
			return fmt.Errorf("%s sent twice", p.name)
		}
		seen[p.name] = true
	}
	for _, name := range []string{"oauth_consumer_key", "oauth_signature_method", "oauth_signature", "oauth_timestamp", "oauth_nonce"} {
		if a.get(name) == "" {
			return fmt.Errorf("no %s", name)
		}
	}
	switch a.get("oauth_signature_method") {
	case "HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT":
	default:
		return fmt.Errorf("the signature method %s, which the harness does not know", a.get("oauth_signature_method"))
	}
	signed := slices.DeleteFunc(slices.Clone(a), func(p param) bool { return p.name == "oauth_signature" })
	want := sign(a.get("oauth_signature_method"), baseString(method, u, form, signed), credentials{clientSecret: clientSecret, tokenSecret: tokenSecret})
	if !hmac.Equal([]byte(want), []byte(a.get("oauth_signature"))) {
		return errors.New("a signature that does not match")
	}
	return nil
}
