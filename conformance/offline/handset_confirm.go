package offline

import (
	"fmt"
	"net/http"
	"strings"

	"countersign/conformance/judge"
)

// OF-HS-10
func (h *handsetTest) noSendsNothing() {
	h.ends(h.begins(h.low()), approval(""), "approved", "as a control")
	for _, w := range []judge.Members{h.low(), h.high()} {
		b := h.begins(w)
		resp := h.confirm(b, judge.Members{"decision": "deny"})
		h.silentSince(b.mark, "when the user denies")
		h.hasOutcome(resp, "cancelled", "that denies")
	}
}

// OF-HS-22
func (h *handsetTest) confirmationGoodOnce() {
	deny := judge.Members{"decision": "deny"}
	for _, first := range []struct {
		says    judge.Members
		outcome string
	}{{approval(""), "approved"}, {deny, "cancelled"}} {
		b := h.begins(h.low())
		h.ends(b, first.says, first.outcome, "given once")
		mark := h.till.mark()
		for _, again := range []judge.Members{approval(""), deny} {
			h.Refused(h.confirm(b, again), "a confirmation that was given before", http.StatusConflict, "confirmation_used")
			if sent := h.till.since(mark); len(sent) > 0 {
				h.FailAt(sent[0].exchange, "nothing sent to the device for a confirmation that was given before", sent[0].frame.String())
			}
		}
	}
	b := h.begins(h.low())
	approved, refused := 0, 0
	for _, resp := range h.TryTogether("user", h.json(b.uri, approval("")), h.json(b.uri, approval(""))) {
		switch {
		case resp == nil:
		case resp.Status == http.StatusOK:
			approved++
		case resp.Status == http.StatusConflict && judge.Refusal(resp) == "confirmation_used":
			refused++
		}
	}
	h.Expect(approved == 1 && refused == 1, "one of two approvals at once taken, and the other refused with 409 confirmation_used", fmt.Sprintf("%d taken and %d refused so", approved, refused))
}

// OF-HS-23
func (h *handsetTest) confirmationCannotBeGuessed() {
	var uris []string
	for range 20 {
		b := h.begins(h.low())
		longest := 0
		for _, part := range strings.FieldsFunc(b.uri, func(r rune) bool { return !strings.ContainsRune(judge.URLSafe, r) }) {
			longest = max(longest, len(part))
		}
		if longest < 22 {
			h.FailAt(b.exchange, "a confirmation_uri with 22 or more random URL-safe characters", b.uri)
		}
		uris = append(uris, b.uri)
	}
	const enough = 126 // 128 but for the width of the estimate
	bits := judge.RandomBits(uris)
	h.Expect(bits >= enough, "20 confirmation URIs with 128 bits of randomness", fmt.Sprintf("only %.0f bits differ between them", bits))
}

// decides approves a business of which the device decides in its own way, and ends the check as failed unless it has that outcome.
func (h *handsetTest) decides(what, outcome string, decide func(information, result fields) []byte) {
	b := h.begins(h.low())
	h.till.be(manner{decide: decide})
	defer h.till.be(manner{})
	h.ends(b, approval(""), outcome, "on "+what)
}

// OF-HS-11
func (h *handsetTest) outcomeFollowsTheDecision() {
	h.ends(h.begins(h.low()), approval(""), "approved", "on a decision with approved true and a result with verified true")
	sign := func(result fields) []byte { return h.server.sign(domainResult, result) }
	h.decides("a decision with approved false and a result with verified false", "refused", func(information, result fields) []byte {
		return newDecision(information.bytes(keySerial), false, sign(result.with(keyVerified, false)), "not_verified").encode()
	})
	h.decides("a decision with approved false and no result", "refused", func(information, _ fields) []byte {
		return newDecision(information.bytes(keySerial), false, nil, "no_result").encode()
	})
	h.decides("a decision with approved false and a result with verified true", "refused", func(information, result fields) []byte {
		return newDecision(information.bytes(keySerial), false, sign(result), "already_approved").encode()
	})
}

// OF-HS-33
func (h *handsetTest) resultOfTheDecisionChecked() {
	h.ends(h.begins(h.low()), approval(""), "approved", "on an honest decision")
	s := h.server.signer
	approves := func(result func(fields) []byte) func(information, result fields) []byte {
		return func(information, honest fields) []byte {
			return newDecision(information.bytes(keySerial), true, result(honest), "").encode()
		}
	}
	changed := func(key uint64, to any) func(fields) []byte {
		return func(result fields) []byte { return s.sign(domainResult, result.with(key, to)) }
	}
	for _, c := range []struct {
		what   string
		result func(fields) []byte
	}{
		{"no result", func(fields) []byte { return nil }},
		{"a result that cannot be read", func(fields) []byte { return []byte("verified: true") }},
		{"a result with verified false", changed(keyVerified, false)},
		{"a result under the signature of a key that is not pinned", func(result fields) []byte {
			return h.signer(s.id, KeyOf("nobody")).sign(domainResult, result)
		}},
		{"a result under the external_aad of information", func(result fields) []byte { return s.sign(domainInformation, result) }},
		{"a result for another serial", changed(keySerial, h.random(16))},
		{"a result for another device", changed(keyDevice, h.far.ID)},
		{"a result for another amount", changed(keyAmount, uint64(1))},
		{"a result for another challenge", changed(keyChallenge, h.random(32))},
		{"a result for another handset", changed(keyHandset, h.Handsets[1].ID)},
		{"a result for another service", changed(keyService, h.Services[1].ID)},
		{"a result in another currency", changed(keyCurrency, "XTS")},
		{"a result of another level", changed(keyLevel, uint64(2))},
		{"a result of another issuer", changed(keyIssuer, h.Issuer+"/elsewhere")},
	} {
		h.decides("a decision with approved true and "+c.what, "unknown", approves(c.result))
	}
	h.decides("a decision about another serial", "unknown", func(_, result fields) []byte {
		return newDecision(make([]byte, 16), true, s.sign(domainResult, result), "").encode()
	})
}
