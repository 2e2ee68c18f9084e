package play

import (
	"bytes"
	"context"
	"fmt"

	"countersign/actors/nearfield"
	"countersign/actors/offline"
	"countersign/bench/load"
)

// verificationDevice is a device of the offline flow under load. The harness plays the handsets before it, frame by frame, and its server. Each journey is a session
// of its own, of which a device need have room for 64 only, until each was idle for 120 s.
type verificationDevice struct {
	*office
	near talk

	relayed map[string][]byte // by serial: the message that the device is to send on; guarded by the office's lock
	doubted map[string]bool   // serials whose countersign is judged false
}

// Legs of a journey at the device. Each is of several exchanges, one a frame.
const (
	legGiveApplication = iota
	legHearInformation
	legGiveCountersign
	legHearDecision
)

func newVerificationDevice(scene *Scene) (load.Script, error) {
	setup, err := offlineSetup(scene)
	if err != nil {
		return nil, err
	}
	d := &verificationDevice{relayed: map[string][]byte{}, doubted: map[string]bool{}}
	d.near.size = 64
	if size, _ := scene.metadata["near_field_frame_size"].(float64); size > 64 && size <= 1024 {
		d.near.size = int(size)
	}
	if err := scene.routes(post(&d.near.near, "near_field_endpoint", nearfield.FrameType)); err != nil {
		return nil, err
	}
	if d.office, err = newOffice(scene, setup); err != nil {
		return nil, err
	}
	d.relays = func(serial string, message []byte) bool { return bytes.Equal(d.relayed[serial], message) }
	d.doubts = func(serial string) bool { return d.doubted[serial] }
	return d, d.open(scene)
}

// Legs implements load.Script: section 4 of the profile.
func (*verificationDevice) Legs() []string {
	return []string{"application-frames", "information-polls", "countersign-frames", "decision-polls"}
}

// Prepare implements load.Script.
func (d *verificationDevice) Prepare(_ context.Context, s *load.Seat) error {
	s.Memory = newLots()
	return nil
}

// Clean implements load.Script: a device forgets its sessions by itself.
func (*verificationDevice) Clean(*load.Seat) error { return nil }

// doubtful is of how many journeys one has a countersign that the server does not verify.
const doubtful = 8

// Play implements load.Script: a handset has a business authorized, and now and then its countersign is not verified.
func (d *verificationDevice) Play(s *load.Seat) error {
	return d.trouble.journey(s, "requests to the server as the profile has them", d.play)
}

func (d *verificationDevice) play(s *load.Seat) error {
	random := s.Memory.(lots)
	h := d.handsets[s.Journey%len(d.handsets)]
	own := talk{near: d.near.near, size: d.near.size, session: nearfield.Session(random.bytes(4))}
	asked := offline.Application{
		Serial: random.bytes(16), Handset: h.ID, Device: d.setup.Devices[0].ID, Service: d.setup.Services[0].ID, Amount: d.setup.Services[0].Threshold / 2, Currency: d.setup.Currency,
	}
	approved := s.Journey%doubtful != doubtful-1
	content, err := asked.Fields().Encode()
	if err != nil {
		return err
	}
	d.expect(asked.Serial, content, !approved)
	defer d.forget(asked.Serial)
	if err := own.give(s, legGiveApplication, nearfield.Application, content); err != nil {
		return err
	}
	if content, err = own.hear(s, legHearInformation, nearfield.Information); err != nil {
		return err
	}
	payload, err := enveloped(s, content, offline.PinnedKeys{d.signer.ID: d.signer.Public()}, offline.DomainInformation)
	if err != nil {
		return err
	}
	in, err := informed(s, payload, asked, 1, d.issuer)
	if err != nil {
		return err
	}
	if content, err = h.countersigned(random, in, nil, nil); err != nil {
		return err
	}
	d.expect(asked.Serial, content, !approved)
	if err := own.give(s, legGiveCountersign, nearfield.Countersign, content); err != nil {
		return err
	}
	if content, err = own.hear(s, legHearDecision, nearfield.Decision); err != nil {
		return err
	}
	return d.decided(s, content, in, approved)
}

// decided judges a decision: it is about this business, and as the server has judged.
func (d *verificationDevice) decided(s *load.Seat, content []byte, in offline.Information, approved bool) error {
	said, err := offline.ParseDecision(content, offline.Leniency{})
	if err != nil {
		return s.Wrong("a decision", err.Error())
	}
	if !bytes.Equal(said.Serial, in.Serial) || said.Approved != approved {
		return s.Wrong(fmt.Sprintf("approved %v about serial %x", approved, in.Serial), fmt.Sprintf("approved %v about serial %x, error %q", said.Approved, said.Serial, said.Error))
	}
	if !approved {
		return same(s, "error", "not_verified", said.Error)
	}
	payload, err := enveloped(s, said.Result, offline.PinnedKeys{d.signer.ID: d.signer.Public()}, offline.DomainResult)
	if err != nil {
		return err
	}
	return judged(s, payload, in, true)
}

// expect notes what the device is to send on for a serial.
func (d *verificationDevice) expect(serial, message []byte, doubted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.relayed[string(serial)] = message
	if doubted {
		d.doubted[string(serial)] = true
	}
}

func (d *verificationDevice) forget(serial []byte) {
	d.office.forget(serial)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.relayed, string(serial))
	delete(d.doubted, string(serial))
}
