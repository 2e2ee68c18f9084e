package ticket

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance/judge"
)

// TI-AM-01: the document is this server's own, and names what a terminal and an app need.
func metadataNamesTheEndpoints(t *test) {
	t.OfType(t.document.Response, "the metadata document", "application/json")
	at := t.document.Exchange
	if got := t.metadata.Profile; got != "ticket@1" {
		t.FailAt(at, "metadata with the profile ticket@1", fmt.Sprintf("profile %q", got))
	}
	if got := t.metadata.Issuer; got != t.Base() {
		t.FailAt(at, "metadata whose issuer is the URL that they were asked under, "+t.Base(), fmt.Sprintf("issuer %q", got))
	}
	for _, endpoint := range [][2]string{
		{"registration_endpoint", t.metadata.RegistrationEndpoint}, {"authentication_endpoint", t.metadata.AuthenticationEndpoint},
		{"refresh_endpoint", t.metadata.RefreshEndpoint}, {"verification_endpoint", t.metadata.VerificationEndpoint},
	} {
		if u, err := url.Parse(t.document.Named(endpoint[0], endpoint[1])); err != nil || !u.IsAbs() || u.Host == "" {
			t.FailAt(at, "metadata whose "+endpoint[0]+" is a URL", fmt.Sprintf("%q", endpoint[1]))
		}
	}
}

// TI-AM-02: who has registered can authenticate, as the user that the registration named.
func registrationOpensAnAccount(t *test) {
	first, second := t.newAccount(), t.newAccount()
	for _, a := range []account{first, second} {
		if k := t.ticket(a, t.one()); k.userID != a.id {
			t.FailAt(k.answer.Exchange, fmt.Sprintf("a ticket with the user_id %q, that the registration gave", a.id), fmt.Sprintf("user_id %q", k.userID))
		}
	}
	t.Expect(first.id != second.id, "a user_id of its own for each account", fmt.Sprintf("user_id %q for both", first.id))
	t.Expect(formOf(first.id, 64), "a user_id of 1 to 64 characters A-Z a-z 0-9 - _", fmt.Sprintf("%q", first.id))
}

// formOf reports whether a text has the form of a user_id or a key of section 2 of the profile.
func formOf(text string, most int) bool {
	return text != "" && len(text) <= most && strings.Trim(text, judge.URLSafe) == ""
}

// TI-AM-03: a ticket has its four parts.
func authenticationGivesATicket(t *test) {
	a := t.newAccount()
	const what = "the answer to an authentication"
	for _, app := range []AppSetup{t.one(), t.two()} {
		resp := t.authenticate(a, app)
		t.Accepted(resp, "an authentication with the right password")
		t.OfType(resp, what, "application/json")
		if got := t.text(resp, "app_id", what); got != app.ID {
			t.FailAt(resp.Exchange, "a ticket with the app_id "+app.ID+", that was asked for", "app_id "+got)
		}
		for _, part := range []string{"user_id", "authorization_key", "refresh_key"} {
			most := 256
			if part == "user_id" {
				most = 64
			}
			if got := t.text(resp, part, what); !formOf(got, most) {
				t.FailAt(resp.Exchange, fmt.Sprintf("a ticket whose %s has at most %d characters, A-Z a-z 0-9 - _", part, most), fmt.Sprintf("%q", got))
			}
		}
	}
}

// TI-AM-05: tickets of one account live side by side.
func ticketsStandBesideEachOther(t *test) {
	a := t.newAccount()
	tickets := []issued{t.ticket(a, t.one()), t.ticket(a, t.two()), t.ticket(a, t.one())}
	var keys []string
	for i, k := range tickets {
		if k.userID != tickets[0].userID {
			t.FailAt(k.answer.Exchange, fmt.Sprintf("the user_id %q on every ticket of the account", tickets[0].userID), fmt.Sprintf("user_id %q", k.userID))
		}
		for _, key := range []string{k.authorizationKey, k.refreshKey} {
			if slices.Contains(keys, key) {
				t.FailAt(k.answer.Exchange, fmt.Sprintf("keys of its own on ticket %d of the account", i+1), "a key that stands on a ticket already")
			}
			keys = append(keys, key)
		}
	}
	which := []string{"the ticket for " + t.one().ID + ", after two later ones", "the ticket for " + t.two().ID + ", after a later one", "the second ticket for " + t.one().ID}
	for i, k := range tickets {
		t.confirmed(k, which[i])
	}
	for i, k := range tickets {
		t.confirmed(t.successor(k, t.newRequestID(), "a refresh with "+which[i]), "the ticket that came of it")
	}
}

// TI-AM-23: keys of many tickets have nothing in common.
func keysCannotBeGuessed(t *test) {
	a := t.newAccount()
	var authorization, refresh []string
	for range 8 { // an account has room for 20 families: profile, section 8
		first := t.ticket(a, t.one())
		for _, k := range []issued{first, t.successor(first, t.newRequestID(), "a refresh with a new ticket")} {
			authorization, refresh = append(authorization, k.authorizationKey), append(refresh, k.refreshKey)
		}
	}
	t.random("authorization keys", authorization)
	t.random("refresh keys", refresh)
	all := slices.Concat(authorization, refresh)
	for i, one := range all {
		for _, other := range all[:i] {
			n := judge.Differing(one, other)
			t.Expect(n >= 11, "keys that differ in half of their characters or more", fmt.Sprintf("%s and %s differ in %d", other, one, n))
		}
	}
}

func (t *test) random(kind string, keys []string) {
	for _, key := range keys {
		t.Expect(len(key) >= 22 && formOf(key, 256), kind+" of 22 to 256 characters A-Z a-z 0-9 - _", fmt.Sprintf("%d characters: %s", len(key), key))
	}
	const enough = 126 // 128 but for the width of the estimate
	bits := judge.RandomBits(keys)
	t.Expect(bits >= enough, fmt.Sprintf("%d %s with 128 bits of randomness", len(keys), kind), fmt.Sprintf("only %.0f bits differ between them", bits))
}

// TI-AM-24: no cache keeps what bears keys or says what they are worth.
func ticketsAndVerificationsNotStored(t *test) {
	k := t.ticket(t.newAccount(), t.one())
	t.NotStored(k.answer, "a ticket")
	t.NotStored(t.confirmed(k, "a new ticket"), "an active verification")
	id := t.newRequestID()
	next := t.successor(k, id, "a refresh")
	t.NotStored(next.answer, "a ticket that came of a refresh")
	if again := t.refresh(k, id); again.Status == http.StatusOK { // that it comes again is the matter of TI-AM-17
		t.NotStored(again, "a ticket that is given again")
	}
	next.authorizationKey = changed(next.authorizationKey)
	t.NotStored(t.denied(next, "a key that nobody has given out"), "a denial")
}
