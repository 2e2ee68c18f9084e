package mobile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/actors/store"
)

// The buckets of the rules, and the keys in the first.
const (
	rulesState = "authorization-server/rules"
	rulesAudit = "authorization-server/rules-audit"

	inForceKey  = "in force"
	editionKey  = "edition"
	fromFileKey = "file"
)

// edition is one activated version of the rules. It is never changed.
type edition struct {
	Version     int64
	ActivatedAt time.Time
	Rules       Rules
	// Addresses are those that answers give, by system.
	Addresses map[string]string

	apps    map[string]AppRule
	devices map[string]string // username by deviceid
	rights  map[right]bool
}

// right is that a user may use an app.
type right struct{ appID, username string }

// index makes look-ups cheap.
func (e *edition) index() {
	e.apps, e.devices, e.rights = map[string]AppRule{}, map[string]string{}, map[right]bool{}
	for _, app := range e.Rules.Apps {
		e.apps[app.AppID] = app
		for _, username := range app.Users {
			e.rights[right{app.AppID, username}] = true
		}
	}
	for _, device := range e.Rules.Devices {
		e.devices[device.DeviceID] = device.Username
	}
}

// mayUse reports whether the user may use the app.
func (e *edition) mayUse(username, appID string) bool { return e.rights[right{appID, username}] }

// mayUseAnAppOf reports whether the user may use any app of the system.
func (e *edition) mayUseAnAppOf(systemID, username string) bool {
	for _, app := range e.Rules.Apps {
		if app.SystemID == systemID && e.mayUse(username, app.AppID) {
			return true
		}
	}
	return false
}

// covers reports whether the rules connect user, device, app and system.
func (e *edition) covers(username, deviceID, appID, systemID string) bool {
	return e.mayUse(username, appID) && e.devices[deviceID] == username && e.apps[appID].SystemID == systemID
}

// moved are the systems of an edition whose address differs from the one that they had in the edition before.
func (e *edition) moved(before *edition) (moved []SystemRule) {
	former := map[string]string{}
	if before != nil {
		former = addressesIn(before.Rules)
	}
	for _, system := range e.Rules.Systems {
		if was, had := former[system.SystemID]; had && was != system.Address {
			moved = append(moved, system)
		}
	}
	return moved
}

func addressesIn(r Rules) map[string]string {
	addresses := map[string]string{}
	for _, system := range r.Systems {
		addresses[system.SystemID] = system.Address
	}
	return addresses
}

// auditEntry is what the audit says of one version.
type auditEntry struct {
	Version     int64  `json:"rules_version"`
	ActivatedAt int64  `json:"activated_at"` // seconds since 1970
	By          string `json:"by,omitempty"`
	Digest      string `json:"sha256"`
}

// auditKey orders entries by version.
func auditKey(version int64) string { return fmt.Sprintf("%019d", version) }

// digestOf is the SHA-256 of a document as it was sent.
func digestOf(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// inForce gives the edition in force; nil when there is none yet. The store says which it is, memory keeps it ready.
func (s *AuthorizationServer) inForce(tx store.Tx) (*edition, error) {
	var version int64
	if found, err := tx.Get(rulesState, inForceKey, &version); err != nil || !found {
		return nil, err
	}
	if ready := s.ready.Load(); ready != nil && ready.Version == version {
		return ready, nil
	}
	e := &edition{}
	if _, err := tx.Get(rulesState, editionKey, e); err != nil {
		return nil, err
	}
	e.index()
	s.ready.Store(e)
	return e, nil
}

// activation is a wish to put rules in force.
type activation struct {
	rules    Rules
	document []byte // as it was sent
	by       string // the administrator, or fromFile
	// unless, where it is set, gives the reason not to.
	unless func(store.Tx) error
}

// fromFile is the author of rules that nobody sent.
const fromFile = "file"

// activate makes a version of the rules, in one step with all that comes of it (profile section 4.6).
func (s *AuthorizationServer) activate(a activation) (version int64, err error) {
	var e *edition
	var sent []letter // what it causes
	err = s.Store.Update(func(tx store.Tx) error {
		before, err := s.inForce(tx)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		e = &edition{Version: 1, ActivatedAt: now, Rules: a.rules, Addresses: addressesIn(a.rules)}
		if before != nil {
			e.Version = before.Version + 1
			s.keepAddresses(e, before)
		}
		if a.unless != nil {
			if err := a.unless(tx); err != nil {
				return err
			}
		}
		if err := tx.Put(rulesState, editionKey, e); err != nil {
			return err
		}
		if err := tx.Put(rulesState, inForceKey, e.Version); err != nil {
			return err
		}
		entry := auditEntry{Version: e.Version, ActivatedAt: now.Unix(), By: a.by, Digest: digestOf(a.document)}
		// flows, rule changes are audited
		if !s.Guards.On("MO-AS-60") {
			entry.By = ""
		}
		if err := tx.Put(rulesAudit, auditKey(e.Version), entry); err != nil {
			return err
		}
		if a.by == fromFile {
			if err := tx.Put(rulesState, fromFileKey, entry.Digest); err != nil {
				return err
			}
		}
		e.index()
		sent, err = s.tellMoved(tx, e, before)
		return err
	})
	if err != nil {
		return 0, err
	}
	s.ready.Store(e) // if it is not the newest by now, inForce sees that
	s.sendAll(sent)
	return e.Version, nil
}

// keepAddresses gives the answers of an edition other addresses than its own where a guard is lifted.
func (s *AuthorizationServer) keepAddresses(e, before *edition) {
	// description of the third embodiment: a changed address reaches the app
	if !s.Guards.On("MO-AS-09") {
		replaceKnown(e.Addresses, before.Addresses)
	}
	// flows, rule-change race: one version in everything. At level core the address is that of the rules all the same.
	if s.Guards.Hardened() && !s.Guards.On("MO-AS-58") {
		replaceKnown(e.Addresses, addressesIn(before.Rules))
	}
}

// replaceKnown takes those addresses over from the former that both have.
func replaceKnown(addresses, former map[string]string) {
	for _, systemID := range slices.Sorted(maps.Keys(addresses)) {
		if was, had := former[systemID]; had {
			addresses[systemID] = was
		}
	}
}
