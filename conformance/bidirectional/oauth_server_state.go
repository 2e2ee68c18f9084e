package bidirectional

import (
	"fmt"
	"net/url"
	"strings"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// everyCharacter is a state of the greatest length, with each character that a state may have.
func everyCharacter() string {
	const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return strings.Repeat(all, 8)[:512]
}

func approved(t *test) func(page) *conformance.Response {
	return func(p page) *conformance.Response { return p.approve(t.alice()) }
}

// stateComesBack decides on a page, and wants the redirect to carry the state that the page was opened with: none for an empty one.
func (t *test) stateComesBack(p page, client ClientSetup, decide func(page) *conformance.Response, state, what string) {
	resp := decide(p)
	query := t.sentTo(resp, client, what)
	if state == "" {
		if query.Has("state") {
			t.FailAt(resp.Exchange, "a redirect without a state after "+what, fmt.Sprintf("state=%q", query["state"]))
		}
		return
	}
	t.onceAs(resp.Exchange, query, "state", state, what)
}

// BI-OS-54: the redirect says with which state the page was opened on which the user decided, and nothing of other pages.
func stateOfThePageReturned(t *test) {
	decisions := map[string]func(page) *conformance.Response{"approval": approved(t), "refusal": page.deny}
	for _, name := range []string{"approval", "refusal"} {
		decide := decisions[name]
		for _, state := range []string{everyCharacter(), t.Random(24), ""} {
			temporary := t.temporaryCredential(t.own(), "")
			t.stateComesBack(t.openWithState(temporary, t.own(), state), t.own(), decide, state, "the "+name+" on a page "+opened(state))
		}
		rewritten, state := t.temporaryCredential(t.own(), t.peer().ID), t.Random(24)
		t.stateComesBack(t.openWithState(rewritten, t.peer(), state), t.peer(), decide, state, "the "+name+" on the page of a credential that was rewritten, "+opened(state))

		pages := []string{t.Random(24), "", t.Random(24)}
		for chosen, state := range pages {
			temporary := t.temporaryCredential(t.own(), "")
			var shown []page
			for _, with := range pages {
				shown = append(shown, t.openWithState(temporary, t.own(), with))
			}
			t.stateComesBack(shown[chosen], t.own(), decide, state, "the "+name+" on one of three pages of a credential, "+opened(state))
		}
	}

	state := t.Random(24)
	p := t.openWithState(t.temporaryCredential(t.own(), ""), t.own(), state)
	again := p.approve(UserSetup{Name: t.alice().Name, Password: "not-" + t.alice().Password})
	if form := judge.PasswordForm(again, p.form.Action); form != nil {
		p.form = form
	}
	t.stateComesBack(p, t.own(), approved(t), state, "the approval after a wrong password")

	for _, malformed := range [][]string{{everyCharacter() + "x"}, {"a state"}, {"a/b"}, {"\u00e4"}, {t.Random(24), t.Random(24)}} {
		temporary := t.temporaryCredential(t.own(), "")
		resp := t.terminal().Open(t.authorizationURL(temporary.token, t.own().ID, url.Values{"state": malformed}))
		t.turnedAway(resp, fmt.Sprintf("an authorization request with state=%.40q", malformed))
	}
}

// openWithState opens the page in a terminal of its own, with a state unless it is empty.
func (t *test) openWithState(temporary issued, client ClientSetup, state string) page {
	more := url.Values{}
	if state != "" {
		more.Set("state", state)
	}
	return t.openWith(t.terminal(), temporary.token, client.ID, more)
}

func opened(state string) string {
	if state == "" {
		return "opened without a state"
	}
	return fmt.Sprintf("opened with a state of %d characters", len(state))
}
