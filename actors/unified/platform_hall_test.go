package unified_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/password"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/unified"
	"countersign/sim"
)

// hall is a simulated world with a platform, third-party platforms that are told of logouts, and one who plays all users.
type hall struct {
	world    *sim.World
	platform *sim.Host
	outside  *sim.Host // where users and the third-party platforms' own requests come from
	guards   guard.Set
	parties  map[string]*listener
	change   func(*unified.Platform)
	kept     *store.Memory // what the platform holds
	messages int
	workers  int // that run on the platform now
	most     int // that ever ran at once
}

const hallIssuer = "https://platform.example"

// The queue settings of the hall.
const (
	hallLimit   = 10 // more than a trickle brings before the upper bound
	hallIdle    = 5 * time.Second
	hallMaxWait = 20 * time.Second
)

// listener is a third-party platform as the platform reaches it.
type listener struct {
	hall *hall
	host *sim.Host
	id   string
	key  token.Key
	// answer takes the place of the right answer to a request; it may sleep. nil, or false, leaves the right one.
	answer func(w http.ResponseWriter, b telling) bool
	heard  []telling
}

// telling is a request of the platform.
type telling struct {
	at     time.Duration // in the world
	kid    string
	jti    string
	tasks  []toldTask
	header map[string]any // of a logout token
	claims map[string]any
	raw    string
}

type toldTask struct {
	ID         string `json:"task_id"`
	Sub        string `json:"sub"`
	Generation int64  `json:"generation"`
}

// GomegaString is how a failed spec shows it.
func (b telling) GomegaString() string { return fmt.Sprintf("%v: %v", b.at, b.tasks) }

func (b telling) subs() (subs []string) {
	for _, t := range b.tasks {
		subs = append(subs, t.Sub)
	}
	return subs
}

func (b telling) ids() (ids []string) {
	for _, t := range b.tasks {
		ids = append(ids, t.ID)
	}
	return ids
}

func newHall(guards guard.Set) *hall {
	h := &hall{
		world:  sim.New(sim.Config{Link: sim.Link{Delay: time.Millisecond}, Timeout: 10 * time.Second}),
		guards: guards, parties: map[string]*listener{}, kept: &store.Memory{},
	}
	h.platform = h.world.Host("platform.example", func(*sim.Host) http.Handler { return h.newPlatform().Handler() })
	h.outside = h.world.Host("outside.example", nil)
	for _, id := range []string{"tp-a", "tp-b", "tp-c", "tp-d"} {
		l := &listener{hall: h, id: id, key: token.Key{ID: id + "-1", Secret: bytes.Repeat([]byte(id[3:]), 32)}}
		l.host = h.world.Host(id+".example", func(*sim.Host) http.Handler { return l })
		h.parties[id] = l
	}
	return h
}

func (h *hall) newPlatform() *unified.Platform {
	p := &unified.Platform{
		Env: actors.Env{
			Clock: h.platform.Clock(), Entropy: h.platform.Entropy, HTTP: h.platform.Client(), Go: h.work, Store: h.kept, Guards: h.guards,
		},
		Issuer: hallIssuer, Passwords: password.Cheapest(),
		BatchLimit: hallLimit, BatchIdleTime: hallIdle, BatchMaxWait: hallMaxWait,
	}
	for _, name := range []string{"u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"} {
		hash, err := password.Cheapest().Hash("password of "+name, bytes.NewReader(make([]byte, 64)))
		Expect(err).NotTo(HaveOccurred())
		p.Users = append(p.Users, unified.User{Name: name, Password: hash, Sub: "sub-" + name, Nickname: strings.ToUpper(name), Picture: "https://pictures.example/" + name})
	}
	for _, id := range []string{"tp-a", "tp-b", "tp-c", "tp-d"} {
		r := unified.Registration{Name: id, AccessURI: "https://" + id + ".example/access", CallbackURI: "https://" + id + ".example/callback"}
		switch id {
		case "tp-a", "tp-b":
			r.LogoutURI = "https://" + id + ".example/logout"
		case "tp-d":
			r.BackchannelLogoutURI = "https://" + id + ".example/logout"
		}
		p.ThirdParties = append(p.ThirdParties, unified.RegisteredParty{ClientID: id, Registration: r, Keys: []token.Key{h.parties[id].key}})
	}
	if h.change != nil {
		h.change(p)
	}
	return p
}

