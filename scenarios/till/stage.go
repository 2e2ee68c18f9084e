// Package till puts the cast of the offline flow into a simulated world: a service server, two tills, the handsets of
// two users, an attacker with a handset of her own, the air between handsets and tills, and the oracles that watch what passes.
//
// The oracles judge the trace, and what users said yes to. They do not ask the actors.
package till

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/actors/password"
	"countersign/conformance/catalog"
	"countersign/reports/sequence"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Stage is a world with the cast in it. A scenario gives the users their scripts, and then the stage runs.
type Stage struct {
	*stage.Stage
	Server   *Server
	One, Two *Till
	// Alice and Bob are honest, and have a handset each. Their offline passwords are not set at first.
	Alice, Bob *User
	Mallory    *Attacker

	level   catalog.Level
	people  []*User
	yeses   []*yes
	stolen  []string // handsets that a thief has
	frames  map[*byte]nearfield.Frame
	account map[string]password.Hash

	publicKeys map[string]ed25519.PublicKey // of everybody who signs
}

// Server is the service server. What is public may be changed before the world runs.
type Server struct {
	Host   *sim.Host
	Issuer string

	published map[string]string
}

// Till is a verification device: a till with a label on it.
type Till struct {
	Host *sim.Host
	ID   string // as its label says
	Base string // URL

	secret string // that it shares with the server
	link   nearfield.Link
}

// Label is what stands on the till: where a handset has to send its frames. The link may be one that a dishonest party made up.
func (t *Till) Label() cast.NearDevice {
	return cast.NearDevice{Device: t.ID, NearField: t.Base + pathNearField, FrameSize: t.link.FrameSize, Link: t.link.Name}
}

const (
	// WellKnown is where the metadata of every role lie (profile section 3).
	WellKnown     = "/.well-known/offline-authorization"
	pathNearField = "/near-field"
	// patience is how long somebody waits for an answer who has no limit of their own.
	patience = 5 * time.Second
	keyID    = "server-1"
	currency = "EUR"
)

// The services of the server, and the amount from which on a coffee needs the password. A gate needs it always.
const (
	Coffee    = "coffee"
	Gate      = "gate"
	Threshold = 5000
)

// The legs of the flow, by the names of their endpoints.
const (
	LegApplication  = "application"
	LegVerification = "verification"
	LegPassword     = "password"
	LegNearField    = "near field"
)

// New sets the stage. The links are NFC unless [Stage.Over] says otherwise.
func New(s stage.Setting) *Stage {
	st := &Stage{
		Server: &Server{Issuer: "https://server"}, One: newTill("one", "till-1"), Two: newTill("two", "till-2"),
		level: s.Level, frames: map[*byte]nearfield.Frame{}, account: map[string]password.Hash{}, publicKeys: map[string]ed25519.PublicKey{},
	}
	for _, name := range []string{"handset-1", "handset-2", MallorysHandset, keyID} {
		st.publicKeys[name] = key(name).Public().(ed25519.PublicKey)
	}
	st.Stage = stage.New(s, st, patience)
	st.Server.Host = st.Host("server", st.bootServer)
	for _, t := range st.tills() {
		t.Host = st.Host("till."+strings.TrimPrefix(t.Base, "https://till."), st.bootTill(t))
	}
	st.Alice, st.Bob = st.newUser("alice", "handset-1"), st.newUser("bob", "handset-2")
	st.Mallory = &Attacker{Attacker: st.NewAttacker("mallory"), stage: st}
	st.Over("nfc")
	return st
}

func newTill(name, id string) *Till {
	return &Till{ID: id, Base: "https://till." + name, secret: "secret-of-" + id}
}

func (st *Stage) tills() []*Till { return []*Till{st.One, st.Two} }

// Over makes the air between all handsets and all tills one of the links of the profile: acoustic, nfc, ble or qr (section 4.1).
// At core, where nobody has to send a frame again, it is quiet, and nothing is lost or damaged but by faults.
func (st *Stage) Over(name string) {
	link, known := nearfield.Find(name)
	if !known {
		panic("till: the profile has no link " + name)
	}
	for _, t := range st.tills() {
		t.link = link
		for _, u := range st.people {
			for _, way := range [][2]string{{u.Host.Name(), t.Host.Name()}, {t.Host.Name(), u.Host.Name()}} {
				*st.World.Link(way[0], way[1]) = st.air(link)
			}
		}
	}
	if name == "qr" {
		st.World.Tap(sim.TapFunc(st.showPicture))
	}
}

