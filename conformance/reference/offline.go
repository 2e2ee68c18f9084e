package reference

import (
	"net/http"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/actors/password"
	"countersign/conformance/catalog"
	"countersign/conformance/offline"
)

// simulatedCost is scrypt's N where passwords live for one check and guard nothing; the server sees only what comes of it.
const simulatedCost = 16

// castOffline plays the roles of the offline flow.
func castOffline(p part) (http.Handler, error) {
	setup := p.setup.(*offline.Setup)
	switch p.role {
	case catalog.ServiceServer:
		return castServiceServer(p, setup)
	case catalog.VerificationDevice:
		pinned, err := pinnedKeys(setup)
		if err != nil {
			return nil, err
		}
		own, link := setup.Devices[0], nearfield.Links()[0]
		return (&cast.VerificationDevice{
			Env: p.env, BaseURL: p.base, Device: own.ID, Secret: own.Secret, Issuer: setup.Issuer,
			ServerKeys: pinned, Link: link, TestClock: p.advance,
		}).Handler(), nil
	case catalog.Handset:
		pinned, err := pinnedKeys(setup)
		if err != nil {
			return nil, err
		}
		own := setup.Handsets[0]
		key, err := own.Key.Ed25519()
		if err != nil {
			return nil, err
		}
		return (&cast.Handset{
			Env: p.env, BaseURL: p.base, ID: own.ID, Key: key, Account: own.Account, Issuer: setup.Issuer,
			ServerKeys: pinned, PasswordCost: simulatedCost, TestClock: p.advance,
		}).Handler(), nil
	}
	return nil, &UnknownRoleError{Role: p.role}
}

func castServiceServer(p part, setup *offline.Setup) (http.Handler, error) {
	key, err := setup.ServerKey.Key.Ed25519()
	if err != nil {
		return nil, err
	}
	server := &cast.ServiceServer{
		Env: p.env, Issuer: p.base, Signer: cast.Signer{ID: setup.ServerKey.KeyID, Key: key}, Passwords: password.Cheapest(), TestClock: p.advance,
	}
	for _, d := range setup.Devices {
		server.Devices = append(server.Devices, cast.Device{ID: d.ID, Secret: d.Secret})
	}
	for _, s := range setup.Services {
		server.Services = append(server.Services, cast.Service{ID: s.ID, Threshold: s.Threshold})
	}
	for _, h := range setup.Handsets {
		key, err := h.Key.Ed25519()
		if err != nil {
			return nil, err
		}
		hash, err := password.Cheapest().Hash(h.AccountPassword, p.env.Entropy("accounts"))
		if err != nil {
			return nil, err
		}
		server.Handsets = append(server.Handsets, cast.EnrolledHandset{ID: h.ID, Account: h.Account, Key: cast.Signer{Key: key}.Public()})
		server.Accounts = append(server.Accounts, cast.Account{Name: h.Account, Password: hash})
	}
	return server.Handler(), nil
}

// pinnedKeys are the harness server's, as device and handset under test pin them.
func pinnedKeys(setup *offline.Setup) (cast.PinnedKeys, error) {
	key, err := setup.ServerKey.Key.Ed25519()
	if err != nil {
		return nil, err
	}
	server := cast.Signer{ID: setup.ServerKey.KeyID, Key: key}
	return cast.PinnedKeys{server.ID: server.Public()}, nil
}
