package mobile

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// MO-AS-02: whom the rules allow, and whose device is registered, gets a token with all that goes with it.
func tokenForAValidAuthenticationID(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	for _, d := range devices {
		s.registered(d)
	}
	for _, c := range []struct {
		app AppSetup
		d   device
	}{{s.first(), devices[0]}, {s.second(), devices[0]}, {s.first(), devices[1]}} {
		what := fmt.Sprintf("an authentication of %s for %s", c.d.owner.Name, c.app.ID)
		resp := s.token(c.app, c.d, what).answer
		s.OfType(resp, "the answer to "+what, "application/json")
		if kind := s.text(resp, "token_type", "the answer to "+what); kind != "DPoP" && kind != "Bearer" {
			s.FailAt(resp.Exchange, "the token_type DPoP or, at level core, Bearer", fmt.Sprintf("token_type %q", kind))
		}
		body := s.object(resp, "the answer to "+what)
		if wrong := differing(body, "expires_in", int64(s.lifetime()/time.Second), "system_id", c.app.System, "rules_version", s.version); wrong != "" {
			s.FailAt(resp.Exchange, "expires_in, system_id and rules_version as metadata and rules have them, for "+what, wrong)
		}
		s.text(resp, "system_address", "the answer to "+what)
	}
}

// MO-AS-03: an authentication ID has three parts.
func authenticationIDIsComplete(s *scene) {
	d := s.enrolled(s.alice())
	s.token(s.first(), d, "a right authentication, as a control")
	right := s.authentication(s.first(), d)
	endpoint := s.authenticationEndpoint()
	refused := func(req *http.Request, what string) {
		s.Refused(s.Do("app", s.prove(req, d.key, s.proof(d.key, http.MethodPost, endpoint, ""))), what, http.StatusBadRequest, "invalid_request")
	}
	for _, name := range []string{"appid", "deviceid", "username"} {
		refused(s.request(endpoint, right.With(name, nil)), "an authentication without "+name)
		for _, value := range []any{"", 7, true, []string{right.Text(name)}, members{}} {
			refused(s.request(endpoint, right.With(name, value)), fmt.Sprintf("an authentication whose %s is %s", name, judge.Shown(value)))
		}
	}
	refused(s.request(endpoint, members{}), "an authentication with nothing in it")
	s.token(s.first(), d, "a right authentication after all that, as a control")
}

// MO-AS-04: the rules say who may use an app.
func userWithoutRightRefused(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	alices, bobs := s.registered(devices[0]), s.registered(devices[1])
	s.token(s.first(), bobs, "an authentication for an app that the user may use, as a control")
	s.token(s.second(), alices, "an authentication of another user for the other app, as a control")
	for range 2 {
		s.denied(s.second(), bobs, "an authentication for an app that the rules do not list the user under")
	}
	s.activate(s.rules.usedBy(s.first().ID))
	s.denied(s.first(), bobs, "an authentication for an app that nobody may use")
	s.token(s.second(), alices, "an authentication for the app that the user may use, after all that")
}

// MO-AS-05: device and user belong together.
func deviceOfAnotherUserRefused(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	alices, bobs := s.registered(devices[0]), s.registered(devices[1])
	s.token(s.first(), alices, "an authentication with the user's own device, as a control")
	s.token(s.first(), bobs, "an authentication of another user with his own device, as a control")
	s.denied(s.first(), bobs.as(s.alice()), "an authentication with the device of another user")
	s.denied(s.first(), alices.as(s.bob()), "an authentication the other way round")
	s.denied(s.first(), alices.as(AccountSetup{Name: s.stranger()}), "an authentication under a name that nobody has")
	s.token(s.first(), alices, "an authentication with the user's own device, after all that")
}

