package reference

import (
	"bytes"
	"net/http"
	"sync"
	"time"

	"countersign/actors/password"
	"countersign/actors/token"
	cast "countersign/actors/unified"
	"countersign/conformance/catalog"
	"countersign/conformance/unified"
)

// castUnified plays the roles of the unified flow. Its user agent is played by the harness and by the scenarios.
func castUnified(p part) (http.Handler, error) {
	setup := p.setup.(*unified.Setup)
	switch p.role {
	case catalog.Platform:
		return castPlatform(p, setup)
	case catalog.ThirdPartyPlatform:
		site := &cast.ThirdParty{Env: p.env, BaseURL: p.base, TestClock: p.advance}
		for _, known := range setup.Platforms {
			keys, err := sealingKeys(known.Keys)
			if err != nil {
				return nil, err
			}
			site.Platforms = append(site.Platforms, cast.PlatformSetup{Issuer: known.Issuer, ClientID: known.ClientID, Keys: keys})
		}
		return site.Handler(), nil
	}
	return nil, &UnknownRoleError{Role: p.role}
}

func castPlatform(p part, setup *unified.Setup) (http.Handler, error) {
	platform := &cast.Platform{
		Env: p.env, Issuer: p.base, Name: "Platform", Passwords: password.Cheapest(), TestClock: p.advance,
		KeyOverlap: time.Duration(setup.Queue.KeyOverlap) * time.Second,
		BatchLimit: setup.Queue.BatchLimit, BatchIdleTime: time.Duration(setup.Queue.BatchIdleTime) * time.Second, BatchMaxWait: time.Duration(setup.Queue.BatchMaxWait) * time.Second,
	}
	for _, u := range setup.Users {
		hash, err := cheapHash(u.Password)
		if err != nil {
			return nil, err
		}
		platform.Users = append(platform.Users, cast.User{
			Name: u.Name, Password: hash, Sub: "number-of-" + u.Name, Nickname: u.Nickname, Picture: p.base + "/pictures/" + u.Name + ".png",
		})
	}
	for _, o := range setup.Operators {
		hash, err := cheapHash(o.Password)
		if err != nil {
			return nil, err
		}
		platform.Operators = append(platform.Operators, cast.Operator{Name: o.Name, Password: hash, Reviews: o.Reviews})
	}
	for _, t := range setup.ThirdParties {
		keys, err := sealingKeys(t.Keys)
		if err != nil {
			return nil, err
		}
		platform.ThirdParties = append(platform.ThirdParties, cast.RegisteredParty{
			ClientID: t.ClientID, Owner: setup.Operators[0].Name, Keys: keys,
			Registration: cast.Registration{
				Name: t.Name, AccessURI: t.AccessURI(), CallbackURI: t.CallbackURI(), LogoutURI: t.LogoutURI(), BackchannelLogoutURI: t.BackChannelLogoutURI(),
			},
		})
	}
	return platform.Handler(), nil
}

// cheapHash hashes a password at the least cost and under a salt of zeros: it lives for one check and guards nothing.
func cheapHash(text string) (password.Hash, error) {
	if hash, known := defaultHashes()[text]; known {
		return hash, nil
	}
	return password.Cheapest().Hash(text, bytes.NewReader(make([]byte, 64)))
}

// defaultHashes are those of the default users, who are many, and whom every check has anew.
var defaultHashes = sync.OnceValue(func() map[string]password.Hash {
	hashes := map[string]password.Hash{}
	for _, u := range unified.Default().Users {
		// What cannot be hashed is tried again, and refused, where it is used.
		if hash, err := password.Cheapest().Hash(u.Password, bytes.NewReader(make([]byte, 64))); err == nil {
			hashes[u.Password] = hash
		}
	}
	return hashes
})

// sealingKeys reads the communication keys of a setup.
func sealingKeys(listed []unified.KeySetup) ([]token.Key, error) {
	keys := make([]token.Key, 0, len(listed))
	for _, k := range listed {
		secret, err := k.Secret()
		if err != nil {
			return nil, err
		}
		keys = append(keys, token.Key{ID: k.ID, Secret: secret})
	}
	return keys, nil
}
