package mobile

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// MO-AS-18: who finds the device does not get in.
func deregisteredDeviceGetsNoToken(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	lost, kept := s.registered(devices[0]), s.registered(devices[1])
	s.token(s.first(), lost, "an authentication before the deregistration, as a control")
	wipe := s.wiped(lost)
	for _, app := range []AppSetup{s.first(), s.second()} {
		s.refusedToken(s.authenticate(app, lost), "an authentication from a deregistered device for "+app.ID, "access_denied", "device_deregistered")
	}
	s.token(s.first(), kept, "an authentication from the user's other device")
	s.acknowledged(lost, wipe.jti, "the acknowledgement of a wipe")
	s.refusedToken(s.authenticate(s.first(), lost), "an authentication from a deregistered device that has acknowledged its wipe", "access_denied")
	s.activate(s.rules.usedBy(s.first().ID, s.alice().Name))
	s.refusedToken(s.authenticate(s.first(), lost), "an authentication from a deregistered device after a change of rules", "access_denied")
}

// MO-AS-19: what the finder holds is worth nothing.
func deregistrationEndsTheTokens(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	lost, kept := s.registered(devices[0]), s.registered(devices[1])
	type held struct {
		by SystemSetup
		id string
	}
	var tokens []held
	for range 2 {
		for _, app := range []AppSetup{s.first(), s.second()} {
			tokens = append(tokens, held{s.systemOf(app), s.tokenID(s.token(app, lost, "an authentication before the deregistration"))})
		}
	}
	other := s.tokenID(s.token(s.first(), kept, "an authentication from the user's other device"))
	for _, k := range tokens {
		s.shared(k.by, k.id, "a token before the deregistration, as a control")
	}
	ended := func(when string) {
		for _, k := range tokens {
			s.unshared(k.by, k.id, "a token of a device "+when)
		}
	}
	wipe := s.wiped(lost)
	ended("that is deregistered")
	s.shared(s.crm(), other, "a token of the user's other device")
	s.acknowledged(lost, wipe.jti, "the acknowledgement of a wipe")
	ended("that has acknowledged its wipe")
	s.registered(lost)
	ended("that was deregistered, and registered again since")
	s.shared(s.crm(), s.tokenID(s.token(s.first(), lost, "an authentication from a device that is registered again")), "a new token of it")
}

// MO-AS-20: only the user who registered a device ends it.
func deregistrationByTheDevicesUser(s *scene) {
	d := s.enrolled(s.alice())
	id := s.tokenID(s.token(s.first(), d, "an authentication, as a control"))
	refused := func(as AccountSetup, what string) {
		s.Refused(s.deregister(d.as(as)), "a deregistration "+what, http.StatusForbidden, "access_denied")
	}
	refused(s.alice().wrong(), "with a wrong password")
	refused(AccountSetup{s.alice().Name, s.bob().Password}, "with another user's password")
	refused(s.bob(), "by another user, with that user's password")
	refused(AccountSetup{s.stranger(), s.alice().Password}, "under a name that nobody has")
	s.Env.Await(200*time.Millisecond, func() bool { return s.wipeOf(d) != "" })
	if sent := s.letters(d, wipeEvent); len(sent) > 0 {
		s.FailAt(sent[0].exchange, "no wipe message after deregistrations that were refused", "one")
	}
	s.token(s.first(), d, "an authentication from the device after all that")
	s.shared(s.crm(), id, "a token of the device after all that")
	s.wiped(d)
	s.refusedToken(s.authenticate(s.first(), d), "an authentication after the deregistration by its user", "access_denied", "device_deregistered")
}

