package offline

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"countersign/conformance/vectors"
)

// examples makes messages with the values of section 8 of the profile. What is random there comes from names as the private keys do.
type examples struct {
	server, handset signer
	issuer          string
	all             []vectors.Message
}

// Examples are the messages of the profile byte for byte, right ones and such with one fault each.
func Examples() []vectors.Message {
	setup := Default()
	own := setup.Handsets[0]
	x := &examples{
		server:  signer{setup.ServerKey.KeyID, must(setup.ServerKey.Key.Ed25519())},
		handset: signer{own.ID, must(own.Key.Ed25519())},
		issuer:  setup.Issuer,
	}
	asked, dear := x.asking("serial-1", 350), x.asking("serial-2", 5000)
	const issuedAt, expiresAt = 1767225600, 1767225660
	low := newInformation(asked, named("challenge-1"), issuedAt, expiresAt, x.issuer, nil)
	high := newInformation(dear, named("challenge-2"), issuedAt, expiresAt, x.issuer, must(sealPublic(named("seal-1"))))
	x.applications(asked, dear)
	x.informations(low, high)
	x.countersigns(low, high)
	result := x.results(low)
	x.decisions(asked, result)
	x.frames(asked)
	return x.all
}

// named are 32 bytes that come from a name: section 8.
func named(name string) []byte {
	sum := sha256.Sum256([]byte("offline@1 " + name))
	return sum[:]
}

func (x *examples) asking(serial string, amount uint64) fields {
	return newApplication(named(serial)[:16], x.handset.id, "till-1", "coffee", amount, "EUR")
}

// right adds a right message.
func (x *examples) right(id, kind, section, title string, b []byte, parts ...vectors.Part) vectors.Message {
	m := vectors.Message{ID: id, Kind: kind, Section: section, Title: title, Valid: true, Hex: hex.EncodeToString(b), MadeOf: parts}
	x.all = append(x.all, m)
	return m
}

// wrong adds a message with one fault.
func (x *examples) wrong(of vectors.Message, id, fault string, b []byte) {
	x.all = append(x.all, of.Wrong(id, fault, b))
}

// diagnosed is a map in the diagnostic notation of RFC 8949 section 8.
func diagnosed(f fields) vectors.Part {
	return vectors.Text("diagnostic notation", must(cbor.Diagnose(f.encode())))
}

func (x *examples) applications(asked, dear fields) {
	m := x.right("application", "application", "2.1", "350 at the till, for coffee: below the threshold", asked.encode(), diagnosed(asked))
	x.right("application-dear", "application", "2.1", "5000 at the till, for coffee: at the threshold", dear.encode(), diagnosed(dear))
	for i, bad := range asked.badEncodings() {
		x.wrong(m, fmt.Sprintf("encoding-%d", i+1), bad.what, bad.data)
	}
	x.wrong(m, "doubled", "with amount twice", asked.doubled(keyAmount, uint64(1), true))
	x.wrong(m, "unknown-key", "with a key 20", asked.with(20, true).encode())
	x.wrong(m, "no-currency", "without currency", asked.without(keyCurrency).encode())
	x.wrong(m, "short-serial", "with a serial of 15 bytes", asked.with(keySerial, asked.bytes(keySerial)[:15]).encode())
	x.wrong(m, "text-amount", "with amount as a text", asked.with(keyAmount, "350").encode())
	x.wrong(m, "great-amount", "with an amount of 2^53", asked.with(keyAmount, uint64(1)<<53).encode())
	x.wrong(m, "currency", "with a currency in small letters", asked.with(keyCurrency, "eur").encode())
	x.wrong(m, "type", "with the type of information", asked.with(keyType, typeInformation).encode())
	x.wrong(m, "trailing", "with a byte after the item", append(asked.encode(), 0))
}

// signed are the parts of an envelope.
func (x *examples) signed(by signer, domain string, f fields) (envelope, []vectors.Part) {
	e := by.envelope(domain, f.encode())
	return e, []vectors.Part{
		diagnosed(f), vectors.Bytes("payload", e.payload), vectors.Bytes("protected header", e.protected),
		vectors.Bytes("Sig_structure", toBeSigned(e.protected, domain, e.payload)),
		vectors.Bytes("private key of "+by.id, by.key.Seed()), vectors.Bytes("public key of "+by.id, by.public()), vectors.Bytes("signature", e.signature),
	}
}

