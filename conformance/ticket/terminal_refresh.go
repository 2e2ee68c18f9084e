package ticket

import (
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"countersign/conformance"
)

// refreshed fails the check unless the use has sent a refresh request for that ticket.
func (t *terminalTest) refreshed(e ended, held *heldTicket, when string) received {
	r := t.first(e, t.accounts, "refresh", when)
	t.carries(r, "user_id", held.userID, when)
	t.carries(r, "refresh_key", held.refreshKey, when)
	return r
}

const onTicketError = "after a ticket error indication"

// TI-TE-06
func (t *terminalTest) refreshesOnTicketError() {
	for _, app := range t.apps {
		who := t.resident()
		held := t.settle(who, app)
		t.expire(held)
		e := t.do(use{who: who, app: app})
		t.refreshed(e, held, onTicketError)
		t.getsResource(e, onTicketError)
	}
}

// TI-TE-07
func (t *terminalTest) takesNewTicketForOld() {
	who, app := t.resident(), t.apps[0]
	held := t.settle(who, app)
	for _, when := range []string{"after the first refresh", "after the second refresh"} {
		t.expire(held)
		e := t.do(use{who: who, app: app})
		t.refreshed(e, held, onTicketError)
		next := t.latest(who, app)
		shown := app.at("resource", e.mark)
		if len(shown) < 2 {
			t.FailAt(e.exchange, "a resource request with the new ticket "+when, fmt.Sprintf("%d resource requests, and the outcome %q", len(shown), e.outcome))
		}
		t.shows(shown[len(shown)-1], next, when)
		t.getsResource(e, when)
		stored := t.do(use{who: who, app: app})
		t.shows(t.first(stored, app, "resource", "at the next use "+when), next, "at the next use "+when)
		held = next
	}
}

// TI-TE-08
func (t *terminalTest) authenticatesAnew() {
	who, app := t.resident(), t.apps[0]
	held := t.settle(who, app)
	t.endFamily(held)
	const when = "after the refresh was refused with invalid_grant"
	e := t.do(use{who: who, app: app, there: true})
	asked := t.first(e, t.accounts, "authentication", when)
	t.carries(asked, "user_name", who.name, when)
	t.carries(asked, "password", who.password, when)
	t.carries(asked, "app_id", app.appID, when)
	t.getsResource(e, when)

	t.endFamily(t.latest(who, app))
	e = t.do(use{who: who, app: app})
	t.endsWith(e, "login_required", when)
	e = t.do(use{who: who, app: app})
	const next = "after the ticket was thrown away"
	t.none(e, app, "resource", next)
	t.none(e, t.accounts, "refresh", next)
	t.endsWith(e, "login_required", next)
	t.getsResource(t.do(use{who: who, app: app, there: true}), next)
}

