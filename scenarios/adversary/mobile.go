package adversary

import (
	"net/http"
	"slices"
	"time"

	"countersign/scenarios/office"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// The kinds of term of the mobile flow. What passes is sealed or signed, so that the attacker knows it as a whole.
const (
	deviceToken = "token"
	recording   = "recording" // of a request, whole
)

// Mobile is the flow in which an app gets its rights and its address from a server of rules.
func Mobile() Flow {
	alone := []string{"alice"}
	return Flow{
		Name: "mobile",
		Scenes: []Scene{
			{Name: "open-web", Attacker: Web, Text: "Everything travels under TLS. Clive works here and has a device of his own; the numbers of all devices are known."},
			{Name: "likely-passwords", Attacker: Web, Text: "As the open web, but Clive does nothing but try passwords.", Sessions: alone},
			{Name: "leaking-gateway", Attacker: Web, Text: "TLS ends at a gateway whose log Clive reads: he sees what Alice's app sends, and her tokens."},
			{Name: "dishonest-erp", Attacker: Web, Text: "The stock is in Clive's hands, and has its own secret.", Sessions: alone},
			{Name: "shared-sealing-key", Attacker: Web, Text: "Both business systems have one sealing key, and the customer register is in Clive's hands.", Sessions: alone},
			{Name: "lying-gateway", Attacker: Web, Text: "TLS ends at a gateway that is Clive's: he changes what Alice's app is answered.", Sessions: []string{"alice", "the register moves"}},
			{Name: "lost-device", Attacker: Web, Text: "Clive has found Alice's telephone: he opens it, and lets through to it what he likes. Alice has it deregistered.", Sessions: []string{"the telephone is lost"}},
			{Name: "plain-server", Attacker: Network, Text: "The app was delivered with an address of the authorization server without TLS.", Sessions: alone},
			{Name: "losing-network", Attacker: Network, Text: "Messages get lost or come twice, and servers crash. Nobody is dishonest.", Sessions: []string{"alice", "the register moves", "the telephone is lost"}, Faults: true},
		},
		Sessions: []string{"alice", "clive is dismissed", "the register moves", "the telephone is lost", "a key is rotated"},
		Set:      setOffice,
		Type:     func(string, *sim.Message, Field) Meaning { return Meaning{} },
		Volatile: []string{"iat", "exp"},
		Nonces:   []string{"used-proofs"},
	}
}

// officeWorld is a world of the flow that is explored.
type officeWorld struct {
	*office.Stage
	d      *Director
	scene  string
	moved  *office.System // the second address of the customer register
	tablet *office.User   // Alice's, from which she has her telephone deregistered; nil where she does not lose it

	own      office.Grant // Clive's
	loot     *office.Loot // of Alice's
	began    bool         // Alice has done something
	opened   bool         // her app has opened
	lost     bool         // her telephone is no longer hers
	keptAway bool         // it does not reach the authorization server, nor the other way round
	muted    bool         // no message gets through to it
	relayed  bool         // Clive answers messages in its place
	enrols   bool         // Clive enrols it when it has been deregistered
	lies     func(said map[string]any)
	answers  func() sim.Message // what comes in the place of the customer register's next answers
}

func setOffice(d *Director, scene string, s stage.Setting) *stage.Stage {
	st := &officeWorld{Stage: office.New(s), d: d, scene: scene}
	st.moved = st.NewAddress(st.CRM, "crm.new")
	d.Attacker(st.Clive.Host)
	d.Owns(st.Mallory.Host)
	d.MayCrash(st.Server.Host, st.CRM.Host)
	st.arrange()
	st.people()
	st.move()
	d.Finally(st.look)
	return st.Stage.Stage
}

// arrange makes the scene.
func (st *officeWorld) arrange() {
	st.loot = st.Steals(st.Alice)
	switch st.scene {
	case "leaking-gateway":
		st.World.Tap(sim.TapFunc(st.reads))
	case "dishonest-erp":
		st.d.Owns(st.ERP.Host)
		st.Corrupt(st.ERP.Host)
	case "shared-sealing-key":
		st.ShareSealingKey()
		st.d.Owns(st.CRM.Host)
		st.Corrupt(st.CRM.Host)
	case "lying-gateway":
		office.Grants(st.Clive.UserName, office.Stock)(&st.Server.Rules)
		st.OnAnswers(st.Alice, office.LegAuthentication, func(said map[string]any) {
			if st.lies != nil {
				st.lies(said)
			}
		})
		st.Instead(st.CRM.Host, office.LegResource, func() (sim.Message, bool) {
			if st.answers == nil {
				return sim.Message{}, false
			}
			return st.answers(), true
		})
	case "lost-device":
		phone, server := st.Alice.Host.Name(), st.Server.Host.Name()
		st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
			between := m.From == phone && m.To == server || m.From == server && m.To == phone
			message := m.Kind == sim.Request && m.To == phone && st.Leg(&m) == office.LegMessage
			return sim.Verdict{Drop: st.keptAway && between || st.muted && message}
		}))
		st.Instead(st.Alice.Host, office.LegMessage, func() (sim.Message, bool) {
			return sim.Message{Status: http.StatusAccepted}, st.relayed
		})
	case "plain-server":
		st.Server.Issuer = "http://authorization"
	}
}

