package unified

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// backChannelLogout ends the login credentials of the user that a logout token names (profile section 5.4).
func (t *ThirdParty) backChannelLogout(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		wire.WrongMethod(w, http.MethodPost)
		return
	}
	w.Header().Set("Cache-Control", "no-store") // section 2.8 of that specification
	r.Body = http.MaxBytesReader(w, r.Body, wire.MaxBody)
	if err := r.ParseForm(); err != nil || len(r.PostForm["logout_token"]) != 1 {
		t.refuse(w, wire.InvalidRequest("the form has not one logout_token"))
		return
	}
	claims, err := t.judgeToken(r.PostForm.Get("logout_token"))
	if err == nil {
		err = t.logOut(claims)
	}
	if err != nil {
		t.refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// claims are those of a logout token.
type claims struct {
	ending
	id string // jti
}

// logoutType is the typ of a logout token.
const logoutType = "logout+jwt"

// judgeToken judges a logout token but for its jti.
func (t *ThirdParty) judgeToken(compact string) (c claims, err error) {
	m, validated := t.validated(compact)
	if !validated {
		if m, err = t.authentic(compact); err != nil {
			return c, err
		}
	}
	if c.Issuer, err = m.Word("iss"); err != nil {
		return c, err
	}
	// Back-Channel Logout 1.0 section 2.6; RFC 8725 section 3.11: no ID token passes for a logout token
	if t.Guards.Forbids("UN-TP-59", !hasLogoutEvent(m) || m["nonce"] != nil) {
		return c, wire.InvalidRequest("a logout token has the back-channel-logout event and no nonce")
	}
	// RFC 7519 sections 4.1.4 and 4.1.6
	if t.Guards.Forbids("UN-TP-61", !timely(m, t.Clock.Now())) {
		return c, wire.InvalidRequest("exp has passed, nbf has not come, or iat is more than 300 seconds away")
	}
	if c.Sub, err = m.Word("sub"); err != nil {
		return c, err
	}
	if c.id, err = m.Word("jti"); err != nil {
		return c, err
	}
	if c.Generation = everyGeneration; m.Has("generation") {
		c.Generation, err = m.Whole("generation")
	}
	return c, err
}

// validated gives the members of a logout token that the validator of package token takes, with the keys as they are kept. What it refuses is judged again by
// authentic, for the reason, or because the keys have to be read.
func (t *ThirdParty) validated(compact string) (m members, good bool) {
	if !t.Guards.Whole() {
		return nil, false
	}
	for _, p := range t.Platforms {
		kept, found, err := store.Load[keySet](t.Store, platformKeys, p.Issuer)
		if err != nil || !found || t.Clock.Now().Sub(kept.Read) >= documentKept {
			continue
		}
		v, err := t.validators.Of(p.Issuer, kept.Read, func() (*token.Validator, error) {
			return token.NewValidator(token.Expectation{Issuer: p.Issuer, Audience: p.ClientID, Type: logoutType, Now: t.Clock.Now}, kept.trusted()...)
		})
		var c token.Claims
		if err != nil || v.Validate(compact, &c) != nil {
			continue
		}
		m, err := wire.StrictObject(c.Payload())
		return m, err == nil
	}
	return nil, false
}

// authentic gives the members of a logout token of a platform where this one is registered, for this one, that the platform has signed.
func (t *ThirdParty) authentic(compact string) (members, error) {
	signed, err := token.ParseSigned(compact)
	if err != nil {
		return nil, wire.InvalidRequest("the logout token is no compact JWS")
	}
	m, err := wire.StrictObject(signed.Payload)
	if err != nil {
		return nil, err
	}
	issuer, err := m.Word("iss")
	if err != nil {
		return nil, err
	}
	platform, known := t.platform(issuer)
	if !known {
		return nil, wire.InvalidRequest("iss is no platform that is known here")
	}
	if err := t.verify(platform, signed); err != nil {
		return nil, err
	}
	audience, err := audience(m)
	if err != nil {
		return nil, err
	}
	// RFC 8725 section 3.9
	if t.Guards.Forbids("UN-TP-58", !slices.Contains(audience, platform.ClientID)) {
		return nil, wire.InvalidRequest("aud is not this third-party platform")
	}
	if typ, _ := signed.Header["typ"].(string); !token.IsType(typ, logoutType) {
		return nil, wire.InvalidRequest("typ is not logout+jwt")
	}
	return m, nil
}

// audience is aud, a string or an array of strings (RFC 7519 section 4.1.3).
func audience(m members) (all []string, err error) {
	var one string
	if m.Has("aud") && json.Unmarshal(m["aud"], &one) == nil {
		return []string{one}, nil
	}
	err = m.Into("aud", &all, "string or array of strings")
	return all, err
}

func hasLogoutEvent(m members) bool {
	var events members
	if m.Into("events", &events, "object") != nil {
		return false
	}
	_, err := wire.StrictObject(events[logoutEvent])
	return err == nil
}

// timely reports whether now lies before exp, not before nbf where there is one, and iat not far from it.
func timely(m members, now time.Time) bool {
	expires, err := m.Whole("exp")
	if err != nil || expires <= now.Unix() {
		return false
	}
	if m["nbf"] != nil { // RFC 7519 section 4.1.5
		if begins, err := m.Whole("nbf"); err != nil || now.Unix() < begins {
			return false
		}
	}
	issued, err := m.Whole("iat")
	return err == nil && envelope{issued: issued}.fresh(now)
}

// verify judges the signature by the keys that the platform publishes.
func (t *ThirdParty) verify(p PlatformSetup, signed token.Signed) error {
	// Back-Channel Logout 1.0 section 2.6; RFC 8725 section 3.1
	if !t.Guards.On("UN-TP-57") {
		return nil
	}
	key, err := t.signingKey(p.Issuer, signed.KeyID())
	if err != nil {
		return err
	}
	if key == nil || signed.Verify(key) != nil {
		return wire.InvalidRequest("the logout token is not signed with ES256 by a key of the platform")
	}
	return nil
}

// keySet is the keys of a platform as they are kept.
type keySet struct {
	Read time.Time // when they were asked for last, also in vain
	Keys []map[string]any
}

// keysReadAgain is how long an unknown key waits before the keys are read once more (profile section 5.4).
const keysReadAgain = 10 * time.Second

// signingKey gives the key with that ID, nil when the platform has none.
func (t *ThirdParty) signingKey(issuer, kid string) (*ecdsa.PublicKey, error) {
	kept, found, err := store.Load[keySet](t.Store, platformKeys, issuer)
	if err != nil {
		return nil, err
	}
	now := t.Clock.Now()
	if key := kept.find(kid); key != nil && now.Sub(kept.Read) < documentKept || found && now.Sub(kept.Read) < keysReadAgain {
		return key, nil
	}
	keys, unread := t.readKeys(issuer)
	if unread == nil {
		kept.Keys = keys
	}
	kept.Read = now
	if err := t.Store.Update(func(tx store.Tx) error { return tx.Put(platformKeys, issuer, kept) }); err != nil {
		return nil, err
	}
	key := kept.find(kid)
	if key == nil && unread != nil {
		return nil, refusal(http.StatusServiceUnavailable, "temporarily_unavailable", "the keys of the platform cannot be read now; try again")
	}
	return key, nil
}

func (t *ThirdParty) readKeys(issuer string) ([]map[string]any, error) {
	server, err := t.discover(issuer)
	if err != nil {
		return nil, err
	}
	if server.JWKSURI == "" {
		return nil, fmt.Errorf("the metadata under %s name no jwks_uri", issuer)
	}
	body, err := t.get(server.JWKSURI)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	err = json.Unmarshal(body, &set)
	return set.Keys, err
}

func (k keySet) find(kid string) *ecdsa.PublicKey {
	for _, jwk := range k.Keys {
		if kid == "" || jwk["kid"] != kid {
			continue
		}
		if key, err := token.PublicKey(jwk); err == nil {
			return key
		}
	}
	return nil
}

// trusted are the keys of a set that can be used, the first of each ID.
func (k keySet) trusted() (all []token.Trusted) {
	for _, jwk := range k.Keys {
		id, _ := jwk["kid"].(string)
		same := func(t token.Trusted) bool { return t.ID == id }
		if key := k.find(id); key != nil && !slices.ContainsFunc(all, same) {
			all = append(all, token.Trusted{ID: id, Algorithm: token.ES256, Key: key})
		}
	}
	return all
}

// logOut takes a logout token, once, and ends what it names.
func (t *ThirdParty) logOut(c claims) error {
	now := t.Clock.Now()
	return t.Store.Update(func(tx store.Tx) error {
		if err := store.Forget(tx, logoutTokens, now, messageWindow); err != nil {
			return err
		}
		key := secret.Digest(userKey(c.Issuer, c.id))
		var before store.Mortal
		taken, err := tx.Get(logoutTokens, key, &before)
		if err != nil {
			return err
		}
		// Back-Channel Logout 1.0 section 2.6
		if t.Guards.Forbids("UN-TP-60", taken) {
			return wire.InvalidRequest("a logout token with this jti has been taken before; make a new one")
		}
		// A token from the clock's future is fresh for two windows.
		if err := tx.Put(logoutTokens, key, store.Mortal{Forget: now.Add(2*messageWindow + time.Second)}); err != nil {
			return err
		}
		// Back-Channel Logout 1.0 section 2.7: the user is logged out
		if !t.Guards.On("UN-TP-56") {
			return nil
		}
		return t.end(tx, c.ending)
	})
}
