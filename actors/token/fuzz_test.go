package token_test

import (
	"errors"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"

	"countersign/actors/token"
)

// FuzzCompact reads compact tokens: what is taken is what go-jose takes too, and what is not is a *MalformedError.
func FuzzCompact(f *testing.F) {
	key := token.Key{ID: "k", Secret: make([]byte, 32)}
	sealed, err := token.Seal(seeded(1), key, nil, []byte(`{"a":1}`))
	if err != nil {
		f.Fatal(err)
	}
	signer, err := token.NewSigner(seeded(2), "s")
	if err != nil {
		f.Fatal(err)
	}
	signed, err := signer.Sign(nil, []byte(`{"a":1}`))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{sealed, signed, "....", "..", "e30.e30.AA", "W10.AA.AA.AA.AA", strings.Repeat(".", 100), "e30=.e30.AA", signed + "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		var malformed *token.MalformedError
		s, err := token.ParseSigned(compact)
		switch {
		case err != nil && !errors.As(err, &malformed):
			t.Errorf("%q gives an untyped error: %v", compact, err)
		case err == nil && s.Verify(&signer.Key.PublicKey) == nil:
			parsed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
			if err != nil {
				t.Fatalf("go-jose does not take %q: %v", compact, err)
			}
			if payload, err := parsed.Verify(&signer.Key.PublicKey); err != nil || string(payload) != string(s.Payload) {
				t.Errorf("go-jose reads %q in %q: %v", payload, compact, err)
			}
		}
		e, err := token.ParseSealed(compact)
		if err != nil {
			if !errors.As(err, &malformed) {
				t.Errorf("%q gives an untyped error: %v", compact, err)
			}
			return
		}
		if _, err := e.Open(key.Secret); (err == nil) != (compact == sealed) {
			t.Errorf("%q: %v", compact, err)
		}
	})
}
