package ticket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/wire"
)

const (
	tries     = 3                // of one request (profile section 6.2)
	maxUse    = 60 * time.Second // then a use is over (profile section 6.1)
	longPause = 10 * time.Second // the longest Retry-After that is waited for
)

// patience is how long a terminal waits for an answer (profile section 6.2).
const patience = 5 * time.Second

// Result is how a use ended.
type Result struct {
	Outcome  Outcome         `json:"outcome"`
	AppID    string          `json:"app_id"`
	Resource json.RawMessage `json:"resource,omitempty"` // the app server's body
}

// use is one use under way.
type use struct {
	*Terminal
	Wish
	end           time.Time
	server, app   Metadata
	refreshed     int
	authenticated bool
	errors        int // ticket error indications
	resource      json.RawMessage
	steps         []string // for the user, in words
}

func (u *use) did(step string) { u.steps = append(u.steps, step) }

func (t *Terminal) begin(w Wish) *use {
	return &use{Terminal: t, Wish: w, end: t.Clock.Now().Add(maxUse)}
}

// Open opens an app for the user, as use_endpoint does.
func (t *Terminal) Open(w Wish) Result {
	u := t.begin(w)
	outcome := u.run()
	return Result{outcome, w.AppID, u.resource}
}

// run is the steps 1 to 4 (profile section 6.1).
func (u *use) run() Outcome {
	if !u.discover() || !u.discoverApp() {
		return Unavailable
	}
	current, found, err := u.stored()
	if err != nil {
		return Unavailable
	}
	// claim 1: when the authentication ticket is stored
	if found && !u.Guards.On("TI-TE-02") && u.Password != "" {
		found = false
	}
	if found {
		u.did("found a ticket kept for " + u.AppID)
	} else {
		if u.Password == "" {
			return LoginRequired
		}
		if outcome := u.register(); outcome != "" {
			return outcome
		}
		var outcome Outcome
		if current, outcome = u.authenticate(); outcome != "" {
			return outcome
		}
	}
	for {
		outcome, doubted := u.request(current.Ticket)
		if !doubted {
			return outcome
		}
		if current, outcome = u.afterError(current.Ticket); outcome != "" {
			return outcome
		}
	}
}

// discover reads the account server's metadata (profile section 3).
func (u *use) discover() bool {
	m, ok := u.document(u.Issuer)
	u.server = m
	return ok
}

// discoverApp reads the app's.
func (u *use) discoverApp() bool {
	a, _ := u.Terminal.app(u.AppID)
	m, ok := u.document(a.BaseURL)
	u.app = m
	return ok && m.AppID == a.ID
}

func (u *use) document(base string) (m Metadata, ok bool) {
	answer, err := u.send(outbound.Call{Method: http.MethodGet, URL: base + wellKnown}, tries)
	if err != nil || answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &m) != nil {
		return m, false
	}
	return m, m.Issuer == u.Issuer
}

// register opens an account when the user wants one. Whether or not it answers, the user goes on to authenticate.
func (u *use) register() Outcome {
	// claim 1: transmitting a register request
	if !u.Register || !u.Guards.On("TI-TE-03") {
		return ""
	}
	answer, err := u.send(outbound.Call{Method: http.MethodPost, URL: u.server.RegistrationEndpoint, Object: map[string]string{
		"user_name": u.UserName, "password": u.Password,
	}}, 1)
	if _, open := err.(*openError); open {
		return RegistrationRefused
	}
	if err != nil || answer.Status == http.StatusCreated || answer.Status == http.StatusConflict {
		if answer.Status == http.StatusCreated {
			u.did("registered a new account")
		}
		return ""
	}
	return RegistrationRefused
}

