package offline

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"countersign/conformance/judge"
)

// OF-HS-04
func (h *handsetTest) noConnectionOfItsOwn() {
	password := h.newPassword()
	h.set(password)
	mark, far := h.server.Mark(), h.far.mark()
	h.ends(h.begins(h.low()), approval(""), "approved", "at level 1")
	h.ends(h.begins(h.high()), approval(password), "approved", "at level 2")
	if asked := h.server.Since(mark); len(asked) > 0 {
		h.FailAt(asked[0].exchange, "no request of the handset to the server from start to outcome", asked[0].line)
	}
	if heard := h.far.since(far); len(heard) > 0 {
		h.FailAt(heard[0].exchange, "no frame to another device than the one that the user stands before", heard[0].frame.String())
	}
}

// OF-HS-05
func (h *handsetTest) countersignOfTheInformation() {
	password := h.newPassword()
	h.set(password)
	for _, w := range []judge.Members{h.low(), h.high()} {
		b := h.begins(w)
		e, says := h.signs(b, password)
		exchange := h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange
		wanted := newCountersign(h.till.informationOf(b.talk))
		for key := keyType; key <= keySealKey; key++ {
			if says.differing(wanted, key) != "" {
				h.FailAt(exchange, "a countersign in which "+wanted.describe(key), says.describe(key))
			}
		}
		kid, err := e.kid()
		if err != nil {
			h.FailAt(exchange, "a countersign whose protected header is {1: -8, 4: kid}", err.Error())
		}
		if kid != h.own().ID {
			h.FailAt(exchange, "a countersign whose kid is "+h.own().ID, kid)
		}
		if !e.holds(domainCountersign, h.server.handsetKey(h.own().ID)) {
			h.FailAt(exchange, "a countersign signed under the handset's key with the external_aad "+domainCountersign, "a signature that does not hold so")
		}
	}
}

// proof is the proof in a countersign at level 2, sealed or bare.
func (h *handsetTest) proof(b began, says fields) (proof []byte, sealed bool) {
	proof, sealed, err := h.server.unsealed(says)
	if err != nil {
		h.FailAt(h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange, "a countersign at level 2 with a proof, sealed to the information's seal_key with the bound bytes in info, or bare", err.Error())
	}
	return proof, sealed
}

// OF-HS-06
func (h *handsetTest) passwordEntersTheCountersign() {
	password := h.newPassword()
	key := h.set(password)
	for range 2 {
		b := h.begins(h.high())
		_, says := h.signs(b, password)
		if proof, _ := h.proof(b, says); !bytes.Equal(proof, proofFor(key, bound(says))) {
			h.FailAt(h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange, "the proof of the password that the user entered, for this countersign", "another")
		}
	}
	b := h.begins(h.high())
	_, says := h.signs(b, "not "+password)
	if proof, _ := h.proof(b, says); bytes.Equal(proof, proofFor(key, bound(says))) {
		h.FailAt(h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange, "no proof of the password where the user entered another", "the right proof")
	}
}

// OF-HS-07
func (h *handsetTest) noPasswordWhereNoneIsAsked() {
	password := h.newPassword()
	h.set(password)
	b := h.begins(h.low())
	_, says := h.signs(b, password)
	for _, key := range []uint64{keyProof, keySealedProof} {
		if says[key] != nil {
			h.FailAt(h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange, "a countersign at level 1 without a proof, though a password was given", says.describe(key))
		}
	}
}

// OF-HS-08
func (h *handsetTest) noCountersignWithoutThePassword() {
	password := h.newPassword()
	h.set(password)
	b := h.begins(h.high())
	for _, says := range []judge.Members{approval(""), approval("").With("password", "")} {
		h.Refused(h.confirm(b, says), "an approval at level 2 without a password", http.StatusBadRequest, "password_required")
		h.silentSince(b.mark, "without a password at level 2")
	}
	h.ends(b, approval(password), "approved", "with the password, after it was missing")
}

// OF-HS-09
func (h *handsetTest) passwordSetBeforehand() {
	mark := h.server.Mark()
	password := h.newPassword()
	key := h.set(password)
	for _, r := range h.server.Since(mark) {
		if r.endpoint != "password" {
			continue
		}
		own := h.own()
		for _, member := range [][2]string{{"account", own.Account}, {"account_password", own.AccountPassword}, {"handset", own.ID}} {
			if r.members.Text(member[0]) != member[1] {
				h.FailAt(r.exchange, "a setting of the password with the "+member[0]+" of the setup", "another "+member[0]+", or none")
			}
		}
	}
	h.ends(h.begins(h.high()), approval(password), "approved", "with the password that was set")

	h.Refused(h.setting("not "+h.own().AccountPassword, h.newPassword()), "the setting of a password that the server refuses", http.StatusBadGateway, "server_refused")
	b := h.begins(h.high())
	_, says := h.signs(b, password)
	if proof, _ := h.proof(b, says); !bytes.Equal(proof, proofFor(key, bound(says))) {
		h.FailAt(h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange, "the proof of the earlier password after the setting of another failed", "another")
	}

	mark = h.server.Mark()
	for _, wrong := range []string{"abc", strings.Repeat("x", 65)} {
		h.Refused(h.setting(h.own().AccountPassword, wrong), fmt.Sprintf("the setting of a password of %d bytes", len(wrong)), http.StatusBadRequest, "invalid_request")
	}
	if asked := h.server.Since(mark); len(asked) > 0 {
		h.FailAt(asked[0].exchange, "nothing sent to the server for a password that is too short or too long", asked[0].line)
	}
}

