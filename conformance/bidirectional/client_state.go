package bidirectional

import (
	"fmt"
	"net/url"
	"regexp"
)

// states are 22 characters or more of those that a token has, so that they can have 128 bits; the longest is what a server takes.
var states = regexp.MustCompile(`^[A-Za-z0-9_-]{22,512}$`)

// BI-CL-39
func (t *clientTest) callbackWithItsState() {
	t.complete(t.browser())
	b, other := t.browser(), t.browser()
	other.As = "another terminal"
	l, beside, others := t.begin(b), t.begin(b), t.begin(other)
	t.statesDiffer(l, beside, others)

	approved := t.consent(l)
	for _, wrong := range []struct {
		states []string
		what   string
	}{
		{nil, "without a state"},
		{[]string{""}, "with an empty state"},
		{others.states(), "with the state of another session"},
		{beside.states(), "with the state of another credential of the session"},
		{[]string{swapFirst(l.states()[0])}, "with one character of its state changed"},
		{append(others.states(), l.states()...), "with two states"},
	} {
		for _, answer := range []url.Values{
			{"oauth_token": approved["oauth_token"], "oauth_verifier": approved["oauth_verifier"]},
			{"oauth_token": approved["oauth_token"], "error": {"access_denied"}},
		} {
			if wrong.states != nil {
				answer["state"] = wrong.states
			}
			t.callbackRefused(l.browser, answer, "a callback "+wrong.what)
		}
	}
	for _, l := range []leg{l, beside, others} { // what was refused has ended nothing
		t.delivered(l, t.approve(l))
	}
}

// statesDiffer wants each leg to have sent the terminal to site B with one state, and no two with the same.
func (t *clientTest) statesDiffer(legs ...leg) {
	seen := map[string]bool{}
	for _, l := range legs {
		sent := l.states()
		if len(sent) != 1 || !states.MatchString(sent[0]) {
			t.FailAt(l.begun.Exchange, "the terminal sent to site B with one state, of 22 to 512 characters A-Z a-z 0-9 - _", fmt.Sprintf("state=%q", sent))
		}
		if seen[sent[0]] {
			t.FailAt(l.begun.Exchange, "a fresh state for each credential and each session", "state="+sent[0]+" a second time")
		}
		seen[sent[0]] = true
	}
}
