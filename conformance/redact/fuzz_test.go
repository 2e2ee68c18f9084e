package redact_test

import (
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"countersign/conformance/redact"
)

// FuzzRedact looks for a secret of eight characters or more that survives, in whatever text it was learned from and in whatever spelling it comes back.
func FuzzRedact(f *testing.F) {
	f.Add("hdhd0244k9j7ao03", "before ", " after")
	f.Add("a b+c/d=e&f\"g", "token=", "&x=y")
	f.Add("aaaaaaaaab", "a", "ab")
	f.Add("<é'\\\"&#43;>", `{"token":"`, `"}`)
	f.Add("password", "password", "password")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		// Labels and the names of parameters are vocabulary, not secrets.
		if len(secret) < 8 || !utf8.ValidString(secret) || !utf8.ValidString(before) || !utf8.ValidString(after) || strings.ContainsAny(secret, "‹›") || vocabulary(secret) {
			t.Skip()
		}
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		form, page := url.QueryEscape(secret), html.EscapeString(secret)
		for name, text := range map[string]string{
			"form": "oauth_token=" + form, "JSON": `{"token": ` + string(quoted) + `}`, "page": `<input type="hidden" name="x" value="` + page + `">`,
		} {
			r := redact.New(nil)
			r.Learn(text)
			for _, spelling := range []string{secret, form, string(quoted), page, text} {
				once := r.Redact(before + spelling + after)
				if strings.Contains(once, secret) || strings.Contains(once, form) {
					t.Errorf("learned from the %s, %q survives in %q", name, secret, once)
				}
				if again := r.Redact(once); again != once {
					t.Errorf("learned from the %s, %q becomes %q when it is redacted again", name, once, again)
				}
			}
		}
	})
}

// vocabulary reports whether a text is part of what the redactor itself writes.
func vocabulary(s string) bool {
	for _, word := range []string{"oauth_token_secret", "oauth_verifier", "oauth_signature", "oauth_nonce", "oauth_timestamp", "temporary_credential_secret", "password", "expires_at", "hidden 1", "continue 1", "oauth_token 1", "token 1"} {
		if strings.Contains(word, s) {
			return true
		}
	}
	return false
}
