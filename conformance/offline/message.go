package offline

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// The messages and the keys of their maps: section 2.1 of the profile.
const (
	typeApplication uint64 = iota + 1
	typeInformation
	typeCountersign
	typeDecision
	typeResult
	typeRefusal
)

const (
	keyType uint64 = iota + 1
	keySerial
	keyHandset
	keyDevice
	keyService
	keyAmount
	keyCurrency
	keyLevel
	keyChallenge
	keyIssuedAt
	keyExpiresAt
	keyIssuer
	keySealKey
	keyProof
	keySealedProof
	keyVerified
	keyResult
	keyApproved
	keyError
)

// maxMessage is how long a message may be, envelope included, in bytes.
const maxMessage = 2048

// keyName is what the profile calls a key.
func keyName(key uint64) string {
	names := []string{
		"type", "serial", "handset", "device", "service", "amount", "currency", "level", "challenge", "issued_at", "expires_at", "issuer",
		"seal_key", "proof", "sealed_proof", "verified", "result", "approved", "error",
	}
	if key < 1 || key > uint64(len(names)) {
		return fmt.Sprintf("key %d", key)
	}
	return names[key-1]
}

// fields are the map of a message: uint64, []byte, string or bool by key. A cbor.RawMessage is written as it stands.
type fields map[uint64]any

// with is a copy in which one value is another.
func (f fields) with(key uint64, value any) fields {
	other := maps.Clone(f)
	other[key] = value
	return other
}

// without is a copy that lacks keys.
func (f fields) without(keys ...uint64) fields {
	other := maps.Clone(f)
	for _, key := range keys {
		delete(other, key)
	}
	return other
}

// The values; zero where there is none of that type.
func (f fields) bytes(key uint64) []byte  { b, _ := f[key].([]byte); return b }
func (f fields) text(key uint64) string   { t, _ := f[key].(string); return t }
func (f fields) number(key uint64) uint64 { n, _ := f[key].(uint64); return n }
func (f fields) truth(key uint64) bool    { is, _ := f[key].(bool); return is }

// serial is that of the message, comparable.
func (f fields) serial() string { return string(f.bytes(keySerial)) }

// encode gives the deterministic encoding.
func (f fields) encode() []byte { return encoded(f) }

// differing names the first of keys whose value is not the other's; empty for none. A value that both lack is the same.
func (f fields) differing(other fields, keys ...uint64) string {
	for _, key := range keys {
		mine, his := f[key], other[key]
		if (mine == nil) != (his == nil) || mine != nil && !bytes.Equal(encoded(mine), encoded(his)) {
			return keyName(key)
		}
	}
	return ""
}

// describe says what stands under a key.
func (f fields) describe(key uint64) string {
	value, there := f[key]
	if !there {
		return "no " + keyName(key)
	}
	if b, ok := value.([]byte); ok {
		return fmt.Sprintf("%s is %x", keyName(key), b)
	}
	return fmt.Sprintf("%s is %v", keyName(key), value)
}

// applied are the keys of an application beside its type: what information, countersign and result repeat.
func applied() []uint64 {
	return []uint64{keySerial, keyHandset, keyDevice, keyService, keyAmount, keyCurrency}
}

// newApplication is message 1.
func newApplication(serial []byte, handset, device, service string, amount uint64, currency string) fields {
	return fields{
		keyType: typeApplication, keySerial: serial, keyHandset: handset, keyDevice: device, keyService: service, keyAmount: amount, keyCurrency: currency,
	}
}

// newInformation is message 2 for an application, at level 2 where there is a sealKey.
func newInformation(application fields, challenge []byte, issuedAt, expiresAt uint64, issuer string, sealKey []byte) fields {
	f := application.with(keyType, typeInformation)
	f[keyLevel], f[keyChallenge], f[keyIssuedAt], f[keyExpiresAt], f[keyIssuer] = uint64(1), challenge, issuedAt, expiresAt, issuer
	if sealKey != nil {
		f[keyLevel], f[keySealKey] = uint64(2), sealKey
	}
	return f
}

// newCountersign is message 3 for information, without a proof.
func newCountersign(information fields) fields { return information.with(keyType, typeCountersign) }

// newDecision is message 4. An empty result or error is left out.
func newDecision(serial []byte, approved bool, result []byte, code string) fields {
	f := fields{keyType: typeDecision, keySerial: serial, keyApproved: approved}
	if len(result) > 0 {
		f[keyResult] = result
	}
	if code != "" {
		f[keyError] = code
	}
	return f
}

// newResult is message 5 for information.
func newResult(information fields, issuedAt uint64, verified bool) fields {
	f := information.without(keyExpiresAt, keySealKey)
	f[keyType], f[keyIssuedAt], f[keyVerified] = typeResult, issuedAt, verified
	return f
}

