package unified_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/fixture"
	"countersign/actors/guard"
	"countersign/actors/token"
	"countersign/actors/unified"
)

const (
	sceneSite = "https://site.example"
	sceneP    = "https://p.example"
	sceneQ    = "https://q.example"
	sceneLife = 8 * time.Hour // of a login credential
)

// scene is a third-party platform between two platforms that the spec plays. One thing happens at a time: requests are
// calls, and time passes only where the spec lets it.
type scene struct {
	now   time.Time
	hosts map[string]http.Handler
	site  *unified.ThirdParty
	p, q  *playedPlatform
	drawn int // messages and names that the spec made up
}

func (s *scene) Now() time.Time        { return s.now }
func (s *scene) Sleep(d time.Duration) { s.now = s.now.Add(d) }

func (s *scene) RoundTrip(r *http.Request) (*http.Response, error) {
	handler, there := s.hosts[r.URL.Host]
	if !there {
		return nil, errors.New("no such host: " + r.URL.Host)
	}
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	response := receive(handler, r, body)
	if response.StatusCode == lost {
		return nil, errors.New("the connection broke")
	}
	return response, nil
}

// lost is the status of an answer that does not arrive.
const lost = 599

func (s *scene) env(name string, guards guard.Set) actors.Env {
	return fixture.Env(name, s, s, guards)
}

func newScene(guards guard.Set) *scene {
	s := &scene{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), hosts: map[string]http.Handler{}}
	s.p = newPlayedPlatform(s, sceneP, "p-1", "p-2")
	s.q = newPlayedPlatform(s, sceneQ, "q-1")
	s.site = &unified.ThirdParty{
		Env: s.env("site", guards), BaseURL: sceneSite, Name: "Site", CredentialLifetime: sceneLife,
		Platforms: []unified.PlatformSetup{{Issuer: sceneP, ClientID: "site-at-p", Keys: s.p.keys}, {Issuer: sceneQ, ClientID: "site-at-q", Keys: s.q.keys}},
	}
	s.q.clientID = "site-at-q"
	s.p.clientID = "site-at-p"
	s.open()
	return s
}

// open starts the site; again, after a crash that left nothing but its store.
func (s *scene) open() { s.hosts["site.example"] = s.site.Handler() }

func (s *scene) draw() string {
	s.drawn++
	return fmt.Sprintf("made-up-by-the-spec-%05d", s.drawn)
}

// playedPlatform is a platform as the third-party platform sees it: it says that whoever logs in is user.
type playedPlatform struct {
	*scene
	issuer, clientID string
	keys             []token.Key
	signer           token.Signer
	metadata         map[string]any
	user             map[string]any // what an authentication request is answered with
	active           bool           // what a status request is answered with
	heard            []heard
	keysRead         int
	// spoil may change an answer before it is sealed, or answer itself.
	spoil func(w http.ResponseWriter, asked heard, members map[string]any) bool
}

// heard is a message of the third-party platform.
type heard struct {
	name, kid, vector string
	members           map[string]any
}

func newPlayedPlatform(s *scene, issuer string, kids ...string) *playedPlatform {
	signer, err := token.NewSigner(rand.NewChaCha8(sha256.Sum256([]byte(issuer))), "logout-key")
	Expect(err).NotTo(HaveOccurred())
	p := &playedPlatform{
		scene: s, issuer: issuer, signer: signer, active: true,
		user: map[string]any{"sub": "alice", "nickname": "Alice", "picture": "https://pictures.example/alice", "generation": 1},
		metadata: map[string]any{
			"profile": "unified@1", "issuer": issuer, "authorization_endpoint": issuer + "/authorize", "logout_endpoint": issuer + "/logout",
			"token_endpoint": issuer + "/pass-token-request", "authentication_endpoint": issuer + "/authentication-request",
			"status_endpoint": issuer + "/status-request", "jwks_uri": issuer + "/keys", "logout_bound": 300,
		},
	}
	for _, kid := range kids {
		secret := sha256.Sum256([]byte(issuer + kid))
		p.keys = append(p.keys, token.Key{ID: kid, Secret: secret[:]})
	}
	s.hosts[strings.TrimPrefix(issuer, "https://")] = p
	return p
}

