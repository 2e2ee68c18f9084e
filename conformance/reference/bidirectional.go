package reference

import (
	"io"
	"net/http"

	cast "countersign/actors/bidirectional"
	"countersign/actors/password"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
)

// castBidirectional plays the roles of the bidirectional flow.
func castBidirectional(p part) (http.Handler, error) {
	setup := p.setup.(*bidirectional.Setup)
	clients := make([]cast.ClientRegistration, 0, len(setup.Clients))
	for _, c := range setup.Clients {
		clients = append(clients, cast.ClientRegistration{ID: c.ID, Secret: c.Secret, Name: c.Name, Callback: c.Callback})
	}
	switch p.role {
	case catalog.OAuthServer:
		users, err := accounts(setup.Users, p.env.Entropy("accounts"))
		if err != nil {
			return nil, err
		}
		return (&cast.OAuthServer{
			Env: p.env, Issuer: p.base, SiteName: setup.Clients[0].Name, Clients: clients, Users: users,
			HandoverEndpoint: setup.OwnIssuer + "/handover", HandoverKey: setup.HandoverKey, ResourceEndpoint: setup.OwnIssuer + "/resource",
			ClientID: setup.Clients[0].ID, DelegationEndpoint: setup.OwnIssuer + "/delegation", TestClock: p.advance,
		}).Handler(), nil
	case catalog.ResourceServer:
		return (&cast.ResourceServer{
			Env: p.env, BaseURL: p.base, Issuer: setup.OwnIssuer, HandoverKey: setup.HandoverKey, Clients: clients,
			Resources: collections(setup.Users), TestClock: p.advance,
		}).Handler(), nil
	case catalog.ClientInitiating, catalog.ClientReceiving:
		own, peer := setup.Clients[0], setup.Clients[1]
		return (&cast.Client{
			Env: p.env, BaseURL: p.base, ID: own.ID, Name: own.Name, Issuer: setup.OwnIssuer, Secret: own.Secret,
			Peers:     []cast.Peer{{Name: peer.Name, Issuer: setup.PeerIssuer, Secret: setup.SecretAtPeer, ClientID: peer.ID, PeerSecret: peer.Secret}},
			TestClock: p.advance,
		}).Handler(), nil
	}
	return nil, &UnknownRoleError{Role: p.role}
}

// accounts registers users at the least cost of hashing: they live for one check and guard nothing.
func accounts(users []bidirectional.UserSetup, entropy io.Reader) ([]cast.Account, error) {
	var all []cast.Account
	for _, u := range users {
		hash, err := password.Cheapest().Hash(u.Password, entropy)
		if err != nil {
			return nil, err
		}
		all = append(all, cast.Account{Username: u.Name, Password: hash})
	}
	return all, nil
}

func collections(users []bidirectional.UserSetup) []cast.Collection {
	var all []cast.Collection
	for _, u := range users {
		all = append(all, cast.Collection{Owner: u.Name, Resources: []cast.Resource{{ID: "1", Title: "First of " + u.Name}, {ID: "2", Title: "Second of " + u.Name}}})
	}
	return all
}
