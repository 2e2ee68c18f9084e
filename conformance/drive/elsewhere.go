package drive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"countersign/conformance"
)

// elsewhere has a user logged in by a hook, a command or a person. They do what a user does at the page: what no page makes a browser send, they cannot send.
func (t transport) elsewhere(req *http.Request, form url.Values) (*http.Response, error) {
	page, sent := t.sentFrom(req, form)
	if !sent {
		return nil, obstruct(req.Context(), conformance.Skip, "users log in by %s, which does what a user does at the page, so that a form that the page does not send cannot be tried", t.by())
	}
	login := t.driver.Config.Drive.Login
	asked := map[string]any{
		"page": page.url, "cookies": cookiesOf(req), username: form.Get(username), password: form.Get(password), decision: form.Get(decision), "extra": login.Extra,
	}
	if u := conformance.UnderwayIn(req.Context()); u != nil {
		asked["check"] = u.Check().Name()
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return nil, obstruct(req.Context(), conformance.Error, "login: what is to be sent cannot be written: %v", err)
	}
	var resp *http.Response
	switch {
	case login.Hook != "":
		resp, err = t.hook(req, login.Hook, text)
	case len(login.Command) > 0:
		resp, err = t.run(login.Program(), text, req, loginName)
	default:
		resp, err = t.logInByHand(req, page, form)
	}
	if err != nil {
		return nil, err
	}
	original := req.Clone(req.Context())
	if original.URL, err = url.Parse(page.url); err != nil {
		return nil, err
	}
	return t.present(page.LoginPage, original, resp)
}

// sentFrom is the page whose form of the harness a request sends, as a browser would that was shown it.
func (t transport) sentFrom(req *http.Request, form url.Values) (shownPage, bool) {
	page, ok := t.driver.pages.find(form.Get(marking))
	if !ok || req.Method != http.MethodPost || req.URL.String() != page.url || !slices.Contains(page.Decisions, form.Get(decision)) {
		return page, false
	}
	for _, name := range []string{marking, username, password, decision} {
		if len(form[name]) != 1 {
			return page, false
		}
	}
	cookies := cookiesOf(req)
	for name, value := range page.cookies {
		if cookies[name] != value {
			return page, false
		}
	}
	return page, len(form) == 4
}

// by says who logs users in.
func (t transport) by() string {
	switch login := t.driver.Config.Drive.Login; {
	case login.Hook != "":
		return "a hook"
	case len(login.Command) > 0:
		return "a command"
	}
	return "hand"
}

// hook posts to the URL that logs users in. It follows no redirect, and its answer is not the target's.
func (t transport) hook(req *http.Request, hook string, text []byte) (*http.Response, error) {
	call, err := http.NewRequestWithContext(req.Context(), http.MethodPost, hook, bytes.NewReader(text))
	if err != nil { // its words show the URL
		return nil, obstruct(req.Context(), conformance.Error, "login: the hook cannot be asked: its URL is malformed")
	}
	at := call.URL.Scheme + "://" + call.URL.Host // the rest of such a URL is often secret
	call.Header.Set("Content-Type", "application/json")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(call)
	if t.driver.Context.Err() != nil {
		return nil, context.Cause(t.driver.Context)
	}
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err
		}
		return nil, obstruct(req.Context(), conformance.Error, "login: the hook at %s does not answer: %v", at, err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(io.LimitReader(resp.Body, conformance.MaxBody))
	if err != nil || resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, obstruct(req.Context(), conformance.Error, "login: the hook answers %s, and not 200 with what came of the login", resp.Status)
	}
	a, err := readAnswer(out, true)
	if err != nil {
		return nil, obstruct(req.Context(), conformance.Error, "login: the hook at %s: %v", at, err)
	}
	return a.response(req, "hook "+at, ""), nil
}

// logInByHand has a person log in.
func (t transport) logInByHand(req *http.Request, page shownPage, form url.Values) (*http.Response, error) {
	who := fmt.Sprintf("log in there as %s with the password %s, and choose %s", form.Get(username), form.Get(password), form.Get(decision))
	if form.Get(username) == "" {
		who = fmt.Sprintf("log in as nobody, and choose %s", form.Get(decision))
	}
	given, err := t.person(req, fmt.Sprintf("%s: a login by hand.\n  In a new private window, open %s\n  %s.\n"+
		"Then type what came of it: the address that the browser came to; a status, as 403, if it was refused; or skip.", checkOf(req.Context()), page.url, who), false)
	if err != nil {
		return nil, err
	}
	return given.response(req, "by hand", ""), nil
}
