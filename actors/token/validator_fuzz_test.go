package token_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"countersign/actors/token"
)

// FuzzValidator holds the validator to two libraries: it takes nothing that either of them refuses, and refuses no signature that both take.
func FuzzValidator(f *testing.F) {
	private := ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes 45678"))
	secret := []byte("a secret of thirty-two bytes and more")
	v, err := token.NewValidator(
		token.Expectation{Issuer: "https://platform.example", Audience: "tp-a", Now: func() time.Time { return time.Unix(1100, 0) }},
		token.Trusted{ID: "ed", Algorithm: token.EdDSA, Key: private.Public()}, token.Trusted{ID: "hs", Algorithm: token.HS256, Key: secret},
	)
	if err != nil {
		f.Fatal(err)
	}
	sign := func(header, payload string, key any) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: map[bool]jose.SignatureAlgorithm{true: jose.EdDSA, false: jose.HS256}[header == "ed"], Key: key}, (&jose.SignerOptions{}).WithHeader("kid", header))
		if err != nil {
			f.Fatal(err)
		}
		signed, err := signer.Sign([]byte(payload))
		if err != nil {
			f.Fatal(err)
		}
		compact, err := signed.CompactSerialize()
		if err != nil {
			f.Fatal(err)
		}
		return compact
	}
	f.Add(sign("ed", good, private))
	f.Add(sign("hs", good, secret))
	f.Add(sign("hs", strings.Replace(good, "alice", `\u0061lice`, 1), secret))
	f.Add("e30.e30.")
	f.Add("..")
	var c token.Claims
	f.Fuzz(func(t *testing.T, compact string) {
		// What is fuzzed is signed anew, or else hardly any input would come past the signature.
		if head, rest, ok := strings.Cut(compact, "."); ok {
			if raw, err := base64.RawURLEncoding.DecodeString(head); err == nil && strings.Contains(string(raw), "HS256") {
				if payload, _, ok := strings.Cut(rest, "."); ok {
					m := hmac.New(sha256.New, secret)
					m.Write([]byte(head + "." + payload))
					compact = head + "." + payload + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
				}
			}
		}
		ours := v.Validate(compact, &c)
		first, second := joseTakes(compact, private, secret), jwxTakes(compact, private, secret)
		if ours == nil && (first == nil || second == nil) {
			t.Fatalf("%q is taken; go-jose takes it: %v; jwx takes it: %v", compact, first != nil, second != nil)
		}
		if ours == nil && (string(first) != string(c.Payload()) || string(second) != string(c.Payload())) {
			t.Fatalf("%q is read as %q; go-jose %q; jwx %q", compact, c.Payload(), first, second)
		}
		if ours == token.ErrNotSigned && first != nil && second != nil {
			t.Fatalf("%q is refused, and both libraries take its signature", compact)
		}
	})
}

// joseTakes is the payload, when go-jose takes the signature by the key that the header names.
func joseTakes(compact string, private ed25519.PrivateKey, secret []byte) []byte {
	parsed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.EdDSA, jose.HS256})
	if err != nil {
		return nil
	}
	var key any = private.Public()
	if parsed.Signatures[0].Header.KeyID == "hs" {
		key = secret
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return nil
	}
	return payload
}

// jwxTakes is the same by jwx.
func jwxTakes(compact string, private ed25519.PrivateKey, secret []byte) []byte {
	if payload, err := jws.Verify([]byte(compact), jws.WithKey(jwa.HS256(), secret)); err == nil {
		return payload
	}
	if payload, err := jws.Verify([]byte(compact), jws.WithKey(jwa.EdDSA(), private.Public())); err == nil {
		return payload
	}
	return nil
}
