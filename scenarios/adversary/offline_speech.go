package adversary

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/fxamacker/cbor/v2"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/scenarios/till"
	"countersign/sim"
)

// nearSpeech is what the parties of the offline flow speak: maps of CBOR, signed or not, in frames or not.
type nearSpeech struct {
	stage *till.Stage
	keys  map[string]bool       // handsets whose keys the attacker has
	read  map[utterance][]Field // of what was read before
	known map[utterance]*message
}

// utterance is all of a message that its reading depends on.
type utterance struct {
	framed, picture bool
	body            string
}

func utteranceOf(m *sim.Message) utterance {
	return utterance{till.NearField(m), m.Header.Get("Content-Type") == nearfield.PictureType, string(m.Body)}
}

func newNearSpeech(st *till.Stage) *nearSpeech {
	return &nearSpeech{stage: st, keys: map[string]bool{till.MallorysHandset: true}, read: map[utterance][]Field{}, known: map[utterance]*message{}}
}

// message is what stands in a body.
type message struct {
	frame    *nearfield.Frame // nil for what goes to the server
	content  []byte           // of the message; nil for a frame that holds none, or a part of one
	envelope *cast.Envelope   // nil for what is not signed
	fields   cast.Fields
	signer   string
}

// domains are under what each type of message is signed.
var domains = map[cast.Type]cast.Domain{
	cast.TypeInformation: cast.DomainInformation, cast.TypeCountersign: cast.DomainCountersign, cast.TypeResult: cast.DomainResult,
}

// entry is one of a message's map.
type entry struct {
	key  uint64
	name string
	kind string // of term; empty for what no attacker has a use for
}

// entries are all that maps may have, in the order of their keys.
var entries = []entry{
	{cast.KeySerial, "serial", serial}, {cast.KeyHandset, "handset", handset}, {cast.KeyDevice, "device", device}, {cast.KeyService, "service", service},
	{cast.KeyAmount, "amount", amount}, {cast.KeyCurrency, "currency", currency}, {cast.KeyLevel, "level", level}, {cast.KeyChallenge, "challenge", challenge},
	{cast.KeyIssuedAt, "issued_at", moment}, {cast.KeyExpiresAt, "expires_at", moment}, {cast.KeyIssuer, "issuer", server}, {cast.KeySealKey, "seal_key", sealKey},
	{cast.KeyProof, "proof", ""}, {cast.KeySealedProof, "sealed_proof", sealedProof}, {cast.KeyVerified, "verified", yesNo}, {cast.KeyResult, "result", result},
	{cast.KeyApproved, "approved", yesNo}, {cast.KeyError, "error", ""},
}

// Fields implements [Speech].
func (s *nearSpeech) Fields(m *sim.Message) []Field {
	if refused(m) {
		return nil
	}
	said := utteranceOf(m)
	fields, known := s.read[said]
	if !known {
		fields = s.fields(m)
		s.read[said] = fields
	}
	return fields
}

// refused reports whether a message is an answer that says no in HTTP, which is none of this speech.
func refused(m *sim.Message) bool { return m.Kind == sim.Response && m.Status != http.StatusOK }

func (s *nearSpeech) fields(m *sim.Message) (fields []Field) {
	said := s.open(m)
	if said == nil {
		return nil
	}
	if f := said.frame; f != nil {
		fields = append(fields, Field{"frame", "session", f.Session.String() + f.Session.String()},
			Field{"frame", "frame", fmt.Sprintf("type %d of message %d, part %d of %d", f.Type, f.Message, f.Index, f.Count)})
		if said.content == nil && len(f.Payload) > 0 {
			fields = append(fields, Field{"frame", "payload", hex.EncodeToString(f.Payload)})
		}
	}
	return append(fields, s.of(said)...)
}

// of are the fields of a message that has come whole.
func (s *nearSpeech) of(said *message) (fields []Field) {
	if said == nil || said.fields == nil {
		return nil
	}
	if e := said.envelope; e != nil {
		kid, _ := e.KeyID()
		fields = append(fields, Field{"cose", "kid", kid}, Field{"cose", "EdDSA", strconv.FormatBool(e.IsEdDSA())}, Field{"cose", "algorithm", ""}, Field{"cose", "signed by", said.signer})
	}
	kind := cast.Type(said.number(cast.KeyType))
	canonical := string(till.Encode(said.fields)) == string(said.payload())
	fields = append(fields, Field{"cbor", "type", kind.String()}, Field{"cbor", "canonical", fmt.Sprintf("%t, %d entries", canonical, len(said.fields))},
		Field{"cbor", encoding, ""}, Field{whole, kind.String(), string(said.content)})
	for _, n := range entries {
		switch v := said.fields[n.key].(type) {
		case nil:
		case []byte:
			if n.whole() {
				fields = append(fields, Field{"cbor", n.name, "there"}, Field{whole, n.name, string(v)})
			} else {
				fields = append(fields, Field{"cbor", n.name, hex.EncodeToString(v)})
			}
			if n.key == cast.KeyResult { // what stands in it is said too
				for _, f := range s.of(s.readBody(v, false)) {
					fields = append(fields, Field{"result", f.Name, f.Value})
				}
			}
		default:
			fields = append(fields, Field{"cbor", n.name, fmt.Sprint(v)})
		}
	}
	return fields
}

