package offline_test

import (
	"bytes"
	"testing"

	"github.com/veraison/go-cose"

	"countersign/actors/offline"
)

// FuzzParse looks for bytes that two readers read differently: what is taken strictly is the one encoding of what it
// says, and says the same to a lenient reader.
func FuzzParse(f *testing.F) {
	application := offline.Application{Serial: make([]byte, 16), Handset: "handset-1", Device: "till-1", Service: "coffee", Amount: 350, Currency: "EUR"}
	information := offline.Information{Application: application, Level: 1, Challenge: make([]byte, 32), IssuedAt: 1, ExpiresAt: 61, Issuer: issuer}
	for _, fields := range []offline.Fields{
		application.Fields(), information.Fields(),
		offline.Countersign{Information: information, Proof: make([]byte, 32)}.Fields(),
		offline.Decision{Serial: application.Serial, Approved: true, Result: []byte{1}}.Fields(),
		offline.Result{Application: application, Level: 1, Challenge: information.Challenge, IssuedAt: 1, Issuer: issuer}.Fields(),
		offline.Refusal{Error: "serial_used"}.Fields(),
	} {
		seed, err := fields.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
		envelope, err := signer("handset-1").Sign(offline.DomainCountersign, seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(envelope)
		f.Add(append([]byte{0xd2, 0xc6}, envelope[1:]...)) // a tag within the tag
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, data, offline.ParseApplication)
		check(t, data, offline.ParseInformation)
		check(t, data, offline.ParseCountersign)
		check(t, data, offline.ParseDecision)
		check(t, data, offline.ParseResult)
		check(t, data, offline.ParseRefusal)
		strict, err := offline.ParseEnvelope(data, offline.Leniency{})
		if err != nil {
			return
		}
		lenient, err := offline.ParseEnvelope(data, offline.Core())
		if err != nil || !bytes.Equal(strict.Payload, lenient.Payload) || strict.IsEdDSA() != lenient.IsEdDSA() {
			t.Fatalf("strict and lenient readers see two envelopes in %x: %v", data, err)
		}
		holds := strict.Holds(offline.DomainCountersign, signer("handset-1").Public())
		if _, named := strict.KeyID(); !named || !strict.IsEdDSA() {
			return
		}
		var read cose.Sign1Message
		if err := read.UnmarshalCBOR(data); err != nil || !bytes.Equal(read.Payload, strict.Payload) {
			t.Fatalf("the library reads %x in %x: %v", read.Payload, data, err)
		}
		verifier, err := cose.NewVerifier(cose.AlgorithmEdDSA, signer("handset-1").Public())
		if err != nil {
			t.Fatal(err)
		}
		if verified := read.Verify([]byte(offline.DomainCountersign), verifier) == nil; verified != holds {
			t.Fatalf("the signature of %x holds: %t; by the library: %t", data, holds, verified)
		}
	})
}

func check[M interface{ Fields() offline.Fields }](t *testing.T, data []byte, parse func([]byte, offline.Leniency) (M, error)) {
	t.Helper()
	strict, err := parse(data, offline.Leniency{})
	if err != nil {
		return
	}
	again, err := strict.Fields().Encode()
	if err != nil || !bytes.Equal(again, data) {
		t.Fatalf("%x is read strictly as %+v, which is written %x: %v", data, strict, again, err)
	}
	lenient, err := parse(data, offline.Core())
	if err != nil {
		t.Fatalf("%x is read strictly, not leniently: %v", data, err)
	}
	if seen, err := lenient.Fields().Encode(); err != nil || !bytes.Equal(seen, data) {
		t.Fatalf("strict and lenient readers see two messages in %x", data)
	}
}
