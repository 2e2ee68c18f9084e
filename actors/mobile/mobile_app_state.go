package mobile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"time"

	"countersign/actors/store"
	"countersign/actors/token"
)

// The buckets of an app.
const (
	ofTheApp        = "mobile-app"
	messagesTaken   = "mobile-app/messages"
	heldUnder       = "holdings"
	deviceKeyUnder  = "device key"
	firstAddressWas = "first address"
)

// holdings is what the app holds and loses by a wipe. The device key and the identifiers of messages are no part of it.
type holdings struct {
	Epoch    int // one more with every enrolment and wipe
	Enrolled bool

	Token, TokenType  string
	Until             time.Time // then the token is of no use
	Address, SystemID string
	AddressVersion    int64 // the rules_version with which the address came
	Newest            int64 // the highest taken since enrolment, about whatever system

	Owner     string
	Resources []Resource
}

// drop throws token and address away.
func (h *holdings) drop() {
	h.Token, h.TokenType, h.Until, h.Address, h.SystemID, h.AddressVersion = "", "", time.Time{}, "", "", 0
}

// held is what the app holds now.
func (m *MobileApp) held() (holdings, error) {
	h, _, err := store.Load[holdings](m.Store, ofTheApp, heldUnder)
	return h, err
}

// errOvertaken says that the app was wiped or enrolled since something began that wants to store what it got.
var errOvertaken = errors.New("the app was wiped or enrolled in the meantime")

// change changes what the app holds, if it has been neither wiped nor enrolled since that epoch. The error may be errOvertaken.
func (m *MobileApp) change(epoch int, f func(*holdings) error) (h holdings, err error) {
	err = m.Store.Update(func(tx store.Tx) error {
		if _, err := tx.Get(ofTheApp, heldUnder, &h); err != nil {
			return err
		}
		if h.Epoch != epoch {
			return errOvertaken
		}
		if err := f(&h); err != nil {
			return err
		}
		return tx.Put(ofTheApp, heldUnder, h)
	})
	return h, err
}

// deviceKey is the one key of the device, made when it is first needed.
func (m *MobileApp) deviceKey() (device token.Signer, err error) {
	err = m.Store.Update(func(tx store.Tx) error {
		var raw []byte
		found, err := tx.Get(ofTheApp, deviceKeyUnder, &raw)
		if err != nil {
			return err
		}
		if found {
			device.Key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
			return err
		}
		if device, err = token.NewSigner(m.Entropy("device key"), ""); err != nil {
			return err
		}
		if raw, err = device.Key.Bytes(); err != nil {
			return err
		}
		return tx.Put(ofTheApp, deviceKeyUnder, raw)
	})
	return device, err
}

// older reports whether an address came with an older version of the rules than what it is compared with.
func (m *MobileApp) older(rulesVersion, than int64) bool {
	// flows, address substitution and reordering
	return m.Guards.Forbids("MO-AP-32", rulesVersion < than)
}

// firstAddress is the first address that the app ever went to. A right app remembers nothing of the kind.
func (m *MobileApp) firstAddress(now string) (first string, err error) {
	err = m.Store.Update(func(tx store.Tx) error {
		if found, err := tx.Get(ofTheApp, firstAddressWas, &first); err != nil || found {
			return err
		}
		first = now
		return tx.Put(ofTheApp, firstAddressWas, first)
	})
	return first, err
}
