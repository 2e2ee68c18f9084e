package jose_test

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"strings"
	"testing"

	"countersign/conformance/jose"
)

// FuzzCompact reads compact tokens under a key that made one of them: no other opens or verifies, but for those that say the same in other bytes of the header alone.
func FuzzCompact(f *testing.F) {
	random := rand.NewChaCha8([32]byte{1})
	key := jose.Key{ID: "k", Secret: make([]byte, 32)}
	sealed, err := jose.Seal(random, key, nil, []byte(`{"a":1}`))
	if err != nil {
		f.Fatal(err)
	}
	signer, err := jose.NewSigner(random, "s")
	if err != nil {
		f.Fatal(err)
	}
	signed, err := signer.Sign(nil, []byte(`{"a":1}`))
	if err != nil {
		f.Fatal(err)
	}
	unsecured, err := jose.Unsecured(nil, []byte(`{"a":1}`))
	if err != nil {
		f.Fatal(err)
	}
	zipped, err := jose.Seal(random, key, map[string]any{"zip": "DEF"}, []byte("\x01\x00\x00\xff\xff"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{sealed, signed, unsecured, zipped, "....", "..", "W10.AA.AA.AA.AA", "eyJhbGciOiJkaXIifQ", strings.Repeat(".", 1000), "e30=.e30.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		header, headerErr := jose.Header(compact)
		if headerErr == nil && header == nil {
			t.Error("a header that is nil")
		}
		if _, plain, err := jose.Open(compact, key.Secret); err == nil && compact != sealed && compact != zipped && len(plain) > 1<<20 {
			t.Errorf("%d bytes opened into %d", len(compact), len(plain))
		} else if err == nil && headerErr != nil {
			t.Errorf("%q opens, although its header cannot be read", compact)
		}
		if _, payload, err := jose.Verify(compact, &signer.Key.PublicKey); err == nil && string(payload) != `{"a":1}` {
			t.Errorf("%q verifies with the payload %q", compact, payload)
		}
		if payload, err := jose.Payload(compact); err == nil && jose.Encode(payload) != strings.Split(compact, ".")[1] {
			t.Errorf("the payload of %q is not what stands there", compact)
		}
		if raw, err := jose.Decode(compact); err == nil && jose.Encode(raw) != compact {
			t.Errorf("%q is %x, which is written otherwise", compact, raw)
		}
		if jwk, ok := header["jwk"].(map[string]any); ok {
			if key, err := jose.PublicKey(jwk); err == nil && jose.Thumbprint(key) == "" {
				t.Error("a key without thumbprint")
			}
		}
	})
}

// FuzzSealed makes tokens and opens them: what comes out is what went in, and nothing comes out of one that was changed.
func FuzzSealed(f *testing.F) {
	f.Add([]byte("secret"), []byte(`{"a":1}`), 3)
	f.Add([]byte{}, []byte{}, 0)
	f.Fuzz(func(t *testing.T, seed, plaintext []byte, at int) {
		secret := sha256.Sum256(seed)
		compact, err := jose.Seal(rand.NewChaCha8(secret), jose.Key{ID: "k", Secret: secret[:]}, nil, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		_, opened, err := jose.Open(compact, secret[:])
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("%q became %q: %v", plaintext, opened, err)
		}
		changed := []byte(compact)
		at = int(uint(at) % uint(len(changed)))
		if changed[at] = 'A'; string(changed) == compact {
			changed[at] = 'B'
		}
		if _, opened, err := jose.Open(string(changed), secret[:]); err == nil {
			t.Errorf("%q opens into %q", changed, opened)
		}
	})
}
