package mobile

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/conformance/jose"
)

// FuzzProof reads proofs and statements of strangers: whatever they are, they are judged in words, and none passes whose signature is not that of its key.
func FuzzProof(f *testing.F) {
	signer, err := jose.NewSigner(strings.NewReader(strings.Repeat("seed", 100)), "")
	if err != nil {
		f.Fatal(err)
	}
	proof, err := signer.Sign(map[string]any{"typ": "dpop+jwt", "jwk": signer.JWK()}, []byte(`{"jti":"0123456789abcdef","htm":"GET","htu":"http://127.0.0.1/","iat":1800000000}`))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{proof, proof[1:], "....", "e30.e30.AA", "W10.AA.AA", "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoiQUEiLCJ5IjoiQUEifX0.e30.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		read, err := readProofIn(http.Header{"Dpop": {compact}})
		if err == nil {
			if _, _, err := jose.Verify(compact, read.key); err != nil {
				t.Errorf("%q is taken: %v", compact, err)
			}
			_ = read.wrong(http.MethodGet, "http://127.0.0.1/", "token", time.Unix(1_800_000_000, 0))
			if read.thumbprint() == "" {
				t.Error("a key without thumbprint")
			}
		}
		if unproved, err := readUnproved(compact); err == nil {
			_ = unproved.vector()
			_ = unproved.event("wipe")
		}
		if _, err := readSealed(compact, jose.Key{ID: "k", Secret: make([]byte, 32)}); err == nil {
			t.Errorf("%q opens under a key that nobody was given", compact)
		}
	})
}
