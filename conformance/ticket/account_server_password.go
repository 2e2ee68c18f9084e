package ticket

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// TI-AM-04: only the whole password of this account opens it.
func noTicketForAWrongPassword(t *test) {
	a, other := t.newAccount(), t.newAccount()
	long := t.stranger()
	long.password = strings.Repeat("long words ", 9) + "and one" // 106 characters, more than some functions look at
	long = t.registered(long, t.register(long))
	for _, right := range []account{a, other, long} {
		t.Accepted(t.authenticate(right, t.one()), "an authentication with the right password, as a control")
	}
	as := func(a account, password string) account {
		a.password = password
		return a
	}
	for _, c := range []struct {
		what string
		who  account
	}{
		{"a wrong password", a.wrong()},
		{"another account's password", as(a, other.password)},
		{"the password without its last character", as(a, a.password[:len(a.password)-1])},
		{"the password with one character too many", as(a, a.password+"A")},
		{"the password with its first character changed", as(a, changed(a.password))},
		{"an empty password", as(a, "")},
		{"a long password with its end changed", as(long, strings.TrimSuffix(long.password, "one")+"two")},
		{"a name that nobody has", t.stranger()},
		{"a name that nobody has, and the password of another account", as(t.stranger(), a.password)},
	} {
		resp := t.authenticate(c.who, t.one())
		t.Refused(resp, "an authentication with "+c.what, http.StatusBadRequest, "invalid_grant")
		if member(resp, "authorization_key") != nil || member(resp, "refresh_key") != nil {
			t.FailAt(resp.Exchange, "no key in the refusal of "+c.what, judge.Describe(resp)+" and a key")
		}
	}
	t.Accepted(t.authenticate(a, t.one()), "an authentication with the right password after all that, as a control")
}

// TI-AM-20: the name is whose it was first.
func nameRegisteredOnce(t *test) {
	a := t.newAccount()
	k := t.ticket(a, t.one())
	second := a.wrong()
	for range 2 {
		t.Refused(t.register(second), "the registration of a taken name with another password", http.StatusConflict, "user_name_taken")
		t.Refused(t.register(a), "the registration of a taken name with its own password", http.StatusConflict, "user_name_taken")
	}
	t.theFirstCounts(a, second)
	t.confirmed(k, "a ticket of the account after that")

	one := t.stranger()
	other := one.wrong()
	answers := t.TryTogether("terminal", t.request(t.registrationEndpoint(), t.registration(one)), t.request(t.registrationEndpoint(), t.registration(other)))
	if answers[0] == nil || answers[1] == nil {
		t.Fail("an answer to each of two registrations at once", "none to one of them")
	}
	if answers[0].Status != http.StatusCreated {
		one, other, answers[0], answers[1] = other, one, answers[1], answers[0]
	}
	one = t.registered(one, answers[0])
	t.Refused(answers[1], "the other of two registrations of one name at once", http.StatusConflict, "user_name_taken")
	t.theFirstCounts(one, other)
}

// theFirstCounts ends the check as failed unless a name opens with the password of its first registration, and not with that of the second.
func (t *test) theFirstCounts(first, second account) {
	if k := t.ticket(first, t.one()); k.userID != first.id {
		t.FailAt(k.answer.Exchange, fmt.Sprintf("the user_id %q of the first registration", first.id), fmt.Sprintf("user_id %q", k.userID))
	}
	t.Refused(t.authenticate(second, t.one()), "an authentication with the password of the second registration", http.StatusBadRequest, "invalid_grant")
}

// TI-AM-21: what is wrong cannot be told, be it the name or the password, and be the app registered or not.
func namesCannotBeFoundOut(t *test) {
	a := t.newAccount()
	t.Accepted(t.authenticate(a, t.one()), "an authentication with the right password, as a control")
	for _, app := range []AppSetup{t.one(), {ID: "app-nobody"}} {
		known, unknown := t.authenticate(a.wrong(), app), t.authenticate(t.stranger(), app)
		if known.Status != unknown.Status || string(known.Body) != string(unknown.Body) {
			t.FailAt(unknown.Exchange, fmt.Sprintf("for a name that nobody has the same as for a wrong password: status %d, %s", known.Status, known.Body), fmt.Sprintf("status %d, %s", unknown.Status, unknown.Body))
		}
		t.Refused(known, "an authentication with a wrong password for "+app.ID, http.StatusBadRequest)
	}
}

