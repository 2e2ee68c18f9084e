package mobile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/mobile"
	"countersign/actors/password"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/conformance/catalog"
	"countersign/sim"
)

const (
	issuer     = "https://as.example"
	crmAddress = "https://crm.example/resource"
	crmSecond  = "https://crm-two.example/resource"
	erpAddress = "https://erp.example/resource"
	pushURI    = "https://phone.example/notification"
	jsonType   = "application/json"
	lifetime   = 5 * time.Minute
)

var core = guard.Set{Level: catalog.Core}

// sealingKey is the first sealing key of a system.
func sealingKey(system string) token.Key {
	sum := sha256.Sum256([]byte("sealing key of " + system))
	return token.Key{ID: system + "-1", Secret: sum[:]}
}

// firstRules are those that the server starts with.
func firstRules() mobile.Rules {
	return mobile.Rules{
		Systems: []mobile.SystemRule{{SystemID: "crm", Address: crmAddress}, {SystemID: "erp", Address: erpAddress}},
		Apps: []mobile.AppRule{
			{AppID: "field-sales", SystemID: "crm", Users: []string{"alice", "bob"}},
			{AppID: "stock", SystemID: "erp", Users: []string{"alice"}},
		},
		Devices: []mobile.DeviceRule{{DeviceID: "device-alice", Username: "alice"}, {DeviceID: "device-bob", Username: "bob"}},
	}
}

// play is a simulated world with an authorization server, a place that takes messages to phones, and a harness from which a spec acts.
type play struct {
	world           *sim.World
	harness, asHost *sim.Host
	server          *mobile.AuthorizationServer // as it booted last
	guards          guard.Set
	configure       func(*mobile.AuthorizationServer) // changes the server before it opens; nil: nothing

	proofs  int    // how many were made
	file    []byte // of rules, where there is one
	pushes  []push
	receive func(push) int // how the phone answers; nil: 202
}

// push is a message as it came to the phone.
type push struct {
	at        time.Time
	mediaType string
	text      string
}

// claims are what the message says, unverified.
func (m push) claims() map[string]any { return claimsOf(m.text) }

func claimsOf(compact string) (claims map[string]any) {
	GinkgoHelper()
	signed, err := token.ParseSigned(compact)
	Expect(err).NotTo(HaveOccurred())
	Expect(json.Unmarshal(signed.Payload, &claims)).To(Succeed())
	return claims
}

func newPlay(guards guard.Set) *play {
	p := &play{guards: guards, world: sim.New(sim.Config{Link: sim.Link{Delay: 2 * time.Millisecond}})}
	p.asHost = p.world.Host("as.example", func(h *sim.Host) http.Handler {
		p.server = &mobile.AuthorizationServer{
			Env: p.env(h), Issuer: issuer, Passwords: password.Cheapest(), Rules: firstRules(),
			Administrators: []mobile.Administrator{{Name: "admin-1", Password: "admin-password-1"}, {Name: "admin-2", Password: "admin-password-2"}},
			Systems:        []mobile.System{{ID: "crm", Secret: "crm-secret", Key: sealingKey("crm")}, {ID: "erp", Secret: "erp-secret", Key: sealingKey("erp")}},
			Users:          []mobile.User{{Name: "alice", Password: "alice-password"}, {Name: "bob", Password: "bob-password"}},
		}
		if p.configure != nil {
			p.configure(p.server)
		}
		return p.server.Handler()
	})
	p.world.Host("phone.example", func(h *sim.Host) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			came := push{h.Clock().Now(), r.Header.Get("Content-Type"), string(body)}
			p.pushes = append(p.pushes, came)
			status := http.StatusAccepted
			if p.receive != nil {
				status = p.receive(came)
			}
			w.WriteHeader(status)
		})
	})
	p.harness = p.world.Host("harness.example", nil)
	return p
}

