package play

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"countersign/actors/token"
	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/mobile"
)

// authorizationServer is the authorization server of the mobile flow under load. The harness plays the apps, the users, the administrator, two business systems, and
// the devices, to which messages are pushed. Each seat is a device of its own, that the rules name for as long as the load lasts.
type authorizationServer struct {
	rulesOffice
	setup         *mobile.Setup
	issuer        string
	app           mobile.AppSetup
	system        mobile.SystemSetup
	users         []mobile.AccountSetup
	named         string // what the devices of this load are called, without their numbers
	keys          map[string]*ecdsa.PublicKey
	addresses     *token.Validator
	prepared      int
	registration  proved
	authenticated proved
	acknowledged  proved

	deregistration, sharedToken, sharedElsewhere, sealing *lean.Route

	trouble
}

// proved is an endpoint that wants proofs.
type proved struct {
	*lean.Route
	target string
}

// Legs of a journey at the authorization server.
const (
	legRegistration = iota
	legToken0
	legSealingKeys
	legSharedToken
	legSharedElsewhere
	legDeregistration
	legWipeOnContact
	legSharedNoLonger
	legWipeAcknowledged
)

func newAuthorizationServer(scene *Scene) (load.Script, error) {
	setup, err := mobileSetup(scene)
	if err != nil {
		return nil, err
	}
	a := &authorizationServer{setup: setup, app: setup.Apps[0], users: setup.Users[:len(setup.Users)-1], named: "load-" + scene.Target.Run + "-" + newLots().text(6) + "-"}
	if a.system, err = systemOf(setup, a.app); err != nil {
		return nil, err
	}
	elsewhere := setup.Systems[0]
	if elsewhere.ID == a.system.ID {
		elsewhere = setup.Systems[1]
	}
	admin := setup.Administrators[0]
	if err := scene.routes(
		post(&a.registration.Route, "registration_endpoint", asJSON), post(&a.authenticated.Route, "authentication_endpoint", asJSON),
		post(&a.acknowledged.Route, "wipe_acknowledgement_endpoint", asJSON), post(&a.deregistration, "deregistration_endpoint", asJSON),
		post(&a.sharedToken, "shared_token_endpoint", asJSON, basic(a.system.ID, a.system.Secret)), post(&a.sharedElsewhere, "shared_token_endpoint", asJSON, basic(elsewhere.ID, elsewhere.Secret)),
		want{&a.sealing, http.MethodGet, "sealing_keys_endpoint", []string{basic(a.system.ID, a.system.Secret)}},
		want{&a.reading, http.MethodGet, "rules_endpoint", []string{basic(admin.Name, admin.Password)}},
		want{&a.changing, http.MethodPut, "rules_endpoint", []string{"Content-Type: " + asJSON, basic(admin.Name, admin.Password)}},
	); err != nil {
		return nil, err
	}
	for _, p := range []*proved{&a.registration, &a.authenticated, &a.acknowledged} {
		if p.target, err = target(http.MethodPost, p.URL); err != nil {
			return nil, err
		}
	}
	if a.issuer, _ = scene.metadata["issuer"].(string); a.issuer == "" {
		return nil, &SceneError{fmt.Sprintf("the metadata of %s name no issuer", scene.Target.URL)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), load.DefaultLimit)
	defer cancel()
	if a.keys, err = scene.signingKeys(ctx); err != nil {
		return nil, err
	}
	var trusted []token.Trusted
	for id, key := range a.keys {
		trusted = append(trusted, token.Trusted{ID: id, Algorithm: token.ES256, Key: key})
	}
	if a.addresses, err = token.NewValidator(token.Expectation{Issuer: a.issuer, Audience: a.app.ID, Type: "address+jwt", Now: now}, trusted...); err != nil {
		return nil, &SceneError{"the signing keys of the target: " + err.Error()}
	}
	if err := scene.Env.Play("devices", a); err != nil {
		return nil, &SceneError{"the harness cannot play the devices: " + err.Error()}
	}
	return a, nil
}

// basic is the header line of HTTP Basic.
func basic(name, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+secret))
}

// Legs implements load.Script: sections 4.1, 4.2, 4.5, 4.7 and 4.8 of the profile, the life of a device from its registration to its end.
func (*authorizationServer) Legs() []string {
	return []string{
		"registration", "authentication", "sealing-keys", "shared-token", "shared-token-elsewhere", "deregistration", "wipe-on-contact", "shared-token-of-ended",
		"wipe-acknowledgement",
	}
}

// phone is a seat's device.
type phone struct {
	*deviceKey
	id    string
	owner mobile.AccountSetup
	held  bool // it may be registered, or its wipe not acknowledged
	sealingKeys
	claims token.Claims

	registering, authenticating, ending []byte // bodies
}

// named is how many devices a change of the rules names: enough for a load of the usual size.
const namedAtOnce = 64

