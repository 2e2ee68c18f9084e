package unified

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// codeFor is a login of alice at a third-party platform as far as the code, and passFor is one as far as the pass token.
func (t *test) codeFor(s site) login { return t.approve(t.browser(), t.alice(), t.newLogin(s)) }
func (t *test) passFor(s site) login { return t.exchange(t.codeFor(s)) }

// UN-PL-10: the code gives a pass token, and the pass token the user.
func codeExchangedForAPassToken(t *test) {
	for _, s := range []site{t.siteA(), t.siteC()} {
		l := t.codeFor(s)
		m := t.passTokenRequest(l)
		resp := t.askPassToken(m)
		what := "the answer to a pass-token request"
		o := t.opens(resp, m, "a pass-token request with the code of an approval")
		l.passToken = t.member(resp, o, "pass_token", what)
		if lives, ok := o.payload.whole("expires_in"); !ok || lives < 1 || lives > t.metadata.PassTokenLifetime {
			t.FailAt(resp.Exchange, fmt.Sprintf("%s with expires_in, whole seconds from 1 to pass_token_lifetime, %d", what, t.metadata.PassTokenLifetime), "expires_in is "+shown(o.payload["expires_in"]))
		}
		t.authenticate(l)
	}
}

// UN-PL-11: no guess is a code.
func unknownCodeRefused(t *test) {
	t.passFor(t.siteA())
	l := t.codeFor(t.siteA())
	for _, wrong := range t.notGiven(l.code) {
		resp := t.askPassToken(t.passTokenRequest(l).with("code", wrong))
		t.refused(resp, "a pass-token request with a code that the platform did not give", "invalid_grant")
	}
	t.exchange(l)
}

// notGiven are values that the platform did not give. At level core those near one that it gave may have been given too.
func (t *test) notGiven(value string) []string {
	return []string{t.Random(18), t.Random(36), value + t.Random(18), t.Random(18) + value, strings.Repeat(value, 2)}
}

// swapped changes one character into another of the same alphabet.
func swapped(value string, at int) string {
	other := "A"
	if value[at] == 'A' {
		other = "B"
	}
	return value[:at] + other + value[at+1:]
}

// UN-PL-12: a code is worth nothing to any third-party platform but its own, and another's try does not harm it.
func codeOfAnotherThirdPartyRefused(t *test) {
	t.passFor(t.siteB())
	l := t.codeFor(t.siteA())
	for _, redirect := range []string{l.callback, t.siteB().callback} {
		thief := l
		thief.site = t.siteB()
		thief.callback = redirect
		resp := t.askPassToken(t.passTokenRequest(thief))
		t.refused(resp, "a pass-token request with a code that was given to another third-party platform", "invalid_grant")
	}
	t.authenticate(t.exchange(l))
}

// UN-PL-13: the pass token says who the user is.
func userInformationForAPassToken(t *test) {
	for _, who := range []UserSetup{t.alice(), t.bob()} {
		l := t.exchange(t.approve(t.browser(), who, t.newLogin(t.siteA())))
		m := t.authenticationRequest(l)
		resp := t.askUser(m)
		p := t.personIn(resp, t.opens(resp, m, "an authentication request with a live pass token"), "the user information")
		if len(p.sub) > 255 || strings.ContainsFunc(p.sub, func(r rune) bool { return r > '~' }) {
			t.FailAt(resp.Exchange, "user information whose sub has 1 to 255 ASCII characters", fmt.Sprintf("%q", p.sub))
		}
		if p.nickname != who.Nickname {
			t.FailAt(resp.Exchange, fmt.Sprintf("user information with the nickname %q", who.Nickname), fmt.Sprintf("%q", p.nickname))
		}
		if u, err := url.Parse(p.picture); err != nil || !u.IsAbs() {
			t.FailAt(resp.Exchange, "user information whose picture is a URL", fmt.Sprintf("%q", p.picture))
		}
	}
}

// UN-PL-14: no guess is a pass token, and no guess names a user.
func unknownPassTokenRefused(t *test) {
	t.authenticate(t.passFor(t.siteA()))
	l := t.codeFor(t.siteA())
	code := l.code
	l = t.exchange(l)
	for _, wrong := range append(t.notGiven(l.passToken), code) {
		resp := t.askUser(t.authenticationRequest(l).with("pass_token", wrong))
		t.refused(resp, "an authentication request with a pass token that the platform did not give", "invalid_token")
		if strings.Contains(string(resp.Body), t.alice().Nickname) {
			t.FailAt(resp.Exchange, "a refusal of an unknown pass token that names no user", "the nickname "+t.alice().Nickname)
		}
	}
	t.authenticate(l)
}

