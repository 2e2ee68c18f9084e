package offline

import (
	"crypto/ed25519"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
)

// Domain is the external_aad of a signature: no signature serves for another message (profile section 2.2).
type Domain string

// The domains of the three messages that are signed.
const (
	DomainInformation Domain = "countersign/offline@1/information"
	DomainCountersign Domain = "countersign/offline@1/countersign"
	DomainResult      Domain = "countersign/offline@1/result"
)

// Signer signs messages: a service server under its key identifier, or a handset under its name.
type Signer struct {
	ID  string
	Key ed25519.PrivateKey
}

// Public is the signer's public key.
func (s Signer) Public() ed25519.PublicKey { return s.Key.Public().(ed25519.PublicKey) }

// Sign puts a payload into a tagged COSE_Sign1 (RFC 9052 section 4.2).
func (s Signer) Sign(domain Domain, payload []byte) ([]byte, error) {
	signer, err := cose.NewSigner(cose.AlgorithmEdDSA, s.Key)
	if err != nil {
		return nil, fmt.Errorf("offline: the key of %s does not sign: %w", s.ID, err)
	}
	headers := cose.Headers{Protected: cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA,
		cose.HeaderLabelKeyID:     []byte(s.ID),
	}}
	signed, err := cose.Sign1(nil, signer, headers, payload, []byte(domain))
	if err != nil {
		return nil, fmt.Errorf("offline: %s cannot sign: %w", s.ID, err)
	}
	return signed, nil
}

// Envelope is a COSE_Sign1 that has been taken apart; nothing in it is judged yet.
type Envelope struct {
	Payload   []byte
	Signature []byte

	protected []byte // the content of the protected header's byte string
	algorithm any
	keyID     any
}

// ParseEnvelope takes a tagged COSE_Sign1 apart. Algorithm and kid may be missing or anything. The error is a [*MalformedError].
func ParseEnvelope(data []byte, leniency Leniency) (Envelope, error) {
	e, err := leniency.open(data)
	if err != nil {
		return Envelope{}, err
	}
	if len(e.protected) == 0 {
		return e, nil // the empty map is written so (RFC 9052 section 3)
	}
	header, err := leniency.readMap(e.protected, 0)
	if err != nil {
		return Envelope{}, err
	}
	const algorithm, keyID = uint64(1), uint64(4) // RFC 9052 section 3.1
	named := 0
	for _, parameter := range []struct {
		label uint64
		value *any
	}{{algorithm, &e.algorithm}, {keyID, &e.keyID}} {
		item, there := header[parameter.label]
		if !there {
			continue
		}
		named++
		if err := leniency.mode().Unmarshal(item, parameter.value); err != nil {
			return Envelope{}, malformed(0, "%v", err)
		}
	}
	if named < len(header) && !leniency.UnknownKeys {
		return Envelope{}, malformed(0, "its protected header has a parameter that it does not know")
	}
	return e, nil
}

// open takes the four parts out of the tag.
func (l Leniency) open(data []byte) (e Envelope, err error) {
	var tagged cbor.RawTag
	if err := l.mode().Unmarshal(data, &tagged); err != nil || tagged.Number != cose.CBORTagSign1Message {
		return e, malformed(0, "it is no tagged COSE_Sign1")
	}
	if !l.AnyEncoding && !deterministic(data) {
		return e, malformed(0, "its encoding is not deterministic")
	}
	var parts []cbor.RawMessage
	// The library passes over tags before an array.
	if major(tagged.Content) != majorArray || l.mode().Unmarshal(tagged.Content, &parts) != nil || len(parts) != 4 {
		return e, malformed(0, "it has not four parts")
	}
	for _, part := range []struct {
		item    []byte
		content *[]byte
	}{{parts[0], &e.protected}, {parts[2], &e.Payload}, {parts[3], &e.Signature}} {
		if major(part.item) != majorBytes || l.mode().Unmarshal(part.item, part.content) != nil {
			return e, malformed(0, "a part of it is no byte string")
		}
	}
	var unprotected map[any]cbor.RawMessage
	if major(parts[1]) != majorMap || l.mode().Unmarshal(parts[1], &unprotected) != nil || len(unprotected) > 0 {
		return e, malformed(0, "its unprotected header is not the empty map")
	}
	return e, nil
}

// IsEdDSA reports whether the protected header names the algorithm of the profile (RFC 9053 section 2.2).
func (e Envelope) IsEdDSA() bool { return e.algorithm == int64(cose.AlgorithmEdDSA) }

// KeyID is the kid of the protected header; there is false when it is missing or no byte string.
func (e Envelope) KeyID() (id string, there bool) {
	b, there := e.keyID.([]byte)
	return string(b), there
}

// Holds reports whether the signature is the key's in the domain. The header chooses neither algorithm nor key: compare it beside.
func (e Envelope) Holds(domain Domain, key ed25519.PublicKey) bool {
	if len(key) != ed25519.PublicKeySize {
		return false
	}
	protected, err := deterministicMode.Marshal(e.protected)
	if err != nil {
		return false
	}
	verifier, err := cose.NewVerifier(cose.AlgorithmEdDSA, key)
	if err != nil {
		return false
	}
	message := cose.Sign1Message{
		Headers: cose.Headers{
			RawProtected: protected,
			Protected:    cose.ProtectedHeader{cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA},
		},
		Payload:   e.Payload,
		Signature: e.Signature,
	}
	return message.Verify([]byte(domain), verifier) == nil
}
