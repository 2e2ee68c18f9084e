package offline_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/nearfield"
	"countersign/actors/offline"
)

// shopped makes a requirement's test out of what happens in a fresh shop.
func shopped(happens func(*shop) bool) keeping {
	return func(guards guard.Set) bool { return happens(newShop(guards)) }
}

// press is a JSON request to the handset's screen and keys.
func (p *shop) press(path string, v any) answer {
	body, err := json.Marshal(v)
	Expect(err).NotTo(HaveOccurred())
	return p.post(call{url: handsetURL + path, contentType: "application/json", body: body})
}

// informing lets a function make the information in the server's place.
func (p *shop) informing(make func(offline.Information) []byte) {
	p.answering("/application", func(r sent) *http.Response {
		a, err := offline.ParseApplication(r.body, offline.Leniency{})
		Expect(err).NotTo(HaveOccurred())
		now := uint64(p.now.Unix())
		return says(http.StatusOK, make(offline.Information{
			Application: a, Level: 1, Challenge: bytes.Repeat([]byte{9}, 32), IssuedAt: now, ExpiresAt: now + 60, Issuer: issuer,
		}))
	})
}

func informationSigned(i offline.Information) []byte {
	return signedAs("server-1", offline.DomainInformation, encode(i.Fields()))
}

// rejected is a requirement that information is neither shown nor signed.
func rejected(make func(offline.Information) []byte) keeping {
	return shopped(func(p *shop) bool {
		p.informing(make)
		refused := p.press("/start", p.wish())
		return refused.status == http.StatusConflict && refused.member("error") == "information_rejected"
	})
}

// differing is one thing in the information that is not what it should be.
func differing(change func(*offline.Information)) func(offline.Information) []byte {
	return func(i offline.Information) []byte {
		change(&i)
		return informationSigned(i)
	}
}

// interjects answers the first poll for a message in the device's place.
func (p *shop) interjects(message byte, frame func(asked nearfield.Frame) []byte) {
	p.answering("/near-field", func(r sent) *http.Response {
		f, err := nearfield.Parse(r.body)
		Expect(err).NotTo(HaveOccurred())
		if f.Type != nearfield.Poll || f.Message != message {
			return nil
		}
		p.tap = nil
		answer := says(http.StatusOK, frame(f))
		answer.Header.Set("Content-Type", "application/octet-stream")
		return answer
	})
}

// deciding is a decision of the device's in one frame.
func deciding(d offline.Decision) func(nearfield.Frame) []byte {
	return func(asked nearfield.Frame) []byte {
		return nearfield.Frame{Type: nearfield.Data, Session: asked.Session, Message: asked.Message, Count: 1, Payload: encode(d.Fields())}.Bytes()
	}
}

// countersigned reads the last countersign that the handset sent.
func (p *shop) countersigned() (says offline.Countersign, e offline.Envelope) {
	all := p.spoken(nearfield.Countersign)
	Expect(all).NotTo(BeEmpty())
	e, err := offline.ParseEnvelope(all[len(all)-1], offline.Leniency{})
	Expect(err).NotTo(HaveOccurred())
	says, err = offline.ParseCountersign(e.Payload, offline.Leniency{})
	if err != nil {
		return offline.Countersign{}, e
	}
	return says, e
}

// applied reads an application that the handset sent.
func (p *shop) applied(which int) (offline.Application, error) {
	return offline.ParseApplication(p.spoken(nearfield.Application)[which], offline.Leniency{})
}

// serials are those of two applications that are alike.
func (p *shop) serials() (first, second []byte) {
	for range 2 {
		_, err := p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
	}
	a, err := p.applied(0)
	Expect(err).NotTo(HaveOccurred())
	b, err := p.applied(1)
	Expect(err).NotTo(HaveOccurred())
	return a.Serial, b.Serial
}

