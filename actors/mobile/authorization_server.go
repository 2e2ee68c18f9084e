package mobile

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"countersign/actors"
	"countersign/actors/password"
	"countersign/actors/secret"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// AuthorizationServer registers devices, gives tokens by rules, shares them with business systems, and wipes devices that are lost (profile section 4).
type AuthorizationServer struct {
	actors.Env
	Issuer         string // the URL under which it lies, without a trailing slash; a path is allowed
	Administrators []Administrator
	Systems        []System
	Users          []User
	// Passwords is the work that one password costs.
	Passwords password.Cost

	// Rules are those of the first start. Later ones come over the wire, by Reload or from RulesFile, and are kept.
	Rules Rules
	// RulesFile reads a file of rules, in JSON or YAML. When set, it is read at the start and watched, and what is new in it is activated.
	RulesFile func() ([]byte, error)
	// RulesFileRefused hears why the file was not read or its content not activated. Nil: nobody does.
	RulesFileRefused func(error)

	// Signer signs addresses and messages. Without a key the server makes one at its first start and keeps it.
	Signer token.Signer

	AccessTokenLifetime time.Duration // zero: 5 minutes; 10 at most
	CacheLifetime       time.Duration // how long a business system may use a download again; zero: 5 seconds; 30 at most

	// TestClock moves the server's clock forward and gives the new time. When set, the test clock endpoint of profile section 9 is
	// served: never in production.
	TestClock func(time.Duration) time.Time

	accounts map[string]password.Hash // by user name
	ready    atomic.Pointer[edition]  // the rules that were read last
	begun    *edition                 // the rules that it started with
}

// Administrator may change rules and rotate keys.
type Administrator struct{ Name, Password string }

// System is a business system as the authorization server knows it.
type System struct {
	ID, Secret string
	// Key is the first sealing key, as the system has it. Rotation makes others.
	Key token.Key
}

// User is a person with a password.
type User struct{ Name, Password string }

const (
	pathRegistration   = "/registration"
	pathAuthentication = "/authentication"
	pathDeregistration = "/deregistration"
	pathWipeAck        = "/wipe-acknowledgement"
	pathSharedToken    = "/shared-token"
	pathRules          = "/rules"
	pathRulesAudit     = "/rules/audit"
	pathSealingKeys    = "/sealing-keys"
	pathKeyRotation    = "/key-rotation"
	pathJWKS           = "/jwks"
)

// Handler opens the server and serves its endpoints. A server that cannot be opened answers everything with 500: call Open before to learn why.
func (s *AuthorizationServer) Handler() http.Handler {
	if err := s.Open(); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.refuse(w, err) })
	}
	mux := http.NewServeMux()
	base := wire.PathOf(s.Issuer)
	mux.Handle(base+pathRegistration, s.endpoint(posted(s.everybody, s.register)))
	mux.Handle(base+pathAuthentication, s.endpoint(posted(s.everybody, s.authenticate)))
	mux.Handle(base+pathDeregistration, s.endpoint(posted(s.everybody, s.deregister)))
	mux.Handle(base+pathWipeAck, s.endpoint(posted(s.everybody, s.acknowledgeWipe)))
	mux.Handle(base+pathSharedToken, s.endpoint(posted(s.downloader, s.share)))
	mux.Handle(base+pathRules, s.endpoint(leg{http.MethodGet, s.administrator, s.showRules}, leg{http.MethodPut, s.administrator, s.changeRules}))
	if s.Guards.Hardened() {
		mux.Handle(base+pathRulesAudit, s.endpoint(leg{http.MethodGet, s.administrator, s.showAudit}))
		mux.Handle(base+pathSealingKeys, s.endpoint(leg{http.MethodGet, s.keyReader, s.showSealingKeys}))
		mux.Handle(base+pathKeyRotation, s.endpoint(posted(s.administrator, s.rotateKey)))
		jwk := s.Signer.JWK()
		jwk["alg"], jwk["use"] = "ES256", "sig"
		mux.Handle(base+pathJWKS, wire.Document{Value: map[string]any{"keys": []any{jwk}}})
	}
	publish(mux, s.Issuer, s.describe(), s.TestClock)
	return mux
}

