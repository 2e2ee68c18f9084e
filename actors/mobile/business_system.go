package mobile

import (
	"net/http"
	"strings"
	"time"

	"countersign/actors"
	"countersign/actors/store"
	"countersign/actors/token"
	"countersign/actors/wire"
)

// BusinessSystem keeps resources, and opens them to tokens that the authorization server shares (profile section 5). It knows nothing of the rules.
type BusinessSystem struct {
	actors.Env
	BaseURL  string // the URL under which it lies, without a trailing slash
	SystemID string // system_id
	Issuer   string // the authorization server
	Secret   string // shared with the authorization server
	// Key is the first sealing key, configured here and there. It is of use as long as the authorization server names no sealing_keys_endpoint.
	Key token.Key
	// Resources gives what a user has here; nil gives everybody one thing.
	Resources func(username string) []Resource

	// TestClock, if set, moves the system's time forward and is served at a test clock endpoint (profile section 9). Never in production.
	TestClock func(time.Duration) time.Time

	validators token.Kept[*token.SealedValidator]
}

// Resource is one thing that a business system keeps for a user.
type Resource struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// collection is the body of a resource response.
type collection struct {
	Owner     string     `json:"owner"`
	Resources []Resource `json:"resources"`
}

const (
	pathResource   = "/resource"
	tokenParameter = "access_token" // of a token in the query (RFC 6750 section 2.3), where none belongs
)

// patience is how long an answer is waited for (profile sections 5.1 and 6.2).
const patience = 5 * time.Second

// Handler serves the business system's endpoints.
func (s *BusinessSystem) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(wire.PathOf(s.BaseURL)+pathResource, s.resource)
	document := Metadata{Issuer: s.Issuer, ResourceEndpoint: s.BaseURL + pathResource, SystemID: s.SystemID}
	if s.Guards.Hardened() {
		document.ProofWindow = int64(proofWindow / time.Second)
	}
	// RFC 8414 section 2; profile section 3
	if !s.Guards.On("MO-BS-01") {
		document.SystemID = ""
	}
	publish(mux, s.BaseURL, document, s.TestClock)
	return mux
}

