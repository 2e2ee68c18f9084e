package ticket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/conformance"
)

// TI-AM-06: each app gets its tickets confirmed, as often as it asks.
func validPairConfirmed(t *test) {
	a := t.newAccount()
	for _, app := range []AppSetup{t.one(), t.two(), t.one()} {
		k := t.ticket(a, app)
		for range 2 {
			what := "the verification of a live ticket for " + app.ID
			resp := t.confirmed(k, "a live ticket for "+app.ID)
			t.OfType(resp, what, "application/json")
			for _, want := range [][2]string{{"user_id", k.userID}, {"app_id", app.ID}} {
				if got := t.text(resp, want[0], what); got != want[1] {
					t.FailAt(resp.Exchange, fmt.Sprintf("%s with %s %q", what, want[0], want[1]), fmt.Sprintf("%s %q", want[0], got))
				}
			}
		}
	}
}

// madeUp are pairs that are not those of the ticket, each with what it is.
func madeUp(k, other issued) ([]issued, []string) {
	pair := func(userID, key string) issued { return issued{userID: userID, authorizationKey: key, app: k.app} }
	last := len(k.authorizationKey) - 1
	return []issued{
			pair(k.userID, changed(k.authorizationKey)),
			pair(k.userID, k.authorizationKey[:max(last, 1)]),
			pair(k.userID, k.authorizationKey+"A"),
			pair(k.userID, k.refreshKey),
			pair(other.userID, k.authorizationKey),
			pair(changed(k.userID), k.authorizationKey),
		}, []string{
			"a live key with its first character changed",
			"a live key without its last character",
			"a live key with one character too many",
			"a refresh key in place of the authorization key",
			"a live key beside another account's user_id",
			"a live key beside a user_id that nobody has",
		}
}

// TI-AM-07: the key counts only beside its own user_id, and only as it is.
func invalidPairNotConfirmed(t *test) {
	k, other := t.ticket(t.newAccount(), t.one()), t.ticket(t.newAccount(), t.one())
	t.confirmed(k, "a live ticket, as a control")
	t.confirmed(other, "another account's live ticket, as a control")
	pairs, which := madeUp(k, other)
	for i, p := range pairs {
		t.denied(p, which[i])
	}
	other.authorizationKey, k.authorizationKey = k.authorizationKey, other.authorizationKey
	t.denied(k, "the other account's live key beside one's own user_id")
	other.authorizationKey, k.authorizationKey = k.authorizationKey, other.authorizationKey
	t.confirmed(k, "the live ticket after all that, as a control")
}

// TI-AM-11: what one app is shown is worth nothing in the hands of another.
func ticketVerifiesAtItsOwnApp(t *test) {
	a := t.newAccount()
	first, second := t.ticket(a, t.one()), t.ticket(a, t.two())
	t.confirmed(first, "the ticket for "+t.one().ID+", as a control")
	t.confirmed(second, "the ticket for "+t.two().ID+", as a control")
	t.deniedTo(t.two(), first, "the ticket for "+t.one().ID+" when "+t.two().ID+" asks")
	t.deniedTo(t.one(), second, "the ticket for "+t.two().ID+" when "+t.one().ID+" asks")
	t.deniedTo(t.two(), t.successor(first, t.newRequestID(), "a refresh"), "the refreshed ticket for "+t.one().ID+" when "+t.two().ID+" asks")
}

// TI-AM-12: who asks has to show that it is a registered app, be the pair valid or not.
func appsAuthenticateAtVerification(t *test) {
	k := t.ticket(t.newAccount(), t.one())
	t.confirmed(k, "a ticket when its app asks, as a control")
	for _, c := range []struct{ what, user, password string }{
		{"no credentials", "", ""},
		{"a wrong secret", t.one().ID, changed(t.one().Secret)},
		{"an empty secret", t.one().ID, ""},
		{"another app's secret", t.one().ID, t.two().Secret},
		{"an app that is not registered", "app-nobody", t.one().Secret},
	} {
		for _, pair := range []issued{k, {userID: k.userID, authorizationKey: changed(k.authorizationKey), app: k.app}} {
			req := t.verification(pair, t.one())
			req.Header.Del("Authorization")
			if c.user != "" {
				req.SetBasicAuth(c.user, c.password)
			}
			t.notAuthenticated(t.Do("stranger", req), "a verification with "+c.what)
		}
	}
	inBody := t.request(t.verificationEndpoint(), members{
		"user_id": k.userID, "authorization_key": k.authorizationKey, "app_id": t.one().ID, "secret": t.one().Secret, "client_id": t.one().ID, "client_secret": t.one().Secret,
	})
	t.notAuthenticated(t.Do("stranger", inBody), "a verification with the secret in the body alone")
}

func (t *test) notAuthenticated(resp *conformance.Response, what string) {
	t.Refused(resp, what, http.StatusUnauthorized, "invalid_client")
	if !challenged(resp, "Basic") {
		t.FailAt(resp.Exchange, "status 401 with WWW-Authenticate: Basic for "+what, fmt.Sprintf("WWW-Authenticate %q", resp.Header.Values("WWW-Authenticate")))
	}
}

