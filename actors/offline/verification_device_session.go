package offline

import (
	"bytes"
	"fmt"
	"time"

	"countersign/actors/nearfield"
	"countersign/actors/store"
)

// The buckets of a device.
const (
	sessions       = "device/sessions"
	approvals      = "device/approved"
	serverMetadata = "device/metadata"
	pictures       = "device/pictures"
)

const (
	maxIdle    = 120 * time.Second // of a session (profile section 4.2)
	maxSession = 256               // at once; idle ones make room
)

// session is an exchange with one handset.
type session struct {
	Opened time.Time `json:"opened"`
	Seen   time.Time `json:"seen"` // when a frame of it was last answered

	Application  incoming `json:"application"`
	Information  []byte   `json:"information"`  // message 1, nil until it is there
	Refused      bool     `json:"refused"`      // message 1 is a refusal
	Verification string   `json:"verification"` // the endpoint, as the application's metadata said
	Countersign  incoming `json:"countersign"`
	Decision     []byte   `json:"decision"` // message 3, nil until it is there

	// Tried counts what was sent to the server, by message: it goes on counting after a crash.
	Tried map[byte]int `json:"tried"`
}

// incoming is a message on its way from the handset.
type incoming struct {
	nearfield.Assembly
	Dropped bool `json:"dropped"` // it was too long, and its frames are not answered
}

// under names a session in the store.
func (d *VerificationDevice) under(id nearfield.Session) string {
	// paragraph 0050: whenever a client makes an application
	if !d.Guards.On("OF-VD-11") {
		return "the only one"
	}
	return id.String()
}

// Receive takes a frame and gives the frame that answers it, nil for none (profile section 4.2). The error is the store's.
func (d *VerificationDevice) Receive(frame []byte) (answer []byte, err error) {
	// flows, framing with checksum; RFC 3385
	if d.Guards.Forbids("OF-VD-12", !nearfield.Intact(frame)) {
		return nil, nil
	}
	f, err := nearfield.Parse(frame)
	if err != nil || len(frame) > d.Link.FrameSize {
		return nil, nil // what is no frame is not answered
	}
	var work func()
	err = d.Store.Update(func(tx store.Tx) error {
		s, there, err := d.find(tx, f)
		if err != nil || !there {
			return err
		}
		var answered nearfield.Frame
		switch {
		case f.Type == nearfield.Data && (f.Message == nearfield.Application || f.Message == nearfield.Countersign):
			answered, work = d.take(&s, f)
		case f.Type == nearfield.Poll && (f.Message == nearfield.Information || f.Message == nearfield.Decision):
			answered, err = d.tell(s, f)
		}
		changed := err == nil && (answered.Type != 0 || s.Application.Dropped || s.Countersign.Dropped)
		if !changed {
			return err
		}
		if answered.Type != 0 {
			s.Seen, answer = d.Clock.Now(), answered.Bytes()
		}
		return tx.Put(sessions, d.under(f.Session), s)
	})
	if err != nil {
		return nil, err
	}
	if work != nil {
		d.Go("relay for session "+f.Session.String(), work)
	}
	return answer, nil
}

// find looks the session of a frame up. DATA of message 0 opens a new one where there is none.
func (d *VerificationDevice) find(tx store.Tx, f nearfield.Frame) (s session, there bool, err error) {
	there, err = tx.Get(sessions, d.under(f.Session), &s)
	if err != nil {
		return s, false, err
	}
	if there && !d.forgotten(s) {
		return s, true, nil
	}
	if f.Type != nearfield.Data || f.Message != nearfield.Application {
		return s, false, nil
	}
	if room, err := d.makeRoom(tx); err != nil || !room {
		return s, false, err
	}
	return session{Opened: d.Clock.Now(), Seen: d.Clock.Now()}, true, nil
}

func (d *VerificationDevice) idle(s session) bool { return d.Clock.Now().Sub(s.Seen) > maxIdle }

// forgotten reports whether a session is as good as gone: flows, short lived.
func (d *VerificationDevice) forgotten(s session) bool {
	return d.Guards.Forbids("OF-VD-30", d.idle(s))
}

// makeRoom forgets idle sessions when all places are taken, and reports whether there is one now.
func (d *VerificationDevice) makeRoom(tx store.Tx) (bool, error) {
	keys, err := tx.Keys(sessions)
	if err != nil || len(keys) < maxSession {
		return err == nil, err
	}
	freed := false
	for _, key := range keys {
		var s session
		if _, err := tx.Get(sessions, key, &s); err != nil {
			return false, err
		}
		makesRoom := d.forgotten(s) || d.idle(s) && !d.Guards.Hardened() // at level core too, which asks for no end of them
		if !makesRoom {
			continue
		}
		freed = true
		if err := tx.Delete(sessions, key); err != nil {
			return false, err
		}
	}
	return freed, nil
}

