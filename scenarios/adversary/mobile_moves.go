package adversary

import (
	"net/http"
	"strconv"
	"time"

	"countersign/scenarios/office"
	"countersign/sim"
)

// move gives the attacker what every endpoint of the flow takes.
func (st *officeWorld) move() {
	switch st.scene {
	case "likely-passwords":
		st.may(st.atOfficePassword())
	case "lying-gateway":
		st.may(st.asGateway())
	case "mixed-up-front":
		st.may(st.atFront())
	case "lost-device":
		st.may(st.asFinder())
	case "dishonest-erp":
		st.may(st.asSystem())
	case "shared-sealing-key":
		st.may(st.betweenSystems())
	case "stolen-sealing-key":
		st.may(st.asForger())
	case "open-web", "leaking-gateway", "slow-network":
		st.may(st.asColleague())
		st.may(st.atSystem())
		st.may(st.asStranger())
	}
}

// may gives the attacker moves, and takes down when one is made.
func (st *officeWorld) may(moves []Move) {
	for i := range moves {
		send := moves[i].Send
		moves[i].Send = func(t []Term) {
			st.touched = true
			send(t)
		}
	}
	st.d.May(moves...)
}

// has lets pass when Alice's app has sent a request on a leg.
func (st *officeWorld) has(leg string) func([]Term) bool {
	return func([]Term) bool {
		if leg == office.LegResource {
			return st.loot.Resource.Method != ""
		}
		return st.loot.Authentication.Method != ""
	}
}

// here lets pass when Alice's app has opened.
func (st *officeWorld) here([]Term) bool { return st.opened }

// asColleague is what somebody who works here can ask of the authorization server.
func (st *officeWorld) asColleague() []Move {
	c, alice := st.Clive, office.IDOf(st.Alice)
	try := func(id office.ID) {
		if g := c.Authenticates(id); g.AccessToken != "" {
			c.Shows(st.CRM, g.AccessToken)
		}
	}
	tablet := "device-alice.tablet"
	return []Move{
		{Name: "authenticates with Alice's number and no proof", Send: func([]Term) { c.AuthenticatesWith(alice, nil) }},
		{Name: "authenticates with Alice's number and a proof of his own", Send: func([]Term) { try(alice) }},
		{
			Name: "authenticates with Alice's number and her public key", Fits: st.leaked(office.LegAuthentication),
			Send: func([]Term) {
				c.AuthenticatesWith(alice, c.Proves(office.Proof{Method: http.MethodPost, Target: st.Server.Issuer + "/authentication", JWK: st.loot.PublicKey()}))
			},
		},
		{
			Name: "authenticates with Alice's number and the proof of her access", Fits: st.leaked(office.LegResource),
			Send: func([]Term) { c.AuthenticatesWith(alice, http.Header{"Dpop": st.loot.Resource.Header["Dpop"]}) },
		},
		{Name: "authenticates with the number of a tablet that nobody has enrolled", Send: func([]Term) { try(office.ID{AppID: office.Stock, DeviceID: tablet, UserName: "alice"}) }},
		{Name: "authenticates in Alice's name with his own device", Send: func([]Term) { try(office.ID{AppID: office.FieldSales, DeviceID: c.DeviceID, UserName: "alice"}) }},
		{Name: "authenticates for an app that he may not use", Send: func([]Term) { try(office.ID{AppID: office.Stock, DeviceID: c.DeviceID, UserName: c.UserName}) }},
		{Name: "authenticates for an app that there is not", Send: func([]Term) { try(office.ID{AppID: "games", DeviceID: c.DeviceID, UserName: c.UserName}) }},
		{Name: "authenticates anew", Send: func([]Term) { try(c.Own()) }},
		{
			Name: "compares how two wrong authentication IDs are refused",
			Send: func([]Term) {
				c.Authenticates(office.ID{AppID: "games", DeviceID: st.Alice.DeviceID, UserName: "alice"})
				c.Authenticates(office.ID{AppID: office.FieldSales, DeviceID: st.Bob.DeviceID, UserName: "bob"})
			},
		},
		{
			Name: "has his own device deregistered, with messages to a place without TLS",
			Send: func([]Term) {
				c.Registers(office.Registration{NotificationURI: "http://clive/notification"})
				c.Deregisters(c.UserName, c.Password, c.DeviceID)
			},
		},
	}
}

// leaked lets pass when Clive has read a request of Alice's on a leg.
func (st *officeWorld) leaked(leg string) func([]Term) bool {
	has := st.has(leg)
	return func(t []Term) bool { return st.scene == "leaking-gateway" && has(t) }
}

