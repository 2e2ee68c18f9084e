package unified_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/fixture"
	"countersign/actors/guard"
	"countersign/actors/password"
	"countersign/actors/token"
	"countersign/actors/unified"
)

const (
	stageIssuer = "https://login.example"
	formType    = "application/x-www-form-urlencoded"
	// The verifier of every login on the stage, and its challenge.
	stageVerifier = "dBjftJeZ4CVP-mBjftJeZ4CVP-mB92K27uhbUJU1p1r"
)

var stageChallenge = func() string {
	sum := sha256.Sum256([]byte(stageVerifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}()

// stage is a world in which one thing happens at a time: a platform, browsers before it, and third-party platforms that are
// played by their messages. Time passes only where somebody lets it; work in the background waits until it is asked for.
type stage struct {
	now      time.Time
	platform *unified.Platform
	handler  http.Handler
	hosts    map[string]http.Handler // besides the platform
	waiting  []func()
	until    time.Time       // the end of the time that background work has; zero when none is under way
	sent     []*http.Request // by the platform
	messages int
}

func (s *stage) Now() time.Time { return s.now }

func (s *stage) Sleep(d time.Duration) {
	s.now = s.now.Add(d)
	if !s.until.IsZero() && s.now.After(s.until) {
		panic(errTimeIsUp)
	}
}

var errTimeIsUp = errors.New("time is up")

// work lets what waits in the background happen, one after the other, each for a minute at most: tries that fail go on for ever.
func (s *stage) work() {
	for len(s.waiting) > 0 {
		next := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.until = s.now.Add(time.Minute)
		func() {
			defer func() {
				if r := recover(); r != nil && r != errTimeIsUp {
					panic(r)
				}
			}()
			next()
		}()
		s.until = time.Time{}
	}
}

func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	note := r.Clone(r.Context())
	note.Body = io.NopCloser(bytes.NewReader(body))
	s.sent = append(s.sent, note)
	handler, there := s.hosts[r.URL.Host]
	if r.URL.Host == "login.example" {
		handler, there = s.handler, true
	}
	if !there {
		return nil, errors.New("no such host: " + r.URL.Host)
	}
	return receive(handler, r, body), nil
}

func receive(handler http.Handler, r *http.Request, body []byte) *http.Response {
	received := r.Clone(r.Context())
	received.RequestURI, received.Host = r.URL.RequestURI(), r.URL.Host
	received.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, received)
	return recorder.Result()
}

func (s *stage) env(name string, guards guard.Set) actors.Env {
	env := fixture.Env(name, s, s, guards)
	env.Go = func(_ string, work func()) { s.waiting = append(s.waiting, work) }
	return env
}

func hashed(pass string) password.Hash {
	hash, err := password.Cheapest().Hash(pass, rand.NewChaCha8(sha256.Sum256([]byte(pass))))
	Expect(err).NotTo(HaveOccurred())
	return hash
}

func passwordOf(name string) string { return name + "'s password" }

// A hash takes longer than all that a spec does besides.
var aliceHash, bobHash, operatorHash password.Hash

func newStage(guards guard.Set) *stage {
	if aliceHash == "" {
		aliceHash, bobHash, operatorHash = hashed(passwordOf("alice")), hashed(passwordOf("bob")), hashed("operator")
	}
	s := &stage{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), hosts: map[string]http.Handler{}}
	s.platform = &unified.Platform{
		Env: s.env("platform", guards), Issuer: stageIssuer, Name: "The Platform", Passwords: password.Cheapest(),
		Users: []unified.User{
			{Name: "alice", Password: aliceHash, Sub: "u-1", Nickname: "Alice", Picture: "https://login.example/alice.png"},
			{Name: "bob", Password: bobHash, Sub: "u-2", Nickname: "Bob", Picture: "https://login.example/bob.png"},
		},
		Operators: []unified.Operator{
			{Name: "olga", Password: operatorHash, Reviews: true}, {Name: "rene", Password: operatorHash, Reviews: true}, {Name: "victor", Password: operatorHash},
		},
	}
	for _, id := range []string{"tp-a", "tp-b", "tp-c"} {
		r := unified.Registration{Name: "Site " + strings.ToUpper(id[3:]), AccessURI: siteURL(id, "access"), CallbackURI: siteURL(id, "callback")}
		if id != "tp-c" {
			r.LogoutURI = siteURL(id, "logout")
		}
		s.platform.ThirdParties = append(s.platform.ThirdParties, unified.RegisteredParty{ClientID: id, Owner: "olga", Registration: r, Keys: []token.Key{stageKey(id + "-1")}})
	}
	s.open()
	return s
}

