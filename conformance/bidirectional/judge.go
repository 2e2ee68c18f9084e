package bidirectional

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"countersign/conformance"
)

// control shows that a request without the fault under test is accepted, so that a target that refuses everything does not pass.
func (t *test) control(r request, what string) *conformance.Response {
	resp := t.send(r)
	t.Accepted(resp, what+", as a control")
	return resp
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

// machineReadable judges the refusals among the answers, and wants a challenge with each 401, of which there has to be one.
func (t *test) machineReadable(answers ...*conformance.Response) {
	t.MachineReadable(answers...)
	unauthorized := false
	for _, resp := range answers {
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

// plain skips the check where the endpoint is reached over TLS.
func (t *test) plain(endpoint string) {
	if strings.HasPrefix(endpoint, "https:") {
		t.Skip("the target is reached over TLS, where PLAINTEXT is allowed")
	}
}
