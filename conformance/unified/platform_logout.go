package unified

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// platformLogoutChecks are the checks of logging out at the platform under test, and of what it tells third-party platforms then.
func platformLogoutChecks() []conformance.Check {
	check := func(id catalog.ID, f func(*test)) conformance.Check {
		return conformance.Check{ID: id, Role: catalog.Platform, Run: against(f)}
	}
	alone := func(id catalog.ID, f func(*test)) conformance.Check {
		c := check(id, f)
		c.Alone = true
		return c
	}
	checks := []conformance.Check{
		alone("UN-PL-22", logoutAnsweredAtOnce),
		check("UN-PL-23", logoutEndsTheSession),
		alone("UN-PL-24", tasksMadeFromTheRelations),
		alone("UN-PL-26", queueFlushedAtTheIdleTime),
		alone("UN-PL-27", queueFlushedAtTheLimit),
		alone("UN-PL-28", oneQueueForEachThirdParty),
		alone("UN-PL-29", platformLogsOutForOneThatOffersNone),
		check("UN-PL-45", logoutEndsCodesAndPassTokens),
		check("UN-PL-47", logoutEndsAllSessions),
		check("UN-PL-51", logoutOnlyOnThePlatformsOwnPage),
		alone("UN-PL-69", batchesSealedUnderTheNewestKeyInUse),
		alone("UN-PL-74", waitingHasAnUpperBound),
		alone("UN-PL-75", batchBoundedByTheLimit),
		alone("UN-PL-76", failedBatchTriedAgain),
		alone("UN-PL-77", triesGrowApart),
		alone("UN-PL-78", retryAfterRespected),
		alone("UN-PL-79", onlyTheRestIsTriedAgain),
		alone("UN-PL-80", doneOnlyByASealedAnswer),
		alone("UN-PL-81", slowOneDelaysNoOther),
		alone("UN-PL-83", taskKeepsItsIdentity),
		alone("UN-PL-84", generationRisesWithEveryLogout),
		check("UN-PL-85", statusTellsWhoIsLoggedIn),
		check("UN-PL-86", statusOnlyOfOnesOwnUsers),
		alone("UN-PL-87", backChannelLogoutSent),
		alone("UN-PL-88", logoutTokenSigned),
		alone("UN-PL-89", logoutTokenFresh),
		alone("UN-PL-90", failedBackChannelLogoutTriedAgain),
	}
	return conformance.LettingTimePass(conformance.Waits, checks,
		"UN-PL-22", "UN-PL-24", "UN-PL-26", "UN-PL-28", "UN-PL-29", "UN-PL-69", "UN-PL-74", "UN-PL-75", "UN-PL-76", "UN-PL-77", "UN-PL-78", "UN-PL-79",
		"UN-PL-80", "UN-PL-81", "UN-PL-83", "UN-PL-84", "UN-PL-87", "UN-PL-89", "UN-PL-90",
	)
}

// UN-PL-22: the user does not wait for third-party platforms, not even for one that hangs.
func logoutAnsweredAtOnce(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	x.behave(conduct{hold: 5 * time.Second})
	v := t.visit(t.own(), x.site)
	t.leavesAtOnce(v, "a logout")
	x.request(1, t.idleTime(), "a batch request when batch_idle_time has passed after a logout")
	t.leavesAtOnce(v.again(x.site), "a logout while a batch request hangs")
	s.release()
	x.flushed(2, t.idleTime(), "a batch request for the second logout, when the first is answered at last")
}

func (t *test) leavesAtOnce(v visit, what string) {
	p := t.logoutPage(v.in, "")
	before := t.Env.Now()
	resp := t.leaves(p)
	if took := t.Env.Now().Sub(before); took > atOnce {
		t.FailAt(resp.Exchange, fmt.Sprintf("an answer to %s within %.0f s", what, atOnce.Seconds()), fmt.Sprintf("one after %.0f s", took.Seconds()))
	}
}

// UN-PL-23: whoever opens the browser next is asked for user name and password.
func logoutEndsTheSession(t *test) {
	v := t.visit(t.own(), t.siteC())
	t.stillIn(v.in, "within a session")
	v.leave()
	t.signedOut(v.in, "after logout")
	t.stillIn(v.again().in, "within the next session")
	v.leave()
	t.signedOut(v.in, "after the second logout")
}

// UN-PL-29: the link of a third-party platform without a logout path leads to a page that does just what the platform's own does.
func platformLogsOutForOneThatOffersNone(t *test) {
	s := t.playSites()
	defer s.release()
	x, without := s.batch(), s.add(t.newSite())
	v := t.visit(t.own(), without.site, x.site)
	t.leaves(t.logoutPage(v.in, without.id))
	t.signedOut(v.in, "after a logout that the link of a third-party platform led to")
	r := x.request(1, t.idleTime(), "a batch request to another third-party platform after a logout that the link of one without a logout path led to")
	t.sends(r, "the batch request after that logout", v)
	without.quiet(0, 0, "of one that registered none")
}

// UN-PL-45: what was given before a logout is worth nothing after it, also when the user has come back.
func logoutEndsCodesAndPassTokens(t *test) {
	c := t.siteC()
	v := t.visit(t.own(), c) // shows that a code and a pass token are taken
	code := t.approve(v.in, v.as, t.newLogin(c))
	later := t.approve(v.in, v.as, t.newLogin(c))
	pass := t.exchange(t.approve(v.in, v.as, t.newLogin(c)))
	passLater := t.exchange(t.approve(v.in, v.as, t.newLogin(c)))
	v.leave()
	t.Refused(t.askPassToken(t.passTokenRequest(code)), "a pass-token request with a code from before the logout", http.StatusBadRequest, "invalid_grant")
	t.Refused(t.askUser(t.authenticationRequest(pass)), "an authentication request with a pass token from before the logout", http.StatusBadRequest, "invalid_token")
	v.again(c)
	t.Refused(t.askPassToken(t.passTokenRequest(later)), "a pass-token request with a code from before the logout, when the user is logged in again", http.StatusBadRequest, "invalid_grant")
	t.Refused(t.askUser(t.authenticationRequest(passLater)), "an authentication request with a pass token from before the logout, when the user is logged in again", http.StatusBadRequest, "invalid_token")
}

