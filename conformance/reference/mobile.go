package reference

import (
	"crypto/ecdsa"
	"encoding/base64"
	"fmt"
	"net/http"

	cast "countersign/actors/mobile"
	"countersign/actors/password"
	"countersign/actors/token"
	"countersign/conformance/catalog"
	"countersign/conformance/mobile"
)

// castMobile plays the roles of the mobile flow.
func castMobile(p part) (http.Handler, error) {
	setup := p.setup.(*mobile.Setup)
	switch p.role {
	case catalog.AuthorizationServer:
		return mobileAuthorizationServer(p, setup)
	case catalog.BusinessSystem:
		own := setup.Systems[0]
		key, err := sealingKey(own.SealingKey)
		if err != nil {
			return nil, err
		}
		return (&cast.BusinessSystem{
			Env: p.env, BaseURL: p.base, SystemID: own.ID, Issuer: setup.Issuer, Secret: own.Secret, Key: key, TestClock: p.advance,
		}).Handler(), nil
	case catalog.MobileApp:
		trusted, err := token.PublicKey(setup.SigningKey.Public())
		if err != nil {
			return nil, fmt.Errorf("the setup's signing_key cannot be used: %w", err)
		}
		return (&cast.MobileApp{
			Env: p.env, BaseURL: p.base, Issuer: setup.Issuer, SigningKeys: []*ecdsa.PublicKey{trusted},
			AppID: setup.Apps[0].ID, DeviceID: setup.DeviceUnderTest, Username: setup.Users[0].Name, TestClock: p.advance,
		}).Handler(), nil
	}
	return nil, &UnknownRoleError{Role: p.role}
}

func mobileAuthorizationServer(p part, setup *mobile.Setup) (http.Handler, error) {
	// Passwords are hashed at the least cost: they live for one check and guard nothing.
	server := &cast.AuthorizationServer{Env: p.env, Issuer: p.base, Passwords: password.Cheapest(), TestClock: p.advance}
	for _, a := range setup.Administrators {
		server.Administrators = append(server.Administrators, cast.Administrator{Name: a.Name, Password: a.Password})
	}
	for _, u := range setup.Users {
		server.Users = append(server.Users, cast.User{Name: u.Name, Password: u.Password})
	}
	for _, s := range setup.Systems {
		key, err := sealingKey(s.SealingKey)
		if err != nil {
			return nil, err
		}
		server.Systems = append(server.Systems, cast.System{ID: s.ID, Secret: s.Secret, Key: key})
		server.Rules.Systems = append(server.Rules.Systems, cast.SystemRule{SystemID: s.ID, Address: s.Address()})
	}
	for _, a := range setup.Apps {
		server.Rules.Apps = append(server.Rules.Apps, cast.AppRule{AppID: a.ID, SystemID: a.System, Users: a.Users})
	}
	for _, d := range setup.Devices {
		server.Rules.Devices = append(server.Rules.Devices, cast.DeviceRule{DeviceID: d.ID, Username: d.User})
	}
	return server.Handler(), nil
}

func sealingKey(k mobile.SealingKeySetup) (token.Key, error) {
	raw, err := base64.RawURLEncoding.DecodeString(k.K)
	if err != nil || len(raw) != 32 {
		return token.Key{}, fmt.Errorf("the sealing key %s of the setup is not 32 bytes in base64url", k.KeyID)
	}
	return token.Key{ID: k.KeyID, Secret: raw}, nil
}
