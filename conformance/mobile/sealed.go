package mobile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// members are those of a JSON object.
type members = judge.Members

// statement is what is signed or sealed: a sealed token, a signed address, a message, a proof. The constructors make right ones; a check changes in them what it wants to be wrong.
type statement struct {
	// header stands against what would be right; a member set to nil is left out.
	header map[string]any
	claims members
}

// with is a copy with another claim; nil leaves it out.
func (s statement) with(name string, value any) statement {
	s.claims = s.claims.With(name, value)
	return s
}

// headed is a copy with another member in its header; nil leaves it out.
func (s statement) headed(name string, value any) statement {
	header := map[string]any{}
	maps.Copy(header, s.header)
	header[name] = value
	s.header = header
	return s
}

func (s statement) payload() []byte {
	text, err := json.Marshal(s.claims)
	if err != nil {
		panic("claims that cannot be written: " + err.Error()) // checks make them of what can be
	}
	return text
}

// signed is the statement as a compact JWS with ES256.
func (s statement) signed(by jose.Signer) (string, error) { return by.Sign(s.header, s.payload()) }

// unsecured is the statement as a compact JWS with `alg` none.
func (s statement) unsecured() (string, error) { return jose.Unsecured(s.header, s.payload()) }

// sealed is the statement as a compact JWE, `dir` with A256GCM, with an initialization vector from random.
func (s statement) sealed(random io.Reader, key jose.Key) (string, error) {
	return jose.Seal(random, key, s.header, s.payload())
}

// authenticationID is what an app says of itself.
type authenticationID struct{ appID, deviceID, username string }

// confirmation is the claim cnf for a device key.
func confirmation(thumbprint string) map[string]any { return map[string]any{"jkt": thumbprint} }

// hashOf is ath for an access token.
func hashOf(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return jose.Encode(sum[:])
}

// tokenContents are those of a sealed token: section 4.3 of the profile.
type tokenContents struct {
	issuer, systemID string
	who              authenticationID
	thumbprint       string // of the device key; empty: bound to none
	id, token        string
	issued           time.Time
	lifetime         time.Duration
}

func (c tokenContents) statement() statement {
	s := statement{
		header: map[string]any{"typ": "sealed+jwt", "aud": c.systemID},
		claims: members{
			"iss": c.issuer, "aud": c.systemID, "sub": c.who.username, "appid": c.who.appID, "deviceid": c.who.deviceID,
			"jti": c.id, "token": c.token, "iat": c.issued.Unix(), "exp": c.issued.Add(c.lifetime).Unix(),
		},
	}
	if c.thumbprint != "" {
		s = s.headed("cnf", confirmation(c.thumbprint)).with("cnf", confirmation(c.thumbprint))
	}
	return s
}

// addressContents are those of a signed address: section 4.4 of the profile.
type addressContents struct {
	issuer, systemID, address string
	who                       authenticationID
	rulesVersion              int64
	accessToken               string
	issued                    time.Time
	lifetime                  time.Duration
}

func (c addressContents) statement() statement {
	return statement{
		header: map[string]any{"typ": "address+jwt"},
		claims: members{
			"iss": c.issuer, "aud": c.who.appID, "sub": c.who.deviceID, "system_id": c.systemID, "address": c.address, "rules_version": c.rulesVersion,
			"ath": hashOf(c.accessToken), "iat": c.issued.Unix(), "exp": c.issued.Add(c.lifetime).Unix(),
		},
	}
}

// The events of messages.
const (
	wipeEvent    = "urn:countersign:mobile:wipe"
	addressEvent = "urn:countersign:mobile:address"
	messageType  = "application/secevent+jwt"
)

// messageContents are those of every message: section 4.5 of the profile.
type messageContents struct {
	issuer, deviceID, id string
	thumbprint           string // of the device key
	issued               time.Time
}

func (c messageContents) about(event string, content members) statement {
	return statement{
		header: map[string]any{"typ": "secevent+jwt"},
		claims: members{
			"iss": c.issuer, "iat": c.issued.Unix(), "jti": c.id, "aud": c.deviceID, "cnf": confirmation(c.thumbprint), "events": members{event: content},
		},
	}
}

// wipe is a wipe message.
func (c messageContents) wipe() statement { return c.about(wipeEvent, members{}) }

// moved is an address message.
func (c messageContents) moved(systemID, address string, rulesVersion int64) statement {
	return c.about(addressEvent, members{"system_id": systemID, "address": address}).with("rules_version", rulesVersion)
}

