package bidirectional

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/conformance/judge"
)

// handover is a hand-over as it came in at the harness's resource server.
type handover struct {
	form   url.Values
	query  string
	signed []param // the parameters of its Authorization header; nil without one
	at     time.Time
	status int // with which it was answered
	// acknowledged says that the answer was an acknowledgement: 204 with the right receipt.
	acknowledged bool
}

// handovers is the resource server of the target's site, played by the harness.
type handovers struct {
	t *test

	mu  sync.Mutex // never held while a request is under way
	got []handover
	// first is the status with which the first hand-over of each token and event is answered; 0 means 204, as for the others.
	first int
	// receipt makes the receipt of the first hand-over of each token and event; nil for the right one, as for the others.
	receipt func(handover) string
}

// takeHandovers begins to answer hand-overs.
func (t *test) takeHandovers() *handovers {
	h := &handovers{t: t}
	t.Play("site-a", t.atHandover(h))
	return h
}

// atHandover puts what answers hand-overs at OwnIssuer with /handover behind it. Elsewhere it says 404 in words: a client's callback may be at the same site, and a
// person who logs in by hand reads the verifier from its address, where a browser goes only for a page.
func (t *test) atHandover(h http.Handler) http.Handler {
	u, err := url.Parse(t.OwnIssuer)
	if err != nil {
		t.Broken("the issuer %q of the harness is no URL: %v", t.OwnIssuer, err)
	}
	mux := http.NewServeMux()
	mux.Handle(strings.TrimSuffix(u.Path, "/")+"/handover", h)
	return mux
}

func (h *handovers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		http.Error(w, "a hand-over is a form, sent with POST", http.StatusBadRequest)
		return
	}
	signed, _ := authorizationParams(r.Header.Values("Authorization"))
	status, receipt := h.take(handover{form: r.PostForm, query: r.URL.RawQuery, signed: signed, at: h.t.Env.Now()})
	acknowledge(w.Header(), receipt)
	w.WriteHeader(status)
}

// take keeps a hand-over and says with which status and receipt it is answered.
func (h *handovers) take(got handover) (status int, receipt string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := slices.ContainsFunc(h.got, func(other handover) bool {
		return other.form.Get("token") == got.form.Get("token") && other.form.Get("event") == got.form.Get("event")
	})
	got.status = http.StatusNoContent
	if h.first != 0 && !known {
		got.status = h.first
	}
	right := receiptOf(got.param("oauth_signature"), h.t.HandoverKey)
	switch {
	case got.status != http.StatusNoContent:
	case h.receipt != nil && !known:
		receipt = h.receipt(got)
	default:
		receipt = right
	}
	got.acknowledged = got.status == http.StatusNoContent && receipt == right
	h.got = append(h.got, got)
	return got.status, receipt
}

// answerFirst sets the status with which the first hand-over of each token and event is answered from here on.
func (h *handovers) answerFirst(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.first = status
}

// acknowledgeFirst sets what the receipt of the first hand-over of each token and event is from here on.
func (h *handovers) acknowledgeFirst(receipt func(handover) string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.receipt = receipt
}

// of returns what came in about a token so far.
func (h *handovers) of(token string) []handover {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.got), func(got handover) bool { return got.form.Get("token") != token })
}

// arrived is the first hand-over of a token; without one the check ends as failed.
func (h *handovers) arrived(token issued) handover {
	if found := h.find(token, "issued"); found != nil {
		return *found
	}
	h.t.FailAt(token.answer.Exchange, "a hand-over with event=issued and the token, before the answer", fmt.Sprintf("%d hand-overs of the token, none with event=issued", len(h.of(token.token))))
	return handover{}
}

func (h *handovers) find(token issued, name string) *handover {
	for _, got := range h.of(token.token) {
		if got.form.Get("event") == name {
			return &got
		}
	}
	return nil
}

// acknowledged reports whether a hand-over of the token with the event was acknowledged.
func (h *handovers) acknowledged(token issued, name string) bool {
	return slices.ContainsFunc(h.of(token.token), func(got handover) bool { return got.form.Get("event") == name && got.acknowledged })
}

