package unified

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// UN-PL-02: whoever is in force can be entered from the portal.
func portalOffersTheThirdParties(t *test) {
	in := t.browser()
	t.logIn(in, t.alice())
	all := []site{t.siteA(), t.siteB(), t.siteC(), t.siteD()}
	for range 2 {
		all = append(all, t.registered(t.newSite()))
		found := t.portalLinks(in)
		for _, s := range all {
			n := 0
			for _, link := range found {
				if link == s.access {
					n++
				}
			}
			t.Expect(n == 1, fmt.Sprintf("a portal with one link to the access path %s of %s, which is in force", s.access, s.name), fmt.Sprintf("%d of them", n))
		}
		toLogout := slices.ContainsFunc(found, func(link string) bool { return strings.HasPrefix(link, t.logoutEndpoint()) })
		t.Expect(toLogout, "a portal with a link to the logout endpoint "+t.logoutEndpoint(), "none")
	}
}

// UN-PL-03: only the whole password of this user logs in, at the portal and on the page that asks.
func onlyTheRegisteredPasswordLogsIn(t *test) {
	who := t.own()
	as := func(name, password string) UserSetup { return UserSetup{Name: name, Password: password} }
	nobody := t.Fresh("nobody", 6)
	for _, p := range t.passwordPages() {
		right := func() {
			t.redirected(p.open(t.browser()).press(who, p.decision), "the right user name and password "+p.where)
		}
		right()
		for _, c := range []struct {
			what string
			who  UserSetup
		}{
			{"another password", badPassword(who)},
			{"the password of another user", as(who.Name, t.bob().Password)},
			{"the password without its last character", as(who.Name, who.Password[:len(who.Password)-1])},
			{"the password with a character more", as(who.Name, who.Password+"x")},
			{"an empty password", as(who.Name, "")},
			{"a name that nobody has", as(nobody, who.Password)},
			{"neither user name nor password", UserSetup{}},
		} {
			in := t.browser()
			resp := p.open(in).press(c.who, p.decision)
			t.noCode(resp, c.what+" "+p.where)
			t.refusedLogin(resp, c.what+" "+p.where)
			t.signedOut(in, "after "+c.what+" "+p.where)
		}
		right() // which also begins the count of wrong passwords anew
	}
}

// passwordPage is one that asks for user name and password.
type passwordPage struct {
	where, decision string
	open            func(*conformance.Browser) page
}

// passwordPages are those that log in.
func (t *test) passwordPages() []passwordPage {
	return []passwordPage{
		{"at the portal", "login", t.loginPage},
		{"on the authorization page", "approve", func(in *conformance.Browser) page { return t.authorizationPage(in, t.newLogin(t.siteA())) }},
	}
}

// pagesThatDecide are all pages that ask something of a user, those that come again after a wrong password too, with what they are.
func (t *test) pagesThatDecide(as UserSetup) map[string]*conformance.Response {
	pages := map[string]*conformance.Response{}
	for _, p := range t.passwordPages() {
		in := t.browser()
		open := p.open(in)
		pages["the page "+p.where+" that asks for user name and password"] = open.answer
		wrong := open.press(badPassword(as), p.decision)
		t.refusedLogin(wrong, "a wrong password "+p.where)
		pages["the page after a wrong password "+p.where] = wrong
	}
	in := t.browser()
	t.logIn(in, as)
	pages["the authorization page within a session"] = t.authorizationPage(in, t.newLogin(t.siteA())).answer
	return pages
}

// UN-PL-49: no page of another site can show a page that decides in a frame.
func pagesCannotBeFramed(t *test) {
	pages := t.pagesThatDecide(t.own())
	in := t.browser()
	t.logIn(in, t.own())
	pages["the logout page"] = t.logoutPage(in, "").answer
	for _, what := range sortedNames(pages) {
		t.NotFramed(pages[what], what)
	}
}

// UN-PL-91: the next site does not learn where the browser comes from.
func pagesSendNoReferrer(t *test) {
	pages := t.pagesThatDecide(t.own())
	for _, what := range sortedNames(pages) {
		resp := pages[what]
		policies := strings.FieldsFunc(strings.Join(resp.Header.Values("Referrer-Policy"), ","), func(r rune) bool { return r == ',' || r == ' ' })
		// A browser takes the last one that it knows.
		if len(policies) == 0 || !strings.EqualFold(policies[len(policies)-1], "no-referrer") {
			t.FailAt(resp.Exchange, what+" with Referrer-Policy: no-referrer", fmt.Sprintf("Referrer-Policy %q", resp.Header.Values("Referrer-Policy")))
		}
	}
}

