package evidence_test

import (
	"crypto/ed25519"
	"testing"

	"countersign/reports/evidence"
)

// FuzzVerify opens evidence that nobody has signed: nothing is taken, and why not is said.
func FuzzVerify(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}
	id, err := evidence.KeyID(public[0])
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"` + id + `","sig":"AA=="}]}`,
		`{"payloadType":"","payload":"!","signatures":[]}`, `{"signatures":null}`, `[]`, "\xff", `{"payload":"e30=","payload":"e30="}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := evidence.Verify(text, public); err == nil || err.Error() == "" {
			t.Errorf("%q is evidence of %+v", text, s)
		}
	})
}
