package ticket_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/fixture"
	"countersign/actors/guard"
	"countersign/actors/password"
	"countersign/actors/ticket"
	"countersign/conformance/catalog"
)

const (
	issuer   = "https://accounts.example"
	appOne   = "https://one.example"
	appTwo   = "https://two.example"
	device   = "http://localhost:8814"
	jsonType = "application/json"
	right    = "correct horse"
	anyID    = "0123456789abcdefghijklmn"
)

// stage is a world in which one thing happens at a time: requests are calls, and time passes only where an actor sleeps.
type stage struct {
	now      time.Time
	hosts    map[string]http.Handler
	requests []sent
	// tap may answer a request in the place of its receiver; lose lets it arrive and loses the answer.
	tap  func(sent) *http.Response
	lose func(sent) bool
	// onSleep is what happens elsewhere while an actor sleeps.
	onSleep func()
}

// sent is a request as it went over the wire.
type sent struct {
	url, authorization, body string
	at                       time.Time
}

func (s *stage) Now() time.Time { return s.now }

func (s *stage) Sleep(d time.Duration) {
	s.now = s.now.Add(d)
	if happens := s.onSleep; happens != nil {
		s.onSleep = nil
		happens()
	}
}

func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	note := sent{r.URL.String(), r.Header.Get("Authorization"), string(body), s.now}
	s.requests = append(s.requests, note)
	if s.tap != nil {
		if answer := s.tap(note); answer != nil {
			return answer, nil
		}
	}
	handler, there := s.hosts[r.URL.Host]
	if !there {
		return nil, errors.New("no such host: " + r.URL.Host)
	}
	received := r.Clone(r.Context())
	received.RequestURI, received.Host = r.URL.RequestURI(), r.URL.Host
	received.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, received)
	if s.lose != nil && s.lose(note) {
		return nil, errors.New("the connection broke")
	}
	return recorder.Result(), nil
}

func status(code int) *http.Response {
	recorder := httptest.NewRecorder()
	recorder.WriteHeader(code)
	return recorder.Result()
}

// failing answers with 500 to requests whose URL ends so.
func failing(end string) func(sent) *http.Response {
	return func(r sent) *http.Response {
		if !strings.HasSuffix(r.url, end) {
			return nil
		}
		return status(http.StatusInternalServerError)
	}
}

// to are the requests so far whose URL ends so.
func (s *stage) to(end string) (found []sent) {
	for _, r := range s.requests {
		if strings.HasSuffix(r.url, end) {
			found = append(found, r)
		}
	}
	return found
}

func (s *stage) env(name string, guards guard.Set) actors.Env {
	return fixture.Env(name, s, s, guards)
}

// play is the whole cast on a stage.
type play struct {
	*stage
	accounts *ticket.AccountServer
	one, two *ticket.AppServer
	terminal *ticket.Terminal
}

var core = guard.Set{Level: catalog.Core}

func newPlay(guards guard.Set) *play {
	s := &stage{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), hosts: map[string]http.Handler{}}
	p := &play{stage: s}
	p.accounts = &ticket.AccountServer{
		Env: s.env("accounts", guards), Issuer: issuer, Passwords: password.Cheapest(),
		Apps: []ticket.App{{ID: "app-one", Secret: "secret-of-app-one"}, {ID: "app-two", Secret: "secret-of-app-two"}},
	}
	p.one = &ticket.AppServer{Env: s.env("one", guards), BaseURL: appOne, ID: "app-one", Issuer: issuer, Secret: "secret-of-app-one"}
	p.two = &ticket.AppServer{Env: s.env("two", guards), BaseURL: appTwo, ID: "app-two", Issuer: issuer, Secret: "secret-of-app-two"}
	p.terminal = p.newTerminal("terminal", guards)
	p.open()
	return p
}

// open starts all; again, after a crash that left nothing but their stores.
func (p *play) open() {
	p.hosts["accounts.example"] = p.accounts.Handler()
	p.hosts["one.example"], p.hosts["two.example"] = p.one.Handler(), p.two.Handler()
	p.hosts["localhost:8814"] = p.terminal.Handler()
}

func (p *play) newTerminal(name string, guards guard.Set) *ticket.Terminal {
	return &ticket.Terminal{
		Env: p.env(name, guards), BaseURL: device, Issuer: issuer,
		Apps: []ticket.AppAddress{{ID: "app-one", BaseURL: appOne}, {ID: "app-two", BaseURL: appTwo}},
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) member(name string) any {
	var m map[string]any
	Expect(json.Unmarshal([]byte(a.body), &m)).To(Succeed(), a.body)
	return m[name]
}

func (a answer) text(name string) string {
	text, _ := a.member(name).(string)
	return text
}

func (p *play) send(method, url, authorization, body string) answer {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	if body != "" {
		r.Header.Set("Content-Type", jsonType)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := p.RoundTrip(r)
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer{response.StatusCode, response.Header, string(text)}
}

// post sends a JSON object of names and values.
func (p *play) post(endpoint string, members ...string) answer {
	return p.postAs("", endpoint, members...)
}

func (p *play) postAs(app, endpoint string, members ...string) answer {
	m := map[string]string{}
	for i := 0; i < len(members); i += 2 {
		m[members[i]] = members[i+1]
	}
	body, err := json.Marshal(m)
	Expect(err).NotTo(HaveOccurred())
	r, err := http.NewRequest(http.MethodPost, issuer, nil)
	Expect(err).NotTo(HaveOccurred())
	if app != "" {
		r.SetBasicAuth(app, "secret-of-"+app)
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = issuer + endpoint
	}
	return p.send(http.MethodPost, endpoint, r.Header.Get("Authorization"), string(body))
}

func (p *play) register(name, password string) answer {
	return p.post("/registration", "user_name", name, "password", password)
}

func (p *play) authenticate(name, password, app string) answer {
	return p.post("/authentication", "user_name", name, "password", password, "app_id", app)
}

// given is a ticket for app-one of a new account.
func (p *play) given(name string) answer {
	Expect(p.register(name, right).status).To(Equal(http.StatusCreated))
	t := p.authenticate(name, right, "app-one")
	Expect(t.status).To(Equal(http.StatusOK), t.body)
	return t
}

// verifies reports whether app-one is told that the ticket is valid.
func (p *play) verifies(t answer) bool {
	return p.postAs("app-one", "/verification", "user_id", t.text("user_id"), "authorization_key", t.text("authorization_key")).member("active") == true
}

func (p *play) refresh(t answer, requestID string) answer {
	return p.post("/refresh", "user_id", t.text("user_id"), "refresh_key", t.text("refresh_key"), "request_id", requestID)
}

func (p *play) read(t answer) answer {
	return p.send(http.MethodGet, appOne+"/resource", shownAs(t.text("user_id"), t.text("authorization_key")), "")
}

func shownAs(user, key string) string {
	return `Ticket user_id="` + user + `", authorization_key="` + key + `"`
}

// opens is a user who opens an app at the terminal.
func (p *play) opens(app, password string) ticket.Result {
	return p.terminal.Open(ticket.Wish{AppID: app, UserName: "alice", Password: password, Register: password != ""})
}
