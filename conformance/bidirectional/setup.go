// Package bidirectional holds the checks of the bidirectional flow. Wire names and values are spelled out: it knows no actor.
package bidirectional

import "countersign/conformance"

// Setup is what the harness and the target have agreed on: section 8 of the profile, whose defaults Default gives.
type Setup struct {
	// OwnIssuer is the harness's site A, the target's own side; PeerIssuer its site B.
	OwnIssuer  string `yaml:"own_issuer" json:"own_issuer"`
	PeerIssuer string `yaml:"peer_issuer" json:"peer_issuer"`
	// Clients are registered at the OAuth server, and known to the resource server, under test: the site's own, its peer's, a stranger's.
	Clients []ClientSetup `yaml:"clients" json:"clients"`
	// Users are registered at the OAuth server under test and have resources at the resource server under test.
	Users []UserSetup `yaml:"users" json:"users"`
	// Stranger is registered at the peer only.
	Stranger    UserSetup `yaml:"stranger" json:"stranger"`
	HandoverKey string    `yaml:"handover_key" json:"handover_key"`
	// SecretAtPeer is the secret of the client under test at the peer's OAuth server.
	SecretAtPeer string `yaml:"secret_at_peer" json:"secret_at_peer"`
}

// ClientSetup is a client as the OAuth server under test knows it.
type ClientSetup struct {
	ID       string `yaml:"id" json:"id"`
	Secret   string `yaml:"secret" json:"secret"`
	Name     string `yaml:"name" json:"name"`
	Callback string `yaml:"callback" json:"callback"`
}

// UserSetup is an account.
type UserSetup struct {
	Name     string `yaml:"name" json:"name"`
	Password string `yaml:"password" json:"password"`
}

// Addresses implements conformance.Setup: the harness plays both sites.
func (s *Setup) Addresses() []conformance.Address {
	return []conformance.Address{{Party: "site-a", Origin: &s.OwnIssuer}, {Party: "site-b", Origin: &s.PeerIssuer}}
}

// Default is section 8 of the profile. The harness answers hand-overs and resource requests of its sites at /handover and /resource below their issuers.
func Default() Setup {
	return Setup{
		OwnIssuer:  "http://127.0.0.1:8791",
		PeerIssuer: "http://127.0.0.1:8792",
		Clients: []ClientSetup{
			{ID: "client-a", Secret: "secret-a-at-a", Name: "Site A", Callback: "http://127.0.0.1:8791/callback"},
			{ID: "client-b", Secret: "secret-b-at-a", Name: "Site B", Callback: "http://127.0.0.1:8792/callback"},
			{ID: "client-c", Secret: "secret-c-at-a", Name: "Site C", Callback: "http://127.0.0.1:8793/callback"},
		},
		Users:        []UserSetup{{Name: "alice", Password: "alice-password-at-a"}, {Name: "bob", Password: "bob-password-at-a"}},
		Stranger:     UserSetup{Name: "carol", Password: "carol-password-at-b"},
		HandoverKey:  "handover-key-a",
		SecretAtPeer: "secret-a-at-b",
	}
}
