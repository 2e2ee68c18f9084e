package play

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"countersign/actors/offline"
	"countersign/bench/load"
	"countersign/bench/load/lean"
	setups "countersign/conformance/offline"
)

// serviceServer is the service server of the offline flow under load. The harness plays the first device of the setup and the first two handsets, whose passwords it
// sets before the load begins.
type serviceServer struct {
	setup                               *setups.Setup
	issuer                              string
	till                                setups.DeviceSetup
	handsets                            []carried
	passwordKeys                        [][]byte // of the handsets
	keys                                offline.PinnedKeys
	application, verification, password *lean.Route
}

// Legs of a journey at the service server.
const (
	legApplication = iota
	legCountersign
	legCountersignAgain
	legSerialAgain
	legApplicationHigh
	legCountersignHigh
	legApplicationToLie
	legLie
)

func newServiceServer(scene *Scene) (load.Script, error) {
	setup, err := offlineSetup(scene)
	if err != nil {
		return nil, err
	}
	v := &serviceServer{setup: setup, till: setup.Devices[0]}
	all, err := handsets(setup)
	if err != nil {
		return nil, err
	}
	v.handsets = all[:2] // the third never has a password, and the fourth's account is closed by a check
	for range v.handsets {
		v.passwordKeys = append(v.passwordKeys, newLots().bytes(offline.PasswordKeySize))
	}
	own := basic(v.till.ID, v.till.Secret)
	if err := scene.routes(
		post(&v.application, "application_endpoint", asCBOR, own), post(&v.verification, "verification_endpoint", asEnvelope, own), post(&v.password, "password_endpoint", asJSON),
	); err != nil {
		return nil, err
	}
	if v.issuer, _ = scene.metadata["issuer"].(string); v.issuer == "" {
		return nil, &SceneError{fmt.Sprintf("the metadata of %s name no issuer", scene.Target.URL)}
	}
	v.keys, err = announcedKeys(scene)
	return v, err
}

// Legs implements load.Script: sections 5.1 and 5.2 of the profile, at both levels.
func (*serviceServer) Legs() []string {
	return []string{
		"application", "verification", "verification-again", "serial-used", "application-at-level-2", "verification-at-level-2", "application-to-be-changed", "verification-of-changed",
	}
}

// Prepare implements load.Script: the first seat sets the passwords, section 5.3 of the profile.
func (v *serviceServer) Prepare(_ context.Context, s *load.Seat) error {
	s.Memory = newLots()
	if s.Number > 0 {
		return nil
	}
	for i, h := range v.handsets {
		body, err := json.Marshal(map[string]string{
			"account": h.Account, "account_password": h.AccountPassword, "handset": h.ID, "password_key": base64.RawURLEncoding.EncodeToString(v.passwordKeys[i]),
		})
		if err != nil {
			return err
		}
		resp, err := s.Do(load.Outside, v.password, v.password.Append(nil, "", "", body))
		if err != nil {
			return err
		}
		if err := status(s, resp, http.StatusNoContent); err != nil {
			return err
		}
	}
	return nil
}

// Clean implements load.Script: serials are remembered for good, and a password that was set is not taken back by anybody.
func (*serviceServer) Clean(*load.Seat) error { return nil }

// Play implements load.Script: a small business, a large one with the password, and one that somebody changes after the server has seen it.
func (v *serviceServer) Play(s *load.Seat) error {
	random := s.Memory.(lots)
	which := s.Journey % len(v.handsets)
	h, threshold := v.handsets[which], v.setup.Services[0].Threshold
	in, err := v.apply(s, legApplication, v.asking(random, h, threshold/2), 1)
	if err != nil {
		return err
	}
	signed, err := h.countersigned(random, in, nil, nil)
	if err != nil {
		return err
	}
	for _, leg := range []int{legCountersign, legCountersignAgain} {
		if err := v.verify(s, leg, signed, in, true); err != nil {
			return err
		}
	}
	again := in.Application
	again.Amount++
	if err := v.used(s, again); err != nil {
		return err
	}
	if in, err = v.apply(s, legApplicationHigh, v.asking(random, h, threshold+1), 2); err != nil {
		return err
	}
	if signed, err = h.countersigned(random, in, v.passwordKeys[which], nil); err != nil {
		return s.Wrong("a seal_key that is an X25519 public key", err.Error())
	}
	if err := v.verify(s, legCountersignHigh, signed, in, true); err != nil {
		return err
	}
	if in, err = v.apply(s, legApplicationToLie, v.asking(random, h, threshold/2), 1); err != nil {
		return err
	}
	if signed, err = h.countersigned(random, in, nil, func(c *offline.Countersign) { c.Amount-- }); err != nil {
		return err
	}
	return v.verify(s, legLie, signed, in, false)
}

// asking is a new application at the till.
func (v *serviceServer) asking(random lots, h carried, amount uint64) offline.Application {
	return offline.Application{Serial: random.bytes(16), Handset: h.ID, Device: v.till.ID, Service: v.setup.Services[0].ID, Amount: amount, Currency: v.setup.Currency}
}

func (v *serviceServer) apply(s *load.Seat, leg int, asked offline.Application, level uint64) (in offline.Information, err error) {
	body, err := asked.Fields().Encode()
	if err != nil {
		return in, err
	}
	s.Buffer = v.application.Append(s.Buffer[:0], "", "", body)
	resp, err := s.Do(leg, v.application, s.Buffer)
	if err != nil {
		return in, err
	}
	payload, err := vouched(s, resp, v.keys, offline.DomainInformation)
	if err != nil {
		return in, err
	}
	return informed(s, payload, asked, level, v.issuer)
}

// used wants an application to be refused for its serial.
func (v *serviceServer) used(s *load.Seat, asked offline.Application) error {
	body, err := asked.Fields().Encode()
	if err != nil {
		return err
	}
	s.Buffer = v.application.Append(s.Buffer[:0], "", "", body)
	resp, err := s.Do(legSerialAgain, v.application, s.Buffer)
	if err != nil {
		return err
	}
	return refusal(s, resp, http.StatusConflict, "serial_used")
}

// verify sends a countersign, which has to be judged so.
func (v *serviceServer) verify(s *load.Seat, leg int, signed []byte, in offline.Information, want bool) error {
	s.Buffer = v.verification.Append(s.Buffer[:0], "", "", signed)
	resp, err := s.Do(leg, v.verification, s.Buffer)
	if err != nil {
		return err
	}
	payload, err := vouched(s, resp, v.keys, offline.DomainResult)
	if err != nil {
		return err
	}
	return judged(s, payload, in, want)
}
