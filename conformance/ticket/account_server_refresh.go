package ticket

import (
	"fmt"
	"net/http"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// TI-AM-08: each refresh gives two new keys to the same user and app.
func refreshGivesNewKeys(t *test) {
	a := t.newAccount()
	for _, app := range []AppSetup{t.one(), t.two()} {
		k := t.ticket(a, app)
		seen := map[string]bool{k.authorizationKey: true, k.refreshKey: true}
		for range 3 {
			next := t.successor(k, t.newRequestID(), "a refresh with a live refresh key")
			at := next.answer.Exchange
			if next.userID != k.userID || next.appID != app.ID {
				t.FailAt(at, fmt.Sprintf("a ticket with the user_id %q and the app_id %q, as before", k.userID, app.ID), fmt.Sprintf("user_id %q and app_id %q", next.userID, next.appID))
			}
			for _, key := range [][2]string{{"authorization_key", next.authorizationKey}, {"refresh_key", next.refreshKey}} {
				if !formOf(key[1], 256) {
					t.FailAt(at, "a ticket with the "+key[0]+", of characters A-Z a-z 0-9 - _", fmt.Sprintf("%q", key[1]))
				}
				if seen[key[1]] {
					t.FailAt(at, "a new "+key[0], "one that was given before")
				}
				seen[key[1]] = true
			}
			t.confirmed(next, "the ticket that came of a refresh")
			k = next
		}
	}
}

// TI-AM-09: a pair that does not belong together gives nothing and takes nothing.
func refreshNeedsTheRightPair(t *test) {
	k, other := t.ticket(t.newAccount(), t.one()), t.ticket(t.newAccount(), t.one())
	unknown, swapped, crossed, nobody := k, k, k, k
	unknown.refreshKey = changed(k.refreshKey)
	swapped.userID = other.userID
	crossed.refreshKey = k.authorizationKey
	nobody.userID = changed(k.userID)
	for range 2 {
		t.refreshRefused(unknown, t.newRequestID(), "a refresh with a refresh key that nobody has given out")
		t.refreshRefused(swapped, t.newRequestID(), "a refresh with a live refresh key beside another account's user_id")
		t.refreshRefused(crossed, t.newRequestID(), "a refresh with the authorization key in place of the refresh key")
		t.refreshRefused(nobody, t.newRequestID(), "a refresh with a live refresh key beside a user_id that nobody has")
	}
	t.alive(k, "the live ticket after all that")
	t.alive(other, "the other account's ticket after all that")
}

// TI-AM-15: of one family only the newest authorization key works.
func refreshEndsTheFormerKey(t *test) {
	a := t.newAccount()
	k, beside := t.ticket(a, t.one()), t.ticket(a, t.one())
	for range 2 {
		t.confirmed(k, "a ticket before its refresh, as a control")
		next := t.successor(k, t.newRequestID(), "a refresh")
		t.denied(k, "the former authorization key after a refresh")
		t.confirmed(next, "the new authorization key after a refresh")
		k = next
	}
	t.confirmed(beside, "another ticket of the account, as a control")
}

// TI-AM-16: whoever shows a used refresh key ends the family, and no other.
func reuseRevokesTheFamily(t *test) {
	a := t.newAccount()
	for _, c := range []struct{ what, first, again string }{
		{"with another request_id", t.newRequestID(), t.newRequestID()},
		{"without a request_id", t.newRequestID(), ""},
		{"with a request_id after a first use without", "", t.newRequestID()},
		{"without a request_id after a first use without", "", ""},
	} {
		k := t.ticket(a, t.one())
		bystanders := []issued{t.ticket(a, t.one()), t.ticket(a, t.two()), t.ticket(t.newAccount(), t.one())}
		next := t.successor(k, c.first, "the first refresh with a refresh key")
		t.confirmed(next, "the ticket that came of it, as a control")
		t.refreshRefused(k, c.again, "a used refresh key "+c.what)
		t.denied(k, "the first authorization key of a family whose refresh key was used twice, "+c.what)
		t.dead(next, "the successor in a family whose refresh key was used twice, "+c.what)
		for i, b := range bystanders {
			t.alive(b, []string{"another ticket of the account for the same app", "the account's ticket for another app", "another account's ticket"}[i]+" after that")
		}
	}
}

// TI-AM-17: who lost the answer gets it again, as often as it takes.
func lostAnswerGivenAgain(t *test) {
	k := t.ticket(t.newAccount(), t.one())
	for range 2 {
		id := t.newRequestID()
		first := t.successor(k, id, "a refresh")
		left, refreshLeft := t.lifetime(first, "expires_in"), t.lifetime(first, "refresh_expires_in")
		for range 2 {
			again := t.successor(k, id, "the same refresh again, with the same request_id")
			t.sameTicket(first, again, "a refresh repeated with its request_id")
			if t.lifetime(again, "expires_in") > left || t.lifetime(again, "refresh_expires_in") > refreshLeft {
				t.FailAt(again.answer.Exchange, fmt.Sprintf("at most what was left at first, %.0f s and %.0f s", left.Seconds(), refreshLeft.Seconds()), "more in expires_in or refresh_expires_in")
			}
			t.confirmed(first, "the ticket that was given twice")
		}
		k = first
	}
	t.alive(k, "the ticket after two refreshes that were repeated")
}

// sameTicket ends the check as failed unless two answers bear the same ticket.
func (t *test) sameTicket(first, again issued, what string) {
	for _, part := range [][3]string{
		{"user_id", first.userID, again.userID}, {"app_id", first.appID, again.appID},
		{"authorization_key", first.authorizationKey, again.authorizationKey}, {"refresh_key", first.refreshKey, again.refreshKey},
	} {
		if part[1] != part[2] {
			t.FailAt(again.answer.Exchange, fmt.Sprintf("%s: the same %s as the first time, %q", what, part[0], part[1]), fmt.Sprintf("%q", part[2]))
		}
	}
}

// TI-AM-18: an answer is given again only until the terminal shows that it has it, and not for long.
func graceEnds(t *test) {
	a := t.newAccount()
	k, id := t.ticket(a, t.one()), t.newRequestID()
	next := t.successor(k, id, "a refresh")
	after := t.successor(next, t.newRequestID(), "a refresh with the successor")
	t.confirmed(after, "the third ticket of the family, as a control")
	t.refreshRefused(k, id, "a refresh repeated with its request_id after the successor was used")
	t.denied(next, "the second ticket of that family")
	t.dead(after, "the third ticket of that family")

	k, id = t.ticket(a, t.one()), t.newRequestID()
	beside := t.ticket(a, t.one())
	next = t.successor(k, id, "a refresh")
	t.Advance(t.grace() / 2)
	t.refresh(k, id) // that it is answered is the matter of TI-AM-17; the grace counts from the first use all the same
	t.Advance(t.grace() - t.grace()/2)
	t.refreshRefused(k, id, fmt.Sprintf("a refresh repeated with its request_id %.0f s after the first use, when refresh_grace is over", t.grace().Seconds()))
	t.dead(next, "the successor in that family")
	t.successor(beside, t.newRequestID(), "a refresh with another ticket of the account, as a control")
}

// TI-AM-19: the server judges one refresh after the other, however they arrive.
func refreshesAtOnceMakeOneSuccessor(t *test) {
	a := t.newAccount()
	const rounds, crowd = 3, 4
	for range rounds {
		k, id := t.ticket(a, t.one()), t.newRequestID()
		same := make([]string, crowd)
		for i := range same {
			same[i] = id
		}
		var first *issued
		for _, resp := range t.refreshTogether(k, same) {
			got := t.issuedBy(resp, k.app, "each of several refreshes at once with one request_id")
			if first == nil {
				first = &got
			}
			t.sameTicket(*first, got, "refreshes at once with one request_id")
		}
		t.alive(*first, "the one successor")
	}
	for range rounds {
		k := t.ticket(a, t.one())
		different := make([]string, crowd)
		for i := range different {
			different[i] = t.newRequestID()
		}
		tickets := 0
		answers := t.refreshTogether(k, different)
		for _, resp := range answers {
			if resp.Status != http.StatusOK {
				t.Refused(resp, "all but one of several refreshes at once with different request_ids", http.StatusBadRequest, "invalid_grant")
				continue
			}
			if tickets++; tickets > 1 {
				t.FailAt(resp.Exchange, "a ticket for one at most of several refreshes at once with different request_ids", judge.Describe(resp))
			}
		}
		for _, resp := range answers {
			if resp.Status == http.StatusOK {
				t.dead(t.issuedBy(resp, k.app, "the first of several refreshes at once"), "the successor of a refresh key that several refreshes at once have shown")
			}
		}
	}
}

// refreshTogether sends refreshes with one key at the same time, each with its request_id.
func (t *test) refreshTogether(k issued, requestIDs []string) []*conformance.Response {
	var requests []*http.Request
	for _, id := range requestIDs {
		requests = append(requests, t.request(t.refreshEndpoint(), t.refreshing(k, id)))
	}
	answers := t.TryTogether("terminal", requests...)
	for _, resp := range answers {
		if resp == nil {
			t.Fail("an answer to each of several refreshes at once", "none to one of them")
		}
	}
	return answers
}
