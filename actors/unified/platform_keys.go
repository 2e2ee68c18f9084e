package unified

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// communicationKey is a key of a third-party platform, as the platform keeps it (profile section 2.2).
type communicationKey struct {
	token.Key
	Replaced time.Time // when the next one was given out; zero when there is none
	Used     bool      // by the third-party platform, in a right message
}

// keysOf are the keys of a third-party platform, retired ones too, the newest last.
func (p *Platform) keysOf(tx store.Tx, clientID string) (keys []communicationKey, err error) {
	found, err := tx.Get(communicationKeys, clientID, &keys)
	if err != nil || found {
		return keys, err
	}
	t, _ := find(p.ThirdParties, func(t RegisteredParty) bool { return t.ClientID == clientID })
	for _, k := range t.Keys {
		keys = append(keys, communicationKey{Key: k})
	}
	return keys, nil
}

// keyOwner finds the third-party platform that a key ID was given to.
func (p *Platform) keyOwner(tx store.Tx, kid string) (clientID string, found bool, err error) {
	if found, err = tx.Get(keyOwners, kid, &clientID); err != nil || found {
		return clientID, found, err
	}
	t, found := find(p.ThirdParties, func(t RegisteredParty) bool {
		return slices.ContainsFunc(t.Keys, func(k token.Key) bool { return k.ID == kid })
	})
	return t.ClientID, found, nil
}

// keyOwners are all third-party platforms that can have keys.
func (p *Platform) keyOwners(tx store.Tx) (ids []string, err error) {
	all, err := p.allInForce(tx)
	for _, t := range all {
		ids = append(ids, t.ClientID)
	}
	return ids, err
}

// retired reports whether the platform takes a key no longer.
func (p *Platform) retired(k communicationKey) bool {
	overlap := p.keyOverlap()
	// flows, rotation: both keys work while one replaces the other
	if !p.Guards.On("UN-PL-67") {
		overlap = 0
	}
	// closes claim 6: a key once lost must not open everything for ever
	return !k.Replaced.IsZero() && p.Guards.Forbids("UN-PL-68", p.Clock.Now().Sub(k.Replaced) >= overlap)
}

// noteUse remembers that a third-party platform has used a key.
func (p *Platform) noteUse(l line) error {
	return p.Store.Update(func(tx store.Tx) error {
		keys, err := p.keysOf(tx, l.peer)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(keys, func(k communicationKey) bool { return k.ID == l.key.ID })
		if i < 0 || keys[i].Used {
			return nil
		}
		keys[i].Used = true
		return tx.Put(communicationKeys, l.peer, keys)
	})
}

// lineTo is the line on which the platform itself begins to speak to a third-party platform.
func (p *Platform) lineTo(clientID string) (l line, err error) {
	err = p.Store.Update(func(tx store.Tx) error {
		all, err := p.keysOf(tx, clientID)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return fmt.Errorf("the third-party platform %s has no communication key yet; its owner gets one at the key endpoint", clientID)
		}
		// flows, rotation: the receiver may not have the newest yet
		if !p.Guards.On("UN-PL-69") {
			l = p.line(clientID, all[0])
			return nil
		}
		keys := slices.DeleteFunc(slices.Clone(all), p.retired)
		newest := keys[len(keys)-1] // which nothing has replaced
		for _, k := range slices.Backward(keys) {
			if k.Used {
				newest = k
				break
			}
		}
		l = p.line(clientID, newest)
		return nil
	})
	return l, err
}

// giveKey gives the owner of a third-party platform in force a new communication key (claim 6).
func (p *Platform) giveKey(by Operator, m members) (wire.Answer, error) {
	clientID, err := m.Word("client_id")
	if err != nil {
		return wire.Answer{}, err
	}
	id, err := secret.Unguessable(p.Entropy("key IDs"))
	if err != nil {
		return wire.Answer{}, err
	}
	fresh := communicationKey{Key: token.Key{ID: id, Secret: make([]byte, 32)}}
	if _, err := io.ReadFull(p.Entropy("communication keys"), fresh.Secret); err != nil {
		return wire.Answer{}, fmt.Errorf("reading entropy for a communication key: %w", err)
	}
	err = p.Store.Update(func(tx store.Tx) error {
		t, found, err := p.thirdParty(tx, clientID)
		if err != nil {
			return err
		}
		// closes claim 6: one third-party platform must not speak as another
		if !found || p.Guards.Forbids("UN-PL-72", t.Owner != by.Name) {
			return refusal(http.StatusForbidden, "access_denied", "no third-party platform of this client_id is in force and yours")
		}
		// claim 6: what is given out is taken
		if !p.Guards.On("UN-PL-21") {
			return nil
		}
		return p.replaceKey(tx, clientID, fresh)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(map[string]any{
		"client_id": clientID, "kid": fresh.ID, "k": base64.RawURLEncoding.EncodeToString(fresh.Secret), "key_overlap": seconds(p.keyOverlap()),
	})
}

// replaceKey makes a key the newest of its third-party platform.
func (p *Platform) replaceKey(tx store.Tx, clientID string, fresh communicationKey) error {
	keys, err := p.keysOf(tx, clientID)
	if err != nil {
		return err
	}
	for i := range keys {
		if keys[i].Replaced.IsZero() {
			keys[i].Replaced = p.Clock.Now()
		}
	}
	if err := tx.Put(keyOwners, fresh.ID, clientID); err != nil {
		return err
	}
	return tx.Put(communicationKeys, clientID, append(keys, fresh))
}

// signer has the key of the platform's logout tokens.
func (p *Platform) signer() (token.Signer, error) {
	seed, err := p.kept("logout tokens")
	if err != nil {
		return token.Signer{}, err
	}
	// The seed of 32 characters is the key; that it is none of the curve cannot be, since it lies far below the curve's order.
	signer, err := token.NewSigner(strings.NewReader(seed), "")
	if err != nil {
		return signer, err
	}
	signer.ID = signer.Thumbprint()
	return signer, nil
}

// publishKeys serves the keys of logout tokens as a JWK set (RFC 7517 section 5).
func (p *Platform) publishKeys(w http.ResponseWriter, r *http.Request) {
	signer, err := p.signer()
	if err != nil {
		p.refuse(w, err)
		return
	}
	key := signer.JWK()
	key["use"], key["alg"] = "sig", "ES256"
	wire.Document{Value: map[string]any{"keys": []any{key}}}.ServeHTTP(w, r)
}
