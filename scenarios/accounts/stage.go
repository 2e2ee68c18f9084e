// Package accounts puts the cast of the ticket flow into a simulated world: an account server, two apps, the
// terminals of two users and an attacker, and the oracles that watch what passes.
//
// The oracles judge the trace, and what users did at their terminals. They do not ask the actors.
package accounts

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/actors/password"
	cast "countersign/actors/ticket"
	"countersign/reports/sequence"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Stage is a world with the cast in it. A scenario gives the users their scripts, and then the stage runs.
type Stage struct {
	*stage.Stage
	Server   *AccountServer
	One, Two *App
	// Alice and Bob are honest and have no accounts at first.
	Alice, Bob *User
	Mallory    *Attacker

	devices []*User
	logouts []logout
	copied  []string // authorization keys of tickets of which somebody has a copy
}

// AccountServer is where the accounts are. What is public may be changed before the world runs.
type AccountServer struct {
	Host        *sim.Host
	Issuer      string
	KeyLifetime time.Duration // of authorization keys; zero: 10 minutes

	published map[string]string
	overrides []*Override
}

// Override has the account server answer the requests on a leg in one way, whatever they are.
type Override struct {
	leg    string
	status int
	body   string
	on     bool
	once   bool
}

// Override prepares one, which has not begun. It has to be done before the world runs.
func (s *AccountServer) Override(leg string, status int, body string) *Override {
	o := &Override{leg: leg, status: status, body: body}
	s.overrides = append(s.overrides, o)
	return o
}

// Begin begins the override.
func (o *Override) Begin() { o.on = true }

// End ends it.
func (o *Override) End() { o.on = false }

// Once has it end after one answer, each time that it begins.
func (o *Override) Once() *Override {
	o.once = true
	return o
}

// answering puts the overrides before a handler.
func (s *AccountServer) answering(handler http.Handler) http.Handler {
	if len(s.overrides) == 0 {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, o := range s.overrides {
			if o.on && r.URL.Path == "/"+o.leg {
				o.on = !o.once
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Cache-Control", "no-store")
				w.WriteHeader(o.status)
				_, _ = w.Write([]byte(o.body))
				return
			}
		}
		handler.ServeHTTP(w, r)
	})
}

// App is an app with its server.
type App struct {
	Host *sim.Host
	ID   string // app_id
	Base string // URL
	// Unknown leaves the app out of those that are registered at the account server.
	Unknown bool

	server    *AccountServer
	secret    string // that it shares with the account server
	published map[string]string
}

const (
	// WellKnown is where the metadata of every role lie (profile section 3).
	WellKnown = "/.well-known/ticket-accounts"
	// patience is how long a terminal or an app waits for an answer (profile sections 5.2 and 6.2).
	patience = 5 * time.Second
)

// The legs of the flow, by the names of their endpoints.
const (
	LegRegistration   = "registration"
	LegAuthentication = "authentication"
	LegRefresh        = "refresh"
	LegVerification   = "verification"
	LegRevocation     = "revocation"
	LegResource       = "resource"
)

// New sets the stage.
func New(s stage.Setting) *Stage {
	st := &Stage{Server: &AccountServer{Issuer: "https://accounts"}, One: newApp("one"), Two: newApp("two")}
	st.Stage = stage.New(s, st, patience)
	st.Server.Host = st.Host("accounts", st.bootAccountServer)
	for _, a := range st.apps() {
		a.server = st.Server
		a.Host = st.Host("app."+strings.TrimPrefix(a.ID, "app-"), st.bootAppServer(a))
	}
	st.Alice, st.Bob = st.newUser("alice", "alice"), st.newUser("bob", "bob")
	st.Mallory = &Attacker{Attacker: st.NewAttacker("mallory"), stage: st}
	return st
}

func newApp(name string) *App {
	return &App{ID: "app-" + name, Base: "https://app." + name, secret: "secret-of-app-" + name + "-it-is"}
}