// Prepare implements load.Script: the rules name the seat's device.
func (a *authorizationServer) Prepare(_ context.Context, s *load.Seat) error {
	a.prepared++
	if s.Number%namedAtOnce == 0 {
		var devices []mobile.DeviceSetup
		for n := s.Number; n < s.Number+namedAtOnce; n++ {
			devices = append(devices, mobile.DeviceSetup{ID: a.device(n), User: a.owner(n).Name})
		}
		if err := a.name(s, devices); err != nil {
			return err
		}
	}
	key, err := newDeviceKey(newLots())
	if err != nil {
		return err
	}
	own := &phone{deviceKey: key, id: a.device(s.Number), owner: a.owner(s.Number)}
	for _, body := range []struct {
		into    *[]byte
		members map[string]string
	}{
		{&own.registering, map[string]string{"deviceid": own.id, "username": own.owner.Name, "password": own.owner.Password, "notification_uri": a.setup.Notification()}},
		{&own.authenticating, map[string]string{"appid": a.app.ID, "deviceid": own.id, "username": own.owner.Name}},
		{&own.ending, map[string]string{"deviceid": own.id, "username": own.owner.Name, "password": own.owner.Password}},
	} {
		if *body.into, err = json.Marshal(body.members); err != nil {
			return err
		}
	}
	s.Memory = own
	return nil
}

func (a *authorizationServer) device(number int) string { return fmt.Sprintf("%s%d", a.named, number) }

func (a *authorizationServer) owner(number int) mobile.AccountSetup {
	return a.users[number%len(a.users)]
}

// Play implements load.Script: a device is registered, its app gets a token, the business system reads what is shared of it, and the device is deregistered and wiped.
func (a *authorizationServer) Play(s *load.Seat) error {
	return a.trouble.journey(s, "messages for devices of this load alone", a.play)
}

func (a *authorizationServer) play(s *load.Seat) error {
	own := s.Memory.(*phone)
	own.held = true
	if err := a.register(s, own); err != nil {
		return err
	}
	id, secret, err := a.token(s, own)
	if err != nil {
		return err
	}
	if err := a.shared(s, own, id, secret); err != nil {
		return err
	}
	if err := a.unshared(s, legSharedElsewhere, a.sharedElsewhere, id); err != nil {
		return err
	}
	jti, err := a.deregister(s, own, legDeregistration, legWipeOnContact)
	if err != nil {
		return err
	}
	if err := a.unshared(s, legSharedNoLonger, a.sharedToken, id); err != nil {
		return err
	}
	return a.acknowledge(s, own, legWipeAcknowledged, jti)
}

// ask sends a body with a proof.
func (a *authorizationServer) ask(s *load.Seat, leg int, at proved, own *phone, body []byte) (*lean.Response, error) {
	line, err := own.prove(make([]byte, 0, 1024), at.target, "")
	if err != nil {
		return nil, err
	}
	s.Buffer = at.Append(s.Buffer[:0], "", string(line), body)
	return s.Do(leg, at.Route, s.Buffer)
}

func (a *authorizationServer) register(s *load.Seat, own *phone) error {
	resp, err := a.ask(s, legRegistration, a.registration, own, own.registering)
	if err != nil {
		return err
	}
	var said struct {
		DeviceID   string `json:"deviceid"`
		Registered bool   `json:"registered"`
	}
	if err := object(s, resp, &said); err != nil {
		return err
	}
	if !said.Registered {
		return s.Wrong("registered true", "registered false, or none")
	}
	return same(s, "deviceid", own.id, said.DeviceID)
}

// given is an answer with a token, section 4.2 of the profile.
type given struct {
	AccessToken   string `json:"access_token"`
	TokenType     string `json:"token_type"`
	ExpiresIn     int64  `json:"expires_in"`
	SystemID      string `json:"system_id"`
	SystemAddress string `json:"system_address"`
	SignedAddress string `json:"signed_address"`
	RulesVersion  int64  `json:"rules_version"`
}

