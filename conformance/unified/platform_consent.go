package unified

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// UN-PL-04: who is not logged in can log in on the page that asks.
func loginPageWhenNotLoggedIn(t *test) {
	in := t.browser()
	for _, what := range []string{"of a browser that comes for the first time", "of a browser that comes again"} {
		p := t.authorizationPage(in, t.newLogin(t.siteA()))
		t.offersDenial(p)
		for _, name := range []string{"username", "password"} {
			kind := map[string]string{"username": "text", "password": "password"}[name]
			got, there := p.form.Types[name]
			if !there || got != kind && (got != "" || kind != "text") || p.form.Values.Get(name) != "" {
				t.FailAt(p.answer.Exchange, fmt.Sprintf("an authorization page %s without a session with an empty input %s of type %s", what, name, kind),
					fmt.Sprintf("there: %t, type %q, value %q", there, got, p.form.Values.Get(name)))
			}
		}
	}
	t.approve(in, t.alice(), t.newLogin(t.siteA()))
}

// offersDenial wants the page to let the user refuse.
func (t *test) offersDenial(p page) {
	if !slices.Contains(p.form.Buttons, [2]string{"decision", "deny"}) {
		t.FailAt(p.answer.Exchange, p.what+": a submit button decision=deny", fmt.Sprintf("buttons %q", p.form.Buttons))
	}
}

// begun is a browser in which a user has begun a session, with the page that asked for the password and the answer to it.
type begun struct {
	what   string
	in     *conformance.Browser
	page   page
	answer *conformance.Response
}

// begunSessions are two: one begun at the portal, and one by an approval.
func (t *test) begunSessions(as UserSetup) []begun {
	portal, asking := t.browser(), t.browser()
	p, q := t.loginPage(portal), t.authorizationPage(asking, t.newLogin(t.siteA()))
	all := []begun{
		{"a login at the portal", portal, p, p.press(as, "login")},
		{"an approval with user name and password", asking, q, q.press(as, "approve")},
	}
	for _, b := range all {
		t.redirected(b.answer, b.what)
	}
	return all
}

// UN-PL-05: who is logged in decides, and types nothing.
func authorizePageWhenLoggedIn(t *test) {
	for _, b := range t.begunSessions(t.alice()) {
		for _, s := range []site{t.siteA(), t.siteB()} {
			p := t.authorizationPage(b.in, t.newLogin(s))
			t.offersDenial(p)
			for _, name := range []string{"username", "password"} {
				if kind, there := p.form.Types[name]; there && kind != "hidden" || p.asksPassword() {
					t.FailAt(p.answer.Exchange, "an authorization page without the input "+name+" after "+b.what, "a page that asks for it")
				}
			}
			t.approve(b.in, t.alice(), t.newLogin(s))
		}
	}
}

// UN-PL-06: the user is asked each time, also after having approved before.
func noCodeWithoutTheUsersDecision(t *test) {
	in := t.browser()
	for i, what := range []string{"without a session", "within a session, after an approval", "within a session, after two approvals"} {
		l := t.newLogin(t.siteA())
		address := t.authorizationURL(l.query)
		resp := in.Open(address)
		t.noCode(resp, "an authorization request "+what+" and before the user's decision")
		p := t.shown(in, address, resp, "approve", "the authorization page "+what)
		if i == 1 {
			t.sentBack(p.press(t.alice(), "deny"), l, "the user's refusal", "access_denied")
			p = t.authorizationPage(in, l)
		}
		t.coded(p.press(t.alice(), "approve"), l)
	}
}

// UN-PL-07: code and state arrive where the third-party platform is, whatever its path and its state look like.
func codeReachesTheCallbackPath(t *test) {
	withQuery := t.newSite()
	withQuery.callback += "?from=platform&x=%20"
	withQuery = t.registered(withQuery)
	for _, s := range []site{t.siteA(), withQuery} {
		in := t.browser()
		for _, state := range []string{t.Random(18), "a b+c&d=e%20?/#;\"<>", strings.Repeat("s", 512)} {
			l := t.newLogin(s)
			l.query.Set("state", state)
			resp := t.authorizationPage(in, l).press(t.alice(), "approve")
			what := "the user's approval"
			query := t.sentTo(resp, l, what)
			t.once(resp, query, "code", "", what)
			t.once(resp, query, "state", state, what)
			if query.Has("error") {
				t.FailAt(resp.Exchange, "no error after "+what, judge.Describe(resp))
			}
		}
	}
}

