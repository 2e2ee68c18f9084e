package bidirectional

import (
	"fmt"
	"net/http"
	"time"
)

// refusedHandover sends a hand-over with one thing wrong, and shows that its token opens nothing.
func (t *test) refusedHandover(p pass, r request, what string, status int, codes ...string) {
	t.Refused(t.send(r), what, status, codes...)
	t.opensNothing(p, "the token of "+what)
}

// handoverControl shows that a right hand-over makes a token work.
func (t *test) handoverControl() {
	t.opens(t.handedOver(t.peer(), t.alice()), "a token rightly handed over")
}

// BI-RS-10: a hand-over meant for another resource server gives no token here.
func handoverMeantForAnotherRefused(t *test) {
	t.handoverControl()
	for _, other := range []string{t.PeerIssuer + "/resource", t.metadata.ResourceEndpoint + "/other"} {
		p := t.newPass(t.peer(), t.alice())
		p.meantFor = other
		t.refusedHandover(p, t.issuing(p), "a hand-over meant for "+other, http.StatusBadRequest, "parameter_rejected")
	}
}

// BI-RS-11: a hand-over that nobody signed gives no token.
func unsignedHandoverRefused(t *test) {
	t.handoverControl()
	p := t.newPass(t.peer(), t.alice())
	r := t.issuing(p)
	r.unsigned = true
	t.refusedHandover(p, r, "a hand-over without a signature", http.StatusUnauthorized)
}

// BI-RS-12: a hand-over whose signature does not match gives no token.
func wronglySignedHandoverRefused(t *test) {
	t.handoverControl()
	p := t.newPass(t.peer(), t.alice())
	r := t.issuing(p)
	r.corrupt = true
	t.refusedHandover(p, r, "a hand-over with one character of the signature changed", http.StatusUnauthorized, "signature_invalid")
	r.corrupt, r.by.clientSecret = false, "not-"+t.HandoverKey
	t.refusedHandover(p, r, "a hand-over signed with another key", http.StatusUnauthorized, "signature_invalid")
}

// BI-RS-13: nobody but the site's own OAuth server hands tokens over, be it a registered client, the peer's server or somebody unknown.
func handoverByAnotherSenderRefused(t *test) {
	t.handoverControl()
	for _, by := range []credentials{
		signedBy(t.own()), signedBy(t.peer()),
		{client: t.PeerIssuer, clientSecret: t.HandoverKey}, {client: nobody.ID, clientSecret: t.HandoverKey},
	} {
		p := t.newPass(t.peer(), t.alice())
		r := t.issuing(p)
		r.by = by
		t.refusedHandover(p, r, "a hand-over signed under "+by.client, http.StatusUnauthorized, "consumer_key_unknown")
	}
}

// BI-RS-14: a token that was taken back opens nothing.
func revokedTokenRefused(t *test) {
	p, other := t.handedOver(t.peer(), t.alice()), t.handedOver(t.peer(), t.alice())
	t.opens(p, "the token before it is revoked")
	t.acknowledged(t.send(t.revoking(p)), "the hand-over with event=revoked")
	t.opensNothing(p, "the revoked token", "token_revoked", "token_rejected")
	t.opens(other, "another token of the same client and user, as a control")
}

// BI-RS-15: no hand-over brings a revoked token back, wherever it stands in the sequence and whether the token was known or not.
func revocationIsFinal(t *test) {
	t.handoverControl()
	known, unknown := t.handedOver(t.peer(), t.alice()), t.newPass(t.peer(), t.alice())
	for i, p := range []pass{known, unknown} {
		what := []string{"a token that was issued, revoked and issued again", "a token that was revoked before its first hand-over came"}[i]
		t.acknowledged(t.send(t.revoking(p)), "the hand-over with event=revoked")
		late := t.issuing(p)
		t.send(late)
		t.opensNothing(p, what)
		late.form.Set("sequence", "3")
		t.send(late)
		t.opensNothing(p, what+", with a greater sequence")
	}
	for _, sequence := range []string{"", "0", "-1", "1.5", "one", "9007199254740992"} {
		p := t.newPass(t.peer(), t.alice())
		t.refusedHandover(p, t.saying(p, "sequence", sequence), fmt.Sprintf("a hand-over with sequence=%q", sequence), http.StatusBadRequest, "parameter_rejected", "parameter_absent")
	}
	greatest := t.handedOver(t.peer(), t.alice())
	revoking := t.revoking(greatest)
	revoking.form.Set("sequence", "9007199254740991")
	t.acknowledged(t.send(revoking), "a hand-over with event=revoked and the greatest sequence, 2^53-1")
	t.opensNothing(greatest, "a token that was revoked with the greatest sequence, 2^53-1")
	revoking = t.revoking(known)
	revoking.form.Del("sequence")
	t.Refused(t.send(revoking), "a hand-over with event=revoked and no sequence", http.StatusBadRequest, "parameter_absent")
}

