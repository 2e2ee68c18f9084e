package offline

import (
	"bytes"
	"crypto/ed25519"
	"time"
)

// FaultError says what is wrong with a countersign, in the word of the profile (section 5.2).
type FaultError struct{ Fault string }

func (e *FaultError) Error() string { return "the countersign is not good: " + e.Fault }

// Validator judges countersigns, as a service server does for every one of them. It may be used by many at a time.
type Validator struct {
	// Key gives the key of an enrolled handset. It is required.
	Key func(handset string) (ed25519.PublicKey, bool)
	// Now is the time that the end of an application is judged by. It is required.
	Now func() time.Time
}

// Validate judges a message against the information that was to be signed: the signature is the handset's, in the domain of countersigns, and what is
// signed is that information, whole. The proof of a password is not judged. The error is a *MalformedError or a *FaultError.
func (v *Validator) Validate(message []byte, expected *Information) (Countersign, error) {
	envelope, err := ParseEnvelope(message, Leniency{})
	if err != nil {
		return Countersign{}, err
	}
	says, err := ParseCountersign(envelope.Payload, Leniency{})
	if err != nil {
		return Countersign{}, err
	}
	if fault := v.fault(envelope, says, expected); fault != "" {
		return Countersign{}, &FaultError{fault}
	}
	return says, nil
}

// fault says what is wrong with a countersign that was read strictly; empty for nothing.
func (v *Validator) fault(envelope Envelope, says Countersign, expected *Information) string {
	key, enrolled := v.Key(expected.Handset)
	keyID, _ := envelope.KeyID()
	switch {
	case !envelope.IsEdDSA():
		return "algorithm"
	case keyID != expected.Handset || !enrolled:
		return "kid"
	case !envelope.Holds(DomainCountersign, key):
		return "signature"
	case !says.Information.same(expected):
		return "field"
	case v.Now().Unix() > int64(expected.ExpiresAt):
		return "expired"
	}
	return ""
}

func (i Information) same(other *Information) bool {
	return bytes.Equal(i.Serial, other.Serial) && i.Handset == other.Handset && i.Device == other.Device && i.Service == other.Service &&
		i.Amount == other.Amount && i.Currency == other.Currency && i.Level == other.Level && bytes.Equal(i.Challenge, other.Challenge) &&
		i.IssuedAt == other.IssuedAt && i.ExpiresAt == other.ExpiresAt && i.Issuer == other.Issuer && bytes.Equal(i.SealKey, other.SealKey)
}
