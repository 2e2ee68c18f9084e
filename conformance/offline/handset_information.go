package offline

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"countersign/conformance/judge"
)

// OF-HS-01
func (h *handsetTest) metadataNamesTheEndpoints() {
	m := h.metadata
	h.announces(
		announced{m.Profile == "offline@1", "profile offline@1", m.Profile},
		announced{m.Issuer == h.Issuer, "its issuer " + h.Issuer, m.Issuer},
		announced{m.Handset == h.own().ID, "handset " + h.own().ID, m.Handset},
		announced{m.StartEndpoint != "", "start_endpoint", "none"},
		announced{m.PasswordSettingEndpoint != "", "password_setting_endpoint", "none"},
	)
	h.begins(h.low()) // the endpoint is there
}

// OF-HS-02
func (h *handsetTest) applicationOverTheLink() {
	for _, amount := range []uint64{h.Services[0].Threshold / 2, 0, 1<<53 - 1} {
		mark := h.till.mark()
		w := h.wish(amount)
		resp := h.start(w)
		sent := h.till.fragmentsOf(linkApplication, mark)
		if len(sent) == 0 {
			h.FailAt(resp.Exchange, "an application as message 0 on a start", "no frame of message 0")
		}
		f, err := peekMessage(h.till.message(h.till.latest(), linkApplication))
		if err != nil {
			h.FailAt(sent[0].exchange, "an application as message 0", err.Error())
		}
		wanted := newApplication(f.bytes(keySerial), h.own().ID, h.till.ID, h.Services[0].ID, amount, h.Currency)
		if len(f.bytes(keySerial)) != 16 {
			h.FailAt(sent[0].exchange, "an application with a serial of 16 bytes", f.describe(keySerial))
		}
		for _, key := range append(applied(), keyType) {
			if f.differing(wanted, key) != "" {
				h.FailAt(sent[0].exchange, "an application in which "+wanted.describe(key), fmt.Sprintf("%s, %T", f.describe(key), f[key]))
			}
		}
		h.waiting(resp, fmt.Sprintf("a start for the amount %d", amount))
	}
}

// serials are those of so many starts for the same.
func (h *handsetTest) serials(n int) []string {
	var all []string
	for range n {
		b := h.begins(h.low())
		all = append(all, hex.EncodeToString(h.asked(b).bytes(keySerial)))
	}
	return all
}

// OF-HS-03
func (h *handsetTest) freshSerials() {
	seen := map[string]bool{}
	for _, serial := range h.serials(3) {
		h.Expect(!seen[serial], "another serial in each application, everything else being alike", serial+" twice")
		seen[serial] = true
	}
}

// OF-HS-29
func (h *handsetTest) serialsCannotBeGuessed() {
	serials := h.serials(20)
	for _, serial := range serials {
		h.Expect(len(serial) == 32, "a serial of 16 bytes", fmt.Sprintf("%d bytes", len(serial)/2))
	}
	const enough = 126 // 128 but for the width of the estimate
	bits := judge.RandomBits(serials)
	h.Expect(bits >= enough, "20 serials of 16 random bytes", fmt.Sprintf("only %.0f bits differ between them", bits))
}

// changed is information that is not what it should be, signed as it should be.
func (h *handsetTest) changed(change func(information fields) fields) func(fields) []byte {
	return func(information fields) []byte { return h.server.sign(domainInformation, change(information)) }
}

// other is information in which one value is another.
func (h *handsetTest) other(key uint64, to any) func(fields) []byte {
	return h.changed(func(information fields) fields { return information.with(key, to) })
}

// OF-HS-13
func (h *handsetTest) informationSignatureChecked() {
	h.begins(h.low())
	s := h.server.signer
	h.rejects("information under the signature of a key that is not pinned", func(information fields) []byte {
		return h.signer(s.id, KeyOf("nobody")).sign(domainInformation, information)
	})
	h.rejects("information under a kid that is not pinned", func(information fields) []byte {
		return signer{"server-9", s.key}.sign(domainInformation, information)
	})
	h.rejects("information with a bit of its signature flipped", func(information fields) []byte {
		e := s.envelope(domainInformation, information.encode())
		e.signature = flipped(e.signature, 7)
		return e.encode()
	})
	h.rejects("information whose challenge was changed after it was signed", func(information fields) []byte {
		e := s.envelope(domainInformation, information.encode())
		e.payload = information.with(keyChallenge, make([]byte, 32)).encode()
		return e.encode()
	})
	h.rejects("information without a signature", func(information fields) []byte {
		e := s.envelope(domainInformation, information.encode())
		e.signature = nil
		return e.encode()
	})
}

// OF-HS-14
func (h *handsetTest) informationOfItsOwnDomain() {
	h.begins(h.low())
	for _, domain := range []string{domainResult, domainCountersign, ""} {
		h.rejects(fmt.Sprintf("information under the external_aad %q", domain), func(information fields) []byte {
			return h.server.sign(domain, information)
		})
	}
	for _, kind := range []uint64{typeCountersign, typeResult} {
		h.rejects(fmt.Sprintf("a message of type %d in place of information", kind), h.other(keyType, kind))
	}
	h.rejects("a result in place of information", func(information fields) []byte {
		return h.server.sign(domainResult, newResult(information, information.number(keyIssuedAt), true))
	})
}

