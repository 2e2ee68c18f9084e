package unified

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// review decides on a request, and review sends a registration or a change, in the name of an operator.
func (t *test) review(by OperatorSetup, requestID, decision string) *conformance.Response {
	return t.Do("operator", t.byOperator(by, t.reviewEndpoint(), members{"request_id": requestID, "decision": decision}))
}

func (t *test) register(by OperatorSetup, s site) *conformance.Response {
	return t.Do("operator", t.byOperator(by, t.registrationEndpoint(), s.registration()))
}

// keyFor asks for a communication key in the name of an operator.
func (t *test) keyFor(by OperatorSetup, clientID string) *conformance.Response {
	return t.Do("operator", t.byOperator(by, t.keyEndpoint(), members{"client_id": clientID}))
}

// stands wants a request to have that status, in the eyes of the requester and of a reviewer.
func (t *test) stands(requestID, status, what string) {
	for _, who := range []OperatorSetup{t.olga(), t.rene()} {
		resp := t.Do("operator", t.byOperator(who, t.withQuery(t.registrationEndpoint(), url.Values{"request_id": {requestID}}), nil))
		t.Accepted(resp, "the question what became of a registration")
		if got := t.field(resp, "status", what); got != status {
			t.FailAt(resp.Exchange, what+": status "+status, got)
		}
	}
}

// nowhere wants a third-party platform to have no effect: no link, no authorization, no key.
func (t *test) nowhere(s site, what string) {
	in := t.browser()
	t.logIn(in, t.alice())
	if slices.Contains(t.portalLinks(in), s.access) {
		t.Fail("no portal link to "+what, "one to "+s.access)
	}
	t.notAsked(t.asked(in, t.newLogin(s).query), "an authorization request of "+what)
	t.Refused(t.keyFor(t.olga(), s.id), "a key request for "+what, http.StatusForbidden, "access_denied")
}

// waiting is a request that waits for review.
type waiting struct {
	RequestID    string  `json:"request_id"`
	ClientID     string  `json:"client_id"`
	Requester    string  `json:"requester"`
	Registration members `json:"registration"`
}

// waiting are all of them, as a reviewer sees them.
func (t *test) waiting() []waiting {
	resp := t.Do("operator", t.byOperator(t.rene(), t.reviewEndpoint(), nil))
	t.Accepted(resp, "the list of requests that wait for review")
	var list struct {
		Requests []waiting `json:"requests"`
	}
	if err := json.Unmarshal(resp.Body, &list); err != nil {
		t.FailAt(resp.Exchange, "a JSON object with requests, an array", err.Error())
	}
	return list.Requests
}

// UN-PL-18: a third-party platform begins to exist when a reviewer says so, and not at all when the reviewer says no.
func registrationWaitsForReview(t *test) {
	s, rejected := t.newSite(), t.newSite()
	request, id := t.submit(s)
	refused, refusedID := t.submit(rejected)
	s.id, rejected.id = id, refusedID
	t.nowhere(s, "a third-party platform that was not reviewed")
	t.stands(request, "pending", "a registration before its review")

	seen := false
	for _, w := range t.waiting() {
		if seen = seen || w.RequestID == request; w.RequestID != request {
			continue
		}
		asked := s.registration().with("client_id", nil)
		for _, name := range sortedNames(asked) {
			t.Expect(w.Registration[name] == asked[name], fmt.Sprintf("a reviewer shown the %s that was asked for, %v", name, asked[name]), shown(w.Registration[name]))
		}
		t.Expect(w.ClientID == id && w.Requester == t.olga().Name, "a reviewer shown client_id and requester", fmt.Sprintf("%q and %q", w.ClientID, w.Requester))
	}
	t.Expect(seen, "the request in the list of those that wait for review", "a list without it")

	t.Accepted(t.review(t.rene(), refused, "reject"), "the rejection of a registration")
	t.stands(refused, "rejected", "a registration that was rejected")
	t.nowhere(rejected, "a third-party platform that was rejected")
	t.Refused(t.review(t.rene(), refused, "approve"), "the approval of a registration that was rejected", http.StatusConflict, "already_decided")
	t.nowhere(rejected, "a third-party platform that was rejected, and approved later")

	t.approveRequest(request)
	t.stands(request, "approved", "a registration that was approved")
	in := t.browser()
	t.logIn(in, t.alice())
	t.Expect(slices.Contains(t.portalLinks(in), s.access), "a portal link to a third-party platform that was approved", "none")
	s.keys = []jose.Key{t.giveKey(s)}
	t.enter(in, t.alice(), s)
}

