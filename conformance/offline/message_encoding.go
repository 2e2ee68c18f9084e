package offline

import (
	"encoding/binary"
	"maps"
	"slices"
)

// entry is a key of a map and its value, each encoded.
type entry struct{ key, value []byte }

// entries are those of the map, in deterministic order.
func (f fields) entries() []entry {
	var all []entry
	for _, key := range slices.Sorted(maps.Keys(f)) {
		all = append(all, entry{encoded(key), encoded(f[key])})
	}
	return all
}

// rawMap writes a map of entries as they stand, whatever their order, and whether one comes twice or not.
func rawMap(entries []entry) []byte {
	return append(head(5, uint64(len(entries))), joined(entries)...)
}

func joined(entries []entry) []byte {
	var out []byte
	for _, e := range entries {
		out = append(append(out, e.key...), e.value...)
	}
	return out
}

// The initial byte and the argument of an item: RFC 8949 section 3.
func head(major byte, argument uint64) []byte {
	switch {
	case argument < 24:
		return []byte{major<<5 | byte(argument)}
	case argument < 1<<8:
		return []byte{major<<5 | 24, byte(argument)}
	case argument < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(argument))
	case argument < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(argument))
	default:
		return longHead(major, argument)
	}
}

// longHead writes the argument in eight bytes, few as would do.
func longHead(major byte, argument uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, argument)
}

// wrongBytes are bytes in place of a message; what says what is wrong with them.
type wrongBytes struct {
	what string
	data []byte
}

// badEncodings are the message as it is, in ways that are well-formed CBOR and not deterministic (RFC 8949 section 4.2.1).
func (f fields) badEncodings() []wrongBytes {
	swapped := f.entries()
	swapped[len(swapped)-1], swapped[len(swapped)-2] = swapped[len(swapped)-2], swapped[len(swapped)-1]
	swap := func(key uint64, value []byte) []byte {
		entries := f.entries()
		i := slices.IndexFunc(entries, func(e entry) bool { return slices.Equal(e.key, encoded(key)) })
		entries[i].value = value
		return rawMap(entries)
	}
	longKey := f.entries()
	longKey[0].key = longHead(0, keyType)
	serial, handset := f.bytes(keySerial), f.text(keyHandset)
	return []wrongBytes{
		{"with an integer longer than need be", swap(keyAmount, longHead(0, f.number(keyAmount)))},
		{"with a key longer than need be", rawMap(longKey)},
		{"with keys out of order", rawMap(swapped)},
		{"with the length of a byte string longer than need be", swap(keySerial, append(longHead(2, uint64(len(serial))), serial...))},
		{"with the length of a text longer than need be", swap(keyHandset, append(longHead(3, uint64(len(handset))), handset...))},
		{"with the size of its map longer than need be", append(longHead(5, uint64(len(f))), joined(f.entries())...)},
		{"as a map of indefinite length", append(append([]byte{0xbf}, joined(f.entries())...), 0xff)},
		{"with a byte string of indefinite length", swap(keySerial, slices.Concat([]byte{0x5f}, encoded(serial[:8]), encoded(serial[8:]), []byte{0xff}))},
	}
}

// doubled is the message with one key twice: with another value first, and then with its own, or the other way round.
func (f fields) doubled(key uint64, other any, otherFirst bool) []byte {
	var all []entry
	for _, e := range f.entries() {
		if !slices.Equal(e.key, encoded(key)) {
			all = append(all, e)
			continue
		}
		lie := entry{e.key, encoded(other)}
		if otherFirst {
			all = append(all, lie, e)
		} else {
			all = append(all, e, lie)
		}
	}
	return rawMap(all)
}