func (st *Stage) apps() []*App { return []*App{st.One, st.Two} }

// Document is the metadata that the app publishes.
func (a *App) Document() map[string]string {
	return map[string]string{"profile": "ticket@1", "issuer": a.server.Issuer, "app_id": a.ID, "resource_endpoint": a.Base + "/resource"}
}

// WithoutTLS has everybody know the account server under a URL without TLS, where its metadata lie. What they name goes under TLS.
func (s *AccountServer) WithoutTLS() {
	for _, leg := range []string{LegRegistration, LegAuthentication, LegRefresh, LegVerification, LegRevocation} {
		s.Publish(leg+"_endpoint", s.Issuer+"/"+leg)
	}
	s.Issuer = "http" + strings.TrimPrefix(s.Issuer, "https")
}

// Publish has the account server name another URL for a member of its metadata.
func (s *AccountServer) Publish(member, value string) {
	if s.published == nil {
		s.published = map[string]string{}
	}
	s.published[member] = value
}

// Publish has the app's server name another value for a member of its metadata.
func (a *App) Publish(member, value string) {
	if a.published == nil {
		a.published = map[string]string{}
	}
	a.published[member] = value
}

func (st *Stage) bootAccountServer(h *sim.Host) http.Handler {
	server := &cast.AccountServer{
		Env: st.Env(h), Issuer: st.Server.Issuer, Passwords: password.Cheapest(), AuthorizationKeyLifetime: st.Server.KeyLifetime,
	}
	for _, a := range st.apps() {
		if !a.Unknown {
			server.Apps = append(server.Apps, cast.App{ID: a.ID, Secret: a.secret})
		}
	}
	handler := server.Handler()
	st.LearnLegs(h, WellKnown, handler, nil)
	return stage.Publishing(st.Server.answering(handler), WellKnown, st.Server.published)
}

func (st *Stage) bootAppServer(a *App) sim.Boot {
	return func(h *sim.Host) http.Handler {
		handler := (&cast.AppServer{Env: st.Env(h), BaseURL: a.Base, ID: a.ID, Issuer: st.Server.Issuer, Secret: a.secret}).Handler()
		st.LearnLegs(h, WellKnown, handler, nil)
		return stage.Publishing(handler, WellKnown, a.published)
	}
}

// Leg implements [stage.Flow].
func (st *Stage) Leg(m *sim.Message) string { return st.PlainLeg(m, WellKnown) }

// Lanes implements [stage.Flow].
func (st *Stage) Lanes() []sequence.Lane {
	var lanes []sequence.Lane
	for _, u := range st.devices {
		lanes = append(lanes, sequence.Lane{Name: u.Host.Name(), Kind: "terminal"})
	}
	lanes = append(lanes, sequence.Lane{Name: st.Server.Host.Name(), Kind: "account server"})
	for _, a := range st.apps() {
		lanes = append(lanes, sequence.Lane{Name: a.Host.Name(), Kind: "app server"})
	}
	return append(lanes, sequence.Lane{Name: st.Mallory.Name, Kind: sequence.Attacker})
}

// Copied takes down that somebody has a copy of a ticket: what it opens until it ends is no breach.
func (st *Stage) Copied(t Ticket) { st.copied = append(st.copied, t.AuthorizationKey) }

// ownerOf is the user name of whoever sits at a host, empty for a server.
func (st *Stage) ownerOf(host string) string {
	if host == st.Mallory.Name {
		return st.Mallory.Name
	}
	if i := slices.IndexFunc(st.devices, func(u *User) bool { return u.Host.Name() == host }); i >= 0 {
		return st.devices[i].UserName
	}
	return ""
}

// appAt is the app whose server is on a host, nil for none.
func (st *Stage) appAt(host string) *App {
	for _, a := range st.apps() {
		if a.Host.Name() == host {
			return a
		}
	}
	return nil
}