// work counts what runs in the background.
func (h *hall) work(name string, work func()) {
	h.platform.Go(name, func() {
		h.workers++
		h.most = max(h.most, h.workers)
		defer func() { h.workers-- }()
		work()
	})
}

// run has the script played to its end, and no further.
func (h *hall) run(script func()) {
	GinkgoHelper()
	h.outside.Go("script", func() {
		defer GinkgoRecover()
		defer h.platform.Crash(-1)
		script()
	})
	Expect(h.world.Run()).To(Succeed())
}

func (h *hall) sleep(d time.Duration) { h.outside.Clock().Sleep(d) }

// ServeHTTP hears a batch or a logout token.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer GinkgoRecover()
	Expect(r.URL.Path).To(Equal("/logout"))
	body, err := io.ReadAll(r.Body)
	Expect(err).NotTo(HaveOccurred())
	b := telling{at: l.hall.world.Now(), raw: string(body)}
	if r.Header.Get("Content-Type") == "application/jose" {
		l.openBatch(&b)
	} else {
		form, err := url.ParseQuery(b.raw)
		Expect(err).NotTo(HaveOccurred())
		signed, err := token.ParseSigned(form.Get("logout_token"))
		Expect(err).NotTo(HaveOccurred())
		b.raw, b.header, b.kid = form.Get("logout_token"), signed.Header, signed.KeyID()
		Expect(json.Unmarshal(signed.Payload, &b.claims)).To(Succeed())
		b.tasks = []toldTask{{Sub: b.claims["sub"].(string), Generation: int64(b.claims["generation"].(float64))}}
	}
	l.heard = append(l.heard, b)
	if l.answer != nil && l.answer(w, b) {
		return
	}
	if b.claims == nil {
		l.reply(w, b, b.ids(), nil)
	}
}

func (l *listener) openBatch(b *telling) {
	sealed, err := token.ParseSealed(b.raw)
	Expect(err).NotTo(HaveOccurred())
	payload, err := sealed.Open(l.key.Secret)
	Expect(err).NotTo(HaveOccurred())
	var m struct {
		JTI   string     `json:"jti"`
		Tasks []toldTask `json:"tasks"`
	}
	Expect(json.Unmarshal(payload, &m)).To(Succeed())
	b.kid, b.jti, b.tasks = sealed.KeyID(), m.JTI, m.Tasks
}

// reply answers a batch: these tasks are done, those are to be sent again.
func (l *listener) reply(w http.ResponseWriter, b telling, done, retry []string) {
	results := []map[string]string{}
	for _, id := range done {
		results = append(results, map[string]string{"task_id": id, "status": "done"})
	}
	for _, id := range retry {
		results = append(results, map[string]string{"task_id": id, "status": "retry"})
	}
	w.Header().Set("Content-Type", "application/jose")
	_, _ = io.WriteString(w, l.seal("batch-logout-response", map[string]any{"in_reply_to": b.jti, "results": results}))
}

// seal makes a message of the third-party platform.
func (l *listener) seal(name string, own map[string]any) string {
	l.hall.messages++
	own["iss"], own["aud"], own["iat"] = l.id, hallIssuer, l.host.Clock().Now().Unix()
	own["jti"] = fmt.Sprintf("message-of-a-third-party-%d", l.hall.messages)
	payload, err := json.Marshal(own)
	Expect(err).NotTo(HaveOccurred())
	sealed, err := token.Seal(l.host.Entropy("seals"), l.key, map[string]any{"typ": name + "+jwt"}, payload)
	Expect(err).NotTo(HaveOccurred())
	return sealed
}

// ask sends a message to the platform and gives the members of the answer; nil when it was refused.
func (l *listener) ask(endpoint, name string, own map[string]any) map[string]any {
	response, err := l.hall.outside.Client().Post(hallIssuer+endpoint, "application/jose", strings.NewReader(l.seal(name, own)))
	Expect(err).NotTo(HaveOccurred())
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	if response.StatusCode != http.StatusOK {
		return nil
	}
	sealed, err := token.ParseSealed(string(body))
	Expect(err).NotTo(HaveOccurred(), string(body))
	payload, err := sealed.Open(l.key.Secret)
	Expect(err).NotTo(HaveOccurred())
	var m map[string]any
	Expect(json.Unmarshal(payload, &m)).To(Succeed())
	return m
}

// user is one user in one browser.
type user struct {
	hall    *hall
	name    string
	cookies map[string]string
}

func (h *hall) user(name string) *user { return &user{h, name, map[string]string{}} }

