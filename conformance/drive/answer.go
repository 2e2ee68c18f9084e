package drive

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"countersign/conformance"
)

// answer is what a command, a hook or a person gives in the place of an HTTP answer.
type answer struct {
	Status   int             `json:"status"`
	Location string          `json:"location"`
	Headers  map[string]many `json:"headers"`
	Body     json.RawMessage `json:"body"`
	// Cookies are Set-Cookie lines, as they came.
	Cookies []string `json:"cookies"`
}

// many are the values of a header: a text, or a list of them.
type many []string

// UnmarshalJSON implements json.Unmarshaler.
func (m *many) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*m = many{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(m))
}

var errAnswer = errors.New("its answer is no answer: a status has to be a number from 200 to 599, the rest as in {\"status\": 403, \"headers\": {\"Name\": \"value\"}, \"body\": \"text\", \"cookies\": [\"name=value; Path=/\"]} or {\"location\": \"http://...\"}")

// readAnswer reads an answer. Nothing is 204. A JSON object that has but members of an answer is one; any other text is the body of a 200.
// Where urls is true, a URL alone is a redirect to it.
func readAnswer(text []byte, urls bool) (answer, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return answer{Status: http.StatusNoContent}, nil
	}
	if urls && isURL(string(text)) {
		return answer{Location: string(text), Status: http.StatusSeeOther}, nil
	}
	if !envelope(text) {
		return answer{Status: http.StatusOK, Body: text}, nil
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return answer{}, errAnswer
	}
	switch {
	case a.Status == 0 && a.Location != "":
		a.Status = http.StatusSeeOther
	case a.Status == 0 && len(a.Body) == 0:
		a.Status = http.StatusNoContent
	case a.Status == 0:
		a.Status = http.StatusOK
	}
	if a.Status < 200 || a.Status > 599 {
		return answer{}, errAnswer
	}
	var said string
	if json.Unmarshal(a.Body, &said) == nil {
		a.Body = []byte(said)
	}
	return a, nil
}

// envelope reports whether a text is a JSON object with members of an answer and no others. A status that is no number is a word of the flow's own.
func envelope(text []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || len(members) == 0 {
		return false
	}
	for name, value := range members {
		switch name {
		case "status":
			if _, err := strconv.Atoi(string(value)); err != nil {
				return false
			}
		case "location", "headers", "body", "cookies":
		default:
			return false
		}
	}
	return true
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.IsAbs() && u.Host != "" && !strings.ContainsAny(text, " \n\r\t")
}

// response makes it the answer to a request. by says who gave it, and said what was said besides.
func (a answer) response(req *http.Request, by, said string) *http.Response {
	header := http.Header{}
	for name, values := range a.Headers {
		header[http.CanonicalHeaderKey(name)] = values
	}
	for _, c := range a.Cookies {
		header.Add("Set-Cookie", c)
	}
	if a.Location != "" {
		header.Set("Location", a.Location)
	}
	if len(a.Body) > 0 && header.Get("Content-Type") == "" {
		kind := http.DetectContentType(a.Body)
		if json.Valid(a.Body) {
			kind = "application/json"
		}
		header.Set("Content-Type", kind)
	}
	header.Set(Header, by)
	if said != "" {
		header.Set(saidHeader, line(said))
	}
	header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	return &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)),
	}
}

// line is the end of a text in one line.
func line(text string) string {
	const most = 500
	text = strings.Join(strings.Fields(strings.Map(printable, text)), " ")
	if runes := []rune(text); len(runes) > most {
		text = "..." + string(runes[len(runes)-most:])
	}
	return text
}

// printable takes out what a terminal or a header line would obey.
func printable(r rune) rune {
	if r == '\n' || r == '\t' {
		return ' '
	}
	if r < ' ' || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

// read reads the body of an answer, as much as a check is going to take, and leaves it to be read again.
func read(resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, conformance.MaxBody+1))
	if err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
	return body, nil
}

// rewrite gives an answer another body.
func rewrite(resp *http.Response, body []byte) {
	_ = resp.Body.Close()
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
}
