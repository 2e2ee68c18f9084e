package mobile

import (
	"net/http"
	"time"

	"countersign/conformance/jose"
)

// faulty is a token that is not right in one thing.
type faulty struct {
	what   string
	change func(statement) statement
}

// faultsRefused wants each token to be refused, though it opens and is shared.
func (t *systemTest) faultsRefused(faults ...faulty) {
	t.opens(t.sharedPass(t.alice()), control)
	for _, f := range faults {
		t.tokenRefused(t.show(t.altered(f.change)), f.what)
	}
}

// MO-BS-12
func (t *systemTest) tokenForAnotherSystemRefused() {
	other := t.erp().ID
	t.faultsRefused(
		faulty{"a token for another system", func(s statement) statement { return s.headed("aud", other).with("aud", other) }},
		faulty{"a token whose header names another system", func(s statement) statement { return s.headed("aud", other) }},
		faulty{"a token whose claims name another system", func(s statement) statement { return s.with("aud", other) }},
		faulty{"a token whose header names no system", func(s statement) statement { return s.headed("aud", nil) }},
		faulty{"a token whose claims name no system", func(s statement) statement { return s.with("aud", nil) }},
	)
}

// MO-BS-13
func (t *systemTest) headerAndClaimsAgree() {
	other := confirmation(t.newSigner("").Thumbprint())
	t.faultsRefused(
		faulty{"a token whose claims are bound to another key than its header", func(s statement) statement { return s.with("cnf", other) }},
		faulty{"a token whose header is bound to another key than its claims", func(s statement) statement { return s.headed("cnf", other) }},
		faulty{"a token whose header alone has cnf", func(s statement) statement { return s.with("cnf", nil) }},
		faulty{"a token whose claims alone have cnf", func(s statement) statement { return s.headed("cnf", nil) }},
		faulty{"a token whose header has a member more in its cnf than its claims", func(s statement) statement { return s.headed("cnf", named(s, "one")) }},
		faulty{"a token whose claims have a member more in their cnf than its header", func(s statement) statement { return s.with("cnf", named(s, "one")) }},
		faulty{"a token whose header and claims have one jkt in cnf, and differ in another member of it", func(s statement) statement {
			return s.headed("cnf", named(s, "one")).with("cnf", named(s, "other"))
		}},
	)
	t.opens(t.altered(func(s statement) statement { return s.headed("cnf", named(s, "one")).with("cnf", named(s, "one")) }), "a token whose header and claims have the same member beside jkt in cnf")
}

// named is the cnf of a token with the name of its key beside the thumbprint (RFC 7800 section 3.4).
func named(s statement, keyID string) map[string]any {
	return map[string]any{"jkt": s.claims.Object("cnf").Text("jkt"), "kid": keyID}
}

// MO-BS-14
func (t *systemTest) tokenOfAnotherIssuerRefused() {
	t.faultsRefused(
		faulty{"a token of another issuer", func(s statement) statement { return s.with("iss", "https://test.example") }},
		faulty{"a token of an issuer with a slash more at its end", func(s statement) statement { return s.with("iss", t.Issuer+"/") }},
		faulty{"a token without an issuer", func(s statement) statement { return s.with("iss", nil) }},
	)
}

// MO-BS-15
func (t *systemTest) expiredTokenRefused() {
	now := t.Env.Now()
	t.faultsRefused(
		faulty{"a token that expired two minutes ago", func(s statement) statement {
			return s.with("iat", now.Add(-7*time.Minute).Unix()).with("exp", now.Add(-2*time.Minute).Unix())
		}},
		faulty{"a token that expired a day ago", func(s statement) statement {
			return s.with("iat", now.Add(-25*time.Hour).Unix()).with("exp", now.Add(-24*time.Hour).Unix())
		}},
	)
	device := t.newSigner("")
	c := t.contents(t.alice(), device)
	c.lifetime = 5 * time.Second
	record := recordOf(c, 30)
	record["expires_in"] = int64(300)
	t.server.share(c.id, record)
	p := t.passWith(c, device, c.statement())
	t.opens(p, "a token that expires in 5 s")
	if t.Passes(9 * time.Second) {
		t.tokenRefused(t.show(p), "a token that expired 4 s ago, and is shared as before")
	}
}

// unproved are the errors of a token that comes without the proof that it is bound to.
func unproved() []string { return []string{"invalid_token", "invalid_dpop_proof"} }