// open sends a request of the browser.
func (u *user) open(method, target string, form url.Values) (*http.Response, string) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, target, body)
	Expect(err).NotTo(HaveOccurred())
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range u.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := u.hall.outside.Client().Do(r)
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	for _, c := range response.Cookies() {
		u.cookies[c.Name] = c.Value
	}
	return response, string(text)
}

// fill fills in the form of a page; nil when it has none.
func (u *user) fill(text, decision string) url.Values {
	page, err := goquery.NewDocumentFromReader(strings.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	if page.Find("form").Length() == 0 {
		return nil
	}
	form := url.Values{"decision": {decision}}
	page.Find("form input").Each(func(_ int, input *goquery.Selection) {
		name, value := input.AttrOr("name", ""), input.AttrOr("value", "")
		switch name {
		case "username":
			value = u.name
		case "password":
			value = "password of " + u.name
		}
		form.Set(name, value)
	})
	return form
}

// verifier is one for all logins of the hall.
const verifier = "verifier-verifier-verifier-verifier-verifier"

// approve lets the user log in for a third-party platform and gives the code.
func (u *user) approve(id string) string {
	challenge := sha256.Sum256([]byte(verifier))
	target := hallIssuer + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {id}, "redirect_uri": {"https://" + id + ".example/callback"}, "state": {"state-state-state-state"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	_, page := u.open(http.MethodGet, target, nil)
	response, page := u.open(http.MethodPost, target, u.fill(page, "approve"))
	Expect(response.Header.Get("Location")).NotTo(BeEmpty(), page)
	back, err := url.Parse(response.Header.Get("Location"))
	Expect(err).NotTo(HaveOccurred())
	return back.Query().Get("code")
}

// exchange gives the pass token for a code, empty when it was refused.
func (u *user) exchange(id, code string) string {
	passed := u.hall.parties[id].ask("/pass-token", "pass-token-request", map[string]any{
		"grant_type": "authorization_code", "code": code, "redirect_uri": "https://" + id + ".example/callback", "code_verifier": verifier,
	})
	pass, _ := passed["pass_token"].(string)
	return pass
}

// authenticate gives the user information for a pass token, nil when it was refused.
func (u *user) authenticate(id, pass string) map[string]any {
	return u.hall.parties[id].ask("/authentication", "authentication-request", map[string]any{"pass_token": pass})
}

// enters is a whole login of the user at third-party platforms.
func (u *user) enters(ids ...string) *user {
	for _, id := range ids {
		Expect(u.authenticate(id, u.exchange(id, u.approve(id)))).To(HaveKeyWithValue("sub", "sub-"+u.name))
	}
	return u
}

// knows reports whether the platform knows who sits before the browser.
func (u *user) knows() bool {
	_, page := u.open(http.MethodGet, hallIssuer+"/portal", nil)
	return !strings.Contains(page, `type="password"`)
}

// leaves is a logout at the platform; it gives the answer's status.
func (u *user) leaves() int {
	response, page := u.open(http.MethodGet, hallIssuer+"/logout", nil)
	Expect(response.StatusCode).To(Equal(http.StatusOK))
	form := u.fill(page, "logout")
	Expect(form).NotTo(BeNil(), page)
	response, _ = u.open(http.MethodPost, hallIssuer+"/logout", form)
	return response.StatusCode
}

// logOut has these users enter a third-party platform and log out, one after the other.
func (h *hall) logOut(id string, names ...string) {
	for _, name := range names {
		Expect(h.user(name).enters(id).leaves()).To(BeElementOf(http.StatusOK, http.StatusSeeOther))
	}
}

// published reports whether a logout token is signed with a key that the platform publishes.
func (h *hall) published(b telling) bool {
	response, err := h.outside.Client().Get(hallIssuer + "/jwks")
	Expect(err).NotTo(HaveOccurred())
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	Expect(json.NewDecoder(response.Body).Decode(&set)).To(Succeed())
	signed, err := token.ParseSigned(b.raw)
	Expect(err).NotTo(HaveOccurred())
	for _, jwk := range set.Keys {
		Expect(jwk).To(And(HaveKeyWithValue("kty", "EC"), HaveKeyWithValue("crv", "P-256"), HaveKeyWithValue("use", "sig")))
		key, err := token.PublicKey(jwk)
		Expect(err).NotTo(HaveOccurred())
		if jwk["kid"] == b.kid && signed.Verify(key) == nil {
			return true
		}
	}
	return false
}
