package offline

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"

	"countersign/actors/nearfield"
	"countersign/actors/secret"
	"countersign/actors/store"
)

// Began is a business that waits for the user's confirmation.
type Began struct {
	ConfirmationURI string `json:"confirmation_uri"`
	Shown           Shown  `json:"shown"`
}

// Start applies at the device, fetches what is to be signed and shows it (profile section 6.1). It signs nothing.
func (h *Handset) Start(w Wish) (Began, error) {
	if err := h.judge(w); err != nil {
		return Began{}, err
	}
	// background and abstract: the client is offline
	if !h.Guards.On("OF-HS-04") {
		_, _ = discover(h.Env, h.Issuer, answerWait) // needed for nothing
	}
	serial, err := h.serial(w)
	if err != nil {
		return Began{}, err
	}
	id, err := h.random("sessions", len(nearfield.Session{}))
	if err != nil {
		return Began{}, err
	}
	c := conversation{h, w.NearDevice, nearfield.Session(id)}
	a := Application{Serial: serial, Handset: h.ID, Device: w.Device, Service: w.Service, Amount: w.Amount, Currency: w.Currency}
	message, err := h.encode(h.applied(a))
	if err != nil {
		return Began{}, err
	}
	if err := c.send(nearfield.Application, message); err != nil {
		return Began{}, err
	}
	answer, err := c.fetch(nearfield.Information)
	if err != nil {
		return Began{}, err
	}
	if no, err := ParseRefusal(answer, reading(h.Env)); err == nil {
		return Began{}, h.refused(no, a)
	}
	i, err := h.accept(answer, a)
	if err != nil {
		return Began{}, informationRejected(err)
	}
	// flows, what you see is what you sign
	if i.Level == 1 && h.Guards.Hardened() && !h.Guards.On("OF-HS-21") {
		if err := h.countersign(c, i, ""); err != nil {
			return Began{}, err
		}
	}
	return h.show(c, i)
}

// refused is how a start ends that the device refused.
func (h *Handset) refused(no Refusal, a Application) error {
	if no.Serial != nil && h.otherSerial(no.Serial, a) {
		return informationRejected(notAppliedFor("serial"))
	}
	return &problem{Status: http.StatusConflict, Code: no.Error, Description: "the device refused the application"}
}

func informationRejected(why error) error {
	return &problem{Status: http.StatusConflict, Code: "information_rejected", Description: why.Error()}
}

// serial makes the number that the business goes by.
func (h *Handset) serial(w Wish) ([]byte, error) {
	// paragraph 0050: unique business serial number
	if !h.Guards.On("OF-HS-03") {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", w.Service, w.Amount))
		return sum[:16], nil
	}
	// RFC 4086 section 8; flows, serial-number collision
	if !h.Guards.On("OF-HS-29") {
		return h.nextSerial()
	}
	return h.random("serials", 16)
}

// nextSerial counts on from a number that other handsets do not reach.
func (h *Handset) nextSerial() ([]byte, error) {
	count, err := h.next("serials", uint64(h.Clock.Now().Unix()))
	own := sha256.Sum256([]byte(h.ID))
	return binary.BigEndian.AppendUint64(own[:8], count), err
}

// next counts up, beginning with first.
func (h *Handset) next(what string, first uint64) (n uint64, err error) {
	err = h.Store.Update(func(tx store.Tx) error {
		there, err := tx.Get(counters, what, &n)
		if err != nil {
			return err
		}
		if n++; !there {
			n = first
		}
		return tx.Put(counters, what, n)
	})
	return n, err
}

// applied is the application as it is sent.
func (h *Handset) applied(a Application) Fields {
	f := a.Fields()
	// paragraphs 0047, 0050
	if !h.Guards.On("OF-HS-02") {
		f[KeyAmount] = strconv.FormatUint(a.Amount, 10)
	}
	// flows, password never sent over the link; keptPassword is empty unless this guard is lifted
	if password := h.keptPassword(); password != "" {
		f[KeyError+1] = password
	}
	return f
}

// encode writes a message (RFC 8949 section 4.2.1).
func (h *Handset) encode(f Fields) ([]byte, error) {
	// flows, canonical
	if amount, there := f[KeyAmount].(uint64); there && !h.Guards.On("OF-HS-28") {
		const eightBytes = 0x1b // that follow, whatever the number (RFC 8949 section 3)
		f[KeyAmount] = cbor.RawMessage(binary.BigEndian.AppendUint64([]byte{eightBytes}, amount))
	}
	return f.Encode()
}