// MO-AS-06: an app is admitted by the rules or not at all.
func unknownAppRefused(s *scene) {
	d := s.enrolled(s.alice())
	s.token(s.first(), d, "an authentication for an app of the rules, as a control")
	for _, id := range []string{"app-" + s.stranger(), s.first().ID + "x", s.first().ID[:len(s.first().ID)-1], strings.ToUpper(s.first().ID), s.first().System} {
		s.denied(AppSetup{ID: id}, d, fmt.Sprintf("an authentication for the app %q, which the rules do not name", id))
	}
}

// MO-AS-07: that the rules name a device does not make it one that is in use.
func unregisteredDeviceRefused(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	d, beside := devices[0], devices[1]
	s.registered(beside)
	s.denied(s.first(), d, "an authentication from a device that nobody has registered")
	s.denied(s.first(), beside.called("device-"+s.stranger()), "an authentication from a device that the rules do not name")
	s.registered(d)
	s.token(s.first(), d, "an authentication from the device once it is registered")
}

// proofsRefused sends authentications with lies for proofs, between controls.
func (s *scene) proofsRefused(d device, lies []lie) {
	other := s.newSigner("")
	s.token(s.first(), d, "an authentication with a right proof, as a control")
	endpoint := s.authenticationEndpoint()
	for _, l := range lies {
		req := s.belie(s.request(endpoint, s.authentication(s.first(), d)), l, s.proof(d.key, http.MethodPost, endpoint, ""), d.key, other)
		s.Refused(s.Do("app", req), "an authentication with "+l.what, http.StatusBadRequest, "invalid_dpop_proof")
	}
	s.token(s.first(), d, "an authentication with a right proof after all that, as a control")
}

// MO-AS-23: who does not show that he has the device key gets nothing.
func possessionProved(s *scene) { s.proofsRefused(s.enrolled(s.alice()), noProofs()) }

// MO-AS-24: the proof is signed by the key that it names.
func signatureOfTheProofCompared(s *scene) { s.proofsRefused(s.enrolled(s.alice()), forgedProofs()) }

// MO-AS-26: a proof is for one request.
func proofForAnotherRequestRefused(s *scene) {
	s.proofsRefused(s.enrolled(s.alice()), misdirectedProofs(http.MethodPost, s.registrationEndpoint()))
}

// MO-AS-27: a proof is of its time.
func oldProofRefused(s *scene) {
	d := s.enrolled(s.alice())
	s.proofsRefused(d, untimelyProofs())
	for _, by := range []int64{-30, 30} {
		endpoint := s.authenticationEndpoint()
		p := s.proof(d.key, http.MethodPost, endpoint, "")
		iat, _ := p.claims.Whole("iat")
		req := s.prove(s.request(endpoint, s.authentication(s.first(), d)), d.key, p.with("iat", iat+by))
		s.Accepted(s.Do("app", req), fmt.Sprintf("an authentication with a proof that is %d s off, as clocks may be", by))
	}
}

// MO-AS-25: a right proof by a wrong key proves nothing.
func proofByAnotherKeyRefused(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	d, beside := s.registered(devices[0]), s.registered(devices[1])
	s.token(s.first(), d, "an authentication with a proof by the device's key, as a control")
	s.denied(s.first(), d.under(s.newSigner("")), "an authentication with a right proof by a key that nobody has registered")
	s.denied(s.first(), d.under(beside.key), "an authentication with a right proof by the key of the user's other device")
	s.token(s.first(), d, "an authentication with a proof by the device's key, after all that")
}

