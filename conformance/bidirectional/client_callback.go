package bidirectional

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// callbackRefused opens the callback and fails the check unless it is refused and leads to no token request.
func (t *clientTest) callbackRefused(b *conformance.Browser, params url.Values, what string) {
	before := t.tokenRequests()
	resp := t.callback(b, params)
	t.noTokenRequest(before, what)
	t.ExpectStatus(resp, what, http.StatusBadRequest, http.StatusForbidden)
}

// BI-CL-24
func (t *clientTest) callbackNeedsSession() {
	t.complete(t.browser())
	l := t.begin(t.browser())
	t.callbackRefused(t.browser(), t.consent(l), "a callback without any cookie")
}

// BI-CL-25
func (t *clientTest) callbackInOtherSessionRefused() {
	t.complete(t.browser())
	attacker, victim := t.browser(), t.browser()
	attacker.As, victim.As = "attacker's terminal", "victim's terminal"
	attackers := t.begin(attacker)
	t.begin(victim)
	t.callbackRefused(victim, t.consent(attackers), "a callback for a leg that another session began")
}

// BI-CL-26
func (t *clientTest) unknownCredentialInCallbackRefused() {
	t.complete(t.browser())
	l := t.begin(t.browser())
	t.peer.approve(l.credential, t.id())
	t.callbackRefused(l.browser, l.back(url.Values{"oauth_token": {t.Random(18)}, "oauth_verifier": {l.credential.verifier}}),
		"a callback with an oauth_token that the session does not wait for")
}

// BI-CL-27
func (t *clientTest) callbackTakenOnce() {
	l, _ := t.complete(t.browser())
	before := t.tokenRequests()
	t.approve(l)
	t.noTokenRequest(before, "the same callback a second time")
}

// BI-CL-14
func (t *clientTest) bothSidesAtOnce() {
	t.bothAtOnce(t.browser(), t.browser())
	impatient := t.browser() // section 6.1: its session is kept, and the new leg added
	impatient.As = "one terminal for both"
	t.bothAtOnce(impatient, impatient)
}

// bothAtOnce opens a leg of the other side within one of the side under test, and completes both.
func (t *clientTest) bothAtOnce(one, other *conformance.Browser) {
	outer := t.initiate(one)
	inner := t.receive(other)
	last := []leg{inner, outer}
	if t.Check.Role == catalog.ClientReceiving {
		last = []leg{outer, inner}
	}
	for _, l := range last {
		t.delivered(l, t.approve(l))
	}
}

// BI-CL-13
func (t *clientTest) tokenShownWhereItBelongs() {
	l, ended := t.complete(t.browser())
	token := t.peer.tokenFrom(l.credential)
	astray := func() string {
		for _, r := range append(t.own.all(), t.peer.all()...) {
			// The revocation endpoint of the server that issued the token may learn of it too: section 4.5.
			if r.site == t.peer && (r.endpoint == "resource" || r.endpoint == "revoke") {
				continue
			}
			if strings.Contains(r.text, token.token) || strings.Contains(r.text, token.secret) {
				return "it is sent to " + r.String()
			}
		}
		if strings.Contains(ended.Location(), token.token) || strings.Contains(string(ended.Body), token.token) {
			return "it is sent to the terminal"
		}
		return ""
	}
	t.Env.Await(silence, func() bool { return astray() != "" })
	if where := astray(); where != "" {
		t.FailAt(ended.Exchange, "the access token "+token.token+" of site B sent to "+t.peer.in("resource")+" only", where)
	}
}

// tries counts the resource requests in order with the token from the leg's credential.
func (t *clientTest) tries(l leg) int {
	token := t.peer.tokenFrom(l.credential)
	if token == nil {
		return 0
	}
	n := 0
	for _, r := range t.peer.at("resource") {
		if r.problem == "" && r.oauth["oauth_token"] == token.token {
			n++
		}
	}
	return n
}

// BI-CL-34
func (t *clientTest) lateHandoverWaitedFor() {
	t.complete(t.browser())
	t.peer.misbehave(conduct{rejections: 1})
	l := t.begin(t.browser())
	ended := t.approve(l)
	const inAll = 31 * time.Second // section 6.2: all tries fall within 30 s
	if !t.Env.Await(inAll, func() bool { return t.tries(l) >= 2 }) {
		t.FailAt(ended.Exchange, "a second resource request after 401 token_rejected", fmt.Sprintf("%d resource requests within 31 s", t.tries(l)))
	}
}

// BI-CL-35
func (t *clientTest) triesBounded() {
	t.complete(t.browser())
	const most = 8
	t.peer.misbehave(conduct{rejections: most + 1}) // the try after that is granted, so that a client without bounds comes to an end
	l := t.begin(t.browser())
	ended := t.approve(l)
	if t.Env.Await(2*time.Second, func() bool { return t.tries(l) > most }) {
		t.FailAt(ended.Exchange, fmt.Sprintf("%d resource requests at most for a token that is always refused", most), fmt.Sprintf("%d resource requests", t.tries(l)))
	}
}
