// Package office puts the cast of the mobile flow into a simulated world: an authorization server, two business systems,
// the devices of two users, an administrator of the rules, a dishonest colleague and an attacker from outside, and the
// oracles that watch what passes.
//
// The oracles judge the trace, and what people found on their devices. They do not ask the actors.
package office

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	cast "countersign/actors/mobile"
	"countersign/actors/password"
	"countersign/actors/token"
	"countersign/conformance/catalog"
	"countersign/reports/sequence"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Stage is a world with the cast in it. A scenario gives people their scripts, and then the stage runs.
type Stage struct {
	*stage.Stage
	Server   *AuthorizationServer
	CRM, ERP *System
	// Alice and Bob are honest and not enrolled at first. Alice may use both apps and Bob that of CRM; each has the latter here.
	Alice, Bob *User
	Ann        *Administrator
	// Clive works here, may use the app of CRM, and is dishonest. Mallory is a stranger.
	Clive, Mallory *Rogue

	level   catalog.Level
	signer  token.Signer // of the authorization server
	curtain *curtain
	systems []*System
	devices []*User
	rogues  []*Rogue
}

// AuthorizationServer is where the rules are. What is public may be changed before the world runs.
type AuthorizationServer struct {
	Host          *sim.Host
	Issuer        string
	TokenLifetime time.Duration // zero: five minutes
	CacheLifetime time.Duration // zero: five seconds
	// Rules are the first ones, which the scenario may change.
	Rules cast.Rules
	// File is the file of rules that the server watches; nil: it watches none.
	File *File

	published map[string]string
}

// File is a file of rules on the server's disk.
type File struct {
	Text []byte
	// Refused is why the server did not take the text, and the last reason if it was several.
	Refused string
}

func (f *File) read() ([]byte, error) {
	if f.Text == nil {
		return nil, errors.New("there is no file")
	}
	return f.Text, nil
}

// Publish has the authorization server name another URL for a member of its metadata.
func (s *AuthorizationServer) Publish(member, value string) {
	if s.published == nil {
		s.published = map[string]string{}
	}
	s.published[member] = value
}

// System is a business system at one address.
type System struct {
	Host *sim.Host
	ID   string // system_id
	Base string // URL

	secret string
	key    token.Key // the first
	// brokenInto says that what the system knows is known to others.
	brokenInto bool
}

// Address is where the system gives resources.
func (s *System) Address() string { return s.Base + "/resource" }

const (
	// WellKnown is where the metadata of every role lie (profile section 3).
	WellKnown = "/.well-known/mobile-access"
	// patience is how long people wait for an answer. Actors have limits of their own.
	patience = 10 * time.Second
)

// The apps, by their appid.
const (
	FieldSales = "field-sales" // of CRM
	Stock      = "stock"       // of ERP
)

// The legs of the flow, by the names of their endpoints.
const (
	LegRegistration    = "registration"
	LegAuthentication  = "authentication"
	LegDeregistration  = "deregistration"
	LegAcknowledgement = "wipe acknowledgement"
	LegDownload        = "shared token"
	LegRules           = "rules"
	LegAudit           = "rules audit"
	LegKeys            = "sealing keys"
	LegRotation        = "key rotation"
	LegResource        = "resource"
	LegMessage         = "notification"
)

// New sets the stage.
func New(s stage.Setting) *Stage {
	st := &Stage{level: s.Level, Server: &AuthorizationServer{Issuer: "https://authorization", Rules: FirstRules()}}
	st.Stage = stage.New(s, st, patience)
	seed := sha256.Sum256([]byte("signing key of the authorization server"))
	signer, err := token.NewSigner(bytes.NewReader(seed[:]), "signing-1")
	if err != nil {
		panic(err) // 32 bytes are enough, and these are a key
	}
	st.signer = signer
	st.Server.Host = st.Host("authorization", st.bootServer)
	st.CRM, st.ERP = st.newSystem("crm", "crm"), st.newSystem("erp", "erp")
	st.Alice, st.Bob = st.newUser("alice", "alice", FieldSales), st.newUser("bob", "bob", FieldSales)
	st.Ann = &Administrator{Person: st.NewPerson("ann", "administrator", nil), stage: st}
	st.curtain = st.newCurtain()
	st.Clive, st.Mallory = st.newRogue("clive"), st.newRogue("mallory")
	return st
}

// FirstRules are those that the authorization server starts with.
func FirstRules() cast.Rules {
	return cast.Rules{
		Systems: []cast.SystemRule{{SystemID: "crm", Address: "https://crm/resource"}, {SystemID: "erp", Address: "https://erp/resource"}},
		Apps: []cast.AppRule{
			{AppID: FieldSales, SystemID: "crm", Users: []string{"alice", "bob", "clive"}},
			{AppID: Stock, SystemID: "erp", Users: []string{"alice"}},
		},
		Devices: []cast.DeviceRule{
			{DeviceID: deviceOf("alice"), Username: "alice"}, {DeviceID: deviceOf("alice.tablet"), Username: "alice"},
			{DeviceID: deviceOf("bob"), Username: "bob"}, {DeviceID: deviceOf("clive"), Username: "clive"},
		},
	}
}

// deviceOf is the deviceid of what a host stands for.
func deviceOf(host string) string { return "device-" + host }

// NewAddress puts a system at a second address as well, where it answers from the beginning; the rules do not name it yet.
func (st *Stage) NewAddress(of *System, host string) *System {
	moved := st.newSystem(of.ID, host)
	moved.key = of.key
	return moved
}