// Ideal makes the air between all handsets and all tills a link of that name that takes no time and loses nothing but what it cannot
// carry, so that nothing but who leads the world orders what happens. It carries frames of at most that size, in bytes: by the
// link qr as pictures, and by the others as they are.
func (st *Stage) Ideal(link string, frame int) {
	for _, t := range st.tills() {
		t.link = nearfield.Link{Name: link, FrameSize: frame}
		for _, u := range st.people {
			*st.World.Link(u.Host.Name(), t.Host.Name()) = sim.Link{BytesPerSecond: 1 << 62}
			*st.World.Link(t.Host.Name(), u.Host.Name()) = sim.Link{BytesPerSecond: 1 << 62}
		}
	}
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		carried := len(m.Body) <= frame
		if link == "qr" { // cameras see pictures and nothing else
			carried = m.Header.Get("Content-Type") == nearfield.PictureType
		}
		return sim.Verdict{Drop: NearField(&m) && !carried}
	}))
}

// NearField reports whether a message goes over the air between a handset and a till.
func NearField(m *sim.Message) bool { return strings.HasSuffix(m.URL, pathNearField) }

// air is the world's link for a link of the profile. What the sound or the light itself takes is next to nothing.
func (st *Stage) air(link nearfield.Link) sim.Link {
	l := sim.Link{Delay: time.Millisecond, Loss: link.FrameLoss, BitErrors: link.BitErrorRate, BytesPerSecond: link.Rate}
	if link.Name == "qr" {
		l.BytesPerSecond = 0 // the rate is that of frames, and what passes are their pictures
	}
	if st.level == catalog.Core {
		l.Loss, l.BitErrors = 0, 0
	}
	return l
}

// showPicture holds a picture up for as long as the frame in it takes, however large its file is.
func (st *Stage) showPicture(_ *sim.World, m sim.Message) sim.Verdict {
	link, _ := nearfield.Find("qr")
	f, framed := st.Frame(&m)
	if !framed || m.Header.Get("Content-Type") != nearfield.PictureType {
		return sim.Verdict{}
	}
	return sim.Verdict{Delay: link.Duration(nearfield.Overhead + len(f.Payload))}
}

// Frame is the frame that a message carries, as it is or as a picture.
func (st *Stage) Frame(m *sim.Message) (f nearfield.Frame, framed bool) {
	if len(m.Body) == 0 || !strings.HasSuffix(m.URL, pathNearField) {
		return f, false
	}
	if f, framed = st.frames[&m.Body[0]]; framed {
		return f, f.Type != 0
	}
	content := m.Body
	if m.Header.Get("Content-Type") == nearfield.PictureType {
		content, _ = nearfield.ReadPicture(m.Body) // what is no picture of a frame is no frame
	}
	f, err := nearfield.Parse(content)
	if err != nil || !nearfield.Intact(content) {
		f = nearfield.Frame{}
	}
	st.frames[&m.Body[0]] = f
	return f, f.Type != 0
}

