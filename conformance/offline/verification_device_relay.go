package offline

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"countersign/conformance"
)

// OF-VD-01
func (d *deviceTest) metadataNamesTheEndpoint() {
	m := d.metadata
	sizes := map[string]int{"acoustic": 64, "nfc": 256, "ble": 185, "qr": 1024}
	d.announces(
		announced{m.Profile == "offline@1", "profile offline@1", m.Profile},
		announced{m.Issuer == d.Issuer, "the issuer of its server, " + d.Issuer, m.Issuer},
		announced{m.NearFieldEndpoint != "", "near_field_endpoint", "none"},
		announced{m.Device == d.own().ID, "device " + d.own().ID, m.Device},
		announced{m.NearFieldFrameSize != 0, "near_field_frame_size", "none"},
		announced{sizes[m.NearFieldProfile] != 0, "near_field_profile acoustic, nfc, ble or qr", m.NearFieldProfile},
		announced{sizes[m.NearFieldProfile] == m.NearFieldFrameSize, fmt.Sprintf("near_field_frame_size %d, that of %s", sizes[m.NearFieldProfile], m.NearFieldProfile), fmt.Sprint(m.NearFieldFrameSize)},
		announced{slices.Contains(m.NearFieldMediaTypes, frameType), "near_field_media_types with " + frameType, strings.Join(m.NearFieldMediaTypes, ", ")},
	)
	d.visit().isInformed() // the endpoint is there
}

// OF-VD-02
func (d *deviceTest) applicationRelayed() {
	v := d.visit()
	for _, amount := range []uint64{v.asked.number(keyAmount), 1} {
		v = d.visit()
		v.asked = v.asked.with(keyAmount, amount)
		v.isInformed()
		v.relayed("application", "the application", applicationType, v.asked.encode())
	}
	v.once("application", "for one application")
}

// OF-VD-03
func (d *deviceTest) informationRelayed() {
	for _, amount := range []uint64{d.Services[0].Threshold / 2, d.Services[0].Threshold + 1} {
		v := d.visit()
		v.asked = v.asked.with(keyAmount, amount)
		v.applies()
		content, exchange := v.hears(linkInformation)
		answered := v.answered("application")
		if !bytes.Equal(content, answered) {
			v.FailAt(exchange, fmt.Sprintf("the server's answer as message 1, byte for byte: %x", answered), fmt.Sprintf("%x", content))
		}
	}
}

// OF-VD-04
func (d *deviceTest) countersignRelayed() {
	v := d.visit()
	for _, amount := range []uint64{d.Services[0].Threshold / 2, d.Services[0].Threshold + 1} {
		v = d.visit()
		v.asked = v.asked.with(keyAmount, amount)
		v.isInformed()
		countersign := v.countersign()
		if sealKey := v.informed.bytes(keySealKey); sealKey != nil {
			proven, err := withProof(v.Env.Entropy(), newCountersign(v.informed), v.random(32))
			if err != nil {
				v.Broken("the harness server's own seal key: %v", err)
			}
			countersign = v.as.sign(domainCountersign, proven)
		}
		v.gives(v.cut(linkCountersign, countersign)...)
		v.isDecided()
		v.relayed("verification", "the countersign", envelopeType, countersign)
	}
	v.once("verification", "for one countersign")
}

// OF-VD-05
func (d *deviceTest) approvesWhatWasVerified() {
	for _, h := range d.Handsets[:2] {
		v := d.visitOf(h)
		v.carriesResult(v.buys())
	}
}

// OF-VD-06
func (d *deviceTest) refusesWhatWasNotVerified() {
	d.visit().buys()
	v := d.visit()
	v.isInformed()
	stranger := d.signer(v.as.id, KeyOf("nobody"))
	v.gives(v.cut(linkCountersign, stranger.sign(domainCountersign, newCountersign(v.informed)))...)
	v.carriesResult(v.approvesNot("a result with verified false", "not_verified"))
}

// carriesResult ends the check as failed unless the decision has the result that the server gave.
func (v *visit) carriesResult(is decided) {
	result := v.answered("verification")
	if !bytes.Equal(is.bytes(keyResult), result) {
		v.FailAt(is.exchange, fmt.Sprintf("a decision with the server's result: %x", result), is.describe(keyResult))
	}
}

// OF-VD-07
func (d *deviceTest) noResultNoApproval() {
	d.visit().buys()
	cases := []struct {
		when   string
		answer serverAnswer
	}{
		{"no answer to the verification", serverAnswer{lost: true}},
		{"status 503 to the verification", decline(http.StatusServiceUnavailable, "temporarily_unavailable", "A fault that the check wants.")},
		{"status 409 to the verification", decline(http.StatusConflict, "serial_used", "A fault that the check wants.")},
		{"a result that cannot be read", enveloped([]byte("verified: true"))},
		{"an empty answer to the verification", enveloped(nil)},
	}
	visits := make([]*visit, len(cases))
	for i, c := range cases { // all at once, for each may take all the tries
		v := d.visit()
		v.isInformed()
		d.server.misbehave(fault{endpoint: "verification", serial: v.asked.serial(), answer: func(received, serverAnswer) serverAnswer { return c.answer }})
		visits[i] = v
		v.countersigns()
	}
	for i, c := range cases {
		visits[i].approvesNot(c.when, "no_result")
	}
}

// OF-VD-08
func (d *deviceTest) noDecisionBeforeTheResult() {
	v := d.visit()
	v.isInformed()
	asked := v.poll(linkDecision, 0)
	var (
		mu     sync.Mutex
		early  *conformance.Response
		failed error
		over   bool
	)
	d.server.misbehave(fault{endpoint: "verification", times: 1, during: func() {
		answer, err := v.Try("handset", v.request(frameType, asked.bytes()))
		mu.Lock()
		defer mu.Unlock()
		early, failed, over = answer, err, true
	}})
	v.countersigns()
	d.Env.Await(longestWork, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return over
	})
	const wanted = "WAIT as the answer to a poll of message 3 while the verification is under way"
	mu.Lock()
	defer mu.Unlock()
	switch {
	case !over:
		v.Fail("a verification, during which message 3 is polled for", "none")
	case failed != nil:
		v.Fail(wanted, failed.Error())
	}
	if f := v.frame(early, asked); f.kind != frameWait {
		v.FailAt(early.Exchange, wanted, f.String())
	}
	v.approves("a right countersign")
}

// OF-VD-09
func (d *deviceTest) refusalPassedOn() {
	d.visit().isInformed()
	v := d.visit()
	v.asked = v.asked.with(keyService, d.Strangers.Service)
	v.applies()
	v.isRefused("an application for a service that the server does not know", "unknown_service")
	v.relayed("application", "the application", applicationType, v.asked.encode())
	for _, c := range []struct {
		when, code string
		answer     serverAnswer
	}{
		{"409 serial_used", "serial_used", decline(http.StatusConflict, "serial_used", "A refusal that the check wants.")},
		{"403 without a readable body", "server_refused", serverAnswer{status: http.StatusForbidden, mediaType: "text/html", body: []byte("<p>No.</p>")}},
	} {
		v := d.visit()
		d.server.misbehave(fault{endpoint: "application", times: 1, answer: func(received, serverAnswer) serverAnswer { return c.answer }})
		v.applies()
		v.isRefused("an application that the server answers "+c.when, c.code)
	}
}