// param is a parameter of the Authorization header.
func (h handover) param(name string) string {
	for _, p := range h.signed {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// granted is an access token for the own client, that the user consented to.
func (t *test) granted(user UserSetup) issued {
	temporary, verifier := t.approved(t.own(), user)
	return t.exchange(t.own(), temporary, verifier)
}

// BI-OS-20: when the answer comes, the resource server has the token and all that belongs to it, for either client.
func tokenHandedOverBeforeTheAnswer(t *test) {
	taken := t.takeHandovers()
	temporary, verifier := t.rewritten(t.alice())
	for i, token := range []issued{t.granted(t.alice()), t.exchange(t.peer(), temporary, verifier)} {
		got := taken.arrived(token)
		for _, want := range []param{{"token", token.token}, {"token_secret", token.secret}, {"client_id", t.Clients[i].ID}, {"username", t.alice().Name}} {
			if want.name == "token_secret" && want.value == "" {
				want.value = got.form.Get("token_secret") // that the client gets it is the matter of BI-OS-15
			}
			t.onceAs(token.answer.Exchange, got.form, want.name, want.value, "a hand-over")
		}
	}
}

// BI-OS-21: each authorization has a token of its own, in the name of who gave it.
func handoverNamesTheUserWhoConsented(t *test) {
	taken := t.takeHandovers()
	var tokens []string
	for _, user := range []UserSetup{t.bob(), t.alice(), t.bob()} {
		token := t.granted(user)
		if slices.Contains(tokens, token.token) {
			t.FailAt(token.answer.Exchange, "an access token of its own for each authorization", "an access token that was issued before")
		}
		tokens = append(tokens, token.token)
		t.onceAs(token.answer.Exchange, taken.arrived(token).form, "username", user.Name, "the hand-over after the consent of "+user.Name)
	}
}

// BI-OS-45: each hand-over can be told from an attacker's.
func handoverIsAuthenticated(t *test) {
	taken := t.takeHandovers()
	token := t.granted(t.alice())
	taken.arrived(token)
	t.send(t.revocation(t.own(), token.token)) // what comes of it is the matter of BI-OS-48; a hand-over that comes of it is signed
	nonces := map[string]bool{}
	for _, got := range taken.of(token.token) {
		what := "a hand-over with event=" + got.form.Get("event")
		if problem := t.handoverProblem(got); problem != "" {
			t.FailAt(token.answer.Exchange, what+" signed with the hand-over key, HMAC-SHA256, under "+t.metadata.Issuer, problem)
		}
		if nonces[got.param("oauth_nonce")] {
			t.FailAt(token.answer.Exchange, what+" with a nonce of its own", "a nonce used before")
		}
		nonces[got.param("oauth_nonce")] = true
	}
}

// handoverProblem says what is wrong with a hand-over's signature, by RFC 5849 section 3.2; empty when nothing is.
func (t *test) handoverProblem(got handover) string {
	if got.signed == nil {
		return "no Authorization header of scheme OAuth"
	}
	seen := map[string]bool{}
	for _, p := range got.signed {
		if seen[p.name] {
			return p.name + " twice"
		}
		seen[p.name] = true
	}
	if key := got.param("oauth_consumer_key"); key != t.metadata.Issuer && key != strings.TrimSuffix(t.Target.URL, "/") { // that the two are one is the matter of BI-OS-01
		return fmt.Sprintf("oauth_consumer_key %q", key)
	}
	if method := got.param("oauth_signature_method"); method != "HMAC-SHA256" {
		return fmt.Sprintf("oauth_signature_method %q", method)
	}
	seconds, err := strconv.ParseInt(got.param("oauth_timestamp"), 10, 64)
	if err != nil || got.at.Sub(time.Unix(seconds, 0)).Abs() > 300*time.Second {
		return fmt.Sprintf("oauth_timestamp %q, which is not the time", got.param("oauth_timestamp"))
	}
	if got.param("oauth_nonce") == "" {
		return "no oauth_nonce"
	}
	endpoint, err := url.Parse(t.OwnIssuer + "/handover")
	if err != nil {
		return err.Error()
	}
	endpoint.RawQuery = got.query
	covered := slices.DeleteFunc(slices.Clone(got.signed), func(p param) bool { return p.name == "oauth_signature" || p.name == "realm" })
	if want := sign("HMAC-SHA256", baseString(http.MethodPost, endpoint, got.form, covered), credentials{clientSecret: t.HandoverKey}); want != got.param("oauth_signature") {
		return "a signature that does not match"
	}
	return ""
}

// BI-OS-46: a hand-over that was not taken, or whose answer is no acknowledgement, comes again after about a second, signed anew.
func handoverIsRetried(t *test) {
	taken := t.takeHandovers()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		taken.answerFirst(status)
		token := t.granted(t.alice())
		taken.arrived(token)
		again := t.Env.Await(10*time.Second, func() bool { return len(taken.of(token.token)) > 1 })
		got := taken.of(token.token)
		expected := fmt.Sprintf("a hand-over that was answered with %d sent again after about one second", status)
		if !again {
			t.FailAt(token.answer.Exchange, expected, "no second hand-over in 10 s")
		}
		if gap := got[1].at.Sub(got[0].at); gap < 500*time.Millisecond || gap > 5*time.Second {
			t.FailAt(token.answer.Exchange, expected, fmt.Sprintf("the second hand-over after %.1f s", gap.Seconds()))
		}
		if nonce := got[0].param("oauth_nonce"); nonce != "" && nonce == got[1].param("oauth_nonce") {
			t.FailAt(token.answer.Exchange, "a hand-over that is sent again signed anew", "the same nonce as before")
		}
		if form := got[1].form; form.Get("event") != "issued" || form.Get("username") != got[0].form.Get("username") {
			t.FailAt(token.answer.Exchange, "the same hand-over again", "another one: event="+form.Get("event")+", username="+form.Get("username"))
		}
	}
}

// BI-OS-47: the hand-over says which resource server it is meant for, how long the token lives, and where it stands among others.
func handoverSaysForWhomAndHowLong(t *test) {
	taken := t.takeHandovers()
	token := t.granted(t.alice())
	now := t.Env.Now().Unix()
	got, at, what := taken.arrived(token).form, token.answer.Exchange, "a hand-over with event=issued"
	t.onceAs(at, got, "resource_server", t.OwnIssuer+"/resource", what)
	t.onceAs(at, got, "sequence", "1", what)
	expires := t.wholeNumber(at, got, "expires_at", what)
	lifetime := int64(token.lifetime.Seconds())
	if expires <= now || lifetime > 0 && expires > now+lifetime+outside {
		t.FailAt(at, fmt.Sprintf("%s whose expires_at agrees with the expires_in of %d s", what, lifetime), fmt.Sprintf("expires_at %d s from now", expires-now))
	}
}

// BI-OS-48: when the client's revocation is acknowledged, the resource server knows.
func revocationReachesTheResourceServer(t *test) {
	taken := t.takeHandovers()
	token := t.granted(t.alice())
	resp := t.send(t.revocation(t.own(), token.token))
	t.Accepted(resp, "the revocation by the client that holds the token")
	revoked := taken.find(token, "revoked")
	if revoked == nil {
		t.FailAt(resp.Exchange, "a hand-over with event=revoked and the token, before the answer", "none")
	}
	if before := taken.find(token, "issued"); before != nil && before.form.Get("sequence") != "" { // that it comes is the matter of BI-OS-47
		first, _ := strconv.ParseInt(before.form.Get("sequence"), 10, 64)
		if sequence := t.wholeNumber(resp.Exchange, revoked.form, "sequence", "a hand-over with event=revoked"); sequence <= first {
			t.FailAt(resp.Exchange, fmt.Sprintf("a sequence greater than %d with event=revoked", first), fmt.Sprintf("sequence %d", sequence))
		}
	}

	token = t.granted(t.alice())
	taken.answerFirst(http.StatusServiceUnavailable)
	t.revokedIfKnown(taken, token, "the revocation whose hand-over was answered with 503")
	t.revokedIfKnown(taken, token, "the same revocation once more")
	if !t.Env.Await(10*time.Second, func() bool { return taken.acknowledged(token, "revoked") }) {
		t.Fail("the hand-over with event=revoked, answered with 503, sent again after about one second", "no second one in 10 s")
	}
	const tries = 5
	for range tries {
		t.Env.Await(300*time.Millisecond, func() bool { return false }) // the server has to take down the acknowledgement first
		if t.revokedIfKnown(taken, token, "the same revocation after the resource server has acknowledged it") {
			return
		}
	}
	t.Fail("status 200 for the revocation once the resource server has acknowledged it", fmt.Sprintf("status 503, %d times", tries))
}

// revokedIfKnown sends a revocation, and reports whether it was answered with 200. Where the resource server has not acknowledged it that is wrong, and 503 is right.
func (t *test) revokedIfKnown(taken *handovers, token issued, what string) bool {
	resp := t.send(t.revocation(t.own(), token.token))
	if resp.Status == http.StatusOK {
		if !taken.acknowledged(token, "revoked") {
			t.FailAt(resp.Exchange, "status 503 and no 200 for "+what+", as the resource server has not acknowledged it", judge.Describe(resp))
		}
		return true
	}
	t.Refused(resp, what, http.StatusServiceUnavailable, "temporarily_unavailable")
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || seconds <= 0 {
		t.FailAt(resp.Exchange, "status 503 with Retry-After, a positive whole number of seconds, for "+what, fmt.Sprintf("Retry-After %q", resp.Header.Get("Retry-After")))
	}
	return false
}

// BI-OS-49: a client that does not hold the token cannot end it.
func onlyTheHolderRevokes(t *test) {
	taken := t.takeHandovers()
	token := t.granted(t.alice())
	t.Refused(t.send(t.revocation(t.peer(), token.token)), "the revocation by "+t.peer().ID+" of a token of "+t.own().ID, http.StatusForbidden)
	if taken.find(token, "revoked") != nil {
		t.Fail("no hand-over with event=revoked", "one, although the revocation was refused")
	}
	t.Accepted(t.send(t.revocation(t.own(), token.token)), "the revocation by the client that holds the token, after the one that should have changed nothing")
}
