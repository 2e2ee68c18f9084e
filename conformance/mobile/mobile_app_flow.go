package mobile

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// MO-AP-01
func (t *appTest) namesTheEndpoints() {
	t.OfType(t.document.Response, "metadata", jsonType)
	for _, want := range [][3]string{
		{"profile", t.metadata.Profile, "mobile@1"},
		{"issuer", t.metadata.Issuer, t.Issuer},
		{"appid", t.metadata.AppID, t.appUnderTest().appID},
		{"deviceid", t.metadata.DeviceID, t.DeviceUnderTest},
	} {
		if want[1] != want[2] {
			t.FailAt(t.document.Exchange, fmt.Sprintf("metadata with %s %q", want[0], want[2]), fmt.Sprintf("%s is %q", want[0], want[1]))
		}
	}
	t.document.Named("notification_endpoint", t.metadata.NotificationEndpoint)
	t.settle()
	t.keepsAll("after an enrolment and a start at the endpoints of the metadata")
}

// authenticated wants an authentication request since a mark that carries the authentication ID.
func (t *appTest) authenticated(mark int, when string) received {
	r, who := t.asked(t.server, atAuthentication, mark, when), t.appUnderTest()
	t.carries(r, "appid", who.appID, when)
	t.carries(r, "deviceid", who.deviceID, when)
	t.carries(r, "username", who.username, when)
	return r
}

// MO-AP-02
func (t *appTest) authenticationIDSentInFull() {
	t.enrol()
	for _, again := range []bool{stored, fresh} {
		s := t.start(again)
		t.authenticated(s.mark, "with no token stored")
		t.opened(s, t.system, "with nothing in its way")
	}
}

// latest is the access token that was given last.
func (t *appTest) latest() grant {
	given := t.given()
	if len(given) == 0 {
		t.Fail("an authentication that brings a token", "none")
	}
	return given[len(given)-1]
}

// shows wants a resource request to carry that token, under the type that it was given with.
func (t *appTest) shows(r received, g grant, when string) {
	if !strings.EqualFold(r.scheme, "DPoP") || r.token != g.accessToken {
		actual := fmt.Sprintf("the scheme %q and another token", r.scheme)
		if r.token == "" {
			actual = fmt.Sprintf("the scheme %q and no token", r.scheme)
		}
		t.FailAt(r.exchange, "a resource request with Authorization: DPoP and the access token of the answer, as it came, "+when, actual)
	}
}

// MO-AP-03
func (t *appTest) tokenUsedAtTheAddress() {
	t.enrol()
	for _, at := range []*party{t.system, t.moved} {
		t.move(at.addressed())
		s := t.start(fresh)
		t.shows(t.asked(at, atResource, s.mark, "after an authentication"), t.latest(), "after an authentication")
		t.opened(s, at, "with nothing in its way")
	}
}

// MO-AP-04
func (t *appTest) tokenGoesNowhereElse() {
	t.settle()
	t.start(stored)
	t.misbehave(fault{at: t.system, endpoint: atResource, times: 1, status: http.StatusUnauthorized, body: refusal("invalid_token", "No longer.")})
	t.opened(t.start(stored), t.system, "whose token was refused once")
	t.move(t.moved.addressed())
	t.opened(t.start(fresh), t.moved, "after a move")
	t.wiped()
	t.enrol()
	t.opened(t.start(stored), t.moved, "after another enrolment")
	for _, g := range t.given() {
		for _, r := range t.Since(0) {
			if (r.party.addressed() != g.address || r.endpoint != atResource) && discloses(r.text, g.accessToken) {
				t.FailAt(r.exchange, "an access token sent to "+g.address+" and nowhere else", "it in "+r.String())
			}
		}
	}
}

// MO-AP-05
func (t *appTest) addressFromTheServer() {
	t.settle()
	for _, to := range []*party{t.moved, t.other, t.system} {
		t.move(to.addressed())
		s := t.start(fresh)
		when := "after the address in the answer became " + to.addressed()
		t.authenticated(s.mark, when)
		t.asked(to, atResource, s.mark, when)
		for _, r := range t.accesses(s.mark) {
			if r.party != to {
				t.FailAt(r.exchange, "requests to "+to.addressed()+" alone "+when, r.String())
			}
		}
		t.opened(s, to, when)
	}
}