// key is the sealing key, ready for use.
func (k SealingKeySetup) key() (jose.Key, error) {
	secret, err := jose.Decode(k.K)
	if err != nil || len(secret) != 32 {
		return jose.Key{}, fmt.Errorf("the sealing key %s of the setup is not 32 bytes in base64url", k.KeyID)
	}
	return jose.Key{ID: k.KeyID, Secret: secret}, nil
}

// signer is the signing key, ready for use.
func (k SigningKeySetup) signer() (jose.Signer, error) {
	private, err := jose.Decode(k.D)
	if err != nil {
		return jose.Signer{}, errors.New("the d of the setup's signing_key is not base64url")
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), private)
	if err != nil {
		return jose.Signer{}, fmt.Errorf("the setup's signing_key is none: %w", err)
	}
	return jose.Signer{ID: k.KeyID, Key: key}, nil
}

// readStatement is a statement that was read, with the compact text that it stood in.
type readStatement struct {
	compact string
	header  members
	claims  members
}

// newReadStatement reads the header again, so that its numbers are as they were written.
func newReadStatement(compact string, payload []byte) (readStatement, error) {
	first, _, _ := strings.Cut(compact, ".")
	raw, err := jose.Decode(first)
	if err != nil {
		return readStatement{}, errors.New("its header is not base64url without padding")
	}
	header, err := judge.ReadMembers(raw)
	if err != nil {
		return readStatement{}, fmt.Errorf("its header is %w", err)
	}
	claims, err := judge.ReadMembers(payload)
	if err != nil {
		return readStatement{}, fmt.Errorf("what it holds is %w", err)
	}
	return readStatement{compact, header, claims}, nil
}

// readSealed opens a sealed token under the one of the keys that its kid names. The error says in words what it is instead.
func readSealed(compact string, keys ...jose.Key) (readStatement, error) {
	header, err := jose.Header(compact)
	if err != nil {
		return readStatement{}, fmt.Errorf("no JWE in compact serialization: %w", err)
	}
	var failed error
	for _, key := range keys {
		if key.ID != header["kid"] {
			continue
		}
		_, text, err := jose.Open(compact, key.Secret)
		if err == nil {
			return newReadStatement(compact, text)
		}
		failed = err
	}
	if failed != nil {
		return readStatement{}, fmt.Errorf("a token that does not open under the key that its kid %s names: %w", judge.Shown(header["kid"]), failed)
	}
	return readStatement{}, fmt.Errorf("a token with the kid %s, which names none of the system's keys", judge.Shown(header["kid"]))
}

// readSigned reads a JWS of that typ, signed with ES256 by the one of the keys that its kid names. The error says in words what it is instead.
func readSigned(compact, typ string, keys map[string]*ecdsa.PublicKey) (readStatement, error) {
	header, err := jose.Header(compact)
	if err != nil {
		return readStatement{}, fmt.Errorf("no JWS in compact serialization: %w", err)
	}
	kid, _ := header["kid"].(string)
	switch {
	case header["alg"] != "ES256":
		return readStatement{}, fmt.Errorf("alg %s", judge.Shown(header["alg"]))
	case header["typ"] != typ:
		return readStatement{}, fmt.Errorf("typ %s", judge.Shown(header["typ"]))
	case keys[kid] == nil:
		return readStatement{}, fmt.Errorf("kid %s, which names none of the signing keys", judge.Shown(header["kid"]))
	}
	_, payload, err := jose.Verify(compact, keys[kid])
	if err != nil {
		return readStatement{}, fmt.Errorf("a signature that does not fit: %w", err)
	}
	return newReadStatement(compact, payload)
}

// readUnproved reads a JWS of any kind; nothing about it is proved.
func readUnproved(compact string) (readStatement, error) {
	payload, err := jose.Payload(compact)
	if err != nil {
		return readStatement{}, err
	}
	return newReadStatement(compact, payload)
}

// vector is the initialization vector of a sealed token, as it stands there.
func (r readStatement) vector() string {
	parts := strings.Split(r.compact, ".")
	if len(parts) != 5 {
		return ""
	}
	return parts[2]
}

// event is the content of the message's event of that name; nil where it is about something else, or about more than one thing.
func (r readStatement) event(name string) members {
	events := r.claims.Object("events")
	if len(events) != 1 {
		return nil
	}
	return events.Object(name)
}

// differing says the first member in which a statement is not what it should be; empty for none. A wanted nil stands for a member that is absent.
func differing(got members, want ...any) string {
	for i := 0; i+1 < len(want); i += 2 {
		name := want[i].(string)
		value := got[name]
		if n, ok := got.Whole(name); ok {
			value = n
		}
		if value != want[i+1] {
			return fmt.Sprintf("%s is %s, not %s", name, judge.Shown(value), judge.Shown(want[i+1]))
		}
	}
	return ""
}
