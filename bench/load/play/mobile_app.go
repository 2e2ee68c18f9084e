package play

import (
	"context"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/jose"
	"countersign/conformance/mobile"
)

// mobileApp is the app of the mobile flow under load. The harness plays its user, the authorization server and the business system. One app on one device is all that
// there is: its starts run side by side.
type mobileApp struct {
	setup                      *mobile.Setup
	wellKnown                  string
	app                        mobile.AppSetup
	system                     mobile.SystemSetup
	user                       mobile.AccountSetup
	aead                       cipher.AEAD
	signing                    *ecdsa.PrivateKey
	enrolment, start, holdings *lean.Route

	mu         sync.Mutex
	random     lots
	thumbprint string // of the key that was registered
	given      latest // the access tokens, the latest of them
	trouble
}

// Legs of a journey at the app.
const (
	legFreshStart = iota
	legStoredStart
	legHoldings
)

func newMobileApp(scene *Scene) (load.Script, error) {
	setup, err := mobileSetup(scene)
	if err != nil {
		return nil, err
	}
	m := &mobileApp{setup: setup, wellKnown: scene.Flow.WellKnown, app: setup.Apps[0], user: setup.Users[0], random: newLots()}
	if m.system, err = systemOf(setup, m.app); err != nil {
		return nil, err
	}
	if m.aead, err = sealer(m.system); err != nil {
		return nil, err
	}
	private, err := jose.Decode(setup.SigningKey.D)
	if err == nil {
		m.signing, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), private)
	}
	if err != nil {
		return nil, &SceneError{"the setup's signing_key is none: " + err.Error()}
	}
	if err := scene.routes(post(&m.enrolment, "enrolment_endpoint", asJSON), post(&m.start, "start_endpoint", asJSON), get(&m.holdings, "holdings_endpoint")); err != nil {
		return nil, err
	}
	for party, handler := range map[string]http.HandlerFunc{"authorization-server": m.serve, "business-system": m.resource} {
		if err := scene.Env.Play(party, handler); err != nil {
			return nil, &SceneError{fmt.Sprintf("the harness cannot play the %s: %v", party, err)}
		}
	}
	return m, nil
}

// Legs implements load.Script: sections 6.2 and 6.3 of the profile.
func (*mobileApp) Legs() []string { return []string{"fresh-start", "start", "holdings"} }

// Prepare implements load.Script: the first seat enrols the app, section 6.1 of the profile.
func (m *mobileApp) Prepare(_ context.Context, s *load.Seat) error {
	if s.Number > 0 {
		return nil
	}
	return m.trouble.journey(s, asProfiled, m.enrol)
}

// asProfiled is what requests of the app have to be.
const asProfiled = "requests of the app as the profile has them"

func (m *mobileApp) enrol(s *load.Seat) error {
	resp, err := s.Do(load.Outside, m.enrolment, m.enrolment.Append(nil, "", "", fmt.Appendf(nil, `{"password":%q}`, m.user.Password)))
	if err != nil {
		return err
	}
	var said struct {
		Enrolled bool `json:"enrolled"`
	}
	if err := object(s, resp, &said); err != nil {
		return err
	}
	if !said.Enrolled {
		return s.Wrong("enrolled true", "enrolled false, or none")
	}
	return nil
}

// Clean implements load.Script: an app has no way back from an enrolment but a wipe, which would end it for those who come after.
func (*mobileApp) Clean(*load.Seat) error { return nil }

// Play implements load.Script: the user opens the app with nothing stored, opens it again, and looks at what it holds.
func (m *mobileApp) Play(s *load.Seat) error { return m.trouble.journey(s, asProfiled, m.play) }

func (m *mobileApp) play(s *load.Seat) error {
	for _, start := range []struct {
		leg  int
		body string
	}{{legFreshStart, `{"fresh":true}`}, {legStoredStart, `{}`}} {
		s.Buffer = m.start.Append(s.Buffer[:0], "", "", []byte(start.body))
		resp, err := s.Do(start.leg, m.start, s.Buffer)
		if err != nil {
			return err
		}
		var got struct {
			Owner     string            `json:"owner"`
			Resources []json.RawMessage `json:"resources"`
			Address   string            `json:"address"`
		}
		if err := object(s, resp, &got); err != nil {
			return err
		}
		if len(got.Resources) != 1 {
			return s.Wrong("the one resource of the user", fmt.Sprintf("%d resources", len(got.Resources)))
		}
		if err := first(same(s, "owner", m.user.Name, got.Owner), same(s, "address", m.system.Address(), got.Address)); err != nil {
			return err
		}
	}
	resp, err := s.Do(legHoldings, m.holdings, m.holdings.Append(s.Buffer[:0], "", "", nil))
	if err != nil {
		return err
	}
	var held struct {
		Enrolled  bool  `json:"enrolled"`
		Resources int64 `json:"resources"`
	}
	if err := object(s, resp, &held); err != nil {
		return err
	}
	if !held.Enrolled || held.Resources != 1 {
		return s.Wrong("enrolled true and 1 resource held", fmt.Sprintf("enrolled %v and %d resources", held.Enrolled, held.Resources))
	}
	return nil
}

// refuse answers, and keeps in mind what should not have come.
func (m *mobileApp) refuse(w http.ResponseWriter, status int, code, what string) {
	m.trouble.note(what)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `DPoP algs="ES256", error="`+code+`"`)
	}
	answer(w, status, map[string]any{"error": code, "error_description": "This should not have been sent: " + what + "."})
}

