package offline

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// Type is the number of a message.
type Type uint64

// The messages (profile section 2.1).
const (
	TypeApplication Type = iota + 1
	TypeInformation
	TypeCountersign
	TypeDecision
	TypeResult
	TypeRefusal
)

func (t Type) String() string {
	return [...]string{"message", "application", "information", "countersign", "decision", "result", "refusal"}[t]
}

// The keys of messages (profile section 2.1).
const (
	KeyType uint64 = iota + 1
	KeySerial
	KeyHandset
	KeyDevice
	KeyService
	KeyAmount
	KeyCurrency
	KeyLevel
	KeyChallenge
	KeyIssuedAt
	KeyExpiresAt
	KeyIssuer
	KeySealKey
	KeyProof
	KeySealedProof
	KeyVerified
	KeyResult
	KeyApproved
	KeyError
)

// keys gives the keys that a message must have, and those that it may have.
func (t Type) keys() (required, optional []uint64) {
	all := [...]uint64{KeyType, KeySerial, KeyHandset, KeyDevice, KeyService, KeyAmount, KeyCurrency, KeyLevel, KeyChallenge, KeyIssuedAt, KeyExpiresAt, KeyIssuer}
	switch t {
	case TypeApplication:
		return all[:KeyCurrency], nil
	case TypeInformation:
		return all[:], []uint64{KeySealKey}
	case TypeCountersign:
		return all[:], []uint64{KeySealKey, KeyProof, KeySealedProof}
	case TypeDecision:
		return []uint64{KeyType, KeySerial, KeyApproved}, []uint64{KeyResult, KeyError}
	case TypeResult:
		return append(all[:KeyIssuedAt:KeyIssuedAt], KeyIssuer, KeyVerified), nil
	default:
		return []uint64{KeyType, KeyError}, []uint64{KeySerial}
	}
}

// The major types of CBOR that values have (RFC 8949 section 3.1).
const (
	majorNumber byte = 0
	majorBytes  byte = 2
	majorText   byte = 3
	majorArray  byte = 4
	majorMap    byte = 5
	majorTag    byte = 6
	majorSimple byte = 7
)

func major(item []byte) byte { return item[0] >> 5 }

// value says what may stand under a key: least and most are bounds of a number, or of a length in bytes.
type value struct {
	name        string
	major       byte
	least, most uint64
}

func valueOf(key uint64) value {
	const biggest = 1<<53 - 1
	return [...]value{
		KeyType:        {"type", majorNumber, 1, 6},
		KeySerial:      {"serial", majorBytes, 16, 16},
		KeyHandset:     {"handset", majorText, 1, 32},
		KeyDevice:      {"device", majorText, 1, 32},
		KeyService:     {"service", majorText, 1, 32},
		KeyAmount:      {"amount", majorNumber, 0, biggest},
		KeyCurrency:    {"currency", majorText, 3, 3},
		KeyLevel:       {"level", majorNumber, 1, 2},
		KeyChallenge:   {"challenge", majorBytes, 32, 32},
		KeyIssuedAt:    {"issued_at", majorNumber, 0, math.MaxUint64},
		KeyExpiresAt:   {"expires_at", majorNumber, 0, math.MaxUint64},
		KeyIssuer:      {"issuer", majorText, 1, 128},
		KeySealKey:     {"seal_key", majorBytes, 32, 32},
		KeyProof:       {"proof", majorBytes, 32, 32},
		KeySealedProof: {"sealed_proof", majorBytes, 80, 80},
		KeyVerified:    {"verified", majorSimple, 0, 0},
		KeyResult:      {"result", majorBytes, 0, MaxMessage},
		KeyApproved:    {"approved", majorSimple, 0, 0},
		KeyError:       {"error", majorText, 1, 64},
	}[key]
}

