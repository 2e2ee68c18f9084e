package mobile

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/secret"
	"countersign/actors/store"
)

// letters is the bucket of the messages on their way.
const letters = "authorization-server/messages"

// letter is a message that is sent until it need not be sent any more (profile section 4.5).
type letter struct {
	ID       string // jti
	Key      string // of the record; a device has one letter about its wipe, and one about each system's address
	DeviceID string
	Wipe     bool
	Text     string    // the security event token
	Tries    int       // so far
	Due      time.Time // when it is to be tried next
	Ends     time.Time // when it is of no use any more; zero: never
}

func wipeKey(deviceID string) string { return "wipe/" + deviceID }

func addressKey(deviceID, systemID string) string { return addressesOf(deviceID) + systemID }

// addressesOf begins the keys of a device's letters about addresses. No identifier has a slash in it.
func addressesOf(deviceID string) string { return "address/" + deviceID + "/" }

// tryLimit is how long a receiver may take to answer.
const tryLimit = 10 * time.Second

// pauseAfter is the wait after so many tries.
func (s *AuthorizationServer) pauseAfter(tries int) time.Duration {
	// flows, bounded retry. At level core tries are spaced all the same.
	if s.Guards.Hardened() && !s.Guards.On("MO-AS-50") {
		return 20 * time.Millisecond
	}
	if tries > 5 {
		return 30 * time.Second
	}
	return time.Second << (tries - 1)
}

// message makes the claims of a security event token for a device.
func (s *AuthorizationServer) message(d device, event string, content any) (eventClaims, error) {
	id, err := secret.Unguessable(s.Entropy("message identifiers"))
	return eventClaims{
		Issuer: s.Issuer, IssuedAt: s.Clock.Now().Unix(), ID: id, Audience: d.ID, Confirmation: boundTo(d.Thumbprint), Events: map[string]any{event: content},
	}, err
}

// signMessage signs a message.
func (s *AuthorizationServer) signMessage(claims eventClaims) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return s.Signer.Sign(map[string]any{"typ": eventType}, payload)
}

// wipeMessage makes the message that ends a device's data.
func (s *AuthorizationServer) wipeMessage(d device) (wipe, error) {
	claims, err := s.message(d, wipeEvent, struct{}{})
	if err != nil {
		return wipe{}, err
	}
	// RFC 8417 section 2.2: signed, for one device
	if !s.Guards.On("MO-AS-48") {
		payload, err := json.Marshal(claims)
		if err != nil {
			return wipe{}, err
		}
		text, err := unsecured(map[string]any{"typ": eventType}, payload)
		return wipe{ID: claims.ID, Message: text}, err
	}
	text, err := s.signMessage(claims)
	return wipe{ID: claims.ID, Message: text}, err
}

// tellMoved makes letters to the devices that the new addresses of an edition concern, and gives them.
func (s *AuthorizationServer) tellMoved(tx store.Tx, e, before *edition) (sent []letter, err error) {
	moved := e.moved(before)
	// flows, address: a changed one is pushed
	if len(moved) == 0 || !s.Guards.On("MO-AS-47") {
		return nil, nil
	}
	ids, err := tx.Keys(devices)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		var d device
		if _, err := tx.Get(devices, id, &d); err != nil {
			return nil, err
		}
		if d.ended() {
			continue
		}
		for _, system := range moved {
			// whoever registered the device is its user, whatever the rules say of it by now
			if !e.mayUseAnAppOf(system.SystemID, d.Username) {
				continue
			}
			l, err := s.addressLetter(d, e, system)
			if err != nil {
				return nil, err
			}
			// one about an older address of the system is overwritten: it ends
			if err := tx.Put(letters, l.Key, l); err != nil {
				return nil, err
			}
			sent = append(sent, l)
		}
	}
	return sent, nil
}

func (s *AuthorizationServer) addressLetter(d device, e *edition, system SystemRule) (letter, error) {
	claims, err := s.message(d, addressEvent, systemAddress(system))
	if err != nil {
		return letter{}, err
	}
	claims.RulesVersion = e.Version
	text, err := s.signMessage(claims)
	now := s.Clock.Now()
	return letter{
		ID: claims.ID, Key: addressKey(d.ID, system.SystemID), DeviceID: d.ID, Text: text, Due: now, Ends: now.Add(s.accessTokenLifetime()),
	}, err
}