// env makes a host of the world the surroundings of an actor.
func (p *play) env(h *sim.Host) actors.Env {
	return actors.Env{
		Clock: h.Clock(), Entropy: h.Entropy, HTTP: h.Client(), Within: h.ClientWithin, Go: h.Go, Guards: p.guards,
		Store: h.Durable("store", func() any { return &store.Memory{} }).(store.Store),
	}
}

// run lets a spec act in the world. When it has ended, so have the servers.
func (p *play) run(script func()) {
	GinkgoHelper()
	p.harness.Go("script", func() {
		defer p.asHost.Crash(-1)
		defer GinkgoRecover()
		script()
	})
	err := p.world.Run()
	p.world.Close()
	Expect(err).NotTo(HaveOccurred())
}

func (p *play) now() time.Time { return p.harness.Clock().Now() }

func (p *play) sleep(d time.Duration) { p.harness.Clock().Sleep(d) }

// together runs functions side by side.
func (p *play) together(functions ...func()) {
	left := len(functions)
	for _, f := range functions {
		p.harness.Go("beside the script", func() {
			defer func() { left-- }()
			defer GinkgoRecover()
			f()
		})
	}
	for left > 0 {
		p.sleep(time.Millisecond)
	}
}

// request is a request of the harness to the authorization server.
type request struct {
	method, path string // GET where neither method nor body is there
	basic        string // "name:secret", empty for none
	by           *phone // whose key proves the request; nil: no proof
	forge        func(header, claims map[string]any)
	sign         *token.Signer // signs the proof in the place of the phone's key
	rawProof     []string      // in the place of a proof
	body         any           // a string as it is, anything else in JSON
	header       map[string]string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) member(name string) any {
	GinkgoHelper()
	var m map[string]any
	Expect(json.Unmarshal([]byte(a.body), &m)).To(Succeed(), a.body)
	return m[name]
}

func (a answer) text(name string) string {
	GinkgoHelper()
	text, _ := a.member(name).(string)
	return text
}

func (a answer) number(name string) int64 {
	GinkgoHelper()
	n, _ := a.member(name).(float64)
	return int64(n)
}

// phone is a device with its key.
type phone struct {
	id, username string
	key          token.Signer
}

// newPhone is a phone whose key is drawn from the name.
func newPhone(id, username string, keyName ...string) *phone {
	signer, err := token.NewSigner(rand.NewChaCha8(sha256.Sum256([]byte(id+strings.Join(keyName, "")))), "")
	if err != nil {
		panic(err)
	}
	return &phone{id, username, signer}
}

func alicesPhone() *phone { return newPhone("device-alice", "alice") }
func bobsPhone() *phone   { return newPhone("device-bob", "bob") }

// proof makes a proof, changed by forge before it is signed.
func (p *play) proof(r request) string {
	p.proofs++
	header := map[string]any{"typ": "dpop+jwt", "jwk": r.by.key.JWK()}
	claims := map[string]any{"jti": "proof-identifier-" + token.Thumbprint(&r.by.key.Key.PublicKey)[:8] + time.Duration(p.proofs).String(), "htm": r.method, "htu": issuer + r.path, "iat": p.now().Unix()}
	if r.forge != nil {
		r.forge(header, claims)
	}
	payload, err := json.Marshal(claims)
	Expect(err).NotTo(HaveOccurred())
	signer := r.by.key
	if r.sign != nil {
		signer = *r.sign
	}
	compact, err := signer.Sign(header, payload)
	Expect(err).NotTo(HaveOccurred())
	return compact
}

