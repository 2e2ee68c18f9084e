package offline

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	sealing "github.com/cloudflare/circl/hpke"
	"golang.org/x/crypto/scrypt"
)

// The labels of section 2.3 of the profile.
const (
	labelProof = "countersign/offline@1/proof"
	labelSeal  = "countersign/offline@1/password"
)

// passwordKey is K as a handset makes it. It takes tens of milliseconds: a check needs it once at most, and a server under test never, for which any 32 bytes do.
func passwordKey(password string, salt []byte) []byte {
	return must(scrypt.Key([]byte(password), salt, 16384, 8, 1, 32))
}

// bound are the bytes of a countersign that its proof is bound to.
func bound(countersign fields) []byte {
	return countersign.without(keyProof, keySealedProof).encode()
}

func labelled(label string, bound []byte) []byte {
	return slices.Concat([]byte(label), []byte{0}, bound)
}

// proofFor proves the password key for bound bytes.
func proofFor(key, bound []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(labelled(labelProof, bound))
	return mac.Sum(nil)
}

// sealInfo is the HPKE info for bound bytes.
func sealInfo(bound []byte) []byte { return labelled(labelSeal, bound) }

// sealTo encrypts a proof, or a lie, to a seal key under info, with an ephemeral key out of random. The error says that the seal key is none.
func sealTo(random io.Reader, sealKey, info, plaintext []byte) ([]byte, error) {
	receiver, err := sealing.KEM_X25519_HKDF_SHA256.Scheme().UnmarshalBinaryPublicKey(sealKey)
	if err != nil {
		return nil, fmt.Errorf("the seal key: %w", err)
	}
	sender, err := sealing.NewSuite(sealing.KEM_X25519_HKDF_SHA256, sealing.KDF_HKDF_SHA256, sealing.AEAD_ChaCha20Poly1305).NewSender(receiver, info)
	if err != nil {
		return nil, fmt.Errorf("the seal key: %w", err)
	}
	enc, sealer, err := sender.Setup(random)
	if err != nil {
		return nil, fmt.Errorf("the seal key: %w", err)
	}
	ct, err := sealer.Seal(plaintext, nil)
	return append(enc, ct...), err
}

// withProof is a countersign with the proof of the password key, sealed for its information.
func withProof(random io.Reader, countersign fields, key []byte) (fields, error) {
	b := bound(countersign)
	proof, err := sealTo(random, countersign.bytes(keySealKey), sealInfo(b), proofFor(key, b))
	return countersign.with(keySealedProof, proof), err
}

// openSealed decrypts a sealed proof with the private half of the seal key.
func openSealed(private, sealedProof, info []byte) ([]byte, error) {
	key, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	return hpke.Open(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, sealedProof)
}

// sealPublic is the public half of a seal key.
func sealPublic(private []byte) ([]byte, error) {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	return key.PublicKey().Bytes(), nil
}