// fits reports whether the value may stand under the key.
func (v value) fits(key uint64, decoded any) bool {
	switch d := decoded.(type) {
	case uint64:
		return v.major == majorNumber && d >= v.least && d <= v.most
	case []byte:
		return v.major == majorBytes && uint64(len(d)) >= v.least && uint64(len(d)) <= v.most
	case string:
		return v.major == majorText && uint64(len(d)) >= v.least && uint64(len(d)) <= v.most &&
			(key != KeyCurrency || strings.Trim(d, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "")
	case bool:
		return v.major == majorSimple
	}
	return false
}

// MalformedError says why bytes are no message of the profile.
type MalformedError struct {
	Message Type // zero for an envelope
	Problem string
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("offline: the %v is malformed: %s", e.Message, e.Problem)
}

func malformed(t Type, problem string, parts ...any) error {
	return &MalformedError{t, fmt.Sprintf(problem, parts...)}
}

// Leniency says what a reader lets pass. The zero value is what level hardened asks: nothing.
type Leniency struct {
	AnyEncoding   bool // well-formed is enough, deterministic or not
	DuplicateKeys bool // the last of several counts
	UnknownKeys   bool // they are ignored
	// AmountMayLack takes 0 for a missing amount.
	AmountMayLack bool
}

// Core is what readers at level core let pass: they read messages as far as they can be read.
func Core() Leniency { return Leniency{AnyEncoding: true, DuplicateKeys: true, UnknownKeys: true} }

// Fields are keys and values of a message: uint64, []byte, string or bool. A [cbor.RawMessage] is written as it stands.
type Fields map[uint64]any

// Encode gives the deterministic encoding.
func (f Fields) Encode() ([]byte, error) {
	data, err := deterministicMode.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("offline: a message cannot be encoded: %w", err)
	}
	return data, nil
}

func (f Fields) putBytes(key uint64, b []byte) {
	if b != nil {
		f[key] = b
	}
}

func (f Fields) putText(key uint64, text string) {
	if text != "" {
		f[key] = text
	}
}

func (f Fields) bytes(key uint64) []byte  { b, _ := f[key].([]byte); return b }
func (f Fields) text(key uint64) string   { t, _ := f[key].(string); return t }
func (f Fields) number(key uint64) uint64 { n, _ := f[key].(uint64); return n }
func (f Fields) truth(key uint64) bool    { is, _ := f[key].(bool); return is }

// mode is how the library decodes.
func (l Leniency) mode() cbor.DecMode {
	if l.DuplicateKeys {
		return lenientMode
	}
	return strictMode
}

var (
	deterministicMode = must(cbor.CoreDetEncOptions().EncMode())
	strictMode        = must(cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, MapKeyByteString: cbor.MapKeyByteStringAllowed}.DecMode())
	lenientMode       = must(cbor.DecOptions{DupMapKey: cbor.DupMapKeyQuiet, MapKeyByteString: cbor.MapKeyByteStringAllowed}.DecMode())
)

// must is for options that are constant.
func must[T any](mode T, err error) T {
	if err != nil {
		panic(err)
	}
	return mode
}

// read reads the map of a message (profile section 2.1).
func (l Leniency) read(data []byte, t Type) (Fields, error) {
	raw, err := l.readMap(data, t)
	if err != nil {
		return nil, err
	}
	f, named := Fields{}, 0
	required, optional := t.keys()
	for _, key := range slices.Concat(required, optional) {
		expected := valueOf(key)
		item, there := raw[key]
		if !there && key == KeyAmount && l.AmountMayLack {
			f[key] = uint64(0)
			continue
		}
		if !there {
			if slices.Contains(required, key) {
				return nil, malformed(t, "%s is missing", expected.name)
			}
			continue
		}
		named++
		var decoded any
		if major(item) != expected.major || l.mode().Unmarshal(item, &decoded) != nil || !expected.fits(key, decoded) {
			return nil, malformed(t, "%s has a wrong type or size", expected.name)
		}
		f[key] = decoded
	}
	if f[KeyType] != uint64(t) {
		return nil, malformed(t, "type is %v, not %d", f[KeyType], t)
	}
	if named < len(raw) && !l.UnknownKeys {
		return nil, malformed(t, "it has a key that it does not know")
	}
	return f, nil
}

// readMap reads the one map that data is; its values are not decoded yet.
func (l Leniency) readMap(data []byte, t Type) (map[any]cbor.RawMessage, error) {
	var raw map[any]cbor.RawMessage
	if err := l.mode().Unmarshal(data, &raw); err != nil {
		return nil, malformed(t, "%v", err)
	}
	if major(data) != majorMap {
		return nil, malformed(t, "it is no map")
	}
	if !l.AnyEncoding && !deterministic(data) {
		return nil, malformed(t, "its encoding is not deterministic")
	}
	return raw, nil
}