// OF-HS-15
func (h *handsetTest) informationForThisSerial() {
	h.begins(h.low())
	h.rejects("information for another serial", h.other(keySerial, h.random(16)))
	h.rejects("a refusal of another serial", func(fields) []byte { return newRefusal("serial_used", h.random(16)).encode() })
}

// OF-HS-16
func (h *handsetTest) informationForThisDevice() {
	h.begins(h.low())
	h.rejects("information for another device", h.other(keyDevice, h.far.ID))
}

// OF-HS-17
func (h *handsetTest) informationForThisAmount() {
	h.begins(h.low())
	h.rejects("information for another amount", h.changed(func(information fields) fields {
		return information.with(keyAmount, information.number(keyAmount)+1)
	}))
	h.rejects("information in another currency", h.other(keyCurrency, "XTS"))
	h.rejects("information for another service", h.other(keyService, h.Services[1].ID))
}

// OF-HS-18
func (h *handsetTest) informationForThisHandset() {
	h.begins(h.low())
	h.rejects("information for another handset", h.other(keyHandset, h.Handsets[1].ID))
	h.rejects("information of another issuer", h.other(keyIssuer, h.Issuer+"/elsewhere"))
}

// OF-HS-19
func (h *handsetTest) expiredInformationRefused() {
	h.begins(h.low())
	lives := func(from, to time.Duration) func(fields) []byte {
		return h.changed(func(information fields) fields {
			now := h.Env.Now()
			return information.with(keyIssuedAt, uint64(now.Add(from).Unix())).with(keyExpiresAt, uint64(now.Add(to).Unix()))
		})
	}
	h.rejects("information that expired 130 s ago", lives(-190*time.Second, -130*time.Second))
	h.rejects("information that expired a day ago", lives(-24*time.Hour-time.Minute, -24*time.Hour))
	h.rejects("information that expires in 250 s", lives(0, 250*time.Second))
	h.rejects("information that expires at the end of all time", h.other(keyExpiresAt, uint64(1<<64-1)))
}

// OF-HS-20
func (h *handsetTest) shownBeforeItIsSigned() {
	for _, w := range []judge.Members{h.low(), h.high(), h.wish(1<<53 - 1)} {
		b := h.begins(w)
		information := h.till.informationOf(b.talk)
		for _, key := range []uint64{keyDevice, keyService, keyCurrency} {
			if shown := b.shown[keyName(key)]; shown != information.text(key) {
				h.FailAt(b.exchange, "shown in which "+information.describe(key), judge.Shown(shown))
			}
		}
		for _, key := range []uint64{keyAmount, keyLevel, keyExpiresAt} {
			written, _ := b.shown[keyName(key)].(json.Number)
			if value, err := written.Float64(); err != nil || value != float64(information.number(key)) { // all of them below 2^53
				h.FailAt(b.exchange, "shown in which "+information.describe(key), judge.Shown(b.shown[keyName(key)]))
			}
		}
	}
}

// OF-HS-21
func (h *handsetTest) nothingSignedWithoutConfirmation() {
	const late = 300 * time.Millisecond // for a handset that signs in its own time
	mark := h.till.mark()
	b := h.begins(h.low())
	h.Env.Await(late, func() bool { return len(h.till.fragmentsOf(linkCountersign, mark)) > 0 })
	h.silentSince(mark, "before the user's approval")
	h.signs(b, "") // and it is sent afterwards
}

// OF-HS-34
func (h *handsetTest) startedByItsUserOnly() {
	b := h.begins(h.low())
	mark := h.till.mark()
	endpoints := []struct {
		what, url string
		body      judge.Members
	}{
		{"a start", h.startEndpoint(), h.low()},
		{"a confirmation", b.uri, approval("")},
	}
	for _, endpoint := range endpoints {
		text, err := json.Marshal(endpoint.body)
		if err != nil {
			h.Broken("a body cannot be written: %v", err)
		}
		for _, mediaType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
			resp := h.Do("foreign page", h.request(http.MethodPost, endpoint.url, mediaType, text))
			h.ExpectStatus(resp, fmt.Sprintf("%s with Content-Type %q", endpoint.what, mediaType), http.StatusUnsupportedMediaType)
		}
		h.ExpectStatus(h.Do("foreign page", h.request(http.MethodGet, endpoint.url, "", nil)), endpoint.what+" as GET", http.StatusMethodNotAllowed)
	}
	if sent := h.till.since(mark); len(sent) > 0 {
		h.FailAt(sent[0].exchange, "nothing sent to the device for a foreign page", sent[0].frame.String())
	}
	h.ends(b, approval(""), "approved", "after a foreign page tried")
}
