package offline_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/offline"
	"countersign/conformance/catalog"
)

// serverRequirements are those of the service server.
func serverRequirements() (found []catalog.Requirement) {
	for _, c := range catalog.Catalogs() {
		for _, r := range c.Requirements {
			if strings.HasPrefix(string(r.ID), "OF-SS-") {
				found = append(found, r)
			}
		}
	}
	return found
}

// replaced is an encoding in which one piece is another, both in hex.
func replaced(data []byte, old, by string) []byte {
	text := hex.EncodeToString(data)
	Expect(text).To(ContainSubstring(old))
	changed, err := hex.DecodeString(strings.Replace(text, old, by, 1))
	Expect(err).NotTo(HaveOccurred())
	return changed
}

// adding is a map with one more entry, in hex, at its end.
func adding(data []byte, entry string) []byte {
	more, err := hex.DecodeString(entry)
	Expect(err).NotTo(HaveOccurred())
	return append(append([]byte{data[0] + 1}, data[1:]...), more...)
}

// underHeader is a countersign under a protected header in hex, signed over that header.
func underHeader(i offline.Information, header string) []byte {
	protected, err := hex.DecodeString(header)
	Expect(err).NotTo(HaveOccurred())
	payload := encode(offline.Countersign{Information: i}.Fields())
	toBeSigned, err := cbor.Marshal([]any{"Signature1", protected, []byte(offline.DomainCountersign), payload})
	Expect(err).NotTo(HaveOccurred())
	envelope, err := cbor.Marshal(cbor.Tag{Number: 18, Content: []any{protected, map[int]int{}, payload, ed25519.Sign(signer("handset-1").Key, toBeSigned)}})
	Expect(err).NotTo(HaveOccurred())
	return envelope
}