// UN-PL-19: the platform goes on using the paths that were reviewed, until the new ones are.
func changedPathWaitsForReview(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	before := x.site
	after := before
	base := strings.TrimSuffix(before.access, "/access")
	after.access, after.callback, after.batchLogout = base+"/moved/in", base+"/moved/callback", base+"/moved/out"
	who := t.own()
	v := t.visit(who, before)

	request, id := t.submit(after)
	t.Expect(id == before.id, fmt.Sprintf("the client_id %q of the third-party platform to change", before.id), fmt.Sprintf("%q", id))
	t.usesPaths(before, after, "before its review")
	v.leave()
	x.flushed(1, t.idleTime(), "a batch request at the logout path that a change not yet reviewed would replace")
	given := t.approve(v.in, who, t.newLogin(before))

	t.approveRequest(request)
	x.moved(after)
	t.authenticate(t.exchange(given)) // bound to the path that its code was sent to
	t.usesPaths(after, before, "after its review")
	v.leave()
	x.flushed(2, t.idleTime(), "a batch request at the changed logout path after its review")
}

// moved has a third-party platform listen where it is registered now.
func (p *played) moved(to site) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.access, p.callback, p.batchLogout = to.access, to.callback, to.batchLogout
}

// usesPaths wants the access and callback paths of one site to be used, and those of the other not.
func (t *test) usesPaths(used, unused site, when string) {
	in := t.browser()
	t.logIn(in, t.alice())
	found := t.portalLinks(in)
	for _, s := range []site{used, unused} {
		t.Expect(slices.Contains(found, s.access) == (s.access == used.access), fmt.Sprintf("a portal with a link to %s and none to %s %s", used.access, unused.access, when), strings.Join(found, " "))
	}
	l := t.newLogin(unused)
	resp := t.asked(in, l.query)
	if resp.Status == http.StatusOK { // that it is refused is the matter of UN-PL-31
		resp = t.authorizationPage(in, l).press(t.alice(), "approve")
	}
	if strings.HasPrefix(resp.Location(), unused.callback) {
		t.FailAt(resp.Exchange, "no redirect to the callback path "+unused.callback+" "+when, judge.Describe(resp))
	}
	t.exchange(t.approve(in, t.alice(), t.newLogin(used)))
}

// UN-PL-20: who may not review decides nothing and is shown nothing.
func onlyReviewersReview(t *test) {
	s := t.newSite()
	request, id := t.submit(s)
	s.id = id
	for _, decision := range []string{"approve", "reject"} {
		t.Refused(t.review(t.victor(), request, decision), "a review by an operator without the right to review", http.StatusForbidden, "access_denied")
		t.stands(request, "pending", "a registration after a review by one who may not")
	}
	t.Refused(t.Do("operator", t.byOperator(t.victor(), t.reviewEndpoint(), nil)), "a look at the requests by an operator without the right to review", http.StatusForbidden, "access_denied")
	own := t.register(t.victor(), t.newSite())
	t.ExpectStatus(own, "a registration by an operator without the right to review", http.StatusAccepted)
	t.Refused(t.review(t.victor(), t.field(own, "request_id", "the answer to a registration"), "approve"), "a review of one's own request without the right to review", http.StatusForbidden, "access_denied")
	t.nowhere(s, "a third-party platform that only one approved who may not")
	t.approveRequest(request)
}

// UN-PL-21: the owner gets a key, a new one each time, and can use it at once.
func keyForTheRegistered(t *test) {
	seen := map[string]bool{}
	for _, s := range []site{t.registered(t.newSite()), t.registered(t.newSite())} {
		for range 2 {
			resp := t.keyFor(t.olga(), s.id)
			what := "the answer to the owner's request for a communication key"
			t.Accepted(resp, "the owner's request for a communication key")
			kid, k := t.field(resp, "kid", what), t.field(resp, "k", what)
			if len(kid) > 64 || strings.Trim(kid, judge.URLSafe+".") != "" {
				t.FailAt(resp.Exchange, what+" with a kid of 1 to 64 characters A-Z a-z 0-9 - _ .", fmt.Sprintf("%q", kid))
			}
			secret, err := jose.Decode(k)
			if err != nil || len(secret) != 32 {
				t.FailAt(resp.Exchange, what+" with k, 256 bits in base64url without padding", fmt.Sprintf("%d characters", len(k)))
			}
			if seen[kid] || seen[k] {
				t.FailAt(resp.Exchange, what+" with a kid and a key that were not given before", "one that was")
			}
			seen[kid], seen[k] = true, true
			if got := t.field(resp, "client_id", what); got != s.id {
				t.FailAt(resp.Exchange, fmt.Sprintf("%s with the client_id %q", what, s.id), fmt.Sprintf("%q", got))
			}
			s.keys = append(s.keys, jose.Key{ID: kid, Secret: secret})
			t.enter(t.browser(), t.alice(), s)
		}
	}
}

// reKeyed is a new third-party platform whose first key was replaced, seen as one that holds only the first, and as one that holds only the second.
func (t *test) reKeyed() (first, second site) {
	first = t.settle(t.newSite())
	t.enter(t.browser(), t.alice(), first)
	second = first
	second.keys = []jose.Key{t.giveKey(first)}
	return first, second
}

