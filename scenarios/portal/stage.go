// Package portal puts the cast of the unified flow into a simulated world: a platform, three third-party platforms (one
// takes logouts in batches, one by back-channel, one not at all), the browsers of two users and an attacker, and the
// oracles that watch what passes.
//
// The oracles judge the trace, and what users did in their browsers. They open sealed messages with the communication
// keys, and do not ask the actors.
package portal

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/actors"
	"countersign/actors/password"
	"countersign/actors/token"
	cast "countersign/actors/unified"
	"countersign/conformance/catalog"
	"countersign/conformance/jose"
	"countersign/reports/sequence"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Stage is a world with the cast in it. A scenario gives the users their scripts, and then the stage runs.
type Stage struct {
	*stage.Stage
	Platform *Platform
	// Mail takes logouts in batches, Shop by back-channel, and Wiki registered no logout path.
	Mail, Shop, Wiki *ThirdParty
	// Alice and Bob are honest and have accounts at the platform.
	Alice, Bob *User
	Mallory    *Attacker
	// Unfinished says that the world may be over before everybody is done, so that a logout that has not arrived says nothing.
	Unfinished bool

	level     catalog.Level
	parties   []*ThirdParty
	users     []*User
	rival     *Rival            // nil in most worlds
	keys      map[string]sealer // by kid
	operators []string          // empty in most worlds
	consents  []consent
	wishes    []wish
}

// Platform is where users log in once. What is public may be changed before the world runs.
type Platform struct {
	Host   *sim.Host
	Issuer string
	// The limits of its queues; zero values are 100 tasks, 5 seconds and 30 seconds.
	BatchLimit    int
	BatchIdleTime time.Duration
	BatchMaxWait  time.Duration
}

// Way is how a third-party platform takes logouts.
type Way int

// The ways.
const (
	NoLogout Way = iota
	Batches
	BackChannel
)

// ThirdParty is a third-party platform. What is public may be changed before the world runs.
type ThirdParty struct {
	Host *sim.Host
	ID   string // client_id
	Base string // URL
	Way  Way
	// Name is the one that it is registered under; empty: that of its host.
	Name string
	// NoUserLogout leaves it without a logout of its own.
	NoUserLogout bool
	// MostTasks is how many tasks of a request it takes, leaving the others for later; zero: all.
	MostTasks int
	// Pages are further pages that it serves for its users, by path.
	Pages map[string]http.HandlerFunc

	keys      []jose.Key
	platforms []cast.PlatformSetup // besides the platform
}

const (
	// wellKnown is where the metadata of every role lie (profile section 3).
	wellKnown = "/.well-known/unified-login"
	// Patience is how long programs wait for each other (profile section 2.1).
	Patience = 10 * time.Second
	// LogoutBound is what the platform announces.
	LogoutBound = 5 * time.Minute
	// Lifetime is how long codes and pass tokens live.
	Lifetime = time.Minute
)

// The legs of the flow.
const (
	LegPortal         = "portal"
	LegAuthorization  = "authorization page"
	LegLogout         = "logout page"
	LegToken          = "pass-token request"
	LegAuthentication = "authentication request"
	LegStatus         = "status request"
	LegRegistration   = "registration"
	LegReview         = "review"
	LegKey            = "key"
	LegAccess         = "access"
	LegCallback       = "callback"
	LegHome           = "home page"
	LegResource       = "resource"
	LegBatch          = "batch-logout request"
	LegLeave          = "logout at the third-party platform"
	LegBackChannel    = "back-channel logout"
)

var legs = map[string]string{
	"portal_endpoint": LegPortal, "authorization_endpoint": LegAuthorization, "logout_endpoint": LegLogout,
	"token_endpoint": LegToken, "authentication_endpoint": LegAuthentication, "status_endpoint": LegStatus,
	"registration_endpoint": LegRegistration, "review_endpoint": LegReview, "key_endpoint": LegKey,
	"access_endpoint": LegAccess, "callback_endpoint": LegCallback, "home_endpoint": LegHome, "resource_endpoint": LegResource,
	"batch_logout_endpoint": LegBatch, "user_logout_endpoint": LegLeave, "backchannel_logout_endpoint": LegBackChannel,
	"jwks_uri": "signing keys",
}

// The operators, when there are any: Olga owns the third-party platforms and may review, Rene may review, Mallory may not.
const (
	Olga = "olga"
	Rene = "rene"
)

