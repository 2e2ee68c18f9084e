package mobile

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// The endpoints of the authorization server under test.
func (t *test) registrationEndpoint() string {
	return t.document.Named("registration_endpoint", t.metadata.RegistrationEndpoint)
}

func (t *test) authenticationEndpoint() string {
	return t.document.Named("authentication_endpoint", t.metadata.AuthenticationEndpoint)
}

func (t *test) deregistrationEndpoint() string {
	return t.document.Named("deregistration_endpoint", t.metadata.DeregistrationEndpoint)
}

func (t *test) acknowledgementEndpoint() string {
	return t.document.Named("wipe_acknowledgement_endpoint", t.metadata.WipeAcknowledgementEndpoint)
}

func (t *test) sharedTokenEndpoint() string {
	return t.document.Named("shared_token_endpoint", t.metadata.SharedTokenEndpoint)
}

func (t *test) sealingKeysEndpoint() string {
	return t.document.Named("sealing_keys_endpoint", t.metadata.SealingKeysEndpoint)
}

func (t *test) keyRotationEndpoint() string {
	return t.document.Named("key_rotation_endpoint", t.metadata.KeyRotationEndpoint)
}

// The accounts and apps of the setup, as the checks of the authorization server call them. Alice may use both apps, bob the first.
func (t *test) alice() AccountSetup   { return t.Users[0] }
func (t *test) bob() AccountSetup     { return t.Users[1] }
func (t *test) carol() AccountSetup   { return t.Users[2] }
func (t *test) first() AppSetup       { return t.Apps[0] }
func (t *test) second() AppSetup      { return t.Apps[1] }
func (t *test) crm() SystemSetup      { return t.Systems[0] }
func (t *test) erp() SystemSetup      { return t.Systems[1] }
func (t *test) admin() AccountSetup   { return t.Administrators[0] }
func (t *test) deputy() AccountSetup  { return t.Administrators[1] }
func (t *test) stranger() string      { return strings.ToLower(t.Fresh("nobody", 9)) }
func (t *test) newDeviceID() string   { return t.Fresh("device", 12) }
func (t *test) secondAddress() string { return AddressAt(t.SecondBaseURL) }

// wrong is an account as somebody sees it who does not know the password.
func (a AccountSetup) wrong() AccountSetup {
	a.Password = "not-" + a.Password
	return a
}

// systemOf is the business system of an app by the first rules.
func (t *test) systemOf(app AppSetup) SystemSetup {
	for _, system := range t.Systems {
		if system.ID == app.System {
			return system
		}
	}
	t.Broken("the setup's app %s is one of the system %s, which the setup lacks", app.ID, app.System)
	return SystemSetup{}
}

// device is a device that the harness plays.
type device struct {
	id    string
	owner AccountSetup
	key   jose.Signer
	// notification is where it takes messages.
	notification string
}

// as is the device as if it were another user's.
func (d device) as(user AccountSetup) device {
	d.owner = user
	return d
}

// under is the device as if its key were another.
func (d device) under(key jose.Signer) device {
	d.key = key
	return d
}

// called is the device under another name.
func (d device) called(id string) device {
	d.id = id
	return d
}

func (d device) thumbprint() string { return d.key.Thumbprint() }

// registration is section 4.1 of the profile, without the proof.
func (t *test) registration(d device) members {
	return members{"deviceid": d.id, "username": d.owner.Name, "password": d.owner.Password, "notification_uri": d.notification}
}

// proved makes a request with a right proof of the device.
func (t *test) proved(d device, endpoint string, body members) *http.Request {
	return t.prove(t.request(endpoint, body), d.key, t.proof(d.key, http.MethodPost, endpoint, ""))
}

func (t *test) register(d device) *conformance.Response {
	endpoint := t.registrationEndpoint()
	return t.Do("device", t.proved(d, endpoint, t.registration(d)))
}

// registered registers a device, which has to succeed.
func (t *test) registered(d device) device {
	t.Accepted(t.register(d), "the registration of a device by its user")
	return d
}

// authentication is section 4.2 of the profile, without the proof.
func (t *test) authentication(app AppSetup, d device) members {
	return members{"appid": app.ID, "deviceid": d.id, "username": d.owner.Name}
}

func (t *test) authenticationRequest(app AppSetup, d device) *http.Request {
	return t.proved(d, t.authenticationEndpoint(), t.authentication(app, d))
}

