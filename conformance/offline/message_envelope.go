package offline

import (
	"crypto/ed25519"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// The domains of the three messages that are signed: section 2.2 of the profile.
const (
	domainInformation = "countersign/offline@1/information"
	domainCountersign = "countersign/offline@1/countersign"
	domainResult      = "countersign/offline@1/result"
)

// The parameters of protected headers, and the one algorithm: RFC 9052 section 3.1, RFC 9053 section 2.2.
const (
	headerAlgorithm uint64 = 1
	headerKeyID     uint64 = 4

	algorithmEdDSA int64 = -8
	algorithmES256 int64 = -7
)

// envelope is a COSE_Sign1 in its parts. What is changed in it before encode is a lie that the signature may see or not.
type envelope struct {
	protected []byte // the content of the byte string
	payload   []byte
	signature []byte
	// unprotected is an encoded item; nil: the empty map.
	unprotected []byte
	// untagged leaves out tag 18.
	untagged bool
}

// encode writes the envelope as it stands.
func (e envelope) encode() []byte {
	unprotected := cbor.RawMessage(e.unprotected)
	if unprotected == nil {
		unprotected = cbor.RawMessage{0xa0}
	}
	parts := []any{e.protected, unprotected, e.payload, e.signature}
	if e.untagged {
		return encoded(parts)
	}
	return encoded(cbor.Tag{Number: 18, Content: parts})
}

// protectedHeader is a header in deterministic encoding; a nil parameter is left out, another than bytes is a lie.
func protectedHeader(algorithm, kid any) []byte {
	f := fields{}
	if algorithm != nil {
		f[headerAlgorithm] = algorithm
	}
	if kid != nil {
		f[headerKeyID] = kid
	}
	return f.encode()
}

// signer signs messages: a server under its key identifier, or a handset under its own.
type signer struct {
	id  string
	key ed25519.PrivateKey
}

// public is the signer's public key.
func (s signer) public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// header is the protected header of what the signer signs.
func (s signer) header() []byte { return protectedHeader(algorithmEdDSA, []byte(s.id)) }

// envelope signs a payload in a domain.
func (s signer) envelope(domain string, payload []byte) envelope {
	return s.under(s.header(), domain, payload)
}

// under signs a payload in a domain under any protected header, which is signed with it.
func (s signer) under(protected []byte, domain string, payload []byte) envelope {
	return envelope{protected: protected, payload: payload, signature: ed25519.Sign(s.key, toBeSigned(protected, domain, payload))}
}

// sign gives the bytes of an envelope in which all is right but, it may be, the message.
func (s signer) sign(domain string, f fields) []byte { return s.envelope(domain, f.encode()).encode() }

// toBeSigned is the Sig_structure: RFC 9052 section 4.4.
func toBeSigned(protected []byte, domain string, payload []byte) []byte {
	return encoded([]any{"Signature1", protected, []byte(domain), payload})
}

// openEnvelope takes a tagged COSE_Sign1 apart that has to be as section 2.2 says. Its signature is not judged. The error says what is wrong.
func openEnvelope(data []byte) (envelope, error) {
	var tag cbor.RawTag
	if err := decode(data, &tag); err != nil || tag.Number != 18 {
		return envelope{}, fmt.Errorf("it is no tagged COSE_Sign1")
	}
	var parts []cbor.RawMessage
	if err := decode(tag.Content, &parts); err != nil || len(parts) != 4 {
		return envelope{}, fmt.Errorf("it has not four parts")
	}
	var e envelope
	for _, part := range []struct {
		item []byte
		into *[]byte
	}{{parts[0], &e.protected}, {parts[2], &e.payload}, {parts[3], &e.signature}} {
		if part.item[0]>>5 != 2 || decode(part.item, part.into) != nil {
			return envelope{}, fmt.Errorf("a part of it is no byte string")
		}
	}
	if len(parts[1]) != 1 || parts[1][0] != 0xa0 {
		return envelope{}, fmt.Errorf("its unprotected header is not the empty map")
	}
	if string(e.encode()) != string(data) {
		return envelope{}, fmt.Errorf("its encoding is not deterministic")
	}
	return e, nil
}

// kid is that of the protected header, which has to be {1: -8, 4: kid} in deterministic encoding. The error says what it is instead.
func (e envelope) kid() (string, error) {
	header, err := peekMessage(e.protected)
	if err != nil {
		return "", fmt.Errorf("the protected header: %w", err)
	}
	kid := header.bytes(headerKeyID)
	if string(e.protected) != string(protectedHeader(algorithmEdDSA, kid)) {
		return "", fmt.Errorf("the protected header is %x and not {1: -8, 4: kid}", e.protected)
	}
	return string(kid), nil
}

// holds reports whether the signature is the key's in the domain, whatever the header names.
func (e envelope) holds(domain string, key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, toBeSigned(e.protected, domain, e.payload), e.signature)
}