// newRefusal is message 6. A nil serial is left out.
func newRefusal(code string, serial []byte) fields {
	f := fields{keyType: typeRefusal, keyError: code}
	if serial != nil {
		f[keySerial] = serial
	}
	return f
}

// keysOf gives the keys that a message must have and those that it may have.
func keysOf(message uint64) (required, optional []uint64) {
	common := append([]uint64{keyType}, applied()...)
	signed := append(slices.Clone(common), keyLevel, keyChallenge, keyIssuedAt, keyExpiresAt, keyIssuer)
	switch message {
	case typeApplication:
		return common, nil
	case typeInformation:
		return signed, []uint64{keySealKey}
	case typeCountersign:
		return signed, []uint64{keySealKey, keyProof, keySealedProof}
	case typeDecision:
		return []uint64{keyType, keySerial, keyApproved}, []uint64{keyResult, keyError}
	case typeResult:
		return append(common, keyLevel, keyChallenge, keyIssuedAt, keyIssuer, keyVerified), nil
	default:
		return []uint64{keyType, keyError}, []uint64{keySerial}
	}
}

// fits reports whether a value may stand under a key.
func fits(key uint64, value any) bool {
	size := func(least, most int) bool {
		b, ok := value.([]byte)
		return ok && len(b) >= least && len(b) <= most
	}
	letters := func(most int) bool {
		text, ok := value.(string)
		return ok && text != "" && len(text) <= most
	}
	number, isNumber := value.(uint64)
	_, isBool := value.(bool)
	switch key {
	case keyType, keyIssuedAt, keyExpiresAt:
		return isNumber
	case keySerial:
		return size(16, 16)
	case keyHandset, keyDevice, keyService:
		return letters(32)
	case keyAmount:
		return isNumber && number <= 1<<53-1
	case keyCurrency:
		text, _ := value.(string)
		return len(text) == 3 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	case keyLevel:
		return number == 1 || number == 2
	case keyChallenge, keySealKey, keyProof:
		return size(32, 32)
	case keyIssuer:
		return letters(128)
	case keySealedProof:
		return size(80, 80)
	case keyVerified, keyApproved:
		return isBool
	case keyResult:
		return size(1, maxMessage)
	case keyError:
		return letters(64)
	}
	return false
}

// readMessage reads a message that has to be well-formed in every way of section 2.1. The error says what is wrong.
func readMessage(data []byte, message uint64) (fields, error) {
	f, err := peekMessage(data)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(f.encode(), data) {
		return nil, fmt.Errorf("its encoding is not deterministic")
	}
	required, optional := keysOf(message)
	for _, key := range required {
		if _, there := f[key]; !there {
			return nil, fmt.Errorf("%s is missing", keyName(key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(required, key) && !slices.Contains(optional, key) {
			return nil, fmt.Errorf("it has %s, which has no place there", keyName(key))
		}
		if !fits(key, f[key]) {
			return nil, fmt.Errorf("%s has a wrong type or size", keyName(key))
		}
	}
	if f.number(keyType) != message {
		return nil, fmt.Errorf("type is %v and not %d", f[keyType], message)
	}
	if message == typeInformation && (f.number(keyLevel) == 2) != (f[keySealKey] != nil) {
		return nil, fmt.Errorf("seal_key does not stand at level 2 exactly")
	}
	if f[keyProof] != nil && f[keySealedProof] != nil {
		return nil, fmt.Errorf("proof and sealed_proof stand together")
	}
	return f, nil
}

// peekMessage reads a map with integer keys and judges no more than that: for messages that are on their way to another party.
func peekMessage(data []byte) (fields, error) {
	var f fields
	if err := strictMaps.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("it is no CBOR map with integer keys: %w", err)
	}
	if f == nil {
		return nil, fmt.Errorf("it is no CBOR map")
	}
	return f, nil
}

// members are those of a JSON object.
type members map[string]any

// with is a copy in which one member is another.
func (m members) with(name string, value any) members {
	other := maps.Clone(m)
	other[name] = value
	return other
}

var (
	deterministic = must(deterministicOptions().EncMode())
	strict        = must(strictOptions(cbor.TagsAllowed).DecMode())
	strictMaps    = must(strictOptions(cbor.TagsForbidden).DecMode())
)

// must is for what is constant, and for values that the harness itself made.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// encoded is the deterministic encoding of a value of the harness's own.
func encoded(value any) []byte { return must(deterministic.Marshal(value)) }

// decode reads one data item, with nothing after it.
func decode(data []byte, into any) error { return strict.Unmarshal(data, into) }

// deterministicOptions are those of RFC 8949 section 4.2.1; a nil byte string is an empty one.
func deterministicOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	return o
}

// strictOptions let neither duplicates nor indefinite lengths pass. Messages have no tags; envelopes are one.
func strictOptions(tags cbor.TagsMode) cbor.DecOptions {
	return cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: tags}
}
