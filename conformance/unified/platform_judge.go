package unified

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// sentTo wants a redirect to the callback path of a login, and gives what the platform has added to its query.
func (t *test) sentTo(resp *conformance.Response, l login, what string) url.Values {
	t.redirected(resp, what)
	begin := l.callback + "?"
	if strings.Contains(l.callback, "?") {
		begin = l.callback + "&"
	}
	added, ok := strings.CutPrefix(resp.Location(), begin)
	query, err := url.ParseQuery(added)
	if !ok || err != nil || strings.Contains(added, "#") {
		t.FailAt(resp.Exchange, "a redirect to the callback path "+l.callback+" with parameters added after "+what, judge.Describe(resp))
	}
	return query
}

// once wants a parameter of a redirect to come once, with that value; without a value any but an empty one.
func (t *test) once(resp *conformance.Response, query url.Values, name, value, what string) {
	got := query[name]
	if len(got) == 1 && (got[0] == value || value == "" && got[0] != "") {
		return
	}
	expected := "a redirect with one " + name
	if value != "" {
		expected += fmt.Sprintf(" that is %q", value)
	}
	t.FailAt(resp.Exchange, expected+" after "+what, fmt.Sprintf("%s is %q", name, got))
}

// sentBack wants a redirect to the callback path with one of the errors and no code.
func (t *test) sentBack(resp *conformance.Response, l login, what string, errors ...string) url.Values {
	query := t.sentTo(resp, l, what)
	if got := query["error"]; len(got) != 1 || !slices.Contains(errors, got[0]) {
		t.FailAt(resp.Exchange, "a redirect to the callback path with error="+strings.Join(errors, " or ")+" after "+what, fmt.Sprintf("error is %q", got))
	}
	t.noCode(resp, what)
	return query
}

// noCode wants an answer that sends no code anywhere.
func (t *test) noCode(resp *conformance.Response, what string) {
	if to, err := url.Parse(resp.Location()); err == nil && to.Query().Has("code") {
		t.FailAt(resp.Exchange, "no code after "+what, judge.Describe(resp))
	}
}

// notAsked wants 400, no redirect and no form: the user is not bothered.
func (t *test) notAsked(resp *conformance.Response, what string) {
	if resp.Status != http.StatusBadRequest || resp.Location() != "" || resp.Form("") != nil {
		actual := judge.Describe(resp)
		if resp.Location() == "" && resp.Form("") != nil {
			actual += ", with a form"
		}
		t.FailAt(resp.Exchange, "status 400, no redirect and no form for "+what, actual)
	}
}

// refusedLogin wants 403 and the page with user name and password again.
func (t *test) refusedLogin(resp *conformance.Response, what string) {
	if resp.Status != http.StatusForbidden || resp.Location() != "" || judge.PasswordForm(resp, "") == nil {
		t.FailAt(resp.Exchange, "status 403, no redirect, and a page with user name and password after "+what, judge.Describe(resp))
	}
}

// turnedAway wants 403 and no redirect.
func (t *test) turnedAway(resp *conformance.Response, what string) {
	if resp.Status != http.StatusForbidden || resp.Location() != "" {
		t.FailAt(resp.Exchange, "status 403 and no redirect for "+what, judge.Describe(resp))
	}
}

// refused wants the platform to refuse a message with 400 and one of the errors.
func (t *test) refused(resp *conformance.Response, what string, errors ...string) {
	t.Refused(resp, what, http.StatusBadRequest, errors...)
}

// links are the targets of the a elements of a page, as a browser resolves them.
func links(resp *conformance.Response) []string {
	root, err := html.Parse(bytes.NewReader(resp.Body))
	if err != nil {
		return nil
	}
	base, err := url.Parse(resp.URL)
	if err != nil {
		return nil
	}
	var found []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		for _, a := range n.Attr {
			if to, err := base.Parse(a.Val); a.Key == "href" && err == nil {
				found = append(found, to.String())
			}
		}
	}
	return found
}

// portalLinks are those that the portal shows to a user who is logged in in the browser.
func (t *test) portalLinks(in *conformance.Browser) []string {
	resp := in.Open(t.portalEndpoint())
	t.Accepted(resp, "the portal within a session")
	t.OfType(resp, "the portal", "text/html")
	return links(resp)
}

// badPassword is the user with a password that is wrong.
func badPassword(as UserSetup) UserSetup {
	as.Password = "not-" + as.Password
	return as
}

// seconds is a time that the metadata announce.
func (t *test) seconds(member string, announced int64) time.Duration {
	if announced < 1 {
		t.FailAt(t.document.Exchange, "metadata with "+member+", whole seconds", fmt.Sprint(announced))
	}
	return time.Duration(announced) * time.Second
}

func (t *test) codeLifetime() time.Duration {
	return t.seconds("code_lifetime", t.metadata.CodeLifetime)
}

func (t *test) passTokenLifetime() time.Duration {
	return t.seconds("pass_token_lifetime", t.metadata.PassTokenLifetime)
}

func (t *test) keyOverlap() time.Duration {
	return t.seconds("key_overlap", t.metadata.KeyOverlap)
}