// The throttle of section 4.2 of the profile.
const (
	guesses      = 10
	throttleTime = 600 * time.Second
)

// TI-AM-22: ten guesses close the name for a while, and nothing else.
func authenticationThrottledByName(t *test) {
	a, other := t.newAccount(), t.newAccount()
	k, spare := t.ticket(a, t.one()), t.ticket(a, t.one())
	for range 2 {
		t.guess(a, guesses-1)
		t.Accepted(t.authenticate(a, t.one()), fmt.Sprintf("the right password after %d wrong ones", guesses-1))
	}
	t.guess(a, guesses)
	t.throttled(t.authenticate(a.wrong(), t.one()), fmt.Sprintf("a wrong password after %d wrong ones", guesses))
	t.throttled(t.authenticate(a, t.one()), fmt.Sprintf("the right password after %d wrong ones", guesses))
	t.throttled(t.revoke(t.registration(a)), fmt.Sprintf("a revocation with the right password after %d wrong ones", guesses))

	t.Accepted(t.authenticate(other, t.one()), "an authentication under another name meanwhile")
	t.confirmed(k, "a ticket of the throttled account")
	t.successor(k, t.newRequestID(), "a refresh under the throttled account")
	t.ended(t.logout(spare), "a revocation by refresh key under the throttled account")

	nobody := t.stranger()
	t.guess(nobody, guesses)
	t.throttled(t.authenticate(nobody, t.one()), fmt.Sprintf("the next password for a name that nobody has, after %d", guesses))
	resp := t.authenticate(t.stranger(), t.one())
	if resp.Status == http.StatusTooManyRequests { // names that nobody has may share a count, one in 2^20
		resp = t.authenticate(t.stranger(), t.one())
	}
	t.Refused(resp, "a password for another name that nobody has, meanwhile", http.StatusBadRequest, "invalid_grant")

	for range guesses / 2 {
		t.authenticate(other.wrong(), t.one())
		t.revoke(t.registration(other.wrong()))
	}
	t.throttled(t.authenticate(other, t.one()), fmt.Sprintf("the right password after %d wrong ones, half of them at the revocation endpoint", guesses))

	t.Advance(throttleTime + 2*time.Second)
	t.Accepted(t.authenticate(a, t.one()), fmt.Sprintf("the right password %.0f s after the name was throttled", throttleTime.Seconds()))
	t.guess(a, guesses-1)
	t.Advance(throttleTime + 2*time.Second)
	t.guess(a, 1)
	t.Accepted(t.authenticate(a, t.one()), fmt.Sprintf("the right password after %d wrong ones that are more than %.0f s old, and one more", guesses-1, throttleTime.Seconds()))
}

// guess tries so many wrong passwords, each of which has to be compared.
func (t *test) guess(a account, n int) {
	for i := range n {
		wrong := a
		wrong.password = fmt.Sprintf("guess %d at it", i+1)
		t.Refused(t.authenticate(wrong, t.one()), fmt.Sprintf("wrong password %d in a row", i+1), http.StatusBadRequest, "invalid_grant")
	}
}

// throttled ends the check as failed unless the answer says how long to wait.
func (t *test) throttled(resp *conformance.Response, what string) {
	t.Refused(resp, what, http.StatusTooManyRequests, "slow_down")
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if most := int(throttleTime.Seconds()); err != nil || seconds < 1 || seconds > most {
		t.FailAt(resp.Exchange, fmt.Sprintf("status 429 with Retry-After, 1 to %d whole seconds, for %s", most, what), fmt.Sprintf("Retry-After %q", resp.Header.Get("Retry-After")))
	}
}
