package offline

import (
	"crypto/ed25519"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/judge"
)

// server is the service server that the harness plays, for a device or a handset under test. It answers as the profile says, and records what it is asked.
// It does not insist on what level hardened alone asks of others: a check that wants that looks at the record.
type server struct {
	judge.Parties[received, fault]
	t      *test
	base   string
	signer signer

	// The lock guards what follows.
	mint judge.Mint
	// informed is the information of each serial, by it.
	informed map[string]fields
	// passwordKey is what was set last.
	passwordKey []byte
}

// fault is what the server does at one endpoint otherwise than the profile says.
type fault struct {
	endpoint string
	// serial limits it to messages about that serial; empty: all.
	serial string
	// times is how many requests meet it; 0 means all.
	times int
	// during happens while the request waits for its answer.
	during func()
	// answer changes what is answered.
	answer func(received, serverAnswer) serverAnswer
}

// received is one request to the server, as it judged it.
type received struct {
	endpoint  string // the path without the slash: application, verification and so on
	line      string // method and URL
	mediaType string
	body      []byte
	// message is what the body says, nil where it cannot be read; of a countersign, its payload.
	message fields
	// members are those of a JSON body.
	members judge.Members
	// device and secret are the credentials; credentials reports whether there are any.
	device, secret string
	credentials    bool
	// exchange is its number in the report.
	exchange int
	// answer is what was answered, zero while nothing was.
	answer serverAnswer
}

// serverAnswer is an answer of the server.
type serverAnswer struct {
	status    int
	mediaType string
	body      []byte
	// lost breaks the connection when everything is done but the answer.
	lost bool
}

func newServer(t *test) *server {
	s := &server{t: t, base: strings.TrimSuffix(t.Issuer, "/"), signer: t.signer(t.ServerKey.KeyID, t.ServerKey.Key), mint: judge.Mint{Seed: t.random(32)}, informed: map[string]fields{}}
	t.Play("service-server", s)
	return s
}

// misbehave adds a fault; it ends by itself where it has times, and otherwise with Behave.
func (s *server) misbehave(f fault) { s.Misbehave(f, f.times) }

// meet gives the fault that a request meets; one of nothing for none.
func (s *server) meet(r received) fault {
	return s.Meet(func(f fault) bool {
		return f.endpoint == r.endpoint && (f.serial == "" || f.serial == r.message.serial())
	})
}

// about are the requests to an endpoint about a serial.
func (s *server) about(endpoint, serial string) []received {
	return slices.DeleteFunc(s.Since(0), func(r received) bool { return r.endpoint != endpoint || r.message.serial() != serial })
}

// ServeHTTP records a request, lets happen what the fault wants to happen meanwhile, and answers.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := read(r)
	s.Take(&rec)
	f := s.meet(rec)
	if f.during != nil {
		f.during()
	}
	a := s.answer(rec, r.Method)
	if f.answer != nil {
		a = f.answer(rec, a)
	}
	s.Lock()
	rec.answer = a
	s.Unlock()
	if a.lost {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", a.mediaType)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // who asked has gone when it cannot be written
}

// read takes a request apart.
func read(r *http.Request) received {
	rec := received{endpoint: strings.TrimPrefix(r.URL.Path, "/"), line: r.Method + " " + r.URL.RequestURI(), exchange: conformance.ExchangeOf(r)}
	rec.device, rec.secret, rec.credentials = r.BasicAuth()
	rec.mediaType, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type")) // empty where it cannot be read
	rec.body, _ = io.ReadAll(r.Body)                                        // the session has read it whole
	switch rec.endpoint {
	case "application":
		rec.message, _ = peekMessage(rec.body)
	case "verification":
		rec.message, _ = peekPayload(rec.body)
	case "password":
		_ = json.Unmarshal(rec.body, &rec.members) // no members where it cannot be read
	}
	return rec
}

// peekPayload reads what an envelope says, whoever signed it.
func peekPayload(data []byte) (fields, error) {
	e, err := openEnvelope(data)
	if err != nil {
		return nil, err
	}
	return peekMessage(e.payload)
}

// enveloped answers 200 with an envelope, or what is to be taken for one.
func enveloped(body []byte) serverAnswer {
	return serverAnswer{status: http.StatusOK, mediaType: countersignType, body: body}
}

// decline refuses a request.
func decline(status int, code, description string) serverAnswer {
	return jsonAnswer(status, judge.Members{"error": code, "error_description": description})
}

func jsonAnswer(status int, body judge.Members) serverAnswer {
	return serverAnswer{status: status, mediaType: "application/json", body: must(json.Marshal(body))}
}

// answer finds the endpoint and lets it answer.
func (s *server) answer(r received, method string) serverAnswer {
	wanted, handle := http.MethodPost, map[string]func(received) serverAnswer{
		"application": s.application, "verification": s.verification, "password": s.password,
	}[r.endpoint]
	if "/"+r.endpoint == wellKnown {
		wanted, handle = http.MethodGet, s.metadata
	}
	switch {
	case handle == nil:
		return decline(http.StatusNotFound, "not_found", "The harness server has no such endpoint.")
	case method != wanted:
		return decline(http.StatusMethodNotAllowed, "method_not_allowed", "The method is "+method+".")
	}
	return handle(r)
}

// document is section 3 of the profile, with the endpoints below a path.
func (s *server) document(issuer, below string) judge.Members {
	return judge.Members{
		"profile": "offline@1", "issuer": issuer, "challenge_lifetime": challengeLifetime,
		"application_endpoint": s.base + below + "/application", "verification_endpoint": s.base + below + "/verification", "password_endpoint": s.base + below + "/password",
		"keys": []judge.Members{{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(s.signer.public()), "kid": s.signer.id, "use": "sig"}},
	}
}