// reads is Clive at the log of the gateway.
func (st *officeWorld) reads(_ *sim.World, m sim.Message) sim.Verdict {
	phone, leg := st.Alice.Host.Name(), st.Leg(&m)
	switch {
	case m.Kind == sim.Request && m.From == phone && (leg == office.LegAuthentication || leg == office.LegResource):
		st.d.Know(Term{Type: recording, Name: "Alice's request, " + leg, Value: leg})
	case m.Kind == sim.Response && m.To == phone && leg == office.LegAuthentication:
		if g := office.ReadGrant(m.Body); g.AccessToken != "" {
			st.d.Know(Term{Type: deviceToken, Name: st.nth("token of Alice's"), Value: g.AccessToken})
		}
	}
	return sim.Verdict{}
}

// nth names one of several tokens.
func (st *officeWorld) nth(what string) string {
	return [...]string{"the first ", "the second ", "the third ", "a later "}[min(len(st.d.Terms(deviceToken)), 3)] + what
}

// people gives everybody a part.
func (st *officeWorld) people() {
	d := st.d
	playing := func(names ...string) bool { return slices.ContainsFunc(names, d.Playing) }
	if playing("alice", "the telephone is lost") {
		st.Alice.Follows(d.Session("alice", st.aliceWorks))
	}
	if d.Playing("the telephone is lost") {
		st.tablet = st.NewTablet()
	}
	switch {
	case d.Playing("clive is dismissed"):
		st.annDoes("dismisses Clive", func(a *office.Administrator) {
			a.Changes("Clive may not use the app", office.Withdraws(st.Clive.UserName, office.FieldSales))
		})
	case d.Playing("the register moves"):
		st.annDoes("moves the register", func(a *office.Administrator) {
			a.Changes("the customer register has another address", office.Moves(st.moved))
		})
	case d.Playing("a key is rotated"):
		st.annDoes("rotates a key", func(a *office.Administrator) { a.Rotates(st.CRM) })
	}
	st.Clive.Plays(func(c *office.Rogue) {
		if st.scene != "losing-network" && st.scene != "plain-server" {
			c.Registers(office.Registration{})
			st.own = c.Authenticates(c.Own())
			c.Shows(st.CRM, st.own.AccessToken)
			d.Know(Term{Type: deviceToken, Name: "Clive's own token", Value: st.own.AccessToken})
		}
		d.Direct()
	})
}

// annDoes is a session of the administrator's. Alice opens the app in the same moment, if she has enrolled.
func (st *officeWorld) annDoes(what string, do func(*office.Administrator)) {
	st.Ann.Follows(st.d.Session("ann", func() {
		st.d.Pause("ann", what)
		st.Ann.Host.Go("ann, at the same time", func() { do(st.Ann) })
		if st.began {
			st.Alice.StartsAfresh()
		}
		st.Ann.Wait(time.Minute)
		st.d.Pause("ann", "has done it a minute ago")
	}))
}

// aliceWorks is Alice's session: she enrols, opens the app, again when a download has run out, again when proofs are forgotten, and again when her token is over.
func (st *officeWorld) aliceWorks() {
	d, a := st.d, st.Alice
	st.began = true
	a.Enrols()
	d.Pause("alice", "has enrolled")
	st.opened = a.Starts() == office.Opened
	if d.Playing("the telephone is lost") {
		d.Pause("alice", "is about to lose the telephone")
		st.lost = true
		for tries := 0; tries < 5 && st.tablet.Deregisters(a) == office.Unreachable; tries++ {
			a.Wait(10 * time.Second)
		}
		a.Wait(time.Minute)
		if st.enrols {
			st.keptAway = false
			a.Enrols()
		}
		d.Pause("alice", "has had the telephone deregistered a minute ago")
		return
	}
	d.Pause("alice", "has opened the app")
	a.Wait(2 * time.Minute)
	d.Pause("alice", "is back after two minutes")
	a.Starts()
	a.StartsAfresh()
	a.Wait(10 * time.Minute)
	d.Pause("alice", "is back after ten minutes")
	a.Starts()
}

// look is what everybody sees at the end, when the faults have ended and guesses are forgotten.
func (st *officeWorld) look() {
	if st.scene == "plain-server" {
		return // nothing has to work without TLS
	}
	st.lies, st.answers, st.keptAway, st.relayed = nil, nil, false, false
	const calm = 15 * time.Minute
	st.Alice.Wait(calm)
	switch {
	case st.lost:
		if st.muted {
			st.Alice.StartsAfresh() // it asks, as no message gets through to it
		}
		st.Alice.Wait(calm)
		st.Alice.Finds()
	case st.began:
		st.Alice.UntilOpened()
	}
}
