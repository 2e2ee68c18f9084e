// Package ticket holds the checks of the ticket flow. Wire names and values are spelled out: it knows no actor.
package ticket

import "countersign/conformance"

// Setup is what the harness and the target have agreed on: section 8 of the profile, whose defaults Default gives.
type Setup struct {
	// Issuer is where the harness plays the account server, for an app server or a terminal under test.
	Issuer string `yaml:"issuer" json:"issuer"`
	// Apps are registered at an account server under test and known to a terminal under test. An app server under test is the first of them.
	Apps []AppSetup `yaml:"apps" json:"apps"`
}

// AppSetup is an app.
type AppSetup struct {
	ID string `yaml:"id" json:"id"`
	// Secret is what the app authenticates with at the account server.
	Secret string `yaml:"secret" json:"secret"`
	// BaseURL is where the harness plays the app, for a terminal under test.
	BaseURL string `yaml:"base_url" json:"base_url"`
}

// Addresses implements conformance.Setup: the harness plays the account server and two apps.
func (s *Setup) Addresses() []conformance.Address {
	addresses := []conformance.Address{{Party: "account-server", Origin: &s.Issuer}}
	for i, party := range []string{"app-one", "app-two"} {
		if i < len(s.Apps) {
			addresses = append(addresses, conformance.Address{Party: party, Origin: &s.Apps[i].BaseURL})
		}
	}
	return addresses
}

// Default is section 8 of the profile.
func Default() Setup {
	return Setup{
		Issuer: "http://127.0.0.1:8811",
		Apps: []AppSetup{
			{ID: "app-one", Secret: "secret-of-app-one", BaseURL: "http://127.0.0.1:8812"},
			{ID: "app-two", Secret: "secret-of-app-two", BaseURL: "http://127.0.0.1:8813"},
		},
	}
}
