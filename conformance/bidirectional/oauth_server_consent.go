package bidirectional

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// BI-OS-11: only the password registered for the user name at this server gives a verifier.
func wrongPasswordGivesNoVerifier(t *test) {
	t.approved(t.own(), t.alice())
	right := t.alice().Password
	for _, wrong := range []string{"not-" + right, right + "x", right[:len(right)-1], t.bob().Password, ""} {
		temporary := t.temporaryCredential(t.own(), "")
		resp := t.open(t.terminal(), temporary.token, t.own().ID).approve(UserSetup{Name: t.alice().Name, Password: wrong})
		t.notSentOn(resp, "approval with a wrong password", http.StatusForbidden)
	}
	t.approved(t.own(), t.alice())
}

// BI-OS-12: an account at the other site is none here.
func accountOfAnotherSiteGivesNoVerifier(t *test) {
	t.approved(t.own(), t.bob())
	temporary := t.temporaryCredential(t.own(), "")
	resp := t.open(t.terminal(), temporary.token, t.own().ID).approve(t.Stranger)
	t.notSentOn(resp, "approval by "+t.Stranger.Name+", who is registered at the other site only", http.StatusForbidden)
}

// BI-OS-13: the user's approval sends the terminal to the callback with what the client needs; client_id in the request may be left out.
func verifierReachesTheCallback(t *test) {
	for _, client := range []string{t.own().ID, ""} {
		temporary := t.temporaryCredential(t.own(), "")
		resp := t.open(t.terminal(), temporary.token, client).approve(t.alice())
		what := "the user's approval"
		query := t.sentTo(resp, t.own(), what)
		t.onceAs(resp.Exchange, query, "oauth_token", temporary.token, what)
		t.once(resp.Exchange, query, "oauth_verifier", what)
	}
}

// BI-OS-14: the user's no sends the terminal to the callback without a verifier, and the credential opens nothing any more.
func refusalByTheUserIsFinal(t *test) {
	temporary, verifier := t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)

	temporary = t.temporaryCredential(t.own(), "")
	resp := t.open(t.terminal(), temporary.token, t.own().ID).deny()
	what := "the user's refusal"
	query := t.sentTo(resp, t.own(), what)
	t.onceAs(resp.Exchange, query, "oauth_token", temporary.token, what)
	t.onceAs(resp.Exchange, query, "error", "access_denied", what)
	if query.Has("oauth_verifier") {
		t.FailAt(resp.Exchange, "a redirect without oauth_verifier after "+what, judge.Describe(resp))
	}
	t.Refused(t.send(t.tokenRequest(t.own(), temporary, t.Random(24))), "the token request with a credential that the user refused", http.StatusUnauthorized)
}

// BI-OS-27: the page says who will hold the token, before and after rewriting.
func pageNamesTheBeneficiary(t *test) {
	for _, beneficiary := range []ClientSetup{t.own(), t.peer()} {
		temporary := t.temporaryCredential(t.own(), t.peer().ID)
		p := t.open(t.terminal(), temporary.token, beneficiary.ID)
		text := p.answer.Text()
		for _, words := range []string{beneficiary.Name, beneficiary.ID} {
			if !strings.Contains(text, strings.Join(strings.Fields(words), " ")) {
				t.FailAt(p.answer.Exchange, fmt.Sprintf("an authorization page that shows %q, of the client that will hold the token", words), fmt.Sprintf("the text %q", text))
			}
		}
	}
}

// BI-OS-28: a decision that does not come from the page as the server gave it to this terminal changes nothing.
func decisionOnlyFromTheServersOwnPage(t *test) {
	t.approved(t.own(), t.alice())
	temporary := t.temporaryCredential(t.own(), "")
	terminal := t.terminal()
	p := t.open(terminal, temporary.token, t.own().ID)
	for _, decision := range []string{"approve", "deny"} {
		bare := url.Values{"username": {t.alice().Name}, "password": {t.alice().Password}, "decision": {decision}}
		t.notSentOn(terminal.Post(p.form.Action, bare), decision+" without the hidden inputs of the page", http.StatusForbidden)
		t.notSentOn(t.terminal().Post(p.form.Action, p.filled(t.alice(), decision)), decision+" without the cookie of the page", http.StatusForbidden)

		other := t.terminal()
		t.open(other, t.temporaryCredential(t.own(), "").token, t.own().ID)
		t.notSentOn(other.Post(p.form.Action, p.filled(t.alice(), decision)), decision+" with the hidden inputs of one page and the cookie of another", http.StatusForbidden)
	}
	verifier := t.verifier(t.open(terminal, temporary.token, t.own().ID).approve(t.alice()), "the user's approval on the server's own page, after decisions that should have changed nothing")
	t.exchange(t.own(), temporary, verifier)
}