// TI-TE-09
func (t *terminalTest) boundsRetries() {
	app := t.apps[0]
	stored, unattended, fresh := t.resident(), t.resident(), t.resident()
	t.settle(stored, app)
	t.settle(unattended, app)
	for _, u := range []use{
		{who: stored, app: app, there: true},
		{who: unattended, app: app},
		{who: fresh, app: app, there: true},
	} {
		t.misbehave(fault{party: app, endpoint: "resource", denied: true, times: 10}) // and is honest then, so that a terminal without bounds comes to an end
		e := t.do(u)
		t.Behave()
		const when = "while the app answers every ticket with a ticket error indication"
		t.first(e, app, "resource", when)
		for _, bound := range []struct {
			at       *party
			endpoint string
			most     int
		}{{t.accounts, "refresh", 1}, {t.accounts, "authentication", 1}, {app, "resource", 4}} {
			if found := bound.at.at(bound.endpoint, e.mark); len(found) > bound.most {
				t.FailAt(found[bound.most].exchange, fmt.Sprintf("no more than %d requests to /%s of %s in %s %s", bound.most, bound.endpoint, bound.at.name, u, when), fmt.Sprintf("%d", len(found)))
			}
		}
		t.endsWith(e, "refused", when)
	}
}

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{22,64}$`)

// TI-TE-10
func (t *terminalTest) repeatsRefreshAsItWas() {
	who, app := t.resident(), t.apps[0]
	held := t.settle(who, app)

	const lost = "when the answer to the refresh is lost"
	t.expire(held)
	t.misbehave(fault{party: t.accounts, endpoint: "refresh", lost: true, times: 1})
	e := t.do(use{who: who, app: app})
	first := t.refreshed(e, held, onTicketError)
	if tries := t.accounts.at("refresh", e.mark); len(tries) < 2 {
		t.FailAt(first.exchange, "the refresh tried again "+lost, fmt.Sprintf("1 refresh request, and the outcome %q", e.outcome))
	}
	t.sameRequestIDs()
	t.getsResource(e, lost)

	t.overtaken(who, app)

	const down = "while the account server answers every refresh with 500"
	held = t.latest(who, app)
	t.expire(held)
	t.misbehave(fault{party: t.accounts, endpoint: "refresh", status: http.StatusInternalServerError})
	e = t.do(use{who: who, app: app})
	t.refreshed(e, held, onTicketError)
	t.Behave()
	if t.Passes(afterFailedRefresh) {
		e = t.do(use{who: who, app: app})
		t.refreshed(e, held, "31 s after a refresh that failed")
		t.getsResource(e, "after it ended "+down)
	}
	t.sameRequestIDs()
}

// sameRequestIDs fails the check unless all refresh requests for one key so far have one request_id, and those for different keys different ones.
func (t *terminalTest) sameRequestIDs() {
	of, by := map[string]string{}, map[string]string{}
	for _, r := range t.accounts.at("refresh", 0) {
		id, key := r.members["request_id"], r.members["refresh_key"]
		if !requestIDForm.MatchString(id) {
			t.FailAt(r.exchange, "a refresh request with a request_id of 22 to 64 characters of A-Z a-z 0-9 - _", fmt.Sprintf("request_id is %q", id))
		}
		if before, known := of[key]; known && before != id {
			t.FailAt(r.exchange, "the request_id "+before+" in all refresh requests with the refresh_key "+key, "the request_id "+id)
		}
		if before, known := by[id]; known && before != key {
			t.FailAt(r.exchange, "another request_id for another refresh_key", fmt.Sprintf("the request_id %s for both the refresh_key %s and %s", id, before, key))
		}
		of[key], by[id] = id, key
	}
}

// overtaken lets a second use begin, refresh and end while the first one waits for the answer to its resource request, which is then a ticket error indication.
// A terminal that plays one use after the other tries the resource request again, and comes to the same end.
func (t *terminalTest) overtaken(who person, app *party) {
	const when = "that runs at once with another"
	held := t.latest(who, app)
	t.expire(held)
	u := use{who: who, app: app}
	request := t.useRequest(u)
	var (
		mu   sync.Mutex
		resp *conformance.Response
		err  error
		over bool
	)
	t.misbehave(fault{party: app, endpoint: "resource", times: 1, during: func() {
		inner, failed := t.Try("second user-terminal", request)
		mu.Lock()
		defer mu.Unlock()
		resp, err, over = inner, failed, true
	}})
	outer := t.do(u)
	t.Env.Await(70*time.Second, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return over
	})
	mu.Lock()
	defer mu.Unlock()
	if !over || err != nil {
		t.FailAt(outer.exchange, "both uses of "+app.appID+" that run at once answered", fmt.Sprintf("no answer to the second: %v", err))
	}
	inner := t.read(u, outer.mark, resp)
	t.refreshed(outer, held, onTicketError)
	if all := t.accounts.at("refresh", outer.mark); len(all) > 1 {
		t.FailAt(all[1].exchange, "one refresh for two uses that run at once", fmt.Sprintf("%d refresh requests, the second with the refresh_key %s", len(all), all[1].members["refresh_key"]))
	}
	t.getsResource(inner, when)
	t.getsResource(outer, when)
	t.sameRequestIDs()
}

// afterFailedRefresh is more than the 30 s for which a ticket is left alone: section 6.2.
const afterFailedRefresh = 31 * time.Second

// TI-TE-11
func (t *terminalTest) causesNoStorm() {
	who, app := t.resident(), t.apps[0]
	held := t.settle(who, app)

	const away = "while the app answers 503"
	t.misbehave(fault{party: app, endpoint: "resource", status: http.StatusServiceUnavailable, retryAfter: "1"})
	e := t.do(use{who: who, app: app, there: true})
	t.Behave()
	t.none(e, t.accounts, "refresh", away)
	t.none(e, t.accounts, "authentication", away)
	t.paused(e, app, "resource", away)
	t.endsWith(e, "unavailable", away)

	const down = "while the account server answers every refresh with 500"
	t.expire(held)
	t.misbehave(fault{party: t.accounts, endpoint: "refresh", status: http.StatusInternalServerError})
	e = t.do(use{who: who, app: app, there: true})
	t.refreshed(e, held, onTicketError)
	t.paused(e, t.accounts, "refresh", down)
	t.none(e, t.accounts, "authentication", down)
	t.endsWith(e, "unavailable", down)
	t.Behave()

	const soon = "within 30 s of a refresh that failed"
	for _, there := range []bool{true, false} {
		e = t.do(use{who: who, app: app, there: there})
		t.none(e, t.accounts, "refresh", soon)
		t.none(e, t.accounts, "authentication", soon)
		t.endsWith(e, "unavailable", soon)
	}
	if t.Passes(afterFailedRefresh) {
		e = t.do(use{who: who, app: app})
		t.refreshed(e, held, "31 s after a refresh that failed")
		t.getsResource(e, "31 s after a refresh that failed")
	}
}

// paused fails the check when there are more than three tries, or tries without a pause between them.
func (t *terminalTest) paused(e ended, p *party, endpoint, when string) {
	tries := p.at(endpoint, e.mark)
	if len(tries) > 3 {
		t.FailAt(tries[3].exchange, fmt.Sprintf("three tries of the %s request at most %s", endpoint, when), fmt.Sprintf("%d tries", len(tries)))
	}
	const least = 500 * time.Millisecond // section 6.2 says about 1 s and 2 s
	for i := 1; i < len(tries); i++ {
		if tries[i].at.Sub(tries[i-1].at) < least {
			t.FailAt(tries[i].exchange, fmt.Sprintf("a pause of about 1 s or more before the next try of the %s request %s", endpoint, when), "less than 500 ms")
		}
	}
}