// UN-PL-08: the user's no is told, and gives nothing.
func refusalByTheUserGivesNoCode(t *test) {
	s := t.siteA()
	inside := t.browser()
	t.logIn(inside, t.alice())
	t.approve(inside, t.alice(), t.newLogin(s))
	for _, c := range []struct {
		what string
		in   *conformance.Browser
		as   UserSetup
	}{
		{"the user's refusal without user name and password", t.browser(), UserSetup{}},
		{"the user's refusal with user name and password", t.browser(), t.alice()},
		{"the user's refusal within a session", inside, t.alice()},
	} {
		l := t.newLogin(s)
		resp := t.authorizationPage(c.in, l).press(c.as, "deny")
		query := t.sentBack(resp, l, c.what, "access_denied")
		t.once(resp, query, "state", l.state, c.what)
	}
}

// UN-PL-46: a page that was left open logs nobody in.
func approvalAfterLogoutGivesNoCode(t *test) {
	s := t.siteA()
	v := t.visit(t.own())
	t.approve(v.in, v.as, t.newLogin(s))
	l := t.newLogin(s)
	open := t.authorizationPage(v.in, l)
	v.leave()
	what := "approval on a page of a session that has been logged out since"
	resp := open.press(v.as, "approve")
	t.noCode(resp, what)
	t.refusedLogin(resp, what)
	again := open
	again.form = judge.PasswordForm(resp, open.form.Action)
	t.coded(again.press(v.as, "approve"), l)

	v = t.visit(v.as)
	l = t.newLogin(s)
	open = t.authorizationPage(v.in, l)
	v.leave()
	t.logIn(v.in, t.bob())
	what = "approval on a page of one user's session within that of another"
	resp = open.press(v.as, "approve")
	t.noCode(resp, what)
	t.refusedLogin(resp, what)
}

// UN-PL-48: the browser forgets the form that it has sent.
func redirectDoesNotRepeatThePassword(t *test) {
	begun := t.begunSessions(t.alice())
	answers := map[string]*conformance.Response{}
	for _, b := range begun {
		answers[b.what] = b.answer
	}
	in := begun[0].in
	answers["an approval within a session"] = t.authorizationPage(in, t.newLogin(t.siteA())).press(t.alice(), "approve")
	answers["a refusal within a session"] = t.authorizationPage(in, t.newLogin(t.siteA())).press(t.alice(), "deny")
	answers["a refusal with user name and password"] = t.authorizationPage(t.browser(), t.newLogin(t.siteA())).press(t.alice(), "deny")
	for _, what := range sortedNames(answers) {
		resp := answers[what]
		t.redirected(resp, what)
		if resp.Status != http.StatusSeeOther && resp.Status != http.StatusFound {
			t.FailAt(resp.Exchange, "a redirect with status 303 or 302 after "+what, judge.Describe(resp))
		}
	}
}

// UN-PL-50: what does not come from the page as the platform gave it to this browser changes nothing.
func decisionOnlyOnThePlatformsOwnPage(t *test) {
	who := t.own()
	bare := func(decision string) url.Values {
		return url.Values{"username": {who.Name}, "password": {who.Password}, "decision": {decision}}
	}
	t.foreign(t.loginPage, who, bare("login"), "login", "a login at the portal")
	for _, decision := range []string{"approve", "deny"} {
		t.foreign(func(in *conformance.Browser) page { return t.authorizationPage(in, t.newLogin(t.siteA())) }, who, bare(decision), decision, decision)
	}

	v := t.visit(who)
	a, b := t.newLogin(t.siteA()), t.newLogin(t.siteB())
	pa, pb := t.authorizationPage(v.in, a), t.authorizationPage(v.in, b)
	t.turnedAway(v.in.Post(pa.form.Action, bare("approve")), "approve within a session without the hidden inputs of the page")
	t.turnedAway(t.browser().Post(pa.form.Action, pa.filled(who, "approve")), "approve of a page within a session without its cookie")
	other := t.visit(t.bob())
	t.authorizationPage(other.in, t.newLogin(t.siteA()))
	t.turnedAway(other.in.Post(pa.form.Action, pa.filled(who, "approve")), "approve with the hidden inputs of one user's page in the session of another")
	if pa.form.Action != pb.form.Action {
		resp := v.in.Post(pa.form.Action, pb.filled(who, "approve"))
		if strings.HasPrefix(resp.Location(), a.callback) {
			t.FailAt(resp.Exchange, "status 403 and no redirect for approve with the hidden inputs of another third-party platform's page", judge.Describe(resp))
		}
	}
	t.coded(t.authorizationPage(v.in, a).press(who, "approve"), a)
}