func (s *server) metadata(received) serverAnswer {
	return jsonAnswer(http.StatusOK, s.document(s.t.Issuer, ""))
}

// application is section 5.1.
func (s *server) application(r received) serverAnswer {
	asked, err := readMessage(r.body, typeApplication)
	switch {
	case r.mediaType != applicationType:
		return decline(http.StatusUnsupportedMediaType, "invalid_request", "The media type is not application/cbor.")
	case err != nil:
		return decline(http.StatusBadRequest, "invalid_request", "The application is malformed: "+err.Error()+".")
	case !slices.ContainsFunc(s.t.Handsets, func(h HandsetSetup) bool { return h.ID == asked.text(keyHandset) }):
		return decline(http.StatusForbidden, "unknown_handset", "The handset is not enrolled.")
	case !slices.ContainsFunc(s.t.Services, func(o ServiceSetup) bool { return o.ID == asked.text(keyService) }):
		return decline(http.StatusBadRequest, "unknown_service", "There is no such service.")
	}
	s.Lock()
	_, known := s.informed[asked.serial()]
	s.Unlock()
	if known {
		return decline(http.StatusConflict, "serial_used", "The serial is known.")
	}
	return enveloped(s.sign(domainInformation, s.inform(asked)))
}

func (s *server) sign(domain string, f fields) []byte { return s.signer.sign(domain, f) }

const challengeLifetime = 60 // seconds

// inform makes the information for an application, at the level that its service asks for.
func (s *server) inform(asked fields) fields {
	s.Lock()
	defer s.Unlock()
	now := uint64(s.t.Env.Now().Unix())
	i := slices.IndexFunc(s.t.Services, func(o ServiceSetup) bool { return o.ID == asked.text(keyService) })
	var sealKey []byte
	if i >= 0 && asked.number(keyAmount) >= s.t.Services[i].Threshold {
		sealKey = s.sealKey(len(s.informed) % len(s.t.SealKeys))
	}
	information := newInformation(asked, s.mint.Next(32), now, now+challengeLifetime, s.t.Issuer, sealKey)
	s.informed[asked.serial()] = information
	return information
}

// sealKey is the public half of one of the seal keys.
func (s *server) sealKey(i int) []byte {
	return must(sealPublic(must(s.t.SealKeys[i].Bytes())))
}

// unsealed gives the proof in a countersign at level 2, and reports whether it was sealed. The error says that it could not be opened, or is not there.
func (s *server) unsealed(says fields) (proof []byte, sealed bool, err error) {
	if bare := says.bytes(keyProof); bare != nil {
		return bare, false, nil
	}
	for i, key := range s.t.SealKeys {
		if string(s.sealKey(i)) == string(says.bytes(keySealKey)) {
			proof, err = openSealed(must(key.Bytes()), says.bytes(keySealedProof), sealInfo(bound(says)))
			return proof, true, err
		}
	}
	return nil, true, fmt.Errorf("its seal_key is none of the server's")
}

// verification is section 5.2.
func (s *server) verification(r received) serverAnswer {
	if r.mediaType != envelopeType {
		return decline(http.StatusUnsupportedMediaType, "invalid_request", "The media type is not application/cose.")
	}
	e, err := openEnvelope(r.body)
	if err != nil || r.message == nil {
		return decline(http.StatusBadRequest, "invalid_request", "The countersign is malformed.")
	}
	result, known := s.judge(e, r.message)
	if !known {
		return decline(http.StatusNotFound, "unknown_serial", "The serial is unknown.")
	}
	return enveloped(s.sign(domainResult, result))
}

// judge makes the result of a countersign; known is false where nobody applied with its serial.
func (s *server) judge(e envelope, says fields) (result fields, known bool) {
	s.Lock()
	information, known := s.informed[says.serial()]
	key := s.passwordKey
	s.Unlock()
	if !known {
		return nil, false
	}
	verified := e.holds(domainCountersign, s.handsetKey(information.text(keyHandset))) &&
		string(bound(says)) == string(newCountersign(information).encode()) && s.proves(says, key)
	return newResult(information, uint64(s.t.Env.Now().Unix()), verified), true
}

// proves reports whether a countersign has the proof that its level asks for.
func (s *server) proves(says fields, key []byte) bool {
	if says.number(keyLevel) == 1 {
		return says[keyProof] == nil && says[keySealedProof] == nil
	}
	proof, _, err := s.unsealed(says)
	return err == nil && key != nil && hmac.Equal(proof, proofFor(key, bound(says)))
}

// handsetKey is the public key of a handset of the setup; nil for any other.
func (s *server) handsetKey(id string) ed25519.PublicKey {
	for _, h := range s.t.Handsets {
		if h.ID == id {
			return must(h.Key.Ed25519()).Public().(ed25519.PublicKey)
		}
	}
	return nil
}

// password is section 5.3.
func (s *server) password(r received) serverAnswer {
	text, _ := r.members["password_key"].(string)
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	switch own := s.t.Handsets[0]; {
	case r.mediaType != "application/json":
		return decline(http.StatusUnsupportedMediaType, "invalid_request", "The media type is not application/json.")
	case err != nil || len(key) != 32:
		return decline(http.StatusBadRequest, "invalid_request", "The password_key is not 32 bytes in base64url without padding.")
	case r.members["account"] != own.Account || r.members["account_password"] != own.AccountPassword || r.members["handset"] != own.ID:
		return decline(http.StatusForbidden, "access_denied", "The account, its password or its handset is wrong.")
	}
	s.Lock()
	defer s.Unlock()
	s.passwordKey = key
	return serverAnswer{status: http.StatusNoContent, mediaType: "application/json"}
}
