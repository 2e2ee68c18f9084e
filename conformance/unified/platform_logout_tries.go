package unified

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/conformance/jose"
)

// serverTimeout is after how long the platform takes a request for failed that is not answered.
const serverTimeout = 10 * time.Second

// retried is how long the platform may wait after the first failure: a second, lengthened by up to a fifth.
const retried = 1200 * time.Millisecond

// waitAfter is how long the queue waits at least after so many failures in a row.
func waitAfter(failures int) time.Duration {
	wait := time.Second
	for range failures - 1 {
		wait = min(2*wait, 300*time.Second)
	}
	return wait
}

// longest is a wait lengthened by a fifth, in whole seconds, for a test clock.
func longest(wait time.Duration) time.Duration {
	return (wait + wait/5 + time.Second - 1).Truncate(time.Second)
}

// failing is a third-party platform whose answers are no success.
type failing struct {
	*played
	what string
	as   conduct
}

func players(all []failing) (of []*played) {
	for _, f := range all {
		of = append(of, f.played)
	}
	return of
}

// waits ends the check as failed when one of them, which have just got the n-th request and failed, gets another within the wait.
// When exactly the request came is not known: time passes in whole seconds, and some of them may have come before others.
func (s *sites) waits(wait time.Duration, n int, of ...*played) {
	unsure := 1500*time.Millisecond + wait/10
	if look := wait - unsure - settling - moment; look >= 0 {
		s.quiet(look.Truncate(time.Second), n, fmt.Sprintf("within the %.0f s after the last try", wait.Seconds()), of...)
	}
}

// comes lets time pass second by second, until all of them have got the n-th request or the wait before it is over.
func (s *sites) comes(wait time.Duration, n int, of ...*played) {
	waiting := func(p *played) bool { return len(p.received()) < n }
	here := func() bool { return !slices.ContainsFunc(of, waiting) }
	for passed := time.Duration(0); passed < longest(wait) && !s.t.Env.Await(moment, here); passed += time.Second {
		s.t.settleAndAdvance(time.Second)
	}
}

// UN-PL-76: whatever the failure, the tasks come again.
func failedBatchTriedAgain(t *test) {
	s := t.playSites()
	defer s.release()
	all := []failing{
		{s.batch(), "status 500", conduct{status: http.StatusInternalServerError}},
		{s.batch(), "status 400", conduct{status: http.StatusBadRequest}},
		{s.batch(), "status 204", conduct{status: http.StatusNoContent}},
		{s.batch(), "status 202, though it says that all is done", conduct{accepted: true}},
		{s.batch(), "a redirect", conduct{status: http.StatusTemporaryRedirect, header: [2]string{"Location", t.Registering + "/elsewhere"}}},
		{s.batch(), "a connection that broke", conduct{broken: true}},
	}
	silent := s.batch()
	control := s.batch()
	entered := []site{silent.site, control.site}
	for _, f := range all {
		f.behave(f.as)
		entered = append(entered, f.site)
	}
	silent.behave(conduct{hold: serverTimeout + 5*time.Second})
	v := t.visit(t.own(), entered...)
	v.leave()
	t.settleAndAdvance(t.idleTime())
	control.flushed(1, 0, "a batch request after a logout")
	silent.request(1, 0, "a batch request after a logout")
	for _, f := range all {
		f.flushed(1, 0, "a batch request after a logout")
	}
	for n := 2; n <= 3; n++ {
		t.settleAndAdvance(longest(waitAfter(n - 1)))
		for _, f := range all {
			r := f.flushed(n, 0, fmt.Sprintf("try %d, after %s", n, f.what))
			t.sends(r, fmt.Sprintf("try %d, after %s", n, f.what), v)
		}
		for _, f := range all {
			f.behave(conduct{})
		}
	}
	s.quiet(longest(waitAfter(3)), 3, "when the task is done", players(all)...)
	control.quiet(0, 1, "when the task is done")
	t.pollFor(serverTimeout+retried+soon, func() bool { return len(silent.received()) > 1 })
	t.sends(silent.request(2, 0, "another try when 10 s have passed without an answer"), "another try", v)
}