// dropAddressMessages ends the letters about addresses to a device that is deregistered.
func (s *AuthorizationServer) dropAddressMessages(tx store.Tx, deviceID string) error {
	keys, err := tx.Keys(letters)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, addressesOf(deviceID)) {
			continue
		}
		if err := tx.Delete(letters, key); err != nil {
			return err
		}
	}
	return nil
}

// takeUpMessages goes on with what was not got rid of before a restart.
func (s *AuthorizationServer) takeUpMessages() error {
	var left []letter
	err := s.Store.Update(func(tx store.Tx) error {
		keys, err := tx.Keys(letters)
		if err != nil {
			return err
		}
		for _, key := range keys {
			var l letter
			if _, err := tx.Get(letters, key, &l); err != nil {
				return err
			}
			left = append(left, l)
		}
		return nil
	})
	if err == nil {
		s.sendAll(left)
	}
	return err
}

// sendAll sends letters in the background, each until it need not be sent any more.
func (s *AuthorizationServer) sendAll(all []letter) {
	for _, l := range all {
		s.Go("message "+l.Key, func() { s.deliver(l.Key, l.ID) })
	}
}

// deliver tries a letter whenever it is due. Where two processes deliver the same, each try is one's alone.
func (s *AuthorizationServer) deliver(key, id string) {
	for {
		l, receiver, going, err := s.take(key, id)
		if err != nil || !going {
			return
		}
		if receiver == "" {
			s.pause(l.Due.Sub(s.Clock.Now()))
			continue
		}
		answer, err := outbound.Call{Method: http.MethodPost, URL: receiver, ContentType: messageType, Body: []byte(l.Text)}.Do(s.Env, tryLimit)
		due, going, err := s.settle(l, err == nil && answer.Status == http.StatusAccepted)
		if err != nil || !going {
			return
		}
		s.pause(due.Sub(s.Clock.Now()))
	}
}

// pause waits. A test clock moves time on during a wait, which a server that has one looks for now and then.
func (s *AuthorizationServer) pause(d time.Duration) {
	const beat = 100 * time.Millisecond
	if s.TestClock != nil {
		d = min(d, beat)
	}
	s.Clock.Sleep(max(d, time.Millisecond))
}

// take begins a try when it is due; receiver is where it goes, empty before. going is false when the letter need not be sent any more.
func (s *AuthorizationServer) take(key, id string) (l letter, receiver string, going bool, err error) {
	err = s.Store.Update(func(tx store.Tx) error {
		found, err := tx.Get(letters, key, &l)
		if err != nil || !found || l.ID != id {
			return err
		}
		now := s.Clock.Now()
		if !l.Ends.IsZero() && !now.Before(l.Ends) {
			return tx.Delete(letters, key)
		}
		going = true
		if now.Before(l.Due) {
			return nil
		}
		var d device
		if _, err := tx.Get(devices, l.DeviceID, &d); err != nil {
			return err
		}
		receiver = d.NotificationURI
		l.Tries++
		// should the server crash meanwhile, the next try comes when this one would have ended
		l.Due = now.Add(tryLimit + s.pauseAfter(l.Tries))
		return tx.Put(letters, key, l)
	})
	return l, receiver, going, err
}

// settle notes how a try ended, and when the next one is due. going is false when there need not be one.
func (s *AuthorizationServer) settle(tried letter, taken bool) (due time.Time, going bool, err error) {
	err = s.Store.Update(func(tx store.Tx) error {
		var l letter
		found, err := tx.Get(letters, tried.Key, &l)
		if err != nil || !found || l.ID != tried.ID {
			return err
		}
		due, going = l.Due, true
		if taken && !l.Wipe {
			going = false
			return tx.Delete(letters, l.Key)
		}
		// flows, wipe message dropped: 202 is not the acknowledgement
		if taken && !s.Guards.On("MO-AS-49") {
			var d device
			if known, err := tx.Get(devices, l.DeviceID, &d); err != nil || !known || !d.ended() {
				return err
			}
			going = false
			return s.wiped(tx, d)
		}
		due = s.Clock.Now().Add(s.pauseAfter(l.Tries))
		l.Due = due
		return tx.Put(letters, l.Key, l)
	})
	return due, going, err
}