// take takes a fragment in. What it gives back is the zero frame when there is no answer, and the work to begin, if any.
func (d *VerificationDevice) take(s *session, f nearfield.Frame) (answer nearfield.Frame, work func()) {
	m := &s.Application
	if f.Message == nearfield.Countersign {
		if m = &s.Countersign; s.Information == nil || s.Refused {
			return answer, nil
		}
	}
	otherCount := m.Begun() && f.Count != m.Count
	// flows, framing with length; profile section 4.2. A message that was too long is not answered any more.
	if m.Dropped || d.Guards.Forbids("OF-VD-14", otherCount) {
		return answer, nil
	}
	ack := nearfield.Frame{Type: nearfield.Ack, Session: f.Session, Message: f.Message, Index: f.Index}
	if otherCount {
		m.Count = f.Count
	}
	begin := func() func() {
		key, opened := d.under(f.Session), s.Opened
		if f.Message == nearfield.Application {
			return func() { d.apply(key, opened) }
		}
		return func() { d.verify(key, opened) }
	}
	if had := m.Fragment(f.Index); had != nil {
		differs, complete := !bytes.Equal(had, f.Payload), m.Complete()
		// flows, single use
		if another := differs && complete && f.Message == nearfield.Countersign; another && !d.Guards.On("OF-VD-29") {
			*m, s.Decision, s.Tried = incoming{}, nil, nil
			return d.take(s, f)
		}
		// flows, a listener may inject
		if differs && !complete && !d.Guards.On("OF-VD-16") {
			m.Replace(f)
		}
		// flows, framing with resend
		if last := m.Fragments[len(m.Fragments)-1].Index == f.Index; last && complete && !d.Guards.On("OF-VD-13") {
			return ack, begin()
		}
		return ack, nil
	}
	m.Add(f)
	if m.Size() > MaxMessage {
		*m = incoming{Dropped: true}
		return answer, nil
	}
	if m.Complete() {
		work = begin()
	}
	return ack, work
}

// tell gives a fragment of message 1 or 3, or WAIT until the message is there.
func (d *VerificationDevice) tell(s session, f nearfield.Frame) (answer nearfield.Frame, err error) {
	content := s.Information
	if f.Message == nearfield.Decision {
		content = s.Decision
		// abstract: receives the result, then decides
		if content == nil && s.Countersign.Complete() && !d.Guards.On("OF-VD-08") {
			if content, err = (Decision{Serial: d.application(s).Serial, Approved: true}).Fields().Encode(); err != nil {
				return answer, err
			}
		}
	}
	if content == nil {
		return nearfield.Frame{Type: nearfield.Wait, Session: f.Session, Message: f.Message, Index: f.Index}, nil
	}
	size := d.Link.FrameSize
	// flows, payload limit per frame
	if !d.Guards.On("OF-VD-15") {
		size = nearfield.MaxFrame
	}
	fragments, err := nearfield.Cut(f.Session, f.Message, content, size)
	if err != nil || int(f.Index) >= len(fragments) {
		return answer, err
	}
	return fragments[f.Index], nil
}

// joined puts a message together.
func (d *VerificationDevice) joined(m incoming) []byte {
	// paragraph 0047: near-field link such as a sound wave
	if !d.Guards.On("OF-VD-10") {
		var message []byte
		for _, fragment := range m.Fragments {
			message = append(message, fragment.Payload...)
		}
		return message
	}
	return m.Join()
}

// application is what the session's handset applied for; the zero value when that cannot be read.
func (d *VerificationDevice) application(s session) Application {
	a, err := ParseApplication(d.joined(s.Application), reading(d.Env))
	if err != nil {
		return Application{}
	}
	return a
}

// resume goes on with what was under way when the device last stopped.
func (d *VerificationDevice) resume() {
	var pending []func()
	// A store that cannot be read fails every frame too.
	_ = d.Store.Update(func(tx store.Tx) error {
		keys, err := tx.Keys(sessions)
		if err != nil {
			return err
		}
		for _, key := range keys {
			var s session
			if _, err := tx.Get(sessions, key, &s); err != nil {
				return err
			}
			if d.idle(s) {
				continue
			}
			switch {
			case s.Application.Complete() && s.Information == nil:
				pending = append(pending, func() { d.apply(key, s.Opened) })
			case s.Countersign.Complete() && s.Decision == nil:
				pending = append(pending, func() { d.verify(key, s.Opened) })
			}
		}
		return nil
	})
	for _, work := range pending {
		d.Go(fmt.Sprintf("relay for %s after a restart", d.Device), work)
	}
}

// update changes a session that is still the one opened at that time; it does nothing when it is not.
func (d *VerificationDevice) update(key string, opened time.Time, change func(store.Tx, *session) error) error {
	return d.Store.Update(func(tx store.Tx) error {
		var s session
		there, err := tx.Get(sessions, key, &s)
		if err != nil || !there || !s.Opened.Equal(opened) {
			return err
		}
		if err := change(tx, &s); err != nil {
			return err
		}
		return tx.Put(sessions, key, s)
	})
}