// MO-BS-17
func (t *systemTest) boundTokenIsNoBearerToken() {
	unauthorized := []int{http.StatusUnauthorized}
	p := t.sharedPass(t.alice())
	t.opens(p, control)
	bearer := t.resourceRequest(http.MethodGet, p)
	bearer.Header.Set("Authorization", "Bearer "+p.sealed)
	t.closed(t.Do("app", bearer), "a resource request with a bound token under the scheme Bearer, with a right proof", unauthorized, unproved()...)
	bare := t.resourceRequest(http.MethodGet, p)
	bare.Header.Set("Authorization", "Bearer "+p.sealed)
	bare.Header.Del("DPoP")
	t.closed(t.Do("app", bare), "a resource request with a bound token under the scheme Bearer, without a proof", unauthorized, unproved()...)
	t.lied(p, noProofs(), unproved()...)
	device := t.newSigner("")
	c := t.contents(t.alice(), device)
	c.thumbprint = ""
	t.server.share(c.id, recordOf(c, 0)) // and the record agrees with it
	unbound := t.passWith(c, device, c.statement())
	t.closed(t.show(unbound), "a resource request with a token without cnf, with a proof", unauthorized, unproved()...)
	t.opens(p, rightToken+", after that")
}

// lied wants a resource request with each of the lies to be refused with 401 and one of the errors.
func (t *systemTest) lied(p pass, lies []lie, codes ...string) {
	other, endpoint := t.newSigner(""), t.metadata.ResourceEndpoint
	for _, l := range lies {
		right := t.proof(p.device, http.MethodGet, endpoint, p.sealed)
		req := t.belie(t.resourceRequest(http.MethodGet, p), l, right, p.device, other)
		t.closed(t.Do("app", req), "a resource request with "+l.what, []int{http.StatusUnauthorized}, codes...)
	}
}

// proofsRefused wants a right proof to count and each of the lies to be refused as such.
func (t *systemTest) proofsRefused(lies []lie) {
	p := t.sharedPass(t.alice())
	t.opens(p, control)
	t.lied(p, lies, "invalid_dpop_proof")
	t.opens(p, rightToken+", with a right proof after wrong ones")
}

// MO-BS-18
func (t *systemTest) proofByAnotherKeyRefused() {
	p, other := t.sharedPass(t.alice()), t.sharedPass(t.bob())
	t.opens(p, control)
	t.opens(other, "the token of another device, as a control")
	for _, c := range []struct {
		what  string
		thief jose.Signer
	}{
		{"a key of which nobody has heard", t.newSigner("")},
		{"the key of another device that is known", other.device},
	} {
		stolen := pass{p.contents, c.thief, p.sealed}
		t.closed(t.show(stolen), "a resource request with a right proof by "+c.what, []int{http.StatusUnauthorized}, unproved()...)
	}
}

// MO-BS-19
func (t *systemTest) signatureOfTheProofCompared() { t.proofsRefused(forgedProofs()) }

// MO-BS-20
func (t *systemTest) proofForAnotherRequestRefused() {
	t.proofsRefused(misdirectedProofs(http.MethodGet, t.Base()+wellKnown))
}

// MO-BS-21
func (t *systemTest) proofForAnotherTokenRefused() {
	other := t.sharedPass(t.alice())
	t.proofsRefused([]lie{
		claiming("a proof without ath", "ath", nil),
		claiming("a proof for another token", "ath", hashOf(other.sealed)),
		claiming("a proof whose ath is empty", "ath", ""),
		claiming("a proof whose ath is that of what the token has in it", "ath", hashOf(other.contents.token)),
	})
}

// MO-BS-22
func (t *systemTest) oldProofRefused() { t.proofsRefused(untimelyProofs()) }

// MO-BS-23
func (t *systemTest) proofCountsOnce() {
	p, endpoint := t.sharedPass(t.alice()), t.metadata.ResourceEndpoint
	right := t.proof(p.device, http.MethodGet, endpoint, p.sealed)
	with := func(s statement) *http.Request { return t.prove(t.resourceRequest(http.MethodGet, p), p.device, s) }

	early := t.Do("app", with(right.with("htu", t.Base()+wellKnown)))
	t.closed(early, "a resource request with a proof for another request", []int{http.StatusUnauthorized}, "invalid_dpop_proof")
	first := t.Do("app", with(right))
	t.ownResource(first, t.alice().Name, "a resource request with a right proof, whose jti has not counted yet")

	again := func(s statement, what string) {
		t.closed(t.Do("app", with(s)), what, []int{http.StatusUnauthorized}, "invalid_dpop_proof")
	}
	again(right, "a resource request with a proof that was used before")
	again(right.with("iat", right.claims["iat"].(int64)+1), "a resource request with a new proof whose jti was used before")
	if t.Passes(proofWindow - 15*time.Second) {
		again(right, "a resource request with a proof that was used 45 s before")
	}
	t.opens(p, rightToken+", with a new proof")
}