// open starts the platform; again, after a crash that left nothing but its store.
func (s *stage) open() { s.handler = s.platform.Handler() }

func siteURL(id, path string) string { return "https://" + id + ".example/" + path }

// stageKey is the communication key of that ID.
func stageKey(kid string) token.Key {
	sum := sha256.Sum256([]byte(kid))
	return token.Key{ID: kid, Secret: sum[:]}
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   string
}

func read(r *http.Response) answered {
	text, err := io.ReadAll(r.Body)
	Expect(err).NotTo(HaveOccurred())
	return answered{r.StatusCode, r.Header, string(text)}
}

func (a answered) json() (m map[string]any) {
	Expect(json.Unmarshal([]byte(a.body), &m)).To(Succeed(), a.body)
	return m
}

// code is the error of a refusal, empty for anything else.
func (a answered) code() string {
	var m struct{ Error string }
	_ = json.Unmarshal([]byte(a.body), &m)
	return m.Error
}

func (a answered) page() *goquery.Document {
	document, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
	Expect(err).NotTo(HaveOccurred())
	return document
}

func (a answered) asksPassword() bool {
	return a.page().Find("form input[name=password]").Length() == 1
}
func (a answered) hasForm() bool { return a.page().Find("form").Length() > 0 }

// location is the query of a redirect to that path; nil when it leads elsewhere, or there is none.
func (a answered) location(to string) url.Values {
	at, err := url.Parse(a.header.Get("Location"))
	if err != nil || !strings.HasPrefix(a.header.Get("Location"), to) || a.status/100 != 3 {
		return nil
	}
	return at.Query()
}

// browser is a user's.
type browser struct {
	*stage
	jar  map[string]*http.Cookie
	last answered
	at   string // the URL of the last page
}

func (s *stage) browser() *browser { return &browser{stage: s, jar: map[string]*http.Cookie{}} }

