// Package reference puts the built-in implementation under test, on loopback or in a simulated world. It is the one package of conformance that sees the actors.
package reference

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"countersign/actors"
	cast "countersign/actors/bidirectional"
	"countersign/actors/guard"
	"countersign/actors/password"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
)

// Reference is the built-in implementation. The zero value is correct and at level hardened.
type Reference struct {
	Level  catalog.Level
	Defect Defect
	Seed   uint64
}

func (r Reference) guards() guard.Set {
	return guard.Set{Level: r.Level, Lifted: r.Defect.lifted()}
}

// role assembles the actor that plays a role under base, for the setup that the harness works with.
func (r Reference) role(role catalog.Role, env actors.Env, base string, setup bidirectional.Setup, advance func(time.Duration) time.Time) (http.Handler, error) {
	clients := make([]cast.ClientRegistration, 0, len(setup.Clients))
	for _, c := range setup.Clients {
		clients = append(clients, cast.ClientRegistration{ID: c.ID, Secret: c.Secret, Name: c.Name, Callback: c.Callback})
	}
	var handler http.Handler
	switch role {
	case catalog.OAuthServer:
		users, err := accounts(setup.Users, env.Entropy("accounts"))
		if err != nil {
			return nil, err
		}
		handler = (&cast.OAuthServer{
			Env: env, Issuer: base, SiteName: setup.Clients[0].Name, Clients: clients, Users: users,
			HandoverEndpoint: setup.OwnIssuer + "/handover", HandoverKey: setup.HandoverKey, ResourceEndpoint: setup.OwnIssuer + "/resource",
			ClientID: setup.Clients[0].ID, DelegationEndpoint: setup.OwnIssuer + "/delegation", TestClock: advance,
		}).Handler()
	case catalog.ResourceServer:
		handler = (&cast.ResourceServer{
			Env: env, BaseURL: base, Issuer: setup.OwnIssuer, HandoverKey: setup.HandoverKey, Clients: clients,
			Resources: collections(setup.Users), TestClock: advance,
		}).Handler()
	case catalog.ClientInitiating, catalog.ClientReceiving:
		own, peer := setup.Clients[0], setup.Clients[1]
		handler = (&cast.Client{
			Env: env, BaseURL: base, ID: own.ID, Name: own.Name, Issuer: setup.OwnIssuer, Secret: own.Secret,
			Peers:     []cast.Peer{{Name: peer.Name, Issuer: setup.PeerIssuer, Secret: setup.SecretAtPeer, ClientID: peer.ID, PeerSecret: peer.Secret}},
			TestClock: advance,
		}).Handler()
	default:
		return nil, &UnknownRoleError{Role: role}
	}
	return r.Defect.wrap(role, handler, env.Clock), nil
}

// UnknownRoleError says that the reference plays no such role.
type UnknownRoleError struct{ Role catalog.Role }

func (e *UnknownRoleError) Error() string {
	return fmt.Sprintf("the reference plays no role %q: it plays oauth-server, resource-server and client", e.Role)
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