// UN-PL-67: a new key does not lock out who has not got it yet.
func bothKeysWorkDuringTheOverlap(t *test) {
	const margin = 5 * time.Second
	first, second := t.reKeyed()
	for _, s := range []site{first, second, first} {
		t.enter(t.browser(), t.alice(), s)
	}
	if overlap := t.keyOverlap(); overlap > margin && t.Passes(overlap-margin) {
		t.enter(t.browser(), t.alice(), first)
		t.enter(t.browser(), t.alice(), second)
	}
}

// UN-PL-68: a key that was replaced opens nothing for ever.
func oldKeyRetired(t *test) {
	first, second := t.reKeyed()
	t.Advance(t.keyOverlap() + 2*time.Second)
	for _, l := range t.legsUnder(second, first.newest()) {
		t.refused(t.send(l.from, l.endpoint, l.message), l.what+" under a key that was replaced more than key_overlap ago", "invalid_client")
	}
	t.enter(t.browser(), t.alice(), second)
}

// legsUnder are messages of a third-party platform sealed under a key that it no longer uses.
func (t *test) legsUnder(s site, key jose.Key) []leg {
	all := t.legs(s)
	for i := range all {
		all[i].line = all[i].under(key)
	}
	return all
}

// UN-PL-70: nobody approves what he asked for himself, be it new or a change.
func reviewerIsNotTheRequester(t *test) {
	s := t.registered(t.newSite())
	change := s
	change.access += "-changed"
	for _, asked := range []site{t.newSite(), change} {
		request, id := t.submit(asked)
		for _, decision := range []string{"approve", "reject"} {
			t.Refused(t.review(t.olga(), request, decision), "a review by the operator who asked", http.StatusForbidden, "access_denied")
			t.stands(request, "pending", "a registration after a review by its requester")
		}
		if asked.id == "" {
			asked.id = id
			t.nowhere(asked, "a third-party platform that only its requester approved")
		}
		t.approveRequest(request)
	}
}

// UN-PL-71: one operator does not move another's paths.
func onlyTheOwnerAsksForAChange(t *test) {
	s := t.registered(t.newSite())
	change := s
	change.callback = strings.TrimSuffix(t.Attacker, "/") + "/callback"
	for _, who := range []OperatorSetup{t.rene(), t.victor()} {
		t.Refused(t.register(who, change), "a change of a third-party platform by an operator who does not own it", http.StatusForbidden, "access_denied")
	}
	for _, w := range t.waiting() {
		t.Expect(w.ClientID != s.id, "no request for a change that was refused in the list for reviewers", "one by "+w.Requester)
	}
	unknown := change
	unknown.id = "tp-" + t.Random(9)
	t.Refused(t.register(t.olga(), unknown), "a change of an unknown third-party platform", http.StatusForbidden, "access_denied")
	change.callback = s.callback + "-changed"
	t.registered(change)
}

// UN-PL-72: one third-party platform does not get another's key.
func onlyTheOwnerGetsTheKey(t *test) {
	s := t.settle(t.newSite())
	for _, who := range []OperatorSetup{t.rene(), t.victor()} {
		resp := t.keyFor(who, s.id)
		t.Refused(resp, "a key request by an operator who does not own the third-party platform", http.StatusForbidden, "access_denied")
		var body members
		if json.Unmarshal(resp.Body, &body) == nil && (body["k"] != nil || body["kid"] != nil) {
			t.FailAt(resp.Exchange, "no key in the refusal of a key request", judge.Describe(resp))
		}
	}
	t.enter(t.browser(), t.alice(), s)
	s.keys = append(s.keys, t.giveKey(s))
	t.enter(t.browser(), t.alice(), s)
}

// UN-PL-73: users and codes are sent only where nobody listens.
func pathsAreHTTPSOrLoopback(t *test) {
	members := []string{"access_uri", "callback_uri", "logout_uri", "backchannel_logout_uri"}
	for _, name := range members {
		asked := func(path string) *conformance.Response {
			return t.Do("operator", t.byOperator(t.olga(), t.registrationEndpoint(), t.newSite().registration().with(name, path)))
		}
		for _, path := range []string{"https://tp.example/path", "https://tp.example:8443/path?x=1", "http://localhost:8846/path", "http://tp.localhost/path", "http://127.0.0.1/path", "http://[::1]:8846/path"} {
			t.ExpectStatus(asked(path), "a registration with the "+name+" "+path, http.StatusAccepted)
		}
		code := "invalid_client_metadata"
		if name == "callback_uri" {
			code = "invalid_redirect_uri"
		}
		for _, path := range []string{
			"/path", "path", "//tp.example/path", "https:path", "https:///path", "https://tp.example/path#fragment", "http://127.0.0.1:8846/path#fragment",
			"https://user@tp.example/path", "https://user:password@tp.example/path", "http://tp.example/path", "http://127.0.0.1.tp.example/path", "http://localhost.tp.example/path",
			"http://192.0.2.1/path", "ftp://tp.example/path", "javascript:alert(1)", "data:text/html,x",
		} {
			t.Refused(asked(path), "a registration with the "+name+" "+path, http.StatusBadRequest, code)
		}
	}
}
