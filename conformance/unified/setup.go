// Package unified holds the checks of the unified flow. Wire names and values are spelled out: it knows no actor.
package unified

import (
	"encoding/base64"
	"fmt"
	"strings"

	"countersign/conformance"
)

// Setup is what the harness and the target have agreed on: section 8 of the profile, whose defaults Default gives.
type Setup struct {
	// Users are registered at a platform under test. A check that counts tasks takes users of its own, from the third on.
	Users []UserSetup `yaml:"users" json:"users"`
	// Operators are those of a platform under test: first the owner of all that is in force, last the one who may not review.
	Operators []OperatorSetup `yaml:"operators" json:"operators"`
	// ThirdParties are in force at a platform under test: two with a logout path, one without, one for back-channel logout.
	ThirdParties []ThirdPartySetup `yaml:"third_parties" json:"third_parties"`
	// Registering is where the third-party platforms lie that a check registers, Attacker where an attacker's paths do.
	Registering string `yaml:"registering" json:"registering"`
	Attacker    string `yaml:"attacker" json:"attacker"`
	// Queue keeps checks of a platform under test short.
	Queue QueueSetup `yaml:"queue" json:"queue"`
	// Platforms are where a third-party platform under test is registered: P, Q, and R, whose metadata name P as issuer.
	Platforms []PlatformSetup `yaml:"platforms" json:"platforms"`
	// LogoutBound is what P and Q announce, in whole seconds.
	LogoutBound int64 `yaml:"logout_bound" json:"logout_bound"`
}

// UserSetup is a user of the platform.
type UserSetup struct {
	Name     string `yaml:"name" json:"name"` // user name
	Password string `yaml:"password" json:"password"`
	Nickname string `yaml:"nickname" json:"nickname"`
}

// OperatorSetup is an operator of the platform.
type OperatorSetup struct {
	Name     string `yaml:"name" json:"name"`
	Password string `yaml:"password" json:"password"`
	Reviews  bool   `yaml:"reviews" json:"reviews"` // may review
}

// ThirdPartySetup is a third-party platform that the harness plays.
type ThirdPartySetup struct {
	ClientID string     `yaml:"client_id" json:"client_id"`
	Name     string     `yaml:"name" json:"name"`
	BaseURL  string     `yaml:"base_url" json:"base_url"`
	Logout   LogoutPath `yaml:"logout" json:"logout"`
	Keys     []KeySetup `yaml:"keys" json:"keys"`
}

// LogoutPath says by which path a third-party platform learns of logouts.
type LogoutPath string

// The logout paths.
const (
	BatchLogout       LogoutPath = "batch"
	BackChannelLogout LogoutPath = "backchannel"
	NoLogout          LogoutPath = "none"
)

// AccessURI is the registered access path.
func (t ThirdPartySetup) AccessURI() string { return t.BaseURL + "/access" }

// CallbackURI is the registered callback path.
func (t ThirdPartySetup) CallbackURI() string { return t.BaseURL + "/callback" }

// LogoutURI is the registered logout path for batches, empty where there is none.
func (t ThirdPartySetup) LogoutURI() string {
	if t.Logout != BatchLogout {
		return ""
	}
	return t.BaseURL + "/logout"
}

// BackChannelLogoutURI is the registered back-channel path, empty where there is none.
func (t ThirdPartySetup) BackChannelLogoutURI() string {
	if t.Logout != BackChannelLogout {
		return ""
	}
	return t.BaseURL + "/backchannel"
}

// KeySetup is a communication key.
type KeySetup struct {
	ID string `yaml:"kid" json:"kid"`
	K  string `yaml:"k" json:"k"` // 32 bytes in base64url without padding
}

// Secret is the key itself. The error says that K is not the base64url of 32 bytes.
func (k KeySetup) Secret() ([]byte, error) {
	secret, err := base64.RawURLEncoding.DecodeString(k.K)
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("the key %q is not the base64url of 32 bytes without padding: write it as k of RFC 7518 section 6.4", k.ID)
	}
	return secret, nil
}