// BI-OS-29: no page of another site can show the authorization page in a frame, the one after a wrong password included.
func pageCannotBeFramed(t *test) {
	p := t.open(t.terminal(), t.temporaryCredential(t.own(), "").token, t.own().ID)
	t.NotFramed(p.answer, "the authorization page")
	again := p.approve(UserSetup{Name: t.alice().Name, Password: "not-" + t.alice().Password})
	if judge.PasswordForm(again, p.url) != nil {
		t.NotFramed(again, "the authorization page after a wrong password")
	}
}

// BI-OS-30: the redirect makes the terminal forget the form that it has sent.
func redirectDoesNotRepeatThePassword(t *test) {
	approved := t.open(t.terminal(), t.temporaryCredential(t.own(), "").token, t.own().ID).approve(t.alice())
	denied := t.open(t.terminal(), t.temporaryCredential(t.own(), "").token, t.own().ID).deny()
	for i, resp := range []*conformance.Response{approved, denied} {
		what := []string{"the user's approval", "the user's refusal"}[i]
		t.redirected(resp, what)
		if resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
			t.FailAt(resp.Exchange, "a redirect with status 303 or 302 after "+what, judge.Describe(resp))
		}
	}
}

// BI-OS-33: a credential past its lifetime is not put to the user, nor decided.
func expiredCredentialCannotBeAuthorized(t *test) {
	t.approved(t.own(), t.alice())
	unopened, opened := t.temporaryCredential(t.own(), ""), t.temporaryCredential(t.own(), "")
	p := t.open(t.terminal(), opened.token, t.own().ID)
	t.outlive(unopened, t.metadata.TemporaryCredentialLifetime)
	t.turnedAway(t.terminal().Open(t.authorizationURL(unopened.token, t.own().ID, nil)), "an authorization request with an expired credential")
	t.notSentOn(p.approve(t.alice()), "approval of a credential that has expired since the page was opened", http.StatusBadRequest)
}

// BI-OS-43: a decision in a query has no effect, whether it comes by GET or by POST.
func decisionOnlyByPost(t *test) {
	t.approved(t.own(), t.alice())
	temporary := t.temporaryCredential(t.own(), "")
	terminal := t.terminal()
	noEffect := func(resp *conformance.Response, what string) {
		if strings.Contains(resp.Location(), "oauth_verifier=") || strings.Contains(resp.Location(), "error=") {
			t.FailAt(resp.Exchange, "no redirect to the client after "+what, judge.Describe(resp))
		}
	}
	for _, decision := range []string{"deny", "approve"} {
		p := t.open(terminal, temporary.token, t.own().ID)
		query := p.filled(t.alice(), decision)
		noEffect(terminal.Open(t.authorizationURL(temporary.token, t.own().ID, query)), decision+" in the query of a GET")
		p = t.open(terminal, temporary.token, t.own().ID)
		hidden, query := maps.Clone(p.form.Values), url.Values{"username": {t.alice().Name}, "password": {t.alice().Password}, "decision": {decision}}
		for _, name := range slices.Sorted(maps.Keys(query)) {
			hidden.Del(name)
		}
		noEffect(terminal.Post(withQuery(p.form.Action, query), hidden), decision+" in the query of a POST")
	}
	resp := t.open(terminal, temporary.token, t.own().ID).approve(t.alice())
	t.exchange(t.own(), temporary, t.verifier(resp, "the user's approval in the body of a POST, after decisions that should have had no effect"))
}

// BI-OS-44: what bears a secret is not kept by caches.
func secretsAreNotStoredByCaches(t *test) {
	temporary := t.temporaryCredential(t.own(), "")
	t.NotStored(temporary.answer, "the answer with a temporary credential")
	p := t.open(t.terminal(), temporary.token, t.own().ID)
	t.NotStored(p.answer, "the authorization page")
	token := t.exchange(t.own(), temporary, t.verifier(p.approve(t.alice()), "the user's approval"))
	t.NotStored(token.answer, "the answer with an access token")
}

// BI-OS-50: a credential that the server does not know sends the terminal nowhere.
func noOpenRedirect(t *test) {
	t.open(t.terminal(), t.temporaryCredential(t.own(), "").token, t.own().ID)
	for _, more := range []url.Values{
		{}, {"oauth_callback": {"https://attacker.example/"}}, {"redirect_uri": {"https://attacker.example/"}},
		{"oauth_callback": {t.own().Callback}, "error": {"access_denied"}},
	} {
		resp := t.terminal().Open(t.authorizationURL(t.Random(24), t.own().ID, more))
		t.notSentOn(resp, "an authorization request with an unknown temporary credential", http.StatusBadRequest)
	}
}

