package play

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"countersign/actors/offline"
	setups "countersign/conformance/offline"
)

// office is the service server that the harness plays for a device or a handset under load. It takes every application, and judges countersigns.
type office struct {
	setup     *setups.Setup
	wellKnown string
	issuer    string
	signer    offline.Signer
	seal      []byte // the private seal key
	handsets  []carried

	mu       sync.Mutex
	random   lots
	informed map[string]offline.Information // by serial, until it is judged
	password []byte                         // the password key that was set last
	trouble
	// relays, if set, says whether a message is the one that was to be relayed; it is called with the lock held.
	relays func(serial string, message []byte) bool
	// doubts, if set, says of a serial that its countersign is to be judged false.
	doubts func(serial string) bool
}

// newOffice makes a service server that does not answer yet.
func newOffice(scene *Scene, setup *setups.Setup) (*office, error) {
	o := &office{setup: setup, wellKnown: scene.Flow.WellKnown, issuer: strings.TrimSuffix(setup.Issuer, "/"), random: newLots(), informed: map[string]offline.Information{}}
	var err error
	if o.signer, err = harnessSigner(setup); err != nil {
		return nil, err
	}
	if o.seal, err = setup.SealKeys[0].Bytes(); err != nil {
		return nil, &SceneError{err.Error()}
	}
	if o.handsets, err = handsets(setup); err != nil {
		return nil, err
	}
	return o, nil
}

// open has the service server answer.
func (o *office) open(scene *Scene) error {
	if err := scene.Env.Play("service-server", o); err != nil {
		return &SceneError{"the harness cannot play the service server: " + err.Error()}
	}
	return nil
}