// UN-PL-15: each third-party platform learns of the user who approved there, under one number for good, however logins interleave.
func userInformationOfTheOneWhoAuthorized(t *test) {
	subs := map[string]string{}
	a, b := t.browser(), t.browser()
	for _, s := range []site{t.siteA(), t.siteB(), t.siteA()} {
		alice, bob := t.newLogin(s), t.newLogin(s)
		alice = t.approve(a, t.alice(), alice)
		bob = t.approve(b, t.bob(), bob)
		bob, alice = t.exchange(bob), t.exchange(alice)
		alice, bob = t.authenticate(alice), t.authenticate(bob)
		for _, c := range []struct {
			who UserSetup
			got person
		}{{t.alice(), alice.person}, {t.bob(), bob.person}} {
			before, known := subs[c.who.Name]
			t.Expect(c.got.nickname == c.who.Nickname, "user information of "+c.who.Name+", who approved: the nickname "+c.who.Nickname, fmt.Sprintf("the nickname %q", c.got.nickname))
			t.Expect(!known || before == c.got.sub, fmt.Sprintf("the sub %q for %s as at the login before", before, c.who.Name), fmt.Sprintf("%q", c.got.sub))
			subs[c.who.Name] = c.got.sub
		}
		t.Expect(alice.person.sub != bob.person.sub, "different numbers for "+t.alice().Name+" and "+t.bob().Name, fmt.Sprintf("the sub %q for both", bob.person.sub))
	}
	for _, name := range sortedNames(subs) {
		t.Expect(subs[name] != name, "a sub that is not the user name", fmt.Sprintf("%q", name))
	}
}

// UN-PL-25: only who was authenticated at a third-party platform is logged out there. The tasks of both users lie in one queue, the one that must not be first.
func relationRecordedByTheAuthentication(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	for _, half := range []struct {
		what string
		as   UserSetup
		come func(visit)
	}{
		{"a code that was not exchanged", t.crowd(3)[0], func(v visit) { t.approve(v.in, v.as, t.newLogin(x.site)) }},
		{"a pass token that was not used", t.crowd(3)[1], func(v visit) { t.exchange(t.approve(v.in, v.as, t.newLogin(x.site))) }},
	} {
		v, whole := t.visit(half.as), t.visit(t.crowd(3)[2], x.site)
		half.come(v)
		v.leave()
		whole.leave()
		n := len(x.received()) + 1
		r := x.flushed(n, t.idleTime(), "a batch request after the logout of a user who was authenticated")
		t.sends(r, "the batch request after the logouts of a user who was authenticated and of one who had "+half.what, whole)
	}
	x.quiet(t.idleTime(), 2, "after the logouts of users who were not authenticated there")
}

// UN-PL-36: who caught the code has not the verifier.
func verifierCompared(t *test) {
	with := func(verifier string) login {
		l := t.newLogin(t.siteA())
		sum := sha256.Sum256([]byte(verifier))
		l.verifier = verifier
		l.query.Set("code_challenge", jose.Encode(sum[:]))
		return t.approve(t.browser(), t.alice(), l)
	}
	for _, right := range []string{t.Random(36), t.Random(33)[:43], strings.Repeat("aZ9-._~x", 16)} { // 48, 43 and 128 characters
		t.exchange(with(right))
	}
	for _, c := range []struct {
		what string
		sent any
	}{
		{"without code_verifier", nil}, {"with another code_verifier", t.Random(36)}, {"with an empty code_verifier", ""},
	} {
		l := t.codeFor(t.siteA())
		t.refused(t.askPassToken(t.passTokenRequest(l).with("code_verifier", c.sent)), "a pass-token request "+c.what, "invalid_grant")
	}
	l := t.codeFor(t.siteA())
	t.refused(t.askPassToken(t.passTokenRequest(l).with("code_verifier", l.query.Get("code_challenge"))), "a pass-token request with the challenge as code_verifier", "invalid_grant")
	l = t.codeFor(t.siteA())
	t.refused(t.askPassToken(t.passTokenRequest(l).with("code_verifier", swapped(l.verifier, 0))), "a pass-token request with a code_verifier changed in one character", "invalid_grant")
	for _, verifier := range []string{t.Random(36)[:42], strings.Repeat("v", 129)} {
		resp := t.askPassToken(t.passTokenRequest(with(verifier)))
		t.refused(resp, fmt.Sprintf("a pass-token request with a code_verifier of %d characters", len(verifier)), "invalid_grant")
	}
}