// accept judges what came as information: nothing that it refuses is shown or signed. The error says why.
func (h *Handset) accept(message []byte, a Application) (Information, error) {
	e, err := ParseEnvelope(message, reading(h.Env))
	if err != nil {
		return Information{}, err
	}
	domains := []Domain{DomainInformation}
	// RFC 9052 section 4.3; flows, domain-separated
	if !h.Guards.On("OF-HS-14") {
		domains = append(domains, DomainCountersign, DomainResult)
	}
	// RFC 9052 section 4.4; flows, challenge chosen by the device
	if h.Guards.Forbids("OF-HS-13", !h.ServerKeys.vouch(e, domains...)) {
		return Information{}, errNotServers
	}
	i, err := ParseInformation(e.Payload, reading(h.Env))
	if err != nil {
		return Information{}, err
	}
	return i, h.compare(i, a)
}

// notAppliedFor says in what information is not what was applied for, or not of this time.
type notAppliedFor string

func (n notAppliedFor) Error() string {
	return "the device answered with another " + string(n) + " than it should"
}

const errNotServers = notAppliedFor("signature")

// compare judges information by what was applied for.
func (h *Handset) compare(i Information, a Application) error {
	switch {
	case h.otherSerial(i.Serial, a):
		return notAppliedFor("serial")
	// flows, relay to a distant device
	case h.Guards.Forbids("OF-HS-16", i.Device != a.Device):
		return notAppliedFor("device")
	// flows, device swaps the amount
	case h.Guards.Forbids("OF-HS-17", i.Amount != a.Amount):
		return notAppliedFor("amount")
	case h.Guards.Hardened() && (i.Currency != a.Currency || i.Service != a.Service):
		return notAppliedFor("service or currency")
	// flows, structure that names its parties
	case h.Guards.Forbids("OF-HS-18", i.Handset != a.Handset || i.Issuer != h.Issuer):
		return notAppliedFor("handset or issuer")
	// flows, short lived
	case h.Guards.Forbids("OF-HS-19", !h.timely(i)):
		return notAppliedFor("time to end")
	// RFC 9180 section 7.1.4
	case i.SealKey != nil && !sealable(i.SealKey):
		return notAppliedFor("seal key")
	}
	return nil
}

// otherSerial reports whether the serial in message 1 is not the application's, where that matters.
func (h *Handset) otherSerial(serial []byte, a Application) bool {
	// flows, replayed or relayed frames
	return h.Guards.Forbids("OF-HS-15", !bytes.Equal(serial, a.Serial))
}

// timely reports whether the information ends neither long ago nor long from now, by the handset's own clock.
func (h *Handset) timely(i Information) bool {
	const past, ahead = 120, 240 // seconds
	now := uint64(h.Clock.Now().Unix())
	return i.ExpiresAt+past >= now && i.ExpiresAt <= now+ahead && i.ExpiresAt+past >= i.ExpiresAt
}

// show keeps what waits for confirmation, and gives what the user sees of it.
func (h *Handset) show(c conversation, i Information) (Began, error) {
	token, err := h.confirmationToken()
	if err != nil {
		return Began{}, err
	}
	now := h.Clock.Now()
	p := pending{Mortal: store.Mortal{Forget: now.Add(confirmable)}, Near: c.NearDevice, Session: c.Session, Information: i}
	err = h.Store.Update(func(tx store.Tx) error {
		if err := store.Forget(tx, confirmations, now, time.Minute); err != nil {
			return err
		}
		return tx.Put(confirmations, secret.Digest(token), p)
	})
	return Began{ConfirmationURI: h.BaseURL + pathConfirmation + token, Shown: h.shown(i)}, err
}

// shown is what the user sees of the information.
func (h *Handset) shown(i Information) Shown {
	shown := Shown{i.Device, i.Service, i.Amount, i.Currency, i.Level, i.ExpiresAt}
	// flows, what you see is what you sign
	if !h.Guards.On("OF-HS-20") {
		shown.Level = 1
	}
	return shown
}

// confirmationToken is what the confirmation's URI ends with.
func (h *Handset) confirmationToken() (string, error) {
	// RFC 4086 section 8
	if !h.Guards.On("OF-HS-23") {
		n, err := h.next("confirmations", 1)
		return strconv.FormatUint(n, 10), err
	}
	return secret.Unguessable(h.Entropy("confirmations"))
}