// whole reports whether an entry is a term as a whole, and holds what is drawn to sign or to seal.
func (e entry) whole() bool { return e.key == cast.KeyResult || e.key == cast.KeySealedProof }

func (m *message) payload() []byte {
	if m.envelope != nil {
		return m.envelope.Payload
	}
	return m.content
}

func (m *message) number(key uint64) uint64 { n, _ := m.fields[key].(uint64); return n }

// open reads a body; nil for what is none of this speech.
func (s *nearSpeech) open(m *sim.Message) *message {
	if refused(m) {
		return nil
	}
	u := utteranceOf(m)
	if said, known := s.known[u]; known {
		return said
	}
	body := m.Body
	if u.picture {
		f, _ := s.stage.Frame(m) // what is no picture of a frame is no frame
		body = f.Bytes()
	}
	said := s.readBody(body, u.framed)
	s.known[u] = said
	return said
}

func (s *nearSpeech) readBody(body []byte, framed bool) *message {
	said := &message{content: body}
	if framed {
		f, err := nearfield.Parse(body)
		if err != nil {
			return nil
		}
		if said.frame, said.content = &f, f.Payload; f.Type != nearfield.Data || f.Count != 1 {
			said.content = nil
			return said
		}
	}
	if e, err := cast.ParseEnvelope(said.content, cast.Core()); err == nil {
		said.envelope = &e
	}
	if cbor.Unmarshal(said.payload(), &said.fields) != nil || said.number(cast.KeyType) == 0 {
		if said.frame == nil {
			return nil
		}
		said.fields = nil
		return said
	}
	if said.envelope != nil {
		said.signer = s.stage.Signed(*said.envelope, domains[cast.Type(said.number(cast.KeyType))])
	}
	return said
}

// With implements [Speech]. What was signed is signed anew: with the signer's key if the attacker has it, and else with her own.
func (s *nearSpeech) With(m sim.Message, f Field, value string) sim.Message {
	said := s.open(&m)
	if said == nil {
		return m
	}
	m = m.Clone()
	m.Body = s.changed(said, f, value)
	if said.frame != nil {
		frame := *said.frame
		frame.Payload = m.Body
		m.Body = frame.Bytes()
	}
	return m
}

// changed is a message with another value in a field.
func (s *nearSpeech) changed(said *message, f Field, value string) []byte {
	switch {
	case f.In == whole && f.Name == cast.Type(said.number(cast.KeyType)).String():
		return []byte(value)
	case f.In == "frame" || said.fields == nil:
		return said.content
	}
	fields := cast.Fields{}
	maps.Copy(fields, said.fields)
	if i := slices.IndexFunc(entries, func(e entry) bool { return f.In != "cose" && e.name == f.Name }); i >= 0 {
		entries[i].put(fields, value)
	}
	payload := till.Encode(fields)
	if f.Name == encoding {
		payload = inAnotherWay(fields, value)
	}
	if said.envelope == nil {
		return payload
	}
	const edDSA, es256 = -8, -7 // RFC 9053
	algorithm, kid, signer := int64(edDSA), "", said.signer
	kid, _ = said.envelope.KeyID()
	if !s.keys[signer] {
		signer = till.MallorysHandset
	}
	switch {
	case f.In == "cose" && f.Name == "kid":
		kid = value
	case f.In == "cose" && f.Name == "algorithm":
		algorithm = es256
	}
	return till.Seals(signer, kid, algorithm, domains[cast.Type(said.number(cast.KeyType))], payload)
}

// put puts a value into a map, where one is.
func (e entry) put(fields cast.Fields, value string) {
	switch fields[e.key].(type) {
	case uint64:
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			fields[e.key] = n
		}
	case bool:
		fields[e.key] = value == "true"
	case []byte:
		raw, err := hex.DecodeString(value)
		if err != nil || e.whole() {
			raw = []byte(value)
		}
		fields[e.key] = raw
	default:
		fields[e.key] = value
	}
}

// The ways in which a map can be written so that readers differ about it.
const (
	longNumber = "the amount in eight bytes"
	twice      = "the amount twice"
	moreToRead = "an entry that nobody knows"
)

// inAnotherWay writes a map so that it can be read in different ways.
func inAnotherWay(fields cast.Fields, way string) []byte {
	value, _ := fields[cast.KeyAmount].(uint64)
	switch way {
	case longNumber:
		const eightBytes = 0x1b // that follow (RFC 8949 section 3)
		fields[cast.KeyAmount] = cbor.RawMessage(binary.BigEndian.AppendUint64([]byte{eightBytes}, value))
	case moreToRead:
		const unknown = 99
		fields[unknown] = uint64(1)
	case twice:
		before, after := cast.Fields{}, cast.Fields{}
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			if key <= cast.KeyAmount {
				before[key] = fields[key]
			} else {
				after[key] = fields[key]
			}
		}
		b := till.Encode(before)
		b = append(b, till.Encode(cast.Fields{cast.KeyAmount: value})[1:]...) // without the head of its map
		b = append(b, till.Encode(after)[1:]...)
		b[0] += byte(1 + len(after)) // the head counts entries, fewer than 23
		return b
	}
	return till.Encode(fields)
}
