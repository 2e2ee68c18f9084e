package mobile

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"countersign/conformance"
)

// MO-AP-10
func (t *appTest) wipeClearsTheData() {
	t.settle()
	t.keepsAll("after a start, as a control")
	t.wiped()
	t.holdsNothing("after a wipe message")

	t.settle()
	mark, m := t.Mark(), t.message()
	push := t.pushRequest(t.signedMessage(m.wipe()))
	during := &aside{t: t}
	t.misbehave(fault{at: t.system, endpoint: atResource, times: 1, during: func() { during.try("authorization-server", push) }})
	t.start(fresh)
	t.taken(during.answer("a wipe message during a start"), "a wipe message during a start")
	t.acknowledged(m.id, mark, "after a wipe message during a start")
	t.holdsNothing("after a start that a wipe message overtook")
}

// aside is an exchange with the target during another.
type aside struct {
	t    *appTest
	mu   sync.Mutex
	resp *conformance.Response
	err  error
	over bool
}

func (a *aside) try(as string, req *http.Request) {
	resp, err := a.t.Try(as, req)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resp, a.err, a.over = resp, err, true
}

// answer waits for the answer; the check fails when there is none.
func (a *aside) answer(what string) *conformance.Response {
	over := func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.over
	}
	a.t.Env.Await(10*time.Second, over)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.resp == nil {
		a.t.Fail("an answer to "+what, fmt.Sprintf("none: %v", a.err))
	}
	return a.resp
}

// MO-AP-11
func (t *appTest) wipeIsReported() {
	t.settle()
	mark, m := t.Mark(), t.message()
	t.taken(t.push(t.signedMessage(m.wipe())), "a wipe message")
	const when = "after a wipe message"
	r := t.acknowledged(m.id, mark, when)
	t.carries(r, "deviceid", t.DeviceUnderTest, when)
	t.carries(r, "jti", m.id, when)
	if r.method != http.MethodPost {
		t.FailAt(r.exchange, "an acknowledgement by POST", r.String())
	}
}

// MO-AP-12
func (t *appTest) wipedAppStaysOut() {
	t.settle()
	t.wiped()
	t.holdsNothing("after a wipe message")
	for _, again := range []bool{stored, fresh} {
		s := t.start(again)
		if found := t.server.at(atAuthentication, s.mark); len(found) > 0 {
			t.FailAt(found[0].exchange, "no authentication request after a wipe", found[0].String())
		}
		t.noAccess(s.mark, "after a wipe")
		t.Refused(s.Response, "a start after a wipe", http.StatusConflict, "not_enrolled")
	}
	t.settle()
}

// MO-AP-27
func (t *appTest) repeatedWipeIsHarmless() {
	t.settle()
	mark, m := t.Mark(), t.message()
	compact := t.signedMessage(m.wipe())
	t.taken(t.push(compact), "a wipe message")
	t.acknowledged(m.id, mark, "after a wipe message")
	t.holdsNothing("after a wipe message")

	again := func(compact, what string) {
		mark := t.Mark()
		t.taken(t.push(compact), what)
		t.acknowledged(m.id, mark, "after "+what)
	}
	again(compact, "a wipe message that it has seen")
	t.settle()
	again(compact, "a wipe message of before the enrolment")
	t.keepsAll("after a wipe message of before the enrolment")
	m.issued = m.issued.Add(time.Second)
	again(t.signedMessage(m.wipe()), "a wipe message with a jti that it has seen, signed anew")
	t.keepsAll("after a wipe message with a jti that it has seen, signed anew")
	t.opened(t.start(stored), t.system, "after that")
	t.wiped()
	t.holdsNothing("after another wipe message")
}

