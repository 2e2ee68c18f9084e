package mobile_test

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/mobile"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/sim"
)

// environment makes a host of a world the surroundings of an actor.
func environment(h *sim.Host, guards guard.Set) actors.Env {
	return actors.Env{
		Clock: h.Clock(), Entropy: h.Entropy, HTTP: h.Client(), Within: h.ClientWithin, Go: h.Go, Guards: guards,
		Store: h.Durable("store", func() any { return &store.Memory{} }).(store.Store),
	}
}

// systemPlay is a world with one business system, and an authorization server that does what the spec says.
type systemPlay struct {
	world   *sim.World
	harness *sim.Host
	phone   *phone

	keys     []token.Key
	kept     int               // cache_lifetime of the keys
	shared   map[string]object // the records, by token_id
	away     bool              // answers 500 where it shares
	silence  time.Duration     // before it answers where it shares
	keyless  bool              // names no sealing_keys_endpoint
	issuer   string            // in its metadata
	base     string            // of its endpoints
	noKeys   bool              // answers 500 where the keys are
	spoil    func(object)      // changes a record
	asked    []*http.Request   // where it shares
	readings int               // of the keys
	made     int
}

func newSystemPlay(guards guard.Set) *systemPlay {
	p := &systemPlay{
		world: sim.New(sim.Config{Link: sim.Link{Delay: 2 * time.Millisecond}}), phone: alicesPhone(),
		keys: []token.Key{sealingKey("crm")}, kept: 60, shared: map[string]object{}, issuer: issuer, base: issuer,
	}
	p.world.Host("as.example", func(h *sim.Host) http.Handler { return p.authorizationServer(h) })
	p.world.Host("crm.example", func(h *sim.Host) http.Handler {
		return (&mobile.BusinessSystem{
			Env: environment(h, guards), BaseURL: "https://crm.example", SystemID: "crm", Issuer: issuer, Secret: "crm-secret", Key: sealingKey("crm"),
		}).Handler()
	})
	p.harness = p.world.Host("harness.example", nil)
	return p
}

