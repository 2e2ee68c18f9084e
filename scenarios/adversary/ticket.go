package adversary

import (
	"net/http"
	"strings"
	"time"

	cast "countersign/actors/ticket"
	"countersign/scenarios/accounts"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// The kinds of term of the ticket flow.
const (
	userID           = "user ID"
	authorizationKey = "authorization key"
	refreshKey       = "refresh key"
	requestID        = "request ID"
	endpointURL      = "endpoint"    // in metadata that travel without TLS
	arrangement      = "arrangement" // of the attacker's, which fills no move
)

// madeUpKey looks like a key, and nobody has issued it.
const madeUpKey = "made-up-made-up-made-up"

// keyLifetime is that of authorization keys (profile section 3).
const keyLifetime = 10 * time.Minute

// Ticket is the flow in which one account opens many apps.
func Ticket() Flow {
	alone := []string{"alice", "alice logs out", "alice signs out"}
	return Flow{
		Name:       "ticket",
		Invariants: accounts.Invariants(),
		Scenes: []Scene{
			{Name: "open-web", Attacker: Web, Text: "Everything travels under TLS. Mallory has an account and a ticket of her own, and the second app is hers."},
			{Name: "likely-passwords", Attacker: Web, Text: "As the open web, but Mallory does nothing but try names and passwords.", Sessions: alone[:1]},
			{Name: "copied-ticket", Attacker: Web, Text: "Mallory has copied Alice's first ticket for the first app from her terminal. What comes after it she has not.", Sessions: alone},
			{Name: "slow-clock", Attacker: Web, Text: "As the copied ticket, and the clock of the first app is two hours behind.", Sessions: alone},
			{Name: "recorded-refresh", Attacker: Web, Text: "Two minutes after Alice's terminal has refreshed, the record of its request gets into Mallory's hands.", Sessions: alone[:1]},
			{Name: "mixed-up-answers", Attacker: Web, Text: "A proxy before the account server mixes up answers to apps and to refreshes, and Mallory knows how to have it do so.", Sessions: alone[:1]},
			{Name: "shared-cache", Attacker: Web, Text: "Before the first app stands a cache that keeps what nobody has forbidden it to keep.", Sessions: []string{"alice", "bob"}},
			{Name: "overloaded-server", Attacker: Web, Text: "The account server verifies, confirms nothing and refreshes nothing, while programs on Alice's terminal open the app every second.", Sessions: alone[:1]},
			{Name: "slow-network", Attacker: Web, Text: "As the open web, and Mallory knows how to slow down what Alice's terminal and the first app ask for: some seconds in which she can do something.", Sessions: alone[:1]},
			{Name: "open-web-first", Mirrors: "open-web", Attacker: Web, Text: "As the open web, and it is the first app that is Mallory's. Alice opens the second before it.", Sessions: alone[:1]},
			{Name: "mixed-up-answers-second", Mirrors: "mixed-up-answers", Attacker: Web, Text: "As the mixed-up answers, and it is the first app that is Mallory's.", Sessions: alone[:1]},
			{Name: "shared-cache-second", Mirrors: "shared-cache", Attacker: Web, Text: "As the shared cache, and it stands before the second app.", Sessions: []string{"alice", "bob"}},
			{Name: "overloaded-server-second", Mirrors: "overloaded-server", Attacker: Web, Text: "As the overloaded server, and the programs open the second app.", Sessions: alone[:1]},
			{Name: "losing-network", Attacker: Network, Text: "Messages get lost or come twice, and servers crash. Mallory has nothing.", Sessions: []string{"alice", "alice logs out", "alice signs out", "bob"}, Faults: true},
			{Name: "plain-metadata", Attacker: Network, Text: "The account server gives its metadata without TLS; what they name lies under TLS. The second app is Mallory's.", Sessions: alone[:2]},
			{Name: "plain-metadata-second", Mirrors: "plain-metadata", Attacker: Network, Text: "As the plain metadata, and it is the first app that is Mallory's.", Sessions: alone[:1]},
			{Name: "plain-registration", Attacker: Network, Text: "The account server takes registrations without TLS.", Sessions: alone[:1]},
			{Name: "plain-authentication", Attacker: Network, Text: "The account server takes passwords without TLS.", Sessions: alone[:1]},
			{Name: "plain-refresh", Attacker: Network, Text: "The account server takes refreshes without TLS.", Sessions: alone[:1]},
			{Name: "plain-revocation", Attacker: Network, Text: "The account server takes revocations without TLS.", Sessions: alone[1:2]},
			{Name: "plain-resource", Attacker: Network, Text: "The first app gives resources without TLS.", Sessions: alone[:1]},
		},
		Sessions: []string{"alice", "alice logs out", "alice signs out", "alice's tablet", "bob"},
		Either:   [][]string{{"alice", "alice logs out", "alice signs out"}},
		Set:      setAccounts,
		Type:     accountsType,
	}
}

// accountsType says what the fields of the flow hold (profile sections 4 and 5).
func accountsType(leg string, m *sim.Message, f Field) Meaning {
	if leg == "metadata" {
		if !m.Secure && strings.HasSuffix(f.Name, "_endpoint") {
			return Meaning{Type: endpointURL}
		}
		return Meaning{}
	}
	switch f.Name {
	case "user_id", "owner":
		return Meaning{Type: userID, Of: "accounts"}
	case "authorization_key":
		return Meaning{Type: authorizationKey}
	case "refresh_key":
		return Meaning{Type: refreshKey}
	case "request_id":
		return Meaning{Type: requestID}
	}
	return Meaning{}
}

// accountsWorld is a world of the flow that is explored.
type accountsWorld struct {
	*accounts.Stage
	d     *Director
	scene string
	doubt *accounts.Override // the account server does not confirm one ticket that is good
	away  *accounts.Override // it answers no refresh

	own      accounts.Ticket // Mallory's
	copied   bool            // Alice's first ticket was copied
	copiedAt time.Time       // by Mallory's clock
	opened   bool            // the first app has opened for Alice
	began    bool            // she has done something
	left     bool            // she has ended her ticket herself
	record   *sim.Message    // the refresh that Alice's terminal asked for last
	mixes    func(leg string, answer sim.Message) *sim.Message
	diverted func(answer sim.Message) *sim.Message // what comes instead of an answer of an app
}

func setAccounts(d *Director, scene string, s stage.Setting) *stage.Stage {
	if scene == "slow-clock" {
		s.Faults = append(s.Faults, stage.Plan("skew:app.one=-2h")...)
	}
	st := &accountsWorld{Stage: accounts.New(s), d: d, scene: scene}
	if d.Mirrored() {
		st.One, st.Two = st.Two, st.One
	}
	d.Attacker(st.Mallory.Host)
	d.MayCrash(st.Server.Host, st.One.Host)
	st.arrange()
	st.know()
	st.people()
	st.move()
	d.Finally(st.look)
	return st.Stage.Stage
}

// hers reports whether the second app is Mallory's.
func (st *accountsWorld) hers() bool {
	return st.scene != "losing-network" && st.scene != "shared-cache"
}

// plain reports whether a leg goes without TLS.
func (st *accountsWorld) plain() bool { return strings.HasPrefix(st.scene, "plain-") }

// stolen reports whether Mallory has something of Alice's to begin with, so that she may well be asked for her password.
func (st *accountsWorld) stolen() bool {
	return st.scene == "copied-ticket" || st.scene == "slow-clock" || st.scene == "recorded-refresh"
}

// arrange makes the scene.
func (st *accountsWorld) arrange() {
	st.doubt = st.Server.Override(accounts.LegVerification, http.StatusOK, `{"active":false}`)
	st.away = st.Server.Override(accounts.LegRefresh, http.StatusServiceUnavailable, `{"error":"temporarily_unavailable","error_description":"overloaded"}`)
	if st.scene != "overloaded-server" {
		st.doubt.Once()
	}
	if st.hers() {
		st.d.Owns(st.Two.Host)
		st.Corrupt(st.Two.Host)
	}
	st.World.Tap(sim.TapFunc(st.mixUp))
	switch st.scene {
	case "copied-ticket", "slow-clock":
		st.d.Leaks(st.copies)
	case "shared-cache":
		st.CacheBefore(st.One)
	case "slow-network":
		st.d.Slow(slowFor, func(m *sim.Message) bool { return m.From != st.Mallory.Name && m.To != st.Mallory.Name })
	case "plain-metadata":
		st.Server.WithoutTLS()
	case "plain-registration", "plain-authentication", "plain-refresh", "plain-revocation":
		leg := st.scene[len("plain-"):]
		st.Server.Publish(leg+"_endpoint", "http://accounts/"+leg)
	case "plain-resource":
		st.One.Publish("resource_endpoint", "http://app.one/resource")
	}
}

// copies tells the answer with Alice's first ticket for the first app.
func (st *accountsWorld) copies(m *sim.Message) bool {
	if st.copied || m.Kind != sim.Response || m.To != st.Alice.Host.Name() || st.Leg(m) != accounts.LegAuthentication {
		return false
	}
	t, got := accounts.ReadTicket(string(m.Body))
	if st.copied = got && t.AppID == st.One.ID; st.copied {
		st.Copied(t)
		st.copiedAt = st.Mallory.Host.Clock().Now()
	}
	return st.copied
}

// mixUp changes answers as Mallory has prepared it.
func (st *accountsWorld) mixUp(_ *sim.World, m sim.Message) (v sim.Verdict) {
	leg := st.Leg(&m)
	if m.Kind == sim.Request && m.From == st.Alice.Host.Name() && leg == accounts.LegRefresh {
		st.record = &m
	}
	if m.Kind != sim.Response || m.To == st.Mallory.Name {
		return v
	}
	switch {
	case m.From == st.Server.Host.Name() && st.mixes != nil:
		if v.Replace = st.mixes(leg, m.Clone()); v.Replace != nil {
			st.mixes = nil
		}
	case leg == accounts.LegResource && st.diverted != nil:
		v.Replace = st.diverted(m.Clone())
	}
	return v
}

// know is what the attacker knows to begin with.
func (st *accountsWorld) know() {
	st.d.Know(Term{Type: authorizationKey, Name: "an authorization key made up", Value: madeUpKey})
	st.d.Know(Term{Type: refreshKey, Name: "a refresh key made up", Value: madeUpKey})
	if st.scene == "plain-metadata" {
		st.d.Know(Term{Type: endpointURL, Name: "a page of " + st.Two.Host.Name() + " that collects", Value: st.Two.Base + "/collect"})
	}
}

// people gives everybody a part.
func (st *accountsWorld) people() {
	d := st.d
	var session func()
	if d.Playing("alice") || d.Playing("alice logs out") || d.Playing("alice signs out") {
		session = st.aliceGoes
	}
	st.Alice.Follows(d.Person("alice", func(l Link) { st.Alice.Follow(l.Target) }, session))
	if d.Playing("alice's tablet") {
		tablet := st.NewDevice(st.Alice, "tablet")
		tablet.Plays(func(*accounts.User) {
			d.Session("alice's tablet", func() {
				tablet.Registers(st.One)
				d.Pause("alice's tablet", "has opened "+st.One.ID)
				tablet.LogsOut(st.One)
			})()
		})
	}
	if d.Playing("bob") {
		st.Bob.Follows(d.Session("bob", func() {
			st.Bob.Registers(st.One)
			d.Pause("bob", "has opened "+st.One.ID)
			st.Bob.Opens(st.Two)
		}))
	}
	st.Mallory.Plays(func(m *accounts.Attacker) {
		if st.hers() {
			st.own = m.OwnTicket(st.One)
			m.Show(st.One, st.own)
		}
		d.Direct()
	})
}

// aliceGoes is Alice's session: she opens both apps, comes back when the account server does not confirm her ticket though it is good, again
// when confirmations have run out, and when the authorization key is over; or she ends her ticket and is gone for a while.
func (st *accountsWorld) aliceGoes() {
	d, a := st.d, st.Alice
	pause := func(at string) { d.Pause("alice", at) }
	st.began = true
	st.opened = a.Registers(st.One) == cast.GotResource
	pause("has opened " + st.One.ID)
	a.Opens(st.Two)
	pause("has opened " + st.Two.ID)
	const outlast = 3 * time.Minute // longer than any confirmation is kept
	switch {
	case d.Playing("alice logs out"):
		st.left = true
		a.LogsOut(st.One)
		a.Wait(outlast)
		pause("has been logged out for three minutes")
		return
	case d.Playing("alice signs out"):
		st.left = true
		a.SignsOutEverywhere()
		a.Wait(outlast)
		pause("has been signed out for three minutes")
		return
	}
	a.Wait(time.Minute)
	if st.opened {
		st.doubt.Begin()
	}
	if st.scene == "overloaded-server" {
		st.away.Begin()
		for range 5 {
			a.LeavesOpen(st.One)
			a.Wait(time.Second)
		}
		st.doubt.End()
		st.away.End()
		pause("has had enough")
		return
	}
	a.LeavesOpen(st.One)
	st.doubt.End()
	pause("has opened " + st.One.ID + " with a ticket that was doubted")
	a.Wait(outlast)
	if st.scene == "recorded-refresh" && st.record != nil {
		d.learn(st.record)
	}
	pause("is back after three minutes")
	a.LeavesOpen(st.One)
	a.Wait(15 * time.Minute)
	pause("is back after a quarter of an hour")
	a.LeavesOpen(st.One)
}

// look is what everybody sees at the end, when the faults have ended and guesses are forgotten.
func (st *accountsWorld) look() {
	if st.plain() {
		return // nothing has to work that would go over a leg without TLS
	}
	st.mixes, st.diverted = nil, nil
	const calm = 15 * time.Minute
	st.Alice.Wait(calm)
	ended := st.left || st.stolen() || st.scene == "mixed-up-answers" // an answer that never comes ends a ticket too
	if st.opened && !ended && st.Alice.LeavesOpen(st.One) == cast.LoginRequired {
		st.Breach(accounts.StaysSignedIn, "alice is asked for her password, though nobody has ended her ticket")
	}
	if st.began {
		st.Alice.UntilServed(st.One)
	}
	if st.began && !st.hers() {
		st.Alice.UntilServed(st.Two)
	}
	if st.d.Playing("bob") || st.scene == "shared-cache" {
		st.Bob.UntilServed(st.One)
	}
	if st.d.Playing("bob") && !st.hers() {
		st.Bob.UntilServed(st.Two)
	}
}
