package ticket

import (
	"fmt"
	"time"
)

// askedAnew ends the check as failed unless a request with a pair that the account server denies by now is asked about, and refused.
func (t *appTest) askedAnew(p pair, what string) {
	t.accounts.behave(conduct{})
	mark := t.mark()
	resp := t.show(p)
	t.ticketError(resp, what)
	t.asksAbout(p, mark, resp, what)
}

// TI-AP-05: a confirmation serves as long as its answer says.
func (t *appTest) keepsNoLongerThanAllowed() {
	p := t.newPair()
	t.accounts.behave(t.confirms(p, 0))
	t.opens(p, "a pair that is confirmed with a cache_lifetime of 0")
	t.askedAnew(p, "the next resource request, when the cache_lifetime is 0 and the pair is denied by now")

	p = t.newPair()
	without := t.confirmation(p, t.Env.Now().Unix()+600, 0)
	delete(without, "cache_lifetime")
	t.accounts.behave(always(without))
	t.opens(p, "a pair that is confirmed without a cache_lifetime")
	t.askedAnew(p, "the next resource request, when there is no cache_lifetime and the pair is denied by now")

	for _, odd := range []struct {
		name  string
		value any
	}{{"cache_lifetime", 30.5}, {"cache_lifetime", "30"}, {"cache_lifetime", -1}, {"exp", 0}, {"exp", -1}} {
		p = t.newPair()
		said := t.confirmation(p, t.Env.Now().Unix()+600, 60).with(odd.name, odd.value)
		t.accounts.behave(always(said))
		t.show(p) // whether it counts as a confirmation at all is left open
		t.askedAnew(p, fmt.Sprintf("the next resource request after an answer whose %s is %s", odd.name, jsonOf(odd.value)))
	}

	const life = 3
	p = t.newPair()
	t.accounts.behave(t.confirms(p, life))
	t.opens(p, fmt.Sprintf("a pair that is confirmed with a cache_lifetime of %d", life))
	t.Advance((life + 2) * time.Second)
	t.askedAnew(p, fmt.Sprintf("a resource request %d s later, when the pair is denied by now", life+2))

	const ahead = 8 // exp is 7 to 8 s ahead by the app server's time, and the next request may take it 4 s
	p = t.newPair()
	now := t.TimeOf(t.show(p), t.metadata.TestClockEndpoint).Unix()
	t.accounts.behave(always(t.confirmation(p, now+ahead, 60)))
	t.opens(p, fmt.Sprintf("a pair that is confirmed with a cache_lifetime of 60 and an exp %d s from now", ahead))
	t.Advance((ahead + 2) * time.Second)
	t.askedAnew(p, fmt.Sprintf("a resource request %d s later, beyond exp, when the pair is denied by now", ahead+2))

	p = t.newPair()
	t.accounts.behave(always(t.confirmation(p, t.Env.Now().Unix()+7200, 3600)))
	t.opens(p, "a pair that is confirmed with a cache_lifetime of 3600, which counts as 60")
	if t.Passes(62 * time.Second) {
		t.askedAnew(p, "a resource request 62 s later, when the pair is denied by now")
	}
}

// TI-AP-06: a denial says nothing of the next request.
func (t *appTest) keepsNoDenial() {
	for _, denial := range []members{{"active": false}, {"active": false, "cache_lifetime": 60, "exp": t.Env.Now().Unix() + 600}} {
		p := t.newPair()
		t.accounts.behave(always(denial))
		for range 2 {
			mark := t.mark()
			resp := t.show(p)
			t.ticketError(resp, "a resource request with a pair that the account server denies")
			t.asksAbout(p, mark, resp, "a resource request with a pair that was denied before")
		}
		mark := t.mark()
		t.accounts.behave(t.confirms(p, 0))
		resp := t.opens(p, "a pair that the account server confirms after denials")
		t.asksAbout(p, mark, resp, "a resource request after denials")
	}
}

// TI-AP-07: what was confirmed is the pair, and neither half of it.
func (t *appTest) keepsForTheWholePair() {
	p := t.newPair()
	t.accounts.behave(t.confirms(p, 60))
	t.opens(p, "a pair that is confirmed with a cache_lifetime of 60")
	for _, c := range []struct {
		what string
		pair
	}{
		{"another user_id beside the key of a kept confirmation", pair{"u-" + t.Random(9), p.authorizationKey}},
		{"another key beside the user_id of a kept confirmation", pair{p.userID, t.Random(18)}},
	} {
		mark, what := t.mark(), "a resource request with "+c.what
		resp := t.show(c.pair)
		t.ticketError(resp, what)
		t.asksAbout(c.pair, mark, resp, what)
	}
	t.belongsTo(t.opens(p, "the confirmed pair after that"), p.userID, "the answer to the confirmed pair after that")
}
