package mobile

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// authenticationID is what an app says of itself.
type authenticationID struct {
	appID, deviceID string
	username        string
}

func (s *AuthorizationServer) readAuthenticationID(m members) (asked authenticationID, err error) {
	if asked.appID, err = identifier(m, "appid"); err != nil {
		return asked, err
	}
	if asked.deviceID, err = identifier(m, "deviceid"); err != nil {
		return asked, err
	}
	asked.username, err = userName(m)
	// claims 5, 10: all three
	if err != nil && (m.Has("username") || s.Guards.On("MO-AS-03")) {
		return asked, err
	}
	return asked, nil
}

// permit is what the rules and the registration say of an authentication ID.
type permit struct {
	rules   *edition
	app     AppRule
	device  device
	refused string // what does not fit; empty when all does
}

// authentication is the answer to an authentication request that is granted.
type authentication struct {
	AccessToken   string `json:"access_token"`
	TokenType     string `json:"token_type"`
	ExpiresIn     int64  `json:"expires_in,omitempty"` // seconds
	SystemID      string `json:"system_id"`
	SystemAddress string `json:"system_address,omitempty"`
	SignedAddress string `json:"signed_address,omitempty"`
	RulesVersion  int64  `json:"rules_version"`
}

// authenticate gives a token for an authentication ID (profile section 4.2).
func (s *AuthorizationServer) authenticate(v visit) (wire.Answer, error) {
	asked, err := s.readAuthenticationID(v.body)
	if err != nil {
		return wire.Answer{}, err
	}
	p, proved, err := s.proved(v.Request, pathAuthentication)
	if err != nil {
		return wire.Answer{}, err
	}
	// closes claim 1, the bare authentication ID; RFC 9449 section 5
	if s.Guards.Forbids("MO-AS-23", !proved) {
		return wire.Answer{}, refusedProof(errNoProof)
	}
	var given permit
	var made issue
	// One transaction judges and issues: a change of rules or a deregistration comes before all of it or after.
	err = s.Store.Update(func(tx store.Tx) error {
		if err := s.undisturbed(tx); err != nil {
			return err
		}
		if given, err = s.judge(tx, &asked, p); err != nil || given.refused != "" {
			return err
		}
		made, err = s.issue(tx, asked, given, p)
		return err
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if given.refused != "" {
		return wire.Answer{}, s.deny(given, p)
	}
	return s.grant(asked, given, made)
}

// undisturbed is nil: a change of rules holds nobody up.
func (s *AuthorizationServer) undisturbed(tx store.Tx) error {
	// description of step S102: no effect on the business system, no pause
	if s.Guards.On("MO-AS-15") {
		return nil
	}
	e, err := s.inForce(tx)
	if err == nil && e.Version > 1 && s.Clock.Now().Sub(e.ActivatedAt) < time.Second {
		err = &problem{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", RetryAfter: "1", Description: "the rules have just changed; try again"}
	}
	return err
}

// judging gives the rules that judge an authentication request.
func (s *AuthorizationServer) judging(tx store.Tx) (*edition, error) {
	// description of step S102: rules changed or deployed anew
	if !s.Guards.On("MO-AS-14") {
		return s.begun, nil
	}
	return s.inForce(tx)
}

// judge asks rules, registration and key together.
func (s *AuthorizationServer) judge(tx store.Tx, asked *authenticationID, p proof) (g permit, err error) {
	if g.rules, err = s.judging(tx); err != nil {
		return g, err
	}
	asked.username = cmp.Or(asked.username, g.rules.devices[asked.deviceID])
	registered, err := tx.Get(devices, asked.deviceID, &g.device)
	if err != nil {
		return g, err
	}
	app, known := g.rules.apps[asked.appID]
	// description of step S101: the server gives each app its identifier
	if !known && !s.Guards.On("MO-AS-06") && len(g.rules.Rules.Apps) > 0 {
		app, known = g.rules.Rules.Apps[0], true
		asked.appID = app.AppID
	}
	g.app = app
	switch {
	case !known:
		g.refused = "the app is unknown"
	// description of step S102: only an authorized user name may use the app
	case s.Guards.Forbids("MO-AS-04", !g.rules.mayUse(asked.username, asked.appID)):
		g.refused = "the user may not use the app"
	// description of step S102: device number and user name correspond
	case s.Guards.Forbids("MO-AS-05", g.rules.devices[asked.deviceID] != asked.username || registered && g.device.Username != asked.username):
		g.refused = "the device is another user's"
	// description of step S102: device numbers are registered
	case s.Guards.Forbids("MO-AS-07", !registered):
		g.refused = "the device is not registered"
	// description of step S102: a lost device is deregistered
	case s.Guards.Forbids("MO-AS-18", g.device.ended()):
		g.refused = "the device is deregistered"
	// RFC 9449 section 5; flows, guessed deviceid
	case registered && s.Guards.Forbids("MO-AS-25", p.Thumbprint != "" && p.Thumbprint != g.device.Thumbprint):
		g.refused = "the proof is by another key than the device's"
	}
	return g, nil
}

// said is the version that answers name.
func (s *AuthorizationServer) said(e *edition) int64 {
	// flows, rule changes are versioned. At level core the version is right all the same.
	if s.Guards.Hardened() && !s.Guards.On("MO-AS-57") {
		return 1
	}
	return e.Version
}

// deny refuses an authentication ID. What does not fit is nobody's business, but a lost device is told to wipe itself.
func (s *AuthorizationServer) deny(g permit, p proof) error {
	denied := accessDenied("this app may not be used with this device under this user name")
	denied.More = map[string]any{"rules_version": s.said(g.rules)}
	// flows, guessed deviceid; RFC 6749 section 10.10
	if !s.Guards.On("MO-AS-29") {
		denied.Description = g.refused
	}
	pending := g.device.ended() && !g.device.Wipe.Acknowledged && p.Thumbprint != "" && p.Thumbprint == g.device.Thumbprint
	// flows, wipe message dropped: given on contact
	if pending && s.Guards.On("MO-AS-53") {
		denied.Code, denied.Description = "device_deregistered", "the device is deregistered; delete what it holds and acknowledge it"
		denied.More["message"] = g.device.Wipe.Message
	}
	return denied
}

// issue is a token that was made.
type issue struct {
	accessToken       string // sealed
	issuedAt, expires int64  // seconds since 1970
}

// issue makes a token, shares it and seals it (profile section 4.3).
func (s *AuthorizationServer) issue(tx store.Tx, asked authenticationID, g permit, p proof) (made issue, err error) {
	now := s.Clock.Now()
	made.issuedAt = now.Unix()
	made.expires = made.issuedAt + int64(s.accessTokenLifetime()/time.Second)
	id, value, err := s.draw(tx, asked)
	if err != nil {
		return made, err
	}
	bound := cmp.Or(p.Thumbprint, g.device.Thumbprint)
	shared := sharedToken{
		Mortal: store.Mortal{Forget: time.Unix(made.expires, 0).Add(remembered)}, Token: value,
		Username: asked.username, AppID: asked.appID, DeviceID: asked.deviceID, SystemID: g.app.SystemID,
		Thumbprint: bound, Registration: g.device.Registration, Expires: made.expires,
	}
	// claims 2, 7: sealed and shared is the same
	if !s.Guards.On("MO-AS-12") {
		if shared.Token, err = secret.Unguessable(s.Entropy("tokens")); err != nil {
			return made, err
		}
	}
	if err := store.Forget(tx, sharedTokens, now, time.Minute); err != nil {
		return made, err
	}
	if err := tx.Put(sharedTokens, id, shared); err != nil {
		return made, err
	}
	claims := sealedClaims{
		Issuer: s.Issuer, Audience: g.app.SystemID, Subject: asked.username, AppID: asked.appID, DeviceID: asked.deviceID,
		ID: id, Token: value, IssuedAt: made.issuedAt, Expires: made.expires,
	}
	// RFC 9449 section 6.1: bound to the device key
	if s.Guards.On("MO-AS-34") {
		claims.Confirmation = boundTo(bound)
	}
	made.accessToken, err = s.seal(tx, claims)
	return made, err
}

// draw makes the token and its identifier.
func (s *AuthorizationServer) draw(tx store.Tx, asked authenticationID) (id, value string, err error) {
	type drawn struct{ ID, Value string }
	const same = "authorization-server/same-tokens"
	key := strings.Join([]string{asked.appID, asked.deviceID, asked.username}, " ")
	var before drawn
	// description of step S103 and the second embodiment: allotted dynamically
	anew := s.Guards.On("MO-AS-13")
	if !anew {
		if found, err := tx.Get(same, key, &before); err != nil || found {
			return before.ID, before.Value, err
		}
	}
	if id, err = s.newIdentifier(tx); err != nil {
		return "", "", err
	}
	if value, err = secret.Unguessable(s.Entropy("tokens")); err != nil || anew {
		return id, value, err
	}
	return id, value, tx.Put(same, key, drawn{id, value})
}

// seal seals the claims for the system that they name (profile section 4.3).
func (s *AuthorizationServer) seal(tx store.Tx, claims sealedClaims) (string, error) {
	system, _ := s.system(claims.Audience)
	ring, err := s.keyring(tx, system)
	if err != nil {
		return "", err
	}
	header := map[string]any{"typ": sealedType}
	// RFC 7519 section 5.3: bound to its system before it is opened
	if s.Guards.On("MO-AS-35") {
		header["aud"] = claims.Audience
	}
	if claims.Confirmation != nil {
		header["cnf"] = claims.Confirmation
	}
	// claims 1, 4: it says whom it is for
	if !s.Guards.On("MO-AS-11") {
		claims.Subject = ""
	}
	plaintext, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	// claims 4, 9: encrypted
	if !s.Guards.On("MO-AS-10") {
		return readable(ring.newest(), header, plaintext)
	}
	var nonces io.Reader = s.Entropy("initialization vectors")
	// RFC 7518 section 5.3: none twice
	if !s.Guards.On("MO-AS-37") {
		nonces = bytes.NewReader(make([]byte, 12))
	}
	return token.Seal(nonces, ring.newest(), header, plaintext)
}

// readable signs claims with an HMAC (RFC 7515 appendix A.1), in the place of sealing them.
func readable(key token.Key, header map[string]any, payload []byte) (string, error) {
	header["alg"], header["kid"] = "HS256", key.ID
	raw, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(raw) + "." + encode(payload)
	mac := hmac.New(sha256.New, key.Secret)
	mac.Write([]byte(input))
	return input + "." + encode(mac.Sum(nil)), nil
}

// grant answers with the token that was made, and with the address (profile sections 4.2 and 4.4).
func (s *AuthorizationServer) grant(asked authenticationID, g permit, made issue) (wire.Answer, error) {
	answer := authentication{
		AccessToken: made.accessToken, TokenType: schemeBearer, ExpiresIn: made.expires - made.issuedAt,
		SystemID: g.app.SystemID, SystemAddress: g.rules.Addresses[g.app.SystemID], RulesVersion: s.said(g.rules),
	}
	if s.Guards.Hardened() {
		answer.TokenType = schemeDPoP
	}
	// claim 3: the address is signed
	if s.Guards.On("MO-AS-45") {
		signed, err := s.signAddress(asked, answer, made)
		if err != nil {
			return wire.Answer{}, err
		}
		answer.SignedAddress = signed
	}
	// description, steps S101 to S104
	if !s.Guards.On("MO-AS-02") {
		answer.ExpiresIn = 0
	}
	// claims 3, 8: the address comes with the token
	if !s.Guards.On("MO-AS-08") {
		answer.SystemAddress = ""
	}
	return wire.JSON(answer)
}

// signAddress signs the address in an answer, for this answer alone.
func (s *AuthorizationServer) signAddress(asked authenticationID, a authentication, made issue) (string, error) {
	claims := addressClaims{
		Issuer: s.Issuer, Audience: asked.appID, Subject: asked.deviceID, SystemID: a.SystemID, Address: a.SystemAddress,
		RulesVersion: a.RulesVersion, TokenHash: hashOf(a.AccessToken), IssuedAt: made.issuedAt, Expires: made.expires,
	}
	// flows, address substitution: bound to the token beside it
	if !s.Guards.On("MO-AS-46") {
		claims.TokenHash = ""
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return s.Signer.Sign(map[string]any{"typ": addressType}, payload)
}
