package play

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"countersign/actors/nearfield"
	"countersign/actors/offline"
	"countersign/bench/load"
	"countersign/bench/load/lean"
)

// handset is a handset of the offline flow under load. The harness plays its user, the device before which it stands, and the server. One handset is all that there
// is: its businesses run side by side.
type handset struct {
	*office
	password       string // of the user
	start, setting *lean.Route
	wishes         [2][]byte // for a business at level 1 and one at level 2

	till till
}

// Legs of a journey at the handset.
const (
	legStart = iota
	legApprove
	legStartHigh
	legApproveHigh
	legStartDenied
	legDeny
)

func newHandset(scene *Scene) (load.Script, error) {
	setup, err := offlineSetup(scene)
	if err != nil {
		return nil, err
	}
	h := &handset{password: newLots().text(12)}
	if err := scene.routes(post(&h.start, "start_endpoint", asJSON), post(&h.setting, "password_setting_endpoint", asJSON)); err != nil {
		return nil, err
	}
	if h.office, err = newOffice(scene, setup); err != nil {
		return nil, err
	}
	own := setup.Devices[0]
	for i, amount := range []uint64{setup.Services[0].Threshold / 2, setup.Services[0].Threshold + 1} {
		if h.wishes[i], err = json.Marshal(map[string]any{
			"device": own.ID, "near_field_endpoint": own.NearField(), "frame_size": 1024, "link": "ble", "service": setup.Services[0].ID, "amount": amount, "currency": setup.Currency,
		}); err != nil {
			return nil, err
		}
	}
	h.till = till{office: h.office, sessions: map[nearfield.Session]*business{}}
	if err := scene.Env.Play("till-one", &h.till); err != nil {
		return nil, &SceneError{"the harness cannot play the device: " + err.Error()}
	}
	return h, h.open(scene)
}

// Legs implements load.Script: sections 6.1 and 6.2 of the profile, at both levels, and once with a no.
func (*handset) Legs() []string {
	return []string{"start", "approval", "start-at-level-2", "approval-at-level-2", "start-to-be-denied", "denial"}
}

// Prepare implements load.Script: the first seat sets the password, section 6.3 of the profile.
func (h *handset) Prepare(_ context.Context, s *load.Seat) error {
	if s.Number > 0 {
		return nil
	}
	body, err := json.Marshal(map[string]string{"account_password": h.setup.Handsets[0].AccountPassword, "password": h.password})
	if err != nil {
		return err
	}
	resp, err := s.Do(load.Outside, h.setting, h.setting.Append(nil, "", "", body))
	if err != nil {
		return err
	}
	return status(s, resp, http.StatusNoContent)
}

// Clean implements load.Script: a password that was set is not taken back by anybody.
func (*handset) Clean(*load.Seat) error { return nil }

// Play implements load.Script: the user approves a small business and a large one, and denies a third.
func (h *handset) Play(s *load.Seat) error {
	return h.trouble.journey(s, "frames and requests as the profile has them", h.play)
}

func (h *handset) play(s *load.Seat) error {
	for _, b := range []struct {
		start, end, level  int
		decision, password string
		outcome            offline.Outcome
	}{
		{legStart, legApprove, 1, offline.Approve, "", offline.Approved},
		{legStartHigh, legApproveHigh, 2, offline.Approve, h.password, offline.Approved},
		{legStartDenied, legDeny, 1, offline.Deny, "", offline.Cancelled},
	} {
		at, err := h.begin(s, b.start, b.level)
		if err != nil {
			return err
		}
		if err := h.confirm(s, b.end, at, b.decision, b.password, b.outcome); err != nil {
			return err
		}
	}
	return nil
}

// begin starts a business, and wants that to be shown which the server has made information of.
func (h *handset) begin(s *load.Seat, leg, level int) (*lean.Route, error) {
	s.Buffer = h.start.Append(s.Buffer[:0], "", "", h.wishes[level-1])
	resp, err := s.Do(leg, h.start, s.Buffer)
	if err != nil {
		return nil, err
	}
	var began offline.Began
	if err := secretJSON(s, resp, &began); err != nil {
		return nil, err
	}
	own, amount := h.setup.Services[0], h.setup.Services[0].Threshold/2
	if level == 2 {
		amount = own.Threshold + 1
	}
	if want := (offline.Shown{Device: h.setup.Devices[0].ID, Service: own.ID, Amount: amount, Currency: h.setup.Currency, Level: uint64(level), ExpiresAt: began.Shown.ExpiresAt}); began.Shown != want {
		return nil, s.Wrong(fmt.Sprintf("shown %+v", want), fmt.Sprintf("shown %+v", began.Shown))
	}
	at, err := lean.NewRoute(http.MethodPost, began.ConfirmationURI, "Content-Type: "+asJSON)
	if err != nil {
		return nil, s.Wrong("a confirmation_uri that can be asked", err.Error())
	}
	return at, nil
}

