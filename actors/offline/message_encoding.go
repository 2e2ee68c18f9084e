package offline

import (
	"bytes"
	"encoding/binary"
	"math"
)

// selfDescribed is the tag that says nothing (RFC 8949 section 3.4.6). The library passes over it, so that what has it would be read like what has not.
const selfDescribed = 55799

// deterministic reports whether a well-formed item is in deterministic encoding (RFC 8949 section 4.2.1). It judges
// no key that comes twice: that is another fault, with a guard of its own.
func deterministic(item []byte) bool {
	rest, ok := skipDeterministic(item)
	return ok && len(rest) == 0
}

// skipDeterministic takes one item off well-formed data, and says whether it is in deterministic encoding.
func skipDeterministic(data []byte) (rest []byte, ok bool) {
	argument, rest, ok := shortestHead(data)
	if !ok {
		return nil, false
	}
	switch major(data) {
	case majorBytes, majorText:
		return rest[argument:], true
	case majorArray:
		for range argument {
			if rest, ok = skipDeterministic(rest); !ok {
				return nil, false
			}
		}
	case majorMap:
		var before []byte
		for range argument {
			start := rest
			if rest, ok = skipDeterministic(rest); !ok {
				return nil, false
			}
			key := start[:len(start)-len(rest)]
			if bytes.Compare(before, key) > 0 {
				return nil, false
			}
			before = key
			if rest, ok = skipDeterministic(rest); !ok {
				return nil, false
			}
		}
	case majorTag:
		if argument == selfDescribed {
			return nil, false
		}
		return skipDeterministic(rest)
	case majorSimple:
		return rest, shortestFloat(data)
	}
	return rest, true
}

// shortestHead reads the initial byte of an item and the argument after it; ok is false when the argument could be
// shorter, or stands for an indefinite length.
func shortestHead(data []byte) (argument uint64, rest []byte, ok bool) {
	info := data[0] & 0x1f
	if info < 24 {
		return uint64(info), data[1:], true
	}
	if info > 27 {
		return 0, nil, false
	}
	size := 1 << (info - 24)
	padded := make([]byte, 8)
	copy(padded[8-size:], data[1:1+size])
	argument = binary.BigEndian.Uint64(padded)
	floor := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
	return argument, data[1+size:], argument >= floor || major(data) == majorSimple
}

// shortestFloat reports whether a number with a point cannot be written shorter. Messages have none; keys that are
// unknown may have any value.
func shortestFloat(item []byte) bool {
	var f float64
	switch item[0] & 0x1f {
	case 26:
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(item[1:])))
	case 27:
		f = math.Float64frombits(binary.BigEndian.Uint64(item[1:]))
	default:
		return true
	}
	shortest, err := deterministicMode.Marshal(f)
	return err == nil && len(shortest) == 1+1<<(item[0]&0x1f-24)
}