// MO-AS-21: the device is told, and the user does not wait for that.
func lostDeviceWiped(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	lost, kept := s.registered(devices[0]), s.registered(devices[1])
	var answered, waited atomic.Bool
	s.answers(lost, http.StatusAccepted, func() { // a device that is slow
		waited.Store(!s.Env.Await(5*time.Second, answered.Load))
	})
	resp := s.deregistered(lost, "pending", "a deregistration")
	answered.Store(true)
	s.ended = append(s.ended, lost)
	l := s.awaited(lost, wipeEvent, 1, "a wipe message")
	if waited.Load() {
		s.FailAt(resp.Exchange, "an answer to the user while the device has not answered", "the answer came after the device's")
	}
	s.wellFormed(l, "a wipe message")
	if l.path != "/notification" {
		s.FailAt(l.exchange, "a wipe message at the device's notification_uri, "+s.Notification(), "it came to "+l.path)
	}
	if wrong := differing(l.message.claims, "iss", s.Base(), "aud", lost.id); wrong != "" {
		s.FailAt(l.exchange, "a wipe message with the iss, and the deviceid as aud", wrong)
	}
	if content := l.message.event(wipeEvent); len(content) != 0 {
		s.FailAt(l.exchange, "a wipe message whose event is an empty object", judge.Shown(content))
	}
	if sent := s.letters(kept, wipeEvent); len(sent) > 0 {
		s.FailAt(sent[0].exchange, "no wipe message to the user's other device", "one")
	}
}

// MO-AS-33: a deregistration that is refused says nothing of users and devices.
func deregistrationIsNoOracle(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	d, unregistered := s.registered(devices[0]), devices[1]
	var first *conformance.Response
	for _, c := range []struct {
		what string
		d    device
	}{
		{"a wrong password", d.as(s.alice().wrong())},
		{"a name that nobody has", d.as(AccountSetup{s.stranger(), s.alice().Password})},
		{"an unknown deviceid", d.called("device-" + s.stranger())},
		{"another user's deviceid", d.as(s.bob())},
		{"a deviceid that nobody has registered", unregistered},
		{"a wrong password and an unknown deviceid", d.called("device-" + s.stranger()).as(s.alice().wrong())},
	} {
		resp := s.deregister(c.d)
		s.Refused(resp, "a deregistration with "+c.what, http.StatusForbidden, "access_denied")
		if first == nil {
			first = resp
		}
		if string(resp.Body) != string(first.Body) {
			s.FailAt(resp.Exchange, fmt.Sprintf("the same body for %s as for a wrong password: %s", c.what, first.Body), string(resp.Body))
		}
	}
	s.wiped(d)
}

// MO-AS-48: a device can tell a wipe from a prank.
func wipeSignedForOneDevice(s *scene) {
	devices, keys := s.allowed(s.alice(), s.bob()), s.signingKeys()
	var seen []string
	for _, d := range devices {
		s.registered(d)
		l := s.wiped(d)
		read := s.signedMessage(l, d, keys, "a wipe message")
		if read.event(wipeEvent) == nil {
			s.FailAt(l.exchange, "a wipe message whose one event is "+wipeEvent, judge.Shown(read.claims["events"]))
		}
		if slices.Contains(seen, l.jti) {
			s.FailAt(l.exchange, "a jti of its own in each wipe message", "that of another one")
		}
		seen = append(seen, l.jti)
	}
}

// pauseAfter is the wait after so many tries: section 4.5 of the profile.
func pauseAfter(tries int) time.Duration {
	if tries > 5 {
		return 30 * time.Second
	}
	return time.Second << (tries - 1)
}

// triedAgain lets the pause after n tries pass and waits for the next one, which has to be of the same message.
func (s *scene) triedAgain(d device, n int, what string) letter {
	first := s.letters(d, wipeEvent)[0]
	l := s.awaitedAfter(pauseAfter(n), d, wipeEvent, n+1, "the wipe message again, "+what+",")
	if l.jti != first.jti || l.text != first.text {
		s.FailAt(l.exchange, "the same message with the same jti in every try", "another one")
	}
	return l
}