// OF-HS-24
func (h *handsetTest) proofSealedToTheServer() {
	password := h.newPassword()
	key := h.set(password)
	for range h.SealKeys { // each is used in turn
		b := h.begins(h.high())
		_, says := h.signs(b, password)
		exchange := h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange
		if says[keyProof] != nil {
			h.FailAt(exchange, "a countersign without a bare proof", says.describe(keyProof))
		}
		if proof, sealed := h.proof(b, says); !sealed || !bytes.Equal(proof, proofFor(key, bound(says))) {
			h.FailAt(exchange, "the proof of the password in sealed_proof", "another")
		}
	}
	for _, key := range h.lowOrder() {
		h.rejects(fmt.Sprintf("information at level 2 with the seal_key %x, which makes no secret", key), h.changed(func(information fields) fields {
			return information.with(keyLevel, uint64(2)).with(keySealKey, key)
		}))
	}
}

// lowOrder are public keys of X25519 under which every secret is zero (RFC 7748 section 6.1): points of order 2, 4 and 8.
func (h *handsetTest) lowOrder() [][]byte {
	one := make([]byte, 32)
	one[0] = 1
	eight, err := hex.DecodeString("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
	if err != nil {
		h.Broken("a point cannot be read: %v", err)
	}
	return [][]byte{make([]byte, 32), one, eight}
}

// OF-HS-25
func (h *handsetTest) sealIsFresh() {
	password := h.newPassword()
	h.set(password)
	seen := map[string]bool{}
	for range 3 {
		b := h.begins(h.high())
		_, says := h.signs(b, password)
		sealed := says.bytes(keySealedProof)
		exchange := h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange
		if len(sealed) != 80 {
			h.FailAt(exchange, "a sealed_proof of 80 bytes at level 2", says.describe(keySealedProof))
		}
		enc := string(sealed[:32])
		if seen[enc] {
			h.FailAt(exchange, "an encapsulated key of its own in each sealed_proof", fmt.Sprintf("%x twice", enc))
		}
		seen[enc] = true
	}
}

// OF-HS-26
func (h *handsetTest) passwordKeyIsSalted() {
	password := h.newPassword()
	first := h.set(password)
	second := h.set(password)
	h.Expect(!bytes.Equal(first, second), "another password key each time that the same password is set", "the same password key twice")
	h.ends(h.begins(h.high()), approval(password), "approved", "with the password that was set twice")
}

// OF-HS-27
func (h *handsetTest) noPasswordOnTheLink() {
	password := h.newPassword()
	key := h.set(password)
	mark := h.till.mark()
	resp := h.start(h.high())
	if resp.Status == http.StatusOK {
		h.ends(h.waiting(resp, "a start"), approval(password), "approved", "with the password")
	}
	spoken := map[byte][]byte{}
	for _, f := range h.till.since(mark) {
		if f.frame.kind == frameData {
			spoken[f.frame.message] = append(spoken[f.frame.message], f.frame.payload...)
		}
		h.secretIn(f.bytes, password, key, f.exchange)
	}
	for _, message := range []byte{linkApplication, linkCountersign} {
		h.secretIn(spoken[message], password, key, resp.Exchange)
	}
	h.Accepted(resp, "a start")
}

// secretIn ends the check as failed when the password or its key stands in something that was said.
func (h *handsetTest) secretIn(said []byte, password string, key []byte, exchange int) {
	for _, secret := range []struct {
		name  string
		value []byte
	}{{"the password", []byte(password)}, {"the password key", key}} {
		for _, form := range forms(secret.value) {
			if bytes.Contains(said, []byte(form)) {
				h.FailAt(exchange, "neither password nor password key in any frame, as they are, in hex or in base64", secret.name)
			}
		}
	}
}

// OF-HS-28
func (h *handsetTest) encodingIsDeterministic() {
	password := h.newPassword()
	h.set(password)
	for _, w := range []judge.Members{h.low(), h.high()} {
		mark := h.till.mark()
		resp := h.start(w)
		sent := h.till.fragmentsOf(linkApplication, mark)
		if len(sent) == 0 {
			h.FailAt(resp.Exchange, "an application as message 0 on a start", "no frame of message 0")
		}
		if _, err := readMessage(h.till.message(h.till.latest(), linkApplication), typeApplication); err != nil {
			h.FailAt(sent[0].exchange, "an application as section 2.1 has it, in deterministic encoding", err.Error())
		}
		b := h.waiting(resp, "a start")
		e, _ := h.signs(b, password)
		if _, err := readMessage(e.payload, typeCountersign); err != nil {
			h.FailAt(h.till.fragmentsOf(linkCountersign, b.mark)[0].exchange, "a countersign as section 2.1 has it, in deterministic encoding", err.Error())
		}
	}
}
