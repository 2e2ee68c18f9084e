package ticket

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"countersign/actors"
	"countersign/actors/outbound"
	"countersign/actors/wire"
)

// AppServer keeps resources, and gives them to the users that the account server confirms (profile section 5).
type AppServer struct {
	actors.Env
	BaseURL string // the URL under which it lies, without a trailing slash
	ID      string // app_id
	Issuer  string // the account server
	Secret  string // shared with the account server
	// Resources gives what a user has here; nil gives everybody one thing.
	Resources func(userID string) []Resource
	// Together says that requests may wait for each other, as they cannot in a simulated world: of those that show one ticket at a time, one asks the account
	// server, by a Validator, and what may be kept of its answer is the others' too.
	Together bool

	// TestClock is as in AccountServer.
	TestClock func(time.Duration) time.Time

	validator *Validator
}

// Resource is one thing that an app keeps for a user.
type Resource struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

const pathResource = "/resource"

// Handler serves the app server's endpoints.
func (a *AppServer) Handler() http.Handler {
	if a.Together && a.Guards.Whole() {
		a.validator = &Validator{Server: a}
	}
	mux := http.NewServeMux()
	mux.HandleFunc(wire.PathOf(a.BaseURL)+pathResource, a.resource)
	publish(mux, a.BaseURL, Metadata{Issuer: a.Issuer, AppID: a.ID, ResourceEndpoint: a.BaseURL + pathResource}, a.TestClock)
	return mux
}

// collection is the body of a resource response.
type collection struct {
	Owner     string     `json:"owner"`
	AppID     string     `json:"app_id"`
	Resources []Resource `json:"resources"`
}

// resource answers a resource request (profile section 5.1).
func (a *AppServer) resource(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		wire.WrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	shown, err := a.shown(r)
	if err != nil {
		wire.Reject(w, err)
		return
	}
	if err := a.confirm(r.Context(), shown); err != nil {
		wire.Reject(w, err)
		return
	}
	owner := shown.userID
	// claim 1: the resource is the confirmed user's
	if !a.Guards.On("TI-AP-01") {
		owner = "somebody"
	}
	answer, err := wire.JSON(collection{owner, a.ID, a.resourcesOf(owner)})
	if err != nil {
		wire.Reject(w, err)
		return
	}
	// RFC 9111 section 5.2.2.5
	if a.Guards.On("TI-AP-10") {
		w.Header().Set("Cache-Control", "no-store")
	}
	answer.Write(w)
}

func (a *AppServer) resourcesOf(owner string) []Resource {
	if a.Resources != nil {
		return a.Resources(owner)
	}
	return []Resource{{ID: "1", Title: "Notes of " + owner}}
}

// shown is the pair that the request shows.
func (a *AppServer) shown(r *http.Request) (pair, error) {
	p, found, err := readPair(r.Header)
	if found || err != nil {
		return p, err
	}
	// RFC 9700 section 4.3.2: what stands in a URL ends up in logs
	if query := r.URL.Query(); !a.Guards.On("TI-AP-03") && query.Has("authorization_key") {
		p = pair{query.Get("user_id"), query.Get("authorization_key")}
		return p, p.check()
	}
	return p, &problem{
		Status: http.StatusUnauthorized, Code: "ticket_required", Challenge: scheme,
		Description: "the request has no ticket; send it in the Authorization header",
	}
}

// denied is the ticket error indication (profile section 5.2).
func denied() error {
	return &problem{
		Status: http.StatusUnauthorized, Code: "invalid_token", Challenge: scheme + ` error="invalid_token"`,
		Description: "the account server did not confirm this ticket",
	}
}

// errOutage says that the account server gave no verification result.
var errOutage = errors.New("the account server gave no verification result")

// outage says that nothing is known about the ticket.
func outage() error {
	return &problem{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "the account server cannot be asked now; try again"}
}

// confirm returns nil when the account server confirms the pair, now or a short time ago.
func (a *AppServer) confirm(ctx context.Context, p pair) error {
	if a.validator != nil {
		err := a.validator.Validate(ctx, p.userID, p.key)
		switch {
		case errors.Is(err, ErrDenied):
			return denied()
		case err != nil:
			return outage()
		}
		return nil
	}
	if v, kept, err := a.kept(p); err != nil || kept {
		return errors.Join(err, a.judge(p, v))
	}
	sent := a.Clock.Now()
	v, err := a.ask(p, sent)
	if err != nil {
		// RFC 9110 section 15.6.4: an outage says nothing about the ticket
		if a.Guards.On("TI-AP-08") {
			return outage()
		}
		return denied()
	}
	judged := a.judge(p, v)
	if err := a.keep(p, v, sent, judged == nil); err != nil {
		return err
	}
	return judged
}

// judge judges an answer about the pair.
func (a *AppServer) judge(p pair, v verdict) error {
	// claim 1: the resource follows the confirmation
	if a.Guards.Forbids("TI-AP-02", !v.Active) {
		return denied()
	}
	// RFC 7662 section 4; RFC 9700 section 2.3: the answer is about this user and this app
	if v.Active && a.Guards.Forbids("TI-AP-09", v.UserID != p.userID || v.AppID != a.ID) {
		return denied()
	}
	return nil
}

// ask asks the account server about the pair that was shown at that time (profile section 4.4), once more when it gave no answer.
func (a *AppServer) ask(p pair, shown time.Time) (verdict, error) {
	const (
		tries = 2
		limit = 3500 * time.Millisecond // for the metadata too: the terminal is to have its answer within 4 s
	)
	endpoint, err := a.verificationEndpoint(limit - a.Clock.Now().Sub(shown))
	if err != nil {
		return verdict{}, err
	}
	c := outbound.Call{Method: http.MethodPost, URL: endpoint, Object: map[string]string{"user_id": p.userID, "authorization_key": p.key}}
	// RFC 7662 section 2.1
	if a.Guards.On("TI-AP-04") {
		c.Authorization = outbound.Basic(a.ID, a.Secret)
	}
	for range tries {
		left := limit - a.Clock.Now().Sub(shown)
		if left <= 0 {
			break
		}
		answer, err := c.Do(a.Env, left)
		if err != nil || answer.Status/100 == 5 {
			continue
		}
		if answer.Status != http.StatusOK {
			break
		}
		return readVerdict(answer.Body)
	}
	return verdict{}, errOutage
}

// verdict is a verification result in an app server's hands.
type verdict struct {
	Active        bool
	UserID, AppID string
	Expires       int64 // seconds since 1970; zero: not said
	CacheLifetime int64 // seconds
}

func readVerdict(body []byte) (v verdict, err error) {
	m, err := wire.StrictObject(body)
	if err != nil {
		return v, err
	}
	if !m.Has("active") || json.Unmarshal(m["active"], &v.Active) != nil {
		return v, errOutage
	}
	// A member of another type is as good as none: it confirms nothing.
	v.UserID, _ = m.Optional("user_id")
	v.AppID, _ = m.Optional("app_id")
	v.Expires, _ = seconds(m, "exp")
	// What has an end that cannot be told is of use at once, and no longer.
	if v.Expires > 0 || !m.Has("exp") {
		v.CacheLifetime, _ = seconds(m, "cache_lifetime")
	}
	return v, nil
}
