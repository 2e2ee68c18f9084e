package mobile

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/conformance/jose"
)

// messagesRefused wants each message to be answered 400 and to change nothing.
func (t *appTest) messagesRefused(messages []spoilt) {
	for _, m := range messages {
		mark := t.Mark()
		t.Refused(t.push(m.sealed), m.what, http.StatusBadRequest, "invalid_request")
		t.keepsAll("after " + m.what)
		if found := t.server.at(atAcknowledgement, mark); len(found) > 0 {
			t.FailAt(found[0].exchange, "no acknowledgement of "+m.what, found[0].String())
		}
		s := t.opened(t.start(stored), t.system, "after "+m.what)
		for _, r := range t.accesses(s.mark) {
			if r.party != t.system {
				t.FailAt(r.exchange, "requests to "+t.system.addressed()+" alone after "+m.what, r.String())
			}
		}
	}
}

// made is a message in compact form.
func (t *appTest) made(compact string, err error) string {
	if err != nil {
		t.Broken("a message cannot be made: %v", err)
	}
	return compact
}

// MO-AP-25
func (t *appTest) forgedMessageRefused() {
	t.settle()
	stranger := t.newSigner(t.signer.ID)
	var forged []spoilt
	for kind, s := range t.messages() {
		add := func(what, compact string, err error) {
			forged = append(forged, spoilt{[]string{"a wipe message", "an address message"}[kind] + " " + what, t.made(compact, err)})
		}
		signed := func(what string, s statement, by jose.Signer) {
			compact, err := s.signed(by)
			add(what, compact, err)
		}
		signed("signed by another key", s, stranger)
		signed("signed by another key, which its header names", s.headed("jwk", jose.JWK(&stranger.Key.PublicKey)).headed("kid", nil), stranger)
		signed("of another issuer", s.with("iss", "https://test.example"), t.signer)
		signed("of typ address+jwt", s.headed("typ", "address+jwt"), t.signer)
		signed("that says alg none and is signed", s.headed("alg", "none"), t.signer)
		compact, err := s.unsecured()
		add("with alg none", compact, err)
		compact, err = withHMAC(t.signer, s)
		add("with alg HS256, the public key as its secret", compact, err)
		values, err := resigned(s.signed(t.signer))(func(signature []byte) []byte {
			signature[0] ^= 1
			return signature
		})
		add("with one bit of its signature flipped", values[0], err)
		parts := strings.Split(t.made(s.signed(stranger)), ".")
		add("cut short", strings.Join(parts[:2], "."), nil)
	}
	t.messagesRefused(append(forged, spoilt{"a message that is none", "not-a-message"}))
	t.wiped()
	t.holdsNothing("after a right wipe message, as a control")
}

// messages are a wipe message and an address message, both right.
func (t *appTest) messages() []statement {
	return []statement{t.message().wipe(), t.message().moved(t.crm().ID, t.moved.addressed(), t.inForce()+1)}
}

// MO-AP-26
func (t *appTest) messageForAnotherDeviceRefused() {
	t.settle()
	var wrong []spoilt
	for kind, s := range t.messages() {
		name := []string{"a wipe message", "an address message"}[kind]
		wrong = append(wrong,
			spoilt{name + " for another device", t.made(s.with("aud", t.newDeviceID()).signed(t.signer))},
			spoilt{name + " for another key", t.made(s.with("cnf", confirmation(t.newSigner("").Thumbprint())).signed(t.signer))},
			spoilt{name + " for no device", t.made(s.with("aud", nil).signed(t.signer))},
			spoilt{name + " for no key", t.made(s.with("cnf", nil).signed(t.signer))},
		)
	}
	t.messagesRefused(wrong)
	t.wiped()
	t.holdsNothing("after a right wipe message, as a control")
}

// pushedAddress sends an address message of the first system, which the app has to take.
func (t *appTest) pushedAddress(systemID, address string, version int64, what string) {
	t.taken(t.push(t.signedMessage(t.message().moved(systemID, address, version))), what)
}

// goesTo wants the next start, which may use what is stored, to go to that address and no other. Where the app keeps no token, it authenticates and learns the address of the rules, which is that one too.
func (t *appTest) goesTo(to *party, when string) {
	s := t.start(stored)
	for _, r := range t.accesses(s.mark) {
		if r.party != to {
			t.FailAt(r.exchange, "the next request to "+to.addressed()+" "+when, r.String())
		}
	}
	t.asked(to, atResource, s.mark, when)
	t.opened(s, to, when)
}

