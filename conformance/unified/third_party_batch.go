package unified

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// guest is a user who has logged in.
type guest struct {
	*caller
	who person
}

// guest logs a new user in at a platform.
func (t *thirdPartyTest) guest(p *platform) guest { return t.welcome(p, t.newPerson()) }

// welcome logs a user in, in a browser of its own.
func (t *thirdPartyTest) welcome(p *platform, who person) guest {
	c := t.newCaller()
	c.enters(p, who)
	return guest{c, who}
}

func (g guest) stays(when string) { g.isIn(g.who, when) }
func (g guest) goes(when string)  { g.isOut(when) }

// UN-TP-12
func (t *thirdPartyTest) batchEndsCredentials() {
	t.batchEndpoint()
	first := t.guest(t.p)
	second := t.welcome(t.p, first.who)
	t.logsOut(t.p, "a batch-logout request that names the user", t.taskFor(first.who))
	first.goes("after a batch-logout request that names the user")
	second.goes("in another browser, after a batch-logout request that names the user")
	again := t.welcome(t.p, first.who.in(2))
	t.logsOut(t.p, "a batch-logout request that names the user again", t.taskFor(again.who))
	again.goes("after the next batch-logout request")
}

// UN-TP-13
func (t *thirdPartyTest) batchEndsTheNamedUsersOnly() {
	t.batchEndpoint()
	named, other := t.guest(t.p), t.guest(t.p)
	like := named.who
	like.sub = strings.ToUpper(named.who.sub)
	alike := t.welcome(t.p, like)
	t.logsOut(t.p, "a batch-logout request", t.taskFor(named.who))
	named.goes("after a batch-logout request that names the user")
	other.stays("after a batch-logout request that names another user")
	alike.stays("after a batch-logout request that names a user whose sub differs in its letters' case")
	m := t.batch(t.p, t.taskFor(t.newPerson()))
	t.opens(t.delivers(t.p, m), m, "a batch-logout request for a user who was never here")
	other.stays("after a batch-logout request that names a user who was never here")
}

// UN-TP-14
func (t *thirdPartyTest) everyTaskJudged() {
	t.batchEndpoint()
	var guests []guest
	var tasks []members
	for range 4 {
		g := t.guest(t.p)
		guests, tasks = append(guests, g), append(tasks, t.taskFor(g.who))
	}
	t.logsOut(t.p, "a batch-logout request with four tasks", tasks...)
	for i, g := range guests {
		g.goes(fmt.Sprintf("of the user whom task %d of four names", i+1))
	}

	const many = 1000 // as many as a request may hold: section 5.3 of the profile
	last := t.guest(t.p)
	tasks = nil
	for range many - 1 {
		tasks = append(tasks, t.taskFor(person{sub: "u-" + t.Random(9), generation: 1}))
	}
	for rest := append(tasks, t.taskFor(last.who)); len(rest) > 0; {
		rest = t.answersAbout(rest)
	}
	last.goes(fmt.Sprintf("of the user whom the last of %d tasks names", many))
}

// answersAbout has tasks judged, and gives those that the answer leaves out: where there was no time for them, section 5.3 of the profile.
// Users who were never here are the matter of another requirement.
func (t *thirdPartyTest) answersAbout(tasks []members) (rest []members) {
	what := fmt.Sprintf("a batch-logout request with %d tasks", len(tasks))
	m := t.batch(t.p, tasks...)
	begun := t.Env.Now()
	resp := t.delivers(t.p, m)
	hurried := t.Env.Now().Sub(begun) > 5*time.Second
	answered := t.results(resp, t.opens(resp, m, what), what)
	for _, task := range tasks {
		if answered[task.text("task_id")] == "" {
			rest = append(rest, task)
		}
	}
	if len(rest) == len(tasks) || len(rest) > 0 && !hurried {
		t.FailAt(resp.Exchange, "a result with its status for each task in the answer to "+what, fmt.Sprintf("none for %d of them", len(rest)))
	}
	return rest
}