func (st *Stage) newSystem(id, host string) *System {
	key := sha256.Sum256([]byte("sealing key of " + id))
	s := &System{ID: id, Base: "https://" + host, secret: "secret of " + id, key: token.Key{ID: id + "-1", Secret: key[:]}}
	s.Host = st.Host(host, func(h *sim.Host) http.Handler {
		handler := (&cast.BusinessSystem{
			Env: st.Env(h), BaseURL: s.Base, SystemID: s.ID, Issuer: st.Server.Issuer, Secret: s.secret, Key: s.key,
		}).Handler()
		st.LearnLegs(h, WellKnown, handler, nil)
		return handler
	})
	st.systems = append(st.systems, s)
	return s
}

// ShareSealingKey gives two systems one sealing key, as a careless operator may.
func (st *Stage) ShareSealingKey() { st.ERP.key = st.CRM.key }

func (st *Stage) bootServer(h *sim.Host) http.Handler {
	server := &cast.AuthorizationServer{
		Env: st.Env(h), Issuer: st.Server.Issuer, Passwords: password.Cheapest(), Rules: st.Server.Rules, Signer: st.signer,
		AccessTokenLifetime: st.Server.TokenLifetime, CacheLifetime: st.Server.CacheLifetime,
		Administrators: []cast.Administrator{{Name: administrator, Password: administratorPassword}},
	}
	for _, s := range []*System{st.CRM, st.ERP} {
		server.Systems = append(server.Systems, cast.System{ID: s.ID, Secret: s.secret, Key: s.key})
	}
	for _, name := range []string{"alice", "bob", "clive"} {
		server.Users = append(server.Users, cast.User{Name: name, Password: passwordOf(name)})
	}
	if st.Server.File != nil {
		server.RulesFile = st.Server.File.read
		server.RulesFileRefused = func(err error) {
			st.Server.File.Refused = err.Error()
			st.Note(h, "does not take the file of rules")
		}
	}
	handler := server.Handler()
	st.LearnLegs(h, WellKnown, handler, nil)
	return stage.Publishing(handler, WellKnown, st.Server.published)
}

func passwordOf(name string) string { return "password of " + name }

// issuerKeys are the keys that come with the apps.
func (st *Stage) issuerKeys() []*ecdsa.PublicKey { return []*ecdsa.PublicKey{&st.signer.Key.PublicKey} }

// Leg implements [stage.Flow].
func (st *Stage) Leg(m *sim.Message) string { return st.PlainLeg(m, WellKnown) }

// Lanes implements [stage.Flow].
func (st *Stage) Lanes() []sequence.Lane {
	var lanes []sequence.Lane
	for _, u := range st.devices {
		lanes = append(lanes, sequence.Lane{Name: u.Host.Name(), Kind: "mobile app"})
	}
	lanes = append(lanes, sequence.Lane{Name: st.Ann.Name, Kind: "administrator"}, sequence.Lane{Name: st.Server.Host.Name(), Kind: "authorization server"})
	for _, s := range st.systems {
		lanes = append(lanes, sequence.Lane{Name: s.Host.Name(), Kind: "business system"})
	}
	for _, r := range st.rogues {
		lanes = append(lanes, sequence.Lane{Name: r.Name, Kind: sequence.Attacker})
	}
	return lanes
}

// systemAt is the system on a host, nil for none.
func (st *Stage) systemAt(host string) *System {
	if i := slices.IndexFunc(st.systems, func(s *System) bool { return s.Host.Name() == host }); i >= 0 {
		return st.systems[i]
	}
	return nil
}

// deviceAt is the honest device on a host, nil for none.
func (st *Stage) deviceAt(host string) *User {
	if i := slices.IndexFunc(st.devices, func(u *User) bool { return u.Host.Name() == host }); i >= 0 {
		return st.devices[i]
	}
	return nil
}

// hostOf is where a device is that the rules name; empty where it is nowhere in the play.
func (st *Stage) hostOf(deviceID string) string {
	for _, u := range st.devices {
		if u.DeviceID == deviceID {
			return u.Host.Name()
		}
	}
	for _, r := range st.rogues {
		if r.DeviceID == deviceID {
			return r.Name
		}
	}
	return ""
}

// userAt is the user name of whoever sits at a host, empty for a server.
func (st *Stage) userAt(host string) string {
	if u := st.deviceAt(host); u != nil {
		return u.UserName
	}
	for _, r := range st.rogues {
		if r.Name == host {
			return r.Name
		}
	}
	return ""
}

// members reads a JSON object; what is none has no members.
func members(body []byte) map[string]any {
	var m map[string]any
	_ = json.Unmarshal(body, &m) // nothing comes of what is no object
	return m
}

// Requests collects the different bodies of the requests on a leg that a host sends from now on.
func (st *Stage) Requests(from *sim.Host, leg string) map[string]bool {
	seen := map[string]bool{}
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Request && m.From == from.Name() && st.Leg(&m) == leg {
			seen[string(m.Body)] = true
		}
		return sim.Verdict{}
	}))
	return seen
}

// CountAnswers counts the answers of a status that anybody gives from now on.
func (st *Stage) CountAnswers(status int) *int {
	n := new(int)
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Response && m.Status == status {
			*n++
		}
		return sim.Verdict{}
	}))
	return n
}

// CountRefusals counts the answers with an error of that code that anybody gives from now on.
func (st *Stage) CountRefusals(code string) *int {
	n := new(int)
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if m.Kind == sim.Response && m.Status >= http.StatusBadRequest && read(m.Body).Error == code {
			*n++
		}
		return sim.Verdict{}
	}))
	return n
}
