package reference

import (
	"crypto/ecdsa"
	"fmt"
	"io"
	"net/http"

	cast "countersign/actors/mobile"
	"countersign/actors/token"
)

// mobile assembles an app on a device, an authorization server, two business systems, and the office where the rules are kept.
func (v venue) mobile() ([]http.Handler, error) {
	handlers, err := v.mobileFlow()
	if err != nil {
		return nil, err
	}
	for i, name := range []string{"app", "authorization", "crm", "erp", "rules office"} {
		v.Tell(fmt.Sprintf("%-15s %s", name, v.origins[i]))
	}
	v.Tell("Open the app in a browser, and enrol its device for alice with alice-password. Change the rules in the office while it runs, and deregister the device there. Interrupt to stop.")
	return handlers, nil
}

// mobileFlow assembles the parties, each at its origin.
func (v venue) mobileFlow() ([]http.Handler, error) {
	origins := v.origins
	const administrator, administratorPassword = "office", "office-password"
	issuer := origins[1]
	env := v.env("authorization-server")
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
		Env: v.env("phone-of-alice"), BaseURL: origins[0], Issuer: issuer, SigningKeys: []*ecdsa.PublicKey{&signer.Key.PublicKey},
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
			Env: v.env(id), BaseURL: base, SystemID: id, Issuer: issuer, Secret: id + "-secret", Key: key,
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
