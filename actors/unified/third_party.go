package unified

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"

	"countersign/actors"
	"countersign/actors/token"
	"countersign/actors/unified/pages"
	"countersign/actors/wire"
)

// ThirdParty is a third-party platform (profile section 5): users enter it from the portal of a platform where it is
// registered, and from then on exchange data with it alone.
type ThirdParty struct {
	actors.Env
	BaseURL string // the URL under which it lies, without a trailing slash
	Name    string // shown to the user; empty: the client_id at the first platform
	// Platforms are where it is registered; the first is meant where none is named.
	Platforms []PlatformSetup
	// CredentialLifetime is how long a login lasts, at most 24 hours; zero: 8 hours.
	CredentialLifetime time.Duration
	// What it does not offer.
	NoBatchLogout, NoBackChannelLogout, NoUserLogout bool
	// Data gives what a user has here; nil gives everybody one thing.
	Data func(Visitor) []Datum

	// TestClock, where it is set, moves the clock for the test clock endpoint (profile section 9).
	TestClock func(time.Duration) time.Time

	validators token.Kept[*token.Validator] // of logout tokens
}

// PlatformSetup is a platform where a third-party platform is registered, and what it was given there.
type PlatformSetup struct {
	Issuer   string
	ClientID string
	Keys     []token.Key // the newest last, one at least
}

// Visitor is a user as a third-party platform knows him.
type Visitor struct {
	Issuer, Sub       string
	Nickname, Picture string
	Account           string // the third-party platform's own name for the account
}

// Datum is one thing that a third-party platform keeps for a user.
type Datum struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// The paths of a third-party platform, below its BaseURL.
const (
	PathAccess            = "/access"
	PathCallback          = "/callback"
	PathHome              = "/home"
	PathResource          = "/resource"
	PathBatchLogout       = "/batch-logout"
	PathUserLogout        = "/leave"
	PathBackChannelLogout = "/back-channel-logout"
)

// Handler serves the third-party platform's endpoints.
func (t *ThirdParty) Handler() http.Handler {
	mux := http.NewServeMux()
	base := wire.PathOf(t.BaseURL)
	mux.HandleFunc(base+PathAccess, t.access)
	mux.HandleFunc(base+PathCallback, t.callback)
	mux.HandleFunc(base+PathHome, t.home)
	mux.HandleFunc(base+"/{$}", t.home)
	mux.HandleFunc(base+PathResource, t.resource)
	document := Metadata{
		AccessEndpoint: t.BaseURL + PathAccess, HomeEndpoint: t.BaseURL + PathHome, ResourceEndpoint: t.BaseURL + PathResource,
		CredentialLifetime: seconds(t.credentialLifetime()),
	}
	if len(t.Platforms) > 0 {
		document.ClientID = t.Platforms[0].ClientID
	}
	// RFC 8414 section 3; claim 1: where it can be reached
	if t.Guards.On("UN-TP-01") {
		document.CallbackEndpoint = t.BaseURL + PathCallback
	}
	if !t.NoBatchLogout {
		mux.HandleFunc(base+PathBatchLogout, t.batchLogout)
		document.BatchLogoutEndpoint = t.BaseURL + PathBatchLogout
	}
	if !t.NoUserLogout {
		mux.HandleFunc(base+PathUserLogout, t.userLogout)
		document.UserLogoutEndpoint = t.BaseURL + PathUserLogout
	}
	if !t.NoBackChannelLogout && t.Guards.Hardened() {
		mux.HandleFunc(base+PathBackChannelLogout, t.backChannelLogout)
		document.BackchannelLogoutEndpoint = t.BaseURL + PathBackChannelLogout
	}
	publish(mux, t.BaseURL, document, t.TestClock)
	return mux
}

func (t *ThirdParty) credentialLifetime() time.Duration {
	const day = 24 * time.Hour
	return min(cmp.Or(t.CredentialLifetime, 8*time.Hour), day)
}

// access begins a login (profile section 5.1).
func (t *ThirdParty) access(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		wire.WrongMethod(w, http.MethodGet)
		return
	}
	t.keepFromCaches(w.Header())
	issuers := r.URL.Query()["iss"]
	if len(t.Platforms) == 0 || len(issuers) > 1 {
		t.fail(w, http.StatusBadRequest, "The request does not say clearly at which platform you want to log in.")
		return
	}
	platform := t.Platforms[0]
	if len(issuers) == 1 {
		named, known := t.platform(issuers[0])
		if !known {
			t.fail(w, http.StatusBadRequest, "You cannot log in here with that platform.")
			return
		}
		platform = named
	}
	server, err := t.discover(platform.Issuer)
	if err != nil {
		t.fail(w, http.StatusBadGateway, "The platform where you log in cannot be reached now. Try again later.")
		return
	}
	session, begun, err := t.begin(cookieOf(r, t.sessionCookie()), platform)
	if err != nil {
		t.broken(w)
		return
	}
	t.setCookie(w, t.sessionCookie(), session)
	http.Redirect(w, r, t.authorizationURL(server, platform, begun), http.StatusSeeOther)
}

// authorizationURL is where the user is asked whether to log in here.
func (t *ThirdParty) authorizationURL(server Metadata, p PlatformSetup, l attempt) string {
	client := p.ClientID
	// claims 1, 2: the user is asked about this third-party platform
	if !t.Guards.On("UN-TP-02") {
		client += "-other"
	}
	return withQuery(server.AuthorizationEndpoint,
		"response_type", "code", "client_id", client, "redirect_uri", t.BaseURL+PathCallback, "state", l.State,
		"code_challenge", l.challenge(), "code_challenge_method", "S256")
}

