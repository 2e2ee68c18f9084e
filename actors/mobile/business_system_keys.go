package mobile

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// keptKeys is the bucket of a business system with the one set of its keys.
const keptKeys = "business-system/sealing-keys"

const (
	longestKeys    = 300 * time.Second // that a set is used, whatever its answer says
	readingPause   = time.Second       // between readings for a key that is not known
	readingBeat    = 20 * time.Millisecond
	sealingKeySize = 32
)

// keySet is the sealing keys as a business system keeps them.
type keySet struct {
	Keys    []token.Key
	At      time.Time // when they were asked for; zero: never
	Fresh   time.Time // until then they are not asked for again
	Reading time.Time // since when they are being asked for; zero: they are not
	Asked   time.Time // when they were last asked for because of a key that is not known
	Failed  bool      // the last reading of them gave nothing
}

func (k keySet) find(id string) (token.Key, bool) {
	i := slices.IndexFunc(k.Keys, func(key token.Key) bool { return key.ID == id })
	if i < 0 {
		return token.Key{}, false
	}
	return k.Keys[i], true
}

// keysAre says what is to be done to get a key.
type keysAre int

const (
	keysKnown keysAre = iota // the set that is kept says all there is to say
	keysElse                 // another access reads them
	keysToBeRead
)

// sealingKey gives the key of that ID (profile section 5.2). The error is errInvalidToken when there is none, and errOutage when none can be had.
func (a *access) sealingKey(id string) (token.Key, error) {
	if !a.Guards.Hardened() {
		return a.configured(id)
	}
	server, err := a.server()
	if err != nil {
		return token.Key{}, err
	}
	if server.SealingKeysEndpoint == "" {
		return a.configured(id)
	}
	for begun := a.Clock.Now(); ; {
		set, are, err := a.takeKeys(id, begun)
		if err != nil {
			return token.Key{}, err
		}
		if are == keysToBeRead {
			if set, err = a.readKeys(server.SealingKeysEndpoint, id); err != nil {
				return token.Key{}, err
			}
		}
		if are == keysElse {
			if a.left() <= 0 {
				return token.Key{}, errOutage
			}
			a.Clock.Sleep(readingBeat)
			continue
		}
		if key, found := set.find(id); found {
			return key, nil
		}
		return token.Key{}, errInvalidToken
	}
}

func (s *BusinessSystem) configured(id string) (token.Key, error) {
	if id != s.Key.ID {
		return token.Key{}, errInvalidToken
	}
	return s.Key, nil
}

// takeKeys gives the set that is kept, and says whether this access is to read it anew: one at a time does. The error is errOutage when it may not be read
// now, and could not be read before, or the store's.
func (a *access) takeKeys(id string, begun time.Time) (set keySet, are keysAre, err error) {
	err = a.Store.Update(func(tx store.Tx) error {
		if _, err := tx.Get(keptKeys, a.Issuer, &set); err != nil {
			return err
		}
		now := a.Clock.Now()
		busy := !set.Reading.IsZero() && now.Sub(set.Reading) < patience
		fresh := !set.At.IsZero() && (now.Before(set.Fresh) || set.At.After(begun))
		_, known := set.find(id) // in the set that was last read, however old that is
		switch {
		// RFC 7517 section 4.5; flows, rotation without downtime
		case !set.At.IsZero() && !a.Guards.On("MO-BS-28"), fresh && known:
			are = keysKnown
			return nil
		case busy:
			are = keysElse
			return nil
		// flows, bounded retry; RFC 8725 section 3.10: whatever the set's age is, and however the reading before ended
		case !known && a.Guards.Forbids("MO-BS-31", now.Sub(set.Asked) < readingPause):
			are = keysKnown
			if set.Failed {
				return errOutage
			}
			return nil
		case !known:
			set.Asked = now
		}
		are, set.Reading = keysToBeRead, now
		return tx.Put(keptKeys, a.Issuer, set)
	})
	return set, are, err
}

// readKeys reads the sealing keys (profile section 4.8), and keeps them.
func (a *access) readKeys(endpoint, id string) (set keySet, err error) {
	sent := a.Clock.Now()
	keys, lifetime, readErr := a.askKeys(endpoint)
	err = a.Store.Update(func(tx store.Tx) error {
		if _, err := tx.Get(keptKeys, a.Issuer, &set); err != nil {
			return err
		}
		set.Reading, set.Failed = time.Time{}, readErr != nil
		if readErr == nil {
			first := set.At.IsZero()
			// RFC 7517 section 5: a key that is gone from the set opens nothing
			if !a.Guards.On("MO-BS-30") {
				keys = append(keys, set.Keys...)
			}
			set.Keys, set.At, set.Fresh = keys, sent, sent.Add(lifetime)
			switch _, found := set.find(id); {
			case !found:
				set.Asked = sent
			case first: // which was for want of a set, and not of this key
				set.Asked = time.Time{}
			}
		}
		return tx.Put(keptKeys, a.Issuer, set)
	})
	if readErr != nil {
		return set, readErr
	}
	return set, err
}

// askKeys gives the set as the authorization server has it, and for how long it may be used.
func (a *access) askKeys(endpoint string) ([]token.Key, time.Duration, error) {
	answer, err := a.ask(outbound.Call{Method: http.MethodGet, URL: endpoint})
	if err != nil {
		return nil, 0, err
	}
	m, err := wire.Object(answer.Body)
	var set []struct {
		Type      string `json:"kty"`
		KeyID     string `json:"kid"`
		Algorithm string `json:"alg"`
		K         string `json:"k"`
	}
	if answer.Status != http.StatusOK || err != nil || !m.Has("keys") || json.Unmarshal(m["keys"], &set) != nil {
		return nil, 0, errOutage
	}
	var keys []token.Key
	for _, k := range set {
		secret, err := base64.RawURLEncoding.Strict().DecodeString(k.K)
		// RFC 7517 section 5: a key that cannot be used is passed over
		if k.Type == "oct" && k.KeyID != "" && (k.Algorithm == "" || k.Algorithm == "A256GCM") && err == nil && len(secret) == sealingKeySize {
			keys = append(keys, token.Key{ID: k.KeyID, Secret: secret})
		}
	}
	// RFC 7517 section 5; flows, rotation without downtime: all keys of the set open tokens
	if !a.Guards.On("MO-BS-29") && len(keys) > 1 {
		keys = keys[:1]
	}
	lifetime, err := m.Whole("cache_lifetime")
	if err != nil || lifetime < 0 {
		lifetime = 0
	}
	return keys, time.Duration(min(lifetime, int64(longestKeys/time.Second))) * time.Second, nil
}
