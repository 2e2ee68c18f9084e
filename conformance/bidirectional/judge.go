package bidirectional

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"countersign/conformance"
)

// refusal reads the error member of a refusal; empty where the body is no JSON object with one.
func refusal(resp *conformance.Response) string {
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(resp.Body, &body) != nil {
		return ""
	}
	return body.Error
}

// describe says in a few words what an answer was.
func describe(resp *conformance.Response) string {
	said := fmt.Sprintf("status %d", resp.Status)
	switch {
	case resp.Location() != "":
		return said + " to " + resp.Location()
	case refusal(resp) != "":
		return said + " and error " + refusal(resp)
	case passwordForm(resp, "") != nil:
		return said + " and a page that asks for a password"
	}
	if values, err := url.ParseQuery(string(resp.Body)); err == nil && values.Get("oauth_token") != "" {
		return said + " and an oauth_token"
	}
	return said
}

// passwordForm is the page's form when it asks for a password.
func passwordForm(resp *conformance.Response, base string) *conformance.Form {
	form := resp.Form(base)
	if form == nil || form.Types["password"] != "password" {
		return nil
	}
	return form
}

// accepted ends the check as failed unless the answer is a success. what is the request, in words.
func (t *test) accepted(resp *conformance.Response, what string) {
	if resp.Status != http.StatusOK {
		t.FailAt(resp.Exchange, "status 200 for "+what, describe(resp))
	}
}

// control shows that a request without the fault under test is accepted, so that a target that refuses everything does not pass.
func (t *test) control(r request, what string) *conformance.Response {
	resp := t.send(r)
	t.accepted(resp, what+", as a control")
	return resp
}

// refused ends the check as failed unless the answer has the status and one of the error codes; no codes: any.
func (t *test) refused(resp *conformance.Response, what string, status int, codes ...string) {
	if resp.Status == status && (len(codes) == 0 || slices.Contains(codes, refusal(resp))) {
		return
	}
	expected := fmt.Sprintf("status %d", status)
	if len(codes) > 0 {
		expected += " and error " + strings.Join(codes, " or ")
	}
	t.FailAt(resp.Exchange, expected+" for "+what, describe(resp))
}

// outside tells timestamps outside the window: far enough that no difference of clocks matters.
const outside = 60

// window is the timestamp window in seconds.
func (t *test) window() int64 {
	if t.metadata.TimestampWindow > 0 {
		return int64(t.metadata.TimestampWindow)
	}
	return 300
}

// at is a timestamp so many seconds from now.
func (t *test) at(seconds int64) string { return strconv.FormatInt(t.Env.Now().Unix()+seconds, 10) }

// mediaType is the answer's content type without parameters.
func mediaType(resp *conformance.Response) string {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// ofType ends the check as failed unless the answer has the media type.
func (t *test) ofType(resp *conformance.Response, what, want string) {
	if got := mediaType(resp); got != want {
		t.FailAt(resp.Exchange, fmt.Sprintf("%s of type %s", what, want), fmt.Sprintf("Content-Type %q", resp.Header.Get("Content-Type")))
	}
}

// once reads a parameter that has to come exactly once and not empty.
func (t *test) once(exchange int, values url.Values, name, what string) string {
	if len(values[name]) != 1 || values.Get(name) == "" {
		t.FailAt(exchange, fmt.Sprintf("%s with %s once", what, name), fmt.Sprintf("%s %d times, with the values %q", name, len(values[name]), values[name]))
	}
	return values.Get(name)
}

// onceAs is once for a parameter whose value is known.
func (t *test) onceAs(exchange int, values url.Values, name, want, what string) {
	if got := t.once(exchange, values, name, what); got != want {
		t.FailAt(exchange, fmt.Sprintf("%s with %s=%s", what, name, want), fmt.Sprintf("%s=%s", name, got))
	}
}

// wholeNumber is once for a positive whole number.
func (t *test) wholeNumber(exchange int, values url.Values, name, what string) int64 {
	text := t.once(exchange, values, name, what)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		t.FailAt(exchange, fmt.Sprintf("%s with %s, a positive whole number", what, name), fmt.Sprintf("%s=%s", name, text))
	}
	return n
}

// notStored ends the check as failed unless caches are told not to store the answer.
func (t *test) notStored(resp *conformance.Response, what string) {
	for directive := range strings.SplitSeq(strings.Join(resp.Header.Values("Cache-Control"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(directive), "no-store") {
			return
		}
	}
	t.FailAt(resp.Exchange, what+" with Cache-Control: no-store", fmt.Sprintf("Cache-Control %q", resp.Header.Values("Cache-Control")))
}

// machineReadable judges the refusals among the answers: a JSON object with error and error_description, and WWW-Authenticate with each 401.
// An answer that refuses nothing is the matter of another requirement, but one 401 has to be among them.
func (t *test) machineReadable(answers ...*conformance.Response) {
	unauthorized := false
	for _, resp := range answers {
		if resp.Status < 400 {
			continue
		}
		t.ofType(resp, "a refusal", "application/json")
		var body map[string]any
		if err := json.Unmarshal(resp.Body, &body); err != nil {
			t.FailAt(resp.Exchange, "a refusal that is a JSON object", err.Error())
		}
		for _, name := range []string{"error", "error_description"} {
			if s, ok := body[name].(string); !ok || s == "" {
				t.FailAt(resp.Exchange, fmt.Sprintf("a refusal with the string member %s", name), fmt.Sprintf("%s is %v", name, body[name]))
			}
		}
		if resp.Status == http.StatusUnauthorized {
			unauthorized = true
			if !challenges(resp.Header) {
				t.FailAt(resp.Exchange, "status 401 with WWW-Authenticate: OAuth", fmt.Sprintf("WWW-Authenticate %q", resp.Header.Values("WWW-Authenticate")))
			}
		}
	}
	t.Expect(unauthorized, "status 401 to one of the wrong requests", "no request refused with status 401")
}

// challenges reports whether an answer asks for the scheme OAuth, RFC 9110 section 11.6.1.
func challenges(h http.Header) bool {
	for part := range strings.SplitSeq(strings.Join(h.Values("WWW-Authenticate"), ","), ",") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(part), " ")
		if strings.EqualFold(scheme, "OAuth") {
			return true
		}
	}
	return false
}

// named is an endpoint of the metadata.
func (t *test) named(member, endpoint string) string {
	if endpoint == "" {
		t.Fail("metadata that names the "+member, "no "+member+" in the metadata")
	}
	return endpoint
}

// plain skips the check where the endpoint is reached over TLS.
func (t *test) plain(endpoint string) {
	if strings.HasPrefix(endpoint, "https:") {
		t.Skip("the target is reached over TLS, where PLAINTEXT is allowed")
	}
}
