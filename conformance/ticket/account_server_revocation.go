package ticket

import (
	"net/http"

	"countersign/conformance"
)

// TI-AM-25: the owner ends one ticket, those of an app, or all.
func ownerEndsTickets(t *test) {
	oneTicketEnded(t)
	nothingEnded(t)
	a := t.newAccount()
	first, second, elsewhere := t.ticket(a, t.one()), t.ticket(a, t.one()), t.ticket(a, t.two())
	bystander := t.ticket(t.newAccount(), t.one())
	t.ended(t.revoke(t.authentication(a, t.one())), "the revocation of all tickets for "+t.one().ID)
	t.dead(first, "a ticket for "+t.one().ID+" after that")
	t.dead(second, "a second ticket for "+t.one().ID+" after that")
	elsewhere = t.alive(elsewhere, "the ticket for "+t.two().ID+" after that")
	again := t.ticket(a, t.one())
	t.ended(t.revoke(t.registration(a)), "the revocation of all tickets of the account")
	t.dead(again, "a ticket for "+t.one().ID+" after all of the account were revoked")
	t.dead(elsewhere, "a ticket for "+t.two().ID+" after all of the account were revoked")
	t.alive(bystander, "another account's ticket after that")
	t.alive(t.ticket(a, t.one()), "a new ticket of the account after that")
}

// oneTicketEnded is a logout, by a live refresh key and by a used one.
func oneTicketEnded(t *test) {
	a := t.newAccount()
	k, used, beside := t.ticket(a, t.one()), t.ticket(a, t.one()), t.ticket(a, t.one())
	elsewhere := t.ticket(a, t.two())
	next := t.successor(used, t.newRequestID(), "a refresh")
	t.confirmed(k, "a ticket before it is revoked, as a control")
	t.ended(t.logout(k), "the revocation with a live refresh key")
	t.dead(k, "the revoked ticket")
	t.confirmed(next, "a refreshed ticket before it is revoked, as a control")
	t.ended(t.logout(used), "the revocation with a used refresh key")
	t.dead(next, "the successor of the revoked refresh key")
	t.alive(beside, "another ticket of the account for the same app after that")
	t.alive(elsewhere, "the account's ticket for another app after that")
}

// nothingEnded is every revocation that has to change nothing.
func nothingEnded(t *test) {
	a := t.newAccount()
	k, other := t.ticket(a, t.one()), t.ticket(t.newAccount(), t.one())
	unknown, swapped := k, k
	unknown.refreshKey = changed(k.refreshKey)
	swapped.userID = other.userID
	t.ended(t.logout(unknown), "the revocation with a refresh key that nobody has given out")
	t.ended(t.logout(swapped), "the revocation with a refresh key beside another account's user_id")
	t.Refused(t.revoke(t.registration(a.wrong())), "a revocation with a wrong password", http.StatusBadRequest, "invalid_grant")
	t.Refused(t.revoke(t.authentication(a.wrong(), t.one())), "a revocation for one app with a wrong password", http.StatusBadRequest, "invalid_grant")
	t.Refused(t.revoke(t.registration(t.stranger())), "a revocation under a name that nobody has", http.StatusBadRequest, "invalid_grant")
	both := t.registration(a).with("user_id", k.userID).with("refresh_key", k.refreshKey)
	t.Refused(t.revoke(both), "a revocation with both refresh key and password", http.StatusBadRequest, "invalid_request")
	t.Refused(t.revoke(members{}), "a revocation with neither refresh key nor password", http.StatusBadRequest, "invalid_request")
	t.alive(k, "the ticket after all that")
	t.alive(other, "the other account's ticket after all that")
}

// ended ends the check as failed unless a revocation is answered as one that is done.
func (t *test) ended(resp *conformance.Response, what string) {
	t.Accepted(resp, what)
	t.OfType(resp, "the answer to "+what, "application/json")
}
