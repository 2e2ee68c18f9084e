package offline

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// OF-VD-24
func (d *deviceTest) authenticatesItself() {
	v := d.visit()
	v.buys()
	own := d.own()
	for _, endpoint := range []string{"application", "verification"} {
		all := v.requests(endpoint)
		if len(all) == 0 {
			v.Fail("a request to the "+endpoint+" endpoint", "none")
		}
		for _, r := range all {
			expected := fmt.Sprintf("Authorization: Basic with the user-id %s and its secret in the request to the %s endpoint", own.ID, endpoint)
			if !r.credentials {
				v.FailAt(r.exchange, expected, "no such header")
			}
			if r.device != own.ID || r.secret != own.Secret {
				v.FailAt(r.exchange, expected, fmt.Sprintf("the user-id %q and another user-id or secret", r.device))
			}
		}
	}
	for _, r := range d.server.Since(0) {
		for _, form := range []string{own.Secret, base64.StdEncoding.EncodeToString([]byte(own.ID + ":" + own.Secret))} {
			if strings.Contains(r.line, form) {
				v.FailAt(r.exchange, "no secret in a URL", "the device's secret in the URL of a request to the server")
			}
		}
	}
}

// metadataKept is when the server's metadata are read again at the latest (section 8), and a little later.
const metadataKept = 10*time.Minute + time.Second

// OF-VD-25
func (d *deviceTest) metadataIssuerCompared() {
	d.visit().buys()
	d.Advance(metadataKept)
	mark := d.server.Mark()
	document := strings.TrimPrefix(wellKnown, "/")
	d.server.misbehave(fault{endpoint: document, answer: func(received, serverAnswer) serverAnswer {
		return jsonAnswer(http.StatusOK, d.server.document(d.Issuer+"/elsewhere", "/elsewhere"))
	}})
	v := d.visit()
	v.applies()
	content, exchange := v.hears(linkInformation)
	read := false
	for _, r := range d.server.Since(mark) {
		if r.endpoint != document {
			v.FailAt(r.exchange, "nothing sent to the server while its metadata name another issuer than they were asked under", r.line)
		}
		read = true
	}
	if !read {
		v.FailAt(exchange, "the server's metadata read again ten minutes after they were read", "no request for them")
	}
	if f, err := peekMessage(content); err != nil || f.number(keyType) != typeRefusal || f.text(keyError) != "server_unreachable" {
		v.FailAt(exchange, "a refusal with error server_unreachable as message 1", v.describe(content))
	}
	d.server.Behave()
	d.visit().isInformed() // it reads the document anew
}

// OF-VD-26
func (d *deviceTest) lostVerificationAskedAgain() {
	for _, c := range []struct {
		when   string
		answer serverAnswer
	}{
		{"after no answer", serverAnswer{lost: true}},
		{"after status 500", decline(http.StatusInternalServerError, "server_error", "A fault that the check wants.")},
	} {
		v := d.visit()
		v.isInformed()
		d.server.misbehave(fault{endpoint: "verification", serial: v.asked.serial(), times: 1, answer: func(received, serverAnswer) serverAnswer { return c.answer }})
		v.countersigns()
		v.isDecided()
		all := v.requests("verification")
		if len(all) < 2 {
			v.Fail("the verification sent again "+c.when, fmt.Sprintf("%d requests", len(all)))
		}
		for _, r := range all[1:] {
			if !bytes.Equal(r.body, all[0].body) {
				v.FailAt(r.exchange, fmt.Sprintf("the same bytes again %s: %x", c.when, all[0].body), fmt.Sprintf("%x", r.body))
			}
		}
	}
}

