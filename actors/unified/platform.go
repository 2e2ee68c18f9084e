package unified

import (
	"cmp"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/password"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// Platform logs users in for third-party platforms, records who was authenticated where, and logs them out everywhere
// (profile section 4). The zero values of its limits are the defaults named beside them.
type Platform struct {
	actors.Env
	Issuer       string // the URL under which it lies, without a trailing slash; a path is allowed
	Name         string // shown to users; empty: the issuer
	Users        []User
	Operators    []Operator
	ThirdParties []RegisteredParty // in force from the start; more come by registration and review
	// Passwords is the work that a password of a name that nobody has costs; users and operators bring that of their own.
	Passwords password.Cost

	CodeLifetime      time.Duration // 1 minute
	PassTokenLifetime time.Duration // 1 minute
	KeyOverlap        time.Duration // 10 minutes
	LogoutBound       time.Duration // 5 minutes, an hour at most

	BatchLimit    int           // 100 tasks
	BatchIdleTime time.Duration // 5 seconds
	BatchMaxWait  time.Duration // 30 seconds

	// TestClock moves the platform's clock forward and gives the new time. When set, the test clock endpoint of profile section 9
	// is served: never in production.
	TestClock func(time.Duration) time.Time

	queueStore store.Store // where the queues are kept: Store, in all but a defect
}

// User is a user of the platform.
type User struct {
	Name     string // to log in with
	Password password.Hash
	Sub      string // the unique number, which is not the name and stays for good
	Nickname string
	Picture  string // URL
}

// Operator registers third-party platforms, and may have the right to review.
type Operator struct {
	Name     string
	Password password.Hash
	Reviews  bool
}

// RegisteredParty is a third-party platform in force, as the platform knows it.
type RegisteredParty struct {
	ClientID string
	Owner    string // name of an operator
	Registration
	Keys []token.Key // given out before the platform started, newest last
}

// Registration is what is registered of a third-party platform. At most one of the logout URIs is there.
type Registration struct {
	Name                 string `json:"client_name"`
	AccessURI            string `json:"access_uri"`
	CallbackURI          string `json:"callback_uri"`
	LogoutURI            string `json:"logout_uri,omitempty"`
	BackchannelLogoutURI string `json:"backchannel_logout_uri,omitempty"`
}

const (
	pathPortal         = "/portal"
	pathAuthorization  = "/authorize"
	pathLogout         = "/logout"
	pathToken          = "/pass-token"
	pathAuthentication = "/authentication"
	pathStatus         = "/status"
	pathRegistration   = "/registration"
	pathReview         = "/review"
	pathKey            = "/key"
	pathJWKS           = "/jwks"
)

// Handler serves the platform's endpoints, and takes up again the logout tasks that were not done when it last stopped.
func (p *Platform) Handler() http.Handler {
	mux := http.NewServeMux()
	base := wire.PathOf(p.Issuer)
	mux.Handle(base+pathPortal, p.page(p.portal, p.logIn))
	mux.Handle(base+pathAuthorization, p.page(p.askUser, p.decide))
	mux.Handle(base+pathLogout, p.page(p.logoutPage, p.logout))

	mux.Handle(base+pathToken, p.sealed(passTokenRequest, p.givePassToken))
	mux.Handle(base+pathAuthentication, p.sealed(authenticationRequest, p.authenticate))
	if p.Guards.Hardened() {
		mux.Handle(base+pathStatus, p.sealed(statusRequest, p.status))
		mux.HandleFunc(base+pathJWKS, p.publishKeys)
	}

	mux.Handle(base+pathRegistration, p.operated(p.registration, p.register))
	mux.Handle(base+pathReview, p.operated(p.waiting, p.review))
	mux.Handle(base+pathKey, p.operated(nil, p.giveKey))
	publish(mux, p.Issuer, p.describe(), p.TestClock)
	p.startQueues()
	return mux
}

func (p *Platform) describe() Metadata {
	m := Metadata{
		Issuer:                 p.Issuer,
		PortalEndpoint:         p.Issuer + pathPortal,
		AuthorizationEndpoint:  p.Issuer + pathAuthorization,
		LogoutEndpoint:         p.Issuer + pathLogout,
		TokenEndpoint:          p.Issuer + pathToken,
		AuthenticationEndpoint: p.Issuer + pathAuthentication,
		RegistrationEndpoint:   p.Issuer + pathRegistration,
		ReviewEndpoint:         p.Issuer + pathReview,
		KeyEndpoint:            p.Issuer + pathKey,

		CodeLifetime:      seconds(p.codeLifetime()),
		PassTokenLifetime: seconds(p.passTokenLifetime()),
		MessageWindow:     seconds(messageWindow),
		KeyOverlap:        seconds(p.keyOverlap()),
		BatchLimit:        p.batchLimit(),
		BatchIdleTime:     seconds(p.batchIdleTime()),
	}
	if p.Guards.Hardened() {
		m.StatusEndpoint = p.Issuer + pathStatus
		m.JWKSURI = p.Issuer + pathJWKS
		m.CodeChallengeMethodsSupported = []string{"S256"}
		m.AuthorizationResponseIssSupported = true
		m.BackchannelLogoutSupported = true
		m.BackchannelLogoutSigningSupported = []string{"ES256"}
		m.BatchMaxWait = seconds(p.batchMaxWait())
		m.LogoutBound = seconds(p.logoutBound())
	}
	// RFC 8414 section 3.3
	if !p.Guards.On("UN-PL-01") {
		m.Issuer += "/another"
	}
	return m
}

func (p *Platform) name() string { return cmp.Or(p.Name, p.Issuer) }

func (p *Platform) codeLifetime() time.Duration      { return cmp.Or(p.CodeLifetime, time.Minute) }
func (p *Platform) passTokenLifetime() time.Duration { return cmp.Or(p.PassTokenLifetime, time.Minute) }
func (p *Platform) keyOverlap() time.Duration        { return cmp.Or(p.KeyOverlap, 10*time.Minute) }
func (p *Platform) logoutBound() time.Duration       { return cmp.Or(p.LogoutBound, 5*time.Minute) }
func (p *Platform) batchLimit() int64                { return int64(cmp.Or(p.BatchLimit, 100)) }
func (p *Platform) batchIdleTime() time.Duration     { return cmp.Or(p.BatchIdleTime, 5*time.Second) }
func (p *Platform) batchMaxWait() time.Duration      { return cmp.Or(p.BatchMaxWait, 30*time.Second) }