// MO-AP-31
func (t *appTest) pushedAddressUsed() {
	t.settle()
	own := t.crm().ID
	for _, to := range []*party{t.moved, t.system} {
		version := t.move(to.addressed())
		t.pushedAddress(own, to.addressed(), version, "an address message")
		t.goesTo(to, "after an address message")
	}
	t.pushedAddress(t.erp().ID, t.other.addressed(), t.inForce(), "an address message of another system")
	t.goesTo(t.system, "after an address message of another system")

	version := t.move(t.moved.addressed())
	t.pushedAddress(t.erp().ID, t.other.addressed(), t.move(t.moved.addressed()), "an address message of another system")
	t.pushedAddress(own, t.moved.addressed(), version, "an address message that a newer one of another system has overtaken")
	t.goesTo(t.moved, "after an address message that a newer one of another system has overtaken")
	t.pushedAddress(own, t.system.addressed(), t.move(t.system.addressed()), "an address message")

	t.messagesRefused(t.malformedMoves())
	t.opened(t.start(fresh), t.system, "with an answer of the rules in force, after malformed address messages by newer ones")
}

// malformedMoves are address messages, rightly signed, in which something is no address, or no version.
func (t *appTest) malformedMoves() (malformed []spoilt) {
	own, newer, to := t.crm().ID, t.inForce()+1, t.moved.addressed()
	_, rest, _ := strings.Cut(to, "://")
	add := func(what string, s statement) {
		malformed = append(malformed, spoilt{"an address message " + what, t.made(s.signed(t.signer))})
	}
	for _, c := range []struct{ what, address string }{
		{"with an http address beyond loopback", "http://" + own + ".test.example/resource"},
		{"with an address of another scheme", "ftp://" + rest},
		{"with an address that has user information", strings.Replace(to, rest, "user:password@"+rest, 1)},
		{"with an address that has a fragment", to + "#fragment"},
		{"with an address that is no URL", own},
		{"without an address", ""},
	} {
		add(c.what, t.message().moved(own, c.address, newer))
	}
	add("whose rules_version is a text", t.message().moved(own, to, newer).with("rules_version", fmt.Sprint(newer)))
	add("without rules_version", t.message().moved(own, to, newer).with("rules_version", nil))
	return malformed
}

// MO-AP-32
func (t *appTest) olderAddressNotTaken() {
	t.settle()
	own, newest := t.crm().ID, t.inForce()
	t.pushedAddress(own, t.moved.addressed(), newest-1, "an address message with a rules_version of before")
	t.goesTo(t.system, "after an address message with a rules_version of before")

	older := func(version int64) func(*answering) {
		return func(a *answering) {
			a.body = a.body.With("system_address", t.moved.addressed()).With("rules_version", version)
			a.address = a.address.with("address", t.moved.addressed()).with("rules_version", version)
		}
	}
	refused := func(version int64, what string) {
		t.misbehave(fault{at: t.server, endpoint: atAuthentication, forge: older(version)})
		s := t.start(fresh)
		t.Behave()
		t.asked(t.server, atAuthentication, s.mark, "in a start without a stored token")
		t.noAccess(s.mark, "after an answer with "+what)
		t.ends(s, "after an answer with "+what, "answer_refused")
	}
	refused(newest-1, "a rules_version lower than that of an answer before")
	t.opened(t.start(stored), t.system, "with an answer of the same rules_version as the newest, as a control")

	if t.holds().address { // an app that keeps no address takes nothing from a message
		version := t.move(t.system.addressed()) + 1
		t.move(t.system.addressed())
		t.pushedAddress(own, t.system.addressed(), version, "an address message")
		refused(version-1, "a rules_version lower than that of a message before")
	}
	t.overtakenAnswerRefused(older)
	t.enrol()
	t.move(t.system.addressed())
	t.opened(t.start(fresh), t.system, "after another enrolment")
}

// overtakenAnswerRefused has an address message arrive while an authentication is unanswered, and answers by the rules of before.
func (t *appTest) overtakenAnswerRefused(older func(version int64) func(*answering)) {
	version := t.move(t.system.addressed()) + 1
	t.move(t.system.addressed())
	pushing := &aside{t: t}
	push := t.pushRequest(t.signedMessage(t.message().moved(t.crm().ID, t.system.addressed(), version)))
	t.misbehave(fault{at: t.server, endpoint: atAuthentication, times: 1, forge: older(version - 1), during: func() { pushing.try("authorization-server", push) }})
	s := t.start(fresh)
	t.Behave()
	t.asked(t.server, atAuthentication, s.mark, "in a start without a stored token")
	const what = "an address message while an authentication is unanswered"
	t.taken(pushing.answer(what), what)
	const when = "after an answer with a rules_version lower than that of a message that came meanwhile"
	t.noAccess(s.mark, when)
	t.ends(s, when, "answer_refused")
}

