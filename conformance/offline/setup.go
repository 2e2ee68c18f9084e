// Package offline holds the checks of the offline flow. Wire names and values are spelled out: it knows no actor.
package offline

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"countersign/conformance"
)

// Setup is what the harness and the target have agreed on: section 8 of the profile, whose defaults Default gives.
type Setup struct {
	// Issuer is where the harness plays the service server, for a device or a handset under test.
	Issuer string `yaml:"issuer" json:"issuer"`
	// ServerKey is what the harness server signs with, pinned at a device and a handset under test.
	ServerKey ServerKeySetup `yaml:"server_key" json:"server_key"`
	// SealKeys are X25519 private keys of the harness server, which signs for their public halves.
	SealKeys []Key `yaml:"seal_keys" json:"seal_keys"`
	// Devices are known to a server under test. A device under test is the first of them.
	Devices []DeviceSetup `yaml:"devices" json:"devices"`
	// Handsets are known to a server under test. A handset under test is the first of them. No password is set for any of them at the beginning.
	Handsets []HandsetSetup `yaml:"handsets" json:"handsets"`
	// Services are known to a server under test: one with a sum from which level 2 is asked for, and one that asks for it always.
	Services []ServiceSetup `yaml:"services" json:"services"`
	Currency string         `yaml:"currency" json:"currency"`
	// Strangers are known to nobody.
	Strangers StrangersSetup `yaml:"strangers" json:"strangers"`
}

// Key is a private key: 32 bytes in base64url without padding.
type Key string

// Bytes gives the 32 bytes. The error says that they are not 32.
func (k Key) Bytes() ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(string(k))
	if err != nil || len(b) != 32 {
		return nil, fmt.Errorf("a key of the setup is not 32 bytes in base64url without padding: correct it")
	}
	return b, nil
}

// Ed25519 makes the signing key whose seed the key is (RFC 8032).
func (k Key) Ed25519() (ed25519.PrivateKey, error) {
	seed, err := k.Bytes()
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// KeyOf is the private key of a name (profile section 8).
func KeyOf(name string) Key {
	sum := sha256.Sum256([]byte("offline@1 " + name))
	return Key(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// ServerKeySetup is the harness server's signing key.
type ServerKeySetup struct {
	KeyID string `yaml:"kid" json:"kid"`
	Key   Key    `yaml:"key" json:"key"`
}

// DeviceSetup is a verification device.
type DeviceSetup struct {
	ID string `yaml:"id" json:"id"`
	// Secret is what the device authenticates with at the server.
	Secret string `yaml:"secret" json:"secret"`
	// BaseURL is where the harness plays the device, for a handset under test.
	BaseURL string `yaml:"base_url" json:"base_url"`
}

// NearField is the near-field endpoint of a device that the harness plays.
func (d DeviceSetup) NearField() string { return d.BaseURL + "/near-field" }

// HandsetSetup is a handset and its owner's account at the server.
type HandsetSetup struct {
	ID              string `yaml:"id" json:"id"`
	Key             Key    `yaml:"key" json:"key"`
	Account         string `yaml:"account" json:"account"`
	AccountPassword string `yaml:"account_password" json:"account_password"`
}

// ServiceSetup is a service. From Threshold on, in the smallest unit of the currency, it is authorized at level 2.
type ServiceSetup struct {
	ID        string `yaml:"id" json:"id"`
	Threshold uint64 `yaml:"threshold" json:"threshold"`
}

// StrangersSetup names what is part of no table.
type StrangersSetup struct {
	Device  string `yaml:"device" json:"device"`
	Handset string `yaml:"handset" json:"handset"`
	Service string `yaml:"service" json:"service"`
	Account string `yaml:"account" json:"account"`
}

// Addresses implements conformance.Setup: the harness plays the service server and two devices.
func (s *Setup) Addresses() []conformance.Address {
	addresses := []conformance.Address{{Party: "service-server", Origin: &s.Issuer}}
	for i, party := range []string{"till-one", "till-two"} {
		if i < len(s.Devices) {
			addresses = append(addresses, conformance.Address{Party: party, Origin: &s.Devices[i].BaseURL})
		}
	}
	return addresses
}

// Default is section 8 of the profile.
func Default() Setup {
	s := Setup{
		Issuer:    "http://127.0.0.1:8831",
		ServerKey: ServerKeySetup{KeyID: "server-1", Key: KeyOf("server-1")},
		SealKeys:  []Key{KeyOf("seal-1"), KeyOf("seal-2")},
		Devices: []DeviceSetup{
			{ID: "till-1", Secret: "secret-of-till-1", BaseURL: "http://127.0.0.1:8832"},
			{ID: "till-2", Secret: "secret-of-till-2", BaseURL: "http://127.0.0.1:8833"},
		},
		Services:  []ServiceSetup{{ID: "coffee", Threshold: 5000}, {ID: "gate", Threshold: 0}},
		Currency:  "EUR",
		Strangers: StrangersSetup{Device: "till-9", Handset: "handset-9", Service: "yacht", Account: "mallory"},
	}
	for i, owner := range []string{"alice", "bob", "carol", "dave"} {
		id := fmt.Sprintf("handset-%d", i+1)
		s.Handsets = append(s.Handsets, HandsetSetup{ID: id, Key: KeyOf(id), Account: owner, AccountPassword: owner + "-account-password"})
	}
	return s
}