// foreign sends a form that a page of the platform did not make, in a browser without a session. The page itself works afterwards.
func (t *test) foreign(open func(*conformance.Browser) page, as UserSetup, bare url.Values, decision, what string) {
	in, other := t.browser(), t.browser()
	p := open(in)
	open(other)
	t.turnedAway(in.Post(p.form.Action, bare), what+" without the hidden inputs of the page")
	t.turnedAway(t.browser().Post(p.form.Action, p.filled(as, decision)), what+" without the cookie of the page")
	t.turnedAway(other.Post(p.form.Action, p.filled(as, decision)), what+" with the hidden inputs of one page and the cookie of another")
	for _, b := range []*conformance.Browser{in, other} {
		t.signedOut(b, "after "+what+" from elsewhere")
	}
	t.redirected(open(in).press(as, decision), what+" on the platform's own page")
}

// UN-PL-52: what stands in a URL, and so in histories and logs, has no effect.
func credentialsOnlyInABody(t *test) {
	who := t.own()
	in := t.browser()
	noEffect := func(resp *conformance.Response, what string) {
		if resp.Location() != "" {
			t.FailAt(resp.Exchange, "no redirect after "+what, judge.Describe(resp))
		}
		t.signedOut(in, "after "+what)
	}
	for _, c := range []struct {
		what, decision string
		open           func() page
	}{
		{"a login at the portal", "login", func() page { return t.loginPage(in) }},
		{"approve", "approve", func() page { return t.authorizationPage(in, t.newLogin(t.siteA())) }},
		{"deny", "deny", func() page { return t.authorizationPage(in, t.newLogin(t.siteA())) }},
	} {
		p := c.open()
		shown := in.Open(t.withQuery(p.url, p.filled(who, c.decision)))
		noEffect(shown, c.what+" in the query of a GET")
		if shown.Status != http.StatusOK || judge.PasswordForm(shown, "") == nil {
			t.FailAt(shown.Exchange, "the page, as to a GET without it, for "+c.what+" in the query of a GET", judge.Describe(shown))
		}
		for _, moved := range [][]string{{"username", "password", "decision"}, {"username", "password"}, {"decision"}} {
			p = c.open()
			body, query := p.filled(who, c.decision), url.Values{}
			for _, name := range moved {
				query[name] = body[name]
				body.Del(name)
			}
			if c.decision == "deny" && !query.Has("decision") {
				continue // a refusal needs no password
			}
			noEffect(in.Post(t.withQuery(p.form.Action, query), body), c.what+" with "+strings.Join(moved, ", ")+" in the query of a POST")
		}
		t.redirected(c.open().press(who, c.decision), c.what+" in the body of a POST")
		in = t.browser()
	}

	t.logIn(in, who)
	l := t.newLogin(t.siteA())
	for _, decision := range []string{"approve", "deny"} {
		p := t.authorizationPage(in, l)
		hidden := p.filled(who, decision)
		hidden.Del("decision")
		for _, resp := range []*conformance.Response{
			in.Open(t.withQuery(p.url, p.filled(who, decision))), in.Post(t.withQuery(p.form.Action, url.Values{"decision": {decision}}), hidden),
		} {
			if resp.Location() != "" {
				t.FailAt(resp.Exchange, "no redirect after "+decision+" in a query within a session", judge.Describe(resp))
			}
		}
	}
	t.approve(in, who, l)
}

// UN-PL-53: the user sees who asks, and as whom.
func authorizePageNamesBothSides(t *test) {
	shows := func(p page, words ...string) {
		text := p.answer.Text()
		for _, w := range words {
			if !strings.Contains(text, strings.Join(strings.Fields(w), " ")) {
				t.FailAt(p.answer.Exchange, fmt.Sprintf("%s with %q in its text", p.what, w), fmt.Sprintf("the text %q", text))
			}
		}
	}
	for _, s := range []site{t.siteA(), t.siteB(), t.registered(t.newSite())} {
		in := t.browser()
		shows(t.authorizationPage(in, t.newLogin(s)), s.name, s.id)
		t.logIn(in, t.alice())
		shows(t.authorizationPage(in, t.newLogin(s)), s.name, s.id, t.alice().Name)
	}
}
