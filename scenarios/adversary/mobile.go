package adversary

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"countersign/conformance/jose"
	"countersign/scenarios/office"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// The kinds of term of the mobile flow. What passes is sealed or signed, so that the attacker knows it as a whole.
const (
	deviceToken = "token"
	recording   = "recording" // of a request, whole
	letter      = "message"   // of the authorization server to a device
)

// Mobile is the flow in which an app gets its rights and its address from a server of rules.
func Mobile() Flow {
	alone := []string{"alice"}
	return Flow{
		Name:       "mobile",
		Invariants: office.Invariants(),
		Scenes: []Scene{
			{Name: "open-web", Attacker: Web, Text: "Everything travels under TLS. Clive works here and has a device of his own; the numbers of all devices are known."},
			{Name: "likely-passwords", Attacker: Web, Text: "As the open web, but Clive does nothing but try passwords.", Sessions: alone},
			{Name: "leaking-gateway", Attacker: Web, Text: "TLS ends at a gateway whose log Clive reads: he sees what Alice's app sends, and her tokens. His own device has a long number."},
			{Name: "leaking-gateway-of-the-stock", Mirrors: "leaking-gateway", Attacker: Web, Text: "As the leaking gateway, and the app reads the stock.", Sessions: alone},
			{Name: "dishonest-erp", Attacker: Web, Text: "The stock is in Clive's hands, and has its own secret.", Sessions: alone},
			{Name: "shared-sealing-key", Attacker: Web, Text: "Both business systems have one sealing key, and the customer register is in Clive's hands.", Sessions: alone},
			{Name: "lying-gateway", Attacker: Web, Text: "TLS ends at a gateway that is Clive's: he changes what Alice's app is answered.", Sessions: []string{"alice", "the register moves", "both systems move"}},
			{Name: "stolen-sealing-key", Attacker: Web, Text: "The first sealing key of the customer register has got about. Clive has it, runs the stock, and reads the log of the gateway where TLS ends.", Sessions: []string{"alice", "a key is rotated"}},
			{Name: "mixed-up-front", Attacker: Web, Text: "A front serves many authorization servers, and may take one for another. One of them is Clive's.", Sessions: alone},
			{Name: "lost-device", Attacker: Web, Text: "Clive has found Alice's telephone: he opens it, and lets through to it what he likes. Alice has it deregistered.", Sessions: []string{"the telephone is lost"}},
			{Name: "slow-network", Attacker: Web, Text: "As the open web, and Clive knows how to slow down what the servers and Alice's app send: some seconds in which he can do something.", Sessions: alone},
			{Name: "plain-server", Attacker: Network, Text: "The app was delivered with an address of the authorization server without TLS.", Sessions: alone},
			{Name: "no-push", Attacker: Network, Text: "No message reaches Alice's telephone from outside, and others get lost or come twice. Nobody is dishonest.", Sessions: []string{"the telephone is lost"}, Faults: true},
			{Name: "losing-network", Attacker: Network, Text: "Messages get lost or come twice, and servers crash. Nobody is dishonest.", Sessions: []string{"alice", "the register moves", "both systems move", "the telephone is lost"}, Faults: true},
		},
		Sessions: []string{"alice", "clive is dismissed", "the register moves", "both systems move", "the telephone is lost", "the telephone is found again", "a key is rotated", "two change the rules"},
		Either: [][]string{
			{"alice", "the telephone is lost", "the telephone is found again"},
			{"clive is dismissed", "the register moves", "both systems move", "a key is rotated", "two change the rules"},
		},
		Set:      setOffice,
		Type:     officeType,
		Volatile: []string{"iat", "exp"},
		Nonces:   []string{"authorization-server/used-proofs", "business-system/used-proofs"},
	}
}

// officeType says what the fields of the flow hold: endpoints, where metadata travel without TLS (profile section 3).
func officeType(leg string, m *sim.Message, f Field) Meaning {
	if leg == "metadata" && !m.Secure && strings.HasSuffix(f.Name, "_endpoint") {
		return Meaning{Type: endpointURL}
	}
	return Meaning{}
}

// officeWorld is a world of the flow that is explored.
type officeWorld struct {
	*office.Stage
	d          *Director
	scene      string
	moved      *office.System // the second address of the customer register
	otherMoved *office.System // and of the stock; nil where that stays
	tablet     *office.User   // Alice's, from which she has her telephone deregistered; nil where she does not lose it
	sealingKey jose.Key       // of the customer register, where it is stolen

	own       office.Grant // Clive's
	loot      *office.Loot // of Alice's
	began     bool         // Alice has done something
	opened    bool         // her app has opened
	lost      bool         // her telephone is no longer hers
	keptAway  bool         // it does not reach the authorization server, nor the other way round
	muted     bool         // no message gets through to it
	relayed   bool         // Clive answers messages in its place
	enrols    bool         // Clive enrols it when it has been deregistered
	disturbed bool         // the customer register does not reach the authorization server
	mixedUp   bool         // the front takes Clive's authorization server for the company's
	touched   bool         // Clive has made a move
	lies      func(said map[string]any)
	answers   func() sim.Message // what comes in the place of the customer register's next answers
}

