package adversary

import (
	"maps"
	"net/http"
	"time"

	"countersign/scenarios/office"
	"countersign/sim"
)

// pushed is what a message of the authorization server takes to arrive.
const pushed = 2 * time.Second

// asGateway is what the gateway can do to the answers that Alice's app gets.
func (st *officeWorld) asGateway() []Move {
	c := st.Clive
	lie := func(name string, change func(said map[string]any)) Move {
		return Move{
			Name: "has the gateway " + name, Fits: func([]Term) bool { return st.lies == nil },
			Send: func([]Term) {
				st.d.prepared("that the gateway is to " + name)
				st.lies = change
			},
		}
	}
	instead := func(name string, answer sim.Message) Move {
		return Move{
			Name: "has the customer register " + name, Fits: func([]Term) bool { return st.answers == nil },
			Send: func([]Term) {
				st.d.prepared("that the customer register is to " + name)
				st.answers = func() sim.Message { return answer }
			},
		}
	}
	var other office.Grant
	of := func(appID string) office.ID {
		return office.ID{AppID: appID, DeviceID: c.DeviceID, UserName: c.UserName}
	}
	return []Move{
		lie("put another address beside the signed one", func(said map[string]any) { said["system_address"] = c.Address() }),
		lie("put another address in and leave the signed one out", func(said map[string]any) {
			said["system_address"] = c.Address()
			delete(said, "signed_address")
		}),
		lie("put an address in that Clive has signed", func(said map[string]any) {
			said["system_address"] = c.Address()
			if signed, ok := said["signed_address"].(string); ok {
				said["signed_address"] = c.Resigns(signed, c.Address())
			}
		}),
		lie("call the token a bearer token", func(said map[string]any) { said["token_type"] = "Bearer" }),
		{
			Name: "gets an address of the stock, and has the gateway put it in,", Fits: func([]Term) bool { return st.lies == nil },
			Send: func([]Term) {
				other = c.Authenticates(of(office.Stock))
				st.d.prepared("that the gateway is to put the address of the stock in")
				st.lies = func(said map[string]any) {
					said["system_id"], said["system_address"] = other.SystemID, other.Address
					if other.SignedAddress != "" {
						said["signed_address"] = other.SignedAddress
					}
				}
			},
		},
		{
			Name: "has the gateway give the first answer again", Fits: func([]Term) bool { return st.lies == nil && len(st.loot.Grants) > 0 },
			Send: func([]Term) {
				st.d.prepared("that the gateway is to give the first answer again")
				first := office.Members(st.loot.Grants[0].Body)
				st.lies = func(said map[string]any) {
					clear(said)
					maps.Copy(said, first)
				}
			},
		},
		{
			Name: "has the gateway put the first address in, as it was signed,", Fits: func([]Term) bool { return st.lies == nil && len(st.loot.Grants) > 0 },
			Send: func([]Term) {
				st.d.prepared("that the gateway is to put the first address in")
				first := office.Members(st.loot.Grants[0].Body)
				st.lies = func(said map[string]any) {
					for _, member := range []string{"system_id", "system_address", "signed_address", "rules_version"} {
						said[member] = first[member]
					}
				}
			},
		},
		{
			Name: "has the gateway let no message through to the telephone", Fits: func([]Term) bool { return !st.muted },
			Send: func([]Term) {
				st.d.prepared("that the gateway lets no message through")
				st.muted = true
			},
		},
		instead("redirect to Clive", sim.Message{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {c.Address()}}}),
		instead("refuse every token", sim.Message{Status: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {`DPoP error="invalid_token"`}}}),
	}
}

// atFront is what can happen at a front that serves many.
func (st *officeWorld) atFront() []Move {
	return []Move{{
		Name: "has the front take his authorization server for the company's", Fits: func([]Term) bool { return !st.mixedUp },
		Send: func([]Term) {
			st.d.prepared("that the front takes Clive's authorization server for the company's")
			st.mixedUp = true
		},
	}}
}

// asFinder is what the finder of Alice's telephone can do with it.
func (st *officeWorld) asFinder() []Move {
	found := func([]Term) bool { return st.lost }
	holds := func(name string, switches ...*bool) Move {
		return Move{
			Name: name, Fits: func([]Term) bool { return st.opened && !st.keptAway && !st.muted && !st.relayed },
			Send: func([]Term) {
				st.d.prepared("that it " + name)
				for _, s := range switches {
					*s = true
				}
			},
		}
	}
	return []Move{
		holds("keeps the telephone away from the authorization server", &st.keptAway),
		holds("lets no message through to the telephone", &st.muted),
		holds("answers messages in the telephone's place", &st.relayed),
		holds("keeps the telephone away from the authorization server, and the customer register too", &st.keptAway, &st.disturbed),
		holds("keeps the telephone away until it has been deregistered, and enrols it then, with Alice's password from over her shoulder,", &st.keptAway, &st.enrols),
		{Name: "opens the app on the telephone", Fits: found, Send: func([]Term) { st.Alice.Starts() }},
		{Name: "opens the app on the telephone with a new token", Fits: found, Send: func([]Term) { st.Alice.StartsAfresh() }},
		{Name: "reports the telephone wiped, with a proof of his own,", Fits: found, Send: func([]Term) { st.Clive.Acknowledges(st.Alice.DeviceID, st.loot.Message) }},
	}
}