func (t *test) authenticate(app AppSetup, d device) *conformance.Response {
	return t.Do("app", t.authenticationRequest(app, d))
}

// granted is a token as an app gets it.
type granted struct {
	app         AppSetup
	device      device
	accessToken string
	answer      *conformance.Response
}

// token authenticates and gets a token.
func (t *test) token(app AppSetup, d device, what string) granted {
	return t.grantedBy(t.authenticate(app, d), app, d, what)
}

// grantedBy reads an answer with a token. That it is right in every part is the matter of the checks that ask for it.
func (t *test) grantedBy(resp *conformance.Response, app AppSetup, d device, what string) granted {
	t.Accepted(resp, what)
	return granted{app, d, t.text(resp, "access_token", "the answer to "+what), resp}
}

// refusedToken ends the check as failed unless an authentication is refused without a token.
func (t *test) refusedToken(resp *conformance.Response, what string, codes ...string) {
	t.Refused(resp, what, http.StatusForbidden, codes...)
	if body := t.object(resp, "the refusal of "+what); body["access_token"] != nil {
		t.FailAt(resp.Exchange, "no access_token in the refusal of "+what, "status 403 and an access_token")
	}
}

// denied is refusedToken with the error that says nothing.
func (t *test) denied(app AppSetup, d device, what string) *conformance.Response {
	resp := t.authenticate(app, d)
	t.refusedToken(resp, what, "access_denied")
	return resp
}

// keysOf are the sealing keys of a system: those that the target gives, or the configured one where it gives none.
func (t *test) keysOf(system SystemSetup) []jose.Key {
	if t.metadata.SealingKeysEndpoint == "" {
		key, err := system.SealingKey.key()
		if err != nil {
			t.Broken("%v", err)
		}
		return []jose.Key{key}
	}
	keys, _ := t.keySet(system)
	return keys
}