// MO-AP-06
func (t *appTest) silentAddressAskedAnew() {
	t.settle()
	t.move(AddressAt(t.SilentBaseURL))
	t.misbehave(fault{at: t.server, endpoint: atAuthentication, times: 1, forge: func(*answering) {
		t.address, t.version = t.moved.addressed(), t.version+1 // by the time of the next answer
	}})
	const nobody = "when nothing listens at the address"
	s := t.start(fresh)
	if n := len(t.server.at(atAuthentication, s.mark)); n < 2 {
		t.FailAt(s.Exchange, "another authentication "+nobody, fmt.Sprintf("%d in all", n))
	}
	t.shows(t.asked(t.moved, atResource, s.mark, nobody), t.latest(), nobody)
	t.opened(s, t.moved, nobody)

	const silent = "when the address gives no answer within 5 s"
	t.misbehave(fault{at: t.moved, endpoint: atResource, silent: 8 * time.Second, during: func() { t.move(t.system.addressed()) }})
	s = t.start(stored)
	t.Behave()
	t.asked(t.moved, atResource, s.mark, "at the address that it holds")
	t.asked(t.server, atAuthentication, s.mark, silent)
	t.shows(t.asked(t.system, atResource, s.mark, silent), t.latest(), silent)
	t.opened(s, t.system, silent)
}

// MO-AP-07
func (t *appTest) refusedTokenReplaced() {
	t.settle()
	for _, again := range []bool{stored, fresh, stored} {
		t.misbehave(fault{at: t.system, endpoint: atResource, times: 1, status: http.StatusUnauthorized, body: refusal("invalid_token", "The token is dead.")})
		s := t.start(again)
		const when = "after 401 invalid_token"
		refused := t.asked(t.system, atResource, s.mark, "at first")
		later := t.system.at(atResource, s.mark)[1:]
		for _, r := range later {
			if r.token == refused.token {
				t.FailAt(r.exchange, "the refused token dropped "+when, "the same token again")
			}
		}
		if len(later) == 0 {
			t.FailAt(s.Exchange, "another resource request, with a new token, "+when, "none")
		}
		t.shows(later[0], t.latest(), when)
		t.opened(s, t.system, when)
	}
}

// MO-AP-08
func (t *appTest) noAccessWhenRefused() {
	for _, c := range []struct {
		status int
		code   string
	}{{http.StatusForbidden, "access_denied"}, {http.StatusBadRequest, "invalid_request"}, {http.StatusUnauthorized, "invalid_client"}} {
		when := fmt.Sprintf("whose authentication was refused with %d", c.status)
		t.settle()
		t.misbehave(fault{at: t.server, endpoint: atAuthentication, status: c.status, body: refusal(c.code, "Not you.").With("rules_version", t.inForce())})
		s := t.start(fresh)
		t.authenticated(s.mark, "with the stored token dropped")
		t.noAccess(s.mark, "in a start "+when)
		t.ends(s, when, "authentication_refused")
		if h := t.holds(); h.token || h.address {
			t.Fail("token and address dropped after a start "+when, h.String())
		}
		s = t.start(stored)
		t.noAccess(s.mark, "in the next start "+when)
		t.ends(s, when, "authentication_refused")
		t.Behave()
		t.settle()
		t.misbehave(fault{at: t.system, endpoint: atResource, times: 1, status: http.StatusUnauthorized, body: refusal("invalid_token", "The token is dead.")})
		t.misbehave(fault{at: t.server, endpoint: atAuthentication, status: c.status, body: refusal(c.code, "Not you.").With("rules_version", t.inForce())})
		s = t.start(stored)
		if found := t.accesses(s.mark); len(found) > 1 {
			t.FailAt(found[1].exchange, "no more requests to a business system in a start whose token was refused, and then the authentication", found[1].String())
		}
		t.ends(s, "whose token was refused, and then the authentication", "authentication_refused")
		t.Behave()
	}
}

// MO-AP-09
func (t *appTest) deviceRegisteredWithPassword() {
	mark := t.Mark()
	t.enrol()
	const when = "at an enrolment"
	r := t.asked(t.server, atRegistration, mark, when)
	t.carries(r, "deviceid", t.DeviceUnderTest, when)
	t.carries(r, "username", t.alice().Name, when)
	t.carries(r, "password", t.alice().Password, when)
	t.carries(r, "notification_uri", t.document.Named("notification_endpoint", t.metadata.NotificationEndpoint), when)
	if h := t.holds(); !h.enrolled || h.token || h.address || h.resources != 0 {
		t.Fail("an enrolment held and nothing else after an enrolment", h.String())
	}
	t.misbehave(fault{at: t.server, endpoint: atRegistration, status: http.StatusForbidden, body: refusal("access_denied", "Not you.")})
	t.Refused(t.enrolment(), "an enrolment whose registration is refused with 403", http.StatusBadGateway, "registration_refused")
}