// spared wants a batch refused, and the user whom it names to stay.
func (g guest) spared(resp *conformance.Response, what string, codes ...string) {
	g.refusedBatch(resp, what, codes...)
	g.stays("after a batch-logout request " + what)
}

// control has a batch of the platform log a user out: what is refused otherwise would be taken if it were right.
func (t *thirdPartyTest) control(p *platform) {
	g := t.guest(p)
	t.logsOut(p, "a right batch-logout request, as a control", t.taskFor(g.who))
	g.goes("after a right batch-logout request")
}

// UN-TP-19
func (t *thirdPartyTest) batchUnderAnotherKeyRefused() {
	t.batchEndpoint()
	t.control(t.p)
	g := t.guest(t.p)
	newest := t.p.line().key
	m := func() message { return t.batch(t.p, t.taskFor(g.who)) }
	g.spared(t.delivers(t.p, m().headed("kid", "unheard-of-"+t.Random(6))), "under the platform's key, whose kid is unknown", "invalid_client")
	g.spared(t.delivers(t.p, m().headed("kid", nil)), "under the platform's key, without kid", "invalid_client")
	forged := m()
	forged.key.Secret = t.stranger()
	g.spared(t.delivers(t.p, forged), "under a key that nobody gave out, with the kid of the platform's key", "invalid_client")
	forged = m()
	forged.key.Secret = t.q.keys[0].Secret
	g.spared(t.delivers(t.p, forged), "under the key of another platform, with the kid of this one's key", "invalid_client")
	broken := t.sealed(m())
	at := len(broken) - 30 // in the tag or just before it
	broken = broken[:at] + another(broken[at:at+1]) + broken[at+1:]
	g.spared(t.Do(t.p.name, t.posting(t.batchEndpoint(), joseType, broken)), "under the key "+newest.ID+", with a character changed on the way", "invalid_client")
	t.logsOut(t.p, "the right batch-logout request", t.taskFor(g.who))
}

// UN-TP-20
func (t *thirdPartyTest) refusalsAreMachineReadable() {
	resp := t.resourceWith()
	t.Refused(resp, "a resource request without a credential", http.StatusForbidden)
	refusals := []*conformance.Response{resp}
	if t.metadata.BatchLogoutEndpoint != "" {
		m := t.batch(t.p, t.taskFor(t.newPerson()))
		unknown := t.delivers(t.p, m.headed("kid", "unheard-of"))
		garbage := t.Do(t.p.name, t.posting(t.batchEndpoint(), joseType, "no.message"))
		t.refusedBatch(unknown, "under an unknown kid")
		t.refusedBatch(garbage, "that is no sealed message")
		refusals = append(refusals, unknown, garbage)
	}
	if t.metadata.BackchannelLogoutEndpoint != "" {
		resp := t.tells(t.p, "no.logout.token")
		t.Refused(resp, "a form whose logout_token is none", http.StatusBadRequest)
		refusals = append(refusals, resp)
	}
	t.MachineReadable(refusals...)
}

// UN-TP-31
func (t *thirdPartyTest) batchEndsThePlatformsOwnUsersOnly() {
	t.batchEndpoint()
	atP := t.guest(t.p)
	atQ := t.welcome(t.q, atP.who)
	t.logsOut(t.p, "a batch-logout request of "+t.p.name, t.taskFor(atP.who.in(3)))
	atP.goes("after a batch-logout request of the user's platform")
	atQ.stays("after a batch-logout request of another platform that names the same sub")
	t.welcome(t.q, atP.who.in(2)).stays("after a login of a generation that has ended at another platform only")
	t.logsOut(t.q, "a batch-logout request of "+t.q.name, t.taskFor(atQ.who))
	atQ.goes("after a batch-logout request of the user's platform")
}