// misSigned adds what can be wrong with every envelope.
func (x *examples) misSigned(m vectors.Message, by signer, domain, another string, f fields) {
	untagged, unprotected, damaged := by.envelope(domain, f.encode()), by.envelope(domain, f.encode()), by.envelope(domain, f.encode())
	untagged.untagged, unprotected.unprotected = true, []byte{0xa1, 0x04, 0x40}
	damaged.signature[63] ^= 1
	x.wrong(m, "untagged", "without tag 18", untagged.encode())
	x.wrong(m, "unprotected", "with a parameter in the unprotected header", unprotected.encode())
	x.wrong(m, "signature", "with another bit in the signature", damaged.encode())
	x.wrong(m, "domain", "signed as "+another, by.sign(another, f))
	x.wrong(m, "algorithm", "with alg ES256 in the protected header", by.under(protectedHeader(algorithmES256, []byte(by.id)), domain, f.encode()).encode())
	x.wrong(m, "stranger", "signed with the private key of handset-2", signer{by.id, must(KeyOf("handset-2").Ed25519())}.sign(domain, f))
	x.wrong(m, "trailing", "with a byte after the item", append(by.sign(domain, f), 0))
}

func (x *examples) informations(low, high fields) {
	e, parts := x.signed(x.server, domainInformation, low)
	m := x.right("information", "information", "2.2", "for the application, at level 1", e.encode(), parts...)
	x.misSigned(m, x.server, domainInformation, domainResult, low)
	e, parts = x.signed(x.server, domainInformation, high)
	parts = append([]vectors.Part{vectors.Bytes("private key of seal_key", named("seal-1"))}, parts...)
	m = x.right("information-dear", "information", "2.2", "for the dear application, at level 2", e.encode(), parts...)
	x.wrong(m, "no-seal", "at level 2 without seal_key", x.server.sign(domainInformation, high.without(keySealKey)))
}

func (x *examples) countersigns(low, high fields) {
	plain := newCountersign(low)
	e, parts := x.signed(x.handset, domainCountersign, plain)
	m := x.right("countersign", "countersign", "2.2", "of the information at level 1", e.encode(), parts...)
	x.misSigned(m, x.handset, domainCountersign, domainInformation, plain)

	const password = "sesame"
	salt, ikm := named("salt")[:16], named("ephemeral-1")
	key := passwordKey(password, salt)
	wants := newCountersign(high)
	b := bound(wants)
	proven := must(withProof(bytes.NewReader(ikm), wants, key))
	ephemeral := must(hpke.DHKEM(ecdh.X25519()).DeriveKeyPair(ikm))
	e, parts = x.signed(x.handset, domainCountersign, proven)
	parts = append([]vectors.Part{
		vectors.Text("password", password), vectors.Bytes("salt", salt), vectors.Bytes("password key", key), vectors.Bytes("bound bytes", b),
		vectors.Bytes("proof", proofFor(key, b)), vectors.Bytes("info", sealInfo(b)), vectors.Bytes("ikmE (RFC 9180 section 7.1.3)", ikm),
		vectors.Bytes("ephemeral private key", must(ephemeral.Bytes())), vectors.Bytes("sealed_proof", proven.bytes(keySealedProof)),
	}, parts...)
	m = x.right("countersign-dear", "countersign", "2.3", "of the information at level 2, with the sealed proof of the password", e.encode(), parts...)
	sealing := func(info, proof []byte) []byte {
		return x.handset.sign(domainCountersign, wants.with(keySealedProof, must(sealTo(bytes.NewReader(ikm), high.bytes(keySealKey), info, proof))))
	}
	x.wrong(m, "bare", "with the proof bare", x.handset.sign(domainCountersign, wants.with(keyProof, proofFor(key, b))))
	x.wrong(m, "password", "with the proof of the password \"sesam\"", sealing(sealInfo(b), proofFor(passwordKey("sesam", salt), b)))
	x.wrong(m, "info", "with the proof sealed for an amount of 4999", sealing(sealInfo(bound(wants.with(keyAmount, uint64(4999)))), proofFor(key, b)))
	x.wrong(m, "none", "without a proof", x.handset.sign(domainCountersign, wants))
	x.wrong(m, "amount", "with an amount of 4999", x.handset.sign(domainCountersign, proven.with(keyAmount, uint64(4999))))
	x.wrong(m, "challenge", "with another challenge", x.handset.sign(domainCountersign, proven.with(keyChallenge, named("challenge-1"))))
	x.wrong(m, "both", "with proof and sealed_proof", x.handset.sign(domainCountersign, proven.with(keyProof, proofFor(key, b))))
}