func (s *AuthorizationServer) describe() Metadata {
	m := Metadata{
		Issuer:                      s.Issuer,
		AuthenticationEndpoint:      s.Issuer + pathAuthentication,
		RegistrationEndpoint:        s.Issuer + pathRegistration,
		DeregistrationEndpoint:      s.Issuer + pathDeregistration,
		WipeAcknowledgementEndpoint: s.Issuer + pathWipeAck,
		SharedTokenEndpoint:         s.Issuer + pathSharedToken,
		RulesEndpoint:               s.Issuer + pathRules,
		AccessTokenLifetime:         int64(s.accessTokenLifetime() / time.Second),
	}
	if s.Guards.Hardened() {
		m.RulesAuditEndpoint = s.Issuer + pathRulesAudit
		m.SealingKeysEndpoint = s.Issuer + pathSealingKeys
		m.KeyRotationEndpoint = s.Issuer + pathKeyRotation
		m.JWKSURI = s.Issuer + pathJWKS
		m.ProofWindow = int64(proofWindow / time.Second)
	}
	// RFC 8414 section 3.3
	if !s.Guards.On("MO-AS-01") {
		m.Issuer += "/another"
	}
	return m
}

func (s *AuthorizationServer) accessTokenLifetime() time.Duration {
	return min(cmp.Or(s.AccessTokenLifetime, 5*time.Minute), 10*time.Minute)
}

func (s *AuthorizationServer) cacheLifetime() time.Duration {
	return min(cmp.Or(s.CacheLifetime, 5*time.Second), 30*time.Second)
}

// visit is a request with what was found out about it.
type visit struct {
	*http.Request
	caller string      // the name of the administrator or the ID of the system that asks
	header http.Header // of the answer
	body   members     // of a request that was posted
}

// leg is what happens at an endpoint under one method.
type leg struct {
	method string
	admit  func(*http.Request) (caller string, err error)
	do     func(visit) (wire.Answer, error)
}

// posted is a leg that takes a JSON object.
func posted(admit func(*http.Request) (string, error), do func(visit) (wire.Answer, error)) leg {
	return leg{http.MethodPost, admit, do}
}

// endpoint serves legs.
func (s *AuthorizationServer) endpoint(legs ...leg) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := slices.IndexFunc(legs, func(l leg) bool { return l.method == r.Method })
		if i < 0 {
			var allowed []string
			for _, l := range legs {
				allowed = append(allowed, l.method)
			}
			w.Header().Set("Allow", strings.Join(allowed, ", ")) // RFC 9110 section 15.5.6
			s.refuse(w, &problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Description: "this endpoint takes " + strings.Join(allowed, " and ") + " only"})
			return
		}
		answer, err := s.visit(legs[i], visit{Request: r, header: w.Header()})
		if err != nil {
			s.refuse(w, err)
			return
		}
		// RFC 6749 section 5.1
		if s.Guards.On("MO-AS-61") {
			w.Header().Set("Cache-Control", "no-store")
		}
		answer.Write(w)
	})
}

func (s *AuthorizationServer) visit(l leg, v visit) (answer wire.Answer, err error) {
	if v.caller, err = l.admit(v.Request); err != nil {
		return answer, err
	}
	if l.method == http.MethodPost {
		text, _, err := readBody(v.Request, maxRequest, wire.JSONType)
		if err != nil {
			return answer, err
		}
		if err := s.unambiguous(text); err != nil {
			return answer, err
		}
		if v.body, err = wire.Object(text); err != nil {
			return answer, err
		}
	}
	return l.do(v)
}

// unambiguous refuses a JSON text in which a member is repeated: which one counts would be anyone's guess.
func (s *AuthorizationServer) unambiguous(text []byte) error {
	// RFC 8259 section 4; RFC 8725 section 2.4
	if s.Guards.Forbids("MO-AS-62", wire.Repeats(text)) {
		return wire.InvalidRequest("a member appears twice; send it once")
	}
	return nil
}

