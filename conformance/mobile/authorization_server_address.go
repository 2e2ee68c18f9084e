package mobile

import (
	"crypto/ecdsa"
	"fmt"
	"net/http"
	"time"
)

// signedAddress reads the signed address of an answer.
func (s *scene) signedAddress(g granted) readStatement {
	read, err := readSigned(s.text(g.answer, "signed_address", "the answer to an authentication"), "address+jwt", s.signingKeys())
	if err != nil {
		s.FailAt(g.answer.Exchange, "a signed_address: a JWS of typ address+jwt with ES256 by a key of jwks_uri", err.Error())
	}
	return read
}

// MO-AS-45: who stands in between cannot send the app elsewhere.
func addressIsSigned(s *scene) {
	d := s.enrolled(s.alice())
	for _, wanted := range []rules{s.rules, s.rules.at(s.crm().ID, s.secondAddress())} {
		s.activate(wanted)
		for _, app := range []AppSetup{s.first(), s.second()} {
			g := s.token(app, d, "a right authentication for "+app.ID)
			const what = "the answer to an authentication"
			plain := []any{
				"system_id", s.text(g.answer, "system_id", what), "address", s.text(g.answer, "system_address", what), "rules_version", s.whole(g.answer, "rules_version", what),
			}
			if wrong := differing(s.signedAddress(g).claims, plain...); wrong != "" {
				s.FailAt(g.answer.Exchange, "a signed_address with system_id, address and rules_version as in the answer", wrong)
			}
		}
	}
}

// MO-AS-46: the signed address is good beside its own answer only.
func signedAddressBoundToItsAnswer(s *scene) {
	devices := s.allowed(s.alice(), s.bob())
	for _, d := range devices {
		s.registered(d)
	}
	for _, c := range []struct {
		app AppSetup
		d   device
	}{{s.first(), devices[0]}, {s.second(), devices[0]}, {s.first(), devices[1]}, {s.first(), devices[1]}} {
		g := s.token(c.app, c.d, fmt.Sprintf("an authentication of %s for %s", c.d.owner.Name, c.app.ID))
		at, claims := g.answer.Exchange, s.signedAddress(g).claims
		if wrong := differing(claims, "iss", s.Base(), "aud", c.app.ID, "sub", c.d.id, "ath", hashOf(g.accessToken)); wrong != "" {
			s.FailAt(at, "a signed_address with the iss, appid as aud, deviceid as sub, and the hash of this answer's access_token as ath", wrong)
		}
		issued, okay := claims.Whole("iat")
		if !okay || !s.near(issued) {
			s.FailAt(at, "a signed_address whose iat is the time in whole seconds", fmt.Sprintf("iat is %v", claims["iat"]))
		}
		end, _ := s.opened(g).claims.Whole("exp")
		if expires, okay := claims.Whole("exp"); !okay || expires <= issued || expires > end {
			s.FailAt(at, fmt.Sprintf("a signed_address with an exp after its iat, and no later than the token's, %d", end), fmt.Sprintf("exp is %v", claims["exp"]))
		}
	}
}

// signedMessage reads a message as a device does that trusts the keys.
func (s *scene) signedMessage(l letter, d device, keys map[string]*ecdsa.PublicKey, what string) readStatement {
	read, err := readSigned(l.text, "secevent+jwt", keys)
	if err != nil {
		s.FailAt(l.exchange, what+" that is a JWS of typ secevent+jwt with ES256 by a key of jwks_uri", err.Error())
	}
	if wrong := differing(read.claims, "iss", s.Base(), "aud", d.id); wrong != "" {
		s.FailAt(l.exchange, what+" with the iss, and the deviceid as aud", wrong)
	}
	if wrong := differing(read.claims.Object("cnf"), "jkt", d.thumbprint()); wrong != "" {
		s.FailAt(l.exchange, what+" with cnf with the jkt of the device's key, "+d.thumbprint(), wrong)
	}
	if issued, okay := read.claims.Whole("iat"); !okay || !s.near(issued) {
		s.FailAt(l.exchange, what+" whose iat is the time in whole seconds", fmt.Sprintf("iat is %v", read.claims["iat"]))
	}
	s.wellFormed(l, what)
	return read
}

