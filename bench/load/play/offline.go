package play

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"countersign/actors/nearfield"
	"countersign/actors/offline"
	"countersign/bench/load"
	"countersign/bench/load/lean"
	setups "countersign/conformance/offline"
)

// offlineSetup is the scene's, with all that a script needs in it.
func offlineSetup(scene *Scene) (*setups.Setup, error) {
	setup, ok := scene.Target.Setup.(*setups.Setup)
	if !ok || len(setup.Devices) < 2 || len(setup.Handsets) < 2 || len(setup.Services) == 0 || len(setup.SealKeys) == 0 {
		return nil, &SceneError{"the setup names no two devices, no two handsets, no service or no seal key; complete it by section 8 of the profile offline"}
	}
	if setup.Services[0].Threshold < 4 {
		return nil, &SceneError{fmt.Sprintf("the setup's service %s has the threshold %d: requests at level 1 need 4 or more", setup.Services[0].ID, setup.Services[0].Threshold)}
	}
	return setup, nil
}

const (
	asCBOR     = "application/cbor"
	asEnvelope = `application/cose; cose-type="cose-sign1"`
)

// carried is a handset of the setup, ready to sign.
type carried struct {
	setups.HandsetSetup
	signer offline.Signer
}

func handsets(setup *setups.Setup) ([]carried, error) {
	var all []carried
	for _, h := range setup.Handsets {
		key, err := h.Key.Ed25519()
		if err != nil {
			return nil, &SceneError{err.Error()}
		}
		all = append(all, carried{h, offline.Signer{ID: h.ID, Key: key}})
	}
	return all, nil
}

// harnessSigner is what the harness signs with where it plays the service server.
func harnessSigner(setup *setups.Setup) (offline.Signer, error) {
	key, err := setup.ServerKey.Key.Ed25519()
	if err != nil {
		return offline.Signer{}, &SceneError{err.Error()}
	}
	return offline.Signer{ID: setup.ServerKey.KeyID, Key: key}, nil
}

// countersigned is what a handset signs of information, with the proof of a password key, or of none. change, if set, makes it a lie.
func (c carried) countersigned(random lots, in offline.Information, key []byte, change func(*offline.Countersign)) ([]byte, error) {
	says := offline.Countersign{Information: in}
	if change != nil {
		change(&says)
	}
	if key != nil {
		bound, err := says.Bound()
		if err != nil {
			return nil, err
		}
		if says.SealedProof, err = offline.SealProof(random, in.SealKey, offline.Proof(key, bound), offline.Seal(bound)); err != nil {
			return nil, err
		}
	}
	payload, err := says.Fields().Encode()
	if err != nil {
		return nil, err
	}
	return c.signer.Sign(offline.DomainCountersign, payload)
}

// vouched wants an answer to be an envelope of the service server, signed in a domain, and gives what stands in it.
func vouched(s *load.Seat, resp *lean.Response, keys offline.PinnedKeys, domain offline.Domain) ([]byte, error) {
	if err := status(s, resp, http.StatusOK); err != nil {
		return nil, err
	}
	if !typed(resp, "application/cose") {
		return nil, s.Wrong("an answer of type application/cose", fmt.Sprintf("Content-Type %q", resp.Header("Content-Type")))
	}
	if err := uncached(s, resp); err != nil {
		return nil, err
	}
	return enveloped(s, resp.Body, keys, domain)
}

// enveloped wants bytes to be an envelope that is signed under one of the keys.
func enveloped(s *load.Seat, data []byte, keys offline.PinnedKeys, domain offline.Domain) ([]byte, error) {
	e, err := offline.ParseEnvelope(data, offline.Leniency{})
	if err != nil {
		return nil, s.Wrong("a COSE_Sign1", err.Error())
	}
	id, _ := e.KeyID()
	key, there := keys[id]
	if !there || !e.IsEdDSA() {
		return nil, s.Wrong("a signature of EdDSA under an announced key", fmt.Sprintf("kid %q", id))
	}
	if !e.Holds(domain, key) {
		return nil, s.Wrong("a signature under the key "+id+" with the external_aad "+string(domain), "a signature that does not hold so")
	}
	return e.Payload, nil
}

// informed judges information: it is about the application, at the level that its amount asks for, and can be countersigned now.
func informed(s *load.Seat, payload []byte, asked offline.Application, level uint64, issuer string) (offline.Information, error) {
	in, err := offline.ParseInformation(payload, offline.Leniency{})
	if err != nil {
		return in, s.Wrong("information", err.Error())
	}
	now := time.Now().Unix()
	switch {
	case !sameApplication(in.Application, asked):
		return in, s.Wrong("information that repeats the application of "+asked.Handset, "one that differs")
	case in.Level != level:
		return in, s.Wrong(fmt.Sprintf("level %d for %d of %s", level, asked.Amount, asked.Service), fmt.Sprintf("level %d", in.Level))
	case int64(in.ExpiresAt) < now-60 || int64(in.ExpiresAt) > now+240 || in.ExpiresAt <= in.IssuedAt:
		return in, s.Wrong("information that expires within 120 s", fmt.Sprintf("issued_at %d and expires_at %d", in.IssuedAt, in.ExpiresAt))
	}
	return in, same(s, "issuer", issuer, in.Issuer)
}

