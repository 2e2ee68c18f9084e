package offline

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"net/http"

	"countersign/actors/store"
	"countersign/actors/wire"
)

// verify judges a countersign (profile section 5.2).
func (s *ServiceServer) verify(r *http.Request) (wire.Answer, error) {
	device, authentic := s.asking(r)
	// RFC 6749 section 2.3.1; flows, second link
	if s.Guards.Forbids("OF-SS-25", !authentic) {
		return wire.Answer{}, unauthentic()
	}
	body, err := s.message(r, coseType)
	if err != nil {
		return wire.Answer{}, err
	}
	shown := countersigned{bytes: body}
	if shown.envelope, err = ParseEnvelope(body, s.leniency()); err != nil {
		return wire.Answer{}, err
	}
	if shown.says, err = ParseCountersign(shown.envelope.Payload, s.leniency()); err != nil {
		return wire.Answer{}, err
	}
	if shown.sender = device; !authentic {
		shown.sender = shown.says.Device
	}
	var result []byte
	var of application
	look := func(tx store.Tx) (more bool, err error) {
		of, result, err = s.applied(tx, shown)
		return result == nil, err
	}
	keep := func(tx store.Tx) (err error) {
		result, err = s.conclude(tx, of, shown)
		return err
	}
	// flows, double spend: one transaction looks and stores
	if err := s.steps(s.Guards.On("OF-SS-32"), look, keep); err != nil {
		return wire.Answer{}, err
	}
	return wire.Answer{Status: http.StatusOK, ContentType: envelopeType, Body: string(result)}, nil
}

// countersigned is a countersign as it came.
type countersigned struct {
	bytes    []byte
	envelope Envelope
	says     Countersign
	sender   string // the device
}

// applied gives the application that is countersigned, or, where it was judged on these very bytes, the result again.
func (s *ServiceServer) applied(tx store.Tx, shown countersigned) (of application, again []byte, err error) {
	of, found, err := findApplication(tx, shown.says.Serial)
	if err != nil {
		return of, nil, err
	}
	// abstract: first the application, then the countersign
	if s.Guards.Forbids("OF-SS-22", !found) {
		return of, nil, &problem{Status: http.StatusNotFound, Code: "unknown_serial", Description: "nothing was applied for under this serial"}
	}
	if !found {
		of = application{AppliedBy: shown.sender, Information: shown.says.Information}
	}
	// flows, challenge bound to one device; double spend
	if s.Guards.Forbids("OF-SS-27", shown.sender != of.AppliedBy) {
		return of, nil, denied("another device applied under this serial")
	}
	if !of.Judged {
		return of, nil, nil
	}
	repeated := bytes.Equal(shown.bytes, of.Countersign)
	// RFC 9110 section 9.2.2: a lost answer is given again, and nothing counted
	if repeated && s.Guards.On("OF-SS-29") {
		return of, of.Result, nil
	}
	// NIST SP 800-63B section 5.2.8: one judgement for each challenge
	if repeated || of.Verified || s.Guards.On("OF-SS-28") {
		return of, nil, serialUsed()
	}
	return of, nil, nil
}

// conclude judges the countersign, counts the attempt, and keeps and gives the result.
func (s *ServiceServer) conclude(tx store.Tx, of application, shown countersigned) ([]byte, error) {
	state, err := findHandset(tx, of.Information.Handset)
	if err != nil {
		return nil, err
	}
	before, _, err := findApplication(tx, of.Before)
	if err != nil {
		return nil, err
	}
	expected := of.Information
	// flows, level downgrade: the application's level counts
	if !s.Guards.On("OF-SS-42") && shown.says.Level == 1 {
		expected.Level, expected.SealKey = 1, shown.says.SealKey
	}
	fault := s.faultOf(expected, shown)
	attempt := proofless
	if expected.Level == 2 {
		attempt = s.attempt(of, before.Information, state, shown.says)
	}
	reason := s.reason(fault, attempt, shown.says, expected.Level, s.locked(state))
	if s.count(&state, fault, attempt, reason) {
		if err := state.put(tx, of.Information.Handset); err != nil {
			return nil, err
		}
	}
	of.Judged, of.Countersign, of.Verified = true, shown.bytes, reason == ""
	if of.Result, err = s.result(of, reason); err != nil {
		return nil, err
	}
	return of.Result, of.put(tx)
}