// met tells of each requirement whether a server meets it.
var met = map[catalog.ID]func(*desk) bool{
	"OF-SS-01": func(d *desk) bool {
		return d.get(issuer+"/.well-known/offline-authorization").member("issuer") == issuer
	},
	"OF-SS-02": func(d *desk) bool {
		_, err := offline.ParseEnvelope(d.apply(d.small()).body, offline.Leniency{})
		return err == nil
	},
	"OF-SS-03": func(d *desk) bool { return d.informed(d.small()).Amount == 350 },
	"OF-SS-04": func(d *desk) bool {
		return !bytes.Equal(d.informed(d.small()).Challenge, d.informed(d.small()).Challenge)
	},
	"OF-SS-05": func(d *desk) bool {
		d.withPassword()
		return d.informed(d.application("coffee", 5000)).Level == 2 && d.informed(d.application("coffee", 4999)).Level == 1
	},
	"OF-SS-06": func(d *desk) bool { return d.verifies(plain(d.informed(d.small()))) },
	"OF-SS-07": func(d *desk) bool {
		body := plain(d.informed(d.small()))
		body[len(body)-1] ^= 1
		return !d.verifies(body)
	},
	"OF-SS-08": func(d *desk) bool {
		s := signer("handset-2")
		s.ID = "handset-1"
		body, err := s.Sign(offline.DomainCountersign, encode(offline.Countersign{Information: d.informed(d.small())}.Fields()))
		Expect(err).NotTo(HaveOccurred())
		return !d.verifies(body)
	},
	"OF-SS-09": func(d *desk) bool {
		first, second := d.informed(d.small()), d.informed(d.small())
		second.Challenge = first.Challenge
		return !d.verifies(plain(second))
	},
	"OF-SS-10": func(d *desk) bool {
		i := d.informed(d.small())
		i.Amount--
		return !d.verifies(plain(i))
	},
	"OF-SS-11": func(d *desk) bool {
		i := d.informed(d.small())
		i.Device = "till-2"
		return !d.verifies(plain(i))
	},
	"OF-SS-12": func(d *desk) bool { return !d.verifies(plain(d.withPassword().informed(d.large()))) },
	"OF-SS-13": func(d *desk) bool { return !d.withPassword().opens(password2) },
	"OF-SS-14": func(d *desk) bool { return d.withPassword().opens(password1) },
	"OF-SS-15": func(d *desk) bool { return d.apply(d.large()).status == http.StatusForbidden },
	"OF-SS-16": func(d *desk) bool {
		d.withPassword()
		first, second := d.informed(d.large()), d.informed(d.large())
		return !d.verifies(d.sealing(second, offline.Proof(passwordKey(password1), bound(first)), offline.Seal(bound(second))))
	},
	"OF-SS-17": func(d *desk) bool {
		a := d.small()
		a.Handset = "handset-9"
		return d.apply(a).status == http.StatusForbidden
	},
	"OF-SS-18": func(d *desk) bool { return d.apply(d.application("yacht", 1)).status == http.StatusBadRequest },
	"OF-SS-19": func(d *desk) bool {
		a := d.small()
		d.informed(a)
		a.Amount++
		return d.apply(a).status == http.StatusConflict
	},
	"OF-SS-20": func(d *desk) bool {
		e, err := offline.ParseEnvelope(d.sendCountersign("till-1", plain(d.informed(d.small()))).body, offline.Leniency{})
		Expect(err).NotTo(HaveOccurred())
		_, err = offline.ParseResult(e.Payload, offline.Leniency{})
		return err == nil
	},
	"OF-SS-21": func(d *desk) bool {
		f := d.small().Fields()
		delete(f, offline.KeyAmount)
		return d.sendApplication("till-1", encode(f)).status == http.StatusBadRequest
	},
	"OF-SS-22": func(d *desk) bool {
		i := d.informed(d.small())
		i.Serial = make([]byte, 16)
		return d.sendCountersign("till-1", plain(i)).status == http.StatusNotFound
	},
	"OF-SS-23": func(d *desk) bool {
		return d.apply(d.application("yacht", 1)).header.Get("Content-Type") == "application/json"
	},
	"OF-SS-24": func(d *desk) bool {
		return d.sendApplication("", encode(d.small().Fields())).status == http.StatusUnauthorized
	},
	"OF-SS-25": func(d *desk) bool {
		return d.sendCountersign("", plain(d.informed(d.small()))).status == http.StatusUnauthorized
	},
	"OF-SS-26": func(d *desk) bool {
		return d.sendApplication("till-2", encode(d.small().Fields())).status == http.StatusForbidden
	},
	"OF-SS-27": func(d *desk) bool {
		return d.sendCountersign("till-2", plain(d.informed(d.small()))).status == http.StatusForbidden
	},
	"OF-SS-28": func(d *desk) bool {
		i := d.informed(d.small())
		wrong := i
		wrong.Amount++
		d.verifies(plain(wrong))
		return d.sendCountersign("till-1", plain(i)).status == http.StatusConflict
	},
	"OF-SS-29": func(d *desk) bool {
		body := plain(d.informed(d.small()))
		d.verifies(body)
		return d.sendCountersign("till-1", body).status == http.StatusOK
	},
	"OF-SS-30": func(d *desk) bool {
		a := d.small()
		return bytes.Equal(d.apply(a).body, d.apply(a).body)
	},
	"OF-SS-31": func(d *desk) bool {
		a := d.small()
		b := a
		b.Amount++
		d.onSleep = func() { d.informed(b) }
		d.informed(a)
		return d.onSleep != nil
	},
	"OF-SS-32": func(d *desk) bool {
		i := d.informed(d.small())
		wrong := i
		wrong.Amount++
		d.onSleep = func() { d.verifies(plain(i)) }
		d.verifies(plain(wrong))
		return d.onSleep != nil
	},
	"OF-SS-33": func(d *desk) bool {
		i := d.informed(d.small())
		d.Sleep(61 * time.Second)
		return !d.verifies(plain(i))
	},
	"OF-SS-34": func(d *desk) bool {
		i := d.informed(d.small())
		return i.ExpiresAt == i.IssuedAt+60
	},
	"OF-SS-35": func(d *desk) bool { return d.informed(d.small()).Challenge[0] != 0 },
	"OF-SS-36": func(d *desk) bool {
		return !d.verifies(signedAs("handset-1", "", encode(offline.Countersign{Information: d.informed(d.small())}.Fields())))
	},
	"OF-SS-37": func(d *desk) bool {
		return !d.verifies(underHeader(d.informed(d.small()), "a20126044968616e647365742d31"))
	},
	"OF-SS-38": func(d *desk) bool { return !d.verifies(underHeader(d.informed(d.small()), "a10127")) },
	"OF-SS-39": func(d *desk) bool {
		return d.sendApplication("till-1", replaced(encode(d.small().Fields()), "0619015e", "061a0000015e")).status == http.StatusBadRequest
	},
	"OF-SS-40": func(d *desk) bool {
		return d.sendApplication("till-1", adding(encode(d.small().Fields()), "0763455552")).status == http.StatusBadRequest
	},
	"OF-SS-41": func(d *desk) bool {
		return d.sendApplication("till-1", adding(encode(d.small().Fields()), "0801")).status == http.StatusBadRequest
	},
	"OF-SS-42": func(d *desk) bool {
		i := d.withPassword().informed(d.large())
		i.Level = 1
		return !d.verifies(plain(i))
	},
	"OF-SS-43": func(d *desk) bool {
		i := d.informed(d.small())
		i.Service = "gate"
		return !d.verifies(plain(i))
	},
	"OF-SS-44": func(d *desk) bool {
		i := d.withPassword().informed(d.large())
		return !d.verifies(signed(offline.Countersign{Information: i, Proof: offline.Proof(passwordKey(password1), bound(i))}))
	},
	"OF-SS-45": func(d *desk) bool {
		i := d.withPassword().informed(d.large())
		return !d.verifies(d.sealing(i, offline.Proof(passwordKey(password1), bound(i)), []byte("countersign/offline@1/password")))
	},
	"OF-SS-46": func(d *desk) bool {
		d.withPassword().wrongAttempts(5)
		return !d.opens(password1)
	},
	"OF-SS-47": func(d *desk) bool {
		d.withPassword()
		for range 5 {
			c := offline.Countersign{Information: d.informed(d.large()), SealedProof: make([]byte, 80)}
			d.verifies(signedAs("handset-2", offline.DomainCountersign, encode(c.Fields())))
		}
		return d.opens(password1)
	},
	"OF-SS-48": func(d *desk) bool {
		i := d.informed(d.small())
		i.Amount++
		e, err := offline.ParseEnvelope(d.sendCountersign("till-1", plain(i)).body, offline.Leniency{})
		Expect(err).NotTo(HaveOccurred())
		_, err = offline.ParseResult(e.Payload, offline.Leniency{})
		return err == nil
	},
	"OF-SS-49": func(d *desk) bool {
		d.withPassword().wrongAttempts(5)
		return d.verifies(plain(d.informed(d.small())))
	},
	"OF-SS-50": func(d *desk) bool {
		return d.setPassword(password1, "account_password", "wrong").status == http.StatusForbidden
	},
	"OF-SS-51": func(d *desk) bool {
		for range 5 {
			d.setPassword(password1, "account_password", "wrong")
		}
		return d.setPassword(password1).status == http.StatusTooManyRequests
	},
	"OF-SS-52": func(d *desk) bool {
		d.withPassword().setPassword(password2)
		return !d.opens(password1)
	},
	"OF-SS-53": func(d *desk) bool {
		answered := d.apply(d.small())
		return answered.header.Get("Cache-Control") == "no-store"
	},
	"OF-SS-54": func(d *desk) bool {
		return d.post(call{url: issuer + "/application", contentType: "text/plain", device: "till-1", body: encode(d.small().Fields())}).status == http.StatusUnsupportedMediaType
	},
	"OF-SS-55": func(d *desk) bool {
		e, err := offline.ParseEnvelope(d.sendCountersign("till-1", plain(d.informed(d.small()))).body, offline.Leniency{})
		Expect(err).NotTo(HaveOccurred())
		return e.Holds(offline.DomainResult, signer("server-1").Public())
	},
}

var _ = Describe("The guards of the service server", func() {
	// The defects of these stand in the way of every result.
	breaking := []catalog.ID{"OF-SS-06", "OF-SS-14", "OF-SS-20"}
	// completes reports whether both embodiments end well.
	completes := func(d *desk) (whole bool) {
		failures := InterceptGomegaFailures(func() {
			whole = d.verifies(plain(d.informed(d.small()))) && d.withPassword().opens(password1)
		})
		return whole && len(failures) == 0
	}
	for _, r := range serverRequirements() {
		It("stand for "+string(r.ID)+": lifted, the server "+r.Defect, func() {
			Expect(met).To(HaveKey(r.ID))
			Expect(met[r.ID](newDesk(guard.Set{}))).To(BeTrue(), "hardened")
			if r.Level == catalog.Core {
				Expect(met[r.ID](newDesk(core))).To(BeTrue(), "core")
			}
			Expect(met[r.ID](newDesk(guard.Set{}.Without(r.ID)))).To(BeFalse(), "lifted")
			Expect(completes(newDesk(guard.Set{}.Without(r.ID)))).To(Equal(!slices.Contains(breaking, r.ID)), "both embodiments")
		})
	}
})
