package unified

import (
	"maps"
	"net/url"
	"strings"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// changed is the authorization request with another value for a parameter; none leaves it out.
func (l login) changed(name string, values ...string) url.Values {
	query := maps.Clone(l.query)
	if query[name] = values; len(values) == 0 {
		query.Del(name)
	}
	return query
}

// asked sends an authorization request.
func (t *test) asked(in *conformance.Browser, query url.Values) *conformance.Response {
	return in.Open(t.authorizationURL(query))
}

// askers are a browser without a session and one with.
func (t *test) askers() []*conformance.Browser {
	in := t.browser()
	t.logIn(in, t.alice())
	return []*conformance.Browser{t.browser(), in}
}

// UN-PL-09: nobody asks under a name that the platform does not know.
func unregisteredThirdPartyRefused(t *test) {
	for _, in := range t.askers() {
		l := t.newLogin(t.siteA())
		t.authorizationPage(in, l)
		for _, c := range []struct {
			what  string
			query url.Values
		}{
			{"with an unknown client_id", l.changed("client_id", "tp-"+t.Random(9))},
			{"with an unknown client_id that begins like a known one", l.changed("client_id", l.id+"x")},
			{"with an empty client_id", l.changed("client_id", "")},
			{"without client_id", l.changed("client_id")},
			{"of a made-up third-party platform", t.newLogin(site{id: "tp-" + t.Random(9), callback: strings.TrimSuffix(t.Attacker, "/") + "/callback"}).query},
		} {
			t.notAsked(t.asked(in, c.query), "an authorization request "+c.what)
		}
	}
}

// UN-PL-31: the code goes to the path that was reviewed, and to no other that looks like it.
func callbackComparedExactly(t *test) {
	in := t.browser()
	l := t.newLogin(t.siteA())
	t.authorizationPage(in, l)
	u, err := url.Parse(l.callback)
	if err != nil {
		t.Broken("the callback path of the setup is no URL: %v", err)
	}
	attacker := strings.TrimSuffix(t.Attacker, "/")
	_, attackerHost, _ := strings.Cut(attacker, "://")
	for _, redirect := range []string{
		l.callback + "x", l.callback + "/", l.callback + "/../x", l.callback + "?x=1", l.callback + "&x=1", l.callback + "#x", l.callback[:len(l.callback)-1], "",
		strings.ToUpper(u.Scheme) + strings.TrimPrefix(l.callback, u.Scheme), u.Scheme + "://LOCALHOST:" + u.Port() + u.Path, u.Scheme + "://localhost:" + u.Port() + u.Path,
		u.Scheme + "://" + u.Host + "/." + u.Path, u.Scheme + "://" + u.Host + "@" + attackerHost + u.Path,
		u.Scheme + "://" + u.Host + "%2f" + u.Path, u.Path, attacker + u.Path, attacker + "/?" + l.callback, t.siteB().callback, l.access,
	} {
		if redirect != l.callback {
			t.notAsked(t.asked(in, l.changed("redirect_uri", redirect)), "an authorization request with the redirect_uri "+redirect+", which is not the registered one")
		}
	}
	t.notAsked(t.asked(in, l.changed("redirect_uri")), "an authorization request without redirect_uri")

	// The decision does not move it either, wherever the page carries it.
	p := t.authorizationPage(in, l)
	moved, values := attacker+u.Path, p.filled(t.alice(), "approve")
	for _, name := range sortedNames(values) {
		if values.Get(name) == l.callback {
			values.Set(name, moved)
		}
	}
	resp := in.Post(strings.ReplaceAll(p.form.Action, url.QueryEscape(l.callback), url.QueryEscape(moved)), values)
	if strings.HasPrefix(resp.Location(), attacker) {
		t.FailAt(resp.Exchange, "no redirect to a path that the browser put into the form, and that is not the registered one", judge.Describe(resp))
	}
}

// UN-PL-32: what comes twice can be read in two ways.
func authorizationParametersComeOnce(t *test) {
	for _, in := range t.askers() {
		l := t.newLogin(t.siteA())
		t.authorizationPage(in, l)
		other := t.newLogin(t.siteB())
		for _, name := range []string{"client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method"} {
			right := l.query.Get(name)
			for _, second := range []string{right, other.query.Get(name), ""} {
				t.notAsked(t.asked(in, l.changed(name, right, second)), "an authorization request with "+name+" twice")
			}
		}
	}
}

// refusedQuestions sends authorization requests that have to go back to the callback path as invalid.
func (t *test) refusedQuestions(queries func(login) map[string]url.Values) {
	for _, in := range t.askers() {
		l := t.newLogin(t.siteA())
		t.authorizationPage(in, l)
		refused := queries(l)
		for _, what := range sortedNames(refused) {
			t.sentBack(t.asked(in, refused[what]), l, "an authorization request "+what, "invalid_request")
		}
	}
}

// UN-PL-33: without a state the third-party platform cannot tell its own login from an attacker's.
func authorizationNeedsAState(t *test) {
	t.refusedQuestions(func(l login) map[string]url.Values {
		return map[string]url.Values{
			"without state": l.changed("state"), "with an empty state": l.changed("state", ""),
			"with a state of 513 characters": l.changed("state", strings.Repeat("s", 513)),
		}
	})
}

// UN-PL-34: every code is bound to a verifier.
func authorizationNeedsAChallenge(t *test) {
	t.refusedQuestions(func(l login) map[string]url.Values {
		challenge := l.query.Get("code_challenge")
		neither := l.changed("code_challenge")
		neither.Del("code_challenge_method")
		return map[string]url.Values{
			"without code_challenge": l.changed("code_challenge"), "with an empty code_challenge": l.changed("code_challenge", ""),
			"without both code_challenge parameters":     neither,
			"with a code_challenge of 42 characters":     l.changed("code_challenge", challenge[1:]),
			"with a code_challenge of 44 characters":     l.changed("code_challenge", challenge+"="),
			"with a code_challenge that is no base64url": l.changed("code_challenge", "+/"+challenge[2:]),
			"with the code_challenge_method S512":        l.changed("code_challenge_method", "S512"),
			"with the code_challenge_method s256":        l.changed("code_challenge_method", "s256"),
		}
	})
}

// UN-PL-35: a challenge that is the verifier hides nothing.
func methodPlainRefused(t *test) {
	t.refusedQuestions(func(l login) map[string]url.Values {
		plain := l.changed("code_challenge", t.Random(36))
		plain.Set("code_challenge_method", "plain")
		return map[string]url.Values{
			"with code_challenge_method=plain":                                l.changed("code_challenge_method", "plain"),
			"with code_challenge_method=plain and a verifier for a challenge": plain,
			"without code_challenge_method":                                   l.changed("code_challenge_method"),
			"with an empty code_challenge_method":                             l.changed("code_challenge_method", ""),
		}
	})
}

// UN-PL-37: the third-party platform can tell from which platform an answer comes, be it a refusal.
func authorizationResponseNamesItsIssuer(t *test) {
	for _, in := range t.askers() {
		l := t.newLogin(t.siteA())
		for _, c := range []struct {
			what, decision string
			query          url.Values
		}{
			{"the user's refusal", "deny", l.query},
			{"the user's approval", "approve", l.query},
			{"an authorization request without response_type", "", l.changed("response_type")},
			{"an authorization request for another response_type", "", l.changed("response_type", "token")},
			{"an authorization request without state", "", l.changed("state")},
			{"an authorization request without code_challenge", "", l.changed("code_challenge")},
		} {
			var resp *conformance.Response
			var query url.Values
			if c.decision == "" {
				resp = t.asked(in, c.query)
				query = t.sentBack(resp, l, c.what, "invalid_request", "unsupported_response_type")
			} else {
				resp = t.authorizationPage(in, l).press(t.alice(), c.decision)
				query = t.sentTo(resp, l, c.what)
				t.once(resp, query, map[string]string{"approve": "code", "deny": "error"}[c.decision], "", c.what)
			}
			t.once(resp, query, "iss", t.issuer(), c.what)
		}
	}
}