// MO-AP-33
func (t *appTest) triesAreBounded() {
	// What an answer takes while the business system is slow: whole seconds by a test clock, and then a little. It is less than the 5 s that an app waits, and
	// eight such answers take longer than 30 s and one more.
	const moved, passed = 4 * time.Second, 600 * time.Millisecond
	t.settle()
	t.bounded(0, "while every token is refused", fault{at: t.system, endpoint: atResource, times: 12, status: http.StatusUnauthorized, body: refusal("invalid_token", "No token will do.")})
	t.enrol()
	t.bounded(moved+passed, "while the business system takes 4.6 s to say that it is not ready", fault{
		at: t.system, endpoint: atResource, times: 12, status: http.StatusServiceUnavailable, header: [][2]string{{"Retry-After", "0"}},
		silent: passed, during: func() { _ = t.Env.Advance(moved) }, // where no time can pass, the number of requests is bounded all the same
	})
}

// bounded wants a start that meets the fault to end in time, with no more requests than it may send. The fault ends some time, so that a start without bounds
// does too. An exchange that takes that long, and begins in time, may end later: a clock that is moved while an app waits does not end its waiting.
func (t *appTest) bounded(exchange time.Duration, when string, f fault) {
	const most, slack = 30 * time.Second, time.Second
	t.misbehave(f)
	s := t.start(fresh)
	t.Behave()
	t.asked(t.system, atResource, s.mark, "in a start without a stored token")
	for _, bound := range []struct {
		found []received
		most  int
		what  string
	}{{t.server.at(atAuthentication, s.mark), 4, "authentication"}, {t.accesses(s.mark), 8, "resource"}} {
		if len(bound.found) > bound.most {
			t.FailAt(bound.found[bound.most].exchange, fmt.Sprintf("%d %s requests at most in one start %s", bound.most, bound.what, when), fmt.Sprint(len(bound.found)))
		}
	}
	if s.took > most+exchange+slack {
		t.FailAt(s.Exchange, fmt.Sprintf("an end within %.0f s, or of the exchange then under way, of a start %s", most.Seconds(), when), fmt.Sprintf("one after %.1f s", s.took.Seconds()))
	}
	t.ends(s, when)
}

// MO-AP-34
func (t *appTest) waitsWhenToldTo() {
	t.settle()
	for _, seconds := range []int{1, 2} {
		when := fmt.Sprintf("after 503 with Retry-After: %d", seconds)
		t.misbehave(fault{at: t.system, endpoint: atResource, times: 1, status: http.StatusServiceUnavailable, header: [][2]string{{"Retry-After", fmt.Sprint(seconds)}}})
		s := t.start(stored)
		t.Behave()
		tries := t.system.at(atResource, s.mark)
		if len(tries) < 2 {
			t.FailAt(s.Exchange, "another resource request "+when, fmt.Sprintf("%d in all", len(tries)))
		}
		const slack = 50 * time.Millisecond // of clocks
		if gap := tries[1].at.Sub(tries[0].at); gap < time.Duration(seconds)*time.Second-slack {
			t.FailAt(tries[1].exchange, fmt.Sprintf("the next resource request not before %d s %s", seconds, when), fmt.Sprintf("%.2f s", gap.Seconds()))
		}
		t.opened(s, t.system, when)
	}
}

// MO-AP-37
func (t *appTest) triggersOnlyByPOST() {
	t.settle()
	for _, c := range []struct{ name, endpoint string }{
		{"start_endpoint", t.document.Named("start_endpoint", t.metadata.StartEndpoint)},
		{"enrolment_endpoint", t.document.Named("enrolment_endpoint", t.metadata.EnrolmentEndpoint)},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			mark := t.Mark()
			var body []byte
			mediaType := ""
			if method != http.MethodGet {
				body, mediaType = jsonOf(t.test, members{"password": t.alice().Password}), jsonType
			}
			resp := t.Do("user", t.rawRequest(method, c.endpoint, mediaType, body))
			t.ExpectStatus(resp, "a "+method+" of the "+c.name, http.StatusMethodNotAllowed)
			if found := t.Since(mark); len(found) > 0 {
				t.FailAt(found[0].exchange, "nothing started by a "+method+" of the "+c.name, found[0].String())
			}
		}
	}
	t.keepsAll("after that")
}