// MO-AS-28: a proof is good once, and a refused one has not been used.
func proofCountsOnce(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	d, beside := s.registered(devices[0]), s.registered(devices[1])
	endpoint := s.authenticationEndpoint()
	with := func(d device, p statement) *http.Request {
		return s.prove(s.request(endpoint, s.authentication(s.first(), d)), d.key, p)
	}
	p := s.proof(d.key, http.MethodPost, endpoint, "")
	again := func(p statement, what string) {
		s.Refused(s.Do("app", with(d, p)), "an authentication with "+what, http.StatusBadRequest, "invalid_dpop_proof")
	}
	s.Accepted(s.Do("app", with(d, p)), "an authentication with a new proof, as a control")
	again(p, "a proof that was used before")
	iat, _ := p.claims.Whole("iat")
	again(p.with("iat", iat+1), "a new proof with a jti that was used before")
	s.Accepted(s.Do("app", with(beside, s.proof(beside.key, http.MethodPost, endpoint, "").with("jti", p.claims["jti"]))), "an authentication with that jti by another key")

	misdirected := s.proof(d.key, http.MethodPost, s.registrationEndpoint(), "")
	again(misdirected, "a proof for another endpoint")
	s.Accepted(s.Do("app", with(d, misdirected.with("htu", endpoint))), "an authentication with the jti of a proof that was refused")

	const crowd = 4
	p = s.proof(d.key, http.MethodPost, endpoint, "")
	var requests []*http.Request
	for range crowd {
		requests = append(requests, with(d, p))
	}
	taken := 0
	for _, resp := range s.TryTogether("app", requests...) {
		switch {
		case resp == nil:
			s.Fail("an answer to each of several requests at once", "none to one of them")
		case resp.Status == http.StatusOK:
			if taken++; taken > 1 {
				s.FailAt(resp.Exchange, "a token for one of several requests at once with one proof", "a second token")
			}
		default:
			s.Refused(resp, "all but one of several requests at once with one proof", http.StatusBadRequest, "invalid_dpop_proof")
		}
	}
	s.Expect(taken == 1, "a token for one of several requests at once with one proof", "none")

	p = s.proof(d.key, http.MethodPost, endpoint, "")
	s.Accepted(s.Do("app", with(d, p)), "an authentication with a new proof")
	if s.Passes(proofWindow - 10*time.Second) {
		again(p, "a proof that was used 50 s before")
	}
}

// MO-AS-29: a refusal says no more than that it is one.
func refusalDoesNotTellWhichPart(s *scene) {
	devices := s.allowed(s.alice(), s.alice(), s.bob(), s.alice(), s.alice())
	d, unregistered, bobs, lost, gone := s.registered(devices[0]), devices[1], s.registered(devices[2]), s.registered(devices[3]), s.registered(devices[4])
	s.token(s.first(), d, "a right authentication, as a control")
	wipe := s.wiped(gone)
	s.acknowledged(gone, wipe.jti, "the acknowledgement of a wipe")
	s.wiped(lost)
	var first *conformance.Response
	for _, c := range []struct {
		what string
		app  AppSetup
		d    device
	}{
		{"an unknown app", AppSetup{ID: "app-" + s.stranger()}, d},
		{"a user without right to the app", s.second(), bobs},
		{"an unknown user", s.first(), d.as(AccountSetup{Name: s.stranger()})},
		{"an unknown device", s.first(), d.called("device-" + s.stranger())},
		{"the device of another user", s.first(), bobs.as(s.alice())},
		{"a device that is not registered", s.first(), unregistered},
		{"a proof by another key", s.first(), d.under(s.newSigner(""))},
		{"a deregistered device and a proof by another key", s.first(), lost.under(s.newSigner(""))},
		{"a deregistered device that has acknowledged its wipe", s.first(), gone},
		{"nothing that fits", AppSetup{ID: "app-" + s.stranger()}, s.newDevice(AccountSetup{Name: s.stranger()})},
	} {
		resp := s.authenticate(c.app, c.d)
		s.Refused(resp, "an authentication with "+c.what, http.StatusForbidden)
		if first == nil {
			first = resp
		}
		if string(resp.Body) != string(first.Body) {
			s.FailAt(resp.Exchange, fmt.Sprintf("the same refusal for %s as for an unknown app: %s", c.what, first.Body), string(resp.Body))
		}
	}
	s.token(s.first(), d, "a right authentication after all that, as a control")
}
