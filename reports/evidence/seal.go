package evidence

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// PayloadType is that of an in-toto statement in a DSSE envelope.
const PayloadType = "application/vnd.in-toto+json"

// Seal signs a statement and gives the text of the envelope: one line of JSON.
func Seal(s Statement, key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, &KeyError{"is no Ed25519 key"}
	}
	payload, err := canonical(s)
	if err != nil {
		return nil, fmt.Errorf("the statement cannot be written: %w", err)
	}
	if _, err := parse(payload); err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(signer(key))
	if err != nil {
		return nil, err
	}
	envelope, err := signer.SignPayload(context.Background(), PayloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("the statement cannot be signed: %w", err)
	}
	return spell(*envelope)
}

func spell(e dsse.Envelope) ([]byte, error) {
	text, err := canonical(e)
	return append(text, '\n'), err
}

// signer is a private key as dsse wants it.
type signer ed25519.PrivateKey

// Sign implements dsse.Signer.
func (s signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(ed25519.PrivateKey(s), data), nil
}

// KeyID implements dsse.Signer.
func (s signer) KeyID() (string, error) {
	return KeyID(ed25519.PrivateKey(s).Public().(ed25519.PublicKey))
}

// verifier is a public key as dsse wants it.
type verifier ed25519.PublicKey

var (
	errSignature = errors.New("the signature does not fit")
	errSpelling  = errors.New("no canonical base64")
)

// Verify implements dsse.Verifier.
func (v verifier) Verify(_ context.Context, data, signature []byte) error {
	if !ed25519.Verify(ed25519.PublicKey(v), data, signature) {
		return errSignature
	}
	return nil
}

// KeyID implements dsse.Verifier.
func (v verifier) KeyID() (string, error) { return KeyID(ed25519.PublicKey(v)) }

// Public implements dsse.Verifier.
func (v verifier) Public() crypto.PublicKey { return ed25519.PublicKey(v) }

// EnvelopeError says that a file is not spelled as evidence.
type EnvelopeError struct{ What string }

func (e *EnvelopeError) Error() string {
	return "the evidence " + e.What + ": it was changed after it was written, or is no evidence of this program"
}

// SignerError says that evidence is signed with none of the keys that it was verified with.
type SignerError struct{ KeyID string }

func (e *SignerError) Error() string {
	return fmt.Sprintf("the evidence is signed with the key %.80q, which is none of those given; name the signer's public key with --key", e.KeyID)
}

// SignatureError says that the signature does not fit what is signed.
type SignatureError struct{ KeyID string }

func (e *SignatureError) Error() string {
	return fmt.Sprintf("the signature of the key %s does not fit the statement: the evidence was changed after it was signed", e.KeyID)
}

// FileError says that a file is not the one that the statement speaks of.
type FileError struct {
	Name string
	// Want is the SHA-256 in the statement, empty where it names no such file; Have is the file's.
	Want, Have string
}

func (e *FileError) Error() string {
	if e.Want == "" {
		return fmt.Sprintf("the statement names no %s, so nothing can be said of that file", e.Name)
	}
	return fmt.Sprintf("the %s is not the one of the statement: its SHA-256 is %s and not %s", e.Name, e.Have, e.Want)
}

// Verify opens evidence: it has to be signed with one of the keys, to be to the last byte what Seal writes, to agree with itself, and to name each of the
// files with its digest. Errors are *EnvelopeError, *SignerError, *SignatureError, *StatementError, *FileError and *KeyError.
func Verify(text []byte, keys []ed25519.PublicKey, files ...File) (Statement, error) {
	var envelope dsse.Envelope
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&envelope); err != nil {
		return Statement{}, &EnvelopeError{"cannot be read: " + err.Error()}
	}
	payload, err := open(envelope, keys)
	if err != nil {
		return Statement{}, err
	}
	// The signature covers neither the spelling nor the key's name, so they are compared with what was written.
	if again, err := spell(envelope); err != nil || !bytes.Equal(again, text) {
		return Statement{}, &EnvelopeError{"is not spelled as it was written, although its signature fits"}
	}
	s, err := parse(payload)
	if err != nil {
		return Statement{}, err
	}
	for _, f := range files {
		if err := s.names(f); err != nil {
			return Statement{}, err
		}
	}
	return s, nil
}

// open verifies the envelope's one signature and gives its payload.
func open(envelope dsse.Envelope, keys []ed25519.PublicKey) ([]byte, error) {
	if envelope.PayloadType != PayloadType {
		return nil, &EnvelopeError{fmt.Sprintf("has a payload of type %.80q and not %s", envelope.PayloadType, PayloadType)}
	}
	if len(envelope.Signatures) != 1 {
		return nil, &EnvelopeError{fmt.Sprintf("has %d signatures and not one", len(envelope.Signatures))}
	}
	payload, err := base64Strictly(envelope.Payload)
	if err != nil {
		return nil, &EnvelopeError{"has a payload that is no base64"}
	}
	if _, err := base64Strictly(envelope.Signatures[0].Sig); err != nil {
		return nil, &EnvelopeError{"has a signature that is no base64"}
	}
	signedWith := envelope.Signatures[0].KeyID
	for _, key := range keys {
		id, err := KeyID(key)
		if err != nil {
			return nil, err
		}
		if id != signedWith {
			continue
		}
		judge, err := dsse.NewEnvelopeVerifier(verifier(key))
		if err != nil {
			return nil, err
		}
		if _, err := judge.Verify(context.Background(), &envelope); err != nil {
			return nil, &SignatureError{id}
		}
		return payload, nil
	}
	return nil, &SignerError{signedWith}
}

// names reports whether the statement has that file with that digest.
func (s Statement) names(f File) error {
	if want := s.Digest(f.Name); want != f.SHA256 {
		return &FileError{f.Name, want, f.SHA256}
	}
	return nil
}

// base64Strictly decodes standard base64 with padding in the one way in which it can be written (RFC 4648 sections 3.3 and 3.5).
func base64Strictly(text string) ([]byte, error) {
	decoded, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodeToString(decoded) != text { // a decoder ignores line ends
		return nil, errSpelling
	}
	return decoded, nil
}
