package validate

import (
	"crypto/ed25519"
	"crypto/rand"
	"time"

	"github.com/veraison/go-cose"

	"countersign/actors/offline"
)

// CountersignPath is the contest of the validator of countersigns with the bare verification of the same signature, and with the COSE library alone.
func CountersignPath() (Path, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Path{}, err
	}
	now := uint64(time.Now().Unix())
	expected := offline.Information{
		Application: offline.Application{Serial: make([]byte, 16), Handset: "handset-1", Device: "till-1", Service: "coffee", Amount: 350, Currency: "EUR"},
		Level:       1, Challenge: make([]byte, 32), IssuedAt: now, ExpiresAt: now + 86400, Issuer: Issuer,
	}
	payload, err := offline.Countersign{Information: expected}.Fields().Encode()
	if err != nil {
		return Path{}, err
	}
	message, err := offline.Signer{ID: expected.Handset, Key: private}.Sign(offline.DomainCountersign, payload)
	if err != nil {
		return Path{}, err
	}
	var parsed cose.Sign1Message
	if err := parsed.UnmarshalCBOR(message); err != nil {
		return Path{}, err
	}
	v := &offline.Validator{Key: func(string) (ed25519.PublicKey, bool) { return public, true }, Now: time.Now}
	verifier, err := cose.NewVerifier(cose.AlgorithmEdDSA, public)
	if err != nil {
		return Path{}, err
	}
	signature := ed25519.Sign(private, message)
	return Path{
		Name: "countersign", Floor: "ed25519.Verify over as many bytes",
		Variants: []Variant{
			variant("bare", Aim{}, func() error {
				if !ed25519.Verify(public, message, signature) {
					return errBare
				}
				return nil
			}),
			variant("ours", Aim{}, func() error {
				_, err := v.Validate(message, &expected)
				return err
			}),
			variant("go-cose, the signature alone", Aim{}, func() error {
				var m cose.Sign1Message
				if err := m.UnmarshalCBOR(message); err != nil {
					return err
				}
				return m.Verify([]byte(offline.DomainCountersign), verifier)
			}),
		},
	}, nil
}