func (b *browser) send(method, target string, form url.Values) answered {
	r, err := http.NewRequest(method, target, nil)
	Expect(err).NotTo(HaveOccurred())
	for _, c := range b.jar {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	if form != nil {
		r.Header.Set("Content-Type", formType)
	}
	response := receive(b.handler, r, []byte(form.Encode()))
	for _, c := range response.Cookies() {
		b.jar[c.Name] = c
	}
	return read(response)
}

// cookie is the value of the only one.
func (b *browser) cookie() *http.Cookie {
	Expect(b.jar).To(HaveLen(1))
	for _, c := range b.jar {
		return c
	}
	return nil
}

func (b *browser) get(target string) answered {
	if !strings.Contains(target, "://") {
		target = stageIssuer + target
	}
	b.last, b.at = b.send(http.MethodGet, target, nil), target
	return b.last
}

// inputs are the inputs of the form of the last page, with some filled in.
func (b *browser) inputs(filled ...string) url.Values {
	form := url.Values{}
	b.last.page().Find("form input").Each(func(_ int, input *goquery.Selection) {
		form.Set(input.AttrOr("name", ""), input.AttrOr("value", ""))
	})
	for i := 0; i < len(filled); i += 2 {
		form.Set(filled[i], filled[i+1])
	}
	return form
}

// submit sends the form of the last page.
func (b *browser) submit(filled ...string) answered {
	b.last = b.send(http.MethodPost, b.at, b.inputs(filled...))
	return b.last
}

func (b *browser) logIn(name string) answered {
	b.get("/portal")
	return b.submit("username", name, "password", passwordOf(name), "decision", "login")
}

func (b *browser) logOut() answered {
	b.get("/logout")
	return b.submit("decision", "logout")
}

// request is the path of an authorization request; more, by names and values, takes the place of what is usual, and an empty value leaves it out.
func request(id string, more ...string) string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {id}, "redirect_uri": {siteURL(id, "callback")}, "state": {"state-of-" + id},
		"code_challenge": {stageChallenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(more); i += 2 {
		query.Set(more[i], more[i+1])
		if more[i+1] == "" {
			query.Del(more[i])
		}
	}
	return "/authorize?" + query.Encode()
}

// approves opens an authorization request and approves, as alice where there is no session.
func (b *browser) approves(id string, more ...string) url.Values {
	return b.approvesAs("alice", id, more...)
}

func (b *browser) approvesAs(name, id string, more ...string) url.Values {
	filled := []string{"decision", "approve"}
	page := b.get(request(id, more...))
	if page.status == http.StatusForbidden { // who is not logged in is not asked
		b.logIn(name)
		page = b.get(request(id, more...))
	}
	if page.status/100 == 3 { // given at once
		return page.location(siteURL(id, "callback"))
	}
	if b.last.asksPassword() {
		filled = append(filled, "username", name, "password", passwordOf(name))
	}
	return b.submit(filled...).location(siteURL(id, "callback"))
}

// caller is a third-party platform that speaks to the platform.
type caller struct {
	*stage
	id  string
	key token.Key
}

func (s *stage) caller(id string) caller { return caller{s, id, stageKey(id + "-1")} }

// under is the caller with another key.
func (c caller) under(key token.Key) caller {
	c.key = key
	return c
}

// said is an answer to a message, opened.
type said struct {
	answered
	members map[string]any
}

func (a said) text(name string) string {
	text, _ := a.members[name].(string)
	return text
}

// payload is that of a new message.
func (c caller) payload(own ...any) map[string]any {
	c.stage.messages++
	all := map[string]any{"iss": c.id, "aud": stageIssuer, "iat": c.now.Unix(), "jti": fmt.Sprintf("message-%d-%d", c.messages, len(own))}
	for i := 0; i < len(own); i += 2 {
		all[own[i].(string)] = own[i+1]
	}
	return all
}

func (c caller) seal(typ string, payload any) string {
	text, err := json.Marshal(payload)
	Expect(err).NotTo(HaveOccurred())
	nonce := sha256.Sum256(text)
	compact, err := token.Seal(bytes.NewReader(nonce[:]), c.key, map[string]any{"typ": typ}, text)
	Expect(err).NotTo(HaveOccurred())
	return compact
}

// deliver sends a body as it is, and opens the answer when it is one.
func (c caller) deliver(path, contentType, body string) said {
	r, err := http.NewRequest(http.MethodPost, stageIssuer+path, nil)
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", contentType)
	a := said{answered: read(receive(c.handler, r, []byte(body)))}
	switch sealed, err := token.ParseSealed(a.body); {
	case err == nil:
		text, err := sealed.Open(c.key.Secret)
		Expect(err).NotTo(HaveOccurred())
		Expect(json.Unmarshal(text, &a.members)).To(Succeed())
	case a.status == http.StatusOK:
		a.members = a.json()
	}
	return a
}

func (c caller) ask(path, name string, own ...any) said {
	return c.deliver(path, "application/jose", c.seal(name+"+jwt", c.payload(own...)))
}

func (c caller) exchange(code string, more ...any) said {
	own := []any{"grant_type", "authorization_code", "code", code, "redirect_uri", siteURL(c.id, "callback"), "code_verifier", stageVerifier}
	return c.ask("/pass-token", "pass-token-request", append(own, more...)...)
}

func (c caller) authenticate(pass string) said {
	return c.ask("/authentication", "authentication-request", "pass_token", pass)
}

func (c caller) status(sub string, generation any) said {
	return c.ask("/status", "status-request", "sub", sub, "generation", generation)
}

// logsIn is a whole login in the browser; it gives the user information.
func (c caller) logsIn(b *browser, name string) said {
	return c.authenticate(c.exchange(b.approvesAs(name, c.id).Get("code")).text("pass_token"))
}

// operator sends a request as that operator; a body of nil makes it a GET.
func (s *stage) operator(name, path string, body map[string]any) answered {
	method, text := http.MethodGet, []byte{}
	if body != nil {
		method = http.MethodPost
		text, _ = json.Marshal(body)
	}
	r, err := http.NewRequest(method, stageIssuer+path, nil)
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(name, "operator")
	return read(receive(s.handler, r, text))
}

// registration is the body of a request to register a site of that name.
func registration(name string, more ...any) map[string]any {
	body := map[string]any{"client_name": name, "access_uri": siteURL(name, "access"), "callback_uri": siteURL(name, "callback")}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

// takenIn registers a site for victor and has it approved.
func (s *stage) takenIn(name string, more ...any) (clientID string) {
	asked := s.operator("victor", "/registration", registration(name, more...))
	Expect(asked.status).To(Equal(http.StatusAccepted), asked.body)
	s.operator("rene", "/review", map[string]any{"request_id": asked.json()["request_id"], "decision": "approve"})
	clientID, _ = asked.json()["client_id"].(string)
	return clientID
}

// newKey is a new communication key.
func (s *stage) newKey(owner, clientID string) token.Key {
	given := s.operator(owner, "/key", map[string]any{"client_id": clientID})
	Expect(given.status).To(Equal(http.StatusOK), given.body)
	m := given.json()
	secret, err := base64.RawURLEncoding.DecodeString(m["k"].(string))
	Expect(err).NotTo(HaveOccurred())
	return token.Key{ID: m["kid"].(string), Secret: secret}
}
