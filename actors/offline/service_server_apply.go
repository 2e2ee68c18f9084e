package offline

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"

	"countersign/actors/store"
	"countersign/actors/wire"
)

// apply makes information to be signed (profile section 5.1).
func (s *ServiceServer) apply(r *http.Request) (wire.Answer, error) {
	device, authentic := s.asking(r)
	// RFC 6749 section 2.3.1; flows, second link
	if s.Guards.Forbids("OF-SS-24", !authentic) {
		return wire.Answer{}, unauthentic()
	}
	body, err := s.message(r, applicationType)
	if err != nil {
		return wire.Answer{}, err
	}
	leniency := s.leniency()
	// RFC 8949 section 5: what was not said is not made up
	leniency.AmountMayLack = !s.Guards.On("OF-SS-21")
	asked, err := ParseApplication(body, leniency)
	if err != nil {
		return wire.Answer{}, err
	}
	if !authentic {
		device = asked.Device
	}
	// flows, relay to a distant device
	if s.Guards.Forbids("OF-SS-26", asked.Device != device) {
		return wire.Answer{}, denied("the application names another device than the one that authenticates")
	}
	// paragraph 0002: the service server authenticates the user
	if _, enrolled := s.handset(asked.Handset); s.Guards.Forbids("OF-SS-17", !enrolled) {
		return wire.Answer{}, &problem{Status: http.StatusForbidden, Code: "unknown_handset", Description: "no handset of this name is enrolled"}
	}
	made := application{AppliedBy: device, Bytes: body, Information: Information{Application: asked}}
	if made.Information.Level, err = s.level(asked); err != nil {
		return wire.Answer{}, err
	}
	return s.answer(made)
}

// level is what the amount asks for (paragraphs 0070 and 0071): the server alone says so.
func (s *ServiceServer) level(a Application) (uint64, error) {
	service, known := find(s.Services, func(known Service) bool { return known.ID == a.Service })
	// paragraph 0047: application for a service
	if s.Guards.Forbids("OF-SS-18", !known) {
		return 0, &problem{Status: http.StatusBadRequest, Code: "unknown_service", Description: "there is no such service here"}
	}
	high := known && a.Amount >= service.Threshold
	// flows, levels: at or above
	if a.Amount == service.Threshold && !s.Guards.On("OF-SS-05") {
		high = false
	}
	if high {
		return 2, nil
	}
	return 1, nil
}

// answer takes the application, unless its serial is known, and gives the information.
func (s *ServiceServer) answer(made application) (wire.Answer, error) {
	look := func(tx store.Tx) (more bool, err error) {
		before, found, err := findApplication(tx, made.Information.Serial)
		if err != nil || !found {
			return true, err
		}
		repeated := before.AppliedBy == made.AppliedBy && bytes.Equal(before.Bytes, made.Bytes) && before.open(s.now())
		// RFC 9110 section 9.2.2: a lost answer is given again
		if repeated && s.Guards.On("OF-SS-30") {
			made.Answer = before.Answer
			return false, nil
		}
		// paragraph 0050: unique business serial number
		if repeated || s.Guards.On("OF-SS-19") {
			return false, serialUsed()
		}
		return true, nil
	}
	keep := func(tx store.Tx) error {
		if err := s.inform(tx, &made); err != nil {
			return err
		}
		return made.put(tx)
	}
	// flows, serial-number collision: one transaction looks and stores
	if err := s.steps(s.Guards.On("OF-SS-31"), look, keep); err != nil {
		return wire.Answer{}, err
	}
	return wire.Answer{Status: http.StatusOK, ContentType: envelopeType, Body: string(made.Answer)}, nil
}

// inform makes the information of an application, signed.
func (s *ServiceServer) inform(tx store.Tx, made *application) error {
	i := &made.Information
	state, err := findHandset(tx, i.Handset)
	if err != nil {
		return err
	}
	if i.Level == 2 && state.PasswordKey == nil {
		// paragraph 0070: by setting an offline authorization password
		if s.Guards.On("OF-SS-15") {
			return &problem{Status: http.StatusForbidden, Code: "password_not_set", Description: "this needs the offline authorization password, and none is set; set one first"}
		}
		i.Level = 1
	}
	if i.Challenge, err = s.challenge(tx, &state); err != nil {
		return err
	}
	i.Issuer, i.IssuedAt = s.Issuer, s.now()
	i.ExpiresAt = i.IssuedAt + uint64(s.challengeLifetime())
	// flows, short lived
	if !s.Guards.On("OF-SS-34") {
		i.ExpiresAt = i.IssuedAt + 3600
	}
	if i.Level == 2 {
		if made.SealPrivate, err = s.random("seal keys", 32); err != nil {
			return err
		}
		if i.SealKey, err = SealPublic(made.SealPrivate); err != nil {
			return err
		}
		made.Before, state.Last = state.Last, i.Serial
	}
	// abstract: the information is obtained based on the application
	if !s.Guards.On("OF-SS-03") {
		i.Amount /= 100
	}
	if err := state.put(tx, i.Handset); err != nil {
		return err
	}
	made.Answer, err = s.seal(*i)
	return err
}

// seal puts information into its envelope.
func (s *ServiceServer) seal(i Information) ([]byte, error) {
	payload, err := i.Fields().Encode()
	// abstract: information to be signed on application; profile section 2.2
	if err != nil || !s.Guards.On("OF-SS-02") {
		return payload, err
	}
	return s.Signer.Sign(DomainInformation, payload)
}

// challenge makes the challenge of an application.
func (s *ServiceServer) challenge(tx store.Tx, state *handsetState) (challenge []byte, err error) {
	// paragraph 0050: every application has its own
	if !s.Guards.On("OF-SS-04") && state.Challenge != nil {
		return state.Challenge, nil
	}
	// RFC 4086 section 8
	if s.Guards.On("OF-SS-35") {
		challenge, err = s.random("challenges", 32)
	} else {
		challenge, err = nextChallenge(tx)
	}
	state.Challenge = challenge
	return challenge, err
}

// nextChallenge counts challenges up.
func nextChallenge(tx store.Tx) ([]byte, error) {
	var count uint64
	if _, err := tx.Get(counts, "challenges", &count); err != nil {
		return nil, err
	}
	count++
	return binary.BigEndian.AppendUint64(make([]byte, 24), count), tx.Put(counts, "challenges", count)
}

func (s *ServiceServer) random(purpose string, size int) ([]byte, error) {
	bits := make([]byte, size)
	if _, err := io.ReadFull(s.Entropy(purpose), bits); err != nil {
		return nil, fmt.Errorf("offline: reading entropy for %s: %w", purpose, err)
	}
	return bits, nil
}
