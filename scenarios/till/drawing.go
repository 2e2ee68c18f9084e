package till

import (
	"encoding/json"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/sim"
)

// drawn is what a frame or a message says beside its arrow.
type drawn map[string]string

// Opened implements [stage.Opener]: it says what is in a frame, and what a message says that has come whole.
func (st *Stage) Opened(body []byte) []byte {
	said := drawn{}
	f, err := nearfield.Parse(body)
	if err != nil {
		if picture, unread := nearfield.ReadPicture(body); unread == nil {
			f, err = nearfield.Parse(picture)
		}
	}
	if err != nil {
		return said.of(body).written()
	}
	said["frame"] = words(f)
	if f.Type == nearfield.Data && f.Count > 1 {
		said["part"] = fmt.Sprintf("%d of %d", int(f.Index)+1, f.Count)
	} else if f.Type == nearfield.Data {
		said.of(f.Payload)
	}
	return said.written()
}

// of adds what a message says, if it is one.
func (d drawn) of(message []byte) drawn {
	var fields map[uint64]any
	if cbor.Unmarshal(payload(message), &fields) != nil {
		return d
	}
	for _, shown := range []struct {
		key  uint64
		name string
	}{
		{cast.KeyDevice, "device"}, {cast.KeyAmount, "amount"}, {cast.KeyLevel, "level"}, {cast.KeyVerified, "verified"}, {cast.KeyApproved, "approved"}, {cast.KeyError, "error"},
	} {
		if value, there := fields[shown.key]; there {
			d[shown.name] = fmt.Sprint(value)
		}
	}
	return d
}

// written is nil for nothing to say.
func (d drawn) written() []byte {
	if len(d) == 0 {
		return nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil
	}
	return text
}

// opened is what a frame is for, in a message whose body [Stage.Opened] has replaced.
func opened(m *sim.Message) string {
	var said drawn
	if json.Unmarshal(m.Body, &said) != nil {
		return ""
	}
	return said["frame"]
}