// called is how people call a system.
func (st *officeWorld) called(s *office.System) string {
	if s.ID == "erp" {
		return "the stock"
	}
	return "the customer register"
}

// atSystem are requests for what the customer register keeps.
func (st *officeWorld) atSystem() []Move {
	c, register, stock := st.Clive, st.called(st.CRM), st.called(st.ERP)
	return []Move{
		{
			Name: "shows " + register + " as a bearer token", Slots: []string{deviceToken}, Fits: st.ofAlice,
			Send: func(t []Term) { c.ShowsWith(st.CRM, "Bearer "+t[0].Value, nil) },
		},
		{Name: "shows " + register + ", with a proof of his own,", Slots: []string{deviceToken}, Send: func(t []Term) { c.Shows(st.CRM, t[0].Value) }},
		{
			Name: "shows " + register + ", with Alice's public key,", Slots: []string{deviceToken}, Fits: st.ofAlice,
			Send: func(t []Term) {
				proof := office.Proof{Method: http.MethodGet, Target: st.CRM.Address(), Token: t[0].Value, JWK: st.loot.PublicKey()}
				c.ShowsWith(st.CRM, "DPoP "+t[0].Value, c.Proves(proof))
			},
		},
		{
			Name: "shows " + register + ", with the proof of Alice's authentication,", Slots: []string{deviceToken}, Fits: func(t []Term) bool { return st.ofAlice(t) && st.has(office.LegAuthentication)(t) },
			Send: func(t []Term) { st.showsWithProofOf(t[0].Value, st.loot.Authentication) },
		},
		{
			Name: "shows " + register + ", with the proof of Alice's access,", Slots: []string{deviceToken}, Fits: func(t []Term) bool { return st.ofAlice(t) && st.has(office.LegResource)(t) },
			Send: func(t []Term) { st.showsWithProofOf(t[0].Value, st.loot.Resource) },
		},
		{Name: "shows " + stock + ", with a proof of his own,", Slots: []string{deviceToken}, Send: func(t []Term) { c.Shows(st.ERP, t[0].Value) }},
		{
			Name: "sends again", Slots: []string{recording},
			Send: func(t []Term) {
				again := st.loot.Resource
				if t[0].Value == office.LegAuthentication {
					again = st.loot.Authentication
				}
				c.Replays(again)
			},
		},
		{Name: "makes Alice's token of his own by turning bits over, and shows it,", Send: func([]Term) { c.Shows(st.CRM, c.Turns(st.own.AccessToken, "alice")) }},
		{
			Name: "lays his own token over Alice's", Slots: []string{deviceToken}, Fits: st.ofAlice,
			Send: func(t []Term) {
				if id, value := c.Unseals(st.own.AccessToken, t[0].Value); value != "" {
					c.Tells(id, value)
				}
			},
		},
		{
			Name: "shows thirty tokens under names of keys that there are not",
			Send: func([]Term) {
				for i := range 30 {
					c.Shows(st.CRM, c.MakesUp("made-up-"+strconv.Itoa(i)))
				}
			},
		},
		{Name: "shows a token that does not open", Send: func([]Term) { c.Shows(st.CRM, c.MakesUp(st.CRM.ID+"-1")) }},
		{Name: "shows " + register + " no token", Send: func([]Term) { c.Get(st.CRM.Address()) }},
	}
}

// showsWithProofOf shows a token with the proof in a request that Alice's app has sent.
func (st *officeWorld) showsWithProofOf(accessToken string, sent sim.Message) {
	st.Clive.ShowsWith(st.CRM, "DPoP "+accessToken, http.Header{"Dpop": sent.Header["Dpop"]})
}

// ofAlice lets pass tokens that are not Clive's own.
func (st *officeWorld) ofAlice(t []Term) bool { return t[0].Value != st.own.AccessToken }