func (p *playedPlatform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/unified-login":
		Expect(json.NewEncoder(w).Encode(p.metadata)).To(Succeed())
		return
	case "/keys":
		p.keysRead++
		Expect(json.NewEncoder(w).Encode(map[string]any{"keys": []any{p.signer.JWK()}})).To(Succeed())
		return
	}
	body, err := io.ReadAll(r.Body)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Header.Get("Content-Type")).To(Equal("application/jose"))
	asked := heard{name: r.URL.Path[1:], vector: strings.Split(string(body), ".")[2]}
	asked.kid, asked.members = p.unseal(string(body), asked.name)
	p.heard = append(p.heard, asked)
	answer := map[string]any{"in_reply_to": asked.members["jti"]}
	switch asked.name {
	case "pass-token-request":
		maps.Copy(answer, map[string]any{"pass_token": "pass-token-for-" + fmt.Sprint(asked.members["code"]), "expires_in": 60})
	case "authentication-request":
		maps.Copy(answer, p.user)
	case "status-request":
		answer["active"] = p.active
	}
	if p.spoil != nil && p.spoil(w, asked, answer) {
		return
	}
	w.Header().Set("Content-Type", "application/jose")
	_, _ = io.WriteString(w, p.seal(asked.kid, strings.Replace(asked.name, "request", "response", 1), answer))
}

func (p *playedPlatform) key(kid string) token.Key {
	for _, k := range p.keys {
		if k.ID == kid {
			return k
		}
	}
	return token.Key{}
}

// unseal opens what the third-party platform sent, and judges what every message has.
func (p *playedPlatform) unseal(compact, name string) (string, map[string]any) {
	sealed, err := token.ParseSealed(compact)
	Expect(err).NotTo(HaveOccurred(), compact)
	Expect(sealed.Header).To(HaveKeyWithValue("typ", name+"+jwt"))
	payload, err := sealed.Open(p.key(sealed.KeyID()).Secret)
	Expect(err).NotTo(HaveOccurred())
	var m map[string]any
	Expect(json.Unmarshal(payload, &m)).To(Succeed())
	Expect(m).To(And(HaveKeyWithValue("iss", p.clientID), HaveKeyWithValue("aud", p.issuer)))
	return sealed.KeyID(), m
}

// seal makes a message of the platform; what own has already stays as it is.
func (p *playedPlatform) seal(kid, name string, own map[string]any) string {
	all := map[string]any{"iss": p.issuer, "aud": p.clientID, "iat": p.now.Unix(), "jti": p.draw()}
	maps.Copy(all, own)
	payload, err := json.Marshal(all)
	Expect(err).NotTo(HaveOccurred())
	sealed, err := token.Seal(bytes.NewReader([]byte(p.draw())[12:]), p.key(kid), map[string]any{"typ": name + "+jwt"}, payload)
	Expect(err).NotTo(HaveOccurred())
	return sealed
}

// to are the messages of one name that have come.
func (p *playedPlatform) to(name string) (found []heard) {
	for _, h := range p.heard {
		if h.name == name {
			found = append(found, h)
		}
	}
	return found
}

// visitor is one browser at the third-party platform. It keeps the site's cookies.
type visitor struct {
	*scene
	cookies map[string]*http.Cookie
}

func (s *scene) visitor() *visitor { return &visitor{s, map[string]*http.Cookie{}} }

func (v *visitor) send(method, target string, form url.Values) (*http.Response, string) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, target, body)
	Expect(err).NotTo(HaveOccurred())
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range v.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	response, err := v.RoundTrip(r)
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	for _, c := range response.Cookies() {
		v.cookies[c.Name] = c
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	return response, string(text)
}

func (v *visitor) get(path string) (*http.Response, string) {
	return v.send(http.MethodGet, sceneSite+path, nil)
}

// begins opens the access path and gives the query of the authorization request.
func (v *visitor) begins(query string) url.Values {
	response, body := v.get("/access" + query)
	Expect(response.StatusCode).To(Equal(http.StatusSeeOther), body)
	location, err := url.Parse(response.Header.Get("Location"))
	Expect(err).NotTo(HaveOccurred())
	return location.Query()
}