// callback ends a login (profile section 5.1).
func (t *ThirdParty) callback(w http.ResponseWriter, r *http.Request) {
	// At core a platform may redirect with 307, and the browser then sends its form on (profile section 2).
	if r.Method != http.MethodGet && (t.Guards.Hardened() || r.Method != http.MethodPost) {
		wire.WrongMethod(w, http.MethodGet)
		return
	}
	t.keepFromCaches(w.Header())
	query := r.URL.Query()
	if t.comesTwice(w, query, "state") {
		return
	}
	l, err := t.take(cookieOf(r, t.sessionCookie()), query.Get("state"))
	if errors.Is(err, errCallback) {
		t.fail(w, http.StatusForbidden, "This answer does not belong to a login that was begun in this browser, or was used before. Begin again.")
		return
	}
	platform, known := t.platform(l.Issuer)
	if err != nil || !known {
		t.broken(w)
		return
	}
	if t.comesTwice(w, query, "iss", "code", "error") {
		return
	}
	// RFC 9207 section 2.4: mix-up
	if t.Guards.Forbids("UN-TP-28", query.Get("iss") != l.Issuer) {
		t.fail(w, http.StatusForbidden, "The answer comes from another platform than the one that was asked. Begin again.")
		return
	}
	// claim 1; RFC 6749 section 4.1.2.1: no confirmation, no login
	if t.Guards.Forbids("UN-TP-07", query.Has("error")) {
		t.fail(w, http.StatusForbidden, "The platform did not confirm that you want to log in here.")
		return
	}
	if !query.Has("code") && !query.Has("error") {
		t.fail(w, http.StatusBadRequest, "The platform sent you here without its answer. Begin again.")
		return
	}
	t.finish(w, r, platform, l, query.Get("code"))
}

// comesTwice refuses a callback that has one of the parameters more than once (RFC 6749 section 3.1).
func (t *ThirdParty) comesTwice(w http.ResponseWriter, query url.Values, names ...string) bool {
	for _, name := range names {
		if len(query[name]) > 1 {
			t.fail(w, http.StatusBadRequest, "The answer of the platform has "+name+" twice. Begin again.")
			return true
		}
	}
	return false
}

// finish completes a login whose code has come: authenticate, then give the login credential.
func (t *ThirdParty) finish(w http.ResponseWriter, r *http.Request, p PlatformSetup, l attempt, code string) {
	who, err := t.authenticate(p, l, code)
	if err != nil {
		status := http.StatusBadGateway
		if errors.Is(err, errPlatformRefused) {
			status = http.StatusForbidden
		}
		t.fail(w, status, "The platform did not say who you are. Begin again.")
		return
	}
	value, err := t.enter(who, cookieOf(r, t.loginCookie()))
	switch {
	case errors.Is(err, errEnded):
		t.fail(w, http.StatusForbidden, "You have logged out in the meantime. Begin again.")
		return
	case err != nil:
		t.broken(w)
		return
	}
	t.setCookie(w, t.loginCookie(), value)
	home := t.BaseURL + PathHome
	// RFC 9700 section 4.3.1: what stands in a URL ends up in logs
	if !t.Guards.On("UN-TP-53") {
		home = withQuery(home, "credential", value)
	}
	http.Redirect(w, r, home, http.StatusSeeOther)
}

// platform finds a configured platform.
func (t *ThirdParty) platform(issuer string) (PlatformSetup, bool) {
	return find(t.Platforms, func(p PlatformSetup) bool { return p.Issuer == issuer })
}

// keepFromCaches marks the answers that are one user's (RFC 9111 section 5.2.2.5).
func (t *ThirdParty) keepFromCaches(h http.Header) {
	if t.Guards.On("UN-TP-51") {
		h.Set("Cache-Control", "no-store")
	}
}

// refuse answers a program with the problem that the error is.
func (t *ThirdParty) refuse(w http.ResponseWriter, err error) {
	p := problemOf(w.Header(), err)
	// RFC 6749 section 5.2
	if !t.Guards.On("UN-TP-20") {
		http.Error(w, p.Description, p.Status)
		return
	}
	wire.Refuse(w, p.Status, wire.Refusal{Error: p.Code, Description: p.Description})
}

// fail answers a browser with a refusal.
func (t *ThirdParty) fail(w http.ResponseWriter, status int, text string) {
	t.tell(w, status, "This did not work", text)
}

func (t *ThirdParty) tell(w http.ResponseWriter, status int, heading, text string) {
	pages.Write(w, status, pages.ThirdPartyFailure{Site: t.name(), Heading: heading, Text: text, Access: t.BaseURL + PathAccess})
}

func (t *ThirdParty) broken(w http.ResponseWriter) {
	t.fail(w, http.StatusInternalServerError, "This site cannot keep or find what it needs now. Try again later.")
}

func (t *ThirdParty) name() string {
	if t.Name == "" && len(t.Platforms) > 0 {
		return t.Platforms[0].ClientID
	}
	return t.Name
}

// withQuery adds parameters, names and values by turns, to a URL whose query, if any, stays as it is (RFC 6749 section 3.1).
func withQuery(target string, params ...string) string {
	separator := "?"
	if u, err := url.Parse(target); err == nil && u.RawQuery != "" {
		separator = "&"
	}
	for i := 0; i < len(params); i += 2 {
		target += separator + url.QueryEscape(params[i]) + "=" + url.QueryEscape(params[i+1])
		separator = "&"
	}
	return target
}