// token gets a token and opens it as its system does: it is bound to the seat's device, and for its user.
func (a *authorizationServer) token(s *load.Seat, own *phone) (id, secret string, err error) {
	resp, err := a.ask(s, legToken0, a.authenticated, own, own.authenticating)
	if err != nil {
		return "", "", err
	}
	var got given
	if err := secretJSON(s, resp, &got); err != nil {
		return "", "", err
	}
	if got.ExpiresIn <= 0 || got.ExpiresIn > 600 {
		return "", "", s.Wrong("expires_in, 1 to 600 seconds", fmt.Sprintf("expires_in %d", got.ExpiresIn))
	}
	if err := first(
		same(s, "token_type", "DPoP", got.TokenType), same(s, "system_id", a.system.ID, got.SystemID), same(s, "system_address", a.address, got.SystemAddress), a.signed(s, own, got),
	); err != nil {
		return "", "", err
	}
	if resp, err = s.Do(legSealingKeys, a.sealing, a.sealing.Append(nil, "", "", nil)); err != nil {
		return "", "", err
	}
	if err := own.read(s, resp, token.SealedExpectation{Issuer: a.issuer, Audience: a.system.ID, Now: now}); err != nil {
		return "", "", err
	}
	if err := own.opener.Validate(got.AccessToken, own.thumbprint, &own.claims); err != nil {
		return "", "", s.Wrong("an access_token that opens under the sealing keys of "+a.system.ID+", for it and for this device", err.Error())
	}
	c := &own.claims
	id, secret = string(c.Text("jti")), string(c.Text("token"))
	if !keyForm(id) || !keyForm(secret) {
		return "", "", s.Wrong("jti and token of 22 or more characters A-Z a-z 0-9 - _ in the token", "others")
	}
	return id, secret, first(
		same(s, "sub of the token", own.owner.Name, string(c.Text("sub"))), same(s, "appid of the token", a.app.ID, string(c.Text("appid"))),
		same(s, "deviceid of the token", own.id, string(c.Text("deviceid"))),
	)
}

// signed judges the signed address of an answer.
func (a *authorizationServer) signed(s *load.Seat, own *phone, got given) error {
	if err := a.addresses.Validate(got.SignedAddress, &own.claims); err != nil {
		return s.Wrong("a signed_address under a key of jwks_uri, for this app", err.Error())
	}
	var c addressClaims
	if err := json.Unmarshal(own.claims.Payload(), &c); err != nil {
		return s.Wrong("a signed_address with the claims of the profile", err.Error())
	}
	if c.RulesVersion != got.RulesVersion {
		return s.Wrong(fmt.Sprintf("rules_version %d in the signed_address", got.RulesVersion), fmt.Sprintf("rules_version %d", c.RulesVersion))
	}
	return first(
		same(s, "sub of the signed_address", own.id, c.Subject), same(s, "system_id of the signed_address", got.SystemID, c.SystemID),
		same(s, "address of the signed_address", got.SystemAddress, c.Address), same(s, "ath of the signed_address", hashOf(got.AccessToken), c.TokenHash),
	)
}

// shared downloads the record of a token, which has to be the one that was sealed.
func (a *authorizationServer) shared(s *load.Seat, own *phone, id, secret string) error {
	resp, err := s.Do(legSharedToken, a.sharedToken, a.download(s, a.sharedToken, id))
	if err != nil {
		return err
	}
	var r record
	if err := secretJSON(s, resp, &r); err != nil {
		return err
	}
	if r.Cache < 0 || r.Cache > 30 || r.ExpiresIn <= 0 {
		return s.Wrong("some seconds of expires_in, and a cache_lifetime of 0 to 30", fmt.Sprintf("expires_in %d and cache_lifetime %d", r.ExpiresIn, r.Cache))
	}
	return first(
		same(s, "token_id", id, r.TokenID), same(s, "token", secret, r.Token), same(s, "username", own.owner.Name, r.Username), same(s, "appid", a.app.ID, r.AppID),
		same(s, "deviceid", own.id, r.DeviceID), same(s, "jkt", own.thumbprint, r.Thumbprint),
	)
}

// record is section 4.7 of the profile.
type record struct {
	TokenID  string `json:"token_id"`
	Token    string `json:"token"`
	Username string `json:"username"`
	AppID    string `json:"appid"`
	DeviceID string `json:"deviceid"`
	// Thumbprint is that of the key which the token was bound to.
	Thumbprint string `json:"jkt"`
	ExpiresIn  int64  `json:"expires_in"`
	Cache      int64  `json:"cache_lifetime"`
}

func (a *authorizationServer) download(s *load.Seat, at *lean.Route, id string) []byte {
	s.Buffer = at.Append(s.Buffer[:0], "", "", []byte(`{"token_id":"`+id+`"}`))
	return s.Buffer
}

// unshared wants a download to be refused.
func (a *authorizationServer) unshared(s *load.Seat, leg int, at *lean.Route, id string) error {
	resp, err := s.Do(leg, at, a.download(s, at, id))
	if err != nil {
		return err
	}
	return refusal(s, resp, http.StatusNotFound, "invalid_token")
}

// Clean implements load.Script: a device that a journey has left is deregistered and wiped, and in the end the rules name none of this load any more.
func (a *authorizationServer) Clean(s *load.Seat) error {
	var left error
	if own, ok := s.Memory.(*phone); ok && own.held {
		jti, err := a.deregister(s, own, load.Outside, load.Outside)
		if err == nil {
			err = a.acknowledge(s, own, load.Outside, jti)
		}
		left = err
	}
	if a.prepared--; a.prepared == 0 {
		return first(left, a.forget(s, a.named))
	}
	return left
}