// QueueSetup is how a platform under test keeps its queues, and its keys; times are whole seconds.
type QueueSetup struct {
	BatchLimit    int   `yaml:"batch_limit" json:"batch_limit"`
	BatchIdleTime int64 `yaml:"batch_idle_time" json:"batch_idle_time"`
	BatchMaxWait  int64 `yaml:"batch_max_wait" json:"batch_max_wait"`
	KeyOverlap    int64 `yaml:"key_overlap" json:"key_overlap"`
}

// PlatformSetup is a platform that the harness plays, and what a third-party platform under test has been given there.
type PlatformSetup struct {
	Issuer   string     `yaml:"issuer" json:"issuer"`
	ClientID string     `yaml:"client_id" json:"client_id"`
	Keys     []KeySetup `yaml:"keys" json:"keys"` // newest last
}

// Addresses implements conformance.Setup: the harness plays third-party platforms and an attacker to a platform, and platforms to a third-party platform.
func (s *Setup) Addresses() []conformance.Address {
	addresses := []conformance.Address{{Party: "registering", Origin: &s.Registering}, {Party: "attacker", Origin: &s.Attacker}}
	for i, party := range []string{"site-a", "site-b", "site-c", "site-d"} {
		if i < len(s.ThirdParties) {
			addresses = append(addresses, conformance.Address{Party: party, Origin: &s.ThirdParties[i].BaseURL})
		}
	}
	for i, party := range []string{"platform-p", "platform-q", "platform-r"} {
		if i < len(s.Platforms) {
			addresses = append(addresses, conformance.Address{Party: party, Origin: &s.Platforms[i].Issuer})
		}
	}
	return addresses
}

// Default is section 8 of the profile.
func Default() Setup {
	s := Setup{
		Users: []UserSetup{
			{Name: "alice", Password: "alice-password-at-platform", Nickname: "Alice"},
			{Name: "bob", Password: "bob-password-at-platform", Nickname: "Bob"},
		},
		Operators: []OperatorSetup{
			{Name: "olga", Password: "olga-operator-password", Reviews: true},
			{Name: "rene", Password: "rene-operator-password", Reviews: true},
			{Name: "victor", Password: "victor-operator-password"},
		},
		Registering: "http://127.0.0.1:8846",
		Attacker:    "http://127.0.0.1:8849",
		Queue:       QueueSetup{BatchLimit: 8, BatchIdleTime: 2, BatchMaxWait: 6, KeyOverlap: 600},
		Platforms: []PlatformSetup{
			{Issuer: "http://127.0.0.1:8841", ClientID: "tp-a", Keys: []KeySetup{key("tp-a-1", "communication-key-of-tp-a-no-001"), key("tp-a-2", "communication-key-of-tp-a-no-002")}},
			{Issuer: "http://127.0.0.1:8847", ClientID: "tp-a", Keys: []KeySetup{key("q-tp-a-1", "communication-key-of-tp-a-at-q-1")}},
			{Issuer: "http://127.0.0.1:8848", ClientID: "tp-a", Keys: []KeySetup{key("r-tp-a-1", "communication-key-of-tp-a-at-r-1")}},
		},
		LogoutBound: 300,
	}
	for i := range 99 {
		name := fmt.Sprintf("user-%02d", i+1)
		s.Users = append(s.Users, UserSetup{Name: name, Password: "password-of-" + name, Nickname: fmt.Sprintf("User %02d", i+1)})
	}
	for i, logout := range []LogoutPath{BatchLogout, BatchLogout, NoLogout, BackChannelLogout} {
		letter := "abcd"[i : i+1]
		s.ThirdParties = append(s.ThirdParties, ThirdPartySetup{
			ClientID: "tp-" + letter, Name: "Site " + strings.ToUpper(letter), BaseURL: fmt.Sprintf("http://127.0.0.1:%d", 8842+i), Logout: logout,
			Keys: []KeySetup{key("tp-"+letter+"-1", "communication-key-of-tp-"+letter+"-no-001")},
		})
	}
	return s
}

// key is k(text) of the profile: the bytes of the text.
func key(id, text string) KeySetup {
	return KeySetup{ID: id, K: base64.RawURLEncoding.EncodeToString([]byte(text))}
}