// New sets the stage.
func New(s stage.Setting) *Stage {
	st := &Stage{Platform: &Platform{Issuer: "https://platform"}, level: cmp.Or(s.Level, catalog.Hardened), keys: map[string]sealer{}}
	st.Stage = stage.New(s, st, 0)
	st.Alice, st.Bob = st.newUser("alice", "alice"), st.newUser("bob", "bob")
	st.Platform.Host = st.Host("platform", st.bootPlatform)
	st.Mail, st.Shop, st.Wiki = st.NewThirdParty("mail", Batches), st.NewThirdParty("shop", BackChannel), st.NewThirdParty("wiki", NoLogout)
	st.Mallory = &Attacker{Attacker: st.NewAttacker("mallory"), stage: st}
	return st
}

// NewThirdParty adds a third-party platform that is in force.
func (st *Stage) NewThirdParty(name string, way Way) *ThirdParty {
	t := &ThirdParty{ID: "tp-" + name, Base: "https://" + name, Way: way}
	st.giveKey(t, t.ID+"-1")
	t.Host = st.Host(name, func(h *sim.Host) http.Handler { return st.bootThirdParty(h, t) })
	st.parties = append(st.parties, t)
	return t
}

// giveKey gives a third-party platform one more communication key at the platform.
func (st *Stage) giveKey(t *ThirdParty, kid string) {
	key := jose.Key{ID: kid, Secret: []byte(fmt.Sprintf("%-32.32s", "key "+kid))}
	t.keys = append(t.keys, key)
	st.keys[kid] = sealer{key, t.ID, st.Platform.Issuer}
}

// Operated gives the platform its operators.
func (st *Stage) Operated() { st.operators = []string{Olga, Rene, "mallory"} }

// PasswordOf is the password of a user or operator at the platform.
func PasswordOf(name string) string { return "password of " + name }

// SubOf is the unique number of a user.
func SubOf(name string) string { return "sub-of-" + name }

// CallbackURI, LogoutURI and AccessURI are registered at the platform.
func (t *ThirdParty) CallbackURI() string { return t.Base + cast.PathCallback }

// AccessURI is where the portal's link leads.
func (t *ThirdParty) AccessURI() string { return t.Base + cast.PathAccess }

// LogoutURI is where batches go, empty when there is none.
func (t *ThirdParty) LogoutURI() string {
	if t.Way != Batches {
		return ""
	}
	return t.Base + cast.PathBatchLogout
}

// shownAs is the name by which users know it.
func (t *ThirdParty) shownAs() string { return cmp.Or(t.Name, t.Host.Name()) }

func (t *ThirdParty) registration() cast.Registration {
	r := cast.Registration{Name: t.shownAs(), AccessURI: t.AccessURI(), CallbackURI: t.CallbackURI(), LogoutURI: t.LogoutURI()}
	if t.Way == BackChannel {
		r.BackchannelLogoutURI = t.Base + cast.PathBackChannelLogout
	}
	return r
}

// env is the surroundings of a program, which waits for others no longer than the profile says.
func (st *Stage) env(h *sim.Host) actors.Env {
	env := st.Env(h)
	env.HTTP = h.ClientWithin(Patience)
	return env
}

// hashed is a password as the platform keeps it. The salt may be anybody's to know.
func hashed(name string) password.Hash {
	hash, err := password.Cheapest().Hash(PasswordOf(name), strings.NewReader(fmt.Sprintf("%-16.16s", name)))
	if err != nil {
		panic(err) // sixteen bytes of salt can be read
	}
	return hash
}

func (st *Stage) bootPlatform(h *sim.Host) http.Handler {
	p := &cast.Platform{
		Env: st.env(h), Issuer: st.Platform.Issuer, Name: "Portal", Passwords: password.Cheapest(), CodeLifetime: Lifetime, PassTokenLifetime: Lifetime,
		LogoutBound: LogoutBound, BatchLimit: st.Platform.BatchLimit, BatchIdleTime: st.Platform.BatchIdleTime, BatchMaxWait: st.Platform.BatchMaxWait,
	}
	for _, name := range []string{"alice", "bob", "mallory"} {
		p.Users = append(p.Users, cast.User{Name: name, Password: hashed(name), Sub: SubOf(name), Nickname: strings.ToUpper(name[:1]) + name[1:], Picture: "https://platform/picture"})
	}
	for _, name := range st.operators {
		p.Operators = append(p.Operators, cast.Operator{Name: name, Password: hashed(name), Reviews: name != "mallory"})
	}
	for _, t := range st.parties {
		registered := cast.RegisteredParty{ClientID: t.ID, Owner: Olga, Registration: t.registration()}
		registered.Keys = append(registered.Keys, token.Key(t.keys[0]))
		p.ThirdParties = append(p.ThirdParties, registered)
	}
	handler := p.Handler()
	st.LearnLegs(h, wellKnown, handler, func(member string) string { return legs[member] })
	return handler
}