// MO-AS-49: only the acknowledgement ends the tries.
func wipeRepeatedUntilAcknowledged(s *scene) {
	d := s.enrolled(s.alice())
	s.answers(d, 0, silent)
	l := s.wiped(d)
	s.triedAgain(d, 1, "to a device that was not reached")
	s.answers(d, http.StatusInternalServerError, nil)
	s.triedAgain(d, 2, "to a device that was not reached twice")
	s.answers(d, http.StatusAccepted, nil)
	s.triedAgain(d, 3, "to a device that answered 500")
	s.triedAgain(d, 4, "to a device that answered 202 and acknowledged nothing")
	s.settle()
	if s.Passes(time.Hour) {
		s.triedAgain(d, 5, "an hour later") // a target that noted the end of the try before only then counts its pause from there
		s.triedAgain(d, 6, "half a minute after that")
	}
	s.acknowledged(d, l.jti, "the acknowledgement of a wipe")
}

// MO-AS-50: a place that does not answer is not flooded.
func triesToWipeSpaced(s *scene) {
	d := s.enrolled(s.alice())
	s.answers(d, http.StatusServiceUnavailable, nil)
	first := s.wiped(d)
	tries := func() int { return len(s.letters(d, wipeEvent)) }
	if s.Env.Await(400*time.Millisecond, func() bool { return tries() > 1 }) {
		again := s.letters(d, wipeEvent)[1]
		s.FailAt(again.exchange, "0.5 seconds or more before the second try", fmt.Sprintf("%v", again.at.Sub(first.at)))
	}
	const most, step = 8, 5 * time.Second
	for passed := time.Duration(0); passed < time.Minute-step; passed += step {
		s.Advance(step)
		before := tries()
		s.Env.Await(150*time.Millisecond, func() bool { return tries() > before })
		if all := s.letters(d, wipeEvent); len(all) > most && all[most].at.Sub(first.at) < time.Minute {
			s.FailAt(all[most].exchange, fmt.Sprintf("%d tries at most in the first minute", most), fmt.Sprintf("%d", len(all)))
		}
	}
	s.Expect(tries() > 1, "more than one try in the first minute", "one")
}

// stillTried ends the check as failed unless the tries go on after n of them.
func (s *scene) stillTried(d device, after string) {
	n := len(s.letters(d, wipeEvent))
	s.awaitedAfter(pauseAfter(n), d, wipeEvent, n+1, "the wipe message again after "+after)
}

// MO-AS-51: nobody but the device says that its data are gone.
func acknowledgementByTheDeviceAlone(s *scene) {
	devices := s.allowed(s.alice(), s.alice())
	d, beside := s.registered(devices[0]), s.registered(devices[1])
	jti := s.wiped(d).jti
	endpoint, other := s.acknowledgementEndpoint(), s.newSigner("")
	body := members{"deviceid": d.id, "jti": jti}
	for _, l := range slices.Concat(noProofs(), forgedProofs(), misdirectedProofs(http.MethodPost, s.authenticationEndpoint()), untimelyProofs()) {
		req := s.belie(s.request(endpoint, body), l, s.proof(d.key, http.MethodPost, endpoint, ""), d.key, other)
		s.Refused(s.Do("stranger", req), "an acknowledgement with "+l.what, http.StatusBadRequest, "invalid_dpop_proof")
	}
	for _, c := range []struct {
		what string
		by   device
		jti  string
	}{
		{"with a proof by a key that nobody has registered", d.under(other), jti},
		{"with a proof by the key of the user's other device", d.under(beside.key), jti},
		{"of another jti", d, s.Random(18)},
		{"in the name of a device that is not deregistered", beside, jti},
	} {
		s.Refused(s.acknowledge(c.by, c.jti), "an acknowledgement "+c.what, http.StatusForbidden, "access_denied")
	}
	s.deregistered(d, "pending", "a deregistration repeated after all that")
	s.stillTried(d, "acknowledgements that were refused")
	s.acknowledged(d, jti, "the acknowledgement by the device")
	s.deregistered(d, "acknowledged", "a deregistration repeated after the acknowledgement")
}

