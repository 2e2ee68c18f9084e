package offline

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"time"

	"countersign/actors/nearfield"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// The buckets of a handset.
const (
	confirmations = "handset/confirmations"
	counters      = "handset/counters"
	passwords     = "handset/password"
)

// confirmable is how long a confirmation can be given (profile section 6.2).
const confirmable = 10 * time.Minute

// pending is a business that waits for confirmation, or had it.
type pending struct {
	store.Mortal
	Near        NearDevice
	Session     nearfield.Session
	Information Information
	Given       bool // the user has answered
}

// confirm is the user's yes or no (profile section 6.2).
func (h *Handset) confirm(r *http.Request) (wire.Answer, error) {
	m, err := readObject(r)
	if err != nil {
		return wire.Answer{}, err
	}
	var decision, password string
	if err := m.Into("decision", &decision, "value of the right type"); err != nil {
		return wire.Answer{}, err
	}
	if _, given := m["password"]; given {
		if err := m.Into("password", &password, "value of the right type"); err != nil {
			return wire.Answer{}, err
		}
	}
	outcome, err := h.Confirm(r.PathValue("token"), decision, password)
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(map[string]Outcome{"outcome": outcome})
}

// Confirm gives the user's decision, Approve or Deny, about what Start showed; token is the end of its confirmation URI.
func (h *Handset) Confirm(token, decision, password string) (Outcome, error) {
	p, err := h.given(token, decision, password)
	if err != nil {
		return "", err
	}
	c := conversation{h, p.Near, p.Session}
	// abstract: countersign comes from the client; flows, client shows before signing
	if decision == Deny && h.Guards.On("OF-HS-10") {
		return Cancelled, nil
	}
	if err := h.countersign(c, p.Information, password); err != nil {
		return "", err
	}
	if decision == Deny {
		return Cancelled, nil
	}
	message, err := c.fetch(nearfield.Decision)
	if err != nil {
		return "", err
	}
	return h.outcome(message, p.Information), nil
}

// given takes the user's decision, once.
func (h *Handset) given(token, decision, password string) (p pending, err error) {
	key := secret.Digest(token)
	err = h.Store.Update(func(tx store.Tx) error {
		found, err := tx.Get(confirmations, key, &p)
		switch {
		case err != nil:
			return err
		case !found || p.Forget.Before(h.Clock.Now()):
			return &problem{Status: http.StatusNotFound, Code: "unknown_confirmation", Description: "nothing waits for confirmation here"}
		// flows, single use
		case h.Guards.Forbids("OF-HS-22", p.Given):
			return &problem{Status: http.StatusConflict, Code: "confirmation_used", Description: "this has been confirmed or denied already; begin anew"}
		case decision != Approve && decision != Deny:
			return wire.InvalidRequest("decision is neither approve nor deny")
		}
		if decision == Approve {
			missing, err := h.lacksPassword(tx, p.Information, password)
			if err != nil {
				return err
			}
			// paragraph 0070
			if h.Guards.Forbids("OF-HS-08", missing) {
				return &problem{Status: http.StatusBadRequest, Code: "password_required", Description: "this needs the offline authorization password, set beforehand"}
			}
		}
		p.Given = true
		return tx.Put(confirmations, key, p)
	})
	return p, err
}

// waits gives what still waits for confirmation under the token.
func (h *Handset) waits(token string) (p pending, open bool) {
	p, found, err := store.Load[pending](h.Store, confirmations, secret.Digest(token))
	return p, err == nil && found && !p.Given && !p.Forget.Before(h.Clock.Now())
}

func (h *Handset) lacksPassword(tx store.Tx, i Information, password string) (bool, error) {
	if i.Level != 2 {
		return false, nil
	}
	set, err := tx.Get(passwords, saltName, new([]byte))
	return !set || password == "", err
}

// countersign signs the information, and sends what it signed as message 2.
func (h *Handset) countersign(c conversation, i Information, password string) error {
	says := Countersign{Information: i}
	if err := h.prove(&says, password); err != nil {
		return err
	}
	f := says.Fields()
	// abstract: countersign information obtained based on the information to be signed
	if !h.Guards.On("OF-HS-05") {
		delete(f, KeyChallenge)
	}
	payload, err := h.encode(f)
	if err != nil {
		return err
	}
	message, err := Signer{ID: h.ID, Key: h.Key}.Sign(DomainCountersign, payload)
	if err != nil {
		return err
	}
	return c.send(nearfield.Countersign, message)
}

// prove puts the password's proof into a countersign that needs one (profile section 2.3).
func (h *Handset) prove(says *Countersign, password string) error {
	// paragraph 0070: common authorization level
	unasked := says.Level != 2
	if password == "" || unasked && h.Guards.On("OF-HS-07") {
		return nil
	}
	// paragraphs 0070, 0071
	if !h.Guards.On("OF-HS-06") {
		password = ""
	}
	salt, _, err := store.Load[[]byte](h.Store, passwords, saltName)
	if err != nil {
		return err
	}
	key, err := PasswordKey(password, salt, h.PasswordCost)
	if err != nil {
		return err
	}
	bound, err := says.Bound()
	if err != nil {
		return err
	}
	proof := Proof(key, bound)
	// RFC 9180 section 5; flows, eavesdropped password guess offline. At level 1 there is no key to seal to.
	if unasked || !h.Guards.On("OF-HS-24") {
		says.Proof = proof
		return nil
	}
	ephemeral := h.Entropy("seals")
	// RFC 9180 section 9.7.5
	if !h.Guards.On("OF-HS-25") {
		own := sha256.Sum256([]byte(h.ID))
		ephemeral = bytes.NewReader(own[:])
	}
	says.SealedProof, err = SealProof(ephemeral, says.SealKey, proof, Seal(bound))
	return err
}

// outcome tells the user what the decision means (profile section 6.2).
func (h *Handset) outcome(message []byte, i Information) Outcome {
	d, err := ParseDecision(message, reading(h.Env))
	// abstract: decide whether to approve
	if !h.Guards.On("OF-HS-11") {
		return Approved
	}
	switch {
	case err != nil || h.Guards.Hardened() && !bytes.Equal(d.Serial, i.Serial):
		return Unknown
	case !d.Approved:
		return Refused
	// RFC 9052 section 4.4; flows, verification result forged
	case h.Guards.Forbids("OF-HS-33", !h.verified(d.Result, i)):
		return Unknown
	}
	return Approved
}

// verified reports whether the server itself says that this countersign was right.
func (h *Handset) verified(result []byte, i Information) bool {
	e, err := ParseEnvelope(result, reading(h.Env))
	if err != nil || !h.ServerKeys.vouch(e, DomainResult) {
		return false
	}
	r, err := ParseResult(e.Payload, reading(h.Env))
	return err == nil && r.Verified && bytes.Equal(r.Serial, i.Serial) && r.Handset == i.Handset && r.Device == i.Device &&
		r.Service == i.Service && r.Amount == i.Amount && r.Currency == i.Currency && r.Level == i.Level &&
		bytes.Equal(r.Challenge, i.Challenge) && r.Issuer == i.Issuer
}