// challenged reports whether an answer asks for the scheme, RFC 9110 section 11.6.1.
func challenged(resp *conformance.Response, scheme string) bool {
	for part := range strings.SplitSeq(strings.Join(resp.Header.Values("WWW-Authenticate"), ","), ",") {
		asked, _, _ := strings.Cut(strings.TrimSpace(part), " ")
		if strings.EqualFold(asked, scheme) {
			return true
		}
	}
	return false
}

// TI-AM-13: all denials are one. What is denied at all is the matter of other requirements.
func denialDoesNotSayWhy(t *test) {
	a := t.newAccount()
	k, other, lost := t.ticket(a, t.one()), t.ticket(t.newAccount(), t.one()), t.ticket(a, t.one())
	t.confirmed(k, "a live ticket, as a control")
	var first *conformance.Response
	compare := func(p issued, by AppSetup, what string) {
		resp := t.verify(p, by)
		if t.active(resp, what) {
			return
		}
		t.bareDenial(resp, what)
		if first == nil {
			first = resp
		}
		if string(resp.Body) != string(first.Body) {
			t.FailAt(resp.Exchange, fmt.Sprintf("the same body for %s as for an unknown key, %s", what, first.Body), string(resp.Body))
		}
	}
	pairs, which := madeUp(k, other)
	for i, p := range pairs {
		compare(p, k.app, which[i])
	}
	compare(k, t.two(), "another app's ticket")
	next := t.successor(lost, t.newRequestID(), "a refresh")
	compare(lost, lost.app, "a replaced key")
	t.logout(next)
	compare(next, next.app, "a revoked ticket")
	if t.Passes(t.lifetime(k, "expires_in") + 2*time.Second) {
		compare(k, k.app, "an expired key")
	}
	if first == nil {
		t.Fail("a denial for one of many pairs that are not valid", "active true for each")
	}
}

// bareDenial ends the check as failed unless the answer is the object with active false and nothing else.
func (t *test) bareDenial(resp *conformance.Response, what string) {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(resp.Body, &body); err != nil || len(body) != 1 {
		t.FailAt(resp.Exchange, `exactly {"active": false} for `+what, string(resp.Body))
	}
}

// TI-AM-14: both keys end, each in its time, and the answers say when.
func keysExpire(t *test) {
	k := t.ticket(t.newAccount(), t.one())
	key, refresh := t.lifetime(k, "expires_in"), t.lifetime(k, "refresh_expires_in")
	for _, l := range []struct {
		name      string
		got       time.Duration
		announced int
	}{{"expires_in", key, t.metadata.AuthorizationKeyLifetime}, {"refresh_expires_in", refresh, t.metadata.RefreshKeyLifetime}} {
		most := time.Duration(l.announced) * time.Second
		if l.got <= 0 || l.got > most {
			t.FailAt(k.answer.Exchange, fmt.Sprintf("a new ticket whose %s is greater than 0 and at most the %.0f of the metadata", l.name, most.Seconds()), fmt.Sprintf("%s %.0f", l.name, l.got.Seconds()))
		}
	}
	left := t.seconds(t.confirmed(k, "a new ticket"), "exp", "an active verification") - t.Env.Now().Unix()
	t.Expect(near(left, int64(key.Seconds())), fmt.Sprintf("an exp that agrees with the expires_in of %.0f", key.Seconds()), fmt.Sprintf("exp %d s from now", left))

	t.Advance(key / 2)
	t.confirmed(k, "a key at half of its lifetime")
	t.Advance(key - key/2 + 2*time.Second)
	t.denied(k, "a key after its lifetime")
	next := t.successor(k, t.newRequestID(), "a refresh after the authorization key has expired")
	t.confirmed(next, "the ticket that came of it")
	t.Advance(t.lifetime(next, "refresh_expires_in") + 2*time.Second)
	t.denied(next, "a key long after its lifetime")
	t.refreshRefused(next, t.newRequestID(), "a refresh after the refresh key's lifetime")
}

// near reports whether two times agree, as far as clocks do that nobody has set by each other.
func near(a, b int64) bool { return a-b <= 60 && b-a <= 60 }

// TI-AM-26: an app knows how long it may keep what it was told.
func verificationSaysHowLongItHolds(t *test) {
	k := t.ticket(t.newAccount(), t.one())
	life := t.lifetime(k, "expires_in")
	t.holds(k, "a new ticket")
	const rest = 5 * time.Second
	if life > 2*rest && t.Passes(life-rest) {
		t.holds(k, fmt.Sprintf("a ticket %.0f s before its end", rest.Seconds()))
	}
}

func (t *test) holds(k issued, which string) {
	what := "the verification of " + which
	resp := t.verify(k, k.app)
	now := t.Env.Now().Unix()
	if !t.active(resp, which) {
		t.FailAt(resp.Exchange, "active true for "+which, "active false")
	}
	exp, cache := t.seconds(resp, "exp", what), t.seconds(resp, "cache_lifetime", what)
	if cache < 0 || cache > 60 {
		t.FailAt(resp.Exchange, what+" with a cache_lifetime of 0 to 60", fmt.Sprintf("cache_lifetime %d", cache))
	}
	const rounding = 2 // both are whole seconds
	if left := exp - now; cache > left+rounding {
		t.FailAt(resp.Exchange, fmt.Sprintf("%s with a cache_lifetime that does not reach beyond exp, %d s from now", what, left), fmt.Sprintf("cache_lifetime %d", cache))
	}
}
