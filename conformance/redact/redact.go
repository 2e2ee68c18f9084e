// Package redact takes secrets, and whatever changes from run to run, out of texts that people will read.
// The same value gets the same name wherever it stands, so that a reader can still follow a credential through an exchange.
package redact

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
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
	// Both are made at the first Redact: replacer replaces values as they were learned, and speller in other spellings.
	replacer *strings.Replacer
	speller  *speller
}

// New returns a redactor that also replaces the origins.
func New(names []Name) *Text {
	return &Text{names: names, labels: map[string]string{}, counts: map[string]int{}}
}

// secrets are the names whose values nobody else should learn; moments are those of times and nonces, which are no secrets but differ
// from run to run, and are not told apart.
const (
	secrets = `oauth_token_secret|oauth_token|oauth_verifier|token_secret|temporary_credential_secret|temporary_credential|` +
		`client_secret|secret|account_password|password_key|password|authorization_key|refresh_key|request_id|user_id|access_token|pass_token|logout_token|` +
		`code_verifier|code_challenge|code|state|page_key|k|token_id|task_id|token`
	moments    = `oauth_signature|oauth_nonce|oauth_timestamp|expires_at|issued_at|activated_at|exp|iat|now|jti|in_reply_to`
	parameters = secrets + `|` + moments
	// receipt is what a header line has that is made of an oauth_signature, and a moment too.
	receipt = `receipt`
)

var (
	input      = regexp.MustCompile(`(?i)<input\s[^>]*>`)
	hiddenType = regexp.MustCompile(`(?i)\stype\s*=\s*["']?hidden\b`)
	inputValue = regexp.MustCompile(`(?i)\svalue\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)
	// compact is a token in compact serialization (RFC 7515 section 3.1, RFC 7516 section 3.1): signed in three parts, sealed in five.
	// One that lost its signature has two.
	compact     = regexp.MustCompile(`\beyJ[\w-]{4,}(?:\.[\w-]*){1,4}`)
	continueURI = regexp.MustCompile(`"(?:continue_uri|confirmation_uri)"\s*:\s*"[^"?]*(?:\?[^"=]*=|/)([^"/?&=]+)"`)
)

// shortest is the length from which a value is replaced wherever it stands, and not only behind its name.
const shortest = 8

// shortestEncoded is the length from which base64 is looked for: less could be part of any text.
const shortestEncoded = 12

// open begins every label.
const open = "‹"

// Learn finds the secrets in texts.
func (t *Text) Learn(texts ...string) {
	for _, text := range texts {
		for _, p := range parametersIn(text) {
			t.learn(p.name, text[p.begin:p.end], p.value)
		}
		for _, tag := range input.FindAllString(text, -1) {
			if m := inputValue.FindStringSubmatch(tag); m != nil && hiddenType.MatchString(tag) {
				seen := m[1] + m[2] + m[3]
				t.learn("hidden", seen, html.UnescapeString(seen))
			}
		}
		for _, c := range compact.FindAllString(text, -1) {
			t.learn("token", c, c)
		}
		for _, m := range continueURI.FindAllStringSubmatch(string(backslashes.undo(text).text), -1) {
			t.learn("continue", m[1], unescape(m[1]))
		}
	}
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
		t.learnCookie(strings.TrimSpace(pair))
	case "Authorization":
		if scheme, credential, ok := strings.Cut(value, " "); ok && !strings.EqualFold(scheme, "OAuth") {
			t.learn("credential", credential, credential)
		}
		t.Learn(value)
	case "Handover-Receipt":
		t.learn(receipt, value, value)
	default:
		t.Learn(value)
	}
}

// learnCookie takes the name into the label too: a server may make it of its own address, so that it differs from run to run.
func (t *Text) learnCookie(pair string) {
	_, seen, _ := strings.Cut(pair, "=")
	if label := t.learn("cookie", seen, strings.Trim(seen, `"`)); label != "" {
		t.labels[pair] = label
	}
}

// LearnSecret makes Redact replace a value wherever it stands, however short and in whatever encoding, by a name in the marks of a label.
func (t *Text) LearnSecret(name, value string) {
	if value == "" {
		return
	}
	for _, spelling := range append(spellings(value), encodings(value)...) {
		t.labels[spelling] = open + name + "›"
	}
	t.replacer = nil
}