// UN-PL-38: the exchange names the path that the code was sent to.
func callbackRepeatedAtTheExchange(t *test) {
	t.passFor(t.siteA())
	s := t.siteA()
	for _, wrong := range []string{s.callback + "x", s.callback + "?x=1", s.callback[:len(s.callback)-1], s.access, t.siteB().callback} {
		resp := t.askPassToken(t.passTokenRequest(t.codeFor(s)).with("redirect_uri", wrong))
		t.refused(resp, "a pass-token request with the redirect_uri "+wrong+", which is not that of the authorization request", "invalid_grant")
	}
	resp := t.askPassToken(t.passTokenRequest(t.codeFor(s)).with("redirect_uri", nil))
	t.refused(resp, "a pass-token request without redirect_uri", "invalid_request", "invalid_grant")
}

// oneTaken wants one at most of several requests at once to be accepted, and the others to be refused.
func (t *test) oneTaken(what, code, endpoint string, messages ...message) {
	var requests []*http.Request
	for _, m := range messages {
		requests = append(requests, t.posting(endpoint, joseType, t.sealed(m)))
	}
	taken := 0
	for _, resp := range t.TryTogether("third-party-platform", requests...) {
		switch {
		case resp == nil:
			t.Fail("an answer to each of several requests at once", "none to one of them")
		case resp.Status != http.StatusOK:
			t.refused(resp, "all but one of several requests at once with one "+what, code)
		default:
			if taken++; taken > 1 {
				t.FailAt(resp.Exchange, "one of several requests at once with one "+what+" accepted, at most", judge.Describe(resp))
			}
		}
	}
}

// UN-PL-39: a code opens once, however many come with it at a time.
func codeUsedOnce(t *test) {
	l := t.codeFor(t.siteA())
	t.exchange(l)
	for _, again := range []string{"second", "third"} {
		t.refused(t.askPassToken(t.passTokenRequest(l)), "the "+again+" pass-token request with one code", "invalid_grant")
	}
	for range 2 {
		l = t.codeFor(t.siteA())
		t.oneTaken("code", "invalid_grant", t.tokenEndpoint(), t.passTokenRequest(l), t.passTokenRequest(l), t.passTokenRequest(l), t.passTokenRequest(l))
	}
}

// UN-PL-40: where a code has come twice, nobody knows which of the two is right. A try by another third-party platform says nothing.
func codeReuseRevokesThePassToken(t *test) {
	l := t.passFor(t.siteA())
	other := l
	other.site = t.siteB()
	t.askPassToken(t.passTokenRequest(other))
	t.authenticate(l)

	l = t.passFor(t.siteA())
	t.askPassToken(t.passTokenRequest(l)) // that it is refused is the matter of UN-PL-39
	t.refused(t.askUser(t.authenticationRequest(l)), "an authentication request with a pass token whose code has come a second time", "invalid_token")
}

// UN-PL-41: a code lives for code_lifetime and no longer.
func codeExpires(t *test) {
	life := t.codeLifetime()
	late, inTime := t.codeFor(t.siteA()), t.codeFor(t.siteA())
	if half := (life / 2).Truncate(time.Second); half > 0 {
		t.Advance(half)
		life -= half
	}
	t.exchange(inTime)
	t.Advance(life + 2*time.Second)
	t.refused(t.askPassToken(t.passTokenRequest(late)), "a pass-token request after code_lifetime", "invalid_grant")
	t.passFor(t.siteA())
}

// UN-PL-42: a pass token lives for pass_token_lifetime and no longer.
func passTokenExpires(t *test) {
	life := t.passTokenLifetime()
	late, inTime := t.passFor(t.siteA()), t.passFor(t.siteA())
	if half := (life / 2).Truncate(time.Second); half > 0 {
		t.Advance(half)
		life -= half
	}
	t.authenticate(inTime)
	t.Advance(life + 2*time.Second)
	t.refused(t.askUser(t.authenticationRequest(late)), "an authentication request after pass_token_lifetime", "invalid_token")
	t.authenticate(t.passFor(t.siteA()))
}

// UN-PL-43: a pass token opens once, however many come with it at a time.
func passTokenUsedOnce(t *test) {
	l := t.passFor(t.siteA())
	t.authenticate(l)
	for _, again := range []string{"second", "third"} {
		t.refused(t.askUser(t.authenticationRequest(l)), "the "+again+" authentication request with one pass token", "invalid_token")
	}
	for range 2 {
		l = t.passFor(t.siteA())
		t.oneTaken("pass token", "invalid_token", t.authenticationEndpoint(),
			t.authenticationRequest(l), t.authenticationRequest(l), t.authenticationRequest(l), t.authenticationRequest(l))
	}
}

// UN-PL-44: a pass token is worth nothing to any third-party platform but its own.
func passTokenBoundToItsThirdParty(t *test) {
	t.authenticate(t.passFor(t.siteA()))
	for _, s := range []site{t.siteB(), t.siteC()} {
		l := t.passFor(t.siteA())
		l.site = s
		t.refused(t.askUser(t.authenticationRequest(l)), "an authentication request with a pass token that was given to another third-party platform", "invalid_token")
	}
}