// key is the private key of a name.
func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("offline@1 " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func (st *Stage) pinned() cast.PinnedKeys { return cast.PinnedKeys{keyID: st.publicKeys[keyID]} }

// Publish has the server name another URL for a member of its metadata.
func (s *Server) Publish(member, value string) {
	if s.published == nil {
		s.published = map[string]string{}
	}
	s.published[member] = value
}

func (st *Stage) bootServer(h *sim.Host) http.Handler {
	server := &cast.ServiceServer{
		Env: st.Env(h), Issuer: st.Server.Issuer, Signer: cast.Signer{ID: keyID, Key: key(keyID)}, Passwords: password.Cheapest(),
		Services: []cast.Service{{ID: Coffee, Threshold: Threshold}, {ID: Gate}},
	}
	for _, t := range st.tills() {
		server.Devices = append(server.Devices, cast.Device{ID: t.ID, Secret: t.secret})
	}
	for _, u := range st.people {
		if !u.Unknown {
			server.Handsets = append(server.Handsets, cast.EnrolledHandset{ID: u.Handset, Account: u.Name, Key: st.publicKeys[u.Handset]})
			server.Accounts = append(server.Accounts, cast.Account{Name: u.Name, Password: st.account[u.Name]})
		}
	}
	server.Handsets = append(server.Handsets, cast.EnrolledHandset{ID: MallorysHandset, Account: st.Mallory.Name, Key: st.publicKeys[MallorysHandset]})
	server.Accounts = append(server.Accounts, cast.Account{Name: st.Mallory.Name, Password: st.account[st.Mallory.Name]})
	handler := server.Handler()
	st.LearnLegs(h, WellKnown, handler, nil)
	return stage.Publishing(handler, WellKnown, st.Server.published)
}

// enrol makes an account at the server, whose password is used in this world.
func (st *Stage) enrol(name, accountPassword string) {
	if _, there := st.account[name]; there {
		return
	}
	hash, err := password.Cheapest().Hash(accountPassword, strings.NewReader("the salt of "+name+" and more of it"))
	if err != nil {
		panic(err) // the salt is long enough
	}
	st.account[name] = hash
}

func (st *Stage) bootTill(t *Till) sim.Boot {
	return func(h *sim.Host) http.Handler {
		return (&cast.VerificationDevice{
			Env: st.Env(h), BaseURL: t.Base, Device: t.ID, Secret: t.secret, Issuer: st.Server.Issuer, ServerKeys: st.pinned(), Link: t.link,
		}).Handler()
	}
}

// leg is Leg without what a frame is for.
func (st *Stage) leg(m *sim.Message) string {
	if leg, known := st.Known(m); known {
		return leg
	}
	switch {
	case strings.HasSuffix(m.URL, pathNearField):
		return LegNearField
	case strings.HasSuffix(m.URL, WellKnown):
		return "metadata"
	}
	return "page"
}

// Leg implements [stage.Flow].
func (st *Stage) Leg(m *sim.Message) string {
	leg := st.leg(m)
	if leg != LegNearField || m.Kind != sim.Request {
		return leg
	}
	if f, framed := st.Frame(m); framed {
		return words(f)
	}
	return cmp.Or(opened(m), leg)
}

// words says what a frame is for.
func words(f nearfield.Frame) string {
	of := [...]string{"application", "information", "countersign", "decision"}
	message := "another message"
	if int(f.Message) < len(of) {
		message = of[f.Message]
	}
	switch f.Type {
	case nearfield.Poll:
		return "asks for the " + message
	case nearfield.Ack:
		return "acknowledged"
	case nearfield.Wait:
		return "wait"
	}
	return message
}

// Lanes implements [stage.Flow].
func (st *Stage) Lanes() []sequence.Lane {
	var lanes []sequence.Lane
	for _, u := range st.people {
		lanes = append(lanes, sequence.Lane{Name: u.Host.Name(), Kind: "handset"})
	}
	for _, t := range st.tills() {
		lanes = append(lanes, sequence.Lane{Name: t.Host.Name(), Kind: "till"})
	}
	lanes = append(lanes, sequence.Lane{Name: st.Server.Host.Name(), Kind: "service server"})
	return append(lanes, sequence.Lane{Name: st.Mallory.Name, Kind: sequence.Attacker})
}

// at is the user whose handset is on a host, nil for none.
func (st *Stage) at(host string) *User {
	return first(st.people, func(u *User) bool { return u.Host.Name() == host })
}

// of is the user whose handset has an identifier, nil for none.
func (st *Stage) of(handset string) *User {
	return first(st.people, func(u *User) bool { return u.Handset == handset })
}

// tillAt is the till on a host, nil for none.
func (st *Stage) tillAt(host string) *Till {
	return first(st.tills(), func(t *Till) bool { return t.Host.Name() == host })
}

func first[T any](all []*T, wanted func(*T) bool) *T {
	if i := slices.IndexFunc(all, wanted); i >= 0 {
		return all[i]
	}
	return nil
}

// Noise turns bits over on the air between a handset and a till, each with this probability.
func (st *Stage) Noise(u *User, t *Till, bitErrors float64) {
	st.World.Link(u.Host.Name(), t.Host.Name()).BitErrors = bitErrors
	st.World.Link(t.Host.Name(), u.Host.Name()).BitErrors = bitErrors
}