// ask sends a request and takes the answer.
func (p *play) ask(r request) answer {
	GinkgoHelper()
	if r.method == "" {
		r.method = http.MethodGet
		if r.body != nil {
			r.method = http.MethodPost
		}
	}
	var body []byte
	switch b := r.body.(type) {
	case nil:
	case string:
		body = []byte(b)
	default:
		var err error
		body, err = json.Marshal(b)
		Expect(err).NotTo(HaveOccurred())
	}
	sent, err := http.NewRequest(r.method, issuer+r.path, bytes.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	if r.body != nil {
		sent.Header.Set("Content-Type", jsonType)
	}
	if name, shared, there := strings.Cut(r.basic, ":"); there {
		sent.SetBasicAuth(name, shared)
	}
	if r.by != nil {
		sent.Header.Set("DPoP", p.proof(r))
	}
	for _, raw := range r.rawProof {
		sent.Header.Add("DPoP", raw)
	}
	for name, value := range r.header {
		sent.Header.Set(name, value)
	}
	response, err := p.harness.Client().Do(sent)
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer{response.StatusCode, response.Header, string(text)}
}

type object = map[string]any

// register registers a phone under its user's right password.
func (p *play) register(ph *phone) answer {
	GinkgoHelper()
	return p.ask(request{path: "/registration", by: ph, method: "POST", body: object{
		"deviceid": ph.id, "username": ph.username, "password": ph.username + "-password", "notification_uri": pushURI,
	}})
}

// registered is alice's phone, registered.
func (p *play) registered() *phone {
	GinkgoHelper()
	ph := alicesPhone()
	Expect(p.register(ph).status).To(Equal(http.StatusOK))
	return ph
}

func (p *play) authenticate(ph *phone, appID string) answer {
	GinkgoHelper()
	return p.ask(request{path: "/authentication", by: ph, method: "POST", body: object{"appid": appID, "deviceid": ph.id, "username": ph.username}})
}

// given is an authentication that is granted.
func (p *play) given(ph *phone) answer {
	GinkgoHelper()
	a := p.authenticate(ph, "field-sales")
	Expect(a.status).To(Equal(http.StatusOK), a.body)
	return a
}

// open opens a sealed token with the first key of a system.
func open(system, accessToken string) (header, claims map[string]any) {
	GinkgoHelper()
	sealed, err := token.ParseSealed(accessToken)
	Expect(err).NotTo(HaveOccurred())
	plain, err := sealed.Open(sealingKey(system).Secret)
	Expect(err).NotTo(HaveOccurred())
	Expect(json.Unmarshal(plain, &claims)).To(Succeed())
	return sealed.Header, claims
}

func identifierIn(a answer) string {
	GinkgoHelper()
	_, claims := open("crm", a.text("access_token"))
	return claims["jti"].(string)
}

// download asks for a shared token in the name of a system.
func (p *play) download(system, id string) answer {
	GinkgoHelper()
	return p.ask(request{path: "/shared-token", basic: system + ":" + system + "-secret", body: object{"token_id": id}})
}

func (p *play) deregister(ph *phone) answer {
	GinkgoHelper()
	return p.ask(request{path: "/deregistration", body: object{"username": ph.username, "password": ph.username + "-password", "deviceid": ph.id}})
}

func (p *play) acknowledge(ph *phone, jti string) answer {
	GinkgoHelper()
	return p.ask(request{path: "/wipe-acknowledgement", by: ph, method: "POST", body: object{"deviceid": ph.id, "jti": jti}})
}

const admin = "admin-1:admin-password-1"

// rulesVersion is the version in force.
func (p *play) rulesVersion() int64 {
	GinkgoHelper()
	return p.ask(request{path: "/rules", basic: admin}).number("rules_version")
}

// put sends rules as an administrator, on the version in force.
func (p *play) put(rules any) answer {
	GinkgoHelper()
	tag := p.ask(request{path: "/rules", basic: admin}).header.Get("ETag")
	return p.ask(request{method: "PUT", path: "/rules", basic: admin, body: rules, header: map[string]string{"If-Match": tag}})
}

// changed are the first rules with a change.
func changed(change func(*mobile.Rules)) mobile.Rules {
	rules := firstRules()
	change(&rules)
	return rules
}

func moved(r *mobile.Rules) { r.Systems[0].Address = crmSecond }

// wipes are the pushes so far that are wipe messages.
func (p *play) wipes() (found []push) { return p.pushed("urn:countersign:mobile:wipe") }

func (p *play) pushed(event string) (found []push) {
	for _, m := range p.pushes {
		if events, _ := m.claims()["events"].(map[string]any); events[event] != nil {
			found = append(found, m)
		}
	}
	return found
}