func (x *examples) results(low fields) []byte {
	const judgedAt = 1767225605
	yes := newResult(low, judgedAt, true)
	e, parts := x.signed(x.server, domainResult, yes)
	m := x.right("result", "result", "2.2", "of the countersign at level 1: verified", e.encode(), parts...)
	x.misSigned(m, x.server, domainResult, domainInformation, yes)
	x.right("result-no", "result", "2.2", "of another one: not verified", x.server.sign(domainResult, newResult(low, judgedAt, false)))
	return e.encode()
}

func (x *examples) decisions(asked fields, result []byte) {
	serial := asked.bytes(keySerial)
	yes, no := newDecision(serial, true, result, ""), newDecision(serial, false, nil, "no_result")
	m := x.right("decision", "decision", "2.1", "approved, with the result", yes.encode(), diagnosed(yes))
	x.wrong(m, "approved", "with approved as a number", yes.with(keyApproved, uint64(1)).encode())
	x.right("decision-no", "decision", "2.1", "refused, since no result came", no.encode(), diagnosed(no))
	refusal := newRefusal("unknown_service", serial)
	m = x.right("refusal", "refusal", "2.1", "of an application for a service that the server does not have", refusal.encode(), diagnosed(refusal))
	x.wrong(m, "no-error", "without error", refusal.without(keyError).encode())
}

func (x *examples) frames(asked fields) {
	session := [4]byte(named("session"))
	const smallest = 64
	parts := cut(session, linkApplication, asked.encode(), smallest)
	var first vectors.Message
	for i, f := range parts {
		b := f.bytes()
		m := x.right(fmt.Sprintf("frame-%d", i+1), "frame", "4.1", fmt.Sprintf("DATA, fragment %d of %d of the application, for a link whose frames have 64 bytes", i+1, len(parts)), b,
			vectors.Bytes("payload", f.payload), vectors.Bytes("checksum", b[len(b)-4:]))
		if i == 0 {
			first = m
		}
	}
	for _, f := range []frame{
		{kind: frameAck, session: session, message: linkApplication}, {kind: framePoll, session: session, message: linkInformation}, {kind: frameWait, session: session, message: linkInformation},
	} {
		name, _, _ := strings.Cut(f.String(), " ")
		x.right("frame-"+strings.ToLower(name), "frame", "4.1", f.String(), f.bytes())
	}
	f := parts[0]
	b := f.bytes()
	x.wrong(first, "checksum", "with another bit in the checksum", flipped(b, -1))
	x.wrong(first, "payload", "with another bit in the payload", flipped(b, frameHeader))
	x.wrong(first, "length", "with a length greater by one, and the checksum right for it", f.saying(len(f.payload)+1))
	x.wrong(first, "crc", "with the checksum in little-endian", binary.LittleEndian.AppendUint32(b[:len(b)-4:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])))
	for _, other := range []struct {
		id, fault string
		change    func(*frame)
	}{
		{"type", "with the type 5", func(f *frame) { f.kind = 5 }},
		{"count", "with the count 0", func(f *frame) { f.count = 0 }},
		{"index", "with an index that is the count", func(f *frame) { f.index = f.count }},
		{"empty", "without payload", func(f *frame) { f.payload = nil }},
	} {
		lie := f
		other.change(&lie)
		x.wrong(first, other.id, other.fault, lie.bytes())
	}
	text := pictureMark + base45(b)
	shown := vectors.Message{ID: "picture", Kind: "text of a QR code", Section: "4.4", Title: "the first frame as the text of a picture's code", Valid: true, Text: text, MadeOf: []vectors.Part{vectors.Bytes("frame", b)}}
	x.all = append(x.all, shown,
		shown.WrongText("mark", "without CSO1: before it", base45(b)),
		shown.WrongText("digit", "with a character that is not of Base45", text[:len(text)-1]+"_"),
	)
}