// proof judges the proof of a request, and gives the thumbprint of its key.
func (m *mobileApp) proof(r *http.Request, url, ath string) (thumbprint string, err error) {
	compact := r.Header.Get("DPoP")
	header, err := jose.Header(compact)
	if err != nil {
		return "", err
	}
	jwk, _ := header["jwk"].(map[string]any)
	key, err := jose.PublicKey(jwk)
	if err != nil {
		return "", err
	}
	_, payload, err := jose.Verify(compact, key)
	if err != nil {
		return "", err
	}
	var c struct {
		ID        string `json:"jti"`
		Method    string `json:"htm"`
		Target    string `json:"htu"`
		TokenHash string `json:"ath"`
		IssuedAt  int64  `json:"iat"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return "", err
	}
	if off := time.Since(time.Unix(c.IssuedAt, 0)).Abs(); header["typ"] != "dpop+jwt" || len(c.ID) < 16 || c.Method != r.Method || c.Target != url || c.TokenHash != ath || off > 2*time.Minute {
		return "", errors.New("it is for another request, or of another time")
	}
	return jose.Thumbprint(key), nil
}

// serve plays the authorization server: its metadata, registration and authentication.
func (m *mobileApp) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, m.wellKnown) {
		answer(w, http.StatusOK, authorizationServerDocument(m.setup.Issuer))
		return
	}
	endpoint := path.Base(r.URL.Path)
	thumbprint, err := m.proof(r, strings.TrimSuffix(m.setup.Issuer, "/")+"/"+endpoint, "")
	if err != nil {
		m.refuse(w, http.StatusBadRequest, "invalid_dpop_proof", "a request to "+endpoint+" without a right proof: "+err.Error())
		return
	}
	var asked struct {
		AppID    string `json:"appid"`
		DeviceID string `json:"deviceid"`
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&asked); err != nil {
		m.refuse(w, http.StatusBadRequest, "invalid_request", "a request to "+endpoint+" that is no JSON object")
		return
	}
	own := asked.DeviceID == m.setup.DeviceUnderTest && asked.Username == m.user.Name
	switch {
	case endpoint == "registration" && own && asked.Password == m.user.Password:
		m.mu.Lock()
		m.thumbprint = thumbprint
		m.mu.Unlock()
		answer(w, http.StatusOK, map[string]any{"deviceid": asked.DeviceID, "registered": true})
	case endpoint == "authentication" && own && asked.AppID == m.app.ID && thumbprint == m.registered():
		m.give(w, thumbprint)
	default:
		m.refuse(w, http.StatusForbidden, "access_denied", "a request to "+endpoint+" of another app, device, user or key")
	}
}

func (m *mobileApp) registered() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.thumbprint
}

// give answers with a token, section 4.2 of the profile.
func (m *mobileApp) give(w http.ResponseWriter, thumbprint string) {
	issuer, issued := strings.TrimSuffix(m.setup.Issuer, "/"), time.Now().Unix()
	expires := issued + int64(lifetime/time.Second)
	m.mu.Lock()
	id, secret := m.random.text(18), m.random.text(24)
	m.mu.Unlock()
	compact, signed, err := m.token(tokenClaims{
		issuer, m.system.ID, m.user.Name, m.app.ID, m.setup.DeviceUnderTest, confirmation{thumbprint}, id, secret, issued, expires,
	})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	m.mu.Lock()
	m.given.keep(compact, "")
	m.mu.Unlock()
	answer(w, http.StatusOK, given{compact, "DPoP", int64(lifetime / time.Second), m.system.ID, m.system.Address(), signed, rulesVersion})
}

// rulesVersion is that of all the harness's answers.
const rulesVersion = 1

// token seals a token and signs the address that goes with it.
func (m *mobileApp) token(c tokenClaims) (compact, signed string, err error) {
	header, err := json.Marshal(map[string]any{
		"alg": "dir", "enc": "A256GCM", "typ": "sealed+jwt", "kid": m.system.SealingKey.KeyID, "aud": c.Audience, "cnf": c.Confirmation,
	})
	if err != nil {
		return "", "", err
	}
	claims, err := json.Marshal(c)
	if err != nil {
		return "", "", err
	}
	m.mu.Lock()
	compact = string(sealed(m.aead, m.random, jose.Encode(header), claims))
	m.mu.Unlock()
	address, err := json.Marshal(struct {
		addressClaims
		IssuedAt int64 `json:"iat"`
	}{addressClaims{c.Issuer, c.AppID, c.DeviceID, c.Audience, m.system.Address(), rulesVersion, hashOf(compact), c.Expires}, c.IssuedAt})
	if err != nil {
		return "", "", err
	}
	text, err := signES256(nil, 0, jose.Encode([]byte(`{"alg":"ES256","typ":"address+jwt","kid":"`+m.setup.SigningKey.KeyID+`"}`))+".", address, m.signing)
	return compact, string(text), err
}

// resource plays the business system, section 5.1 of the profile: for a token that was given, shown by the device that it is bound to.
func (m *mobileApp) resource(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	thumbprint, err := m.proof(r, m.system.Address(), hashOf(token))
	m.mu.Lock()
	_, known := m.given.of[token]
	m.mu.Unlock()
	switch {
	case !strings.EqualFold(scheme, "DPoP") || !known:
		m.refuse(w, http.StatusUnauthorized, "invalid_token", "a resource request with a token that was not given")
	case err != nil || thumbprint != m.registered():
		m.refuse(w, http.StatusUnauthorized, "invalid_dpop_proof", "a resource request without a right proof by the device")
	default:
		answer(w, http.StatusOK, map[string]any{"owner": m.user.Name, "resources": []any{map[string]any{"id": "1", "title": "A customer"}}})
	}
}