// refuse answers with the problem that the error is.
func (s *AuthorizationServer) refuse(w http.ResponseWriter, err error) {
	// RFC 6749 section 5.2
	if s.Guards.On("MO-AS-22") {
		wire.Reject(w, err)
		return
	}
	p := wire.ProblemOf(err)
	p.Announce(w.Header())
	wire.Answer{Status: p.Status, ContentType: "text/plain; charset=utf-8", Body: p.Error()}.Write(w)
}

func (s *AuthorizationServer) everybody(*http.Request) (string, error) { return "", nil }

// administrator admits an administrator.
func (s *AuthorizationServer) administrator(r *http.Request) (string, error) {
	name, shown, _ := r.BasicAuth()
	i := slices.IndexFunc(s.Administrators, func(a Administrator) bool { return a.Name == name })
	// closes claim 1, preset rules
	if s.Guards.Forbids("MO-AS-55", i < 0 || !secret.Same(s.Administrators[i].Password, shown)) {
		return "", invalidClient("an administrator's name and password")
	}
	return name, nil
}

// downloader admits a business system to the shared tokens.
func (s *AuthorizationServer) downloader(r *http.Request) (string, error) {
	id, right := s.askingSystem(r)
	// closes claims 2, 7; RFC 7662 section 2.1
	if s.Guards.Forbids("MO-AS-39", !right) {
		return "", invalidClient("a business system's identifier and secret")
	}
	return id, nil
}

// keyReader admits a business system to its sealing keys (profile section 4.8).
func (s *AuthorizationServer) keyReader(r *http.Request) (string, error) {
	id, right := s.askingSystem(r)
	if !right {
		return "", invalidClient("a business system's identifier and secret")
	}
	return id, nil
}

// askingSystem is the system that a request names, and whether it shows its secret (RFC 7617).
func (s *AuthorizationServer) askingSystem(r *http.Request) (id string, right bool) {
	id, shown, _ := r.BasicAuth()
	system, known := s.system(id)
	return id, known && secret.Same(system.Secret, shown)
}

func (s *AuthorizationServer) system(id string) (System, bool) {
	i := slices.IndexFunc(s.Systems, func(system System) bool { return system.ID == id })
	if i < 0 {
		return System{}, false
	}
	return s.Systems[i], true
}

func invalidClient(lacking string) *problem {
	return &problem{
		Status: http.StatusUnauthorized, Code: "invalid_client", Challenge: `Basic realm="mobile access"`,
		Description: "the request lacks " + lacking + ", or they are wrong",
	}
}

func refusedProof(err error) *problem {
	return &problem{Status: http.StatusBadRequest, Code: "invalid_dpop_proof", Description: err.Error()}
}

// proved judges the proof of a request to one of the server's endpoints (profile section 2.1). given is false when there is none; at level core none counts.
func (s *AuthorizationServer) proved(r *http.Request, path string) (p proof, given bool, err error) {
	if !s.Guards.Hardened() {
		return p, false, nil
	}
	p, err = readProof(r.Header)
	switch {
	case err == errNoProof:
		return p, false, nil
	case err != nil:
		return p, true, refusedProof(err)
	}
	now := s.Clock.Now()
	wrong := ""
	switch {
	// RFC 9449 section 4.3
	case s.Guards.Forbids("MO-AS-24", !p.genuine()):
		wrong = "the proof is not signed with ES256 by the key that it names"
	// RFC 9449 section 4.3: not what another role was shown
	case s.Guards.Forbids("MO-AS-26", !p.isFor(r.Method, s.Issuer+path)):
		wrong = "htm or htu is not that of the request"
	// RFC 9449 section 11.1
	case s.Guards.Forbids("MO-AS-27", !p.isFresh(now)):
		wrong = "iat is too far off; set the device's clock"
	}
	if wrong != "" {
		return p, true, &problem{Status: http.StatusBadRequest, Code: "invalid_dpop_proof", Description: wrong}
	}
	first := false
	err = s.Store.Update(func(tx store.Tx) (err error) {
		first, err = p.use(tx, usedProofs, now)
		return err
	})
	// RFC 9449 section 11.1: a proof counts once
	if err == nil && s.Guards.Forbids("MO-AS-28", !first) {
		err = &problem{Status: http.StatusBadRequest, Code: "invalid_dpop_proof", Description: "this proof was used before; make a new one for every request"}
	}
	return p, true, err
}