var _ = DescribeTable("The handset", bothWays,
	judged("OF-HS-01", shopped(func(p *shop) bool {
		return p.get(handsetURL+"/.well-known/offline-authorization").member("password_setting_endpoint") == handsetURL+"/password-setting"
	})),
	judged("OF-HS-02", shopped(func(p *shop) bool {
		_, _ = p.handset.Start(p.wish())
		a, err := p.applied(0)
		return err == nil && a.Handset == "handset-1" && a.Device == "till-1" && a.Service == "coffee" && a.Amount == 350 && a.Currency == "EUR"
	})),
	judged("OF-HS-03", shopped(func(p *shop) bool {
		first, second := p.serials()
		return !bytes.Equal(first, second)
	})),
	judged("OF-HS-04", shopped(func(p *shop) bool {
		Expect(p.buys(p.wish(), "")).To(Equal(offline.Approved)) // the device knows the server from now on
		p.requests = nil
		_, err := p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
		return len(p.to("/offline-authorization")) == 0
	})),
	judged("OF-HS-05", shopped(func(p *shop) bool {
		_, _ = p.buys(p.wish(), "")
		says, e := p.countersigned()
		id, _ := e.KeyID()
		return says.Challenge != nil && id == "handset-1" && e.Holds(offline.DomainCountersign, signer("handset-1").Public())
	})),
	judged("OF-HS-06", shopped(func(p *shop) bool {
		p.setsPassword()
		outcome, err := p.buys(p.large(), password1)
		return err == nil && outcome == offline.Approved
	})),
	judged("OF-HS-07", shopped(func(p *shop) bool {
		outcome, err := p.buys(p.wish(), password1)
		Expect(err).NotTo(HaveOccurred())
		says, _ := p.countersigned()
		return says.Proof == nil && says.SealedProof == nil && outcome == offline.Approved
	})),
	judged("OF-HS-08", shopped(func(p *shop) bool {
		p.setsPassword()
		began, err := p.handset.Start(p.large())
		Expect(err).NotTo(HaveOccurred())
		_, err = p.handset.Confirm(token(began), offline.Approve, "")
		return offline.Reason(err) == "password_required" && len(p.spoken(nearfield.Countersign)) == 0
	})),
	judged("OF-HS-09", shopped(func(p *shop) bool {
		set := p.press("/password-setting", map[string]string{"account_password": "alice-account-password", "password": password1})
		Expect(set.status).To(Equal(http.StatusNoContent))
		return len(p.to("/password")) == 1
	})),
	judged("OF-HS-10", shopped(func(p *shop) bool {
		began, err := p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
		Expect(p.handset.Confirm(token(began), offline.Deny, "")).To(Equal(offline.Cancelled))
		return len(p.spoken(nearfield.Countersign)) == 0
	})),
	judged("OF-HS-11", shopped(func(p *shop) bool {
		p.answering("/verification", func(sent) *http.Response { return says(http.StatusConflict, nil) })
		outcome, err := p.buys(p.wish(), "")
		return err == nil && outcome == offline.Refused
	})),
	judged("OF-HS-12", shopped(func(p *shop) bool {
		_, _ = p.buys(p.wish(), "")
		for _, f := range p.frames() {
			if len(f.Bytes()) > 64 {
				return false
			}
		}
		return true
	})),
	judged("OF-HS-13", rejected(func(i offline.Information) []byte {
		return signedAs("server-2", offline.DomainInformation, encode(i.Fields()))
	})),
	judged("OF-HS-14", rejected(func(i offline.Information) []byte {
		return signedAs("server-1", offline.DomainResult, encode(i.Fields()))
	})),
	judged("OF-HS-15", rejected(differing(func(i *offline.Information) { i.Serial = bytes.Repeat([]byte{1}, 16) }))),
	judged("OF-HS-16", rejected(differing(func(i *offline.Information) { i.Device = "till-2" }))),
	judged("OF-HS-17", rejected(differing(func(i *offline.Information) { i.Amount++ }))),
	judged("OF-HS-18", rejected(differing(func(i *offline.Information) { i.Issuer = "https://other.example" }))),
	judged("OF-HS-19", rejected(differing(func(i *offline.Information) { i.ExpiresAt -= 60 + 121 }))),
	judged("OF-HS-20", shopped(func(p *shop) bool {
		p.setsPassword()
		began, err := p.handset.Start(p.large())
		Expect(err).NotTo(HaveOccurred())
		return began.Shown == offline.Shown{Device: "till-1", Service: "coffee", Amount: 5000, Currency: "EUR", Level: 2, ExpiresAt: began.Shown.ExpiresAt}
	})),
	judged("OF-HS-21", shopped(func(p *shop) bool {
		_, err := p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
		return len(p.spoken(nearfield.Countersign)) == 0
	})),
	judged("OF-HS-22", shopped(func(p *shop) bool {
		began := p.press("/start", p.wish())
		Expect(began.status).To(Equal(http.StatusOK))
		path := strings.TrimPrefix(began.member("confirmation_uri").(string), handsetURL)
		Expect(p.press(path, map[string]string{"decision": "approve"}).member("outcome")).To(Equal("approved"))
		sent := len(p.requests)
		again := p.press(path, map[string]string{"decision": "approve"})
		return again.status == http.StatusConflict && again.member("error") == "confirmation_used" && len(p.requests) == sent+1
	})),
	judged("OF-HS-23", shopped(func(p *shop) bool {
		began, err := p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
		return len(token(began)) >= 22
	})),
	judged("OF-HS-24", shopped(func(p *shop) bool {
		p.setsPassword()
		_, _ = p.buys(p.large(), password1)
		says, _ := p.countersigned()
		return says.Proof == nil && len(says.SealedProof) == 80
	})),
	judged("OF-HS-25", shopped(func(p *shop) bool {
		p.setsPassword()
		_, _ = p.buys(p.large(), password1)
		first, _ := p.countersigned()
		_, _ = p.buys(p.large(), password1)
		second, _ := p.countersigned()
		return !bytes.Equal(first.SealedProof[:32], second.SealedProof[:32])
	})),
	judged("OF-HS-26", shopped(func(p *shop) bool {
		p.setsPassword()
		p.setsPassword()
		set := p.to("/password")
		Expect(set).To(HaveLen(2))
		return !bytes.Equal(set[0].body, set[1].body)
	})),
	judged("OF-HS-27", shopped(func(p *shop) bool {
		p.setsPassword()
		_, _ = p.buys(p.large(), password1)
		heard := string(bytes.Join(append(p.spoken(nearfield.Application), p.spoken(nearfield.Countersign)...), nil))
		for _, written := range []string{password1, hex.EncodeToString([]byte(password1)), base64.RawStdEncoding.EncodeToString([]byte(password1))} {
			if strings.Contains(heard, written) {
				return false
			}
		}
		return true
	})),
	judged("OF-HS-28", shopped(func(p *shop) bool {
		_, _ = p.handset.Start(p.wish())
		_, err := p.applied(0)
		return err == nil
	})),
	judged("OF-HS-29", shopped(func(p *shop) bool {
		first, second := p.serials()
		return !bytes.Equal(first[:8], second[:8])
	})),
	judged("OF-HS-30", shopped(func(p *shop) bool {
		p.answering("/near-field", func(sent) *http.Response {
			p.tap = nil
			return says(http.StatusNoContent, nil)
		})
		_, err := p.handset.Start(p.wish())
		frames := p.to("/near-field")
		return err == nil && bytes.Equal(frames[0].body, frames[1].body)
	})),
	judged("OF-HS-31", shopped(func(p *shop) bool {
		delete(p.hosts, "till.example")
		refused := p.press("/start", p.wish())
		Expect(refused.status).To(Equal(http.StatusGatewayTimeout))
		Expect(refused.member("error")).To(Equal("link_failed"))
		return len(p.to("/near-field")) == 8
	})),
	judged("OF-HS-32", shopped(func(p *shop) bool {
		p.interjects(nearfield.Information, func(asked nearfield.Frame) []byte {
			payload := encode(offline.Refusal{Error: "access_denied"}.Fields())
			frame := nearfield.Frame{Type: nearfield.Data, Session: asked.Session, Message: asked.Message, Count: 1, Payload: payload}.Bytes()
			frame[len(frame)-1]++
			return frame
		})
		_, err := p.handset.Start(p.wish())
		return err == nil
	})),
	judged("OF-HS-33", shopped(func(p *shop) bool {
		began, err := p.handset.Start(p.wish())
		Expect(err).NotTo(HaveOccurred())
		a, err := p.applied(0)
		Expect(err).NotTo(HaveOccurred())
		p.interjects(nearfield.Decision, deciding(offline.Decision{Serial: a.Serial, Approved: true}))
		outcome, err := p.handset.Confirm(token(began), offline.Approve, "")
		Expect(err).NotTo(HaveOccurred())
		return outcome == offline.Unknown
	})),
	judged("OF-HS-34", shopped(func(p *shop) bool {
		body, err := json.Marshal(p.wish())
		Expect(err).NotTo(HaveOccurred())
		return p.post(call{url: handsetURL + "/start", contentType: "text/plain", body: body}).status == http.StatusUnsupportedMediaType
	})),
	judged("OF-HS-35", shopped(func(p *shop) bool {
		w := p.wish()
		w.Link = "qr"
		_, err := p.handset.Start(w)
		Expect(err).NotTo(HaveOccurred())
		for _, r := range p.to("/near-field") {
			if !bytes.HasPrefix(r.body, []byte("\x89PNG")) {
				return false
			}
		}
		return true
	})),
	judged("OF-HS-36", shopped(func(p *shop) bool {
		p.answering("/offline-authorization", func(sent) *http.Response {
			return says(http.StatusOK, []byte(`{"issuer": "`+issuer+`", "password_endpoint": "http://server.example/password"}`))
		})
		_ = p.handset.SetPassword("alice-account-password", password1)
		return len(p.to("/password")) == 0
	})),
)
