package play

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"countersign/bench/load"
	"countersign/conformance/jose"
	"countersign/conformance/mobile"
)

// businessSystem is a business system of the mobile flow under load. The harness plays the apps on their devices and the authorization server, which seals tokens,
// gives the sealing key and shares the tokens. The users are those of the setup, in turn.
type businessSystem struct {
	setup     *mobile.Setup
	wellKnown string
	own       mobile.SystemSetup
	app       mobile.AppSetup
	aead      cipher.AEAD
	resource  proved

	mu      sync.Mutex
	records map[string]record // of the tokens that are shared, by their identifiers
}

// Legs of a journey at the business system.
const (
	legAccess = iota
	legAccessAgain
	legReplayedProof
	legStolenToken
	legUnsharedToken
)

func newBusinessSystem(scene *Scene) (load.Script, error) {
	setup, err := mobileSetup(scene)
	if err != nil {
		return nil, err
	}
	b := &businessSystem{setup: setup, wellKnown: scene.Flow.WellKnown, own: setup.Systems[0], app: setup.Apps[0], records: map[string]record{}}
	if b.aead, err = sealer(b.own); err != nil {
		return nil, err
	}
	if err := scene.routes(get(&b.resource.Route, "resource_endpoint")); err != nil {
		return nil, err
	}
	if b.resource.target, err = target(http.MethodGet, b.resource.URL); err != nil {
		return nil, err
	}
	if err := scene.Env.Play("authorization-server", b); err != nil {
		return nil, &SceneError{"the harness cannot play the authorization server: " + err.Error()}
	}
	return b, nil
}