// ServeHTTP plays the service server: sections 3 and 5 of the profile.
func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, o.wellKnown) {
		answer(w, http.StatusOK, o.document())
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<10))
	if err != nil {
		return // who asked has gone
	}
	handle := map[string]func(http.ResponseWriter, []byte){"application": o.apply, "verification": o.verify, "password": o.set}[path.Base(r.URL.Path)]
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case handle == nil:
		o.refuse(w, http.StatusNotFound, "not_found", "a request to "+r.URL.Path)
	case path.Base(r.URL.Path) != "password" && !o.knows(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="offline"`)
		o.refuse(w, http.StatusUnauthorized, "invalid_client", "a request without the device's credentials")
	case kind != asCBOR && kind != "application/cose" && kind != asJSON:
		o.refuse(w, http.StatusUnsupportedMediaType, "invalid_request", fmt.Sprintf("a request of type %q", kind))
	default:
		handle(w, body)
	}
}

// refuse answers, and keeps in mind what should not have come.
func (o *office) refuse(w http.ResponseWriter, status int, code, what string) {
	o.trouble.note(what)
	answer(w, status, map[string]any{"error": code, "error_description": "This should not have been sent: " + what + "."})
}

func (o *office) knows(r *http.Request) bool {
	id, secret, _ := r.BasicAuth()
	return id == o.setup.Devices[0].ID && secret == o.setup.Devices[0].Secret
}

func (o *office) document() map[string]any {
	return map[string]any{
		"profile": offline.Profile, "issuer": o.issuer, "application_endpoint": o.issuer + "/application", "verification_endpoint": o.issuer + "/verification",
		"password_endpoint": o.issuer + "/password", "challenge_lifetime": 60,
		"keys": []any{map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(o.signer.Public()), "kid": o.signer.ID, "use": "sig"}},
	}
}

// apply is section 5.1.
func (o *office) apply(w http.ResponseWriter, body []byte) {
	asked, err := offline.ParseApplication(body, offline.Leniency{})
	if err != nil || o.relays != nil && !o.expected(asked.Serial, body) {
		o.refuse(w, http.StatusBadRequest, "invalid_request", "an application that is malformed, or other than the handset's")
		return
	}
	signed, err := o.inform(asked)
	send(w, signed, err)
}

func (o *office) expected(serial, message []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.relays(string(serial), message)
}

// inform makes information, signed, at the level that the amount asks for.
func (o *office) inform(asked offline.Application) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := uint64(time.Now().Unix())
	in := offline.Information{Application: asked, Level: 1, Challenge: o.random.bytes(32), IssuedAt: now, ExpiresAt: now + 60, Issuer: o.issuer}
	if asked.Amount >= o.setup.Services[0].Threshold {
		public, err := offline.SealPublic(o.seal)
		if err != nil {
			return nil, err
		}
		in.Level, in.SealKey = 2, public
	}
	o.informed[string(asked.Serial)] = in
	payload, err := in.Fields().Encode()
	if err != nil {
		return nil, err
	}
	return o.signer.Sign(offline.DomainInformation, payload)
}

// forget takes an application that nobody will countersign any more.
func (o *office) forget(serial []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.informed, string(serial))
}

// verify is section 5.2.
func (o *office) verify(w http.ResponseWriter, body []byte) {
	result, serial, err := o.judge(body)
	if err != nil {
		o.refuse(w, http.StatusBadRequest, "invalid_request", "a countersign that is malformed: "+err.Error())
		return
	}
	if o.relays != nil && !o.expected(serial, body) {
		o.refuse(w, http.StatusBadRequest, "invalid_request", "a countersign other than the handset's")
		return
	}
	send(w, result, nil)
}

// judge makes the result of a countersign, signed. The error says why there is none.
func (o *office) judge(body []byte) (signed, serial []byte, err error) {
	e, err := offline.ParseEnvelope(body, offline.Leniency{})
	if err != nil {
		return nil, nil, err
	}
	says, err := offline.ParseCountersign(e.Payload, offline.Leniency{})
	if err != nil {
		return nil, nil, err
	}
	o.mu.Lock()
	in, known := o.informed[string(says.Serial)]
	delete(o.informed, string(says.Serial))
	key, doubted := o.password, o.doubts != nil && o.doubts(string(says.Serial))
	o.mu.Unlock()
	if !known {
		return nil, nil, fmt.Errorf("its serial is unknown, or was judged before")
	}
	result := offline.Result{Application: in.Application, Level: in.Level, Challenge: in.Challenge, IssuedAt: uint64(time.Now().Unix()), Issuer: in.Issuer}
	result.Verified = !doubted && o.holds(body, says, in, key)
	payload, err := result.Fields().Encode()
	if err != nil {
		return nil, nil, err
	}
	signed, err = o.signer.Sign(offline.DomainResult, payload)
	return signed, says.Serial, err
}

// holds reports whether a countersign is the handset's, of the information, with the proof that its level asks for.
func (o *office) holds(message []byte, says offline.Countersign, in offline.Information, key []byte) bool {
	validator := offline.Validator{Now: now, Key: func(id string) (public ed25519.PublicKey, there bool) {
		for _, h := range o.handsets {
			if h.ID == id {
				return h.signer.Public(), true
			}
		}
		return nil, false
	}}
	if _, err := validator.Validate(message, &in); err != nil {
		return false
	}
	bound, err := says.Bound()
	if err != nil {
		return false
	}
	if in.Level == 1 {
		return says.Proof == nil && says.SealedProof == nil
	}
	proof, err := offline.OpenProof(o.seal, says.SealedProof, offline.Seal(bound))
	return err == nil && key != nil && hmac.Equal(proof, offline.Proof(key, bound))
}

// set is section 5.3.
func (o *office) set(w http.ResponseWriter, body []byte) {
	var asked struct {
		Account         string `json:"account"`
		AccountPassword string `json:"account_password"`
		Handset         string `json:"handset"`
		PasswordKey     string `json:"password_key"`
	}
	err := json.NewDecoder(bytes.NewReader(body)).Decode(&asked)
	key, bad := base64.RawURLEncoding.Strict().DecodeString(asked.PasswordKey)
	if own := o.setup.Handsets[0]; err != nil || bad != nil || len(key) != offline.PasswordKeySize || asked.Account != own.Account || asked.AccountPassword != own.AccountPassword || asked.Handset != own.ID {
		o.refuse(w, http.StatusForbidden, "access_denied", "the setting of a password that is malformed, or of another account")
		return
	}
	o.mu.Lock()
	o.password = key
	o.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// send answers with an envelope.
func send(w http.ResponseWriter, signed []byte, err error) {
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", asEnvelope)
	_, _ = w.Write(signed) // to a connection that is gone there is nothing to say
}