// returns brings an answer to the callback path and gives the status.
func (v *visitor) returns(params ...string) int {
	query := url.Values{}
	for i := 0; i < len(params); i += 2 {
		query.Add(params[i], params[i+1])
	}
	response, _ := v.get("/callback?" + query.Encode())
	return response.StatusCode
}

// logsIn is a login of the platform's user, and gives the status of the callback.
func (v *visitor) logsIn(at *playedPlatform) int {
	asked := v.begins("?iss=" + url.QueryEscape(at.issuer))
	return v.returns("state", asked.Get("state"), "code", at.draw(), "iss", at.issuer)
}

// logsInAs is a login of that user, which succeeds.
func (v *visitor) logsInAs(at *playedPlatform, sub string, generation int) *visitor {
	at.user["sub"], at.user["generation"] = sub, generation
	Expect(v.logsIn(at)).To(Equal(http.StatusSeeOther))
	return v
}

// reads gives the status and the members of the resource.
func (v *visitor) reads() (int, map[string]any) {
	response, body := v.get("/resource")
	var m map[string]any
	_ = json.Unmarshal([]byte(body), &m)
	return response.StatusCode, m
}

// in reports whether the browser is logged in.
func (v *visitor) in() bool {
	status, _ := v.reads()
	return status == http.StatusOK
}

func (v *visitor) account() string {
	_, m := v.reads()
	account, _ := m["account"].(string)
	return account
}

func (v *visitor) cookie(prefix string) *http.Cookie {
	for name, c := range v.cookies {
		if strings.HasPrefix(name, prefix) {
			return c
		}
	}
	return nil
}

// batchAnswer is what a batch was answered with.
type batchAnswer struct {
	status  int
	body    string
	error   string
	results map[string]string // status by task_id
}

func endTask(id, sub string, generation int) map[string]any {
	return map[string]any{"task_id": id, "sub": sub, "generation": generation}
}

// batch has a platform send tasks under its newest key.
func (p *playedPlatform) batch(tasks ...map[string]any) batchAnswer {
	return p.deliver(p.seal(p.keys[len(p.keys)-1].ID, "batch-logout-request", map[string]any{"tasks": tasks}))
}

// deliver sends a body to the batch-logout endpoint.
func (p *playedPlatform) deliver(body string) batchAnswer {
	r, err := http.NewRequest(http.MethodPost, sceneSite+unified.PathBatchLogout, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", "application/jose")
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := p.RoundTrip(r)
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	a := batchAnswer{status: response.StatusCode, body: string(text), results: map[string]string{}}
	var m map[string]any
	if json.Unmarshal(text, &m) != nil && a.status == http.StatusOK {
		_, m = p.unseal(a.body, "batch-logout-response")
	}
	a.error, _ = m["error"].(string)
	listed, _ := m["results"].([]any)
	for _, one := range listed {
		result := one.(map[string]any)
		a.results[result["task_id"].(string)] = result["status"].(string)
	}
	return a
}

// claimsFor are those of a right logout token.
func (p *playedPlatform) claimsFor(sub string) map[string]any {
	return map[string]any{
		"iss": p.issuer, "aud": p.clientID, "sub": sub, "iat": p.now.Unix(), "exp": p.now.Unix() + 120, "jti": p.draw(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}, "generation": 1,
	}
}

func (p *playedPlatform) sign(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	Expect(err).NotTo(HaveOccurred())
	signed, err := p.signer.Sign(map[string]any{"typ": "logout+jwt"}, payload)
	Expect(err).NotTo(HaveOccurred())
	return signed
}

// sendsToken brings a logout token to the back-channel endpoint and gives the status.
func (p *playedPlatform) sendsToken(compact string) int {
	response, _ := p.visitorless(sceneSite+unified.PathBackChannelLogout, url.Values{"logout_token": {compact}})
	Expect(response.Header.Get("Cache-Control")).To(Equal("no-store"))
	return response.StatusCode
}

func (s *scene) visitorless(target string, form url.Values) (*http.Response, string) {
	return s.visitor().send(http.MethodPost, target, form)
}
