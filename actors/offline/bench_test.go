package offline_test

import (
	"bytes"
	"testing"

	"countersign/actors/offline"
)

// BenchmarkCountersign measures what a server spends on one countersign, its store aside: reading, signature, seal and proof.
func BenchmarkCountersign(b *testing.B) {
	private, key := seed("seal-1"), passwordKey(password1)
	public, err := offline.SealPublic(private)
	if err != nil {
		b.Fatal(err)
	}
	c := offline.Countersign{Information: offline.Information{
		Application: offline.Application{Serial: make([]byte, 16), Handset: "handset-1", Device: "till-1", Service: "coffee", Amount: 5000, Currency: "EUR"},
		Level:       2, Challenge: make([]byte, 32), IssuedAt: 1767225600, ExpiresAt: 1767225660, Issuer: issuer, SealKey: public,
	}}
	bound, err := c.Bound()
	if err != nil {
		b.Fatal(err)
	}
	if c.SealedProof, err = offline.SealProof(bytes.NewReader(make([]byte, 32)), public, offline.Proof(key, bound), offline.Seal(bound)); err != nil {
		b.Fatal(err)
	}
	payload, err := c.Fields().Encode()
	if err != nil {
		b.Fatal(err)
	}
	sent, err := signer("handset-1").Sign(offline.DomainCountersign, payload)
	if err != nil {
		b.Fatal(err)
	}
	handset := signer("handset-1").Public()

	read := func(b *testing.B) (offline.Envelope, offline.Countersign) {
		e, err := offline.ParseEnvelope(sent, offline.Leniency{})
		if err != nil {
			b.Fatal(err)
		}
		says, err := offline.ParseCountersign(e.Payload, offline.Leniency{})
		if err != nil {
			b.Fatal(err)
		}
		return e, says
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			read(b)
		}
	})
	b.Run("signature", func(b *testing.B) {
		e, _ := read(b)
		b.ReportAllocs()
		for b.Loop() {
			if !e.Holds(offline.DomainCountersign, handset) {
				b.Fatal("the signature does not hold")
			}
		}
	})
	b.Run("proof", func(b *testing.B) {
		_, says := read(b)
		b.ReportAllocs()
		for b.Loop() {
			bound, err := says.Bound()
			if err != nil {
				b.Fatal(err)
			}
			proof, err := offline.OpenProof(private, says.SealedProof, offline.Seal(bound))
			if err != nil || !bytes.Equal(proof, offline.Proof(key, bound)) {
				b.Fatal("the proof is not right")
			}
		}
	})
}