// asStranger is what anybody can send to whom it is not meant to come from.
func (st *officeWorld) asStranger() []Move {
	c := st.Clive
	return []Move{
		{
			Name: "sends rules of his own",
			Send: func([]Term) {
				rules := office.FirstRules()
				office.Grants("clive", office.Stock)(&rules)
				c.PutsRules(rules)
			},
		},
		{Name: "asks for a shared token by its number, with a secret made up", Send: func([]Term) { c.Downloads(st.CRM, madeUp, "1") }},
		{
			Name: "sends Alice's telephone an address of his own making", Fits: st.here,
			Send: func([]Term) {
				about := map[string]string{"system_id": "crm", "address": c.Address()}
				c.Pushes(st.Alice, c.Forges(st.Alice, st.loot.PublicKey(), "urn:countersign:mobile:address", about))
			},
		},
		{
			Name: "sends Alice's telephone a wipe of his own making", Fits: st.here,
			Send: func([]Term) {
				c.Pushes(st.Alice, c.Forges(st.Alice, st.loot.PublicKey(), "urn:countersign:mobile:wipe", map[string]string{}))
			},
		},
		{Name: "comes back to Alice's telephone", Slots: []string{letter}, Fits: st.here, Send: func(t []Term) { c.Pushes(st.Alice, t[0].Value) }},
		{Name: "has a page in Alice's browser open the app", Fits: st.here, Send: func([]Term) { st.Alice.Meets("/start"); c.Wait(pushed) }},
		{
			Name: "has his own device deregistered, enrols it anew, and shows the token that it had", Fits: func([]Term) bool { return st.own.AccessToken != "" },
			Send: func([]Term) {
				got := st.Gets(c)
				c.Deregisters(c.UserName, c.Password, c.DeviceID)
				c.Wait(pushed)
				c.Acknowledges(c.DeviceID, got.Message)
				c.Registers(office.Registration{})
				c.Wait(time.Minute) // by then the customer register asks for the shared token again
				c.Shows(st.CRM, st.own.AccessToken)
			},
		},
		{
			Name: "has his own device deregistered, and sends Alice's telephone the wipe of it,", Fits: st.here,
			Send: func([]Term) {
				got := st.Gets(c)
				c.Deregisters(c.UserName, c.Password, c.DeviceID)
				c.Wait(pushed)
				c.Pushes(st.Alice, got.Message)
			},
		},
	}
}

// atOfficePassword are tries to register or deregister in Alice's name.
func (st *officeWorld) atOfficePassword() []Move {
	c := st.Clive
	tablet := office.Registration{DeviceID: "device-alice.tablet", UserName: "alice"}
	register := func(device, password string) {
		c.Registers(office.Registration{DeviceID: device, UserName: "alice", Password: password})
	}
	guess := func(try func(password string)) func([]Term) {
		return func([]Term) {
			for range 11 {
				try(madeUp)
			}
			try(st.Alice.Password)
		}
	}
	return []Move{
		{Name: "registers Alice's tablet with a password made up", Send: func([]Term) { register(tablet.DeviceID, madeUp) }},
		{Name: "tries twelve likely passwords to register Alice's tablet", Send: guess(func(p string) { register(tablet.DeviceID, p) })},
		{Name: "tries twenty passwords of Alice's, in turn to deregister her telephone and to register her tablet, the last of them right,", Fits: st.here, Send: func([]Term) {
			for range 9 {
				c.Deregisters("alice", madeUp, st.Alice.DeviceID)
				register(tablet.DeviceID, madeUp)
			}
			c.Deregisters("alice", madeUp, st.Alice.DeviceID)
			register(tablet.DeviceID, st.Alice.Password)
		}},
		{Name: "deregisters Alice's telephone with a password made up", Fits: st.here, Send: func([]Term) { c.Deregisters("alice", madeUp, st.Alice.DeviceID) }},
		{Name: "tries twelve likely passwords to deregister Alice's telephone", Fits: st.here, Send: guess(func(p string) { c.Deregisters("alice", p, st.Alice.DeviceID) })},
		{
			Name: "registers the number of Alice's telephone, with her password from over her shoulder,", Fits: st.here,
			Send: func([]Term) { register(st.Alice.DeviceID, st.Alice.Password) },
		},
		{Name: "registers Alice's tablet as his own", Send: func([]Term) { c.Registers(office.Registration{DeviceID: tablet.DeviceID}) }},
		{Name: "deregisters Alice's telephone as his own", Fits: st.here, Send: func([]Term) { c.Deregisters(c.UserName, c.Password, st.Alice.DeviceID) }},
		{
			Name: "compares how a device that there is and one that there is not are deregistered", Fits: st.here,
			Send: func([]Term) {
				c.Deregisters("alice", madeUp, st.Alice.DeviceID)
				c.Deregisters("alice", madeUp, "device-of-nobody")
			},
		},
	}
}

// asSystem is what the stock can ask for with its secret, which is Clive's.
func (st *officeWorld) asSystem() []Move {
	c := st.Clive
	secret := st.ERP.SecretOf()
	return []Move{
		{Name: "asks in the name of the stock for shared tokens, by their numbers,", Send: func([]Term) {
			for i := range 4 {
				c.Downloads(st.ERP, secret, strconv.Itoa(i))
			}
		}},
		{Name: "reads the sealing keys in the name of the stock", Send: func([]Term) { c.ReadsKeys(st.ERP, secret) }},
		{Name: "reads sealing keys in the name of the customer register, with the secret of the stock", Send: func([]Term) { c.ReadsKeys(st.CRM, secret) }},
	}
}