func setOffice(d *Director, scene string, s stage.Setting) *stage.Stage {
	st := &officeWorld{Stage: office.New(s), d: d, scene: scene}
	st.moved = st.NewAddress(st.CRM, "crm.new")
	if d.Playing("both systems move") {
		st.otherMoved = st.NewAddress(st.ERP, "erp.new")
	}
	if d.Mirrored() {
		st.CRM, st.ERP = st.ERP, st.CRM
		apps := st.Server.Rules.Apps
		apps[0].SystemID, apps[1].SystemID = apps[1].SystemID, apps[0].SystemID
	}
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
		st.Clive.HasLongNumber()
		st.World.Tap(sim.TapFunc(st.reads))
	case "stolen-sealing-key":
		st.World.Tap(sim.TapFunc(st.reads))
		st.d.Owns(st.ERP.Host)
		st.Corrupt(st.ERP.Host)
		st.sealingKey = st.CRM.SealingKey()
	case "mixed-up-front":
		st.Instead(st.Server.Host, "metadata", func() (sim.Message, bool) { return st.itsMetadata(), st.mixedUp })
	case "no-push":
		st.muted = true
		st.mutes()
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
		st.mutes()
	case "lost-device":
		phone, server := st.Alice.Host.Name(), st.Server.Host.Name()
		st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
			between := m.From == phone && m.To == server || m.From == server && m.To == phone
			return sim.Verdict{Drop: st.keptAway && between}
		}))
		st.mutes()
		st.Instead(st.Server.Host, office.LegDownload, func() (sim.Message, bool) { return sim.Message{Status: http.StatusBadGateway}, st.disturbed })
		st.Instead(st.Alice.Host, office.LegMessage, func() (sim.Message, bool) {
			return sim.Message{Status: http.StatusAccepted}, st.relayed
		})
	case "slow-network":
		st.d.Slow(slowFor, func(m *sim.Message) bool { return m.From != st.Clive.Host.Name() && m.To != st.Clive.Host.Name() })
	case "plain-server":
		st.Server.Issuer = "http://authorization"
		st.d.Know(Term{Type: endpointURL, Name: "a page of Clive's", Value: "https://clive/collect"})
	}
}

// mutes loses the messages to Alice's telephone while it is muted.
func (st *officeWorld) mutes() {
	phone := st.Alice.Host.Name()
	st.Loses(sim.Request, office.LegMessage, func(m sim.Message) bool { return st.muted && m.To == phone })
}

// itsMetadata is the document of Clive's authorization server, as an answer.
func (st *officeWorld) itsMetadata() sim.Message {
	text, err := json.Marshal(st.Clive.Metadata())
	if err != nil {
		panic(err) // texts can be written
	}
	return sim.Message{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: text}
}

// nobodyDishonest reports whether a scene is about the network alone.
func (st *officeWorld) nobodyDishonest() bool {
	return st.scene == "losing-network" || st.scene == "no-push" || st.scene == "plain-server"
}

// calm reports whether neither Clive nor the network has disturbed anybody.
func (st *officeWorld) calm() bool {
	return !st.touched && !st.nobodyDishonest() && st.scene != "slow-network"
}

// reads is Clive at the log of the gateway.
func (st *officeWorld) reads(_ *sim.World, m sim.Message) sim.Verdict {
	phone, leg := st.Alice.Host.Name(), st.Leg(&m)
	switch {
	case m.Kind == sim.Request && m.From == phone && (leg == office.LegAuthentication || leg == office.LegResource):
		st.d.Know(Term{Type: recording, Name: "Alice's request, " + leg, Value: leg})
	case m.Kind == sim.Response && m.To == phone && leg == office.LegAuthentication:
		if g := office.ReadGrant(m.Body); g.AccessToken != "" {
			st.d.Know(Term{Type: deviceToken, Name: "token " + strconv.Itoa(st.hers()) + " of Alice's", Value: g.AccessToken})
		}
	case m.Kind == sim.Request && m.To == phone && leg == office.LegMessage && m.From == st.Server.Host.Name():
		st.d.Know(Term{Type: letter, Name: "message " + strconv.Itoa(len(st.d.Terms(letter))+1) + " that it was sent", Value: string(m.Body)})
	}
	return sim.Verdict{}
}

// hers numbers Alice's tokens, as they come to be known.
func (st *officeWorld) hers() int {
	return 1 + len(slices.DeleteFunc(st.d.Terms(deviceToken), func(t Term) bool { return t.Value == st.own.AccessToken }))
}