// learn gives a value a label, the one that it has already if it is known, and gives the label to each of its spellings. seen is the one that was met.
// A value that is too short, or no more than the name of a parameter, gets none.
func (t *Text) learn(name, seen, value string) string {
	if len(value) < shortest || strings.HasPrefix(value, open) || strings.Contains(parameters, value) {
		return ""
	}
	label, known := t.labels[value]
	if compact.FindString(value) == value {
		name = "signed"
		if strings.Count(value, ".") == 4 {
			name = "sealed"
		}
	}
	if !known {
		if name == receipt || slices.Contains(strings.Split(moments, "|"), name) {
			label = fmt.Sprintf("‹%s›", name) // no two are alike, so that a number would tell nothing
		} else {
			t.counts[name]++
			label = fmt.Sprintf("‹%s %d›", name, t.counts[name])
		}
	}
	for _, spelling := range append(spellings(value), seen) {
		if _, taken := t.labels[spelling]; !taken {
			t.labels[spelling] = label
		}
	}
	t.replacer = nil
	return label
}

// spellings are the ways in which this program writes a value in queries and forms, OAuth headers and signature base strings, JSON and HTML. They are found
// wherever they stand; the speller finds all others, unless what stands before or behind makes another escape of their ends.
func spellings(value string) []string {
	form := url.QueryEscape(value)
	percent := strings.ReplaceAll(form, "+", "%20")
	quoted, _ := json.Marshal(value) // a string can always be written
	inHTML := html.EscapeString(value)
	return []string{value, form, percent, url.QueryEscape(percent), string(quoted[1 : len(quoted)-1]), inHTML, strings.ReplaceAll(inHTML, "+", "&#43;")}
}

// encodings are further ways in which a value is written: in hexadecimal digits, and inside of a text in base64, where the three bytes that make four letters
// may begin before the value.
func encodings(value string) []string {
	digits := hex.EncodeToString([]byte(value))
	all := []string{strings.ToValidUTF8(value, "\uFFFD"), digits, strings.ToUpper(digits)}
	for before := range 3 {
		inner := []byte(strings.Repeat("\x00", before) + value)
		inner = inner[:len(inner)/3*3]
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			if text := encoding.EncodeToString(inner); len(text) >= shortestEncoded {
				all = append(all, text[(before*4+2)/3:]) // but for the letters that also hold what stands before
			}
		}
	}
	return all
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func unquote(s string) string {
	var plain string
	if json.Unmarshal([]byte(`"`+s+`"`), &plain) == nil {
		return plain
	}
	return s
}

// Redact returns the text with every learned value replaced by its name. To redact a text again changes nothing.
func (t *Text) Redact(text string) string {
	if t.replacer == nil {
		t.replacer, t.speller = t.compile(), newSpeller(t.labels)
	}
	text = t.speller.replace(t.replacer.Replace(text))
	var b strings.Builder
	done := 0
	for _, p := range parametersIn(text) {
		if !p.labelled() {
			b.WriteString(text[done:p.begin])
			b.WriteString(p.label())
			done = p.end
		}
	}
	b.WriteString(text[done:])
	return b.String()
}

// longestFirst is an order in which no text stands behind one that it begins with.
func longestFirst(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) }

// inOrder are the values that have labels.
func inOrder(labels map[string]string) []string {
	return slices.SortedFunc(maps.Keys(labels), longestFirst)
}

func (t *Text) compile() *strings.Replacer {
	values := inOrder(t.labels)
	var pairs []string
	for _, v := range values { // labels stand for themselves, so that nothing is found inside them
		pairs = append(pairs, t.labels[v], t.labels[v])
	}
	for _, v := range values {
		if len(v) <= longest { // the speller finds the others
			pairs = append(pairs, v, t.labels[v])
		}
	}
	names := slices.SortedFunc(slices.Values(t.names), func(a, b Name) int { return longestFirst(a.Origin, b.Origin) })
	for _, n := range names {
		if n.Origin == "" {
			continue
		}
		host, as := withoutScheme(n.Origin), withoutScheme(n.As)
		for _, s := range [][2]string{{n.Origin, n.As}, {host, as}} {
			escaped, asEscaped := url.QueryEscape(s[0]), url.QueryEscape(s[1])
			pairs = append(pairs, s[0], s[1], escaped, asEscaped, strings.ToLower(escaped), asEscaped, url.QueryEscape(escaped), url.QueryEscape(asEscaped))
		}
	}
	return strings.NewReplacer(pairs...)
}

func withoutScheme(origin string) string {
	return strings.TrimPrefix(strings.TrimPrefix(origin, "http://"), "https://")
}

// Uncut is the beginning of a redacted text whose end was cut off before: without as much of what is left as half of a secret may be, which Redact does not find.
func Uncut(redacted string) string {
	u := undo(redacted)
	return redacted[:u.from[max(0, len(u.text)-2*longest)]]
}

// RedactHeader is Redact for a header line. It reports false for a header that tells nothing and differs from run to run.
func (t *Text) RedactHeader(name, value string) (string, bool) {
	switch name {
	case "Date", "User-Agent", "Accept-Encoding":
		return "", false
	}
	return t.Redact(value), true
}
