package offline

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// The types of frames, and the messages by their numbers in frames: sections 4.1 and 4.2 of the profile.
const (
	frameData byte = iota + 1
	frameAck
	framePoll
	frameWait
)

const (
	linkApplication byte = iota
	linkInformation      // or a refusal
	linkCountersign
	linkDecision
)

const (
	frameHeader = 10
	// frameOverhead is what a frame has beside its payload, in bytes.
	frameOverhead = frameHeader + 4
)

// frame is one frame of the near-field link. What is wrong in it is written as it stands.
type frame struct {
	kind                  byte
	session               [4]byte
	message, index, count byte
	payload               []byte
}

func (f frame) String() string {
	switch f.kind {
	case frameData:
		return fmt.Sprintf("DATA of message %d, fragment %d of %d", f.message, f.index, f.count)
	case frameAck:
		return fmt.Sprintf("ACK of message %d, fragment %d", f.message, f.index)
	case framePoll:
		return fmt.Sprintf("POLL of message %d, fragment %d", f.message, f.index)
	case frameWait:
		return fmt.Sprintf("WAIT for message %d, fragment %d", f.message, f.index)
	}
	return fmt.Sprintf("a frame of type %d", f.kind)
}

// bytes is the frame as it goes over the link.
func (f frame) bytes() []byte { return f.saying(len(f.payload)) }

// saying is the frame with any length in its header, and the checksum that is right for it.
func (f frame) saying(length int) []byte {
	b := slices.Concat([]byte{f.kind}, f.session[:], []byte{f.message, f.index, f.count})
	b = append(binary.BigEndian.AppendUint16(b, uint16(length)), f.payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// flipped is a copy of a frame in which one bit of a byte is another, so that the checksum is wrong; a byte from the end where at is negative.
func flipped(b []byte, at int) []byte {
	other := slices.Clone(b)
	if at < 0 {
		at += len(other)
	}
	other[at] ^= 0x10
	return other
}

// readFrame reads a frame that has to be as section 4.1 says. The error says what is wrong.
func readFrame(b []byte) (frame, error) {
	if len(b) < frameOverhead {
		return frame{}, fmt.Errorf("it has %d bytes, fewer than any frame", len(b))
	}
	end := len(b) - 4
	if binary.BigEndian.Uint32(b[end:]) != crc32.ChecksumIEEE(b[:end]) {
		return frame{}, fmt.Errorf("its checksum is wrong")
	}
	f := frame{kind: b[0], session: [4]byte(b[1:5]), message: b[5], index: b[6], count: b[7], payload: b[frameHeader:end]}
	said := int(binary.BigEndian.Uint16(b[8:frameHeader]))
	switch {
	case said != len(f.payload):
		return f, fmt.Errorf("it says that its payload has %d bytes, and it has %d", said, len(f.payload))
	case f.kind < frameData || f.kind > frameWait:
		return f, fmt.Errorf("there is no type %d", f.kind)
	case f.kind == frameData && (f.count == 0 || f.index >= f.count || said == 0):
		return f, fmt.Errorf("it is fragment %d of %d with %d bytes", f.index, f.count, said)
	case f.kind != frameData && (f.count != 0 || said != 0):
		return f, fmt.Errorf("it is no DATA, and has the count %d and %d bytes of payload", f.count, said)
	}
	return f, nil
}

// cut cuts a message into DATA frames of at most size bytes.
func cut(session [4]byte, message byte, content []byte, size int) []frame {
	parts := slices.Collect(slices.Chunk(content, size-frameOverhead))
	frames := make([]frame, len(parts))
	for i, part := range parts {
		frames[i] = frame{kind: frameData, session: session, message: message, index: byte(i), count: byte(len(parts)), payload: part}
	}
	return frames
}

// fragments are the parts of a message that have come so far.
type fragments struct {
	count byte
	parts map[byte][]byte
}

// take adds a fragment, and reports whether the message is complete by it. What is there already stays.
func (m *fragments) take(f frame) (completed bool) {
	if m.parts == nil {
		m.count, m.parts = f.count, map[byte][]byte{}
	}
	if _, there := m.parts[f.index]; there || f.count != m.count {
		return false
	}
	m.parts[f.index] = f.payload
	return m.complete()
}

func (m *fragments) complete() bool { return m.count > 0 && len(m.parts) == int(m.count) }

// joined is the message; nil while a part of it is missing.
func (m *fragments) joined() []byte {
	if !m.complete() {
		return nil
	}
	var all []byte
	for _, index := range slices.Sorted(maps.Keys(m.parts)) {
		all = append(all, m.parts[index]...)
	}
	return all
}
