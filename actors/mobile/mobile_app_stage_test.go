package mobile_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/mobile"
	"countersign/actors/token"
	"countersign/sim"
)

const (
	appURL     = "http://app.localhost"
	elsewhere  = "https://elsewhere.example/resource"
	plainSaid  = "http://plain.example/resource"
	signingKey = "signing-1"
)

// sent is a request of the app as it came.
type sent struct {
	at                               time.Time
	method, url, authorization, body string
	proof                            object // the claims of its proof; nil: there is none
	jwk                              object // the key in its proof
}

// appPlay is a world with one app. The authorization server and the business systems do what the spec says.
type appPlay struct {
	world   *sim.World
	harness *sim.Host
	guards  guard.Set
	signer  token.Signer

	version int64
	address string
	made    int
	sent    []sent

	document   func(object)                               // changes the metadata
	grant      func(answer, claims, header object) string // changes the answer; gives the signed address, empty for that of the claims
	authorize  func() (status int, body object)           // answers in the place of a grant, if status is not 0
	resource   func(address string) (status int, header object)
	register   int    // status of registrations; 0: 200
	retryAfter string // of the authorization server, with 503
	ack        func(times int) int
	onAck      func()
}

func newAppPlay(guards guard.Set) *appPlay {
	p := &appPlay{world: sim.New(sim.Config{Link: sim.Link{Delay: 2 * time.Millisecond}}), guards: guards, version: 1, address: crmAddress}
	p.signer = another("the authorization server")
	p.signer.ID = signingKey
	p.world.Host("as.example", func(*sim.Host) http.Handler { return http.HandlerFunc(p.authorizationServer) })
	for _, name := range []string{"crm.example", "crm-two.example", "elsewhere.example", "plain.example"} {
		p.world.Host(name, func(*sim.Host) http.Handler { return http.HandlerFunc(p.businessSystem) })
	}
	p.world.Host("app.localhost", func(h *sim.Host) http.Handler {
		return (&mobile.MobileApp{
			Env: environment(h, guards), BaseURL: appURL, Issuer: issuer, SigningKeys: []*ecdsa.PublicKey{&p.signer.Key.PublicKey},
			AppID: "field-sales", DeviceID: "device-alice", Username: "alice",
		}).Handler()
	})
	p.harness = p.world.Host("harness.example", nil)
	return p
}

// note keeps what came.
func (p *appPlay) note(r *http.Request) sent {
	body, _ := io.ReadAll(r.Body)
	came := sent{p.harness.Clock().Now(), r.Method, "https://" + r.Host + r.URL.RequestURI(), r.Header.Get("Authorization"), string(body), nil, nil}
	if compact := r.Header.Get("DPoP"); compact != "" {
		signed, err := token.ParseSigned(compact)
		Expect(err).NotTo(HaveOccurred())
		Expect(json.Unmarshal(signed.Payload, &came.proof)).To(Succeed())
		came.jwk, _ = signed.Header["jwk"].(object)
	}
	p.sent = append(p.sent, came)
	return came
}