func (h *handset) confirm(s *load.Seat, leg int, at *lean.Route, decision, password string, want offline.Outcome) error {
	body, err := json.Marshal(map[string]string{"decision": decision, "password": password})
	if err != nil {
		return err
	}
	s.Buffer = at.Append(s.Buffer[:0], "", "", body)
	resp, err := s.Do(leg, at, s.Buffer)
	if err != nil {
		return err
	}
	var said struct {
		Outcome string `json:"outcome"`
	}
	if err := secretJSON(s, resp, &said); err != nil {
		return err
	}
	return same(s, "outcome", string(want), said.Outcome)
}

// till is the device that the harness plays: it answers frames, and asks the office in this process.
type till struct {
	office *office

	mu       sync.Mutex
	sessions map[nearfield.Session]*business
	opened   []nearfield.Session // those that are there, the oldest first, and some that are no more: the denied are never ended, so the oldest make room
}

// business is a session at the till.
type business struct {
	serial []byte
	heard  [4]nearfield.Assembly // by message
	told   [4][]nearfield.Frame
}

// frameSize is that of the harness's device.
const frameSize = 1024

// ServeHTTP takes a frame: section 4.3 of the profile.
func (t *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return // the handset has gone
	}
	f, err := nearfield.Parse(body)
	if err != nil || !nearfield.Intact(body) || len(body) > frameSize {
		t.office.refuse(w, http.StatusBadRequest, "invalid_request", "bytes that are no frame")
		return
	}
	t.mu.Lock()
	answered, err := t.take(f)
	t.mu.Unlock()
	switch {
	case err != nil:
		t.office.refuse(w, http.StatusBadRequest, "invalid_request", err.Error())
	case answered.Type == 0:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", nearfield.FrameType)
		_, _ = w.Write(answered.Bytes()) // to a connection that is gone there is nothing to say
	}
}

// take answers a frame; with the zero frame, not at all.
func (t *till) take(f nearfield.Frame) (nearfield.Frame, error) {
	b := t.sessions[f.Session]
	if b == nil {
		if f.Type != nearfield.Data || f.Message != nearfield.Application {
			return nearfield.Frame{}, nil
		}
		if len(t.opened) >= kept {
			t.forget(t.opened[0])
			t.opened = t.opened[1:]
		}
		b = &business{}
		t.sessions[f.Session] = b
		t.opened = append(t.opened, f.Session)
	}
	if int(f.Message) >= len(b.heard) {
		return nearfield.Frame{}, fmt.Errorf("a frame of message %d", f.Message)
	}
	answered := nearfield.Frame{Session: f.Session, Message: f.Message, Index: f.Index}
	switch f.Type {
	case nearfield.Data:
		answered.Type = nearfield.Ack
		if m := &b.heard[f.Message]; m.Fragment(f.Index) == nil {
			if m.Add(f); m.Complete() {
				return answered, t.done(b, f.Session, f.Message)
			}
		}
	case nearfield.Poll:
		if told := b.told[f.Message]; int(f.Index) < len(told) {
			if answered = told[f.Index]; f.Message == nearfield.Decision && int(f.Index) == len(told)-1 {
				t.forget(f.Session)
			}
		} else {
			answered.Type = nearfield.Wait
		}
	default:
		return nearfield.Frame{}, fmt.Errorf("a frame of type %d", f.Type)
	}
	return answered, nil
}

// forget ends a session, if it is there.
func (t *till) forget(session nearfield.Session) {
	if b := t.sessions[session]; b != nil {
		t.office.forget(b.serial)
		delete(t.sessions, session)
	}
}

// done makes what the till says to a message that is complete.
func (t *till) done(b *business, session nearfield.Session, message byte) error {
	content := b.heard[message].Join()
	var said []byte
	var err error
	if message == nearfield.Application {
		asked, bad := offline.ParseApplication(content, offline.Leniency{})
		if bad != nil || asked.Handset != t.office.setup.Handsets[0].ID || asked.Device != t.office.setup.Devices[0].ID {
			return fmt.Errorf("an application that is malformed, or not of this handset at this device")
		}
		b.serial = asked.Serial
		said, err = t.office.inform(asked)
	} else {
		said, err = t.decide(content)
	}
	if err != nil {
		return err
	}
	b.told[message+1], err = nearfield.Cut(session, message+1, said, frameSize)
	return err
}

// decide makes the decision on a countersign.
func (t *till) decide(content []byte) ([]byte, error) {
	result, serial, err := t.office.judge(content)
	if err != nil {
		return nil, fmt.Errorf("a countersign that is malformed: %w", err)
	}
	e, err := offline.ParseEnvelope(result, offline.Leniency{})
	if err != nil {
		return nil, err
	}
	r, err := offline.ParseResult(e.Payload, offline.Leniency{})
	if err != nil {
		return nil, err
	}
	said := offline.Decision{Serial: serial, Approved: r.Verified, Result: result}
	if !r.Verified {
		said.Error = "not_verified"
	}
	return said.Fields().Encode()
}