// UN-PL-47: a logout reaches every browser of the user, and no other user's.
func logoutEndsAllSessions(t *test) {
	here, there, another := t.visit(t.own(), t.siteC()), t.visit(t.own(), t.siteC()), t.visit(t.alice())
	t.stillIn(there.in, "within a session in another browser")
	here.leave()
	t.signedOut(here.in, "in the browser of the logout")
	t.signedOut(there.in, "in the user's other browser after the logout")
	t.stillIn(another.in, "within another user's session")
}

// UN-PL-51: nothing but the button of the logout page, in the browser that was shown it, ends anything.
func logoutOnlyOnThePlatformsOwnPage(t *test) {
	v := t.visit(t.own(), t.siteC())
	t.stillIn(v.in, "within a session")
	for _, query := range []url.Values{{}, {"decision": {"logout"}}, {"client_id": {t.siteC().id}, "decision": {"logout"}}} {
		v.in.Open(t.withQuery(t.logoutEndpoint(), query)) // what it shows is the matter of another requirement
		t.stillIn(v.in, "after a GET of the logout page")
	}
	own, other := t.logoutPage(v.in, ""), t.logoutPage(t.visit(t.alice()).in, "")
	bare := url.Values{"decision": {"logout"}}
	for _, c := range []struct {
		what string
		sent func() *conformance.Response
	}{
		{"without the hidden inputs of the page", func() *conformance.Response { return v.in.Post(own.form.Action, bare) }},
		{"with the hidden inputs of another user's page", func() *conformance.Response {
			return v.in.Post(own.form.Action, other.filled(UserSetup{}, "logout"))
		}},
		{"without the cookie of the page", func() *conformance.Response {
			return t.browser().Post(own.form.Action, own.filled(UserSetup{}, "logout"))
		}},
		{"with the cookie of another user's page", func() *conformance.Response {
			return other.in.Post(own.form.Action, own.filled(UserSetup{}, "logout"))
		}},
	} {
		t.Refused(c.sent(), "a logout "+c.what, http.StatusForbidden)
		t.stillIn(v.in, "after a logout "+c.what)
		t.stillIn(other.in, "of another user after a logout "+c.what)
	}
	v.in.Post(t.withQuery(own.form.Action, bare), url.Values{}) // a refusal, or the page as to a GET
	t.stillIn(v.in, "after a logout whose decision stood in the query")
	v.leave()
	t.signedOut(v.in, "after the button of the logout page was pressed, in the end")
}

// UN-PL-84: the generation of the user information grows at each logout, and a task has the one that ended.
func generationRisesWithEveryLogout(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	v := t.visit(t.own(), x.site)
	for n := 1; n <= 3; n++ {
		g := v.person.generation
		if g < 1 {
			t.Fail("user information with generation, a whole number from 1 on", fmt.Sprintf("generation %d", g))
		}
		if same := t.enter(v.in, v.as, x.site).person.generation; same != g {
			t.Fail(fmt.Sprintf("generation %d until the user logs out", g), fmt.Sprintf("generation %d", same))
		}
		v.leave()
		r := x.flushed(n, t.idleTime(), "a batch request after a logout")
		t.sends(r, "the batch request after a logout", v)
		if got := r.tasks[0].members["generation"]; r.tasks[0].generation != g {
			t.FailAt(r.exchange, fmt.Sprintf("a task with the generation that ended, %d", g), "generation "+shown(got))
		}
		if v = v.again(x.site); v.person.generation <= g {
			t.Fail(fmt.Sprintf("a generation greater than %d after a logout", g), fmt.Sprintf("generation %d", v.person.generation))
		}
	}
}

// UN-PL-85: active is true for the present generation of a user who was authenticated at the third-party platform that asks, and for nothing else.
func statusTellsWhoIsLoggedIn(t *test) {
	c := t.siteC()
	v := t.visit(t.own(), c)
	before := v.person
	says := func(p person, generation int64, want bool, what string) {
		if got := t.active(c, p.sub, generation, what); got != want {
			t.Fail(fmt.Sprintf("active %t for %s", want, what), fmt.Sprintf("active %t", got))
		}
	}
	says(before, before.generation, true, "a user who is logged in")
	v.leave()
	says(before, before.generation, false, "a user who has logged out")
	now := v.again(c).person
	says(before, before.generation, false, "the generation from before the logout, of a user who is logged in again")
	says(now, now.generation, true, "a user who is logged in again")
	says(now, now.generation+1, false, "a generation that has not begun")
}

// UN-PL-86: who asks about another's user, or about nobody, learns nothing.
func statusOnlyOfOnesOwnUsers(t *test) {
	a, c := t.siteA(), t.siteC()
	p := t.visit(t.own(), c).person
	if !t.active(c, p.sub, p.generation, "a user at the third-party platform where the user was authenticated") {
		t.Fail("active true for a user at the third-party platform where the user was authenticated", "active false")
	}
	for _, nobody := range []struct{ sub, what string }{{p.sub, "a user who was authenticated elsewhere only"}, {t.Fresh("nobody", 18), "a sub that nobody has"}} {
		for generation := range int64(3) {
			if t.active(a, nobody.sub, p.generation+generation, nobody.what) {
				t.Fail("active false for "+nobody.what, "active true")
			}
		}
	}
}
