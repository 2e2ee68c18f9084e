package bidirectional

import "net/http"

// BI-OS-15: the client makes an access token of the verifier.
func verifierExchangedForAToken(t *test) {
	temporary, verifier := t.approved(t.own(), t.alice())
	token := t.exchange(t.own(), temporary, verifier)
	at, what := token.answer.Exchange, "the answer to the token request"
	t.OfType(token.answer, what, "application/x-www-form-urlencoded")
	t.once(at, token.values, "oauth_token", what)
	t.once(at, token.values, "oauth_token_secret", what)
	t.onceAs(at, token.values, "client_id", t.own().ID, what)
	t.wholeNumber(at, token.values, "expires_in", what)
}

// BI-OS-16: no token while the user has not consented, be the page unopened, open, or answered with a wrong password.
func noTokenBeforeConsent(t *test) {
	temporary, verifier := t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)
	temporary = t.temporaryCredential(t.own(), "")
	t.withoutRightVerifier(temporary, t.Random(24), "before the page was opened")
	p := t.open(t.terminal(), temporary.token, t.own().ID)
	t.withoutRightVerifier(temporary, t.Random(24), "with the page open")
	p.approve(UserSetup{Name: t.alice().Name, Password: "not-" + t.alice().Password})
	t.withoutRightVerifier(temporary, t.Random(24), "after a wrong password")
}

// BI-OS-17: the temporary credential alone, or with another verifier, gives no token.
func wrongVerifierRefused(t *test) {
	temporary, verifier := t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)
	temporary, verifier = t.approved(t.own(), t.alice())
	for _, wrong := range []string{swapFirst(verifier), verifier[:len(verifier)-1], verifier + "A"} {
		t.withoutRightVerifier(temporary, wrong, "after consent")
	}
}

// withoutRightVerifier sends token requests with a wrong verifier, an empty one and none.
func (t *test) withoutRightVerifier(temporary issued, wrong, when string) {
	none := t.tokenRequest(t.own(), temporary, "")
	empty := none
	empty.oauth = []param{{"oauth_verifier", ""}}
	t.Refused(t.send(t.tokenRequest(t.own(), temporary, wrong)), "a token request "+when+" with a wrong verifier", http.StatusUnauthorized)
	t.Refused(t.send(empty), "a token request "+when+" with an empty verifier", http.StatusUnauthorized)
	t.Refused(t.send(none), "a token request "+when+" without a verifier", http.StatusUnauthorized)
}

// BI-OS-18: the credential that was rewritten becomes the receiving client's, with all that follows.
func rewrittenIdentifierHonoured(t *test) {
	temporary := t.temporaryCredential(t.own(), t.peer().ID)
	resp := t.open(t.terminal(), temporary.token, t.peer().ID).approve(t.alice())
	what := "approval of a credential rewritten to " + t.peer().ID
	t.sentTo(resp, t.peer(), what)
	token := t.exchange(t.peer(), temporary, t.verifier(resp, what))
	t.onceAs(token.answer.Exchange, token.values, "client_id", t.peer().ID, "the access token for "+t.peer().ID)
}

// BI-OS-19: who exchanges is who the credential belongs to now.
func exchangeByAnotherClientRefused(t *test) {
	temporary, verifier := t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)
	temporary, verifier = t.rewritten(t.alice())
	t.exchange(t.peer(), temporary, verifier)

	temporary, verifier = t.approved(t.own(), t.alice())
	t.Refused(t.send(t.tokenRequest(t.peer(), temporary, verifier)), "the token request of "+t.peer().ID+" with a credential of "+t.own().ID, http.StatusUnauthorized)
	for _, other := range []ClientSetup{t.own(), t.third()} {
		temporary, verifier = t.rewritten(t.alice())
		t.Refused(t.send(t.tokenRequest(other, temporary, verifier)), "the token request of "+other.ID+" with a credential rewritten to "+t.peer().ID, http.StatusUnauthorized)
	}
}

// BI-OS-22: of several credentials of one client, those that nobody refused stay good.
func credentialsDoNotTouchEachOther(t *test) {
	refused, failed := t.temporaryCredential(t.own(), ""), t.temporaryCredential(t.own(), "")
	decided, undecided := t.temporaryCredential(t.own(), ""), t.temporaryCredential(t.own(), "")
	others := t.temporaryCredential(t.peer(), "")
	verifier := t.consent(decided, t.own(), t.alice())

	t.redirected(t.open(t.terminal(), refused.token, t.own().ID).deny(), "the user's refusal")
	t.send(t.tokenRequest(t.own(), failed, t.Random(24)))
	t.open(t.terminal(), failed.token, t.own().ID).approve(UserSetup{Name: t.alice().Name, Password: "not-" + t.alice().Password})

	t.exchange(t.own(), decided, verifier)
	t.exchange(t.own(), undecided, t.consent(undecided, t.own(), t.alice()))
	t.exchange(t.peer(), others, t.consent(others, t.peer(), t.alice()))
}

// BI-OS-24: a credential for which no delegate was named stays with the client that asked.
func rewritingNeedsADelegate(t *test) {
	t.open(t.terminal(), t.temporaryCredential(t.own(), t.peer().ID).token, t.peer().ID)
	temporary := t.temporaryCredential(t.own(), "")
	t.turnedAway(t.terminal().Open(t.authorizationURL(temporary.token, t.peer().ID, nil)), "an authorization request rewritten to "+t.peer().ID+", no delegate named")
}

// BI-OS-25: a credential can be rewritten to its delegate and to nobody else.
func rewritingOnlyToTheDelegate(t *test) {
	t.open(t.terminal(), t.temporaryCredential(t.own(), t.peer().ID).token, t.peer().ID)
	for _, other := range []string{t.third().ID, nobody.ID} {
		temporary := t.temporaryCredential(t.own(), t.peer().ID)
		t.turnedAway(t.terminal().Open(t.authorizationURL(temporary.token, other, nil)), "an authorization request rewritten to "+other+", the delegate being "+t.peer().ID)
	}
}

// BI-OS-31: a second token request gives no second token.
func temporaryCredentialUsedOnce(t *test) {
	temporary, verifier := t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)
	t.Refused(t.send(t.tokenRequest(t.own(), temporary, verifier)), "the second token request with one temporary credential", http.StatusUnauthorized)
}

// BI-OS-32: consent given in time does not keep a credential alive past its lifetime.
func temporaryCredentialExpires(t *test) {
	temporary, verifier := t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)
	temporary, verifier = t.approved(t.own(), t.alice())
	t.outlive(temporary, t.metadata.TemporaryCredentialLifetime)
	t.Refused(t.send(t.tokenRequest(t.own(), temporary, verifier)), "the token request after the credential's lifetime", http.StatusUnauthorized, "token_expired")
	temporary, verifier = t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)
}

// BI-OS-35: the verifier of one credential does not complete another, consented or not.
func verifierBoundToItsCredential(t *test) {
	temporary, verifier := t.approved(t.own(), t.alice())
	t.exchange(t.own(), temporary, verifier)
	_, attackers := t.approved(t.own(), t.bob())
	consented, _ := t.approved(t.own(), t.alice())
	for i, victims := range []issued{t.temporaryCredential(t.own(), ""), consented} {
		state := []string{"that nobody has decided on", "that another user has approved"}[i]
		t.Refused(t.send(t.tokenRequest(t.own(), victims, attackers)), "the token request for a credential "+state+", with the verifier of another one", http.StatusUnauthorized)
	}
}
