package offline_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/offline"
)

// desk is a service server, and devices and handsets that do what the specs say.
type desk struct {
	*stage
	server *offline.ServiceServer
	serial byte
	random io.Reader
}

func newDesk(guards guard.Set) *desk {
	s := newStage()
	return &desk{stage: s, server: newServer(s, guards), random: s.env("handset", guard.Set{}).Entropy("seals")}
}

// application is a fresh one of handset-1 at till-1.
func (d *desk) application(service string, amount uint64) offline.Application {
	d.serial++
	return offline.Application{
		Serial: bytes.Repeat([]byte{d.serial}, 16), Handset: "handset-1", Device: "till-1", Service: service, Amount: amount, Currency: "EUR",
	}
}

func (d *desk) small() offline.Application { return d.application("coffee", 350) }
func (d *desk) large() offline.Application { return d.application("coffee", 5001) }

func encode(f offline.Fields) []byte {
	data, err := f.Encode()
	Expect(err).NotTo(HaveOccurred())
	return data
}

func (d *desk) sendApplication(device string, body []byte) answer {
	return d.post(call{url: issuer + "/application", contentType: "application/cbor", device: device, body: body})
}

func (d *desk) apply(a offline.Application) answer {
	return d.sendApplication("till-1", encode(a.Fields()))
}

func (d *desk) sendCountersign(device string, body []byte) answer {
	return d.post(call{url: issuer + "/verification", contentType: `application/cose; cose-type="cose-sign1"`, device: device, body: body})
}

// readInformation reads what an application was answered with, in an envelope or bare.
func readInformation(a answer) offline.Information {
	Expect(a.status).To(Equal(http.StatusOK), string(a.body))
	payload := a.body
	if e, err := offline.ParseEnvelope(a.body, offline.Leniency{}); err == nil {
		payload = e.Payload
	}
	i, err := offline.ParseInformation(payload, offline.Leniency{})
	Expect(err).NotTo(HaveOccurred())
	return i
}

func (d *desk) informed(a offline.Application) offline.Information {
	return readInformation(d.apply(a))
}

// signed is the countersign of a handset.
func signed(c offline.Countersign) []byte {
	return signedAs("handset-1", offline.DomainCountersign, encode(c.Fields()))
}

func signedAs(name string, domain offline.Domain, payload []byte) []byte {
	envelope, err := signer(name).Sign(domain, payload)
	Expect(err).NotTo(HaveOccurred())
	return envelope
}

func bound(i offline.Information) []byte {
	b, err := offline.Countersign{Information: i}.Bound()
	Expect(err).NotTo(HaveOccurred())
	return b
}

// sealing seals a proof that was made elsewhere.
func (d *desk) sealing(i offline.Information, proof, info []byte) []byte {
	sealed, err := offline.SealProof(d.random, i.SealKey, proof, info)
	Expect(err).NotTo(HaveOccurred())
	return signed(offline.Countersign{Information: i, SealedProof: sealed})
}

// proving is a countersign at level 2, made with a password.
func (d *desk) proving(i offline.Information, password string) []byte {
	return d.sealing(i, offline.Proof(passwordKey(password), bound(i)), offline.Seal(bound(i)))
}

// plain is a countersign without a proof.
func plain(i offline.Information) []byte { return signed(offline.Countersign{Information: i}) }

// readResult reads what a countersign was answered with.
func readResult(a answer) offline.Result {
	Expect(a.status).To(Equal(http.StatusOK), string(a.body))
	e, err := offline.ParseEnvelope(a.body, offline.Leniency{})
	Expect(err).NotTo(HaveOccurred())
	r, err := offline.ParseResult(e.Payload, offline.Leniency{UnknownKeys: true})
	Expect(err).NotTo(HaveOccurred())
	return r
}

func (d *desk) verifies(countersign []byte) bool {
	return readResult(d.sendCountersign("till-1", countersign)).Verified
}

func (d *desk) setPassword(password string, changes ...string) answer {
	m := map[string]string{
		"account": "alice", "account_password": "alice-account-password", "handset": "handset-1",
		"password_key": base64.RawURLEncoding.EncodeToString(passwordKey(password)),
	}
	for i := 0; i < len(changes); i += 2 {
		m[changes[i]] = changes[i+1]
	}
	body, err := json.Marshal(m)
	Expect(err).NotTo(HaveOccurred())
	return d.post(call{url: issuer + "/password", contentType: "application/json", body: body})
}

// withPassword sets the password "open sesame".
func (d *desk) withPassword() *desk {
	Expect(d.setPassword(password1).status).To(Equal(http.StatusNoContent))
	return d
}

const (
	password1 = "open sesame"
	password2 = "open barley"
)

// wrongAttempts spends attempts on fresh applications.
func (d *desk) wrongAttempts(count int) {
	for range count {
		Expect(d.verifies(d.proving(d.informed(d.large()), password2))).To(BeFalse())
	}
}

// opens reports whether the password is good for a fresh application at level 2.
func (d *desk) opens(password string) bool {
	return d.verifies(d.proving(d.informed(d.large()), password))
}

// refused expects a refusal that programs can read (profile section 2).
func refused(a answer, status int, code string) {
	GinkgoHelper()
	Expect(a.status).To(Equal(status), string(a.body))
	Expect(a.member("error")).To(Equal(code))
	Expect(a.member("error_description")).NotTo(BeEmpty())
	if status == http.StatusUnauthorized {
		Expect(a.header.Get("WWW-Authenticate")).To(Equal(`Basic realm="offline"`))
	}
}