// MO-AS-52: after the acknowledgement there is silence.
func acknowledgementEndsTheTries(s *scene) {
	d := s.enrolled(s.alice())
	jti := s.wiped(d).jti
	one := func() {
		for _, l := range s.letters(d, wipeEvent) {
			if l.jti != jti {
				s.FailAt(l.exchange, "one wipe message for one deregistration, however often it is repeated", "another jti")
			}
		}
	}
	s.deregistered(d, "pending", "a deregistration repeated before the acknowledgement")
	s.stillTried(d, "a repeated deregistration")
	one()
	for i := range 3 {
		s.acknowledged(d, jti, fmt.Sprintf("acknowledgement %d of one wipe", i+1))
	}
	for range 2 {
		s.deregistered(d, "acknowledged", "a deregistration repeated after the acknowledgement")
	}
	before := len(s.letters(d, wipeEvent))
	silence := func() {
		s.Env.Await(200*time.Millisecond, func() bool { return len(s.letters(d, wipeEvent)) > before })
	}
	if s.Passes(35 * time.Second) { // longer than any pause between tries
		silence()
	} else {
		s.Advance(5 * time.Second) // longer than the next pause
	}
	silence()
	one()
	if all := s.letters(d, wipeEvent); len(all) > before {
		s.FailAt(all[before].exchange, "no more wipe messages after the acknowledgement", "one")
	}
	s.acknowledged(d, jti, "an acknowledgement repeated later")
}

// MO-AS-53: a device that calls in is told what no message has told it.
func wipeGivenOnContact(s *scene) {
	d := s.enrolled(s.alice())
	s.token(s.first(), d, "an authentication before the deregistration, as a control")
	pushed := s.wiped(d)
	for range 2 {
		resp := s.authenticate(s.first(), d)
		s.refusedToken(resp, "an authentication from a deregistered device", "device_deregistered")
		if got := s.text(resp, "message", "the refusal of a deregistered device"); got != pushed.text {
			s.FailAt(resp.Exchange, "the wipe message in message, the same bytes as pushed", "others")
		}
		s.whole(resp, "rules_version", "the refusal of a deregistered device")
	}
	resp := s.denied(s.first(), d.under(s.newSigner("")), "an authentication from a deregistered device by another key")
	if s.object(resp, "a refusal")["message"] != nil {
		s.FailAt(resp.Exchange, "no wipe message for another key", "one")
	}
	s.acknowledged(d, pushed.jti, "the acknowledgement of a wipe")
	resp = s.denied(s.first(), d, "an authentication from a device that has acknowledged its wipe")
	if s.object(resp, "a refusal")["message"] != nil {
		s.FailAt(resp.Exchange, "no wipe message after its acknowledgement", "one")
	}
}

// MO-AS-54: a lost device cannot be made a new one while its data are there.
func noWayAroundAnOpenWipe(s *scene) {
	d := s.enrolled(s.alice())
	jti := s.wiped(d).jti
	finder := d.under(s.newSigner(""))
	s.Refused(s.register(d), "a registration of a device whose wipe is open", http.StatusConflict, "wipe_pending")
	s.Refused(s.register(finder), "such a registration with another key", http.StatusConflict, "wipe_pending")
	s.refusedToken(s.authenticate(s.first(), d), "an authentication from the device after that", "access_denied", "device_deregistered")
	s.denied(s.first(), finder, "an authentication by the other key after that")
	s.stillTried(d, "registrations that were refused")
	s.acknowledged(d, jti, "the acknowledgement of a wipe")
	s.registered(finder)
	s.token(s.first(), finder, "an authentication from the device that is registered like a new one, under another key")
	s.denied(s.first(), d, "an authentication by the former key")
}
