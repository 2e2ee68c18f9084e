// Package redact takes secrets, and whatever changes from run to run, out of texts that people will read.
// The same value gets the same name wherever it stands, so that a reader can still follow a credential through an exchange.
package redact

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Name replaces an origin by a name.
type Name struct{ Origin, As string }

// Text redacts the texts of one exchange or run. First Learn every text, then Redact each.
type Text struct {
	names  []Name
	labels map[string]string // value -> label
	counts map[string]int
	// replacer is made at the first Redact.
	replacer *strings.Replacer
}

// New returns a redactor that also replaces the origins.
func New(names []Name) *Text {
	return &Text{names: names, labels: map[string]string{}, counts: map[string]int{}}
}

// secret parameters and the word that stands for them; moments and nonces are no secrets but differ from run to run.
var parameter = regexp.MustCompile(`\b(oauth_token_secret|oauth_token|oauth_verifier|oauth_signature|oauth_nonce|oauth_timestamp|token_secret|temporary_credential_secret|temporary_credential|password|expires_at|token)(="?|"\s*:\s*"?)([^"&,;\s<>]+)`)

var (
	hidden      = regexp.MustCompile(`(?i)<input\b[^>]*\btype="?hidden"?[^>]*>`)
	hiddenValue = regexp.MustCompile(`(?i)\bvalue="([^"]+)"`)
	continueURI = regexp.MustCompile(`"continue_uri"\s*:\s*"[^"?]*(?:\?[^"=]*=|/)([^"/?&=]+)"`)
)

// shortest is the length from which a value is replaced wherever it stands, and not only behind its name.
const shortest = 8

// Learn finds the secrets in texts.
func (t *Text) Learn(texts ...string) {
	for _, text := range texts {
		for _, m := range parameter.FindAllStringSubmatch(text, -1) {
			t.learn(m[1], m[3])
		}
		for _, input := range hidden.FindAllString(text, -1) {
			if m := hiddenValue.FindStringSubmatch(input); m != nil {
				t.learn("hidden", m[1])
			}
		}
		for _, m := range continueURI.FindAllStringSubmatch(text, -1) {
			t.learn("continue", m[1])
		}
	}
	t.replacer = nil
}

// LearnHeader finds the secrets in a header line.
func (t *Text) LearnHeader(name, value string) {
	switch name {
	case "Cookie":
		for pair := range strings.SplitSeq(value, ";") {
			t.learnCookie(strings.TrimSpace(pair))
		}
	case "Set-Cookie":
		pair, _, _ := strings.Cut(value, ";")
		t.learnCookie(pair)
	default:
		t.Learn(value)
	}
}

// learnCookie takes the name into the label too: a server may make it of its own address, so that it differs from run to run.
func (t *Text) learnCookie(pair string) {
	_, value, ok := strings.Cut(pair, "=")
	if !ok || len(value) < shortest {
		return
	}
	t.learn("cookie", value)
	t.labels[pair] = t.labels[value]
}

func (t *Text) learn(name, value string) {
	value = strings.Trim(value, `"`)
	if len(value) < shortest {
		return
	}
	if plain, err := url.QueryUnescape(value); err == nil && plain != value && len(plain) >= shortest {
		if _, known := t.labels[plain]; known {
			t.labels[value] = t.labels[plain]
			return
		}
	}
	if _, known := t.labels[value]; known {
		return
	}
	var label string
	switch name {
	case "oauth_nonce", "oauth_timestamp", "oauth_signature", "expires_at":
		label = fmt.Sprintf("‹%s›", name) // no two are alike, so that a number would tell nothing
	default:
		t.counts[name]++
		label = fmt.Sprintf("‹%s %d›", name, t.counts[name])
	}
	t.labels[value] = label
	if escaped := url.QueryEscape(value); escaped != value {
		t.labels[escaped] = label
	}
}

// Redact returns the text with every learned value replaced by its name.
func (t *Text) Redact(text string) string {
	if t.replacer == nil {
		t.replacer = t.compile()
	}
	text = t.replacer.Replace(text)
	return parameter.ReplaceAllStringFunc(text, func(s string) string {
		m := parameter.FindStringSubmatch(s)
		if strings.HasPrefix(m[3], "‹") || strings.HasPrefix(m[3], "%E2%80%B9") {
			return s
		}
		return m[1] + m[2] + "‹" + m[1] + "›"
	})
}

func (t *Text) compile() *strings.Replacer {
	var values []string
	for v := range t.labels {
		values = append(values, v)
	}
	// Longest first: a value may begin with another.
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	var pairs []string
	for _, v := range values {
		pairs = append(pairs, v, t.labels[v])
	}
	for _, n := range t.names {
		host := strings.TrimPrefix(strings.TrimPrefix(n.Origin, "http://"), "https://")
		as := strings.TrimPrefix(strings.TrimPrefix(n.As, "http://"), "https://")
		pairs = append(pairs, n.Origin, n.As, url.QueryEscape(n.Origin), url.QueryEscape(n.As), host, as)
	}
	return strings.NewReplacer(pairs...)
}

// RedactHeader is Redact for a header line. It reports false for a header that tells nothing and differs from run to run.
func (t *Text) RedactHeader(name, value string) (string, bool) {
	switch name {
	case "Date", "User-Agent", "Accept-Encoding":
		return "", false
	}
	return t.Redact(value), true
}