// UN-PL-77: each failure doubles the wait, one request at a time, and new tasks change nothing of that.
func triesGrowApart(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	limit := t.batchLimit()
	const trickle = 4
	users := t.crowd(limit + trickle)
	var all []visit
	for _, as := range users[trickle:] {
		all = append(all, t.visit(as, x.site))
	}
	failing := conduct{status: http.StatusServiceUnavailable}
	t.triesThroughATrickle(s.batch(), users[:trickle], failing)
	slow := failing
	slow.hold = serverTimeout - time.Second
	x.behave(slow)
	all[0].leave()
	x.request(1, t.idleTime(), "a batch request after a logout")
	t.leaveAll(all[1:3])
	x.quiet(t.idleTime(), 1, "while a request is under way")
	x.behave(failing)
	x.flushed(1, 0, "a batch request after a logout")
	const compared, most = 4, 10
	for failures := 1; failures <= most; failures++ {
		wait := waitAfter(failures)
		if failures == compared {
			t.leaveAll(all[3:]) // the queue is full now
		}
		if failures == most {
			x.behave(conduct{})
		}
		if failures <= compared {
			s.waits(wait, failures, x)
			s.comes(wait, failures+1, x)
		} else if !t.settleAndPass(longest(wait)) {
			return // that the wait does not grow for ever can be seen with a test clock only
		}
		x.flushed(failures+1, 0, fmt.Sprintf("try %d, %.0f s and up to a fifth more after the one before", failures+1, wait.Seconds()))
	}
}

// triesThroughATrickle wants the try after a failure when its wait is over, whatever the tasks that come meanwhile would make a queue wait for.
func (t *test) triesThroughATrickle(x *played, users []UserSetup, failing conduct) {
	var all []visit
	for _, as := range users {
		all = append(all, t.visit(as, x.site))
	}
	x.behave(failing)
	all[0].leave()
	x.flushed(1, t.idleTime(), "a batch request after a logout")
	x.behave(conduct{})
	for i, v := range all[1:] {
		if i > 0 {
			t.settleAndAdvance(time.Second)
		}
		if len(x.received()) == 1 {
			v.leave()
		}
	}
	// Later it would come by the queue's own rules.
	if !t.pollFor(soon/2, func() bool { return len(x.received()) > 1 }) {
		t.Fail("another try a second after a failure, though tasks keep coming", "none within three seconds")
	}
}

// UN-PL-78: a receiver that asks for a pause gets it.
func retryAfterRespected(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	v := t.visit(t.own(), x.site)
	const pause = 8 * time.Second // far from any wait of the platform's own
	x.behave(conduct{status: http.StatusServiceUnavailable, header: [2]string{"Retry-After", fmt.Sprintf("%.0f", pause.Seconds())}})
	v.leave()
	x.flushed(1, t.idleTime(), "a batch request after a logout")
	x.behave(conduct{})
	s.waits(pause, 1, x)
	s.comes(pause, 2, x)
	t.sends(x.flushed(2, 0, "another try when the time of Retry-After is over"), "the next try", v)
}

// UN-PL-79: done tasks are over, the others come again, and only they.
func onlyTheRestIsTriedAgain(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	all := t.visits(4, x.site)
	done, later, left := all[0], all[1], all[2:]
	verdicts := map[string]string{done.person.sub: "done", later.person.sub: "retry"}
	x.behave(conduct{verdict: func(one task) string { return verdicts[one.sub] }})
	t.leaveAll(all)
	t.sends(x.flushed(1, t.idleTime(), "a batch request after four logouts"), "the first batch request", all...)
	x.behave(conduct{verdict: func(one task) string {
		if one.sub == later.person.sub {
			return "done"
		}
		return "retry"
	}})
	t.sends(x.flushed(2, waitAfter(1), "another try after an answer for part of a batch"), "the try after an answer with one done, one retry and two left out", append(left, later)...)
	x.behave(conduct{})
	t.sends(x.flushed(3, waitAfter(1), "another try, for what was answered with retry"), "the try after an answer with one done and two retry", left...)
	x.quiet(t.idleTime()+longest(waitAfter(2)), 3, "when all tasks are done")
}