// BI-OS-51: who has opened the page earlier cannot decide once more, and nobody is asked again.
func oneDecisionACredential(t *test) {
	late := func(temporary issued) page { return t.open(t.terminal(), temporary.token, t.own().ID) }
	notDecided := func(resp *conformance.Response, what string) {
		if resp.Location() != "" {
			t.FailAt(resp.Exchange, "no redirect after "+what, judge.Describe(resp))
		}
	}
	notAsked := func(temporary issued, what string) {
		resp := t.terminal().Open(t.authorizationURL(temporary.token, t.own().ID, nil))
		if resp.Location() != "" || resp.Form("") != nil {
			t.FailAt(resp.Exchange, "no form and no redirect for an authorization request with a credential that has been "+what, judge.Describe(resp))
		}
	}

	temporary := t.temporaryCredential(t.own(), "")
	first, second := late(temporary), late(temporary)
	verifier := t.consent(temporary, t.own(), t.alice())
	notAsked(temporary, "approved")
	notDecided(first.approve(t.bob()), "approval of a credential that has been approved")
	notDecided(second.deny(), "refusal of a credential that has been approved")
	t.exchange(t.own(), temporary, verifier)

	refused := t.temporaryCredential(t.own(), "")
	first = late(refused)
	t.redirected(late(refused).deny(), "the user's refusal")
	notAsked(refused, "denied")
	notDecided(first.approve(t.alice()), "approval of a credential that has been denied")
}

// guessed is the page of a temporary credential after so many wrong passwords, four at most.
func (t *test) guessed(temporary issued, user UserSetup, wrong int) page {
	p := t.open(t.terminal(), temporary.token, t.own().ID)
	for range wrong {
		resp := p.approve(UserSetup{Name: user.Name, Password: "not-" + user.Password})
		t.notSentOn(resp, "approval with a wrong password", http.StatusForbidden)
		if again := judge.PasswordForm(resp, p.form.Action); again != nil {
			p.form = again
		}
	}
	return p
}

// BI-OS-52: a credential bears four wrong passwords, and the fifth ends it. The user is the second one: checks run beside this one that try wrong passwords for the first, and they count together (BI-OS-53).
func passwordGuessesAreLimited(t *test) {
	wrong := UserSetup{Name: t.bob().Name, Password: "not-" + t.bob().Password}
	t.verifier(t.guessed(t.temporaryCredential(t.own(), ""), t.bob(), 4).approve(t.bob()), "approval with the right password after four wrong ones, as a control")

	temporary := t.temporaryCredential(t.own(), "")
	p := t.guessed(temporary, t.bob(), 4)
	fifth := p.approve(wrong)
	if fifth.Status != http.StatusForbidden && fifth.Status != http.StatusBadRequest || fifth.Location() != "" || judge.PasswordForm(fifth, "") != nil {
		t.FailAt(fifth.Exchange, "status 403 or 400, no redirect and no form for the fifth wrong password", judge.Describe(fifth))
	}
	t.notSentOn(p.approve(t.bob()), "approval with the right password after five wrong ones", http.StatusBadRequest)
	t.turnedAway(t.terminal().Open(t.authorizationURL(temporary.token, t.own().ID, nil)), "an authorization request after five wrong passwords")
	t.approved(t.own(), t.bob())
}

// BI-OS-53: the tenth wrong password in ten minutes, over all credentials, ends consent under that name for ten minutes, and under no other.
func passwordGuessesAreLimitedForEachAccount(t *test) {
	const span = 10*time.Minute + 2*time.Second
	t.Advance(span) // shows that the clock can be moved, so that the user is not locked out of later checks
	guess := func(times ...int) {
		for _, wrong := range times {
			t.guessed(t.temporaryCredential(t.own(), ""), t.bob(), wrong)
		}
	}
	guess(4, 4, 1)
	t.verifier(t.open(t.terminal(), t.temporaryCredential(t.own(), "").token, t.own().ID).approve(t.bob()), "approval with the right password after nine wrong ones, as a control")

	guess(4, 4, 2)
	wrong := t.guessed(t.temporaryCredential(t.own(), ""), t.bob(), 0).approve(UserSetup{Name: t.bob().Name, Password: "not-" + t.bob().Password})
	right := t.guessed(t.temporaryCredential(t.own(), ""), t.bob(), 0).approve(t.bob())
	t.notSentOn(wrong, "the eleventh wrong password, at a fresh credential", http.StatusForbidden)
	t.notSentOn(right, "approval of a fresh credential with the right password after ten wrong ones at others", http.StatusForbidden)
	if judge.Describe(wrong) != judge.Describe(right) {
		t.FailAt(right.Exchange, "the answer to the right password like that to a wrong one: "+judge.Describe(wrong), judge.Describe(right))
	}
	t.approved(t.own(), t.alice())
	t.Advance(span)
	t.verifier(t.open(t.terminal(), t.temporaryCredential(t.own(), "").token, t.own().ID).approve(t.bob()), "approval with the right password ten minutes after the tenth wrong one")
}