// saying hands a token over with a parameter of another value, or without it where there is none.
func (t *test) saying(p pass, name, value string) request {
	r := t.issuing(p)
	r.form.Set(name, value)
	if value == "" {
		r.form.Del(name)
	}
	return r
}

// BI-RS-16: a hand-over that comes again, signed anew, is acknowledged again.
func repeatedHandoverIsHarmless(t *test) {
	p := t.handedOver(t.peer(), t.alice())
	for range 2 {
		t.acknowledged(t.send(t.issuing(p)), "a hand-over that arrives again")
		t.opens(p, "the token after its hand-over arrived again")
	}
}

// BI-RS-17: a known token keeps its client, its user and its secret.
func tokenCannotBeRebound(t *test) {
	p := t.handedOver(t.peer(), t.alice())
	t.opens(p, "the token as it was handed over")
	client, user, secret := p, p, p
	client.client, user.user, secret.secret = t.third(), t.bob(), t.Random(24)
	ended := user
	ended.expires = t.Env.Now().Unix() - 3600
	for i, other := range []pass{client, user, secret, ended} {
		what := "a hand-over that names a known token with another " + []string{"client", "user", "secret", "user, and an end that is over"}[i]
		before := t.send(t.reading(other)).Status
		t.Refused(t.send(t.issuing(other)), what, http.StatusConflict)
		t.belongsTo(p, "the token after "+what)
		if before == http.StatusUnauthorized { // what opens beforehand is the matter of BI-RS-05 and BI-RS-07
			t.opensNothing(other, "the token in the new guise, after "+what)
		}
	}
}

// BI-RS-18: a token past its expires_at opens nothing, whether it expired on the way or here.
func accessTokenExpires(t *test) {
	t.handoverControl()
	for _, expires := range []string{"", "0", "-1", "soon", "4000000000.5", "250000000001", "253402300800", "18446744073709551617"} {
		p := t.newPass(t.peer(), t.alice())
		t.refusedHandover(p, t.saying(p, "expires_at", expires), fmt.Sprintf("a hand-over with expires_at=%q", expires), http.StatusBadRequest, "parameter_rejected", "parameter_absent")
	}

	dead := t.newPass(t.peer(), t.alice())
	dead.expires = t.Env.Now().Unix() - 3600
	t.send(t.issuing(dead)) // acknowledged or refused: nothing says which
	resp := t.send(t.reading(dead))
	t.Refused(resp, "a token that had expired before it was handed over", http.StatusUnauthorized, "token_expired", "token_rejected")

	const life = 10
	p := t.newPass(t.peer(), t.alice())
	p.expires = t.TimeOf(resp, t.metadata.TestClockEndpoint).Unix() + life
	t.acknowledged(t.send(t.issuing(p)), fmt.Sprintf("the hand-over of a token that lives %d s", life))
	t.opens(p, "the token before its expires_at")
	t.Advance((life + 2) * time.Second)
	t.opensNothing(p, "the token after its expires_at", "token_expired", "token_rejected")
	t.handoverControl()
}

// BI-RS-25: a hand-over signed long ago, or for later, gives no token.
func handoverIsFresh(t *test) {
	t.handoverControl()
	for _, off := range []int64{-t.window() - outside, t.window() + outside} {
		p := t.newPass(t.peer(), t.alice())
		r := t.issuing(p)
		r.timestamp = t.at(off)
		t.refusedHandover(p, r, fmt.Sprintf("a hand-over with a timestamp %+d s from now", off), http.StatusUnauthorized, "timestamp_refused")
	}
}

// BI-RS-26: each acknowledgement bears the receipt for the very hand-over that it answers, also where nothing was left to do.
func acknowledgementBearsAReceipt(t *test) {
	p, unknown := t.newPass(t.peer(), t.alice()), t.newPass(t.peer(), t.alice())
	for _, h := range []struct {
		what string
		request
	}{
		{"a hand-over with event=issued", t.issuing(p)},
		{"the hand-over that arrives again, signed anew", t.issuing(p)},
		{"the hand-over with event=revoked", t.revoking(p)},
		{"the hand-over with event=revoked that arrives again, signed anew", t.revoking(p)},
		{"a hand-over with event=issued after the revocation", t.issuing(p)},
		{"the hand-over with event=revoked of a token that was not handed over", t.revoking(unknown)},
	} {
		r := t.sign(h.request)
		resp := t.Do(h.sender(), r)
		t.acknowledged(resp, h.what)
		want := receiptFor(r.Header, t.HandoverKey)
		if got := resp.Header.Values("Handover-Receipt"); len(got) != 1 || got[0] != want {
			t.FailAt(resp.Exchange, "status 204 with the Handover-Receipt for the oauth_signature of "+h.what, fmt.Sprintf("Handover-Receipt %q", got))
		}
	}
}
