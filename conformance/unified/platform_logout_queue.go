package unified

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/conformance/jose"
)

// UN-PL-24: one task for each third-party platform that the user was at since the last logout, however often.
func tasksMadeFromTheRelations(t *test) {
	s := t.playSites()
	defer s.release()
	often, once, never := s.batch(), s.batch(), s.batch()
	v := t.visit(t.own(), often.site, once.site, often.site)
	asked := t.logoutPage(v.in, "")
	t.leaves(asked)
	again := asked.press(v.as, "logout")
	if again.Status/100 != 3 && again.Status != http.StatusForbidden {
		t.ExpectStatus(again, "the form of a logout a second time", http.StatusOK)
	}
	t.sends(often.flushed(1, t.idleTime(), "a batch request to a third-party platform that the user entered twice"), "the batch request to a third-party platform that the user entered twice", v)
	t.sends(once.flushed(1, 0, "a batch request to a third-party platform that the user entered"), "the batch request to a third-party platform that the user entered", v)

	v = v.again(often.site)
	v.leave()
	t.sends(often.flushed(2, t.idleTime(), "a batch request after the next logout"), "the batch request after the next logout", v)
	often.quiet(t.idleTime(), 2, "when the tasks of two logouts are done")
	once.quiet(0, 1, "of a third-party platform that the user did not enter again before the next logout")
	never.quiet(0, 0, "of a third-party platform that the user never entered")
}

// A machine that is slow may let the idle time pass where a check wants to show that it has not: that tells nothing, and is tried again, so many times in all.
const slowTries = 4

// UN-PL-26: tasks wait until none has come for the idle time, and go together then.
func queueFlushedAtTheIdleTime(t *test) {
	s := t.playSites()
	defer s.release()
	t.untilTold(func() bool { return s.oneLogoutFlushed() })
	if t.idleTime() > time.Second { // no test clock can stop within it
		t.untilTold(func() bool { return s.twoLogoutsFlushed() })
	}
}

// untilTold tries until something can be told.
func (t *test) untilTold(try func() bool) {
	for range slowTries {
		if try() {
			return
		}
	}
	t.Broken("this machine is so slow that batch_idle_time, %s, passes between one request of the harness and the next; run fewer checks at a time with --parallel", t.idleTime())
}

func (s *sites) oneLogoutFlushed() (told bool) {
	t, x := s.t, s.batch()
	v := t.visit(t.own(), x.site)
	left := t.Env.Now()
	v.leave()
	told = x.idles(left, t.idleTime()-time.Second, 0, "before batch_idle_time has passed after a logout")
	t.sends(x.flushed(1, time.Second, "a batch request when batch_idle_time has passed after a logout"), "the batch request after one logout", v)
	return told
}

func (s *sites) twoLogoutsFlushed() (told bool) {
	t, x := s.t, s.batch()
	all := t.visits(2, x.site)
	var before time.Time
	for i, which := range []string{"a logout", "the second of two logouts"} {
		left := t.Env.Now()
		all[i].leave()
		if i > 0 && t.Env.Now().Sub(before) >= t.idleTime() {
			return false // it came too late for the first one
		}
		before = left
		if !x.idles(left, t.idleTime()-time.Second, 0, "before batch_idle_time has passed after "+which) {
			return false
		}
	}
	r := x.request(1, time.Second, "a batch request when batch_idle_time has passed after the second of two logouts")
	t.sends(r, "the batch request after two logouts", all...)
	return true
}

// idles ends the check as failed when, d later, more than n requests have come, and the idle time has not passed since a moment.
// It reports false where they have come and it has: whether they were early, nobody knows then.
func (p *played) idles(since time.Time, d time.Duration, n int, what string) bool {
	t := p.in.t
	t.settleAndAdvance(d)
	if !t.Env.Await(moment, func() bool { return len(p.received()) > n }) {
		return true
	}
	if t.Env.Now().Sub(since) >= t.idleTime() {
		return false
	}
	t.FailAt(p.received()[n].exchange, fmt.Sprintf("no more than %d requests to the logout path %s", n, what), "one more")
	return true
}

// UN-PL-27: a full queue does not wait.
func queueFlushedAtTheLimit(t *test) {
	if t.idleTime() <= soon {
		t.Skip("batch_idle_time is %s, too short to tell a queue that is full from one that is idle", t.idleTime())
	}
	s := t.playSites()
	defer s.release()
	limit := t.batchLimit()
	t.untilTold(func() bool {
		x := s.batch()
		all := t.visits(limit, x.site)
		left := t.Env.Now()
		t.leaveAll(all[1:])
		if !x.idles(left, 0, 0, fmt.Sprintf("while the queue holds %d tasks and batch_limit is %d", limit-1, limit)) {
			return false
		}
		begun := t.Env.Now()
		all[0].leave()
		r := x.request(1, 0, fmt.Sprintf("a batch request within a second of the logout that makes %d tasks, when batch_limit is %d", limit, limit))
		took := t.Env.Now().Sub(begun)
		if left.Add(t.idleTime()).Before(begun) && len(r.tasks) < limit {
			return false // they went before
		}
		t.sends(r, "the batch request of a queue that was full", all...)
		return took < t.idleTime()
	})
}

