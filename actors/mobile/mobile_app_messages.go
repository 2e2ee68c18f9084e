package mobile

import (
	"encoding/json"
	"net/http"
	"time"

	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// notification takes a message (profile section 6.4).
func (m *MobileApp) notification(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	text, _, err := readBody(r, maxRequest, messageType)
	if err != nil {
		wire.Reject(w, err)
		return
	}
	e, err := m.readMessage(string(text))
	if err != nil {
		wire.Reject(w, err)
		return
	}
	if err := m.obey(e); err != nil {
		wire.Reject(w, err)
		return
	}
	w.WriteHeader(http.StatusAccepted) // RFC 8935 section 2.2
}

// event is a message that was judged and is to be obeyed.
type event struct {
	ID           string // jti
	RulesVersion int64  // of an address message
	Name         string
	Address      systemAddress // of an address message
}

func (e event) is(name string) bool { return e.Name == name }

// readMessage judges a message (profile section 4.5).
func (m *MobileApp) readMessage(text string) (e event, err error) {
	malformed := wire.InvalidRequest("the message is no security event token of this profile")
	signed, err := token.ParseSigned(text)
	if err != nil {
		return e, malformed
	}
	var c eventClaims
	if json.Unmarshal(signed.Payload, &c) != nil || len(c.ID) < 16 || len(c.ID) > 128 || len(c.Events) != 1 {
		return e, malformed
	}
	if m.Guards.Hardened() && (signed.Header["alg"] != "ES256" || signed.Header["typ"] != eventType || c.Issuer != m.Issuer) {
		return e, wire.InvalidRequest("the message is not the authorization server's, or not signed with ES256")
	}
	// RFC 8417 section 5.1; RFC 8725 section 3.1
	if m.Guards.Forbids("MO-AP-25", !m.trusts(signed)) {
		return e, wire.InvalidRequest("the message is not signed by the authorization server that this app trusts")
	}
	device, err := m.deviceKey()
	if err != nil {
		return e, err
	}
	// RFC 8417 section 2.2
	if m.Guards.Forbids("MO-AP-26", c.Audience != m.DeviceID || c.Confirmation == nil || c.Confirmation.Thumbprint != device.Thumbprint()) {
		return e, wire.InvalidRequest("the message is for another device")
	}
	e = event{ID: c.ID, RulesVersion: c.RulesVersion}
	for name := range c.Events { //worldlint:allow there is one
		e.Name = name
	}
	if e.is(addressEvent) {
		about, _ := c.Events[addressEvent].(map[string]any)
		e.Address.SystemID, _ = about["system_id"].(string)
		e.Address.Address, _ = about["address"].(string)
		if e.Address.SystemID == "" || !isSafeURL(e.Address.Address) || c.RulesVersion < 1 {
			return e, malformed
		}
	}
	return e, nil
}

// obey does what a message says. One that says something else is none of the app's business.
func (m *MobileApp) obey(e event) error {
	switch {
	case e.is(wipeEvent):
		return m.obeyWipe(e.ID)
	case e.is(addressEvent):
		return m.obeyAddress(e)
	}
	return nil
}

// obeyAddress puts a new address into the place of the stored one. The token stays.
func (m *MobileApp) obeyAddress(e event) error {
	// description of the third embodiment; flows, address push
	if !m.Guards.On("MO-AP-31") {
		return nil
	}
	return m.Store.Update(func(tx store.Tx) error {
		var h holdings
		if _, err := tx.Get(ofTheApp, heldUnder, &h); err != nil {
			return err
		}
		// Whatever system the message is about, and also while no address is stored: an answer by older rules that is still under way is not taken then.
		h.Newest = max(h.Newest, e.RulesVersion)
		// A message about another system may have overtaken this one (profile section 6.4).
		if h.Address != "" && h.SystemID == e.Address.SystemID && !m.older(e.RulesVersion, h.AddressVersion) {
			h.Address, h.AddressVersion = e.Address.Address, e.RulesVersion
		}
		return tx.Put(ofTheApp, heldUnder, h)
	})
}

// wiped is what the app remembers of a wipe message.
type wiped struct {
	// Trying is the time until which an acknowledgement is tried again; zero: none is under way.
	Trying time.Time
}

// obeyWipe deletes what the app holds, unless it has seen the message before, and acknowledges the message.
func (m *MobileApp) obeyWipe(id string) error {
	// flows, wipe acknowledged: the data are gone before they are reported gone. Level core asks for no order, and is served well by this one.
	if m.Guards.Hardened() && !m.Guards.On("MO-AP-28") {
		m.Go("acknowledge a wipe", func() {
			m.acknowledge(id, ackTries)
			m.Clock.Sleep(time.Second)
			_, _ = m.clear(id)
		})
		return nil
	}
	tries, err := m.clear(id)
	if err != nil {
		return err
	}
	m.Go("acknowledge a wipe", func() {
		m.acknowledge(id, tries)
		if tries > 1 {
			_ = m.Store.Update(func(tx store.Tx) error { return m.remember(tx, id, wiped{}) })
		}
	})
	return nil
}

// clear deletes what a wipe deletes, once for each message. It gives the number of times that the acknowledgement is to be tried: while it is being tried already, once more.
func (m *MobileApp) clear(id string) (tries int, err error) {
	err = m.Store.Update(func(tx store.Tx) error {
		var before wiped
		seen, err := tx.Get(messagesTaken, id, &before)
		if err != nil {
			return err
		}
		now := m.Clock.Now()
		if tries = ackTries; now.Before(before.Trying) {
			tries = 1
			return nil
		}
		if !seen {
			if err := m.empty(tx); err != nil {
				return err
			}
		}
		return m.remember(tx, id, wiped{Trying: now.Add(ackTime)})
	})
	return tries, err
}

// empty deletes token, address, resources and enrolment.
func (m *MobileApp) empty(tx store.Tx) error {
	var h holdings
	if _, err := tx.Get(ofTheApp, heldUnder, &h); err != nil {
		return err
	}
	empty := holdings{Epoch: h.Epoch + 1}
	// description of step S102: the data of a deregistered device are cleared
	if !m.Guards.On("MO-AP-10") {
		empty.Owner, empty.Resources = h.Owner, h.Resources
	}
	return tx.Put(ofTheApp, heldUnder, empty)
}

// remember keeps the identifier of a wipe message, through wipes and enrolments.
func (m *MobileApp) remember(tx store.Tx, id string, as wiped) error {
	// flows, wipe idempotent; RFC 8935 section 2
	if !m.Guards.On("MO-AP-27") {
		return nil
	}
	return tx.Put(messagesTaken, id, as)
}

const (
	ackTries = 6                // after 1, 2, 4, 8 and 16 seconds
	ackTime  = 55 * time.Second // of 60, and then no try begins
)

// acknowledge reports a wipe to the authorization server (profile section 4.5), and again when it is not answered 204.
func (m *MobileApp) acknowledge(id string, tries int) {
	// description of step S102; RFC 8935 section 2
	if !m.Guards.On("MO-AP-11") {
		return
	}
	// flows, wipe acknowledged and retried
	if !m.Guards.On("MO-AP-29") {
		tries = 1
	}
	end := m.Clock.Now().Add(ackTime)
	for try, pause := 1, time.Second; ; try, pause = try+1, 2*pause {
		if m.acknowledgeOnce(id) || try >= tries || m.Clock.Now().Add(pause).After(end) {
			return
		}
		m.Clock.Sleep(pause)
	}
}

func (m *MobileApp) acknowledgeOnce(id string) bool {
	server, err := m.discover(patience)
	if err != nil {
		return false
	}
	answer, err := m.tell(server.WipeAcknowledgementEndpoint, map[string]string{"deviceid": m.DeviceID, "jti": id}, patience)
	return err == nil && answer.Status == http.StatusNoContent
}
