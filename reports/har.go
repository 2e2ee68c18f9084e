package reports

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/reports/internal/plain"
)

// writeHAR writes the exchanges of all checks as an HTTP archive, HAR 1.2: a page for each check that has exchanges, an entry for each exchange. A report holds no
// moments, so entries begin a millisecond apart, in their order, from the beginning of 1970, and take no time. Secrets are the names that the report has for them.
// Members that begin with an underscore are the report's own: the parties, the verdict, and why an answer is not whole. Scenarios have no exchanges.
func writeHAR(w io.Writer, d Document) error {
	if err := d.Validate(); err != nil {
		return err
	}
	archive := harLog{Version: "1.2", Creator: harCreator{"Countersign", DocumentFormat}, Pages: []harPage{}, Entries: []harEntry{}, Comment: plain.Line(d.Summary())}
	if d.Checks != nil {
		for _, r := range d.Checks.Results {
			archive.add(r)
		}
	}
	text, err := json.Marshal(struct { // in one line: an archive is for tools, and large
		Log harLog `json:"log"`
	}{archive})
	if err != nil {
		return fmt.Errorf("the exchanges cannot be encoded: %w", err)
	}
	_, err = w.Write(append(escapeHidden(text), '\n'))
	return err
}

type harLog struct {
	Version string     `json:"version"`
	Creator harCreator `json:"creator"`
	Pages   []harPage  `json:"pages"`
	Entries []harEntry `json:"entries"`
	Comment string     `json:"comment,omitempty"`
}

type harCreator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type harPage struct {
	Started string              `json:"startedDateTime"`
	ID      string              `json:"id"`
	Title   string              `json:"title"`
	Timings struct{}            `json:"pageTimings"`
	Verdict conformance.Verdict `json:"_verdict"`
}

type harEntry struct {
	Page     string      `json:"pageref"`
	Started  string      `json:"startedDateTime"`
	Time     int         `json:"time"`
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
	Cache    struct{}    `json:"cache"`
	Timings  harTimings  `json:"timings"`
	Comment  string      `json:"comment,omitempty"`
	Number   int         `json:"_number"`
	From     string      `json:"_from"`
	To       string      `json:"_to"`
	// Failing marks the exchange that shows a failure.
	Failing bool `json:"_failing,omitempty"`
}

type harTimings struct {
	Send    int `json:"send"`
	Wait    int `json:"wait"`
	Receive int `json:"receive"`
}

type harRequest struct {
	Method      string       `json:"method"`
	URL         string       `json:"url"`
	Version     string       `json:"httpVersion"`
	Cookies     []harCookie  `json:"cookies"`
	Headers     []harPair    `json:"headers"`
	Query       []harPair    `json:"queryString"`
	Body        *harPostData `json:"postData,omitempty"`
	HeadersSize int          `json:"headersSize"`
	BodySize    int          `json:"bodySize"`
}

