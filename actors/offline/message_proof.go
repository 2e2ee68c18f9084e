package offline

import (
	"cmp"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/cloudflare/circl/hpke"
	"golang.org/x/crypto/scrypt"
)

// The labels that keep what is made with one key for its purpose (profile section 2.3).
const (
	labelProof = "countersign/offline@1/proof"
	labelSeal  = "countersign/offline@1/password"
)

// PasswordKeySize is the size of what the server keeps of a password, in bytes.
const PasswordKeySize = 32

// PasswordKey derives K from an offline authorization password (RFC 7914). cost is scrypt's N, a power of two; zero
// means the profile's 16384, and less is for simulations only.
func PasswordKey(password string, salt []byte, cost int) ([]byte, error) {
	key, err := scrypt.Key([]byte(password), salt, cmp.Or(cost, 16384), 8, 1, PasswordKeySize)
	if err != nil {
		return nil, fmt.Errorf("offline: no password key with N = %d: %w", cost, err)
	}
	return key, nil
}

// Bound is what a proof is bound to: the countersign's map without proofs.
func (c Countersign) Bound() ([]byte, error) {
	c.Proof, c.SealedProof = nil, nil
	return c.Fields().Encode()
}

// labelled puts a label, a zero byte and the bound bytes one after the other.
func labelled(label string, bound []byte) []byte {
	return append(append([]byte(label), 0), bound...)
}

// Proof proves knowledge of the password key for these bound bytes.
func Proof(passwordKey, bound []byte) []byte {
	mac := hmac.New(sha256.New, passwordKey)
	mac.Write(labelled(labelProof, bound))
	return mac.Sum(nil)
}

// Seal is under what a proof is sealed for these bound bytes: the info of HPKE.
func Seal(bound []byte) []byte { return labelled(labelSeal, bound) }

// suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305 (RFC 9180 section 7).
func suite() hpke.Suite {
	return hpke.NewSuite(hpke.KEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_ChaCha20Poly1305)
}

// SealProof encrypts a proof to the seal key of the information, under info (RFC 9180 section 6.1, base mode). The
// ephemeral key is made of 32 bytes of entropy. It gives 80 bytes: the encapsulated key, then the ciphertext.
func SealProof(entropy io.Reader, sealKey, proof, info []byte) ([]byte, error) {
	no := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("offline: the proof cannot be sealed: %w", err)
	}
	receiver, err := hpke.KEM_X25519_HKDF_SHA256.Scheme().UnmarshalBinaryPublicKey(sealKey)
	if err != nil {
		return no(err)
	}
	sender, err := suite().NewSender(receiver, info)
	if err != nil {
		return no(err)
	}
	encapsulated, sealer, err := sender.Setup(entropy)
	if err != nil {
		return no(err)
	}
	ciphertext, err := sealer.Seal(proof, nil)
	if err != nil {
		return no(err)
	}
	return append(encapsulated, ciphertext...), nil
}

// sealable reports whether proofs can be sealed to a key: X25519 refuses some (RFC 7748 section 6.1), whatever the other key is.
func sealable(sealKey []byte) bool {
	anybody, err := ecdh.X25519().NewPrivateKey(make([]byte, 32))
	if err != nil {
		return false
	}
	public, err := ecdh.X25519().NewPublicKey(sealKey)
	if err != nil {
		return false
	}
	_, err = anybody.ECDH(public)
	return err == nil
}

// SealPublic gives the public key of an X25519 private key of 32 bytes.
func SealPublic(private []byte) ([]byte, error) {
	key, err := hpke.KEM_X25519_HKDF_SHA256.Scheme().UnmarshalBinaryPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("offline: no seal key: %w", err)
	}
	return key.Public().MarshalBinary()
}

// OpenProof decrypts what [SealProof] made, with the seal key's private half. The error says only that it cannot be opened.
func OpenProof(private, sealed, info []byte) ([]byte, error) {
	no := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("offline: the proof cannot be opened: %w", err)
	}
	scheme := hpke.KEM_X25519_HKDF_SHA256.Scheme()
	if len(sealed) < scheme.CiphertextSize() {
		return no(io.ErrUnexpectedEOF)
	}
	key, err := scheme.UnmarshalBinaryPrivateKey(private)
	if err != nil {
		return no(err)
	}
	receiver, err := suite().NewReceiver(key, info)
	if err != nil {
		return no(err)
	}
	opener, err := receiver.Setup(sealed[:scheme.CiphertextSize()])
	if err != nil {
		return no(err)
	}
	proof, err := opener.Open(sealed[scheme.CiphertextSize():], nil)
	if err != nil {
		return no(err)
	}
	return proof, nil
}
