package bidirectional

import (
	"fmt"
	"net/http"
	"time"
)

// receiptOf is what belongs to the acknowledgement of a hand-over besides its status, by section 4.4 of the profile; empty for a hand-over without a signature.
func receiptOf(signature, key string) string {
	if signature == "" {
		return ""
	}
	return sign("HMAC-SHA256", "receipt&"+escape(signature), credentials{clientSecret: key})
}

// receiptFor is receiptOf for the hand-over that has this header.
func receiptFor(h http.Header, key string) string {
	signed, _ := authorizationParams(h.Values("Authorization"))
	return receiptOf(handover{signed: signed}.param("oauth_signature"), key)
}

// acknowledge puts a receipt into an answer, unless it is empty.
func acknowledge(header http.Header, receipt string) {
	if receipt != "" {
		header.Set("Handover-Receipt", receipt)
	}
}

// acknowledgeHandovers answers hand-overs that no check asks for, from here on, as the resource server of the target's site does. What it says follows from the
// hand-over alone, so that it does not matter which of several checks answers. They are no part of the check and stand in no report.
func (t *test) acknowledgeHandovers() {
	err := t.Env.Play("site-a", t.atHandover(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		acknowledge(w.Header(), receiptFor(r.Header, t.HandoverKey))
		w.WriteHeader(http.StatusNoContent)
	})))
	if err != nil {
		t.Broken("the harness cannot play site-a: %v", err)
	}
}

// BI-OS-55: whoever answers in the resource server's place, with a 204 and without the key, has acknowledged nothing: neither an issue nor a revocation.
func acknowledgementIsTheResourceServers(t *test) {
	taken := t.takeHandovers()
	once := t.granted(t.alice()) // it is acknowledged rightly
	before := taken.arrived(once)
	wrong := []struct {
		what    string
		receipt func(handover) string
	}{
		{"no receipt", func(handover) string { return "" }},
		{"the receipt of another hand-over", func(handover) string { return receiptOf(before.param("oauth_signature"), t.HandoverKey) }},
		{"a receipt under another key", func(got handover) string { return receiptOf(got.param("oauth_signature"), "not-"+t.HandoverKey) }},
		{"a receipt with one character changed", func(got handover) string {
			return swapFirst(receiptOf(got.param("oauth_signature"), t.HandoverKey))
		}},
		{"the hand-over's own signature for a receipt", func(got handover) string { return got.param("oauth_signature") }},
	}
	tokens := make([]issued, len(wrong))
	for i, w := range wrong {
		taken.acknowledgeFirst(w.receipt)
		tokens[i] = t.granted(t.alice())
		taken.arrived(tokens[i])
	}
	for i, w := range wrong {
		if !t.Env.Await(10*time.Second, func() bool { return taken.acknowledged(tokens[i], "issued") }) {
			t.FailAt(tokens[i].answer.Exchange, "a hand-over that was answered with 204 and "+w.what+" sent again after about one second", "no second hand-over in 10 s")
		}
	}
	const longer = 4 * time.Second // than the pauses after the first and the second try
	var more *issued
	var tries int
	if t.Env.Await(longer, func() bool {
		for i, token := range append(tokens, once) {
			if tries = len(taken.of(token.token)); tries > 2 || i == len(tokens) && tries > 1 {
				more = &token
				return true
			}
		}
		return false
	}) {
		t.FailAt(more.answer.Exchange, "no hand-over after the one that was answered with 204 and the right receipt", fmt.Sprintf("%d hand-overs of the token", tries))
	}
	for i, w := range wrong {
		taken.acknowledgeFirst(w.receipt)
		t.revokedIfKnown(taken, tokens[i], "the revocation whose hand-over was answered with 204 and "+w.what)
	}
	for i, w := range wrong {
		if !t.Env.Await(10*time.Second, func() bool { return taken.acknowledged(tokens[i], "revoked") }) {
			t.Fail("the hand-over with event=revoked, answered with 204 and "+w.what+", sent again after about one second", "no second one in 10 s")
		}
	}
}
