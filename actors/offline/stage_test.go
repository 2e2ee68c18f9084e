package offline_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/fixture"
	"countersign/actors/guard"
	"countersign/actors/offline"
	"countersign/actors/password"
	"countersign/conformance/catalog"
)

const issuer = "https://server.example"

var core = guard.Set{Level: catalog.Core}

// stage is a world in which one thing happens at a time: requests are calls, and time passes only where an actor sleeps.
type stage struct {
	now      time.Time
	hosts    map[string]http.Handler
	requests []sent
	// tap may answer a request in the place of its receiver.
	tap func(sent) *http.Response
	// onSleep is what happens elsewhere while an actor sleeps.
	onSleep func()
}

// sent is a request as it went over the wire.
type sent struct {
	url, authorization string
	body               []byte
	at                 time.Time
}

func newStage() *stage {
	return &stage{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), hosts: map[string]http.Handler{}}
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
	note := sent{r.URL.String(), r.Header.Get("Authorization"), body, s.now}
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
	return recorder.Result(), nil
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

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) member(name string) any {
	var m map[string]any
	Expect(json.Unmarshal(a.body, &m)).To(Succeed(), string(a.body))
	return m[name]
}

// call is a request by hand.
type call struct {
	url, contentType string
	device           string // authenticates, with the secret that goes with it; empty for nobody
	body             []byte
}

func (s *stage) post(c call) answer {
	r, err := http.NewRequest(http.MethodPost, c.url, bytes.NewReader(c.body))
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", c.contentType)
	if c.device != "" {
		r.SetBasicAuth(c.device, "secret-of-"+c.device)
	}
	return s.send(r)
}

func (s *stage) get(url string) answer {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	Expect(err).NotTo(HaveOccurred())
	return s.send(r)
}

func (s *stage) send(r *http.Request) answer {
	response, err := s.RoundTrip(r)
	Expect(err).NotTo(HaveOccurred())
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer{response.StatusCode, response.Header, body}
}

// seed is the private key of a name (profile section 8).
func seed(name string) []byte {
	sum := sha256.Sum256([]byte("offline@1 " + name))
	return sum[:]
}

func signer(name string) offline.Signer {
	return offline.Signer{ID: name, Key: ed25519.NewKeyFromSeed(seed(name))}
}

// passwordKey stands in for scrypt, which the server never sees.
func passwordKey(password string) []byte {
	sum := sha256.Sum256([]byte(password))
	return sum[:]
}

// newServer puts a service server with the values of profile section 8 on the stage.
func newServer(s *stage, guards guard.Set) *offline.ServiceServer {
	server := &offline.ServiceServer{
		Env: s.env("server", guards), Issuer: issuer, Signer: signer("server-1"), Passwords: password.Cheapest(),
		Devices:  []offline.Device{{ID: "till-1", Secret: "secret-of-till-1"}, {ID: "till-2", Secret: "secret-of-till-2"}},
		Services: []offline.Service{{ID: "coffee", Threshold: 5000}, {ID: "gate"}},
	}
	for _, owner := range []struct{ handset, account string }{{"handset-1", "alice"}, {"handset-2", "bob"}, {"handset-3", "carol"}} {
		server.Handsets = append(server.Handsets, offline.EnrolledHandset{ID: owner.handset, Account: owner.account, Key: signer(owner.handset).Public()})
		hash, err := password.Cheapest().Hash(owner.account+"-account-password", rand.NewChaCha8([32]byte{}))
		Expect(err).NotTo(HaveOccurred())
		server.Accounts = append(server.Accounts, offline.Account{Name: owner.account, Password: hash})
	}
	s.hosts["server.example"] = server.Handler()
	return server
}
