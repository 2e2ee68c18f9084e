package mobile

import (
	"net/http"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/wire"
)

func accessDenied(description string) *problem {
	return &problem{Status: http.StatusForbidden, Code: "access_denied", Description: description}
}

// credentials reads user name and password in a body.
func credentials(m members) (username, shown string, err error) {
	if username, err = userName(m); err != nil {
		return "", "", err
	}
	if shown, err = m.Word("password"); err != nil {
		return "", "", err
	}
	if !isPassword(shown) {
		return "", "", wire.InvalidRequest("password is longer than 256 characters")
	}
	return username, shown, nil
}

// register makes a device the user's, under the key that proves the request (profile section 4.1).
func (s *AuthorizationServer) register(v visit) (wire.Answer, error) {
	id, err := identifier(v.body, "deviceid")
	if err != nil {
		return wire.Answer{}, err
	}
	username, shown, err := credentials(v.body)
	if err != nil {
		return wire.Answer{}, err
	}
	uri, err := v.body.Word("notification_uri")
	if err != nil {
		return wire.Answer{}, err
	}
	// RFC 9700 section 2.6; RFC 8935 section 5
	if s.Guards.Forbids("MO-AS-63", !isSafeURL(uri)) {
		return wire.Answer{}, wire.InvalidRequest("notification_uri is neither an https URL nor an http URL on loopback, without user information and fragment")
	}
	p, proved, err := s.proved(v.Request, pathRegistration)
	if err != nil {
		return wire.Answer{}, err
	}
	// RFC 9449 section 4.3; closes claim 5, the device number
	if s.Guards.Forbids("MO-AS-30", !proved) {
		return wire.Answer{}, refusedProof(errNoProof)
	}
	right, err := s.compare(username, shown)
	if err != nil {
		return wire.Answer{}, err
	}
	wish := device{ID: id, Username: username, Thumbprint: p.Thumbprint, NotificationURI: uri}
	err = s.Store.Update(func(tx store.Tx) error {
		e, err := s.inForce(tx)
		if err != nil {
			return err
		}
		// description of step S102: the user's name stands for the device
		if s.Guards.Forbids("MO-AS-17", !right) || e.devices[id] != username {
			return accessDenied("user name and password are wrong, or the device is not this user's")
		}
		return s.enter(tx, wish)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(struct {
		DeviceID   string `json:"deviceid"`
		Registered bool   `json:"registered"`
	}{id, true})
}

// enter registers the device, or refuses because of an earlier registration.
func (s *AuthorizationServer) enter(tx store.Tx, wish device) (err error) {
	var former device
	known, err := tx.Get(devices, wish.ID, &former)
	if err != nil {
		return err
	}
	// flows, wipe acknowledged: no way around an open wipe
	if known && former.ended() && s.Guards.Forbids("MO-AS-54", !former.Wipe.Acknowledged) {
		return &problem{Status: http.StatusConflict, Code: "wipe_pending", Description: "the device is deregistered and has not acknowledged that its data are gone"}
	}
	if !known || former.ended() {
		if err := tx.Delete(letters, wipeKey(wish.ID)); err != nil {
			return err
		}
		if wish.Registration, err = secret.Unguessable(s.Entropy("registrations")); err != nil {
			return err
		}
		return tx.Put(devices, wish.ID, wish)
	}
	// closes claim 5, the device number: a key stays until the device is deregistered
	if s.Guards.Forbids("MO-AS-31", former.Thumbprint != wish.Thumbprint) {
		return &problem{Status: http.StatusConflict, Code: "device_registered", Description: "the device is registered with another key; deregister it first"}
	}
	wish.Registration = former.Registration
	return tx.Put(devices, wish.ID, wish)
}

// deregister ends a device for its user (profile section 4.5).
func (s *AuthorizationServer) deregister(v visit) (wire.Answer, error) {
	username, shown, err := credentials(v.body)
	if err != nil {
		return wire.Answer{}, err
	}
	id, err := identifier(v.body, "deviceid")
	if err != nil {
		return wire.Answer{}, err
	}
	right, err := s.compare(username, shown)
	if err != nil {
		return wire.Answer{}, err
	}
	state := ""
	var sent []letter
	err = s.Store.Update(func(tx store.Tx) error {
		var d device
		known, err := tx.Get(devices, id, &d)
		if err != nil {
			return err
		}
		// flows, guessed deviceid: no oracle. At level core nothing speaks of 404 either.
		if !known && s.Guards.Hardened() && !s.Guards.On("MO-AS-33") {
			return &problem{Status: http.StatusNotFound, Code: "unknown_device", Description: "nobody has registered this device"}
		}
		// description of step S102: deregistered through the user name
		if s.Guards.Forbids("MO-AS-20", !right) || !known || d.Username != username {
			return accessDenied("user name and password are wrong, or the device is not one that this user has registered")
		}
		// flows, wipe idempotent
		if !d.ended() || !s.Guards.On("MO-AS-52") {
			if sent, err = s.end(tx, &d); err != nil {
				return err
			}
		}
		state = "pending"
		if d.Wipe.Acknowledged {
			state = "acknowledged"
		}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	s.sendAll(sent)
	return wire.JSON(struct {
		DeviceID string `json:"deviceid"`
		Wipe     string `json:"wipe"`
	}{id, state})
}

// end deregisters a device, and gives the letters to be sent.
func (s *AuthorizationServer) end(tx store.Tx, d *device) ([]letter, error) {
	made, err := s.wipeMessage(*d)
	if err != nil {
		return nil, err
	}
	d.Wipe = &made
	if err := tx.Put(devices, d.ID, d); err != nil {
		return nil, err
	}
	if err := s.dropAddressMessages(tx, d.ID); err != nil {
		return nil, err
	}
	// description of step S102: data cleared over the network
	if !s.Guards.On("MO-AS-21") {
		return nil, nil
	}
	l := letter{ID: made.ID, Key: wipeKey(d.ID), DeviceID: d.ID, Wipe: true, Text: made.Message, Due: s.Clock.Now()}
	return []letter{l}, tx.Put(letters, l.Key, l)
}

// acknowledgeWipe takes the device's word that its data are gone (profile section 4.5).
func (s *AuthorizationServer) acknowledgeWipe(v visit) (wire.Answer, error) {
	id, err := identifier(v.body, "deviceid")
	if err != nil {
		return wire.Answer{}, err
	}
	jti, err := v.body.Word("jti")
	if err != nil {
		return wire.Answer{}, err
	}
	var p proof
	// flows, wipe acknowledged: by the device alone
	byDevice := s.Guards.On("MO-AS-51")
	if byDevice {
		var proved bool
		if p, proved, err = s.proved(v.Request, pathWipeAck); err != nil {
			return wire.Answer{}, err
		}
		if !proved {
			return wire.Answer{}, refusedProof(errNoProof)
		}
	}
	err = s.Store.Update(func(tx store.Tx) error {
		var d device
		if _, err := tx.Get(devices, id, &d); err != nil {
			return err
		}
		if !d.ended() || !secret.Same(d.Wipe.ID, jti) || byDevice && d.Thumbprint != p.Thumbprint {
			return accessDenied("no wipe of that jti was sent to a device with this key")
		}
		return s.wiped(tx, d)
	})
	return wire.Answer{Status: http.StatusNoContent}, err
}

// wiped notes that the data of a device are gone, and ends the tries.
func (s *AuthorizationServer) wiped(tx store.Tx, d device) error {
	d.Wipe.Acknowledged = true
	if err := tx.Put(devices, d.ID, d); err != nil {
		return err
	}
	return tx.Delete(letters, wipeKey(d.ID))
}
