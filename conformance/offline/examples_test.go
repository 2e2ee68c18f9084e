package offline

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance/vectors"
)

// problem is what is wrong with an example for who gets it and knows nothing but the pinned keys, the password key, and what was asked for.
func problem(m vectors.Message, key []byte, high fields) string {
	raw, err := hex.DecodeString(m.Hex)
	if err != nil {
		return err.Error()
	}
	envelopes := map[string]struct {
		domain, signer string
		message        uint64
	}{
		"information": {domainInformation, "server-1", typeInformation}, "countersign": {domainCountersign, "handset-1", typeCountersign}, "result": {domainResult, "server-1", typeResult},
	}
	plain := map[string]uint64{"application": typeApplication, "decision": typeDecision, "refusal": typeRefusal}
	switch m.Kind {
	case "frame":
		_, err = readFrame(raw)
	case "text of a QR code":
		text, marked := strings.CutPrefix(m.Text, pictureMark)
		if raw, err = unBase45(text); err == nil {
			_, err = readFrame(raw)
		}
		if !marked {
			return "no mark"
		}
	case "application", "decision", "refusal":
		_, err = readMessage(raw, plain[m.Kind])
	default:
		as := envelopes[m.Kind]
		e, opening := openEnvelope(raw)
		if opening != nil {
			return opening.Error()
		}
		if kid, err := e.kid(); err != nil || kid != as.signer || !e.holds(as.domain, someone(as.signer).public()) {
			return "the signature"
		}
		var f fields
		if f, err = readMessage(e.payload, as.message); err == nil && m.Kind == "countersign" && f.number(keyLevel) == 2 {
			return unproven(f, key, high)
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// unproven says why a countersign at level 2 is not verified.
func unproven(f fields, key []byte, high fields) string {
	for k, value := range newCountersign(high) {
		if f.differing(fields{k: value}, k) != "" {
			return keyName(k)
		}
	}
	proof, err := openSealed(named("seal-1"), f.bytes(keySealedProof), sealInfo(bound(f)))
	if err != nil {
		return err.Error()
	}
	if !bytes.Equal(proof, proofFor(key, bound(f))) {
		return "the proof"
	}
	return ""
}

var _ = ginkgo.Describe("The examples of messages", func() {
	all := Examples()
	setup := Default()
	high := newInformation(newApplication(named("serial-2")[:16], "handset-1", "till-1", "coffee", 5000, "EUR"), named("challenge-2"), 1767225600, 1767225660, setup.Issuer, must(sealPublic(named("seal-1"))))
	key := passwordKey("sesame", named("salt")[:16])

	for _, m := range all {
		ginkgo.It("are "+map[bool]string{true: "taken", false: "refused"}[m.Valid]+" as they say: "+m.ID, func() {
			if found := problem(m, key, high); m.Valid {
				gomega.Expect(found).To(gomega.BeEmpty())
			} else {
				gomega.Expect(found).NotTo(gomega.BeEmpty())
			}
		})
	}

	ginkgo.It("name each message once, and differ from one another", func() {
		seen := map[string]string{}
		for _, m := range all {
			gomega.Expect(seen).NotTo(gomega.HaveKey(m.ID))
			gomega.Expect(seen).NotTo(gomega.HaveKey(m.Hex+m.Text), m.ID)
			seen[m.ID], seen[m.Hex+m.Text] = "", ""
		}
	})
})