// MO-AP-28
func (t *appTest) dataGoneBeforeReported() {
	t.settle()
	t.keepsAll("after a start, as a control")
	m, during := t.message(), &aside{t: t}
	look := t.holdingsRequest()
	t.misbehave(fault{at: t.server, endpoint: atAcknowledgement, times: 1, during: func() { during.try("user", look) }})
	mark := t.Mark()
	t.taken(t.push(t.signedMessage(m.wipe())), "a wipe message")
	t.acknowledged(m.id, mark, "after a wipe message")
	resp := during.answer("a request for the holdings while an acknowledgement is under way")
	t.Accepted(resp, "a request for the holdings while an acknowledgement is under way")
	if h := t.readHoldings(resp); h != (holdings{}) {
		t.FailAt(resp.Exchange, "nothing held when the acknowledgement arrives", h.String())
	}
}

// MO-AP-29
func (t *appTest) acknowledgementTriedAgain() {
	t.settle()
	t.misbehave(fault{at: t.server, endpoint: atAcknowledgement, status: http.StatusInternalServerError})
	mark, m := t.Mark(), t.message()
	t.taken(t.push(t.signedMessage(m.wipe())), "a wipe message")
	first := t.acknowledged(m.id, mark, "after a wipe message")
	const when = "when every acknowledgement is answered 500"
	tries := func() []received { return t.acknowledgements(m.id, mark) }
	second := t.Env.Await(10*time.Second, func() bool { return len(tries()) > 1 })
	const step = 2 * time.Second // how much later than it wanted a try may come because the clock is moved
	if t.Passes(10 * step) {
		for range 21 { // to 62 s after the first try, or later
			t.Env.Await(40*time.Millisecond, func() bool { return false })
			t.Passes(step)
		}
	} else if !second {
		t.Env.Await(50*time.Second, func() bool { return len(tries()) > 1 })
	}
	t.Behave()
	all := tries()
	if len(all) < 2 {
		t.FailAt(first.exchange, "a second try within 60 s "+when, "one try in all")
	}
	if len(all) > 8 {
		t.FailAt(all[8].exchange, "8 tries at most "+when, fmt.Sprintf("%d tries", len(all)))
	}
	if took := all[len(all)-1].at.Sub(first.at); took > time.Minute+2*step {
		t.FailAt(all[len(all)-1].exchange, "all tries within 60 s "+when, fmt.Sprintf("the last one %.0f s after the first", took.Seconds()))
	}

	t.enrol()
	t.misbehave(fault{at: t.server, endpoint: atAcknowledgement, times: 1, status: http.StatusServiceUnavailable})
	mark, m = t.Mark(), t.message()
	t.taken(t.push(t.signedMessage(m.wipe())), "a wipe message")
	const once = "when the first acknowledgement is answered 503"
	t.acknowledged(m.id, mark, "after a wipe message")
	if !t.Env.Await(10*time.Second, func() bool { return len(tries()) > 1 }) {
		t.Fail("a second try "+once, "one try in all")
	}
}

// MO-AP-30
func (t *appTest) wipeTakenOnContact() {
	refused := func(message string) {
		t.Behave()
		t.misbehave(fault{at: t.server, endpoint: atAuthentication, status: http.StatusForbidden,
			body: refusal("device_deregistered", "The device is to be wiped.").With("rules_version", t.inForce()).With("message", message)})
	}
	t.settle()
	forged := t.message()
	compact, err := forged.wipe().signed(t.newSigner(t.signer.ID))
	if err != nil {
		t.Broken("a message cannot be signed: %v", err)
	}
	refused(compact)
	s := t.start(fresh)
	t.ends(s, "whose authentication is refused, with a wipe message that another has signed", "authentication_refused")
	t.keepsAll("after a refusal with a wipe message that another has signed")

	const when = "after a refusal with a wipe message in it"
	m := t.message()
	refused(t.signedMessage(m.wipe()))
	s = t.start(fresh)
	t.ends(s, "whose authentication is refused, with a wipe message", "authentication_refused")
	r := t.acknowledged(m.id, s.mark, when)
	t.carries(r, "deviceid", t.DeviceUnderTest, when)
	t.holdsNothing(when)
	s = t.start(stored)
	t.Refused(s.Response, "a start "+when, http.StatusConflict, "not_enrolled")
}