// UN-TP-40
func (t *thirdPartyTest) everyKeyInUseAccepted() {
	mark := t.Mark()
	g := t.guest(t.p)
	newest := t.p.line().key
	for _, e := range t.Since(mark) {
		if messageTo(e.endpoint) != "" && e.key.ID != newest.ID {
			t.FailAt(e.exchange, "a message under the newest key, "+newest.ID, fmt.Sprintf("kid is %s", shown(e.header["kid"])))
		}
	}
	t.batchEndpoint()
	if len(t.p.keys) < 2 {
		t.Skip("the setup gives the third-party platform one key only: name two for the first platform")
	}
	for i, key := range t.p.keys {
		g = t.welcome(t.p, g.who.in(int64(i+2)))
		task := t.taskFor(g.who)
		m := t.batch(t.p, task)
		m.line = m.under(key)
		resp := t.delivers(t.p, m)
		what := "a batch-logout request under the key " + key.ID
		t.rightAnswer(m, t.done(resp, m, what, task), resp.Exchange, judge.MediaType(resp))
		g.goes("after " + what)
	}
}

// UN-TP-41
func (t *thirdPartyTest) repeatedTaskIsDone() {
	t.batchEndpoint()
	g := t.guest(t.p)
	task, second := t.taskFor(g.who), t.taskFor(t.newPerson())
	t.logsOut(t.p, "a batch-logout request", task)
	t.logsOut(t.p, "another batch-logout request with the same task", task)
	t.logsOut(t.p, "a batch-logout request with the same task beside another", second, task)
	t.logsOut(t.p, "a batch-logout request with two tasks that came before", task, second)
	g.goes("after all of them")
}

// UN-TP-42
func (t *thirdPartyTest) unknownUserIsDone() {
	t.batchEndpoint()
	stranger := t.newPerson()
	t.logsOut(t.p, "a batch-logout request for a user who was never here", t.taskFor(stranger))
	g := t.guest(t.p)
	t.logsOut(t.p, "a batch-logout request for a user who is here and one who never was", t.taskFor(t.newPerson()), t.taskFor(g.who))
	g.goes("after a batch-logout request with two tasks")
	t.logsOut(t.p, "a batch-logout request for a user who has no login any more", t.taskFor(g.who.in(2)))
}

// UN-TP-43
func (t *thirdPartyTest) oldTaskSparesTheNewerLogin() {
	t.batchEndpoint()
	older := t.guest(t.p)
	newer := t.welcome(t.p, older.who.in(2))
	task := t.taskFor(older.who)
	t.logsOut(t.p, "a batch-logout request for generation 1", task)
	older.goes("of generation 1, after a batch-logout request for generation 1")
	newer.stays("of generation 2, after a batch-logout request for generation 1")
	t.logsOut(t.p, "the task for generation 1 again", task)
	newer.stays("of generation 2, after another batch-logout request for generation 1")
	newest := t.welcome(t.p, older.who.in(5))
	t.logsOut(t.p, "a batch-logout request for generation 4", t.taskFor(older.who.in(4)))
	newer.goes("of generation 2, after a batch-logout request for generation 4")
	newest.stays("of generation 5, after a batch-logout request for generation 4")
	t.logsOut(t.p, "a batch-logout request for generation 5", t.taskFor(newest.who))
	newest.goes("of generation 5, after a batch-logout request for generation 5")
}

// UN-TP-44
func (t *thirdPartyTest) loginThatLostTheRaceRefused() {
	takesTokens := t.metadata.BackchannelLogoutEndpoint != ""
	if takesTokens {
		t.racesALogoutToken()
	}
	if !takesTokens || t.metadata.BatchLogoutEndpoint != "" {
		t.racesABatch()
	}
}

