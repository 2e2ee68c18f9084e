package validate

import (
	"crypto/ed25519"
	"crypto/rand"
	"time"

	"github.com/veraison/go-cose"

	"countersign/actors/offline"
)

// countersigned is a countersign with what judges it, what it has to say, and the key that has signed it.
func countersigned() (v *offline.Validator, message []byte, expected offline.Information, private ed25519.PrivateKey, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, expected, nil, err
	}
	now := uint64(time.Now().Unix())
	expected = offline.Information{
		Application: offline.Application{Serial: make([]byte, 16), Handset: "handset-1", Device: "till-1", Service: "coffee", Amount: 350, Currency: "EUR"},
		Level:       1, Challenge: make([]byte, 32), IssuedAt: now, ExpiresAt: now + 86400, Issuer: Issuer,
	}
	payload, err := offline.Countersign{Information: expected}.Fields().Encode()
	if err != nil {
		return nil, nil, expected, nil, err
	}
	message, err = offline.Signer{ID: expected.Handset, Key: private}.Sign(offline.DomainCountersign, payload)
	v = &offline.Validator{Key: func(string) (ed25519.PublicKey, bool) { return public, true }, Now: time.Now}
	return v, message, expected, private, err
}

// CountersignPath is the contest of the validator of countersigns with the bare verification of the same signature, and with the COSE library alone.
func CountersignPath() (Path, error) {
	v, message, expected, private, err := countersigned()
	if err != nil {
		return Path{}, err
	}
	public := private.Public().(ed25519.PublicKey)
	var parsed cose.Sign1Message
	if err := parsed.UnmarshalCBOR(message); err != nil {
		return Path{}, err
	}
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