// UN-PL-80: an answer counts only when it is this third-party platform's, sealed, and to this request.
func doneOnlyByASealedAnswer(t *test) {
	s := t.playSites()
	defer s.release()
	other := jose.Key{Secret: []byte("a-key-that-nobody-has-given-out!")}
	member := func(name string, value any) conduct {
		return conduct{forged: func(m message) message { return m.with(name, value) }}
	}
	all := []failing{
		{s.batch(), "in plain JSON", conduct{plain: true}},
		{s.batch(), "sealed under another key with the right kid", conduct{forged: func(m message) message {
			m.key.Secret = other.Secret
			return m
		}}},
		{s.batch(), "with the in_reply_to of another request", member("in_reply_to", t.Random(18))},
		{s.batch(), "without in_reply_to", member("in_reply_to", nil)},
		{s.batch(), "with the typ of another message", conduct{forged: func(m message) message { return m.headed("typ", "status-response+jwt") }}},
		{s.batch(), "with the iss of another third-party platform", member("iss", t.siteA().id)},
		{s.batch(), "with another aud", member("aud", t.siteA().id)},
		{s.batch(), "with the iat of an hour ago", member("iat", t.Env.Now().Add(-time.Hour).Unix())},
	}
	control := s.batch()
	entered := []site{control.site}
	for _, f := range all {
		f.behave(f.as)
		entered = append(entered, f.site)
	}
	v := t.visit(t.own(), entered...)
	v.leave()
	t.settleAndAdvance(t.idleTime())
	control.flushed(1, 0, "a batch request after a logout")
	var first [][]string
	for _, f := range all {
		first = append(first, f.flushed(1, 0, "a batch request after a logout").ids())
		f.behave(conduct{})
	}
	t.settleAndAdvance(longest(waitAfter(1)))
	for i, f := range all {
		r := f.flushed(2, 0, "another try after an answer "+f.what)
		if !slices.Equal(r.ids(), first[i]) {
			t.FailAt(r.exchange, "the same task again after an answer "+f.what, fmt.Sprintf("the task_ids %q and before %q", r.ids(), first[i]))
		}
	}
	s.quiet(longest(waitAfter(2)), 2, "when the task was answered with done in a right answer", players(all)...)
	control.quiet(0, 1, "when the task was answered with done in a right answer")
}

// UN-PL-81: each third-party platform is told by its own queue, whatever the others do.
func slowOneDelaysNoOther(t *test) {
	s := t.playSites()
	defer s.release()
	slow, failing, x := s.batch(), s.batch(), s.batch()
	slow.behave(conduct{hold: serverTimeout - time.Second})
	failing.behave(conduct{status: http.StatusServiceUnavailable})
	users := t.crowd(2)
	first := t.visit(users[0], slow.site, failing.site, x.site)
	second := t.visit(users[1], slow.site, failing.site, x.site)
	first.leave()
	slow.request(1, t.idleTime(), "a batch request after a logout")
	failing.request(1, 0, "a batch request while another third-party platform hangs")
	t.sends(x.flushed(1, 0, "a batch request while one third-party platform hangs and another fails"), "that batch request", first)
	second.leave()
	t.sends(x.flushed(2, t.idleTime(), "the next batch request while one third-party platform hangs and another fails"), "that batch request", second)
	slow.quiet(0, 1, "while a request is under way")
	s.release()
	slow.flushed(2, t.idleTime(), "the next batch request when the answer has come at last")
}

// UN-PL-83: a task is known by its task_id, in every try.
func taskKeepsItsIdentity(t *test) {
	s := t.playSites()
	defer s.release()
	x, y := s.batch(), s.batch()
	seen := map[string]string{} // the sub by the task_id
	for _, p := range []*played{x, y} {
		p.behave(conduct{status: http.StatusServiceUnavailable})
	}
	all := t.visits(2, x.site, y.site)
	t.leaveAll(all)
	t.settleAndAdvance(t.idleTime())
	var tasks [][]task
	for _, p := range []*played{x, y} {
		r := p.flushed(1, 0, "a batch request after two logouts")
		t.sends(r, "the batch request after two logouts", all...)
		for _, one := range r.tasks {
			t.identified(r, one)
			if sub, known := seen[one.id]; known {
				t.FailAt(r.exchange, "a task_id that no other task has", fmt.Sprintf("%q, which a task for the sub %q has", one.id, sub))
			}
			seen[one.id] = one.sub
		}
		tasks = append(tasks, r.tasks)
	}
	for n := 2; n <= 3; n++ {
		if n == 3 {
			s.release()
		}
		t.settleAndAdvance(longest(waitAfter(n - 1)))
		for i, p := range []*played{x, y} {
			r := p.flushed(n, 0, fmt.Sprintf("try %d of a batch request", n))
			t.sends(r, fmt.Sprintf("try %d of a batch request", n), all...)
			for _, before := range tasks[i] {
				if !slices.ContainsFunc(r.tasks, func(one task) bool {
					return one.id == before.id && one.sub == before.sub && one.generation == before.generation
				}) {
					t.FailAt(r.exchange, fmt.Sprintf("in every try the task_id %q with the sub %q and generation %d", before.id, before.sub, before.generation), fmt.Sprintf("the task_ids %q", r.ids()))
				}
			}
		}
	}
}

// identified ends the check as failed unless a task has all that section 4.6 of the profile names.
func (t *test) identified(r told, one task) {
	if len(one.id) < 22 {
		t.FailAt(r.exchange, "a task with task_id, a string of 22 or more characters", shown(one.members["task_id"]))
	}
	if _, ok := one.members.whole("generation"); !ok || one.generation < 1 {
		t.FailAt(r.exchange, "a task with generation, a whole number from 1 on", "generation "+shown(one.members["generation"]))
	}
}
