package offline

import (
	"crypto/hmac"
	"crypto/sha256"
)

// attempt is what a proof is worth.
type attempt int

const (
	proofless attempt = iota
	wrongProof
	rightProof
)

// attempt judges the proof of a countersign at level 2 (profile section 2.3).
func (s *ServiceServer) attempt(of application, before Information, state handsetState, says Countersign) attempt {
	switch {
	case says.Proof == nil && says.SealedProof == nil:
		return proofless
	// RFC 9180 section 5; flows, eavesdropped password guess offline
	case s.Guards.Forbids("OF-SS-44", says.Proof != nil):
		return wrongProof
	}
	proof := says.Proof
	if proof == nil {
		proof = s.opened(of, says)
	}
	if proof == nil {
		return wrongProof
	}
	right := s.proves(proof, state, says)
	// paragraph 0071; flows: the password is entered for this application
	if !s.Guards.On("OF-SS-16") && !right {
		right = s.proves(proof, state, Countersign{Information: before})
	}
	// paragraphs 0070 and 0071
	if s.Guards.Forbids("OF-SS-13", !right) {
		return wrongProof
	}
	return rightProof
}

// opened decrypts a sealed proof; nil when it cannot.
func (s *ServiceServer) opened(of application, says Countersign) []byte {
	bound, err := says.Bound()
	if err != nil {
		return nil
	}
	infos := [][]byte{Seal(bound)}
	// RFC 9180 section 5.1: the seal is bound to its countersign
	if !s.Guards.On("OF-SS-45") {
		infos = append(infos, []byte(labelSeal), Seal(nil))
	}
	for _, info := range infos {
		if proof, err := OpenProof(of.SealPrivate, says.SealedProof, info); err == nil {
			return proof
		}
	}
	return nil
}

// proves reports whether a proof is right for what a countersign says.
func (s *ServiceServer) proves(proof []byte, state handsetState, says Countersign) bool {
	bound, err := says.Bound()
	if err != nil {
		return false
	}
	for _, key := range append([][]byte{state.PasswordKey}, state.Former...) {
		expected := Proof(key, bound)
		// profile section 2.3: under its label
		if !s.Guards.On("OF-SS-14") {
			mac := hmac.New(sha256.New, key)
			mac.Write(bound)
			expected = mac.Sum(nil)
		}
		if key != nil && hmac.Equal(proof, expected) {
			return true
		}
	}
	return false
}

// maxAttempts is how many wrong proofs lock a password.
const maxAttempts = 5

// locked reports whether the password is locked (NIST SP 800-63B section 5.2.2).
func (s *ServiceServer) locked(state handsetState) bool {
	return s.Guards.Forbids("OF-SS-46", state.Wrong >= maxAttempts)
}

// count counts an attempt, and reports whether the state has changed (profile section 5.2). A locked password stays as it is.
func (s *ServiceServer) count(state *handsetState, fault string, a attempt, reason string) bool {
	wrong := a == wrongProof
	// flows, attempts limited: nobody without the handset's key can lock it
	if s.Guards.Forbids("OF-SS-47", fault != "") {
		wrong = false
	}
	switch {
	case s.locked(*state):
		return false
	case wrong:
		state.Wrong++
		return true
	case a == rightProof && reason == "":
		state.Wrong = 0
		return true
	}
	return false
}
