package bidirectional_test

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/bidirectional"
	"countersign/actors/fixture"
	"countersign/actors/guard"
	"countersign/actors/password"
	"countersign/conformance/catalog"
)

// stage is a world in which one thing happens at a time: requests are calls, and time passes only where an actor sleeps.
type stage struct {
	now        time.Time
	hosts      map[string]http.Handler
	background []func()
	requests   []*http.Request
	// tap may answer a request in the place of its receiver.
	tap func(*http.Request) *http.Response
	// onSleep is what happens elsewhere while an actor sleeps.
	onSleep func()
}

func newStage() *stage {
	return &stage{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), hosts: map[string]http.Handler{}}
}

func (s *stage) Now() time.Time { return s.now }

func (s *stage) Sleep(d time.Duration) {
	s.now = s.now.Add(d)
	if s.onSleep != nil {
		s.onSleep()
	}
}

// runBackground runs what actors have put off.
func (s *stage) runBackground() {
	for len(s.background) > 0 {
		work := s.background[0]
		s.background = s.background[1:]
		work()
	}
}

func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests = append(s.requests, r)
	if s.tap != nil {
		if answer := s.tap(r); answer != nil {
			return answer, nil
		}
	}
	handler, there := s.hosts[r.URL.Host]
	if !there {
		return nil, errors.New("no such host: " + r.URL.Host)
	}
	received := r.Clone(r.Context())
	received.RequestURI, received.Host = r.URL.RequestURI(), r.URL.Host
	if received.Body == nil {
		received.Body = http.NoBody
	}
	if r.URL.Scheme == "https" {
		received.TLS = &tls.ConnectionState{}
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, received)
	return recorder.Result(), nil
}

// failing answers with 500 to requests whose URL contains the text.
func failing(text string) func(*http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		if !strings.Contains(r.URL.String(), text) {
			return nil
		}
		recorder := httptest.NewRecorder()
		recorder.WriteHeader(http.StatusInternalServerError)
		return recorder.Result()
	}
}

// count counts the requests so far whose URL contains the text.
func (s *stage) count(text string) int {
	n := 0
	for _, r := range s.requests {
		if strings.Contains(r.URL.String(), text) {
			n++
		}
	}
	return n
}

func (s *stage) env(name string, guards guard.Set) actors.Env {
	env := fixture.Env(name, s, s, guards)
	env.Go = func(_ string, work func()) { s.background = append(s.background, work) }
	return env
}

const (
	siteA = "https://a.example"
	siteB = "https://b.example"
)

func account(username, secret string) bidirectional.Account {
	hash, err := password.Cheapest().Hash(secret, rand.NewChaCha8(sha256.Sum256([]byte(username))))
	Expect(err).NotTo(HaveOccurred())
	return bidirectional.Account{Username: username, Password: hash}
}

// settingsA are those of site A, whose client is client-a.
func settingsA(env actors.Env) bidirectional.SiteSettings {
	return bidirectional.SiteSettings{
		Env: env, Origin: siteA, Name: "Site A", HandoverKey: "handover-key-a", ClientID: "client-a",
		Clients: []bidirectional.ClientRegistration{
			{ID: "client-a", Secret: "secret-a-at-a", Name: "Site A", Callback: siteA + "/callback"},
			{ID: "client-b", Secret: "secret-b-at-a", Name: "Site B", Callback: siteB + "/callback"},
			{ID: "client-c", Secret: "secret-c-at-a", Name: "Site C", Callback: "https://c.example/callback"},
		},
		Users: []bidirectional.Account{account("alice", "alice-password-at-a"), account("bob", "bob-password-at-a")},
		Resources: []bidirectional.Collection{
			{Owner: "alice", Resources: []bidirectional.Resource{{ID: "1", Title: "Alice's letters at A"}}},
			{Owner: "bob", Resources: []bidirectional.Resource{{ID: "2", Title: "Bob's letters at A"}}},
		},
		Peers: []bidirectional.Peer{{Name: "Site B", Issuer: siteB, Secret: "secret-a-at-b", ClientID: "client-b", PeerSecret: "secret-b-at-a"}},
	}
}

// settingsB are those of site B, whose client is client-b.
func settingsB(env actors.Env) bidirectional.SiteSettings {
	return bidirectional.SiteSettings{
		Env: env, Origin: siteB, Name: "Site B", HandoverKey: "handover-key-b", ClientID: "client-b",
		Clients: []bidirectional.ClientRegistration{
			{ID: "client-a", Secret: "secret-a-at-b", Name: "Site A", Callback: siteA + "/callback"},
			{ID: "client-b", Secret: "secret-b-at-b", Name: "Site B", Callback: siteB + "/callback"},
		},
		Users:     []bidirectional.Account{account("carol", "carol-password-at-b")},
		Resources: []bidirectional.Collection{{Owner: "carol", Resources: []bidirectional.Resource{{ID: "3", Title: "Carol's pictures at B"}}}},
		Peers:     []bidirectional.Peer{{Name: "Site A", Issuer: siteA, Secret: "secret-b-at-a", ClientID: "client-a", PeerSecret: "secret-a-at-b"}},
	}
}

// play is the whole cast on a stage.
type play struct {
	*stage
	a, b     bidirectional.Site
	terminal *bidirectional.Terminal
}

func newPlay(guards guard.Set) *play {
	p := &play{stage: newStage()}
	p.a = settingsA(p.env("a", guards)).Site()
	p.b = settingsB(p.env("b", guards)).Site()
	p.open()
	p.terminal = p.newTerminal(guards)
	return p
}

// open starts both sites; again, after a crash that left nothing but their stores.
func (p *play) open() {
	p.hosts["a.example"], p.hosts["b.example"] = p.a.Handler(), p.b.Handler()
}

func (p *play) newTerminal(guards guard.Set) *bidirectional.Terminal {
	return &bidirectional.Terminal{Env: p.env("terminal", guards), Accounts: []bidirectional.SiteAccount{
		{Origin: siteA, Username: "alice", Password: "alice-password-at-a"},
		{Origin: siteB, Username: "carol", Password: "carol-password-at-b"},
	}}
}

var core = guard.Set{Level: catalog.Core}

// home is what the home page of a site shows to the terminal.
func (p *play) home(site string) string {
	page, err := p.terminal.Open(site + "/")
	Expect(err).NotTo(HaveOccurred())
	Expect(page.Status).To(Equal(http.StatusOK))
	return page.Text
}

// publishAtB has site B serve another metadata document.
func (p *play) publishAtB(document string) {
	inner := p.hosts["b.example"]
	p.hosts["b.example"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			_, _ = io.WriteString(w, document)
			return
		}
		inner.ServeHTTP(w, r)
	})
}
