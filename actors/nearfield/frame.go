// Package nearfield is the near-field link of the profile offline@1 (section 4): its frames, how messages are cut into them and
// joined again, the pictures that stand for frames, and what becomes of a frame on the way.
package nearfield

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
)

// Type is what a frame is for.
type Type byte

// The types of frames (profile section 4.1).
const (
	Data Type = 1 + iota
	Ack
	Poll
	Wait
)

// The messages of an exchange, by their numbers in frames.
const (
	Application byte = iota
	Information      // or a refusal
	Countersign
	Decision
)

const (
	// Overhead is what a frame has beside its payload, in bytes.
	Overhead = header + checksum

	header   = 10
	checksum = 4
	// MaxFrame is the longest that a frame can say it is, in bytes.
	MaxFrame = Overhead + 0xffff
)

// Session tells the exchanges of different handsets apart.
type Session [4]byte

func (s Session) String() string { return hex.EncodeToString(s[:]) }

// Frame is one frame.
type Frame struct {
	Type    Type
	Session Session
	Message byte
	Index   byte   // of the fragment, from 0
	Count   byte   // of the fragments of the message; 0 in frames other than DATA
	Payload []byte // of DATA; others have none
}

// Bytes is the frame as it goes over the link.
func (f Frame) Bytes() []byte {
	b := make([]byte, 0, Overhead+len(f.Payload))
	b = append(b, byte(f.Type))
	b = append(b, f.Session[:]...)
	b = append(b, f.Message, f.Index, f.Count)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Payload)))
	b = append(b, f.Payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// Intact reports whether the checksum at the end of a frame is right for what stands before it.
func Intact(frame []byte) bool {
	if len(frame) < Overhead {
		return false
	}
	body, sum := frame[:len(frame)-checksum], frame[len(frame)-checksum:]
	return crc32.ChecksumIEEE(body) == binary.BigEndian.Uint32(sum)
}

// MalformedError says why bytes are no frame.
type MalformedError struct{ Reason string }

func (e *MalformedError) Error() string { return "these bytes are no frame: " + e.Reason }

// Parse reads a frame. Whether its checksum is right is for Intact to say. The error is a *MalformedError.
func Parse(b []byte) (Frame, error) {
	if len(b) < Overhead {
		return Frame{}, &MalformedError{fmt.Sprintf("a frame has at least %d bytes, not %d", Overhead, len(b))}
	}
	f := Frame{Type: Type(b[0]), Session: Session(b[1:5]), Message: b[5], Index: b[6], Count: b[7]}
	said, is := int(binary.BigEndian.Uint16(b[8:header])), len(b)-Overhead
	if is > 0 {
		f.Payload = append([]byte(nil), b[header:header+is]...)
	}
	switch {
	case said != is:
		return Frame{}, &MalformedError{fmt.Sprintf("it says that its payload has %d bytes, and has %d", said, is)}
	case f.Type < Data || f.Type > Wait:
		return Frame{}, &MalformedError{fmt.Sprintf("there is no type %d", f.Type)}
	case f.Type == Data && (f.Count == 0 || f.Index >= f.Count):
		return Frame{}, &MalformedError{fmt.Sprintf("it is fragment %d of %d", f.Index, f.Count)}
	case f.Type == Data && is == 0:
		return Frame{}, &MalformedError{"DATA holds nothing"}
	case f.Type != Data && (f.Count != 0 || is != 0):
		return Frame{}, &MalformedError{"only DATA has a count and a payload"}
	}
	return f, nil
}

// Answers reports whether the frame is a right answer to the one asked, as a handset sees it (profile section 4.2).
func (f Frame) Answers(asked Frame) bool {
	if f.Session != asked.Session || f.Message != asked.Message || f.Index != asked.Index {
		return false
	}
	if asked.Type == Data {
		return f.Type == Ack
	}
	return f.Type == Data || f.Type == Wait
}