type harResponse struct {
	Status      int         `json:"status"`
	StatusText  string      `json:"statusText"`
	Version     string      `json:"httpVersion"`
	Cookies     []harCookie `json:"cookies"`
	Headers     []harPair   `json:"headers"`
	Content     harContent  `json:"content"`
	RedirectURL string      `json:"redirectURL"`
	HeadersSize int         `json:"headersSize"`
	BodySize    int         `json:"bodySize"`
	// Problem is why there is no whole answer.
	Problem string `json:"_problem,omitempty"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type harCookie struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Path     string `json:"path,omitempty"`
	Domain   string `json:"domain,omitempty"`
	HTTPOnly bool   `json:"httpOnly,omitempty"`
	Secure   bool   `json:"secure,omitempty"`
}

// harPostData has no member for an encoding in HAR 1.2, as harContent has.
type harPostData struct {
	Type string `json:"mimeType"`
	Text string `json:"text"`
	// Encoding is "base64" where the body was no text.
	Encoding string `json:"_encoding,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

type harContent struct {
	Size     int    `json:"size"`
	Type     string `json:"mimeType"`
	Text     string `json:"text,omitempty"`
	Encoding string `json:"encoding,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

// unknown is what the report does not tell: it keeps neither sizes on the wire nor the version of HTTP.
const (
	unknownSize    = -1
	unknownVersion = "unknown"
)

func (l *harLog) add(r conformance.Result) {
	for i, e := range r.Exchanges {
		started := time.UnixMilli(int64(len(l.Entries))).UTC().Format("2006-01-02T15:04:05.000Z")
		if i == 0 {
			l.Pages = append(l.Pages, harPage{Started: started, ID: r.Check, Title: r.Check + " " + r.Requirement.Title, Verdict: r.Verdict})
		}
		entry := harEntry{
			Page: r.Check, Started: started, Request: newHARRequest(e), Response: newHARResponse(e), Number: e.Number, From: e.From, To: e.To,
			Failing: r.Failure != nil && r.Failure.Exchange == e.Number,
		}
		if entry.Failing {
			entry.Comment = difference(r.Failure)
		}
		l.Entries = append(l.Entries, entry)
	}
}

func newHARRequest(e conformance.Exchange) harRequest {
	r := harRequest{
		Method: e.Method, URL: uri(e.URL), Version: unknownVersion, Cookies: []harCookie{}, Headers: pairs(e.RequestHeaders), Query: []harPair{},
		HeadersSize: unknownSize, BodySize: unknownSize,
	}
	for _, line := range values(e.RequestHeaders, "Cookie") {
		for part := range strings.SplitSeq(line, ";") {
			if name, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
				r.Cookies = append(r.Cookies, harCookie{Name: name, Value: value})
			}
		}
	}
	if u, err := url.Parse(e.URL); err == nil {
		for _, p := range form(u.RawQuery) {
			r.Query = append(r.Query, harPair{p.name, p.value})
		}
	}
	if e.RequestBody != "" {
		text, encoding, comment := harBody(e.RequestHeaders, e.RequestBody)
		r.Body = &harPostData{mediaType(e.RequestHeaders), text, encoding, comment}
	}
	return r
}

func newHARResponse(e conformance.Exchange) harResponse {
	text, encoding, comment := harBody(e.ResponseHeaders, e.ResponseBody)
	r := harResponse{
		Status: e.Status, StatusText: http.StatusText(e.Status), Version: unknownVersion, Cookies: []harCookie{}, Headers: pairs(e.ResponseHeaders),
		Content:     harContent{len(e.ResponseBody), mediaType(e.ResponseHeaders), text, encoding, comment},
		RedirectURL: header(e.ResponseHeaders, "Location"), HeadersSize: unknownSize, BodySize: unknownSize, Problem: e.Problem,
	}
	if encoding != "" {
		r.Content.Size = base64.StdEncoding.DecodedLen(len(text)) - strings.Count(text, "=")
	}
	for _, line := range values(e.ResponseHeaders, "Set-Cookie") {
		r.Cookies = append(r.Cookies, setCookie(line))
	}
	return r
}

// uri percent-encodes what may not stand in a URI (RFC 3986 section 2), as the names that the report has for secrets.
func uri(address string) string {
	var b strings.Builder
	for i := range len(address) {
		if c := address[i]; c <= ' ' || c >= 0x7F || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// setCookie reads what it can of a Set-Cookie line; the values are the report's names, which net/http would refuse.
func setCookie(line string) harCookie {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, _ := strings.Cut(pair, "=")
	c := harCookie{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
	for part := range strings.SplitSeq(attributes, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(name) {
		case "path":
			c.Path = value
		case "domain":
			c.Domain = value
		case "httponly":
			c.HTTPOnly = true
		case "secure":
			c.Secure = true
		}
	}
	return c
}

// octets is how an excerpt of a body shows bytes that are no text, and how it goes on where it is cut.
var octets = regexp.MustCompile(`^h'((?:[0-9a-f]{2})*)(?:'|[0-9a-f]?'?(\.\.\. \([0-9]+ bytes in all\)))$`)

// harBody is a body as HAR has it. Bytes that are no text come in base64; CBOR comes in the diagnostic notation that the report has.
func harBody(headers []conformance.Header, body string) (text, encoding, comment string) {
	switch kind, _, _ := mime.ParseMediaType(header(headers, "Content-Type")); kind {
	case "application/cbor", "application/cose":
		if body == "" {
			return "", "", ""
		}
		return body, "", "CBOR diagnostic notation (RFC 8949 section 8)"
	}
	m := octets.FindStringSubmatch(body)
	if m == nil {
		return body, "", ""
	}
	raw, err := hex.DecodeString(m[1])
	if err != nil {
		return body, "", ""
	}
	if m[2] != "" {
		comment = fmt.Sprintf("the report keeps the first %d bytes%s", len(raw), strings.TrimPrefix(m[2], "..."))
	}
	return base64.StdEncoding.EncodeToString(raw), "base64", comment
}

func mediaType(headers []conformance.Header) string {
	if kind := header(headers, "Content-Type"); kind != "" {
		return kind
	}
	return "application/octet-stream" // RFC 9110 section 8.3
}

func pairs(headers []conformance.Header) []harPair {
	all := []harPair{}
	for _, h := range headers {
		all = append(all, harPair(h))
	}
	return all
}

func values(headers []conformance.Header, name string) []string {
	var all []string
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			all = append(all, h.Value)
		}
	}
	return all
}
