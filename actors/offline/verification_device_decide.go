package offline

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/store"
)

// decide makes a decision of what the server answered (profile section 4.5).
func (d *VerificationDevice) decide(s session, answer outbound.Reply, unreachable error) Decision {
	a := d.application(s)
	no := func(reason string) Decision { return Decision{Serial: a.Serial, Error: reason} }
	const maxResult = MaxMessage / 2 // bytes; it has to fit into a decision, which is a message too
	if unreachable != nil || answer.Status != http.StatusOK || len(answer.Body) > maxResult {
		decision := no(errNoResult)
		// abstract: decides according to the signature verification result
		if unreachable != nil && !d.Guards.On("OF-VD-07") {
			decision = Decision{Serial: a.Serial, Approved: true}
		}
		return decision
	}
	e, err := ParseEnvelope(answer.Body, reading(d.Env))
	if err != nil {
		return no(errNoResult)
	}
	if !d.signed(e) {
		return no(errResultRejected)
	}
	r, err := ParseResult(e.Payload, reading(d.Env))
	switch {
	case err != nil && !isResult(e.Payload) && d.Guards.Hardened():
		return no(errResultRejected)
	case err != nil:
		return no(errNoResult)
	case !d.concerns(r, a, s):
		return no(errResultRejected)
	}
	decision := Decision{Serial: a.Serial, Approved: r.Verified, Result: answer.Body}
	if !r.Verified {
		decision.Error = errNotVerified
		// abstract: decides according to the signature verification result
		if !d.Guards.On("OF-VD-06") {
			decision.Approved, decision.Error = true, ""
		}
	}
	return decision
}

// signed reports whether an envelope was made by the server as a result.
func (d *VerificationDevice) signed(e Envelope) bool {
	domains := []Domain{DomainResult}
	// RFC 9052 section 4.3
	if !d.Guards.On("OF-VD-18") {
		domains = append(domains, DomainInformation, DomainCountersign)
	}
	// RFC 9052 section 4.4; flows, verification result forged
	return !d.Guards.Forbids("OF-VD-17", !d.ServerKeys.vouch(e, domains...))
}

// isResult reports whether a message says that it is a result, whole or not.
func isResult(message []byte) bool {
	raw, err := Core().readMap(message, TypeResult)
	kind := []byte(raw[KeyType])
	return err != nil || len(kind) == 1 && kind[0] == byte(TypeResult)
}

// concerns reports whether a result is one for the session's application and information.
func (d *VerificationDevice) concerns(r Result, a Application, s session) bool {
	i, err := ParseInformation(payload(s.Information), Core())
	if err != nil && d.Guards.Hardened() {
		return false
	}
	// flows, verification result forged
	if d.Guards.Forbids("OF-VD-19", !bytes.Equal(r.Serial, a.Serial)) {
		return false
	}
	// flows, replayed or relayed frames
	if d.Guards.Forbids("OF-VD-20", !bytes.Equal(r.Challenge, i.Challenge)) {
		return false
	}
	// flows, relay; double spend
	if d.Guards.Forbids("OF-VD-21", r.Device != a.Device) {
		return false
	}
	// flows, device swaps the amount
	if d.Guards.Forbids("OF-VD-22", r.Amount != a.Amount) {
		return false
	}
	return !d.Guards.Hardened() || r.Handset == a.Handset && r.Service == a.Service && r.Currency == a.Currency && r.Level == i.Level && r.Issuer == i.Issuer
}

// settle makes the decision message 3, unless there is one. Approving and remembering that it approved are one step: of several sessions with one serial one gets there first.
func (d *VerificationDevice) settle(key string, opened time.Time, decision Decision) {
	d.become(key, opened, func(tx store.Tx, s *session) error {
		if s.Decision != nil {
			return nil
		}
		if decision.Approved {
			before, err := d.approvedBefore(tx, decision.Serial)
			if err != nil {
				return err
			}
			// flows, double spend; paragraph 0050
			if d.Guards.Forbids("OF-VD-23", before) {
				decision = Decision{Serial: decision.Serial, Error: errAlreadyApproved}
			}
		}
		// abstract: decides according to the signature verification result
		if decision.Approved && !d.Guards.On("OF-VD-05") {
			decision.Result = nil
		}
		message, err := decision.Fields().Encode()
		s.Decision = message
		return err
	})
}

// approvedBefore reports whether the serial was approved before, and remembers that it is now.
func (d *VerificationDevice) approvedBefore(tx store.Tx, serial []byte) (before bool, err error) {
	now := d.Clock.Now()
	if err := store.Forget(tx, approvals, now, time.Hour); err != nil {
		return false, err
	}
	name := base64.RawURLEncoding.EncodeToString(serial)
	var m store.Mortal
	if before, err = tx.Get(approvals, name, &m); err != nil || before {
		return before, err
	}
	return false, tx.Put(approvals, name, store.Mortal{Forget: now.Add(approvalKept)})
}