// OF-VD-27
func (d *deviceTest) triesAreBounded() {
	const most = 4
	down := func(v *visit, endpoint string) {
		// It ends by itself, so that a device without bounds comes to an end.
		d.server.misbehave(fault{endpoint: endpoint, serial: v.asked.serial(), times: 2 * most, answer: func(received, serverAnswer) serverAnswer {
			return decline(http.StatusServiceUnavailable, "temporarily_unavailable", "A fault that the check wants.")
		}})
	}
	applying, verifying := d.visit(), d.visit()
	verifying.isInformed()
	down(applying, "application")
	down(verifying, "verification")
	applying.applies() // both at once, for each takes all the tries
	verifying.countersigns()
	applying.hears(linkInformation)
	verifying.hears(linkDecision)
	for i, endpoint := range []string{"application", "verification"} {
		v := []*visit{applying, verifying}[i]
		all := v.requests(endpoint)
		if len(all) == 0 {
			v.Fail("a request to the "+endpoint+" endpoint", "none")
		}
		if len(all) > most {
			v.FailAt(all[most].exchange, fmt.Sprintf("no more than %d requests to the %s endpoint with one message while the server answers 503", most, endpoint), fmt.Sprintf("%d", len(all)))
		}
	}
}

// OF-VD-28
func (d *deviceTest) applicationForAnotherDeviceRefused() {
	d.visit().isInformed()
	for _, other := range []string{d.Devices[1].ID, d.Strangers.Device} {
		v := d.visit()
		v.asked = v.asked.with(keyDevice, other)
		mark := d.server.Mark()
		v.applies()
		content, exchange := v.hears(linkInformation)
		for _, r := range d.server.Since(mark) {
			if r.endpoint == "application" {
				v.FailAt(r.exchange, "nothing sent to the server for an application that names the device "+other, r.line)
			}
		}
		if f, err := peekMessage(content); err != nil || f.number(keyType) != typeRefusal || f.text(keyError) != "access_denied" {
			v.FailAt(exchange, "a refusal with error access_denied as message 1 for an application that names the device "+other, v.describe(content))
		}
	}
}

// OF-VD-29
func (d *deviceTest) oneCountersignASession() {
	v := d.visit()
	v.isInformed()
	own := v.countersign()
	others := v.cut(linkCountersign, d.signer(v.as.id, KeyOf("nobody")).sign(domainCountersign, newCountersign(v.informed)))
	inject := func() {
		for _, f := range others { // acknowledged or not
			if _, err := v.Try("handset", v.request(frameType, f.bytes())); err != nil {
				return // what becomes of the business shows it
			}
		}
	}
	d.server.misbehave(fault{endpoint: "verification", times: 1, during: inject})
	v.gives(v.cut(linkCountersign, own)...)
	v.approves("a right countersign")
	inject()
	const late = 300 * time.Millisecond // for a device that asks in its own time
	foreign := func() (strange *received) {
		for _, r := range d.server.Since(0) {
			if r.endpoint == "verification" && !bytes.Equal(r.body, own) {
				return &r
			}
		}
		return nil
	}
	d.Env.Await(late, func() bool { return foreign() != nil })
	if r := foreign(); r != nil {
		v.FailAt(r.exchange, "no verification with other bytes once message 2 is complete", fmt.Sprintf("%x", r.body))
	}
	v.approves("a right countersign, followed by frames of another")
}

// OF-VD-33
func (d *deviceTest) lostMetadataAskedForAgain() {
	d.visit().buys()
	document := strings.TrimPrefix(wellKnown, "/")
	for _, c := range []struct {
		when   string
		answer serverAnswer
	}{
		{"after status 503", decline(http.StatusServiceUnavailable, "temporarily_unavailable", "A fault that the check wants.")},
		{"after no answer", serverAnswer{lost: true}},
	} {
		d.Advance(metadataKept)
		mark := d.server.Mark()
		d.server.misbehave(fault{endpoint: document, times: 1, answer: func(received, serverAnswer) serverAnswer { return c.answer }})
		v := d.visit()
		v.applies()
		content, exchange := v.hears(linkInformation)
		asked := 0
		for _, r := range d.server.Since(mark) {
			if r.endpoint == document {
				asked, exchange = asked+1, r.exchange
			}
		}
		switch {
		case asked == 0:
			v.FailAt(exchange, "the server's metadata read again ten minutes after they were read", "no request for them")
		case asked == 1:
			v.FailAt(exchange, "the server's metadata asked for again "+c.when, "1 request, and then "+v.describe(content))
		}
		if f, err := peekPayload(content); err != nil || f.number(keyType) != typeInformation {
			v.FailAt(exchange, "information as message 1 where the metadata came at the second request, "+c.when, v.describe(content))
		}
	}
}