// UN-PL-28: a third-party platform hears of its own users only.
func oneQueueForEachThirdParty(t *test) {
	s := t.playSites()
	defer s.release()
	x, y := s.batch(), s.batch()
	users := t.crowd(3)
	atX, atY, atBoth := t.visit(users[0], x.site), t.visit(users[1], y.site), t.visit(users[2], x.site, y.site)
	t.leaveAll([]visit{atX, atY, atBoth})
	t.settleAndAdvance(t.idleTime())
	for _, c := range []struct {
		at *played
		of []visit
	}{{x, []visit{atX, atBoth}}, {y, []visit{atY, atBoth}}} {
		r := c.at.flushed(1, 0, "a batch request, when users of two third-party platforms have logged out")
		for _, one := range r.tasks {
			for _, name := range []string{"task_id", "sub"} {
				if one.members.text(name) == "" {
					t.FailAt(r.exchange, "tasks each with the string "+name, fmt.Sprintf("%s is %s", name, shown(one.members[name])))
				}
			}
		}
		t.sends(r, "the batch request to one of two third-party platforms", c.of...)
	}
	x.quiet(t.idleTime(), 1, "when its tasks are done")
	y.quiet(0, 1, "when its tasks are done")
}

// UN-PL-69: a new key is for sending once the third-party platform has shown that it has it, or when the older ones are retired.
func batchesSealedUnderTheNewestKeyInUse(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	v := t.visit(t.own(), x.site)
	n := 0
	sealed := func(under jose.Key, what string) {
		n++
		v.leave()
		r := x.flushed(n, t.idleTime(), "a batch request, "+what)
		if r.key.ID != under.ID {
			t.FailAt(r.exchange, fmt.Sprintf("a batch request under the key %q, %s", under.ID, what), fmt.Sprintf("kid %q", r.key.ID))
		}
		if problem := r.wrong(line{from: t.issuer(), to: x.id, key: under}, "batch-logout-request", "", t.Env.Now()); problem != "" {
			t.FailAt(r.exchange, "a batch request that is a right sealed message, "+what, problem)
		}
	}
	first := x.newest()
	sealed(first, "to a third-party platform with one key")

	v = v.again(x.site)
	second := t.giveKey(x.site)
	x.holds(second)
	sealed(first, "while the third-party platform has not used its newest key")

	v = v.again(x.site) // under the newest key, as a third-party platform does
	sealed(second, "when the third-party platform has used its newest key")

	v = v.again(x.site)
	overlap := time.Duration(t.metadata.KeyOverlap) * time.Second
	x.holds(t.giveKey(x.site))
	newest := t.giveKey(x.site)
	x.holds(newest)
	if !t.settleAndPass(overlap + time.Second) {
		return // the keys do not retire while a check waits
	}
	sealed(newest, "when the third-party platform has used none of the keys that still work")
}

// UN-PL-74: however steadily tasks come, the oldest goes when its time has come.
func waitingHasAnUpperBound(t *test) {
	idle, bound := t.idleTime(), t.maxWait()
	step := idle - time.Second
	if step <= 0 {
		t.Skip("batch_idle_time is %s, too short for tasks that keep coming within it", idle)
	}
	s := t.playSites()
	defer s.release()
	x := s.batch()
	all := t.visits(min(t.batchLimit()-1, int(bound/step)+2), x.site)
	pages := t.logoutPages(all)
	came := func() bool { return len(x.received()) > 0 }
	t.leaves(pages[0])
	began := t.Env.Now()
	waited := func() time.Duration { return t.Env.Now().Sub(began) }
	for _, p := range pages[1:] {
		t.settleAndAdvance(step)
		// Where the bound passes now, a tick of the target's is all that is missing.
		if t.Env.Await(moment, came) || waited() > bound+time.Second {
			break
		}
		t.leaves(p)
	}
	if !came() && waited() <= bound+time.Second {
		t.settleAndAdvance((bound - waited()).Truncate(time.Second) + time.Second)
		t.Env.Await(moment, came)
	}
	if !came() {
		t.Fail(fmt.Sprintf("a batch request within %.0f s of a logout, while others follow it", (bound+time.Second).Seconds()), fmt.Sprintf("none in %.0f s", waited().Seconds()))
	}
	r := x.received()[0]
	// A second more for a clock that is told in whole seconds.
	if late := r.at.Sub(began); late > bound+2*time.Second {
		t.FailAt(r.exchange, fmt.Sprintf("a batch request within %.0f s of a logout, while others follow it", (bound+time.Second).Seconds()), fmt.Sprintf("one after %.1f s", late.Seconds()))
	}
	if r.problem != "" || !slices.ContainsFunc(r.tasks, func(one task) bool { return one.sub == all[0].person.sub }) {
		t.FailAt(r.exchange, "a batch request with the task that has waited the longest", "one without: "+r.problem)
	}
}

// UN-PL-75: what has piled up goes in requests that the receiver can take.
func batchBoundedByTheLimit(t *test) {
	s := t.playSites()
	defer s.release()
	x := s.batch()
	limit := t.batchLimit()
	all := t.visits(limit+3, x.site)
	x.behave(conduct{status: http.StatusServiceUnavailable})
	pages := t.logoutPages(all)
	for _, p := range pages[:limit] {
		t.leaves(p)
	}
	x.flushed(1, 0, "a batch request of a queue that is full")
	x.behave(conduct{})
	for _, p := range pages[limit:] { // while the queue waits
		t.leaves(p)
	}
	var done []told
	for tasks, n := 0, 2; tasks < len(all); n++ {
		r := x.flushed(n, t.idleTime(), fmt.Sprintf("a batch request with some of the %d tasks that are still waiting", len(all)-tasks))
		done = append(done, r)
		tasks += len(r.tasks)
	}
	seen := map[string]bool{}
	for _, r := range done {
		if len(r.tasks) > limit {
			t.FailAt(r.exchange, fmt.Sprintf("a batch request with at most %d tasks, which is batch_limit", limit), fmt.Sprintf("%d tasks", len(r.tasks)))
		}
		for _, id := range r.ids() {
			if seen[id] {
				t.FailAt(r.exchange, "no task twice", fmt.Sprintf("the task_id %q once more", id))
			}
			seen[id] = true
		}
	}
}
