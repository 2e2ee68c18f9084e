package bidirectional

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/actors/oauth1"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"

	// maxBody bounds what is read of any body, in bytes.
	maxBody = 1 << 20

	// retryAfter is when to ask again what cannot be done now, in seconds.
	retryAfter = "2"
)

// answer is what an endpoint that a program calls says when it does not refuse.
type answer struct {
	status      int
	contentType string
	body        string
}

func formAnswer(body string) answer { return answer{http.StatusOK, formType, body} }

func jsonAnswer(v any) (answer, error) {
	body, err := json.Marshal(v)
	return answer{http.StatusOK, jsonType, string(body)}, err
}

func (a answer) write(w http.ResponseWriter) {
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body)) // a caller that has gone away needs no answer
}

// refusal is the body of a refusal (after RFC 6749 section 5.2).
type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// refuse answers with the problem that the error is; with 500 when it is none. The challenge is sent with status 401 (RFC 9110 section 11.6.1).
func refuse(w http.ResponseWriter, err error, challenge bool) {
	var problem *oauth1.Problem
	if !errors.As(err, &problem) {
		problem = &oauth1.Problem{Status: http.StatusInternalServerError, Code: "server_error", Description: "the server failed to keep or make what it needs; try again later"}
	}
	if problem.Status == http.StatusUnauthorized && challenge {
		w.Header().Set("WWW-Authenticate", problem.Challenge(""))
	}
	if problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter) // RFC 9110 section 10.2.3
	}
	body, err := json.Marshal(refusal{problem.Code, problem.Description})
	if err != nil {
		body = []byte(`{"error":"server_error","error_description":"the refusal cannot be written"}`)
	}
	answer{problem.Status, jsonType, string(body)}.write(w)
}

// wrongMethod refuses a method that an endpoint does not take (RFC 9110 section 15.5.6).
func wrongMethod(w http.ResponseWriter, allowed ...string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	refuse(w, &oauth1.Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Description: "this endpoint takes " + strings.Join(allowed, " and ") + " only"}, false)
}

// withQuery adds parameters to a URL whose query, if any, stays as it is (RFC 5849 section 2.2).
func withQuery(target string, params ...string) string {
	target, fragment, cut := strings.Cut(target, "#")
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	for i := 0; i < len(params); i += 2 {
		target += separator + url.QueryEscape(params[i]) + "=" + url.QueryEscape(params[i+1])
		separator = "&"
	}
	if cut {
		target += "#" + fragment
	}
	return target
}

// absoluteURL reports whether text is a URL that a browser can be sent to.
func absoluteURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// pathOf returns the path of a base URL, without a trailing slash.
func pathOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}