func sameApplication(a, b offline.Application) bool {
	return bytes.Equal(a.Serial, b.Serial) && a.Handset == b.Handset && a.Device == b.Device && a.Service == b.Service && a.Amount == b.Amount && a.Currency == b.Currency
}

// judged judges a result: it is about the information, and says whether the countersign was good.
func judged(s *load.Seat, payload []byte, in offline.Information, want bool) error {
	r, err := offline.ParseResult(payload, offline.Leniency{})
	switch {
	case err != nil:
		return s.Wrong("a result", err.Error())
	case !sameApplication(r.Application, in.Application) || r.Level != in.Level || !bytes.Equal(r.Challenge, in.Challenge) || r.Issuer != in.Issuer || r.IssuedAt < in.IssuedAt:
		return s.Wrong("a result about the information of "+in.Handset, "one that differs")
	case r.Verified != want:
		return s.Wrong(fmt.Sprintf("verified %v", want), fmt.Sprintf("verified %v", r.Verified))
	}
	return nil
}

// announcedKeys are a service server's, by the metadata.
func announcedKeys(scene *Scene) (offline.PinnedKeys, error) {
	keys := offline.PinnedKeys{}
	list, _ := scene.metadata["keys"].([]any)
	for _, one := range list {
		jwk, _ := one.(map[string]any)
		x, _ := jwk["x"].(string)
		id, _ := jwk["kid"].(string)
		key, err := base64.RawURLEncoding.DecodeString(x)
		if err == nil && len(key) == ed25519.PublicKeySize && id != "" && jwk["crv"] == "Ed25519" {
			keys[id] = key
		}
	}
	if len(keys) == 0 {
		return nil, &SceneError{fmt.Sprintf("the metadata of %s announce no Ed25519 key with a kid", scene.Target.URL)}
	}
	return keys, nil
}

// bytes is n random bytes.
func (l lots) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = l.source.Read(b) // which never fails
	return b
}

// talk is a session of a handset before a device.
type talk struct {
	near    *lean.Route
	session nearfield.Session
	size    int // of frames
}

// longest is for how long a handset polls for a message, pauses how long it waits between two polls at first and at last: sections 4.2 and 4.5 of the profile.
const (
	longest    = 30 * time.Second
	firstPause = 2 * time.Millisecond
	lastPause  = 200 * time.Millisecond
)

// exchange sends a frame and wants the frame that answers it.
func (t talk) exchange(s *load.Seat, leg int, f nearfield.Frame) (nearfield.Frame, error) {
	s.Buffer = t.near.Append(s.Buffer[:0], "", "", f.Bytes())
	resp, err := s.Do(leg, t.near, s.Buffer)
	if err != nil {
		return nearfield.Frame{}, err
	}
	if resp.Status == http.StatusNoContent {
		return nearfield.Frame{}, s.Wrong("an answer to the frame", "none: a device need have room for 64 sessions only, each until 120 s after its last frame; where that is why, lower the rate or shorten the run")
	}
	if err := status(s, resp, http.StatusOK); err != nil {
		return nearfield.Frame{}, err
	}
	if !typed(resp, nearfield.FrameType) || !nearfield.Intact(resp.Body) {
		return nearfield.Frame{}, s.Wrong("a frame of type "+nearfield.FrameType+" with the right checksum", fmt.Sprintf("%d bytes of type %q", len(resp.Body), resp.Header("Content-Type")))
	}
	got, err := nearfield.Parse(bytes.Clone(resp.Body))
	if err != nil {
		return got, s.Wrong("a frame", err.Error())
	}
	if !got.Answers(f) {
		return got, s.Wrong(fmt.Sprintf("the frame that answers type %d of message %d in session %s", f.Type, f.Message, f.Session), fmt.Sprintf("type %d of message %d in session %s", got.Type, got.Message, got.Session))
	}
	if len(resp.Body) > t.size {
		return got, s.Wrong(fmt.Sprintf("a frame of at most %d bytes", t.size), fmt.Sprintf("%d bytes", len(resp.Body)))
	}
	return got, nil
}

// give sends a message in frames.
func (t talk) give(s *load.Seat, leg int, message byte, content []byte) error {
	frames, err := nearfield.Cut(t.session, message, content, t.size)
	if err != nil {
		return err
	}
	for _, f := range frames {
		if _, err := t.exchange(s, leg, f); err != nil {
			return err
		}
	}
	return nil
}

// hear polls for a message until all of it is there.
func (t talk) hear(s *load.Seat, leg int, message byte) ([]byte, error) {
	var whole nearfield.Assembly
	pause, end := firstPause, time.Now().Add(longest)
	for !whole.Complete() {
		f, err := t.exchange(s, leg, nearfield.Frame{Type: nearfield.Poll, Session: t.session, Message: message, Index: byte(len(whole.Fragments))})
		switch {
		case err != nil:
			return nil, err
		case f.Type == nearfield.Data && whole.Begun() && f.Count != whole.Count:
			return nil, s.Wrong(fmt.Sprintf("fragments that all name the count %d", whole.Count), fmt.Sprintf("count %d", f.Count))
		case f.Type == nearfield.Data:
			whole.Add(f)
		case time.Now().After(end):
			return nil, s.Wrong(fmt.Sprintf("message %d within %v", message, longest), "WAIT")
		default:
			s.Rest(pause)
			pause = min(2*pause, lastPause)
		}
	}
	return whole.Join(), nil
}
