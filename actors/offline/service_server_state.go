package offline

import (
	"encoding/hex"
	"time"

	"countersign/actors/store"
)

// The buckets of a service server.
const (
	// applications has one record for each serial, for good: a serial is never used again (profile section 5.1).
	applications    = "service-server/applications"
	handsets        = "service-server/handsets"
	passwordGuesses = "service-server/password-guesses"
	counts          = "service-server/counts"
)

// application is what the server knows of one serial.
type application struct {
	AppliedBy   string // the device that applied
	Bytes       []byte // as they came
	Information Information
	Answer      []byte // the information as it was given
	SealPrivate []byte // the private half of the seal key, at level 2
	Before      []byte // the serial of the handset's application at level 2 before this one, nil for none

	Judged      bool
	Countersign []byte // the bytes that were judged
	Verified    bool
	Result      []byte // the result as it was given
}

// open reports whether the application can still be countersigned.
func (a application) open(now uint64) bool { return !a.Judged && now <= a.Information.ExpiresAt }

func findApplication(tx store.Tx, serial []byte) (a application, found bool, err error) {
	found, err = tx.Get(applications, hex.EncodeToString(serial), &a)
	return a, found, err
}

func (a application) put(tx store.Tx) error {
	return tx.Put(applications, hex.EncodeToString(a.Information.Serial), a)
}

// handsetState is what the server keeps of one handset beside its enrolment. The password keys are secrets that stand in for
// the password here: who runs the server guards its store as such.
type handsetState struct {
	PasswordKey []byte   // K; nil when no password is set
	Former      [][]byte // keys that were set before, where a lifted guard keeps them
	Wrong       int      // wrong attempts since the last right proof, or the setting of the password
	Last        []byte   // the serial of its last application at level 2
	Challenge   []byte   // the one challenge, where a lifted guard makes no other
}

func findHandset(tx store.Tx, id string) (h handsetState, err error) {
	_, err = tx.Get(handsets, id, &h)
	return h, err
}

func (h handsetState) put(tx store.Tx, id string) error { return tx.Put(handsets, id, h) }

// pause is how long a server that looks and stores in two steps takes between them.
const pause = 50 * time.Millisecond

// steps runs what looks, and then, where there is more to do, what stores: in one transaction; or, where a lifted guard makes a race
// of them, in two with a pause.
func (s *ServiceServer) steps(together bool, look func(store.Tx) (more bool, err error), keep func(store.Tx) error) error {
	if together {
		return s.Store.Update(func(tx store.Tx) error {
			if more, err := look(tx); err != nil || !more {
				return err
			}
			return keep(tx)
		})
	}
	more := false
	err := s.Store.Update(func(tx store.Tx) (err error) {
		more, err = look(tx)
		return err
	})
	if err != nil || !more {
		return err
	}
	s.Clock.Sleep(pause)
	return s.Store.Update(keep)
}
