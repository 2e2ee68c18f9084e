package reference

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"countersign/actors/live"
	cast "countersign/actors/mobile"
	"countersign/actors/token"
)

// serveMobile runs an app on a device, at PortA, an authorization server, at PortB, two business systems, and the office where the rules are kept.
func (l Live) serveMobile(ctx context.Context, r Reference, world *live.World) error {
	var listeners []net.Listener
	var origins []string
	for _, port := range []int{l.PortA, l.PortB, 0, 0, 0} {
		listener, origin, err := listen(port)
		if err != nil {
			return errors.Join(err, closeAll(listeners))
		}
		listeners, origins = append(listeners, listener), append(origins, origin)
	}
	handlers, err := r.mobileFlow(world, origins)
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	for i, name := range []string{"app", "authorization", "crm", "erp", "rules office"} {
		l.Tell(fmt.Sprintf("%-15s %s", name, origins[i]))
	}
	l.Tell("Open the app in a browser, and enrol its device for alice with alice-password. Change the rules in the office while it runs, and deregister the device there. Interrupt to stop.")
	return l.run(ctx, listeners, handlers, origins...)
}

func closeAll(listeners []net.Listener) error {
	var err error
	for _, open := range listeners {
		err = errors.Join(err, open.Close())
	}
	return err
}

// mobileFlow assembles the parties, each at its origin.
func (r Reference) mobileFlow(world *live.World, origins []string) ([]http.Handler, error) {
	const administrator, administratorPassword = "office", "office-password"
	issuer := origins[1]
	env := world.Env("authorization-server", r.guards())
	signer, err := token.NewSigner(env.Entropy("signing key"), "signing-1")
	if err != nil {
		return nil, err
	}
	server := &cast.AuthorizationServer{
		Env: env, Issuer: issuer, Signer: signer,
		Administrators: []cast.Administrator{{Name: administrator, Password: administratorPassword}},
		Users:          []cast.User{{Name: "alice", Password: "alice-password"}, {Name: "bob", Password: "bob-password"}},
		Rules: cast.Rules{
			Apps:    []cast.AppRule{{AppID: "field-sales", SystemID: "crm", Users: []string{"alice", "bob"}}},
			Devices: []cast.DeviceRule{{DeviceID: "phone-of-alice", Username: "alice"}, {DeviceID: "phone-of-bob", Username: "bob"}},
		},
	}
	app := &cast.MobileApp{
		Env: world.Env("phone-of-alice", r.guards()), BaseURL: origins[0], Issuer: issuer, SigningKeys: []*ecdsa.PublicKey{&signer.Key.PublicKey},
		AppID: "field-sales", DeviceID: "phone-of-alice", Username: "alice",
	}
	var systems []http.Handler
	for i, kept := range []struct{ id, first, second string }{
		{"crm", "Visit the bicycle shop on Tuesday", "The bakery asks for a second oven"},
		{"erp", "Twelve ovens on stock", "No bicycles before spring"},
	} {
		id, base := kept.id, origins[2+i]
		key := token.Key{ID: id + "-1", Secret: make([]byte, 32)}
		if _, err := io.ReadFull(env.Entropy("sealing keys"), key.Secret); err != nil {
			return nil, fmt.Errorf("making a sealing key: %w", err)
		}
		system := &cast.BusinessSystem{
			Env: world.Env(id, r.guards()), BaseURL: base, SystemID: id, Issuer: issuer, Secret: id + "-secret", Key: key,
			Resources: func(string) []cast.Resource {
				return []cast.Resource{{ID: "1", Title: kept.first}, {ID: "2", Title: kept.second}}
			},
		}
		server.Systems = append(server.Systems, cast.System{ID: id, Secret: system.Secret, Key: key})
		server.Rules.Systems = append(server.Rules.Systems, cast.SystemRule{SystemID: id, Address: base + "/resource"})
		systems = append(systems, system.Handler())
	}
	office := &rulesOffice{client: env.HTTP, issuer: issuer, administrator: administrator, password: administratorPassword}
	return append([]http.Handler{app.Handler(), server.Handler()}, append(systems, office)...), nil
}
