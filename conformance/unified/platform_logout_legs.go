package unified

import (
	"fmt"
	"slices"
	"time"

	"countersign/conformance"
)

const (
	// soon is what a request that is due may take to arrive: a second by the profile, and half of one on the way.
	soon = 1500 * time.Millisecond
	// moment is how long a check looks whether a request comes that must not: it is shorter than any wait of the profile.
	moment = 300 * time.Millisecond
	// settling is how long a target is left alone before its clock is moved.
	settling = 100 * time.Millisecond
	// atOnce is the time within which a logout is answered.
	atOnce = 2 * time.Second
)

// visit is a user's session in a browser, from which third-party platforms have been entered.
type visit struct {
	t  *test
	in *conformance.Browser
	as UserSetup
	// person is the user information that the third-party platforms got.
	person person
}

// visit logs a user in in a new browser and enters third-party platforms.
func (t *test) visit(as UserSetup, at ...site) visit {
	v := visit{t: t, in: t.browser(), as: as}
	t.logIn(v.in, as)
	for _, s := range at {
		v.person = t.enter(v.in, as, s).person
	}
	return v
}

// again logs the user in again in the same browser.
func (v visit) again(at ...site) visit {
	v.t.logIn(v.in, v.as)
	for _, s := range at {
		v.person = v.t.enter(v.in, v.as, s).person
	}
	return v
}

// leave logs out.
func (v visit) leave() *conformance.Response { return v.t.logOut(v.in) }

// visits are those of so many users.
func (t *test) visits(n int, at ...site) []visit {
	var all []visit
	for _, as := range t.crowd(n) {
		all = append(all, t.visit(as, at...))
	}
	return all
}

// logoutPages opens the logout pages of all: what follows can come close together then.
func (t *test) logoutPages(of []visit) (pages []page) {
	for _, v := range of {
		pages = append(pages, t.logoutPage(v.in, ""))
	}
	return pages
}

// leaveAll logs all out, close together.
func (t *test) leaveAll(all []visit) {
	for _, p := range t.logoutPages(all) {
		t.leaves(p)
	}
}

// signedOut ends the check as failed unless a browser has no session any more: it is asked for user name and password.
func (t *test) signedOut(in *conformance.Browser, what string) {
	p := t.authorizationPage(in, t.newLogin(t.siteC()))
	if !p.asksPassword() {
		t.FailAt(p.answer.Exchange, "an authorization page with user name and password "+what, "one without, as within a session")
	}
	resp := in.Open(t.portalEndpoint())
	if form := resp.Form(t.portalEndpoint()); form == nil || form.Types["password"] != "password" {
		t.FailAt(resp.Exchange, "the portal's page with user name and password "+what, "another page")
	}
}

// stillIn ends the check as failed unless a browser has a session.
func (t *test) stillIn(in *conformance.Browser, what string) {
	p := t.authorizationPage(in, t.newLogin(t.siteC()))
	if p.asksPassword() {
		t.FailAt(p.answer.Exchange, "an authorization page without user name and password "+what, "one that asks for them, as without a session")
	}
}

// idleTime, longestIdle and batchLimit are those that the metadata announce.
func (t *test) idleTime() time.Duration {
	if t.metadata.BatchIdleTime < 1 {
		t.FailAt(t.document.Exchange, "metadata with batch_idle_time, whole seconds", fmt.Sprint(t.metadata.BatchIdleTime))
	}
	return time.Duration(t.metadata.BatchIdleTime) * time.Second
}

func (t *test) maxWait() time.Duration {
	wait := time.Duration(t.metadata.BatchMaxWait) * time.Second
	if wait <= t.idleTime() {
		t.FailAt(t.document.Exchange, "metadata with batch_max_wait, greater than batch_idle_time", fmt.Sprint(t.metadata.BatchMaxWait))
	}
	return wait
}

func (t *test) batchLimit() int {
	if t.metadata.BatchLimit < 2 || t.metadata.BatchLimit > 1000 {
		t.FailAt(t.document.Exchange, "metadata with batch_limit, 2 to 1000", fmt.Sprint(t.metadata.BatchLimit))
	}
	return t.metadata.BatchLimit
}

// settleAndAdvance is Advance for a target that has settled, where there is any time to pass.
func (t *test) settleAndAdvance(d time.Duration) {
	if d > 0 {
		t.settles()
		t.Advance(d)
	}
}

// settleAndPass is Passes for a target that has settled, in whole seconds.
func (t *test) settleAndPass(d time.Duration) bool {
	t.settles()
	return t.Passes((max(d, 0) + time.Second - 1).Truncate(time.Second))
}

// settles lets the target make up its mind about the answers that it has just got: what it decides after its clock has been moved is another matter.
func (t *test) settles() {
	t.Env.Await(settling, func() bool { return false })
	// Settling may take a busy target longer, and this request too, which is for nothing else and stands in no report.
	if resp, err := t.Env.HTTP().Get(t.document.URL); err == nil {
		_ = resp.Body.Close()
	}
}

// quiet ends the check as failed when, d later, more than n requests have come to any of them.
func (s *sites) quiet(d time.Duration, n int, what string, of ...*played) {
	t := s.t
	t.settleAndAdvance(d)
	var talkative *played
	if t.Env.Await(moment, func() bool {
		i := slices.IndexFunc(of, func(p *played) bool { return len(p.received()) > n })
		if i >= 0 {
			talkative = of[i]
		}
		return i >= 0
	}) {
		t.FailAt(talkative.received()[n].exchange, fmt.Sprintf("no more than %d requests to the logout path %s", n, what), "one more")
	}
}

// quiet is that of one alone.
func (p *played) quiet(d time.Duration, n int, what string) { p.in.quiet(d, n, what, p) }

// request is the n-th one, counted from 1, which has to arrive soon after d has passed, and to make sense.
func (p *played) request(n int, d time.Duration, what string) told {
	t := p.in.t
	t.settleAndAdvance(d)
	if !t.pollFor(soon, func() bool { return len(p.received()) >= n }) {
		t.Fail(what+", at the logout path as registered", fmt.Sprintf("%d requests in all, and none since", len(p.received())))
	}
	r := p.received()[n-1]
	if r.problem != "" {
		t.FailAt(r.exchange, what+", at the logout path as registered", r.problem)
	}
	return r
}

// flushed is a request like that, whose answer is on its way too: what depends on the answer can be looked at.
func (p *played) flushed(n int, d time.Duration, what string) told {
	p.request(n, d, what)
	if !p.in.t.pollFor(soon, func() bool { return p.received()[n-1].answered }) {
		p.in.t.Broken("the harness has not answered the request to a logout path")
	}
	return p.received()[n-1]
}

// sends ends the check as failed unless a batch holds just one task for each of the visits, in any order.
func (t *test) sends(r told, what string, of ...visit) {
	left := slices.Clone(of)
	for _, one := range r.tasks {
		i := slices.IndexFunc(left, func(v visit) bool { return v.person.sub == one.sub })
		if i < 0 {
			t.FailAt(r.exchange, fmt.Sprintf("%s: one task for each of %d users, and no other", what, len(of)), fmt.Sprintf("a task more, for the sub %q", one.sub))
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		t.FailAt(r.exchange, fmt.Sprintf("%s: one task for each of %d users, and no other", what, len(of)), fmt.Sprintf("none for the sub %q", left[0].person.sub))
	}
}

// ids are the task_ids of a batch, in their order.
func (r told) ids() []string {
	var ids []string
	for _, one := range r.tasks {
		ids = append(ids, one.id)
	}
	return ids
}