// wellFormed ends the check as failed unless a message came as RFC 8935 wants it, with a jti.
func (s *scene) wellFormed(l letter, what string) {
	if l.method != http.MethodPost || l.mediaType != messageType || l.unread != nil {
		s.FailAt(l.exchange, what+" as a POST of type "+messageType+" with a compact JWS", fmt.Sprintf("%s of type %q, read with the error %v", l.method, l.mediaType, l.unread))
	}
	if len(l.jti) < 16 || len(l.jti) > 128 {
		s.FailAt(l.exchange, what+" with a jti of 16 to 128 characters", fmt.Sprintf("%d characters", len(l.jti)))
	}
}

// MO-AS-47: who may use an app of a system that has moved is told so, until he has heard it.
func changedAddressPushed(s *scene) {
	devices := s.allowed(s.alice(), s.alice(), s.bob(), s.alice(), s.alice())
	hears, refuses, bobs, unregistered, gone := s.registered(devices[0]), s.registered(devices[1]), s.registered(devices[2]), devices[3], s.registered(devices[4])
	keys := s.signingKeys()
	s.acknowledged(gone, s.wiped(gone).jti, "the acknowledgement of a wipe")
	s.answers(refuses, http.StatusServiceUnavailable, nil)
	message := func(l letter, d device, system SystemSetup, address string) letter {
		read := s.signedMessage(l, d, keys, "an address message")
		if wrong := differing(read.event(addressEvent), "system_id", system.ID, "address", address); wrong != "" {
			s.FailAt(l.exchange, "an address message with the system and its new address", wrong)
		}
		if wrong := differing(read.claims, "rules_version", s.version); wrong != "" {
			s.FailAt(l.exchange, fmt.Sprintf("an address message with the rules_version that changed it, %d", s.version), wrong)
		}
		return l
	}
	first := func(d device, n int, system SystemSetup, address string) letter {
		return message(s.awaited(d, addressEvent, n, "an address message"), d, system, address)
	}
	again := func(n int) letter {
		l := s.awaitedAfter(pauseAfter(n-1), refuses, addressEvent, n, "the address message again")
		return message(l, refuses, s.erp(), s.secondAddress())
	}
	none := func(d device, n int, what string) {
		if all := s.letters(d, addressEvent); len(all) > n {
			s.FailAt(all[n].exchange, "no address message to "+what, "one to "+d.id)
		}
	}

	s.activate(s.rules.at(s.erp().ID, s.secondAddress()))
	first(hears, 1, s.erp(), s.secondAddress())
	tried := first(refuses, 1, s.erp(), s.secondAddress())
	if l := again(2); l.jti != tried.jti {
		s.FailAt(l.exchange, "the same jti in every try of one message", "another one")
	}
	s.answers(refuses, http.StatusAccepted, nil)
	again(3)
	s.settle()
	s.Advance(pauseAfter(3))
	s.Env.Await(300*time.Millisecond, func() bool { return len(s.letters(refuses, addressEvent)) > 3 })
	none(refuses, 3, "a device that has answered 202")
	none(hears, 1, "a device that has answered 202")
	none(bobs, 0, "a device whose user may use no app of the system")
	none(unregistered, 0, "a device that nobody has registered")
	none(gone, 0, "a deregistered device")

	s.activate(s.rules.at(s.crm().ID, s.secondAddress()))
	first(hears, 2, s.crm(), s.secondAddress())
	first(bobs, 1, s.crm(), s.secondAddress())
	s.activate(s.rules.usedBy(s.second().ID, s.alice().Name))
	s.Env.Await(300*time.Millisecond, func() bool { return len(s.letters(bobs, addressEvent)) > 1 })
	none(bobs, 1, "a device after a change of rules that leaves the addresses")

	others := s.allowed(s.alice(), s.alice())
	handedOn, unlisted := s.registered(others[0]), s.registered(others[1])
	s.activate(s.rules.owned(handedOn.id, s.bob().Name).without(unlisted.id).owned(bobs.id, s.alice().Name).at(s.erp().ID, s.erp().Address()))
	first(handedOn, 1, s.erp(), s.erp().Address())
	first(unlisted, 1, s.erp(), s.erp().Address())
	s.Env.Await(300*time.Millisecond, func() bool { return len(s.letters(bobs, addressEvent)) > 1 })
	none(bobs, 1, "a device that was registered by a user who may use no app of the system, whomever the rules give it to")
}
