// Package judge holds what the checks of all flows judge answers by. It knows sessions and answers, and no flow.
package judge

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
)

// Judge is a session whose answers are judged. Its methods end the check when an answer is not what was expected; what is the request or the answer, in words.
type Judge struct{ *conformance.Session }

// Accepted wants status 200.
func (j Judge) Accepted(resp *conformance.Response, what string) {
	if resp.Status != http.StatusOK {
		j.FailAt(resp.Exchange, "status 200 for "+what, Describe(resp))
	}
}

// Refused wants the status and one of the error codes; no codes: any.
func (j Judge) Refused(resp *conformance.Response, what string, status int, codes ...string) {
	if resp.Status == status && (len(codes) == 0 || slices.Contains(codes, Refusal(resp))) {
		return
	}
	expected := fmt.Sprintf("status %d", status)
	if len(codes) > 0 {
		expected += " and error " + strings.Join(codes, " or ")
	}
	j.FailAt(resp.Exchange, expected+" for "+what, Describe(resp))
}

// OfType wants the media type, whatever its parameters.
func (j Judge) OfType(resp *conformance.Response, what, want string) {
	if got := MediaType(resp); got != want {
		j.FailAt(resp.Exchange, fmt.Sprintf("%s of type %s", what, want), fmt.Sprintf("Content-Type %q", resp.Header.Get("Content-Type")))
	}
}

// NotStored wants caches to be told not to store the answer.
func (j Judge) NotStored(resp *conformance.Response, what string) {
	for directive := range strings.SplitSeq(strings.Join(resp.Header.Values("Cache-Control"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(directive), "no-store") {
			return
		}
	}
	j.FailAt(resp.Exchange, what+" with Cache-Control: no-store", fmt.Sprintf("Cache-Control %q", resp.Header.Values("Cache-Control")))
}

// MachineReadable wants each refusal among the answers to be a JSON object with error and error_description, RFC 6749 section 5.2.
// An answer that refuses nothing is the matter of another requirement.
func (j Judge) MachineReadable(answers ...*conformance.Response) {
	for _, resp := range answers {
		if resp.Status < 400 {
			continue
		}
		j.OfType(resp, "a refusal", "application/json")
		var body map[string]any
		if err := json.Unmarshal(resp.Body, &body); err != nil {
			j.FailAt(resp.Exchange, "a refusal that is a JSON object", err.Error())
		}
		for _, name := range []string{"error", "error_description"} {
			if s, ok := body[name].(string); !ok || s == "" {
				j.FailAt(resp.Exchange, fmt.Sprintf("a refusal with the string member %s", name), fmt.Sprintf("%s is %v", name, body[name]))
			}
		}
	}
}

// Refusal reads the error member of a refusal; empty where the body is no JSON object with one.
func Refusal(resp *conformance.Response) string {
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(resp.Body, &body) != nil {
		return ""
	}
	return body.Error
}

// Describe says in a few words what an answer was.
func Describe(resp *conformance.Response) string {
	said := fmt.Sprintf("status %d", resp.Status)
	switch {
	case resp.Location() != "":
		return said + " to " + resp.Location()
	case Refusal(resp) != "":
		return said + " and error " + Refusal(resp)
	case PasswordForm(resp, "") != nil:
		return said + " and a page that asks for a password"
	}
	if names := names(resp); len(names) > 0 {
		return said + " and a body with " + strings.Join(names, ", ")
	}
	return said
}

// names are those of the members or parameters of the body, sorted, the first few.
func names(resp *conformance.Response) []string {
	const most = 8
	var names []string
	switch MediaType(resp) {
	case "application/json":
		var members map[string]json.RawMessage
		if json.Unmarshal(resp.Body, &members) == nil {
			names = slices.Sorted(maps.Keys(members))
		}
	case "application/x-www-form-urlencoded":
		if values, err := url.ParseQuery(string(resp.Body)); err == nil {
			names = slices.Sorted(maps.Keys(values))
		}
	}
	return names[:min(len(names), most)]
}

// MediaType is the answer's content type without parameters; empty where it has none that can be read.
func MediaType(resp *conformance.Response) string {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// PasswordForm is the page's form when it asks for a password, or else nil. base is the URL that the page came from.
func PasswordForm(resp *conformance.Response, base string) *conformance.Form {
	form := resp.Form(base)
	if form == nil || form.Types["password"] != "password" {
		return nil
	}
	return form
}
