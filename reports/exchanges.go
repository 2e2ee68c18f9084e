package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/reports/internal/plain"
	"countersign/reports/sequence"
)

// FromExchanges draws the exchanges of a check: a request and an answer each, numbered as in the check, both highlighted in the exchange of number failing
// (0: in none). An answer is drawn right behind its request, although other exchanges may have taken place between the two.
func FromExchanges(title string, exchanges []conformance.Exchange, failing int) sequence.Diagram {
	d := sequence.Diagram{Title: title}
	seen := map[string]bool{}
	for _, e := range exchanges {
		for _, name := range []string{e.From, e.To} {
			if !seen[name] {
				seen[name] = true
				d.Lanes = append(d.Lanes, sequence.Lane{Name: name})
			}
		}
		fails := failing > 0 && e.Number == failing
		answer := sequence.Step{From: e.To, To: e.From, Label: status(e.Status), Detail: answerDetail(e), Kind: sequence.Response, Failing: fails}
		if e.Problem != "" {
			answer.Detail = e.Problem
		}
		if e.Status == 0 {
			answer.Kind, answer.Label = sequence.Lost, "no answer"
		}
		d.Steps = append(d.Steps, sequence.Step{
			From: e.From, To: e.To, Label: e.Method + " " + path(e.URL), Detail: requestDetail(e),
			Kind: sequence.Request, At: fmt.Sprintf("#%d", e.Number), Failing: fails,
		}, answer)
	}
	return d
}

// status is a status code with its name, as in "404 Not Found".
func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

func path(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return address
	case u.EscapedPath() == "":
		return "/"
	}
	return u.EscapedPath()
}

// parameter is a name with its value as a diagram shows it.
type parameter struct{ name, value string }

// bookkeeping are the parameters of a signature that say nothing about what a message is for.
var bookkeeping = []string{"oauth_nonce", "oauth_timestamp", "oauth_signature", "oauth_signature_method", "oauth_version", "realm"}

func requestDetail(e conformance.Exchange) string {
	var params []parameter
	if scheme, rest, ok := strings.Cut(header(e.RequestHeaders, "Authorization"), " "); ok && strings.EqualFold(scheme, "OAuth") {
		for part := range strings.SplitSeq(rest, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			params = append(params, parameter{name, unescape(strings.Trim(value, `"`))})
		}
	}
	if u, err := url.Parse(e.URL); err == nil {
		params = append(params, form(u.RawQuery)...)
	}
	return list(append(params, body(e.RequestHeaders, e.RequestBody)...))
}

func answerDetail(e conformance.Exchange) string {
	if location := header(e.ResponseHeaders, "Location"); location != "" {
		return "Location: " + plain.Shorten(location, 80)
	}
	return list(body(e.ResponseHeaders, e.ResponseBody))
}

// list names the first few parameters.
func list(params []parameter) string {
	const most = 4
	var words []string
	left := 0
	for _, p := range params {
		switch {
		case slices.Contains(bookkeeping, p.name):
		case len(words) == most:
			left++
		default:
			words = append(words, plain.Shorten(p.name, 40)+"="+plain.Shorten(p.value, 32))
		}
	}
	if left > 0 {
		words = append(words, fmt.Sprintf("%d more", left))
	}
	return strings.Join(words, ", ")
}

// document is the number of members from which a JSON object is a document, to be read in full, and not a few parameters.
const document = 7

// body reads the parameters of a form or of the top of a small JSON object; other bodies have none.
func body(headers []conformance.Header, text string) []parameter {
	kind, _, _ := mime.ParseMediaType(header(headers, "Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		return form(text)
	case "application/json", "application/problem+json":
		var members map[string]any
		if json.Unmarshal([]byte(text), &members) != nil || len(members) >= document {
			return nil
		}
		var params []parameter
		for _, name := range slices.Sorted(maps.Keys(members)) {
			switch v := members[name].(type) {
			case string, bool, float64:
				params = append(params, parameter{name, fmt.Sprint(v)})
			}
		}
		return params
	}
	return nil
}

func form(text string) []parameter {
	var params []parameter
	for pair := range strings.SplitSeq(text, "&") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			params = append(params, parameter{unescape(name), unescape(value)})
		}
	}
	return params
}

func unescape(s string) string {
	if plainText, err := url.QueryUnescape(s); err == nil {
		return plainText
	}
	return s
}

func header(headers []conformance.Header, name string) string {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// requestText is a request as HTTP text, its body cut to at most most bytes.
func requestText(e conformance.Exchange, most int) string {
	return httpText(plain.Line(e.Method+" "+e.URL), e.RequestHeaders, e.RequestBody, most)
}

// answerText is an answer as HTTP text, with the problem that the harness met, if any.
func answerText(e conformance.Exchange, most int) string {
	text := ""
	if e.Status != 0 {
		text = httpText(status(e.Status), e.ResponseHeaders, e.ResponseBody, most)
	}
	if e.Problem != "" {
		text = strings.TrimPrefix(text+"\n["+plain.Line(e.Problem)+"]", "\n")
	}
	if text == "" {
		text = "[no answer]"
	}
	return text
}

func httpText(start string, headers []conformance.Header, body string, most int) string {
	lines := []string{start}
	for _, h := range headers {
		lines = append(lines, plain.Line(h.Name+": "+h.Value))
	}
	if body != "" {
		lines = append(lines, "", cut(strings.TrimRight(plain.Text(body), "\n"), most))
	}
	return strings.Join(lines, "\n")
}

// cut keeps at most most bytes of a text, whole characters only, and says how many are left out.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	kept := strings.ToValidUTF8(text[:most], "")
	return fmt.Sprintf("%s\n[%d more bytes: see the JSON report]", kept, len(text)-len(kept))
}

// around returns at most most exchanges in their order: the first ones, or those that end shortly behind the one that fails.
func around(exchanges []conformance.Exchange, failing, most int) []conformance.Exchange {
	if len(exchanges) <= most {
		return exchanges
	}
	at := slices.IndexFunc(exchanges, func(e conformance.Exchange) bool { return e.Number == failing })
	end := min(max(at+3, most), len(exchanges))
	return exchanges[end-most : end]
}