// Honest is the program of a third-party platform as it would be on its host if nobody had taken it over.
func (st *Stage) Honest(h *sim.Host, t *ThirdParty) http.Handler { return st.bootThirdParty(h, t) }

func (st *Stage) bootThirdParty(h *sim.Host, t *ThirdParty) http.Handler {
	own := cast.PlatformSetup{Issuer: st.Platform.Issuer, ClientID: t.ID}
	for _, k := range t.keys {
		own.Keys = append(own.Keys, token.Key(k))
	}
	party := &cast.ThirdParty{
		Env: st.env(h), BaseURL: t.Base, Name: h.Name(), Platforms: append([]cast.PlatformSetup{own}, t.platforms...),
		NoBatchLogout: t.Way != Batches, NoBackChannelLogout: t.Way != BackChannel, NoUserLogout: t.NoUserLogout,
		Data: func(v cast.Visitor) []cast.Datum { return []cast.Datum{{ID: "1", Title: noteIn(v.Account)}} },
	}
	handler := party.Handler()
	st.LearnLegs(h, wellKnown, handler, func(member string) string { return legs[member] })
	if t.MostTasks > 0 {
		handler = st.sparing(h, t, handler)
	}
	return t.withPages(handler)
}

// withPages is the handler with the further pages beside it.
func (t *ThirdParty) withPages(handler http.Handler) http.Handler {
	if len(t.Pages) == 0 {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page := t.Pages[r.URL.Path]; page != nil {
			page(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// notePrefix begins what a third-party platform keeps in an account, and noteIn is the whole of it.
const notePrefix = "Note in account "

func noteIn(account string) string { return notePrefix + account + "." }

// Leg implements [stage.Flow]. A callback path is registered: metadata that do not name it change nothing about it.
func (st *Stage) Leg(m *sim.Message) string {
	leg, known := st.Known(m)
	if target, _, _ := strings.Cut(m.URL, "?"); !known && st.find(func(t *ThirdParty) bool { return t.CallbackURI() == target }) != nil {
		return LegCallback
	}
	if known {
		return leg
	}
	return st.PlainLeg(m, wellKnown)
}

// Lanes implements [stage.Flow].
func (st *Stage) Lanes() []sequence.Lane {
	var lanes []sequence.Lane
	for _, u := range st.users {
		lanes = append(lanes, sequence.Lane{Name: u.Host.Name(), Kind: "user agent"})
	}
	lanes = append(lanes, sequence.Lane{Name: st.Platform.Host.Name(), Kind: "authentication platform"})
	for _, t := range st.parties {
		lanes = append(lanes, sequence.Lane{Name: t.Host.Name(), Kind: "third-party platform"})
	}
	if st.rival != nil {
		lanes = append(lanes, sequence.Lane{Name: st.rival.Host.Name(), Kind: "authentication platform"})
	}
	return append(lanes, sequence.Lane{Name: st.Mallory.Name, Kind: sequence.Attacker})
}

// personAt is who sits at a host, empty for a server.
func (st *Stage) personAt(host string) string {
	if host == st.Mallory.Name {
		return st.Mallory.Name
	}
	if i := slices.IndexFunc(st.users, func(u *User) bool { return u.Host.Name() == host }); i >= 0 {
		return st.users[i].UserName
	}
	return ""
}

// partyAt is the third-party platform on a host, and party that of a client_id; nil for none.
func (st *Stage) partyAt(host string) *ThirdParty {
	return st.find(func(t *ThirdParty) bool { return t.Host.Name() == host })
}

func (st *Stage) party(clientID string) *ThirdParty {
	return st.find(func(t *ThirdParty) bool { return t.ID == clientID })
}

func (st *Stage) find(is func(*ThirdParty) bool) *ThirdParty {
	if i := slices.IndexFunc(st.parties, is); i >= 0 {
		return st.parties[i]
	}
	return nil
}

// Curtain ends a world in which somebody would try for ever: the platform is switched off for good.
func (st *Stage) Curtain() { st.Platform.Host.Crash(-1) }