func (p *systemPlay) authorizationServer(h *sim.Host) http.Handler {
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, status int, body object) {
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	mux.HandleFunc("/.well-known/mobile-access", func(w http.ResponseWriter, _ *http.Request) {
		document := object{"profile": "mobile@1", "issuer": p.issuer, "shared_token_endpoint": p.base + "/shared-token"}
		if !p.keyless {
			document["sealing_keys_endpoint"] = p.base + "/sealing-keys"
		}
		reply(w, http.StatusOK, document)
	})
	mux.HandleFunc("/sealing-keys", func(w http.ResponseWriter, r *http.Request) {
		p.readings++
		p.asked = append(p.asked, r)
		if p.noKeys {
			reply(w, http.StatusInternalServerError, object{"error": "server_error", "error_description": "no keys"})
			return
		}
		keys := []object{}
		for _, k := range p.keys {
			keys = append(keys, object{"kty": "oct", "kid": k.ID, "alg": "A256GCM", "use": "enc", "k": base64.RawURLEncoding.EncodeToString(k.Secret)})
		}
		reply(w, http.StatusOK, object{"keys": keys, "cache_lifetime": p.kept})
	})
	mux.HandleFunc("/shared-token", func(w http.ResponseWriter, r *http.Request) {
		p.asked = append(p.asked, r)
		var body struct {
			ID string `json:"token_id"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		h.Clock().Sleep(p.silence)
		record, there := p.shared[body.ID]
		switch {
		case p.away:
			reply(w, http.StatusInternalServerError, object{"error": "server_error", "error_description": "away"})
		case !there:
			reply(w, http.StatusNotFound, object{"error": "invalid_token", "error_description": "not shared"})
		default:
			reply(w, http.StatusOK, record)
		}
	})
	return mux
}

// downloads counts the requests so far for shared tokens.
func (p *systemPlay) downloads() (count int) {
	for _, r := range p.asked {
		if r.URL.Path == "/shared-token" {
			count++
		}
	}
	return count
}

func (p *systemPlay) run(script func()) {
	GinkgoHelper()
	p.harness.Go("script", func() {
		defer GinkgoRecover()
		script()
	})
	err := p.world.Run()
	p.world.Close()
	Expect(err).NotTo(HaveOccurred())
}

func (p *systemPlay) sleep(d time.Duration) { p.harness.Clock().Sleep(d) }

// sealed makes a token for the phone, changed before it is sealed, and shares it as it was before the change.
func (p *systemPlay) sealed(change func(header, claims object)) string {
	GinkgoHelper()
	p.made++
	now := p.harness.Clock().Now().Unix()
	id, secret := fmt.Sprintf("token-identifier-%d", p.made), fmt.Sprintf("token-%d", p.made)
	cnf := object{"jkt": p.phone.key.Thumbprint()}
	header := object{"typ": "sealed+jwt", "aud": "crm", "cnf": cnf}
	claims := object{
		"iss": issuer, "aud": "crm", "sub": p.phone.username, "appid": "field-sales", "deviceid": p.phone.id, "cnf": cnf,
		"jti": id, "token": secret, "iat": now, "exp": now + 300,
	}
	p.shared[id] = object{
		"token_id": id, "token": secret, "username": p.phone.username, "appid": "field-sales", "deviceid": p.phone.id,
		"jkt": p.phone.key.Thumbprint(), "expires_in": 300, "cache_lifetime": 0,
	}
	key := p.keys[0]
	if change != nil {
		change(header, claims)
		if secret, other := claims["sealed under"].(token.Key); other {
			key = secret
			delete(claims, "sealed under")
		}
	}
	plaintext, err := json.Marshal(claims)
	Expect(err).NotTo(HaveOccurred())
	compact, err := token.Seal(p.harness.Entropy("nonces"), key, header, plaintext)
	Expect(err).NotTo(HaveOccurred())
	return compact
}

// compressed is a token whose claims are compressed (RFC 7516 section 4.1.3).
func (p *systemPlay) compressed() string {
	header, plaintext := p.contents()
	var small bytes.Buffer
	w, err := flate.NewWriter(&small, flate.BestCompression)
	Expect(err).NotTo(HaveOccurred())
	_, err = w.Write(plaintext)
	Expect(err).NotTo(HaveOccurred())
	Expect(w.Close()).To(Succeed())
	header["zip"] = "DEF"
	compact, err := token.Seal(p.harness.Entropy("nonces"), p.keys[0], header, small.Bytes())
	Expect(err).NotTo(HaveOccurred())
	return compact
}

// wrapped is a token whose content key is wrapped in the sealing key.
func (p *systemPlay) wrapped() string {
	header, plaintext := p.contents()
	options := &jose.EncrypterOptions{}
	for _, name := range []string{"aud", "cnf", "typ"} {
		options = options.WithHeader(jose.HeaderKey(name), header[name])
	}
	sealer, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.A256GCMKW, Key: p.keys[0].Secret, KeyID: p.keys[0].ID}, options)
	Expect(err).NotTo(HaveOccurred())
	sealed, err := sealer.Encrypt(plaintext)
	Expect(err).NotTo(HaveOccurred())
	compact, err := sealed.CompactSerialize()
	Expect(err).NotTo(HaveOccurred())
	return compact
}

// mislabelled is a token that says of itself that it is sealed in another way than it is.
func (p *systemPlay) mislabelled() string {
	header, plaintext := p.contents()
	header["alg"], header["enc"], header["kid"] = "A256KW", "A128GCM", p.keys[0].ID
	raw, err := json.Marshal(header)
	Expect(err).NotTo(HaveOccurred())
	return p.spelled(string(raw), string(plaintext))
}

// spelled is a token of that header and those claims, letter by letter.
func (p *systemPlay) spelled(header, claims string) string {
	block, err := aes.NewCipher(p.keys[0].Secret)
	Expect(err).NotTo(HaveOccurred())
	gcm, err := cipher.NewGCM(block)
	Expect(err).NotTo(HaveOccurred())
	encode, nonce := base64.RawURLEncoding.EncodeToString, make([]byte, 12)
	protected := encode([]byte(header))
	sealed := gcm.Seal(nil, nonce, []byte(claims), []byte(protected))
	cut := len(sealed) - 16
	return protected + ".." + encode(nonce) + "." + encode(sealed[:cut]) + "." + encode(sealed[cut:])
}

// contents are header and claims of a right token that is shared.
func (p *systemPlay) contents() (header object, plaintext []byte) {
	GinkgoHelper()
	p.sealed(func(h, claims object) {
		header = object{"typ": h["typ"], "aud": h["aud"], "cnf": h["cnf"]}
		var err error
		plaintext, err = json.Marshal(claims)
		Expect(err).NotTo(HaveOccurred())
	})
	return header, plaintext
}

// last is the record of the token made last.
func (p *systemPlay) last() object { return p.shared[fmt.Sprintf("token-identifier-%d", p.made)] }

// showing is a resource request.
type showing struct {
	method        string
	authorization string // empty: DPoP with the token
	query         string
	unproved      bool
	by            *token.Signer // holds the key in the proof; nil: the phone
	signedBy      *token.Signer // signs the proof in its place
	change        func(claims object)
	spell         func(claims string) string // letter by letter
	proof         string                     // in the place of a proof
}

// proof makes a proof for the access token.
func (p *systemPlay) proof(access string, s showing) string {
	GinkgoHelper()
	p.made++
	holder := p.phone.key
	if s.by != nil {
		holder = *s.by
	}
	claims := object{"jti": fmt.Sprintf("proof-identifier-%d", p.made), "htm": s.method, "htu": crmAddress, "iat": p.harness.Clock().Now().Unix(), "ath": hashOf(access)}
	if s.change != nil {
		s.change(claims)
	}
	payload, err := json.Marshal(claims)
	Expect(err).NotTo(HaveOccurred())
	if s.spell != nil {
		payload = []byte(s.spell(string(payload)))
	}
	signer := holder
	if s.signedBy != nil {
		signer = *s.signedBy
	}
	compact, err := signer.Sign(object{"typ": "dpop+jwt", "jwk": holder.JWK()}, payload)
	Expect(err).NotTo(HaveOccurred())
	return compact
}

// shows sends a resource request with the access token.
func (p *systemPlay) shows(access string, s showing) answer {
	GinkgoHelper()
	if s.method == "" {
		s.method = http.MethodGet
	}
	r, err := http.NewRequest(s.method, crmAddress+s.query, bytes.NewReader(nil))
	Expect(err).NotTo(HaveOccurred())
	switch s.authorization {
	case "":
		r.Header.Set("Authorization", "DPoP "+access)
	case "none":
	default:
		r.Header.Set("Authorization", s.authorization)
	}
	switch {
	case s.proof != "":
		r.Header.Set("DPoP", s.proof)
	case !s.unproved:
		r.Header.Set("DPoP", p.proof(access, s))
	}
	response, err := p.harness.Client().Do(r)
	Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer{response.StatusCode, response.Header, string(text)}
}

// said is an answer in short: its status, and its error or owner.
func (a answer) said() string {
	GinkgoHelper()
	return strings.TrimSpace(fmt.Sprintf("%d %s%s", a.status, a.text("error"), a.text("owner")))
}

// flipped is a compact token with the last bit of one of its parts changed.
func flipped(compact string, part int) string {
	split := strings.Split(compact, ".")
	raw, err := base64.RawURLEncoding.DecodeString(split[part])
	Expect(err).NotTo(HaveOccurred())
	raw[len(raw)-1] ^= 1
	split[part] = base64.RawURLEncoding.EncodeToString(raw)
	return strings.Join(split, ".")
}
