package bidirectional

import (
	"fmt"
	"net/http"
	"net/url"

	"countersign/conformance/judge"
)

// BI-RS-01: the token that was handed over opens the resources to its client.
func resourceForATokenHandedOver(t *test) {
	for _, client := range []ClientSetup{t.own(), t.peer()} {
		what := "the resources for " + client.ID
		got, resp := t.read(t.handedOver(client, t.alice()), what)
		t.OfType(resp, what, "application/json")
		if got.Owner == nil {
			t.FailAt(resp.Exchange, what+" with the member owner", "no owner")
		}
		if len(got.Resources) == 0 {
			t.FailAt(resp.Exchange, what+" with the member resources, one or more", "no resources")
		}
	}
}

// BI-RS-02: a token that nobody handed over opens nothing.
func unknownTokenRefused(t *test) {
	t.opens(t.handedOver(t.peer(), t.alice()), "a token that was handed over")
	t.opensNothing(t.newPass(t.peer(), t.alice()), "a token that was not handed over", "token_rejected")
}

// BI-RS-03: a token with one character changed, lacking, or too many is another token.
func tokensComparedWhole(t *test) {
	whole := t.handedOver(t.peer(), t.alice())
	t.opens(whole, "the token as it was handed over")
	last, middle := len(whole.token)-1, len(whole.token)/2
	for _, c := range []struct{ what, token string }{
		{"the token with its first character changed", swapFirst(whole.token)},
		{"the token with a middle character changed", whole.token[:middle] + swapFirst(whole.token[middle:])},
		{"the token with its last character changed", whole.token[:last] + swapFirst(whole.token[last:])},
		{"the token without its last character", whole.token[:last]},
		{"the token without its second half", whole.token[:middle]},
		{"the token with one character behind it", whole.token + "A"},
		{"the token with one character in front of it", "A" + whole.token},
	} {
		other := whole
		other.token = c.token
		t.opensNothing(other, c.what)
	}
}

// BI-RS-04: a request without Authorization, or without a token in it, is refused.
func noTokenNoResource(t *test) {
	p := t.handedOver(t.peer(), t.alice())
	t.opens(p, "a request with a token")
	unsigned := t.reading(p)
	unsigned.unsigned = true
	t.Refused(t.send(unsigned), "a request without Authorization", http.StatusUnauthorized)
	p.token, p.secret = "", ""
	t.opensNothing(p, "a request signed without oauth_token")
}

// BI-RS-05: a token works for the client that it was handed over for, and for no other.
func tokenOfAnotherClientRefused(t *test) {
	p := t.handedOver(t.peer(), t.alice())
	t.opens(p, "the token in the hands of "+p.client.ID)
	for _, other := range []ClientSetup{t.own(), t.third()} {
		p.client = other
		t.opensNothing(p, "the token of "+t.peer().ID+" in the hands of "+other.ID, "token_rejected")
	}
}

// BI-RS-06: the token opens the resources of the user that the hand-over names.
func resourcesOfTheUserWhoConsented(t *test) {
	for _, user := range []UserSetup{t.bob(), t.alice()} {
		t.belongsTo(t.handedOver(t.peer(), user), "the resources for a token of "+user.Name)
	}
}

// BI-RS-07: a signature made with other secrets, or changed, opens nothing.
func wronglySignedReadRefused(t *test) {
	p := t.handedOver(t.peer(), t.alice())
	t.opens(p, "a request rightly signed")
	corrupt, secret, tokenSecret := t.reading(p), t.reading(p), t.reading(p)
	corrupt.corrupt = true
	secret.by.clientSecret = t.own().Secret
	tokenSecret.by.tokenSecret = swapFirst(p.secret)
	t.Refused(t.send(corrupt), "a request with one character of the signature changed", http.StatusUnauthorized, "signature_invalid")
	t.Refused(t.send(secret), "a request signed with another client's secret", http.StatusUnauthorized, "signature_invalid")
	t.Refused(t.send(tokenSecret), "a request signed with another token's secret", http.StatusUnauthorized, "signature_invalid")
}

// BI-RS-08: refusals can be read by a program.
func refusedReadsAreMachineReadable(t *test) {
	p := t.handedOver(t.peer(), t.alice())
	t.opens(p, "a request with nothing wrong")
	unsigned, corrupt, madeUp, version := t.reading(p), t.reading(p), t.reading(p), t.reading(p)
	unsigned.unsigned = true
	corrupt.corrupt = true
	madeUp.signatureMethod = "HMAC-MADE-UP"
	version.version = "2.0"
	stranger := p
	stranger.client = nobody
	t.machineReadable(
		t.send(unsigned), t.send(corrupt), t.send(madeUp), t.send(version), t.send(t.reading(stranger)),
		t.send(t.reading(t.newPass(t.peer(), t.alice()))),
	)
}

