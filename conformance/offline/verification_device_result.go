package offline

import "fmt"

// lie is what the server says in place of an honest result.
type lie struct {
	what string
	// sign makes the lie of the honest result.
	sign func(result fields) []byte
	// unreadable says that a device may take it for no result at all.
	unreadable bool
}

// changing is a result, signed as it should be, with one value changed.
func (d *deviceTest) changing(key uint64, to any) lie {
	return lie{what: "another " + keyName(key), sign: func(result fields) []byte { return d.server.sign(domainResult, result.with(key, to)) }, unreadable: key == keyType}
}

// rejects plays a business for each lie; none may be approved. An honest one is the control.
func (d *deviceTest) rejects(lies ...lie) {
	d.visit().buys()
	for _, l := range lies {
		v := d.visit()
		v.isInformed()
		d.server.misbehave(fault{endpoint: "verification", serial: v.asked.serial(), answer: func(r received, _ serverAnswer) serverAnswer {
			return enveloped(l.sign(newResult(v.informed, v.informed.number(keyIssuedAt), true)))
		}})
		v.countersigns()
		codes := []string{"result_rejected"}
		if l.unreadable {
			codes = append(codes, "no_result")
		}
		v.approvesNot("a result with "+l.what, codes...)
	}
}

// OF-VD-17
func (d *deviceTest) resultSignatureChecked() {
	s := d.server.signer
	d.rejects(
		lie{what: "the signature of a key that nobody has pinned", sign: func(result fields) []byte {
			return d.signer(s.id, KeyOf("nobody")).sign(domainResult, result)
		}},
		lie{what: "a kid that nobody has pinned", sign: func(result fields) []byte { return signer{"server-9", s.key}.sign(domainResult, result) }},
		lie{what: "a bit of its signature flipped", sign: func(result fields) []byte {
			e := s.envelope(domainResult, result.encode())
			e.signature = flipped(e.signature, 7)
			return e.encode()
		}},
		lie{what: "verified changed after it was signed", sign: func(result fields) []byte {
			e := s.envelope(domainResult, result.with(keyVerified, false).encode())
			e.payload = result.encode()
			return e.encode()
		}},
		lie{what: "a signature of no bytes", sign: func(result fields) []byte {
			e := s.envelope(domainResult, result.encode())
			e.signature = nil
			return e.encode()
		}, unreadable: true},
	)
}

// OF-VD-18
func (d *deviceTest) resultOfItsOwnDomain() {
	d.rejects(
		lie{what: "the external_aad of information", sign: func(result fields) []byte { return d.server.sign(domainInformation, result) }},
		lie{what: "the external_aad of countersigns", sign: func(result fields) []byte { return d.server.sign(domainCountersign, result) }},
		lie{what: "an empty external_aad", sign: func(result fields) []byte { return d.server.sign("", result) }},
		d.changing(keyType, typeInformation),
	)
}

// OF-VD-19
func (d *deviceTest) resultForThisSerial() {
	d.rejects(d.changing(keySerial, d.random(16)))
}

// OF-VD-20
func (d *deviceTest) resultForThisChallenge() {
	d.rejects(d.changing(keyChallenge, d.random(32)), d.changing(keyLevel, uint64(2)), d.changing(keyIssuer, d.Issuer+"/elsewhere"))
}

// OF-VD-21
func (d *deviceTest) resultForThisDevice() {
	d.rejects(d.changing(keyDevice, d.Devices[1].ID))
}

// OF-VD-22
func (d *deviceTest) resultForThisAmount() {
	d.rejects(
		d.changing(keyAmount, uint64(1)), d.changing(keyHandset, d.Handsets[1].ID),
		d.changing(keyService, d.Services[1].ID), d.changing(keyCurrency, "XTS"),
	)
}

// OF-VD-23
func (d *deviceTest) oneApprovalASerial() {
	repeats := func(v *visit) { // the server says once more what it said before
		honest := v.informed
		d.server.misbehave(fault{endpoint: "application", serial: v.asked.serial(), answer: func(received, serverAnswer) serverAnswer {
			return enveloped(d.server.sign(domainInformation, honest))
		}})
		d.server.misbehave(fault{endpoint: "verification", serial: v.asked.serial(), answer: func(received, serverAnswer) serverAnswer {
			return enveloped(d.server.sign(domainResult, newResult(honest, honest.number(keyIssuedAt), true)))
		}})
	}
	first := d.visit()
	first.buys()
	repeats(first)
	second := first.again()
	second.isInformed()
	second.countersigns()
	second.approvesNot("a result for a serial that was approved in another session", "already_approved")
	d.server.Behave()

	one := d.visit()
	one.isInformed()
	repeats(one)
	two := one.again()
	two.isInformed()
	last := make([]frame, 2)
	for i, v := range []*visit{one, two} {
		frames := v.cut(linkCountersign, v.countersign())
		v.gives(frames[:len(frames)-1]...)
		last[i] = frames[len(frames)-1]
	}
	for i, resp := range d.TryTogether("handset", one.request(frameType, last[0].bytes()), two.request(frameType, last[1].bytes())) {
		if resp == nil {
			d.Fail("an answer to "+last[i].String(), "none")
		}
		[]*visit{one, two}[i].frame(resp, last[i])
	}
	approved := 0
	for _, v := range []*visit{one, two} {
		is := v.isDecided()
		if is.truth(keyApproved) {
			approved++
		} else if is.text(keyError) != "already_approved" {
			v.FailAt(is.exchange, "a decision with error already_approved in the one of two sessions with one serial that is not approved", is.describe(keyError))
		}
	}
	if approved != 1 {
		d.Fail("one approval of a serial in two sessions at once", fmt.Sprintf("%d", approved))
	}
}
