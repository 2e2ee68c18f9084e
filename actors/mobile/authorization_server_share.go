package mobile

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/actors/store"
	"countersign/actors/wire"
)

// record is a shared token on the wire.
type record struct {
	ID            string `json:"token_id"`
	Token         string `json:"token"`
	Username      string `json:"username"`
	AppID         string `json:"appid"`
	DeviceID      string `json:"deviceid"`
	Thumbprint    string `json:"jkt,omitempty"`            // of the key that the token is bound to; empty at level core
	ExpiresIn     int64  `json:"expires_in"`               // seconds left
	CacheLifetime *int64 `json:"cache_lifetime,omitempty"` // seconds; nil: none at level core
}

// share gives a business system one token of its own (profile section 4.7).
func (s *AuthorizationServer) share(v visit) (wire.Answer, error) {
	id, err := v.body.Word("token_id")
	if err != nil {
		return wire.Answer{}, err
	}
	now := s.Clock.Now()
	var shared sharedToken
	err = s.Store.Update(func(tx store.Tx) error {
		if err := s.undisturbed(tx); err != nil {
			return err
		}
		found, err := tx.Get(sharedTokens, id, &shared)
		if err != nil {
			return err
		}
		valid := found
		if found {
			if valid, err = s.isShared(tx, shared, v.caller); err != nil {
				return err
			}
		}
		if !valid {
			return &problem{Status: http.StatusNotFound, Code: "invalid_token", Description: "no token of this identifier is shared with this business system"}
		}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	r := record{
		ID: id, Token: shared.Token, Username: shared.Username, AppID: shared.AppID, DeviceID: shared.DeviceID,
		ExpiresIn: max(0, int64(time.Unix(shared.Expires, 0).Sub(now)/time.Second)),
	}
	// RFC 9449 section 6.2; closes claim 2: who has a sealing key does not write this
	if s.Guards.On("MO-AS-65") {
		r.Thumbprint = shared.Thumbprint
	}
	if s.Guards.Hardened() {
		lifetime := min(int64(s.cacheLifetime()/time.Second), r.ExpiresIn)
		// closes claim 2; flows, stale shared-token cache
		if !s.Guards.On("MO-AS-41") {
			lifetime = int64(24 * time.Hour / time.Second)
		}
		r.CacheLifetime = &lifetime
	}
	return wire.JSON(r)
}

// isShared reports whether a token is good now, and the asking system's.
func (s *AuthorizationServer) isShared(tx store.Tx, t sharedToken, caller string) (bool, error) {
	e, err := s.inForce(tx)
	if err != nil {
		return false, err
	}
	var d device
	if _, err := tx.Get(devices, t.DeviceID, &d); err != nil {
		return false, err
	}
	switch {
	// RFC 9700 section 4.14
	case s.Guards.Forbids("MO-AS-38", s.Clock.Now().Unix() >= t.Expires):
	// flows, no list of live tokens
	case s.Guards.Forbids("MO-AS-40", t.SystemID != caller):
	// description of step S102: deregistration ends the tokens, those too that are older than a new registration
	case s.Guards.Forbids("MO-AS-19", d.ended() || d.Registration != t.Registration):
	// RFC 9700 section 4.14: a right that is withdrawn ends the token
	case s.Guards.Forbids("MO-AS-59", !e.covers(t.Username, t.DeviceID, t.AppID, t.SystemID)):
	default:
		return true, nil
	}
	return false, nil
}

// sealingKeyJWK is a sealing key on the wire (RFC 7518 section 6.4).
type sealingKeyJWK struct {
	Type      string `json:"kty"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	Key       string `json:"k"`
}

// keyCacheLifetime is how long a business system may use its keys without asking again.
const keyCacheLifetime = time.Minute

// showSealingKeys gives a business system its keys (profile section 4.8).
func (s *AuthorizationServer) showSealingKeys(v visit) (wire.Answer, error) {
	own, _ := s.system(v.caller)
	shown := []System{own}
	// RFC 9700 section 4.9: and nobody else's
	if !s.Guards.On("MO-AS-42") {
		shown = append(shown, slices.DeleteFunc(slices.Clone(s.Systems), func(other System) bool { return other.ID == own.ID })...)
	}
	keys := []sealingKeyJWK{}
	err := s.Store.Update(func(tx store.Tx) error {
		for _, system := range shown {
			ring, err := s.keyring(tx, system)
			if err != nil {
				return err
			}
			for _, k := range ring.Keys {
				if !s.withdrawn(k) {
					keys = append(keys, sealingKeyJWK{"oct", k.ID, "A256GCM", "enc", base64.RawURLEncoding.EncodeToString(k.Secret)})
				}
			}
		}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(map[string]any{"keys": keys, "cache_lifetime": int64(keyCacheLifetime / time.Second)})
}

// withdrawn reports whether no token that the key sealed lives any more.
func (s *AuthorizationServer) withdrawn(k ringKey) bool {
	// RFC 7517 section 5: a key that leaked opens tokens until then
	return s.Guards.Forbids("MO-AS-44", !k.Until.IsZero() && !s.Clock.Now().Before(k.Until))
}

// rotateKey makes a new sealing key for a system (profile section 4.8).
func (s *AuthorizationServer) rotateKey(v visit) (wire.Answer, error) {
	id, err := identifier(v.body, "system_id")
	if err != nil {
		return wire.Answer{}, err
	}
	system, known := s.system(id)
	if !known {
		return wire.Answer{}, wire.InvalidRequest("no business system has this system_id")
	}
	drawn, err := newSecret(s.Entropy("sealing keys"))
	if err != nil {
		return wire.Answer{}, err
	}
	var kid string
	err = s.Store.Update(func(tx store.Tx) error {
		ring, err := s.keyring(tx, system)
		if err != nil {
			return err
		}
		ring.Keys[0].Until = s.Clock.Now().Add(s.accessTokenLifetime())
		// RFC 7517 section 4.5; flows, rotation: an overlap, so that no token ends
		if !s.Guards.On("MO-AS-43") {
			ring.Keys = nil
		}
		kid = ring.nextID(system)
		ring.Made++
		ring.Keys = slices.DeleteFunc(ring.Keys, s.withdrawn)
		ring.Keys = append([]ringKey{{ID: kid, Secret: drawn}}, ring.Keys...)
		return tx.Put(keyrings, system.ID, ring)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(map[string]string{"kid": kid})
}

// nextID names a key as none was named before.
func (k *keyring) nextID(system System) string {
	for {
		// the configured key is the first
		id := fmt.Sprintf("%s-%d", system.ID, k.Made+2)
		if id != system.Key.ID {
			return id
		}
		k.Made++
	}
}