// keySet reads the sealing keys of a system; section 4.8 of the profile.
func (t *test) keySet(system SystemSetup) ([]jose.Key, *conformance.Response) {
	resp := t.Do(system.ID, t.basic(t.rawRequest(http.MethodGet, t.sealingKeysEndpoint(), "", nil), system.ID, system.Secret))
	t.Accepted(resp, "a system that asks for its sealing keys")
	var set struct {
		Keys []struct {
			Type string `json:"kty"`
			ID   string `json:"kid"`
			K    string `json:"k"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(resp.Body, &set); err != nil {
		t.FailAt(resp.Exchange, "sealing keys as a JWK Set", err.Error())
	}
	var keys []jose.Key
	for _, k := range set.Keys {
		secret, err := jose.Decode(k.K)
		if err != nil || len(secret) != 32 || k.Type != "oct" || k.ID == "" {
			t.FailAt(resp.Exchange, "sealing keys of kty oct, each with a kid and 256 bits in k", fmt.Sprintf("kty %q, kid %q and %d bytes in k", k.Type, k.ID, len(secret)))
		}
		keys = append(keys, jose.Key{ID: k.ID, Secret: secret})
	}
	if len(keys) == 0 {
		t.FailAt(resp.Exchange, "at least one sealing key", "an empty set")
	}
	return keys, resp
}

// opened opens the token that an app was given, as its business system does.
func (t *test) opened(g granted) readStatement { return t.openedFor(t.systemOf(g.app), g) }

func (t *test) openedFor(system SystemSetup, g granted) readStatement {
	read, err := readSealed(g.accessToken, t.keysOf(system)...)
	if err != nil {
		t.FailAt(g.answer.Exchange, "an access_token that opens under a key of "+system.ID, err.Error())
	}
	return read
}

// tokenID is the identifier in an opened token.
func (t *test) tokenID(g granted) string {
	id := t.opened(g).claims.Text("jti")
	if id == "" {
		t.FailAt(g.answer.Exchange, "an access_token with a jti", "none in it")
	}
	return id
}

// basic authenticates a request.
func (t *test) basic(req *http.Request, name, secret string) *http.Request {
	req.SetBasicAuth(name, secret)
	return req
}

// download is section 4.7 of the profile.
func (t *test) download(by SystemSetup, tokenID string) *http.Request {
	return t.basic(t.request(t.sharedTokenEndpoint(), members{"token_id": tokenID}), by.ID, by.Secret)
}

// downloaded asks for the record of a token in the name of a system.
func (t *test) downloaded(by SystemSetup, tokenID string) *conformance.Response {
	return t.Do(by.ID, t.download(by, tokenID))
}

// shared ends the check as failed unless a token is shared.
func (t *test) shared(by SystemSetup, tokenID, what string) *conformance.Response {
	resp := t.downloaded(by, tokenID)
	t.Accepted(resp, "the download of "+what)
	return resp
}

// unshared ends the check as failed unless a download is refused.
func (t *test) unshared(by SystemSetup, tokenID, what string) *conformance.Response {
	resp := t.downloaded(by, tokenID)
	t.Refused(resp, "the download of "+what, http.StatusNotFound, "invalid_token")
	return resp
}

// deregistration is section 4.5 of the profile.
func (t *test) deregistration(d device) members {
	return members{"username": d.owner.Name, "password": d.owner.Password, "deviceid": d.id}
}

func (t *test) deregister(d device) *conformance.Response {
	return t.Do("user", t.request(t.deregistrationEndpoint(), t.deregistration(d)))
}

// deregistered ends the check as failed unless a deregistration succeeds and tells that state of the wipe.
func (t *test) deregistered(d device, state, what string) *conformance.Response {
	resp := t.deregister(d)
	t.Accepted(resp, what)
	body := t.object(resp, "the answer to "+what)
	if wrong := differing(body, "deviceid", d.id, "wipe", state); wrong != "" {
		t.FailAt(resp.Exchange, fmt.Sprintf("the deviceid and wipe %q for %s", state, what), wrong)
	}
	return resp
}

func (t *test) acknowledgement(d device, jti string) *http.Request {
	return t.proved(d, t.acknowledgementEndpoint(), members{"deviceid": d.id, "jti": jti})
}

func (t *test) acknowledge(d device, jti string) *conformance.Response {
	return t.Do("device", t.acknowledgement(d, jti))
}

// acknowledged ends the check as failed unless a right acknowledgement is taken.
func (t *test) acknowledged(d device, jti, what string) {
	t.ExpectStatus(t.acknowledge(d, jti), what, http.StatusNoContent)
}

// signingKeys are the target's public ones, by kid.
func (t *test) signingKeys() map[string]*ecdsa.PublicKey {
	resp := t.Do("harness", t.rawRequest(http.MethodGet, t.document.Named("jwks_uri", t.metadata.JWKSURI), "", nil))
	t.Accepted(resp, "the signing keys")
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(resp.Body, &set); err != nil {
		t.FailAt(resp.Exchange, "signing keys as a JWK Set", err.Error())
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, jwk := range set.Keys {
		if _, private := jwk["d"]; private {
			t.FailAt(resp.Exchange, "public keys alone at jwks_uri", "a key with its private part d")
		}
		key, err := jose.PublicKey(jwk)
		if kid, named := jwk["kid"].(string); err == nil && named {
			keys[kid] = key
		}
	}
	if len(keys) == 0 {
		t.FailAt(resp.Exchange, "a public P-256 key with a kid at jwks_uri", "none")
	}
	return keys
}

// lifetime is access_token_lifetime of the metadata.
func (t *test) lifetime() time.Duration {
	if t.metadata.AccessTokenLifetime <= 0 {
		t.FailAt(t.document.Exchange, "metadata with an access_token_lifetime of 1 or more", fmt.Sprintf("access_token_lifetime %d", t.metadata.AccessTokenLifetime))
	}
	return time.Duration(t.metadata.AccessTokenLifetime) * time.Second
}

// near reports whether a time in seconds since 1970 is about now, as far as clocks agree that nobody has set by each other.
func (t *test) near(seconds int64) bool {
	return time.Unix(seconds, 0).Sub(t.Env.Now()).Abs() <= time.Minute
}

// notAuthenticated wants a 401 to be invalid_client and to ask for Basic.
func (t *test) notAuthenticated(resp *conformance.Response, what string) {
	t.Refused(resp, what, http.StatusUnauthorized, "invalid_client")
	for part := range strings.SplitSeq(strings.Join(resp.Header.Values("WWW-Authenticate"), ","), ",") {
		if scheme, _, _ := strings.Cut(strings.TrimSpace(part), " "); strings.EqualFold(scheme, "Basic") {
			return
		}
	}
	t.FailAt(resp.Exchange, "status 401 with WWW-Authenticate: Basic for "+what, fmt.Sprintf("WWW-Authenticate %q", resp.Header.Values("WWW-Authenticate")))
}