// sealer is the first sealing key of a system, ready for use.
func sealer(system mobile.SystemSetup) (cipher.AEAD, error) {
	secret, err := jose.Decode(system.SealingKey.K)
	if err != nil || len(secret) != 32 {
		return nil, &SceneError{fmt.Sprintf("the sealing key %s of the setup is not 32 bytes in base64url", system.SealingKey.KeyID)}
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Legs implements load.Script: section 5.1 of the profile. The second one may be judged by what the system has kept of the first.
func (*businessSystem) Legs() []string {
	return []string{"resource", "resource-again", "replayed-proof", "stolen-token", "unshared-token"}
}

// bearer is a seat's device, and another one that would like to use its tokens.
type bearer struct {
	*deviceKey
	thief  *deviceKey
	id     string
	header string // of tokens that are bound to the device, encoded
}

// Prepare implements load.Script.
func (b *businessSystem) Prepare(_ context.Context, s *load.Seat) error {
	random := newLots()
	key, err := newDeviceKey(random)
	if err != nil {
		return err
	}
	thief, err := newDeviceKey(random)
	if err != nil {
		return err
	}
	header, err := json.Marshal(map[string]any{
		"alg": "dir", "enc": "A256GCM", "typ": "sealed+jwt", "kid": b.own.SealingKey.KeyID, "aud": b.own.ID, "cnf": map[string]string{"jkt": key.thumbprint},
	})
	s.Memory = &bearer{key, thief, fmt.Sprintf("load-device-%d", s.Number), jose.Encode(header)}
	return err
}

// Clean implements load.Script: a business system keeps what is shared with it for half a minute at the most.
func (*businessSystem) Clean(*load.Seat) error { return nil }

// Play implements load.Script: an app reads twice with its token; whoever has overheard it reads nothing, and a token that is not shared opens nothing.
func (b *businessSystem) Play(s *load.Seat) error {
	own := s.Memory.(*bearer)
	user := b.setup.Users[s.Journey%len(b.setup.Users)].Name
	compact, shared, err := b.seal(own, user)
	if err != nil {
		return err
	}
	b.share(shared)
	defer b.unshare(shared.TokenID)
	for _, leg := range []int{legAccess, legAccessAgain} {
		if err := b.write(s, own.deviceKey, compact); err != nil {
			return err
		}
		if err := b.reads(s, leg, user); err != nil {
			return err
		}
	}
	if err := b.refused(s, legReplayedProof, "invalid_dpop_proof"); err != nil { // the last request once more, as it was
		return err
	}
	if err := b.write(s, own.thief, compact); err != nil {
		return err
	}
	if err := b.refused(s, legStolenToken, "invalid_dpop_proof", "invalid_token"); err != nil {
		return err
	}
	if compact, _, err = b.seal(own, user); err != nil {
		return err
	}
	if err := b.write(s, own.deviceKey, compact); err != nil {
		return err
	}
	return b.refused(s, legUnsharedToken, "invalid_token")
}

// write writes a resource request with a token and a new proof for it.
func (b *businessSystem) write(s *load.Seat, by *deviceKey, compact string) error {
	lines := append(append(append(make([]byte, 0, 2048), "Authorization: DPoP "...), compact...), '\r', '\n')
	lines, err := by.prove(lines, b.resource.target, hashOf(compact))
	s.Buffer = b.resource.Append(s.Buffer[:0], "", string(lines), nil)
	return err
}

// reads wants the resources of this user.
func (b *businessSystem) reads(s *load.Seat, leg int, user string) error {
	resp, err := s.Do(leg, b.resource.Route, s.Buffer)
	if err != nil {
		return err
	}
	var got struct {
		Owner     string            `json:"owner"`
		Resources []json.RawMessage `json:"resources"`
	}
	if err := secretJSON(s, resp, &got); err != nil {
		return err
	}
	if len(got.Resources) == 0 {
		return s.Wrong("resources, a list of one or more", "none")
	}
	return same(s, "owner", user, got.Owner)
}

// refused wants the request in the buffer to be refused for one of the reasons.
func (b *businessSystem) refused(s *load.Seat, leg int, codes ...string) error {
	resp, err := s.Do(leg, b.resource.Route, s.Buffer)
	if err != nil {
		return err
	}
	if err := refusal(s, resp, http.StatusUnauthorized, codes...); err != nil {
		return err
	}
	if challenge := string(resp.Header("WWW-Authenticate")); !strings.HasPrefix(challenge, "DPoP") {
		return s.Wrong("WWW-Authenticate: DPoP", fmt.Sprintf("WWW-Authenticate %q", challenge))
	}
	return nil
}

// seal makes a token for a user that is bound to the seat's device, section 4.3 of the profile, and the record of it.
func (b *businessSystem) seal(own *bearer, user string) (compact string, shared record, err error) {
	r := record{
		TokenID: own.random.text(18), Token: own.random.text(24), Username: user, AppID: b.app.ID, DeviceID: own.id, Thumbprint: own.thumbprint,
		ExpiresIn: int64(lifetime / time.Second), Cache: 5,
	}
	issued := time.Now().Unix()
	claims, err := json.Marshal(tokenClaims{
		strings.TrimSuffix(b.setup.Issuer, "/"), b.own.ID, user, r.AppID, r.DeviceID, confirmation{own.thumbprint}, r.TokenID, r.Token, issued, issued + r.ExpiresIn,
	})
	return string(sealed(b.aead, own.random, own.header, claims)), r, err
}

// tokenClaims are those of a sealed token.
type tokenClaims struct {
	Issuer       string       `json:"iss"`
	Audience     string       `json:"aud"`
	Subject      string       `json:"sub"`
	AppID        string       `json:"appid"`
	DeviceID     string       `json:"deviceid"`
	Confirmation confirmation `json:"cnf"`
	ID           string       `json:"jti"`
	Token        string       `json:"token"`
	IssuedAt     int64        `json:"iat"`
	Expires      int64        `json:"exp"`
}

type confirmation struct {
	Thumbprint string `json:"jkt"`
}

func (b *businessSystem) share(r record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records[r.TokenID] = r
}

func (b *businessSystem) unshare(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.records, id)
}

// ServeHTTP plays the authorization server: its metadata, the sealing key, and the records of tokens by section 4.7 of the profile.
func (b *businessSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	own := id == b.own.ID && secret == b.own.Secret
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, b.wellKnown):
		answer(w, http.StatusOK, authorizationServerDocument(b.setup.Issuer))
	case !own:
		w.Header().Set("WWW-Authenticate", `Basic realm="systems"`)
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "The system is not the one that is registered."})
	case strings.HasSuffix(path, "/sealing-keys"):
		answer(w, http.StatusOK, map[string]any{"cache_lifetime": 300, "keys": []any{map[string]any{
			"kty": "oct", "kid": b.own.SealingKey.KeyID, "alg": "A256GCM", "use": "enc", "k": b.own.SealingKey.K,
		}}})
	case strings.HasSuffix(path, "/shared-token"):
		b.download(w, r)
	default:
		answer(w, http.StatusNotFound, map[string]any{"error": "not_found", "error_description": "There is nothing at this path."})
	}
}

func (b *businessSystem) download(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		TokenID string `json:"token_id"`
	}
	if json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&asked) != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "The body is no JSON object."})
		return
	}
	b.mu.Lock()
	shared, there := b.records[asked.TokenID]
	b.mu.Unlock()
	if !there {
		answer(w, http.StatusNotFound, map[string]any{"error": "invalid_token", "error_description": "No such token is shared with this system."})
		return
	}
	answer(w, http.StatusOK, shared)
}

// authorizationServerDocument is section 3 of the profile for the authorization server that the harness plays.
func authorizationServerDocument(issuer string) map[string]any {
	issuer = strings.TrimSuffix(issuer, "/")
	document := map[string]any{"profile": "mobile@1", "issuer": issuer, "jwks_uri": issuer + "/jwks", "access_token_lifetime": int64(lifetime / time.Second), "proof_window": 60}
	for _, name := range []string{"authentication", "registration", "deregistration", "wipe-acknowledgement", "shared-token", "rules", "sealing-keys", "key-rotation", "rules-audit"} {
		document[strings.ReplaceAll(name, "-", "_")+"_endpoint"] = issuer + "/" + name
	}
	return document
}