// cookies are those that an answer sets.
func cookies(resp *conformance.Response) []*http.Cookie {
	return (&http.Response{Header: resp.Header}).Cookies()
}

// knows reports whether the platform takes a browser with these cookies alone for one within a session.
func (t *test) knows(held []*http.Cookie) bool {
	address := t.authorizationURL(t.newLogin(t.siteA()).query)
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.FailAt(t.document.Exchange, "metadata whose endpoints are URLs", err.Error())
	}
	for _, c := range held {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value, Quoted: c.Quoted})
	}
	return !t.shown(t.browser(), address, t.Do("user-agent", req), "approve", "the authorization page").asksPassword()
}

// held are the cookies of the browser in which a session has begun.
func (b begun) held() []*http.Cookie {
	set := cookies(b.answer)
	for _, c := range cookies(b.page.answer) {
		if !slices.ContainsFunc(set, func(later *http.Cookie) bool { return later.Name == c.Name }) {
			set = append(set, c)
		}
	}
	return set
}

// sessionCookies are those without which the browser is within no session, of those that the login gave it.
func (t *test) sessionCookies(b begun) []*http.Cookie {
	held := b.held()
	if !t.knows(held) {
		t.FailAt(b.answer.Exchange, "cookies that keep the session that "+b.what+" began", "an authorization page that asks for user name and password")
	}
	var found []*http.Cookie
	for _, c := range held {
		without := slices.DeleteFunc(slices.Clone(held), func(other *http.Cookie) bool { return other == c })
		if !t.knows(without) {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		t.FailAt(b.answer.Exchange, "a cookie that keeps the session that "+b.what+" began", "a session that lives without any one of the cookies")
	}
	return found
}

// UN-PL-54: whoever planted or saw the cookie from before the login does not share the session.
func sessionRenewedAtLogin(t *test) {
	for _, b := range t.begunSessions(t.alice()) {
		before := cookies(b.page.answer)
		if len(before) > 0 && t.knows(before) {
			t.Fail("an authorization page with user name and password for the cookies from before "+b.what, "one without, as within a session")
		}
		for _, c := range t.sessionCookies(b) {
			fresh := slices.ContainsFunc(cookies(b.answer), func(set *http.Cookie) bool { return set.Name == c.Name })
			if !fresh || slices.ContainsFunc(before, func(old *http.Cookie) bool { return old.Value == c.Value }) {
				t.FailAt(b.answer.Exchange, "a new value of the session cookie at "+b.what, "the one from before")
			}
		}
	}
}

// UN-PL-55: neither scripts nor other sites use the session.
func sessionCookieProtected(t *test) {
	for _, b := range t.begunSessions(t.alice()) {
		for _, c := range t.sessionCookies(b) {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode || !c.Secure && strings.HasPrefix(t.issuer(), "https:") {
				attributes := []string{"Set-Cookie: " + c.Name + "=..."}
				if _, rest, cut := strings.Cut(c.Raw, ";"); cut {
					attributes = append(attributes, rest)
				}
				t.FailAt(b.answer.Exchange, "a session cookie that is HttpOnly and SameSite=Lax or Strict, and Secure over TLS, after "+b.what, strings.Join(attributes, ";"))
			}
		}
	}
}

// UN-PL-57: what is wrong cannot be told, be it the name or the password.
func namesCannotBeFoundOut(t *test) {
	nobody := UserSetup{Name: t.Fresh("nobody", 6), Password: "some-password"}
	for _, p := range t.passwordPages() {
		known, unknown := badPassword(t.own()), nobody
		first, second := p.open(t.browser()).press(known, p.decision), p.open(t.browser()).press(unknown, p.decision)
		t.refusedLogin(first, "a wrong password "+p.where)
		t.sameWords(first, known, second, unknown, "a user name that nobody has "+p.where)
	}
}

// sameWords wants two refused logins to look alike but for the names that were typed.
func (t *test) sameWords(wrong *conformance.Response, as UserSetup, other *conformance.Response, whom UserSetup, what string) {
	said := func(resp *conformance.Response, name string) string {
		return fmt.Sprintf("status %d, %s", resp.Status, strings.ReplaceAll(resp.Text(), name, "NAME"))
	}
	if want, got := said(wrong, as.Name), said(other, whom.Name); got != want {
		t.FailAt(other.Exchange, "the answer to "+what+" in the words of that to a wrong password: "+want, got)
	}
}

// UN-PL-58: the tenth wrong password within ten minutes ends login under the name for ten minutes, and under no other.
func passwordGuessesAreLimited(t *test) {
	const most, span, margin = 10, 10 * time.Minute, 2 * time.Second
	t.Advance(span + margin) // shows that time can pass, so that the user is not locked out of later checks
	who := t.own()
	pages := t.passwordPages()
	try := func(as UserSetup) *conformance.Response {
		pages = []passwordPage{pages[1], pages[0]} // by turns
		return pages[0].open(t.browser()).press(as, pages[0].decision)
	}
	guess := func(n int) (last *conformance.Response) {
		for range n {
			last = try(badPassword(who))
			t.refusedLogin(last, "a wrong password")
		}
		return last
	}
	for range 2 {
		guess(most - 1)
		t.redirected(try(who), "the right password after nine wrong ones")
	}
	wrong := guess(most)
	for range 2 { // once on each page
		right := try(who)
		t.noCode(right, "the right password after ten wrong ones")
		t.refusedLogin(right, "the right password after ten wrong ones")
	}
	t.sameWords(wrong, who, pages[0].open(t.browser()).press(who, pages[0].decision), who, "the right password after ten wrong ones")
	t.redirected(try(t.alice()), "the right password under another name meanwhile")

	t.Advance(span / 2)
	guess(2)
	t.refusedLogin(try(who), "the right password five minutes after ten wrong ones")
	t.Advance(span/2 + margin)
	t.redirected(try(who), "the right password ten minutes after the tenth wrong one, whatever was tried meanwhile")
	guess(most - 1)
	t.Advance(span + margin)
	guess(1)
	t.redirected(try(who), "the right password after nine wrong ones that are more than ten minutes old, and one more")
}

// UN-PL-56: what opens something has nothing in common with what came before.
func secretsCannotBeGuessed(t *test) {
	const many = 20
	sessions := map[string][]string{}
	for range many {
		in := t.browser()
		open := t.loginPage(in)
		b := begun{"a login at the portal", in, open, open.press(t.alice(), "login")}
		for _, c := range t.sessionCookies(b) {
			sessions[c.Name] = append(sessions[c.Name], c.Value)
		}
	}
	in := t.browser()
	t.logIn(in, t.alice())
	var codes, tokens []string
	for range many {
		l := t.exchange(t.approve(in, t.alice(), t.newLogin(t.siteA())))
		codes, tokens = append(codes, l.code), append(tokens, l.passToken)
	}
	t.random("codes", codes)
	t.random("pass tokens", tokens)
	// A session may be kept by several cookies: one of them has to be hard to guess.
	names := sortedNames(sessions)
	slices.SortStableFunc(names, func(a, b string) int {
		return int(judge.RandomBits(sessions[b])) - int(judge.RandomBits(sessions[a]))
	})
	t.random("session values", sessions[names[0]])
}

// random ends the check as failed unless the values are new, long and without a pattern.
func (t *test) random(kind string, values []string) {
	seen := map[string]bool{}
	for _, v := range values {
		t.Expect(len(v) >= 22 && strings.Trim(v, judge.URLSafe) == "", kind+" of 22 or more characters A-Z a-z 0-9 - _", fmt.Sprintf("%d characters: %s", len(v), v))
		t.Expect(!seen[v], kind+" that never repeat", "one that came before")
		seen[v] = true
	}
	const enough = 126 // 128 but for the width of the estimate
	bits := judge.RandomBits(values)
	t.Expect(bits >= enough, fmt.Sprintf("%d %s with 128 bits of randomness", len(values), kind), fmt.Sprintf("only %.0f bits differ between them", bits))
}

// UN-PL-59: no cache keeps what bears a secret.
func secretsAreNotStoredByCaches(t *test) {
	pages := t.pagesThatDecide(t.own())
	for _, what := range sortedNames(pages) {
		t.NotStored(pages[what], what)
	}
	for _, b := range t.begunSessions(t.alice()) {
		t.NotStored(b.answer, "the redirect after "+b.what)
		l := t.newLogin(t.siteA())
		resp := t.authorizationPage(b.in, l).press(t.alice(), "approve")
		l = t.coded(resp, l)
		t.NotStored(resp, "the redirect with a code")
		m := t.passTokenRequest(l)
		resp = t.askPassToken(m)
		l.passToken = t.member(resp, t.opens(resp, m, "a pass-token request"), "pass_token", "the answer to a pass-token request")
		t.NotStored(resp, "the answer with a pass token")
		resp = t.askUser(t.authenticationRequest(l))
		t.Accepted(resp, "an authentication request")
		t.NotStored(resp, "the answer with user information")
	}
	s := t.registered(t.newSite())
	resp := t.Do("operator", t.byOperator(t.olga(), t.keyEndpoint(), members{"client_id": s.id}))
	t.Accepted(resp, "the owner's request for a communication key")
	t.NotStored(resp, "the answer with a communication key")
}

// sortedNames are the keys of a map in order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