// faultOf says what is wrong with a countersign, its proof left aside; empty for nothing.
func (s *ServiceServer) faultOf(expected Information, shown countersigned) string {
	// With all guards up, the validator knows what is good. What it refuses is judged again below, for the reason.
	if s.Guards.Whole() && s.validator().fault(shown.envelope, shown.says, &expected) == "" {
		return ""
	}
	signer, _ := s.handset(expected.Handset)
	keyID, _ := shown.envelope.KeyID()
	says := shown.says.Information
	switch {
	// abstract: signature verification result
	case s.Guards.Forbids("OF-SS-07", !s.signed(shown.envelope, signer)):
		return "signature"
	// RFC 9052 section 3.1; RFC 8725 section 3.1: the header chooses nothing
	case s.Guards.Forbids("OF-SS-37", !shown.envelope.IsEdDSA()):
		return "algorithm"
	// RFC 9052 section 3.1
	case s.Guards.Forbids("OF-SS-38", keyID != expected.Handset):
		return "kid"
	case says.Handset != expected.Handset:
		return "handset"
	// abstract: countersign obtained based on the information to be signed
	case s.Guards.Forbids("OF-SS-09", !bytes.Equal(says.Challenge, expected.Challenge)):
		return "challenge"
	// flows, exactly this application
	case s.Guards.Forbids("OF-SS-10", says.Amount != expected.Amount):
		return "amount"
	// flows, exactly this application
	case s.Guards.Forbids("OF-SS-11", says.Device != expected.Device):
		return "device"
	case says.Level != expected.Level:
		return "level"
	// flows, structure that names service, amount, level and expiry
	case s.Guards.Forbids("OF-SS-43", says.Service != expected.Service || says.Currency != expected.Currency || says.Issuer != expected.Issuer ||
		says.IssuedAt != expected.IssuedAt || says.ExpiresAt != expected.ExpiresAt || !bytes.Equal(says.SealKey, expected.SealKey)):
		return "field"
	// NIST SP 800-63B section 5.2.8; flows, short lived
	case s.Guards.Forbids("OF-SS-33", s.now() > expected.ExpiresAt):
		return "expired"
	}
	return ""
}

func (s *ServiceServer) validator() *Validator {
	return &Validator{Now: s.Clock.Now, Key: func(handset string) (ed25519.PublicKey, bool) {
		h, enrolled := s.handset(handset)
		return h.Key, enrolled
	}}
}

// signed reports whether the handset signed the countersign (RFC 9052 section 4.4).
func (s *ServiceServer) signed(e Envelope, signer EnrolledHandset) bool {
	domains := []Domain{DomainCountersign}
	// RFC 9052 section 4.3: no signature serves for another message
	if !s.Guards.On("OF-SS-36") {
		domains = append(domains, DomainInformation, DomainResult, "")
	}
	keys := []ed25519.PublicKey{signer.Key}
	// abstract: the countersign is the applicant's
	if !s.Guards.On("OF-SS-08") {
		for _, h := range s.Handsets {
			keys = append(keys, h.Key)
		}
	}
	// abstract: signature verification result of the countersign information
	if !s.Guards.On("OF-SS-06") {
		digest := sha256.Sum256(e.Payload)
		e.Payload = digest[:]
	}
	for _, domain := range domains {
		for _, key := range keys {
			if e.Holds(domain, key) {
				return true
			}
		}
	}
	return false
}

// reason says why a countersign is not verified; empty when it is.
func (s *ServiceServer) reason(fault string, a attempt, says Countersign, level uint64, locked bool) string {
	switch {
	case fault != "":
		return fault
	case level == 1 && (says.Proof != nil || says.SealedProof != nil):
		return "proof at level 1"
	// paragraph 0070: the lock is the higher level's
	case level == 1 && locked && !s.Guards.On("OF-SS-49"):
		return "locked"
	case level == 1:
		return ""
	case locked:
		return "locked"
	// paragraphs 0070 and 0071: no password, no higher level
	case s.Guards.Forbids("OF-SS-12", a == proofless):
		return "no proof"
	case a == wrongProof:
		return "wrong proof"
	}
	return ""
}

// result makes the result of a judgement, signed.
func (s *ServiceServer) result(of application, reason string) ([]byte, error) {
	f := Result{
		Application: of.Information.Application, Level: of.Information.Level, Challenge: of.Information.Challenge,
		IssuedAt: s.now(), Issuer: of.Information.Issuer, Verified: of.Verified,
	}.Fields()
	// abstract: the result is that of the countersign information
	if !s.Guards.On("OF-SS-20") {
		delete(f, KeySerial)
	}
	// flows, no online oracle to the device
	if reason != "" && !s.Guards.On("OF-SS-48") {
		f[KeyError] = reason
	}
	payload, err := f.Encode()
	if err != nil {
		return nil, err
	}
	domain := DomainResult
	// RFC 9052 section 4.3. At level core, too, results are signed in their domain (profile section 2.2).
	if !s.Guards.On("OF-SS-55") && s.Guards.Hardened() {
		domain = DomainInformation
	}
	return s.Signer.Sign(domain, payload)
}
