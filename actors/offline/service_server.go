package offline

import (
	"cmp"
	"crypto/ed25519"
	"net/http"
	"slices"
	"time"

	"countersign/actors"
	"countersign/actors/password"
	"countersign/actors/secret"
	"countersign/actors/wire"
)

// ServiceServer makes information of applications, judges countersigns, and keeps what it has of the offline
// authorization passwords (profile section 5).
type ServiceServer struct {
	actors.Env
	Issuer string // the URL under which it lies, without a trailing slash; a path is allowed
	// Signer signs information and results; its ID is the kid that devices and handsets pin.
	Signer   Signer
	Devices  []Device
	Handsets []EnrolledHandset
	Accounts []Account
	Services []Service
	// Passwords is the work that one account password costs.
	Passwords password.Cost
	// ChallengeLifetime is how long information may be countersigned, in whole seconds up to 120. Zero: 60 seconds.
	ChallengeLifetime time.Duration

	// TestClock moves the server's clock forward and gives the new time. When set, the test clock endpoint of profile section 9 is
	// served: never in production.
	TestClock func(time.Duration) time.Time
}

// Device is a verification device as the server knows it.
type Device struct {
	ID     string
	Secret string // shared with the device
}

// EnrolledHandset is a handset as the server knows it.
type EnrolledHandset struct {
	ID      string
	Account string // the name of its owner's account
	Key     ed25519.PublicKey
}

// Account is an account at the server.
type Account struct {
	Name     string
	Password password.Hash // not the offline one
}

// Service is what can be applied for.
type Service struct {
	ID string
	// Threshold is the amount from which on level 2 is asked for, in the smallest unit of the currency; zero asks for it always.
	Threshold uint64
}

const (
	pathApplication  = "/application"
	pathVerification = "/verification"
	pathPassword     = "/password"
)

// Handler serves the server's endpoints.
func (s *ServiceServer) Handler() http.Handler {
	mux := http.NewServeMux()
	base := wire.PathOf(s.Issuer)
	mux.Handle(base+pathApplication, s.endpoint(s.apply))
	mux.Handle(base+pathVerification, s.endpoint(s.verify))
	mux.Handle(base+pathPassword, s.endpoint(s.setPassword))
	publish(mux, s.Issuer, s.describe(), s.TestClock)
	return mux
}

func (s *ServiceServer) describe() Metadata {
	m := Metadata{
		Issuer:               s.Issuer,
		ApplicationEndpoint:  s.Issuer + pathApplication,
		VerificationEndpoint: s.Issuer + pathVerification,
		PasswordEndpoint:     s.Issuer + pathPassword,
		ChallengeLifetime:    s.challengeLifetime(),
		Keys:                 []JWK{jwk(s.Signer.ID, s.Signer.Public())},
	}
	// RFC 8414 section 3.3
	if !s.Guards.On("OF-SS-01") {
		m.Issuer += "/another"
	}
	return m
}

// challengeLifetime is in seconds, within the bounds of the metadata (profile section 3).
func (s *ServiceServer) challengeLifetime() int64 {
	return min(120, max(1, int64(cmp.Or(s.ChallengeLifetime, time.Minute)/time.Second)))
}

// now is the time in seconds since 1970.
func (s *ServiceServer) now() uint64 { return uint64(s.Clock.Now().Unix()) }

// leg is what happens at an endpoint.
type leg func(*http.Request) (wire.Answer, error)

// endpoint serves a leg that is called with POST.
func (s *ServiceServer) endpoint(do leg) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			wire.WrongMethod(w, http.MethodPost)
			return
		}
		answer, err := do(r)
		if err != nil {
			s.refuse(w, err)
			return
		}
		// RFC 9111 section 5.2.2.5
		if answer.Status == http.StatusOK && s.Guards.On("OF-SS-53") {
			w.Header().Set("Cache-Control", "no-store")
		}
		answer.Write(w)
	})
}

// refuse says no in a form that programs read.
func (s *ServiceServer) refuse(w http.ResponseWriter, err error) {
	// RFC 6749 section 5.2
	if s.Guards.On("OF-SS-23") {
		refuse(w, err)
		return
	}
	p := asProblem(err)
	wire.Answer{Status: p.Status, ContentType: "text/plain; charset=utf-8", Body: p.Description}.Write(w)
}

// message reads a message that a device sends (profile section 5).
func (s *ServiceServer) message(r *http.Request, mediaType string) ([]byte, error) {
	// RFC 9110 sections 15.5.14 and 15.5.16
	if !s.Guards.On("OF-SS-54") {
		return wire.ReadBody(r.Body, wire.MaxBody)
	}
	if !hasType(r, mediaType) {
		return nil, wrongType(mediaType)
	}
	return wire.ReadBody(r.Body, MaxMessage)
}

// leniency is what the server lets pass in messages (profile section 2.1).
func (s *ServiceServer) leniency() Leniency {
	return Leniency{
		AnyEncoding:   !s.Guards.On("OF-SS-39"), // RFC 8949 section 4.2
		DuplicateKeys: !s.Guards.On("OF-SS-40"), // RFC 8949 section 5.6
		UnknownKeys:   !s.Guards.On("OF-SS-41"), // flows, what you see is what you sign
	}
}

// asking is the device that authenticates with the request (RFC 7617).
func (s *ServiceServer) asking(r *http.Request) (device string, authentic bool) {
	id, shown, _ := r.BasicAuth()
	d, known := find(s.Devices, func(d Device) bool { return d.ID == id })
	return id, known && secret.Same(d.Secret, shown)
}

func unauthentic() *problem {
	return &problem{
		Status: http.StatusUnauthorized, Code: "invalid_client", Challenge: `Basic realm="offline"`,
		Description: "the request lacks the device's identifier and secret, or they are wrong",
	}
}

func denied(description string) *problem {
	return &problem{Status: http.StatusForbidden, Code: "access_denied", Description: description}
}

func serialUsed() *problem {
	return &problem{Status: http.StatusConflict, Code: "serial_used", Description: "this serial has been used; begin anew with a fresh one"}
}

func (s *ServiceServer) handset(id string) (EnrolledHandset, bool) {
	return find(s.Handsets, func(h EnrolledHandset) bool { return h.ID == id })
}

func find[T any](all []T, wanted func(T) bool) (found T, there bool) {
	i := slices.IndexFunc(all, wanted)
	if i < 0 {
		return found, false
	}
	return all[i], true
}