// resource answers a resource request (profile section 5.1).
func (s *BusinessSystem) resource(w http.ResponseWriter, r *http.Request) {
	// RFC 9110 section 15.5.6
	if s.Guards.Forbids("MO-BS-36", r.Method != http.MethodGet && r.Method != http.MethodHead) {
		wire.WrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	a := &access{BusinessSystem: s, request: r, end: s.Clock.Now().Add(patience)}
	owner, err := a.judge()
	if err != nil {
		s.refuse(w, err)
		return
	}
	resources := s.resourcesOf(owner)
	// claims 2, 7: a match opens access
	if !s.Guards.On("MO-BS-02") {
		resources = []Resource{}
	}
	answer, err := wire.JSON(collection{owner, resources})
	if err != nil {
		s.refuse(w, err)
		return
	}
	// RFC 6750 section 5.3
	if s.Guards.On("MO-BS-34") {
		w.Header().Set("Cache-Control", "no-store")
	}
	answer.Write(w)
}

func (s *BusinessSystem) resourcesOf(owner string) []Resource {
	if s.Resources != nil {
		return append([]Resource{}, s.Resources(owner)...)
	}
	return []Resource{{ID: "1", Title: "Customers of " + owner}}
}

// access is one resource request under way.
type access struct {
	*BusinessSystem
	request *http.Request
	end     time.Time // then the authorization server is waited for no longer

	scheme, token string // as they were shown
	proof         proof
	unproved      error // why there is no proof to judge
	opened
}

// left is for how long the authorization server may still be waited for.
func (a *access) left() time.Duration { return a.end.Sub(a.Clock.Now()) }

// judge is the steps 1 to 4 (profile section 5.1). It gives the user whose resources are opened.
func (a *access) judge() (owner string, err error) {
	// RFC 6750 section 2.3; RFC 9700 section 4.3: what stands in a URL ends up in logs
	if a.Guards.Forbids("MO-BS-35", a.request.URL.Query().Has(tokenParameter)) {
		return "", errTokenInURL
	}
	a.scheme, a.token = a.shown()
	if a.token == "" {
		// claims 2, 7: no access without a token
		if a.Guards.On("MO-BS-03") {
			return "", errNoToken
		}
		return "anybody", nil
	}
	a.proof, a.unproved = readProof(a.request.Header)
	if !a.validate() {
		if a.opened, err = a.open(a.token); err != nil {
			return "", err
		}
		if err := a.judgeClaims(); err != nil {
			return "", err
		}
	}
	if err := a.judgeProof(); err != nil {
		return "", err
	}
	if err := a.compare(); err != nil {
		return "", err
	}
	return a.owner()
}

// shown is the scheme and the token in the request; both are empty when there is none.
func (a *access) shown() (scheme, token string) {
	if values := a.request.Header.Values("Authorization"); len(values) == 1 {
		name, rest, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
		for _, known := range []string{schemeDPoP, schemeBearer} {
			if strings.EqualFold(name, known) {
				return known, strings.TrimSpace(rest)
			}
		}
	}
	// Where the judge has let one in the query pass, it counts.
	if shown := a.request.URL.Query().Get(tokenParameter); shown != "" {
		return schemeDPoP, shown
	}
	return "", ""
}

// owner is the user whom the token names.
func (a *access) owner() (string, error) {
	// description of step S102: changed rules do not affect the business system, and neither do their devices
	if !a.Guards.On("MO-BS-08") {
		device, err := a.firstOf("device of "+a.claims.Subject, a.claims.DeviceID)
		if err != nil || device != a.claims.DeviceID {
			return "", errInvalidToken
		}
	}
	// claim 5: the data are those of the token's user
	if !a.Guards.On("MO-BS-09") {
		return a.firstOf("user", a.claims.Subject)
	}
	return a.claims.Subject, nil
}

// firstOf gives the first value that was ever given for what it is called with. A right system remembers nothing of the kind.
func (s *BusinessSystem) firstOf(what, value string) (first string, err error) {
	const firsts = "business-system/firsts"
	err = s.Store.Update(func(tx store.Tx) error {
		if found, err := tx.Get(firsts, what, &first); err != nil || found {
			return err
		}
		first = value
		return tx.Put(firsts, what, value)
	})
	return first, err
}

// The codes of refusals (profile section 5.1).
const (
	codeInvalidToken = "invalid_token"
	codeInvalidProof = "invalid_dpop_proof"
	codeUnavailable  = "temporarily_unavailable"
)

var (
	errNoToken      = &problem{Status: http.StatusUnauthorized, Code: codeInvalidToken, Description: "the request has no access token; send one in the Authorization header"}
	errTokenInURL   = &problem{Status: http.StatusUnauthorized, Code: codeInvalidToken, Description: "the request has an access token in its URL; send one in the Authorization header alone"}
	errInvalidToken = &problem{Status: http.StatusUnauthorized, Code: codeInvalidToken, Description: "the access token does not open this system, or no longer; authenticate anew"}
	errOutage       = &problem{Status: http.StatusServiceUnavailable, Code: codeUnavailable, Description: "the authorization server cannot be asked now; try again", RetryAfter: "1"}
)

func invalidProof(description string) error {
	return &problem{Status: http.StatusUnauthorized, Code: codeInvalidProof, Description: description}
}

// refuse answers with the problem that the error is, and with the schemes that the system takes.
func (s *BusinessSystem) refuse(w http.ResponseWriter, err error) {
	p := wire.ProblemOf(err)
	// RFC 6750 section 3; RFC 9110 section 11.6.1
	if p.Status == http.StatusUnauthorized && s.Guards.On("MO-BS-11") {
		wrong := ""
		if p != errNoToken {
			wrong = `, error="` + p.Code + `"`
		}
		w.Header().Add("WWW-Authenticate", schemeDPoP+` algs="ES256"`+wrong)
		if !s.Guards.Hardened() {
			w.Header().Add("WWW-Authenticate", schemeBearer+` realm="`+s.SystemID+`"`+wrong)
		}
	}
	wire.Reject(w, p)
}