func (p *appPlay) authorizationServer(w http.ResponseWriter, r *http.Request) {
	defer GinkgoRecover()
	came := p.note(r)
	reply := func(status int, body object) {
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	switch r.URL.Path {
	case "/.well-known/mobile-access":
		document := object{
			"profile": "mobile@1", "issuer": issuer, "authentication_endpoint": issuer + "/authentication", "registration_endpoint": issuer + "/registration",
			"wipe_acknowledgement_endpoint": issuer + "/wipe-acknowledgement",
		}
		if p.document != nil {
			p.document(document)
		}
		reply(http.StatusOK, document)
	case "/registration":
		if p.register != 0 {
			reply(p.register, object{"error": "access_denied", "error_description": "no"})
			return
		}
		reply(http.StatusOK, object{"deviceid": "device-alice", "registered": true})
	case "/authentication":
		if p.authorize != nil {
			if status, body := p.authorize(); status != 0 {
				w.Header().Set("Retry-After", p.retryAfter)
				reply(status, body)
				return
			}
		}
		reply(http.StatusOK, p.granted(came))
	case "/wipe-acknowledgement":
		if p.onAck != nil {
			p.onAck()
		}
		status := http.StatusNoContent
		if p.ack != nil {
			status = p.ack(len(p.to("/wipe-acknowledgement")))
		}
		w.WriteHeader(status)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// granted is a right answer, changed as the spec wants it.
func (p *appPlay) granted(sent) object {
	p.made++
	access := fmt.Sprintf("access-token-%d", p.made)
	now := p.harness.Clock().Now().Unix()
	a := object{
		"access_token": access, "token_type": "DPoP", "expires_in": 300, "system_id": "crm", "system_address": p.address, "rules_version": p.version,
	}
	claims := object{
		"iss": issuer, "aud": "field-sales", "sub": "device-alice", "system_id": "crm", "address": p.address, "rules_version": p.version,
		"ath": hashOf(access), "iat": now, "exp": now + 300,
	}
	header := object{"typ": "address+jwt"}
	signed := ""
	if p.grant != nil {
		signed = p.grant(a, claims, header)
	}
	if signed == "" {
		signed = p.signs(p.signer, header, claims)
	}
	if signed != "none" {
		a["signed_address"] = signed
	}
	return a
}

func (p *appPlay) signs(signer token.Signer, header, claims object) string {
	payload, err := json.Marshal(claims)
	Expect(err).NotTo(HaveOccurred())
	compact, err := signer.Sign(header, payload)
	Expect(err).NotTo(HaveOccurred())
	return compact
}

func (p *appPlay) businessSystem(w http.ResponseWriter, r *http.Request) {
	defer GinkgoRecover()
	p.note(r)
	at := "https://" + r.Host + r.URL.Path
	if p.resource != nil {
		if status, header := p.resource(at); status != 0 {
			for _, name := range []string{"Location", "Retry-After", "WWW-Authenticate"} {
				if value, there := header[name].(string); there {
					w.Header().Set(name, value)
				}
			}
			w.WriteHeader(status)
			return
		}
	}
	w.Header().Set("Content-Type", jsonType)
	_ = json.NewEncoder(w).Encode(object{"owner": "alice", "resources": []object{{"id": "1", "title": "one"}, {"id": "2", "title": "two"}}})
}

// to are the requests so far to a path, or a whole URL.
func (p *appPlay) to(end string) (found []sent) {
	for _, s := range p.sent {
		if strings.HasSuffix(strings.Split(s.url, "?")[0], end) {
			found = append(found, s)
		}
	}
	return found
}

func (p *appPlay) run(script func()) {
	GinkgoHelper()
	p.harness.Go("script", func() {
		defer GinkgoRecover()
		script()
	})
	err := p.world.Run()
	p.world.Close()
	Expect(err).NotTo(HaveOccurred())
}

func (p *appPlay) sleep(d time.Duration) { p.harness.Clock().Sleep(d) }

func (p *appPlay) ask(method, path, mediaType, body string) answer {
	GinkgoHelper()
	r, err := http.NewRequest(method, appURL+path, bytes.NewReader([]byte(body)))
	Expect(err).NotTo(HaveOccurred())
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	response, err := p.harness.Client().Do(r)
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer{response.StatusCode, response.Header, string(text)}
}

func (p *appPlay) enrols() string {
	GinkgoHelper()
	a := p.ask(http.MethodPost, "/enrolment", jsonType, `{"password":"alice-password"}`)
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.text("error")))
}

// starts gives the address or the error.
func (p *appPlay) starts() string { return p.startsWith(`{}`) }

func (p *appPlay) startsWith(body string) string {
	GinkgoHelper()
	a := p.ask(http.MethodPost, "/start", jsonType, body)
	return fmt.Sprintf("%d %s%s", a.status, a.text("error"), a.text("address"))
}

// holds is what the app says that it holds.
func (p *appPlay) holds() string {
	GinkgoHelper()
	a := p.ask(http.MethodGet, "/holdings", "", "")
	return fmt.Sprintf("enrolled %v, token %v, address %v, resources %d", a.member("enrolled"), a.member("token"), a.member("address"), a.number("resources"))
}

const (
	holdsAll       = "enrolled true, token true, address true, resources 2"
	holdsNothing   = "enrolled false, token false, address false, resources 0"
	holdsEnrolment = "enrolled true, token false, address false, resources 0"
)

// message makes a message of the authorization server to the app's device, changed before it is signed.
func (p *appPlay) message(event string, about object, change func(header, claims object), signer ...token.Signer) string {
	GinkgoHelper()
	p.made++
	jwk := p.to("/registration")[0].jwk
	key, err := token.PublicKey(object{"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"]})
	Expect(err).NotTo(HaveOccurred())
	claims := object{
		"iss": issuer, "iat": p.harness.Clock().Now().Unix(), "jti": fmt.Sprintf("message-identifier-%d", p.made), "aud": "device-alice",
		"cnf": object{"jkt": token.Thumbprint(key)}, "events": object{event: about},
	}
	if event == addressEvent {
		claims["rules_version"] = p.version
	}
	header := object{"typ": "secevent+jwt"}
	if change != nil {
		change(header, claims)
	}
	return p.signs(append(signer, p.signer)[0], header, claims)
}

const (
	wipeEvent    = "urn:countersign:mobile:wipe"
	addressEvent = "urn:countersign:mobile:address"
)

func (p *appPlay) wipe(change func(header, claims object)) string {
	GinkgoHelper()
	return p.message(wipeEvent, object{}, change)
}

// move is an address message.
func (p *appPlay) move(to string) string {
	GinkgoHelper()
	return p.moveOf("crm", to)
}

// moveOf is the same for any system.
func (p *appPlay) moveOf(systemID, to string) string {
	GinkgoHelper()
	return p.message(addressEvent, object{"system_id": systemID, "address": to}, nil)
}

// push gives the status and error of the answer to a message.
func (p *appPlay) push(message string) string {
	GinkgoHelper()
	a := p.ask(http.MethodPost, "/notification", "application/secevent+jwt", message)
	if a.body == "" {
		return fmt.Sprint(a.status)
	}
	return fmt.Sprintf("%d %s", a.status, a.text("error"))
}