// BI-RS-09: a token that came too early is judged anew once its hand-over has arrived.
func lateHandoverCounts(t *test) {
	p := t.newPass(t.peer(), t.alice())
	first := t.send(t.reading(p)) // that it is refused is the matter of BI-RS-02
	t.acknowledged(t.send(t.issuing(p)), "the hand-over of a token that has been shown already")
	if resp := t.send(t.reading(p)); resp.Status != http.StatusOK {
		t.FailAt(resp.Exchange, "status 200 for a token whose hand-over came after its first use", judge.Describe(resp)+"; before the hand-over "+judge.Describe(first))
	}
}

// BI-RS-19: a nonce is good for one request of its client, whatever the timestamp and the token.
func nonceOfAReadUsedOnce(t *test) {
	p := t.handedOver(t.peer(), t.alice())
	r := t.reading(p)
	r.nonce, r.timestamp = t.Random(12), t.at(0)
	t.control(r, "a request with a fresh nonce")
	t.Refused(t.send(r), "the same request again", http.StatusUnauthorized, "nonce_used")
	later := r
	later.timestamp = t.at(-1)
	t.Refused(t.send(later), "another request with the same nonce, one second apart", http.StatusUnauthorized, "nonce_used")
	other := t.reading(t.handedOver(t.peer(), t.bob()))
	other.nonce, other.timestamp = r.nonce, r.timestamp
	t.Refused(t.send(other), "a request of the same client with another token and the same nonce", http.StatusUnauthorized, "nonce_used")
}

// BI-RS-20: what was signed long ago, or for later, is refused.
func timestampOfAReadWithinTheWindow(t *test) {
	r := t.reading(t.handedOver(t.peer(), t.alice()))
	for _, side := range []int64{-1, 1} {
		r.timestamp = t.at(side * t.window() / 2)
		t.control(r, fmt.Sprintf("a request with a timestamp %+d s from now, the window being %d s", side*t.window()/2, t.window()))
		for _, off := range []int64{t.window() + outside, 24 * 3600} {
			r.timestamp = t.at(side * off)
			t.Refused(t.send(r), fmt.Sprintf("a request with a timestamp %+d s from now", side*off), http.StatusUnauthorized, "timestamp_refused")
		}
	}
}

// BI-RS-21: PLAINTEXT shows both secrets to whoever listens.
func plaintextReadWithoutTLSRefused(t *test) {
	r := t.reading(t.handedOver(t.peer(), t.alice()))
	t.plain(r.url)
	t.control(r, "a request signed with HMAC-SHA256")
	r.signatureMethod = "PLAINTEXT"
	t.Refused(t.send(r), "a request signed with PLAINTEXT, without TLS", http.StatusBadRequest, "signature_method_rejected")
}

// BI-RS-22: a protocol parameter comes once, header and query taken together.
func protocolParametersOfAReadComeOnce(t *test) {
	right := t.reading(t.handedOver(t.peer(), t.alice()))
	t.control(right, "a request with each parameter once")
	for _, name := range []string{"oauth_nonce", "oauth_token", "oauth_consumer_key"} {
		r := right
		r.twice = name
		t.Refused(t.send(r), "a request with "+name+" twice in the header", http.StatusBadRequest, "parameter_rejected")
	}
	inQuery := right
	inQuery.url = withQuery(right.url, url.Values{"oauth_token": {right.by.token}})
	t.Refused(t.send(inQuery), "a request with oauth_token in the header and in the query", http.StatusBadRequest, "parameter_rejected")
}

// BI-RS-23: resources are not kept by caches.
func resourcesAreNotStoredByCaches(t *test) {
	t.NotStored(t.opens(t.handedOver(t.peer(), t.alice()), "a request with a token"), "the answer with the resources")
}

// BI-RS-24: a token is for reading.
func readOnly(t *test) {
	r := t.reading(t.handedOver(t.peer(), t.alice()))
	t.control(r, "a signed GET")
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		r.method = method
		resp := t.send(r)
		if resp.Status != http.StatusMethodNotAllowed {
			t.FailAt(resp.Exchange, "status 405 for a signed "+method, judge.Describe(resp))
		}
	}
}