// authenticate gets and stores a ticket (step 2). The outcome is empty when it did.
func (u *use) authenticate() (kept, Outcome) {
	u.authenticated = true
	app := u.AppID
	// claim 1: the ticket corresponds to the app
	if !u.Guards.On("TI-TE-01") {
		app = u.Apps[0].ID
	}
	answer, err := u.send(outbound.Call{Method: http.MethodPost, URL: u.server.AuthenticationEndpoint, Object: map[string]string{
		"user_name": u.UserName, "password": u.Password, "app_id": app,
	}}, tries)
	switch {
	case err != nil || answer.Status == http.StatusTooManyRequests:
		return kept{}, Unavailable
	case answer.Status != http.StatusOK:
		return kept{}, AuthenticationRefused
	}
	fresh, err := decodeTicket(answer.Body)
	if err != nil || !u.mayStore(fresh, u.AppID, nil) {
		return kept{}, Refused
	}
	k, err := u.store(fresh)
	if err != nil {
		return k, Unavailable
	}
	u.did("authenticated with the password, and kept a ticket for " + u.AppID)
	return k, ""
}

// request sends the resource request (step 3). doubted means that a ticket error indication came back.
func (u *use) request(t ticket) (outcome Outcome, doubted bool) {
	// claim 1: the authentication ticket corresponds to the app
	if !u.Guards.On("TI-TE-04") {
		t = u.first(t)
	}
	shown := fmt.Sprintf(`%s user_id="%s", authorization_key="%s"`, scheme, t.UserID, t.AuthorizationKey)
	// claim 1: resource request based on the user ID and the authorization key
	if !u.Guards.On("TI-TE-05") {
		shown += fmt.Sprintf(`, refresh_key="%s"`, t.RefreshKey)
	}
	answer, err := u.send(outbound.Call{Method: http.MethodGet, URL: u.app.ResourceEndpoint, Authorization: shown}, tries)
	switch {
	case err != nil:
		return Unavailable, false
	case answer.Status == http.StatusOK && json.Valid(answer.Body):
		u.resource = answer.Body
		u.did("showed the ticket to " + u.AppID + ", and got the resource")
		return GotResource, false
	case challenges(answer):
		u.errors++
		u.did("showed the ticket to " + u.AppID + ", which did not take it")
		return "", true
	}
	return Refused, false
}

// openError says that a request is not sent because others could read or answer it.
type openError struct{ url string }

func (e *openError) Error() string {
	return fmt.Sprintf("%s is neither on TLS nor on loopback: let it be published under https", e.url)
}

// outageError says that all tries of a request failed.
type outageError struct{ url string }

func (e *outageError) Error() string { return e.url + " gave no answer, or was out of order" }

// send sends a request, and again after a pause when it got no answer or a 5xx (profile section 6.2).
func (u *use) send(c outbound.Call, tries int) (outbound.Reply, error) {
	// RFC 6749 section 10.9; RFC 8414 section 6.1: metadata say where secrets go
	if u.Guards.Forbids("TI-TE-14", !wire.Private(c.URL)) {
		return outbound.Reply{}, &openError{c.URL}
	}
	for try, pause := 1, time.Second; ; try, pause = try+1, 2*pause {
		if u.Clock.Now().Add(patience).After(u.end) {
			return outbound.Reply{}, &outageError{c.URL}
		}
		answer, err := u.sendOnce(c)
		if err == nil && answer.Status/100 != 5 {
			return answer, nil
		}
		wait := pause
		if err == nil && answer.Header.Get("Retry-After") != "" {
			if said, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && said >= 0 {
				wait = time.Duration(min(said, 1<<20)) * time.Second // RFC 9110 section 10.2.3
			}
		}
		if try >= tries || wait > longPause {
			return outbound.Reply{}, &outageError{c.URL}
		}
		u.Clock.Sleep(wait)
	}
}

// sendOnce sends one try. A redirect is an answer like others.
func (u *use) sendOnce(c outbound.Call) (outbound.Reply, error) {
	const followed = 5
	answer, err := c.Do(u.Env, patience)
	for range followed {
		// RFC 9700 section 4.12; RFC 9110 section 15.4
		if err != nil || answer.Status/100 != 3 || u.Guards.On("TI-TE-13") {
			return answer, err
		}
		here, parseErr := url.Parse(c.URL)
		if parseErr != nil || answer.Header.Get("Location") == "" {
			return answer, err
		}
		there, parseErr := here.Parse(answer.Header.Get("Location"))
		if parseErr != nil {
			return answer, err
		}
		c.URL = there.String()
		answer, err = c.Do(u.Env, patience)
	}
	return answer, err
}
