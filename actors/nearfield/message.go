package nearfield

import "fmt"

// UncuttableError says that a message does not fit into frames of a size.
type UncuttableError struct{ Length, FrameSize int }

func (e *UncuttableError) Error() string {
	return fmt.Sprintf("a message of %d bytes cannot be cut into frames of %d: a message has 1 to 255 fragments, and a frame %d bytes beside its payload", e.Length, e.FrameSize, Overhead)
}

// Cut cuts a message into DATA frames of at most frameSize bytes. The error is an *UncuttableError.
func Cut(session Session, message byte, content []byte, frameSize int) ([]Frame, error) {
	room := min(frameSize-Overhead, 0xffff)
	if room < 1 || len(content) == 0 || len(content) > 255*room {
		return nil, &UncuttableError{len(content), frameSize}
	}
	count := (len(content) + room - 1) / room
	frames := make([]Frame, 0, count)
	for i := range count {
		frames = append(frames, Frame{
			Type: Data, Session: session, Message: message, Index: byte(i), Count: byte(count),
			Payload: content[i*room : min((i+1)*room, len(content))],
		})
	}
	return frames, nil
}

// Fragment is a part of a message.
type Fragment struct {
	Index   byte   `json:"index"`
	Payload []byte `json:"payload"`
}

// Assembly is a message that comes in fragments. The zero value has none of them.
type Assembly struct {
	Count     byte       `json:"count"`     // of fragments, as the first that came says
	Fragments []Fragment `json:"fragments"` // in the order of their arrival
}

// Begun reports whether a fragment is there.
func (a Assembly) Begun() bool { return len(a.Fragments) > 0 }

// Fragment gives the payload of a fragment, nil while it is not there.
func (a Assembly) Fragment(index byte) []byte {
	for _, f := range a.Fragments {
		if f.Index == index {
			return f.Payload
		}
	}
	return nil
}

// Add takes a DATA frame in whose index is not there yet.
func (a *Assembly) Add(f Frame) {
	if !a.Begun() {
		a.Count = f.Count
	}
	a.Fragments = append(a.Fragments, Fragment{f.Index, f.Payload})
}

// Replace puts the payload of a DATA frame in the place of the fragment with its index.
func (a *Assembly) Replace(f Frame) {
	for i := range a.Fragments {
		if a.Fragments[i].Index == f.Index {
			a.Fragments[i].Payload = f.Payload
		}
	}
}

// Size is how many bytes are there.
func (a Assembly) Size() (size int) {
	for _, f := range a.Fragments {
		size += len(f.Payload)
	}
	return size
}

// Complete reports whether all fragments are there.
func (a Assembly) Complete() bool {
	for i := range a.Count {
		if a.Fragment(i) == nil {
			return false
		}
	}
	return a.Begun()
}

// Join puts the fragments together in the order of their index.
func (a Assembly) Join() []byte {
	message := make([]byte, 0, a.Size())
	for i := range a.Count {
		message = append(message, a.Fragment(i)...)
	}
	return message
}