func (t *thirdPartyTest) racesALogoutToken() {
	who := t.newPerson()
	t.controlToken(t.p, t.logoutClaims(t.p, who.in(3)), "a logout token for generation 3 of a user who was never here")
	for _, generation := range []int64{3, 1} {
		t.tooLate(who.in(generation), func() {}, fmt.Sprintf("a callback after which the platform names the generation %d, 3 having ended by a logout token", generation))
	}
	t.welcome(t.p, who.in(4))

	g := t.guest(t.p)
	token := t.telling(t.logoutToken(t.p, nil, t.logoutClaims(t.p, g.who)))
	var resp *conformance.Response
	var err error
	t.tooLate(g.who, func() { resp, err = t.Try(t.p.name, token) }, "a callback whose authentication request is overtaken by a logout token")
	const what = "a logout token while the authentication request waits for its answer"
	if err != nil || resp == nil {
		t.Fail("an answer to "+what, fmt.Sprint(err))
	}
	t.ExpectStatus(resp, what, http.StatusOK, http.StatusNoContent)
	g.goes("in the user's other browser")
}

func (t *thirdPartyTest) racesABatch() {
	t.batchEndpoint()
	who := t.newPerson()
	t.logsOut(t.p, "a batch-logout request for generation 3 of a user who was never here", t.taskFor(who.in(3)))
	t.logsOut(t.p, "a batch-logout request for generation 1", t.taskFor(who))
	for _, generation := range []int64{3, 2, 1} {
		t.tooLate(who.in(generation), func() {}, fmt.Sprintf("a callback after which the platform names the generation %d, 3 having ended", generation))
	}
	t.welcome(t.p, who.in(4))

	g := t.guest(t.p)
	task := t.taskFor(g.who)
	m := t.batch(t.p, task)
	body := t.sealed(m)
	var resp *conformance.Response
	var err error
	const what = "a batch-logout request while the authentication request waits for its answer"
	t.tooLate(g.who, func() {
		resp, err = t.Try(t.p.name, t.posting(t.batchEndpoint(), joseType, body))
	}, "a callback whose authentication request is overtaken by a batch-logout request")
	if err != nil || resp == nil {
		t.Fail("an answer to "+what, fmt.Sprint(err))
	}
	t.done(resp, m, what, task)
	g.goes("in the user's other browser")
}

// tooLate wants a login of an ended generation refused. meanwhile happens before the platform says who the user is.
func (t *thirdPartyTest) tooLate(who person, meanwhile func(), what string) {
	c, mark := t.newCaller(), t.Mark()
	says, _ := c.begins(t.p).approved(who)
	t.p.errs(atAuthentication, slip{during: meanwhile})
	resp := c.calls(says)
	t.Behave()
	t.asked(atAuthentication, mark, resp, what)
	c.turnedAway(resp, what, http.StatusForbidden)
}

// UN-TP-45
func (t *thirdPartyTest) malformedBatchChangesNothing() {
	t.batchEndpoint()
	t.control(t.p)
	g := t.guest(t.p)
	right := func() members { return t.taskFor(g.who) }
	for _, w := range []struct {
		what string
		task any
	}{
		{"without task_id", right().with("task_id", nil)},
		{"whose task_id is a number", right().with("task_id", 7)},
		{"without sub", right().with("sub", nil)},
		{"whose sub is a number", right().with("sub", 7)},
		{"without generation", right().with("generation", nil)},
		{"whose generation is a string", right().with("generation", "1")},
		{"whose generation is no whole number", right().with("generation", 1.5)},
		{"that is a string", g.who.sub},
	} {
		for _, tasks := range [][]any{{right(), w.task}, {w.task, right()}} {
			g.spared(t.delivers(t.p, t.batch(t.p).with("tasks", tasks)), "with a right task and one "+w.what, "invalid_request")
		}
	}
	for _, w := range []struct {
		what  string
		tasks any
	}{
		{"without tasks", nil},
		{"whose tasks are empty", []any{}},
		{"whose tasks are one object and no array", right()},
	} {
		g.spared(t.delivers(t.p, t.batch(t.p).with("tasks", w.tasks)), w.what, "invalid_request")
	}
}
